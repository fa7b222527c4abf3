"""The expected effect of a meta-regression at values of its moderators, also from its JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from metabone.errors import DataError, UsageError
from metabone.synthesis.regression_results import RegressionResult

_LEVEL = re.compile(r"(?P<column>[^\[]+)\[(?:T\.)?(?P<level>.*)\]", re.DOTALL)
_NAME = re.compile(r"[^\W\d]\w*")


def at_values(
    source: Any, result: Mapping[str, Any], at: Mapping[str, Any]
) -> tuple[dict[str, Any], str]:
    """The predicted part of a regression in the shape of a pooled one, and its label.

    Parameters
    ----------
    source : what the caller gave; a `RegressionResult` predicts by itself, with any formula.
    result : its JSON. From JSON alone, moderators can be numbers and categories and their products.
    at : value of every moderator.

    Raises
    ------
    UsageError
        If a moderator is missing, unknown, or has no such level.
    DataError
        If the JSON alone cannot give the row, or has no error for it.
    """
    label = ", ".join(f"{column} {value}" for column, value in at.items()) or "intercept"
    shared = {name: result.get(name) for name in ("tau2", "sigma2", "k_studies", "k_effects")}
    if isinstance(source, RegressionResult):
        row = source.predict(dict(at)).iloc[0]
        numbers = {name: float(row[name]) for name in ("estimate", "se", "pi_df")}
        df = numbers["pi_df"]
        note = (str(row["note"]),) if row["note"] else ()
        pi_df = None if np.isnan(df) else df
        return shared | numbers | {"pi_df": pi_df, "notes": note}, label
    terms = [str(one["term"]) for one in result["coefficients"]]
    x = np.array(_row(terms, result.get("levels") or {}, at))
    coef = np.array([one["estimate"] for one in result["coefficients"]], dtype=float)
    vcov = np.array(result["vcov"], dtype=float)
    used = x != 0
    variance = float(x[used] @ vcov[np.ix_(used, used)] @ x[used])
    if not np.isfinite(variance) or variance < 0:
        raise DataError(
            f"the regression has no standard error at {label}: one study alone tells it"
        )
    studies = int(result["k_studies"])
    normal = result.get("ci_method") == "wald"
    pi_df = None if normal else studies - len(terms)
    return shared | {
        "estimate": float(x @ coef), "se": float(np.sqrt(variance)), "pi_df": pi_df,
    }, label  # fmt: skip


def _row(terms: list[str], levels: Mapping[str, list[str]], at: Mapping[str, Any]) -> list[float]:
    """One row of the design, by the names of the coefficients."""
    needed = set(levels)
    row = []
    for term in terms:
        value = 1.0
        for factor in [] if term == "intercept" else _factors(term, levels):
            match = _LEVEL.fullmatch(factor)
            column = match["column"] if match else factor
            if not _NAME.fullmatch(column):
                raise DataError(
                    f"the term {term!r} cannot be computed from JSON; fit the regression again and "
                    "predict from its result"
                )
            needed.add(column)
            if column not in at:
                raise UsageError(f"give a value of the moderator {column!r}")
            if match:
                value *= float(_level(column, at[column], levels) == match["level"])
            else:
                value *= _number(column, at[column])
        row.append(value)
    unknown = sorted(set(at) - needed)
    if unknown:
        known = ", ".join(map(repr, sorted(needed))) or "none"
        raise UsageError(f"{unknown[0]!r} is no moderator of the regression; it has {known}")
    missing = sorted(needed - set(at))
    if missing:
        raise UsageError(f"give a value of the moderator {missing[0]!r}")
    return row


def _factors(term: str, levels: Mapping[str, list[str]]) -> list[str]:
    """The factors of a product; a level may itself hold a colon."""
    known = [
        f"{column}[{sign}{level}]"
        for column, words in levels.items()
        for level in words
        for sign in ("T.", "")
    ]
    for name in sorted((name for name in known if ":" in name), key=len, reverse=True):
        if name in term:
            before, _, after = term.partition(name)
            rest = [part.strip(":") for part in (before, after)]
            return [name, *(f for part in rest if part for f in _factors(part, levels))]
    return term.split(":")


def _level(column: str, value: Any, levels: Mapping[str, list[str]]) -> str:
    known = levels.get(column, [])
    if str(value) not in known:
        listed = ", ".join(map(repr, known))
        raise UsageError(f"{column} has no level {value!r}; the regression knows {listed}")
    return str(value)


def _number(column: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise UsageError(f"{column} must be a number; got {value!r}")
    return float(value)
