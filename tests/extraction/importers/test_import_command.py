"""``metabone import``: table on stdout or in a file, ledger, exact JSON, an exit status."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from metabone.cli import main
from metabone.extraction.importers.kinds import OPTIONS
from metabone.extraction.importers.results import LEFT_OUT
from metabone.extraction.reading import read_table

from .exports import CONTROL, SHAM, SYRF, TREATED, syrf

Save = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]
PAGE = Path(__file__).resolve().parents[3] / "docs" / "commands" / "import.md"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            main(["import", *map(str, arguments)])
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return command


def test_the_table_goes_to_stdout_and_the_account_to_stderr(save: Save, run: Run) -> None:
    path = save(syrf(TREATED, CONTROL, SHAM, {**SHAM, "CohortId": "", "CohortLabel": "x"}))
    status, out, err = run("syrf", path)
    assert status == 0
    (row,) = csv.DictReader(io.StringIO(out))
    assert (row["mean_treated"], row["mean_control"], row["mean_sham"]) == ("20.5", "15.25", "25")
    assert f"syrf: 4 rows of {path} to 1 row of a table; 1 left out" in err
    assert "id-blank (1): row 5" in err
    assert "note: timepoint_weeks is TimeInMinute / 10080" in err


def test_files_are_written_and_replaced_only_with_force(save: Save, run: Run) -> None:
    path = save(syrf(TREATED, CONTROL))
    table, ledger = path.with_name("table.csv"), path.with_name("ledger.csv")
    status, out, _ = run("syrf", path, "-o", table, "--ledger", ledger)
    assert (status, out) == (0, "")
    assert len(read_table(table).frame) == 1
    lines = list(csv.DictReader(io.StringIO(ledger.read_text(encoding="utf-8"))))
    assert [(line["row"], line["used_as"], line["table_rows"]) for line in lines] == [
        ("2", "treated", "2"), ("3", "control", "2")]  # fmt: skip
    status, _, err = run("syrf", path, "-o", table)
    assert status == 1
    assert "use --force" in err
    assert run("syrf", path, "-o", table, "--force")[0] == 0
    status, _, err = run("syrf", path, "-o", path, "--force")
    assert status == 2
    assert "never written over" in err


def test_json_is_exact_and_documented(save: Save, run: Run) -> None:
    path = save(syrf(TREATED, CONTROL, SHAM))
    status, out, _ = run("syrf", path, "--json", "-")
    answer = json.loads(out)
    assert status == 0
    assert (answer["kind"], answer["rows"], answer["left_out"]) == ("syrf", 1, 0)
    assert answer["input"]["rows"] == len(answer["ledger"]) == 3
    assert "mean_treated" in answer["columns"]
    words = set(re.findall(r"[\w./-]+", " ".join(re.findall(r"`([^`\n]+)`", PAGE.read_text()))))
    fields = {*answer, *answer["input"], *answer["ledger"][0]}
    assert sorted(fields - words) == []


def test_every_code_and_kind_is_explained() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for code, meaning in LEFT_OUT.items():
        assert f"| `{code}` | {meaning} |" in text
    for kind, options in OPTIONS.items():
        assert f"| `{kind}` |" in text
        assert all(f"--{option}" in text for option in options)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("sirf", "x.csv"), 2, "kind must be one of 'syrf'"),
        (("syrf", "x.csv", "--n", "8"), 2, "--n is not for syrf, which takes --sheet"),
        (("metafor", "x.csv", "--study", "A"), 2, "--study is not for metafor"),
        (("wpd", "x.csv", "--error", "variance"), 2, "error must be one of"),
        (("wpd", "x.csv", "--label", "weight"), 2, "--label must be one of outcome"),
        (("syrf", "x.csv"), 1, "the file x.csv does not exist"),
    ],
)
def test_wrong_usage_and_missing_files(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...], status: int, message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert (code, out) == (status, "")
    assert message in err
    assert "Traceback" not in err


def test_a_workbook_is_read_with_its_own_numbers(save: Save, run: Run, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    page = book.active
    page.title = "export"
    page.append(SYRF)
    for source in (TREATED, CONTROL):
        page.append([
            float(source[name]) if name in ("OutcomeAverage", "OutcomeError", "NumberOfAnimals")
            else source.get(name, "") for name in SYRF
        ])  # fmt: skip
    path = tmp_path / "export.xlsx"
    book.save(path)
    status, out, _ = run("syrf", path)
    assert status == 0
    (row,) = csv.DictReader(io.StringIO(out))
    assert (row["mean_treated"], row["mean_control"], row["n_treated"]) == ("20.5", "15.25", "8")


HOSTILE = ("=cmd|' /C calc'!A0", "<script>alert(1)</script>", "\x1b[31mred", "@SUM(1)", "\u202eabc")


def test_hostile_cells_are_neither_run_nor_shown_raw(save: Save, run: Run) -> None:
    rows = [{**row, "CohortLabel": cell, "=HYPERLINK(A1)": cell, "StudyId": f"s{i}",
             "ExperimentId": f"e{i}", "CohortId": f"{row['CohortId']}{i}"}
            for i, cell in enumerate(HOSTILE) for row in (TREATED, CONTROL)]  # fmt: skip
    path = save(syrf(*rows))
    table, ledger = path.with_name("table.csv"), path.with_name("ledger.csv")
    status, out, err = run("syrf", path, "-o", table, "--ledger", ledger, "--json", "-")
    assert status == 0
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", err)
    assert len(json.loads(out)["ledger"]) == 10
    for name in (table, ledger):
        for line in csv.reader(io.StringIO(name.read_bytes().decode(), newline="")):
            assert not any(cell[:1] in "=@\t\r" for cell in line if cell), line
    back = read_table(table)
    assert len(back.frame) == 5


@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"a\n",
        b"a,b\n1,2\n",
        b"\x00\x01",
        b'"open,1\n',
        b"StudyId\n" * 3,
        b",,,\n1,2,3,4\n",
    ],
)
def test_what_is_no_export_is_one_sentence(save: Save, run: Run, kind: str, content: bytes) -> None:
    status, out, err = run(kind, save(content))
    assert (status, out) == (1, "")
    assert err.startswith("metabone: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_one_place_by_two_names_is_refused(save: Save, run: Run) -> None:
    path = save(syrf(TREATED, CONTROL))
    table, again = path.with_name("t.csv"), f"{path.parent}/./t.csv"
    status, _, err = run("syrf", path, "-o", table, "--ledger", again, "--force")
    assert status == 2
    assert "cannot both go to" in err
    assert not table.exists()


def test_a_cell_that_is_printed_otherwise_is_told(save: Save, run: Run) -> None:
    path = save(syrf({**TREATED, "CohortLabel": "abc\u202edef"}, CONTROL))
    _, out, err = run("syrf", path)
    assert "abc\\x202edef" in out
    assert "-o FILE writes them as they are" in err
    target = path.with_name("t.csv")
    _, _, err = run("syrf", path, "-o", target)
    assert "abc\u202edef" in target.read_text(encoding="utf-8")
    assert "writes them" not in err
