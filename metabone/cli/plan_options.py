"""What the sub-commands of ``metabone plan`` share: options in bench words, and their plan."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from metabone.errors import UsageError

if TYPE_CHECKING:
    from metabone.planning.plan_file import Plan
    from metabone.planning.question import Question

UNREACHABLE = 3


def _option(*names: str, help: str, metavar: str | None = None, kind: Any = str) -> Any:
    return Annotated[kind | None, typer.Option(*names, help=help, metavar=metavar)]


# name of the parameter → where it stands in a plan, and how the command line spells it.
OPTIONS: dict[str, tuple[tuple[str, str] | None, Any]] = {
    "plan": (None, _option("--plan", help="Plan file (TOML); options go before it.", kind=Path)),
    "design": (("design", "name"), _option("--design", help="Design, e.g. two-groups, "
               "cages-whole, ancova; a wrong name lists all.")),
    "n": (("design", "n"), _option("--n", help="Animals in each group (cages, blocks): 8, or a "
          "list, the control first: 8,12.")),
    "mean": (("design", "mean"), _option("--mean", help="Mean of the control group.", kind=float)),
    "sd": (("design", "sd"), _option("--sd", help="SD between animals of one group (not SEM).",
           kind=float)),
    "cv": (("design", "cv"), _option("--cv", help="CV between animals, per cent, in place of --sd.",
           kind=float)),
    "difference": (("design", "difference"), _option("--difference", kind=float,
                   help="Smallest difference worth finding, in the endpoint's unit.")),
    "percent": (("design", "percent"), _option("--percent", kind=float,
                help="The same as per cent of the control mean.")),
    "alpha": (("design", "alpha"), _option("--alpha", help="Chance of a false positive (0.05).",
              kind=float)),
    "power": (("design", "power"), _option("--power", help="Wanted power (0.8).", kind=float)),
    "sides": (("design", "sides"), _option("--sides", help="2 (default) or 1.", kind=int)),
    "budget": (("design", "budget"), _option("--budget", kind=int,
               help="Animals in all that can be had, losses included: what do they buy?")),
    "arms": (("design", "arms"), _option("--arms", help="Number of groups (2).", kind=int)),
    "cage": (("design", "cage"), _option("--cage", help="Animals in a cage.", kind=int)),
    "icc": (("design", "icc"), _option("--icc", help="Correlation of animals of one cage.",
            kind=float)),
    "losses": (("design", "losses"), _option("--losses", kind=float,
               help="Share of the animals lost before the end, e.g. 0.1.")),
    "baseline_correlation": (("design", "baseline_correlation"), _option(
        "--baseline-correlation", help="Correlation of a baseline scan with the endpoint.",
        kind=float)),
    "measurements": (("design", "measurements"), _option("--measurements", kind=int,
                     help="Measurements of one animal (slices, fields): they are no n.")),
    "endpoint": (("study", "endpoint"), _option("--endpoint", help="Outcome, e.g. BV/TV; with "
                 "--species, --strain, --site, --assay it finds the shipped CV.")),
    "unit": (("study", "unit"), _option("--unit", help="Unit of mean, SD and difference.")),
    "species": (("study", "species"), _option("--species", help="Species.")),
    "strain": (("study", "strain"), _option("--strain", help="Strain.")),
    "sex": (("study", "sex"), _option("--sex", help="Sex.")),
    "site": (("study", "site"), _option("--site", help="Bone and place in it.")),
    "assay": (("study", "assay"), _option("--assay", help="How it is measured, e.g. microCT.")),
    "scanner": (("study", "scanner"), _option("--scanner", help="Your scanner.")),
    "sd_scanner": (("variability", "scanner"), _option("--sd-scanner",
                   help="The scanner that the SD comes from.")),
    "variability": (("variability", "from"), _option("--variability", metavar="TABLE",
                    help="Extraction table to take the CV from (default: shipped data).")),
    "from_meta": (None, _option("--from-meta", metavar="FILE.json", kind=Path,
                  help="Result of metabone pool --json: ask for assurance.")),
    "assurance": (("evidence", "assurance"), _option("--assurance", kind=float,
                  help="Wanted assurance (default: that of --power).")),
    "bias_adjusted": (("evidence", "bias_adjusted"), _option("--bias-adjusted", kind=float,
                      help="Mean effect after a correction for bias, in SD.")),
    "labs": (("evidence", "labs"), _option("--labs", help="Labs that will do this study (1).",
             kind=int)),
    "title": (("", "title"), _option("--title", help="What the study is called.")),
    "treatment": (("study", "treatment"), _option("--treatment", help="What is given.")),
    "control": (("study", "control"), _option("--control", help="What the controls get.")),
    "stratum": (None, Annotated[list[str] | None, typer.Option(
        "--stratum", metavar="COLUMN=VALUE", help="Stratum of the result; repeatable.")]),
    "set": (None, Annotated[list[str] | None, typer.Option(
        "--set", metavar="INPUT=VALUE",
        help="Any other input of the design, e.g. means=[100,75,88]; repeatable.")]),
}  # fmt: skip


def planned(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all options of a plan; it gets the plan as its first argument."""
    # The plan's own type is imported for type checkers alone, to keep --help quick.
    hints = get_type_hints(command, localns={"Plan": object}, include_extras=True)
    own = [p for p in inspect.signature(command).parameters.values() if p.name != "plan"]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, (_, kind) in OPTIONS.items()
    ]
    mine = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[parameter.name])
        for parameter in own
    ]

    @wraps(command)
    def run(**options: Any) -> None:
        given = {name: options.pop(name, None) for name in OPTIONS}
        command(make_plan(given), **options)

    run.__signature__ = inspect.Signature([*shared, *mine])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in (*shared, *mine)}
    return run


