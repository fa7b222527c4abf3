"""Nothing in a table, an analysis file, an option or a formula is ever executed.

Each hostile text is tried in each place that takes an expression. It must give one line on stderr
and exit status 2, and must not have run: a canary file stays unmade and `os.system` is not reached.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from metabone.cli import main

ROWS = """\
study,outcome,unit,species,site,duration_weeks,n_treated,mean_treated,dispersion_treated,\
n_control,mean_control,dispersion_control,dispersion_type
A 2020,BV/TV,%,rat,femur,4,10,12.1,2.0,10,9.5,2.2,SD
B 2021,BV/TV,%,rat,femur,8,8,14.0,2.5,8,11.0,2.1,SD
C 2022,BV/TV,%,mouse,tibia,4,6,10.4,1.9,7,9.9,1.5,SD
D 2022,BV/TV,%,mouse,tibia,12,9,11.4,1.4,9,9.1,1.8,SD
E 2023,BV/TV,%,rat,tibia,6,7,12.4,1.1,7,10.1,1.6,SD
"""

# CANARY is replaced by the path of a file that must not come to be.
HOSTILE = {
    "import": "__import__('os').system('touch CANARY')",
    "import compared": "__import__('os').system('touch CANARY') == 0",
    "import in and": "species == 'rat' and __import__('os').system('touch CANARY') == 0",
    "exec": "exec(\"open('CANARY', 'w')\")",
    "eval": 'eval(\'open("CANARY", "w")\')',
    "open": "open('CANARY', 'w') == species",
    "attributes": "().__class__.__base__.__subclasses__()",
    "attribute of a column": "species.__class__ == 'x'",
    "method of a column": "species.str.len() > 2",
    "method with a chain": "species.values.tofile('CANARY')",
    "lambda": "(lambda: open('CANARY', 'w'))()",
    "lambda compared": "species == (lambda x: x)",
    "at": "@species == 'rat'",
    "at a name": "species == @os",
    "f-string": 'f\'{open("CANARY", "w")}\' == species',
    "f-string of a column": "species == f'{species}'",
    "comprehension": "[open('CANARY', 'w') for x in (1,)]",
    "generator": "species in (open('CANARY', 'w') for x in (1,))",
    "walrus": "(x := open('CANARY', 'w'))",
    "conditional": "open('CANARY', 'w') if 1 else 0",
    "subscript": "species[0] == 'r'",
    "starred": "species in (*'ab',)",
    "statement": "species == 'rat'; open('CANARY', 'w')",
    "new line": "species == 'rat'\nopen('CANARY', 'w')",
    "await": "await species",
    "yield": "(yield species)",
    "call by keyword": "dict(a=1) == species",
    "brackets": "(" * 2000 + "species" + ")" * 2000,
    "backslash": "species == 'rat' \\\n and open('CANARY', 'w')",
    "null": "species == 'rat'\0",
}
HOSTILE_FORMULAS = {
    **HOSTILE,
    "I()": "I(__import__('os').system('touch CANARY'))",
    "braces": "{__import__('os').system('touch CANARY')}",
    "np": "np.log(duration_weeks)",
    "call in C()": "C(species, __import__('os').system('touch CANARY'))",
    "treatment": "C(species, contr.treatment(base=open('CANARY', 'w')))",
    "argument": "poly(duration_weeks, degree=open('CANARY', 'w'))",
    "quoted": "`__import__('os').system('touch CANARY')`",
    "other function": "exp(duration_weeks)",
    "bs": "bs(duration_weeks, df=3)",
    "left side": "open('CANARY', 'w') ~ species",
    "power": "(species + site) ** 2",
}

# Where an expression can stand: arguments with TEXT for it.
WHERE_PLACES: dict[str, list[str]] = {
    "pool": ["pool", "t.csv", "--where", "TEXT"],
    "effects": ["effects", "t.csv", "--where", "TEXT"],
    "forest": ["forest", "t.csv", "--where", "TEXT", "-o", "f.svg"],
    "regress": ["regress", "t.csv", "--formula", "species", "--where", "TEXT"],
    "direction": ["direction", "t.csv", "--where", "TEXT"],
}


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table, from which the commands run, and a file that must stay unmade."""

    def forbidden(*arguments: Any, **_: Any) -> None:
        raise AssertionError(f"executed: {arguments!r:.200}")

    (tmp_path / "t.csv").write_text(ROWS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "system", forbidden)
    return tmp_path / "CANARY"


