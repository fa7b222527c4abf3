"""A user's own words."""

from __future__ import annotations

import pickle

import pytest

from metabone.errors import UsageError
from metabone.vocabulary import load_vocabulary

NEW = 'domain = "repair"\ndimension = "fraction"\nunit = "%"\n'


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return load_vocabulary(path)

    return load


def test_a_new_outcome(load):
    words = load(f'[outcome.bridging]\nlabel = "Bridged gap"\n{NEW}better = "higher"\n')
    bridging = words.endpoint("Bridging")
    assert (bridging.label, bridging.better, bridging.skeletal) == ("Bridged gap", "higher", False)
    assert bridging.factor("fraction") == 100
    assert words.endpoint("BV/TV") == load_vocabulary().endpoint("BV/TV")
    assert load_vocabulary().endpoint("bridging") is None


def test_a_known_outcome_gets_more(load):
    words = load(
        """
        [outcome."bone volume fraction"]
        synonyms = ["Knochenvolumen"]
        units = { "permille" = 0.1 }
        ranges = { rabbit = [5, 60], rat = [1, 90] }
        range_source = "our own 40 rabbits"
        """
    )
    volume, before = words.endpoint("Knochenvolumen"), load_vocabulary().endpoint("BV/TV")
    assert volume.name == "BV/TV"
    assert volume.factor("permille") == 0.1
    assert volume.factor("fraction") == 100
    assert volume.ranges["rabbit"] == (5, 60)
    assert volume.ranges["rat"] == (1, 90)
    assert volume.ranges["mouse"] == before.ranges["mouse"]
    assert volume.range_source.endswith("; our own 40 rabbits")
    assert (volume.better, volume.skeletal, volume.label) == ("higher", True, before.label)


def test_a_protocol_may_fix_a_direction(load):
    assert load('[outcome."N.Oc/B.Pm"]\nbetter = "lower"\n').endpoint("N.Oc/B.Pm").better == "lower"


def test_units_of_ones_own(load):
    words = load(
        '[outcome.hardness]\ndomain = "mechanics"\ndimension = "other"\nunit = "HV"\n'
        'units = { "kgf/mm2" = 1, "GPa" = 102 }\nother_units = ["count"]\n'
    )
    hardness = words.endpoint("hardness")
    assert [hardness.factor(unit) for unit in ("HV", "kgf·mm⁻²", "GPa", "N")] == [1, 1, 102, None]
    assert hardness.accepts("#")


def test_defaults_hold_for_new_words_only(load):
    words = load(
        f"[defaults.outcome]\nskeletal = true\n{NEW}\n"
        '[outcome.one]\n[outcome.two]\nunit = "fraction"\n[outcome.ALP]\nsynonyms = ["APase"]\n'
    )
    assert words.endpoint("one").skeletal
    assert words.endpoint("two").factor("%") == 0.01
    assert not words.endpoint("APase").skeletal


def test_every_kind_can_be_added_to(load):
    words = load(
        '[species.ferret]\nsynonyms = ["ferrets"]\n'
        f"[outcome.bridging]\n{NEW}"
        'ranges = { ferret = [1, 2] }\nrange_source = "ours"\n'
        '[exosome_source."tendon MSC"]\nparent = "MSC"\n[model.OVX]\nsynonyms = ["menopause"]\n'
    )
    assert words.endpoint("bridging").ranges == {"ferret": (1, 2)}
    assert words.find("exosome_source", "tendon MSCs").parent == "MSC"
    assert words.find("model", "menopause").name == "OVX"
    assert "ferret" in words.terms("species")


def test_an_empty_file_and_a_byte_order_mark(load):
    assert load("").endpoint("BMD") is not None
    assert load("\ufeff[model.OVX]\n").find("model", "OVX") is not None


def test_it_travels_to_another_process(load):
    words = load(f"[outcome.bridging]\n{NEW}")
    assert pickle.loads(pickle.dumps(words)).endpoint("bridging").unit == "%"


