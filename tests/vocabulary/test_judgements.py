"""The lists by which studies are judged: their items, their columns, and what a cell may say."""

from __future__ import annotations

import pytest

from metabone.errors import UsageError
from metabone.extraction.schema import canonical_column
from metabone.vocabulary import load_vocabulary
from metabone.vocabulary.judgements import item_column, tool_of, tools
from metabone.vocabulary.terms import DOMAINS, Item

# Hooijmans 2014, table 2: the type of bias of each of the ten items, in order.
SYRCLE = [
    "selection", "selection", "selection", "performance", "performance", "detection", "detection",
    "attrition", "reporting", "other",
]  # fmt: skip
# Percie du Sert 2020, the Essential 10.
ARRIVE = [
    "Study design", "Sample size", "Inclusion and exclusion criteria", "Randomisation", "Blinding",
    "Outcome measures", "Statistical methods", "Experimental animals", "Experimental procedures",
    "Results",
]  # fmt: skip


def items(kind: str) -> list[Item]:
    found = list(load_vocabulary().terms(kind).values())
    assert all(isinstance(term, Item) for term in found)
    return found  # type: ignore[return-value]


def test_the_domains_are_those_of_the_paper() -> None:
    assert [item.domain for item in items("rob")] == SYRCLE


def test_the_essential_ten() -> None:
    assert [item.label for item in items("arrive")] == ARRIVE
    for number, item in enumerate(items("arrive"), start=1):
        assert canonical_column(f"ARRIVE {number}") == item.name


@pytest.mark.parametrize("number", range(1, 11))
def test_numbers_of_syrcle_are_headers(number: int) -> None:
    wanted = items("rob")[number - 1].name
    for header in (f"SYRCLE {number}", f"syrcle_{number}", f"rob_syrcle_{number}"):
        assert canonical_column(header) == wanted


def test_headers_that_are_no_items_stay_as_they_are() -> None:
    for header in ("blinding", "randomisation", "camarades_score", "syrcle_sum", "arrive", "rob_"):
        assert canonical_column(header) is None, header
    assert item_column("rob_attrition") == "rob_incomplete_outcome_data"
    assert item_column("rob_funding") == "rob_funding"


@pytest.mark.parametrize(
    ("tool", "word", "answer"),
    [
        ("syrcle", "LOW RISK", "low"), ("syrcle", "+", "low"), ("syrcle", "−", "high"),
        ("syrcle", "-", "high"), ("syrcle", "?", "unclear"), ("syrcle", "some concerns", None),
        # Whether no is a failed item or no bias depends on how the question was put.
        ("syrcle", "no", None), ("syrcle", "yes", None),
        ("camarades", "Y", "yes"), ("camarades", "0", "no"), ("camarades", "?", None),
        ("arrive", "Partially", "partly"), ("arrive", "+/-", "partly"), ("arrive", "", None),
    ],
)  # fmt: skip
def test_words_of_answers(tool: str, word: str, answer: str | None) -> None:
    assert tools()[tool].read(word) == answer


def test_no_spelling_means_two_answers() -> None:
    for tool in tools().values():
        words = [w for one in tool.answers for w in (one.name, one.label, *one.synonyms)]
        signs = [one.sign for one in tool.answers]
        assert len(set(signs)) == len(signs)
        for word in words:
            owners = [one.name for one in tool.answers if tool.read(word) == one.name]
            assert len(owners) == 1, word
        for one in tool.answers:
            for word in (one.name, one.label, *one.synonyms):
                assert tool.read(word) == one.name, word


def test_which_list_a_column_belongs_to() -> None:
    words = load_vocabulary()
    found = {name: tool_of(name, words) for name in ("rob_x", "arrive_blinding", "arrive_sum")}
    assert {name: tool and tool.name for name, tool in found.items()} == {
        "rob_x": "syrcle", "arrive_blinding": "arrive", "arrive_sum": None,
    }  # fmt: skip


def test_domains_of_own_items(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "own.toml"
    path.write_text('[rob.rob_funding]\nlabel = "Funding"\n', encoding="utf-8")
    own = load_vocabulary(path).find("rob", "Funding")
    assert isinstance(own, Item)
    assert own.domain == "other"
    path.write_text('[rob.rob_funding]\ndomain = "money"\n', encoding="utf-8")
    with pytest.raises(UsageError, match=r"'money' is not known; known: 'selection'"):
        load_vocabulary(path)
    assert set(SYRCLE) == set(DOMAINS)
