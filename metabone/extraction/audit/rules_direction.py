"""Rules about direction: words against numbers, better against the vocabulary, swapped arms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from metabone.extraction.audit.results import Suspicion
from metabone.extraction.audit.rules_tests import t_limits
from metabone.extraction.audit.sheet import Floats, Sheet

_UP = re.compile(
    r"\b(?:increas(?:e[sd]?|ing)|higher|greater|elevated|rais(?:es|ed)|improved?)\b|"
    r"(?<![\d.])\+\s?\d+(?:\.\d+)?\s?%", re.IGNORECASE
)  # fmt: skip
_DOWN = re.compile(
    r"\b(?:decreas(?:e[sd]?|ing)|lower(?:ed)?|reduc(?:ed|es|tion)|declin(?:ed|es)|smaller|impaired)\b|"
    r"(?<![\d.])[-−–]\s?\d+(?:\.\d+)?\s?%", re.IGNORECASE
)  # fmt: skip
_NEGATED = re.compile(r"\b(?:no|not|did not|without|n\.s\.|neither)\b", re.IGNORECASE)
_WORDS = ("comparison", "note")
_EXTRA = ("direction", "conclusion", "result", "finding", "effect", "consequence")
#: |t| from which the arms point somewhere clearly.
CLEAR_T = 2.0


def better_against_vocabulary(sheet: Sheet) -> Iterator[Suspicion]:
    """`better` that says the opposite of the vocabulary."""
    for at in np.flatnonzero(sheet.filled("better")).tolist():
        endpoint, own = sheet.endpoints[at], sheet.text("better")[at]
        if endpoint is None or endpoint.better is None or own not in ("higher", "lower"):
            continue
        if own != endpoint.better:
            yield sheet.tell(
                at, ("better", "outcome"), "direction-contradiction", 0.6,
                f"says {own} is better, but for {endpoint.name} it is {endpoint.better}",
                correction={"better": endpoint.better},
            )  # fmt: skip


def words_against_numbers(sheet: Sheet) -> Iterator[Suspicion]:
    """The row's own words say that the treated arm is higher, its numbers that it is lower."""
    difference = sheet.number("mean_treated") - sheet.number("mean_control")
    low, _ = t_limits(sheet)
    numbers = np.where(np.nan_to_num(low) > CLEAR_T, np.sign(difference), 0.0)
    yi = sheet.number("yi")
    numbers = np.where(np.isfinite(difference), numbers, np.sign(np.nan_to_num(yi)))
    extras = [name for name in (sheet.extra_name(word) for word in _EXTRA) if name]
    known: dict[Any, int] = {}
    for name in (*_WORDS, *extras):
        for at, text in enumerate(sheet.text(name).tolist()):
            if not isinstance(text, str) or numbers[at] == 0:
                continue
            if text not in known:
                known[text] = direction_of(text)
            if known[text] * numbers[at] < 0:
                said, is_ = ("higher", "lower") if known[text] > 0 else ("lower", "higher")
                yield sheet.tell(
                    at, (name, "mean_treated", "mean_control"), "direction-contradiction", 0.5,
                    f"speaks of {said}, but the treated arm is {is_}; are the arms swapped?",
                )  # fmt: skip


def direction_of(text: str) -> int:
    """1 where a text speaks only of more, -1 only of less, 0 where it says neither or both.

    Examples
    --------
    >>> direction_of("BV/TV was reduced after unloading"), direction_of("-27 % against control")
    (-1, -1)
    >>> direction_of("increased in femur, decreased in tibia"), direction_of("not increased")
    (0, 0)
    """
    up, down = _UP.search(text), _DOWN.search(text)
    if bool(up) == bool(down) or _NEGATED.search(text):
        return 0
    return 1 if up else -1


def control_as_treated(sheet: Sheet) -> Iterator[Suspicion]:
    """The numbers of the treated arm are those of the control arm of other rows of the study."""
    keys = ["study", "outcome", "unit", "site", "timepoint_weeks"]
    place = sheet.groups(keys)
    words = ("n", "mean", "dispersion")
    numbers = {
        arm: np.stack([sheet.number(f"{word}_{arm}") for word in words], axis=1)
        for arm in ("treated", "control")
    }  # fmt: skip
    usable = np.isfinite(numbers["treated"]).all(axis=1) & np.isfinite(numbers["control"]).all(
        axis=1
    )
    places = place.tolist()
    treated, control = (
        [(where, *own) for where, own in zip(places, numbers[arm].tolist(), strict=True)]
        for arm in ("treated", "control")
    )
    controls: dict[tuple[Any, ...], list[int]] = {}
    for at in np.flatnonzero(usable).tolist():
        controls.setdefault(control[at], []).append(at)
    for at in np.flatnonzero(usable).tolist():
        others = [o for o in controls.get(treated[at], ()) if o != at]
        own = controls[control[at]]
        if not others or len(others) < len(own):
            continue
        yield sheet.tell(
            at, ("mean_treated", "mean_control"), "arms-swapped", 0.85 if len(others) > 1 else 0.5,
            "the treated arm is what other rows of the study call the control",
            rows=others[:8], correction=_swapped(sheet, at),
        )  # fmt: skip


