"""What the list of commands says to somebody who sees it first."""

from __future__ import annotations

from importlib import import_module

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
