"""``python -m metabone``."""

from metabone.cli import run

run()
