"""What the shipped words hold: counts, judgements, and every word that the data sets print."""

from __future__ import annotations

from pathlib import Path

import pytest

import metabone.vocabulary as room
from metabone.vocabulary import KINDS, Endpoint, load_vocabulary
from metabone.vocabulary.folding import fold_word, singular
from metabone.vocabulary.loading import FILES, read_toml
from metabone.vocabulary.units import fold_unit

VOCABULARY = load_vocabulary()
OUTCOMES = VOCABULARY.terms("outcome")

# Every outcome with every unit in the tables of unloaded and of treated animals and in the list of
# their variability, as printed. Blank where no unit is printed.
PRINTED = """
BFR/BS: um3*um-2*yr-1, um3/um2/d
BMC: g, mg
BS/BV: 1/mm
BV: mm3
BV/TV: %, fraction
CTX: ng/ml
Conn.D: 1/mm3, mm-3
Ct.Ar: mm2
Ct.Ar/Tt.Ar: %
Ct.BV: mm3
Ct.Po: %
Ct.TMD: g/cm3, mg HA/cm3, mgHA/cm3
Ct.Th: mm, um
Ct.V: mm3
ES/BS: %
Imin: mm4
MAR: um/d, um/day
MOI: mm4
MS/BS: %
Ma.Ar: mm2
Ma.V: mm3
N.Ob/BS: #/mm2, um-1
N.Oc/BS: #/mm2, um-1
O.Th: um
OS/BS: %
Ob.S/BS: %
Oc.Pm/B.Pm: %
Oc.S/BS: %
P1NP: ng/ml
TMD: g/cc, mg/ccmHA
TRAP: Unit/L
TV: mm3
Tb.N: #/mm, 1/mm, mm-1
Tb.Sp: mm, um
Tb.Th: mm, um
Tt.Ar: mm2
Tt.V: mm3
aBMD: 10-3 g/cm2, g/cm2, mg/mm2
bone_thickness: mm, um
displacement_at_failure: mm
failure_load: N
max_load: N
max_moment: N*mm
osteocalcin: ng/mL
pMOI: mm4
post_yield_displacement: mm
post_yield_work: N*mm
stiffness: N/mm
vBMD: mg/cm3, mgHA/cm3
work_to_failure: N*mm
yield_moment: N*mm
youngs_modulus: GPa, MPa, N/mm2
"""
PAIRS = [
    (outcome, unit)
    for line in PRINTED.strip().splitlines()
    for outcome, units in [line.split(": ")]
    for unit in units.split(", ")
]


@pytest.mark.parametrize(("outcome", "unit"), PAIRS)
def test_every_printed_outcome_and_unit_is_understood(outcome, unit):
    endpoint = VOCABULARY.endpoint(outcome)
    assert endpoint is not None
    assert endpoint.accepts(unit)
    if (outcome, unit) not in {("N.Ob/BS", "#/mm2"), ("N.Oc/BS", "#/mm2")}:  # per area: no factor
        assert endpoint.factor(unit) > 0


@pytest.mark.parametrize("outcome", ["SMI", "DA", "Tb.Pf"])
def test_outcomes_printed_without_unit_are_known(outcome):
    assert VOCABULARY.endpoint(outcome) is not None


@pytest.mark.parametrize("word", ["aBMD (file column, rounded to 0.1)", "BMD (g/cm2)", "BV/TV (%)"])
def test_a_word_with_an_aside_is_reported_and_not_guessed(word):
    assert VOCABULARY.find("outcome", word) is None
    assert VOCABULARY.nearest("outcome", word)[0] == word.split(" ")[0]


def test_there_is_enough_of_everything():
    assert len(OUTCOMES) >= 50
    assert len(VOCABULARY.terms("exosome_source")) >= 18
    assert len(VOCABULARY.terms("target_cell")) >= 10
    assert len(VOCABULARY.terms("model")) >= 20
    assert len(VOCABULARY.terms("rob")) == 10
    assert len(VOCABULARY.terms("camarades")) == 10


def test_outcomes_named_by_the_plan_of_the_table():
    named = (
        "BMD aBMD vBMD BMC BV/TV Tb.N Tb.Th Tb.Sp Ct.Th Conn.D SMI max_load stiffness ALP RUNX2 "
        "OCN COL1A1 OPG P1NP CTX TRAP N.Oc/B.Pm mineralised_area"
    )
    assert set(named.split()) <= set(OUTCOMES)


