"""From fits to the answer: ranked specifications, shares, options, scales, warnings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from metabone._version import __version__
from metabone.effects.table import EffectTable
from metabone.models.intervals import critical, two_sided_p
from metabone.synthesis.choices.factors import SCALES, Factors
from metabone.synthesis.choices.fits import Fits
from metabone.synthesis.choices.importance import importance
from metabone.synthesis.choices.inputs import Setting, SettingKey, setting_key
from metabone.synthesis.choices.lattice import Analysis, Ledger
from metabone.synthesis.choices.permutation import Patterns, judge_curve, null_band
from metabone.synthesis.choices.results import (
    ChoicesResult,
    CurvePermutation,
    OptionLine,
    ScaleLine,
    Specification,
)

FloatArray = NDArray[np.float64]

#: Fewer studies than this cannot give a small p-value by flipping signs.
FEW_STUDIES = 6


def signed_z(estimate: FloatArray, pvalue: FloatArray) -> FloatArray:
    """The normal quantile of a two-sided p-value, with the sign of the estimate.

    Examples
    --------
    >>> signed_z(np.array([-1.0, 2.0]), np.array([0.05, 1.0])).round(2).tolist()
    [-1.96, 0.0]
    """
    from scipy.special import ndtri

    tail = np.maximum(pvalue / 2, np.finfo(float).tiny)
    z: FloatArray = np.sign(estimate) * np.abs(ndtri(tail))
    return z


def _pvalues(fits: Fits) -> FloatArray:
    """(S, F) two-sided p-values."""
    with np.errstate(invalid="ignore"):
        known = np.where(np.isfinite(fits.se), fits.estimate / fits.se, np.nan)
    return two_sided_p(known, fits.df)


def specify(
    analyses: Sequence[Analysis],
    settings: Mapping[SettingKey, Setting | str],
    fits: Fits,
    level: float,
) -> list[Specification]:
    """Each analysis with its answer for the data as they are."""
    pvalue = _pvalues(fits)[:, 0]
    z = signed_z(fits.estimate[:, 0], pvalue)
    half = critical(fits.df[:, 0], level) * fits.se[:, 0]
    found = []
    for i, one in enumerate(analyses):
        setting = settings[setting_key(one)]
        effects = studies = 0
        if isinstance(setting, Setting):
            effects = int(setting.masks[0].sum())
            studies = len(np.unique(setting.table.study[setting.masks[0]]))
        reason = fits.reasons.get(i)
        nothing = reason is not None
        estimate = math.nan if nothing else float(fits.estimate[i, 0])
        found.append(
            Specification(
                options=one.options, scale=SCALES[one.measure], estimate=estimate,
                se=math.nan if nothing else float(fits.se[i, 0]),
                df=math.nan if nothing else float(fits.df[i, 0]),
                ci_low=estimate - float(half[i]), ci_high=estimate + float(half[i]),
                pvalue=math.nan if nothing else float(pvalue[i]),
                z=math.nan if nothing else float(z[i]),
                tau2=math.nan if nothing else float(fits.tau2[i, 0]),
                k_studies=studies, k_effects=effects, reason=reason,
            )
        )  # fmt: skip
    return found


def digest(
    factors: Factors,
    vanished: dict[str, str],
    ledger: Ledger,
    specifications: Sequence[Specification],
    fits: Fits,
    patterns: Patterns,
    reference: int,
    effects: EffectTable,
    level: float,
) -> ChoicesResult:
    """The whole answer; `reference` is the position of that analysis in `specifications`."""
    chosen = specifications[reference]
    order = sorted(
        range(len(specifications)), key=lambda i: _rank(specifications[i], chosen.scale, i)
    )
    ranked = [specifications[i] for i in order]
    answered = [i for i in order if specifications[i].reason is None]
    good = [specifications[i] for i in answered]
    on_scale = [one for one in good if one.scale == chosen.scale]
    used = {name for one in good for name in one.options}
    idle = {
        name: "it means nothing in any of the analyses"
        for name, options in factors.items()
        if len(options) > 1 and name not in used
    }
    several = {
        name: (*options, *_undeclared(name, options, good))
        for name, options in factors.items()
        if len(options) > 1 and name in used
    }
    furthest = max(on_scale, key=lambda one: abs(one.estimate - chosen.estimate))
    permutation = _permutation(fits, answered, patterns, effects, level)
    options = [one.options for one in good]
    return ChoicesResult(
        specifications=tuple(ranked), reference=order.index(reference),
        most_different=ranked.index(furthest), factors=several,
        fixed={name: options[0] for name, options in factors.items() if len(options) == 1},
        vanished={name: (vanished | idle)[name] for name in factors if name in vanished | idle},
        declared=math.prod(len(options) for options in factors.values()),
        left_out=ledger.lines(), shares=_shares(good, chosen, level),
        importance=importance(
            [one.estimate for one in on_scale], [one.options for one in on_scale], several
        ),
        importance_z=importance([one.z for one in good], options, several),
        by_option=_by_option(several, good, chosen, level),
        scales=_scales(specifications, answered, fits, patterns, level),
        permutation=permutation, level=level,
        outcome=" + ".join(sorted(effects.frame["outcome"].dropna().unique())), effects=effects,
        warnings=tuple(_warnings(good, ledger, permutation, effects)), version=__version__,
    )  # fmt: skip


def _undeclared(
    name: str, options: Sequence[str], good: Sequence[Specification]
) -> tuple[str, ...]:
    """Options that analyses come to have although no list names them: ignored controls."""
    found = dict.fromkeys(one.options[name] for one in good if name in one.options)
    return tuple(option for option in found if option not in options)


def _rank(one: Specification, scale: str, place: int) -> tuple[object, ...]:
    """The reference's scale first, by estimate; what failed last."""
    failed = one.reason is not None
    return failed, one.scale != scale, one.scale, 0.0 if failed else one.estimate, place


