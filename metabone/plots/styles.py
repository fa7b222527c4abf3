"""What each look consists of: fonts, sizes, marks, colours, words and formats, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from metabone.options import Style as StyleName
from metabone.options import check_option
from metabone.plots.text import FALLBACK


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours, as matplotlib reads them. None: not painted."""

    ink: str = "#1c2126"
    muted: str = "#5a6470"
    rule: str = "#1c2126"
    hairline: str = "#c9cfd6"
    square: str = "#3f6f8f"
    interval: str = "#2c3a46"
    diamond: str = "#a9c3d3"
    diamond_edge: str = "#3f6f8f"
    overall: str = "#16374f"
    overall_edge: str = "#16374f"
    prediction: str = "#16374f"
    zero: str = "#6b7580"
    guide: str | None = "#8fa9ba"
    band: str | None = None
    header_band: str | None = None
    warning: str = "#b3261e"
    warning_band: str = "#fdeceb"


#: An equals sign that a line break cannot part from its sides.
NBSP_EQUALS = "\u00a0=\u00a0"


@dataclass(frozen=True, slots=True)
class Numbers:
    """How numbers are printed.

    `eq` stands between a symbol and its value; `test_subgroups`: whether the test of the effect is
    printed under each subgroup; the templates take what `words.heterogeneity` and
    its siblings fill in.
    """

    open: str = "["
    separator: str = ","
    close: str = "]"
    eq: str = NBSP_EQUALS
    p_symbol: str = "p"
    p_zero: bool = True
    percent_in_cell: bool = True
    heterogeneity: str = "τ²{eq}{tau2}, I²{eq}{i2}%, Q{eq}{q}, df{eq}{df}, {p}"
    test: str = "{symbol}{eq}{statistic}{df}, {p}"
    between: str = "Difference between subgroups: {statistic}, {p}"
    join: str = "; "
    test_subgroups: bool = True


@dataclass(frozen=True, slots=True)
class Words:
    """What the style calls things."""

    study: str = "Study"
    weight: str = "Weight"
    treated: str = "Treated"
    control: str = "Control"
    total: str = "n"
    subtotal: str = "Subtotal"
    overall: str = "Overall"
    heterogeneity: str = ""
    overall_test: str = "Effect:\u00a0"
    prediction: str = "{level} prediction interval"
    favours: str = "favours"
    standardised: str = "standardised"


@dataclass(frozen=True, slots=True)
class Style:
    """One look.

    Sizes are points at full size; `plot_width` (wished for), `plot_good` and
    `plot_least` points. Columns that `columns`
    names stand in that order; those in `right_of_plot` come after the plot unless the caller
    puts it elsewhere.
    """

    name: str
    family: str = FALLBACK
    size: float = 7.25
    small: float = 0.88
    line: float = 1.28
    row_pad: float = 0.42
    indent: float = 1.0
    gap: float = 1.6
    plot_width: float = 168.0
    plot_good: float = 116.0
    plot_least: float = 78.0
    square: float = 0.98
    diamond_height: float = 0.92
    interval_width: float = 0.8
    caps: float = 0.0
    rule_width: float = 0.7
    bold_header: bool = True
    bold_heading: bool = True
    bold_pooled: bool = True
    top_rule: bool = False
    bottom_rule: bool = False
    overall_rule: bool = False
    plot_header: bool = False
    axis_label: bool = True
    favours_on_top: bool = False
    columns: tuple[str, ...] = ("study", "n", "plot", "effect", "weight")
    right_of_plot: frozenset[str] = frozenset({"effect", "weight"})
    palette: Palette = field(default_factory=Palette)
    numbers: Numbers = field(default_factory=Numbers)
    words: Words = field(default_factory=Words)


_METABONE = Style("metabone", overall_rule=True, numbers=Numbers(test_subgroups=False))

