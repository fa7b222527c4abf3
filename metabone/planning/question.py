"""From the bench words of a plan to the inputs of a design."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from metabone.errors import UsageError
from metabone.options import nearest
from metabone.planning.plan_file import Plan

if TYPE_CHECKING:
    from metabone.planning.predictive import Predictive

ALPHA, POWER = 0.05, 0.8
DEFAULT, SEVERAL = "two-groups", "several-arms"
#: Words of a plan → inputs of designs that mean them; the first that the design has is taken.
WORDS: Mapping[str, tuple[str, ...]] = {
    "mean": ("mean_control",),
    "sd": ("sd",),
    "cv": ("cv",),
    "difference": ("margin", "difference"),
    "percent": ("margin_percent", "percent_change"),
    "alpha": ("alpha",),
    "sides": ("sides",),
    "cage": ("animals_per_cage", "animals_per_litter"),
    "icc": ("icc",),
    "losses": ("losses",),
    "baseline_correlation": ("correlation", "baseline_correlation"),
}
#: Designs that measure the living animal before.
SCANNED = ("ancova", "paired", "repeated-scans")
IN_SD, IN_PERCENT = "SD", "% of the control mean"


@dataclass(frozen=True, slots=True)
class Question:
    """A plan, ready to be computed.

    Parameters
    ----------
    design : entry of the registry.
    inputs : of the design, without its size.
    size : animals in a group (or cages, blocks) if the plan gives them.
    target : the power, or the assurance, that is wanted.
    assured : whether the target is one of assurance.
    unit : of means, SD and difference; ``SD`` where the plan names no SD.
    sd : between animals, in the unit, where it is known.
    predictive : what the evidence expects of the true effect in SD, or None.
    variability : where the SD comes from if the plan does not name it, or None.
    notes : what was taken for granted.
    left_out : words of the plan that the design does not take, if that was allowed.
    """

    plan: Plan
    design: dict[str, Any]
    inputs: dict[str, Any]
    size: Any
    target: float
    assured: bool
    unit: str
    sd: float | None
    predictive: Predictive | None = None
    variability: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = field(default=())
    left_out: tuple[str, ...] = field(default=())

    @property
    def sized(self) -> dict[str, Any]:
        """The inputs with the size that the plan gives.

        Raises
        ------
        UsageError
            If it gives none.
        """
        key = self.design["size"] or "n"
        if self.size is None:
            raise UsageError(f"say how many: --n (the design's {key}), or n in [design]")
        return {**self.inputs, key: self.size}

    @property
    def means_missing(self) -> bool:
        """Whether the design takes the mean of each arm, and the plan says neither that nor how
        far they lie apart."""
        return "means" in self.design["inputs"] and "means" not in self.inputs

    def with_equal_means(self) -> Question:
        """The same question of arms that do not differ, where the plan has no means: what they
        may differ by is then asked for."""
        if not self.means_missing:
            return self
        values = _values(self.plan)
        return self.with_inputs(**_arms(self.design, values, float(values.get("mean", 0.0)), 0.0))

    def with_inputs(self, **changes: Any) -> Question:
        """The same question with other inputs."""
        return replace(self, inputs={**self.inputs, **changes})


@contextmanager
def said(question: Question) -> Iterator[None]:
    """What a design refuses, as an error of usage that names the design."""
    try:
        yield
    except UsageError:
        raise
    except ValueError as error:
        name, text = question.design["name"], str(error)
        raise UsageError(text if text.startswith(name) else f"{name}: {text}") from error


def design_names() -> tuple[str, ...]:
    """The designs of the planner.

    Examples
    --------
    >>> "two-groups" in design_names()
    True
    """
    from metabone.planning.designs.registry import DESIGNS

    return tuple(DESIGNS)


def find_design(name: str) -> dict[str, Any]:
    """The design called `name`; spaces and underscores count as hyphens.

    Raises
    ------
    UsageError
        If there is none; the message names the nearest, or all.
    """
    from metabone.planning.designs.registry import DESIGNS

    folded = name.strip().casefold().replace("_", "-").replace(" ", "-")
    if folded in DESIGNS:
        found: dict[str, Any] = DESIGNS[folded]
        return found
    close = nearest(folded, DESIGNS)
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"there are {listed()}"
    raise UsageError(f"there is no design {name!r}; {hint}")


def listed() -> str:
    """All designs in one line."""
    return ", ".join(design_names())


def make_question(plan: Plan, *, lenient: bool = False) -> Question:
    """The question that a plan asks.

    Fills in the SD from the shipped variability where the plan names none but says what is
    measured, and reads the evidence where it names a result.

    Parameters
    ----------
    lenient : leave out words that the design does not take, where a comparison of designs asks.

    Raises
    ------
    UsageError
        If the plan contradicts itself, or says something that the design does not take.
    DataError, ModelError
        If the evidence cannot be used.
    """
    design = find_design(_design_name(plan))
    values = _values(plan)
    left_out = _drop_unknown(design, values) if lenient else ()
    notes: list[str] = []
    predictive = _predictive(plan, values)
    unit = str(plan.get("study", "unit") or "")
    variability = None
    if _asks_for_sd(plan, design, values):
        unit, variability = _fill_spread(plan, values, unit, notes, predictive)
    if "mean_control" in design["inputs"] and _fill_mean(values, notes):
        unit = IN_PERCENT
    _fill_effect(values, unit, predictive, notes)
    _fill_correlation(plan, design, values, notes)
    inputs = _inputs(design, values)
    sd = values.get("sd")
    if sd is None and values.get("cv") is not None and values.get("mean") is not None:
        sd = abs(values["mean"]) * values["cv"] / 100
    assured, target = _target(plan, predictive)
    return Question(
        plan=plan, design=design, inputs=inputs, size=plan.get("design", "n"), target=target,
        assured=assured, unit=unit, sd=sd, predictive=predictive, variability=variability,
        notes=tuple(notes), left_out=left_out,
    )  # fmt: skip


def _design_name(plan: Plan) -> str:
    """The design that the plan names, or the one that its words ask for."""
    name = plan.get("design", "name")
    if name is not None:
        return str(name)
    if plan.get("design", "icc") is not None:
        return "cages-whole"
    if plan.get("design", "baseline_correlation") is not None:
        return "ancova"
    arms = plan.get("design", "arms") or len(plan.get("study", "groups") or ())
    return SEVERAL if arms > 2 else DEFAULT


def _values(plan: Plan) -> dict[str, Any]:
    """The words of [design] that stand for inputs, without those that are silent."""
    known = {word: plan.get("design", word) for word in (*WORDS, "arms", "inputs")}
    known["groups"] = plan.get("study", "groups")
    return {word: value for word, value in known.items() if value is not None}


def _drop_unknown(design: Mapping[str, Any], values: dict[str, Any]) -> tuple[str, ...]:
    """Leave out the words and own inputs that a design does not take; their names."""
    known = design["inputs"]
    gone = [
        word
        for word, names in WORDS.items()
        if word in values and not set(names) & set(known) and not _has_form(word, known)
    ]
    for word in gone:
        del values[word]
    own = values.get("inputs", {})
    strange = [name for name in own if name not in known]
    values["inputs"] = {name: value for name, value in own.items() if name in known}
    return (*gone, *strange)


def _has_form(word: str, known: Mapping[str, Any]) -> bool:
    """Whether `_stands_for` knows another form of a word for a design."""
    forms = {"percent": ("difference", "fold"), "sd": ("sd_control",)}
    return word in ("sides", "mean") or any(name in known for name in forms.get(word, ()))


def _asks_for_sd(plan: Plan, design: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    own = values.get("inputs", {})
    given = {"sd", "cv"} & set(values) or any(name.startswith(("sd", "cv")) for name in own)
    return not given and any(name in design["inputs"] for name in ("sd", "cv", "sd_control"))


def _fill_spread(
    plan: Plan, values: dict[str, Any], unit: str, notes: list[str], predictive: Predictive | None
) -> tuple[str, Mapping[str, Any] | None]:
    """The CV of the shipped variability, or one SD as the unit if only evidence is given."""
    if plan.get("study", "endpoint") is None:
        if predictive is None or {"difference", "percent", "mean"} & set(values):
            raise UsageError(
                "how much do animals vary? Give --sd or --cv, or --endpoint, --species and --site "
                "to take it from the shipped data"
            )
        values["sd"] = 1.0
        notes.append("no SD was given: differences are in SD of one animal")
        return IN_SD, None
    from metabone.planning.spread import shipped_spread

    found = shipped_spread(plan)
    values["cv"] = found["cv"]
    notes += found["notes"]
    if "mean" not in values:
        values["mean"] = 100.0
        unit = IN_PERCENT
        if "difference" in values:
            raise UsageError("give --mean of the control group, or --percent in place of the "
                             "difference: the shipped variability is a CV")  # fmt: skip
    return unit, found


def _fill_mean(values: dict[str, Any], notes: list[str]) -> bool:
    """CV and per cent without a mean: the control mean is 100; whether that was needed."""
    if "mean" in values or not {"cv", "percent"} <= set(values):
        return False
    values["mean"] = 100.0
    notes.append("no mean was given: everything is in per cent of the control mean")
    return True


def _fill_effect(
    values: dict[str, Any], unit: str, predictive: Predictive | None, notes: list[str]
) -> None:
    """Without a difference, the mean of the evidence."""
    own = values.get("inputs", {})
    named = {"difference", "percent"} & set(values) or {
        "difference", "means", "fold", "percent_change", "margin", "half_width", "differences",
    } & set(own)  # fmt: skip
    if named or predictive is None:
        return
    sd = values.get("sd")
    if sd is None and {"cv", "mean"} <= set(values):
        sd = abs(values["mean"]) * values["cv"] / 100
    if sd is None:
        raise UsageError("give --mean with --cv, or --sd: the evidence speaks of SD of one animal")
    values["difference"] = predictive.mean * sd
    text = f"no difference was given: the mean of the evidence, {predictive.mean:.3g} SD"
    if unit != IN_SD:
        text += f", is {values['difference']:.3g} {unit}".rstrip()
    notes.append(text)


def _fill_correlation(
    plan: Plan, design: Mapping[str, Any], values: dict[str, Any], notes: list[str]
) -> None:
    """The correlation of baseline and later scan, where only the endpoint is known."""
    named = {"correlation", "sd_difference"} & set(values.get("inputs", {}))
    if design["name"] not in SCANNED or "baseline_correlation" in values or named:
        return
    if plan.get("study", "endpoint") is None:
        return
    from metabone.planning.spread import shipped_correlation

    try:
        found = shipped_correlation(plan)
    except UsageError as error:
        raise UsageError(f"give --baseline-correlation: {error}") from error
    values["baseline_correlation"] = found["correlation"]
    notes.append(f"correlation of baseline and end {found['correlation']:.2f}: {found['source']}")
    notes += found["notes"]


def _inputs(design: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The design's own names for the words of the plan, then what [design.inputs] adds."""
    known = design["inputs"]
    own = dict(values.get("inputs", {}))
    inputs: dict[str, Any] = {}
    for word, names in WORDS.items():
        if word not in values:
            continue
        name = next((name for name in names if name in known), None)
        if name is not None:
            inputs[name] = values[word]
        elif not _stands_for(word, values, design, inputs):
            raise UsageError(_not_taken(word, design))
    if "means" in known and "means" not in own:
        inputs |= _equal_means(design, values, inputs)
    if "treated_arms" in known and "arms" in values:
        inputs["treated_arms"] = values["arms"] - 1
    unknown = [name for name in own if name not in known]
    if unknown:
        close = nearest(unknown[0], known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"it takes {', '.join(known)}"
        raise UsageError(f"the design {design['name']} has no input {unknown[0]!r}; {hint}")
    return inputs | own


def _stands_for(
    word: str, values: Mapping[str, Any], design: Mapping[str, Any], inputs: dict[str, Any]
) -> bool:
    """Words that a design knows under another form; True if it was put into `inputs`."""
    known = design["inputs"]
    if word == "percent" and "difference" in known and "mean" in values:
        inputs["difference"] = values["mean"] * values["percent"] / 100
        return True
    if word == "percent" and "fold" in known:
        inputs["fold"] = 1 + values["percent"] / 100
        return True
    if word == "sd" and "sd_control" in known:
        inputs |= {"sd_control": values["sd"], "sd_treated": values["sd"]}
        return True
    # A design without sides looks at one or at both by its nature, one without a mean needs none.
    return word in ("sides", "mean")


def _not_taken(word: str, design: Mapping[str, Any]) -> str:
    hints = {
        "icc": "with cages as the unit use cages-whole or cages-within",
        "baseline_correlation": "with a baseline scan use ancova, paired or repeated-scans",
    }
    hint = hints.get(word, f"it takes {', '.join(design['inputs'])}")
    return f"the design {design['name']} takes no {word}; {hint}"


def _equal_means(
    design: Mapping[str, Any], values: Mapping[str, Any], inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Arms of which one differs, for a plan that only counts them."""
    if "difference" not in inputs:
        return {}
    return _arms(design, values, float(values.get("mean", 0.0)), inputs["difference"])


def _arms(
    design: Mapping[str, Any], values: Mapping[str, Any], mean: float, difference: float
) -> dict[str, Any]:
    if design["name"] == "repeated-scans":
        return {"means": [[mean, mean], [mean, mean + difference]]}
    if "compare" not in design["inputs"]:
        return {"means": [mean] * 4}
    groups = values.get("groups")
    arms = int(values.get("arms", 2 if groups is None else len(groups)))
    if groups is not None and len(groups) != arms:
        raise UsageError(f"[study] names {len(groups)} groups, [design] has {arms} arms")
    means = [mean] * (arms - 1) + [mean + difference]
    found: dict[str, Any] = {"means": means, "compare": [arms, 1]}
    return found | ({"arms": list(groups)} if groups is not None else {})


def _predictive(plan: Plan, values: Mapping[str, Any]) -> Predictive | None:
    """What the named result expects of a new study, or None without one."""
    path = plan.path("evidence", "result")
    if path is None:
        return None
    from metabone.planning.evidence import from_result

    measure = _measure(path)
    spread: dict[str, Any] = {}
    if measure in ("MD", "NMD"):
        spread["sd"] = values.get("sd")
    elif measure == "ROM":
        cv = values.get("cv")
        spread["cv"] = None if cv is None else cv / 100
    return from_result(path, plan.get("evidence", "stratum"), **spread)


def _measure(path: Any) -> str:
    import json

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "SMD"  # what is wrong with the file is said by those who read it for its numbers
    except RecursionError:
        return "SMD"
    return str(content.get("measure", "SMD")) if isinstance(content, Mapping) else "SMD"


def _target(plan: Plan, predictive: Predictive | None) -> tuple[bool, float]:
    """Whether assurance is asked for, and how much."""
    wanted = plan.get("evidence", "assurance")
    power = float(plan.get("design", "power", POWER))
    if wanted is not None and predictive is None:
        raise UsageError("assurance needs evidence: --from-meta FILE.json, or result in [evidence]")
    if wanted is not None:
        return True, float(wanted)
    named = any(plan.get("design", word) is not None for word in ("difference", "percent"))
    return (predictive is not None and not named), power
