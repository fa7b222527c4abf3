"""The planner against published numbers, and against simulated studies on this machine."""

from __future__ import annotations

import json
import math
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metabone.errors import MetaboneError
from metabone.files import plain
from metabone.planning.selftest_grid import GRID
from metabone.planning.simulation import Mean, Rate, SimulationResult, simulate

CASES = Path(__file__).with_name("data") / "cases.json"
LIMIT = 3.0  # Monte Carlo errors
SOME, FULL = 20_000, 100_000
SEED = 20_260_101

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Published:
    """One published number beside the planner's; `value` is None where it gave none."""

    case: str
    design: str
    quantity: str
    value: Any
    expected: Any
    tolerance: float
    source: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Simulated:
    """One planned number beside its Monte Carlo estimate.

    Parameters
    ----------
    planned, simulated : the same quantity by closed form and by Monte Carlo.
    error : Monte Carlo standard error.
    margin : their difference in such errors.
    repeated : whether a first margin over the limit had it drawn anew, with four times the
        replicates: what is chance does not come twice.
    """

    design: str
    inputs: Mapping[str, Any]
    quantity: str
    planned: float
    simulated: float
    error: float
    margin: float
    replicates: int
    repeated: bool

    @property
    def ok(self) -> bool:
        """Whether the margin is within the limit."""
        return abs(self.margin) <= LIMIT


@dataclass(frozen=True, slots=True)
class SelftestResult:
    """All that was compared."""

    published: tuple[Published, ...]
    simulated: tuple[Simulated, ...]
    full: bool
    seed: int
    versions: Mapping[str, str]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether everything agrees."""
        return all(item.ok for item in self.published) and all(item.ok for item in self.simulated)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON prints it."""
        values = {name: getattr(self, name) for name in self.__slots__}
        for part in ("published", "simulated"):
            values[part] = [
                {**{name: getattr(item, name) for name in item.__slots__}, "ok": item.ok}
                for item in values[part]
            ]
        return dict(plain({**values, "ok": self.ok}))

    def summary(self) -> str:
        """The verdict first, then the largest margin of each design, then what disagrees."""
        wrong = [item for item in self.published if not item.ok]
        far = [item for item in self.simulated if not item.ok]
        lines = [
            _verdict(len(self.published), len(wrong), "published numbers"),
            _verdict(len(self.simulated), len(far), "simulated ones", f"within {LIMIT:g} errors"),
            f"{'design':20s}{'numbers':>8s}{'largest margin':>16s}  (Monte Carlo errors)",
        ]
        for design in dict.fromkeys(item.design for item in self.simulated):
            own = [item for item in self.simulated if item.design == design]
            largest = max((item.margin for item in own), key=abs)
            lines.append(f"{design:20s}{len(own):8d}{largest:+16.2f}")
        lines += [
            f"DISAGREES: {item.case}, {item.quantity}: {item.value}, published {item.expected} "
            f"({item.source})"
            for item in wrong
        ]
        lines += [
            f"DISAGREES: {item.design} {dict(item.inputs)}, {item.quantity}: "
            f"{item.planned:.5f}, simulated {item.simulated:.5f} ({item.margin:+.1f} errors)"
            for item in far
        ]
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        lines.append(f"seed {self.seed}, {self.seconds:.0f} s; {versions}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()


def selftest(
    *,
    full: bool = False,
    seed: int = SEED,
    workers: int | None = None,
    progress: Progress | None = None,
) -> SelftestResult:
    """Hold the planner against published cases and against simulated studies of every design.

    Parameters
    ----------
    full : 100,000 simulated studies of each case, otherwise 20,000.
    seed : of the simulations.
    workers : threads.
    progress : called with comparisons done and all of them.

    Examples
    --------
    >>> selftest().ok
    True
    """
    begun = time.perf_counter()
    cases = json.loads(CASES.read_text(encoding="utf-8"))
    total, done = len(cases) + len(GRID), 0
    published: list[Published] = []
    simulated: list[Simulated] = []
    for case in cases:
        published += _compare(case)
        done += 1
        _tell(progress, done, total)
    for number, (design, inputs) in enumerate(GRID):
        simulated += _simulate(design, inputs, FULL if full else SOME, seed + number, workers)
        done += 1
        _tell(progress, done, total)
    return SelftestResult(
        published=tuple(published), simulated=tuple(simulated), full=full, seed=seed,
        versions=_versions(), seconds=time.perf_counter() - begun,
    )  # fmt: skip


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)


