"""Formulas: what the grammar understands, what it refuses, and designs against R."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabone.errors import DataError, MetaboneError, ModelError, UsageError
from metabone.models.basis import natural_spline, orthogonal_polynomial
from metabone.synthesis.design import design
from metabone.synthesis.formula import parse_formula

# Made once by R 4.2.2: the file names the calls.
R = json.loads(Path(__file__).with_name("design_R.json").read_text(encoding="utf-8"))

COLUMNS = ["weeks", "species", "site", "dose", "dose per kg", "class", "log", "Tb.Th", "βGP"]


def understood(text: str) -> str:
    return str(parse_formula(text, COLUMNS))


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("weeks", "weeks"),
        ("~ weeks + species", "weeks + species"),
        ("weeks\n + species", "weeks + species"),
        ("weeks * species", "weeks + species + weeks:species"),
        ("weeks * species * site",
         "weeks + species + site + weeks:species + weeks:site + species:site + weeks:species:site"),
        ("(weeks + species):site", "weeks:site + species:site"),
        ("(weeks + dose) * site", "weeks + dose + site + weeks:site + dose:site"),
        ("weeks:species + dose", "dose + weeks:species"),
        ("weeks:species + species:weeks", "weeks:species"),
        ("weeks * species - weeks:species", "weeks + species"),
        ("weeks * species - species", "weeks + weeks:species"),
        ("species:species", "species"),
        ("weeks - 1", "0 + weeks"),
        ("-1 + weeks", "0 + weeks"),
        ("0 + weeks", "0 + weeks"),
        ("weeks + 1", "weeks"),
        ("weeks + 0 + 1", "weeks"),
        ("log(dose) + sqrt(weeks)", "log(dose) + sqrt(weeks)"),
        ("center(log(dose)):species", "center(log(dose)):species"),
        ("ns(weeks, 3) + poly(dose, degree=2)", "ns(weeks, 3) + poly(dose, 2)"),
        ("ns(log(weeks), df = 2)", "ns(log(weeks), 2)"),
        ("C(species)", "C(species)"),
        ("C(species, reference='rat')", 'C(species, reference="rat")'),
        ("C(weeks, reference=4)", 'C(weeks, reference="4")'),
        ("class + log + `log`", "class + log"),
        ("log(log)", "log(log)"),
        ("`dose per kg` + log(`Tb.Th`)", "`dose per kg` + log(`Tb.Th`)"),
        ("βGP", "βGP"),
    ],
)  # fmt: skip
def test_a_formula_is_understood(text: str, meaning: str) -> None:
    assert understood(text) == meaning


@pytest.mark.parametrize("text", ["weeks * species", 'C(site, reference="tibia") - 1', "`Tb.Th`"])
def test_a_formula_written_out_means_the_same(text: str) -> None:
    first = parse_formula(text, COLUMNS)
    assert parse_formula(str(first), COLUMNS) == first


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("__import__('os').system('id')", "__import__()"),
        ("weeks + __import__('os')", "__import__()"),
        ("species.__class__", "'.'"),
        ("log(weeks).real", "'.'"),
        ("np.log(weeks)", "'np'"),
        ("().__class__.__bases__[0]", "')'"),
        ("lambda: 0", "'lambda'"),
        ("weeks + lambda x: x", "'lambda'"),
        ("(lambda weeks: weeks)(1)", "'lambda'"),
        ("f'{weeks}'", "'f'"),
        ("class'{weeks}'", "'{weeks}'"),
        ("weeks @ site", "'@'"),
        ("@weeks", "'@'"),
        ("weeks[0]", "'['"),
        ("[weeks]", "'['"),
        ("{weeks}", "'{'"),
        ("{weeks+1}", "'{'"),
        ("I(weeks**2)", "I()"),
        ("Q('weeks')", "Q()"),
        ("exp(weeks)", "exp()"),
        ("eval('1')", "eval()"),
        ("bs(weeks, df=3)", "bs()"),
        ("hashed(species)", "hashed()"),
        ("C(species, contr.treatment('rat'))", "'contr'"),
        ("C(species, Treatment)", "'Treatment'"),
        ("C(species, reference=rat)", "'rat'"),
        ("C(species, reference='rat', 1)", "','"),
        ("C(species, levels='rat')", "'levels'"),
        ("C(log(weeks))", "C()"),
        ("log(C(species))", "log()"),
        ("ns(ns(weeks, 2), 2)", "ns()"),
        ("log(weeks + 1)", "'+'"),
        ("log(weeks, 2)", "','"),
        ("log(2)", "'2'"),
        ("log()", "')'"),
        ("log weeks", "'weeks'"),
        ("ns(weeks)", "')'"),
        ("ns(weeks, 2.5)", "'2.5'"),
        ("ns(weeks, 0)", "'0'"),
        ("ns(weeks, 11)", "'11'"),
        ("ns(weeks, site)", "'site'"),
        ("ns(weeks, 1+1)", "'+'"),
        ("ns(weeks, knots=4)", "'knots'"),
        ("poly(weeks, -1)", "'-'"),
        ("poly(weeks, '2')", "\"'2'\""),
        ("weeks ** 2", "'*'"),
        ("weeks^2", "'^'"),
        ("weeks / site", "'/'"),
        ("weeks % site", "'%'"),
        ("weeks | site", "'|'"),
        ("weeks > 3", "'>'"),
        ("weeks == 3", "'='"),
        ("weeks = 3", "'='"),
        ("weeks; site", "';'"),
        ("weeks, site", "','"),
        ("weeks and site", "'and'"),
        ("weeks if site else dose", "'if'"),
        ("yi ~ weeks", "'~'"),
        ("~ ~ weeks", "'~'"),
        ("weeks ~", "'~'"),
        ("weeks + 2", "'2'"),
        ("1e3 + weeks", "'1e3'"),
        ("0x1 + weeks", "'0x1'"),
        ("weeks:1", "'1'"),
        ("weeks * 0", "'0'"),
        ("(1 + weeks)", "'1'"),
        ("weeks + 'rat'", "\"'rat'\""),
        ("weeks site", "'site'"),
        ("weeks)", "')'"),
        ("+ + weeks", "'+'"),
        ("weeks:-site", "'-'"),
        ("weeks - site", "'site'"),
        ("``", "''"),
        ("`weeks", "'`'"),
        ("C(species, reference='rat", '"\'"'),
        ("weeks\x00", r"'\x00'"),
        ("weeks\\", r"'\\'"),
        ("weeks #site", "'#'"),
    ],
)
def test_anything_else_is_refused_in_one_line_that_names_it(text: str, named: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_formula(text, COLUMNS)
    message = str(caught.value)
    assert named in message
    assert "\n" not in message
    assert len(message) < 300


@pytest.mark.parametrize("text", ["", " ", "~", "1", "0", "weeks - weeks", "weeks +", "((weeks)"])
def test_an_empty_or_broken_formula_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_formula(text, COLUMNS)


def test_an_unknown_column_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"'wekks' .* did you mean 'weeks'"):
        parse_formula("wekks + species", COLUMNS)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 900 + "weeks",
        "(" * 400 + "weeks" + ")" * 400,
        "log(" * 200 + "weeks" + ")" * 200,
        "weeks + " * 5000 + "weeks",
        "weeks*" * 160 + "undefined",
        "weeks*species*site*dose*class*log",
        ":".join(COLUMNS[:4]) + ":class",
        "`" * 999,
        "-" * 999,
    ],
)
def test_long_and_deep_formulas_are_refused_in_words(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_formula(text, COLUMNS)
    assert len(str(caught.value)) < 300


def test_many_columns_are_refused() -> None:
    names = [f"c{i}" for i in range(80)]
    with pytest.raises(UsageError, match="60 terms"):
        parse_formula(" + ".join(names), names)
    with pytest.raises(UsageError, match="20"):
        parse_formula(" + ".join(names[:30]), names)


def test_something_that_is_no_text_is_refused() -> None:
    with pytest.raises(UsageError, match="a formula is text; got int"):
        parse_formula(3, COLUMNS)  # type: ignore[arg-type]


@given(st.text(max_size=60) | st.text("weks01+-*:(), ~`logCns\"'=.", max_size=60))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        formula = parse_formula(text, COLUMNS)
    except UsageError:
        return
    assert set(formula.columns) <= set(COLUMNS)


def test_refusing_does_not_load_formulaic() -> None:
    code = (
        "import sys\n"
        "from metabone.synthesis.formula import parse_formula\n"
        "try: parse_formula('__import__(\"os\")', ['a'])\n"
        "except ValueError: pass\n"
        "assert not {'formulaic', 'pandas', 'scipy'} & set(sys.modules)\n"
    )
    import subprocess

    subprocess.run([sys.executable, "-c", code], check=True)


# ---------------------------------------------------------------- bases and designs, against R


@pytest.mark.parametrize("case", R["ns"], ids=lambda case: f"df{case['df']}")
def test_natural_splines_are_those_of_r(case: dict[str, list[float]]) -> None:
    df = int(case["df"])  # type: ignore[call-overload]
    basis = natural_spline(R["x"], df)
    np.testing.assert_allclose(basis(R["x"]), np.reshape(case["basis"], (-1, df)), atol=1e-13)
    np.testing.assert_allclose(basis(R["new"]), np.reshape(case["predicted"], (-1, df)), atol=1e-12)
    other = natural_spline(R["u"], df)
    np.testing.assert_allclose(other(R["u"]), np.reshape(case["u"], (-1, df)), atol=1e-13)


@pytest.mark.parametrize("case", R["poly"], ids=lambda case: f"degree{case['degree']}")
def test_polynomials_are_those_of_r(case: dict[str, list[float]]) -> None:
    degree = int(case["degree"])  # type: ignore[call-overload]
    basis = orthogonal_polynomial(R["x"], degree)
    np.testing.assert_allclose(basis(R["x"]), np.reshape(case["basis"], (-1, degree)), atol=1e-12)
    np.testing.assert_allclose(
        basis(R["new"]), np.reshape(case["predicted"], (-1, degree)), rtol=1e-9
    )
    other = orthogonal_polynomial(R["u"], degree)
    np.testing.assert_allclose(other(R["u"]), np.reshape(case["u"], (-1, degree)), atol=1e-12)


@given(
    st.lists(st.floats(-50, 50).map(lambda v: round(v, 1)), min_size=8, max_size=30, unique=True),
    st.integers(1, 4),
)
def test_polynomials_are_orthonormal_and_splines_straight_outside(
    x: list[float], columns: int
) -> None:
    poly = orthogonal_polynomial(x, columns)(x)
    np.testing.assert_allclose(poly.T @ poly, np.eye(columns), atol=1e-6)
    np.testing.assert_allclose(poly.sum(axis=0), 0, atol=1e-6)
    spline = natural_spline(x, columns)
    high = max(x)
    steps = spline([high, high + 1, high + 2, high + 3])
    np.testing.assert_allclose(np.diff(steps, 2, axis=0), 0, atol=1e-8)
    np.testing.assert_allclose(spline([min(x)]), 0, atol=1e-12)


def rows_of_r() -> pd.DataFrame:
    return pd.DataFrame(R["data"], index=range(2, 12))


# Our formula for each R formula of the file, in its order; None where R has no counterpart here.
OURS = [
    "species", "species + site", "species * weeks", "species + site + weeks - 1",
    "species * site - species:site", "log(dose) + sqrt(weeks)", None, "site * ns(weeks, 2)",
    "poly(weeks, 2) + site", 'C(species, reference="rat") + weeks', "site + site:weeks",
    "species * site", "weeks * dose", "weeks - 1", "C(species, reference='rat') * site",
    "center(weeks) * site", "0 + site:weeks",
]  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(o, t) for o, t in zip(OURS, R["matrices"], strict=True) if o is not None],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_designs_are_those_of_r(ours: str, theirs: dict[str, object]) -> None:
    made = design(rows_of_r(), ours)
    expected = np.reshape(np.array(theirs["X"], dtype=float), (10, -1))
    np.testing.assert_allclose(made.X, expected, atol=1e-12)
    assert len(set(made.names)) == made.X.shape[1]
    covered = sorted(i for term in made.terms for i in term.columns)
    assert covered == list(range(int(made.formula.intercept), made.X.shape[1]))
    # The same rows given as new ones, in another order, have the same design.
    shuffled = rows_of_r().iloc[::-1]
    np.testing.assert_allclose(made.at(shuffled), expected[::-1], atol=1e-12)


def test_names_say_what_a_column_is() -> None:
    made = design(rows_of_r(), "site * ns(weeks, 2)")
    assert made.names == (
        "intercept", "site[T.tibia]", "ns(weeks, 2)[1]", "ns(weeks, 2)[2]",
        "site[T.tibia]:ns(weeks, 2)[1]", "site[T.tibia]:ns(weeks, 2)[2]",
    )  # fmt: skip
    assert made.levels == {"site": ("femur", "tibia")}
    assert design(rows_of_r(), "0 + site + weeks").names[:2] == ("site[femur]", "site[tibia]")


def test_levels_are_alphabetical_and_the_reference_comes_first() -> None:
    frame = pd.DataFrame({"model": ["OVX", "aged", "GIO", "OVX", "aged", "GIO"]})
    assert design(frame, "model").levels == {"model": ("aged", "GIO", "OVX")}
    assert list(design(frame, 'C(model, reference="OVX")').levels.values()) == [
        ("OVX", "aged", "GIO")
    ]


def test_numbers_are_categories_only_when_asked() -> None:
    frame = pd.DataFrame({"weeks": [10.0, 2, 4.5, 2, 10, 4.5]})
    assert design(frame, "weeks").names == ("intercept", "weeks")
    made = design(frame, "C(weeks, reference=4.5)")
    assert made.names == (
        "intercept", "C(weeks)[T.2]", "C(weeks)[T.10]",
    )  # fmt: skip


def test_words_of_a_table_are_never_read_as_code() -> None:
    levels = ["__import__('os')", "a:b", "x]", "`", "[T.0]", "f1", "L0", "a:b"] * 2
    frame = pd.DataFrame({"lambda": levels, "f0": range(16), "__class__ .x": np.arange(16.0) ** 2})
    made = design(frame, "`lambda` + f0 + `__class__ .x`")
    assert "lambda[T.a:b]" in made.names
    assert made.X.sum(axis=0)[made.names.index("lambda[T.a:b]")] == 4


def test_rows_with_a_blank_moderator_go_to_the_ledger() -> None:
    frame = rows_of_r()
    frame.loc[4, "weeks"] = np.nan
    frame.loc[6, "site"] = None
    frame.loc[7, "site"] = "  "
    frame.loc[7, "weeks"] = np.nan
    made = design(frame, "weeks + site")
    assert [(line.row, line.reason) for line in made.excluded] == [
        (4, "weeks is blank"),
        (6, "site is blank"),
        (7, "weeks and site are blank"),
    ]
    assert made.rows == (2, 3, 5, 8, 9, 10, 11)
    assert made.X.shape == (7, 3)
    # Columns that the formula does not name may be blank.
    assert design(frame, "species").excluded == ()


def troubled() -> pd.DataFrame:
    frame = rows_of_r()
    return frame.assign(
        one=3.0, word="rat", twice=frame["weeks"] * 2, shifted=frame["weeks"] - 2.0,
        copy=frame["species"], empty=np.nan, nothing=None, huge=frame["weeks"] * 1e200,
        endless=[np.inf, *range(9)], own=[f"row {i}" for i in range(10)],
        half=[1.0] * 5 + [np.nan] * 5, other=[np.nan] * 5 + [1.0] * 5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("formula", "kind", "words"),
    [
        ("one", DataError, "one is 3 in every row used"),
        ("word", DataError, "word is 'rat' in every row used"),
        ("C(one)", DataError, "one is '3' in every row used"),
        ("empty", DataError, "empty is blank in every row"),
        ("nothing", DataError, "nothing is blank in every row"),
        ("half + other", DataError, "no row has all of half, other"),
        ("log(shifted)", DataError, "shifted is -1, 0, 0 in rows 2, 3, 4"),
        ("sqrt(shifted)", DataError, "shifted is -1 in row 2"),
        ("endless", DataError, "endless is infinite in row 2"),
        ("poly(huge, 3)", DataError, "overflows"),
        ("huge:twice:huge + poly(huge, 2):huge", DataError, "overflows"),
        ("ns(weeks, 8)", DataError, r"ns\(weeks, 8\).*8 different values|there are 8"),
        ("poly(weeks, 8)", DataError, "there are 8"),
        ("ns(half, 2) + weeks", DataError, "half is 1 in every row used"),
        ("log(species)", UsageError, "log.species. needs numbers, and species is text"),
        ("ns(species, 2)", UsageError, "species is text"),
        ("C(species, reference='cow')", UsageError, "there are mouse, rabbit, rat"),
        ("weeks + twice", ModelError, "twice"),
        ("species + copy", ModelError, r"copy\[T.rabbit\], copy\[T.rat\]"),
        ("weeks + center(weeks)", ModelError, r"center\(weeks\)"),
        ("own", ModelError, "needs 10 coefficients .* 10 effects have every moderator"),
        ("own * weeks * species", ModelError, "coefficients or more"),
    ],
)
def test_what_the_data_cannot_answer_is_said_in_words(
    formula: str, kind: type[MetaboneError], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        design(troubled(), formula)
    assert "\n" not in str(caught.value)


def test_an_empty_combination_of_levels_is_named() -> None:
    frame = pd.DataFrame({
        "species": ["rat", "rat", "mouse", "mouse", "rat", "rat"],
        "site": ["femur", "tibia", "femur", "femur", "tibia", "femur"],
    })  # fmt: skip
    with pytest.raises(ModelError, match=r"species\[T.rat\]:site\[T.tibia\]"):
        design(frame, "species * site")


def test_new_rows_are_checked() -> None:
    made = design(rows_of_r(), "site + weeks")
    with pytest.raises(UsageError, match="need a column 'weeks'"):
        made.at(pd.DataFrame({"site": ["femur"]}))
    with pytest.raises(UsageError, match="weeks of the new rows must hold numbers"):
        made.at(pd.DataFrame({"site": ["femur"], "weeks": ["4"]}))
    with pytest.raises(DataError, match="weeks of the new rows is blank"):
        made.at(pd.DataFrame({"site": ["femur"], "weeks": [np.nan]}))
    with pytest.raises(DataError, match="site of the new rows is blank"):
        made.at(pd.DataFrame({"site": [None], "weeks": [1.0]}))
    with pytest.raises(DataError, match=r"'calvaria' is not among .*femur, tibia"):
        made.at(pd.DataFrame({"site": ["calvaria"], "weeks": [1.0]}))
