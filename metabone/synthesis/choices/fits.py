"""The fits of all analyses under all sign patterns: alike ones together, on several workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabone.errors import DataError, ModelError
from metabone.models.clustered_means import clustered_means
from metabone.models.random_effects import random_effects
from metabone.synthesis.choices.factors import MULTILEVEL
from metabone.synthesis.choices.inputs import (
    Inputs,
    Prepared,
    Setting,
    SettingKey,
    kept,
    setting_key,
)
from metabone.synthesis.choices.lattice import Analysis
from metabone.synthesis.multilevel import random_factors

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]
Blocks = list[tuple[IntArray, FloatArray]]

# Data sets that one task fits. It does not depend on the workers, and neither do the answers.
CHUNK = 1000
_ROBUST = {"cr2": "CR2", "cr1": "CR1", "cr0": "CR0"}


@dataclass(frozen=True, slots=True)
class Fits:
    """What S analyses give under F sign patterns, (S, F) each; NaN where there is no answer.

    ``reasons`` say why an analysis has no answer for the data as they are (the first pattern).
    """

    estimate: FloatArray
    se: FloatArray
    df: FloatArray
    tau2: FloatArray
    reasons: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class _Model:
    """A model of one data setting, and the analyses (by position) that take intervals from it."""

    analysis: Analysis
    setting: Setting
    blocks: object  # BlockCovariance, or None where effects are taken as independent
    members: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some sign patterns of a model that keep the same effects."""

    model: _Model
    patterns: IntArray
    mask: BoolArray


@dataclass(frozen=True, slots=True)
class _Answer:
    """Estimates of one analysis under some patterns."""

    member: int
    patterns: IntArray
    estimate: FloatArray
    se: FloatArray
    df: FloatArray
    tau2: FloatArray
    reason: str | None = None


def fit_all(
    analyses: Sequence[Analysis],
    inputs: Inputs,
    settings: Mapping[SettingKey, Setting | str],
    *,
    workers: int,
) -> Fits:
    """Fit every analysis under every sign pattern of the settings.

    Parameters
    ----------
    settings : the data of each, from `Inputs.setting`.
    workers : threads; the answers are the same for any number.
    """
    from joblib import Parallel, delayed

    patterns = max((len(s.y) for s in settings.values() if isinstance(s, Setting)), default=1)
    shape = (len(analyses), patterns)
    estimate, se, df, tau2 = (np.full(shape, np.nan) for _ in range(4))
    reasons: dict[int, str] = {}
    models = list(_models(analyses, inputs, settings, reasons))
    tasks = list(_tasks(models))
    done = Parallel(n_jobs=workers, prefer="threads")(delayed(_run)(task) for task in tasks)
    for answers in done:
        for one in answers:
            place = (one.member, one.patterns)
            estimate[place], se[place] = one.estimate, one.se
            df[place], tau2[place] = one.df, one.tau2
            if one.reason is not None and 0 in one.patterns:
                reasons[one.member] = one.reason
    no_answer = ~(np.isfinite(estimate) & np.isfinite(se) & ~(df <= 0))
    estimate[no_answer], se[no_answer] = np.nan, np.nan
    for member in np.flatnonzero(no_answer[:, 0]).tolist():
        reasons.setdefault(member, _no_interval(analyses[member]))
    return Fits(estimate, se, df, tau2, reasons)


def _no_interval(analysis: Analysis) -> str:
    return f"the effects leave no scatter, or too few studies, for an interval by {analysis.ci}"


