"""Every format, encoding, separator and header that a table may come in gives the same table."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metabone.errors import DataError, MetaboneError, MissingExtraError, UsageError
from metabone.extraction.reading import read_table
from metabone.extraction.schema import COLUMNS
from metabone.extraction.table import StudyTable
from metabone.vocabulary import load_vocabulary

from .tables import GOOD, OTHER, as_csv

Writer = Callable[..., Path]
NUMBERS = ("n_treated", "mean_treated", "dispersion_treated", "mean_control")


def notes(table: StudyTable, code: str) -> list[str]:
    return [found.message for found in table.findings if found.code == code]


def same(table: StudyTable) -> None:
    """The frame of two good rows, however they came."""
    assert table.frame["study"].tolist() == ["Adams 2020", "Brown 2021"]
    assert table.frame["mean_treated"].tolist() == [20.1, 21.4]
    assert table.frame["n_control"].tolist() == [8.0, 8.0]
    assert table.frame["dispersion_type"].tolist() == ["SD", "SD"]
    assert table.frame.index.tolist() == [2, 3]
    assert table.errors == ()
    assert table.warnings == ()


def workbook(*sheets: tuple[str, list[list[object]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def typed(row: dict[str, str]) -> list[object]:
    return [float(value) if value[0].isdigit() else value for value in row.values()]


GOOD_ROWS: list[list[object]] = [list(GOOD), typed({**GOOD}), typed({**GOOD, **OTHER})]


class TestText:
    @pytest.mark.parametrize(
        ("encoding", "name"),
        [
            ("utf-8", "UTF-8"),
            ("utf-8-sig", "UTF-8 with BOM"),
            ("utf-16", "UTF-16"),
            ("utf-32", "UTF-32"),
        ],
    )
    @pytest.mark.parametrize("separator", [",", ";", "\t"])
    @pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
    def test_one_table_in_many_dresses(
        self, write: Writer, encoding: str, name: str, separator: str, newline: str
    ) -> None:
        text = as_csv({}, OTHER, separator=separator).replace("\n", newline)
        table = read_table(write(text.encode(encoding)))
        same(table)
        assert table.source.encoding == name
        assert table.source.separator == separator
        assert table.source.decimal == "."

    def test_source_is_the_path_as_given_and_the_hash_of_the_bytes(
        self, write: Writer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write({}, OTHER)
        monkeypatch.chdir(path.parent)
        table = read_table("table.csv")
        assert table.source.file == "table.csv"
        assert table.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert table.source.rows == 2

    @pytest.mark.parametrize(
        ("encoding", "name"), [("cp1252", "cp1252"), ("latin-1", "cp1252"), ("cp1250", "cp1252")]
    )
    def test_what_is_not_utf8_is_read_as_cp1252_and_said(
        self, write: Writer, encoding: str, name: str
    ) -> None:
        table = read_table(write(as_csv({}, {**OTHER, "study": "Müller 2020"}).encode(encoding)))
        assert table.frame["study"][3] == "Müller 2020"
        assert table.source.encoding == name
        assert "line 3" in notes(table, "encoding")[0]
        assert "ller 2020" in notes(table, "encoding")[0]

    def test_bytes_without_a_cp1252_letter_are_latin1(self, write: Writer) -> None:
        table = read_table(write(as_csv({}).encode() + b"Br\x81\xfcn" + b"," * 10 + b"\n"))
        assert table.source.encoding == "Latin-1"

    def test_the_separator_excel_names_in_a_first_line(self, write: Writer) -> None:
        table = read_table(write("sep=;\n" + as_csv({}, OTHER, separator=";")))
        assert table.source.separator == ";"
        assert table.frame.index.tolist() == [3, 4]  # the line is a row of the spreadsheet
        assert table.frame["mean_treated"].tolist() == [20.1, 21.4]

    def test_commas_in_the_header_of_a_semicolon_file(self, write: Writer) -> None:
        text = "study;outcome;site, side;remark, if any;yi;vi\nA;BMD;left, upper;no, none;0.1;0.2\n"
        table = read_table(write(text))
        assert table.source.separator == ";"
        assert table.frame["site, side"].tolist() == ["left, upper"]

    def test_quoted_cells_hold_separators_newlines_and_marks(self, write: Writer) -> None:
        text = 'study,outcome,note,yi,vi\n"A, B","BMD","say ""no""\nand, go",1,2\nC,BMD,x,1,2\n'
        table = read_table(write(text))
        assert table.frame["study"].tolist() == ["A, B", "C"]
        assert table.frame["note"][2] == 'say "no" and, go'
        assert table.printed["note"][2] == 'say "no"\nand, go'
        # Rows are counted as a spreadsheet does: a line break in a cell is no new row.
        assert table.frame.index.tolist() == [2, 3]

    def test_empty_rows_are_skipped_and_still_count(self, write: Writer) -> None:
        first, second, third = as_csv({}, OTHER).splitlines()
        table = read_table(write(f"\n{first}\n\n{second}\n,,,\n , ,\n{third}\n\n\n"))
        assert table.frame.index.tolist() == [4, 7]
        assert notes(table, "blank-rows") == ["3 empty rows skipped (3, 5, 6)"]

    def test_superfluous_separators_at_the_right_are_no_columns(self, write: Writer) -> None:
        table = read_table(write(as_csv({}, OTHER).replace("\n", ",,,\n")))
        same(table)
        assert "" not in table.printed.columns

    def test_missing_marks_are_blank_and_counted(self, write: Writer) -> None:
        row = {**OTHER, "age_weeks": "*", "timepoint_weeks": " NA ", "dose": "-", "cargo": "n/a"}
        table = read_table(write({"age_weeks": "12", "dose": "."}, row))
        assert np.isnan(
            table.frame.loc[3, ["age_weeks", "timepoint_weeks", "dose"]].astype(float)
        ).all()
        assert table.frame["cargo"][3] is None
        (told,) = notes(table, "missing-marks")
        counts = sorted(told.removeprefix("read as blank: ").split(", "))
        assert counts == ["'*' (1)", "'-' (1)", "'.' (1)", "'NA' (1)", "'n/a' (1)"]

    def test_a_dash_is_a_word_in_text_columns(self, write: Writer) -> None:
        table = read_table(write({"engineered": "-", "t": "2", "sign": "-", "mean_treated": "14"}))
        assert table.frame["engineered"].tolist() == ["-"]
        assert table.frame["sign"].tolist() == ["-"]

    def test_a_typographic_minus_is_read_and_said(self, write: Writer) -> None:
        table = read_table(write("study,outcome,yi,vi\nA,BMD,−0.5,0.1\nB,BMD,–0.25,0.1\n"))
        assert table.frame["yi"].tolist() == [-0.5, -0.25]
        assert "2 cells" in notes(table, "unicode-minus")[0]

    def test_superfluous_blanks_in_words_are_not_kept_and_said(self, write: Writer) -> None:
        table = read_table(
            write({"study": "  Adams\u00a0 2020 "}, {**OTHER, "study": "Adams 2020"})
        )
        assert set(table.frame["study"]) == {"Adams 2020"}
        assert notes(table, "blanks-collapsed") == ["superfluous blanks are not kept: study (1)"]
        assert table.printed["study"][2] == "  Adams\u00a0 2020 "


class TestDecimals:
    HEADER = "study;outcome;n_treated;mean_treated;yi;vi\n"

    def test_decimal_commas_of_a_semicolon_file(self, write: Writer) -> None:
        table = read_table(write(self.HEADER + "A;BMD;8;12,5;0,45;0,1\nB;BMD;8;1,239;-,5;1e-2\n"))
        assert table.frame["mean_treated"].tolist() == [12.5, 1.239]
        assert table.frame["yi"].tolist() == [0.45, -0.5]
        assert table.frame["vi"].tolist() == [0.1, 0.01]
        assert table.source.decimal == ","
        assert len(notes(table, "decimal-comma")) == 1
        assert table.errors == ()

    def test_quoted_decimal_commas_of_a_comma_file(self, write: Writer) -> None:
        table = read_table(write('study,outcome,yi,vi\nA,BMD,"0,45","0,1"\nB,BMD,"12,5",2\n'))
        assert table.frame["yi"].tolist() == [0.45, 12.5]
        assert table.source.decimal == ","

    def test_in_a_comma_file_one_group_stays_ambiguous(self, write: Writer) -> None:
        table = read_table(write('study,outcome,yi,vi\nA,BMD,"0,45","0,1"\nB,BMD,"1,239",2\n'))
        assert [(f.row, f.column, f.code) for f in table.errors] == [(3, "yi", "ambiguous-number")]
        assert "1.239 or 1239" in table.errors[0].message

    def test_a_point_among_commas_is_refused(self, write: Writer) -> None:
        table = read_table(write(self.HEADER + "A;BMD;8;12,5;0,45;0,1\nB;BMD;8;1.239;0.5;0,2\n"))
        assert [(f.column, f.code) for f in table.errors] == [
            ("mean_treated", "mixed-decimals"), ("yi", "mixed-decimals"),
        ]  # fmt: skip
        assert np.isnan(table.frame.loc[3, ["mean_treated", "yi"]].astype(float)).all()

    def test_with_one_point_anywhere_one_group_is_ambiguous(self, write: Writer) -> None:
        table = read_table(write(self.HEADER + "A;BMD;8;12,5;0,45;0.1\nB;BMD;8;1,239;0,5;0,2\n"))
        assert {(f.row, f.column, f.code) for f in table.errors} == {
            (2, "vi", "mixed-decimals"), (3, "mean_treated", "ambiguous-number"),
        }  # fmt: skip

    def test_only_thousands_like_points_in_a_semicolon_file_are_doubted(
        self, write: Writer
    ) -> None:
        table = read_table(write(self.HEADER + "A;BMD;8;1.239;1.150;1.002\n"))
        assert {f.code for f in table.warnings} == {"point-or-thousands", "incomplete-row"} - (
            {"incomplete-row"}
        )
        assert table.frame["mean_treated"].tolist() == [1.239]

    @given(values=st.lists(st.floats(0.001, 1e6), min_size=1, max_size=6))
    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
    )
    def test_points_and_commas_give_the_same_floats(
        self, write: Writer, values: list[float]
    ) -> None:
        rows = [f"S{i};BMD;8;{value!r};0.05;0.5\n" for i, value in enumerate(values)]
        text = self.HEADER + "".join(rows)
        with_points = read_table(write(text, name="points.csv"))
        with_commas = read_table(write(text.replace(".", ","), name="commas.csv"))
        assert with_points.frame["mean_treated"].tolist() == values
        assert with_commas.frame["mean_treated"].tolist() == values


class TestWorkbooks:
    def test_numbers_and_texts(self, write: Writer) -> None:
        table = read_table(write(workbook(("Sheet1", GOOD_ROWS)), name="t.xlsx"))
        same(table)
        assert table.source.sheet == "Sheet1"
        assert table.source.encoding is None
        assert table.printed["n_treated"].tolist() == ["8", "8"]

    def test_numbers_stored_as_text(self, write: Writer) -> None:
        rows = [list(GOOD), list(GOOD.values()), list({**GOOD, **OTHER}.values())]
        same(read_table(write(workbook(("data", rows)), name="t.xlsx")))

    def test_a_decimal_comma_as_text_beside_native_numbers(self, write: Writer) -> None:
        rows = [["study", "outcome", "yi", "vi"], ["A", "BMD", 0.5, 0.1], ["B", "BMD", "0,45", 0.1],
                ["C", "BMD", "1,239", 0.1]]  # fmt: skip
        table = read_table(write(workbook(("data", rows)), name="t.xlsx"))
        assert table.frame["yi"].tolist()[:2] == [0.5, 0.45]
        assert [(f.row, f.code) for f in table.errors] == [(4, "ambiguous-number")]

    @pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-300, 1.5e300, -2.5, 5e-324, 123456789.125])
    def test_numbers_are_those_of_the_file(self, write: Writer, value: float) -> None:
        rows = [["study", "outcome", "yi", "vi"], ["A", "BMD", value, 1]]
        table = read_table(write(workbook(("data", rows)), name="t.xlsx"))
        assert table.frame["yi"].tolist() == [float(f"{value:.16g}")]  # as openpyxl writes it

    def test_the_first_sheet_with_the_columns_is_read_and_said(self, write: Writer) -> None:
        data = workbook(("About", [["Read me"]]), ("data", GOOD_ROWS), ("old", GOOD_ROWS[:2]))
        table = read_table(write(data, name="t.xlsx"))
        same(table)
        assert table.source.sheet == "data"
        assert "'data'" in notes(table, "sheet")[0]
        assert "'old' also has them" in notes(table, "sheet")[0]

    def test_a_named_sheet(self, write: Writer) -> None:
        data = workbook(("data", GOOD_ROWS[:2]), ("Other", GOOD_ROWS))
        same(read_table(write(data, name="t.xlsx"), sheet="other"))

    def test_an_unknown_sheet_names_the_nearest(self, write: Writer) -> None:
        path = write(workbook(("extraction", GOOD_ROWS)), name="t.xlsx")
        with pytest.raises(UsageError, match="no sheet 'extractoin'; it has 'extraction'"):
            read_table(path, sheet="extractoin")

    def test_a_sheet_of_a_csv_is_a_wrong_use(self, write: Writer) -> None:
        with pytest.raises(UsageError, match="is for workbooks"):
            read_table(write({}), sheet="data")

    def test_a_range_made_a_date_by_the_spreadsheet(self, write: Writer) -> None:
        rows = [list(GOOD), [*GOOD_ROWS[1]]]
        rows[1][4] = datetime.date(2024, 10, 7)
        table = read_table(write(workbook(("data", rows)), name="t.xlsx"))
        assert [(f.column, f.value, f.code) for f in table.errors] == [
            ("n_treated", "2024-10-07", "date-instead-of-number")
        ]

    def test_true_is_no_number(self, write: Writer) -> None:
        rows = [list(GOOD), [*GOOD_ROWS[1]]]
        rows[1][4] = True
        table = read_table(write(workbook(("data", rows)), name="t.xlsx"))
        assert [(f.value, f.code) for f in table.errors] == [("TRUE", "unreadable-number")]

    def test_merged_header_cells_are_refused(self, write: Writer) -> None:
        book = openpyxl.Workbook()
        sheet = book.worksheets[0]
        sheet.append(["study", "outcome", "treated", "", "control"])
        sheet.append(["", "", "n", "mean", "n"])
        sheet.append(["A", "BMD", 8, 1.0, 8])
        sheet.merge_cells("C1:D1")
        out = io.BytesIO()
        book.save(out)
        with pytest.raises(DataError, match="header cells C1:D1 are merged"):
            read_table(write(out.getvalue(), name="t.xlsx"))

    def test_merged_cells_below_are_told_and_the_blank_study_is_an_error(
        self, write: Writer
    ) -> None:
        book = openpyxl.Workbook()
        sheet = book.worksheets[0]
        for row in GOOD_ROWS:
            sheet.append(row)
        sheet.merge_cells("A2:A3")
        out = io.BytesIO()
        book.save(out)
        table = read_table(write(out.getvalue(), name="t.xlsx"))
        assert [(f.row, f.code) for f in table.errors] == [(3, "study-blank")]
        assert (table.warnings[0].row, table.warnings[0].code) == (2, "merged-cells")
        assert "A2:A3" in table.warnings[0].message

    def test_formulas_give_their_saved_value_and_unsaved_ones_are_told(self, write: Writer) -> None:
        rows = [list(GOOD), [*GOOD_ROWS[1]], [*GOOD_ROWS[2]]]
        rows[2][5] = "=20+1.4"
        table = read_table(write(workbook(("data", rows)), name="t.xlsx"))
        assert np.isnan(table.frame["mean_treated"][3])
        told = [f for f in table.warnings if f.code == "formula-without-value"]
        assert told[0].message.startswith("F3: ")

    def test_a_saved_formula_value_is_read(self, write: Writer, tmp_path: Path) -> None:
        import zipfile

        rows = [list(GOOD), [*GOOD_ROWS[1]], [*GOOD_ROWS[2]]]
        rows[2][5] = "=20+1.4"
        source = zipfile.ZipFile(io.BytesIO(workbook(("data", rows))))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for item in source.namelist():
                content = source.read(item)
                if item.endswith("sheet1.xml"):
                    filled = content.replace(b"<f>20+1.4</f><v></v>", b"<f>20+1.4</f><v>21.4</v>")
                    filled = filled.replace(b"<f>20+1.4</f><v />", b"<f>20+1.4</f><v>21.4</v>")
                    assert filled != content
                    content = filled
                archive.writestr(item, content)
        same(read_table(write(out.getvalue(), name="t.xlsx")))

    def test_a_workbook_called_csv_and_a_csv_called_xlsx(self, write: Writer) -> None:
        same(read_table(write(workbook(("data", GOOD_ROWS)), name="t.csv")))
        same(read_table(write(as_csv({}, OTHER), name="t.xlsx")))

    def test_without_calamine_the_extra_is_named(
        self, write: Writer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write(workbook(("data", GOOD_ROWS)), name="t.xlsx")
        monkeypatch.setitem(sys.modules, "python_calamine", None)
        with pytest.raises(MissingExtraError, match=r"pip install 'metabone\[excel\]'"):
            read_table(path)


class TestParquet:
    def test_typed_columns(self, write: Writer, tmp_path: Path) -> None:
        frame = pd.DataFrame([dict(zip(GOOD, row, strict=True)) for row in GOOD_ROWS[1:]])
        frame["n_treated"] = frame["n_treated"].astype("int64")
        frame["age_weeks"] = [float("nan"), 12.5]
        frame.to_parquet(tmp_path / "t.parquet", index=False)
        table = read_table(tmp_path / "t.parquet")
        same(table)
        assert table.frame["age_weeks"].tolist()[1] == 12.5
        assert table.printed["n_treated"].tolist() == ["8", "8"]

    @given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None
    )
    def test_floats_come_back_to_the_last_bit(self, tmp_path: Path, values: list[float]) -> None:
        size = len(values)
        columns = {"study": ["A"] * size, "outcome": ["BMD"] * size, "yi": values}
        pq.write_table(pa.table(columns), tmp_path / "t.parquet")
        assert read_table(tmp_path / "t.parquet").frame["yi"].tolist() == values

    def test_nulls_decimals_and_lists(self, tmp_path: Path) -> None:
        import decimal

        pq.write_table(
            pa.table({
                "study": ["A", "B", None], "outcome": ["BMD"] * 3,
                "yi": [decimal.Decimal("0.45"), None, decimal.Decimal("1.00")],
                "vi": [0.1, 0.2, float("nan")], "tags": [["x"], [], None],
            }),
            tmp_path / "t.parquet",
        )  # fmt: skip
        table = read_table(tmp_path / "t.parquet")
        assert table.frame["yi"].tolist()[0] == 0.45
        assert {(f.row, f.code) for f in table.errors} == {
            (4, "study-blank"), (4, "yi-without-variance"),
        }  # fmt: skip

    def test_without_pyarrow_the_extra_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "t.parquet").write_bytes(b"PAR1")
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(MissingExtraError, match=r"pip install 'metabone\[excel\]'"):
            read_table(tmp_path / "t.parquet")


class TestHeaders:
    def test_metafor_names(self, write: Writer) -> None:
        text = "slab,outcome,m1i,sd1i,n1i,m2i,sd2i,n2i\nA,BMD,12,2,8,10,2.5,9\n"
        table = read_table(write(text))
        row = table.frame.loc[2]
        assert row["study"] == "A"
        assert (row["n_treated"], row["mean_treated"], row["dispersion_treated"]) == (8, 12, 2)
        assert (row["n_control"], row["mean_control"], row["dispersion_control"]) == (9, 10, 2.5)
        assert row["dispersion_type"] == "SD"
        assert notes(table, "dispersion-type-from-header") == [
            "the headers of the dispersion say SD; 1 row"
        ]
        assert table.errors == ()

    @pytest.mark.parametrize(
        "header", ["Mean treated", "MEAN_TREATED", " mean-treated ", "Mean.Treated", "m1i"]
    )
    def test_spellings_of_a_known_column_are_noted(self, write: Writer, header: str) -> None:
        table = read_table(write(as_csv({}, OTHER).replace("mean_treated", header)))
        same(table)
        assert [(f.column, f.message) for f in table.findings if f.code == "column-read-as"] == [
            (header.strip(), "is read as mean_treated")
        ]

    def test_findings_print_the_header_of_the_file(self, write: Writer) -> None:
        text = as_csv({**GOOD, "n_treated": "7-10"}).replace("n_treated", "N treated")
        assert [f.column for f in read_table(write(text)).errors] == ["N treated"]

    @pytest.mark.parametrize("word", ["sem_", "SE ", "sd-", "ci95_"])
    def test_headers_that_name_the_dispersion(self, write: Writer, word: str) -> None:
        text = as_csv({"dispersion_type": ""}).replace("dispersion_treated", f"{word}treated")
        text = text.replace("dispersion_control", f"{word}control")
        kind = {"sem_": "SEM", "SE ": "SEM", "sd-": "SD", "ci95_": "CI95"}[word]
        table = read_table(write(text))
        assert table.frame["dispersion_type"].tolist() == [kind]
        assert table.errors == ()

    def test_a_header_that_contradicts_the_column(self, write: Writer) -> None:
        text = (
            as_csv({"dispersion_type": "SEM"})
            .replace("dispersion_", "sd_")
            .replace("sd_type", "dispersion_type")
        )
        table = read_table(write(text))
        assert [f.code for f in table.errors] == ["dispersion-type-contradiction"]

    def test_every_column_exists_with_its_type(self, write: Writer) -> None:
        frame = read_table(write({}, OTHER)).frame
        for column in COLUMNS:
            wanted = np.float64 if column.kind == "number" else object
            assert frame[column.name].dtype == wanted, column.name
        assert frame["cargo"].tolist() == [None, None]
        assert list(frame.columns)[: len(COLUMNS)] == [column.name for column in COLUMNS]

    def test_types_hold_with_a_row_that_cannot_be_read(self, write: Writer) -> None:
        table = read_table(write(as_csv({"parity": "2", "cage": "x"}, OTHER) + "A,B\n"))
        for column in COLUMNS:
            wanted = np.float64 if column.kind == "number" else object
            assert table.frame[column.name].dtype == wanted, column.name
        assert table.frame["parity"].dtype == np.float64
        assert table.frame["cage"].tolist() == ["x", None, None]

    def test_further_columns_are_kept_as_numbers_or_text(self, write: Writer) -> None:
        table = read_table(write({"parity": "2", "Cage mates": "x"}, {**OTHER, "parity": "NA"}))
        assert table.frame["parity"].dtype == np.float64
        assert table.frame["Cage mates"].tolist() == ["x", None]
        assert [f for f in table.findings if f.severity == "warning"] == []

    def test_a_column_of_numbers_with_one_word_is_text_and_said(self, write: Writer) -> None:
        rows = [{"study": f"S{i}", "parity": "3"} for i in range(12)]
        rows.append({"study": "T", "parity": "many"})
        table = read_table(write(*rows))
        assert table.frame["parity"].dtype == object
        assert [(f.row, f.value) for f in table.findings if f.code == "column-mostly-numbers"] == [
            (14, "many")
        ]

    @pytest.mark.parametrize("header", ["mean_treted", "dispersion_tretaed", "exosome_sorce"])
    def test_a_misspelt_column_is_warned_of(self, write: Writer, header: str) -> None:
        table = read_table(write(f"study,outcome,{header}\nA,BMD,1\n"))
        first = table.warnings[0]
        assert (first.row, first.column, first.code) == (1, header, "unknown-column")
        assert header in table.frame

    @pytest.mark.parametrize(
        "header", ["dose_2", "parity", "litter", "treated", "q1", "p_adjusted"]
    )
    def test_other_columns_are_not(self, write: Writer, header: str) -> None:
        table = read_table(write(f"study,outcome,{header}\nA,BMD,1\n"))
        assert "unknown-column" not in {f.code for f in table.findings}


class TestWords:
    def test_words_become_canonical_and_it_is_noted(self, write: Writer) -> None:
        row = {"outcome": "bone volume fraction", "species": "Rats", "unit": "percent"}
        table = read_table(write(row, {**OTHER, **row}))
        assert table.frame["outcome"].tolist() == ["BV/TV"] * 2
        assert table.frame["species"].tolist() == ["rat"] * 2
        assert table.frame["unit"].tolist() == ["%"] * 2
        told = [(f.row, f.column, f.value) for f in table.findings if f.code == "word-read-as"]
        assert told == [
            (2, "outcome", "bone volume fraction"), (2, "species", "Rats"), (2, "unit", "percent"),
        ]  # fmt: skip
        assert "2 rows" in notes(table, "word-read-as")[0]

    def test_unknown_words_stay_and_name_the_nearest(self, write: Writer) -> None:
        table = read_table(write({"outcome": "Tb. Thick", "species": "ratt"}))
        assert table.frame["outcome"].tolist() == ["Tb. Thick"]
        told = {f.column: f.message for f in table.findings if f.code == "unknown-word"}
        assert "'rat'" in told["species"]
        assert "'Tb.Th'" in told["outcome"]

    def test_of_very_many_unknown_words_the_first_are_compared(self, write: Writer) -> None:
        rows = [{"outcome": f"Trabecular thicknes {number}"} for number in range(1002)]
        told = [one for one in read_table(write(*rows)).findings if one.column == "outcome"]
        assert len(told) == 1002
        compared = [one for one in told if "not compared: 1,002 words" not in one.message]
        assert len(compared) == 1000
        assert all("'Tb.Th'" in one.message for one in compared)

    @pytest.mark.parametrize(
        ("word", "alike"),
        [("Trabecular thicknes", "Tb.Th"), ("BV/TV (tibia)", "BV/TV"),
         ("Young modulus", "youngs_modulus"), ("Ca", None), ("trabecular bone area", None)],
    )  # fmt: skip
    def test_an_outcome_that_looks_like_a_known_one_is_warned_of(
        self, write: Writer, word: str, alike: str | None
    ) -> None:
        table = read_table(write({"outcome": word}, OTHER))
        found = [one for one in table.findings if one.value == word]
        code = "unknown-word" if alike is None else "misspelt-outcome"
        assert [(one.column, one.code) for one in found] == [("outcome", code)]
        assert alike is None or f"looks like {alike!r}" in found[0].message
        assert table.frame["outcome"].tolist()[0] == word

    @pytest.mark.parametrize(
        ("word", "kind"),
        [
            ("sd", "SD"), ("S.D.", "SD"), ("standard deviation", "SD"), ("SE", "SEM"),
            ("s.e.m.", "SEM"), ("Standard Error", "SEM"), ("95% CI", "CI95"), ("CI95", "CI95"),
        ],
    )  # fmt: skip
    def test_spellings_of_the_dispersion_type(self, write: Writer, word: str, kind: str) -> None:
        table = read_table(write({"dispersion_type": word}))
        assert table.frame["dispersion_type"].tolist() == [kind]
        assert table.errors == ()
        assert (len(notes(table, "dispersion-type-read-as")) == 1) == (word != kind)

    @pytest.mark.parametrize(
        ("word", "sign"),
        [("+", "+"), ("1", "+"), ("positive", "+"), ("Higher", "+"), ("-", "-"), ("−", "-"),
         ("-1", "-"), ("lower", "-")],
    )  # fmt: skip
    def test_signs(self, write: Writer, word: str, sign: str) -> None:
        table = read_table(
            write(f"study,outcome,n_treated,n_control,p,sign\nA,BMD,8,8,0.04,{word}\n")
        )
        assert table.frame["sign"].tolist() == [sign]
        assert table.errors == ()

    @pytest.mark.parametrize("word", ["low", "Low", "LOW RISK", "high", "Unclear risk of bias"])
    def test_judgements_of_risk_of_bias(self, write: Writer, word: str) -> None:
        table = read_table(write({"rob_sequence_generation": word}))
        assert table.frame["rob_sequence_generation"].tolist() == [word.split()[0].lower()]
        assert table.warnings == ()

    def test_words_of_the_user(self, write: Writer, tmp_path: Path) -> None:
        own = tmp_path / "own.toml"
        own.write_text('[species.axolotl]\nlabel = "Axolotl"\nsynonyms = ["axolotls"]\n')
        table = read_table(write({"species": "Axolotls"}), vocabulary=load_vocabulary(own))
        assert table.frame["species"].tolist() == ["axolotl"]


class TestPlaces:
    def test_a_shipped_data_set(self) -> None:
        assert read_table("unloading").source.file == "unloading"

    def test_a_name_that_is_neither(self) -> None:
        with pytest.raises(DataError, match=r"does not exist.*'unloading'"):
            read_table("unlaoding")

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"no\.csv does not exist"):
            read_table(tmp_path / "no.csv")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="is a folder"):
            read_table(tmp_path)

    @pytest.mark.parametrize("name", ["a\0b.csv", "x" * 5000 + ".csv", "no/such/folder.csv"])
    def test_impossible_names(self, name: str) -> None:
        with pytest.raises(DataError):
            read_table(name)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    def test_a_file_that_may_not_be_read(self, write: Writer) -> None:
        path = write({})
        path.chmod(0)
        with pytest.raises(DataError, match="cannot be read: Permission denied"):
            read_table(path)

    def test_an_unreadable_file(self, write: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
        def deny(_: Path) -> bytes:
            raise PermissionError(13, "Permission denied")

        path = write({})
        monkeypatch.setattr(Path, "read_bytes", deny)
        with pytest.raises(DataError, match="cannot be read: Permission denied"):
            read_table(path)

    def test_standard_input(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stream = io.TextIOWrapper(io.BytesIO(as_csv({}, OTHER).encode()))
        monkeypatch.setattr(sys, "stdin", stream)
        table = read_table("-")
        same(table)
        assert table.source.file == "-"


class TestSize:
    def test_forty_thousand_rows(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(1)
        n = 40_000
        frame = pd.DataFrame({"study": [f"S{i // 20}" for i in range(n)], "outcome": "BV/TV"})
        frame["comparison"] = [f"arm {i % 20}" for i in range(n)]
        frame["unit"], frame["dispersion_type"] = "%", "SD"
        for arm in ("treated", "control"):
            frame[f"n_{arm}"] = 8
            frame[f"mean_{arm}"] = rng.normal(25, 1, n)
            frame[f"dispersion_{arm}"] = rng.uniform(2, 3, n)
        frame.to_csv(tmp_path / "t.csv", index=False)
        table = read_table(tmp_path / "t.csv")
        assert table.errors == ()
        assert table.frame["mean_treated"].tolist() == frame["mean_treated"].tolist()

    def test_a_thousand_columns(self, write: Writer) -> None:
        header = ",".join(f"extra {i}" for i in range(1000))
        table = read_table(write(f"study,outcome,{header}\nA,BMD{',1.5' * 1000}\n"))
        assert table.frame["extra 999"].tolist() == [1.5]


@given(data=st.binary(max_size=400))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None
)
def test_any_bytes_give_a_table_or_one_of_our_errors(write: Writer, data: bytes) -> None:
    leads = (
        b"", b"study,outcome,n_treated,mean_treated\n", b"study;outcome;yi;vi\n", b"PK\x03\x04",
        b"PAR1", b"\xff\xfe", b"\xd0\xcf\x11\xe0",
    )  # fmt: skip
    for lead in leads:
        with contextlib.suppress(MetaboneError):
            read_table(write(lead + data))


@given(
    places=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8)
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
def test_a_damaged_workbook_gives_a_table_or_one_of_our_errors(
    write: Writer, places: list[tuple[int, int]]
) -> None:
    data = bytearray(workbook(("data", GOOD_ROWS)))
    for place, value in places:
        data[place % len(data)] = value
    with contextlib.suppress(MetaboneError):
        read_table(write(bytes(data), name="t.xlsx"))


@given(
    cells=st.lists(
        st.lists(st.text(st.characters(codec="utf-8"), max_size=8), min_size=4, max_size=4),
        min_size=1, max_size=5,
    )
)  # fmt: skip
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None
)
def test_any_cells_are_kept_as_printed(write: Writer, cells: list[list[str]]) -> None:
    import csv

    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([["study", "outcome", "yi", "more"], *cells])
    try:
        table = read_table(write(out.getvalue().encode()))
    except DataError:
        return
    for row, kept in table.printed.iterrows():
        assert kept.tolist() == cells[int(str(row)) - 2]
