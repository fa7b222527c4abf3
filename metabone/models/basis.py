"""Bases for smooth moderators: natural cubic splines and orthogonal polynomials, as R has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NaturalSpline:
    """A natural cubic spline basis with its knots, to be evaluated at any point.

    Cubic between the boundary knots, linear outside them, and zero at the lower boundary knot, so
    that an intercept keeps its meaning: the value there.

    Parameters
    ----------
    inner : (df − 1,) knots, strictly inside the boundary knots.
    boundary : the lowest and the highest value of the data.
    """

    inner: tuple[float, ...]
    boundary: tuple[float, float]

    @property
    def df(self) -> int:
        """Number of columns."""
        return len(self.inner) + 1

    def __call__(self, x: ArrayLike) -> FloatArray:
        """The basis at `x` (k,): a (k, df) matrix."""
        x = np.asarray(x, dtype=float)
        low, high = self.boundary
        inside = np.clip(x, low, high)
        spline = self._spline()
        basis = spline(inside)
        outside = x != inside
        if outside.any():
            basis[outside] += (x - inside)[outside, None] * spline.derivative()(inside[outside])
        # The second derivative is zero at both ends: keep the directions that this leaves free.
        bend = spline.derivative(2)(np.array([low, high]))[:, 1:]
        free = np.linalg.qr(bend.T, mode="complete")[0][:, 2:]
        return np.asarray(basis[:, 1:] @ free, dtype=float)

    def _spline(self) -> Any:
        from scipy.interpolate import BSpline

        low, high = self.boundary
        knots = np.concatenate([[low] * 4, self.inner, [high] * 4])
        return BSpline(knots, np.eye(len(knots) - 4), 3)


@dataclass(frozen=True, slots=True)
class OrthogonalPolynomial:
    """Polynomials orthogonal to the constant and to each other over the data they were made from.

    Parameters
    ----------
    centres : (degree,) shifts of the three-term recursion.
    norms : (degree + 1,) squared lengths over the data of the polynomials of degree 0, 1, ….
    """

    centres: tuple[float, ...]
    norms: tuple[float, ...]

    @property
    def degree(self) -> int:
        """Number of columns."""
        return len(self.centres)

    def __call__(self, x: ArrayLike) -> FloatArray:
        """The basis at `x` (k,): a (k, degree) matrix."""
        x = np.asarray(x, dtype=float)
        before, current = np.zeros_like(x), np.ones_like(x)
        columns = []
        for step, centre in enumerate(self.centres):
            ratio = self.norms[step] / self.norms[step - 1] if step else 0.0
            before, current = current, (x - centre) * current - ratio * before
            columns.append(current / np.sqrt(self.norms[step + 1]))
        return np.stack(columns, axis=-1)


def natural_spline(x: ArrayLike, df: int) -> NaturalSpline:
    """Natural cubic spline with `df` columns; the definition of R's ``splines::ns``.

    Parameters
    ----------
    x : (k,) values; the boundary knots are its lowest and highest, the ``df − 1`` inner knots its
        quantiles at i / df (linear interpolation between order statistics).
    df : number of columns, 1 or more.

    Raises
    ------
    DataError
        If `x` has too few different values for `df` columns.

    References
    ----------
    de Boor (1978), *A Practical Guide to Splines*, doi:10.1007/978-1-4612-6333-3.
    Hastie (1992), in Chambers & Hastie, *Statistical Models in S*, chapter 7.

    Examples
    --------
    >>> basis = natural_spline([1, 2, 2, 3, 4, 6, 8, 8, 12, 28], 3)
    >>> [round(knot, 3) for knot in basis.inner]
    [3.0, 8.0]
    >>> basis([1.0, 28.0]).round(4).tolist()
    [[0.0, 0.0, 0.0], [-0.1639, 0.3689, 0.7951]]
    """
    x = np.asarray(x, dtype=float)
    _check_values(x, df, "spline")
    inner = np.quantile(x, np.arange(1, df) / df)
    knots = np.concatenate([[x.min()], inner, [x.max()]])
    if np.any(np.diff(knots) <= 0):
        listed = ", ".join(f"{knot:g}" for knot in knots)
        raise DataError(
            f"a spline with {df} columns puts its knots at {listed}, which are not all different; "
            "choose fewer"
        )
    return NaturalSpline(tuple(inner.tolist()), (float(x.min()), float(x.max())))


def orthogonal_polynomial(x: ArrayLike, degree: int) -> OrthogonalPolynomial:
    """Orthogonal polynomials of degree 1 to `degree`; the definition of R's ``stats::poly``.

    Parameters
    ----------
    x : (k,) values with more than `degree` different ones.
    degree : number of columns, 1 or more. Each has length one over `x` and rises on the right.

    Raises
    ------
    DataError
        If `x` has too few different values.

    References
    ----------
    Kennedy & Gentle (1980), *Statistical Computing*, pp. 343-344 (three-term recursion).

    Examples
    --------
    >>> orthogonal_polynomial([1, 2, 3], 2)([1, 2, 3]).round(4).tolist()
    [[-0.7071, 0.4082], [0.0, -0.8165], [0.7071, 0.4082]]
    """
    x = np.asarray(x, dtype=float)
    _check_values(x, degree, "polynomial")
    before, current = np.zeros_like(x), np.ones_like(x)
    centres: list[float] = []
    norms = [float(len(x))]
    for step in range(degree):
        centre = float(np.sum(x * current**2) / norms[step])
        ratio = norms[step] / norms[step - 1] if step else 0.0
        before, current = current, (x - centre) * current - ratio * before
        centres.append(centre)
        norms.append(float(np.sum(current**2)))
    return OrthogonalPolynomial(tuple(centres), tuple(norms))


def _check_values(x: FloatArray, columns: int, kind: str) -> None:
    distinct = len(np.unique(x))
    if columns < 1 or distinct <= columns:
        raise DataError(
            f"a {kind} with {columns} column{'s' if columns != 1 else ''} needs more than "
            f"{columns} different values, and there are {distinct}"
        )