def _models(
    analyses: Sequence[Analysis],
    inputs: Inputs,
    settings: Mapping[SettingKey, Setting | str],
    reasons: dict[int, str],
) -> Iterator[_Model]:
    """Analyses that differ in their interval alone, together; without those that have no data."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for position, one in enumerate(analyses):
        groups.setdefault(one.key[:-1], []).append(position)
    for positions in groups.values():
        first = analyses[positions[0]]
        setting = settings[setting_key(first)]
        blocks = None
        why = setting if isinstance(setting, str) else None
        if why is None and first.rho is not None:
            key = (first.measure, first.variance, first.split)
            found = inputs.covariance(key, first.control, first.rho)
            why, blocks = (found, None) if isinstance(found, str) else (None, found)
        if why is not None or isinstance(setting, str):
            reasons.update(dict.fromkeys(positions, str(why)))
            continue
        members = tuple((position, analyses[position].ci) for position in positions)
        yield _Model(first, setting, blocks, members)


def _tasks(models: Sequence[_Model]) -> Iterator[list[_Piece]]:
    """Pieces of work of about equal size, each of models that can be fitted in one batch."""
    groups: dict[tuple[object, ...], list[_Piece]] = {}
    for model in models:
        for piece in _pieces(model):
            groups.setdefault(_batch_key(piece), []).append(piece)
    for pieces in groups.values():
        task: list[_Piece] = []
        size = 0
        for piece in pieces:
            if task and size + len(piece.patterns) > CHUNK:
                yield task
                task, size = [], 0
            task.append(piece)
            size += len(piece.patterns)
        yield task


def _pieces(model: _Model) -> Iterator[_Piece]:
    masks, which = np.unique(model.setting.masks, axis=0, return_inverse=True)
    for number, mask in enumerate(masks):
        patterns = np.flatnonzero(which.reshape(-1) == number)
        for i in range(0, len(patterns), CHUNK):
            yield _Piece(model, patterns[i : i + CHUNK], mask)


def _batch_key(piece: _Piece) -> tuple[object, ...]:
    analysis, table = piece.model.analysis, piece.model.setting.table
    if analysis.cluster in MULTILEVEL:
        rows = tuple(table.rows[piece.mask].tolist())
        return analysis.cluster, analysis.tau2, rows, _intervals(piece)
    if analysis.cluster == "averaged":
        count = len(np.unique(table.study[piece.mask]))
    else:
        count = int(piece.mask.sum())
    return analysis.cluster == "averaged", analysis.tau2, count, _intervals(piece)


def _intervals(piece: _Piece) -> tuple[str, ...]:
    return tuple(sorted(ci for _, ci in piece.model.members))


def _run(task: Sequence[_Piece]) -> list[_Answer]:
    """Fit one task; what cannot be fitted says why."""
    make = _multilevel if task[0].model.analysis.cluster in MULTILEVEL else _univariate
    try:
        return make(task)
    except (DataError, ModelError) as error:
        if len(task) > 1:  # one bad piece must not take the others with it
            return [answer for piece in task for answer in _run([piece])]
        return [_nothing(task[0], member, str(error)) for member, _ in task[0].model.members]


def _nothing(piece: _Piece, member: int, reason: str) -> _Answer:
    nan = np.full(len(piece.patterns), np.nan)
    return _Answer(member, piece.patterns, nan, nan, nan, nan, reason)


def _multilevel(task: Sequence[_Piece]) -> list[_Answer]:
    first = task[0]
    random = _factors(first.model.setting.table, first.mask, first.model.analysis.cluster)
    intervals = _intervals(first)
    fit = clustered_means(
        np.concatenate([_data(piece) for piece in task]),
        [kept(piece.model.blocks, piece.mask) for piece in task],  # type: ignore[arg-type]
        np.repeat(np.arange(len(task)), [len(piece.patterns) for piece in task]),
        random,
        method=first.model.analysis.tau2,
        types=[_ROBUST[ci] for ci in intervals if ci in _ROBUST],
        # The curve itself is searched as `pool` does it; other signs only feed the null.
        careful=np.concatenate([piece.patterns == 0 for piece in task]),
    )
    coef = np.where(fit.converged, fit.coef, np.nan)
    errors = {}
    for ci in intervals:
        if ci in _ROBUST:
            errors[ci] = (fit.robust_se[_ROBUST[ci]], fit.robust_df[_ROBUST[ci]])
        else:
            errors[ci] = (fit.se, np.full(len(coef), np.nan if ci == "wald" else fit.df))
    return _scatter(task, {ci: (coef, *errors[ci], fit.tau2) for ci in intervals})


def _univariate(task: Sequence[_Piece]) -> list[_Answer]:
    first = task[0].model.analysis
    pairs = [_averaged(piece) if first.cluster == "averaged" else _plain(piece) for piece in task]
    y, v = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    found = {}
    for ci in _intervals(task[0]):
        fit = random_effects(y, v, method=first.tau2, test=ci)
        coef = np.where(fit.converged, fit.coef[:, 0], np.nan)
        found[ci] = (coef, fit.se[:, 0], fit.df, fit.tau2)
    return _scatter(task, found)


def _scatter(
    task: Sequence[_Piece],
    found: Mapping[str, tuple[FloatArray, FloatArray, FloatArray, FloatArray]],
) -> list[_Answer]:
    """The rows of a batch back to the analyses and patterns that they belong to."""
    answers, start = [], 0
    for piece in task:
        rows = slice(start, start + len(piece.patterns))
        start = rows.stop
        for member, ci in piece.model.members:
            estimate, se, df, tau2 = (part[rows] for part in found[ci])
            reason = None
            if np.isnan(estimate[piece.patterns == 0]).any():
                reason = "the estimate of the heterogeneity did not converge"
            answers.append(_Answer(member, piece.patterns, estimate, se, df, tau2, reason))
    return answers


def _data(piece: _Piece) -> FloatArray:
    return piece.model.setting.y[piece.patterns][:, piece.mask]


def _plain(piece: _Piece) -> tuple[FloatArray, FloatArray]:
    y = _data(piece)
    return y, np.broadcast_to(piece.model.setting.table.vi[piece.mask], y.shape)


def _averaged(piece: _Piece) -> tuple[FloatArray, FloatArray]:
    """The plain mean of each study's effects, and its sampling variance 1′V1 / n².

    Borenstein et al. (2009), doi:10.1002/9780470743386, ch. 24.
    """
    study = piece.model.setting.table.study[piece.mask]
    names, codes = np.unique(study, return_inverse=True)
    share = (codes.reshape(-1) == np.arange(len(names))[:, None]).astype(float)
    share /= share.sum(axis=1, keepdims=True)
    v = np.zeros(len(names))
    for rows, block in kept(piece.model.blocks, piece.mask):  # type: ignore[arg-type]
        part = share[:, rows]
        v += np.einsum("mi,ij,mj->m", part, block, part)
    y = _data(piece) @ share.T
    return y, np.broadcast_to(v, y.shape)


def _factors(table: Prepared, mask: BoolArray, cluster: str) -> dict[str, IntArray]:
    """The random factors of the effects that are kept."""
    frame = table.effects.frame.loc[mask]
    if cluster == "study":
        return dict(random_factors(frame))
    experiment = experiment_codes(table)[mask]
    codes = np.unique(experiment, return_inverse=True)[1].reshape(-1).astype(np.intp)
    factors = {"experiment": codes}
    if int(codes.max()) + 1 < len(frame):
        factors["effect"] = np.arange(len(frame), dtype=np.intp)
    return factors


def experiment_codes(table: Prepared) -> IntArray:
    """(k,) the experiment of each effect; a blank one is the study itself."""
    named = table.effects.frame["experiment"].fillna("").to_numpy(str)
    labels = np.array([f"{s}\n{name}" for s, name in zip(table.study, named, strict=True)])
    return np.unique(labels, return_inverse=True)[1].reshape(-1).astype(np.intp)
