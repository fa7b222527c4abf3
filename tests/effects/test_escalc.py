"""From rows to effect sizes: which numbers are used, what is said, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabone.effects import formulas
from metabone.effects.escalc import escalc
from metabone.effects.table import EffectTable
from metabone.errors import DataError, UsageError
from metabone.extraction.table import Exclusion, Finding, StudyTable

MakeTable = Callable[..., StudyTable]
Row = dict[str, Any]

N: Row = {"n_treated": 10, "n_control": 12}
ARMS: Row = N | {
    "mean_treated": 12.0, "dispersion_treated": 2.0, "mean_control": 9.0, "dispersion_control": 3.0,
    "dispersion_type": "SD",
}  # fmt: skip
SHAM: Row = {"n_sham": 8, "mean_sham": 15.0, "dispersion_sham": 2.0}


def one(effects: EffectTable, column: str, row: int = 2) -> Any:
    return effects.frame.at[row, column]


def ledger(effects: EffectTable) -> dict[int, str]:
    return {line.row: line.reason for line in effects.excluded}


@pytest.mark.parametrize(
    ("measure", "variance", "yi", "vi"),
    [
        # By hand (logs by R): MD 4/10 + 9/12; ROM ln(12/9) + ½(4/1440 − 9/972);
        # VR ln(2/3) + 1/18 − 1/22
        ("MD", "LS", 3.0, 1.15),
        ("ROM", "LS", 0.284441331711, 0.012037037037),
        ("VR", "LS", -0.395364098007, 0.101010101010),
        ("CVR", "LS", -0.679805429718, 0.113047138047),
        ("NMD", "LS", 50.0, 10_000 / 36 * (4 / 10 + 0.25 * 9 / 12 + 0.25 * 4 / 8)),
    ],
)
def test_one_row_by_hand(
    table: MakeTable, measure: str, variance: str, yi: float, vi: float
) -> None:
    effects = escalc(table(ARMS | SHAM), measure, variance=variance)
    assert one(effects, "yi") == pytest.approx(yi, abs=1e-8)
    assert one(effects, "vi") == pytest.approx(vi, abs=1e-8)
    assert one(effects, "sei") == pytest.approx(np.sqrt(vi), abs=1e-8)
    assert one(effects, "ni") == 22
    assert one(effects, "computed_from") == "mean"
    assert one(effects, "conversion") == "none"
    assert effects.notes == ()


def test_all_of_the_table_comes_along(table: MakeTable) -> None:
    effects = escalc(table(ARMS | {"cargo": "miR-21", "litter": "A"}))
    assert one(effects, "cargo") == "miR-21"
    assert one(effects, "litter") == "A"
    assert one(effects, "route") is None  # the moderator, not the way to the effect
    inputs = [one(effects, name) for name in ("n1i", "m1i", "sd1i", "n2i", "m2i", "sd2i")]
    assert inputs == [10, 12, 2, 12, 9, 3]
    assert (effects.measure, effects.variance, effects.align) == ("SMD", "LS", "none")
    assert effects.input_dict()["used"] == 1


def test_dispersions_are_converted_and_shown(table: MakeTable) -> None:
    effects = escalc(table(ARMS | {"dispersion_type": "SEM"}, ARMS | {"dispersion_type": "CI95"}))
    assert one(effects, "sd1i") == pytest.approx(2 * np.sqrt(10))
    assert one(effects, "sd2i", 3) == pytest.approx(3 * np.sqrt(12) / 2.200985)  # t(11), tables
    assert one(effects, "conversion") == "SEM × √n"
    assert one(effects, "conversion", 3) == "CI95 half-width × √n / t(n − 1)"
    assert effects.notes == ("SEM × √n: row 2", "CI95 half-width × √n / t(n − 1): row 3")


def test_medians(table: MakeTable) -> None:
    quartiles = {"median_treated": 5, "q1_treated": 3, "q3_treated": 8}
    control = {"mean_control": 4.0, "dispersion_control": 2.0, "dispersion_type": "SD"}
    effects = escalc(
        table(
            {"n_treated": 60, "n_control": 10} | quartiles | control,
            {"n_treated": 40, "median_treated": 5, "min_treated": 2, "max_treated": 11,
             "n_control": 50, "median_control": 5, "min_control": 2, "max_control": 10,
             "q1_control": 4, "q3_control": 7},
        ),
        "MD",
    )  # fmt: skip
    # R (see test_conversions)
    assert one(effects, "m1i") == pytest.approx(5.35325, abs=1e-5)
    assert one(effects, "sd1i") == pytest.approx(3.79791, abs=1e-5)
    assert one(effects, "sd2i") == 2.0
    assert one(effects, "sd1i", 3) == pytest.approx(2.08685, abs=1e-5)
    assert one(effects, "sd2i", 3) == pytest.approx(1.99727, abs=1e-5)
    assert list(effects.frame["computed_from"]) == ["median", "median"]
    assert one(effects, "conversion") == (
        "treated: median and quartiles to mean (Luo 2018) and SD (Wan 2014); control: none"
    )
    assert "a mean and SD from a median presume near-normal data: rows 2-3" in effects.notes


def test_a_mean_comes_before_a_median(table: MakeTable) -> None:
    effects = escalc(table(ARMS | {"median_treated": 1, "q1_treated": 0, "q3_treated": 2}))
    assert one(effects, "computed_from") == "mean"


@pytest.mark.parametrize(
    ("test", "name"),
    [
        ({"t": 2.5}, "t"), ({"t": -2.5, "sign": "+"}, "t"), ({"f": 6.25, "sign": "+"}, "f"),
        ({"p": 0.0212335454391, "sign": "+"}, "p"),  # R: 2 * pt(-2.5, 20)
        ({"t": 2.5, "f": 99, "p": 0.9}, "t"),
    ],
)  # fmt: skip
def test_tests(table: MakeTable, test: Row, name: str) -> None:
    effects = escalc(table(N | test))
    # Borenstein (2009): d = t √(1/n₁ + 1/n₂); J(20) = 0.96194
    assert one(effects, "yi") == pytest.approx(2.5 * np.sqrt(1 / 10 + 1 / 12) * 0.961945, abs=2e-6)
    assert one(effects, "computed_from") == name
    assert one(effects, "n1i") == 10
    assert np.isnan(one(effects, "m1i"))
    assert one(escalc(table(N | {"f": 6.25, "sign": "-"})), "yi") < 0


def test_a_test_says_nothing_but_an_smd(table: MakeTable) -> None:
    effects = escalc(table(ARMS, N | {"t": 2.5}, N | {"f": 4, "sign": "+"}), "MD")
    assert ledger(effects) == {
        3: "only a t is given, which gives an SMD and no MD",
        4: "only an F is given, which gives an SMD and no MD",
    }


def test_an_effect_that_is_given(table: MakeTable) -> None:
    effects = escalc(
        table(
            N | {"yi": 0.5, "vi": 0.04}, {"yi": -0.5, "sei": 0.3}, ARMS | {"yi": 9.0, "vi": 1.0},
            ARMS | {"mean_control": np.nan, "yi": 0.25, "vi": 0.5},
        )
    )  # fmt: skip
    assert list(effects.frame["computed_from"]) == ["yi", "yi", "mean", "yi"]
    assert list(effects.yi[:2]) == [0.5, -0.5]
    assert list(effects.vi[:2]) == [0.04, 0.09]
    assert one(effects, "ni") == 22
    assert np.isnan(one(effects, "n1i"))
    assert one(effects, "conversion", 3) == "yi as given; sei² as vi"
    assert effects.notes == (
        "yi as given; sei² as vi: row 3",
        "an effect size that is given is taken to be SMD, treated against control: rows 2-3, 5",
        "yi is given and not used, since the arms come first: row 4",
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ARMS | {"n_treated": None, "n_control": None}, "n_treated and n_control are blank"),
        (ARMS | {"n_treated": None}, "n_treated is blank"),
        (ARMS | {"dispersion_control": None}, "dispersion_control is blank"),
        (ARMS | {"dispersion_type": None}, "dispersion_type is blank"),
        (
            ARMS | {"n_control": None, "mean_control": None, "dispersion_control": None},
            "n_control, mean_control and dispersion_control are blank",
        ),
        (N, "neither means, medians, a test nor an effect size is given"),
        ({}, "neither means, medians, a test nor an effect size is given"),
        ({"t": 2.0}, "n_treated and n_control are blank"),
        (N | {"p": 0.03}, "p has no sign (+ or -)"),
        (N | {"f": 3.0}, "f has no sign (+ or -)"),
        (
            ARMS | {"mean_control": None, "p": 0.03},
            "mean_control is blank; p has no sign (+ or -)",
        ),
        ({"yi": 0.5}, "yi has neither vi nor sei"),
        ({"yi": 0.5, "vi": 0.0}, "the variance of yi is not a positive number"),
        (
            ARMS | {"mean_treated": None, "dispersion_treated": None, "median_treated": 4},
            "q1_treated and q3_treated (or min_treated and max_treated) are blank",
        ),
        (
            ARMS | {"mean_treated": None, "median_treated": 4, "q1_treated": 5, "q3_treated": 9},
            "the quantiles of the treated arm are out of order or all equal",
        ),
        (ARMS | {"n_treated": 1}, "n_treated is 1; a spread needs two animals or more"),
        (
            ARMS | {"n_control": 1, "dispersion_type": "SEM"},
            "n_control is 1; a spread needs two animals or more",
        ),
        (ARMS | {"dispersion_treated": 0}, "the SD of the treated arm is 0; it must be positive"),
        (N | {"n_control": 1, "t": 2.0}, "n_control is 1; a spread needs two animals or more"),
    ],
)
def test_what_cannot_be_computed_goes_to_the_ledger(
    table: MakeTable, row: Row, reason: str
) -> None:
    effects = escalc(table(ARMS, row))
    assert ledger(effects) == {3: reason}
    assert effects.k == 1
    assert effects.selected == 2


def test_reasons_of_one_measure(table: MakeTable) -> None:
    effects = escalc(table(ARMS, ARMS | {"n_control": 2}), "SMD1")
    assert ledger(effects) == {3: "n_control is 2; SMD1 needs three control animals or more"}
    effects = escalc(
        table(ARMS | SHAM, ARMS, ARMS | SHAM | {"mean_sham": 9.0}, ARMS | SHAM | {"n_sham": 1}),
        "NMD",
    )
    assert ledger(effects) == {
        3: "n_sham, mean_sham and dispersion_sham are blank (NMD needs the healthy level)",
        4: "mean_sham equals mean_control, so NMD has no scale",
        5: "n_sham is 1; a spread needs two animals or more",
    }


def test_vr_needs_no_means_and_fixed_sham_only_its_mean(table: MakeTable) -> None:
    without = {k: v for k, v in ARMS.items() if not k.startswith("mean_")}
    assert one(escalc(table(without), "VR"), "yi") == pytest.approx(-0.395364, abs=1e-6)
    effects = escalc(table(ARMS | {"mean_sham": 15.0}), "NMD", variance="FIXED_SHAM")
    assert one(effects, "yi") == 50.0
    assert effects.variance == "FIXED_SHAM"


def test_the_table_never_holds_nan(table: MakeTable) -> None:
    rows = [ARMS | SHAM, ARMS | {"n_control": 1}, N | {"t": 1.0}, {}, {"yi": 1.0, "vi": 2.0}]
    for measure in ("MD", "SMD", "SMDH", "SMD1", "ROM", "NMD", "VR", "CVR"):
        effects = escalc(table(*rows), measure)
        assert np.isfinite(effects.yi).all()
        assert (effects.vi > 0).all()
        assert effects.k + len(effects.excluded) == effects.selected == 5


def test_the_ledger_of_the_table_stays(table: MakeTable) -> None:
    before = table(ARMS, ARMS, {}).set_aside([Exclusion(2, "reported twice")])
    effects = escalc(before)
    assert list(ledger(effects)) == [2, 4]
    assert ledger(effects)[2] == "reported twice"
    assert list(effects.frame.index) == [3]


def test_nothing_left_says_why(table: MakeTable) -> None:
    blank = ARMS | {"n_treated": None}
    with pytest.raises(DataError) as caught:
        escalc(table(blank, blank, {}))
    assert str(caught.value) == (
        "none of the 3 selected rows gives SMD: rows 2-3: n_treated is blank; row 4: neither "
        "means, medians, a test nor an effect size is given"
    )
    with pytest.raises(DataError, match="no row is selected"):
        escalc(table(ARMS).keep([False]))


def test_impossible_values_that_nobody_set_aside_are_refused(table: MakeTable) -> None:
    wrong = Finding(3, "n_treated", "7-10", "unreadable-number", "error", "is a range")
    bad = table(ARMS, ARMS | {"n_treated": None}, findings=(wrong,))
    with pytest.raises(DataError, match=r"row 3: n_treated '7-10' is a range"):
        escalc(bad)
    assert escalc(bad.set_aside([Exclusion(3, "is a range")])).k == 1


def test_a_reason_in_exclude_keeps_a_row_out(table: MakeTable) -> None:
    effects = escalc(table(ARMS, ARMS | {"exclude": "same animals as row 2"}))
    assert ledger(effects) == {3: "same animals as row 2"}


def test_av_averages_over_what_is_left(table: MakeTable) -> None:
    rows = [ARMS, ARMS | {"mean_treated": 10.0}, ARMS | {"n_treated": None}, N | {"t": 1.0}]
    effects = escalc(table(*rows), variance="AV")
    g = np.mean(effects.yi)  # all three have 22 animals
    expected = 1 / 10 + 1 / 12 + g**2 / 44
    np.testing.assert_allclose(effects.vi, expected, rtol=1e-12)


@pytest.mark.parametrize("measure", ["ROM", "CVR"])
def test_logs_of_means_that_are_not_positive_are_refused(table: MakeTable, measure: str) -> None:
    rows = [
        ARMS,
        ARMS | {"mean_control": -0.3, "study": "Li 2020"},
        ARMS | {"mean_treated": 0.0, "mean_control": -1.5},
    ]
    with pytest.raises(DataError) as caught:
        escalc(table(*rows), measure)
    said = str(caught.value)
    assert "row 3 (Li 2020): mean_control = -0.3; row 4 (Study 2): mean_treated = 0, " in said
    assert "mean_control = -1.5; leave these rows out with --where" in said
    assert "row 2" not in said
    aside = table(*rows).set_aside([Exclusion(3, "x"), Exclusion(4, "x")])
    assert escalc(aside, measure).k == 1


def test_logs_of_what_has_no_zero_are_refused(table: MakeTable) -> None:
    rows = [ARMS, ARMS | {"outcome": "SMI"}, ARMS | {"outcome": "SMI", "n_treated": None}]
    with pytest.raises(DataError, match=r"true zero, and this has none: SMI \(row 3\); choose"):
        escalc(table(*rows), "ROM")
    assert escalc(table(*rows), "SMD").k == 2


def test_a_mean_near_zero_is_said(table: MakeTable) -> None:
    effects = escalc(table(ARMS, ARMS | {"mean_treated": 1.0}), "ROM")
    assert effects.notes == (
        "the mean is near zero against its spread (Geary's test); the log is unreliable: row 3",
    )


def test_an_unstable_scale_of_nmd_is_said(table: MakeTable) -> None:
    # SE of the healthy loss: √(4/8 + 9/12) = 1.118; twice that is 2.236
    near, far, worse = ({"mean_sham": 9.0 + gap} for gap in (2.2, 2.3, -6.0))
    effects = escalc(table(*(ARMS | SHAM | change for change in (near, far, worse))), "NMD")
    assert effects.notes == (
        "sham and control means differ by less than two standard errors; NMD is unstable: row 2",
        "the control arm is better off than the sham arm, so rescue has no meaning: row 4",
    )
    assert effects.better == "higher"


@pytest.mark.parametrize("measure", ["MD", "SMD", "SMDH", "SMD1", "ROM"])
def test_alignment_flips_where_lower_is_better(table: MakeTable, measure: str) -> None:
    rows = [
        ARMS,
        ARMS | {"outcome": "Tb.Sp", "unit": "um"},
        ARMS | {"better": "lower"},
        ARMS | {"outcome": "Tb.Sp", "better": "higher"},
        {"outcome": "Tb.Sp", "yi": 0.7, "vi": 0.1},
    ]
    plain, aligned = escalc(table(*rows), measure), escalc(table(*rows), measure, align="benefit")
    assert list(plain.frame["better_used"]) == ["higher", "lower", "lower", "higher", "lower"]
    assert plain.better is None
    assert not plain.frame["flipped"].any()
    assert list(aligned.frame["flipped"]) == [False, True, True, False, True]
    np.testing.assert_array_equal(aligned.yi, plain.yi * [1, -1, -1, 1, -1])
    np.testing.assert_array_equal(aligned.vi, plain.vi)
    np.testing.assert_array_equal(aligned.frame["m1i"], plain.frame["m1i"])
    assert aligned.better == "higher"
    assert "BV/TV multiplied by −1, since lower is better: row 4" in aligned.notes
    assert "Tb.Sp multiplied by −1, since lower is better: rows 3, 6" in aligned.notes


def test_alignment_without_a_known_direction_is_refused(table: MakeTable) -> None:
    rows = [ARMS, ARMS | {"outcome": "glow"}, ARMS | {"outcome": "shine"}, {"outcome": "shine"}]
    assert escalc(table(*rows)).frame["better_used"].tolist() == ["higher", None, None]
    with pytest.raises(DataError) as caught:
        escalc(table(*rows), align="benefit")
    assert str(caught.value) == (
        "align to benefit needs to know which way is better, and it is not known for glow "
        "(row 3); shine (row 4); fill the column better with higher or lower"
    )


def test_alignment_of_measures_without_direction(table: MakeTable) -> None:
    rows = [ARMS | SHAM, ARMS | SHAM | {"outcome": "Tb.Sp"}]
    effects = escalc(table(*rows), "NMD", align="benefit")
    assert list(effects.yi) == [50.0, 50.0]
    assert "NMD is not flipped: 100 is full rescue whichever way is better" in effects.notes
    for measure in ("VR", "CVR"):
        with pytest.raises(UsageError, match=f"{measure} compares spreads"):
            escalc(table(*rows), measure, align="benefit")
        assert escalc(table(*rows), measure).better is None


def test_units_are_converted_only_when_asked(table: MakeTable) -> None:
    mm = ARMS | {"outcome": "Tb.Th", "unit": "mm"}
    um = ARMS | {"outcome": "Tb.Th", "unit": "um"}
    given = {"outcome": "Tb.Th", "unit": "mm", "yi": 0.002, "vi": 1e-6}
    rows = [mm, um | {"dispersion_type": "SEM"}, given]
    plain = escalc(table(*rows), "MD")
    assert plain.unit is None
    assert escalc(table(mm, mm), "MD").unit == "mm"
    effects = escalc(table(*rows), "MD", unit="um")
    assert effects.unit == "um"
    np.testing.assert_allclose(effects.yi, [3000.0, 3.0, 2.0])
    np.testing.assert_allclose(effects.vi[[0, 2]], [1.15e6, 1.0])
    assert one(effects, "sd1i") == 2000.0
    assert list(effects.frame["unit"]) == ["um"] * 3
    assert list(effects.frame["unit_reported"]) == ["mm", "um", "mm"]
    assert list(effects.frame["conversion"]) == [
        "mm × 1000 to um", "SEM × √n", "yi and vi as given; mm × 1000 to um"
    ]  # fmt: skip
    assert one(effects, "mean_treated") == 12.0  # as printed


def test_units_without_a_factor_are_refused(table: MakeTable) -> None:
    rows = [ARMS | {"outcome": "Tb.Th", "unit": word} for word in ("um", "g", None, "g")]
    with pytest.raises(DataError) as caught:
        escalc(table(*rows), "MD", unit="um")
    assert str(caught.value) == (
        "no factor is known that converts to um: Tb.Th in 'g' (rows 3, 5); "
        "Tb.Th without unit (row 4)"
    )
    with pytest.raises(UsageError, match=r"unit 'kg' is none of Tb\.Th; it is measured in "):
        escalc(table(*rows), "MD", unit="kg")
    with pytest.raises(UsageError, match="SMD has no unit"):
        escalc(table(*rows), "SMD", unit="um")
    with pytest.raises(DataError, match=r"glow in 'lx' \(row 2\)"):
        escalc(table(ARMS | {"outcome": "glow", "unit": "lx"}), "MD", unit="klx")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"measure": "OR"}, "measure must be one of 'MD', 'SMD'"),
        ({"variance": "HO"}, "variance of SMD must be one of"),
        ({"align": "harm"}, "align must be one of 'none', 'benefit'; got 'harm'"),
    ],
)
def test_unknown_options(table: MakeTable, options: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        escalc(table(ARMS), **options)


def test_columns_of_the_table_that_give_way_are_named(table: MakeTable) -> None:
    effects = escalc(table(ARMS | {"ni": "x", "flipped": "y"}))
    assert effects.notes == ("columns of the table give way to computed ones: ni, flipped",)
    assert one(effects, "ni") == 22


def test_tidy_and_json(table: MakeTable) -> None:
    effects = escalc(table(ARMS, {}, ARMS | {"source": "synthetic"}), "MD")
    tidy = effects.to_frame()
    assert list(tidy["row"]) == [2, 4]
    assert "cargo" not in tidy.columns  # blank throughout
    answer = effects.to_dict()
    assert answer["effects"][0]["yi"] == 3.0
    assert answer["effects"][0]["source"] is None
    assert answer["synthetic"] is True
    assert answer["input"]["excluded"][0]["row"] == 3


spreads = st.floats(0.1, 20)
rows = st.fixed_dictionaries(
    {
        "n_treated": st.integers(2, 40), "n_control": st.integers(2, 40),
        "mean_treated": st.floats(1, 50), "mean_control": st.floats(1, 50),
        "dispersion_treated": spreads, "dispersion_control": spreads,
        "dispersion_type": st.sampled_from(["SD", "SEM", "CI95"]),
        "outcome": st.sampled_from(["BV/TV", "Tb.Sp"]),
    }
)  # fmt: skip


@given(st.lists(rows, min_size=1, max_size=6), st.randoms())
@settings(max_examples=40)
def test_the_order_of_rows_does_not_matter(
    table: MakeTable, several: list[Row], random: Any
) -> None:
    shuffled = several.copy()
    random.shuffle(shuffled)
    for variance in ("LS", "AV"):
        first = escalc(table(*several), variance=variance, align="benefit").frame
        second = escalc(table(*shuffled), variance=variance, align="benefit").frame
        for name in ("yi", "vi"):
            np.testing.assert_allclose(sorted(first[name]), sorted(second[name]), rtol=1e-9)


@given(st.lists(rows, min_size=1, max_size=4))
@settings(max_examples=40)
def test_swapped_arms_change_the_sign_and_nothing_else(
    table: MakeTable, several: list[Row]
) -> None:
    swap = {"treated": "control", "control": "treated"}
    swapped = [
        {
            name.replace(arm, swap[arm]) if (arm := name.rpartition("_")[2]) in swap else name: v
            for name, v in row.items()
        }
        for row in several
    ]
    for measure in ("SMD", "ROM", "MD", "VR"):
        first, second = escalc(table(*several), measure), escalc(table(*swapped), measure)
        np.testing.assert_allclose(second.yi, -first.yi, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(second.vi, first.vi, rtol=1e-9)


def test_the_formula_sees_what_the_table_shows(table: MakeTable) -> None:
    effects = escalc(table(ARMS | {"dispersion_type": "SEM"}), "SMDH")
    inputs = [one(effects, name) for name in ("n1i", "m1i", "sd1i", "n2i", "m2i", "sd2i")]
    assert inputs == [10, 12, 2 * np.sqrt(10), 12, 9, 3 * np.sqrt(12)]
    yi, vi = formulas.smdh(*inputs)
    assert (one(effects, "yi"), one(effects, "vi")) == (yi, vi)
