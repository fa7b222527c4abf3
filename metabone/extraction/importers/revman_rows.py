"""What a row of RevMan is: heading, total, counts, means, or an effect with its scale."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from metabone.extraction.importers.results import LedgerLine
from metabone.extraction.importers.sheet import Field, Sheet, Value, fold

# RevMan 5's names, RevMan Web's, and those of R's meta, which reads and writes both.
FIELDS = (
    Field("comparison_no", ("Comparison Number", "Analysis group", "comp.no")),
    Field("outcome_no", ("Outcome Number", "Analysis number", "outcome.no")),
    Field("subgroup_no", ("Subgroup Number", "group.no")),
    Field("comparison", ("Comparison", "Comparison Name", "Analysis group name", "complab")),
    Field("outcome", ("Outcome", "Outcome Name", "Analysis name", "outclab")),
    Field("study", ("Study", "Name", "Study ID", "Study Name", "studlab"), required=True),
    Field("data_type", ("Data Type", "type")),
    Field("measure", ("Effect Measure", "sm")),
    Field("applicability", ("Applicability",)),
    Field("n1", ("Total 1", "Experimental N", "n.e"), required=True, number=True),
    Field("m1", ("Mean 1", "Experimental mean", "mean.e"), required=True, number=True),
    Field("sd1", ("SD 1", "Experimental SD", "sd.e"), required=True, number=True),
    Field("n2", ("Total 2", "Control N", "n.c"), required=True, number=True),
    Field("m2", ("Mean 2", "Control mean", "mean.c"), required=True, number=True),
    Field("sd2", ("SD 2", "Control SD", "sd.c"), required=True, number=True),
    Field("events1", ("Events 1", "Experimental cases", "event.e"), number=True),
    Field("events2", ("Events 2", "Control cases", "event.c"), number=True),
    Field("effect", ("GIV Mean", "Effect Estimate", "TE"), number=True),
    Field("se", ("GIV SE", "SE", "seTE"), number=True),
    Field("low", ("CI Start", "lower"), number=True),
    Field("high", ("CI End", "upper"), number=True),
    Field("variance", ("Variance", "V"), number=True),
    Field("label1", ("Group Label 1", "Experimental group label", "label.e")),
    Field("label2", ("Group Label 2", "Control group label", "label.c")),
)
_MEANS = ("m1", "sd1", "m2", "sd2")
_TOTALS = frozenset({"total", "subtotal", "overall"})
# What RevMan 5 and R's meta call the kinds of data of an analysis.
_KINDS = {
    **dict.fromkeys(("con", "cont", "c", "continuous"), "means"),
    **dict.fromkeys(("dic", "dich", "d", "dichotomous"), "counts"),
    **dict.fromkeys(("ipd", "p", "oe", "oev", "oande", "otherdata", "oth", "o"), "counts"),
    **dict.fromkeys(("iv", "giv", "ivo", "i", "genericinversevariance"), "effects"),
}
_DIFFERENCES = frozenset({"md", "smd", "wmd", "rd", "meandifference", "stdmeandifference"})


@dataclass(slots=True)
class Headings:
    """What RevMan 5 writes in rows of their own above the studies.

    Parameters
    ----------
    seen : numbers whose heading has come.
    comparisons, outcomes, subgroups : names by their numbers.
    kinds : for each outcome ``means``, ``counts`` or ``effects``.
    measures : for each outcome its effect measure.
    labels : for each outcome the names of both groups.
    """

    seen: set[tuple[str, ...]] = field(default_factory=set)
    comparisons: dict[str, str] = field(default_factory=dict)
    outcomes: dict[tuple[str, str], str] = field(default_factory=dict)
    subgroups: dict[tuple[str, str, str], str] = field(default_factory=dict)
    kinds: dict[tuple[str, str], str] = field(default_factory=dict)
    measures: dict[tuple[str, str], str] = field(default_factory=dict)
    labels: dict[tuple[str, str], tuple[str | None, ...]] = field(default_factory=dict)

    def kind_of(self, sheet: Sheet, at: int) -> str | None:
        """What kind of data the analysis of a row holds, if it is said."""
        word = fold(sheet.text(at, "data_type") or "")
        return _KINDS.get(word) or self.kinds.get(_outcome(sheet, at))

    def measure_of(self, sheet: Sheet, at: int) -> str | None:
        """The effect measure of the analysis of a row, if it is said."""
        return sheet.text(at, "measure") or self.measures.get(_outcome(sheet, at))

    def labels_of(self, sheet: Sheet, at: int) -> tuple[str | None, ...]:
        """The names of both groups of a row, if they are said."""
        own = tuple(sheet.text(at, part) for part in ("label1", "label2"))
        return own if all(own) else self.labels.get(_outcome(sheet, at), own)


def number_of(sheet: Sheet, at: int, part: str) -> str:
    """The number of a comparison, outcome or subgroup; empty for 0, which means none."""
    word = sheet.text(at, part) or ""
    return "" if word in ("0", "0.0") else word.removesuffix(".0")


def _outcome(sheet: Sheet, at: int) -> tuple[str, str]:
    return number_of(sheet, at, "comparison_no"), number_of(sheet, at, "outcome_no")


def has_means(sheet: Sheet, at: int, headings: Headings) -> bool:
    """Whether the row holds means: RevMan 5 fills in zeros where it has none."""
    if (kind := headings.kind_of(sheet, at)) is not None and kind != "means":
        return False
    cells = [sheet.value(at, part) for part in _MEANS]
    return any(cell not in (None, 0.0) for cell in cells) or (
        kind == "means" and any(cell is not None for cell in cells)
    )


def _has_effect(sheet: Sheet, at: int, headings: Headings) -> bool:
    """Whether the row is of generic inverse variance: an effect and its SE, and no counts."""
    kind = headings.kind_of(sheet, at)
    events = [sheet.value(at, part) for part in ("events1", "events2")]
    counted = any(cell not in (None, 0.0) for cell in events)
    given = all(sheet.value(at, part) is not None for part in ("effect", "se"))
    return given and not counted and kind in (None, "effects")


def refused(sheet: Sheet, at: int, headings: Headings) -> LedgerLine | None:
    """Why the row is no row of the table, or None; a heading is remembered."""
    row, name = sheet.rows[at], sheet.text(at, "study")
    total = name is not None and name.casefold() in _TOTALS
    named = name is not None and not total
    if named and "outcome" not in sheet and _is_heading(sheet, at, headings):
        return LedgerLine(row, code="not-a-study", reason=f"names {_heading(sheet, at, headings)}")
    if has_means(sheet, at, headings):
        if name is None:
            return LedgerLine(row, code="id-blank", reason="study blank")
        if total:
            return LedgerLine(row, code="not-a-study", reason=f"{name!r} is no study")
        return None
    if named and _has_effect(sheet, at, headings):
        return None
    if not named:
        return LedgerLine(row, code="not-a-study", reason="a total, or a row without a study")
    parts = ("events1", "events2", "variance")
    counts = any(sheet.value(at, part) is not None for part in parts)
    said = "counts or observed minus expected" if counts else "neither means nor an effect"
    return LedgerLine(row, code="not-continuous", reason=f"holds {said}")


def _key(sheet: Sheet, at: int) -> tuple[str, ...]:
    numbers = (number_of(sheet, at, part)
               for part in ("comparison_no", "outcome_no", "subgroup_no"))  # fmt: skip
    return tuple(numbers)


def _is_heading(sheet: Sheet, at: int, headings: Headings) -> bool:
    """Whether the numbers of the row come for the first time and its own cells are no study's."""
    first, second, third = _key(sheet, at)
    if not first or (third and not second) or (first, second, third) in headings.seen:
        return False
    return all(sheet.value(at, part) is None for part in _MEANS) and not _has_effect(
        sheet, at, headings
    )


