"""Published pooled results: intervals too narrow for their studies, or uneven."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from metabone.extraction.audit.codes import LOOK_UP
from metabone.extraction.audit.results import WARNING_FROM, Suspicion, SuspicionSeverity
from metabone.extraction.audit.rules_tests import asymmetries
from metabone.extraction.audit.sheet import Floats, _half_digits

#: More animals a study than this are not used in studies of bone in rodents.
LARGE_STUDY = 60.0
_SMD = re.compile(r"\b(?:SMD|hedges|cohen|standardi[sz]ed)\b", re.IGNORECASE)
_ANIMALS = re.compile(r"\d+(?:\.\d+)?")


def audit_published(lines: Sequence[Mapping[str, Any]]) -> tuple[Suspicion, ...]:
    """Suspect what published pooled results print.

    A pooled standardised mean difference d of N animals has at least the variance
    (4 / N) (1 + d² / 8), that of all animals in one trial of two equal arms; heterogeneity only
    adds to it. The animals that an interval would need are held against the number printed, or
    against 60 a study.

    Parameters
    ----------
    lines : one mapping for each result with ``estimate``, ``ci_low`` and ``ci_high``; and as far as
        known ``metric``, ``k_studies``, ``n_animals`` (numbers, or text with numbers such as
        ``110 treated / 106 control``, which add up). Texts are read as printed.

    Returns
    -------
    Suspicions; `row` counts as a spreadsheet does, the first line being row 2.

    References
    ----------
    Hedges (1982), doi:10.1037/0033-2909.92.2.490, for the variance.

    Examples
    --------
    >>> line = {"metric": "SMD", "k_studies": "20", "estimate": "2.17", "ci_low": "2.08",
    ...         "ci_high": "2.25"}
    >>> [found.code for found in audit_published([line])]
    ['pooled-interval-too-narrow']
    """
    texts = [{name: _text(value) for name, value in line.items()} for line in lines]
    return (*_narrow(texts), *_uneven(texts))


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value).strip()


def _numbers(texts: Sequence[Mapping[str, str]], name: str) -> Floats:
    out = np.full(len(texts), np.nan)
    for at, line in enumerate(texts):
        try:
            out[at] = float(line.get(name, "").replace("−", "-").replace("–", "-") or "nan")
        except ValueError:
            continue
    return out


def _halves(texts: Sequence[Mapping[str, str]], name: str) -> Floats:
    return _half_digits(np.array([line.get(name, "") for line in texts], dtype=object))


def _narrow(texts: Sequence[Mapping[str, str]]) -> Iterator[Suspicion]:
    estimate, low, high = (_numbers(texts, name) for name in ("estimate", "ci_low", "ci_high"))
    for at, line in enumerate(texts):
        if not _SMD.search(line.get("metric", "")) or not np.isfinite(low[at] + high[at]):
            continue
        widest = high[at] - low[at] + _halves([line], "ci_low")[0] + _halves([line], "ci_high")[0]
        se = widest / (2 * 1.959964)
        middle = estimate[at] if np.isfinite(estimate[at]) else (low[at] + high[at]) / 2
        needed = 4 * (1 + middle**2 / 8) / se**2 if se > 0 else np.inf
        k = _first_number(line.get("k_studies", ""))
        printed = _total(line.get("n_animals", ""))
        if np.isfinite(printed) and needed > 1.1 * printed:
            share, against = needed / printed, f"{printed:g} are reported"
        elif np.isfinite(k) and not np.isfinite(printed) and needed > LARGE_STUDY * k:
            share, against = (
                needed / (LARGE_STUDY * k),
                f"that is {needed / k:.0f} a study (k = {k:g})",
            )
        else:
            continue
        yield _suspicion(
            line, at, ("ci_low", "ci_high", "k_studies"), "pooled-interval-too-narrow",
            min(0.5 + 0.2 * np.log2(share), 0.97),
            f"the interval {low[at]:g} to {high[at]:g} needs {needed:.0f} animals even without any "
            f"heterogeneity; {against}",
        )  # fmt: skip


def _first_number(text: str) -> float:
    found = _ANIMALS.search(text)
    return float(found.group()) if found else float("nan")


def _total(text: str) -> float:
    """Sum of the numbers of a text such as ``110 treated / 106 control``."""
    found = _ANIMALS.findall(text)
    return float(sum(map(float, found))) if found else float("nan")


def _uneven(texts: Sequence[Mapping[str, str]]) -> Iterator[Suspicion]:
    names = ("estimate", "ci_low", "ci_high")
    numbers, halves = [_numbers(texts, n) for n in names], [_halves(texts, n) for n in names]
    for at, (strength, message) in asymmetries(*numbers, *halves).items():
        if not re.search(r"\b(?:OR|RR|HR|ROM|ratio)\b", texts[at].get("metric", "")):
            yield _suspicion(texts[at], at, names, "asymmetric-interval", strength, message)


def _suspicion(
    line: Mapping[str, str], at: int, columns: tuple[str, ...], code: str, strength: float,
    message: str,
) -> Suspicion:  # fmt: skip
    severity: SuspicionSeverity = "warning" if strength >= WARNING_FROM else "note"
    return Suspicion(
        row=at + 2, rows=(), columns=columns, value=line.get(columns[0]) or None, code=code,
        severity=severity, strength=round(float(strength), 4),
        message=message, look_up=LOOK_UP[code],
    )  # fmt: skip