def make_plan(given: dict[str, Any]) -> Plan:
    """The plan of the file, with what the command line says in place of it."""
    from metabone.planning.plan_file import Plan, read_plan

    path = given["plan"]
    plan = read_plan(path) if path is not None else Plan()
    sections: dict[str, dict[str, Any]] = {}
    for name, (place, _) in OPTIONS.items():
        value = given[name]
        if place is not None and value is not None:
            section, key = place
            sections.setdefault(section, {})[key] = sizes(value) if name == "n" else value
    if given["set"]:
        before = dict(plan.get("design", "inputs", {}))
        sections.setdefault("design", {})["inputs"] = before | parse_inputs(given["set"])
    if given["from_meta"] is not None:
        # Paths of options start from where one stands, those of a plan from the plan.
        sections.setdefault("evidence", {})["result"] = str(given["from_meta"].absolute())
    if given["stratum"]:
        sections.setdefault("evidence", {})["stratum"] = parse_stratum(given["stratum"])
    if given["variability"] is not None:
        sections["variability"]["from"] = _table(given["variability"])
    for section, values in sections.items():
        plan = plan.with_values(section, values)
    return plan


def _table(name: str) -> str:
    """A table named on the command line: a shipped one by its name, a file by its full path."""
    path = Path(name)
    return str(path.absolute()) if path.exists() else name


def sizes(text: str) -> int | list[int]:
    """``8`` as a number, ``8,12`` as a list.

    Raises
    ------
    UsageError
        For anything but whole numbers.

    Examples
    --------
    >>> sizes("8"), sizes("8, 12")
    (8, [8, 12])
    """
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--n takes a whole number or a list, e.g. 8,12; got {text!r}") from None
    return numbers if len(numbers) > 1 else numbers[0]


def parse_inputs(entries: Sequence[str]) -> dict[str, Any]:
    """``INPUT=VALUE`` entries; the value is TOML, or a plain word.

    Raises
    ------
    UsageError
        For an entry without an equals sign, or a value that is neither.

    Examples
    --------
    >>> parse_inputs(["means=[100, 75]", "method=holm", "ratio = 2"])
    {'means': [100, 75], 'method': 'holm', 'ratio': 2}
    """
    import tomllib

    inputs: dict[str, Any] = {}
    for entry in entries:
        name, equals, text = (part.strip() for part in entry.partition("="))
        if not equals or not name or not text:
            raise UsageError(f"--set takes INPUT=VALUE, e.g. ratio=2; got {entry!r}")
        try:
            value = tomllib.loads(f"x = {text}")
        except tomllib.TOMLDecodeError:
            value = {"x": text}
        if list(value) != ["x"] or "\n" in text:
            raise UsageError(f"--set takes one value; got {entry!r}")
        inputs[name] = value["x"]
    return inputs


def parse_stratum(entries: Sequence[str]) -> dict[str, str]:
    """``COLUMN=VALUE`` entries of a stratum.

    Raises
    ------
    UsageError
        For an entry without an equals sign.

    Examples
    --------
    >>> parse_stratum(["species=rat", "site=distal femur"])
    {'species': 'rat', 'site': 'distal femur'}
    """
    stratum = {}
    for entry in entries:
        column, equals, value = entry.partition("=")
        if not equals or not column.strip() or not value.strip():
            raise UsageError(f"--stratum takes COLUMN=VALUE, e.g. species=rat; got {entry!r}")
        stratum[column.strip()] = value.strip()
    return stratum


def ask(plan: Plan) -> Question:
    """The question of a plan."""
    from metabone.planning.question import make_question

    return make_question(plan)