def _heading(sheet: Sheet, at: int, headings: Headings) -> str:
    first, second, third = key = _key(sheet, at)
    name = sheet.text(at, "study") or ""
    headings.seen.add(key)
    if not second:
        headings.comparisons[first] = name
        return "a comparison"
    if third:
        headings.subgroups[first, second, third] = name
        return "a subgroup"
    headings.outcomes[first, second] = name
    headings.labels[first, second] = tuple(sheet.text(at, part) for part in ("label1", "label2"))
    if (kind := _KINDS.get(fold(sheet.text(at, "data_type") or ""))) is not None:
        headings.kinds[first, second] = kind
    if (measure := sheet.text(at, "measure")) is not None:
        headings.measures[first, second] = measure
    return "an outcome"


def effect_of(sheet: Sheet, at: int, headings: Headings) -> tuple[Value, str | None]:
    """The effect on the scale of its standard error, and a note if it had to be brought there.

    RevMan Web (``GIV Mean``) and meta (``TE``) give it on that scale. RevMan 5 prints ratios as
    ratios beside the standard error of their logarithm: the interval tells which it is, as it is
    even on one scale only.

    Raises
    ------
    ValueError
        If nothing tells the scale.
    """
    value = sheet.value(at, "effect")
    header = fold(sheet.header[sheet.places["effect"]])
    if header != "effectestimate" or not isinstance(value, float):
        return value, None
    low, high = sheet.number(at, "low"), sheet.number(at, "high")
    if low < value < high:
        if _even(value - low, high - value):
            return value, None
        if low > 0 and _even(math.log(value / low), math.log(high / value)):
            return math.log(value), f"yi is ln({value:g}): the interval is even on the log scale"
    elif fold(headings.measure_of(sheet, at) or "") in _DIFFERENCES:
        return value, None
    raise ValueError(
        f"the effect is {value:g} and its interval is even neither as it is nor on the log scale"
    )


def _even(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-3)