_REVMAN = Style(
    "revman",
    size=7.0,
    row_pad=0.32,
    indent=0.0,
    gap=1.3,
    square=0.92,
    interval_width=0.7,
    bold_header=True,
    plot_header=True,
    axis_label=False,
    columns=("study", "arms", "weight", "effect", "plot"),
    right_of_plot=frozenset(),
    palette=Palette(
        ink="#000000", muted="#000000", rule="#000000", hairline="#9a9a9a", square="#1a7f37",
        interval="#000000", diamond="#000000", diamond_edge="#000000", overall="#000000",
        overall_edge="#000000", prediction="#000000", zero="#000000", guide=None,
    ),
    numbers=Numbers(
        p_symbol="P",
        heterogeneity="Tau²{eq}{tau2}; Chi²{eq}{q}, df{eq}{df} ({p}); I²{eq}{i2}%",
        test="{symbol}{eq}{statistic}{df} ({p})",
        between="Test for subgroup differences: {statistic} ({p})",
        join="\n",
    ),
    words=Words(
        study="Study or Subgroup", total="Total", subtotal="Subtotal ({level} CI)",
        overall="Total ({level} CI)", heterogeneity="Heterogeneity: ",
        overall_test="Test for overall effect: ", favours="Favours", standardised="Std.",
        prediction="Prediction interval ({level})",
    ),
)  # fmt: skip

_JAMA = Style(
    "jama",
    size=7.25,
    row_pad=0.42,
    square=0.9,
    interval_width=0.8,
    top_rule=True,
    bottom_rule=True,
    favours_on_top=True,
    overall_rule=True,
    columns=("study", "n", "effect", "plot", "weight"),
    right_of_plot=frozenset({"weight"}),
    palette=Palette(
        ink="#111111", muted="#444444", rule="#111111", hairline="#c4c4c4", square="#1f4e86",
        interval="#1f4e86", diamond="#9db4d3", diamond_edge="#1f4e86", overall="#1f4e86",
        overall_edge="#1f4e86", prediction="#1f4e86", zero="#111111", guide="#8a8a8a",
    ),
    numbers=Numbers(
        open="(", separator=" to", close=")", p_symbol="P", p_zero=False, percent_in_cell=False,
        heterogeneity="τ²{eq}{tau2}; χ²{df_low}{eq}{q} ({p}); I²{eq}{i2}%",
        test="{symbol}{df_low}{eq}{statistic} ({p})",
        between="Test for subgroup differences: {statistic} ({p})",
    ),
    words=Words(
        study="Source", weight="Weight, %", total="No.", subtotal="Subtotal ({level} CI)",
        overall="Total ({level} CI)", heterogeneity="Heterogeneity: ",
        overall_test="Test for overall effect: ", favours="Favors", standardised="standardized",
        prediction="{level} Prediction interval",
    ),
)  # fmt: skip

_BMJ = Style(
    "bmj",
    size=7.25,
    row_pad=0.46,
    square=0.9,
    interval_width=0.8,
    rule_width=0.6,
    columns=("study", "n", "plot", "weight", "effect"),
    right_of_plot=frozenset({"weight", "effect"}),
    palette=Palette(
        ink="#1a1a1a", muted="#4a4a4a", rule="#2a6ebb", hairline="#b9cbe0", square="#2a6ebb",
        interval="#1a1a1a", diamond="#2a6ebb", diamond_edge="#2a6ebb", overall="#2a6ebb",
        overall_edge="#2a6ebb", prediction="#1a1a1a", zero="#1a1a1a", guide="#2a6ebb",
        band="#f2f6fb", header_band="#dce8f5",
    ),
    numbers=Numbers(
        open="(", separator=" to", close=")", eq="=", p_symbol="P", percent_in_cell=False,
        heterogeneity="τ²{eq}{tau2}; χ²{eq}{q}, df{eq}{df}, {p}; I²{eq}{i2}%",
        test="{symbol}{eq}{statistic}{df}, {p}",
        between="Test for subgroup differences: {statistic}, {p}",
    ),
    words=Words(
        weight="Weight (%)", total="No", subtotal="Subtotal ({level} CI)",
        overall="Total ({level} CI)", heterogeneity="Heterogeneity: ",
        overall_test="Test for overall effect: ", favours="Favours",
        standardised="standardised", prediction="{level} prediction interval",
    ),
)  # fmt: skip

STYLES: Mapping[str, Style] = {style.name: style for style in (_METABONE, _REVMAN, _JAMA, _BMJ)}


def find_style(name: str) -> Style:
    """The style of this name; letter case is forgiven.

    Raises
    ------
    UsageError
        For a name that is no style; the message lists them.

    Examples
    --------
    >>> find_style("RevMan").words.study
    'Study or Subgroup'
    """
    return STYLES[check_option("style", name, StyleName)]
