"""``metabone datasets``: what data travel with metabone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from metabone.cli import common as c
from metabone.errors import UsageError

if TYPE_CHECKING:
    from metabone.extraction.shipped import DatasetInfo

Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Data set to tell about (default: list all).")
]


def datasets(
    name: Name = None, json: c.Json = None, output: c.Output = None, force: c.Force = False
) -> None:
    """List the shipped data sets, or tell about one of them.

    -o writes the table of NAME to a CSV file, byte for byte.
    """
    from metabone.extraction.shipped import dataset, list_datasets

    if output is not None and name is None:
        raise UsageError("-o needs the NAME of the data set to write")
    c.check_targets(json, output, force=force)
    found = list_datasets() if name is None else (dataset(name),)
    if str(output) == "-":
        typer.echo(found[0].data.read_bytes(), nl=False)
    elif output is not None:
        from metabone.files import write_whole

        write_whole(output, found[0].data.read_bytes(), force=force)
        c.say(f"wrote {output}")
    content = {"datasets": [info.to_dict() for info in found]}
    if not c.emit_json(content, json, force=force) and output is None:
        c.show(_about(found[0]) if name is not None else _listing(found))


def _listing(found: tuple[DatasetInfo, ...]) -> str:
    lines = []
    for info in found:
        size = f"{info.rows} rows" + (f", {info.studies} studies" if info.studies else "")
        kind = "" if info.extraction else " (not an extraction table)"
        lines.append(f"{info.name}: {size}{kind}")
        lines.append(f"    {info.description}")
        lines.append(f"    licence: {info.licence}")
    lines.append("")
    lines.append("A name serves as TABLE, e.g. metabone check unloading.")
    return "\n".join(lines)


def _about(info: DatasetInfo) -> str:
    """Where it lies, and its README up to the first section."""
    head = info.readme.read_text(encoding="utf-8").split("\n## ")[0].strip()
    files = sorted(path.name for path in info.folder.iterdir() if path.is_file())
    return "\n".join(
        [
            head,
            "",
            f"rows: {info.rows}" + (f", studies: {info.studies}" if info.studies else ""),
            f"licence: {info.licence}",
            f"folder: {info.folder}",
            f"files: {', '.join(files)}",
        ]
    )
