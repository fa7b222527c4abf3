"""The moderator formula: text to terms by a grammar of our own; nothing in it is ever executed.

``formula := ["~"] sum``; ``sum := product (("+" | "-") product)*``; ``product := cross ("*"
cross)*``; ``cross := atom (":" atom)*``; an atom is a column, a function of one column or a sum in
parentheses. What is not in the grammar has no meaning and is refused with the piece named.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import reduce
from typing import NoReturn

from metabone.errors import UsageError
from metabone.options import nearest

FUNCTIONS = ("C", "log", "sqrt", "center", "ns", "poly")
WITH_NUMBER = {"ns": "df", "poly": "degree"}

MAX_LENGTH = 1000
MAX_DEPTH = 20
MAX_TERMS = 60
MAX_ORDER = 4
MAX_COLUMNS = 20

_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<quoted>`[^`]*`)|(?P<name>[^\W\d]\w*)|(?P<number>\d[\w.]*)"
    r"|(?P<text>\"[^\"]*\"|'[^']*')|(?P<sign>[-+*:(),=~])"
)
_ALLOWED = (
    "allowed are column names, + - * : ( ), 0 or 1, C(), log(), sqrt(), center(), ns(), poly()"
)


@dataclass(frozen=True, slots=True)
class Factor:
    """A column, or functions of it.

    Parameters
    ----------
    column : its name in the table.
    functions : functions applied to it, innermost first.
    number : df of ``ns`` or degree of ``poly``.
    reference : the level that ``C()`` compares with, as the formula writes it.
    """

    column: str
    functions: tuple[str, ...] = ()
    number: int | None = None
    reference: str | None = None

    @property
    def stem(self) -> str:
        """The label without the reference level, which coefficients are named after.

        Examples
        --------
        >>> Factor("species", ("C",), reference="rat").stem
        'C(species)'
        """
        return replace(self, reference=None).label

    @property
    def label(self) -> str:
        """The factor as a formula writes it.

        Examples
        --------
        >>> Factor("dose per kg", ("log", "ns"), 2).label
        'ns(log(`dose per kg`), 2)'
        """
        shown = self.column if self.column.isidentifier() else f"`{self.column}`"
        for name in self.functions:
            extra = ""
            if name in WITH_NUMBER:
                extra = f", {self.number}"
            elif name == "C" and self.reference is not None:
                mark = "'" if '"' in self.reference else '"'
                extra = f", reference={mark}{self.reference}{mark}"
            shown = f"{name}({shown}{extra})"
        return shown


Term = tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class Formula:
    """A checked formula: its terms in the order of the design, and whether it has an intercept."""

    terms: tuple[Term, ...]
    intercept: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it needs, each once."""
        return tuple(dict.fromkeys(factor.column for factor in self.factors))

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The factors of all terms, each once."""
        return tuple(dict.fromkeys(factor for term in self.terms for factor in term))

    def __str__(self) -> str:
        parts = [":".join(factor.label for factor in term) for term in self.terms]
        return " + ".join(([] if self.intercept else ["0"]) + parts)


def parse_formula(text: str, columns: Collection[str]) -> Formula:
    """Read a moderator formula such as ``"duration_weeks * species + log(dose)"``.

    Parameters
    ----------
    text : the formula, with or without a leading ``~``. ``a * b`` means ``a + b + a:b``; ``- a:b``
        takes a term away; ``0 +`` or ``- 1`` takes the intercept away.
    columns : the columns of the table. A name that is no plain word stands in backticks.

    Raises
    ------
    UsageError
        For anything outside the grammar and for an unknown column; one line that names the piece.

    Examples
    --------
    >>> str(parse_formula("weeks * species - 1", ["weeks", "species"]))
    '0 + weeks + species + weeks:species'
    """
    if not isinstance(text, str):
        raise UsageError(f"a formula is text; got {type(text).__name__}")
    if len(text) > MAX_LENGTH:
        raise UsageError(f"the formula has {len(text)} characters; at most {MAX_LENGTH} are read")
    formula = _Parser(_tokens(text), columns).formula()
    if len(formula.columns) > MAX_COLUMNS:
        raise UsageError(
            f"the formula names {len(formula.columns)} columns; at most {MAX_COLUMNS} are read"
        )
    return formula


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        # A foreign character is a token too: the parser refuses what comes first, from the left.
        kind, piece = (found.lastgroup, found.group()) if found else ("foreign", text[position])
        if kind != "space":
            tokens.append(_Token(str(kind), piece, position))
        position += len(piece)
    return [*tokens, _Token("end", "", len(text))]


def _foreign(piece: str, position: int) -> NoReturn:
    hint = ""
    if piece in "\"'`":
        hint = " (it opens a text that is not closed)"
    elif piece == ".":
        hint = " (a column with a dot in its name stands in `backticks`)"
    _refuse(piece, position, f"cannot stand in a formula{hint}; {_ALLOWED}")


def _refuse(piece: str, position: int, problem: str) -> NoReturn:
    shown = piece if len(piece) <= 40 else piece[:37] + "…"
    raise UsageError(f"formula: {shown!r} at character {position + 1} {problem}")


# A sum while it is read: its terms in order, and what it says of the intercept.
_Sum = tuple[tuple[Term, ...], bool | None]


class _Parser:
    """Recursive descent over the tokens of a formula, from its loosest sign to its tightest."""

    def __init__(self, tokens: list[_Token], columns: Collection[str]) -> None:
        self.tokens = tokens
        self.columns = columns
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> _Token:
        """The token to be read next."""
        return self.tokens[self.at]

    def take(self, sign: str) -> bool:
        """Whether a sign stands here; if so it is read."""
        if self.token.kind == "sign" and self.token.text == sign:
            self.at += 1
            return True
        return False

    def expect(self, sign: str, where: str) -> None:
        """Read a sign that must stand here; `where` says what it belongs to."""
        if not self.take(sign):
            self.unexpected(f"stands where {sign!r} is needed {where}")

    def unexpected(self, problem: str) -> NoReturn:
        """Refuse what stands here, with its place in the formula."""
        token = self.token
        if token.kind == "end":
            raise UsageError(f"formula: it ends too early; {_ALLOWED}")
        if token.kind == "foreign":
            _foreign(token.text, token.position)
        _refuse(token.text, token.position, problem)

    def formula(self) -> Formula:
        """The whole: a sum up to the end, main effects first."""
        for token in self.tokens[1:]:
            if token.text == "~":
                _refuse("~", token.position, "has something to its left; give the moderators only")
        self.take("~")
        if self.token.kind == "end":
            raise UsageError("the formula is empty; name a moderator, e.g. 'duration_weeks'")
        terms, intercept = self.sum(top=True)
        if self.token.kind != "end":
            self.unexpected(f"cannot follow {self.tokens[self.at - 1].text!r}; {_ALLOWED}")
        if not terms:
            raise UsageError("the formula names no moderator; `metabone pool` answers without one")
        ordered = tuple(sorted(terms, key=len))  # stable: main effects first, as R orders them
        return Formula(ordered, intercept is not False)

    def sum(self, *, top: bool) -> _Sum:
        """Terms between ``+`` and ``-``, and whether 0 or 1 among them asks for an intercept."""
        terms: tuple[Term, ...] = ()
        intercept: bool | None = None
        sign = "-" if self.take("-") else "+"
        if sign == "+":
            self.take("+")
        while True:
            if self.token.kind == "number":
                intercept = self.number(sign, top)
            else:
                position = self.token.position
                added = self.product()
                terms = _joined(terms, added) if sign == "+" else _without(terms, added, position)
            if self.take("+"):
                sign = "+"
            elif self.take("-"):
                sign = "-"
            else:
                return terms, intercept

    def number(self, sign: str, top: bool) -> bool:
        """Whether 0 or 1 behind a sign asks for an intercept; only at the `top`."""
        token = self.token
        if token.text not in ("0", "1"):
            _refuse(token.text, token.position, "is a number; only 0 and 1 have a meaning "
                    "(without and with intercept)")  # fmt: skip
        if not top:
            _refuse(token.text, token.position, "belongs outside the parentheses")
        self.at += 1
        return (token.text == "1") == (sign == "+")

    def product(self) -> tuple[Term, ...]:
        """Terms between ``*``: each, and all their interactions."""
        parts = [self.cross()]
        while self.take("*"):
            parts.append(self.cross())
        terms = parts[0]
        for part in parts[1:]:
            terms = _joined(_joined(terms, part), _crossed(terms, part))
        return terms

    def cross(self) -> tuple[Term, ...]:
        """Terms between ``:``: their interactions alone."""
        parts = [self.atom()]
        while self.take(":"):
            parts.append(self.atom())
        return reduce(_crossed, parts)

    def atom(self) -> tuple[Term, ...]:
        """A sum in parentheses, or one factor."""
        if self.take("("):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise UsageError(f"formula: parentheses nest deeper than {MAX_DEPTH}")
            terms, _ = self.sum(top=False)
            self.expect(")", "to close the parenthesis")
            self.depth -= 1
            return terms
        return ((self.factor(),),)

    def factor(self) -> Factor:
        """A column as it is, or a function of one."""
        token = self.token
        if token.kind not in ("name", "quoted"):
            self.unexpected(f"stands where a column is needed; {_ALLOWED}")
        self.at += 1
        if token.kind == "name" and self.take("("):
            return self.call(token)
        return Factor(self.column(token))

    def column(self, token: _Token) -> str:
        """The name of a column that the table has."""
        name = token.text.strip("`")
        if name not in self.columns:
            close = nearest(name, self.columns)
            hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
            _refuse(name, token.position, f"is no column of the table{hint}")
        return name

    def call(self, name: _Token) -> Factor:
        """A function of a column, whose name and parenthesis are read."""
        if name.text not in FUNCTIONS:
            _refuse(f"{name.text}()", name.position, "is no function of a formula; allowed are "
                    + ", ".join(f"{known}()" for known in FUNCTIONS))  # fmt: skip
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UsageError(f"formula: functions nest deeper than {MAX_DEPTH}")
        inner = self.factor()
        self.depth -= 1
        if inner.functions and (name.text == "C" or inner.functions[-1] in ("C", "ns", "poly")):
            _refuse(f"{name.text}()", name.position, f"cannot take {inner.label}")
        reference, number = inner.reference, inner.number
        if name.text in WITH_NUMBER:
            number = self.columns_wanted(name.text)
        elif name.text == "C" and self.take(","):
            reference = self.reference_level()
        self.expect(")", f"to close {name.text}()")
        return Factor(inner.column, (*inner.functions, name.text), number, reference)

    def columns_wanted(self, function: str) -> int:
        """How many columns ``ns`` or ``poly`` shall make."""
        what = f"{function}(column, {WITH_NUMBER[function]})"
        self.expect(",", f"in {what}")
        if self.token.kind == "name" and self.token.text == WITH_NUMBER[function]:
            self.at += 1
            self.expect("=", f"in {what}")
        token = self.token
        if not re.fullmatch(r"[1-9]|10", token.text):
            self.unexpected(f"stands where {what} takes a whole number from 1 to 10")
        self.at += 1
        return int(token.text)

    def reference_level(self) -> str:
        """The level that ``C`` compares the others with."""
        what = 'in C(column, reference="level")'
        if self.token.text != "reference":
            self.unexpected(f"stands where 'reference' is needed {what}")
        self.at += 1
        self.expect("=", what)
        if self.token.kind not in ("text", "number"):
            self.unexpected(f"stands where a quoted level is needed {what}")
        self.at += 1
        written = self.tokens[self.at - 1]
        return written.text[1:-1] if written.kind == "text" else written.text


def _joined(first: tuple[Term, ...], second: tuple[Term, ...]) -> tuple[Term, ...]:
    known = {frozenset(term) for term in first}
    terms = first + tuple(term for term in second if frozenset(term) not in known)
    if len(terms) > MAX_TERMS:
        raise UsageError(f"the formula makes more than {MAX_TERMS} terms; write fewer interactions")
    return terms


def _crossed(first: tuple[Term, ...], second: tuple[Term, ...]) -> tuple[Term, ...]:
    terms: tuple[Term, ...] = ()
    for one in first:
        for other in second:
            term = tuple(dict.fromkeys(one + other))
            if len(term) > MAX_ORDER:
                raise UsageError(
                    f"the formula crosses more than {MAX_ORDER} moderators in one term"
                )
            terms = _joined(terms, (term,))
    return terms


def _without(terms: tuple[Term, ...], removed: tuple[Term, ...], position: int) -> tuple[Term, ...]:
    known = {frozenset(term) for term in terms}
    gone = {frozenset(term) for term in removed}
    for term in removed:
        if frozenset(term) not in known:
            shown = ":".join(factor.label for factor in term)
            _refuse(shown, position, "is taken away but was not there")
    return tuple(term for term in terms if frozenset(term) not in gone)
