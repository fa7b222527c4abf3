"""Specification curves: each analysis against pool, counts that add up, tests that hold."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from metabone.effects.dependence import sampling_covariance
from metabone.effects.escalc import escalc
from metabone.errors import DataError, UsageError
from metabone.extraction.reading import read_table
from metabone.extraction.table import StudyTable
from metabone.extraction.where import select
from metabone.files import dump_json
from metabone.models.random_effects import random_effects
from metabone.synthesis.choices.analyse import choices
from metabone.synthesis.choices.results import ChoicesResult, Specification
from metabone.synthesis.pool import pool

HEAD = (
    "study,experiment,comparison,control_id,outcome,unit,site,n_treated,mean_treated,"
    "dispersion_treated,n_control,mean_control,dispersion_control,dispersion_type"
)


def table(text: str, tmp_path: Any, head: str = HEAD) -> StudyTable:
    path = tmp_path / "table.csv"
    path.write_text(f"{head}\n{text}", encoding="utf-8")
    return read_table(path)


def lines(studies: int, arms: int = 1, seed: int = 4, extra: str = "") -> str:
    rng = np.random.default_rng(seed)
    rows = []
    for study in range(studies):
        for arm in range(arms):
            m1, m2 = rng.normal(22, 3), 20
            sd1, sd2 = rng.uniform(2, 5, 2).round(3)
            rows.append(
                f"S{study},,arm {arm},c{study},BV/TV,%,femur,{rng.integers(5, 12)},{m1:.4f},{sd1},"
                f"{8 + study % 3},{m2},{sd2},SD{extra}"
            )
    return "\n".join(rows)


@pytest.fixture(scope="module")
def unloading() -> StudyTable:
    where = (
        "assay == 'microCT' and bone in ('femur', 'tibia', 'humerus', 'lumbar vertebra') and "
        "site != 'femoral head'"
    )
    return select(read_table("unloading"), where=where, outcome=("BV/TV",))


@pytest.fixture(scope="module")
def default(unloading: StudyTable) -> ChoicesResult:
    return choices(unloading, {"outliers": ["none", "largest_vi"]}, permutations=10)


def find(result: ChoicesResult, **options: str | None) -> Specification:
    """The one analysis with these options; None: without that factor."""
    found = [
        one
        for one in result.answered
        if all(one.options.get(name) == option for name, option in options.items())
    ]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("options", "model"),
    [
        ({"measure": "SMD", "variance": "LS", "control": "exact", "rho": "0.5", "ci": "cr2"}, "m"),
        ({"measure": "SMD", "variance": "AV", "control": "split", "rho": "0.2", "ci": "cr2"}, "m"),
        ({"measure": "ROM", "variance": "AV", "control": "exact", "rho": "0.8", "ci": "wald"}, "m"),
        ({"measure": "SMDH", "variance": "LS", "tau2": "DL", "ci": "hksj"}, "u"),
        ({"measure": "ROM", "variance": "LS", "tau2": "REML", "ci": "wald"}, "u"),
    ],
)
def test_each_analysis_is_what_pool_answers(
    unloading: StudyTable, default: ChoicesResult, options: dict[str, str], model: str
) -> None:
    wanted = {"outliers": "none", "cluster": "study" if model == "m" else "none"} | options
    extra = {"tau2": "REML"} if model == "m" else {"control": "ignore", "rho": None}
    one = find(default, **wanted, **extra)
    effects = escalc(unloading, options["measure"], variance=options["variance"])
    answer = pool(
        effects, model={"m": "multilevel", "u": "univariate"}[model],
        tau2=options.get("tau2", "REML"), ci=options["ci"], rho=float(options.get("rho", 0.5)),
        control=options.get("control", "exact"),
    ).overall  # fmt: skip
    low, high = answer.ci()
    assert one.estimate == pytest.approx(answer.estimate, abs=2e-6)
    assert one.se == pytest.approx(answer.se, rel=1e-5)
    assert (one.ci_low, one.ci_high) == pytest.approx((low, high), abs=2e-5)
    assert one.pvalue == pytest.approx(answer.pvalue, rel=1e-4)
    assert one.tau2 == pytest.approx(answer.tau2, abs=1e-5)
    assert (one.k_studies, one.k_effects) == (answer.k_studies, answer.k_effects)


def test_the_reference_is_the_default_answer(unloading: StudyTable, default: ChoicesResult) -> None:
    answer = pool(escalc(unloading, "SMD")).overall
    reference = default.specifications[default.reference]
    assert reference.estimate == pytest.approx(answer.estimate, abs=2e-6)
    assert all(reference.options[name] == options[0] for name, options in default.factors.items())


def test_averages_within_studies(unloading: StudyTable, default: ChoicesResult) -> None:
    effects = escalc(unloading, "SMD")
    V = sampling_covariance(effects, rho=0.2).to_dense()
    study = effects.frame["study"].to_numpy(str)
    A = np.array([(study == name) / (study == name).sum() for name in np.unique(study)])
    fit = random_effects(A @ effects.yi, np.diag(A @ V @ A.T), method="DL", test="hksj")
    one = find(default, measure="SMD", variance="LS", outliers="none", control="exact", rho="0.2",
               cluster="averaged", tau2="DL", ci="hksj")  # fmt: skip
    assert one.estimate == pytest.approx(float(fit.coef[0]))
    assert one.pvalue == pytest.approx(float(fit.pvalue[0]))


def test_an_outlier_rule_leaves_out_what_it_says(
    unloading: StudyTable, default: ChoicesResult
) -> None:
    effects = escalc(unloading, "SMDH")
    kept = np.arange(effects.k) != effects.vi.argmax()
    fit = random_effects(effects.yi[kept], effects.vi[kept], test="hksj")
    wanted = {"measure": "SMDH", "outliers": "largest_vi", "cluster": "none", "tau2": "REML"}
    those = [
        one for one in default.answered
        if one.options["ci"] == "hksj" and wanted.items() <= one.options.items()
        and one.options["control"] == "ignore"
    ]  # fmt: skip
    assert [one.k_effects for one in those] == [effects.k - 1]
    assert those[0].estimate == pytest.approx(float(fit.coef[0]))


@pytest.mark.parametrize(
    "lists",
    [
        {"rho": 0.5},
        {"measure": ["SMD", "ROM", "NMD"], "variance": ["LS", "UB"], "cluster": ["study"]},
        {"cluster": ["none", "experiment", "averaged"], "tau2": ["PM", "EB", "EE"], "ci": "wald"},
        {"measure": "ROM", "control": "ignore", "ci": ["t", "cr0"], "outliers": "rstudent_2"},
    ],
)
def test_every_declared_combination_is_accounted_for(
    unloading: StudyTable, lists: dict[str, Any]
) -> None:
    result = choices(unloading, lists, permutations=0)
    left = dict.fromkeys(("same", "impossible", "failed"), 0)
    for line in result.left_out:
        left[line.kind] += line.count
        assert line.reason
    failed = [one for one in result.specifications if one.reason is not None]
    assert left["failed"] == len(failed)
    assert result.declared == len(result.answered) + sum(left.values())
    assert len({tuple(one.options.items()) for one in result.specifications}) == len(
        result.specifications
    )


def test_no_two_analyses_are_the_same(default: ChoicesResult) -> None:
    seen = {(one.estimate, one.se, one.df) for one in default.answered}
    # Multilevel by study and averages may agree by chance, whole groups of analyses may not.
    assert len(seen) > 0.9 * len(default.answered)


def test_curves_are_sorted_and_counted(default: ChoicesResult) -> None:
    for line in default.scales:
        those = [one.estimate for one in default.on_scale(line.scale)]
        assert those == sorted(those)
        assert len(those) == line.count == len(line.null_low) == len(line.null_high)
        assert line.median == pytest.approx(float(np.median(those)))
    reference = default.specifications[default.reference]
    signs = [one.estimate * reference.estimate <= 0 for one in default.answered]
    assert default.shares["sign_changed"] == pytest.approx(np.mean(signs))
    verdicts = [(one.pvalue < 0.05) != (reference.pvalue < 0.05) for one in default.answered]
    assert default.shares["significance_changed"] == pytest.approx(np.mean(verdicts))
    furthest = default.specifications[default.most_different]
    distances = [abs(one.estimate - reference.estimate) for one in default.on_scale()]
    assert abs(furthest.estimate - reference.estimate) == max(distances)


def test_estimates_of_other_units_stay_apart(default: ChoicesResult) -> None:
    assert [line.scale for line in default.scales] == ["SD units", "log ratio of means"]
    rom = next(line for line in default.by_option if line.option == "ROM")
    assert math.isnan(rom.median)
    assert rom.count > 0


def test_any_number_of_workers_and_any_order_of_rows(unloading: StudyTable) -> None:
    lists = {"measure": "SMD", "variance": "LS", "outliers": ["none", "rstudent_2"], "rho": 0.5}
    one = choices(unloading, lists, permutations=20, workers=1).to_dict()
    assert choices(unloading, lists, permutations=20, workers=3).to_dict() == one
    turned = unloading.keep(np.ones(len(unloading.frame), dtype=bool))
    order = turned.frame.index[::-1]
    object.__setattr__(turned, "frame", turned.frame.loc[order])
    other = choices(turned, lists, permutations=0)
    assert [round(s.estimate, 5) for s in other.specifications] == [
        round(s["estimate"], 5) for s in one["specifications"]
    ]


def test_json_is_exact_and_text_fits(default: ChoicesResult) -> None:
    again = json.loads(dump_json(default.to_dict()))
    assert again["answered"] == len(again["specifications"]) == len(default.to_frame())
    assert again["specifications"][again["reference"]]["estimate"] == (
        default.specifications[default.reference].estimate
    )
    text = default.summary()
    assert max(map(len, text.splitlines())) <= 120
    assert len(text.splitlines()) <= 60
    assert "every analysis lies below zero" in text
    assert "<pre>" in default._repr_html_()


def test_a_factor_without_a_choice_says_so(tmp_path: Any) -> None:
    result = choices(table(lines(5), tmp_path), permutations=0)
    assert set(result.vanished) == {"rob", "control", "rho"}
    assert result.fixed["cluster"] == "none"
    assert "no two share animals" in result.summary()


def test_risk_of_bias_cuts(tmp_path: Any) -> None:
    rows = lines(6).splitlines()
    judged = ["low,low", "low,unclear", "high,low", ",", "low,low", "low,high"]
    text = "\n".join(f"{row},{rob}" for row, rob in zip(rows, judged, strict=True))
    head = f"{HEAD},rob_sequence,rob_blinding"
    lists = {"measure": "SMD", "variance": "LS", "outliers": "none", "tau2": "REML", "ci": "wald"}
    result = choices(table(text, tmp_path, head), lists, permutations=0)
    counts = {one.options["rob"]: one.k_effects for one in result.answered}
    assert counts == {"all": 6, "no_high": 3, "low": 2}


def test_too_few_effects_are_told(tmp_path: Any) -> None:
    rows = [f"{row},{rob}" for row, rob in zip(lines(3).splitlines(), "abc", strict=True)]
    text = "\n".join(rows).replace(",a", ",low").replace(",b", ",high").replace(",c", ",high")
    result = choices(table(text, tmp_path, f"{HEAD},rob_x"), permutations=0)
    failed = [line for line in result.left_out if line.kind == "failed"]
    assert failed
    assert "1 effect of 1 studies left of that risk of bias" in failed[0].reason
    assert any("could not be done" in text for text in result.warnings)


def test_given_effects_are_of_one_measure_only(tmp_path: Any) -> None:
    text = "\n".join(f"S{i},BV/TV,{0.3 + 0.1 * i},0.1" for i in range(5))
    result = choices(table(text, tmp_path, "study,outcome,yi,vi"), permutations=0)
    failed = [line.reason for line in result.left_out if line.kind == "failed"]
    assert failed
    assert all("taken to be SMD" in reason for reason in failed)
    assert {one.options["measure"] for one in result.answered} == {"SMD"}


def test_means_that_have_no_logarithm_fail_alone(tmp_path: Any) -> None:
    text = lines(5).replace("20,", "-20,", 1)
    result = choices(table(text, tmp_path), permutations=0)
    assert {one.options["measure"] for one in result.answered} == {"SMD", "SMDH"}
    assert any("takes the logarithm of means" in line.reason for line in result.left_out)


@pytest.mark.parametrize(
    ("lists", "sentence"),
    [
        ({"tau": ["REML"]}, "no choice called 'tau'; did you mean 'tau2'"),
        ({"tau2": []}, "tau2 takes at least one option"),
        ({"tau2": ["remel"]}, "tau2 must be one of"),
        ({"rho": [1.0]}, "rho takes numbers of 0 or more, below 1"),
        ({"rho": [True]}, "rho takes numbers"),
        ({"measure": [3]}, "measure takes a list of words"),
        ({"measure": {"SMD": 1}}, "takes a list of options"),
        ({"variance": ["AV"], "measure": ["SMDH"]}, "variance of SMDH must be one of"),
        ({"cluster": ["none"], "ci": ["cr2"]}, "interval cr2 needs clusters modelled"),
        ({"rho": [i / 9000 for i in range(8000)]}, "combinations, more than 50000"),
    ],
)
def test_refusals(unloading: StudyTable, lists: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        choices(unloading, lists)


def test_other_refusals(unloading: StudyTable, tmp_path: Any) -> None:
    with pytest.raises(UsageError, match="workers must be 1"):
        choices(unloading, workers=0)
    with pytest.raises(UsageError, match="permutations must be 0 to"):
        choices(unloading, permutations=-1)
    with pytest.raises(UsageError, match="level"):
        choices(unloading, level=95)
    with pytest.raises(DataError, match="one effect is left to pool"):
        choices(table(lines(1), tmp_path))
    with pytest.raises(DataError, match="reference analysis has no answer"):
        choices(table(lines(1, arms=3), tmp_path))


def test_two_studies(tmp_path: Any) -> None:
    result = choices(table(lines(2), tmp_path))
    assert result.permutation is not None
    assert result.permutation.iterations == 2
    assert all(test.pvalue >= 0.5 for test in result.permutation.tests)
    assert any("cannot give a p-value below 0.5" in text for text in result.warnings)


def test_names_from_a_table_cannot_steer(tmp_path: Any) -> None:
    text = lines(4).replace("S0", "<b>\x1b[31m$x$").replace("arm 0", "=CMD()")
    result = choices(table(text, tmp_path), permutations=0)
    assert "<b>" not in result._repr_html_()
