"""What the list of commands says to somebody who sees it first."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from metabone.cli import COMMANDS, GROUPS, main


def test_the_list_of_commands_cuts_no_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    text = "".join(capsys.readouterr().out.split())
    assert "..." not in text.partition("Commands:")[2]
    for name in set(COMMANDS) - set(GROUPS):
        own = f"{name}_" if name == "import" else name
        command = getattr(import_module(f"metabone.cli.{own}"), own)
        first = (command.__doc__ or "").split("\n\n")[0]
        assert "".join(first.split()) in text, name


def test_a_new_sheet_says_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.csv"
    with pytest.raises(SystemExit) as stop:
        main(["new", str(sheet)])
    assert stop.value.code == 0
    said = capsys.readouterr().err
    assert "each row needs study and outcome" in said
    assert said.endswith(f"Then: metabone check {sheet}\n")
    with pytest.raises(SystemExit):
        main(["new", str(tmp_path / "half.csv"), "--from", "exosome-osteoporosis"])
    assert "each row needs" not in capsys.readouterr().err
