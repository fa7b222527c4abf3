"""A map from an outside case to metabone's public functions; no arithmetic of its own.

``evaluate(kind, data)`` answers a case of `kind` with the nesting and keys of its ``expected``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from metabone.effects import formulas
from metabone.errors import DataError, ModelError
from metabone.files import plain
from metabone.models.asymmetry import RegressionTest, pet_peese, regression_test
from metabone.models.blup import predict_effects
from metabone.models.excess import rosenthal_n
from metabone.models.influence import cumulative, influence, leave_one_out
from metabone.models.multilevel import MultilevelFit, multilevel
from metabone.models.problem import constant_correlation
from metabone.models.random_effects import (
    RandomEffectsFit,
    i2_from_tau2,
    r_squared,
    random_effects,
    tau2_interval,
)
from metabone.models.rank_correlation import rank_test
from metabone.models.robust import robust
from metabone.models.selection import selection_model
from metabone.models.trimfill import trim_fill
from metabone.planning.designs.cases import evaluate_case
from metabone.planning.evidence_cases import evaluate_evidence

ARMS = ("n1i", "m1i", "sd1i", "n2i", "m2i", "sd2i")
TESTS = {"z": "wald", "knha": "hksj"}
Block = dict[str, Any]


def evaluate(kind: str, data: Block) -> Block:
    """Answer one case; a kind that is not known gives an empty answer."""
    answer = ANSWERS.get(kind)
    return dict(plain(answer(data))) if answer else {}


def _escalc(data: Block) -> Block:
    arms = [np.asarray(data[name], dtype=float) for name in ARMS]
    calls: dict[str, tuple[Callable[..., Any], dict[str, str]]] = {
        "MD": (formulas.md, {}),
        "MD/HO": (formulas.md, {"variance": "HO"}),
        "SMD": (formulas.smd, {}),
        "SMD/UB": (formulas.smd, {"variance": "UB"}),
        "SMDH": (formulas.smdh, {}),
        "SMD1": (formulas.smd1, {}),
        "ROM": (formulas.rom, {}),
        "CVR": (formulas.cvr, {}),
        "VR": (formulas.vr, {}),
    }
    answer = {}
    for name, (formula, options) in calls.items():
        yi, vi = formula(*arms, **options)
        answer[name] = {"yi": yi, "vi": vi}
    return answer


def _block(fit: RandomEffectsFit, z: bool) -> Block:
    low, high = fit.ci()
    block = {
        "estimate": fit.coef[0], "se": fit.se[0], "ci_lower": low[0], "ci_upper": high[0],
        "statistic": fit.statistic[0], "pvalue": fit.pvalue[0], "tau2": fit.tau2,
        "q": fit.q, "q_pvalue": fit.q_pvalue, "i2": fit.i2, "h2": fit.h2,
    }  # fmt: skip
    block["pi_lower"], block["pi_upper"] = fit.pi(df=np.nan if z else fit.k - 1)
    block["pi_riley_lower"], block["pi_riley_upper"] = fit.pi(df=fit.k - 2)
    return block


def _uni(data: Block) -> Block:
    yi, vi = data["yi"], data["vi"]
    answer = {}
    for method in ("EE", "DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM"):
        for name, test in TESTS.items():
            fit = random_effects(yi, vi, method=method, test=test)
            answer[f"{method}/{name}"] = _block(fit, name == "z")
    low, high = tau2_interval(yi, vi)
    answer["qprofile"] = {
        "tau2_lower": low,
        "tau2_upper": high,
        "i2_lower": i2_from_tau2(low, vi),
        "i2_upper": i2_from_tau2(high, vi),
    }
    return answer


def _design(data: Block) -> np.ndarray:
    columns = [np.ones(len(data["yi"])), *data["X"].values()]
    return np.column_stack([np.asarray(column, dtype=float) for column in columns])


def _metareg(data: Block) -> Block:
    yi, vi, X = data["yi"], data["vi"], _design(data)
    answer = {}
    for method in ("DL", "REML", "ML"):
        null = random_effects(yi, vi, method=method)
        for name, test in TESTS.items():
            fit = random_effects(yi, vi, X, method=method, test=test)
            low, high = fit.ci()
            answer[f"{method}/{name}"] = {
                "coef": fit.coef, "se": fit.se, "ci_lower": low, "ci_upper": high,
                "pvalue": fit.pvalue, "tau2": fit.tau2, "qe": fit.q, "qe_pvalue": fit.q_pvalue,
                "qm": fit.qm, "qm_pvalue": fit.qm_pvalue, "i2": fit.i2,
                "r2": r_squared(float(null.tau2), float(fit.tau2)),
            }  # fmt: skip
    return answer


def _multilevel(data: Block) -> Block:
    yi, study = np.asarray(data["yi"], dtype=float), data["study"]
    vi = np.asarray(data["vi"], dtype=float)
    X = _design(data) if "X" in data else None
    answer: Block = {}
    for rho in (0.0, 0.5):
        V = constant_correlation(vi, study, rho)
        random = {"study": study, "effect": range(len(yi))}
        for name, df in (("z", "normal"), ("t", "residual")):
            fit = multilevel(yi, V, random, X, df=df)
            block = _multilevel_block(fit, scalar=X is None)
            if name == "z":
                block |= _cr2_block(fit, scalar=X is None)
            answer[f"rho={rho:g}/{name}"] = block
    return answer


def _multilevel_block(fit: MultilevelFit, *, scalar: bool) -> Block:
    low, high = fit.ci()
    vectors = {
        "coef": fit.coef, "se": fit.se, "ci_lower": low, "ci_upper": high, "pvalue": fit.pvalue,
    }  # fmt: skip
    block = {key: value[0] if scalar else value for key, value in vectors.items()}
    block |= {
        "sigma2_between": fit.sigma2["study"], "sigma2_within": fit.sigma2["effect"],
        "loglik": fit.loglik, "q": fit.q, "qm": fit.qm,
    }  # fmt: skip
    if scalar:
        block["pi_lower"], block["pi_upper"] = fit.pi()
    return block


def _cr2_block(fit: MultilevelFit, *, scalar: bool) -> Block:
    try:
        cr2 = robust(fit)
    except ModelError:  # no more studies than coefficients
        return {}
    low, high = cr2.ci()
    vectors = {
        "se": cr2.se, "df": cr2.df, "pvalue": cr2.pvalue, "ci_lower": low, "ci_upper": high,
    }  # fmt: skip
    return {"cr2": {key: value[0] if scalar else value for key, value in vectors.items()}}


def _influence(data: Block) -> Block:
    yi, vi = data["yi"], data["vi"]
    without = leave_one_out(yi, vi, test="wald")
    so_far = cumulative(yi, vi, test="wald")
    found, drawn = influence(yi, vi), predict_effects(yi, vi)
    names = ("rstudent", "dffits", "cook_d", "cov_ratio", "hat", "weight")
    return {
        "leave_one_out": {
            "estimate": without.coef[:, 0], "se": without.se[:, 0], "tau2": without.tau2,
            "i2": without.i2, "q": without.q,
        },
        "influence": {name: getattr(found, name) for name in names},
        "cumulative": {"estimate": so_far.coef[:, 0], "se": so_far.se[:, 0]},
        "blup": {"pred": drawn.estimate, "se": drawn.se},
    }  # fmt: skip


def _bias(data: Block) -> Block:
    yi, vi = (np.asarray(data[name], dtype=float) for name in ("yi", "vi"))
    answer: Block = {
        "egger_rma": _asymmetry_block(regression_test(yi, vi, np.sqrt(vi))),
        "egger_lm": _asymmetry_block(regression_test(yi, vi, np.sqrt(vi), model="least_squares")),
    }
    if "ni" in data:
        x = 1 / np.sqrt(np.asarray(data["ni"], dtype=float))
        for name, model in (("rma", "mixed"), ("lm", "least_squares")):
            fit = regression_test(yi, vi, x, model=model)
            answer[f"regtest_sqrtninv_{name}"] = _asymmetry_block(fit)
    ranks = rank_test(yi, vi, exact=False)
    answer["begg"] = {"tau": ranks.tau, "pvalue": ranks.pvalue}
    if len(yi) > 2:
        for estimator in ("L0", "R0"):
            answer[f"trimfill_{estimator}"] = _trimfill_block(yi, vi, estimator)
    limits = pet_peese(yi, vi)
    for name, fit in (("pet", limits.pet), ("peese", limits.peese)):
        answer[name] = {"intercept": fit.limit, "se": fit.limit_se}
    answer["fsn_rosenthal"] = rosenthal_n(yi, vi)
    answer["selection_3psm"] = _selection_block(yi, vi)
    return answer


def _selection_block(yi: np.ndarray, vi: np.ndarray) -> Block | None:
    try:
        fit = selection_model(yi, vi)
    except (DataError, ModelError):  # too few effects, or none on one side of the step
        return None
    return {
        "estimate": fit.coef[0], "se": fit.se[0], "tau2": fit.tau2, "delta": fit.delta[1],
        "loglik": fit.loglik, "lrt": fit.lrt, "lrt_pvalue": fit.lrt_pvalue,
    }  # fmt: skip


def _asymmetry_block(fit: RegressionTest) -> Block:
    low, high = fit.limit_ci()
    return {
        "statistic": fit.statistic, "pvalue": fit.pvalue, "limit": fit.limit,
        "limit_lower": low, "limit_upper": high,
    }  # fmt: skip


def _trimfill_block(yi: np.ndarray, vi: np.ndarray, estimator: str) -> Block:
    found = trim_fill(yi, vi, estimator=estimator, test="wald")
    low, high = found.fit.ci()
    return {
        "k0": found.k0, "side": "left" if found.left else "right", "estimate": found.fit.coef[0],
        "se": found.fit.se[0], "tau2": found.fit.tau2, "ci_lower": low[0], "ci_upper": high[0],
    }  # fmt: skip


def _plan(data: Block) -> Block:
    design, inputs = data["design"], data["inputs"]
    return evaluate_case(design, inputs) or evaluate_evidence(design, inputs)


ANSWERS: dict[str, Callable[[Block], Block]] = {
    "escalc": _escalc,
    "uni": _uni,
    "metareg": _metareg,
    "bias": _bias,
    "multilevel": _multilevel,
    "multilevel_metareg": _multilevel,
    "influence": _influence,
    "plan": _plan,
}
