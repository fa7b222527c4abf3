"""What holds for all tests."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from metabone.analysis import run as analysis_run
from metabone.cli import main

# A busy machine must not fail a property, and a run must be the same run tomorrow.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


# Modules whose fixtures take long: each of these names is given to one worker, with all its tests.
ONE_WORKER = {
    "tests/analysis/test_run.py": "unloading",
    "tests/test_docs.py": "unloading",
    "tests/test_wheel.py": "wheel",
    "tests/planning/test_calculator.py": "calculator",
    "tests/planning/test_selftest.py": "selftest",
    "tests/plots/test_xy.py": "points",
    "tests/synthesis/choices/test_choices.py": "choices",
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests go to whichever worker is free, those of `ONE_WORKER` together."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return ONE_WORKER.get(nodeid.partition("::")[0], nodeid)

    return Together(config, log)


# What a shell may set that changes what is written or how wide.
OUTSIDE = ("SOURCE_DATE_EPOCH", "COLUMNS", "LINES", "FORCE_COLOR")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OUTSIDE:
        monkeypatch.delenv(name, raising=False)


@dataclass(frozen=True)
class Run:
    """A command that was run once for all tests of a session: what it made and what it said."""

    result: analysis_run.RunResult
    said: str


@pytest.fixture(scope="session")
def unloading_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """``metabone run unloading -o results``, the longest of the commands that the tour shows.

    Both modules that ask for it are given to one worker, which runs it once.
    """
    place, said = tmp_path_factory.mktemp("unloading"), io.StringIO()
    results: list[analysis_run.RunResult] = []
    run_analysis = analysis_run.run_analysis

    def keep(*arguments: object, **options: object) -> analysis_run.RunResult:
        results.append(run_analysis(*arguments, **options))  # type: ignore[arg-type]
        return results[-1]

    with pytest.MonkeyPatch.context() as patch:
        for name in OUTSIDE:
            patch.delenv(name, raising=False)
        patch.chdir(place)
        patch.setattr(analysis_run, "run_analysis", keep)
        patch.setattr("sys.stdout", said)
        patch.setattr("sys.stderr", said)
        with pytest.raises(SystemExit) as stop:
            main(["run", "unloading", "-o", "results"])
    assert not stop.value.code, said.getvalue()
    return Run(replace(results[0], out=Path(place, results[0].out)), said.getvalue())