MALFORMED = [
    ("[outcome.x]\nlabel = \n", ["is not valid TOML", "line 2"]),
    ('[outcome.x]\nlabel = "a"\nlabel = "b"\n', ["is not valid TOML", "line 3"]),
    ("[outcomes.x]\n", ["outcomes is no kind of word", "'outcome'"]),
    ("outcome = 3\n", ["outcome must hold tables"]),
    ("[outcome]\nx = 3\n", ['outcome."x"', "must be a table", "3"]),
    (f'[outcome.x]\n{NEW}beter = "lower"\n', ['outcome."x".beter', "nearest: 'better'"]),
    (f'[outcome.x]\n{NEW}better = "up"\n', ['outcome."x".better', "higher", "lower", "'up'"]),
    (f"[outcome.x]\n{NEW}better = true\n", ['outcome."x".better', "got True"]),
    (f"[outcome.x]\n{NEW}better = [1]\n", ['outcome."x".better', "got [1]"]),
    (f'[outcome.x]\n{NEW}skeletal = "yes"\n', ['outcome."x".skeletal', "true or false", "'yes'"]),
    (f"[outcome.x]\n{NEW}ratio_scale = 1\n", ['outcome."x".ratio_scale', "true or false"]),
    (f"[outcome.x]\n{NEW}label = 3\n", ['outcome."x".label', "a text"]),
    (f'[outcome.x]\n{NEW}label = ""\n', ['outcome."x".label', "no letter"]),
    (f'[outcome.x]\n{NEW}synonyms = "a"\n', ['outcome."x".synonyms', "a list of texts"]),
    (f"[outcome.x]\n{NEW}synonyms = [1]\n", ['outcome."x".synonyms', "a list of texts"]),
    (f'[outcome.x]\n{NEW}synonyms = ["--"]\n', ['outcome."x".synonyms', "no letter"]),
    (
        f'[outcome.x]\n{NEW}synonyms = ["Tb-Th"]\n',
        ['outcome."x".synonyms', "'Tb-Th' already belongs to 'Tb.Th'"],
    ),
    (
        f'[outcome.x]\n{NEW}synonyms = ["q"]\n[outcome.y]\n{NEW}synonyms = ["Q"]\n',
        ['outcome."y".synonyms', "already belongs to 'x'"],
    ),
    (f'[outcome.x]\n{NEW}units = {{ "g" = "1" }}\n', ['units."g"', "number above 0", "'1'"]),
    (f'[outcome.x]\n{NEW}units = {{ "g" = 0 }}\n', ['units."g"', "number above 0"]),
    (f'[outcome.x]\n{NEW}units = {{ "g" = -2 }}\n', ['units."g"', "number above 0"]),
    (f'[outcome.x]\n{NEW}units = {{ "g" = inf }}\n', ['units."g"', "number above 0"]),
    (f'[outcome.x]\n{NEW}units = {{ "g" = true }}\n', ['units."g"', "number above 0"]),
    (f'[outcome.x]\n{NEW}units = ["g"]\n', ['outcome."x".units', "a table"]),
    (f'[outcome.x]\n{NEW}units = {{ "=?" = 1 }}\n', ["'=?' cannot be read as a unit"]),
    (f'[outcome.x]\n{NEW}units = {{ "10-3 g" = 1 }}\n', ["'10-3 g' cannot be read as a unit"]),
    (f'[outcome.x]\n{NEW}other_units = ["="]\n', ['outcome."x".other_units', "'='"]),
    ('[outcome."BV/TV"]\nunits = { fraction = 10 }\n', ['units."fraction"', "is 100 already"]),
    ('[outcome."Tb.N"]\nunits = { "mm-1" = 10 }\n', ['units."mm-1"', "is 1 already"]),
    ('[outcome."BV/TV"]\nunit = "fraction"\n', ['outcome."BV/TV".unit', "cannot be changed"]),
    ('[outcome."BV/TV"]\ndimension = "mass"\n', ["dimension", "cannot be changed"]),
    ('[outcome."BV/TV"]\ndomain = "dxa"\n', ["domain", "cannot be changed"]),
    ("[outcome.x]\n", ['outcome."x".dimension', "is missing"]),
    ('[outcome.x]\ndomain = "cell"\ndimension = "mass"\n', ['outcome."x".unit', "is missing"]),
    (
        '[outcome.x]\ndomain = "cell"\ndimension = "mas"\nunit = "g"\n',
        ['outcome."x".dimension', "nearest: 'mass'"],
    ),
    (
        '[outcome.x]\ndomain = "cell"\ndimension = "mass"\nunit = "mm"\n',
        ['outcome."x".unit', "'mm' is no unit of mass"],
    ),
    (
        '[outcome.x]\ndomain = "cell"\ndimension = "mass"\nunit = ""\n',
        ['outcome."x".unit', "is no unit of mass"],
    ),
    (
        '[outcome.x]\ndomain = "cell"\ndimension = "other"\nunit = "?"\n',
        ['outcome."x".unit', "'?' cannot be read as a unit"],
    ),
    (f"[outcome.x]\n{NEW}ranges = {{ rat = [1, 2] }}\n", ["range_source", "must say where"]),
    (
        f'[outcome.x]\n{NEW}range_source = "a"\nranges = {{ rat = [2, 1] }}\n',
        ["ranges.rat", "lowest < highest", "[2, 1]"],
    ),
    (
        f'[outcome.x]\n{NEW}range_source = "a"\nranges = {{ rat = [1] }}\n',
        ["ranges.rat", "[lowest, highest]"],
    ),
    (
        f'[outcome.x]\n{NEW}range_source = "a"\nranges = {{ rat = [1, "2"] }}\n',
        ["ranges.rat", "[lowest, highest]"],
    ),
    (
        f'[outcome.x]\n{NEW}range_source = "a"\nranges = {{ rta = [1, 2] }}\n',
        ["ranges.rta", "no known species", "'rat'"],
    ),
    ('[model.x]\nparent = "unloadin"\n', ['model."x".parent', "nearest: 'unloading'"]),
    ('[model.x]\nbetter = "lower"\n', ['model."x".better', "is not a known key"]),
    ("[defaults]\noutcome = 1\n", ["defaults.outcome must be a table"]),
    ("[defaults.outcom]\n", ["defaults.outcom", "nearest: 'outcome'"]),
    ("[defaults.outcome]\nbeter = 1\n", ['defaults."outcome".beter', "nearest: 'better'"]),
]


@pytest.mark.parametrize(("text", "fragments"), MALFORMED)
def test_what_is_malformed_is_refused_with_its_place(load, tmp_path, text, fragments):
    with pytest.raises(UsageError) as caught:
        load(text)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "mine.toml"))
    assert "\n" not in message
    for fragment in fragments:
        assert fragment in message


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UsageError, match=r"absent\.toml: cannot be read: No such file"):
        load_vocabulary(tmp_path / "absent.toml")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        load_vocabulary(tmp_path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes('[model."Knochenbr\xfcche"]'.encode("latin-1"))
    with pytest.raises(UsageError, match=r"latin\.toml: is not UTF-8 text"):
        load_vocabulary(latin)
