"""The methods section: every method that was used, with its paper, and no other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from metabone import bias, choices, escalc, pool, read_table, regress, sensitivity
from metabone.extraction.shipped import find_dataset
from metabone.extraction.table import StudyTable
from metabone.extraction.where import select
from metabone.options import CI_OF_MODEL, VARIANCES, Measure, PIMethod, Tau2Method
from metabone.options import choices as words_of
from metabone.report import methods, methods_effects
from metabone.report.document import markdown
from metabone.report.methods import Reported, methods_document
from metabone.report.references import REFERENCES, cited, entries
from metabone.synthesis.multivariate import pool_outcomes


@pytest.fixture(scope="module")
def table() -> StudyTable:
    path = find_dataset("exosome-synthetic")
    assert path is not None
    return read_table(path)


@pytest.fixture(scope="module")
def bmd(table: StudyTable) -> StudyTable:
    return select(table, outcome=("BMD",))


def text_of(table: StudyTable, *results: Any, title: str = "A") -> str:
    answers = [Reported(f"{title}{number}", result) for number, result in enumerate(results)]
    return markdown(methods_document("T", table, (), answers))


def test_every_mark_has_its_reference_and_every_reference_is_used() -> None:
    folder = Path(str(methods.__file__)).parent
    sources = "".join((folder / f"{name}.py").read_text("utf-8")
                      for name in ("methods", "methods_effects"))  # fmt: skip
    assert set(re.findall(r"@([a-z]+\d{4})", sources)) == set(REFERENCES)


def test_references_are_whole_and_told_apart() -> None:
    shorts = [short for short, _ in REFERENCES.values()]
    assert len(set(shorts)) == len(shorts)
    for key, (short, entry) in REFERENCES.items():
        year = key[-4:]
        assert short.endswith(year), key
        assert year in entry, key
        assert "  " not in entry, key
        assert re.search(r"doi:10\.\d{4,}/\S+$|\d$", entry), key
        # The first name of the citation begins the entry.
        assert entry.split(" ")[0] == short.split(" ")[0] or entry.startswith(short[:9]), key


def test_every_option_has_its_words() -> None:
    assert set(methods_effects.MEASURES) == set(words_of(Measure))
    assert set(methods_effects.TAU2) | {"EE"} == set(words_of(Tau2Method))
    assert set(methods_effects.INTERVALS) == {ci for one in CI_OF_MODEL.values() for ci in one}
    assert set(methods_effects.PREDICTIONS) == set(words_of(PIMethod))
    several = {
        (measure, one) for measure, all_ in VARIANCES.items() if len(all_) > 1 for one in all_
    }
    # The first variance of a ratio of means is the one that its papers give.
    assert set(methods_effects.VARIANCES) == several - {("ROM", "LS")}


CASES: Mapping[str, tuple[Mapping[str, Any], Sequence[str], Sequence[str]]] = {
    "multilevel": (
        {"by": ["exosome_source"]},
        ("Hedges' g", "random effects of study",
         "correlate by 0.5", "(Tipton 2015; Pustejovsky and Tipton 2018)", "Holm 1979",
         "pooled by exosome"),
        ("Hartung", "Paule", "wild"),
    ),
    "univariate": (
        {"model": "univariate", "tau2": "PM", "ci": "hksj_adhoc"},
        ("Paule and Mandel 1982", "Röver et al. 2015", "Q-profile"),
        ("Tipton", "correlate", "Holm"),
    ),
    "equal effects": (
        {"model": "univariate", "tau2": "EE", "ci": "wald"},
        ("as equal effects", "normal distribution"),
        ("Prediction", "Heterogeneity is"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_was_done_is_told_and_nothing_else(bmd: StudyTable, name: str) -> None:
    options, told, silent = CASES[name]
    text = text_of(bmd, pool(escalc(bmd, "SMD"), **options)).replace("\\", "")
    for part in told:
        assert part in text, part
    for part in silent:
        assert part not in text, part


def test_answers_got_in_the_same_way_are_told_of_together(bmd: StudyTable) -> None:
    one = pool(escalc(bmd, "SMD"))
    text = text_of(bmd, one, one, pool(escalc(bmd, "SMD"), tau2="ML"))
    assert text.count("Effects were pooled") + text.count("effects were pooled") == 2
    assert "A0; A1: effects were pooled" in text
    assert "A2: effects were pooled" in text
    assert text.count("Hedges' g") == 1


def test_every_kind_of_answer_has_its_section(table: StudyTable, bmd: StudyTable) -> None:
    effects = escalc(bmd, "SMD")
    both = escalc(select(table, outcome=("BMD", "BV/TV")), "SMD")
    text = text_of(
        table,
        regress(effects, "exosome_source"),
        pool_outcomes(both, structure="CS"),
        bias(effects, selection=[[0.025]]),
        sensitivity(effects, leave_one_out="study", cumulative="precision",
                    influence=True, baujat=True, gosh=True, gosh_sample=50, permutation=99),
        choices(bmd, {"tau2": ["REML", "ML"]}, permutations=0, seed=1),
    )  # fmt: skip
    for heading in (
        "Effect sizes",
        "Several outcomes together",
        "Meta-regression",
        "Small-study effects",
        "Sensitivity",
        "Every way to analyse",
        "References",
    ):
        assert f"## {heading}\n" in text, heading
    for name in (
        "Berkey et al. 1998",
        "Egger et al. 1997",
        "Vevea and Hedges 1995",
        "Olkin et al. 2012",
        "Baujat et al. 2002",
        "Lau et al. 1992",
        "Simonsohn et al.",
        "Follmann and Proschan 1999",
        "Viechtbauer and Cheung 2010",
    ):
        assert name in text, name
    # Each paper that is cited is listed, once.
    listed = text.partition("## References")[2]
    for short, entry in REFERENCES.values():
        assert (short in text) == (markdown_of(entry) in listed), short
        assert listed.count(markdown_of(entry)) <= 1


def markdown_of(entry: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", entry)


def test_words_of_the_table_stay_words(bmd: StudyTable) -> None:
    text = text_of(bmd, pool(escalc(bmd, "SMD")), pool(escalc(bmd, "SMD"), tau2="ML"),
                   title="<b>[@hedges9999]*")  # fmt: skip
    assert "<b>" not in text
    assert "hedges9999" in text
    assert "SYNTHETIC" in text
    assert cited("[@nobody1900]") == "[@nobody1900]"
    assert entries(["[@nobody1900] [@glass1976]"]) == (REFERENCES["glass1976"][1],)
