"""From declared options to the analyses they make: which go together, and which are the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod

from metabone.errors import UsageError
from metabone.options import CI_OF_MODEL, VARIANCES, MultilevelMethod, check_variance, choices
from metabone.synthesis.choices.factors import MOST, MULTILEVEL, Factors
from metabone.synthesis.choices.results import LeftOut


@dataclass(frozen=True, slots=True)
class Analysis:
    """One analysis to do.

    `options` are the declared ones without those that mean nothing in it; the other fields say what
    is done: `control` and `rho` are None where sampling errors are taken as independent, `variance`
    is the name of the formula.
    """

    options: Mapping[str, str]
    measure: str
    variance: str
    rob: str
    outliers: str
    control: str
    rho: float | None
    cluster: str
    tau2: str
    ci: str

    @property
    def key(self) -> tuple[object, ...]:
        """What makes it an analysis of its own."""
        return (
            self.measure, self.variance, self.rob, self.outliers, self.control, self.rho,
            self.cluster, self.tau2, self.ci,
        )  # fmt: skip

    @property
    def split(self) -> bool:
        """Whether effects are computed from split controls."""
        return self.control == "split"


@dataclass(slots=True)
class Ledger:
    """Counts the combinations that are no analyses of their own, by kind and reason."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, kind: str, reason: str) -> None:
        """One more."""
        self.counts[kind, reason] += 1

    def lines(self) -> tuple[LeftOut, ...]:
        """The counts, the largest of each kind first."""
        order = {"same": 0, "impossible": 1, "failed": 2}
        found = sorted(self.counts.items(), key=lambda line: (order[line[0][0]], -line[1], line[0]))
        return tuple(LeftOut(kind, reason, count) for (kind, reason), count in found)


def count_declared(factors: Factors) -> int:
    """How many combinations the lists make.

    Raises
    ------
    UsageError
        If they are too many to be meant.
    """
    count = prod(len(options) for options in factors.values())
    if count > MOST:
        sizes = ", ".join(f"{name} {len(options)}" for name, options in factors.items())
        raise UsageError(f"the lists make {count} combinations, more than {MOST}: {sizes}")
    return count


def find_analyses(
    factors: Factors, alike: Mapping[str, str], ledger: Ledger
) -> dict[tuple[object, ...], Analysis]:
    """The different analyses that the lists make, by what makes them different.

    Parameters
    ----------
    alike : clusters that are another one in this table, e.g. ``{"averaged": "none"}`` where each
        study gives one effect.
    ledger : takes what is left out.
    """
    found: dict[tuple[object, ...], Analysis] = {}
    for combination in product(*factors.values()):
        options = dict(zip(factors, combination, strict=True))
        reason = impossible(options)
        if reason is not None:
            ledger.add("impossible", reason)
            continue
        analysis, same = make_analysis(options, factors, alike)
        if analysis.key in found:
            ledger.add("same", same or "the same analysis under another name")
        else:
            found[analysis.key] = analysis
    return found


def impossible(options: Mapping[str, str]) -> str | None:
    """Why the options do not go together, or None."""
    measure, variance = options["measure"], options["variance"]
    if variance != "LS" and variance not in VARIANCES[measure]:
        return f"variance {variance} does not exist for {measure}"
    model = "multilevel" if options["cluster"] in MULTILEVEL else "univariate"
    if options["ci"] not in CI_OF_MODEL[model]:
        where = "clusters modelled" if model == "univariate" else "effects pooled as independent"
        return f"interval {options['ci']} needs {where}"
    if model == "multilevel" and options["tau2"] not in choices(MultilevelMethod):
        return f"estimator {options['tau2']} does not exist for multilevel models"
    return None


def make_analysis(
    options: Mapping[str, str], factors: Factors, alike: Mapping[str, str]
) -> tuple[Analysis, str]:
    """The analysis that the options mean, and why others may mean the same."""
    said, same = dict(options), ""
    cluster = options["cluster"]
    if cluster in alike and alike[cluster] in factors["cluster"]:
        same = f"clusters {cluster} are {alike[cluster]} in this table"
        said["cluster"] = cluster = alike[cluster]
    control, rho = options["control"], float(options["rho"])
    independent = cluster == "none"
    if independent:
        same = same or "rho and the covariance of shared controls mean nothing without clusters"
        said.pop("rho")
        if control != "split":
            # Declared or not, this is what such an analysis does with shared controls.
            control = said["control"] = "ignore"
            if len(factors["control"]) == 1:
                said.pop("control")
    tau2 = options["tau2"]
    if tau2 == "EB" and "PM" in factors["tau2"]:
        same = same or "EB and PM are one estimator"
        said["tau2"] = tau2 = "PM"
    analysis = Analysis(
        options=said, measure=options["measure"],
        variance=check_variance(options["measure"], options["variance"]), rob=options["rob"],
        outliers=options["outliers"], control=control, rho=None if independent else rho,
        cluster=cluster, tau2=tau2, ci=options["ci"],
    )  # fmt: skip
    return analysis, same


def reference_of(factors: Factors, alike: Mapping[str, str]) -> Analysis:
    """The analysis of the first options; of estimators and intervals, the first that goes along.

    Raises
    ------
    UsageError
        If the first options do not go together.
    """
    first = {name: options[0] for name, options in factors.items()}
    reason = ""
    for tau2, ci in product(factors["tau2"], factors["ci"]):
        options = first | {"tau2": tau2, "ci": ci}
        why = impossible(options)
        if why is None:
            return make_analysis(options, factors, alike)[0]
        reason = reason or why
    raise UsageError(f"the first options of the lists are the reference analysis, and {reason}")
