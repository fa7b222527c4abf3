"""Units as papers print them; the factors on the right are worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabone.vocabulary import load_vocabulary
from metabone.vocabulary.units import dimensions, fold_unit, into

FACTORS = [
    ("BV/TV", "%", 1),
    ("BV/TV", "fraction", 100),
    ("BV/TV", "mm3/mm3", 100),
    ("BV/TV", "mm³/mm³", 100),
    ("BV/TV", "percent", 1),
    ("BV/TV", "per cent", 1),
    ("Tb.Th", "um", 1),
    ("Tb.Th", "µm", 1),  # micro sign
    ("Tb.Th", "μm", 1),  # Greek mu
    ("Tb.Th", "microns", 1),
    ("Tb.Th", "mm", 1000),
    ("Tb.N", "1/mm", 1),
    ("Tb.N", "mm-1", 1),
    ("Tb.N", "mm−1", 1),  # minus sign
    ("Tb.N", "mm⁻¹", 1),
    ("Tb.N", "mm^-1", 1),
    ("Tb.N", "mm ^ -1", 1),
    ("Tb.N", "/mm", 1),
    ("Tb.N", "#/mm", 1),
    ("Tb.N", "no./mm", 1),
    ("Tb.N", "per mm", 1),
    ("Conn.D", "1/mm3", 1),
    ("Conn.D", "mm-3", 1),
    ("Conn.D", "1/mm³", 1),
    ("BMD", "g/cm2", 1),
    ("BMD", "g/cm²", 1),
    ("BMD", "mg/cm2", 0.001),
    ("BMD", "mg/mm2", 0.1),  # 1e-3 g in 1e-2 cm2
    ("aBMD", "10-3 g/cm2", 0.001),
    ("aBMD", "×10⁻³ g/cm²", 0.001),
    ("aBMD", "x 10^-3 g/cm2", 0.001),
    ("vBMD", "mg HA/cm3", 1),
    ("vBMD", "mgHA/cm3", 1),
    ("vBMD", "mg HA/ccm", 1),
    ("vBMD", "mg/ccmHA", 1),
    ("vBMD", "mg hydroxyapatite/cm3", 1),
    ("vBMD", "mg·cm⁻³", 1),
    ("vBMD", "g/cc", 1000),
    ("vBMD", "g/cm³", 1000),
    ("BMC", "g", 1000),
    ("Ct.Th", "um", 0.001),
    ("pMOI", "mm4", 1),
    ("pMOI", "mm⁴", 1),
    ("max_load", "kN", 1000),
    ("max_load", "mN", 0.001),
    ("max_load", "kgf", 9.80665),
    ("stiffness", "N/mm", 1),
    ("stiffness", "N·mm⁻¹", 1),
    ("stiffness", "kN/m", 1),
    ("youngs_modulus", "GPa", 1000),
    ("youngs_modulus", "Mpa", 1),
    ("youngs_modulus", "N/mm2", 1),
    ("work_to_failure", "N*mm", 1),
    ("work_to_failure", "N mm", 1),
    ("work_to_failure", "N-mm", 1),
    ("work_to_failure", "N·mm", 1),
    ("work_to_failure", "Nmm", 1),
    ("work_to_failure", "mJ", 1),
    ("work_to_failure", "J", 1000),
    ("MAR", "um/day", 1),
    ("MAR", "μm/d", 1),
    ("BFR/BS", "um3/um2/d", 1),
    ("BFR/BS", "μm³/μm²/day", 1),
    ("BFR/BS", "um3/(um2*d)", 1),
    ("BFR/BS", "um3*um-2*yr-1", 1 / 365.25),
    ("BFR/BS", "um3/um2/year", 1 / 365.25),
    ("BFR/BS", "mm3/cm2/yr", 10 / 365.25),  # 1e9 um3 on 1e8 um2
    ("OCN", "ng/mL", 1),
    ("OCN", "ng/ml", 1),
    ("OCN", "µg/L", 1),
    ("RANKL", "pg/mL", 1),
    ("RANKL", "ng/mL", 1000),
    ("TRAP", "Unit/L", 1),
    ("TRAP", "IU/l", 1),
    ("TRAP", "mU/mL", 1),
    ("RUNX2", "fold change", 1),
    ("RUNX2", "Relative expression", 1),
    ("SMI", "", 1),
    ("SMI", None, 1),
    ("SMI", "-", 1),
]


@pytest.mark.parametrize(("outcome", "unit", "expected"), FACTORS)
def test_factor_into_the_canonical_unit(outcome, unit, expected):
    endpoint = load_vocabulary().endpoint(outcome)
    assert endpoint.factor(unit) == pytest.approx(expected, rel=1e-12)
    assert endpoint.accepts(unit)


@pytest.mark.parametrize(
    ("outcome", "unit"),
    [
        ("BV/TV", ""),  # a fraction or a per cent?
        ("BV/TV", None),
        ("BV/TV", "mm"),
        ("BMD", "mg/cm3"),  # a density by volume is vBMD
        ("vBMD", "g/cm2"),
        ("BFR/BS", "percent (as headed)"),
        ("BFR/BS", "%"),
        ("pMOI", "mm (as printed)"),
        ("pMOI", "mm"),
        ("Tb.Th", "um2"),
        ("Tb.Th", "Mm"),
        ("max_load", "MN"),  # mega, not milli
        ("max_load", "N/mm"),
        ("youngs_modulus", "MM"),
        ("NTX", "nm"),  # nanometre is not nanomolar
        ("Tb.Th", "mm/(um/d)"),
        ("Tb.Th", "???"),
        ("Tb.Th", "="),
        ("max_load", "N = 7"),
    ],
)
def test_what_is_no_unit_of_the_outcome_stays_unknown(outcome, unit):
    endpoint = load_vocabulary().endpoint(outcome)
    assert endpoint.factor(unit) is None
    assert not endpoint.accepts(unit)


@pytest.mark.parametrize(
    ("outcome", "unit"),
    [("OCN", "fold"), ("ALP", "%"), ("TRAP", "ng/mL"), ("N.Oc/BS", "#/mm2"), ("NTX", "ng/ml")],
)
def test_known_units_that_no_factor_converts(outcome, unit):
    endpoint = load_vocabulary().endpoint(outcome)
    assert endpoint.factor(unit) is None
    assert endpoint.accepts(unit)


def test_the_spelling_of_the_vocabulary():
    number = load_vocabulary().endpoint("Tb.N")
    assert number.spelled("mm⁻¹") == "1/mm"
    assert number.spelled("N") is None
    density = load_vocabulary().endpoint("aBMD")
    assert density.spelled("10-3 g/cm2") is None  # it carries a factor of its own
    assert load_vocabulary().endpoint("N.Oc/BS").spelled("#/mm²") == "1/mm2"


def test_nothing_is_cancelled():
    assert fold_unit("mm3/mm3") == (1.0, "mm3/mm3")
    assert fold_unit("um3/um2/d") != fold_unit("um/d")


def test_every_unit_of_every_dimension_is_read_as_itself():
    for dimension in dimensions().values():
        keys = [fold_unit(unit) for unit in dimension.units]
        assert None not in keys
        assert len(set(keys)) == len(keys), dimension.name
        assert all(scale == 1.0 for scale, _ in keys)
        assert next(iter(dimension.units.values()), 1) == 1


@given(st.data())
def test_converting_there_and_back(data):
    name = data.draw(st.sampled_from([d for d in dimensions() if dimensions()[d].units]))
    first, second = (data.draw(st.sampled_from(sorted(dimensions()[name].units))) for _ in "ab")
    assert into(name, first)[second] * into(name, second)[first] == pytest.approx(1, rel=1e-12)


@given(st.text(max_size=30))
def test_any_text_is_a_unit_or_none(text):
    found = fold_unit(text)
    assert found is None or (found[0] > 0 and found[1])


@given(st.text(max_size=12))
def test_no_text_becomes_a_thickness_unless_it_spells_a_length(text):
    factor = load_vocabulary().endpoint("Tb.Th").factor(text)
    if factor is not None:
        letters = text.strip().casefold()
        assert any(word in letters for word in ("m", "㎛", "㎜", "㎝", "㎚")), text
