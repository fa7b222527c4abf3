"""One analysis file to one folder of results, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metabone.analysis.compute import Answer, compute, read_data
from metabone.analysis.figures import draw_pages
from metabone.analysis.folder import PROVENANCE, check_folder, whole_folder
from metabone.analysis.plan import Drawing, make_plan
from metabone.analysis.provenance import hashes, provenance
from metabone.analysis.spec import AnalysisSpec, read_spec
from metabone.analysis.summary import headline, summary_text
from metabone.analysis.tables import json_files, table_files
from metabone.errors import UsageError
from metabone.extraction.shipped import analyses_root
from metabone.extraction.table import StudyTable
from metabone.files import dump_json, write_whole
from metabone.options import nearest
from metabone.report.check import check_table
from metabone.report.document import markdown
from metabone.report.methods import Reported, methods_document
from metabone.synthesis.results import SCHEMA_VERSION

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run wrote.

    Parameters
    ----------
    out : the result folder.
    title : of the analysis.
    answers : every answer, in the order of the analysis file.
    files : paths inside `out` of everything written.
    provenance : the content of ``provenance.json``.
    """

    out: Path
    title: str
    answers: tuple[Answer, ...]
    files: tuple[str, ...]
    provenance: dict[str, Any]

    @property
    def synthetic(self) -> bool:
        """Whether any row behind any answer is declared synthetic."""
        return any(answer.synthetic for answer in self.answers)

    @property
    def figures(self) -> tuple[str, ...]:
        """The figures among the files."""
        return tuple(path for path in self.files if path.startswith("figures/"))

    def to_dict(self) -> dict[str, Any]:
        """The run as JSON prints it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "title": self.title,
            "synthetic": self.synthetic,
            "answers": [
                {"name": answer.name, "title": answer.task.title}
                | {"result": answer.result.to_dict()}
                for answer in self.answers
            ],
            "files": list(self.files),
            "provenance": self.provenance,
        }

    def summary(self) -> str:
        """The answers for people, one line each, and where they are."""
        lines = ["SYNTHETIC DATA: made by a script, not measured"] if self.synthetic else []
        lines.append(self.title)
        lines += [f"  {answer.task.title}: {headline(answer)}" for answer in self.answers]
        lines.append(f"Results in {self.out}: summary.md and {len(self.files) - 1} other files")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()


def run_analysis(
    path: str | Path,
    out: str | Path,
    *,
    force: bool = False,
    progress: Progress | None = None,
) -> RunResult:
    """Run an analysis file and write its results.

    Parameters
    ----------
    path : the analysis file, or the name of a shipped analysis (``unloading``).
    out : folder to make. It appears when everything is written, or not at all.
    force : replace `out` if it holds results of metabone and nothing else.
    progress : called before each step with its name, how many steps are done and how many there
        are.

    Raises
    ------
    UsageError
        For anything in the analysis file that is not understood.
    DataError, ModelError
        If one of the answers cannot be given; its name is in the message.
    FileWriteError
        If `out` cannot be written.
    """
    path, out = find_analysis(path), Path(out)
    spec, content = read_spec(path)
    plan = make_plan(spec)
    check_folder(out, force=force)
    step = _Steps(progress, 2 + len(plan.tasks) + len(plan.drawings))
    step("reading")
    table = read_data(spec.data, path.parent)
    answers = compute(spec, plan, table, step)
    step("checking")
    checked = check_table(table, off=spec.check.off, measure=spec.effect.measure)
    record = provenance(spec, content, path, table, answers, plan.drawings)
    with whole_folder(out, force=force) as folder:
        for name in ("tables", "json", *(["figures"] if plan.drawings else [])):
            (folder / name).mkdir()
        for name, text in (table_files(answers, checked) | json_files(answers)).items():
            write_whole(folder / name, text)
        figures = _draw(plan.drawings, answers, folder, step)
        write_whole(folder / "summary.md", summary_text(spec, checked, answers, figures))
        write_whole(folder / "methods.md", _methods(spec, table, answers))
        write_whole(folder / "analysis.toml", content)
        record |= {"outputs": hashes(folder)}
        write_whole(folder / PROVENANCE, dump_json(record))
    files = tuple(sorted([*record["outputs"], PROVENANCE]))
    return RunResult(out, spec.title, answers, files, record)


def _methods(spec: AnalysisSpec, table: StudyTable, answers: Sequence[Answer]) -> str:
    told = [
        Reported(answer.task.title, answer.result, answer.task.asked.where) for answer in answers
    ]
    return markdown(methods_document(spec.title, table, spec.data.where, told))


def find_analysis(path: str | Path) -> Path:
    """The analysis file that `path` names: a file, or a shipped analysis by its name.

    Raises
    ------
    UsageError
        If there is neither; the message names the nearest shipped ones.
    """
    path = Path(path)
    if path.is_file():
        return path
    shipped = {file.stem: file for file in sorted(analyses_root().glob("*.toml"))}
    if str(path) in shipped:
        return shipped[str(path)]
    close = nearest(str(path), shipped)
    hint = f"did you mean {close[0]!r}?" if close else f"shipped are {', '.join(shipped)}"
    raise UsageError(f"there is no file and no shipped analysis called {str(path)!r}; {hint}")


class _Steps:
    """Counts steps for the caller's progress."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress = progress
        self.total = total
        self.done = 0

    def __call__(self, name: str) -> None:
        if self.progress is not None:
            self.progress(name, self.done, self.total)
        self.done += 1


def _draw(
    drawings: Sequence[Drawing], answers: Sequence[Answer], folder: Path, step: _Steps
) -> list[str]:
    """Draw every figure in every format; their paths inside the folder."""
    by_name = {answer.name: answer for answer in answers}
    paths = []
    for drawing in drawings:
        step(drawing.name)
        paths += _draw_one(drawing, by_name[drawing.answer].result, folder)
    return paths


def _draw_one(drawing: Drawing, result: object, folder: Path) -> list[str]:
    from metabone.plots.export import export
    from metabone.plots.rob_figures import page_paths

    asked = drawing.asked
    figures = draw_pages(asked, result)
    written = []
    for suffix in asked.formats:
        paths = page_paths(Path(f"figures/{drawing.name}.{suffix}"), len(figures))
        for path, figure in zip(paths, figures, strict=True):
            export(figure, folder / path, width_mm=asked.width_mm, dpi=asked.dpi)
            written.append(path.as_posix())
    return written
