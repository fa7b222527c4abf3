"""What checking says of real data, of real reporting errors, and of tables that are in order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metabone.extraction.codes import SEVERITY
from metabone.extraction.reading import read_table
from metabone.extraction.schema import COLUMNS
from metabone.extraction.table import StudyTable
from metabone.extraction.validate import RULES

from .tables import OTHER

Writer = Callable[..., Path]
DATA = Path(__file__).parent / "data"
ROOT = Path(__file__).resolve().parents[2]


def found(table: StudyTable) -> set[tuple[int | None, str | None, str]]:
    """Errors and warnings."""
    return {(f.row, f.column, f.code) for f in table.findings if f.severity != "note"}


def codes(table: StudyTable) -> Counter[str]:
    return Counter(f.code for f in table.findings)


@pytest.mark.parametrize(("name", "rows", "studies"), [("unloading", 483, 15), ("anabolic", 85, 7)])
def test_the_real_data_have_no_errors(name: str, rows: int, studies: int) -> None:
    table = read_table(name)
    assert (len(table.frame), table.frame["study"].nunique()) == (rows, studies)
    assert table.errors == ()
    assert "shared-control-undeclared" not in codes(table)
    assert "duplicate-row" not in codes(table)


def test_the_real_data_say_which_rows_have_no_n() -> None:
    """PROVENANCE of the data: 408 of 483 and 60 of 85 rows have both n."""
    for name, complete in (("unloading", 408), ("anabolic", 60)):
        table = read_table(name)
        lacking = {f.row for f in table.findings if f.code == "incomplete-row"}
        assert len(table.frame) - len(lacking) == complete
        blank = table.frame[["n_treated", "n_control"]].isna().any(axis=1)
        assert lacking == set(table.frame.index[blank])


class TestTraps:
    """Each file as its README says."""

    def test_se_as_fraction(self) -> None:
        table = read_table(DATA / "se_as_fraction.csv")
        assert codes(table)["tiny-dispersion"] == 4
        assert codes(table)["huge-effect"] == 2
        assert table.errors == ()
        # Doubted, not multiplied by 100.
        assert table.frame["dispersion_treated"].tolist() == [0.008, 0.005]

    def test_se_larger_than_mean(self) -> None:
        table = read_table(DATA / "se_larger_than_mean.csv")
        assert found(table) == {
            (2, "dispersion_treated", "dispersion-over-mean"),
            (3, "dispersion_treated", "dispersion-over-mean"),
            (4, "dispersion_treated", "dispersion-over-mean"),
            (2, "dispersion_treated", "arms-differ"),
            (3, "dispersion_treated", "arms-differ"),
        }
        told = {f.row: f.message for f in table.findings if f.code == "arms-differ"}
        assert "13.6-fold" in told[2]
        assert "17.7-fold" in told[3]

    def test_dispersion_missing(self) -> None:
        table = read_table(DATA / "dispersion_missing.csv")
        assert found(table) == {(2, None, "incomplete-row"), (3, None, "incomplete-row")}
        assert "dispersion_treated is blank" in table.warnings[0].message

    def test_zero_dispersion(self) -> None:
        table = read_table(DATA / "zero_dispersion.csv")
        zero = {f.row for f in table.errors if f.code == "zero-dispersion"}
        assert zero == set(table.frame.index)
        assert "infinite weight" in next(
            f.message for f in table.errors if f.code == "zero-dispersion"
        )

    def test_n_as_range(self) -> None:
        table = read_table(DATA / "n_as_range.csv")
        errors = {(f.row, f.column) for f in table.errors if f.code == "unreadable-number"}
        for name in ("n_treated", "n_control"):
            for row, cell in table.printed[name].items():
                assert ((row, name) in errors) == ("-" in cell)
                assert np.isnan(table.frame.loc[row, name]) == ("-" in cell)
        assert "no midpoint is taken" in table.errors[0].message

    def test_mm_for_um(self) -> None:
        table = read_table(DATA / "mm_for_um.csv")
        outside = {(f.row, f.column) for f in table.findings if f.code == "out-of-range"}
        assert outside == {
            (row, name) for row in (2, 3, 4, 5) for name in ("mean_treated", "mean_control")
        }
        assert (6, "unit", "unknown-unit") in found(table)

    def test_broken_brackets(self) -> None:
        table = read_table(DATA / "broken_brackets.csv")
        broken = {(f.row, f.column) for f in table.warnings if "without its partner" in f.message}
        assert broken == {(2, "ground_surgery"), (3, "ground_sham")}
        assert codes(table)["two-numbers-in-cell"] == 12

    def test_conflicting_reports(self) -> None:
        table = read_table(DATA / "conflicting_reports.csv")
        assert codes(table)["two-numbers-in-cell"] == 6

    def test_thousands_comma(self) -> None:
        table = read_table(DATA / "thousands_comma.csv")
        assert [(f.row, f.column, f.value, f.code) for f in table.errors] == [
            (2, "mean_treated", "1,239", "ambiguous-number"),
            (2, "mean_control", "1,249", "ambiguous-number"),
        ]
        assert np.isnan(table.frame.loc[2, "mean_treated"])
        assert table.frame.loc[3, "mean_treated"] == 608

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("two_header_rows", "the header spans two rows (1 and 2)"),
            ("latin1", "read as text in cp1252"),
            ("star_for_missing", "read as text in UTF-8 with BOM"),
            ("duplicate_values", "no column 'outcome'"),
        ],
    )
    def test_what_is_no_extraction_table(self, name: str, words: str) -> None:
        from metabone.errors import DataError

        with pytest.raises(DataError, match=re.escape(words)):
            read_table(DATA / f"{name}.csv")

    def test_star_for_missing_with_the_columns_of_ours(self, tmp_path: Path) -> None:
        """The same bytes below a header that names what they are."""
        lines = (DATA / "star_for_missing.csv").read_bytes().split(b"\n")
        lines[0] = lines[0].replace(b"Source Name", b"study").replace(b"Sample Name", b"outcome")
        (tmp_path / "t.csv").write_bytes(b"\n".join(lines))
        table = read_table(tmp_path / "t.csv")
        numeric = [name for name in table.frame if table.frame[name].dtype == np.float64]
        assert "Mineral_apposition_rate_MAR_micrometers_per_day" in numeric
        assert "'*'" in next(f.message for f in table.findings if f.code == "missing-marks")
        # The line with nothing but a sample name is no study's row.
        assert [(f.row, f.code) for f in table.errors] == [(len(table.frame) + 1, "study-blank")]

    def test_latin1_with_the_columns_of_ours(self, tmp_path: Path) -> None:
        data = (DATA / "latin1.csv").read_bytes()
        data = data.replace(b'"study name"', b'"study"').replace(b'"type of test"', b'"outcome"')
        (tmp_path / "t.csv").write_bytes(data)
        table = read_table(tmp_path / "t.csv")
        assert any("Clément_2020" in name for name in table.frame["study"])
        assert codes(table)["encoding"] == 1
        assert table.source.encoding == "cp1252"


class TestRoutes:
    """A row is complete by any of the routes to an effect."""

    BLANK = dict.fromkeys(
        ("mean_treated", "dispersion_treated", "mean_control", "dispersion_control",
         "dispersion_type"), "",
    )  # fmt: skip

    @pytest.mark.parametrize(
        "row",
        [
            {"median_treated": "5", "q1_treated": "4", "q3_treated": "7",
             "median_control": "3", "q1_control": "2", "q3_control": "4"},
            {"median_treated": "5", "min_treated": "2", "max_treated": "9",
             "median_control": "3", "q1_control": "2", "q3_control": "4"},
            {"t": "2.1"}, {"f": "4.4", "sign": "+"}, {"p": "0.04", "sign": "-"},
            {"yi": "0.8", "vi": "0.1", "n_treated": "", "n_control": ""},
            {"yi": "0.8", "sei": "0.3"}, {"yi": "0.8", "vi": "0.09", "sei": "0.3"},
            {"yi": "0.8", "vi": "0.044", "sei": "0.21"},  # agree as far as they are printed
            {"yi": "-0.8", "vi": "1e-4", "sei": "1e-2"},
            {"p": "1", "sign": "+"}, {"f": "0", "sign": "+"},
        ],
    )  # fmt: skip
    def test_complete(self, write: Writer, row: dict[str, str]) -> None:
        assert found(read_table(write({**self.BLANK, **row}))) == set()

    def test_no_numbers_is_a_note(self, write: Writer) -> None:
        table = read_table(write("study,outcome,cargo\nA,BMD,miR-335\n"))
        assert found(table) == set()
        assert codes(table)["no-numbers"] == 1

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ({"n_treated": ""}, "n_treated is blank: no effect size"),
            ({"n_treated": "", "n_control": ""}, "n_treated and n_control are blank"),
            ({"mean_control": "", "dispersion_control": ""},
             "mean_control and dispersion_control are blank"),
            ({**BLANK, "median_treated": "5", "q1_treated": "4"}, "median and quartiles"),
            ({**BLANK, "t": "2", "n_treated": ""}, "n_treated is blank"),
            ({**BLANK, "vi": "0.2"}, "yi is blank"),
        ],
    )  # fmt: skip
    def test_what_is_missing_is_named(
        self, write: Writer, row: dict[str, str], message: str
    ) -> None:
        told = [f.message for f in read_table(write(row)).findings if f.code == "incomplete-row"]
        assert len(told) == 1
        assert message in told[0]


class TestDoubts:
    def test_a_log_ratio_outcome_that_may_be_negative(self, write: Writer) -> None:
        """SMI is no ratio scale: a mean below zero or near it is nothing to warn of."""
        row = {"outcome": "SMI", "unit": "", "mean_treated": "-0.1", "mean_control": "0.02",
               "dispersion_treated": "0.5", "dispersion_control": "0.4"}  # fmt: skip
        assert found(read_table(write(row))) == set()

    def test_ranges_follow_unit_and_species(self, write: Writer) -> None:
        row = {"outcome": "Tb.Th", "mean_treated": "0.045", "mean_control": "0.041",
               "dispersion_treated": "0.004", "dispersion_control": "0.004"}  # fmt: skip
        in_mm = read_table(write({**row, "unit": "mm", "species": "mouse"}))
        in_um = read_table(write({**row, "unit": "um", "species": "mouse"}))
        unknown = read_table(write({**row, "unit": "um", "species": "axolotl"}))
        assert "out-of-range" not in codes(in_mm)
        assert codes(in_um)["out-of-range"] == 2
        assert "out-of-range" not in codes(unknown)

    @pytest.mark.parametrize(
        ("unit", "told"), [("g/cm2", 0), ("mg/cm3", 0), ("", 1), ("%", 1), ("T-score", 1)]
    )
    def test_bmd_is_areal_or_volumetric(self, write: Writer, unit: str, told: int) -> None:
        row = {"outcome": "BMD", "unit": unit, "species": ""}
        assert codes(read_table(write(row)))["bmd-kind-unknown"] == told

    def test_an_unknown_unit_names_the_accepted_ones(self, write: Writer) -> None:
        table = read_table(write({"unit": "furlong"}))
        (told,) = [f for f in table.findings if f.code == "unknown-unit"]
        assert "accepted: %" in told.message

    def test_the_same_control_with_an_id_is_declared(self, write: Writer) -> None:
        rows = [{"comparison": "low", "control_id": "c"},
                {"comparison": "high", "control_id": "c", "mean_treated": "22"}]  # fmt: skip
        assert found(read_table(write(*rows))) == set()

    def test_other_sites_of_one_control_may_differ(self, write: Writer) -> None:
        rows = [{"site": "femur", "control_id": "c"},
                {"site": "tibia", "control_id": "c", "mean_control": "17"}]  # fmt: skip
        assert found(read_table(write(*rows))) == set()

    def test_an_excluded_row_has_no_errors(self, write: Writer) -> None:
        table = read_table(write({"n_treated": "7-10", "exclude": "n is a range"}))
        assert table.errors == ()
        assert [f.severity for f in table.findings if f.code == "unreadable-number"] == ["note"]


class TestCodes:
    def test_findings_come_in_row_order(self, write: Writer) -> None:
        rows = [{**OTHER, "study": f"S{i}", "n_treated": "x", "age_weeks": "NA"} for i in range(5)]
        told = [f.row for f in read_table(write(*rows)).findings]
        assert told == sorted(told, key=lambda row: -1 if row is None else row)

    def test_every_code_is_documented_with_its_severity(self) -> None:
        page = (ROOT / "docs" / "commands" / "check.md").read_text(encoding="utf-8")
        rows = dict(
            re.findall(r"^\| `([a-z0-9-]+)` \| (error|warning|note) \|", page, re.MULTILINE)
        )
        assert rows == dict(SEVERITY)

    def test_every_code_in_the_source_is_known(self) -> None:
        source = "\n".join(
            path.read_text(encoding="utf-8")
            for path in (ROOT / "metabone" / "extraction").glob("*.py")
            if not path.name.startswith("template")
        )
        used = {code for code in SEVERITY if source.count(f'"{code}"') >= 2}
        assert used == set(SEVERITY)

    def test_every_rule_is_explained(self) -> None:
        assert all(rule.__doc__ for rule in RULES)

    def test_every_column_is_documented(self) -> None:
        page = (ROOT / "docs" / "extraction-table.md").read_text(encoding="utf-8")
        for column in COLUMNS:
            row = re.search(rf"^\| `{column.name}` \|(.*)$", page, re.MULTILINE)
            assert row, column.name
            for synonym in column.synonyms:
                assert f"`{synonym}`" in row.group(1), (column.name, synonym)
            for word in column.allowed:
                assert word in row.group(1), (column.name, word)