def check_refused(arguments: list[str], canary: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must refuse; the line that it says."""
    before = sorted(path.name for path in canary.parent.iterdir())
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    said = capsys.readouterr()
    assert stop.value.code == 2, said.err
    assert said.out == ""
    assert said.err.startswith("metabone: "), said.err
    assert said.err.count("\n") == 1, said.err
    assert "Traceback" not in said.err
    assert sorted(path.name for path in canary.parent.iterdir()) == before
    return said.err


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("place", WHERE_PLACES)
def test_where_on_the_command_line(
    place: str, text: str, canary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = text.replace("CANARY", str(canary))
    check_refused([part.replace("TEXT", text) for part in WHERE_PLACES[place]], canary, capsys)


@pytest.mark.parametrize("text", HOSTILE_FORMULAS.values(), ids=HOSTILE_FORMULAS.keys())
def test_formula_on_the_command_line(
    text: str, canary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_refused(
        ["regress", "t.csv", "--formula", text.replace("CANARY", str(canary))], canary, capsys
    )


def toml_text(value: str) -> str:
    """A TOML basic string that holds exactly `value`."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + quoted.replace("\0", "\\u0000") + '"'


ANALYSES = {
    "where of the data": "title='t'\n[data]\ntable='t.csv'\nwhere=TEXT\n[[pool]]\noutcome='BV/TV'",
    "where of an answer": "title='t'\n[data]\ntable='t.csv'\n[[pool]]\noutcome='BV/TV'\nwhere=TEXT",
    "where of a direction": "title='t'\n[data]\ntable='t.csv'\n[[direction]]\nwhere=TEXT",
    "where in a list": (
        "title='t'\n[data]\ntable='t.csv'\nwhere=[\"species == 'rat'\", TEXT]\n"
        "[[pool]]\noutcome='BV/TV'"
    ),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("analysis", ANALYSES.values(), ids=ANALYSES.keys())
def test_where_in_an_analysis_file(
    analysis: str, text: str, canary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = text.replace("CANARY", str(canary))
    Path("a.toml").write_text(analysis.replace("TEXT", toml_text(text)), encoding="utf-8")
    check_refused(["run", "a.toml", "-o", "out"], canary, capsys)


@pytest.mark.parametrize("text", HOSTILE_FORMULAS.values(), ids=HOSTILE_FORMULAS.keys())
def test_formula_in_an_analysis_file(
    text: str, canary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = toml_text(text.replace("CANARY", str(canary)))
    analysis = "title='t'\n[data]\ntable='t.csv'\n[[regress]]\noutcome='BV/TV'\nformula=" + text
    Path("a.toml").write_text(analysis, encoding="utf-8")
    check_refused(["run", "a.toml", "-o", "out"], canary, capsys)


@pytest.mark.parametrize("key", ["outcome", "by", "name", "measure", "unit"])
def test_other_keys_of_an_analysis_file(
    key: str, canary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = toml_text(HOSTILE["import"].replace("CANARY", str(canary)))
    head = "" if key == "outcome" else "outcome='BV/TV'\n"
    analysis = f"title='t'\n[data]\ntable='t.csv'\n[[pool]]\n{head}{key}={text}"
    Path("a.toml").write_text(analysis, encoding="utf-8")
    check_refused(["run", "a.toml", "-o", "out"], canary, capsys)


def test_cells_of_a_table_are_only_shown(canary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A hostile study name reaches the answer as the text that it is."""
    name = f"=cmd|' /C touch {canary}'!A1 [bold]$x$ \x1b[31m<script>"
    text = ROWS.replace("A 2020", f'"{name}"')
    Path("h.csv").write_text(text, encoding="utf-8")
    main_quietly(["effects", "h.csv", "--outcome", "BV/TV"])
    said = capsys.readouterr()
    assert not canary.exists()
    assert "\x1b" not in said.out + said.err
    assert "'=cmd|" in said.out
    assert "[bold]$x$" in said.out


def main_quietly(arguments: list[str]) -> None:
    """Run a command that must succeed."""
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert not stop.value.code


def test_a_whole_process_stays_clean(tmp_path: Path) -> None:
    """The same once more from outside, with nothing patched."""
    (tmp_path / "t.csv").write_text(ROWS, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "metabone", "pool", "t.csv", "--where",
         "__import__('os').system('touch CANARY') == 0"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith("metabone: ")
    assert run.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
