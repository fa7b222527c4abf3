"""``python -m metabone.cli``."""

from metabone.cli import main

main()