def _significant(one: Specification, level: float) -> bool:
    return one.pvalue < 1 - level


def _shares(good: Sequence[Specification], chosen: Specification, level: float) -> dict[str, float]:
    same = np.array([one.estimate * chosen.estimate > 0 for one in good])
    significant = np.array([_significant(one, level) for one in good])
    return {
        "sign_changed": float((~same).mean()),
        "significance_changed": float((significant != _significant(chosen, level)).mean()),
        "significant": float(significant.mean()),
        "significant_same": float((significant & same).mean()),
        "significant_opposite": float((significant & ~same).mean()),
    }


def _by_option(
    factors: Factors, good: Sequence[Specification], chosen: Specification, level: float
) -> tuple[OptionLine, ...]:
    lines = []
    for factor, options in factors.items():
        for option in options:
            those = [one for one in good if one.options.get(factor) == option]
            here = [one.estimate for one in those if one.scale == chosen.scale]
            count = len(those)
            lines.append(
                OptionLine(
                    factor, option, count, float(np.median(here)) if here else math.nan,
                    _mean([_significant(one, level) for one in those]),
                    _mean([not one.estimate * chosen.estimate > 0 for one in those]),
                )
            )  # fmt: skip
    return tuple(lines)


def _mean(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else math.nan


def _scales(
    specifications: Sequence[Specification],
    answered: Sequence[int],
    fits: Fits,
    patterns: Patterns,
    level: float,
) -> tuple[ScaleLine, ...]:
    lines = []
    for scale in dict.fromkeys(specifications[i].scale for i in answered):
        those = [i for i in answered if specifications[i].scale == scale]
        estimates = np.array([specifications[i].estimate for i in those])
        band: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
        if len(patterns.signs) > 1:
            band = null_band(fits.estimate[those], level)
        measures = dict.fromkeys(specifications[i].options["measure"] for i in those)
        lines.append(
            ScaleLine(
                scale, tuple(measures), len(those), float(np.median(estimates)),
                float(estimates.min()), float(estimates.max()), *band,
            )
        )  # fmt: skip
    return tuple(lines)


def _permutation(
    fits: Fits, answered: Sequence[int], patterns: Patterns, effects: EffectTable, level: float
) -> CurvePermutation | None:
    if len(patterns.signs) < 2:
        return None
    pvalue = _pvalues(fits)[list(answered)]
    z = signed_z(fits.estimate[list(answered)], pvalue)
    significant = (pvalue < 1 - level).astype(float)
    return judge_curve(z, significant, patterns, studies=patterns.signs.shape[1], level=level)


def _warnings(
    good: Sequence[Specification],
    ledger: Ledger,
    permutation: CurvePermutation | None,
    effects: EffectTable,
) -> list[str]:
    told = []
    failed = sum(line.count for line in ledger.lines() if line.kind == "failed")
    if failed:
        told.append(f"{failed} analyses could not be done; left_out says why")
    counts = sorted({one.k_effects for one in good if one.options["outliers"] == "none"})
    if len(counts) > 1:
        told.append(
            f"not all analyses rest on the same effects: {counts[0]} to {counts[-1]} before any "
            "outlier rule, since not every row gives every measure"
        )
    if permutation is not None:
        if permutation.studies < FEW_STUDIES:
            told.append(
                f"with {permutation.studies} studies the permutation test cannot give a p-value "
                f"below {2.0 ** (1 - permutation.studies):.2g}"
            )
        if permutation.unanswered:
            told.append(
                f"{permutation.unanswered} fits under other signs gave no answer and do not count "
                "in the permutation test"
            )
    if effects.synthetic:
        told.append("SYNTHETIC data: made by a script, not measured")
    return told
