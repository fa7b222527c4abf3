"""The page of the audit has every code."""

from __future__ import annotations

from pathlib import Path

from metabone.extraction.audit.codes import CODES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "audit.md"


def test_every_code_is_on_the_page_and_no_other() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    told = [line.split("`")[1] for line in lines if line.startswith("| `") and line.count("|") == 5]
    codes = [word for word in told if "-" in word]
    assert sorted(codes) == sorted(CODES)
