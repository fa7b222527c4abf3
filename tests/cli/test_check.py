"""``metabone check``: suspicions on the screen and in JSON, codes turned off, hostile tables."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from metabone.cli import main
from metabone.extraction.audit.codes import CODES
from metabone.extraction.audit.results import Suspicion
from metabone.extraction.reading import read_table
from metabone.report.check import Checked, check_table
from metabone.report.check_text import named_rows, screen
from metabone.report.check_words import PHRASES, phrase

Run = Callable[..., tuple[int, str, str]]
HEAD = (
    "study,outcome,unit,species,location,n_treated,mean_treated,dispersion_treated,"
    "n_control,mean_control,dispersion_control,dispersion_type\n"
)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            main(["check", *map(str, arguments)])
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return command


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Six studies with SD and two whose SEM is called SD; n is 9, so that SD is three times it."""
    lines = [
        f"S{i} 2020,BV/TV,%,rat,Table {i},9,{25 + i % 3},{sd},9,20,{sd},SD\n"
        for i, sd in enumerate([4, 5, 4.5, 5.5, 4.2, 4.8, 1.5, 1.6])
    ]
    path = tmp_path / "t.csv"
    path.write_text(HEAD + "".join(lines), encoding="utf-8")
    return path


def suspect(row: int, code: str = "sem-as-sd", strength: float = 0.9, **more: Any) -> Suspicion:
    given = {
        "rows": (), "columns": ("dispersion_treated",), "value": "1.5", "severity": "warning",
        "message": "looks too small", "look_up": "the footnote",
        "correction": {"dispersion_type": "SEM"},
    }  # fmt: skip
    return Suspicion(row=row, code=code, strength=strength, **(given | more))


def with_suspicions(table: Path, monkeypatch: pytest.MonkeyPatch, *found: Suspicion) -> Checked:
    """The check of a table in which the audit suspects what the test says."""
    monkeypatch.setattr("metabone.report.check.audit", lambda *_, **__: found)
    return check_table(read_table(table))


