"""Imports run down the floors of the house, and the reading of them catches what does not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "metabone"

# From the ground up. A module imports from floors below its own, or from its own room; the four
# files of the ground floor are one room.
FLOORS = (
    ("errors", "options", "files", "_version"),
    ("vocabulary",),
    ("models", "effects.formulas", "planning.kernel"),
    ("extraction",),
    ("effects",),
    ("synthesis",),
    ("planning",),
    ("plots",),
    ("report",),
    ("analysis",),
    ("cli",),
)
# The two front doors stand outside: the lazy list of public names, and `python -m metabone`.
DOORS = {"metabone", "metabone.__main__"}


def place(module: str) -> tuple[int, str] | None:
    """(floor, room) of a dotted name inside the package; the longest room that fits."""
    inside = module.removeprefix("metabone.")
    fits = [
        (len(room), level, room)
        for level, rooms in enumerate(FLOORS)
        for room in rooms
        if inside == room or inside.startswith(room + ".")
    ]
    if not fits:
        return None
    _, level, room = max(fits)
    return level, room


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, here: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything of metabone that a file imports, wherever it does."""
    is_package = path.name == "__init__.py"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = here.split(".")
                up = parts[: len(parts) - node.level + (1 if is_package else 0)]
                base = ".".join([*up, base] if base else up)
            names = [f"{base}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if called in {"import_module", "__import__"}:
                names = [str(a.value) for a in node.args if isinstance(a, ast.Constant)]
        for name in names:
            if name.split(".")[0] == "metabone":
                yield node.lineno, name


def faults(root: Path) -> list[str]:
    """Every import under ``root/metabone`` that does not run down, as file:line and sentence."""
    found = []
    for path in sorted((root / "metabone").rglob("*.py")):
        here = module_name(path, root)
        if here in DOORS:
            continue
        where = path.relative_to(root)
        mine = place(here)
        if mine is None:
            found.append(f"{where}:1 {here} stands on no floor")
            continue
        for line, name in imported(path, here):
            theirs = place(name)
            if theirs is None:
                if name not in {"metabone", "metabone.__version__"}:
                    found.append(f"{where}:{line} imports {name}, which stands on no floor")
            elif theirs[0] > mine[0] or (theirs[0] == mine[0] > 0 and theirs[1] != mine[1]):
                found.append(f"{where}:{line} ({mine[1]}) imports {name}")
    return found


def test_imports_run_down_the_floors() -> None:
    assert faults(ROOT) == []


def test_most_of_the_package_was_read() -> None:
    modules = [module_name(path, ROOT) for path in PACKAGE.rglob("*.py")]
    read = {room for module in modules if (at := place(module)) for room in [at[1]]}
    assert {"errors", "vocabulary", "models", "extraction", "synthesis", "plots", "cli"} <= read


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("models/tau2.py", "from metabone.synthesis.pool import pool", "metabone.synthesis.pool"),
        ("models/tau2.py", "def f():\n    import metabone.cli", "metabone.cli"),
        ("effects/formulas.py", "from .escalc import escalc", "metabone.effects.escalc"),
        ("extraction/a.py", "from ..analysis import run", "metabone.analysis.run"),
        ("options.py", "from importlib import import_module\nimport_module('metabone.plots')",
         "metabone.plots"),
        ("models/a.py", "from metabone.effects.formulas import smd", "metabone.effects.formulas"),
        ("attic.py", "", "no floor"),
        ("cli/a.py", "from metabone.attic import b", "no floor"),
    ],
)  # fmt: skip
def test_an_upward_or_sideways_import_is_caught(
    tmp_path: Path, file: str, text: str, fault: str
) -> None:
    path = tmp_path / "metabone" / file
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    found = faults(tmp_path)
    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("effects/escalc.py", "from metabone.effects.formulas import smd"),
        ("effects/escalc.py", "from . import table"),
        ("cli/pool.py", "from metabone.cli import common"),
        ("synthesis/pool.py", "from metabone.models.tau2 import fit\nimport numpy"),
    ],
)
def test_a_downward_import_is_let_through(tmp_path: Path, file: str, text: str) -> None:
    path = tmp_path / "metabone" / file
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    assert faults(tmp_path) == []
