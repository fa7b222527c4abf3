"""How the studies were judged: risk of bias, quality or reporting, by study and by item."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from metabone._version import __version__
from metabone.errors import DataError, UsageError
from metabone.options import RobConflicts, RobTool, RobWeights, check_option
from metabone.synthesis.counting import count_animals
from metabone.synthesis.rob_results import (
    CONFLICTING,
    NOT_JUDGED,
    Conflict,
    JudgedItem,
    JudgedStudy,
    RobResult,
    Share,
    Unread,
)
from metabone.vocabulary.judgements import Tool, tool_of, tools
from metabone.vocabulary.terms import Item

if TYPE_CHECKING:
    import pandas as pd

    from metabone.extraction.table import StudyTable
    from metabone.synthesis.results import PoolResult
    from metabone.vocabulary import Vocabulary

_HIGHS = re.compile(r"highs:([1-9][0-9]*)")
#: Judgements of one study by item.
Judged = Mapping[str, str]


def assess(
    table: StudyTable,
    tool: str = "syrcle",
    *,
    weights: str = "studies",
    overall: str | None = None,
    conflicts: str = "show",
    pooled: PoolResult | None = None,
) -> RobResult:
    """Judge each study once by each item, and count the studies by judgement.

    A study has the judgement that its rows share; blank cells beside a judgement say nothing. Rows
    that contradict each other are never merged silently: the study is ``conflicting`` there, or,
    with ``conflicts="worst"``, has the worst of them, and both are reported.

    Parameters
    ----------
    table : rows that the ledger sets aside are left out.
    tool : ``syrcle`` (columns ``rob_…``), ``camarades`` or ``arrive``.
    weights : what the shares count: ``studies``, ``effects`` (rows), ``animals`` (each once), or
        ``pooled`` (the weights of the overall estimate in `pooled`).
    overall : the rule of an overall judgement by study; by default there is none, as the authors of
        SYRCLE's tool advise against a summary score. ``worst``: high with an item high, low with
        every item low, else unclear. ``highs:N``: high with N items high or more, low with every
        item low, else unclear. What is not judged or conflicting counts as unclear.
    conflicts : ``show`` or ``worst``.
    pooled : a pooled answer of the same rows, for ``weights="pooled"``.

    Raises
    ------
    UsageError
        For an unknown option, a rule for a list that does not judge bias, or pooled weights
        without a pooled answer.
    DataError
        If the table has no rows, no judgement by this list, or no study with a weight.

    References
    ----------
    Hooijmans et al. (2014), doi:10.1186/1471-2288-14-43; Percie du Sert et al. (2020),
    doi:10.1371/journal.pbio.3000410.

    Examples
    --------
    >>> from metabone.extraction.reading import read_table
    >>> found = assess(read_table("exosome-synthetic"))
    >>> len(found.studies), len(found.items), found.share("rob_random_housing", "low").studies
    (30, 10, 6)
    """
    used = tools()[check_option("tool", tool, RobTool)]
    counted = check_option("weights", weights, RobWeights)
    policy = check_option("conflicts", conflicts, RobConflicts)
    check_rule(overall, used.name)
    frame = table.usable()
    items = judged_items(frame, used, table.vocabulary)
    _check_some(frame, items, used)
    rows, unread = {}, tuple(_unread(frame, items, used, table))
    for study, part in frame.groupby(frame["study"].astype(str), sort=False):
        rows[str(study)] = part
    clashes = tuple(
        one for name, part in rows.items() for one in _conflicts(name, part, items, used)
    )
    worst = policy == "worst"
    judged = {name: judge(part, items, used, worst=worst) for name, part in rows.items()}
    masses = _masses(rows, counted, pooled)
    total = sum(masses.values())
    studies = tuple(
        JudgedStudy(
            name, tuple(int(row) for row in rows[name].index), one,
            _overall(overall, one), 100 * masses[name] / total if name in masses else None,
        )
        for name, one in judged.items()
    )  # fmt: skip
    present = {item.name for item in items}
    return RobResult(
        tool=used, items=items, studies=studies,
        shares=tuple(_shares(studies, items, used, overall)), conflicts=clashes, unread=unread,
        absent=tuple(name for name in table.vocabulary.terms(used.kind) if name not in present),
        weights=counted, overall=overall, policy=policy, source=table.source,
        selected=table.selected, excluded=table.excluded, synthetic=table.synthetic,
        version=__version__,
    )  # fmt: skip


def check_rule(rule: str | None, tool: str) -> str | None:
    """Return the rule of an overall judgement if it is one, and the list takes one.

    Raises
    ------
    UsageError
        Otherwise.

    Examples
    --------
    >>> check_rule("highs:2", "syrcle")
    'highs:2'
    """
    if rule is None:
        return None
    if tool != "syrcle":
        raise UsageError(
            f"overall judges risk of bias; {tools()[tool].label} counts what is reported, and has "
            "no overall judgement"
        )
    if rule != "worst" and not _HIGHS.fullmatch(rule):
        raise UsageError(f"overall must be 'worst' or 'highs:N' such as 'highs:2'; got {rule!r}")
    return rule


def judged_items(frame: pd.DataFrame, tool: Tool, vocabulary: Vocabulary) -> tuple[JudgedItem, ...]:
    """The items of a list that the table has a column for: in its order, then the user's own."""
    present = [name for name in map(str, frame.columns) if tool_of(name, vocabulary) is tool]
    terms = vocabulary.terms(tool.kind)
    order = [name for name in terms if name in present]
    found = []
    for name in [*order, *(name for name in present if name not in terms)]:
        term = terms.get(name)
        label = name.removeprefix(tool.prefix).replace("_", " ") if term is None else term.label
        domain = term.domain if isinstance(term, Item) else "other"
        found.append(JudgedItem(name, label[:1].upper() + label[1:], domain))
    return tuple(found)


