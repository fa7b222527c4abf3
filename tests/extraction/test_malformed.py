"""Malformed tables: each gives its clear finding or refusal, none a traceback or a changed number.

Each case is run twice: through `read_table`, where every error and warning is compared exactly, and
through ``metabone check``, whose exit status and streams are what a person meets.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from metabone.cli import main
from metabone.errors import DataError
from metabone.extraction.codes import SEVERITY
from metabone.extraction.reading import read_table
from metabone.extraction.schema import COLUMNS, canonical_column
from metabone.extraction.table import Finding

from .tables import GOOD, OTHER, as_csv

PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
NUMBERS = [column.name for column in COLUMNS if column.kind == "number"]

# row, column, code
Place = tuple[int | None, str | None, str]


@dataclass(frozen=True)
class Case:
    """A table and what is found in it; `reads` names the cells that are read in another style."""

    name: str
    content: bytes
    places: tuple[Place, ...] = ()
    refused: tuple[str, ...] = ()
    reads: Mapping[tuple[int, str], float] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def told(found: list[Finding]) -> list[str]:
    return sorted(str((each.row, each.column, each.code)) for each in found)


def cells(name: str, *places: Place, **changed: str) -> Case:
    """A good table whose second row has some cells changed."""
    return Case(name, as_csv({}, {**OTHER, **changed}).encode(), places)


def rows(name: str, *places: Place, of: list[Mapping[str, str]]) -> Case:
    return Case(name, as_csv(*of).encode(), places)


def refused(name: str, content: bytes | str, *words: str) -> Case:
    data = content.encode() if isinstance(content, str) else content
    return Case(name, data, refused=words)


HEADER = ",".join(GOOD)
ROW = ",".join(GOOD.values())
NO_ARMS = dict.fromkeys(
    ("mean_treated", "dispersion_treated", "mean_control", "dispersion_control"), ""
) | {"dispersion_type": ""}

UNREADABLE = [
    cells("n is a range", (3, "n_treated", "unreadable-number"), n_treated="7-10"),
    cells("n is a range with a dash", (3, "n_control", "unreadable-number"), n_control="8–9"),
    cells("n in words", (3, "n_treated", "unreadable-number"), n_treated="8 per group"),
    cells("n is a date", (3, "n_treated", "date-instead-of-number"), n_treated="07-Oct"),
    cells("mean with dispersion", (3, "mean_treated", "unreadable-number"),
          mean_treated="21.4 ± 2.5"),
    cells("mean with an open plus-minus", (3, "mean_treated", "unreadable-number"),
          mean_treated="1.56 ±"),
    cells("mean with brackets", (3, "mean_control", "unreadable-number"),
          mean_control="15.9 (2.2)"),
    cells("half a bracket", (3, "mean_control", "unreadable-number"), mean_control="0.69 0.05)"),
    cells("star of significance", (3, "mean_treated", "unreadable-number"), mean_treated="18.1*"),
    cells("letter of significance", (3, "mean_treated", "unreadable-number"),
          mean_treated="18.1 a"),
    cells("per cent sign", (3, "mean_treated", "unreadable-number"), mean_treated="21.4%"),
    cells("thousands or decimal", (3, "mean_treated", "ambiguous-number"), mean_treated="1,239"),
    cells("a decimal comma among points", (3, "mean_treated", "mixed-decimals"),
          mean_treated="21,4"),
    cells("two thousands marks", (3, "mean_treated", "thousands-mark"), mean_treated="1,234,567"),
    cells("a blank as thousands mark", (3, "mean_treated", "thousands-mark"),
          mean_treated="1 239"),
    cells("infinite dispersion", (3, "dispersion_control", "infinite-number"),
          dispersion_control="inf"),
    cells("overflow", (3, "mean_treated", "infinite-number"), mean_treated="1e400"),
    cells("error of a spreadsheet", (3, "mean_treated", "spreadsheet-error"),
          mean_treated="#DIV/0!"),
    cells("not significant as p", (3, "p", "unreadable-number"), p="n.s."),
    cells("inequality as p", (3, "p", "unreadable-number"), p="<0.001", sign="+"),
    cells("digits of another script", (3, "n_treated", "unreadable-number"), n_treated="８"),
    cells("underscore in a number", (3, "n_treated", "unreadable-number"), n_treated="1_0"),
    cells("age is a range", (3, "age_weeks", "unreadable-moderator"), age_weeks="8-10"),
    cells("dose with its unit", (3, "dose", "unreadable-moderator"), dose="100 ug"),
    cells("three at once", (3, "n_treated", "unreadable-number"),
          (3, "mean_treated", "unreadable-number"),
          (3, "dispersion_type", "unknown-dispersion-type"),
          n_treated="ten", mean_treated="high", dispersion_type="IQR"),
]  # fmt: skip

IMPOSSIBLE = [
    cells("no study", (3, "study", "study-blank"), study=""),
    cells("study of blanks", (3, "study", "study-blank"), study="   "),
    cells("no outcome", (3, "outcome", "outcome-blank"), outcome="NA"),
    cells("n is 0", (3, "n_treated", "n-too-small"), n_treated="0"),
    cells("n is negative", (3, "n_control", "n-too-small"), n_control="-8"),
    cells("n is 1 with a mean", (3, "n_treated", "n-too-small"), n_treated="1"),
    cells("n is 6.5", (3, "n_treated", "n-not-whole"), n_treated="6.5"),
    cells("n is huge", (3, "n_treated", "n-huge"), n_treated="1200"),
    cells("sham n is 6.5", (3, "n_sham", "n-not-whole"), n_sham="6.5", mean_sham="25"),
    cells("negative dispersion", (3, "dispersion_treated", "negative-dispersion"),
          dispersion_treated="-2.5"),
    cells("dispersion is 0.00", (3, "dispersion_control", "zero-dispersion"),
          dispersion_control="0.00"),
    cells("SD or SEM not said", (3, "dispersion_type", "dispersion-type-blank"),
          dispersion_type=""),
    cells("CI of unknown level", (3, "dispersion_type", "unknown-dispersion-type"),
          dispersion_type="CI"),
    cells("quartiles as dispersion type", (3, "dispersion_type", "unknown-dispersion-type"),
          dispersion_type="IQR"),
    cells("quartile above median", (3, "median_treated", "quartile-order"),
          **NO_ARMS, median_treated="5", q1_treated="6", q3_treated="9",
          median_control="5", q1_control="4", q3_control="6"),
    cells("minimum above quartile", (3, "q1_treated", "range-order"),
          **NO_ARMS, median_treated="5", q1_treated="4", q3_treated="9", min_treated="4.5",
          median_control="5", q1_control="4", q3_control="6"),
    cells("quartiles alike", (3, "q3_control", "zero-dispersion"),
          **NO_ARMS, median_treated="5", q1_treated="4", q3_treated="9",
          median_control="5", q1_control="5", q3_control="5"),
    cells("mean outside its range", (3, "mean_treated", "range-order"),
          min_treated="22", max_treated="30"),
    cells("F is negative", (3, "f", "f-negative"), f="-3.1", sign="+"),
    cells("p is 0", (3, "p", "p-out-of-range"), p="0.000", sign="+"),
    cells("p is 5", (3, "p", "p-out-of-range"), p="5", sign="+"),
    cells("p is negative", (3, "p", "p-out-of-range"), p="-0.05", sign="+"),
    cells("p without sign", (3, "sign", "sign-missing"), **NO_ARMS, p="0.03", sign=""),
    cells("unknown sign", (3, "sign", "unknown-sign"), p="0.03", sign="better"),
    cells("sign against t", (3, "sign", "sign-contradiction"), t="2.5", sign="-",
          mean_treated="", mean_control=""),
    cells("sign against means", (3, "sign", "sign-contradiction"), p="0.03", sign="-"),
    cells("F is not t squared", (3, "f", "t-f-disagree"), t="2", f="9"),
    cells("yi alone", (3, "yi", "yi-without-variance"), yi="0.8"),
    cells("vi is 0", (3, "vi", "variance-not-positive"), yi="0.8", vi="0"),
    cells("sei is negative", (3, "sei", "variance-not-positive"), yi="0.8", sei="-0.2"),
    cells("vi against sei", (3, "sei", "vi-sei-contradict"), yi="0.8", vi="0.2", sei="0.2"),
    cells("negative week", (3, "timepoint_weeks", "negative-time"), timepoint_weeks="-4"),
    cells("negative age", (3, "age_weeks", "negative-time"), age_weeks="−12"),
    cells("negative dose", (3, "dose", "negative-dose"), dose="-1"),
    cells("better in other words", (3, "better", "unknown-better"), better="up"),
    cells("risk of bias in other words", (3, "rob_blinding", "unknown-rob"),
          rob_blinding="some concerns"),
    cells("exclude is no", (3, "exclude", "exclude-not-a-reason"), exclude="no"),
]  # fmt: skip

DOUBTFUL = [
    cells("n blank", (3, None, "incomplete-row"), n_treated="", n_control=""),
    cells("dispersion blank", (3, None, "incomplete-row"), dispersion_treated="NA"),
    cells("test without n", (3, None, "incomplete-row"), **NO_ARMS, t="2.1", n_treated="",
          n_control=""),
    cells("variance without effect", (3, None, "incomplete-row"), **NO_ARMS, n_treated="",
          n_control="", vi="0.2"),
    cells("unit of another dimension", (3, "unit", "unknown-unit"), unit="mm"),
    cells("per cent for a fraction", (3, "mean_treated", "out-of-range"),
          (3, "mean_control", "out-of-range"), (3, "dispersion_treated", "tiny-dispersion"),
          (3, "dispersion_control", "tiny-dispersion"), (3, "mean_treated", "huge-effect"),
          mean_treated="2140", mean_control="1590", dispersion_treated="2.5",
          dispersion_control="2.2"),
    cells("mm for um", (3, "mean_treated", "out-of-range"), (3, "mean_control", "out-of-range"),
          outcome="Tb.Th", unit="mm", mean_treated="45", mean_control="41"),
    cells("SE above the mean", (3, "dispersion_treated", "dispersion-over-mean"),
          (3, "dispersion_treated", "arms-differ"),
          dispersion_treated="28.1", dispersion_type="SEM"),
    cells("SE as a fraction", (3, "dispersion_treated", "tiny-dispersion"),
          (3, "dispersion_control", "tiny-dispersion"), (3, "mean_treated", "huge-effect"),
          dispersion_treated="0.008", dispersion_control="0.005", dispersion_type="SEM"),
    cells("negative mean of a volume", (3, "mean_treated", "negative-mean"),
          (3, "mean_treated", "out-of-range"), mean_treated="-1", dispersion_treated="2.4"),
    cells("arms in two units", (3, "mean_treated", "arms-differ"),
          (3, "dispersion_treated", "arms-differ"), outcome="osteoid index", unit="",
          mean_control="15.2",
          mean_treated="0.23", dispersion_treated="0.04"),
    rows("one row twice", (3, None, "duplicate-row"),
         (2, "control_id", "shared-control-undeclared"),
         (3, "control_id", "shared-control-undeclared"), of=[{}, {}]),
    rows("one comparison twice", (3, None, "conflicting-rows"),
         of=[{}, {"mean_treated": "23.0", "mean_control": "16"}]),
    rows("control shared in silence", (2, "control_id", "shared-control-undeclared"),
         (3, "control_id", "shared-control-undeclared"),
         of=[{"comparison": "low dose", "control_id": ""},
             {"comparison": "high dose", "mean_treated": "23.0"}]),
    rows("one control with two n", (3, "n_control", "control-mismatch"),
         of=[{"comparison": "low", "control_id": "c"},
             {"comparison": "high", "control_id": "c", "n_control": "9", "mean_treated": "22"}]),
    rows("one control with two means", (3, "mean_control", "control-mismatch"),
         of=[{"comparison": "low", "control_id": "c"},
             {"comparison": "high", "control_id": "c", "mean_control": "15.9"}]),
    rows("one control in two studies", (3, "control_id", "control-in-two-studies"),
         of=[{"control_id": "PBS"}, {**OTHER, "control_id": "PBS"}]),
    rows("one study in two spellings", (3, "study", "study-names-alike"),
         of=[{}, {**OTHER, "study": "adams-2020"}]),
    Case("a misspelt column", as_csv({}, OTHER).replace("mean_treated", "mean_treted").encode(),
         ((1, "mean_treted", "unknown-column"), (2, None, "incomplete-row"),
          (3, None, "incomplete-row"))),
    Case("mean and dispersion in one column of its own",
         "study,outcome,treated,yi,vi\nA,BMD,12.1 ± 3.0,.4,.1\nB,BMD,0.69 0.05),.5,.1\n".encode(),
         ((2, "treated", "two-numbers-in-cell"), (3, "treated", "two-numbers-in-cell"))),
    Case("an escape sequence in a cell", as_csv({}, {**OTHER, "study": "B\x1b[31mrown"}).encode(),
         ((3, "study", "control-character"),)),
]  # fmt: skip

SHAPE = [
    Case("a row with a cell too many", f"{HEADER}\n{ROW}\n{ROW},9\n".encode(),
         ((3, None, "ragged-row"),)),
    Case("a decimal comma not in quotation marks",
         f"{HEADER}\n{ROW}\n{ROW.replace('20.1', '20,1')}\n".encode(), ((3, None, "ragged-row"),)),
    Case("a row cut off", f"{HEADER}\n{ROW}\nBrown 2021,BV/TV,%\n".encode(),
         ((3, None, "ragged-row"),)),
    Case("ragged after an empty line and a quoted newline",
         f'{HEADER},note\n{ROW},"two\nlines"\n\n{ROW}\n'.encode(), ((4, None, "ragged-row"),)),
    Case("the header again", f"{HEADER}\n{ROW}\n{HEADER}\n".encode(),
         ((3, None, "repeated-header"),)),
    refused("zero bytes", b"", "empty (0 bytes)"),
    refused("only blank lines", b"\n\n , \n", "no cell is filled"),
    refused("a header only", HEADER + "\n", "header in row 1", "no row below"),
    refused("no column for the study", "outcome,yi,vi\nBMD,1,1\n", "no column 'study'"),
    refused("no column for the outcome", "study,yi,vi\nA,1,1\n", "no column 'outcome'"),
    refused("a misspelt required column", "stduy,outcome\nA,BMD\n", "no column 'study'",
            "'stduy' looks like 'study'"),
    refused("two columns of one name", "study,outcome,p,p\nA,BMD,1,1\n", "C ('p')", "D ('p')"),
    refused("two columns of one meaning", "study,outcome,m1i,Mean treated\nA,BMD,1,1\n",
            "C ('m1i')", "D ('Mean treated')", "'mean_treated'"),
    refused("two extra columns of one name", "study,outcome,parity,parity\nA,BMD,1,1\n",
            "'parity'"),
    refused("two kinds of dispersion in the header",
            "study,outcome,sd_treated,sem_control\nA,BMD,1,1\n", "'sd_treated'", "'sem_control'"),
    refused("a column without name", "study,outcome,,yi\nA,BMD,secret,1\n", "column C has no name",
            "row 2", "'secret'"),
    refused("cells right of the header in no column", "study,outcome,yi,vi,\nA,BMD,1,1,see text\n",
            "column E has no name", "'see text'"),
    refused("two header rows", "study,outcome,treated,,,control,,\n,,n,mean,SD,n,mean,SD\n"
            "A,BMD,8,1,1,8,1,1\n", "header spans two rows (1 and 2)"),
    refused("a row of units below the header",
            f"{HEADER}\n,,,,animals,percent,percent,animals,percent,percent,\n{ROW}\n",
            "header spans two rows"),
    refused("a title above the header", f"Table 1. Extracted data\n\n{HEADER}\n{ROW}\n",
            "column names are in row 3", "delete the rows above"),
    refused("an open quotation mark", f'{HEADER}\n{ROW}\n"Brown 2021,BMD\n', "row 3",
            "quotation mark"),
    refused("text after a quotation mark", f'{HEADER}\n"Brown" 2021,BMD\n', "row 2",
            "quotation mark"),
    refused("a cell longer than any spreadsheet has",
            f"{HEADER},note\n{ROW},\"two\nlines\"\n{ROW},{'x' * 200_000}\n", "row 3",
            "column 'note'", "line 4", "200,000 characters"),
    refused("a long cell to the right of the header", f"sep=;\nstudy;outcome\nA;B;{'x' * 200_000}",
            "row 3", "cell 3", "line 3"),
    refused("a quotation mark that swallows the rest", f'{HEADER}\n{ROW}\nA,"{"BMD,1" * 30_000}',
            "row 3", "column 'outcome'", "150,001 characters", "quotation mark"),
    refused("NUL bytes", HEADER.encode() + b"\nA\x00B,BMD\n", "NUL bytes"),
    refused("UTF-16 without its mark", f"{HEADER}\n{ROW}\n".encode("utf-16-le"), "NUL bytes",
            "UTF-16"),
    refused("UTF-16 cut off", f"{HEADER}\n{ROW}\n".encode("utf-16")[:-1], "UTF-16", "cut off"),
    refused("a picture", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "NUL bytes"),
    refused("control characters", bytes(range(1, 32)) * 4, "control characters"),
    refused("a damaged workbook", b"PK\x03\x04 no workbook", "cannot be opened as a workbook"),
    refused("an old workbook, damaged", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "cannot be opened"),
    refused("a damaged Parquet file", b"PAR1 and no more", "cannot be read as Parquet"),
    refused("a web page", "<html><body>Log in</body></html>", "no columns 'study' and 'outcome'"),
    refused("JSON", json.dumps([{"study": "A", "outcome": "BMD"}]), "no columns"),
]  # fmt: skip

CASES = [*UNREADABLE, *IMPOSSIBLE, *DOUBTFUL, *SHAPE]


@pytest.fixture
def path(tmp_path: Path) -> Callable[[Case], Path]:
    def write(case: Case) -> Path:
        file = tmp_path / "table.csv"
        file.write_bytes(case.content)
        return file

    return write


def test_there_are_many_different_cases() -> None:
    assert len(CASES) >= 110
    names = [case.name for case in CASES]
    assert [name for name in names if names.count(name) > 1] == []


@pytest.mark.parametrize("case", [case for case in CASES if not case.refused], ids=str)
def test_each_problem_is_found_and_nothing_else(case: Case, path: Callable[[Case], Path]) -> None:
    table = read_table(path(case))
    found = [f for f in table.findings if f.severity != "note"]
    assert told(found) == sorted(map(str, case.places))
    for each in found:
        assert each.severity == SEVERITY[each.code]
        assert len(each.message) > 10
        assert "\n" not in each.message
        if each.row is not None and each.row > 1 and each.column in table.printed:
            printed = table.printed.loc[each.row, each.column]
            assert each.value == (printed or None)


@pytest.mark.parametrize("case", [case for case in CASES if not case.refused], ids=str)
def test_no_number_is_changed(case: Case, path: Callable[[Case], Path]) -> None:
    table = read_table(path(case))
    by_name = {canonical_column(str(name)): name for name in table.printed.columns}
    unread = {f.row for f in table.errors if f.code in ("ragged-row", "repeated-header")}
    for name in NUMBERS:
        for row, value in table.frame[name].items():
            printed = str(table.printed.loc[row, by_name[name]]) if name in by_name else ""
            printed = printed.strip().replace("−", "-")
            if math.isnan(value):
                assert row in unread or not PLAIN.fullmatch(printed) or math.isinf(float(printed))
            else:
                assert value == float(printed)


@pytest.mark.parametrize("case", [case for case in CASES if case.refused], ids=str)
def test_what_is_no_table_is_refused_in_one_sentence(
    case: Case, path: Callable[[Case], Path]
) -> None:
    file = path(case)
    with pytest.raises(DataError) as caught:
        read_table(file)
    message = str(caught.value)
    assert "\n" not in message
    assert str(file) in message
    for word in case.refused:
        assert word in message


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_command_says_it_and_exits(
    case: Case, path: Callable[[Case], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the screen and, with ``--json``, in a file."""
    target = tmp_path / "found.json"
    with pytest.raises(SystemExit) as stopped:
        main(["check", str(path(case)), "--json", str(target)])
    out, err = capsys.readouterr()
    wrong = case.refused or any(SEVERITY[code] == "error" for _, _, code in case.places)
    assert stopped.value.code == (1 if wrong else 0)
    assert "Traceback" not in out + err
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", out + err)
    if case.refused:
        assert out == ""
        assert err.startswith("metabone: ")
        assert err.count("\n") == 1
        assert not target.exists()
        return
    assert err == f"wrote {target}\n"
    for _, _, code in case.places:
        assert code in out
    assert max(map(len, out.splitlines())) <= 100 + len(str(path(case)))
    every_finding(case, json.loads(target.read_text(encoding="utf-8")))


def every_finding(case: Case, answer: dict[str, Any]) -> None:
    """The JSON has what the case says and nothing else."""
    found = [Finding(**each) for each in answer["findings"] if each["severity"] != "note"]
    assert told(found) == sorted(map(str, case.places))
    severities = [SEVERITY[code] for _, _, code in case.places]
    assert answer["errors"] == severities.count("error")
    assert answer["warnings"] == severities.count("warning")


def test_a_misspelt_column_is_named_where_its_values_are_missed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "typo.csv"
    names = "study,outcome,n_treted,mean_treated,dispersion_treated,n_control,mean_control"
    rows = "".join(f"{name},BV/TV,8,20,3,8,18,3,SD\n" for name in "ABC")
    table.write_text(f"{names},dispersion_control,dispersion_type\n{rows}")
    with pytest.raises(SystemExit) as stopped:
        main(["pool", str(table)])
    said = capsys.readouterr().err
    assert stopped.value.code == 1
    assert "column n_treted" in said
    assert "looks like 'n_treated'" in said
