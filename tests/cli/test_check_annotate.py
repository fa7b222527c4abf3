"""``metabone check --annotate``: the user's own sheet back, marked, inert, whole or not at all."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.styles import Font

from metabone.cli import main
from metabone.extraction.reading import parse_table, read_table
from metabone.extraction.workbook_writing import LONGEST_CELL
from metabone.report import check_sheet
from metabone.report.check import check_table
from metabone.report.check_marks import Mark
from metabone.report.check_sheet import COLOURS, annotated_workbook

Run = Callable[..., tuple[int, str, str]]
HEAD = [
    "study", "outcome", "unit", "n_treated", "mean_treated", "dispersion_treated", "n_control",
    "mean_control", "dispersion_control", "dispersion_type", "note",
]  # fmt: skip
ROW = ["A 2020", "BV/TV", "%", "8", "20.10", "2.5", "8", "15", "2.2", "SD", ""]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            main(["check", *map(str, arguments)])
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return command


def as_bytes(*rows: list[str]) -> bytes:
    import csv

    out = io.StringIO()
    csv.writer(out).writerows([HEAD, *rows])
    return out.getvalue().encode()


def annotated(data: bytes, file: str = "t.csv") -> tuple[Any, tuple[str, ...]]:
    checked = check_table(parse_table(file, data), impact=False)
    made = annotated_workbook(checked, file, data)
    again = annotated_workbook(checked, file, data)
    assert made.content == again.content
    return openpyxl.load_workbook(io.BytesIO(made.content)), made.said


def own(**cells: str) -> list[str]:
    return [cells.get(name, cell) for name, cell in zip(HEAD, ROW, strict=True)]


def test_a_csv_comes_back_cell_by_cell_with_its_error_marked() -> None:
    book, said = annotated(as_bytes(own(n_treated="7-10"), own(study="B", note="007")))
    sheet = book["table"]
    assert said == ()
    assert [cell.value for cell in sheet[1]] == HEAD
    assert sheet["D2"].value == "7-10"
    assert sheet["D2"].fill.fgColor.rgb.endswith(COLOURS["error"])
    assert sheet["D2"].comment.text.startswith("ERROR unreadable-number\nis a range")
    assert (sheet["E2"].value, sheet["E2"].number_format) == (20.1, "0.00")
    assert (sheet["D3"].value, sheet["D3"].fill.fill_type) == (8, None)
    assert sheet["K3"].value == "007"
    findings = book["Findings"]
    head = [cell.value for cell in findings[check_sheet.TOP]]
    first = dict(zip(head, (cell.value for cell in findings[check_sheet.TOP + 1]), strict=True))
    assert (first["severity"], first["cell"], first["row"]) == ("error", "D2", 2)
    link = findings.cell(row=check_sheet.TOP + 1, column=2).hyperlink
    assert (link.location, link.target) == ("'table'!D2", None)


@pytest.mark.parametrize(
    "evil",
    [
        "=cmd|' /C calc'!A1", '=HYPERLINK("http://x","y")', "<script>alert(1)</script>", "@SUM(1)",
        "+1+1", "-2+3", "\u202egnp.exe\u200f", "a\x1b[31m", "{=1+1}", "\t=1+1",
    ],
)  # fmt: skip
def test_hostile_cells_are_text_and_nothing_else(evil: str) -> None:
    data = as_bytes(own(study=evil, outcome=evil, n_treated=evil, note=evil), *[own()] * 9)
    checked = check_table(parse_table("t.csv", data), impact=False)
    content = annotated_workbook(checked, "t.csv", data).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            xml = archive.read(name)
            assert b"<f>" not in xml
            assert b"<script" not in xml
            assert b"\x1b" not in xml
            assert b"externalLink" not in xml
    sheet = openpyxl.load_workbook(io.BytesIO(content))["table"]
    assert sheet["A2"].data_type == sheet["D2"].data_type == "s"
    assert sheet["A2"].value == evil.replace("\x1b", "\\x1b")
    assert "\u202e" not in sheet["D2"].comment.text


def test_formulas_of_a_workbook_become_text_and_formats_stay() -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(HEAD)
    sheet.append(["A 2020", "BV/TV", "%", 8, 20.1, "=0.5*SQRT(8)", 8, 15, 2.2, "SD", "n"])
    sheet.append(["B 2020", "BV/TV", "%", "7-10", 20.1, 2, 8, 15, 2.2, "SD", "=cmd|'x'!A1"])
    sheet["A2"].font = Font(italic=True)
    sheet["E2"].number_format = "0.000"
    other = book.create_sheet("Findings")
    other["A1"] = "=1+1"
    stream = io.BytesIO()
    book.save(stream)
    back, said = annotated(stream.getvalue(), "t.xlsx")
    sheet = back.worksheets[0]
    assert back.sheetnames == ["Sheet", "Findings", "Findings 2"]
    assert "3 formulas written as text" in said[0]
    assert (sheet["F2"].value, sheet["F2"].data_type) == ("=0.5*SQRT(8)", "s")
    assert (sheet["K3"].data_type, other["A1"].data_type) == ("s", "f")
    assert back["Findings"]["A1"].data_type == "s"
    assert "FORMULA written as text; its saved result was ''" in sheet["F2"].comment.text
    assert sheet["A2"].font.italic
    assert sheet["E2"].number_format == "0.000"
    assert sheet["D3"].comment.text.startswith("ERROR unreadable-number")


def test_a_cell_too_long_for_a_workbook_is_cut_and_said() -> None:
    book, said = annotated(as_bytes(own(note="x" * 100_000), own(study="B")))
    assert said == (
        "cell K2 has 100,000 characters, more than the 32,767 of a workbook's cell: it is cut in "
        "the copy, and says so",
    )
    assert len(book["table"]["K2"].value) <= LONGEST_CELL
    assert book["table"]["K2"].value.endswith("… [cut: 100,000 characters]")


def test_comments_point_to_the_findings_where_they_are_many() -> None:
    mark = Mark("note")
    for number in range(20):
        mark.add("warning" if number == 3 else "note", "y" * 100 + str(number))
    text = mark.comment("Findings")
    assert mark.severity == "warning"
    assert len(text) < 1100
    assert text.endswith("… and 15 more: see the sheet 'Findings'")


def test_more_marked_cells_than_comments_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_sheet, "MOST_COMMENTS", 2)
    monkeypatch.setattr(check_sheet, "MOST_LINKS", 3)
    rows = [own(study=f"S{i}", n_treated="7-10", n_control="?") for i in range(4)]
    book, said = annotated(as_bytes(*rows))
    cells = [cell for row in book["table"].iter_rows() for cell in row]
    assert sum(cell.comment is not None for cell in cells) == 2
    assert sum(cell.fill.fill_type == "solid" for cell in cells) == 8
    assert "6 marked cells have no comment" in said[0]
    assert said[1] == "only the first 3 lines of 'Findings' are linked to a cell"


def test_the_command_writes_whole_and_never_over_the_table(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, target = tmp_path / "t.csv", tmp_path / "out.xlsx"
    table.write_bytes(as_bytes(own(), own(study="B")))
    assert run(table, "--annotate", target)[::2] == (0, f"wrote {target}\n")
    assert len(read_table(target).frame) == 2
    assert run(table, "--annotate", target)[0] == 1
    assert run(table, "--annotate", tmp_path / "t.csv")[0] == 2
    before = target.read_bytes()
    status, _, err = run(target, "--annotate", target, "--force")
    assert (status, "never written over" in err) == (2, True)
    assert target.read_bytes() == before
    monkeypatch.setattr(check_sheet, "packed", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["check", str(table), "--annotate", str(tmp_path / "new.xlsx")])
    assert not (tmp_path / "new.xlsx").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.xlsx", "t.csv"]


def test_the_worst_of_a_merged_area_is_seen_at_its_one_shown_cell() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (HEAD, ROW, ["", *ROW[1:]], ["", *ROW[1:]]):
        sheet.append([float(cell) if cell[:1].isdigit() else cell for cell in row])
    sheet.merge_cells("A2:A4")
    stream = io.BytesIO()
    book.save(stream)
    copy, _ = annotated(stream.getvalue(), "t.xlsx")
    cell = copy["Sheet"]["A2"]
    assert cell.fill.fgColor.rgb.endswith(COLOURS["error"])
    assert cell.comment.text.count("ERROR study-blank") == 2
    assert cell.comment.text.count("WARNING merged-cells") == 1


def test_the_sheet_of_findings_shows_wide_letters_and_short_numbers() -> None:
    book, _ = annotated(as_bytes(own(unit="骨密度研究所の単位" * 20)))
    sheet = book["Findings"]
    line = next(
        row
        for row in sheet.iter_rows(min_row=check_sheet.TOP + 1)
        if row[2].value == "unknown-unit"
    )
    wide = len(line[6].value) * 2 / check_sheet.WIDTHS[6]
    assert sheet.row_dimensions[line[0].row].height >= 13 * min(wide, check_sheet.MOST_LINES)
    assert {cell.alignment.vertical for cell in line} == {"top"}
    swapped, _ = annotated(as_bytes(own(mean_treated="2010", dispersion_treated="251")))
    strengths = [
        (row[7].value, row[7].number_format)
        for row in swapped["Findings"].iter_rows(min_row=check_sheet.TOP + 1)
        if row[7].value is not None
    ]
    assert strengths
    assert {shown for _, shown in strengths} == {"0%"}
