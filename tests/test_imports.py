"""What a start of metabone loads: little for help, and for pooling only what pooling needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from metabone.cli import COMMANDS

HEAVY = (
    "pandas", "numpy", "scipy", "matplotlib", "statsmodels", "pingouin", "pydantic",
    "formulaic", "joblib", "openpyxl", "pyarrow",
)  # fmt: skip
# Pooling may load pandas, numpy and scipy.special; nothing of these. (Recent versions of typer load
# pydantic themselves to read the arguments of any command: that is theirs, so the models of the
# analysis file stand here instead.)
NOT_FOR_POOLING = (
    "scipy.stats", "scipy.optimize", "matplotlib", "statsmodels", "pingouin", "formulaic", "joblib",
    "openpyxl", "python_calamine", "metabone.analysis.spec",
)  # fmt: skip

TABLE = """\
study,outcome,unit,species,n_treated,mean_treated,dispersion_treated,n_control,mean_control,\
dispersion_control,dispersion_type
A 2020,BV/TV,%,rat,10,12.1,2.0,10,9.5,2.2,SD
B 2021,BV/TV,%,rat,8,14.0,2.5,8,11.0,2.1,SD
C 2022,BV/TV,%,mouse,6,10.4,1.9,7,9.9,1.5,SD
D 2022,BV/TV,%,mouse,9,11.4,1.4,9,9.1,1.8,SD
"""


def loaded(code: str, cwd: Path) -> set[str]:
    """Names of the modules in memory after running `code` in a fresh interpreter."""
    tail = "\nimport sys\nprint('\\nLOADED', *sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code + tail], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.rpartition("LOADED ")[2].split())


def command(*arguments: str) -> str:
    return (
        "from metabone.cli import main\n"
        f"try:\n    main({list(arguments)!r})\n"
        "except SystemExit as stop:\n    assert not stop.code, stop.code\n"
    )


def among(names: tuple[str, ...], modules: set[str]) -> list[str]:
    return [name for name in names if name in modules]


def test_the_package_itself_costs_nothing(tmp_path: Path) -> None:
    assert among((*HEAVY, "typer", "rich"), loaded("import metabone", tmp_path)) == []


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)])
def test_help_loads_no_library(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert among(HEAVY, loaded(command(*arguments), tmp_path)) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_loads_no_numbers(tmp_path: Path, name: str) -> None:
    libraries = tuple(library for library in HEAVY if library != "pydantic")
    assert among(libraries, loaded(command(name, "--help"), tmp_path)) == []


def test_pooling_loads_only_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(TABLE, encoding="utf-8")
    modules = loaded(
        command("pool", "table.csv", "--outcome", "BV/TV", "--by", "species", "--json", "a.json"),
        tmp_path,
    )
    assert (tmp_path / "a.json").is_file()
    assert among(NOT_FOR_POOLING, modules) == []


def test_this_test_sees_what_is_loaded(tmp_path: Path) -> None:
    modules = loaded("import numpy", tmp_path)
    assert among(HEAVY, modules) == ["numpy"]