HIGHER = (
    "BMD aBMD vBMD BMC BV/TV Tb.N Tb.Th Conn.D Ct.Th Ct.Ar Ct.Ar/Tt.Ar pMOI max_load stiffness "
    "work_to_failure yield_moment ALP OCN RUNX2 SP7 COL1A1 BMP2 OPN OPG mineralised_area "
    "osteoblast_proliferation osteoblast_differentiation"
)
LOWER = (
    "Tb.Sp SMI Tb.Pf BS/BV Ct.Po RANKL NFATC1 CTSK NLRP3 osteoclast_number osteoclast_formation "
    "bone_loss IL-6 TNF-α"
)
DEPENDS = (
    "BFR/BS MAR MS/BS N.Oc/B.Pm N.Oc/BS Oc.S/BS Ob.S/BS OS/BS ES/BS O.Th Ma.Ar Tt.Ar TV DA TMD "
    "serum_ALP serum_OCN P1NP CTX TRAP youngs_modulus post_yield_displacement"
)


@pytest.mark.parametrize(
    ("word", "better"),
    [(w, "higher") for w in HIGHER.split()]
    + [(w, "lower") for w in LOWER.split()]
    + [(w, None) for w in DEPENDS.split()],
)
def test_which_way_is_better(word, better):
    endpoint = VOCABULARY.endpoint(word)
    assert endpoint.better == better
    if better is None:
        assert endpoint.note, "where it depends, the note says why"


def test_every_outcome_without_a_direction_says_why():
    assert [name for name, term in OUTCOMES.items() if term.better is None and not term.note] == []


# The nine studies of the seed review's Table 1: source, cell, what changed, whether it is good.
SEED = [
    ("BMSCs", "BMSCs (after irradiation)", "bone loss", "lower", True),
    ("BMSCs", "Osteoblasts (hFOB 1.19)", "proliferation of osteoblasts", "higher", True),
    ("BMSCs", "Osteoblasts", "osteoblast proliferation", "higher", True),
    ("hiPSC-MSCs", "Osteoblasts", "bone formation", "higher", True),
    ("BMSCs", "Osteoblasts", "differentiation of osteoblasts", "higher", True),
    ("AD-MSCs", "Osteoclasts", "NLRP3 inflammasome activation", "lower", True),
    ("GMSCs", "Osteoclasts", "osteoclast formation", "lower", True),
    ("BMSCs", "Osteoclasts", "number of osteoclasts", "higher", False),  # harm
    ("BMSCs", "Osteoblasts", "osteoblast differentiation", "higher", True),
]


@pytest.mark.parametrize(("source", "cell", "outcome", "change", "good"), SEED)
def test_benefit_can_be_judged_for_the_seed_studies(source, cell, outcome, change, good):
    assert VOCABULARY.find("exosome_source", source) is not None
    assert VOCABULARY.find("target_cell", cell) is not None
    assert (VOCABULARY.endpoint(outcome).better == change) is good


def test_skeletal_is_bone_tissue_of_an_animal():
    skeletal = {"dxa", "density", "microct", "histomorphometry", "mechanics"}
    never = {"serum", "animal", "osteogenic", "osteoclastic", "inflammation", "cell"}
    for term in OUTCOMES.values():
        if term.domain in skeletal:
            assert term.skeletal, term.name
        if term.domain in never:
            assert not term.skeletal, term.name


@pytest.mark.parametrize("name", ["SMI", "DA", "Tb.Pf", "FD"])
def test_no_ratio_of_what_can_be_negative_or_has_no_zero(name):
    assert not VOCABULARY.endpoint(name).ratio_scale


@pytest.mark.parametrize(
    ("kind", "word", "name"),
    [
        ("exosome_source", "BMSCs", "BMSC"),
        ("exosome_source", "bone marrow mesenchymal stem cells", "BMSC"),
        ("exosome_source", "AD-MSCs", "AD-MSC"),
        ("exosome_source", "ADSC", "AD-MSC"),
        ("exosome_source", "WJ-MSC", "hUC-MSC"),
        ("exosome_source", "hucMSC", "hUC-MSC"),
        ("exosome_source", "Gingival tissue-derived mesenchymal stem cells", "GMSC"),
        ("exosome_source", "platelet-rich plasma", "platelet lysate"),
        ("target_cell", "RAW264.7", "osteoclast"),
        ("target_cell", "MC3T3-E1 cells", "osteoblast"),
        ("target_cell", "HUVECs", "endothelial cell"),
        ("target_cell", "MLO-Y4", "osteocyte"),
        ("model", "ovariectomised", "OVX"),
        ("model", "Ovariectomy", "OVX"),
        ("model", "orchiectomy", "ORX"),
        ("model", "hindlimb unloading (tail suspension)", "hindlimb unloading"),
        ("model", "partial weight suspension", "partial weight bearing"),
        ("model", "spaceflight, artificial 1/6 g", "spaceflight partial gravity"),
        ("model", "GnRH agonist (leuprolide)", "GnRH agonist"),
        ("model", "irradiation", "radiation"),
        ("model", "STZ diabetic osteoporosis", "diabetes type 1"),
        ("species", "Mice", "mouse"),
        ("species", "Rattus norvegicus", "rat"),
        ("sex", "F", "female"),
        ("assay", "µCT", "microCT"),
        ("assay", "micro-CT", "microCT"),
        ("assay", "DXA (PIXImus II)", "DXA"),
        ("assay", "3-point bending", "three-point bending"),
        ("route", "i.v.", "intravenous"),
        ("route", "IV (tail vein)", "intravenous"),
    ],
)
def test_words_that_papers_use(kind, word, name):
    assert VOCABULARY.find(kind, word).name == name


