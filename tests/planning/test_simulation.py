"""Simulated studies: published powers, the same counts on every engine, restarts and stops."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import Parallel, delayed

from metabone.errors import DataError, MissingExtraError, UsageError
from metabone.planning import statistics_animals as animals
from metabone.planning import statistics_arms as arms
from metabone.planning import statistics_two as two
from metabone.planning.critical import crossing, dunnett_cut, rank_sum_cut, sequential_cuts, t_cut
from metabone.planning.engines import in_order
from metabone.planning.simulation import CHUNK, Rate, simulate
from metabone.planning.trials import Trial, compound, factor

FIVE = {"means": [100, 75, 76, 88, 92], "sd": 10, "n": 5, "compare": [4, 3]}
REPLICATES = 60_000


def share(trial: Trial, event: str = "power", replicates: int = REPLICATES) -> float:
    """How far from `event`'s published probability: drawn here, without the engines."""
    rng = np.random.Generator(np.random.SFC64(20_261))
    count, block = 0, 2_000
    for _ in range(replicates // block):
        events, _quantities = trial.draw(rng, block)
        count += int(np.count_nonzero(events[trial.events.index(event)]))
    return count / replicates


# Published numbers (planning.json names their sources) and the study each belongs to.
PUBLISHED: list[tuple[str, Trial, str, float]] = [
    ("R: t, d 2, n 6", two.two_groups(2, (1, 1), (6, 6)), "power", 0.8764177714),
    ("R: t, 9 and 18", two.two_groups(-1.2, (1, 1), (9, 18)), "power", 0.8064519196),
    ("powertools: Welch", two.two_groups(3, (4, 6), (25, 75), alpha=0.025, sides=1, welch=True),
     "power", 0.7969348588),
    ("PowerTOST: n 10", two.equivalence(0, 1, (10, 10), -1, 1), "power", 0.3909392222),
    ("PowerTOST: ratio .95", two.equivalence(
        math.log(0.95), math.sqrt(math.log(1.09)), (38, 38), math.log(0.8), math.log(1.25)),
     "power", 0.8031226776),
    ("PowerTOST: non-inferiority", two.equivalence(0, 1, (64, 64), -0.5, math.inf, alpha=0.025),
     "power", 0.8014586234),
    ("five arms, contrast", arms.one_way([100, 75, 76, 88, 92], 10, [5] * 5, [0, 0, -1, 1, 0]),
     "power", 0.439),
    ("five arms, omnibus", arms.one_way([100, 75, 76, 88, 92], 10, [5] * 5, [0, 0, -1, 1, 0]),
     "power_omnibus", 0.9429),
    ("five arms, Bonferroni", arms.one_way(
        [100, 75, 76, 88, 92], 10, [5] * 5, [0, 0, -1, 1, 0], comparisons=3), "power", 0.2641),
    ("powertools: unequal n", arms.one_way([5, 10, 12], 10, [10, 20, 30], None),
     "power", 0.3684913258),
    ("mvtnorm: Dunnett, any", arms.shared_control([0.5, 1, 1.5, 1.5], 1, 8, [8] * 4),
     "power_any", 0.8233637529),
    ("mvtnorm: Dunnett, all", arms.shared_control([0.5, 1, 1.5, 1.5], 1, 8, [8] * 4),
     "power_all", 0.0486381436),
    ("Superpower: 2 × 2", arms.two_by_two([0, 0, -2, -0.8], 1, [8] * 4), "power", 0.3742422324),
    ("blocks", arms.blocks([0, -1.2, -1.2, -0.4, -0.2], 1, 6, None, block_sd=2),
     "power", 0.4776453064),
    ("G*Power: paired", animals.paired(0.421637, (1, 1), 0.5, 50), "power", 0.832114),
    ("WebPower: cages of 3", animals.cages(1.2, 1, 0.3, (5, 5), 3), "power", 0.6257122022),
    ("Shieh: ANCOVA, N 18", animals.ancova([400, 450, 500], math.sqrt(1900), 0, [6] * 3, None),
     "power", 0.8750844431),
    ("two-arm ANCOVA", animals.ancova([0, 1.2], 1, 0.7, [10, 10], [-1, 1]),
     "power", 0.9289357301),
    ("powertools: one of two", animals.coprimary(
        [0.4, 0.5], [1, 1], compound(2, 0.3), (100, 100), question="any", alpha=0.025, sides=1,
        known=True), "power", 0.9534407568),
]  # fmt: skip


@pytest.mark.parametrize(("trial", "event", "expected"), [
    pytest.param(*case, id=name) for name, *case in PUBLISHED
])  # fmt: skip
def test_published_powers_come_out(trial: Trial, event: str, expected: float) -> None:
    error = math.sqrt(expected * (1 - expected) / REPLICATES)
    assert abs(share(trial, event) - expected) < 3.5 * error


@pytest.mark.parametrize(
    ("method", "expected"),
    [("bonferroni", (0.062, 0.2791, 0.6435)), ("holm", (0.1339, 0.3623, 0.6773)),
     ("none", (0.1639, 0.4946, 0.8304))],
)  # fmt: skip
def test_step_down_and_single_step_tests(method: str, expected: tuple[float, ...]) -> None:
    trial = arms.shared_control([0.5, 1, 1.5, 1.5], 1, 8, [8] * 4, method=method)
    for arm, value in enumerate(expected):
        assert share(trial, f"power_each[{arm}]") == pytest.approx(value, abs=0.008)


def test_a_test_without_effect_errs_as_often_as_it_says() -> None:
    nulls = [
        arms.one_way([3, 3, 3], 2, [4, 5, 6], [1, -1, 0]),
        arms.shared_control([0, 0, 0], 1, 6, [4, 4, 4]),
        animals.within_cages(0, 1, 0.4, 6, (2, 2)),
        animals.repeated([[0, 1, 2]] * 2, 1, 0.6, [5, 7], [0, 1, 3]),
        animals.cages(0, 1, 0.3, (6, 6), 4),
    ]
    events = ["power", "power_any", "power", "power_interaction", "power"]
    for trial, event in zip(nulls, events, strict=True):
        assert share(trial, event) == pytest.approx(0.05, abs=0.0035), trial.test


def test_animals_of_a_cage_taken_as_independent_err_three_times_as_often() -> None:
    # Published with this set-up (12 cages of 4, ICC .3): .171 by simulation.
    trial = animals.cages(0, 1, 0.3, (6, 6), 4)
    assert share(trial, "animals taken as independent") == pytest.approx(0.171, abs=0.03)


def test_group_sequential_boundaries_and_their_expected_size() -> None:
    # rpact: critical values, and the peeking of Armitage, McPherson & Rowe (1969).
    looks = (1 / 3, 2 / 3, 1.0)
    of, pocock = (sequential_cuts(kind, looks, 0.025, 1) for kind in ("obrien-fleming", "pocock"))
    assert of == pytest.approx([3.471091445, 2.454432299, 2.00403558], abs=1e-6)
    assert pocock == pytest.approx([2.289478456] * 3, abs=1e-6)
    assert crossing([1.959964] * 3, np.array(looks), 2) == pytest.approx(0.10726, abs=1e-4)
    null = two.sequential(0, 1, [(20, 20), (40, 40), (60, 60)], kind="pocock", known=True)
    assert share(null) == pytest.approx(0.025, abs=0.0025)


def test_critical_values_of_dunnett_and_of_ranks() -> None:
    # Dunnett (1955), mvtnorm; tables of Mann & Whitney: U of 2, 23 and 13 or less.
    for arms_, df, cut in [(2, 20, 2.37869), (4, 20, 2.65103), (4, 10, 2.89048)]:
        n = (df + arms_ + 1) / (arms_ + 1)
        assert dunnett_cut(0.05, n, (n,) * arms_, 2) == pytest.approx(cut, abs=5e-5)
    assert 25 - rank_sum_cut(5, 5, 0.05, 2) == 2
    assert 100 - rank_sum_cut(10, 10, 0.05, 2) == 23
    assert 64 - rank_sum_cut(8, 8, 0.05, 2) == 13
    assert t_cut(0.05, math.inf, 2) == pytest.approx(1.959964, abs=1e-6)


def test_interval_widths() -> None:
    # t √(2/n) E[s] at n = 8, and MBESS: 18 a group for an expected width of 1.5 at d = 1.5.
    rng = np.random.default_rng(3)
    _, (widths,) = two.interval_width(1, (8, 8), 1.0).draw(rng, 200_000)
    assert widths.mean() == pytest.approx(1.053429, abs=0.002)
    means = [two.standardized_width(1.5, (n, n), 1.5).draw(rng, 200_000)[1][0].mean()
             for n in (17, 19)]  # fmt: skip
    assert means[1] < 1.5 < means[0]


def test_counts_are_the_same_on_threads_and_processes() -> None:
    results = [
        simulate("several-arms", FIVE, 5 * CHUNK // 2, seed=11, engine=engine, workers=workers)
        for engine, workers in (("threads", 1), ("threads", 3), ("processes", 2))
    ]
    first = results[0]
    assert all(result.rates == first.rates for result in results)
    assert first.replicates == 5 * CHUNK // 2
    other = simulate("several-arms", FIVE, 5 * CHUNK // 2, seed=12)
    assert other.rates != first.rates


def test_counts_are_the_same_on_dask() -> None:
    pytest.importorskip("distributed")
    plain, spread = (
        simulate("several-arms", FIVE, 2 * CHUNK, seed=5, engine=engine)
        for engine in ("threads", "dask")
    )
    assert plain.rates == spread.rates


def test_dask_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"metabone\[dask\]"):
        simulate("several-arms", FIVE, 100, engine="dask")


def test_it_stops_at_the_wanted_error_and_at_the_same_place_on_any_engine() -> None:
    results = [
        simulate("several-arms", FIVE, 10**9, seed=2, target_error=0.0015, workers=workers)
        for workers in (1, 2)
    ]
    assert results[0].stopped == "target_error"
    assert results[0].power.error <= 0.0015
    assert results[0].replicates < 10 * CHUNK
    assert results[0].rates == results[1].rates


def test_a_stopped_run_goes_on_from_its_finished_chunks(tmp_path: Path) -> None:
    path = tmp_path / "chunks.json"
    whole = simulate("several-arms", FIVE, 4 * CHUNK + 10, seed=3)

    def interrupt(done: int, wanted: int) -> None:
        if done >= 2 * CHUNK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate("several-arms", FIVE, 4 * CHUNK + 10, seed=3, checkpoint=path, progress=interrupt)
    again = simulate("several-arms", FIVE, 4 * CHUNK + 10, seed=3, checkpoint=path)
    assert again.resumed >= 2 * CHUNK
    assert again.rates == whole.rates
    # The last, smaller chunk is drawn anew when more replicates are wanted.
    more = simulate("several-arms", FIVE, 6 * CHUNK, seed=3, checkpoint=path)
    assert more.resumed == 4 * CHUNK
    assert more.rates == simulate("several-arms", FIVE, 6 * CHUNK, seed=3).rates


def test_a_checkpoint_of_another_simulation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chunks.json"
    simulate("several-arms", FIVE, 100, seed=3, checkpoint=path)
    with pytest.raises(UsageError, match="its seed is 3, not 4"):
        simulate("several-arms", FIVE, 100, seed=4, checkpoint=path)
    with pytest.raises(UsageError, match="its inputs is"):
        simulate("several-arms", {**FIVE, "n": 6}, 100, seed=3, checkpoint=path)


@pytest.mark.parametrize("content", ["", "[1]", "{}", "\xff", '{"format": "other"}'])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "chunks.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=r"chunks\.json"):
        simulate("several-arms", FIVE, 100, checkpoint=path)
    assert path.read_bytes() == content.encode("latin-1")


@pytest.mark.parametrize("chunks", [[[100, [1], [], []]], [[100, [500, 1], [], []]], [[1, 2]], 7])
def test_damaged_chunks_are_refused(tmp_path: Path, chunks: Any) -> None:
    path = tmp_path / "chunks.json"
    simulate("several-arms", FIVE, 100, seed=3, checkpoint=path)
    held = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**held, "chunks": chunks}), encoding="utf-8")
    with pytest.raises(DataError, match="damaged"):
        simulate("several-arms", FIVE, 100, seed=3, checkpoint=path)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"design": "two-group"}, "two-groups"), ({"replicates": 0}, "replicates must be"),
     ({"seed": -1}, "seed must be"), ({"target_error": 0.7}, "target_error must"),
     ({"engine": "treads"}, "engine must be one of"), ({"workers": 0}, "workers must be"),
     ({"scheduler": "tcp://x"}, "scheduler is for engine 'dask'"),
     ({"inputs": {**FIVE, "cotrast": 1}}, "contrast"), ({"inputs": {**FIVE, "n": 5.5}}, "whole"),
     ({"inputs": {**FIVE, "n": [5, 5]}}, "each of the 5 groups")],
)  # fmt: skip
def test_what_is_wrong_is_said(change: dict[str, Any], message: str) -> None:
    call: dict[str, Any] = {"design": "several-arms", "inputs": FIVE, "replicates": 100, **change}
    with pytest.raises(UsageError, match=message):
        simulate(**call)


def test_an_early_end_drops_what_has_not_begun() -> None:
    drawn = []

    def arguments() -> Any:
        for number in range(10**9):
            drawn.append(number)
            yield number

    answers = in_order(abs, arguments(), workers=2)
    assert [next(answers) for _ in range(3)] == [0, 1, 2]
    answers.close()
    assert len(drawn) < 20


def test_processes_leave_joblib_its_own() -> None:
    # joblib.Parallel keeps one pool for all its calls and breaks on a pool that it did not make.
    for _ in range(2):
        assert list(in_order(abs, [-2, 1], engine="processes", workers=2)) == [2, 1]
        assert Parallel(n_jobs=2)(delayed(abs)(number) for number in (-3, 4)) == [3, 4]


def test_rates_have_an_error_even_at_the_edge() -> None:
    # Wilson's interval of 0 in 10 is 0 to .2775 (Newcombe 1998).
    assert Rate(0, 10).ci() == pytest.approx((0, 0.2775), abs=5e-5)
    assert Rate(81, 263).ci() == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert Rate(10, 10).error > 0


def test_correlations_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="no variables"):
        factor(compound(3, -0.9), "correlation")
