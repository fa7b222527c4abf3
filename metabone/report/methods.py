"""The methods of an analysis as a journal prints them, with the papers they come from."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from metabone._version import __version__
from metabone.extraction.table import StudyTable
from metabone.report import methods_effects as say
from metabone.report.document import Document, Section
from metabone.report.references import cited, entries
from metabone.synthesis.bias.results import BiasResult
from metabone.synthesis.choices.factors import TITLES
from metabone.synthesis.choices.results import ChoicesResult
from metabone.synthesis.direction_results import DirectionResult
from metabone.synthesis.multivariate_results import OutcomesResult
from metabone.synthesis.regression_results import RegressionResult
from metabone.synthesis.results import PoolResult
from metabone.synthesis.rob_results import RobResult
from metabone.synthesis.sensitivity.results import SensitivityResult
from metabone.synthesis.strata import MIN_STUDIES

# Of answers that are told of together, so many are named; more are those that no other names.
NAMED = 3
TESTS: Mapping[str, str] = MappingProxyType({
    "AHT": "cluster-robust F tests [@tiptonpustejovsky2015]", "F": "F tests", "chi2": "χ² tests",
})  # fmt: skip
STRUCTURES: Mapping[str, str] = MappingProxyType({
    "UN": "an unstructured covariance", "HCS": "one correlation and a variance for each outcome",
    "CS": "one correlation and one variance", "DIAG": "independent variances",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reported:
    """One answer whose methods are told.

    Parameters
    ----------
    title : what the reader knows it by.
    result : the answer of the synthesis.
    where : what its rows had to fulfil, beside the conditions of all answers.
    """

    title: str
    result: Any
    where: Sequence[str] = ()


def methods_document(
    title: str, table: StudyTable, where: Sequence[str], answers: Sequence[Reported]
) -> Document:
    """The methods section of an analysis: every method that was used, and no other.

    Answers got in the same way are told of together. Citations are by author and year; the
    references stand at the end.

    Parameters
    ----------
    table : the extraction table that was read.
    where : the conditions that its rows had to fulfil.
    answers : in the order of the analysis.
    """
    marked = [
        Section("Data", (_data(table, where), *_of_one(answers))),
        *_sections(answers),
        Section("Software", (_software(),)),
    ]
    sections = [
        Section(one.heading, tuple(cited(text) for text in one.paragraphs)) for one in marked
    ]
    references = entries(text for one in marked for text in one.paragraphs)
    if references:
        sections.append(Section("References", bullets=references))
    synthetic = "SYNTHETIC DATA: made by a script, not measured." if table.synthetic else ""
    return Document(
        title=f"Methods: {title}", sections=tuple(sections), banner=synthetic,
        footer="Written from the options of this analysis. To be added by its authors: the "
        "question, the search, who selected and extracted, and any protocol.",
    )  # fmt: skip


def _data(table: StudyTable, where: Sequence[str]) -> str:
    source = table.source
    text = (
        f"The extraction table {source.file} has {source.rows} rows (SHA-256 {source.sha256[:12]}…)"
        " and was checked for impossible and suspicious values before any effect was computed."
    )
    if where:
        text += f" Rows were used where {' and '.join(where)}."
    return f"{text} Every row that was set aside is listed with its reason."


def _of_one(answers: Sequence[Reported]) -> Iterable[str]:
    for one in answers:
        if one.where:
            yield f"{one.title}: of these, the rows where {' and '.join(one.where)}."


def _software() -> str:
    return f"All computations were done with metabone {__version__} under Python {_python()}."


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def _sections(answers: Sequence[Reported]) -> Iterable[Section]:
    """A section for each kind of answer that there is."""
    measured = [
        Reported(one.title, one.result.effects)
        for one in answers
        if not isinstance(one.result, DirectionResult | RobResult)
    ]
    if measured:
        converted = say.conversion_words([one.result for one in measured])
        told = (*_told(measured, say.effect_words), *([converted] if converted else []))
        yield Section("Effect sizes", told)
    for heading, kind, *parts in _KINDS:
        found = [one for one in answers if isinstance(one.result, kind)]
        paragraphs = [text for words in parts for text in _told(found, words)]
        if paragraphs:
            yield Section(heading, tuple(paragraphs))


def _told(answers: Sequence[Reported], words: Callable[[Any], str]) -> Iterable[str]:
    """One paragraph for all answers with the same words; named where they differ."""
    told: dict[str, list[str]] = {}
    for one in answers:
        told.setdefault(words(one.result), []).append(one.title)
    told.pop("", None)
    whole = len(told) == 1 and len(next(iter(told.values()))) == len(answers)
    most = max(told, key=lambda text: len(told[text]), default="")
    for text in sorted(told, key=lambda text: text != most):
        names = told[text]
        if whole:
            yield text
        elif text == most and len(names) > NAMED and sum(map(len, told.values())) == len(answers):
            yield f"All that are not named below: {_small(text)}"
        else:
            yield f"{'; '.join(names)}: {_small(text)}"


def _small(text: str) -> str:
    """A sentence after a colon; a name in front of it keeps its capital."""
    word = text.split(" ", 1)[0]
    return text[:1].lower() + text[1:] if word in ("Effects", "Small-study", "Studies") else text


def _pooled(result: PoolResult) -> str:
    tried = tuple((one.rho, one.control) for one in result.assumptions)
    text = f"Effects were pooled {say.model_words(result, tuple(result.overall.sigma2 or ()))}"
    text += say.shared_words(result, tried)
    if result.tau2_method != "EE":
        text += _heterogeneity(result)
    if result.wild is not None:
        one = result.wild
        how = "all patterns of signs" if one.exact else f"{one.replicates} replicates"
        text += f" The mean was tested by a cluster wild bootstrap, too ({how}) [@joshi2022]."
    return text


def _heterogeneity(result: PoolResult) -> str:
    text = " Heterogeneity is given as I² [@higgins2002]"
    if result.model == "multilevel":
        text += " and as the variance of each level with its profile-likelihood interval."
    else:
        text += " and τ² with its Q-profile interval [@viechtbauer2007]."
    return text + (
        " Prediction intervals for the true effect of a new study are by "
        f"{say.PREDICTIONS[result.pi_method]} [@higgins2009]."
    )


def _strata(result: PoolResult) -> str:
    names = list(dict.fromkeys(tuple(stratum.by) for stratum in result.strata))
    if not names:
        return ""
    shown = _listed([" × ".join(one) for one in names], ", ")
    text = (
        f"Effects were also pooled by {shown}; strata of fewer than {MIN_STUDIES} studies are "
        "listed, not pooled"
    )
    if any(stratum.pvalue_holm is not None for stratum in result.strata):
        text += ", and p-values were corrected within each grouping by Holm's method [@holm1979]"
    tests = sorted({TESTS[test.test] for test in result.between})
    if tests:
        text += f"; differences between strata were tested by {_listed(tests)}"
    if any(stratum.partial is not None for stratum in result.strata):
        text += (
            ". Cells of a two-way table with too few studies have a mean that is drawn towards "
            "those of their row and column (partial pooling)"
        )
    return f"{text}."


def _regressed(result: RegressionResult) -> str:
    tried = tuple((one.rho, one.control) for one in result.assumptions)
    model = say.model_words(result, tuple(result.fit.sigma2 or ()))
    text = (
        f"Effects were regressed on {result.formula} {model.replace('@hartung2001', '@knapp2003')}"
    )
    text += say.shared_words(result, tried)
    if result.moderators.test == "AHT":
        text += " Moderators were tested by cluster-robust F tests [@tiptonpustejovsky2015]."
    return text


def _outcomes(result: OutcomesResult) -> str:
    text = (
        f"{_listed(result.outcomes, ', ')} were pooled together by a multivariate model "
        f"[@berkey1998; @jackson2011], with {STRUCTURES[result.structure]} of true effects between "
        f"studies, fitted by {say.TAU2[result.method]}; confidence intervals are by "
        f"{say.INTERVALS[result.ci_method]}."
    )
    if result.rho is not None:
        text += (
            " Sampling errors of effects measured in the same animals were taken to correlate by "
            f"{result.rho:g} [@gleser2009; @pustejovsky2022]."
        )
    return text


def _biased(result: BiasResult) -> str:
    parts = []
    if result.asymmetry:
        robust = any(one.predictor in ("sqrtninv", "ninv", "arms") for one in result.asymmetry)
        why = (
            ", on a measure of size that does not depend on the effect [@pustejovsky2019; "
            "@zwetsloot2017]" if robust else ""
        )  # fmt: skip
        parts.append(f"regression of effects on their imprecision [@egger1997]{why}")
    if result.rank is not None:
        parts.append("rank correlation [@begg1994]")
    if result.trim_fill:
        kinds = " and ".join(one.estimator for one in result.trim_fill)
        parts.append(f"trim and fill ({kinds}) [@duval2000]")
    parts.append("the number of significant results against that expected [@ioannidis2007]")
    if result.pet_peese is not None:
        parts.append("PET-PEESE [@stanley2014]")
    if result.limit is not None:
        parts.append("limit meta-analysis [@rucker2011]")
    if result.selection:
        parts.append("selection models [@vevea1995]")
    parts.append("fail-safe numbers [@rosenthal1979; @orwin1983]")
    if result.time_lag is not None:
        parts.append("the change of effects over the years")
    counted = (
        " Methods for independent effects took one mean for each study."
        if result.unit == "study" else ""
    )  # fmt: skip
    return f"Small-study effects were looked at by {_listed(parts)}.{counted}"


def _listed(parts: Sequence[str], comma: str = "; ") -> str:
    return " and ".join(filter(None, [comma.join(parts[:-1]), parts[-1]]))


def _robust(result: SensitivityResult) -> str:
    parts = []
    if result.leave_one_out is not None:
        parts.append(f"the answer without each {result.leave_one_out.by}")
    if result.cumulative is not None:
        parts.append(f"a cumulative analysis by {result.cumulative.by} [@lau1992]")
    if result.influence is not None:
        parts.append("influence diagnostics [@viechtbauer2010]")
    if result.baujat is not None:
        parts.append("a Baujat plot [@baujat2002]")
    if result.gosh is not None:
        which = "all subsets" if result.gosh.complete else f"{len(result.gosh.estimate)} subsets"
        parts.append(f"the answers of {which} (GOSH) [@olkin2012]")
    if result.permutation is not None:
        one = result.permutation
        source = "[@follmann1999]" if one.formula is None else "[@higgins2004]"
        how = "all" if one.exact else f"{one.iterations}, seed {one.seed}"
        parts.append(f"a permutation test ({how} permutations) {source}")
    return f"How far the answer hangs on single studies was looked at by {_listed(parts)}."


def _every_way(result: ChoicesResult) -> str:
    names = _listed([TITLES[name].lower() for name in result.factors], ", ")
    text = (
        f"A specification curve [@simonsohn2020; @voracek2019] has the answers of "
        f"{len(result.answered)} reasonable analyses that differ in {names}"
    )
    if result.permutation is not None:
        one = result.permutation
        how = (
            "in all patterns"
            if one.exact
            else f"at random, {one.iterations} times, seed {one.seed}"
        )
        text += f"; the whole curve was tested by turning the signs of whole studies ({how})"
    return f"{text}."


def _judged(result: RobResult) -> str:
    source = {
        "syrcle": "SYRCLE's risk-of-bias tool [@hooijmans2014]",
        "camarades": "the CAMARADES checklist of study quality [@macleod2004]",
        "arrive": "the items of ARRIVE 2.0 [@percie2020]",
    }[result.tool.name]
    return f"Studies were judged by {source}."


def _pointed(_: DirectionResult) -> str:
    return (
        "Directions were synthesised without effect sizes: a study points the way that at least "
        "70 % of its outcomes do, and studies for and against benefit were compared by an exact "
        "sign test [@boon2021; @campbell2020]."
    )


_KINDS: tuple[tuple[Any, ...], ...] = (
    ("Meta-analysis", PoolResult, _pooled, _strata),
    ("Several outcomes together", OutcomesResult, _outcomes),
    ("Meta-regression", RegressionResult, _regressed),
    ("Small-study effects", BiasResult, _biased),
    ("Sensitivity", SensitivityResult, _robust),
    ("Every way to analyse", ChoicesResult, _every_way),
    ("Risk of bias", RobResult, _judged),
    ("Direction of effects", DirectionResult, _pointed),
)
