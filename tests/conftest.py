"""What holds for all tests."""

from __future__ import annotations

import pytest
from hypothesis import settings

# A busy machine must not fail a property, and a run must be the same run tomorrow.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what a shell may set from changing what is written or how wide."""
    for name in ("SOURCE_DATE_EPOCH", "COLUMNS", "LINES", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
