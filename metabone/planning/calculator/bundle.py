"""The planner's modules as source that MicroPython runs: the same code, said in fewer words."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from types import MappingProxyType

#: Packages taken whole, and modules taken singly, as paths inside the package.
PACKAGES = ("planning/kernel", "planning/designs")
#: Modules that are written for MicroPython, but for dictionaries whose order is read by people.
BARE = PACKAGES
SPOKEN = ("planning/designs/inputs.py", "planning/designs/registry.py")
MODULES = (
    "_version.py",
    "planning/spread.py",
    "planning/variability.py",
    "planning/variability_groups.py",
    "planning/plan_keys.py",
    "planning/plan_file.py",
    "planning/question.py",
    "planning/answer.py",
    "planning/answer_curve.py",
    "planning/answer_evidence.py",
    "planning/budget.py",
    "planning/cautions.py",
    "planning/chances.py",
    "planning/sensitivity.py",
    "planning/words.py",
    "planning/assured.py",
    "planning/evidence.py",
    "planning/evidence_compare.py",
    "planning/evidence_errors.py",
    "planning/evidence_limits.py",
    "planning/evidence_scale.py",
    "planning/evidence_update.py",
    "planning/predictive.py",
    "report/plan_text.py",
    "planning/calculator/bridge.py",
    "planning/calculator/command.py",
)
#: The same for the planner alone: the shim itself stands on what is left of the module.
IN_FRONT = {"metabone.planning.variability": "planner_variability"}
#: What nothing in the page calls, and what would need more of Python than there is.
LEFT_OUT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "planning/plan_file.py": frozenset({"read_plan", "parse_plan"}),
        "report/plan_text.py": frozenset(
            {"plan_document", "_sensitivity", "_cell", "arrive_items", "_own", "_sequence",
             "_blinding", "_animals"}
        ),
        "planning/evidence.py": frozenset({"__all__", "g_to_d"}),
        "planning/predictive.py": frozenset({"assurance_known_sd", "assurance_curve"}),
        "planning/evidence_limits.py": frozenset(
            {"t_above", "d_interval", "safeguard", "selection_adjusted", "_rising"}
        ),
        "planning/variability.py": frozenset(
            {"Arms", "WIDE", "ORDER", "_Scale", "_SCALES", "pooled_cv", "baseline_correlation",
             "pooled_groups", "_questions", "_widest", "_split"}
        ),
        "planning/variability_groups.py": frozenset(
            {"_SAME_LAB", "_SCAN", "Group", "shipped_cv", "shipped_endpoints", "table_cv",
             "shipped_correlations", "_shipped", "_with_endpoint", "_group", "_animals", "_text",
             "spread_of"}
        ),
    }
)  # fmt: skip
#: What the worker runs first; the paragraph comes from a floor above the planner.
START = """\
import sys
sys.path.insert(0, "/page")
from metabone.report.plan_text import ethics_paragraph
from metabone.planning.calculator.bridge import Desk
desk = Desk(ethics_paragraph)
begin, step = desk.begin, desk.step
"""
#: Folder of small modules that stand in the page for what MicroPython lacks.
SHIMS = "planning/calculator/shims"
#: Module that the planner imports → the shim that stands for it in the page.
STAND_INS: dict[str, str] = {
    "math": "page_math",
    "json": "page_json",
    "collections.abc": "page_abc",
    "contextlib": "page_contextlib",
    "dataclasses": "page_dataclasses",
    "difflib": "page_difflib",
    "numpy": "page_numpy",
    "pathlib": "page_pathlib",
    "scipy.special": "page_special",
    "textwrap": "page_textwrap",
    "typing": "page_typing",
    "metabone.errors": "planner_errors",
    "metabone.options": "planner_options",
    "metabone.models.intervals": "planner_intervals",
    "metabone.planning.evidence_moderators": "planner_moderators",
    "metabone.vocabulary": "planner_vocabulary",
}
#: Shims that are not said by helpers: they are what the helpers stand on.
BY_ITSELF = ("page_words.py", "page_math.py")
#: Helpers of the shim module `page_words` by the method, function or sign that they stand for.
HELPERS = "page_words"
_METHODS = MappingProxyType(
    {"casefold": "casefold", "is_integer": "is_integer", "isascii": "isascii", "isalnum": "isalnum"}
)
_FUNCTIONS = MappingProxyType({"repr": "shown", "dict": "ordered", "format": "formatted"})
_TYPING = frozenset({"Any", "Literal", "Mapping", "NDArray", "dict", "list", "tuple", "Callable"})


def bundle() -> dict[str, str]:
    """Every file of the page's Python: its path there → its source.

    Examples
    --------
    >>> "metabone/planning/answer.py" in bundle()
    True
    """
    return dict(_sources())


@cache
def _sources() -> Mapping[str, str]:
    """`bundle`, made once: the installed files do not change."""
    root = files("metabone")
    sources: dict[str, str] = {}
    names = list(MODULES)
    for package in PACKAGES:
        folder = root.joinpath(package)
        names += sorted(f"{package}/{one.name}" for one in folder.iterdir()
                        if one.name.endswith(".py"))  # fmt: skip
    for name in names:
        text = root.joinpath(name).read_text(encoding="utf-8")
        bare = name.startswith(BARE) and name not in SPOKEN
        sources[f"metabone/{name}"] = portable(text, LEFT_OUT.get(name, frozenset()), bare=bare)
    for one in root.joinpath(SHIMS).iterdir():
        if one.name.endswith(".py") and one.name != "__init__.py":
            bare = one.name in BY_ITSELF
            text = one.read_text(encoding="utf-8")
            own = {module: shim for module, shim in STAND_INS.items() if f"{shim}.py" != one.name}
            sources[one.name] = portable(text, bare=bare, stand_ins=own)
    for path in list(sources):
        for parent in PurePosixPath(path).parents:
            if parent.name:
                sources.setdefault(f"{parent}/__init__.py", "")
    return MappingProxyType(dict(sorted(sources.items())))


def portable(
    source: str,
    left_out: frozenset[str] = frozenset(),
    *,
    bare: bool = False,
    stand_ins: Mapping[str, str] = STAND_INS | IN_FRONT,
) -> str:
    """A module without what MicroPython does not read, or reads and does not need.

    Docstrings, annotations and what only type checkers read go; dataclasses become plain classes;
    stars in displays, f-strings, dictionaries in order and some methods are said by helpers.

    Parameters
    ----------
    left_out : top-level names to leave out.
    bare : the module keeps to what MicroPython knows, and is only stripped of what it need not
        read.
    stand_ins : module → the one that is imported in its place.

    Examples
    --------
    >>> print(portable('x: int = 3', bare=True))
    x = 3
    >>> print(portable('def f(a: int) -> int:\\n    "Doc."\\n    return a', bare=True))
    def f(a):
        return a
    """
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if not _names(node) & left_out]
    _plain_dataclasses(tree)
    tree = _Strip().visit(tree)
    if not bare:
        tree = _Speak(stand_ins).visit(tree)
    _drop_unused(tree)
    if not bare:
        tree.body.insert(0, ast.parse(f"import {HELPERS} as _w").body[0])
    return ast.unparse(tree)


def _names(node: ast.stmt) -> set[str]:
    """The names that a statement of a module makes."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return {target.id for target in targets if isinstance(target, ast.Name)}
    return set()


