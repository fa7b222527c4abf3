"""Which file, with which versions and options, gave which answer."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from metabone._version import __version__
from metabone.analysis.compute import Answer
from metabone.analysis.plan import Drawing
from metabone.analysis.spec import AnalysisSpec, DirectionSpec
from metabone.analysis.spec_choices import ChoicesSpec
from metabone.analysis.spec_rob import RobSpec
from metabone.errors import UsageError
from metabone.extraction.table import StudyTable
from metabone.files import plain
from metabone.synthesis.bias.results import BiasResult
from metabone.synthesis.choices.results import ChoicesResult
from metabone.synthesis.multivariate_results import OutcomesResult
from metabone.synthesis.results import SCHEMA_VERSION, PoolResult
from metabone.synthesis.sensitivity.results import SensitivityResult

LIBRARIES = ("numpy", "pandas", "scipy", "formulaic", "matplotlib", "pydantic")


def provenance(
    spec: AnalysisSpec,
    content: bytes,
    path: Path,
    table: StudyTable,
    answers: Sequence[Answer],
    drawings: Sequence[Drawing],
) -> dict[str, Any]:
    """Everything that a repetition needs, but the hashes of the outputs.

    Parameters
    ----------
    content, path : the analysis file as it was read, and where it lies.
    """
    inputs = [{"file": table.source.file, "sha256": table.source.sha256, "rows": table.source.rows}]
    if spec.data.vocabulary is not None:
        words = (path.parent / spec.data.vocabulary).read_bytes()
        inputs.append({"file": spec.data.vocabulary, "sha256": digest(words), "rows": None})
    return {
        "schema_version": SCHEMA_VERSION,
        "metabone_version": __version__,
        "title": spec.title,
        "synthetic": any(answer.synthetic for answer in answers),
        "analysis": {"file": path.name, "sha256": digest(content)},
        "inputs": inputs,
        "versions": versions(),
        "data": spec.data.model_dump(mode="json"),
        "check": spec.check.model_dump(mode="json"),
        "answers": [_options(spec, answer) for answer in answers],
        "figures": [
            {"name": drawing.name, "answer": drawing.answer}
            | drawing.asked.model_dump(mode="json", exclude={"name", "pool", "direction"})
            for drawing in drawings
        ],
    } | _date()


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def hashes(folder: Path) -> dict[str, str]:
    """Path in `folder` to SHA-256 of every file in it, in order of the paths."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): digest(path.read_bytes()) for path in files}


def versions() -> dict[str, str | None]:
    """Versions of Python and of the libraries that numbers and figures pass through."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = None
    return found


def _options(spec: AnalysisSpec, answer: Answer) -> Mapping[str, Any]:
    """What was asked, with every default as it was resolved."""
    asked = answer.task.asked
    kind = type(asked).__name__.removesuffix("Spec").casefold()
    options = {"name": answer.name, "kind": kind} | asked.model_dump(mode="json", exclude={"name"})
    if isinstance(answer.result, ChoicesResult):
        every = {name: [one] for name, one in answer.result.fixed.items()}
        shared = spec.effect.model_dump(mode="json", include={"rho_table", "time_decay"})
        options |= every | plain(answer.result.factors) | shared
        options["align"] = answer.result.effects.align
        return options | {"warnings": list(answer.warnings), "notes": list(answer.notes)}
    if isinstance(asked, RobSpec) and asked.weights == "pooled":
        options |= spec.effect.model_dump(mode="json")
    if not isinstance(asked, DirectionSpec | ChoicesSpec | RobSpec):
        options |= asked.effect(spec.effect).model_dump(mode="json")
    if answer.effects is not None:
        options["variance"] = answer.effects.variance
    if isinstance(answer.result, PoolResult):
        options |= {"pi": answer.result.pi_method, "model": answer.result.model}
    if isinstance(answer.result, SensitivityResult):
        options |= {"ci": answer.result.ci_method, "model": answer.result.model}
    if isinstance(answer.result, BiasResult):
        pooled = answer.result.pooled
        options |= {"model": pooled.model, "predictor": list(answer.result.predictors)}
    if isinstance(answer.result, OutcomesResult):
        options["ci"] = answer.result.ci_method
    return options | {"warnings": list(answer.warnings), "notes": list(answer.notes)}


def _date() -> dict[str, str]:
    """A date only where the caller fixes it, so that equal inputs give equal bytes."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        return {}
    try:
        moment = datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(f"SOURCE_DATE_EPOCH must be seconds since 1970; got {epoch!r}") from error
    return {"date": moment.isoformat()}
