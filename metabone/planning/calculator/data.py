"""What the page is given: pooled results, the shipped variability, and the lists of its form."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from metabone._version import __version__
from metabone.errors import DataError, MetaboneError, UsageError
from metabone.files import plain
from metabone.planning.designs.registry import DESIGNS
from metabone.planning.plan_file import Plan
from metabone.planning.variability import pooled_groups
from metabone.planning.variability_groups import (
    LABELS,
    Group,
    shipped_correlations,
    shipped_cv,
    shipped_endpoints,
)
from metabone.planning.variability_pooling import LabMean, Pool, Pooled, pool_labs
from metabone.vocabulary.loading import built_in

#: What is taken of a pooled result, of it all and of each of its parts.
RESULT = ("schema_version", "measure", "unit", "better", "synthetic", "model", "tau2_method")
PART = ("k_studies", "k_effects", "estimate", "se", "tau2", "sigma2", "pi_df", "notes")
KINDS = {"cv": shipped_cv, "correlation": shipped_correlations}


def baked(evidence: Sequence[str | Path] = ()) -> dict[str, Any]:
    """Everything that the planner looks up in the page.

    Parameters
    ----------
    evidence : JSON files of ``metabone pool``.

    Returns
    -------
    ``results`` (file name → what a plan takes of it), ``variability`` (kind → endpoint → labels of
    the groups, and the pooled answer of every choice among them) and ``vocabulary``.

    Raises
    ------
    DataError
        If a file is no pooled result, or nothing of it can be planned from.
    UsageError
        If two of the files have one name.
    """
    results: dict[str, Any] = {}
    for path in map(Path, evidence):
        if path.name in results:
            raise UsageError(f"two results are called {path.name}: the page knows them by name")
        results[path.name] = read_result(path)
    return {"results": results, "variability": variability(), "vocabulary": words()}


def read_result(path: Path) -> dict[str, Any]:
    """What a plan takes of the JSON of ``metabone pool``.

    Raises
    ------
    DataError
        If the file cannot be read, is no such result, or nothing of it can be planned from.
    """
    from metabone.planning.evidence import read_source

    result = read_source(path)
    overall = result.get("overall")
    if "coefficients" in result or not isinstance(overall, Mapping):
        raise DataError(f"{path}: the page takes results of `metabone pool`, no regressions")
    _check(path, result)
    kept = {name: result[name] for name in RESULT if result.get(name) is not None}
    kept["overall"] = _part(overall)
    kept["strata"] = [_stratum(one) for one in result.get("strata") or []]
    rows, refused = _rows(path.name, kept)
    if not rows:
        raise DataError(f"{path}: nothing of it can be planned from: {refused[0]['reason']}")
    cleaned: dict[str, Any] = plain(kept)
    return cleaned


def _check(path: Path, result: Mapping[str, Any]) -> None:
    """Refuse what only looks like a result: a file from elsewhere may hold anything."""
    strata = result.get("strata") or []
    shaped = isinstance(strata, list) and all(
        isinstance(one, Mapping) and isinstance(one.get("by"), Mapping) for one in strata
    )
    parts = [result["overall"], *strata] if shaped else []
    if not shaped or not all(isinstance(one.get("sigma2") or {}, Mapping) for one in parts):
        raise DataError(f"{path}: its overall answer or strata are not those of `metabone pool`")


def left_out(evidence: Sequence[str | Path]) -> list[dict[str, Any]]:
    """Parts of results that the page cannot offer, since nothing can be planned from them.

    Returns
    -------
    ``file``, ``label`` of the part, and the ``reason`` in words, one for each.
    """
    parts = (_rows(path.name, read_result(path))[1] for path in map(Path, evidence))
    return list(itertools.chain.from_iterable(parts))


def _stratum(one: Mapping[str, Any]) -> dict[str, Any]:
    """A stratum, with the order of its columns in words: JSON does not keep it in the page."""
    by = {str(column): str(value) for column, value in one["by"].items()}
    pooled = {"pooled": bool(one.get("pooled")), "reason": one.get("reason")}
    return {"by": by, "order": list(by), **pooled, **_part(one)}


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part[name] for name in PART if part.get(name) is not None}


def describe(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the form of the page offers.

    Parameters
    ----------
    data : as from `baked`.

    Returns
    -------
    ``version``; ``designs`` (name → title, size, effect, inputs); ``variability``, a row for all
    animals with the same labels; ``evidence``, a row for each distribution that a plan can take;
    ``left_out``, parts of results from which nothing can be planned, and why.
    """
    rows: list[dict[str, Any]] = []
    left_out: list[dict[str, Any]] = []
    for name, result in data["results"].items():
        found, refused = _rows(name, result)
        rows += found
        left_out += refused
    content: dict[str, Any] = plain(
        {
            "version": __version__,
            "designs": {name: _design(entry) for name, entry in DESIGNS.items()},
            "variability": list(_animals()),
            "evidence": rows,
            "left_out": left_out,
        }
    )
    return content


def _design(entry: Mapping[str, Any]) -> dict[str, Any]:
    names = ("title", "size", "effect")
    return {name: entry[name] for name in names} | {"inputs": entry["inputs"]}


