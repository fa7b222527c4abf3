"""The few functions of numpy that the planner asks for one number."""

from metabone.planning.calculator.shims.page_math import (
    exp,
    hypot,
    inf,
    isfinite,
    isinf,
    log1p,
    sqrt,
)

__all__ = ["ceil", "exp", "hypot", "inf", "isfinite", "isinf", "log1p", "sqrt"]


def ceil(x: float) -> float:
    """Smallest whole number that is not below x, as a float."""
    whole = int(x)
    return float(whole + 1 if x > whole else whole)