def test_alike_suspicions_are_one_block_with_their_joint_impact(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = with_suspicions(table, monkeypatch, suspect(8), suspect(9))
    text = " ".join(" ".join(screen(checked)).split())
    assert "2 rows look like SEM typed as SD: rows 8-9 [sem-as-sd, 90%]" in text
    (change,) = checked.blocks[0].changes
    assert change.as_is is not None
    assert change.corrected is not None
    assert (
        f"the pooled g of BV/TV would go from {change.as_is.estimate:.2f} to "
        f"{change.corrected.estimate:.2f} row 8"
    ) in text
    assert "look up (Table 6; Table 7): the footnote" in text
    assert "If so: dispersion_type = SEM" in text
    assert "No errors. 2 rows to look up in the papers before pooling." in text


def test_a_row_without_a_correction_is_left_out(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = with_suspicions(table, monkeypatch, suspect(8), suspect(9, correction=None))
    (change,) = checked.blocks[0].changes
    assert change.as_is is not None
    assert change.left_out is not None
    assert (change.corrected, change.after) == (None, change.left_out)
    assert (
        f"the pooled g of BV/TV would go from {change.as_is.estimate:.2f} to "
        f"{change.left_out.estimate:.2f} without them"
    ) in " ".join(" ".join(screen(checked)).split())


def test_one_row_is_an_it_and_an_answer_that_stays_says_so(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = {"dispersion_treated": 1.6000000001}
    checked = with_suspicions(
        table, monkeypatch, suspect(8, correction=None), suspect(9, "unit-scale", correction=same)
    )
    text = " ".join(" ".join(screen(checked)).split())
    assert " without it row 8" in text
    assert "would stay at" in text
    assert "If so: dispersion_treated = 1.6 " in text
    # The JSON keeps every digit.
    told = {one["row"]: one["correction"] for one in checked.to_dict()["suspicions"]}
    assert told == {8: None, 9: same}


def test_what_is_cut_says_how_to_see_it_whole(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(HEAD + "A 2020,BV/TV,%,rat,,9,25,1,9,20,1,SD\n" * 2, encoding="utf-8")
    assert "--all" not in run(path)[1]
    path.write_text(
        HEAD.replace("species", "notes of a reader") + "A 2020,an outcome of our own with a long "
        "name that nobody else has ever used in a table,%,rat,,9,25,1,9,20,1,SD\n",
        encoding="utf-8",
    )
    _, out, _ = run(path)
    assert out.endswith("What ends in … is whole with --all.\n")
    assert "…\n" not in run(path, "--all")[1]


def test_what_cannot_be_pooled_has_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.csv"
    path.write_text(HEAD + "A 2020,BV/TV,%,rat,,9,25,1,9,20,1,SD\n", encoding="utf-8")
    checked = with_suspicions(path, monkeypatch, suspect(2))
    assert checked.blocks[0].weight == (0, 0.9)
    assert checked.to_dict()["suspicions"][0]["impact"] == {
        "outcome": "BV/TV", "measure": "SMD", "as_is": None, "se": None, "corrected": None,
        "left_out": None, "reason": "one effect alone is not pooled",
    }  # fmt: skip
    assert "would go from" not in "".join(screen(checked))


def test_what_is_beyond_the_most_is_said_and_still_counts_together(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = suspect(8), suspect(9)
    whole = with_suspicions(table, monkeypatch, *both)
    monkeypatch.setattr("metabone.report.check.MOST_IMPACTS", 1)
    checked = with_suspicions(table, monkeypatch, *both)
    assert checked.blocks[0].changes == whole.blocks[0].changes
    first, second = (one["impact"] for one in checked.to_dict()["suspicions"])
    assert first == whole.to_dict()["suspicions"][0]["impact"]
    assert first["reason"] is None
    assert (second["as_is"], second["outcome"]) == (None, "BV/TV")
    assert second["reason"] == "only the first 1 suspicions are looked at one by one"


def test_outcomes_that_are_not_pooled_are_counted_on_the_screen(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = table.read_text(encoding="utf-8").replace("S0 2020,BV/TV", "S0 2020,Tb.N")
    table.write_text(text, encoding="utf-8")
    found = suspect(8), suspect(2)
    checked = with_suspicions(table, monkeypatch, *found)
    assert checked.not_pooled == 0
    assert "more not pooled" not in "\n".join(screen(checked))
    monkeypatch.setattr("metabone.report.check.MOST_OUTCOMES", 1)
    checked = with_suspicions(table, monkeypatch, *found)
    assert [change.outcome for change in checked.blocks[0].changes] == ["BV/TV"]
    assert "  1 outcome more not pooled: those of the strongest suspicions were pooled" in screen(
        checked
    )


def test_what_changes_the_answer_most_comes_first(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = suspect(2, "p-mismatch", 0.95, correction={"dispersion_treated": 4.01})
    large = suspect(8, "sem-as-sd", 0.6)
    none = suspect(None, "digit-preference", 0.99, columns=(), value=None)  # type: ignore[arg-type]
    checked = with_suspicions(table, monkeypatch, none, small, large)
    assert [block.code for block in checked.blocks] == [
        "sem-as-sd", "p-mismatch", "digit-preference",
    ]  # fmt: skip
    weak = suspect(3, "arms-swapped", 0.3, severity="note")
    checked = with_suspicions(table, monkeypatch, weak, large)
    lines = screen(checked)
    assert [block.code for block in checked.blocks] == ["sem-as-sd"]
    notes = next(at for at, line in enumerate(lines) if line.startswith("NOTES: weak suspicions"))
    assert any("arms-swapped" in line for line in lines[notes:])
    order = [one.code for one, _ in checked.worst_first() if isinstance(one, Suspicion)]
    assert order == ["sem-as-sd", "arms-swapped"]


def test_the_audit_itself_speaks(table: Path, run: Run) -> None:
    status, out, err = run(table, "--json", "-")
    answer = json.loads(out)
    assert (status, err) == (0, "")
    found = [one for one in answer["suspicions"] if one["code"] == "sem-as-sd"]
    assert {one["row"] for one in found} <= {8, 9}
    for one in answer["suspicions"]:
        assert set(one) == {
            "row", "rows", "columns", "value", "code", "severity", "strength", "message",
            "look_up", "correction", "impact",
        }  # fmt: skip
        assert 0 <= one["strength"] <= 1


@pytest.mark.parametrize("name", ["unloading", "anabolic"])
def test_a_shipped_table_fits_one_screen(name: str, run: Run) -> None:
    status, out, _ = run(name)
    lines = out.splitlines()
    assert status == 0
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 100
    _, everything, _ = run(name, "--all", "--no-impact")
    assert len(everything.splitlines()) > len(lines)
    assert "--all lists" not in everything
    assert "would go from" not in everything
    assert max(map(len, everything.splitlines())) <= 100


def test_codes_are_turned_off_and_it_is_said(run: Run) -> None:
    status, out, _ = run(
        "unloading", "--off", "incomplete-row", "--off", "sem-as-sd", "--no-impact"
    )
    assert status == 0
    assert "turned off: incomplete-row, sem-as-sd" in out
    assert "incomplete-row (" not in out
    assert "[sem-as-sd" not in out
    _, out, _ = run("anabolic", "--off", "incomplete-row", "--no-impact", "--json", "-")
    answer = json.loads(out)
    assert answer["off"] == ["incomplete-row"]
    assert not [one for one in answer["findings"] if one["code"] == "incomplete-row"]
    assert answer["warnings"] == sum(one["severity"] == "warning" for one in answer["findings"])


@pytest.mark.parametrize(
    ("code", "part"),
    [("incomplete-rows", "'incomplete-row'"), ("n-too-small", "is an error and cannot be")],
)
def test_a_code_that_cannot_be_turned_off(code: str, part: str, run: Run) -> None:
    status, out, err = run("anabolic", "--off", code)
    assert (status, out) == (2, "")
    assert part in err


def test_words_are_for_codes_that_exist() -> None:
    assert set(PHRASES) <= set(CODES)
    assert phrase("sem-as-sd", 1) == "1 row looks like SEM typed as SD"


def test_many_rows_are_named_in_part() -> None:
    rows = list(range(2, 2002, 2))
    assert named_rows(rows).endswith("58, 60 and 970 more")
    assert named_rows(rows, everything=True).endswith("1998, 2000")


EVIL = {
    "dde": "=cmd|' /C calc'!A1", "escape": "a\x1b[31m\x07b", "direction": "\u202egnp.exe\u200f",
    "separator": "a\u2028ERRORS: forged", "html": "<script>alert(1)</script>", "wide": "骨" * 300,
    "long": "x" * 100_000, "break": "a\r\nERRORS: forged",
}  # fmt: skip


def test_hostile_cells_and_600_columns(tmp_path: Path, run: Run) -> None:
    """Nothing steers the terminal, no line is longer than it, wide letters counted as two."""
    path = tmp_path / "evil.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            [*HEAD.strip().split(","), "own\u202e\x1b[31m", *map("x{}".format, range(600))]
        )
        for text in EVIL.values():
            writer.writerow([text, text, text, text, text, 9, text, 1.5, 9, 20, 1.5, text, text,
                             *["1"] * 600])  # fmt: skip
    for options in ((), ("--all",)):
        status, out, err = run(path, "--no-impact", *options)
        assert status == 1
        for mark in "\x1b\x07\r\u202e\u200f\u2028":
            assert mark not in out + err
        assert "\nERRORS: forged" not in out
        assert max(map(cell_len, out.splitlines())) <= 100
        assert options or len(out.splitlines()) <= 70


def test_a_cell_of_10_mb_is_refused_in_one_sentence(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "huge.csv"
    cells = "x" * 10_000_000
    path.write_text(HEAD + f"{cells},BV/TV,%,rat,,9,25,1,9,20,1,SD\n", encoding="utf-8")
    status, out, err = run(path)
    assert (status, out) == (1, "")
    assert len(err) < 400
