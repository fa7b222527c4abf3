"""Meta-analysis and study planning for animal studies of bone.

Public names are loaded on first use, so that ``import metabone`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from metabone._version import __version__

# One line for each public name: where it lives.
_HOMES = {
    "read_table": "metabone.extraction.reading",
    "escalc": "metabone.effects.escalc",
    "pool": "metabone.synthesis.pool",
    "regress": "metabone.synthesis.regression",
    "bias": "metabone.synthesis.bias.bias",
    "sensitivity": "metabone.synthesis.sensitivity.sensitivity",
    "choices": "metabone.synthesis.choices.analyse",
    "direction": "metabone.synthesis.direction",
    "random_effects": "metabone.models.random_effects",
    "load_vocabulary": "metabone.vocabulary",
    "forest": "metabone.plots.forest",
    "run_analysis": "metabone.analysis.run",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'metabone' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
