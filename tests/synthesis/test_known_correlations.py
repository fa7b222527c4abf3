"""Known correlations, further random factors and the wild bootstrap, in Python and as options.

The effects of ``data/crossed.csv`` were drawn by a seeded generator. R 4.2.2 with metafor 3.8-1 and
clubSandwich 0.5.8 answered for them (d is the table, d$row its row number)

  V <- vcalc(vi, cluster=study, obs=row, rho=.5, data=d)
  r <- rma.mv(yi, V, random=list(~1|study, ~1|laboratory, ~1|row), data=d, test="t", dfs="contain")

and, with V built entry by entry for the table of rho and for the time decay,

  r <- rma.mv(yi, V, random=list(~1|study, ~1|row), data=d)
  coef_test(r, vcov="CR2", cluster=d$study)
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metabone.cli import main
from metabone.effects.dependence import sampling_covariance
from metabone.effects.escalc import escalc
from metabone.effects.table import EffectTable
from metabone.errors import DataError, ModelError, UsageError
from metabone.extraction.reading import read_table
from metabone.models.multilevel import multilevel
from metabone.models.wild import wild_test
from metabone.synthesis.pool import pool
from metabone.synthesis.regression import regress

TABLE = Path(__file__).parent / "data" / "crossed.csv"
FEMUR_TIBIA = [{"column": "site", "a": "femur", "b": "tibia", "rho": 0.8}]


@pytest.fixture(scope="module")
def effects() -> EffectTable:
    return escalc(read_table(str(TABLE)))


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(*arguments, "--json", "-") == 0
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def rho_table(folder: Path, text: str) -> str:
    path = folder / "rho.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("options", "estimate", "se", "df", "sigma2"),
    [
        ({}, 0.696534852, 0.119171099, 7.299671544, 0.415412835),
        ({"rho_table": FEMUR_TIBIA}, 0.704691587, 0.119184267, 7.204349397, 0.394490222),
        ({"time_decay": 0.9}, 0.698887404, 0.118658833, 7.230741790, 0.396885367),
    ],
)
def test_known_correlations_enter_as_in_r(
    effects: EffectTable,
    options: dict[str, Any],
    estimate: float,
    se: float,
    df: float,
    sigma2: float,
) -> None:
    one = pool(effects, **options).overall
    assert math.isclose(one.estimate, estimate, rel_tol=1e-6)
    assert math.isclose(one.se, se, rel_tol=1e-6)
    assert math.isclose(one.df, df, rel_tol=1e-6)
    assert one.sigma2 is not None
    assert math.isclose(one.sigma2["effect"], sigma2, rel_tol=1e-6)


def test_a_crossed_factor_is_that_of_r(effects: EffectTable) -> None:
    result = pool(effects, random=["laboratory"], ci="t")
    one = result.overall
    assert result.random == ("laboratory",)
    assert one.sigma2 is not None
    assert list(one.sigma2) == ["study", "laboratory", "effect"]
    assert math.isclose(one.estimate, 0.652548074, rel_tol=1e-6)
    assert math.isclose(one.se, 0.256925844, rel_tol=1e-6)
    assert math.isclose(one.sigma2["laboratory"], 0.187936624, rel_tol=1e-6)
    assert math.isclose(one.sigma2["effect"], 0.250944550, rel_tol=1e-6)
    assert math.isclose(one.q, 153.526729198, rel_tol=1e-9)
    assert (one.df, round(one.pvalue, 5)) == (3.0, 0.08469)
    np.testing.assert_allclose(one.ci(), (-0.165104627, 1.470200776), rtol=1e-6)


def test_a_regression_with_a_crossed_factor_is_that_of_r(effects: EffectTable) -> None:
    result = regress(effects, "timepoint_weeks", random=["laboratory"], ci="t")
    first, slope = result.coefficients
    assert math.isclose(first.estimate, 0.773209593, rel_tol=1e-6)
    assert math.isclose(first.se, 0.363180168, rel_tol=1e-6)
    assert math.isclose(slope.estimate, -0.0321548394, rel_tol=1e-5)
    assert math.isclose(slope.se, 0.0698887754, rel_tol=1e-6)
    assert (first.df, slope.df) == (2.0, 25.0)
    assert math.isclose(slope.pvalue, 0.649431138, rel_tol=1e-5)
    assert math.isclose(result.qe, 150.069329, rel_tol=1e-8)


def test_the_wild_bootstrap_is_that_of_the_model(effects: EffectTable) -> None:
    result = pool(effects, wild=199, seed=4)
    V = sampling_covariance(effects)
    blocks = list(zip(V.positions, V.blocks, strict=True))
    random = {"study": effects.frame["study"].to_numpy(str), "effect": range(effects.k)}
    fit = multilevel(effects.yi, blocks, random)
    test = wild_test(fit, [1.0], weights="webb", replicates=199, seed=4)
    assert result.wild is not None
    assert result.wild.pvalue == test.pvalue
    assert (result.wild.weights, result.wild.replicates, result.wild.seed) == ("webb", 199, 4)
    assert result.wild.ci_low < result.overall.estimate < result.wild.ci_high
    assert pool(effects, wild=199, seed=4).wild == result.wild
    assert pool(effects, wild=199, seed=5).wild != result.wild


# ---------------------------------------------------------------- the commands


def test_options_reach_the_model(
    effects: EffectTable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = rho_table(tmp_path, "column,a,b,rho\nsite,femur,tibia,0.8\n")
    options = ["--rho-table", pairs, "--time-decay", "0.9", "--wild", "99", "--seed", "7"]
    content = answer(capsys, "pool", str(TABLE), *options)
    want = pool(effects, rho_table=FEMUR_TIBIA, time_decay=0.9, wild=99, seed=7)
    assert content["overall"] == json.loads(json.dumps(want.overall.to_dict()))
    assert content["wild"] == want.to_dict()["wild"]
    assert (content["rho_table"], content["time_decay"]) == (FEMUR_TIBIA, 0.9)
    again = answer(capsys, "pool", str(TABLE), *options)
    assert again == content
    arguments = ["regress", str(TABLE), "--formula", "timepoint_weeks", "--rho-table", pairs]
    content = answer(capsys, *arguments, "--random", "laboratory", "--ci", "t")
    fit = regress(effects, "timepoint_weeks", rho_table=FEMUR_TIBIA, random=["laboratory"], ci="t")
    assert content["coefficients"] == [one.to_dict(0.95) for one in fit.coefficients]
    assert content["random"] == ["laboratory"]


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("column,a,b\nsite,femur,tibia\n", 2, "has the columns column, a, b and rho"),
        ("column,a,b,rho,note\nsite,femur,tibia,0.8,x\n", 2, "has the columns column, a, b and"),
        ("column,a,b,rho\nsite,femur,tibia\n", 2, "has the columns column, a, b and rho"),
        ("column,a,b\n", 2, "has the columns column, a, b and rho"),
        ("", 2, "has the columns column, a, b and rho"),
        ("column,a,b,rho\nsite,femur,tibia,high\n", 1, "row 2, column rho ('high')"),
        ("column,a,b,rho\nsite,femur,tibia,nan\n", 2, "rho must be"),
        ("column,a,b,rho\nsite,femur,tibia,1.2\n", 2, "rho must be"),
        ("column,a,b,rho\nspecies,rat,mouse,0.2\n", 2, "outcome, site, assay"),
        ("column,a,b,rho\noutcome,BMDD,BV/TV,0.2\n", 2, "outcome 'BMDD' is not known"),
        ("column,a,b,rho\nsite,femur,femur,0.2\n", 2, "two different words"),
        ("column,a,b,rho\nsite,L4,tibia,0.2\nsite,tibia,L4,0.3\n", 2, "already another rho"),
    ],
)
def test_malformed_tables_are_refused(
    text: str, status: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("pool", str(TABLE), "--rho-table", rho_table(tmp_path, text)) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert words in err


def test_a_site_that_no_row_has_is_a_warning_with_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = rho_table(tmp_path, "column,a,b,rho\nsite,femurr,tibia,0.2\n")
    assert run("pool", str(TABLE), "--rho-table", pairs) == 0
    assert "no row has the site 'femurr'; nearest in the table: 'femur'" in capsys.readouterr().err


def test_a_rho_table_that_is_no_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        assert run("pool", str(TABLE), "--rho-table", str(path)) == 1
        assert "cannot be read" in capsys.readouterr().err


# ---------------------------------------------------------------- random factors


def _with(effects: EffectTable, **columns: Any) -> EffectTable:
    return replace(effects, frame=effects.frame.assign(**columns))


def test_blank_cells_of_a_random_factor_are_named(effects: EffectTable) -> None:
    blank = effects.frame["laboratory"].mask(effects.frame.index == 5)
    with pytest.raises(DataError, match="random: laboratory is blank in row 5"):
        pool(_with(effects, laboratory=blank), random=["laboratory"], ci="t")


@pytest.mark.parametrize("ask", [pool, lambda table, **x: regress(table, "timepoint_weeks", **x)])
def test_a_crossed_factor_has_no_robust_interval_and_the_message_says_what_has(
    effects: EffectTable, ask: Any
) -> None:
    with pytest.raises(ModelError, match=r"laboratory crosses the clusters.* --ci t"):
        ask(effects, random=["laboratory"])


def test_a_bootstrap_by_study_needs_studies_that_are_independent(effects: EffectTable) -> None:
    with pytest.raises(ModelError, match="no wild bootstrap by study: the random factor labora"):
        pool(effects, random=["laboratory"], ci="t", wild=99)


def test_factors_that_say_nothing_new_are_refused(effects: EffectTable) -> None:
    study = effects.frame["study"]
    for values, words in [
        ("one", "laboratory is one in every row used"),
        (study, "splits the effects as the studies do"),
        ([f"row {row}" for row in effects.frame.index], "differs in every row"),
    ]:
        with pytest.raises(DataError, match=words):
            pool(_with(effects, laboratory=values), random=["laboratory"], ci="t")
    for name, words in [
        ("study", "is a level of the multilevel model already"),
        ("laborotory", "no column 'laborotory'; did you mean laboratory"),
    ]:
        with pytest.raises(UsageError, match=words):
            pool(effects, random=[name], ci="t")


def test_strata_leave_out_a_factor_that_they_do_not_tell_apart(effects: EffectTable) -> None:
    result = pool(effects, by=["laboratory", "site"], random=["laboratory"], ci="t")
    for stratum in result.strata:
        if stratum.estimate is not None:
            assert stratum.estimate.sigma2 is not None
            assert ("laboratory" in stratum.estimate.sigma2) == ("site" in stratum.by)
    laboratories, sites = result.between
    assert 0 < laboratories.pvalue < 1
    assert 0 < sites.pvalue < 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"random": ["laboratory"]}, "random factors belong to the multilevel model"),
        ({"wild": 99}, "the wild bootstrap belongs to the multilevel model"),
    ],
)
def test_the_univariate_model_has_neither(
    effects: EffectTable, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        pool(effects, model="univariate", **options)
