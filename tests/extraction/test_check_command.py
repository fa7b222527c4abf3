"""``metabone check``: a screen for people, exact JSON for programs, an exit status for scripts."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from metabone.cli import main
from metabone.extraction.reading import read_table

from .tables import GOOD, OTHER, as_csv

Writer = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            main(["check", *map(str, arguments)])
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return command


def test_a_good_table(write: Writer, run: Run) -> None:
    status, out, err = run(write({}, OTHER))
    assert (status, err) == (0, "")
    assert "2 rows, 2 studies, 1 outcome" in " ".join(out.split())
    assert "0 errors, 0 suspicions, 0 warnings, 0 notes" in out
    assert out.endswith("No errors.\n")


def test_errors_come_first_and_alike_ones_share_a_line(write: Writer, run: Run) -> None:
    rows = [{**OTHER, "study": f"S{i}", "n_treated": "7-10", "cargo": "NA"} for i in range(6)]
    rows.append({**OTHER, "study": "T", "mean_treated": "<5", "n_control": ""})
    status, out, err = run(write({}, *rows))
    assert (status, err) == (1, "")
    assert out.index("ERRORS") < out.index("WARNINGS") < out.index("NOTES")
    assert "unreadable-number (7)" in out
    assert "rows 3-8, n_treated ('7-10'): is a range" in out
    assert "row 9, mean_treated ('<5')" in out
    assert "7 rows with errors" in out
    assert max(map(len, out.splitlines())) <= 100


def test_many_different_lines_are_cut_short_and_said(write: Writer, run: Run) -> None:
    rows = [{**OTHER, "study": f"S{i}", "mean_treated": f"1,{i + 100}"} for i in range(20)]
    _, out, _ = run(write(*rows))
    assert "ambiguous-number (20)" in out
    assert "… and 12 more; --all lists them" in out
    assert out.count("may mean") == 8


def test_json_is_exact_and_alone(write: Writer, run: Run) -> None:
    path = write({}, {**OTHER, "n_treated": "7-10"})
    status, out, err = run(path, "--json", "-")
    answer = json.loads(out)
    assert (status, err) == (1, "")
    assert set(answer) == {
        "schema_version", "input", "rows", "errors", "warnings", "off", "findings", "suspicions",
    }  # fmt: skip
    assert answer["input"] == {
        "file": str(path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "rows": 2,
        "encoding": "UTF-8",
        "separator": ",",
        "decimal": ".",
        "sheet": None,
    }
    assert (answer["rows"], answer["errors"], answer["warnings"]) == (2, 1, 0)
    (finding,) = answer["findings"]
    message = finding.pop("message")
    assert message.startswith("is a range")
    assert finding == {
        "row": 3,
        "column": "n_treated",
        "value": "7-10",
        "code": "unreadable-number",
        "severity": "error",
    }
    assert len(read_table(path).findings) == len(answer["findings"])


def test_json_into_a_file_keeps_the_screen(write: Writer, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "findings.json"
    path = write({})
    status, out, err = run(path, "--json", target)
    assert status == 0
    assert "No errors." in out
    assert err == f"wrote {target}\n"
    assert json.loads(target.read_text(encoding="utf-8"))["rows"] == 1
    before = target.read_bytes()
    status, _, err = run(write({}, OTHER), "--json", target)
    assert status == 1
    assert "--force" in err
    assert target.read_bytes() == before
    status, _, _ = run(path, "--json", target, "--force")
    assert status == 0


@pytest.mark.parametrize(
    "evil",
    [
        "\x1b[2J\x1b[31mred",
        "[bold red]x[/bold red]",
        "[link=http://x]y[/link]",
        "\u202egnp.exe",
        "\u009b31m",
        "a\r\nERRORS: forged",
        "\x07bell",
    ],
)
def test_cells_cannot_steer_the_terminal(run: Run, tmp_path: Path, evil: str) -> None:
    """Cells may hold escape sequences, markup, direction marks and line breaks."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    text = evil.replace("\x1b", "ESC").replace("\x07", "BEL")
    sheet.append([*GOOD, text[:20]])
    sheet.append([*GOOD.values(), "x"])
    sheet.append([text, text, text, text, text, text, text, text, text, text, text, text])
    out = io.BytesIO()
    book.save(out)
    path = tmp_path / "evil.xlsx"
    path.write_bytes(out.getvalue())
    csv_path = tmp_path / "evil.csv"
    cell = '"' + evil.replace('"', '""') + '"'
    csv_path.write_text(
        as_csv({}) + ",".join([cell] * len(GOOD)) + "\n", encoding="utf-8", newline=""
    )
    for file in (path, csv_path):
        status, printed, err = run(file)
        assert status == 1
        for mark in "\x1b\x07\r\u202e\u009b":
            assert mark not in printed + err
        assert "\nERRORS: forged" not in printed
        if "[bold red]" in evil:
            assert "[bold red]" in printed


def test_a_header_cannot_steer_the_terminal(run: Run, write: Writer) -> None:
    _, out, err = run(write("study,\x1b[31mmean_treatd,x\nA,1,1\n"))
    assert "\x1b" not in out + err


def test_the_vocabulary_of_the_user(write: Writer, run: Run, tmp_path: Path) -> None:
    path = write({"species": "axolotl"})
    assert "unknown-word" in run(path)[1]
    own = tmp_path / "own.toml"
    own.write_text('[species.axolotl]\nlabel = "Axolotl"\n')
    assert "unknown-word" not in run(path, "--vocabulary", own)[1]


def test_a_sheet(run: Run, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for name, rows in (("one", 1), ("two", 2)):
        sheet = book.create_sheet(name)
        sheet.append(list(GOOD))
        for i in range(rows):
            sheet.append([f"S{i}", *list(GOOD.values())[1:]])
    book.save(tmp_path / "t.xlsx")
    assert "1 row, 1 study" in run(tmp_path / "t.xlsx")[1]
    assert "2 rows, 2 studies" in run(tmp_path / "t.xlsx", "--sheet", "two")[1]
    status, out, err = run(tmp_path / "t.xlsx", "--sheet", "three")
    assert (status, out) == (2, "")
    assert "no sheet 'three'" in err


def test_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(as_csv({}, OTHER).encode()))
    monkeypatch.setattr(sys, "stdin", stream)
    status, out, _ = run("-")
    assert status == 0
    assert out.startswith("-: 2 rows")


def test_a_shipped_data_set(run: Run) -> None:
    status, out, err = run("unloading")
    assert (status, err) == (0, "")
    assert out.startswith("unloading: 483 rows, 15 studies")


def test_wrong_usage(run: Run, tmp_path: Path) -> None:
    assert run(tmp_path / "no.csv")[0] == 1
    assert run()[0] == 2
    assert run("unloading", "--no-such-option")[0] == 2
