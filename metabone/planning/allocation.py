"""Which animal gets which treatment: seeded, in blocks of like weight, within cages or by cage."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from metabone.errors import DataError, UsageError
from metabone.files import check_target, frame_to_csv, plain, write_whole
from metabone.options import check_option
from metabone.planning.animals import Roles, check_animals, text_of, weights_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Unit = Literal["animal", "cage"]
Codes = Literal["words", "letters", "none"]

# Words that say nothing about a treatment and are not mistaken for one another when read aloud.
WORDS = (
    "alder", "barley", "cedar", "clover", "fennel", "garnet", "hazel", "indigo", "juniper",
    "larch", "maple", "nutmeg", "onyx", "pepper", "quartz", "saffron", "thistle", "umber",
    "violet", "walnut",
)  # fmt: skip
_NUMBERS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Allocation:
    """Every animal with its coded group, and apart from it the key of the codes.

    Parameters
    ----------
    table : the animals in their order, with ``group`` (a code) and ``order`` (a random order to
        treat and measure them in).
    key : code to group.
    groups : planned share of each group.
    seed : what makes it reproducible; it gives the key away as the key does.
    """

    table: pd.DataFrame
    key: Mapping[str, str]
    groups: Mapping[str, int]
    roles: Roles
    unit: str
    seed: int
    warnings: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Animals of each code."""
        found = self.table["group"].value_counts()
        return {code: int(found.get(code, 0)) for code in self.key}

    def to_csv(self) -> str:
        """The list for those who must not know: codes and order, no key and no seed."""
        return frame_to_csv(self.table)

    def key_csv(self) -> str:
        """The key: code, group, animals, seed."""
        import pandas as pd

        rows = [(code, group, self.counts[code], self.seed) for code, group in self.key.items()]
        return frame_to_csv(pd.DataFrame(rows, columns=["code", "group", "animals", "seed"]))

    def to_dict(self) -> dict[str, Any]:
        """All of it, the key too, as JSON prints it."""
        return dict(plain({
            "unit": self.unit, "seed": self.seed, "groups": self.groups, "key": self.key,
            "counts": self.counts, "warnings": self.warnings,
            "animals": [
                {"id": text_of(row[self.roles.id]), "group": row["group"], "order": row["order"]}
                for row in self.table.to_dict("records")
            ],
        }))  # fmt: skip

    def summary(self) -> str:
        """How many animals each code has, without the key."""
        shares = ", ".join(f"{code} {count}" for code, count in self.counts.items())
        by = "whole cages" if self.unit == "cage" else "single animals"
        lines = [f"{len(self.table)} animals, {by} randomised: {shares}"]
        return "\n".join([*lines, *(f"warning: {text}" for text in self.warnings)])

    def __str__(self) -> str:
        return self.summary()


def allocate(
    animals: pd.DataFrame,
    groups: Sequence[str] | Mapping[str, int],
    *,
    seed: int,
    roles: Roles | None = None,
    unit: str = "animal",
    codes: str = "words",
    most_per_cage: int | None = None,
) -> Allocation:
    """Randomise a list of animals.

    Animals (or whole cages) are sorted by weight within each stratum and cut into blocks that
    hold every group by its share; chance alone decides within a block. What is left of a stratum
    goes to the groups that have too few, ties by chance, so that the groups stay as large as
    planned. With equal shares every animal has the same chance of every group. The order of the
    list does not matter.

    Parameters
    ----------
    animals : one row each.
    groups : their names, or a share for each (``{"vehicle": 2, "exosomes": 1}``).
    seed : a whole number.
    roles : names of the columns. By default ``id`` and, where the list has them, ``cage`` and
        ``weight``.
    unit : ``animal``: if there are cages, each is a stratum, so that treatments meet in every
        cage. ``cage``: all animals of a cage get the same, and the cage is the unit.
    codes : ``words``, ``letters``, or ``none`` for the names themselves.
    most_per_cage : refuse fuller cages.

    Raises
    ------
    UsageError
        If an option is wrong or a column is not there.
    DataError
        If the list is not fit for it, or has fewer units than groups.

    Examples
    --------
    >>> import pandas as pd
    >>> rats = pd.DataFrame({"id": [f"R{i}" for i in range(1, 7)],
    ...                      "weight": [250, 262, 247, 270, 255, 259]})
    >>> allocation = allocate(rats, ["vehicle", "exosomes"], seed=1)
    >>> sorted(allocation.counts.values())
    [3, 3]
    """
    import numpy as np

    unit, codes = check_option("unit", unit, Unit), check_option("codes", codes, Codes)
    shares = _shares(groups)
    if isinstance(seed, bool) or seed != int(seed) or seed < 0:
        raise UsageError(f"seed must be a whole number, 0 or more; got {seed!r}")
    roles = _roles(animals) if roles is None else roles
    if unit == "cage" and roles.cage is None:
        raise UsageError("unit 'cage' needs the column of the cages")
    for name in ("group", "order"):
        if name in animals.columns:
            raise UsageError(f"the animals already have a column {name!r}; rename or remove it")
    check_animals(animals, roles, most_per_cage)
    rng = np.random.default_rng(int(seed))
    label, warnings = _labels(animals, roles, unit, shares, rng)
    names = _codes(list(shares), codes, rng)
    table = animals.copy()
    table["group"] = [names[number] for number in label]
    table["order"] = _order(animals, roles.id, rng)
    key = sorted(zip(names, shares, strict=True))
    return Allocation(table, dict(key), shares, roles, unit, int(seed), warnings)


