"""A plan as the command line that gives the same answer, and as a plan file; runs in the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metabone.planning.plan_file import Plan, toml_value
from metabone.planning.plan_keys import HEADINGS, SECTIONS, keys_of

#: Keys whose option is not spelled as they are; None where there is no option.
SPELLED: Mapping[tuple[str, str], str | None] = {
    ("", "question"): None,
    ("study", "age_weeks"): None,
    ("study", "model"): None,
    ("study", "groups"): None,
    ("study", "blinding"): None,
    ("study", "exclusion"): None,
    ("design", "name"): "--design",
    ("design", "inputs"): "--set",
    ("variability", "from"): "--variability",
    ("variability", "scanner"): "--sd-scanner",
    ("evidence", "result"): "--from-meta",
    ("allocation", "animals"): None,
    ("allocation", "seed"): None,
    ("allocation", "unit"): None,
    ("simulation", "replicates"): None,
    ("simulation", "seed"): None,
}
#: Letters that no shell reads as its own.
_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,=:+@%"
FILE = "plan.toml"


def command_line(plan: Plan, asked: str) -> str:
    """The command of a shell that answers the plan; by its file where options cannot say all.

    Examples
    --------
    >>> command_line(Plan({"design": {"mean": 20, "cv": 25, "percent": 30}}), "n")
    'metabone plan n --mean 20 --cv 25 --percent 30'
    >>> command_line(Plan({"study": {"treatment": "it's"}, "design": {"n": [8, 12]}}), "power")
    'metabone plan power --treatment \\'it\\'"\\'"\\'s\\' --n 8,12'
    """
    words = ["metabone", "plan", asked]
    for section in ("", *SECTIONS):
        for key in keys_of(section):
            value = plan.get(section, key.name)
            if value is None:
                continue
            option = option_of(section, key.name)
            if option is None:
                return f"metabone plan {asked} --plan {FILE}"
            words += _option(option, value)
    return " ".join(map(quoted, words))


def option_of(section: str, key: str) -> str | None:
    """The option of ``metabone plan`` that stands for a key of a plan; None without one.

    Examples
    --------
    >>> option_of("design", "baseline_correlation"), option_of("study", "groups")
    ('--baseline-correlation', None)
    """
    if (section, key) in SPELLED:
        return SPELLED[section, key]
    return "--" + key.replace("_", "-")


def _option(option: str, value: Any) -> list[str]:
    """An option with its value, as often as it needs to be said."""
    if isinstance(value, Mapping):
        words: list[str] = []
        for name, one in value.items():
            words += [option, f"{name}={_said(one)}"]
        return words
    if isinstance(value, (list, tuple)):
        return [option, ",".join(map(str, value))]
    return [option, str(value)]


def _said(value: Any) -> str:
    """The value of ``--set`` or ``--stratum``: a text as it is, anything else as TOML writes it."""
    return value if isinstance(value, str) else toml_value(value)


def quoted(word: str) -> str:
    """A word that a POSIX shell reads as one.

    Examples
    --------
    >>> quoted("BV/TV"), quoted("proximal tibia"), quoted("")
    ('BV/TV', "'proximal tibia'", "''")
    """
    if word and all(char in _PLAIN for char in word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"


def plan_toml(plan: Plan, asked: str) -> str:
    """The plan as a plan file: what it says and no more, each line with its meaning.

    Examples
    --------
    >>> print(plan_toml(Plan({"design": {"sd": 2.5}}), "n").splitlines()[-1])
    sd = 2.5  # SD between animals of one group.
    """
    lines = [f"# A study plan; for its answer: metabone plan {asked} --plan {FILE}"]
    for section in ("", *SECTIONS):
        given = [key for key in keys_of(section) if plan.get(section, key.name) is not None]
        if section and given:
            lines += ["", f"# {HEADINGS[section]}", f"[{section}]"]
        lines += [
            f"{key.name} = {toml_value(plan.get(section, key.name))}  # {key.meaning}"
            for key in given
        ]
    return "\n".join(lines) + "\n"
