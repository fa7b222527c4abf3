"""Effect-direction (harvest) plot: which way each study points, by group, gaps included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from metabone.errors import UsageError
from metabone.plots.forest import BANNER
from metabone.plots.labels import sentence_case
from metabone.plots.spec import Direction, HarvestSpec
from metabone.plots.styles import find_style
from metabone.plots.words import level_text, number, p_text

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure
    from metabone.synthesis.direction_results import DirectionResult, StudyVerdict

ALL = "All studies"
#: Verdicts that the legend explains even when no study has them.
ALWAYS = ("benefit", "harm")
_NAMES = {"exosome_source": "Vesicle source", "target_cell": "Target cell"}
#: Words that `labels` can replace.
LABELS = ("rows", "columns")


def harvest(
    result: DirectionResult,
    *,
    title: str | None = None,
    labels: Mapping[str, str] | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> SpecFigure:
    """Draw the directions of effect as a matrix of arrows, one for each study.

    Up is benefit, down is harm, sideways no change, both ways mixed; a question mark stands for
    unclear. Solid arrows measure skeletal bone mass in an animal given vesicles.

    Parameters
    ----------
    result : the answer of `metabone.synthesis.direction.direction`, by none, one or two columns.
    title : above the figure; an empty text shows none.
    labels : names for ``rows`` and ``columns``.
    width_mm : width of the figure; by default what it needs, up to 180 mm.
    font : family to set it in; by default DejaVu Sans.

    Raises
    ------
    UsageError
        For an unknown label or font, or a width into which the columns do not fit.

    References
    ----------
    Ogilvie et al. (2008), doi:10.1186/1471-2288-8-8 (harvest plot); Boon and Thomson (2021),
    doi:10.1002/jrsm.1458 (effect-direction plot).
    """
    from metabone.plots.draw import SpecFigure
    from metabone.plots.harvest_layout import lay_out_harvest

    spec = harvest_spec(result, title=title, labels=labels)
    return SpecFigure.of(lambda width: lay_out_harvest(spec, width_mm=width, font=font), width_mm)


def harvest_spec(
    result: DirectionResult,
    *,
    title: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> HarvestSpec:
    """The harvest plot of a direction synthesis, as data; arguments as in `harvest`.

    Raises
    ------
    UsageError
        For an unknown label.
    """
    for name in labels or {}:
        if name not in LABELS:
            raise UsageError(f"labels: {name!r} is neither 'rows' nor 'columns'")
    names = {"rows": "", "columns": ""}
    names |= dict(zip(LABELS, map(_human, result.by), strict=False)) | dict(labels or {})
    rows = result.levels(result.by[0]) if result.by else (ALL,)
    columns = result.levels(result.by[1]) if len(result.by) > 1 else ("",)
    rows, columns = tuple(map(sentence_case, rows)), tuple(map(sentence_case, columns))
    counts = result.counts
    return HarvestSpec(
        title=_title(names) if title is None else title,
        row_name=names["rows"],
        column_name=names["columns"],
        rows=rows,
        columns=columns,
        cells=_cells(result),
        legend=tuple((word, n) for word, n in counts.items() if n or word in ALWAYS),
        footer=_footer(result),
        banner=BANNER if result.synthetic else None,
        description=_describe(result),
    )


def _human(column: str) -> str:
    return _NAMES.get(column, column[:1].upper() + column[1:].replace("_", " "))


def _title(names: Mapping[str, str]) -> str:
    by = [name[:1].lower() + name[1:] for name in names.values() if name]
    return "Direction of effect" + (f" by {' and '.join(by)}" if by else "")


def _cells(result: DirectionResult) -> dict[tuple[str, str], tuple[Direction, ...]]:
    if not result.by:
        return {(ALL, ""): tuple(map(_direction, result.studies))}
    cells = {}
    for cell in result.cells:
        words = tuple(cell.by[name] for name in result.by)
        key = (words[0], words[1] if len(words) > 1 else "")
        named = (sentence_case(key[0]), sentence_case(key[1]))
        cells[named] = tuple(map(_direction, cell.studies))
    return cells


def _direction(study: StudyVerdict) -> Direction:
    evidence: Literal["bone", "animal", "other"] = "other"
    if study.counts_for_bone:
        evidence = "bone"
    elif study.in_vivo == "yes":
        evidence = "animal"
    return Direction(study.study, study.verdict, evidence)


def sign_sentence(result: DirectionResult) -> str:
    """The sign test in a sentence."""
    test = result.sign_test
    if test.n == 0:
        return "No study has a direction: no sign test."
    left = f" ({test.left_out} without a direction left out)" if test.left_out else ""
    return (
        f"{test.benefit} of {test.n} studies with a direction point to benefit{left}: proportion "
        f"{number(test.proportion, 2)}, {level_text(test.level)} CI {number(test.ci_low, 2)} to "
        f"{number(test.ci_high, 2)} (Clopper-Pearson); two-sided sign test "
        f"{p_text(test.pvalue, find_style('metabone').numbers)}."
    )


def _footer(result: DirectionResult) -> tuple[str, ...]:
    synthetic = "SYNTHETIC DATA. " if result.synthetic else ""
    excluded = len(result.excluded)
    verb = "is" if excluded == 1 else "are"
    ledger = (
        f" {excluded} of {result.selected} selected rows {verb} set aside; the ledger says why."
    )
    return (
        f"{synthetic}{sign_sentence(result)} One vote for each study, by direction and not by "
        "significance: nothing is said of the size of an effect or its precision."
        f"{ledger if excluded else ''} Made with metabone\u00a0{result.version}.",
        result.bone_sentence,
    )


def _describe(result: DirectionResult) -> str:
    kind = "Effect-direction plot (SYNTHETIC DATA)" if result.synthetic else "Effect-direction plot"
    parts = [f"{kind} of {len(result.studies)} studies. {sign_sentence(result)}"]
    for cell in result.cells:
        words = ", ".join(f"{study.study} {study.verdict}" for study in cell.studies)
        parts.append(f"{' × '.join(cell.by.values())}: {words or 'no study'}.")
    return " ".join(parts)
