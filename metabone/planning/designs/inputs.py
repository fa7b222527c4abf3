"""The inputs of designs: unit, meaning, default and range of each, and one check of them all."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Block = dict[str, Any]


def number(
    meaning: str,
    unit: str = "",
    default: "Any" = None,
    low: "float | None" = None,
    high: "float | None" = None,
    kind: str = "number",
) -> "Block":
    """One numeric input; `low` and `high` are allowed values, `kind` is number, whole or list."""
    return {
        "meaning": meaning,
        "unit": unit,
        "default": default,
        "range": (low, high),
        "kind": kind,
        "choices": None,
    }


def word(meaning: str, choices: "tuple[str, ...]", default: str) -> "Block":
    """One input that is a word out of a few."""
    return {
        "meaning": meaning,
        "unit": "",
        "default": default,
        "range": (None, None),
        "kind": "word",
        "choices": choices,
    }


ANIMALS = "animals"
UNIT = "endpoint unit"
FRACTION = "fraction"
PERCENT = "%"

ALPHA = {"alpha": number("type I error allowed", FRACTION, 0.05, 1e-9, 0.5)}
SIDES = {
    "sides": number("2 = either direction counts, 1 = only the expected one", "", 2, 1, 2, "whole")
}
HOUSING = {
    "losses": number("animals expected to be lost before the endpoint", FRACTION, 0.0, 0.0, 0.9),
    "animals_per_cage": number("animals housed together", ANIMALS, None, 1, 100, "whole"),
}
SPREAD = {
    "mean_control": number("mean of the control group", UNIT),
    "sd": number("SD between animals of one group", UNIT, None, 0.0),
    "cv": number("CV between animals, instead of sd", PERCENT, None, 0.0),
}
EFFECT = {
    "difference": number("difference of the two means", UNIT),
    "percent_change": number("change against the control mean, instead of difference", PERCENT),
}
SIZE = {
    "n": number(
        "animals in a group, or a list with one number a group", ANIMALS, None, 2, None, "sizes"
    )
}


def joined(*parts: "Block") -> "Block":
    """One dict of inputs out of several, in their order."""
    result: Block = {}
    for part in parts:
        result.update(part)
    return result


def nearest(word_given: str, known: "list[str]") -> str:
    """The known word that shares most letter pairs with the given one."""

    def pairs(text: str) -> "set[str]":
        text = " " + text.lower() + " "
        return {text[i : i + 2] for i in range(len(text) - 1)}

    given = pairs(word_given)
    best, score = "", -1.0
    for name in known:
        other = pairs(name)
        shared = 2 * len(given & other) / (len(given) + len(other))
        if shared > score:
            best, score = name, shared
    return best


def _flat(value: "Any") -> "list[Any]":
    if isinstance(value, (list, tuple)):
        result: list[Any] = []
        for item in value:
            result.extend(_flat(item))
        return result
    return [value]


def _check_number(name: str, value: "Any", spec: "Block") -> None:
    low, high = spec["range"]
    kind = spec["kind"]
    for item in _flat(value):
        if isinstance(item, bool) or not isinstance(item, (int, float)) or item != item:
            raise ValueError(name + " must be a number; got " + repr(item))
        if kind in ("whole", "sizes") and item != int(item):
            raise ValueError(name + " must be a whole number; got " + repr(item))
        if (low is not None and item < low) or (high is not None and item > high):
            bounds = str(low) + " or more" if high is None else str(low) + " to " + str(high)
            raise ValueError(name + " must be " + bounds + "; got " + repr(item))
    if kind in ("number", "whole") and isinstance(value, (list, tuple)):
        raise ValueError(name + " must be one number; got a list")


def completed(design: "Block", inputs: "Block") -> "Block":
    """The inputs with defaults filled in.

    Raises
    ------
    ValueError
        A name the design does not have (the nearest is named), or a value outside its range.
    """
    known = design["inputs"]
    result: Block = {}
    for name in known:
        result[name] = known[name]["default"]
    for name in inputs:
        if name not in known:
            close = nearest(name, list(known))
            raise ValueError(design["name"] + " has no input " + name + "; nearest: " + close)
        value = inputs[name]
        if value is None:
            continue
        spec = known[name]
        if spec["kind"] == "word":
            if value not in spec["choices"]:
                raise ValueError(
                    name + " must be one of " + ", ".join(spec["choices"]) + "; got " + repr(value)
                )
        elif spec["kind"] != "free":
            _check_number(name, value, spec)
        result[name] = value
    return result
