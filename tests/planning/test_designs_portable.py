"""The designs run where there is no more than `math`: what they import, how they are written."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "metabone" / "planning" / "designs").glob("*.py"))
ALLOWED = ("metabone.planning.kernel", "metabone.planning.designs")


def is_typing(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"


def running(tree: ast.AST) -> list[ast.AST]:
    """Every node that exists at run time: not what only a type checker reads."""
    found: list[ast.AST] = [tree]
    for child in ast.iter_child_nodes(tree):
        if not is_typing(child):
            found += running(child)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_only_math_and_the_kernel(path: Path) -> None:
    for node in running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= {"math"}
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").startswith(ALLOWED)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_syntax_that_micropython_lacks(path: Path) -> None:
    for node in running(ast.parse(path.read_text(encoding="utf-8"))):
        assert not isinstance(node, (ast.Match, ast.ClassDef, ast.AsyncFunctionDef))
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            assert not any(isinstance(item, ast.Starred) for item in node.elts), node.lineno
        if isinstance(node, ast.Dict):
            assert None not in node.keys, node.lineno
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", "")
            assert not (name == "zip" and any(word.arg == "strict" for word in node.keywords))
        if isinstance(node, ast.FunctionDef):
            assert not node.args.posonlyargs


def test_power_needs_no_library() -> None:
    code = (
        "import sys\n"
        "from metabone.planning.designs.solve import solve_n\n"
        "solve_n('two-groups', {'difference': 1, 'sd': 1})\n"
        "heavy = {'numpy', 'pandas', 'scipy', 'matplotlib', 'typing'} - {'typing'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_design_and_input_is_documented() -> None:
    from metabone.planning.designs.registry import DESIGNS

    text = (ROOT / "docs" / "designs.md").read_text(encoding="utf-8")
    for name, entry in DESIGNS.items():
        assert f"`{name}`" in text
        part = text.split(f"`{name}`", 1)[1]
        for key in entry["inputs"]:
            assert f"`{key}`" in text, (name, key)
        assert part
