"""The small language of ``where``: column names, literals, comparisons, ``in``, and, or, not.

The text is read through `ast` against a whitelist and turned into functions of ours; nothing in it
is ever executed.
"""

from __future__ import annotations

import ast
import operator
import unicodedata
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metabone.errors import UsageError
from metabone.options import nearest

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MAX_LENGTH = 2000
MAX_DEPTH = 50
ALLOWED = (
    "a condition holds column names, literals, ==, !=, <, <=, >, >=, in, is None, and, or, not"
)

_REFUSED: dict[type[ast.AST], str] = {
    ast.Call: "calls such as f(x) are",
    ast.Attribute: "attributes such as x.y are",
    ast.Subscript: "subscripts such as x[0] are",
    ast.Lambda: "lambda is",
    ast.JoinedStr: "f-strings are",
    ast.NamedExpr: "assignments with := are",
    ast.BinOp: "arithmetic is",
    ast.IfExp: "if … else is",
    ast.ListComp: "comprehensions are",
    ast.SetComp: "comprehensions are",
    ast.DictComp: "comprehensions are",
    ast.GeneratorExp: "comprehensions are",
    ast.Await: "await is",
    ast.Starred: "* is",
    ast.Dict: "{…} is",
    ast.Set: "{…} is",
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


@dataclass(frozen=True, slots=True)
class Truth:
    """What a condition says of each row; a row in neither array is unknown (a blank cell)."""

    true: NDArray[Any]
    false: NDArray[Any]


Condition = Callable[["pd.DataFrame"], Truth]


@dataclass(frozen=True, slots=True)
class _Column:
    name: str


@dataclass(frozen=True, slots=True)
class _Literal:
    value: str | float | bool | None


@dataclass(frozen=True, slots=True)
class _Listed:
    values: tuple[str | float | bool, ...]


_Operand = _Column | _Literal | _Listed


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition that was read, the columns it names, and its text."""

    text: str
    columns: tuple[str, ...]
    condition: Condition

    def truth(self, frame: pd.DataFrame) -> Truth:
        """What the condition says of each row of `frame`."""
        return self.condition(frame)

    def __call__(self, frame: pd.DataFrame) -> NDArray[Any]:
        """(rows,) bool: where the condition is true; unknown is not true."""
        return self.condition(frame).true


def read_expression(text: str, columns: Iterable[str]) -> Expression:
    """Read a condition.

    Parameters
    ----------
    text : the condition, such as ``species == 'rat' and 4 <= timepoint_weeks <= 12``; a column
        whose name is not one word is written in backticks.
    columns : the names that the table has.

    Raises
    ------
    UsageError
        If the text is not in the language, or names an unknown column.
    """
    return _Reader(text, columns).read()


class _Reader:
    """Turns the syntax tree into conditions, refusing what is not in the whitelist."""

    def __init__(self, text: str, columns: Iterable[str]) -> None:
        self.text = text
        # Python reads names in the form NFKC; a column called µg is found all the same.
        self.columns = {unicodedata.normalize("NFKC", str(name)): str(name) for name in columns}
        self.quoted: dict[str, str] = {}
        self.used: dict[str, None] = {}

    def read(self) -> Expression:
        tree = self._parse()
        if _depth(tree) > MAX_DEPTH:
            raise self._wrong(f"is nested more than {MAX_DEPTH} deep")
        condition = self._condition(tree)
        return Expression(self.text, tuple(self.used), condition)

    def _wrong(self, problem: str) -> UsageError:
        shown = self.text if len(self.text) <= 80 else self.text[:77] + "..."
        return UsageError(f"where {shown!r}: {problem}")

    def _parse(self) -> ast.expr:
        if not self.text.strip():
            raise self._wrong(f"is empty; {ALLOWED}")
        if len(self.text) > MAX_LENGTH:
            raise self._wrong(f"is longer than {MAX_LENGTH} characters")
        if not self.text.replace("\n", " ").replace("\t", " ").isprintable():
            raise self._wrong("holds a control character")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self._unquote().strip().replace("\n", " "), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            raise self._wrong(self._syntax(error)) from None

    def _syntax(self, error: Exception) -> str:
        outside = "".join(part for part, inside in _parts(self.text) if not inside)
        bare = outside.replace("==", "").replace("!=", "").replace("<=", "").replace(">=", "")
        if "=" in bare:
            return "cannot be read; == compares"
        if "&&" in outside or "||" in outside or "!" in bare:
            return "cannot be read; write and, or, not"
        reason = getattr(error, "msg", None) or "it is too complex"
        return f"cannot be read ({reason}); {ALLOWED}"

    def _unquote(self) -> str:
        """Put a plain name in the place of each name in backticks."""
        out: list[str] = []
        for part, inside in _parts(self.text):
            pieces = [part] if inside else part.split("`")
            if len(pieces) % 2 == 0:
                raise self._wrong("a backtick is open")
            for place, piece in enumerate(pieces):
                if place % 2:
                    alias = f"_in_backticks_{len(self.quoted)}_"
                    if alias in self.text:
                        raise self._wrong(f"{alias} is no column")
                    self.quoted[alias] = piece
                    out.append(f" {alias} ")
                    continue
                # Both would make Python read less than what is written.
                if not inside and ("#" in piece or "\\" in piece):
                    raise self._wrong("# and \\ stand in quotation marks only")
                out.append(piece)
        return "".join(out)

    def _condition(self, node: ast.expr) -> Condition:
        if isinstance(node, ast.BoolOp):
            parts = [self._condition(value) for value in node.values]
            return _all(parts) if isinstance(node.op, ast.And) else _any(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return _not(self._condition(node.operand))
        if isinstance(node, ast.Compare):
            operands = [self._operand(part) for part in (node.left, *node.comparators)]
            links = zip(operands[:-1], node.ops, operands[1:], strict=True)
            return _all([self._link(left, op, right) for left, op, right in links])
        if isinstance(node, ast.Name):
            name = self._column(node).name
            raise self._wrong(f"the column {name!r} alone is no condition; compare it")
        if isinstance(node, ast.Constant):
            raise self._wrong(f"{node.value!r} alone is no condition; compare a column with it")
        raise self._refuse(node)

    def _refuse(self, node: ast.AST) -> UsageError:
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, (ast.BitAnd, ast.BitOr)):
                return self._wrong("write and, or, not; & and | are not part of the language")
            if isinstance(node.op, ast.MatMult):
                return self._wrong(f"@ is not part of the language; {ALLOWED}")
        what = _REFUSED.get(type(node), f"{type(node).__name__} is")
        return self._wrong(f"{what} not part of the language; {ALLOWED}")

    def _operand(self, node: ast.expr) -> _Operand:
        if isinstance(node, ast.Name):
            return self._column(node)
        if isinstance(node, (ast.List, ast.Tuple)):
            return _Listed(tuple(self._listed(item) for item in node.elts))
        return _Literal(self._literal(node))

    def _listed(self, node: ast.expr) -> str | float | bool:
        value = self._literal(node)
        if value is None:
            raise self._wrong("None stands in no list; write `column is None` beside it")
        return value

    def _literal(self, node: ast.expr) -> str | float | bool | None:
        negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
        inner = node.operand if isinstance(node, ast.UnaryOp) and negative else node
        if not isinstance(inner, ast.Constant):
            raise self._refuse(inner if negative else node)
        value = inner.value
        if isinstance(value, (bool, str)) or value is None:
            if negative:
                raise self._wrong("a minus stands before a number only")
            return value
        if not isinstance(value, (int, float)):
            raise self._wrong(f"{value!r} is no text, number, True, False or None")
        try:
            number = -float(value) if negative else float(value)
        except OverflowError:
            number = float("inf")
        if number in (float("inf"), float("-inf")):
            raise self._wrong("a number in it is too large")
        return number

    def _column(self, node: ast.Name) -> _Column:
        written = self.quoted.get(node.id, node.id)
        name = self.columns.get(unicodedata.normalize("NFKC", written))
        if name is None:
            close = nearest(written, self.columns.values())
            hint = f"nearest: {', '.join(map(repr, close))}" if close else "see `metabone check`"
            raise self._wrong(
                f"there is no column {written!r} ({hint}); a text stands in quotation marks"
            )
        self.used[name] = None
        return _Column(name)

    def _link(self, left: _Operand, op: ast.cmpop, right: _Operand) -> Condition:
        if isinstance(op, (ast.In, ast.NotIn)):
            return self._membership(left, right, negated=isinstance(op, ast.NotIn))
        if isinstance(left, _Listed) or isinstance(right, _Listed):
            raise self._wrong("a list is used with `in` only")
        if not isinstance(left, _Column):
            left, right, op = right, left, _mirrored(op)
        if not isinstance(left, _Column):
            raise self._wrong("a comparison of two literals says nothing about a row")
        if isinstance(right, _Literal) and right.value is None:
            return self._blank(left, op)
        if isinstance(op, (ast.Is, ast.IsNot)):
            raise self._wrong("`is` goes with None only; == compares")
        return self._comparison(left, op, right)

    def _blank(self, column: _Column, op: ast.cmpop) -> Condition:
        if not isinstance(op, (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)):
            raise self._wrong("None is compared with is and is not")
        negated = isinstance(op, (ast.IsNot, ast.NotEq))

        def condition(frame: pd.DataFrame) -> Truth:
            blank = frame[column.name].isna().to_numpy()
            return Truth(~blank, blank) if negated else Truth(blank, ~blank)

        return condition

    def _comparison(self, left: _Column, op: ast.cmpop, right: _Operand) -> Condition:
        def condition(frame: pd.DataFrame) -> Truth:
            values, known = _cells(frame, left.name)
            if isinstance(right, _Column):
                others, others_known = _cells(frame, right.name)
                if (values.dtype == object) != (others.dtype == object):
                    raise self._wrong(
                        f"{left.name!r} and {right.name!r} are a text and a number column"
                    )
                return _compare(values, others, op, known & others_known)
            if not isinstance(right, _Literal):
                raise self._wrong("a list is used with `in` only")
            other = self._matching(left.name, values, right.value, op)
            if isinstance(right.value, bool) and values.dtype == object:
                values = _folded(values)
            return _compare(values, other, op, known)

        return condition

    def _membership(self, left: _Operand, right: _Operand, *, negated: bool) -> Condition:
        if not isinstance(left, _Column) or not isinstance(right, _Listed):
            raise self._wrong("`in` reads: column in ('one', 'other')")

        def condition(frame: pd.DataFrame) -> Truth:
            import numpy as np

            values, known = _cells(frame, left.name)
            found = np.zeros(len(values), dtype=bool)
            for item in right.values:
                other = self._matching(left.name, values, item, ast.Eq())
                cells = _folded(values) if isinstance(item, bool) else values
                found |= _compare(cells, other, ast.Eq(), known).true
            return Truth(known & ~found, found) if negated else Truth(found, known & ~found)

        return condition

    def _matching(self, name: str, values: NDArray[Any], other: Any, op: ast.cmpop) -> Any:
        """The literal as the column can be compared with it."""
        text = values.dtype == object
        if isinstance(other, bool):
            if text and not isinstance(op, (ast.Eq, ast.NotEq)):
                raise self._wrong(f"{name!r} is a text column; True and False have no order in it")
            return str(other).casefold() if text else float(other)
        if text and isinstance(other, float):
            raise self._wrong(
                f"{name!r} is a text column and {other:g} a number; write '{other:g}'"
            )
        if not text and isinstance(other, str):
            raise self._wrong(
                f"{name!r} is a number column and {other!r} a text; write a number without "
                "quotation marks"
            )
        return other


def _parts(text: str) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is inside quotation marks."""
    parts: list[tuple[str, bool]] = []
    start, mark = 0, ""
    for place, char in enumerate(text):
        if not mark and char in "'\"":
            parts.append((text[start:place], False))
            start, mark = place, char
        elif mark and char == mark and text[place - 1] != "\\":
            parts.append((text[start : place + 1], True))
            start, mark = place + 1, ""
    return [*parts, (text[start:], bool(mark))]


def _depth(tree: ast.AST) -> int:
    """How deep the tree is nested, without recursion."""
    level, depth = [tree], 0
    while level:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def _mirrored(op: ast.cmpop) -> ast.cmpop:
    pairs: dict[type[ast.cmpop], ast.cmpop] = {
        ast.Lt: ast.Gt(), ast.Gt: ast.Lt(), ast.LtE: ast.GtE(), ast.GtE: ast.LtE(),
    }  # fmt: skip
    return pairs.get(type(op), op)


def _cells(frame: pd.DataFrame, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    import pandas as pd

    column = frame[name]
    known: NDArray[Any] = column.notna().to_numpy()
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=float), known
    return column.to_numpy(dtype=object), known


def _folded(values: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    if values.dtype != object:
        return values
    return np.array([str(value).casefold() for value in values], dtype=object)


def _compare(values: NDArray[Any], other: Any, op: ast.cmpop, known: NDArray[Any]) -> Truth:
    import numpy as np

    true = np.zeros(len(values), dtype=bool)
    right = other[known] if isinstance(other, np.ndarray) else other
    true[known] = _COMPARE[type(op)](values[known], right).astype(bool)
    return Truth(true, known & ~true)


def _not(part: Condition) -> Condition:
    def condition(frame: pd.DataFrame) -> Truth:
        truth = part(frame)
        return Truth(truth.false, truth.true)

    return condition


def _all(parts: list[Condition]) -> Condition:
    def condition(frame: pd.DataFrame) -> Truth:
        truth = parts[0](frame)
        for part in parts[1:]:
            other = part(frame)
            truth = Truth(truth.true & other.true, truth.false | other.false)
        return truth

    return condition


def _any(parts: list[Condition]) -> Condition:
    return _not(_all([_not(part) for part in parts]))