class _Strip(ast.NodeTransformer):
    """Without docstrings, annotations and what type checkers alone read."""

    def visit_Module(self, node: ast.Module) -> ast.AST:
        return self._without_doc(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        spoken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        for arg in (*spoken, node.args.vararg, node.args.kwarg):
            if arg is not None:
                arg.annotation = None
        return self._without_doc(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._without_doc(node)

    def _without_doc(self, node: ast.Module | ast.FunctionDef | ast.ClassDef) -> ast.AST:
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        self.generic_visit(node)
        if not node.body and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]
        return node

    def visit_If(self, node: ast.If) -> ast.AST | None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return None
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id == "TYPE_CHECKING":
            return None
        value = node.value
        if isinstance(value, ast.Subscript) and isinstance(value.value, ast.Name) and (
            value.value.id in _TYPING and value.value.id != "Literal"
        ):  # fmt: skip
            return None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        plain = ast.copy_location(ast.Assign([node.target], node.value), node)
        return self.generic_visit(plain)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module == "__future__" else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        # MicroPython mixes up a keyword that stands behind `**`.
        node.keywords.sort(key=lambda word: word.arg is None)
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        # There is no chaining of exceptions.
        node.cause = None
        return self.generic_visit(node)


def _plain_dataclasses(tree: ast.Module) -> None:
    """Every dataclass of a module with an `__init__` of its own, in place."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(map(_is_dataclass, node.decorator_list)):
            node.decorator_list = []
            fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
            rest = [one for one in node.body if not isinstance(one, ast.AnnAssign)]
            ready = any(isinstance(one, ast.FunctionDef) and one.name == "__post_init__"
                        for one in rest)  # fmt: skip
            node.body = [*rest, *ast.parse(_init(fields, ready=ready)).body]


def _is_dataclass(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Name) and called.id == "dataclass"


def _init(fields: list[ast.AnnAssign], *, ready: bool) -> str:
    """The source of an `__init__` that sets the fields, and of their names for `replace`."""
    names = [ast.unparse(one.target) for one in fields]
    spoken, lines = [], []
    for name, one in zip(names, fields, strict=True):
        default, made = _default(one.value)
        spoken.append(name if default is None else f"{name}={default}")
        if made is not None:
            lines.append(f"    if {name} is None: {name} = {made}()")
        lines.append(f"    self.{name} = {name}")
    lines += ["    self.__post_init__()"] if ready else []
    head = f"def __init__({', '.join(['self', *spoken])}):"
    return "\n".join([f"FIELDS = {tuple(names)!r}", head, *(lines or ["    pass"])])


def _default(value: ast.expr | None) -> tuple[str | None, str | None]:
    """(default, maker of one) of a field; both None where it must be given."""
    if value is None:
        return None, None
    if not (isinstance(value, ast.Call) and ast.unparse(value.func) == "field"):
        return ast.unparse(value), None
    for word in value.keywords:
        if word.arg == "default":
            return ast.unparse(word.value), None
        if word.arg == "default_factory":
            return "None", ast.unparse(word.value)
    return None, None


def _helper(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(ast.Name("_w", ast.Load()), name, ast.Load()), list(args), [])


class _Speak(ast.NodeTransformer):
    """What MicroPython has no form for, said by a helper."""

    def __init__(self, stand_ins: Mapping[str, str]) -> None:
        self._stand_ins = stand_ins

    def visit_Import(self, node: ast.Import) -> ast.AST:
        for alias in node.names:
            if alias.name in self._stand_ins:
                alias.asname = alias.asname or alias.name
                alias.name = self._stand_ins[alias.name]
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        module = str(node.module)
        shims = "metabone." + SHIMS.replace("/", ".")
        node.module = self._stand_ins.get(module, module.removeprefix(f"{shims}."))
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        parts = [self._part(value) for value in node.values]
        if len(parts) == 1:
            return parts[0]
        return _helper("joined", *parts)

    def _part(self, value: ast.expr) -> ast.expr:
        if not isinstance(value, ast.FormattedValue):
            return value
        inner = self.visit(value.value)
        if value.conversion == ord("r"):
            inner = _helper("shown", inner)
        if value.format_spec is None:
            return inner if value.conversion == ord("r") else _helper("text", inner)
        return _helper("formatted", inner, self.visit(value.format_spec))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        called = node.func
        if isinstance(called, ast.Name):
            if called.id == "zip":
                node.keywords = [word for word in node.keywords if word.arg != "strict"]
            elif called.id in _FUNCTIONS:
                name = _FUNCTIONS[called.id]
                node.func = ast.Attribute(ast.Name("_w", ast.Load()), name, ast.Load())
        elif isinstance(called, ast.Attribute):
            if called.attr in _METHODS and not node.args:
                return _helper(_METHODS[called.attr], called.value)
            if called.attr == "fromkeys":
                return _helper("keys_in_order", *node.args)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.slice, ast.Slice) and node.slice.step is not None:
            return _helper("backwards", node.value)
        return node

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        self.generic_visit(node)
        parts: list[ast.expr] = []
        pairs: list[ast.expr] = []
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                parts += [_ordered(pairs)] if pairs else []
                parts.append(value)
                pairs = []
            else:
                pairs.append(ast.Tuple([key, value], ast.Load()))
        if not parts:
            return _ordered(pairs)
        return _helper("merged", *parts, *([_ordered(pairs)] if pairs else []))

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        self.generic_visit(node)
        pair = ast.Tuple([node.key, node.value], ast.Load())
        return _helper("ordered", ast.ListComp(pair, node.generators))

    def visit_List(self, node: ast.List) -> ast.AST:
        self.generic_visit(node)
        return _unstarred(node, None)

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        self.generic_visit(node)
        return _unstarred(node, "tuple")

    def visit_Set(self, node: ast.Set) -> ast.AST:
        self.generic_visit(node)
        return _unstarred(node, "set")


def _ordered(pairs: list[ast.expr]) -> ast.expr:
    return _helper("ordered", ast.List(pairs, ast.Load())) if pairs else _helper("ordered")


def _unstarred(node: ast.List | ast.Tuple | ast.Set, kind: str | None) -> ast.expr:
    """A display with stars as a call that lines its parts up."""
    starred = any(isinstance(item, ast.Starred) for item in node.elts)
    if not starred or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return node
    parts: list[ast.expr] = []
    for item in node.elts:
        parts.append(item.value if isinstance(item, ast.Starred) else ast.List([item], ast.Load()))
    lined = _helper("lined_up", *parts)
    return lined if kind is None else ast.Call(ast.Name(kind, ast.Load()), [lined], [])


def _drop_unused(tree: ast.Module) -> None:
    """Without imports at the top whose names the module does not use any more."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in tree.body:
        if "__all__" in _names(node):
            used |= set(ast.literal_eval(getattr(node, "value")))  # noqa: B009
    body: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            node.names = [
                alias for alias in node.names
                if alias.name == "*" or (alias.asname or alias.name).split(".")[0] in used
            ]  # fmt: skip
            if not node.names:
                continue
        body.append(node)
    tree.body = body
