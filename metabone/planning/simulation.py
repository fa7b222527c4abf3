"""Power by Monte Carlo: chunks with seeds of their own, counted until they are enough."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metabone.errors import UsageError
from metabone.files import plain
from metabone.planning.checkpoint import Checkpoint
from metabone.planning.engines import in_order, workers_of

if TYPE_CHECKING:
    from pathlib import Path

# Replicates of one chunk: the unit of seeds, of restarts and of the early stop. A change gives
# other counts for the same seed.
CHUNK = 32_768
# Replicates drawn at once, so that their arrays stay in a core's cache; part of the streams too.
_BLOCK = {"statistics": 4_096, "animals": 512}
MOST = 10**12

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of work: `size` replicates of a design from the seed's `index`-th stream."""

    design: str
    inputs: Mapping[str, Any]
    seed: int
    index: int
    size: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What replicates came to: how often each event happened, and the sums of each quantity."""

    size: int
    counts: tuple[int, ...]
    sums: tuple[float, ...] = ()
    squares: tuple[float, ...] = ()

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(
            self.size + other.size,
            tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            tuple(a + b for a, b in zip(self.sums, other.sums, strict=True)),
            tuple(a + b for a, b in zip(self.squares, other.squares, strict=True)),
        )


@dataclass(frozen=True, slots=True)
class Rate:
    """How often an event happened."""

    count: int
    replicates: int

    @property
    def estimate(self) -> float:
        """Share of the replicates."""
        return self.count / self.replicates

    @property
    def error(self) -> float:
        """Monte Carlo standard error, not 0 where the event always or never happened.

        Examples
        --------
        >>> round(Rate(800, 1000).error, 5), Rate(0, 1000).error > 0
        (0.01266, True)
        """
        share = (self.count + 1) / (self.replicates + 2)
        return math.sqrt(share * (1 - share) / self.replicates)

    def ci(self, level: float = 0.95) -> tuple[float, float]:
        """Wilson's interval for the true probability.

        References
        ----------
        Wilson (1927), doi:10.1080/01621459.1927.10502953.

        Examples
        --------
        >>> [round(limit, 4) for limit in Rate(800, 1000).ci()]
        [0.7741, 0.8236]
        """
        from scipy.special import ndtri

        z2 = float(ndtri(0.5 + level / 2)) ** 2
        n, p = self.replicates, self.estimate
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
        return max(0.0, middle - half), min(1.0, middle + half)

    def to_dict(self) -> dict[str, Any]:
        """The rate as JSON prints it, with its 95 % interval."""
        low, high = self.ci()
        return {"count": self.count, "replicates": self.replicates, "estimate": self.estimate,
                "error": self.error, "ci_low": low, "ci_high": high}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of a quantity over the replicates, its SD and its Monte Carlo error."""

    estimate: float
    sd: float
    replicates: int

    @property
    def error(self) -> float:
        """Monte Carlo standard error of the mean."""
        return self.sd / math.sqrt(self.replicates)

    def to_dict(self) -> dict[str, Any]:
        """The mean as JSON prints it."""
        return {"estimate": self.estimate, "sd": self.sd, "error": self.error,
                "replicates": self.replicates}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """What simulated studies of one design came to.

    Parameters
    ----------
    rates : for each event (the first is the power) how often it happened.
    means : for each quantity (such as the width of an interval) its mean.
    drawn : ``statistics`` where normal theory gives them, ``animals`` otherwise.
    test : what was tested, in words.
    chunk : replicates of one seeded chunk; part of what makes a run reproducible.
    stopped : ``replicates`` or ``target_error``: why it ended.
    resumed : replicates that a checkpoint already held.
    """

    design: str
    inputs: Mapping[str, Any]
    rates: Mapping[str, Rate]
    means: Mapping[str, Mean]
    replicates: int
    seed: int
    drawn: str
    test: str
    chunk: int
    engine: str
    workers: int
    stopped: str
    resumed: int
    seconds: float

    @property
    def power(self) -> Rate:
        """The first event: what the design is planned for."""
        return next(iter(self.rates.values()))

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON prints it."""
        values = {name: getattr(self, name) for name in self.__slots__}
        values["rates"] = {name: rate.to_dict() for name, rate in self.rates.items()}
        values["means"] = {name: mean.to_dict() for name, mean in self.means.items()}
        return dict(plain(values))

    def summary(self) -> str:
        """The result in a few lines.

        Examples
        --------
        >>> rate = Rate(4390, 10_000)
        >>> result = SimulationResult("several-arms", {}, {"power": rate}, {}, 10_000, 1,
        ...     "statistics", "contrast", CHUNK, "threads", 2, "replicates", 0, 0.1)
        >>> print(result.summary())
        power .4390 (Monte Carlo error .0050, 95 % interval .4293 to .4487)
        10,000 simulated studies of several-arms, seed 1; contrast
        """
        lines = []
        for name, rate in self.rates.items():
            low, high = rate.ci()
            lines.append(
                f"{name} {_share(rate.estimate)} (Monte Carlo error {_share(rate.error)}, "
                f"95 % interval {_share(low)} to {_share(high)})"
            )
        lines += [
            f"mean {name} {mean.estimate:.5g} (Monte Carlo error {mean.error:.2g})"
            for name, mean in self.means.items()
        ]
        lines.append(
            f"{self.replicates:,} simulated studies of {self.design}, seed {self.seed}; {self.test}"
        )
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()


def _share(value: float) -> str:
    return f"{value:.4f}".removeprefix("0") if value < 1 else f"{value:.4f}"


def simulate_chunk(chunk: Chunk) -> Tally:
    """Draw one chunk; the same chunk gives the same tally on any machine of one numpy version."""
    import numpy as np

    from metabone.planning.statistics import make_trial

    trial = make_trial(chunk.design, chunk.inputs)
    # What SeedSequence(seed).spawn would give as its index-th child, without the others.
    stream = np.random.SeedSequence(chunk.seed, spawn_key=(chunk.index,))
    rng = np.random.Generator(np.random.SFC64(stream))
    counts = np.zeros(len(trial.events), dtype=np.int64)
    sums, squares = np.zeros(len(trial.quantities)), np.zeros(len(trial.quantities))
    block = _BLOCK[trial.drawn]
    for start in range(0, chunk.size, block):
        events, quantities = trial.draw(rng, min(block, chunk.size - start))
        for place, happened in enumerate(events):
            counts[place] += np.count_nonzero(happened)
        for place, values in enumerate(quantities):
            sums[place] += values.sum()
            squares[place] += (values * values).sum()
    return Tally(chunk.size, tuple(counts.tolist()), tuple(sums.tolist()), tuple(squares.tolist()))


def simulate(
    design: str,
    inputs: Mapping[str, Any],
    replicates: int = 100_000,
    seed: int = 1,
    *,
    engine: str = "threads",
    workers: int | None = None,
    scheduler: str | None = None,
    target_error: float | None = None,
    checkpoint: str | Path | None = None,
    progress: Progress | None = None,
) -> SimulationResult:
    """Simulate studies of a design and count how often they find what they look for.

    Where normal theory gives a study's means and sums of squares, these are drawn; elsewhere the
    animals are. Counts depend on design, inputs, replicates and seed alone, not on engine,
    workers or restarts.

    Parameters
    ----------
    design : a design of the planner.
    inputs : its inputs in bench units.
    replicates : simulated studies; with `target_error` the most of them.
    engine, workers, scheduler : see `metabone.planning.engines.in_order`.
    target_error : stop after the first chunk at which the Monte Carlo standard error of the power
        is no larger.
    checkpoint : file that holds finished chunks while it runs; found again, it goes on from there.
    progress : called with replicates done and wanted.

    Raises
    ------
    UsageError
        If design, inputs or options are wrong, or the checkpoint is of another simulation.
    DataError
        If the checkpoint cannot be read.

    Examples
    --------
    >>> inputs = {"means": [100, 75, 76, 88, 92], "sd": 10, "n": 5, "contrast": [0, 0, -1, 1, 0]}
    >>> result = simulate("several-arms", inputs, 20_000, seed=7)
    >>> abs(result.power.estimate - 0.439) < 3 * result.power.error
    True
    """
    from metabone.planning.statistics import make_trial

    begun = time.perf_counter()
    _check(replicates, seed, target_error)
    trial = make_trial(design, inputs)
    store = Checkpoint.open(checkpoint, design, inputs, seed, chunk=CHUNK, events=len(trial.events))
    drawn = _drawn(
        store, Chunk(design, inputs, seed, 0, 0), replicates,
        engine=engine, workers=workers, scheduler=scheduler,
    )  # fmt: skip
    total = Tally(0, (0,) * len(trial.events), *2 * ((0.0,) * len(trial.quantities),))
    stopped = "replicates"
    try:
        for tally in drawn:
            total = total.plus(tally)
            if progress is not None:
                progress(total.size, replicates)
            if target_error and Rate(total.counts[0], total.size).error <= target_error:
                stopped = "target_error"
                break
    finally:
        drawn.close()
        store.save()
    return SimulationResult(
        design=design, inputs=dict(inputs), drawn=trial.drawn, test=trial.test,
        rates={n: Rate(c, total.size) for n, c in zip(trial.events, total.counts, strict=True)},
        means=_means(trial.quantities, total), replicates=total.size, seed=seed, chunk=CHUNK,
        engine=engine.casefold(), workers=workers_of(workers), stopped=stopped,
        resumed=min(store.resumed, total.size), seconds=time.perf_counter() - begun,
    )  # fmt: skip


def _check(replicates: int, seed: int, target_error: float | None) -> None:
    if not 1 <= replicates <= MOST:
        raise UsageError(f"replicates must be from 1 to {MOST:,}; got {replicates}")
    if seed < 0:
        raise UsageError(f"seed must be 0 or more; got {seed}")
    if target_error is not None and not 0 < target_error < 0.5:
        raise UsageError(f"target_error must lie between 0 and 0.5; got {target_error}")


def _chunks(first: Chunk, replicates: int) -> Iterator[Chunk]:
    for index, start in enumerate(range(0, replicates, CHUNK)):
        size = min(CHUNK, replicates - start)
        yield Chunk(first.design, first.inputs, first.seed, index, size)


def _drawn(
    store: Checkpoint, first: Chunk, replicates: int, **engine: Any
) -> Generator[Tally, None, None]:
    """Tallies in the order of the chunks: those of the checkpoint, then new ones."""
    rest = _chunks(first, replicates)
    waiting: Chunk | None = None
    for chunk in rest:
        found = store.find(chunk.index, chunk.size)
        if found is None:
            waiting = chunk
            break
        yield Tally(*found)
    if waiting is None:
        return

    def remaining() -> Iterator[Chunk]:
        yield waiting
        yield from rest

    answers = in_order(simulate_chunk, remaining(), **engine)
    try:
        for place, tally in enumerate(answers):
            store.add(waiting.index + place, tally.size, tally.counts, tally.sums, tally.squares)
            yield tally
    finally:
        answers.close()


def _means(names: tuple[str, ...], total: Tally) -> dict[str, Mean]:
    means = {}
    for name, sum_, square in zip(names, total.sums, total.squares, strict=True):
        mean = sum_ / total.size
        spread = max(0.0, square / total.size - mean * mean)
        means[name] = Mean(mean, math.sqrt(spread), total.size)
    return means
