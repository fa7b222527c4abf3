"""Finding words: folding, nearest, immutability, cost."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabone.errors import UsageError
from metabone.vocabulary import KINDS, Endpoint, load_vocabulary
from metabone.vocabulary.folding import fold_word

VOCABULARY = load_vocabulary()


@given(st.sampled_from(sorted(VOCABULARY.terms("outcome"))), st.data())
def test_case_spaces_and_punctuation_do_not_matter(name, data):
    swapped = name.upper() if data.draw(st.booleans()) else name.lower()
    noise = data.draw(st.sampled_from([" ", "-", "_", ".", "  "]))
    place = data.draw(st.integers(0, len(swapped)))
    assert VOCABULARY.find("outcome", f"{swapped[:place]}{noise}{swapped[place:]}").name == name


@pytest.mark.parametrize(
    ("one", "other"),
    [("Tb.Th", "Tb.Sp"), ("BV/TV", "BS/TV"), ("N.Ob/BS", "N.Oc/BS"), ("Imin", "Imax")],
)
def test_letters_always_matter(one, other):
    assert VOCABULARY.find("outcome", one) is not VOCABULARY.find("outcome", other)


@pytest.mark.parametrize("word", [None, "", "   ", "?", "no such outcome"])
def test_what_is_not_known_is_none(word):
    assert VOCABULARY.find("outcome", word) is None
    assert VOCABULARY.endpoint(word) is None


def test_greek_and_accents():
    assert fold_word("β-catenin") == fold_word("Beta catenin")
    assert VOCABULARY.find("outcome", "TNFα").name == "TNF"
    assert fold_word("épaisseur") == "epaisseur"


@pytest.mark.parametrize(
    ("kind", "word", "name"),
    [
        ("outcome", "trabeclar seperation", "Tb.Sp"),
        ("outcome", "BMDD", "BMD"),
        ("outcome", "Tb.Tj", "Tb.Th"),
        ("outcome", "Ct.Ar (cortical area)", "Ct.Ar"),
        ("model", "ovariektomy", "OVX"),
        ("model", "ageing (9 to 13.5 months)", "aged"),
        ("exosome_source", "BSMC", "BMSC"),
        ("species", "ratt", "rat"),
    ],
)
def test_nearest_knows_what_was_meant(kind, word, name):
    assert VOCABULARY.find(kind, word) is None
    assert name in VOCABULARY.nearest(kind, word)


def test_nearest_names_each_term_once_and_at_most_n():
    near = VOCABULARY.nearest("outcome", "bone mineral densiti", n=2)
    assert len(near) == len(set(near)) == 2
    assert VOCABULARY.nearest("outcome", "qqqqqqqqqq") == []


def test_an_unknown_kind_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="'outcomes' is no kind of word; nearest: outcome"):
        VOCABULARY.terms("outcomes")


def test_nothing_can_be_changed():
    term = VOCABULARY.endpoint("BV/TV")
    for mapping in (VOCABULARY.terms("outcome"), term.units, term.ranges):
        with pytest.raises(TypeError):
            mapping["x"] = 1
    with pytest.raises(AttributeError):
        term.better = "lower"
    with pytest.raises(AttributeError):
        VOCABULARY.extra = None


def test_it_is_loaded_once():
    assert load_vocabulary() is load_vocabulary()


def test_it_travels_to_another_process():
    assert pickle.loads(pickle.dumps(VOCABULARY)) is VOCABULARY
    term = VOCABULARY.endpoint("BV/TV")
    copy = pickle.loads(pickle.dumps(term))
    assert isinstance(copy, Endpoint)
    assert copy == term
    assert hash(copy) == hash(term)


LOADED = """
import sys
import metabone.vocabulary as room
vocabulary = room.load_vocabulary()
for kind in room.KINDS:
    vocabulary.terms(kind)
heavy = {"numpy", "pandas", "scipy", "pydantic", "matplotlib", "typer"} & set(sys.modules)
print(*sorted(heavy))
"""


def test_loading_needs_no_library():
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_all_kinds_are_offered():
    wanted = {
        "outcome",
        "exosome_source",
        "target_cell",
        "model",
        "species",
        "assay",
        "route",
        "rob",
    }
    assert wanted <= set(KINDS)