def test_kinds_of_unloading_stay_apart_under_one_parent():
    for name in ("hindlimb unloading", "partial weight bearing", "spaceflight"):
        assert VOCABULARY.find("model", name).parent == "unloading"


def test_a_qualification_that_matters_is_not_dropped():
    assert (
        VOCABULARY.find("model", "spaceflight (all rats ovariectomised 14 d before launch)") is None
    )


def test_risk_of_bias_columns():
    items = "sequence_generation baseline_characteristics allocation_concealment random_housing "
    items += "blinding_caregivers random_outcome_assessment blinding_outcome_assessors "
    items += "incomplete_outcome_data selective_reporting other_bias"
    assert list(VOCABULARY.terms("rob")) == [f"rob_{item}" for item in items.split()]


# Lowest and highest group mean found in the tables, in the unit of the outcome.
FOUND = [
    ("BV/TV", "rat", 4.91667, 43.9),
    ("BV/TV", "mouse", 4.5, 77.7),
    ("Tb.Th", "rat", 59.3333, 102),
    ("Tb.Th", "mouse", 44, 71.157),
    ("Tb.Sp", "rat", 238, 761.908),
    ("Tb.Sp", "mouse", 129, 303.759),
    ("Tb.N", "rat", 1.29, 4.03333),
    ("Tb.N", "mouse", 1.68357, 6.9),
    ("Conn.D", "rat", 18.6408, 102.167),
    ("Conn.D", "mouse", 65, 281.1),
    ("Ct.Th", "rat", 0.469667, 0.753),
    ("Ct.Th", "mouse", 0.093, 0.2383),
    ("vBMD", "rat", 104.41, 1318.44),
    ("aBMD", "mouse", 0.0471, 0.058074),
    ("max_load", "mouse", 6.27, 16),
    ("MAR", "rat", 0.725455, 1.526),
]


@pytest.mark.parametrize(("name", "species", "low", "high"), FOUND)
def test_plausible_means_are_the_observed_ones_widened_threefold(name, species, low, high):
    endpoint = VOCABULARY.endpoint(name)
    lowest, highest = endpoint.ranges[species]
    assert low / 3 * 0.9 <= lowest <= low / 3
    ceiling = 100 if endpoint.unit == "%" else float("inf")
    assert min(high * 3, ceiling) <= highest <= min(high * 3 * 1.1, ceiling)


def test_ranges_name_known_species_and_their_source():
    ranged = [term for term in OUTCOMES.values() if term.ranges]
    assert len(ranged) >= 20
    for term in ranged:
        assert term.range_source, term.name
        assert set(term.ranges) <= set(VOCABULARY.terms("species"))
        assert all(0 <= low < high for low, high in term.ranges.values())


def test_a_slip_of_unit_leaves_the_range():
    low, high = VOCABULARY.endpoint("Tb.Th").ranges["rat"]
    assert not low <= 0.09 <= high  # 90 um printed in mm under a heading of um


def test_no_spelling_means_two_terms_of_a_kind():
    for kind in KINDS:
        owner: dict[str, str] = {}
        for term in VOCABULARY.terms(kind).values():
            for word in (term.name, term.label, *term.synonyms):
                folded = fold_word(word)
                assert owner.setdefault(folded, term.name) == term.name, (kind, word)
        for folded, name in owner.items():  # nor does a plural
            assert owner.get(singular(folded), name) == name, (kind, folded)


def test_every_table_of_the_files_is_a_term_of_its_own():
    for kind in KINDS:
        tables = [
            name
            for file in FILES[kind]
            if file != "outcomes_ranges.toml"
            for name in read_toml(Path(room.__file__).with_name(file)).get(kind, {})
        ]
        assert tables == list(VOCABULARY.terms(kind))


def test_every_term_finds_itself_by_each_of_its_spellings():
    for kind in KINDS:
        for term in VOCABULARY.terms(kind).values():
            for word in (term.name, term.label, *term.synonyms):
                assert VOCABULARY.find(kind, word) is term


def test_parents_are_terms():
    for kind in KINDS:
        terms = VOCABULARY.terms(kind)
        assert all(term.parent in terms for term in terms.values() if term.parent)


def test_every_outcome_accepts_its_own_unit_once():
    for term in OUTCOMES.values():
        assert isinstance(term, Endpoint)
        assert term.factor(term.unit) == 1.0, term.name
        keys = [fold_unit(unit) for unit in (*term.units, *term.other_units) if unit]
        assert len(set(keys)) == len(keys), term.name
