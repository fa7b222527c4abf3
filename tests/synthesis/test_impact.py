"""What a suspicion changes: against pooling the changed table anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from metabone.effects.escalc import escalc
from metabone.errors import UsageError
from metabone.extraction.audit.results import Suspicion
from metabone.extraction.reading import read_table
from metabone.models.random_effects import random_effects
from metabone.synthesis.impact import Pooled, impact
from metabone.synthesis.pool import pool

HEADER = ("study,outcome,unit,n_treated,mean_treated,dispersion_treated,n_control,mean_control,"
          "dispersion_control,dispersion_type\n")  # fmt: skip
ROWS = (
    "A,BV/TV,%,9,20.1,2.5,9,15.2,2.2,SD\n",
    "B,BV/TV,%,9,21.3,0.8,9,16.0,0.7,SD\n",
    "C,BV/TV,%,9,18.2,2.9,9,15.8,2.6,SD\n",
    "D,BV/TV,%,9,18.9,2.1,9,14.9,2.4,SD\n",
    "E,Tb.N,1/mm,9,3.1,0.3,9,2.6,0.3,SD\n",
)


def suspicion(row: int | None, code: str = "sem-as-sd", **correction: object) -> Suspicion:
    return Suspicion(row, (), ("dispersion_type",), None, code, "warning", 0.9, "", "",
                     correction or None)  # fmt: skip


def write(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return path


def pooled_anew(tmp_path: Path, *rows: str) -> Pooled:
    effects = escalc(read_table(write(tmp_path, *rows)), "SMD")
    fit = random_effects(effects.yi, effects.vi)
    low, high = fit.ci(0.95)
    mean, se, left, right = (float(each[0]) for each in (fit.coef, fit.se, low, high))
    return Pooled(mean, se, left, right, effects.k)


def same(a: Pooled | None, b: Pooled) -> bool:
    assert a is not None
    return a.to_dict() == pytest.approx(b.to_dict(), rel=1e-8)


def test_as_is_corrected_and_left_out_are_those_of_the_changed_tables(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, *ROWS))
    line = impact(table, [suspicion(3, dispersion_type="SEM")]).lines[0]
    fixed = (ROWS[0], ROWS[1].replace("SD", "SEM"), *ROWS[2:4])
    assert same(line.as_is, pooled_anew(tmp_path, *ROWS[:4]))
    assert same(line.corrected, pooled_anew(tmp_path, *fixed))
    assert same(line.left_out, pooled_anew(tmp_path, ROWS[0], *ROWS[2:4]))
    assert (line.row, line.rows, line.outcome, line.reason) == (3, (3,), "BV/TV", "")


def test_all_rows_of_a_code_are_changed_together(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, *ROWS))
    found = impact(
        table, [suspicion(3, dispersion_type="SEM"), suspicion(4, dispersion_type="SEM")]
    )
    fixed = (ROWS[0], *(row.replace("SD", "SEM") for row in ROWS[1:3]), ROWS[3])
    (line,) = found.together
    assert (line.row, line.rows) == (None, (3, 4))
    assert same(line.corrected, pooled_anew(tmp_path, *fixed))
    assert same(line.left_out, pooled_anew(tmp_path, ROWS[0], ROWS[3]))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (suspicion(None), "no single row"),
        (suspicion(99), "no single row"),
        (suspicion(3, "dispersion-odd"), "no single correction"),
        (suspicion(3, outcome="Tb.N"), "no single correction"),
        (suspicion(6, dispersion_type="SEM"), "one effect alone is not pooled"),
        (suspicion(3, dispersion_treated=0.0), "corrected, a row gives no effect"),
    ],
)
def test_a_missing_answer_has_its_reason(found: Suspicion, words: str, tmp_path: Path) -> None:
    table = read_table(write(tmp_path, *ROWS))
    assert words in impact(table, [found]).lines[0].reason


def test_a_row_with_an_error_is_left_out_and_said(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, *ROWS, "F,BV/TV,%,9,18,0,9,15,2,SD\n"))
    one, other = impact(table, [suspicion(7), suspicion(2)]).lines
    assert one.reason == "the row gives no effect, so nothing is changed"
    assert (one.corrected, one.left_out) == (None, None)
    assert other.as_is is not None
    assert other.as_is.k == 4


def test_more_than_the_most_are_named_not_dropped(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, *ROWS))
    lines = impact(table, [suspicion(2), suspicion(3)], most=1).lines
    assert [line.row for line in lines] == [2, 3]
    assert "only the first 1" in lines[1].reason
    frame = impact(table, [suspicion(2), suspicion(3)], most=1).to_frame()
    assert list(frame["row"]) == [2, 3]


def test_the_answers_are_those_of_pool_on_the_table_typed_right(tmp_path: Path) -> None:
    """Two SEM called SD, put right at once: what `pool` says of files that are typed so."""
    rows = [
        f"S{i},BV/TV,%,9,{25 + i % 3},{sd},9,20,{sd},SD\n"
        for i, sd in enumerate([4, 5, 4.5, 5.5, 4.2, 4.8, 1.5, 1.6])
    ]
    right = [*rows[:6], *(row.replace(",SD\n", ",SEM\n") for row in rows[6:])]
    both = [suspicion(8, dispersion_type="SEM"), suspicion(9, dispersion_type="SEM")]
    (line,) = impact(read_table(write(tmp_path, *rows)), both, most=0).together
    for told, typed in ((line.as_is, rows), (line.corrected, right), (line.left_out, rows[:6])):
        answer = pool(escalc(read_table(write(tmp_path, *typed)), "SMD"), model="univariate")
        one = answer.overall
        assert same(told, Pooled(one.estimate, one.se, *one.ci(), k=one.k_effects))
    assert line.as_is is not None
    assert line.corrected is not None
    assert line.shift == pytest.approx(
        (line.as_is.estimate - line.corrected.estimate) / line.as_is.se
    )
    assert line.shift > 1


def test_one_row_suspected_twice_is_corrected_in_both(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, *ROWS))
    found = [suspicion(3, dispersion_treated=2.4), suspicion(3, dispersion_control=2.1)]
    fixed = (ROWS[0], "B,BV/TV,%,9,21.3,2.4,9,16.0,2.1,SD\n", *ROWS[2:4])
    (line,) = impact(table, found).together
    assert (line.row, line.rows) == (3, (3,))
    assert same(line.corrected, pooled_anew(tmp_path, *fixed))


def test_a_suspicion_alone_of_its_code_is_told_once_with_its_code(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, *ROWS))
    found = [suspicion(3, dispersion_type="SEM"), suspicion(2, "arms-swapped")]
    answer = impact(table, found)
    assert answer.together == answer.lines
    assert impact(table, found, most=0).together == answer.lines


def test_rows_that_cannot_be_pooled_do_not_spoil_the_answer_of_the_others(tmp_path: Path) -> None:
    """One row of the code has an error, one a reason to be excluded: the third is put right."""
    path = tmp_path / "table.csv"
    rows = [row.rstrip("\n") + ",\n" for row in ROWS]
    rows[3] = rows[3].rstrip(",\n") + ",retracted\n"
    rows.append("F,BV/TV,%,9,18,0,9,15,2,SD,\n")
    path.write_text(HEADER.rstrip("\n") + ",exclude\n" + "".join(rows), encoding="utf-8")
    found = [suspicion(row, dispersion_type="SEM") for row in (3, 5, 7)]
    (line,) = impact(read_table(path), found).together
    fixed = (ROWS[0], ROWS[1].replace("SD", "SEM"), ROWS[2])
    assert line.rows == (3, 5, 7)
    assert same(line.as_is, pooled_anew(tmp_path, *ROWS[:3]))
    assert same(line.corrected, pooled_anew(tmp_path, *fixed))
    assert same(line.left_out, pooled_anew(tmp_path, ROWS[0], ROWS[2]))


def test_a_copy_that_the_measure_refuses_leaves_the_rows_their_answer(tmp_path: Path) -> None:
    """The log of a mean below zero is refused: of the correction, not of the outcome."""
    table = read_table(write(tmp_path, *ROWS))
    (line,) = impact(table, [suspicion(3, mean_control=-1.0)], "ROM").lines
    assert line.as_is is not None
    assert line.left_out is not None
    assert (line.corrected, line.reason) == (None, "corrected, a row gives no effect")


def test_outcomes_beyond_the_most_are_named_not_dropped(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, *ROWS))
    answer = impact(table, [suspicion(3), suspicion(6)], most_outcomes=1)
    assert "only the first 1 outcomes" in answer.lines[1].reason
    assert [line.outcome for line in answer.together] == ["BV/TV"]


def test_an_unknown_measure_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="measure must be one of"):
        impact(read_table(write(tmp_path, *ROWS)), [], "SMDX")


def test_nothing_suspected_nothing_told(tmp_path: Path) -> None:
    found = impact(read_table(write(tmp_path, *ROWS)), [])
    assert found.to_dict() == {"measure": "SMD", "lines": [], "together": []}
