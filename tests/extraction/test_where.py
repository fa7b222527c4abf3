"""The language of ``where``: what it selects, and that nothing in it is ever executed."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabone.errors import DataError, UsageError
from metabone.extraction.reading import read_table
from metabone.extraction.where import compile_where, select

from .tables import OTHER

Writer = Callable[..., Path]

FRAME = pd.DataFrame(
    {
        "species": pd.Series(["rat", "mouse", None, "rat"], dtype=object),
        "site": pd.Series(["femur", "tibia", "femur", None], dtype=object),
        "weeks": [4.0, 12.0, 8.0, np.nan],
        "age": [12.0, 8.0, np.nan, 3.0],
        "blind": pd.Series(["TRUE", "False", None, "true"], dtype=object),
        "cage, size": [1.0, 2.0, 3.0, 4.0],
        "µg": [1.0, 2.0, 3.0, 4.0],
        "class": pd.Series(["a", "b", "c", "d"], dtype=object),
    }
)


def chosen(text: str) -> list[int]:
    return compile_where(text, FRAME.columns)(FRAME).nonzero()[0].tolist()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("species == 'rat'", [0, 3]),
        ('species == "rat"', [0, 3]),
        ("'rat' == species", [0, 3]),
        ("species != 'rat'", [1]),  # a blank species is unknown, and unknown is not selected
        ("not species == 'rat'", [1]),
        ("not species != 'rat'", [0, 3]),
        ("species in ('rat', 'mouse')", [0, 1, 3]),
        ("species in ['mouse']", [1]),
        ("species not in ('mouse',)", [0, 3]),
        ("species in ()", []),
        ("species not in ()", [0, 1, 3]),
        ("species is None", [2]),
        ("species is not None", [0, 1, 3]),
        ("species == None", [2]),
        ("species != None", [0, 1, 3]),
        ("weeks >= 8", [1, 2]),
        ("8 <= weeks", [1, 2]),
        ("4 < weeks <= 12", [1, 2]),
        ("12 > weeks > 4", [2]),
        ("weeks > -1", [0, 1, 2]),
        ("weeks == 4.0", [0]),
        ("weeks in (4, 8)", [0, 2]),
        ("weeks > age", [1]),
        ("weeks < age", [0]),
        ("weeks is None", [3]),
        ("species == 'rat' and weeks >= 4", [0]),
        ("species == 'rat' or weeks >= 4", [0, 1, 2, 3]),
        # Kleene: unknown or true is true, unknown and false is false.
        ("species == 'mouse' or site == 'femur'", [0, 1, 2]),
        ("not (species == 'mouse' and site == 'femur')", [0, 1, 3]),
        ("not (species == 'rat' or weeks == 8)", [1]),
        ("species < 'n'", [1]),
        ("blind == True", [0, 3]),
        ("blind == False", [1]),
        ("blind in (True,)", [0, 3]),
        ("`cage, size` >= 3", [2, 3]),
        ("`class` == 'b'", [1]),
        ("`species` == 'a ` b' or `class` == 'd'", [3]),
        ("µg > 3", [3]),
        ("  weeks\n  >\n  8 ", [1]),
        ("species == 'r' 'at'", [0, 3]),
        ("species == r'\\d'", []),
        ("species == '\\d'", []),
        ("not not weeks > 8", [1]),
    ],
)
def test_what_is_selected(text: str, rows: list[int]) -> None:
    assert chosen(text) == rows


INJECTIONS = [
    "__import__('os').system('touch {}')",
    "species == __import__('os')",
    "().__class__.__bases__[0].__subclasses__()",
    "species.__class__ == 'rat'",
    "species.str.contains('rat')",
    "(lambda: open('{}', 'w'))()",
    "lambda x: x",
    "species == (lambda: 'rat')()",
    "@print(1)",
    "species == @os.environ",
    "species @ weeks == 1",
    'f\'{{__import__("os").system("touch {}")}}\' == species',
    "species == f'{{1}}'",
    "(x := 4) == weeks",
    "weeks == (y := open('{}', 'w'))",
    "[x for x in (1, 2)] == weeks",
    "weeks in [x for x in (4,)]",
    "weeks in {{4, 8}}",
    "weeks in {{'a': 1}}",
    "weeks in {{x for x in (4,)}}",
    "weeks in (x for x in (4,))",
    "weeks[0] == 4",
    "weeks + 1 == 5",
    "weeks == 2 + 2",
    "weeks == 2 ** 99999999",
    "weeks == -species",
    "weeks == --4",
    "weeks == ~4",
    "species == 'rat' if True else False",
    "await weeks == 4",
    "yield",
    "import os",
    "weeks == 4; import os",
    "weeks = 4",
    "species == *weeks",
    "weeks == ...",
    "weeks == 4j",
    "species == b'rat'",
    "weeks in (4, None)",
    "weeks in (4, (8,))",
    "weeks in species",
    "'rat' in species",
    "weeks in 4",
    "weeks == (4, 8)",
    "weeks is 4",
    "weeks < None",
    "species",
    "not species",
    "True",
    "'rat'",
    "1 == 1",
    "1 < 2 < weeks",
    "None is None",
    "exec('1')",
    "eval",
    "print(weeks)",
    "open('{}', 'w')",
    "breakpoint()",
    "weeks == 1e999",
    "weeks == " + "9" * 400,
    "weeks == 4 & species == 'rat'",
    "(weeks == 4) | (weeks == 8)",
    "weeks == 4 && species == 'rat'",
    "weeks == 4 || species == 'rat'",
    "!species == 'rat'",
    "weeks <> 4",
    "`weeks == 4",
    "_in_backticks_0_ == `weeks`",
    "species == 'rat' # or weeks == 4",
    "",
    "   ",
    "species == 'rat' and",
    "weeks > 4\0",
    "species == '\0'",
    "species == '\x1b[31m'",
    "\ufeffweeks == 4",
    "weeks == 4 " + "or weeks == 4 " * 200,
    "(" * 300 + "weeks == 4" + ")" * 300,
    "not " * 400 + "weeks == 4",
    "weeks == " + "-" * 900 + "4",
    "weeks in " + "[" * 90 + "]" * 90,
    "weeks == " + "[" * 700,
    "x" * 5000,
    "weeks == '" + "a" * 5000 + "'",
    "\\",
    "weeks == 4 \\",
    "species == 'rat",
    "weeks == 0777",
    "weeks == 4if weeks else 5",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_everything_else_is_refused_in_one_line(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("something was executed")

    target = tmp_path / "touched"
    monkeypatch.setattr(os, "system", never)
    monkeypatch.setattr(builtins, "eval", never)
    monkeypatch.setattr(builtins, "exec", never)
    monkeypatch.setattr(pd.DataFrame, "query", never)
    monkeypatch.setattr(pd.DataFrame, "eval", never)
    if "{" in text:
        text = text.format(target)
    with pytest.raises(UsageError) as caught:
        compile_where(text, FRAME.columns)(FRAME)
    message = str(caught.value)
    assert message.startswith("where ")
    assert len(message) < 400
    assert message.replace("…", "").isprintable()
    assert not target.exists()
    assert "x" not in vars(sys.modules[__name__])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("specis == 'rat'", ("no column 'specis'", "'species'")),
        ("species == rat", ("no column 'rat'", "quotation marks")),
        ("`cage, sise` == 1", ("no column 'cage, sise'", "'cage, size'")),
        ("species == 3", ("'species' is a text column", "write '3'")),
        ("species in (1, 2)", ("'species' is a text column",)),
        ("weeks == '4'", ("'weeks' is a number column", "without quotation marks")),
        ("weeks > species", ("text and a number column",)),
        ("species < True", ("True and False have no order",)),
        ("weeks = 4", ("== compares",)),
        ("weeks == 4 & age == 3", ("write and, or, not",)),
        ("len(species) == 3", ("calls such as f(x) are not part of the language",)),
        ("species.x == 3", ("attributes such as x.y",)),
        ("weeks in (4, None)", ("column is None",)),
        ("weeks @ age == 1", ("@ is not part of the language",)),
        ("x" * 5000, ("longer than 2000 characters",)),
    ],
)
def test_the_message_helps(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        compile_where(text, FRAME.columns)(FRAME)
    for word in words:
        assert word in str(caught.value)


@given(text=st.text(max_size=60))
@settings(max_examples=400)
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    try:
        mask = compile_where(text, FRAME.columns)(FRAME)
    except UsageError:
        return
    assert mask.dtype == bool
    assert len(mask) == len(FRAME)


ATOMS = st.sampled_from(
    ["species == 'rat'", "weeks > 6", "age <= 8", "site != 'femur'", "weeks is None"]
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} and {pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} or {pair[1]})"),
        inner.map(lambda one: f"(not {one})"),
    ),
    max_leaves=8,
)


def kleene(text: str, row: int) -> bool | None:
    """Three-valued logic by Python itself, one row at a time: None is unknown."""

    class Value:
        def __init__(self, truth: bool | None) -> None:
            self.truth = truth

        def __and__(self, other: Value) -> Value:
            pair = (self.truth, other.truth)
            return Value(False if False in pair else None if None in pair else True)

        def __or__(self, other: Value) -> Value:
            pair = (self.truth, other.truth)
            return Value(True if True in pair else None if None in pair else False)

        def __invert__(self) -> Value:
            return Value(None if self.truth is None else not self.truth)

    cell = FRAME.iloc[row]

    def atom(name: str, test: Callable[[object], bool]) -> Value:
        return Value(None if pd.isna(cell[name]) else bool(test(cell[name])))

    known = {
        "species == 'rat'": atom("species", lambda x: x == "rat"),
        "weeks > 6": atom("weeks", lambda x: x > 6),  # type: ignore[operator]
        "age <= 8": atom("age", lambda x: x <= 8),  # type: ignore[operator]
        "site != 'femur'": atom("site", lambda x: x != "femur"),
        "weeks is None": Value(bool(pd.isna(cell["weeks"]))),
    }
    words = {f"v{i}": value for i, value in enumerate(known.values())}
    for i, name in enumerate(known):
        text = text.replace(name, f"v{i}")
    text = text.replace(" and ", " & ").replace(" or ", " | ").replace("not ", "~")
    value: Value = eval(text, {}, words)  # noqa: S307  (our own text, a second opinion)
    return value.truth


@given(text=CONDITIONS)
def test_conditions_follow_three_valued_logic(text: str) -> None:
    assert chosen(text) == [row for row in range(len(FRAME)) if kleene(text, row) is True]


class TestSelect:
    def test_where_and_outcome(self) -> None:
        table = read_table("unloading")
        kept = select(table, where="species == 'rat'", outcome=["bone volume fraction", "SMI"])
        frame = table.frame
        wanted = frame[(frame.species == "rat") & frame.outcome.isin(["BV/TV", "SMI"])]
        assert kept.frame.index.tolist() == wanted.index.tolist()
        assert kept.selected == len(wanted)
        assert kept.excluded == ()

    def test_an_outcome_that_the_table_does_not_have(self) -> None:
        with pytest.raises(UsageError, match=r"no outcome 'Tb\.Thi'; nearest: 'Tb\.Th'"):
            select(read_table("unloading"), outcome=["Tb.Thi"])
        with pytest.raises(UsageError, match="no outcome 'RUNX2'"):
            select(read_table("unloading"), outcome=["RUNX2"])

    def test_an_outcome_of_the_table_that_the_vocabulary_does_not_know(self, write: Writer) -> None:
        table = read_table(write({"outcome": "osteoid index", "unit": ""}, OTHER))
        assert len(select(table, outcome=["Osteoid Index"]).frame) == 1

    def test_no_row_says_what_the_columns_hold(self) -> None:
        with pytest.raises(DataError, match="selects no row; species has 'mouse', 'rat'"):
            select(read_table("unloading"), where="species == 'Rats'")
        with pytest.raises(DataError, match="n_treated goes from 3 to 23"):
            select(read_table("unloading"), where="n_treated > 100")

    def test_an_unknown_column(self) -> None:
        with pytest.raises(UsageError, match=r"no column 'specie'.*'species'"):
            select(read_table("unloading"), where="specie == 'rat'")

    def test_rows_with_a_reason_go_into_the_ledger(self, write: Writer) -> None:
        table = read_table(write({}, {**OTHER, "exclude": "wrong bone", "n_treated": "7-10"}))
        kept = select(table)
        assert [(line.row, line.reason) for line in kept.excluded] == [(3, "wrong bone")]
        assert kept.usable().index.tolist() == [2]
        assert kept.selected == 2
        # The range is still told, but it no longer stands in the way.
        assert [(f.row, f.code, f.severity) for f in table.findings if f.row == 3] == [
            (3, "unreadable-number", "note")
        ]

    def test_impossible_values_refuse(self, write: Writer) -> None:
        table = read_table(write({}, {**OTHER, "n_treated": "7-10"}))
        with pytest.raises(
            DataError, match=r"row 3: n_treated '7-10' is a range.*on-error exclude"
        ):
            select(table)

    def test_impossible_values_of_rows_not_selected_do_not(self, write: Writer) -> None:
        table = read_table(write({}, {**OTHER, "n_treated": "7-10"}))
        assert select(table, where="study == 'Adams 2020'").frame.index.tolist() == [2]

    def test_impossible_values_may_be_set_aside(self, write: Writer) -> None:
        table = read_table(write({}, {**OTHER, "n_treated": "7-10", "dispersion_control": "0"}))
        kept = select(table, on_error="exclude")
        assert [line.row for line in kept.excluded] == [3]
        assert "n_treated '7-10' is a range" in kept.excluded[0].reason
        assert "dispersion_control '0' is 0" in kept.excluded[0].reason
        assert kept.usable().index.tolist() == [2]

    def test_an_unknown_word_for_on_error(self, write: Writer) -> None:
        with pytest.raises(UsageError, match="on_error must be one of"):
            select(read_table(write({})), on_error="ignore")

    def test_a_no_in_exclude_refuses(self, write: Writer) -> None:
        with pytest.raises(DataError, match="exclude 'no' is no reason"):
            select(read_table(write({}, {**OTHER, "exclude": "no"})))

    def test_a_row_that_could_not_be_read_is_never_left_out_in_silence(self, write: Writer) -> None:
        table = read_table(write("study,outcome,species,yi,vi\nA,BMD,rat,1,1\nB,BMD,rat,1\n"))
        with pytest.raises(DataError, match="row 3: has 4 cells"):
            select(table, where="species == 'rat'", outcome=["BMD"])
        kept = select(table, where="species == 'rat'", outcome=["BMD"], on_error="exclude")
        assert [line.row for line in kept.excluded] == [3]

    def test_a_row_without_outcome_is_never_left_out_in_silence(self, write: Writer) -> None:
        table = read_table(write({}, {**OTHER, "outcome": ""}))
        with pytest.raises(DataError, match="row 3: outcome is blank"):
            select(table, outcome=["BV/TV"])

    def test_rows_with_a_blank_cell_are_counted(self, write: Writer) -> None:
        table = read_table(write({}, {**OTHER, "species": ""}))
        kept = select(table, where="species == 'rat'")
        assert kept.frame.index.tolist() == [2]
        assert [f.message for f in kept.findings if f.code == "where-unknown"] == [
            "where \"species == 'rat'\": rows not selected because a cell is blank: 1"
        ]
