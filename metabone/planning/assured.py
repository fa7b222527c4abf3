"""Assurance of any design whose effect is a difference: its own power, averaged over evidence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from metabone.errors import UsageError

if TYPE_CHECKING:
    from metabone.planning.predictive import Predictive
    from metabone.planning.question import Question

MOST = 100_000
#: Step of the trapezoid rule on s, where δ = mean + scale · sinh(s).
STEP = 0.15
#: Chances nearer than this to 1, or to 0 in the wrong direction, are taken as that.
SETTLED = 1e-10


def assurance_at(question: Question, size: Any) -> float:
    """Chance that a study of this size shows the effect, over what the evidence expects.

    A significant result in the wrong direction is no success.

    Parameters
    ----------
    size : of the design's own kind: animals in a group, cages, blocks.

    Raises
    ------
    UsageError
        Without evidence, or for a design whose effect is no difference.
    """
    predictive = _predictive(question)
    if question.design["name"] == "two-groups":
        from metabone.planning.predictive import assurance

        answer = question.design["power"]({**question.inputs, "n": size, "difference": 1.0})
        control, treated = answer["n"]
        return assurance(
            treated, control, predictive, alpha=answer["alpha"], sides=answer["sides"]
        )  # fmt: skip
    return averaged(question, predictive, size)


def averaged(question: Question, predictive: Predictive, size: Any) -> float:
    """The mean of the design's power over the predictive, by the trapezoid rule on asinh.

    Spacing and range are such that the rule itself adds less than 2e-6: the density falls off
    exponentially on this scale.
    """
    nodes = list(_nodes(predictive))
    upwards = predictive.mean >= 0
    total = 0.0
    # From 0 outwards on either side: once a difference is certain to be found, or its opposite
    # never to be mistaken, so are all larger ones.
    for right, settled in ((True, 1.0), (False, 0.0)):
        side = sorted((abs(d), weight) for d, weight in nodes if ((d >= 0) == upwards) == right)
        chance = 1.0 - settled
        for delta, weight in side:
            if abs(chance - settled) > SETTLED:
                chance = _success(question, delta, right, size)
            total += weight * chance
    return min(1.0, total / sum(weight for _, weight in nodes))


def n_for_assurance(
    question: Question, target: float, known: dict[int, float] | None = None
) -> dict[str, Any]:
    """Smallest size whose assurance reaches `target`, or its ceiling.

    Parameters
    ----------
    known : assurances by size that were computed before; it grows.

    Returns
    -------
    ``size`` (None where no size is enough), ``ceiling``, ``assurance`` at that size, ``reason``.
    """
    from metabone.planning.predictive import ceiling

    top = ceiling(_predictive(question))
    answer: dict[str, Any] = {"size": None, "ceiling": top, "assurance": None, "reason": None}
    if target >= top:
        return answer | {"reason": "ceiling"}
    known = {} if known is None else known

    def at(size: int) -> float:
        if size not in known:
            known[size] = assurance_at(question, size)
        return known[size]

    low, high = 1, 2
    while at(high) < target:
        if high >= MOST:
            return answer | {"reason": "too many"}
        low, high = high, min(2 * high, MOST)
    while high - low > 1:
        middle = (low + high) // 2
        if at(middle) >= target:
            high = middle
        else:
            low = middle
    return answer | {"size": high, "assurance": at(high)}


def _predictive(question: Question) -> Predictive:
    if question.predictive is None:
        raise UsageError("assurance needs evidence: --from-meta FILE.json, or result in [evidence]")
    if question.design["effect"] != "difference" or question.sd is None:
        raise UsageError(
            f"the design {question.design['name']} has no assurance: it needs a difference and one "
            "SD between animals"
        )
    return question.predictive


def _nodes(predictive: Predictive) -> Iterator[tuple[float, float]]:
    """(δ, weight) of the trapezoid rule; weights need not add up to 1."""
    if predictive.scale == 0:
        yield predictive.mean, 1.0
        return
    df = predictive.df
    reach = 5.5 if math.isinf(df) else min(24.0, math.asinh(1e5 ** (1 / df) * 10) + 2.0)
    count = math.ceil(reach / STEP)
    for index in range(-count, count + 1):
        s = index * STEP
        t = math.sinh(s)
        yield predictive.mean + predictive.scale * t, _density(t, df) * math.cosh(s)


def _density(t: float, df: float) -> float:
    """Student's density without its constant."""
    if math.isinf(df):
        return math.exp(-t * t / 2)
    return math.exp(-(df + 1) / 2 * math.log1p(t * t / df))


def _success(question: Question, delta: float, right: bool, size: Any) -> float:
    """Chance of a significant result in the direction of the evidence.

    The truth is `delta` SD, in that direction (`right`) or in the other.
    """
    inputs = dict(question.inputs)
    inputs.pop("percent_change", None)
    sd = question.sd or 1.0
    # At exactly 0 some designs have nothing to detect.
    inputs |= {"difference": sd * max(delta, 1e-9), question.design["size"]: size}
    if "sides" not in question.design["inputs"]:
        return _power(question.design, inputs) if right else 0.0
    tail = inputs.get("alpha", 0.05) / inputs.get("sides", 2)
    one = _power(question.design, {**inputs, "alpha": tail, "sides": 1})
    if right:
        return one
    # What both tails reject beyond the right one is what the wrong truth wins.
    return _power(question.design, {**inputs, "alpha": 2 * tail, "sides": 2}) - one


def _power(design: Mapping[str, Any], inputs: dict[str, Any]) -> float:
    value: float = design["power"](inputs)["power"]
    return value
