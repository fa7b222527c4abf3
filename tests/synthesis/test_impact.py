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
    return Pooled(float(fit.coef[0]), float(low[0]), float(high[0]), effects.k)


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
        (suspicion(6, dispersion_type="SEM"), "fewer than two effects"),
        (suspicion(3, dispersion_treated=0.0), "gives no effect"),
    ],
)
def test_a_missing_answer_has_its_reason(found: Suspicion, words: str, tmp_path: Path) -> None:
    table = read_table(write(tmp_path, *ROWS))
    assert words in impact(table, [found]).lines[0].reason


def test_a_row_with_an_error_is_left_out_and_said(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, *ROWS, "F,BV/TV,%,9,18,0,9,15,2,SD\n"))
    one, other = impact(table, [suspicion(7), suspicion(2)]).lines
    assert "changes nothing" in one.reason
    assert other.as_is is not None
    assert other.as_is.k == 4


def test_more_than_the_most_are_named_not_dropped(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, *ROWS))
    lines = impact(table, [suspicion(2), suspicion(3)], most=1).lines
    assert [line.row for line in lines] == [2, 3]
    assert "only the first 1" in lines[1].reason
    frame = impact(table, [suspicion(2), suspicion(3)], most=1).to_frame()
    assert list(frame["row"]) == [2, 3]


def test_an_unknown_measure_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="measure must be one of"):
        impact(read_table(write(tmp_path, *ROWS)), [], "SMDX")


def test_nothing_suspected_nothing_told(tmp_path: Path) -> None:
    found = impact(read_table(write(tmp_path, *ROWS)), [])
    assert found.to_dict() == {"measure": "SMD", "lines": [], "together": []}
