"""The extraction sheet: what it offers, that it reads back, and that nothing in it runs."""

from __future__ import annotations

import io
import re
import sys
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import typer
from openpyxl.worksheet.worksheet import Worksheet
from typer.testing import CliRunner

from metabone.cli.new import new
from metabone.effects.escalc import escalc
from metabone.errors import DataError, FileWriteError, MissingExtraError, UsageError
from metabone.extraction.reading import read_table
from metabone.extraction.schema import COLUMNS, rob_columns
from metabone.extraction.template import write_template
from metabone.extraction.template_workbook import template_workbook
from metabone.vocabulary import load_vocabulary

SCHEMA = [column.name for column in (*COLUMNS, *rob_columns(load_vocabulary()))]


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("blank") / "sheet.xlsx"
    write_template(path)
    return path


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seed") / "sheet.xlsx"
    write_template(path, start=read_table("exosome-osteoporosis"))
    return path


def header(sheet: Worksheet) -> list[str]:
    return [str(cell.value) for cell in sheet[1]]


# ---------------------------------------------------------------- the blank sheet


def test_the_sheets_and_their_order(blank: Path) -> None:
    book = openpyxl.load_workbook(blank)
    assert book.sheetnames == ["extraction", "dictionary", "example", "lists", "words"]
    sheet = book["extraction"]
    assert header(sheet) == SCHEMA
    assert sheet.max_row == 1
    assert sheet.freeze_panes == "B2"


def test_every_header_says_what_its_column_means(blank: Path) -> None:
    sheet = openpyxl.load_workbook(blank)["extraction"]
    for cell, column in zip(sheet[1], (*COLUMNS, *rob_columns(load_vocabulary())), strict=True):
        assert cell.comment is not None
        assert column.meaning in cell.comment.text
        assert ("Required." in cell.comment.text) == column.required
        width = sheet.column_dimensions[cell.column_letter].width
        assert width > len(column.name)


def test_text_columns_are_text_so_that_no_range_becomes_a_day(blank: Path) -> None:
    sheet = openpyxl.load_workbook(blank)["extraction"]
    formats = {
        name: sheet.column_dimensions[sheet.cell(1, place).column_letter].number_format
        for place, name in enumerate(SCHEMA, start=1)
    }
    assert formats["study"] == formats["sign"] == formats["note"] == "@"
    assert formats["n_treated"] == formats["dose"] == "General"


def drop_downs(path: Path) -> dict[str, tuple[list[str], str | None]]:
    """For each column the words its drop-down shows, and what happens to other words."""
    book = openpyxl.load_workbook(path)
    sheet, lists = book["extraction"], book["lists"]
    found: dict[str, tuple[list[str], str | None]] = {}
    for rule in sheet.data_validations.dataValidation:
        if rule.type != "list":
            continue
        place = re.fullmatch(r"lists!(\$[A-Z]+\$\d+:\$[A-Z]+\$\d+)", rule.formula1)
        assert place is not None
        words = [row[0].value for row in lists[place[1].replace("$", "")]]
        for area in rule.sqref.ranges:
            assert area.min_row == 2
            assert area.max_row >= 1000
            found[header(sheet)[area.min_col - 1]] = (words, rule.errorStyle)
    return found


def test_drop_downs_offer_the_vocabulary(blank: Path) -> None:
    vocabulary = load_vocabulary()
    found = drop_downs(blank)
    for column in (*COLUMNS, *rob_columns(vocabulary)):
        if column.vocabulary is not None:
            words, style = found[column.name]
            assert words == list(vocabulary.terms(column.vocabulary))
            assert style == "warning"  # a word of one's own may stay
        elif column.allowed:
            words, style = found[column.name]
            assert words == list(column.allowed)
            assert style in ("stop", None)  # the format's default is stop
    assert {"Tb.N", "BMD", "ALP"} <= set(found["outcome"][0])
    assert {"g/cm2", "%", "um"} <= set(found["unit"][0])
    assert found["sign"][0] == ["+", "-"]


def test_numbers_are_asked_for_where_numbers_belong(blank: Path) -> None:
    sheet = openpyxl.load_workbook(blank)["extraction"]
    kinds: dict[str, str] = {}
    for rule in sheet.data_validations.dataValidation:
        for area in rule.sqref.ranges:
            kinds[header(sheet)[area.min_col - 1]] = rule.type
    assert kinds["n_treated"] == kinds["n_sham"] == "whole"
    assert {kinds[c.name] for c in COLUMNS if c.kind == "number"} == {"whole", "decimal"}
    # A spreadsheet turns 7-10 into a day, a number above 40,000: no group has so many animals.
    n = next(r for r in sheet.data_validations.dataValidation if r.type == "whole")
    assert int(n.formula2) < 40_000


