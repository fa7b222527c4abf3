"""The analysis file: what its TOML may say, and clear words for what it may not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)

from metabone.analysis.spec_choices import ChoicesSpec
from metabone.analysis.spec_figure import FigureSpec
from metabone.analysis.spec_rob import RobSpec
from metabone.analysis.spec_values import (
    Groupings,
    Level,
    Name,
    Predictors,
    Section,
    Selection,
    Where,
    Words,
    option,
    words,
)
from metabone.errors import UsageError
from metabone.files import read_bytes, toml_values
from metabone.options import (
    Align,
    BetweenStructure,
    CIMethod,
    Control,
    DeletionUnit,
    Measure,
    Model,
    MultilevelMethod,
    OnError,
    PIMethod,
    SelectionSide,
    StrataTau2,
    Tau2Method,
    Variance,
    check_variance,
    nearest,
)

MAX_BYTES = 1_000_000


def _codes(value: Any) -> Any:
    """Codes of checking that exist and can be turned off."""
    from metabone.extraction.audit.codes import check_codes

    if value == []:
        return ()
    return tuple(sorted(check_codes(words(value))))


class DataSpec(Section):
    """``[data]``: which table, and which of its rows."""

    table: str | None = None
    dataset: str | None = None
    where: Where = ()
    sheet: str | None = None
    vocabulary: str | None = None
    on_error: Annotated[OnError, option("on_error", OnError)] = "refuse"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.table is None) == (self.dataset is None):
            raise UsageError("give either table (a path) or dataset (a shipped name)")
        return self


class CheckSpec(Section):
    """``[check]``: which codes of checking are not to be told."""

    off: Annotated[tuple[str, ...], BeforeValidator(_codes)] = ()


class RhoPair(Section):
    """One line of ``rho_table``: two words of a column, and how their measurements correlate."""

    column: str
    a: str
    b: str
    rho: Annotated[float, Field(gt=-1, lt=1)]


def _pairs(value: Any) -> Any:
    """A list of tables, as a tuple."""
    if not isinstance(value, list | tuple):
        raise UsageError(f"takes a list of tables with column, a, b and rho; got {value!r}")
    return tuple(value)


RhoPairs = Annotated[tuple[RhoPair, ...], BeforeValidator(_pairs)]


class EffectSpec(Section):
    """``[effect]``: the effect measure that every answer uses unless it says otherwise."""

    measure: Annotated[Measure, option("measure", Measure)] = "SMD"
    variance: Annotated[Variance, option("variance", Variance)] = "LS"
    align: Annotated[Align, option("align", Align)] = "none"
    unit: str | None = None
    control: Annotated[Control, option("control", Control)] = "exact"
    rho: Annotated[float, Field(ge=0, lt=1)] = 0.5
    rho_table: RhoPairs = ()
    time_decay: Annotated[float | None, Field(ge=0, lt=1)] = None

    @model_validator(mode="after")
    def _variance_of_measure(self) -> Self:
        check_variance(self.measure, self.variance)
        return self


class _Measured(Section):
    """Keys of every answer by numbers: its name, its rows, and its own effect measure."""

    name: Name = None
    title: str | None = None
    where: Where = ()
    measure: Annotated[Measure | None, option("measure", Measure)] = None
    variance: Annotated[Variance | None, option("variance", Variance)] = None
    align: Annotated[Align | None, option("align", Align)] = None
    unit: str | None = None
    control: Annotated[Control | None, option("control", Control)] = None
    rho: Annotated[float | None, Field(ge=0, lt=1)] = None

    def effect(self, default: EffectSpec) -> EffectSpec:
        """The effect measure of this answer.

        With a measure of its own and nothing else, the variance is the default of that measure.
        """
        own_measure = self.measure is not None
        return EffectSpec(
            measure=self.measure or default.measure,
            variance=self.variance or ("LS" if own_measure else default.variance),
            align=self.align or default.align,
            unit=self.unit if self.unit is not None or own_measure else default.unit,
            control=self.control or default.control,
            rho=default.rho if self.rho is None else self.rho,
            rho_table=default.rho_table,
            time_decay=default.time_decay,
        )


class _Answer(_Measured):
    """Keys of answers by one model of all effects."""

    model: Annotated[Model, option("model", Model)] = "auto"
    random: Words = ()
    tau2: Annotated[Tau2Method, option("tau2", Tau2Method)] = "REML"
    ci: Annotated[CIMethod | None, option("ci", CIMethod)] = None
    level: Level = 0.95


class PoolSpec(_Answer):
    """``[[pool]]``: one pooled answer, overall and by strata."""

    outcome: Words
    by: Groupings = ()
    pi: Annotated[PIMethod | None, option("pi", PIMethod)] = None
    strata_tau2: Annotated[StrataTau2, option("strata_tau2", StrataTau2)] = "separate"
    wild: Annotated[int, Field(ge=0)] = 0
    seed: Annotated[int, Field(ge=0)] = 1


class OutcomesSpec(_Measured):
    """``[[outcomes]]``: several outcomes pooled together, each with a mean of its own."""

    outcome: Words
    structure: Annotated[BetweenStructure, option("structure", BetweenStructure)] = "UN"
    tau2: Annotated[MultilevelMethod, option("tau2", MultilevelMethod)] = "REML"
    ci: Annotated[CIMethod | None, option("ci", CIMethod)] = None
    level: Level = 0.95

    @model_validator(mode="after")
    def _several(self) -> Self:
        if len(self.outcome) < 2:
            raise UsageError("outcome takes two outcomes or more; one is pooled by [[pool]]")
        return self


class RegressSpec(_Answer):
    """``[[regress]]``: one meta-regression."""

    outcome: Words
    formula: str


class BiasSpec(_Answer):
    """``[[bias]]``: one question for small-study effects."""

    outcome: Words
    predictor: Predictors = ("auto",)
    year: str | None = None
    target: Annotated[float | None, Field(gt=0)] = None
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    selection: Selection = ()
    selection_side: Annotated[SelectionSide, option("selection_side", SelectionSide)] = "auto"
    bootstrap: Annotated[int, Field(ge=0, le=100_000)] = 0
    seed: Annotated[int, Field(ge=0)] = 1

    @model_validator(mode="after")
    def _bootstrap_of_a_model(self) -> Self:
        if self.bootstrap and not self.selection:
            raise UsageError("bootstrap draws the studies of a selection model: ask for selection")
        return self


class SensitivitySpec(_Answer):
    """``[[sensitivity]]``: how far one pooled answer hangs on single studies."""

    outcome: Words
    leave_one_out: Annotated[DeletionUnit | None, option("leave_one_out", DeletionUnit)] = None
    cumulative: str | None = None
    influence: bool = False
    baujat: bool = False
    gosh: bool = False
    gosh_sample: Annotated[int, Field(ge=1, le=10_000_000)] = 1_000_000
    permutation: Annotated[int, Field(ge=0)] = 0
    formula: str | None = None
    seed: Annotated[int, Field(ge=0)] = 1


class DirectionSpec(Section):
    """``[[direction]]``: one synthesis of effect directions, for tables without numbers."""

    name: Name = None
    title: str | None = None
    outcome: Words = ()
    where: Where = ()
    by: Annotated[tuple[str, ...] | None, BeforeValidator(words)] = None
    level: Level = 0.95

    @model_validator(mode="after")
    def _at_most_two(self) -> Self:
        if self.by is not None and len(self.by) > 2:
            raise UsageError(f"by takes one or two columns; got {len(self.by)}")
        return self


class AnalysisSpec(Section):
    """A whole analysis file."""

    title: str
    question: str | None = None
    data: DataSpec
    check: CheckSpec = CheckSpec()
    effect: EffectSpec = EffectSpec()
    pool: tuple[PoolSpec, ...] = ()
    outcomes: tuple[OutcomesSpec, ...] = ()
    regress: tuple[RegressSpec, ...] = ()
    bias: tuple[BiasSpec, ...] = ()
    sensitivity: tuple[SensitivitySpec, ...] = ()
    choices: tuple[ChoicesSpec, ...] = ()
    direction: tuple[DirectionSpec, ...] = ()
    rob: tuple[RobSpec, ...] = ()
    figure: tuple[FigureSpec, ...] = ()

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not any(getattr(self, name) for name in _LISTS if name != "figure"):
            raise UsageError(
                "it asks nothing: add a [[pool]], [[outcomes]], [[regress]], [[bias]], "
                "[[sensitivity]], [[choices]], [[direction]] or [[rob]]"
            )
        return self


SECTIONS: Mapping[str, type[Section]] = {
    "data": DataSpec,
    "check": CheckSpec,
    "effect": EffectSpec,
    "pool": PoolSpec,
    "outcomes": OutcomesSpec,
    "regress": RegressSpec,
    "bias": BiasSpec,
    "sensitivity": SensitivitySpec,
    "choices": ChoicesSpec,
    "direction": DirectionSpec,
    "rob": RobSpec,
    "figure": FigureSpec,
}
_LISTS = (
    "pool", "outcomes", "regress", "bias", "sensitivity", "choices", "direction", "rob", "figure",
)  # fmt: skip


def read_spec(path: Path) -> tuple[AnalysisSpec, bytes]:
    """Read and check an analysis file.

    Returns
    -------
    The analysis, and the file's bytes as they were read (for its hash and its copy).

    Raises
    ------
    UsageError
        If the file cannot be read, is no TOML, or says something that is not understood; all
        problems at once, each with its place.
    """
    content = read_bytes(path)
    return parse_spec(content, str(path)), content


def parse_spec(content: bytes, file: str) -> AnalysisSpec:
    """The analysis that the bytes of a TOML file describe; see `read_spec`.

    Examples
    --------
    >>> text = b'title = "t"\\n[data]\\ndataset = "unloading"\\n[[pool]]\\noutcome = "BV/TV"'
    >>> parse_spec(text, "example.toml").pool[0].tau2
    'REML'
    """
    values = toml_values(content, file, what="an analysis file", most=MAX_BYTES)
    try:
        # TOML has lists where the sections keep tuples; strict types would refuse them.
        return AnalysisSpec.model_validate(
            {key: _as_tuple(key, value) for key, value in values.items()}
        )
    except ValidationError as error:
        _refuse(error, values, file)


def _as_tuple(key: str, value: Any) -> Any:
    return tuple(value) if key in _LISTS and isinstance(value, list) else value


def _refuse(error: ValidationError, values: Mapping[str, Any], file: str) -> NoReturn:
    problems = list(dict.fromkeys(_sentences(error, values)))
    if len(problems) == 1:
        raise UsageError(f"{file}: {problems[0]}") from None
    listed = "".join(f"\n  {problem}" for problem in problems)
    raise UsageError(f"{file}: {len(problems)} problems:{listed}") from None


def _sentences(error: ValidationError, values: Mapping[str, Any]) -> Iterator[str]:
    for fault in error.errors(include_url=False):
        kind, given = fault["type"], fault.get("input")
        section, place, rest = _place(fault["loc"], kind)
        if rest[:1] == ("rho_table",) and len(rest) > 1:
            section, place = RhoPair, f"{place}rho_table {int(rest[1]) + 1}: "
            rest = rest[2:]
        key = str(rest[0]) if rest else ""
        if kind == "extra_forbidden":
            yield place + _unknown(key, section)
        elif kind == "missing":
            yield f"{place}the key {key!r} is missing"
        elif kind == "value_error":
            text = str(fault["ctx"]["error"])
            # Sentences of options begin with their key; those of lists do not.
            yield place + (text if not key or text.startswith(key) else f"{key} {text}")
        elif kind in ("greater_than", "less_than", "greater_than_equal", "less_than_equal"):
            yield f"{place}{key} must be {_bounds(section, key)}; got {given!r}"
        else:
            yield place + _wrong_type(key, kind, given)


def _place(
    loc: tuple[int | str, ...], kind: str
) -> tuple[type[Section], str, tuple[int | str, ...]]:
    """The section that a problem lies in, how to call it, and the rest of the way."""
    head = str(loc[0]) if loc else ""
    if head not in SECTIONS or (len(loc) == 1 and kind != "value_error"):
        return AnalysisSpec, "", loc
    if head not in _LISTS:
        return SECTIONS[head], f"[{head}]: ", loc[1:]
    return SECTIONS[head], f"[[{head}]] {int(loc[1]) + 1}: ", loc[2:]


def _unknown(key: str, section: type[Section]) -> str:
    known = list(section.model_fields)
    close = nearest(key, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(map(repr, known))}"
    return f"unknown key {key!r}; {hint}"


def _bounds(section: type[Section], key: str) -> str:
    if key == "level":
        return "between 0 and 1, e.g. 0.95"
    if key == "width_mm":
        return "from 40 to 600"
    if key == "dpi":
        return "from 50 to 2400"
    if section is RhoPair:
        return "above -1 and below 1"
    if key in ("rho", "time_decay"):
        return "at least 0 and below 1"
    if key == "target":
        return "above 0"
    if key == "alpha":
        return "above 0 and below 0.5"
    if key == "gosh_sample":
        return "from 1 to 10,000,000"
    if key in ("wild", "seed", "permutation"):
        return "0 or more"
    return f"within the limits of {section.__name__}"


def _wrong_type(key: str, kind: str, given: Any) -> str:
    if kind in ("model_type", "tuple_type"):
        shown = f"[[{key}]]" if key in _LISTS else f"[{key}]"
        return f"{key!r} is a table; write it as {shown}" if key else f"is no table; got {given!r}"
    wanted = {
        "string_type": "a text in quotes",
        "float_type": "a number",
        "int_type": "a whole number",
        "bool_type": "true or false",
    }.get(kind, "another kind of value")
    shown = repr(given)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return f"{key} takes {wanted}; got {shown}"
