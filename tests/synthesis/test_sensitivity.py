"""Sensitivity of effect tables: each refit is a pooled answer, and hard tables get clear words."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from metabone.cli import main
from metabone.effects.escalc import escalc
from metabone.effects.table import EffectTable
from metabone.errors import DataError, UsageError
from metabone.extraction.reading import read_table
from metabone.extraction.where import select
from metabone.files import dump_json
from metabone.synthesis.pool import pool
from metabone.synthesis.regression import regress
from metabone.synthesis.sensitivity.diagnostics import baujat, influence
from metabone.synthesis.sensitivity.permutations import permutation
from metabone.synthesis.sensitivity.refits import cumulative, leave_one_out
from metabone.synthesis.sensitivity.sensitivity import sensitivity
from metabone.synthesis.sensitivity.subsets import gosh


@pytest.fixture(scope="module")
def bone() -> EffectTable:
    """BV/TV of the shipped unloading data: 29 effects of 8 studies."""
    return escalc(select(read_table("unloading"), outcome=("BV/TV",)), "SMD")


@pytest.fixture(scope="module")
def single(bone: EffectTable) -> EffectTable:
    """The first effect of each study."""
    return replace(bone, frame=bone.frame.groupby("study").head(1))


@pytest.fixture(scope="module")
def few(bone: EffectTable) -> EffectTable:
    """9 effects of 4 studies."""
    names = ["Dadwal 2019", "Keune 2019", "Okamura 2024", "STS-131 mice"]
    return replace(bone, frame=bone.frame[bone.frame["study"].isin(names)])


def without(effects: EffectTable, study: str) -> EffectTable:
    return replace(effects, frame=effects.frame[effects.frame["study"] != study])


@pytest.mark.parametrize("model", ["multilevel", "univariate"])
def test_each_refit_is_what_pool_says_of_the_rest(few: EffectTable, model: str) -> None:
    found = leave_one_out(few, model=model)
    assert [line.label for line in found.lines] == sorted(few.frame["study"].unique())
    for line in found.lines:
        one = pool(without(few, line.study), model=model).overall
        low, high = one.ci()
        want = (one.estimate, one.se, one.df, low, high, one.pvalue, one.tau2, one.i2, one.q)
        names = ("estimate", "se", "df", "ci_low", "ci_high", "pvalue", "tau2", "i2", "q")
        np.testing.assert_allclose(
            [getattr(line, name) for name in names], want, rtol=1e-6, atol=1e-9
        )
        assert (line.k_studies, line.k_effects) == (one.k_studies, one.k_effects)
        assert set(few.frame.loc[list(line.rows), "study"]) == {line.study}
    assert found.range == (
        min(line.estimate for line in found.lines),
        max(line.estimate for line in found.lines),
    )


def test_effects_are_left_out_one_by_one_in_both_models(few: EffectTable) -> None:
    for model in ("multilevel", "univariate"):
        found = leave_one_out(few, by="effect", model=model)
        assert [line.rows for line in found.lines] == [(row,) for row in few.frame.index]
        third = replace(few, frame=few.frame.drop(index=few.frame.index[2]))
        one = pool(third, model=model).overall
        assert math.isclose(found.lines[2].estimate, one.estimate, rel_tol=1e-6)
        assert found.lines[2].label == f"{found.lines[2].study} (row {found.lines[2].rows[0]})"


def test_the_last_step_is_the_whole_answer(few: EffectTable, single: EffectTable) -> None:
    whole = pool(few).overall
    found = cumulative(few, by="precision")
    assert math.isclose(found.lines[-1].estimate, whole.estimate)
    assert math.isclose(found.lines[-1].se, whole.se)
    first = found.lines[0]
    assert (first.k_studies, first.tau2) == (1, 0.0)
    assert math.isnan(first.ci_low)
    assert first.reason is not None
    sizes = [float(str(line.value)) for line in found.lines]
    assert sizes == sorted(sizes)
    weeks = cumulative(few, by="duration_weeks")  # differs within studies: effects one by one
    assert len(weeks.lines) == few.k
    assert len(cumulative(single, by="precision").lines) == 8


def test_years_and_quality_put_studies_in_order(single: EffectTable) -> None:
    frame = single.frame.copy()
    names = [f"Study {2020 - i}" for i in range(len(frame))]
    frame = frame.assign(study=names, rob_random_housing=["low"] * 3 + ["high"] * 5)
    named = replace(single, frame=frame)
    assert [line.value for line in cumulative(named).lines] == [str(y) for y in range(2013, 2021)]
    given = replace(single, frame=frame.assign(year=list(range(2000, 2008))))
    assert [line.study for line in cumulative(given).lines] == names
    best = cumulative(named, by="quality").lines
    assert {line.study for line in best[:3]} == set(names[:3])
    assert best[0].value == "1 low, 0 high"


def test_the_first_study_alone_is_its_mean_given_its_errors(few: EffectTable) -> None:
    for line in cumulative(few, by="duration_weeks").lines:
        yi = few.frame.loc[list(line.rows), "yi"]
        if line.k_effects == 1:
            assert math.isclose(line.estimate, float(yi.iloc[0]))
        if line.k_studies == 1:
            assert math.isnan(line.pvalue)


def test_studies_are_judged_where_effects_depend(few: EffectTable) -> None:
    found = influence(few)
    assert found.by == "study"
    assert math.isclose(sum(line.weight for line in found.lines), 100)
    refits = {line.study: line for line in leave_one_out(few, ci="t").lines}
    whole = pool(few, ci="t").overall
    for line in found.lines:
        rest = refits[line.study]
        if math.isnan(
            line.cook_d
        ):  # without it no level of experiments is left, which `pool` drops
            assert line.study == "STS-131 mice"
            continue
        change = (whole.estimate - rest.estimate) / whole.se
        assert math.isclose(line.cook_d, change**2, rel_tol=1e-4)
        assert math.isclose(line.tau2_deleted, rest.tau2, rel_tol=1e-4)
        assert math.isclose(line.q_deleted, rest.q, rel_tol=1e-8)
    parts = baujat(few)
    assert math.isclose(sum(point.q for point in parts.points), whole.q)
    assert influence(few, model="univariate").by == "effect"
    with pytest.raises(UsageError, match="judges whole studies"):
        influence(few, by="effect")
    with pytest.raises(UsageError, match="knows no studies"):
        influence(few, by="study", model="univariate")


def test_the_subset_of_all_studies_is_the_answer(bone: EffectTable, single: EffectTable) -> None:
    found = gosh(bone)
    assert (found.unit, found.complete, len(found.size)) == ("study", True, 255)
    assert math.isclose(found.estimate[-1], pool(bone).overall.estimate, rel_tol=1e-5)
    assert found.with_member(3).sum() == 128
    assert found.labels == tuple(sorted(bone.frame["study"].unique()))
    one = gosh(single)
    assert one.unit == "effect"
    assert math.isclose(one.estimate[-1], pool(single).overall.estimate, rel_tol=1e-6)
    label, with_it, without_it, *_ = one.by_member()[0]
    assert label == one.labels[0]
    assert math.isclose(with_it, float(np.median(one.estimate[one.with_member(0)])))
    assert math.isclose(without_it, float(np.median(one.estimate[~one.with_member(0)])))


def test_permutations_turn_studies_or_effects(bone: EffectTable, single: EffectTable) -> None:
    # Without experiments as a level the refits go in one batch.
    bone = replace(bone, frame=bone.frame.assign(experiment=None))
    whole = permutation(bone)
    assert (whole.unit, whole.exact, whole.iterations) == ("study", True, 128)
    assert whole.pvalue * 128 == round(whole.pvalue * 128)
    assert permutation(single).unit == "effect"
    both = permutation(bone, "duration_weeks + species", iterations=99, ci="t")
    by_term = {one.term: one for one in both.coefs}
    assert by_term["duration_weeks"].permuted == "within"
    assert by_term["species[T.rat]"].permuted == "studies"
    assert by_term["species[T.rat]"].iterations == 28  # 8 studies, 2 of them of mice
    assert math.isnan(by_term["intercept"].pvalue)
    assert math.isnan(both.pvalue)  # no test of both kinds together
    model = regress(bone, "duration_weeks + species", ci="t")
    assert both.pvalue_model == model.moderators.pvalue
    with pytest.raises(UsageError, match="with an intercept"):
        permutation(bone, "0 + species", iterations=99)


def test_without_a_question_there_are_two_answers(bone: EffectTable) -> None:
    found = sensitivity(bone)
    assert list(found.parts) == ["leave_one_out", "influence"]
    text = found.summary()
    assert "influential: Ko 2020 (Cook's D)" in text
    assert max(map(len, text.splitlines())) <= 100
    assert json.loads(dump_json(found.to_dict()))["gosh"] is None
    assert len(found.to_frame()) == 16
    with pytest.raises(UsageError, match="formula is for the permutation test"):
        sensitivity(bone, formula="species")


def test_few_studies_are_refused(single: EffectTable) -> None:
    two = replace(single, frame=single.frame.head(2))
    for ask in (leave_one_out, influence, baujat, gosh, permutation):
        with pytest.raises(DataError, match="or more, and there are 2"):
            ask(two)
    with pytest.raises(DataError, match="pooling takes two or more"):
        sensitivity(replace(single, frame=single.frame.head(1)))


def test_what_orders_nothing_is_named(bone: EffectTable) -> None:
    with pytest.raises(DataError, match="'STS-62 rats', 'STS-131 mice', 'RR-1 mice' hold no one"):
        cumulative(bone)
    with pytest.raises(UsageError, match="no column 'yaer'; did you mean year"):
        cumulative(bone, by="yaer")
    with pytest.raises(DataError, match="is blank in row"):
        cumulative(bone, by="dose")
    with pytest.raises(DataError, match="risk-of-bias"):
        cumulative(bone, by="quality")
    with pytest.raises(UsageError, match="by must be one of"):
        leave_one_out(bone, by="lab")


def test_effects_that_are_all_alike_get_no_number(single: EffectTable) -> None:
    same = replace(single, frame=single.frame.assign(yi=1.0))
    found = sensitivity(same, leave_one_out="study", influence=True, baujat=True, gosh=True)
    assert found.leave_one_out is not None
    assert all(math.isnan(line.se) for line in found.leave_one_out.lines)
    assert all(line.reason for line in found.leave_one_out.lines)
    assert "Influence of each effect" in found.summary()


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


def test_the_command_prints_writes_and_refuses(
    tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = ("sensitivity", "unloading", "--outcome", "BV/TV")
    assert run(*table, "--gosh", "--baujat", "--json", "-", "--csv", str(tmp_path / "a.csv")) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["gosh"]["subsets"] == 255
    assert len(answer["baujat"]["points"]) == 8
    assert (tmp_path / "a.csv").read_text().startswith("part,")
    assert run(*table, "--permutation", "5") == 2
    assert "iterations must be from 99" in capsys.readouterr().err
    assert run(*table, "--leave-one-out", "lab") == 2
    assert run(*table, "--cumulative", "year") == 1
    assert "metabone: unloading: the table has no column year" in capsys.readouterr().err
