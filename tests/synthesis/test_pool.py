"""Pooling: a published data set against R, refusals in words, the JSON's promises."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd
import pytest

from metabone.effects.table import EffectTable
from metabone.errors import DataError, UsageError
from metabone.extraction.table import Exclusion, Source
from metabone.files import dump_json
from metabone.synthesis.pool import pool
from metabone.synthesis.strata import BLANK, _sorted_levels
from metabone.vocabulary import load_vocabulary

# BCG vaccine trials (Colditz 1994), log risk ratios, and what R 4.2.2 with metafor 3.8-1 prints:
# d <- escalc(measure="RR", ai=tpos, bi=tneg, ci=cpos, di=cneg, data=dat.bcg)
YI = [
    -0.889311333920205, -1.58538865720143, -1.34807314829969, -1.44155119002131,
    -0.217547322211296, -0.786115585818864, -1.62089822359839, 0.0119523335238405,
    -0.469417648738149, -1.37134480347278, -0.339358828338391, 0.445913400571379,
    -0.0173139482168798,
]  # fmt: skip
VI = [
    0.325584765003961, 0.194581121398144, 0.415367965367965, 0.0200100319022476,
    0.0512101721696309, 0.00690561845590876, 0.223017247572315, 0.00396157929781773,
    0.056434210463249, 0.0730247936130289, 0.0124122139715597, 0.532505845200153,
    0.0714046596839863,
]  # fmt: skip
ALLOC = ["random"] * 4 + ["alternate"] * 2 + ["random"] * 3 + ["systematic"] * 4
CLOSE = {"rel_tol": 2e-7}


def effects(**columns: Any) -> EffectTable:
    """An effect table around the BCG effects; `columns` replace or add."""
    k = len(columns.get("yi", YI))
    frame = pd.DataFrame(
        {
            "study": [f"study {i}" for i in range(k)], "experiment": None, "comparison": None,
            "control_id": None, "outcome": "BV/TV", "unit": "%", "assay": "microCT",
            "source": "table", "n_treated": 8.0, "n_control": 7.0, "better_used": "higher",
            "flipped": False, "computed_from": "yi",
            "yi": YI[:k], "vi": VI[:k], "alloc": ALLOC[:k],
        }
        | columns,
        index=range(2, k + 2),
    )  # fmt: skip
    options = {"measure": "SMD", "variance": "LS", "align": "none", "better": None, "unit": None}
    return EffectTable(
        frame,
        **options,
        source=Source("bcg.csv", "0" * 64, k + 1),
        vocabulary=load_vocabulary(),
        selected=k + 1,
        excluded=(Exclusion(k + 2, "n_control is blank"),),
    )


def test_overall_is_that_of_r() -> None:
    """rma(yi, vi, data=d, test="knha") and predict()."""
    one = pool(effects()).overall
    for got, want in (
        (one.estimate, -0.714532348365), (one.se, 0.180791745519), (one.ci()[0], -1.108443723),
        (one.ci()[1], -0.320620973730), (one.tau2, 0.313243325981), (one.i2, 92.221386074966),
        (one.q, 152.233008082373),
    ):  # fmt: skip
        assert math.isclose(got, want, rel_tol=2e-5)  # this R run used its default threshold
    assert math.isclose(one.pi()[0], -1.9960, abs_tol=1e-4)
    assert math.isclose(one.pi()[1], 0.5670, abs_tol=1e-4)


def test_separate_strata_are_those_of_r() -> None:
    """rma(..., subset=alloc==a, test="knha", control=list(threshold=1e-12)) and their EE test."""
    result = pool(effects(), by=["alloc"])
    alternate, random, systematic = result.strata
    assert not alternate.pooled
    assert alternate.reason == "2 studies: fewer than 3 are listed, not pooled"
    assert alternate.k_effects == 2
    want = {
        "estimate": (-0.970964704263, -0.424207391511), "se": (0.253127526070, 0.364218462099),
        "tau2": (0.392528006901, 0.400345880175), "ci_low": (-1.590345447654, -1.583313090533),
        "ci_high": (-0.351583960873, 0.734898307511), "pi_low": (-2.624399282355, -2.747613270397),
        "pi_high": (0.682469873828, 1.899198487375), "i2": (89.934315701262, 86.422119590068),
    }  # fmt: skip
    for stratum, position in ((random, 0), (systematic, 1)):
        got = stratum.to_dict()
        for key, values in want.items():
            assert math.isclose(got[key], values[position], **CLOSE), key
    (test,) = result.between
    assert math.isclose(test.statistic, 1.519573206584, **CLOSE)
    assert math.isclose(test.pvalue, 0.217684091237, **CLOSE)
    assert (test.df, test.df2, test.test) == (1, None, "chi2")


def test_common_tau2_is_that_of_r() -> None:
    """rma(yi, vi, mods=~factor(alloc)-1, data=s, test="knha") and confint(tol=1e-13)."""
    result = pool(effects(), by=["alloc"], strata_tau2="common")
    _, random, systematic = (stratum.estimate for stratum in result.strata)
    assert random is not None
    assert systematic is not None
    for one, want in (
        (random, (-0.971304195269, 0.262873929556, -1.56596633793, -0.376642052611)),
        (systematic, (-0.424868760838, 0.339948202077, -1.19388502115, 0.344147499472)),
    ):
        for got, number in zip((one.estimate, one.se, *one.ci()), want, strict=True):
            assert math.isclose(got, number, **CLOSE)
        assert math.isclose(one.tau2, 0.394703425979, **CLOSE)
        assert math.isclose(one.tau2_low, 0.128199137185, rel_tol=1e-8)
        assert math.isclose(one.tau2_high, 1.396551672237, rel_tol=1e-8)
        assert one.df == 9
    (test,) = result.between
    assert math.isclose(test.statistic, 1.616915329407, **CLOSE)
    assert math.isclose(test.pvalue, 0.235397978299, **CLOSE)
    assert (test.df, test.df2, test.test) == (1, 9, "F")
    (wald,) = pool(effects(), by=["alloc"], strata_tau2="common", ci="wald").between
    assert math.isclose(wald.statistic, 1.460902188977, **CLOSE)
    assert math.isclose(wald.pvalue, 0.226786627603, **CLOSE)


def test_two_way_table_keeps_its_empty_cells() -> None:
    half = ["north", None] + ["south"] * 11
    result = pool(effects(half=half), by=["alloc", ("alloc", "half")])
    cells = {tuple(one.by.values()): one for one in result.strata if len(one.by) == 2}
    assert len(cells) == 3 * 3
    assert cells["systematic", "north"].reason == "no study"
    assert cells["systematic", "north"].rows == ()
    assert cells["random", BLANK].reason == "half not reported"
    assert cells["random", "south"].pooled
    assert sum(one.k_effects for one in cells.values()) == 13
    assert "north" in str(result)


def test_strata_of_numbers_are_in_order_and_whole() -> None:
    result = pool(effects(weeks=[2.0, 10.0] * 6 + [2.5]), by=["weeks"])
    assert [one.by["weeks"] for one in result.strata] == ["2", "2.5", "10"]


def test_every_row_is_accounted_for() -> None:
    answer = pool(effects(), by=["alloc"]).to_dict()
    block = answer["input"]
    assert block["selected"] == block["used"] + len(block["excluded"])
    assert block["excluded"] == [{"row": 15, "reason": "n_control is blank"}]
    text = dump_json(answer)
    assert json.loads(text)["overall"]["estimate"] == pool(effects()).overall.estimate
    assert "NaN" not in text


def test_weights_are_per_cent_of_the_rows() -> None:
    weights = pool(effects()).overall.weights
    assert list(weights) == list(range(2, 15))
    assert math.isclose(sum(weights.values()), 100)


def test_intervals_at_any_level() -> None:
    one = pool(effects(), level=0.95).overall
    wide, narrow = one.ci(0.99), one.ci(0.5)
    assert wide[0] < one.ci()[0] < narrow[0] < one.estimate < narrow[1] < one.ci()[1] < wide[1]
    with pytest.raises(UsageError, match="level"):
        one.ci(1.2)


def test_equal_effects_have_no_prediction_interval() -> None:
    one = pool(effects(), tau2="EE", ci="wald").overall
    assert one.tau2 == 0
    assert math.isnan(one.pi()[0])
    assert one.to_dict()["pi_low"] is None


REFUSED = {
    "one effect": ({"yi": YI[:1], "vi": VI[:1]}, {}, "one effect is left"),
    "directions": (
        {"outcome": ["BV/TV"] * 6 + ["Tb.Sp"] * 7,
         "better_used": ["higher"] * 6 + ["lower"] * 7},
        {}, "better directions differ.*BV/TV.*Tb.Sp.*--align benefit",
    ),
    "direction unknown": (
        {"outcome": ["BV/TV"] * 6 + ["thing"] * 7, "better_used": ["higher"] * 6 + [None] * 7},
        {}, "direction of thing is not known",
    ),
    "kinds": ({"outcome": ["BV/TV"] * 6 + ["RUNX2"] * 7}, {}, "markers are not one quantity"),
    "units": ({"unit": ["%"] * 6 + ["fraction"] * 7}, {"measure": "MD"}, "units differ under MD"),
    "units blank": ({"unit": ["%"] * 6 + [None] * 7}, {"measure": "MD"}, "units differ"),
    "outcomes under MD": (
        {"outcome": ["BV/TV"] * 6 + ["Tb.Th"] * 7}, {"measure": "MD"}, "not one quantity",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_say_why(name: str) -> None:
    columns, replaced, words = REFUSED[name]
    table = effects(**columns)
    for key, value in replaced.items():
        object.__setattr__(table, key, value)
    with pytest.raises(DataError, match=words):
        pool(table)


def test_dependence_is_said() -> None:
    result = pool(
        effects(
            study=["a"] * 3 + [f"s{i}" for i in range(10)], control_id=["c", "c"] + [None] * 11
        ),
        model="univariate",
    )
    said = " ".join(result.warnings)
    assert "1 of 11 studies give more than one effect (a: 3)" in said
    assert "2 effects share 1 control group;" in said
    assert result.overall.k_studies == 11


def test_animals_are_counted_once() -> None:
    same = {"study": ["a"] * 13, "comparison": "exosome", "control_id": "c"}
    assert pool(effects(**same), model="univariate").overall.n_animals == 8 + 7
    arms = same | {"comparison": [f"arm {i}" for i in range(13)]}
    assert pool(effects(**arms), model="univariate").overall.n_animals == 13 * 8 + 7
    assert pool(effects()).overall.n_animals == 13 * 15


def test_unknown_words_name_the_near_ones() -> None:
    with pytest.raises(UsageError, match="did you mean alloc"):
        pool(effects(), by=["aloc"])
    with pytest.raises(UsageError, match="tau2 must be one of 'REML'"):
        pool(effects(), tau2="remmel")
    with pytest.raises(UsageError, match="two different"):
        pool(effects(), by=[("alloc", "alloc")])


def test_html_is_escaped() -> None:
    hostile = effects(study=["<script>alert(1)</script>"] * 13, alloc=["<b>"] * 13)
    assert "<script>" not in pool(hostile, by=["alloc"], model="univariate")._repr_html_()
    assert "<b>" not in pool(hostile, by=["alloc"], model="univariate")._repr_html_()


def test_large_smds_of_small_arms_are_spoken_of() -> None:
    said = " ".join(pool(effects()).warnings)
    assert "with 8 animals an arm the variance LS" in said
    assert "--variance AV" in said
    many = pool(effects(n_treated=20.0, n_control=20.0))
    small = pool(effects(yi=[value / 10 for value in YI]))
    for quiet in (many, small):
        assert not any("animals an arm" in text for text in quiet.warnings)


def test_words_that_look_like_numbers_have_their_place_in_the_order() -> None:
    """Sorting by a number that is none would leave the order to chance."""
    labels = pd.Series(["nan", "10", "b", "inf", "9", "B", "a", "(not reported)"])
    want = ["9", "10", "a", "B", "b", "inf", "nan", "(not reported)"]
    assert _sorted_levels(labels) == _sorted_levels(labels[::-1]) == want


def test_small_units_keep_their_figures() -> None:
    """A mean difference in g/cm2 must not be rounded to its first figure."""
    small = effects(yi=[value / 1000 for value in YI], vi=[value / 1e6 for value in VI])
    object.__setattr__(small, "measure", "MD")
    object.__setattr__(small, "unit", "g/cm2")
    text = pool(small).summary()
    assert "estimate      -0.00071" in text
    assert "CI -0.00111 to -0.00032" in text
