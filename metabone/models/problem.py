"""The data of a multilevel model, checked, and the engine that evaluates its likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError, ModelError
from metabone.models.clusters import arrange
from metabone.models.components import Blocks, Components, connect, group_components
from metabone.models.crossed import Crossed, build_crossed, split_factors
from metabone.models.moments import refuse_far_apart
from metabone.models.nested import Nested
from metabone.models.newton import BoolArray, Maximum, Surface, maximise

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Engine = Nested | Components | Crossed

# The most effects that may hang together through crossed factors: M is then one dense block.
MAX_COMPONENT = 5000
# Below this share nothing is left of a factor, or of what tells it from the others, but rounding.
CONFOUNDED = 1e-10


@dataclass(frozen=True, slots=True)
class Problem:
    """What a fit rests on: the data, the random factors, and the engine that evaluates them."""

    engine: Engine
    yi: FloatArray
    x: FloatArray
    triangle: FloatArray
    codes: Mapping[str, NDArray[np.int64]]
    blocks: Blocks | None
    vi: FloatArray
    method: str
    df: str

    @property
    def names(self) -> tuple[str, ...]:
        """The random factors, in the order of theta."""
        return tuple(self.codes)

    def evaluate(self, theta: FloatArray, rows: IntArray) -> Surface:
        """The likelihood of the one data set at several points (b, L)."""
        return self.engine.evaluate(theta, np.zeros_like(rows))

    @property
    def start(self) -> FloatArray:
        """(L + 1, L) starting points: shared evenly, and all in one component."""
        spread = float(np.var(self.yi - self.x @ np.linalg.lstsq(self.x, self.yi, rcond=None)[0]))
        base = max(spread - float(self.vi.mean()), 0.1 * spread, 1e-8 * float(self.vi.mean()))
        count = len(self.codes)
        return base * np.vstack([np.full(count, 1 / count), 0.9 * np.eye(count) + 0.1 / count])


def constant_correlation(vi: ArrayLike, cluster: ArrayLike, rho: float) -> Blocks:
    """Sampling covariance with one correlation between the effects of a cluster.

    Parameters
    ----------
    vi : (k,) sampling variances.
    cluster : (k,) labels.
    rho : correlation of the sampling errors of two effects of one cluster.

    Examples
    --------
    >>> [block.tolist() for _, block in constant_correlation([1, 4, 9], ["a", "a", "b"], 0.5)]
    [[[1.0, 1.0], [1.0, 4.0]], [[9.0]]]
    """
    v = np.asarray(vi, dtype=float)
    codes = np.unique(np.asarray(cluster), return_inverse=True)[1].reshape(-1)
    order = np.argsort(codes, kind="stable")
    blocks = []
    for rows in np.split(order, np.cumsum(np.bincount(codes))[:-1]):
        root = np.sqrt(v[rows])
        block = rho * np.outer(root, root)
        block[np.diag_indices(len(rows))] = v[rows]
        blocks.append((rows, block))
    return blocks


def build_problem(
    yi: ArrayLike,
    V: ArrayLike | Blocks,
    random: Mapping[str, ArrayLike],
    X: ArrayLike | None,
    *,
    method: str,
    df: str,
) -> Problem:
    """Check the data and choose the engine that evaluates the likelihood."""
    y = np.asarray(yi, dtype=float)
    if y.ndim != 1 or not len(y) or not np.isfinite(y).all():
        raise DataError("yi must be a (k,) vector of finite numbers")
    x = np.ones((len(y), 1)) if X is None else np.asarray(X, dtype=float)
    if x.ndim != 2 or len(x) != len(y) or not np.isfinite(x).all():
        raise DataError(f"X must be ({len(y)}, p) finite numbers; got the shape {x.shape}")
    if x.shape[1] >= len(y):
        raise ModelError(f"{len(y)} effects cannot give {x.shape[1]} coefficients and variances")
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise ModelError("the columns of X depend on each other: drop a moderator or a level")
    codes = _check_factors(random, len(y))
    vi, blocks = check_covariance(V, len(y))
    # An orthonormal basis keeps moderators such as calendar years well conditioned.
    basis, triangle = np.linalg.qr(x)
    refuse_confounded(basis, codes)
    engine = _engine(y, basis, codes, vi, blocks, restricted=method == "REML")
    return Problem(engine, y, x, triangle, codes, blocks, vi, method, df)


def _check_factors(random: Mapping[str, ArrayLike], k: int) -> dict[str, NDArray[np.int64]]:
    codes: dict[str, NDArray[np.int64]] = {}
    for name, labels in random.items():
        found = np.unique(np.asarray(labels), return_inverse=True)[1].reshape(-1).astype(np.int64)
        if len(found) != k:
            raise DataError(f"the factor {name} has {len(found)} labels for {k} effects")
        if found.max() == 0:
            raise ModelError(f"the random factor {name} has one level; it needs two or more")
        for other, those in codes.items():
            if _same_partition(found, those):
                raise ModelError(
                    f"the random factors {other} and {name} split the effects in the same way; "
                    "their variances cannot be told apart"
                )
        codes[name] = found
    if not codes:
        raise ModelError("a multilevel model needs at least one random factor")
    return codes


def _same_partition(a: NDArray[np.int64], b: NDArray[np.int64]) -> bool:
    if a.max() != b.max():
        return False
    count = int(b.max()) + 1
    return len(np.unique(a * count + b)) == count


def refuse_confounded(basis: FloatArray, codes: Mapping[str, NDArray[np.int64]]) -> None:
    """Refuse factors whose variances the design leaves nothing to estimate from.

    Residuals see the covariance Z_l Z_l′ of a factor as S_l = R Z_l Z_l′ R with R = I − QQ′ and
    `basis` Q (k, p). Variances can be told apart where the S_l are linearly independent; the matrix
    of their inner products tr(S_l S_m) says so without any matrix of the size of the data.

    Raises
    ------
    ModelError
        If the moderators take up all levels of a factor, or S_l depend on each other.
    """
    names, columns = list(codes), list(codes.values())
    sums = [_level_sums(one, basis) for one in columns]
    products = np.empty((len(names), len(names)))
    for i, j in combinations_with_replacement(range(len(names)), 2):
        one, other, counts = _crossings(columns[i], columns[j])
        seen = np.einsum("np,np->n", sums[i][one], sums[j][other])
        used = np.vdot(sums[i].T @ sums[i], sums[j].T @ sums[j])
        products[i, j] = products[j, i] = (counts * (counts - 2 * seen)).sum() + used
    whole = np.array([(np.bincount(one).astype(float) ** 2).sum() for one in columns])
    for name, own, size in zip(names, products.diagonal(), whole, strict=True):
        if own <= CONFOUNDED * size:
            raise ModelError(
                f"the moderators take up all levels of the random factor {name}, so that its "
                "variance cannot be estimated; drop a moderator, or take a model without the factor"
            )
    root = np.sqrt(products.diagonal())
    values, vectors = np.linalg.eigh(products / np.outer(root, root))
    if values[0] <= CONFOUNDED:
        among = [names[i] for i in np.flatnonzero(np.abs(vectors[:, 0]) > 0.01)]
        raise ModelError(
            f"the variances of the random factors {' and '.join(among)} cannot be told apart in "
            "these effects; drop a factor or a moderator"
        )


def _level_sums(codes: NDArray[np.int64], basis: FloatArray) -> FloatArray:
    """Z′Q (levels, p): the sum of each column over the effects of each level."""
    sums = [np.bincount(codes, weights=column) for column in basis.T]
    return np.stack(sums, axis=1)


def _crossings(
    one: NDArray[np.int64], other: NDArray[np.int64]
) -> tuple[IntArray, IntArray, FloatArray]:
    """The levels of two factors that meet in an effect, and in how many."""
    size = int(other.max()) + 1
    pairs, counts = np.unique(one * size + other, return_counts=True)
    return pairs // size, pairs % size, counts.astype(float)


def check_covariance(V: ArrayLike | Blocks, k: int) -> tuple[FloatArray, Blocks | None]:
    """Variances (k,) and, unless effects are independent, the blocks of V."""
    if isinstance(V, (list, tuple)) and len(V) and isinstance(V[0], tuple):
        blocks = [(np.asarray(r, dtype=np.intp), np.asarray(b, dtype=float)) for r, b in V]
        rows = np.concatenate([r for r, _ in blocks])
        if len(rows) != k or (np.sort(rows) != np.arange(k)).any():
            raise DataError("the blocks of V must name each row once")
        if any(block.shape != (len(r), len(r)) for r, block in blocks):
            raise DataError("each block of V must be square, one row for each effect it names")
        if not all(_symmetric(block) for _, block in blocks):
            raise DataError("each block of V must be symmetric")
        vi = np.empty(k)
        vi[rows] = np.concatenate([block.diagonal() for _, block in blocks])
        if (vi > 0).all():
            refuse_far_apart(vi)
        return vi, blocks
    vi = np.asarray(V, dtype=float)
    if vi.shape != (k,) or not np.isfinite(vi).all() or (vi <= 0).any():
        raise DataError(f"V must be ({k},) positive numbers or blocks")
    refuse_far_apart(vi)
    return vi, None


def _symmetric(block: FloatArray) -> bool:
    """Whether a block is symmetric to within rounding; nearly always it is so to the last bit."""
    if np.array_equal(block, block.T):
        return True
    return bool(np.abs(block - block.T).max() <= 1e-8 * np.abs(block).max())


def refuse_indefinite(blocks: Blocks) -> None:
    """Each block must be symmetric and positive definite; checked size by size."""
    by_size: dict[int, list[int]] = {}
    for number, (rows, _) in enumerate(blocks):
        by_size.setdefault(len(rows), []).append(number)
    for numbers in by_size.values():
        stack = np.stack([blocks[number][1] for number in numbers])
        skew = np.abs(stack - np.swapaxes(stack, 1, 2)).max(axis=(1, 2))
        size = np.abs(stack).max(axis=(1, 2))
        fine = np.isfinite(size) & (skew <= 1e-8 * size)
        safe = np.where(fine[:, None, None], stack, np.eye(stack.shape[1]))
        fine &= np.linalg.eigvalsh(safe)[:, 0] > 0
        if not fine.all():
            rows = blocks[numbers[int(np.argmin(fine))]][0].tolist()
            raise DataError(
                f"the sampling covariance of the effects {rows} is not symmetric and positive "
                "definite"
            )


def _engine(
    y: FloatArray,
    basis: FloatArray,
    codes: dict[str, NDArray[np.int64]],
    vi: FloatArray,
    blocks: Blocks | None,
    *,
    restricted: bool,
) -> Engine:
    names = tuple(codes)
    if len(names) == 2 and int(codes[names[1]].max()) + 1 == len(y):
        ordered = _blocks_by_cluster(codes[names[0]], vi, blocks)
        if blocks is None or ordered is not None:
            clusters = arrange(codes[names[0]], vi, ordered)
            if blocks is not None and (clusters.variance <= 0).any():
                refuse_indefinite(blocks)
            turned = clusters.rotate(np.vstack([y, basis.T]))
            return Nested(clusters, turned[:1], turned[1:], restricted)
    parts = blocks or [(np.array([i]), vi[i : i + 1, None]) for i in range(len(y))]
    block_codes = np.empty(len(y), dtype=np.int64)
    for number, (rows, _) in enumerate(parts):
        block_codes[rows] = number
    refuse_indefinite(parts)
    factors = list(codes.values())
    tied = split_factors(factors, block_codes)
    if tied.any():
        return build_crossed(
            names, y, basis.T, factors, tied, block_codes, parts, restricted=restricted
        )
    component = connect(factors, block_codes)
    largest = int(np.bincount(component).max())
    if largest > MAX_COMPONENT:
        raise ModelError(
            f"{largest} effects hang together through the random factors {', '.join(names)}; "
            f"this model is for up to {MAX_COMPONENT}: leave out a crossed factor"
        )
    groups = group_components(component, factors, parts)
    return Components(names, y[None], basis.T, groups, restricted)


def _blocks_by_cluster(
    study: NDArray[np.int64], vi: FloatArray, blocks: Blocks | None
) -> list[FloatArray] | None:
    """V of each study in the order of its effects, or None if a block of V spans two studies."""
    if blocks is None:
        return None
    place = np.empty(len(study), dtype=np.intp)
    order = np.argsort(study, kind="stable")
    sizes = np.bincount(study)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    place[order] = np.arange(len(study)) - np.repeat(starts, sizes)
    lengths = np.array([len(rows) for rows, _ in blocks])
    named = np.concatenate([rows for rows, _ in blocks])
    owners = study[[rows[0] for rows, _ in blocks]]
    if (study[named] != np.repeat(owners, lengths)).any():
        return None
    inside = np.arange(len(study)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    if len(blocks) == len(sizes) and (place[named] == inside).all():
        return [blocks[number][1] for number in np.argsort(owners)]
    whole = [np.zeros((size, size)) for size in sizes]
    for owner, (rows, block) in zip(owners, blocks, strict=True):
        whole[owner][place[rows][:, None], place[rows]] = block
    return whole


def search(
    problem: Problem,
    fixed: Mapping[str, float] | None = None,
    near: FloatArray | None = None,
) -> Maximum:
    """The highest maximum from several starts, with some components held at given values.

    With `near` (L,), where a neighbouring problem had its maximum, one climb from there is enough.
    """
    start = problem.start if near is None else near[None].copy()
    held = np.array([name in (fixed or {}) for name in problem.names])
    for position, name in enumerate(problem.names):
        if held[position]:
            start[:, position] = (fixed or {})[name]
    first = maximise(problem.evaluate, start[:1], held)
    if near is not None or held.all() or not doubtful(first)[0]:
        return first
    others = maximise(problem.evaluate, start[1:], held)
    return highest([first, *(others.take(np.array([i])) for i in range(len(start) - 1))])


# Components whose standardised information has an eigenvalue below this can hardly be told apart.
FLAT = 0.1


def doubtful(found: Maximum) -> BoolArray:
    """(B,) whether to climb from other starts too: no convergence, a boundary, a flat surface."""
    size = np.diagonal(found.observed, axis1=1, axis2=2)
    convex = np.asarray((size <= 0).any(axis=1))
    root = np.sqrt(np.where(convex[:, None], 1.0, size))
    standard = found.observed / (root[:, :, None] * root[:, None, :])
    flat = np.linalg.eigvalsh(standard)[:, 0] < FLAT
    doubt: BoolArray = ~found.converged | (found.theta <= 0).any(axis=1) | convex | flat
    return doubt


def highest(found: Sequence[Maximum]) -> Maximum:
    """The best converged maximum of each data set, of several searches (B,)."""
    values = np.stack([np.where(one.converged, one.value, -np.inf) for one in found])
    best = values.argmax(axis=0)
    columns = np.arange(values.shape[1])
    parts = (np.stack([getattr(one, part.name) for one in found]) for part in fields(Maximum))
    return Maximum(*(part[best, columns] for part in parts))
