"""An assessment of the studies for people: plain text."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from metabone.extraction.table import rows_text
from metabone.synthesis.rob_results import CONFLICTING, NOT_JUDGED, WEIGHT_WORDS

if TYPE_CHECKING:
    from metabone.synthesis.rob_results import Conflict, RobResult

#: Signs of what is no answer of a list.
OTHER_SIGNS = {CONFLICTING: "≠", NOT_JUDGED: "·"}
# Of many the first so many are named.
NAMED, WIDTH, NAME = 6, 100, 40


def answer_words(result: RobResult, answer: str) -> tuple[str, str]:
    """The sign of an answer, and its words."""
    for one in result.tool.answers:
        if one.name == answer:
            return one.sign, one.label
    return OTHER_SIGNS[answer], answer


def rule_words(rule: str) -> str:
    """A rule of the overall judgement in words.

    Examples
    --------
    >>> rule_words("highs:2")
    'high with 2 items high or more, low with every item low, else unclear'
    """
    least = rule.partition(":")[2] or "1"
    highs = "an item high" if least == "1" else f"{least} items high or more"
    return f"high with {highs}, low with every item low, else unclear"


def warnings_of(result: RobResult) -> tuple[str, ...]:
    """What to look at again."""
    told = []
    for clash in result.conflicts:
        told.append(conflict_words(clash, result.policy))
    for cell in result.unread:
        told.append(
            f"row {cell.row}, {_short(cell.item)}: {_short(cell.value)!r} is no answer "
            f"({', '.join(result.tool.allowed)}) and counts as not judged"
        )
    if result.absent:
        noun = "item has" if len(result.absent) == 1 else "items have"
        told.append(f"{len(result.absent)} {noun} no column: {', '.join(result.absent)}")
    if result.unweighted:
        told.append(
            f"without a weight, and so without a part in the shares: {_named(result.unweighted)}"
        )
    return tuple(told)


def conflict_words(clash: Conflict, policy: str) -> str:
    """A conflict in a sentence."""
    said = ", ".join(f"{answer} in {rows_text(rows)}" for answer, rows in clash.rows.items())
    end = f"; {list(clash.rows)[-1]} counts" if policy == "worst" else ""
    return f"{_short(clash.study)}: {_short(clash.item)} is {said}{end}"


def summarise_rob(result: RobResult) -> str:
    """The whole answer: shares by item, then every study."""
    lines = ["SYNTHETIC DATA: made by a script, not measured", ""] if result.synthetic else []
    lines.append(
        f"{result.tool.label}: {len(result.studies)} "
        f"{'study' if len(result.studies) == 1 else 'studies'}, {len(result.items)} items"
    )
    lines.append(f"Per cent of {WEIGHT_WORDS[result.weights]}; number of studies in brackets")
    lines += ["", *_share_lines(result)]
    if result.overall is not None:
        lines += ["", f"Overall: {rule_words(result.overall)}."]
    lines += ["", *_study_lines(result)]
    if result.warnings:
        lines.append("")
        for text in result.warnings[: 4 * NAMED]:
            lines += wrap(f"! {text}", WIDTH, subsequent_indent="  ", break_long_words=False)
        if len(result.warnings) > 4 * NAMED:
            lines.append(f"! and {len(result.warnings) - 4 * NAMED} more; --json has them all")
    return "\n".join(lines)


def _share_lines(result: RobResult) -> list[str]:
    answers = result.answers
    heads = [f"{' '.join(answer_words(result, one))}" for one in answers]
    names = {item.name: _short(item.label) for item in result.items}
    wide = max(len(name) for name in (*names.values(), "Overall"))
    cells = {
        name: [
            f"{share.percent:.0f}% ({share.studies})"
            for share in (result.share(name, answer) for answer in answers)
        ]
        for name in names
    }
    if result.overall is not None:
        names |= {"": "Overall"}
        cells[""] = [
            f"{result.share(None, one).percent:.0f}% ({result.share(None, one).studies})"
            if one in result.tool.allowed else ""
            for one in answers
        ]  # fmt: skip
    widths = [
        max(len(head), *(len(line[i]) for line in cells.values())) for i, head in enumerate(heads)
    ]
    table = [["", *heads], *([names[key], *line] for key, line in cells.items())]
    return [
        "  ".join([row[0].ljust(wide), *(c.rjust(w) for c, w in zip(row[1:], widths, strict=True))])
        for row in table
    ]


def _study_lines(result: RobResult) -> list[str]:
    """Every study in one line of signs, under the numbers of the items."""
    numbers = [str(i) for i in range(1, len(result.items) + 1)]
    wide = min(NAME, max(5, *(len(study.study) for study in result.studies)))
    step = len(numbers[-1]) + 1
    head = "Study".ljust(wide) + "".join(number.rjust(step) for number in numbers)
    lines = [head + ("  overall" if result.overall else "")]
    for study in result.studies:
        signs = [answer_words(result, study.judgements[item.name])[0] for item in result.items]
        line = _short(study.study, wide).ljust(wide) + "".join(sign.rjust(step) for sign in signs)
        lines.append(line + (f"  {study.overall}" if study.overall else ""))
    key = "; ".join(f"{i} {_short(item.label)}" for i, item in enumerate(result.items, 1))
    signs_key = ", ".join(" ".join(answer_words(result, one)) for one in result.answers)
    return [*lines, *wrap(f"{signs_key}. {key}.", WIDTH)]


def _short(text: str, most: int = NAME) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(_short, names[:NAMED])) + more


def headline_rob(result: RobResult) -> str:
    """The answer in one line: the item with the most of the worst answer."""
    worst = result.tool.allowed[-1]
    most = max(result.items, key=lambda item: result.share(item.name, worst).percent)
    share = result.share(most.name, worst)
    return (
        f"{len(result.studies)} studies by {result.tool.label}; most often "
        f"{answer_words(result, worst)[1]}: {most.label} ({share.percent:.0f}% of "
        f"{WEIGHT_WORDS[result.weights]})"
    )