def _verdict(total: int, wrong: int, what: str, how: str = "") -> str:
    how = f" {how}" if how else ""
    if wrong:
        return f"{wrong} of {total} {what} DISAGREE"
    return f"all {total} {what} agree{how}"


def _versions() -> dict[str, str]:
    import numpy as np
    import scipy

    from metabone._version import __version__

    return {"metabone": __version__, "numpy": np.__version__, "scipy": scipy.__version__,
            "python": platform.python_version()}  # fmt: skip


def _compare(case: Mapping[str, Any]) -> Iterator[Published]:
    """Each number of a published case; one that the planner cannot answer at all is not ok."""
    from metabone.planning.designs.cases import evaluate_case

    try:
        if case["design"].startswith("assurance"):
            answer = _evidence(case["inputs"])
        else:
            answer = evaluate_case(case["design"], dict(case["inputs"]))
    except (MetaboneError, ValueError, ArithmeticError) as error:
        answer = dict.fromkeys(case["expected"], str(error))
    for quantity, expected in case["expected"].items():
        value = answer.get(quantity)
        yield Published(
            case=case["id"], design=case["design"], quantity=quantity, value=value,
            expected=expected, tolerance=case["tolerance"], source=case["source"],
            ok=_near(value, expected, case["tolerance"]),
        )  # fmt: skip


def _near(value: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(expected, list):
        return (
            isinstance(value, (list, tuple))
            and len(value) == len(expected)
            and all(_near(a, b, tolerance) for a, b in zip(value, expected, strict=True))
        )
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    # Tolerances are of probabilities; numbers above 1 are as good relatively.
    return bool(abs(value - expected) <= max(tolerance, 1e-9) * max(1.0, abs(expected)))


def _evidence(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Assurance of two groups at given sizes and for targets, from a predictive distribution."""
    from metabone.planning.predictive import Predictive, assurance, ceiling, n_for_assurance

    df = math.inf if inputs["df"] is None else float(inputs["df"])
    effect = Predictive(float(inputs["mean"]), float(inputs["scale"]), df)
    return {
        "assurance": [assurance(n, n, effect) for n in inputs["n"]],
        "n": [n_for_assurance(target, effect)["n1"] for target in inputs["targets"]],
        "ceiling": ceiling(effect),
    }


def _simulate(
    design: str, inputs: Mapping[str, Any], replicates: int, seed: int, workers: int | None
) -> Iterator[Simulated]:
    answer = _planned(design, inputs)
    result = simulate(design, inputs, replicates, seed, workers=workers)
    again = None
    for quantity, found in _found(result).items():
        planned = _quantity(answer, quantity)
        if planned is None:
            continue
        item = _margin(design, inputs, quantity, planned, found, repeated=False)
        if not item.ok:
            if again is None:
                again = simulate(design, inputs, 4 * replicates, seed + 10**6, workers=workers)
            item = _margin(
                design, inputs, quantity, planned, _found(again)[quantity], repeated=True
            )
        yield item


def _found(result: SimulationResult) -> dict[str, Rate | Mean]:
    return {**result.rates, **result.means}


def _planned(design: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    if design == "assurance":
        from metabone.planning.predictive import Predictive, assurance

        df = math.inf if inputs.get("df") is None else float(inputs["df"])
        effect = Predictive(float(inputs["mean"]), float(inputs["scale"]), df)
        return {"power": assurance(inputs["n"], inputs["n"], effect)}
    from metabone.planning.designs.registry import power

    return power(design, dict(inputs))


def _quantity(answer: Mapping[str, Any], quantity: str) -> float | None:
    """The planner's number of that name; ``power_each[1]`` is the second of a list."""
    name, _, place = quantity.partition("[")
    value = answer.get(name)
    if value is not None and place:
        value = value[int(place.rstrip("]"))]
    return None if value is None else float(value)


def _margin(
    design: str,
    inputs: Mapping[str, Any],
    quantity: str,
    planned: float,
    found: Rate | Mean,
    *,
    repeated: bool,
) -> Simulated:
    error = found.error
    if isinstance(found, Rate) and 0 < planned < 1:
        error = math.sqrt(planned * (1 - planned) / found.replicates)
    return Simulated(
        design=design, inputs=dict(inputs), quantity=quantity, planned=planned,
        simulated=found.estimate, error=error, margin=(found.estimate - planned) / error,
        replicates=found.replicates, repeated=repeated,
    )  # fmt: skip
