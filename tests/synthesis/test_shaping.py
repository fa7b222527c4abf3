from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from math import inf, nan

import numpy as np
import pytest

from metabone.synthesis.bias.results import Corrected, PetPeese
from metabone.synthesis.shaping import Record, Summarised, flat_frame, named


@dataclass(frozen=True, slots=True)
class Inner(Record):
    value: float


@dataclass(frozen=True, slots=True)
class Outer(Record):
    name: str
    one: Inner | None
    many: tuple[Inner, ...]
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer(Summarised):
    words: str

    def summary(self) -> str:
        return self.words


def test_a_record_is_its_fields_in_their_order_and_so_are_records_within() -> None:
    found = Outer("a", Inner(nan), (Inner(1.5), Inner(inf)), (2, 3)).to_dict()
    assert list(found) == ["name", "one", "many", "rows"]
    assert found == {
        "name": "a", "one": {"value": None}, "many": [{"value": 1.5}, {"value": None}],
        "rows": [2, 3],
    }  # fmt: skip
    json.dumps(found, allow_nan=False)
    assert Outer("a", None, ()).to_dict()["one"] is None


def test_records_have_no_dictionary_of_their_own_and_travel_between_processes() -> None:
    mean = Corrected(0.5, 0.1, 9.0, 5.0, 0.001, 0.3, 0.7)
    both = PetPeese("arms", "mixed", mean, mean, 0.2, "PET")
    assert not hasattr(both, "__dict__")
    assert pickle.loads(pickle.dumps(both)) == both
    assert both.to_dict()["peese"] == mean.to_dict()


def test_a_summary_is_text_in_a_terminal_and_escaped_in_a_notebook() -> None:
    answer = Answer("k < 3 & <script>")
    assert str(answer) == "k < 3 & <script>"
    assert answer._repr_html_() == "<pre>k &lt; 3 &amp; &lt;script&gt;</pre>"
    with pytest.raises(TypeError, match="summary"):
        Summarised()  # type: ignore[abstract]


def test_named_attributes_come_in_the_order_asked_for() -> None:
    line = Outer("a", None, (), (np.int64(7),))  # type: ignore[arg-type]
    assert list(named(line, "rows", "name")) == ["rows", "name"]
    assert named(line, "rows") == {"rows": [7]}


def test_lists_are_one_cell_of_a_flat_table() -> None:
    frame = flat_frame([{"rows": [2, 3], "x": 1.0}, {"rows": [], "x": None}])
    assert frame["rows"].tolist() == ["2 3", ""]
    assert flat_frame([]).empty
