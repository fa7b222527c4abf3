"""The sentences of an effect-direction synthesis: summary, SWiM items, warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from metabone.synthesis.direction_results import (
    JUDGEMENTS,
    NO_BETTER,
    Cell,
    DirectionResult,
    RowVerdict,
    SignTest,
    StudyVerdict,
)
from metabone.synthesis.summary import p_value

if TYPE_CHECKING:
    from metabone.vocabulary import Vocabulary

NUMBERS = (
    "none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve",
)  # fmt: skip
LISTED = 30
REASONS: Mapping[tuple[str, str | None], str] = {
    ("in_vivo", "no"): "no animal",
    ("in_vivo", "unclear"): "unclear whether in an animal",
    ("in_vivo", None): "not said whether in an animal",
    ("vesicles_given", "no"): "the animal was not given vesicles",
    ("vesicles_given", "unclear"): "unclear whether vesicles were given",
    ("vesicles_given", None): "not said whether vesicles were given",
    ("bone_mass", "local"): "bone of a lesion or joint, not of the skeleton",
    ("bone_mass", "none"): "no bone mass measured",
    ("bone_mass", "unclear"): "unclear whether bone mass was measured",
    ("bone_mass", None): "not said whether bone mass was measured",
}


def bone_sentence(studies: Sequence[StudyVerdict]) -> str:
    """Which studies measure skeletal bone mass in an animal given vesicles, and why not the others.

    It rests on the columns ``in_vivo``, ``vesicles_given`` and ``bone_mass``.
    """
    if all(
        study.in_vivo is None and study.vesicles_given is None and study.bone_mass is None
        for study in studies
    ):
        return (
            "The table does not say which studies measure skeletal bone mass in an animal given "
            "vesicles: it has no columns in_vivo, vesicles_given and bone_mass."
        )
    counted = [study.study for study in studies if study.counts_for_bone]
    number = f"{_number(len(counted)).capitalize()} of the {_number(len(studies))} studies"
    if len(studies) == 1:
        number = "The one study" if counted else "No row of the one study"
    verb = "measures" if len(counted) == 1 or len(studies) == 1 else "measure"
    names = f": {_listed(counted)}" if counted else ""
    head = f"{number} {verb} skeletal bone mass in an animal given vesicles{names}."
    others: dict[str, list[str]] = {}
    for study in studies:
        if not study.counts_for_bone:
            others.setdefault(_why_not(study), []).append(study.study)
    if not others:
        return head
    why = "; ".join(f"{', '.join(named)} ({reason})" for reason, named in others.items())
    return f"{head} Not counted: {why}."


def swim_items(
    rows: Sequence[RowVerdict],
    studies: Sequence[StudyVerdict],
    cells: Sequence[Cell],
    by: Sequence[str],
    test: SignTest,
) -> dict[str, str]:
    """The nine reporting items of SWiM, filled in.

    References
    ----------
    Campbell et al. (2020), doi:10.1136/bmj.l6890.
    """
    bases = Counter(row.basis or "none" for row in rows)
    grouped = f"grouped by {' and '.join(by)}, as the table names them" if by else "not grouped"
    gaps = sum(cell.empty for cell in cells)
    return {
        "grouping": f"The studies are {grouped}.",
        "metric": (
            "The direction of effect: benefit or harm for the animal, by the better direction of "
            "the outcome (column better, else the vocabulary). What the outcome did is taken from: "
            + ", ".join(f"{basis} ({_rows(count)})" for basis, count in bases.items())
            + "."
        ),
        "method": (
            "Vote counting by direction of effect, not by statistical significance: each study has "
            "one vote, the direction shared by at least 70% of its rows (Boon and Thomson 2021), "
            "and an exact two-sided sign test against one half with a Clopper-Pearson interval. "
            "No pooled effect is computed, since the table gives no sizes to pool or none was "
            "asked for."
        ),
        "prioritisation": "None: every row outside the ledger is used and every study counts once.",
        "heterogeneity": (
            f"Shown by the counts of each group; {gaps} of {len(cells)} groups have no study. "
            "Differences between groups are not tested."
            if cells
            else "Not investigated: the studies are not grouped."
        ),
        "certainty": "Not assessed here: judge risk of bias and indirectness beside it.",
        "presentation": "Effect directions by study and group, as a table and as a harvest plot.",
        "results": _results(studies, test),
        "limitations": (
            "Directions say nothing of the size of an effect, of its precision or of a study's "
            "quality; small and large studies weigh the same, and results that were never reported "
            "cannot be counted."
        ),
    }


def warnings_of(
    rows: Sequence[RowVerdict],
    studies: Sequence[StudyVerdict],
    test: SignTest,
    vocabulary: Vocabulary,
) -> tuple[str, ...]:
    """What a reader must know before quoting the counts."""
    found = ["a sign test says nothing about the size of an effect or its precision"]
    if 0 < test.n < 6:
        found.append(
            f"with {test.n} {_plural('study', test.n)} the sign test cannot give a p value below "
            f"{test.smallest_pvalue:.3g}"
        )
    in_vitro = [study.study for study in studies if study.in_vivo == "no"]
    if in_vitro:
        found.append(f"in vitro only, no animal: {_listed(in_vitro)}")
    unsaid = [study.study for study in studies if study.in_vivo == "unclear"]
    if unsaid:
        found.append(f"unclear whether an animal was studied: {_listed(unsaid)}")
    away = [study.study for study in studies if not _on_bone(study, vocabulary)]
    if away:
        found.append(
            f"{len(away)} of {len(studies)} studies are judged on cells, genes, proteins or serum, "
            "not on bone tissue"
        )
    mixed = [study.study for study in studies if study.verdict == "mixed"]
    if mixed:
        found.append(f"less than 70% of the rows agree, so no vote: {_listed(mixed)}")
    measured = sum(row.basis == "means" for row in rows)
    if measured:
        found.append(
            f"{_rows(measured)} judged by the sign of a difference of means, however small: where "
            "dispersions and numbers of animals are given too, pooling says more"
        )
    return (*found, *_unclear(rows))


def _unclear(rows: Sequence[RowVerdict]) -> Iterable[str]:
    """Why rows have no direction, one line for each reason."""
    reasons: dict[str, list[RowVerdict]] = {}
    for row in rows:
        if row.reason is not None:
            reasons.setdefault(row.reason, []).append(row)
    for reason, found in reasons.items():
        line = f"{_rows(len(found))} unclear ({_some([row.row for row in found])}): {reason}"
        if reason == NO_BETTER:
            outcomes = Counter(row.outcome for row in found)
            line += f": {_listed(f'{name} ({count})' for name, count in outcomes.items())}"
        yield line


def summarise_direction(result: DirectionResult) -> str:
    """The answer as plain text."""
    title = f"Effect directions: {len(result.studies)} {_plural('study', len(result.studies))}, "
    title += _rows(len(result.rows))
    parts = [
        title + (" — SYNTHETIC data" if result.synthetic else ""),
        "  " + ", ".join(f"{word} {count}" for word, count in result.counts.items()),
        "",
        _results(result.studies, result.sign_test),
        "",
        *_counts_table(result),
        *_study_table(result),
        result.bone_sentence,
        "",
        "Mind:",
        *(f"  - {warning}" for warning in result.warnings),
        "",
        "Reporting items (SWiM, doi:10.1136/bmj.l6890):",
        *(
            f"  {number} {name}: {text}"
            for number, (name, text) in enumerate(result.swim.items(), start=1)
        ),
        "",
        f"metabone {result.version}" + (", SYNTHETIC data" if result.synthetic else ""),
    ]
    return "\n".join(parts)


def _results(studies: Sequence[StudyVerdict], test: SignTest) -> str:
    if test.n == 0:
        return f"No direction in any of {len(studies)} studies: no sign test."
    left = f" ({test.left_out} without a direction left out)" if test.left_out else ""
    harm = [study.study for study in studies if study.verdict == "harm"]
    named = f" Harm: {_listed(harm)}." if harm else ""
    return (
        f"{test.benefit} of {test.n} studies with a direction point to benefit{left}: proportion "
        f"{test.proportion:.3f}, {100 * test.level:g}% interval {test.ci_low:.3f} to "
        f"{test.ci_high:.3f} (Clopper-Pearson); sign test {p_value(test.pvalue)} "
        f"(no smaller than {test.smallest_pvalue:.2g} with {test.n} "
        f"{_plural('study', test.n)}).{named}"
    )


def _counts_table(result: DirectionResult) -> list[str]:
    """Counts by group, with the empty cells of a two-way table."""
    if not result.by:
        return []
    if len(result.by) == 1:
        body = [[cell.by[result.by[0]], _cell_text(cell)] for cell in result.cells]
        return [*_aligned([[result.by[0], "studies"], *body]), ""]
    first, second = result.by
    columns = result.levels(second)
    text = {(cell.by[first], cell.by[second]): _cell_text(cell) for cell in result.cells}
    body = [[row, *(text[row, column] for column in columns)] for row in result.levels(first)]
    gaps = sum(cell.empty for cell in result.cells)
    return [
        *_aligned([[f"{first} × {second}", *columns], *body]),
        f"({gaps} of {len(result.cells)} combinations have no study: ·)",
        "",
    ]


def _cell_text(cell: Cell) -> str:
    shown = [f"{cell.counts[word]} {word}" for word in JUDGEMENTS if cell.counts[word]]
    return ", ".join(shown) or "·"


def _study_table(result: DirectionResult) -> list[str]:
    """One line for each study: its verdict, and what it rests on."""
    by_row = {row.row: row for row in result.rows}
    body = [
        [study.study, study.verdict, _basis_text([by_row[row] for row in study.rows])]
        for study in result.studies
    ]
    return [*_aligned([["study", "verdict", "because"], *body]), ""]


def _basis_text(rows: Sequence[RowVerdict]) -> str:
    if len(rows) == 1:
        row = rows[0]
        good = f", {row.better} is better" if row.better else ""
        change = {"increase": "increases", "decrease": "decreases"}.get(row.change, row.change)
        return f"{row.outcome} {change}{good}"
    votes = Counter(row.verdict for row in rows)
    counted = ", ".join(f"{votes[word]} {word}" for word in JUDGEMENTS if votes[word])
    outcomes = list(dict.fromkeys(row.outcome for row in rows))
    shown = ", ".join(outcomes[:4]) + (", …" if len(outcomes) > 4 else "")
    return f"{counted} of {len(rows)} rows ({shown})"


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def _on_bone(study: StudyVerdict, vocabulary: Vocabulary) -> bool:
    terms = (vocabulary.find("outcome", outcome) for outcome in study.outcomes)
    return any(getattr(term, "skeletal", False) for term in terms)


def _why_not(study: StudyVerdict) -> str:
    facts = (
        ("in_vivo", study.in_vivo),
        ("vesicles_given", study.vesicles_given),
        ("bone_mass", study.bone_mass),
    )
    # Without an animal the other two questions do not arise.
    told = [REASONS[fact] for fact in facts if fact in REASONS]
    return told[0] if study.in_vivo == "no" else ", ".join(told)


def _number(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def _plural(word: str, count: int) -> str:
    if count == 1:
        return word
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def _rows(count: int) -> str:
    return f"{count} {_plural('row', count)}"


def _listed(names: Iterable[str]) -> str:
    everyone = list(names)
    if len(everyone) > LISTED:
        return f"{', '.join(everyone[:LISTED])} and {len(everyone) - LISTED} more"
    if len(everyone) < 2:
        return "".join(everyone)
    return f"{', '.join(everyone[:-1])} and {everyone[-1]}"


def _some(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:6])) + (", …" if len(numbers) > 6 else "")
    return f"row{'s' if len(numbers) > 1 else ''} {shown}"
