"""Extraction forensics: what in a table looks like a slip, how strongly, and what to look up."""
