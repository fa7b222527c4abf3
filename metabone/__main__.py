"""``python -m metabone``."""

from metabone.cli import main

main()
