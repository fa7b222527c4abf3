"""Designs in bench units: inputs, animals, losses, cages, and what solving gives back."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from metabone.planning.designs.registry import DESIGNS, find, power
from metabone.planning.designs.solve import solve_effect, solve_n

FIVE_ARMS: dict[str, Any] = {"means": [100, 75, 76, 88, 92], "sd": 10, "compare": [4, 3]}
# Inputs that give each design something to find; sizes are added.
EXAMPLES: dict[str, dict[str, Any]] = {
    "two-groups": {"mean_control": 20, "cv": 20, "percent_change": 30},
    "two-groups-welch": {"difference": 1.5, "sd_control": 0.5, "sd_treated": 1.2},
    "paired": {"difference": 1, "sd": 1, "correlation": 0.6},
    "several-arms": FIVE_ARMS,
    "shared-control": {"differences": [0.8, 1.5], "sd": 1},
    "two-by-two": {"means": [0, 0, -2, -0.4], "sd": 1},
    "cages-whole": {"difference": 1.5, "sd": 1, "icc": 0.3, "animals_per_cage": 3},
    "cages-within": {"difference": 1.2, "sd": 1, "icc": 0.4, "animals_per_cage": 4},
    "litters-whole": {"difference": 1.5, "sd": 1, "icc": 0.2, "animals_per_litter": 4},
    "litters-within": {"difference": 1.2, "sd": 1, "icc": 0.2, "animals_per_litter": 6},
    "randomised-blocks": {"means": [0, -1, -1.2, -0.4], "sd": 1, "compare": [3, 1]},
    "ancova": {"means": [0, 1.2], "sd": 1, "correlation": 0.7, "compare": [2, 1]},
    "repeated-scans": {"means": [[10, 9, 8], [10, 9.8, 9.6]], "sd": 1, "correlation": 0.7},
    "co-primary": {"differences": [1.5, 1.8], "sds": [1, 1], "rho": 0.5},
    "equivalence": {"margin": 1.5, "sd": 1},
    "non-inferiority": {"margin": 1, "sd": 1},
    "equivalent-ratio": {"cv": 15, "true_ratio": 0.95},
    "fold-change": {"fold": 1.8, "cv": 40},
    "ranks": {"difference": 1.8, "sd": 1},
    "interval-width": {"half_width": 1.5, "sd": 1},
    "group-sequential": {"difference": 1.8, "sd": 1},
    "resource-equation": {"groups": 5},
}


def test_every_design_has_an_example() -> None:
    assert set(EXAMPLES) == set(DESIGNS)


@pytest.mark.parametrize("name", DESIGNS)
def test_a_design_is_described(name: str) -> None:
    entry = find(name)
    assert entry["title"]
    for key, spec in entry["inputs"].items():
        assert spec["meaning"], key
        assert set(spec) == {"meaning", "unit", "default", "range", "kind", "choices"}
    assert entry["size"] is None or entry["size"] in entry["inputs"]
    assert entry["effect"] is None or entry["effect"] in entry["inputs"]
    # Bench words only.
    assert not {"f", "d", "eta2", "effect_size"} & set(entry["inputs"])


@pytest.mark.parametrize("name", [name for name in DESIGNS if DESIGNS[name]["size"]])
def test_the_size_is_the_smallest_that_reaches_the_target(name: str) -> None:
    found = solve_n(name, EXAMPLES[name], 0.8)
    assert found["reachable"]
    assert found["power"] >= 0.8
    assert all(size == int(size) for size in found["n"])
    assert found["n_total"] == sum(found["n"])
    key, floor = DESIGNS[name]["size"], DESIGNS[name]["floor"]
    low = floor if isinstance(floor, int) else floor(EXAMPLES[name])
    assert power(name, {**EXAMPLES[name], key: found["size"]})["power"] == found["power"]
    if found["size"] > low:
        assert power(name, {**EXAMPLES[name], key: found["size"] - 1})["power"] < 0.8


@pytest.mark.parametrize("name", [name for name in DESIGNS if DESIGNS[name]["effect"]])
def test_the_detectable_effect_is_detected(name: str) -> None:
    entry = find(name)
    inputs = {**EXAMPLES[name], entry["size"]: 8}
    found = solve_effect(name, inputs, 0.8)
    assert found["power"] == pytest.approx(0.8, abs=1e-6)
    again = {key: value for key, value in inputs.items() if key != "percent_change"}
    assert power(name, {**again, entry["effect"]: found["effect"]})["power"] == pytest.approx(
        0.8, abs=1e-6
    )


def test_the_five_arm_study() -> None:
    found = power("several-arms", {**FIVE_ARMS, "n": 5, "comparisons": 3})
    assert found["power_omnibus"] == pytest.approx(0.9429, abs=5e-5)
    assert found["power_unadjusted"] == pytest.approx(0.439, abs=5e-5)
    assert found["power"] == pytest.approx(0.2641, abs=5e-5)
    assert any("omnibus" in note for note in found["notes"])


def test_arms_by_name_number_and_weight_are_the_same_question() -> None:
    names = ["sham", "OVX", "vehicle", "exosome", "drug"]
    base = {"means": FIVE_ARMS["means"], "sd": 10, "n": 6}
    ways: list[dict[str, Any]] = [
        {"compare": [4, 3]},
        {"compare": ["exosome", "vehicle"], "arms": names},
        {"contrast": [0, 0, -1, 1, 0]},
    ]
    found = {power("several-arms", {**base, **way})["power"] for way in ways}
    assert len(found) == 1


@given(
    d=st.floats(0.1, 4), n1=st.integers(2, 40), n2=st.integers(2, 40), sides=st.sampled_from([1, 2])
)
@settings(max_examples=60, deadline=None)
def test_two_groups_agree_with_scipy(d: float, n1: int, n2: int, sides: int) -> None:
    got = power("two-groups", {"difference": d, "sd": 1, "n": [n1, n2], "sides": sides})["power"]
    df, nc = n1 + n2 - 2, d * math.sqrt(n1 * n2 / (n1 + n2))
    cut = stats.t.isf(0.05 / sides, df)
    want = stats.nct.sf(cut, df, nc) + (stats.nct.sf(cut, df, -nc) if sides == 2 else 0)
    assert got == pytest.approx(float(want), abs=1e-9)


@given(scale=st.floats(0.01, 1000), shift=st.floats(-50, 50))
@settings(max_examples=30, deadline=None)
def test_units_do_not_matter(scale: float, shift: float) -> None:
    base = power("several-arms", {**FIVE_ARMS, "n": 5})["power"]
    means = [scale * mean + shift for mean in FIVE_ARMS["means"]]
    moved = power("several-arms", {"means": means, "sd": 10 * scale, "compare": [4, 3], "n": 5})
    assert moved["power"] == pytest.approx(base, rel=1e-6)


@pytest.mark.parametrize(
    "name", ["two-groups", "two-groups-welch", "paired", "ranks", "group-sequential"]
)
def test_the_sign_of_the_difference_does_not_matter(name: str) -> None:
    inputs = {**EXAMPLES[name], "n": 7, "difference": 1.5}
    inputs.pop("percent_change", None)
    if "cv" in inputs:
        inputs |= {"sd": 1}
    down = {**inputs, "difference": -1.5}
    assert power(name, down)["power"] == pytest.approx(power(name, inputs)["power"], abs=1e-12)
    assert solve_effect(name, down, 0.8)["effect"] < 0


def test_losses_and_cages_inflate() -> None:
    found = solve_n(
        "several-arms", {**FIVE_ARMS, "comparisons": 3, "losses": 0.1, "animals_per_cage": 3}
    )
    assert found["n"] == [16] * 5
    assert found["n_with_losses"] == [18] * 5
    assert found["n_total_with_losses"] == 90
    assert found["cages"] == 30


@pytest.mark.parametrize(("n", "loss", "start"), [(8, 0.15, 10), (10, 0.1, 12), (12, 0.2, 15)])
def test_losses_are_exact_at_the_binary_edge(n: int, loss: float, start: int) -> None:
    found = power("two-groups", {"difference": 1, "sd": 1, "n": n, "losses": loss})
    assert found["n_with_losses"] == [start, start]


def test_whole_cages_are_lost_as_cages() -> None:
    inputs = {**EXAMPLES["cages-whole"], "cages": 8, "losses": 0.1, "cluster_losses": 0.2}
    found = power("cages-whole", inputs)
    assert found["n"] == [24, 24]
    assert found["clusters_with_losses"] == [10, 10]
    # A tenth of 3 animals: 4 start in each of 20 cages.
    assert found["n_total_with_losses"] == 80
    assert found["cages"] == 20


def test_a_cage_of_one_is_an_animal() -> None:
    inputs = {"difference": 1.3, "sd": 1, "animals_per_cage": 1, "cages": 9, "icc": 0.4}
    animals = power("two-groups", {"difference": 1.3, "sd": 1, "n": 9})["power"]
    assert power("cages-whole", inputs)["power"] == pytest.approx(animals, abs=1e-12)


def test_animals_of_a_cage_that_are_copies_count_once() -> None:
    inputs = {"difference": 1.3, "sd": 1, "animals_per_cage": 20, "cages": 9, "icc": 0.999}
    animals = power("two-groups", {"difference": 1.3, "sd": 1, "n": 9})["power"]
    assert power("cages-whole", inputs)["power"] == pytest.approx(animals, abs=2e-3)


def test_a_baseline_without_correlation_only_costs_a_degree_of_freedom() -> None:
    base = {"means": [0, 1], "sd": 1, "compare": [2, 1], "n": 10}
    useless = power("ancova", {**base, "correlation": 0.0})
    assert useless["power"] < useless["power_without_baseline"]
    good = power("ancova", {**base, "correlation": 0.8})
    assert good["power"] > good["power_without_baseline"]


def test_root_k_takes_more_controls() -> None:
    found = power(
        "shared-control",
        {"difference": 1.2, "sd": 1, "treated_arms": 4, "n": 8, "allocation": "sqrt"},
    )
    assert found["n"] == [16, 8, 8, 8, 8]


def test_methods_rank_as_they_must() -> None:
    base = {"differences": [1, 1.4, 1.8], "sd": 1, "n": 8}
    found = {
        method: power("shared-control", {**base, "method": method})["power_each"]
        for method in ("none", "holm", "dunnett", "bonferroni")
    }
    for arm in range(3):
        assert found["none"][arm] > found["holm"][arm] > found["bonferroni"][arm]
        assert found["dunnett"][arm] > found["bonferroni"][arm]


def test_endpoints_that_move_oppositely_correlate_the_other_way() -> None:
    up = {"differences": [1.5, 1.8], "sds": [1, 1], "rho": 0.6, "n": 6}
    down = {"differences": [1.5, -1.8], "sds": [1, 1], "rho": -0.6, "n": 6}
    assert power("co-primary", down)["power"] == pytest.approx(
        power("co-primary", up)["power"], abs=1e-12
    )


def test_many_endpoints_by_the_lattice_meet_independent_ones() -> None:
    inputs = {"differences": [1.5, 1.8, 1.2], "sds": [1, 1, 1], "rho": 1e-9, "n": 8}
    found = power("co-primary", inputs)
    product = math.prod(found["power_each"])
    assert found["power"] == pytest.approx(product, abs=5e-4)


def test_one_look_is_the_ordinary_t_test() -> None:
    found = power("group-sequential", {"difference": 1.4, "sd": 1, "n": 9, "looks": 1})
    assert found["power"] == pytest.approx(found["power_one_look"], abs=2e-4)
    fixed = power("two-groups", {"difference": 1.4, "sd": 1, "n": 9})["power"]
    assert found["power_one_look"] == pytest.approx(fixed, abs=1e-12)


def test_looking_saves_animals_on_average() -> None:
    found = power("group-sequential", {"difference": 1.8, "sd": 1, "n": 10, "looks": 2})
    assert found["looks"] == [10, 20]
    assert 10 < found["expected_n_total"] < 20


def test_an_effect_of_nothing_is_unreachable_and_says_so() -> None:
    found = solve_n("two-groups", {"difference": 0, "sd": 1}, 0.8)
    assert not found["reachable"]
    assert found["ceiling"] == pytest.approx(0.05, abs=1e-6)
    assert found["n"] is None


def test_few_ranks_cannot_reach_alpha() -> None:
    found = power("ranks", {"difference": 5, "sd": 1, "n": 3})
    assert found["power"] == 0.0
    assert any("cannot reach" in note for note in found["notes"])


def test_the_resource_equation_claims_no_power() -> None:
    found = power("resource-equation", {"n": 6, "groups": 5, "blocks": 6})
    assert math.isnan(found["power"])
    assert found["error_df"] == 20
    with pytest.raises(ValueError, match="no power to solve for"):
        solve_n("resource-equation", {"groups": 5})


def test_a_difference_of_many_sd_is_doubted() -> None:
    found = power("two-groups", {"difference": 4, "sd": 1, "n": 4})
    assert any("standard error" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"differnce": 1, "sd": 1, "n": 5}, "no input differnce; nearest: difference"),
        ({"difference": 1, "sd": 1, "n": 6.5}, "n must be a whole number; got 6.5"),
        ({"difference": 1, "sd": 1, "n": 1}, "n must be 2 or more; got 1"),
        ({"difference": 1, "sd": 1, "n": True}, "n must be a number; got True"),
        ({"difference": 1, "sd": 0, "n": 5}, "sd must be above 0"),
        ({"difference": 1, "n": 5}, "give sd, or cv together with mean_control"),
        ({"sd": 1, "n": 5}, "give difference, or percent_change"),
        ({"difference": 1, "sd": 1}, "give n"),
        ({"difference": 1, "sd": 1, "n": [5, 5, 5]}, "each of the 2 arms"),
        ({"difference": 1, "sd": 1, "n": 5, "losses": 10}, "losses must be 0.0 to 0.9; got 10"),
        ({"difference": float("nan"), "sd": 1, "n": 5}, "difference must be a number"),
        ({"difference": 1, "sd": 1, "n": 5, "alpha": 0}, "alpha must be"),
        ({"difference": [1, 2], "sd": 1, "n": 5}, "difference must be one number"),
    ],
)
def test_wrong_inputs_are_refused_in_words(inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        power("two-groups", inputs)


def test_an_unknown_design_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="there is no design anova-cages; nearest: "):
        power("anova-cages", {})


def test_unknown_words_are_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="method must be one of dunnett, bonferroni, holm, none"):
        power("shared-control", {"difference": 1, "sd": 1, "n": 5, "method": "tukey"})


def test_an_arm_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="arms are numbered 1 to 5"):
        power("several-arms", {**FIVE_ARMS, "compare": [6, 1], "n": 5})