def write_allocation(
    allocation: Allocation, path: str | Path, key_path: str | Path, *, force: bool = False
) -> tuple[Path, Path]:
    """Write the list and, to another file, the key.

    Raises
    ------
    UsageError
        If both are the same file.
    FileWriteError
        If one exists and `force` is not set, or cannot be written; then neither is.
    """
    path, key_path = Path(path), Path(key_path)
    if path.resolve() == key_path.resolve():
        raise UsageError(f"the key must go to another file than the list; both are {path}")
    for target in (path, key_path):
        check_target(target, force=force)
    # The key first: a list without its key is lost, a key without its list is not.
    key = write_whole(key_path, allocation.key_csv(), force=force)
    return write_whole(path, allocation.to_csv(), force=force), key


def assign(
    strata: Sequence[Any],
    weights: NDArray[np.float64] | None,
    shares: Sequence[int],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Groups (n,) of units, in blocks of like weight within strata.

    Parameters
    ----------
    strata : (n,) level of each unit.
    weights : (n,) or None, for blocks by chance alone.
    shares : units of each group in a whole block.

    Examples
    --------
    >>> import numpy as np
    >>> groups = assign("aaaabb", None, [1, 1], np.random.default_rng(1))
    >>> int(groups[:4].sum()), int(groups[4:].sum())
    (2, 1)
    """
    import numpy as np

    label = np.full(len(strata), -1)
    counts = np.zeros(len(shares), dtype=int)
    levels = sorted(set(strata))
    left: list[NDArray[np.int64]] = []
    for level in [levels[place] for place in rng.permutation(len(levels))]:
        units = np.flatnonzero([stratum == level for stratum in strata])
        units = units[rng.permutation(len(units))]
        if weights is not None:
            units = units[np.argsort(weights[units], kind="stable")]
        whole, rest = divmod(len(units), sum(shares))
        # The block that is not whole lies anywhere among the others.
        cut = int(rng.integers(whole + 1)) * sum(shares)
        left.append(units[cut : cut + rest])
        units = np.concatenate([units[:cut], units[cut + rest :]])
        for block in units.reshape(whole, sum(shares)):
            label[block] = rng.permutation(np.repeat(np.arange(len(shares)), shares))
            counts += shares
    for units in left:
        label[units] = rng.permutation(_neediest(counts, shares, len(units), rng))
    return label


def _neediest(
    counts: NDArray[np.int64], shares: Sequence[int], size: int, rng: np.random.Generator
) -> list[int]:
    """`size` groups that lack most, one after the other; `counts` grows with them."""
    import numpy as np

    chosen: list[int] = []
    part = np.asarray(shares) / sum(shares)
    for _ in range(size):
        lack = part * (counts.sum() + 1) - counts
        # No group twice its share in one block: cages and strata stay mixed.
        full = np.bincount(chosen, minlength=len(shares)) >= shares
        lack[full] = -np.inf
        best = np.flatnonzero(lack >= lack.max() - 1e-9)
        group = int(rng.choice(best))
        chosen.append(group)
        counts[group] += 1
    return chosen


def _shares(groups: Sequence[str] | Mapping[str, int]) -> dict[str, int]:
    names = list(groups)
    shares = dict(groups) if isinstance(groups, Mapping) else dict.fromkeys(names, 1)
    if isinstance(groups, str) or len(names) < 2:
        raise UsageError("groups must be two names or more, such as vehicle and exosomes")
    if len({name.strip().casefold() for name in names}) < len(names):
        raise UsageError(f"groups must differ in name; got {', '.join(names)}")
    for name, share in shares.items():
        if not name.strip():
            raise UsageError("a group has no name")
        if isinstance(share, bool) or share != int(share) or not 1 <= share <= 100:
            raise UsageError(f"the share of {name!r} must be a whole number, 1 to 100; got {share}")
    return {name.strip(): int(share) for name, share in shares.items()}


def _roles(animals: pd.DataFrame) -> Roles:
    has = {name: name if name in animals.columns else None for name in ("cage", "weight")}
    return Roles(cage=has["cage"], weight=has["weight"])


def _labels(
    animals: pd.DataFrame,
    roles: Roles,
    unit: str,
    shares: Mapping[str, int],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Group number of each animal, drawn in the order of the identities."""
    import numpy as np

    order = _natural(animals[roles.id])
    weights = None
    if roles.weight is not None:
        weights = np.array(weights_of(animals, roles.weight)[0])[order]
    within = [name for name in roles.strata if name != roles.cage]
    texts = [[text_of(value) for value in animals[name]] for name in within]
    strata = [tuple(column[place] for column in texts) for place in order]
    label = np.empty(len(animals), dtype=int)
    cages = None
    if roles.cage is not None:
        held = [text_of(value) for value in animals[roles.cage]]
        cages = [held[place] for place in order]
    if unit == "cage" and cages is not None:
        label[order] = _by_cage(cages, strata, weights, shares, rng)
        return label, _of_cages(cages, shares)
    if len(animals) < len(shares):
        raise DataError(f"there are {len(animals)} animals for {len(shares)} groups")
    if cages is not None:
        strata = [(*stratum, cage) for stratum, cage in zip(strata, cages, strict=True)]
    label[order] = assign(strata, weights, list(shares.values()), rng)
    if cages is not None and min(map(cages.count, set(cages))) < len(shares):
        return label, ("a cage holds fewer animals than there are groups: not every group is in "
                       "every cage",)  # fmt: skip
    return label, ()


def _by_cage(
    cages: list[str],
    strata: list[tuple[str, ...]],
    weights: NDArray[np.float64] | None,
    shares: Mapping[str, int],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    import numpy as np

    names = list(dict.fromkeys(cages))
    if len(names) < len(shares):
        raise DataError(f"there are {len(names)} cages for {len(shares)} groups")
    place = np.array([names.index(cage) for cage in cages])
    level: list[tuple[str, ...]] = []
    for number, name in enumerate(names):
        found = {strata[at] for at in np.flatnonzero(place == number)}
        if len(found) > 1:
            listed = " and ".join(sorted(", ".join(one) for one in found))
            raise DataError(
                f"cage {name!r} holds animals of different strata ({listed}); "
                "a whole cage can be randomised only within one"
            )
        level.append(found.pop())
    mean = None
    if weights is not None:
        mean = np.bincount(place, weights=weights) / np.bincount(place)
    label: NDArray[np.int64] = assign(level, mean, list(shares.values()), rng)[place]
    return label


def _of_cages(cages: list[str], shares: Mapping[str, int]) -> tuple[str, ...]:
    sizes = {cages.count(cage) for cage in cages}
    found = ["the cage is the unit of the analysis: animals of a cage do not count singly"]
    if len(sizes) > 1:
        found.append(
            f"cages hold {min(sizes)} to {max(sizes)} animals, so that groups differ in size"
        )
    if len(set(cages)) < 2 * len(shares):
        found.append(f"{len(set(cages))} cages for {len(shares)} groups: a group with one cage "
                     "cannot be told from its cage")  # fmt: skip
    return tuple(found)


def _codes(groups: Sequence[str], codes: str, rng: np.random.Generator) -> list[str]:
    if codes == "none":
        return list(groups)
    if codes == "letters" or len(groups) > len(WORDS):
        known = [_letters(place) for place in range(len(groups))]
    else:
        known = list(WORDS)
    return [known[place] for place in rng.permutation(len(known))[: len(groups)]]


def _letters(place: int) -> str:
    return (_letters(place // 26 - 1) if place >= 26 else "") + chr(65 + place % 26)


def _natural(identities: pd.Series[Any]) -> NDArray[np.int64]:
    """Places of the animals in the order of their identities, R2 before R10."""
    import numpy as np

    def key(text: str) -> list[tuple[int, int, str]]:
        return [(0, int(part), part) if part.isdecimal() else (1, 0, part)
                for part in _NUMBERS.split(text) if part]  # fmt: skip

    texts = [text_of(value) for value in identities]
    return np.array(sorted(range(len(texts)), key=lambda place: key(texts[place])), dtype=int)


def _order(animals: pd.DataFrame, name: str, rng: np.random.Generator) -> NDArray[np.int64]:
    import numpy as np

    order = np.empty(len(animals), dtype=int)
    order[_natural(animals[name])] = rng.permutation(len(animals)) + 1
    return order
