"""Options that many commands take alike, in bundles: declared once, and given as one argument."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, get_type_hints

import typer

from metabone.cli import common as c

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.table import EffectTable
    from metabone.extraction.table import StudyTable


class Bundle:
    """A dataclass whose fields are options: `bundled` puts them into a command's signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(Bundle):
    """Which rows of which table."""

    table: c.Table
    outcome: c.Outcome = None
    where: c.Where = None
    on_error: c.OnError = "refuse"
    vocabulary: c.VocabularyFile = None
    sheet: c.Sheet = None

    def load(self) -> StudyTable:
        """Read, validate and select them."""
        return c.load(
            self.table, sheet=self.sheet, vocabulary=self.vocabulary, outcome=self.outcome,
            where=self.where, on_error=self.on_error,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Rows):
    """Rows, and the effect measure that is made of them."""

    measure: c.Measure = "SMD"
    variance: c.Variance = "LS"
    align: c.Align = "none"
    unit: c.Unit = None

    def effects(self) -> EffectTable:
        """The effect sizes of the rows."""
        from metabone.effects.escalc import escalc

        return escalc(
            self.load(), self.measure, variance=self.variance, align=self.align, unit=self.unit
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing(Bundle):
    """What effects of the same animals have in common."""

    rho: c.Rho = 0.5
    control: c.ControlMode = "exact"
    rho_table: c.RhoFile = None
    time_decay: c.TimeDecay = None

    def chosen(self) -> dict[str, Any]:
        """The options by the names of the library."""
        return {
            "rho": self.rho, "control": self.control, "time_decay": self.time_decay,
            "rho_table": c.read_rho_table(self.rho_table),
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Model(Sharing):
    """The model of all effects."""

    model: c.ModelName = "auto"
    random: c.Random = None
    tau2: c.Tau2 = "REML"
    ci: c.CI = None
    level: c.Level = 0.95

    def chosen(self) -> dict[str, Any]:
        """The options by the names of the library."""
        # Not super(): a dataclass with slots is another class than the one it was written as.
        return Sharing.chosen(self) | {
            "model": self.model, "random": self.random or (), "tau2": self.tau2, "ci": self.ci,
            "level": self.level,
        }  # fmt: skip


class Told(Protocol):
    """A result that says what was set aside, what to think about, and what it comes to."""

    @property
    def effects(self) -> EffectTable:
        """What it rests on."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to think about before it is used."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON prints it."""
        ...

    def to_frame(self) -> pd.DataFrame:
        """The result as a tidy table."""
        ...

    def summary(self) -> str:
        """The result for people."""
        ...


def tell(result: Told) -> None:
    """Say on stderr which rows were set aside, and every warning."""
    c.report_ledger(result.effects)
    for warning in result.warnings:
        c.say(f"warning: {warning}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Json(Bundle):
    """Where exact JSON goes, and whether files may be replaced."""

    json: c.Json = None
    force: c.Force = False

    def check(self, table: str | None, *others: str | Path | None) -> None:
        """Refuse targets that cannot be written, before any work is done."""
        c.check_targets(self.json, *others, force=self.force, table=table)

    def answer(self, result: Told, *, csv: Path | None = None) -> None:
        """Write what was asked for: a table as CSV, JSON, and in words what neither printed."""
        to_stdout = str(csv) == "-"
        if csv is not None:
            from metabone.files import frame_to_csv, write_whole

            text = frame_to_csv(result.to_frame())
            if to_stdout:
                typer.echo(c.visible(text), nl=False)
            else:
                write_whole(csv, text, force=self.force)
                c.say(f"wrote {csv}")
        if not c.emit_json(result.to_dict(), self.json, force=self.force) and not to_stdout:
            c.show(result.summary())


@dataclass(frozen=True, slots=True, kw_only=True)
class Written(Json):
    """JSON, and the tidy table of the answer."""

    output: c.Output = None

    def check(self, table: str | None, *others: str | Path | None) -> None:
        """Refuse targets that cannot be written, before any work is done."""
        Json.check(self, table, self.output, *others)

    def give(self, result: Told) -> None:
        """Say what there is to say of a result, and write it where it is wanted."""
        tell(result)
        self.answer(result, csv=self.output)


def bundled(command: Callable[..., None]) -> Callable[..., None]:
    """Put the fields of every bundle that a command takes among its options."""
    hints = get_type_hints(command, include_extras=True)
    options: list[inspect.Parameter] = []
    bundles: dict[str, type[Bundle]] = {}
    for name, own in inspect.signature(command).parameters.items():
        kind = hints[name]
        if isinstance(kind, type) and issubclass(kind, Bundle):
            bundles[name] = kind
            options += _options(kind)
        else:
            options.append(own.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name]))

    defaults = {one.name: one.default for one in options if one.default is not one.empty}

    @wraps(command)
    def run(**given: Any) -> None:
        left = defaults | given
        made = {
            name: kind(**{field.name: left.pop(field.name) for field in fields(kind)})  # type: ignore[arg-type]
            for name, kind in bundles.items()
        }
        command(**made, **left)

    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


def _options(kind: type[Bundle]) -> list[inspect.Parameter]:
    """The fields of a bundle as parameters."""
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, annotation=hints[field.name],
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
        )
        for field in fields(kind)  # type: ignore[arg-type]
    ]  # fmt: skip
