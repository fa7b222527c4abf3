from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SAMPLES = Path(__file__).with_name("samples.py")


@pytest.fixture(scope="session")
def samples() -> ModuleType:
    """The module beside this file that makes tables and answers."""
    spec = importlib.util.spec_from_file_location("plot_samples", SAMPLES)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