def judge(
    part: pd.DataFrame, items: Sequence[JudgedItem], tool: Tool, *, worst: bool = False
) -> Judged:
    """The judgement of one study by item, from all of its rows.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"rob_a": ["low", None], "rob_b": ["low", "high"], "rob_c": [None] * 2})
    >>> items = [JudgedItem(name, name, "other") for name in rows]
    >>> list(judge(rows, items, tools()["syrcle"]).values())
    ['low', 'conflicting', 'not judged']
    """
    judged = {}
    for item in items:
        found = _answers(part, item, tool)
        if len(found) > 1:
            judged[item.name] = found[-1] if worst else CONFLICTING
        else:
            judged[item.name] = found[0] if found else NOT_JUDGED
    return judged


def _answers(part: pd.DataFrame, item: JudgedItem, tool: Tool) -> list[str]:
    """The answers that the rows of a study give to an item, from the best to the worst."""
    given = set(part[item.name].tolist())
    return [answer for answer in tool.allowed if answer in given]


def _check_some(frame: pd.DataFrame, items: Sequence[JudgedItem], tool: Tool) -> None:
    if frame.empty:
        raise DataError("no rows are left to be judged")
    if not items:
        raise DataError(
            f"the table has no column of {tool.label} ({tool.prefix}…); its items are in the "
            f"vocabulary under {tool.kind!r}"
        )
    if not any(frame[item.name].isin(tool.allowed).any() for item in items):
        raise DataError(
            f"the columns {tool.prefix}… hold no judgement; {', '.join(tool.allowed)} are allowed"
        )


def _unread(
    frame: pd.DataFrame, items: Sequence[JudgedItem], tool: Tool, table: StudyTable
) -> Iterator[Unread]:
    """Cells that are filled with something that is no answer: they count as not judged."""
    for item in items:
        cells = frame[item.name].dropna()
        for row, cell in cells[~cells.isin(tool.allowed)].items():
            yield Unread(int(str(row)), item.name, str(cell))


def _conflicts(
    study: str, part: pd.DataFrame, items: Sequence[JudgedItem], tool: Tool
) -> Iterator[Conflict]:
    for item in items:
        found = _answers(part, item, tool)
        if len(found) < 2:
            continue
        cells = list(zip(part.index.tolist(), part[item.name].tolist(), strict=True))
        places = {
            answer: tuple(int(row) for row, cell in cells if cell == answer) for answer in found
        }
        yield Conflict(study, item.name, places)


def _masses(
    rows: Mapping[str, pd.DataFrame], counted: str, pooled: PoolResult | None
) -> dict[str, float]:
    """What each study weighs in the shares; a study without a weight is not in it."""
    if counted == "studies":
        return dict.fromkeys(rows, 1.0)
    if counted == "effects":
        return {name: float(len(part)) for name, part in rows.items()}
    if counted == "animals":
        found = {name: float(count_animals(part)) for name, part in rows.items()}
    elif pooled is None:
        raise UsageError("weights = 'pooled' needs the pooled answer whose weights are meant")
    else:
        own = pooled.overall.weights
        found = {name: _weight_of(name, part, own) for name, part in rows.items()}
    kept = {name: mass for name, mass in found.items() if mass > 0}
    if not kept:
        what = "says how many animals it has" if counted == "animals" else "is in the pooled answer"
        raise DataError(f"no study {what}: there is nothing to weight by")
    return kept


def _weight_of(study: str, part: pd.DataFrame, weights: Mapping[int, float]) -> float:
    mass = float(sum(weights.get(int(row), 0.0) for row in part.index))
    if mass < 0:
        raise DataError(
            f"{study} has a weight below 0 in the pooled answer (its effects correlate strongly): "
            "no share can show it; weight by effects or animals"
        )
    return mass


def _overall(rule: str | None, judged: Judged) -> str | None:
    if rule is None:
        return None
    highs = sum(answer == "high" for answer in judged.values())
    least = _HIGHS.fullmatch(rule)
    if highs >= (int(least.group(1)) if least else 1):
        return "high"
    return "low" if all(answer == "low" for answer in judged.values()) else "unclear"


def _shares(
    studies: Sequence[JudgedStudy], items: Sequence[JudgedItem], tool: Tool, rule: str | None
) -> Iterator[Share]:
    for item in items:
        for answer in (*tool.allowed, CONFLICTING, NOT_JUDGED):
            having = [one for one in studies if one.judgements[item.name] == answer]
            yield _share(item.name, answer, having)
    if rule is not None:
        for answer in tool.allowed:
            yield _share(None, answer, [one for one in studies if one.overall == answer])


def _share(item: str | None, answer: str, having: Sequence[JudgedStudy]) -> Share:
    percent = sum(one.percent for one in having if one.percent is not None)
    return Share(item, answer, len(having), float(percent))
