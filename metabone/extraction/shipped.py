"""The data sets and analyses that travel with metabone: where they are and what they hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from metabone.errors import DataError, UsageError
from metabone.options import nearest


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What a shipped data set's datapackage.json says of it.

    Parameters
    ----------
    name : the folder's name, by which commands and analyses call the data set.
    title, description : one line each.
    rows, studies : size of data.csv; `studies` is None where the rows are not studies.
    extraction : whether data.csv is an extraction table, which `metabone pool` and its
        neighbours read.
    licence : the licences as one line.
    folder : where it lies.
    """

    name: str
    title: str
    description: str
    rows: int
    studies: int | None
    extraction: bool
    licence: str
    folder: Path

    @property
    def data(self) -> Path:
        """Path of data.csv."""
        return self.folder / "data.csv"

    @property
    def readme(self) -> Path:
        """Path of README.md."""
        return self.folder / "README.md"

    def to_dict(self) -> dict[str, Any]:
        """The data set as JSON prints it."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "rows": self.rows,
            "studies": self.studies,
            "extraction": self.extraction,
            "licence": self.licence,
            "path": str(self.data),
        }


def datasets_root() -> Path:
    """Folder of the shipped data sets, in an installed package or in a checkout.

    Raises
    ------
    DataError
        If the installation is incomplete.

    Examples
    --------
    >>> datasets_root().name
    'datasets'
    """
    return _root("datasets")


def analyses_root() -> Path:
    """Folder of the shipped analyses (TOML files); see `datasets_root`.

    Examples
    --------
    >>> analyses_root().name
    'analyses'
    """
    return _root("analyses")


def list_datasets() -> tuple[DatasetInfo, ...]:
    """All shipped data sets, by name.

    Examples
    --------
    >>> "exosome-osteoporosis" in [info.name for info in list_datasets()]
    True
    """
    packages = sorted(datasets_root().glob("*/datapackage.json"))
    return tuple(_describe(path) for path in packages)


def dataset(name: str) -> DatasetInfo:
    """The shipped data set called `name`.

    Raises
    ------
    UsageError
        If there is none; the message names the nearest ones.

    Examples
    --------
    >>> dataset("unloading").rows
    483
    """
    package = _package(name)
    if package is None:
        raise UsageError(unknown_dataset(name))
    return _describe(package)


def find_dataset(name: str) -> Path | None:
    """Path of a shipped data set's data.csv, or None if no data set has that name."""
    package = _package(name)
    return None if package is None else package.with_name("data.csv")


def unknown_dataset(name: str) -> str:
    """One sentence for a name that no data set has, with the nearest or all names."""
    names = [path.parent.name for path in sorted(datasets_root().glob("*/datapackage.json"))]
    close = nearest(name, names)
    hint = (
        f"did you mean {' or '.join(map(repr, close))}?"
        if close
        else f"there are {', '.join(map(repr, names))}"
    )
    return f"no shipped data set is called {name!r}; {hint}"


def _root(room: str) -> Path:
    package = Path(str(resources.files("metabone")))
    for folder in (package / "_shipped" / room, package.parent / room):
        if folder.is_dir():
            return folder
    raise DataError(f"the folder {room!r} is missing from this installation of metabone")


def _package(name: str) -> Path | None:
    # Only a plain name is looked up: no separators, so nothing outside the root is reached.
    if not name or name != Path(name).name or name in {".", ".."} or "\0" in name:
        return None
    package = datasets_root() / name / "datapackage.json"
    return package if package.is_file() else None


def _describe(package: Path) -> DatasetInfo:
    content = json.loads(package.read_text(encoding="utf-8"))
    main = content["resources"][0]
    return DatasetInfo(
        name=content["name"],
        title=content["title"],
        description=content["description"],
        rows=main["rows"],
        studies=main.get("studies"),
        extraction=bool(main.get("extraction_table", False)),
        licence="; ".join(licence["title"] for licence in content["licenses"]),
        folder=package.parent,
    )
