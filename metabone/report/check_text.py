"""What checking says, for the terminal: the worst first, on one screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from metabone.extraction.audit.results import Suspicion
from metabone.extraction.table import Finding, rows_text
from metabone.report.check import Block, Checked, by_code, correction_text, count
from metabone.report.check_words import likely, phrase
from metabone.report.wrapping import cut, wrapped
from metabone.synthesis.impact import ImpactLine

# Of each code at most so many lines, of all codes of a severity about so many together.
ERROR_LINES, ALL_ERROR_LINES = 8, 16
WARNING_LINES, ALL_WARNING_LINES = 3, 8
# So many kinds of suspicion with their reasons, so many more in one or two lines.
FULL_BLOCKS, SHORT_BLOCKS = 3, 5
NOTE_CODES = 5
# Of one sentence so many rows are named.
NAMED_ROWS = 30
MEASURE_WORDS = {"SMD": "g"}
EVERYTHING = 10**9


def screen(checked: Checked, *, everything: bool = False) -> list[str]:
    """The lines that a person reads.

    Parameters
    ----------
    everything : every finding and suspicion, at any length, instead of one screen.
    """
    lines = [*_head(checked)]
    parts = (
        _errors(checked, everything),
        _suspicions(checked, everything),
        _warnings(checked, everything),
        _notes(checked, everything),
    )
    for part in map(list, parts):
        if part:
            lines += ["", *part]
    said = verdict(checked)
    if not everything and any(line.endswith("…") for line in lines):
        said += wrapped("What ends in … is whole with --all.")
    return [*lines, "", *said]


def _head(checked: Checked) -> Iterator[str]:
    from metabone.extraction.delimited import SEPARATORS

    table, source = checked.table, checked.table.source
    mark = source.separator
    how = [
        source.encoding,
        mark and f"separated by {SEPARATORS.get(mark, repr(mark))}",
        source.sheet and f"sheet {source.sheet}",
    ]
    yield from wrapped(
        f"{source.file}: {count(len(table.frame), 'row')}, "
        f"{count(table.frame['study'].nunique(), 'study')}, "
        f"{count(table.frame['outcome'].nunique(), 'outcome')}"
        + "".join(f", {part}" for part in how if part)
    )
    strong = len(checked.suspicions) - len(checked.weak)
    counts = [
        count(len(checked.of("error")), "error"), count(strong, "suspicion"),
        count(len(checked.of("warning")), "warning"),
        count(len(checked.of("note")) + len(checked.weak), "note"),
    ]  # fmt: skip
    yield ", ".join(counts)
    if checked.off:
        yield from wrapped(f"turned off: {', '.join(checked.off)}")


def _errors(checked: Checked, everything: bool) -> Iterator[str]:
    found = checked.of("error")
    if found:
        yield "ERRORS: these rows cannot be pooled as they are"
        yield from _by_code(found, ERROR_LINES, ALL_ERROR_LINES, everything)


def _warnings(checked: Checked, everything: bool) -> Iterator[str]:
    found = checked.of("warning")
    if found:
        yield "WARNINGS: look again"
        yield from _by_code(found, WARNING_LINES, ALL_WARNING_LINES, everything)


def _by_code(found: Sequence[Finding], each: int, together: int, everything: bool) -> Iterator[str]:
    codes = sorted(by_code(found).items(), key=lambda item: (-len(item[1]), item[0]))
    limit = EVERYTHING if everything else max(1, min(each, together // len(codes)))
    for code, alike in codes:
        groups = _groups(alike)
        yield f"  {code} ({len(alike)})"
        for group in groups[:limit]:
            yield from wrapped(_line(group, everything), 4, longest=0 if everything else 3)
        if len(groups) > limit:
            yield f"    … and {len(groups) - limit} more; --all lists them"


def _groups(alike: Iterable[Finding]) -> list[list[Finding]]:
    """Findings that say the same of the same column."""
    groups: dict[tuple[str | None, str], list[Finding]] = {}
    for found in alike:
        groups.setdefault((found.column, found.message), []).append(found)
    return list(groups.values())


def _line(group: Sequence[Finding], everything: bool = False) -> str:
    """One message with the rows and values that it holds for."""
    rows = [found.row for found in group if found.row is not None]
    values = list(dict.fromkeys(repr(cut(found.value)) for found in group if found.value))
    place = [named_rows(rows, everything) if rows else "", cut(group[0].column or "")]
    shown = ", ".join(values[:4]) + (", …" if len(values) > 4 else "")
    lead = ", ".join(part for part in place if part) + (f" ({shown})" if shown else "")
    return f"{lead}: {group[0].message}" if lead else group[0].message


def named_rows(rows: Sequence[int], everything: bool = False) -> str:
    """Rows in words; of many only the first, and how many more."""
    return rows_text(rows, None if everything else NAMED_ROWS)


def _suspicions(checked: Checked, everything: bool) -> Iterator[str]:
    blocks = checked.blocks
    if not blocks:
        return
    order = "those first that would change the pooled answer most"
    if not any(block.changes for block in blocks):
        order = "the strongest first"
    yield f"SUSPICIONS: look these up in the papers, {order}"
    full = EVERYTHING if everything else FULL_BLOCKS
    for block in blocks[:full]:
        yield from _block(block, checked, everything)
    for block in blocks[full : full + SHORT_BLOCKS]:
        yield from wrapped(f"{title(block)} [{block.code}, {likely(block.strength)}]", 2, longest=2)
    left = blocks[full + SHORT_BLOCKS :]
    if left:
        many = sum(len(block.suspicions) for block in left)
        kinds = f"… and {many} more of {count(len(left), 'kind')}"
        yield from wrapped(f"{kinds} ({', '.join(b.code for b in left)}); --all lists them", 2)
    if checked.not_pooled:
        pooled = "those of the strongest suspicions were pooled"
        yield from wrapped(f"{count(checked.not_pooled, 'outcome')} more not pooled: {pooled}", 2)


def _block(block: Block, checked: Checked, everything: bool) -> Iterator[str]:
    changed = change_text(block.changes, everything)
    head = f"{title(block, everything)} [{block.code}, {likely(block.strength)}]"
    yield from wrapped(head, 2, longest=0 if everything else 2)
    if changed:
        yield from wrapped(changed, 4)
    for one in block.suspicions if everything else block.suspicions[:1]:
        yield from wrapped(_reason(one), 4, longest=0 if everything else 3)
    yield from wrapped(_look_up(block, checked), 4, longest=0 if everything else 2)


def title(block: Block, everything: bool = False) -> str:
    """``3 rows look like SEM typed as SD: rows 12, 14, 15``."""
    rows = block.rows
    said = phrase(block.code, len(rows))
    return f"{said}: {named_rows(rows, everything)}" if rows else said


def change_text(changes: Sequence[ImpactLine], everything: bool = False) -> str:
    """What the pooled answers would become; empty where nothing was pooled."""
    told = [text for text in map(_changed, changes) if text]
    shown = told if everything else told[:2]
    more = len(told) - len(shown)
    text = "; ".join(shown)
    return f"{text}; {count(more, 'outcome')} more would change less" if more else text


def _changed(one: ImpactLine) -> str:
    if one.as_is is None or one.after is None:
        return ""
    measure = MEASURE_WORDS.get(one.measure, one.measure)
    before, after = f"{one.as_is.estimate:.2f}", f"{one.after.estimate:.2f}"
    change = f"go from {before} to {after}" if before != after else f"stay at {after}"
    left_out = "" if one.corrected else f" without {'it' if len(one.rows) == 1 else 'them'}"
    return f"the pooled {measure} of {cut(one.outcome or '')} would {change}{left_out}"


def _reason(one: Suspicion) -> str:
    place = ", ".join(
        part
        for part in (
            f"row {one.row}" if one.row is not None else "",
            cut(one.columns[0]) if one.columns else "",
        )
        if part
    )
    shown = f" ({cut(one.value)!r})" if one.value else ""
    said = f"{place}{shown}: {one.message}" if place else one.message
    fix = correction_text(one)
    return f"{said}. If so: {fix}" if fix else said


def _look_up(block: Block, checked: Checked) -> str:
    """What to look up, and where the table says the numbers are."""
    location = checked.table.frame["location"].dropna().to_dict()
    known = [location.get(row) for row in block.rows]
    places = list(dict.fromkeys(cut(str(place)) for place in known if isinstance(place, str)))
    where = f" ({'; '.join(places[:3])}{'; …' if len(places) > 3 else ''})" if places else ""
    return f"look up{where}: {block.suspicions[0].look_up}"


def _notes(checked: Checked, everything: bool) -> Iterator[str]:
    found = checked.of("note")
    if not found and not checked.weak:
        return
    yield f"NOTES: {'weak suspicions, and ' if checked.weak else ''}how the table was understood"
    for code, alike in by_code(checked.weak).items():
        block = Block(tuple(alike))
        said = f"{title(block, everything)} [{code}, {likely(block.strength)}]"
        yield from wrapped(said, 2, longest=0 if everything else 1)
        if everything:
            for one in alike:
                yield from wrapped(_reason(one), 4)
            yield from wrapped(_look_up(block, checked), 4)
    if everything:
        yield from _by_code(found, EVERYTHING, EVERYTHING, True)
        return
    codes = sorted(by_code(found).items(), key=lambda item: (-len(item[1]), item[0]))
    for code, alike in codes[:NOTE_CODES]:
        yield from wrapped(f"{code} ({len(alike)}): {_line(_groups(alike)[0])}", 2, longest=1)
    rest = [f"{code} ({len(alike)})" for code, alike in codes[NOTE_CODES:]]
    if rest:
        yield from wrapped(f"{', '.join(rest)}; --all lists them", 2)


def verdict(checked: Checked) -> list[str]:
    """The last line: what is to be done."""
    errors = {found.row for found in checked.of("error")}
    strong = [one for block in checked.blocks for one in block.suspicions]
    rows = {one.row for one in strong if one.row is not None}
    said = "No errors."
    if errors:
        them = "it" if len(errors) == 1 else "them"
        said = f"{count(len(errors), 'row')} with errors: correct {them}, or give a reason in "
        said += "`exclude`."
    if strong:
        where = f"{count(len(rows), 'row')} to look up" if rows else "Something to look up"
        said += f" {where} in the papers before pooling."
    return wrapped(said)