def test_the_dictionary_names_every_column(blank: Path) -> None:
    sheet = openpyxl.load_workbook(blank)["dictionary"]
    lines = {str(row[0]): row for row in sheet.iter_rows(min_row=2, values_only=True)}
    assert list(lines) == SCHEMA
    assert lines["study"][2] == "yes"
    assert "m1i" in str(lines["mean_treated"][5])
    assert lines["dispersion_type"][4] == "SD, SEM, CI95"
    assert all(row[3] for row in lines.values())


def test_the_words_are_explained(blank: Path) -> None:
    sheet = openpyxl.load_workbook(blank)["words"]
    lines = {(row[0], row[1]): row for row in sheet.iter_rows(min_row=2, values_only=True)}
    assert lines[("outcome", "Tb.Th")][4] == "um"
    assert lines[("outcome", "Tb.Sp")][6] == "lower"


# ---------------------------------------------------------------- it reads back


def test_the_example_validates_and_says_that_it_is_synthetic(blank: Path) -> None:
    table = read_table(blank, sheet="example")
    assert len(table.frame) == 1
    assert table.errors == ()
    assert table.warnings == ()
    assert table.synthetic
    row = table.frame.iloc[0]
    assert "SYNTHETIC" in row["note"]
    # metafor's escalc(measure = "SMD") of the same eight and eight animals.
    effect = escalc(table, "SMD")
    assert effect.yi[0] == pytest.approx(1.463367912364, abs=1e-11)
    assert effect.vi[0] == pytest.approx(0.316920176467, abs=1e-11)


