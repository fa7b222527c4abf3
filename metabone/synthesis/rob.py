"""How the studies were judged: risk of bias, quality or reporting, by study and by item."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metabone._version import __version__
from metabone.errors import DataError, UsageError
from metabone.options import RobConflicts, RobTool, RobWeights, check_option
from metabone.synthesis.counting import count_animals_by_study
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
Codes = NDArray[np.int64]


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
    _check_some(frame, items, used, tuple(table.vocabulary.terms(used.kind)))
    unread = tuple(_unread(frame, items, used, table))
    codes, names = study_codes(frame)
    clashes = tuple(_conflicts(frame, codes, names, items, used))
    judged = judge(frame, items, used, worst=policy == "worst")
    rows = [tuple(frame.index[places].tolist()) for places in _places(codes, len(names))]
    percents = _percents(frame, codes, names, counted, pooled)
    studies = tuple(
        JudgedStudy(name, own, judged[name], _overall(overall, judged[name]), percent)
        for name, own, percent in zip(names, rows, percents, strict=True)
    )
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


def study_codes(frame: pd.DataFrame) -> tuple[Codes, list[str]]:
    """(rows,) number of each row's study, and the studies by number, in the order of the table.

    Examples
    --------
    >>> import pandas as pd
    >>> codes, names = study_codes(pd.DataFrame({"study": ["B", "A", "B"]}))
    >>> codes.tolist(), names
    ([0, 1, 0], ['B', 'A'])
    """
    import pandas as pd

    codes, names = pd.factorize(frame["study"].astype(str))
    return np.asarray(codes, dtype=np.int64), [str(name) for name in names]


def judge(
    frame: pd.DataFrame, items: Sequence[JudgedItem], tool: Tool, *, worst: bool = False
) -> dict[str, Judged]:
    """The judgements of every study by item, from all of its rows.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"rob_a": ["low", None], "rob_b": ["low", "high"], "rob_c": [None] * 2})
    >>> items = [JudgedItem(name, name, "other") for name in rows]
    >>> list(judge(rows.assign(study="A"), items, tools()["syrcle"])["A"].values())
    ['low', 'conflicting', 'not judged']
    """
    codes, names = study_codes(frame)
    words = np.array([*tool.allowed, CONFLICTING, NOT_JUDGED], dtype=object)
    count = len(tool.allowed)
    columns = []
    for item in items:
        met = _met(codes, _levels(frame, item, tool), len(names), count)
        several = met.sum(axis=1)
        # The answers go from the best to the worst.
        chosen = count - 1 - np.argmax(met[:, ::-1], axis=1)
        chosen[several == 0] = count + 1
        if not worst:
            chosen[several > 1] = count
        columns.append(words[chosen].tolist())
    labels = [item.name for item in items]
    by_study = zip(*columns, strict=True) if columns else ((),) * len(names)
    return {
        name: dict(zip(labels, found, strict=True))
        for name, found in zip(names, by_study, strict=True)
    }


def _levels(frame: pd.DataFrame, item: JudgedItem, tool: Tool) -> Codes:
    """(rows,) place of each answer among the answers of the list, -1 where there is none."""
    place = {answer: at for at, answer in enumerate(tool.allowed)}
    cells = frame[item.name].tolist()
    return np.array([place.get(cell, -1) for cell in cells], dtype=np.int64)


def _met(codes: Codes, levels: Codes, studies: int, answers: int) -> NDArray[np.bool_]:
    """(studies, answers) whether a row of the study gives the answer."""
    met = np.zeros((studies, answers), dtype=bool)
    given = (levels >= 0) & (codes >= 0)
    met[codes[given], levels[given]] = True
    return met


def _places(codes: Codes, studies: int) -> list[Codes]:
    """The places of each study's rows, in their order."""
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(studies + 1))
    return [order[start:stop] for start, stop in itertools.pairwise(bounds.tolist())]


def _check_some(
    frame: pd.DataFrame, items: Sequence[JudgedItem], tool: Tool, known: tuple[str, ...]
) -> None:
    if frame.empty:
        raise DataError("no rows are left to be judged")
    if not items:
        raise DataError(
            f"the table has no column of {tool.label} ({tool.prefix}…); give it one for each item "
            f"that was judged, such as {known[0]}, with {' or '.join(tool.allowed)}"
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
    frame: pd.DataFrame, codes: Codes, names: Sequence[str], items: Sequence[JudgedItem],
    tool: Tool,
) -> Iterator[Conflict]:  # fmt: skip
    """By study and then by item: the rows of each answer, where there are several answers."""
    levels = [_levels(frame, item, tool) for item in items]
    several = np.array(
        [_met(codes, each, len(names), len(tool.allowed)).sum(axis=1) > 1 for each in levels]
    ).reshape(len(items), len(names))
    places, index = _places(codes, len(names)), frame.index.to_numpy()
    for study, at in np.argwhere(several.T).tolist():
        own = places[study]
        given = levels[at][own]
        rows = {
            tool.allowed[level]: tuple(index[own[given == level]].tolist())
            for level in np.unique(given[given >= 0]).tolist()
        }
        yield Conflict(names[study], items[at].name, rows)


def _percents(
    frame: pd.DataFrame, codes: Codes, names: Sequence[str], counted: str,
    pooled: PoolResult | None,
) -> list[float | None]:  # fmt: skip
    """What each study weighs in the shares, in per cent; None where it has no weight."""
    mass = _masses(frame, codes, names, counted, pooled)
    kept = mass > 0
    if not kept.any():
        what = "says how many animals it has" if counted == "animals" else "is in the pooled answer"
        raise DataError(f"no study {what}: there is nothing to weight by")
    total = float(sum(mass[kept].tolist()))
    return [100 * one / total if one > 0 else None for one in mass.tolist()]


def _masses(
    frame: pd.DataFrame, codes: Codes, names: Sequence[str], counted: str,
    pooled: PoolResult | None,
) -> NDArray[np.float64]:  # fmt: skip
    """(studies,) what each study weighs."""
    if counted == "studies":
        return np.ones(len(names))
    known = codes >= 0
    if counted == "effects":
        return np.asarray(np.bincount(codes[known], minlength=len(names)), dtype=np.float64)
    if counted == "animals":
        by_name = count_animals_by_study(frame)
        return np.array([by_name.get(name, 0) for name in names], dtype=float)
    if pooled is None:
        raise UsageError("weights = 'pooled' needs the pooled answer whose weights are meant")
    own = pooled.overall.weights
    weights = np.array([own.get(int(row), 0.0) for row in frame.index.tolist()], dtype=float)
    sums = np.bincount(codes[known], weights=weights[known], minlength=len(names))
    mass = np.asarray(sums, dtype=np.float64)
    if (mass < 0).any():
        study = names[int(np.argmax(mass < 0))]
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
    answers = (*tool.allowed, CONFLICTING, NOT_JUDGED)
    for item in items:
        given = (study.judgements[item.name] for study in studies)
        yield from _share(item.name, answers, zip(given, studies, strict=True))
    if rule is not None:
        overall = (str(study.overall) for study in studies)
        yield from _share(None, tool.allowed, zip(overall, studies, strict=True))


def _share(
    item: str | None, answers: Sequence[str], given: Iterable[tuple[str, JudgedStudy]]
) -> Iterator[Share]:
    counts, percents = dict.fromkeys(answers, 0), dict.fromkeys(answers, 0.0)
    for answer, study in given:
        counts[answer] += 1
        percents[answer] += study.percent or 0.0
    for answer in answers:
        yield Share(item, answer, counts[answer], percents[answer])
