"""Meta-regression against metafor, published numbers, and what it refuses and says."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabone.cli import main
from metabone.effects.table import EffectTable
from metabone.errors import DataError, MetaboneError, ModelError, UsageError
from metabone.extraction.schema import COLUMNS
from metabone.extraction.table import Exclusion, Source
from metabone.synthesis.regression import regress
from metabone.synthesis.regression_results import RegressionResult
from metabone.vocabulary import load_vocabulary

# Made by metafor; the file says which version and holds the calls.
METAFOR = json.loads(Path(__file__).with_name("regression_metafor.json").read_text("utf-8"))
BCG = METAFOR["bcg"]
CI = {"z": "wald", "knha": "hksj"}


def effect_table(columns: dict[str, Any], **changes: Any) -> EffectTable:
    """Effects computed elsewhere, with whatever moderators come along."""
    k = len(columns["yi"])
    frame = pd.DataFrame(index=range(2, k + 2))
    for column in COLUMNS:
        frame[column.name] = np.nan if column.kind == "number" else None
    frame["study"] = [f"study {i}" for i in range(k)]
    frame["outcome"], frame["better_used"] = "BMD", "higher"
    for name, values in columns.items():
        frame[name] = values
    settings: dict[str, Any] = {
        "measure": "SMD", "variance": "LS", "align": "none", "better": "higher", "unit": None,
        "source": Source("made.csv", "0" * 64, k), "vocabulary": load_vocabulary(), "selected": k,
    }  # fmt: skip
    return EffectTable(frame=frame, **(settings | changes))


def bcg() -> EffectTable:
    return effect_table({name: BCG[name] for name in ("yi", "vi", "ablat", "year", "alloc")})


def close(got: Any, expected: Any, rtol: float = 1e-6) -> None:
    np.testing.assert_allclose(
        np.asarray(got, dtype=float), np.asarray(expected, dtype=float), rtol=rtol, atol=1e-9
    )


# ---------------------------------------------------------------- a published example


def test_bcg_vaccine_by_latitude_and_year() -> None:
    """The mixed-effects example of Viechtbauer (2010), doi:10.18637/jss.v036.i03.

    The numbers are what metafor 3.8-1 prints at its default threshold of 1e-5, hence 1 in 2000.
    """
    result = regress(bcg(), "ablat + year", ci="wald")
    close([each.estimate for each in result.coefficients], [-3.5455, -0.0280, 0.0019], 5e-3)
    close([each.se for each in result.coefficients], [29.0959, 0.0102, 0.0147], 5e-3)
    close(result.coefficients[0].se, 29.0959, 5e-4)
    close([result.tau2, result.r2, result.i2], [0.1108, 64.63, 71.98], 5e-4)
    close([result.qe, result.moderators.qm], [28.3251, 12.2043], 5e-4)
    assert (round(result.qe_pvalue, 4), round(result.moderators.pvalue, 4)) == (0.0016, 0.0022)
    assert (result.qe_df, result.moderators.df) == (10, 2)


# ---------------------------------------------------------------- metafor


@pytest.mark.parametrize(
    "case", METAFOR["fits"], ids=lambda c: f"{c['ours']}|{c['method']}|{c['test']}"
)
def test_fits_are_those_of_metafor(case: dict[str, Any]) -> None:
    result = regress(bcg(), case["ours"], tau2=case["method"], ci=CI[case["test"]])
    close([each.estimate for each in result.coefficients], case["estimate"])
    close([each.se for each in result.coefficients], case["se"])
    close([each.statistic for each in result.coefficients], case["statistic"])
    close([each.pvalue for each in result.coefficients], case["pvalue"])
    limits = [each.ci(0.95) for each in result.coefficients]
    close([low for low, _ in limits], case["ci_low"])
    close([high for _, high in limits], case["ci_high"])
    close(result.tau2, case["tau2"])
    close([result.i2, result.h2], [case["i2"], case["h2"]])
    close([result.qe, result.qe_pvalue], [case["qe"], case["qe_pvalue"]])
    close([result.moderators.qm, result.moderators.pvalue], [case["qm"], case["qm_pvalue"]])
    assert result.moderators.df == case["qm_df"]
    if case["r2"] is not None and case["method"] != "EE":
        close(result.r2, case["r2"])
    if "tau2_low" in case:  # uniroot of the interval stops at its own tolerance
        close([result.tau2_low, result.tau2_high], [case["tau2_low"], case["tau2_high"]], 1e-4)


@pytest.mark.parametrize(
    "case",
    [case for case in METAFOR["fits"] if "tests" in case],
    ids=lambda c: f"{c['ours']}|{c['test']}",
)
def test_the_test_of_each_term_is_that_of_metafor(case: dict[str, Any]) -> None:
    result = regress(bcg(), case["ours"], ci=CI[case["test"]])
    found = {test.term: test for test in result.tests}
    for expected in case["tests"]:
        test = found[expected["term"]]
        close([test.qm, test.pvalue], [expected["qm"], expected["pvalue"]])
        assert test.df == expected["df"]
        assert (test.test, test.df2) == (
            ("chi2", None) if case["test"] == "z" else ("F", result.df)
        )


@pytest.mark.parametrize(
    "case",
    [case for case in METAFOR["fits"] if "new" in case],
    ids=lambda c: f"{c['ours']}|{c['method']}|{c['test']}",
)
def test_predictions_are_those_of_metafor(case: dict[str, Any]) -> None:
    result = regress(bcg(), case["ours"], tau2=case["method"], ci=CI[case["test"]])
    predicted = result.predict(case["new"])
    for column, values in case["predicted"].items():
        if values:
            close(predicted[column], values)
        else:  # equal effects: metafor gives no prediction interval, nor do we
            assert predicted[column].isna().all()


@pytest.mark.parametrize("block", METAFOR["raudenbush1985"]["expected"])
def test_teacher_expectancy_is_that_of_metafor(block: str) -> None:
    """Raudenbush (1985), 19 experiments; metafor 5.1."""
    case = METAFOR["raudenbush1985"]
    expected = case["expected"][block]
    data = case["data"]
    effects = effect_table({"yi": data["yi"], "vi": data["vi"], "weeks": data["X"]["weeks"]})
    method, test = block.split("/")
    result = regress(effects, "weeks", tau2=method, ci=CI[test])
    close([each.estimate for each in result.coefficients], expected["coef"])
    close([each.se for each in result.coefficients], expected["se"])
    close([each.pvalue for each in result.coefficients], expected["pvalue"])
    close([result.tau2, result.i2, result.r2], [expected["tau2"], expected["i2"], expected["r2"]])
    close([result.qe, result.qe_pvalue], [expected["qe"], expected["qe_pvalue"]])
    close([result.moderators.qm, result.moderators.pvalue], [expected["qm"], expected["qm_pvalue"]])


# ---------------------------------------------------------------- properties


def parts(result: RegressionResult) -> list[float]:
    each = [(c.estimate, c.se, c.pvalue) for c in result.coefficients]
    return [x for row in each for x in row] + [result.tau2, result.qe, result.moderators.qm]


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(13)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    first = bcg()
    frame = first.frame.iloc[order]
    from dataclasses import replace

    close(
        parts(regress(replace(first, frame=frame), "ablat + alloc")),
        parts(regress(first, "ablat + alloc")),
        1e-7,
    )


@pytest.mark.parametrize("factor", [1e-9, 1e-3, 1e6, 1e12])
def test_the_unit_of_a_moderator_changes_only_its_coefficient(factor: float) -> None:
    """A dose in particles (10^12) must fit as well as one in micrograms."""
    first = bcg()
    frame = first.frame.assign(dose=first.frame["ablat"] * factor)
    from dataclasses import replace

    plain = regress(first, "ablat * year")
    scaled = regress(replace(first, frame=frame), "dose * year")
    close(scaled.coefficients[1].estimate * factor, plain.coefficients[1].estimate, 1e-5)
    close(scaled.coefficients[1].pvalue, plain.coefficients[1].pvalue, 1e-5)
    close([scaled.tau2, scaled.moderators.qm], [plain.tau2, plain.moderators.qm], 1e-6)


def test_the_reference_level_changes_no_test_and_no_prediction() -> None:
    first = regress(bcg(), "alloc + ablat")
    other = regress(bcg(), 'C(alloc, reference="systematic") + ablat')
    close([t.qm for t in first.tests], [t.qm for t in other.tests])
    new = {"alloc": ["random", "systematic"], "ablat": 30.0}
    close(first.predict(new)["pi_low"], other.predict(new)["pi_low"])
    close([first.r2, first.tau2], [other.r2, other.tau2])


def test_level_means_without_an_intercept_are_predictions_with_one() -> None:
    means = regress(bcg(), "0 + alloc")
    assert [c.term for c in means.coefficients] == [
        "alloc[alternate]", "alloc[random]", "alloc[systematic]",
    ]  # fmt: skip
    predicted = regress(bcg(), "alloc").predict({"alloc": ["alternate", "random", "systematic"]})
    close([c.estimate for c in means.coefficients], predicted["estimate"])
    assert "whether the coefficients are zero" in means.summary()
    # The same model, so it explains the same.
    close(means.r2, regress(bcg(), "alloc").r2)
    # A line through zero has no mean in it, so there is nothing to compare with.
    assert math.isnan(regress(bcg(), "0 + ablat").r2)


# ---------------------------------------------------------------- what it says


def test_rows_with_a_blank_moderator_stay_in_the_ledger() -> None:
    effects = effect_table(
        {"yi": BCG["yi"], "vi": BCG["vi"], "ablat": [np.nan, *BCG["ablat"][1:]]},
        excluded=(Exclusion(90, "n_treated is blank"),),
        selected=14,
    )  # fmt: skip
    result = regress(effects, "ablat")
    assert result.k_effects == 12
    ledger = result.to_dict()["input"]["excluded"]
    assert ledger == [
        {"row": 2, "reason": "ablat is blank"},
        {"row": 90, "reason": "n_treated is blank"},
    ]
    assert result.to_dict()["input"]["used"] == 12
    # As if the row had not been there.
    rest = effect_table({name: BCG[name][1:] for name in ("yi", "vi", "ablat")})
    assert parts(result) == parts(regress(rest, "ablat"))


def test_the_answer_says_what_it_rests_on() -> None:
    result = regress(bcg(), "ablat + alloc")
    content = result.to_dict()
    json.dumps(content, allow_nan=False)
    assert content["schema_version"]
    assert content["formula"] == "ablat + alloc"
    assert content["levels"] == {"alloc": ["alternate", "random", "systematic"]}
    assert set(content["coefficients"][0]) == {
        "term", "estimate", "se", "df", "statistic", "pvalue", "ci_low", "ci_high",
    }  # fmt: skip
    assert content["qm_df"] == 3
    assert content["qm_df2"] == 9
    frame = result.to_frame()
    assert frame["term"].tolist()[0] == "intercept"
    close(frame["ci_low"], [c["ci_low"] for c in content["coefficients"]])
    text = str(result)
    assert "alloc: reference alternate; others random, systematic" in text
    assert "F(3, 9) = " in text
    wald = regress(bcg(), "ablat + alloc", ci="wald").to_dict()
    assert wald["qm_df2"] is None
    assert wald["coefficients"][0]["df"] is None


def test_the_level_changes_every_interval() -> None:
    wide, narrow = regress(bcg(), "ablat", level=0.99), regress(bcg(), "ablat", level=0.5)
    for key in ("ci_low", "pi_low"):
        assert wide.predict({"ablat": 40})[key][0] < narrow.predict({"ablat": 40})[key][0]
    assert wide.tau2_low < narrow.tau2_low < narrow.tau2_high < wide.tau2_high
    assert "99 % CI" in wide.summary()
    close(
        wide.predict({"ablat": 40}, level=0.5)["pi_high"], narrow.predict({"ablat": 40})["pi_high"]
    )


def test_coefficients_are_printed_to_two_digits_of_their_standard_error() -> None:
    result = regress(bcg(), "ablat", ci="wald")
    # metafor 3.8, rma(yi, vi, mods = ~ ablat, dat.bcg): 0.2515 (0.2491), -0.0291 (0.0072).
    rows = {line.split()[0]: line.split() for line in result.summary().splitlines() if line}
    assert rows["intercept"][1:3] == ["0.25", "0.25"]
    assert rows["ablat"][1:3] == ["-0.0291", "0.0072"]
    assert "I² = 68 %" in result.summary()


def test_warnings_are_said() -> None:
    assert any("10 each" in text for text in regress(bcg(), "ablat + year").warnings)
    assert regress(bcg(), "ablat").warnings == ()
    data = {name: BCG[name] for name in ("yi", "vi", "ablat")}
    twice = effect_table(data | {"study": ["one paper"] * 4 + [f"p{i}" for i in range(9)]})
    assert any(
        "more than one effect" in text
        for text in regress(twice, "ablat", model="univariate").warnings
    )
    few = effect_table(data | {"study": ["p1", "p2"] * 6 + ["p1"]})
    assert any(
        "2 coefficients rest on 2 studies" in text
        for text in regress(few, "ablat", model="univariate").warnings
    )
    lonely = effect_table(data | {"model": ["OVX"] + ["aged"] * 12})
    assert any(
        "only one effect each for 'OVX'" in text for text in regress(lonely, "model").warnings
    )
    made = effect_table(data | {"source": ["synthetic"] * 13})
    result = regress(made, "ablat")
    assert result.to_dict()["synthetic"] is True
    assert "SYNTHETIC" in result.summary()
    assert any("SYNTHETIC" in text for text in result.warnings)


def test_effects_on_a_line_get_no_confident_interval() -> None:
    weeks = np.arange(8.0)
    effects = effect_table({"yi": 1 + 0.5 * weeks, "vi": np.full(8, 0.1), "weeks": weeks})
    result = regress(effects, "weeks")
    close(result.coefficients[1].estimate, 0.5)
    assert math.isnan(result.coefficients[1].se)
    assert math.isnan(result.moderators.pvalue)
    assert any("without scatter" in text for text in result.warnings)
    assert "NA" in result.summary()
    assert regress(effects, "weeks", ci="wald").coefficients[1].se > 0


def test_predictions_outside_the_data_say_so() -> None:
    predicted = regress(bcg(), "ablat + alloc").predict(
        {"ablat": [20.0, 80.0], "alloc": "random", "ignored": 1}
    )
    assert predicted["note"].tolist() == ["", "ablat 80 lies outside the data (13 to 55)"]
    assert list(predicted.columns)[:2] == ["ablat", "alloc"]


@pytest.mark.parametrize(
    ("new", "kind", "words"),
    [
        ({"ablat": 20}, UsageError, "need a column 'alloc'"),
        ({"ablat": 20, "alloc": "coin"}, DataError, "'coin' is not among the levels"),
        ({"ablat": "north", "alloc": "random"}, UsageError, "must hold numbers"),
        ({"ablat": [1, 2], "alloc": ["random"] * 3}, UsageError, "of one length"),
        ({"ablat": [], "alloc": []}, UsageError, "no new row"),
        ({}, UsageError, "no new row"),
        (pd.DataFrame({"ablat": [math.nan], "alloc": ["random"]}), DataError, "blank or infinite"),
    ],
)
def test_predictions_that_cannot_be_made_are_refused(
    new: Any, kind: type[MetaboneError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        regress(bcg(), "ablat + alloc").predict(new)


# ---------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    ("formula", "options", "kind", "words"),
    [
        ("ablat", {"tau2": "remel"}, UsageError, "tau2 must be one of"),
        ("ablat", {"ci": "exact"}, UsageError, "ci must be one of"),
        ("ablat", {"level": 95}, UsageError, "between 0 and 1"),
        ("latitude", {}, UsageError, "'latitude' .* is no column"),
        ("yi", {}, UsageError, "its own moderator"),
        ("__import__('os')", {}, UsageError, r"__import__\(\)"),
        ("duration_weeks", {}, DataError, "duration_weeks is blank in every row"),
        ("ablat + center(ablat)", {}, ModelError, r"center\(ablat\)"),
        ("C(ablat) + C(year)", {}, ModelError, "leave something out"),
    ],
)
def test_refusals(
    formula: str, options: dict[str, Any], kind: type[MetaboneError], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        regress(bcg(), formula, **options)
    assert "\n" not in str(caught.value)


def test_mixtures_are_refused_as_pooling_refuses_them() -> None:
    data = {name: BCG[name] for name in ("yi", "vi", "ablat")}
    opposite = effect_table(
        data
        | {"outcome": ["BMD"] * 6 + ["Tb.Sp"] * 7, "better_used": ["higher"] * 6 + ["lower"] * 7}
    )
    with pytest.raises(DataError, match="better directions differ"):
        regress(opposite, "ablat")
    units = effect_table(data | {"unit": ["g/cm2"] * 6 + ["mg/cm3"] * 7}, measure="MD")
    with pytest.raises(DataError, match="units differ under MD"):
        regress(units, "ablat")
    kinds = effect_table(data | {"outcome": ["BMD"] * 6 + ["RUNX2"] * 7})
    with pytest.raises(DataError, match="not one quantity"):
        regress(kinds, "ablat")


# ---------------------------------------------------------------- the command


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["regress", *arguments])
    return int(left.value.code or 0)


UNLOADING = ("unloading", "--outcome", "BV/TV")


def test_from_the_table_to_the_answer_as_in_r(capsys: pytest.CaptureFixture[str]) -> None:
    """R 4.2.2, metafor 3.8-1, from data.csv: SEM times sqrt(n), escalc(measure="SMD"), then
    rma(yi, vi, mods = ~ duration_weeks + species, test = "knha")."""
    formula = ("--formula", "duration_weeks + species", "--model", "univariate")
    assert run(*UNLOADING, *formula, "--json", "-") == 0
    out, err = capsys.readouterr()
    content = json.loads(out)
    assert content["k_effects"] == 29
    rows = {each["term"]: each for each in content["coefficients"]}
    close(
        [rows[term]["estimate"] for term in ("intercept", "duration_weeks", "species[T.rat]")],
        [-0.670015173146, -0.153161198070, -0.218292274299],
    )
    close(rows["species[T.rat]"]["se"], 0.412865733203)
    close(rows["duration_weeks"]["pvalue"], 0.419777914799)
    close(rows["intercept"]["ci_low"], -2.01331181876)
    close([content["tau2"], content["qm"]], [0.601702131172, 0.352826535890])
    close([content["qm_pvalue"], content["qe"]], [0.706011680777, 82.697789084542])
    assert "more than one effect" in err
    assert "rows 63, 165, 219-220: n_treated and n_control are blank" in err


def test_the_command_prints_writes_and_keeps_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "coefficients.csv"
    assert run(*UNLOADING, "--formula", "species", "-o", str(path)) == 0
    assert "species: reference mouse; others rat" in capsys.readouterr().out
    frame = pd.read_csv(path)
    assert frame["term"].tolist() == ["intercept", "species[T.rat]"]
    assert run(*UNLOADING, "--formula", "species", "-o", str(path)) == 1
    assert "--force" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("formula", "status", "words"),
    [
        ("__import__('os').system('id')", 2, "__import__()"),
        ("species.__class__", 2, "'.'"),
        ("lambda: 0", 2, "'lambda'"),
        ("f'{species}'", 2, "'f'"),
        ("species @ site", 2, "'@'"),
        ("specie", 2, "did you mean 'species'"),
        ("study * site", 1, "leave something out"),
        ("exosome_source", 1, "blank in every row"),
    ],
)
def test_the_command_refuses_in_one_line(
    formula: str, status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*UNLOADING, "--formula", formula) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.startswith("metabone: ")
    assert err.count("\n") == 1