def test_a_filled_sheet_reads_without_naming_its_sheet(blank: Path, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(blank)
    example = [cell.value for cell in book["example"][2]]
    for row in (2, 3):
        for place, value in enumerate(example, start=1):
            book["extraction"].cell(row, place).value = value
    path = tmp_path / "filled.xlsx"
    book.save(path)
    table = read_table(path)
    assert table.source.sheet == "extraction"
    assert table.errors == ()
    assert list(table.frame.index) == [2, 3]


def test_a_sheet_that_nobody_filled_says_so(blank: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no row below it"):
        read_table(blank)
    path = tmp_path / "sheet.csv"
    write_template(path)
    assert path.read_text("utf-8").rstrip("\n").split(",") == SCHEMA
    with pytest.raises(DataError, match="no row below it"):
        read_table(path)


# ---------------------------------------------------------------- begun from a table


def test_the_nine_studies_come_half_filled(seed: Path) -> None:
    table = read_table(seed)
    original = read_table("exosome-osteoporosis")
    assert len(table.frame) == 9
    assert table.errors == ()
    for name in original.frame.columns:
        pd.testing.assert_series_equal(table.frame[name], original.frame[name])
    # The review gives no numbers, and the sheet invents none.
    data = [c.name for c in COLUMNS if c.kind == "number" and c.role == "data"]
    assert table.frame[data].isna().all(axis=None)


def test_each_study_says_what_to_look_up(seed: Path) -> None:
    sheet = openpyxl.load_workbook(seed)["extraction"]
    names = header(sheet)
    assert names[:2] == ["study", "look_up"]
    assert [name for name in names if name in SCHEMA] == SCHEMA
    wanted = {
        str(row[0]): str(row[1]) for row in sheet.iter_rows(min_row=2, max_col=2, values_only=True)
    }
    assert len(wanted) == 9
    assert "SD or SEM" in wanted["Zuo 2019"]
    assert "BV/TV" in wanted["Zuo 2019"]
    assert "which paper this is" in wanted["Wei 2019"]
    assert len(set(wanted.values())) == 9


@pytest.mark.parametrize("name", ["unloading", "exosome-synthetic"])
@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_a_table_survives_the_way_through_a_sheet(name: str, ending: str, tmp_path: Path) -> None:
    original = read_table(name)
    path = tmp_path / f"sheet.{ending}"
    write_template(path, start=original)
    again = read_table(path)
    pd.testing.assert_frame_equal(
        again.frame[original.frame.columns], original.frame, check_dtype=False
    )
    assert [f.code for f in again.errors] == [f.code for f in original.errors]


def test_what_could_not_be_read_is_carried_over_as_printed(tmp_path: Path) -> None:
    source = tmp_path / "mine.csv"
    source.write_text(
        "study,outcome,m1i,n_treated,litter\nA,trabecular thickness,1.5,7-10,x\n", "utf-8"
    )
    start = read_table(source)
    path = tmp_path / "sheet.xlsx"
    write_template(path, start=start)
    sheet = openpyxl.load_workbook(path)["extraction"]
    row = dict(zip(header(sheet), [cell.value for cell in sheet[2]], strict=True))
    assert row["n_treated"] == "7-10"
    assert row["mean_treated"] == 1.5
    assert row["outcome"] == "Tb.Th"
    assert row["litter"] == "x"
    assert [f.column for f in read_table(path).errors] == ["n_treated"]


# ---------------------------------------------------------------- nothing in it runs

HOSTILE = ["=cmd|' /C calc'!A0", "+1+cmd", "-2+3", "@SUM(A1)", "=1+1", "<b>&amp;", "a\x07b"]


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    path = tmp_path / "hostile.parquet"  # a CSV with control characters is not read at all
    frame = pd.DataFrame(
        {"study": HOSTILE, "outcome": "BMD", "=extra": HOSTILE, "look_up": HOSTILE}
    )
    frame.to_parquet(path, index=False)
    return path


def test_no_cell_of_a_workbook_is_a_formula(hostile: Path, tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    write_template(path, start=read_table(hostile))
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/sheet"):
                assert b"<f>" not in archive.read(name)
    sheet = openpyxl.load_workbook(path)["extraction"]
    names = header(sheet)
    for name in ("study", "=extra", "look_up"):
        cells = [sheet.cell(row, names.index(name) + 1) for row in range(2, 9)]
        assert [cell.data_type for cell in cells] == ["s"] * 7
        assert [cell.quotePrefix for cell in cells] == [True] * 5 + [False] * 2
        assert [cell.value for cell in cells][:6] == HOSTILE[:6]
        assert "\x07" not in str(cells[6].value)
    # As text it comes back as it was.
    assert read_table(path).frame["study"].tolist()[:6] == HOSTILE[:6]


def test_no_cell_of_a_csv_begins_as_a_formula(hostile: Path, tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    write_template(path, start=read_table(hostile))
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert list(frame.columns)[-1] == "'=extra"
    for text in frame["study"]:
        assert text[0] not in "=+-@"


def test_a_cell_too_long_for_a_workbook_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "long.csv"
    source.write_text(f"study,outcome,note\nA,BMD,{'x' * 40_000}\n", "utf-8")
    with pytest.raises(DataError, match="40000 characters"):
        write_template(tmp_path / "sheet.xlsx", start=read_table(source))
    assert not (tmp_path / "sheet.xlsx").exists()


# ---------------------------------------------------------------- the file


def test_the_same_sheet_has_the_same_bytes(tmp_path: Path) -> None:
    start = read_table("exosome-osteoporosis")
    first, second = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    template = write_template(first, start=start)
    write_template(second, start=start)
    assert first.read_bytes() == second.read_bytes() == template_workbook(template)
    with zipfile.ZipFile(io.BytesIO(first.read_bytes())) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


def test_words_of_ones_own_are_offered(tmp_path: Path) -> None:
    words = tmp_path / "mine.toml"
    words.write_text('[species."naked mole, rat"]\nlabel = "naked mole-rat"\n', "utf-8")
    path = tmp_path / "sheet.xlsx"
    write_template(path, vocabulary=load_vocabulary(words))
    assert "naked mole, rat" in drop_downs(path)["species"][0]


def test_a_file_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("mine", "utf-8")
    with pytest.raises(FileWriteError, match="--force"):
        write_template(path)
    assert path.read_text("utf-8") == "mine"
    write_template(path, force=True)
    assert path.read_text("utf-8").startswith("study,")


@pytest.mark.parametrize("name", ["sheet", "sheet.ods", "sheet.xls", "sheet.xlsx.txt"])
def test_another_ending_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.xlsx or \.csv"):
        write_template(tmp_path / name)


def test_without_openpyxl_the_message_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingExtraError, match=r"metabone\[excel\]"):
        write_template(tmp_path / "sheet.xlsx")
    write_template(tmp_path / "sheet.csv")


# ---------------------------------------------------------------- the command


def command() -> typer.Typer:
    app = typer.Typer()
    app.command()(new)
    return app


def test_the_command_writes_and_says_what(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    done = CliRunner().invoke(command(), [str(path), "--from", "exosome-osteoporosis"])
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "9 rows from exosome-osteoporosis" in done.stderr
    assert "look_up" in done.stderr
    again = CliRunner().invoke(command(), [str(path)])
    assert isinstance(again.exception, FileWriteError)
    forced = CliRunner().invoke(command(), [str(path), "--force"])
    assert forced.exit_code == 0
    assert openpyxl.load_workbook(path)["extraction"].max_row == 1


def test_the_command_says_synthetic(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        command(), [str(tmp_path / "sheet.csv"), "--from", "exosome-synthetic"]
    )
    assert "SYNTHETIC" in done.stderr


def test_an_unknown_start_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    done = CliRunner().invoke(command(), [str(path), "--from", "exosome-osteoporsis"])
    assert isinstance(done.exception, DataError)
    assert "exosome-osteoporosis" in str(done.exception)
    assert not path.exists()
