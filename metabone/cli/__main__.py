"""``python -m metabone.cli``."""

from metabone.cli import run

run()
