"""Each rule on a row that breaks it and on one that does not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from metabone.errors import UsageError
from metabone.extraction.audit.audit import audit
from metabone.extraction.audit.codes import CODES, LOOK_UP, check_codes
from metabone.extraction.audit.published import audit_published
from metabone.extraction.audit.results import Suspicion
from metabone.extraction.audit.rules_counts import read_range, significant
from metabone.extraction.audit.rules_digits import effect_bound
from metabone.extraction.audit.rules_direction import direction_of
from metabone.extraction.codes import SEVERITY
from metabone.extraction.reading import read_table

from ..tables import as_csv

Row = Mapping[str, str]
ARMS = {
    "mean_treated": "20.13", "dispersion_treated": "2.51", "mean_control": "15.24",
    "dispersion_control": "2.24",
}  # fmt: skip
NO_ARMS = dict.fromkeys((*ARMS, "dispersion_type"), "")


def look(tmp_path: Path, *rows: Row, off: tuple[str, ...] = ()) -> tuple[Suspicion, ...]:
    path = tmp_path / "table.csv"
    path.write_text(as_csv(*rows), encoding="utf-8")
    return audit(read_table(path), off=off)


def papers(k: int, **cells: str) -> list[Row]:
    """Different papers with sound numbers."""
    rng = np.random.default_rng(5)
    return [
        {
            "study": f"Paper {i}", "mean_treated": f"{rng.normal(22, 1.5):.2f}",
            "mean_control": f"{rng.normal(15, 1.5):.2f}",
            "dispersion_treated": f"{rng.normal(2.6, 0.3):.2f}",
            "dispersion_control": f"{rng.normal(2.4, 0.3):.2f}", **cells,
        }
        for i in range(k)
    ]  # fmt: skip


CASES: tuple[tuple[str, str, list[Row], int], ...] = (
    ("per cent entered as a fraction's unit", "unit-scale",
     [{"unit": "fraction", "mean_treated": "20.1", "mean_control": "15.2"}], 2),
    ("one arm in another unit", "unit-scale",
     [{"mean_treated": "0.201", "dispersion_treated": "0.025"}], 2),
    ("an outcome nobody knows, one paper a thousand times higher", "unit-scale",
     [*papers(6, outcome="osteoid index", unit="au"),
      {"outcome": "osteoid index", "unit": "au", "study": "Off", "mean_treated": "20100",
       "dispersion_treated": "2510", "mean_control": "15200", "dispersion_control": "2200"}], 8),
    ("a density by area per volume", "areal-as-volumetric",
     [{"outcome": "aBMD", "unit": "mg/cm3", "mean_treated": "620", "dispersion_treated": "60",
       "mean_control": "540", "dispersion_control": "51"}], 2),
    ("DXA of a volume", "areal-as-volumetric",
     [{"outcome": "vBMD", "unit": "mg/cm3", "assay": "DXA", "mean_treated": "620",
       "dispersion_treated": "60", "mean_control": "540", "dispersion_control": "51"}], 2),
    ("better against the vocabulary", "direction-contradiction", [{"better": "lower"}], 2),
    ("words against numbers", "direction-contradiction",
     [{"note": "BV/TV was reduced by treatment"}], 2),
    ("t beside the arms", "t-mismatch", [{"t": "11.7"}], 2),
    ("p beside the arms", "p-mismatch", [{**ARMS, "p": "0.4"}], 2),
    ("yi against the means", "yi-sign", [{"yi": "-2.0", "vi": "0.4"}], 2),
    ("yi against its sign", "yi-sign",
     [{**NO_ARMS, "yi": "-2.0", "vi": "0.4", "p": "0.01", "sign": "+"}], 2),
    ("an uneven interval", "asymmetric-interval",
     [{**NO_ARMS, "yi": "1.00", "vi": "0.04", "ci_low": "0.61", "ci_high": "2.39"}], 2),
    ("an estimate outside", "asymmetric-interval",
     [{**NO_ARMS, "yi": "3.00", "vi": "0.04", "ci_low": "0.61", "ci_high": "1.39"}], 2),
    ("vi that holds the standard error", "asymmetric-interval",
     [{**NO_ARMS, "yi": "1.00", "vi": "0.2", "ci_low": "0.61", "ci_high": "1.39"}], 2),
    ("vi that holds the standard error, not far from one", "asymmetric-interval",
     [{**NO_ARMS, "yi": "1.20", "vi": "0.45", "ci_low": "0.32", "ci_high": "2.08"}], 2),
    ("BMD by volume a thousand times too high", "unit-scale",
     [{"outcome": "BMD", "unit": "mg/cm3", "mean_treated": "620000", "dispersion_treated": "60000",
       "mean_control": "540000", "dispersion_control": "51000"}], 2),
    ("a range of n in the note", "n-as-range", [{"note": "n = 8-10 per group"}], 2),
    ("more animals than the cohort", "cohort-exceeded", [{"n_cohort": "12"}], 2),
    ("more animals than N in the note", "cohort-exceeded", [{"note": "N = 12 rats in all"}], 2),
    ("two papers of the same animals", "same-animals-twice",
     [{**ARMS, "control_id": "a"}, {**ARMS, "control_id": "b", "study": "Later 2022",
                                    "mean_treated": "21.87", "dispersion_treated": "2.19"}], 3),
    ("a cell copied into another outcome", "duplicate-value",
     [{**ARMS}, {**ARMS, "outcome": "Tb.N", "unit": "1/mm", "mean_control": "18.67"}], 3),
    ("arms 12 SDs apart", "effect-over-bound",
     [{"mean_treated": "40.2", "dispersion_treated": "2.0", "dispersion_control": "2.1"}], 2),
    ("a treated arm that is the control elsewhere", "arms-swapped",
     [{**ARMS, "comparison": "a", "control_id": "c"},
      {**ARMS, "comparison": "b", "control_id": "c", "mean_treated": "22.9"},
      {"comparison": "d", "mean_treated": "15.24", "dispersion_treated": "2.24",
       "mean_control": "19.71", "dispersion_control": "2.33", "control_id": "d"}], 4),
    ("ten times as much as two other rows of the paper", "unit-scale",
     [*({"site": site, "outcome": "osteoid index", "unit": "au", **ARMS} for site in ("a", "b")),
      {"site": "c", "outcome": "osteoid index", "unit": "au", "mean_treated": "201",
       "dispersion_treated": "25", "mean_control": "152", "dispersion_control": "22"}], 4),
    ("one of two rows of a paper, of an outcome that is known", "unit-scale",
     [{"site": "femur"}, {"site": "tibia", "mean_treated": "2.11", "dispersion_treated": "0.26",
                          "mean_control": "1.49", "dispersion_control": "0.23"}], 3),
    ("one outcome of an animal that turns against eight others", "arms-swapped",
     [{"outcome": outcome, "unit": unit, "mean_treated": "30.1", "dispersion_treated": "2.0",
       "mean_control": "22.3", "dispersion_control": "2.1"}
      for outcome, unit in (("BV/TV", "%"), ("Conn.D", "1/mm3"), ("Tb.Th", "um"), ("max_load", "N"),
                            ("stiffness", "N/mm"), ("BFR/BS", "um3/um2/d"), ("P1NP", "ng/ml"))]
     + [{"outcome": "OCN", "unit": "ng/ml", "mean_treated": "22.4", "dispersion_treated": "2.1",
         "mean_control": "30.2", "dispersion_control": "2.0"}], 9),
    ("a row of another paper with few digits, both arms alike", "same-animals-twice",
     [{}, {"study": "Later 2022"}], 3),
    ("the control of a study under another id", "same-animals-twice",
     [{**ARMS, "control_id": "a"}, {**ARMS, "control_id": "b", "mean_treated": "21.87",
                                    "dispersion_treated": "2.19", "comparison": "x"}], 3),
    ("a paper that turns the effect of all others", "arms-swapped",
     [*papers(9), {"study": "Turned", "mean_treated": "15.4", "mean_control": "22.2",
                   "dispersion_treated": "2.5", "dispersion_control": "2.4"}], 11),
)  # fmt: skip


@pytest.mark.parametrize(("code", "rows", "row"), [case[1:] for case in CASES],
                         ids=[case[0] for case in CASES])  # fmt: skip
def test_the_rule_finds_it(code: str, rows: list[Row], row: int, tmp_path: Path) -> None:
    found = [each for each in look(tmp_path, *rows) if each.code == code]
    assert row in {each.row for each in found}
    for each in found:
        assert 0 < each.strength <= 1
        assert each.look_up == LOOK_UP[code]
        assert "\n" not in each.message
        assert (each.severity == "note") or each.strength >= 0.5


def test_sound_rows_raise_nothing(tmp_path: Path) -> None:
    assert look(tmp_path, *papers(12)) == ()


SOUND: tuple[tuple[str, Row], ...] = (
    ("t-mismatch", {**ARMS, "t": "4.11"}),
    ("p-mismatch", {**ARMS, "p": "0.001"}),
    ("yi-sign", {**ARMS, "yi": "1.94", "vi": "0.4"}),
    ("asymmetric-interval",
     {**NO_ARMS, "yi": "1.0", "vi": "0.04", "ci_low": "0.6", "ci_high": "1.4"}),
    ("n-as-range", {"note": "weeks 8-10"}),
    ("cohort-exceeded", {"n_cohort": "16"}),
    ("cohort-exceeded", {"note": "N = 10 mice/group"}),
    ("cohort-exceeded", {"note": "N=8 rats per group"}),
    ("direction-contradiction", {"comparison": "lower dose vs vehicle"}),
    ("direction-contradiction", {"note": "reduced bone loss"}),
    ("direction-contradiction", {"note": "increased, see text"}),
    ("direction-contradiction", {"note": "not reduced"}),
    ("areal-as-volumetric", {"outcome": "aBMD", "unit": "g/cm2", "assay": "DXA"}),
)  # fmt: skip


@pytest.mark.parametrize(("code", "row"), SOUND)
def test_the_rule_lets_a_sound_row_pass(code: str, row: Row, tmp_path: Path) -> None:
    assert code not in {each.code for each in look(tmp_path, row)}


def test_a_p_that_fits_the_other_kind_of_dispersion_says_so(tmp_path: Path) -> None:
    """The p is that of SEMs, by scipy from the means; the row says SD."""
    n, difference, sem = 8, 2.0, 0.7
    p = stats.ttest_ind_from_stats(17, sem * n**0.5, n, 17 - difference, sem * n**0.5, n).pvalue
    row = {"mean_treated": "17.00", "mean_control": "15.00", "dispersion_treated": "0.700",
           "dispersion_control": "0.700", "p": f"{p:.4f}"}  # fmt: skip
    found = {each.code: each for each in look(tmp_path, row)}
    assert found["p-mismatch"].correction == {"dispersion_type": "SEM"}
    assert found["sem-as-sd"].correction == {"dispersion_type": "SEM"}


@pytest.mark.parametrize(
    "rows",
    [
        [{**ARMS, "mean_control": f"{15 + i}.24", "mean_treated": f"{20 + i}.31", "site": site}
         for i, site in enumerate("abc")],
        # Two papers that agree in two digits each.
        [{**ARMS, "mean_control": "15", "dispersion_control": "2"},
         {**ARMS, "mean_control": "15", "dispersion_control": "2", "study": "Later 2022",
          "mean_treated": "21.87"}],
        # Young and old animals: two rows alone do not say which is off, and three-fold is no slip.
        [{"timepoint_weeks": "1"}, {"timepoint_weeks": "9", "mean_treated": "6.1",
          "dispersion_treated": "0.8", "mean_control": "5.2", "dispersion_control": "0.7"}],
    ],
    ids=["sites", "few digits", "old animals"],
)  # fmt: skip
def test_rows_that_may_well_be_right_raise_no_warning(rows: list[Row], tmp_path: Path) -> None:
    told = [each for each in look(tmp_path, *rows) if each.severity == "warning"]
    assert [each.code for each in told] == []


def test_of_two_rows_a_hundred_fold_apart_both_are_told_weakly(tmp_path: Path) -> None:
    """Nobody knows the outcome: either may be off, and neither is a warning."""
    own = {"outcome": "osteoid index", "unit": "au", **ARMS}
    far = {"mean_treated": "2013", "dispersion_treated": "251", "mean_control": "1524",
           "dispersion_control": "224"}  # fmt: skip
    found = [each for each in look(tmp_path, own, {**own, **far}) if each.code == "unit-scale"]
    assert {(each.row, each.severity) for each in found} == {(2, "note"), (3, "note")}


def test_many_studies_with_one_control_are_told_once_each(tmp_path: Path) -> None:
    rows = [{**ARMS, "study": f"{'Copy' * 100} {i}"} for i in range(8)]
    found = [each for each in look(tmp_path, *rows) if each.code == "same-animals-twice"]
    assert [each.row for each in found] == list(range(3, 10))
    assert max(len(each.message) for each in found) < 250


def test_a_p_is_the_more_suspect_the_further_it_is(tmp_path: Path) -> None:
    """|t| of these arms is 4.1: p of 0.02 may be adjusted, p of 0.4 hardly."""
    strengths = []
    for p in ("0.02", "0.1", "0.4"):
        found = {each.code: each for each in look(tmp_path, {**ARMS, "p": p})}
        strengths.append(found["p-mismatch"].strength if "p-mismatch" in found else 0.0)
    assert strengths == sorted(strengths)
    assert strengths[0] < 0.5 < strengths[-1]


def test_numbers_near_the_largest_raise_no_warning_of_the_computer(tmp_path: Path) -> None:
    look(tmp_path, {"mean_treated": "1e308", "mean_control": "-1e308"}, {"mean_treated": "1e-320"})


def test_what_is_told_can_be_turned_off(tmp_path: Path) -> None:
    row = {"t": "11.7", "note": "n = 8-10 per group"}
    assert {each.code for each in look(tmp_path, row)} == {"t-mismatch", "n-as-range"}
    assert {e.code for e in look(tmp_path, row, off=("t-mismatch",))} == {"n-as-range"}


@pytest.mark.parametrize(
    ("off", "words"),
    [
        (["sem-as-sdd"], "'sem-as-sd'"),
        (["zero-dispersion"], "cannot be turned off"),
        ("sem-as-sd", "list of codes"),
    ],
)
def test_a_code_that_cannot_be_turned_off_is_refused(off: list[str] | str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check_codes(off)


def test_codes_of_the_audit_are_none_of_checking() -> None:
    assert not set(CODES) & set(SEVERITY)


def test_an_excluded_row_has_notes_alone(tmp_path: Path) -> None:
    found = look(tmp_path, {"t": "11.7", "exclude": "duplicate of Brown"})
    assert [each.severity for each in found] == ["note"]


def test_the_strongest_comes_first(tmp_path: Path) -> None:
    found = look(tmp_path, {"t": "11.7", "p": "0.4", "note": "n = 8-10 per group"})
    order = [(each.severity != "warning", -each.strength) for each in found]
    assert order == sorted(order)
    assert len(found) == 3


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("n = 7–10", (7, 10)), ("N: 8 to 9 per group", (8, 9)), ("6-8 rats", (6, 8)),
        ("8-11/group", (8, 11)), ("weeks 3-4", None), ("n = 8", None), ("p = 0.02-0.05", None),
        ("n = 10-7", None), ("2019-2020", None),
        ("n ranged from 6 to 8", (6, 8)), ("n=6\u20118", (6, 8)), ("groups of 6–8", (6, 8)),
        ("n between 6 and 8", (6, 8)), ("8-10 male rats", (8, 10)), ("days 7-10 per group", None),
        ("3-5 rats per cage", None), ("8-10 week-old rats", None), ("n = 8, weeks 6-8", None),
    ],
)  # fmt: skip
def test_ranges_of_animals_are_read(text: str, limits: tuple[int, int] | None) -> None:
    assert read_range(text) == limits


@pytest.mark.parametrize(
    ("text", "direction"),
    [("higher than PBS", 1), ("−24% vs control", -1), ("load", 0), ("increased then decreased", 0),
     ("no increase", 0), ("", 0), ("higher dose", 0), ("reduced loading", 0), ("lower limb", 0),
     ("OVX reduced BV/TV; treatment restored it", 0), ("lower BV/TV than sham", 0),
     ("BMD fell by 12%", -1), ("upregulated", 1), ("increase, p > 0.05", 0)],
)  # fmt: skip
def test_words_of_direction_are_read(text: str, direction: int) -> None:
    assert direction_of(text) == direction


def test_digits_are_counted() -> None:
    assert [significant(c) for c in ("0.0450", "1200", "12.0", "-3.1e-4", None, "")] == [
        3, 2, 3, 2, 0, 0,
    ]  # fmt: skip


def test_numbers_read_from_a_figure_by_eye_are_told_and_measured_ones_are_not(
    tmp_path: Path,
) -> None:
    """Halves of a unit, of which programs write every second as a whole number."""
    rng = np.random.default_rng(4)
    rows: list[Row] = []
    for study in ("by eye", *(f"measured {i}" for i in range(30))):
        for site in "abcdefgh":
            names, centres = list(ARMS), (20.0, 2.3, 15.0, 2.3)
            values = dict(zip(names, rng.normal(centres, (3.0, 0.4, 3.0, 0.4)), strict=True))
            cells = {
                name: f"{round(value * 2) / 2 if study == 'by eye' else value:.1f}"
                for name, value in values.items()
            }
            rows.append({"study": study, "site": site, **cells})
    found = [each for each in look(tmp_path, *rows) if each.code == "digit-preference"]
    assert [(each.row, each.severity) for each in found] == [(2, "note")]


def test_the_bound_of_an_effect_is_that_of_drawn_animals() -> None:
    """Monte Carlo with numpy alone: one in a thousand lies above."""
    rng = np.random.default_rng(3)
    n, sets = 6, 200_000
    a, b = rng.normal(4, 1, (sets, n)), rng.normal(0, 1, (sets, n))
    sd = np.sqrt((a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)) / 2)
    above = ((a.mean(axis=1) - b.mean(axis=1)) / sd > effect_bound([n], [n])[0]).mean()
    assert 0.0007 < above < 0.0013


def test_the_least_variance_of_a_pooled_result_is_that_of_one_trial() -> None:
    """An interval as wide as that of 40 animals in one trial needs 40 animals."""
    g = 1.0
    half = 1.959964 * (4 / 40 * (1 + g**2 / 8)) ** 0.5
    line = {
        "metric": "SMD",
        "estimate": g,
        "ci_low": f"{g - half:.6f}",
        "ci_high": f"{g + half:.6f}",
    }
    assert audit_published([{**line, "n_animals": "20 treated / 20 control"}]) == ()
    found = audit_published([{**line, "n_animals": "30"}])
    assert [each.code for each in found] == ["pooled-interval-too-narrow"]
    assert "needs 40 animals" in found[0].message
    assert audit_published([{**line, "k_studies": 2}, {"metric": "SMD"}, {}]) == ()


def test_a_pooled_estimate_outside_its_interval_is_told() -> None:
    lines = [{"metric": "MD", "estimate": "2.5", "ci_low": "1.0", "ci_high": "2.0"},
             {"metric": "OR", "estimate": "2.0", "ci_low": "1.0", "ci_high": "4.0"}]  # fmt: skip
    assert [(e.row, e.code) for e in audit_published(lines)] == [(2, "asymmetric-interval")]


@pytest.mark.parametrize(
    ("dispersion", "moved"),
    [("2.51", {"mean_treated"}), ("2510", {"mean_treated", "dispersion_treated"})],
)
def test_only_what_is_in_another_unit_is_moved(
    tmp_path: Path, dispersion: str, moved: set[str]
) -> None:
    """A mean a thousand times too high leaves its dispersion sound, or takes it along."""
    row = {**ARMS, "mean_treated": "20130", "dispersion_treated": dispersion}
    found = {each.code: each for each in look(tmp_path, *papers(6), row) if each.row == 8}
    assert set(found["unit-scale"].correction or {}) == moved
    assert not {"dispersion-scale", "dispersion-odd"} & set(found)


def test_what_another_code_explains_is_told_where_that_is_off(tmp_path: Path) -> None:
    row = {**ARMS, "mean_treated": "20130"}
    found = {each.code for each in look(tmp_path, *papers(6), row, off=("unit-scale",))
             if each.row == 8}  # fmt: skip
    assert {"dispersion-scale", "dispersion-odd"} & found
