"""The errors of metabone; a class of MicroPython has one kind of built-in error as its parent."""


class UsageError(ValueError):
    """The call is wrong."""


class DataError(ValueError):
    """The data cannot give the answer."""


class ModelError(RuntimeError):
    """The model cannot be estimated from these data."""


#: To catch them all.
MetaboneError = (UsageError, DataError, ModelError)
