"""What can go wrong, by who can put it right."""

from __future__ import annotations


class MetaboneError(Exception):
    """Base of every error that metabone raises on purpose; its text is one clear message."""


class UsageError(MetaboneError, ValueError):
    """The call is wrong: an unknown option, column, key or expression (exit status 2)."""


class DataError(MetaboneError, ValueError):
    """The data cannot give the answer: unreadable, contradictory or too few (exit status 1)."""


class ModelError(MetaboneError, RuntimeError):
    """The model cannot be estimated from these data (exit status 1)."""


class MissingExtraError(MetaboneError, RuntimeError):
    """An optional library is missing; the message names its extra (exit status 1)."""


class FileWriteError(MetaboneError, RuntimeError):
    """A result cannot be written where it was asked for (exit status 1)."""