def _rows(
    name: str, result: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The distributions of one result, and the parts that have none with their reasons."""
    rows, refused = [], []
    parts = [("overall", None), *((_label(one), one["by"]) for one in result["strata"])]
    for label, stratum in parts:
        try:
            row = _row(name, result, stratum)
        except MetaboneError as error:
            refused.append({"file": name, "label": label, "reason": str(error)})
            continue
        rows.append({"key": name, "file": name, "label": label, "stratum": stratum} | row)
    return rows, refused


def _label(stratum: Mapping[str, Any]) -> str:
    return " × ".join(map(str, stratum["by"].values()))


def _row(name: str, result: Mapping[str, Any], stratum: Mapping[str, str] | None) -> dict[str, Any]:
    """One predictive distribution on the scale of its own measure."""
    from metabone.planning.evidence import from_result
    from metabone.planning.predictive import ceiling

    # SD and CV that leave effects as they are: a plan gives its own.
    own = {"MD": {"sd": 1.0}, "NMD": {"sd": 1.0}, "ROM": {"cv": math.sqrt(math.e - 1)}}
    measure = str(result.get("measure", "SMD"))
    found = from_result(result, stratum, **own.get(measure, {}))  # type: ignore[arg-type]
    low, high = found.interval()
    notes = [note for note in found.notes if not note.startswith("effects were divided by")]
    return {
        "measure": measure, "unit": result.get("unit"), "k": found.k, "mean": found.mean,
        "pi_low": low, "pi_high": high, "ceiling": ceiling(found), "notes": notes,
        "synthetic": bool(result.get("synthetic")),
    }  # fmt: skip


@cache
def variability() -> dict[str, Any]:
    """The shipped variability, pooled for every choice of labels that finds animals.

    Returns
    -------
    kind → endpoint → ``labels`` (one list for animals that have the same) and ``answers`` (the
    places of the chosen labels, in a text → what `pooled_groups` says of them).
    """
    return {
        kind: {endpoint: _table(kind, read(endpoint)) for endpoint in shipped_endpoints(kind)}
        for kind, read in KINDS.items()
    }


def _table(kind: str, groups: list[Group]) -> dict[str, Any]:
    labels = list(dict.fromkeys(tuple(group.labels[name] for name in LABELS) for group in groups))
    answers: dict[str, Any] = {}
    pool = _remembered()
    for places in sorted(_choices(labels)):
        chosen = {labels[place] for place in places}
        some = [one for one in groups if tuple(one.labels[name] for name in LABELS) in chosen]
        found = pooled_groups(kind, "", some, {}, True, 0.95, [], pool)
        answer = found.to_dict()
        names = ("value", "ci_low", "ci_high", "pi_low", "pi_high", "tau", "low", "high", "labs",
                 "animals", "level", "ask", "notes")  # fmt: skip
        split = [
            {"labels": dict(line.labels), "order": list(line.labels), "value": line.value,
             "labs": line.labs, "animals": line.animals}
            for line in found.split
        ]  # fmt: skip
        key = " ".join(map(str, places))
        answers[key] = plain({name: answer[name] for name in names} | {"split": split})
    return {"labels": [list(one) for one in labels], "answers": answers}


def _remembered() -> Pool:
    """`pool_labs` that pools the same groups once: choices of labels have many in common."""
    known: dict[tuple[int, ...], Pooled] = {}

    def pool(groups: Iterable[Group], one: Callable[[Sequence[Group]], LabMean]) -> Pooled:
        some = list(groups)
        # The table holds the groups as long as this lives.
        key = tuple(map(id, some))
        if key not in known:
            known[key] = pool_labs(some, one)
        return known[key]

    return pool


def _choices(labels: Sequence[tuple[str, ...]]) -> set[tuple[int, ...]]:
    """The places of all sets of labels that whole names and parts of names can choose."""
    everything = frozenset(range(len(labels)))
    found = {everything}
    for column in range(len(LABELS)):
        named = sorted({one[column] for one in labels})
        hits = {frozenset(_hit(named, part)) for part in _pieces(named)}
        sets = [
            frozenset(place for place in everything if labels[place][column] in hit) for hit in hits
        ]
        found |= {one & other for one, other in itertools.product(found, sets)}
    return {tuple(sorted(one)) for one in found if one}


def _pieces(names: Iterable[str]) -> set[str]:
    """All parts of all names."""
    folded = [name.casefold() for name in names]
    return {
        name[start:end]
        for name in folded
        for start in range(len(name))
        for end in range(start + 1, len(name) + 1)
    }


def _hit(names: Sequence[str], part: str) -> Iterator[str]:
    whole = [name for name in names if name.casefold() == part]
    yield from whole or [name for name in names if part in name.casefold()]


@cache
def _animals() -> tuple[dict[str, Any], ...]:
    return tuple(_animal_rows())


def _animal_rows() -> Iterator[dict[str, Any]]:
    """A row for all animals with the same labels: what a plan that names them all is given."""
    from metabone.planning.spread import shipped_correlation, shipped_spread

    for endpoint in shipped_endpoints("cv"):
        seen = dict.fromkeys(tuple(one.labels[name] for name in LABELS)
                             for one in shipped_cv(endpoint))  # fmt: skip
        for labels in seen:
            row: dict[str, Any] = {"endpoint": endpoint, **dict(zip(LABELS, labels, strict=True))}
            plan = Plan({"study": row})
            found = shipped_spread(plan)
            keys = ("cv", "source", "notes", "labs", "animals", "pi_low", "pi_high")
            row |= {key: found[key] for key in keys} | {"correlation": None}
            try:
                known = shipped_correlation(plan)
                row["correlation"] = known["correlation"]
                row["correlation_source"] = known["source"]
            except UsageError:
                # These animals were not scanned twice: the form asks for the number.
                row["correlation_source"] = None
            yield row


def words() -> dict[str, dict[str, Any]]:
    """Kind → spelling in one form → (name, whether it can have a coefficient of variation)."""
    found: dict[str, dict[str, Any]] = {}
    for kind in ("species", "assay", "outcome"):
        known = built_in(kind)
        found[kind] = {
            spelling: [name, bool(getattr(known.terms[name], "ratio_scale", True))]
            for spelling, name in known.index.items()
        }
    return found