def against_the_rest(sheet: Sheet) -> Iterator[Suspicion]:
    """A row that would agree with all other studies of its outcome if its arms were swapped.

    Two readings of an effect, as it is and with its sign turned, under the robust mean and spread
    of the other studies of the same outcome (at least six), a swap being rare (2%).
    """
    g, v = _effects(sheet)
    keys = sheet.groups(["outcome"])
    study = sheet.groups(["study"])
    order = np.argsort(keys, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
        rows = rows[np.isfinite(g[rows])]
        studies, inside = np.unique(study[rows], return_inverse=True)
        if len(studies) < 7:
            continue
        means = np.bincount(inside, weights=g[rows]) / np.bincount(inside)
        yield from _turned(sheet, rows, inside, means, g, v)


def _turned(
    sheet: Sheet, rows: Any, inside: Any, means: Floats, g: Floats, v: Floats
) -> Iterator[Suspicion]:
    middle = _median_of_rest(means)[inside]
    spread = max(1.4826 * float(np.median(np.abs(means - np.median(means)))), 0.4)
    width = np.sqrt(spread**2 + v[rows])
    # Effects in real data have long tails: Student's t with 4 df.
    as_is = -2.5 * np.log1p(((g[rows] - middle) / width) ** 2 / 4)
    turned = -2.5 * np.log1p(((-g[rows] - middle) / width) ** 2 / 4)
    strength = 1 / (1 + np.exp(as_is - turned - np.log(0.02)))
    for i in np.flatnonzero(strength >= 0.3).tolist():
        at = int(rows[i])
        yield sheet.tell(
            at, ("mean_treated", "mean_control"), "arms-swapped", float(strength[i]),
            f"the effect ({g[at]:+.2g} SD) is opposite to that of the other {len(means) - 1} "
            f"studies (median {middle[i]:+.2g}), and would agree if turned",
            correction=_swapped(sheet, at),
        )  # fmt: skip


def _median_of_rest(values: Floats) -> Floats:
    """Median of all values but each one."""
    order = np.argsort(values)
    ranked = values[order]
    place = np.empty(len(values), dtype=int)
    place[order] = np.arange(len(values))
    low, high = (len(values) - 2) // 2, (len(values) - 1) // 2
    return np.asarray(
        (ranked[low + (place <= low)] + ranked[high + (place <= high)]) / 2, dtype=float
    )


def _effects(sheet: Sheet) -> tuple[Floats, Floats]:
    """Standardised difference and its variance of every row, from arms or as given."""
    n1, n2 = sheet.number("n_treated"), sheet.number("n_control")
    with np.errstate(all="ignore"):
        pooled = np.sqrt((sheet.sd("treated") ** 2 + sheet.sd("control") ** 2) / 2)
        d = (sheet.number("mean_treated") - sheet.number("mean_control")) / pooled
        d *= 1 - 3 / (4 * (n1 + n2 - 2) - 1)
        v = 1 / n1 + 1 / n2 + d**2 / (2 * (n1 + n2))
    vi = sheet.number("vi")
    vi = np.where(np.isfinite(vi), vi, sheet.number("sei") ** 2)
    return np.where(np.isfinite(d), d, sheet.number("yi")), np.where(np.isfinite(v), v, vi)


def _swapped(sheet: Sheet, at: int) -> dict[str, Any] | None:
    if np.isfinite(sheet.number("yi")[at]) and np.isnan(sheet.number("mean_treated")[at]):
        return {"yi": -float(sheet.number("yi")[at])}
    out: dict[str, Any] = {}
    for word in ("n", "mean", "dispersion"):
        for arm, other in (("treated", "control"), ("control", "treated")):
            out[f"{word}_{arm}"] = float(sheet.number(f"{word}_{other}")[at])
    return out
