"""Allocation: balanced, reproducible, coded; and the tests that tell what it is mixed up with."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from metabone.errors import DataError, FileWriteError, UsageError
from metabone.planning.allocation import WORDS, allocate, assign, write_allocation
from metabone.planning.animals import Roles, check_animals, read_animals
from metabone.planning.confounding import all_ways, check_confounding

GROUPS = ["vehicle", "exosomes", "PTH"]


def rats(n: int = 18, cage: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(n)
    return pd.DataFrame(
        {
            "id": [f"R{i}" for i in range(1, n + 1)],
            "cage": [f"C{i // cage}" for i in range(n)],
            "weight": rng.normal(260, 20, n).round(0),
            "sex": ["F" if i % 2 else "M" for i in range(n)],
        }
    )


def true_groups(allocation: Any) -> pd.Series:
    return allocation.table["group"].map(allocation.key)


def test_each_cage_has_every_group_and_groups_are_equal() -> None:
    allocation = allocate(rats(), GROUPS, seed=4)
    assert set(allocation.counts.values()) == {6}
    for _, held in allocation.table.groupby("cage"):
        assert held["group"].nunique() == 3


def test_whole_cages_get_one_group() -> None:
    allocation = allocate(rats(), GROUPS, seed=4, unit="cage")
    per_cage = allocation.table.groupby("cage")["group"].agg(["nunique", "first"])
    assert (per_cage["nunique"] == 1).all()
    assert sorted(Counter(per_cage["first"]).values()) == [2, 2, 2]
    assert any("unit of the analysis" in text for text in allocation.warnings)


def test_blocks_of_like_weight_hold_every_group() -> None:
    animals = rats(19).drop(columns="cage")
    allocation = allocate(animals, GROUPS, seed=2)
    means = allocation.table.groupby("group")["weight"].mean()
    spread = animals["weight"].std()
    assert (means.max() - means.min()) < 0.6 * spread
    # Over many seeds the largest gap of group means is far below that of chance alone.
    gaps, plain = [], []
    rng = np.random.default_rng(1)
    for seed in range(200):
        table = allocate(animals, GROUPS, seed=seed).table
        by = table.groupby("group")["weight"].mean()
        gaps.append(by.max() - by.min())
        mixed = animals["weight"].groupby(rng.permutation([0, 1, 2] * 6 + [0])).mean()
        plain.append(mixed.max() - mixed.min())
    assert np.mean(gaps) < 0.6 * np.mean(plain)


@given(
    st.lists(st.integers(1, 4), min_size=2, max_size=5),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 9)), min_size=6, max_size=40),
    st.integers(0, 2**32),
)
def test_groups_are_as_large_as_planned(
    shares: list[int], units: list[tuple[str, int]], seed: int
) -> None:
    strata = [stratum for stratum, _ in units]
    weights = np.array([float(weight) for _, weight in units])
    label = assign(strata, weights, shares, np.random.default_rng(seed))
    assert label.min() >= 0
    for level in set(strata):
        own = np.bincount(label[[s == level for s in strata]], minlength=len(shares))
        whole = int(sum(own)) // sum(shares)
        # Every whole block holds each group by its share; the rest no group over its share.
        assert (own >= whole * np.array(shares)).all()
        assert (own <= (whole + 1) * np.array(shares)).all()
    if len(set(shares)) == 1:
        counts = np.bincount(label, minlength=len(shares))
        assert counts.max() - counts.min() <= max(1, shares[0])


def test_equal_groups_differ_by_one_animal_at_most() -> None:
    for n, seed in itertools.product((7, 11, 20, 23), range(20)):
        counts = allocate(rats(n), GROUPS, seed=seed, roles=Roles(strata=("sex",))).counts.values()
        assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(
    ("strata", "shares"), [("aaaaabb", [1, 1, 1]), ("aaaabbc", [1, 1]), ("aaaaaabbb", [2, 1])]
)
def test_every_animal_has_the_same_chance_of_every_group(strata: str, shares: list[int]) -> None:
    n, draws = len(strata), 3000
    counts = np.zeros((n, len(shares)))
    for seed in range(draws):
        label = assign(strata, np.arange(float(n)), shares, np.random.default_rng(seed))
        counts[np.arange(n), label] += 1
    expected = np.broadcast_to(np.array(shares) / sum(shares), counts.shape)
    assert counts / draws == pytest.approx(expected, abs=0.04)


def test_unequal_shares() -> None:
    allocation = allocate(rats(18), {"vehicle": 2, "exosomes": 1}, seed=1, roles=Roles())
    assert Counter(true_groups(allocation)) == {"vehicle": 12, "exosomes": 6}


def test_the_same_seed_gives_the_same_in_any_order_of_the_list() -> None:
    animals = rats(17)
    first = allocate(animals, GROUPS, seed=9)
    again = allocate(animals.sample(frac=1, random_state=3), GROUPS, seed=9)
    pd.testing.assert_frame_equal(first.table, again.table.sort_index())
    assert first.key == again.key
    other = allocate(animals, GROUPS, seed=10)
    assert list(other.table["order"]) != list(first.table["order"])


def test_codes_hide_the_groups() -> None:
    allocation = allocate(rats(), GROUPS, seed=1)
    assert set(allocation.key) <= set(WORDS)
    assert set(allocation.key.values()) == set(GROUPS)
    shown = allocation.to_csv() + allocation.summary()
    assert not any(name in shown for name in GROUPS)
    assert "seed" not in allocation.to_csv()
    first_codes = [{v: k for k, v in allocate(rats(), GROUPS, seed=seed, codes="letters")
                    .key.items()}["vehicle"] for seed in range(30)]  # fmt: skip
    assert set(first_codes) == {"A", "B", "C"}
    assert set(allocate(rats(), GROUPS, seed=1, codes="none").key) == set(GROUPS)


def test_the_key_goes_to_a_file_of_its_own(tmp_path: Path) -> None:
    allocation = allocate(rats(), GROUPS, seed=77)
    path, key = write_allocation(allocation, tmp_path / "list.csv", tmp_path / "key.csv")
    held = pd.read_csv(key)
    assert dict(zip(held["code"], held["group"], strict=True)) == allocation.key
    assert set(held["seed"]) == {77}
    assert list(pd.read_csv(path)["group"]) == list(allocation.table["group"])
    with pytest.raises(UsageError, match="another file"):
        write_allocation(allocation, tmp_path / "a.csv", tmp_path / "a.csv")
    (tmp_path / "list2.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(FileWriteError):
        write_allocation(allocation, tmp_path / "list2.csv", tmp_path / "key2.csv")
    assert not (tmp_path / "key2.csv").exists()
    assert (tmp_path / "list2.csv").read_text(encoding="utf-8") == "mine"


def test_hostile_identities_are_no_formulas_in_a_spreadsheet() -> None:
    animals = pd.DataFrame({"id": ["=1+1", "@x", "+R3", 'a,"b', "-R5", "R6"]})
    text = allocate(animals, ["a", "b"], seed=1).to_csv()
    cells = [line.split(",")[0] for line in text.splitlines()[1:]]
    assert cells[:3] == ["'=1+1", "'@x", "'+R3"]
    assert '"a,""b"' in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": ["R1", "R1", "R3", "R4"]}, r"row 1: id 'R1' is that of row 0 too"),
        ({"id": ["R1", "r1 ", "R3", "R4"]}, r"'r1' looks like 'R1' of row 0"),
        ({"id": ["R1", " ", None, "R4"]}, r"id is blank in rows 1, 2"),
        ({"id": ["R1", "R\n2", "R3", "R4"]}, r"holds a control character"),
        ({"weight": [250, None, 240, 230]}, r"weight is blank in row 1"),
        ({"weight": [250, "heavy", -3, 230]}, r"'heavy' is not a positive.*'-3' is not a positive"),
        ({"cage": ["C1", "C1", "", "C2"]}, r"cage is blank in row 2"),
        ({"sex": ["F", "M", "F", None]}, r"sex is blank in row 3"),
    ],
)
def test_a_list_that_is_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    animals = pd.DataFrame(
        {"id": ["R1", "R2", "R3", "R4"], "cage": ["C1", "C1", "C2", "C2"],
         "weight": [250.0, 260, 255, 270], "sex": ["F"] * 4, **change}
    )  # fmt: skip
    roles = Roles(cage="cage", weight="weight", strata=("sex",))
    with pytest.raises(DataError, match=message):
        allocate(animals, ["a", "b"], seed=1, roles=roles)


def test_cages_that_are_too_full_or_too_few_are_refused() -> None:
    with pytest.raises(DataError, match="cage 'C0' holds 6 animals; at most 5"):
        allocate(rats(12, cage=6), GROUPS, seed=1, most_per_cage=5)
    with pytest.raises(DataError, match="2 cages for 3 groups"):
        allocate(rats(12, cage=6), GROUPS, seed=1, unit="cage")
    with pytest.raises(DataError, match=r"cage 'C0' holds animals of different strata \(F and M\)"):
        allocate(rats(), GROUPS, seed=1, unit="cage", roles=Roles(cage="cage", strata=("sex",)))
    with pytest.raises(DataError, match="2 animals for 3 groups"):
        allocate(rats(2), GROUPS, seed=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"groups": ["a"]}, "two names or more"), ({"groups": "ab"}, "two names or more"),
     ({"groups": ["a", "A "]}, "differ in name"), ({"groups": ["a", " "]}, "no name"),
     ({"groups": {"a": 0, "b": 1}}, "share of 'a'"), ({"seed": -1}, "seed must be"),
     ({"unit": "litter"}, "unit must be one of"), ({"codes": "hex"}, "codes must be one of"),
     ({"roles": Roles(id="name")}, "no column 'name'"),
     ({"roles": Roles(weight="wieght")}, "nearest: weight"),
     ({"roles": Roles(), "unit": "cage"}, "column of the cages")],
)  # fmt: skip
def test_what_is_wrong_is_said(change: dict[str, Any], message: str) -> None:
    call: dict[str, Any] = {"animals": rats(), "groups": GROUPS, "seed": 1, **change}
    animals, groups = call.pop("animals"), call.pop("groups")
    with pytest.raises(UsageError, match=message):
        allocate(animals, groups, **call)


def test_columns_of_the_list_are_not_written_over() -> None:
    with pytest.raises(UsageError, match="already have a column 'order'"):
        allocate(rats().assign(order=1), GROUPS, seed=1)


def test_a_list_is_read_from_csv(tmp_path: Path) -> None:
    path = tmp_path / "rats.csv"
    path.write_bytes("id;weight;cage\r\nR1;250,5;C1\r\n\r\n R2 ;260,0;C1\r\n".encode("utf-8-sig"))
    animals = read_animals(path)
    assert list(animals.index) == [2, 4]
    assert list(animals["id"]) == ["R1", "R2"]
    check_animals(animals, Roles(cage="cage", weight="weight"))
    assert allocate(animals, ["a", "b"], seed=1).counts


@pytest.mark.parametrize(
    ("text", "message"),
    [("id\n", "no animals"), ("", "no animals"), ("id,id\n1,2\n", "twice"),
     ("id,,cage\n1,2,3\n", "column 2 has no name"), ("id,cage\nR1\n", "row 2 has 1 cells"),
     ("id\nR1,7\n", "row 2 has 2 cells")],
)  # fmt: skip
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rats.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_animals(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_animals(tmp_path / "none.csv")


# -- confounding


def test_p_of_a_number_is_that_of_scipy() -> None:
    values = [250.0, 262, 247, 251, 255, 259, 268, 241]
    label = ["A", "A", "A", "B", "B", "B", "B", "A"]
    animals = pd.DataFrame({"group": label, "weight": values})
    (check,) = check_confounding(animals, ["weight"])
    a = [v for v, g in zip(values, label, strict=True) if g == "A"]
    b = [v for v, g in zip(values, label, strict=True) if g == "B"]
    scipy = stats.permutation_test(
        (a, b), lambda x, y: abs(np.mean(x) - np.mean(y)), n_resamples=np.inf,
        alternative="greater",
    )  # fmt: skip
    assert check.exact
    assert check.ways == 70
    assert check.pvalue == pytest.approx(scipy.pvalue)
    f = stats.f_oneway(a, b).statistic
    assert check.statistic == pytest.approx(f / (f + 6))  # η² = F / (F + df), 1 df between


def test_p_and_v_of_levels_are_those_of_scipy() -> None:
    table = np.array([[5, 1], [2, 4]])
    rows = [(surgeon, group) for surgeon, group in itertools.product("LR", "AB")
            for _ in range(table["LR".index(surgeon), "AB".index(group)])]  # fmt: skip
    animals = pd.DataFrame(rows, columns=["surgeon", "group"])
    (check,) = check_confounding(animals, ["surgeon"])
    # With equal margins the two-sided exact test orders tables as χ² does.
    assert check.pvalue == pytest.approx(stats.fisher_exact(table).pvalue)
    v = stats.contingency.association(table, method="cramer")
    assert check.statistic == pytest.approx(v**2)
    assert check.verdict == "even"


def test_sampled_ways_agree_with_all_of_them() -> None:
    rng = np.random.default_rng(2)
    animals = pd.DataFrame({"group": list("ABC") * 12, "weight": rng.normal(250, 20, 36)})
    animals.loc[animals["group"] == "A", "weight"] += 12
    (check,) = check_confounding(animals, ["weight"], seed=5)
    f = stats.f_oneway(*[held["weight"] for _, held in animals.groupby("group")])
    assert not check.exact
    assert check.ways == 9_999
    assert check.pvalue == pytest.approx(f.pvalue, abs=0.015)


def test_a_surgeon_for_each_group_is_confounding() -> None:
    animals = pd.DataFrame({"group": ["A"] * 3 + ["B"] * 3, "surgeon": ["Li"] * 3 + ["Roe"] * 3})
    (check,) = check_confounding(animals, ["surgeon"])
    # With six animals the test alone cannot show it: all 20 ways, two of them like this.
    assert check.pvalue == pytest.approx(0.1)
    assert check.verdict == "confounded"


def test_a_cage_is_confounded_unless_it_is_the_unit() -> None:
    table = allocate(rats(), GROUPS, seed=3, unit="cage").table
    assert check_confounding(table, ["cage"])[0].verdict == "confounded"
    as_unit = check_confounding(table, ["cage", "weight"], unit="cage")
    assert as_unit[0].verdict == "cannot be told"
    assert as_unit[1].ways == 90  # 6 cages, two of each group
    mixed = allocate(rats(), GROUPS, seed=3).table
    assert check_confounding(mixed, ["cage"])[0].verdict == "even"


def test_p_values_are_uniform_when_chance_dealt_the_groups() -> None:
    rng = np.random.default_rng(8)
    animals = rats(8)[["weight"]]
    pvalues = [check_confounding(animals.assign(group=rng.permutation(list("AAAABBBB"))),
                                 ["weight"])[0].pvalue for _ in range(400)]  # fmt: skip
    assert np.mean(np.array(pvalues) <= 0.2) == pytest.approx(0.2, abs=0.06)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [(["x"] * 6, "cannot be told"), (list("abcdef"), "cannot be told"),
     ([1, None, None, None, None, None], "cannot be told"),
     ([1.5, 2.5, 1.5, 30.5, None, 31.5], "even")],
)  # fmt: skip
def test_edges(values: list[Any], verdict: str) -> None:
    animals = pd.DataFrame({"group": list("AABBAB"), "x": values})
    assert check_confounding(animals, ["x"])[0].verdict == verdict


def test_numbers_that_come_again_are_levels_unless_they_are_weights() -> None:
    animals = pd.DataFrame({"group": list("ABABAB"), "cage": [1, 1, 2, 2, 3, 3],
                            "weight": [250, 250, 260, 260, 270, 270]})  # fmt: skip
    kinds = [check.kind for check in check_confounding(animals, ["cage", "weight"])]
    assert kinds == ["level", "number"]


@pytest.mark.parametrize(
    ("frame", "call", "error"),
    [({"group": ["A", "A"], "x": [1, 2]}, {}, DataError),
     ({"group": ["A", ""], "x": [1, 2]}, {}, DataError),
     ({"group": ["A", "B"], "x": [1, 2]}, {"covariates": ["y"]}, UsageError),
     ({"group": ["A", "B"], "x": ["c", "c"]}, {"unit": "x"}, DataError),
     ({"group": ["A", "B"], "x": ["c", "7"]}, {"numbers": ["x"]}, DataError)],
)  # fmt: skip
def test_wrong_checks_are_refused(
    frame: dict[str, Any], call: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        check_confounding(pd.DataFrame(frame), **{"covariates": ["x"], **call})


def test_all_ways_are_all() -> None:
    assert len(set(all_ways([2, 2, 2]))) == 90
