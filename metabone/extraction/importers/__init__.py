"""Exports of other programs to extraction tables, with a ledger of every source row."""
