"""The plan file: a study plan as TOML, read with clear words for what is wrong, and written."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metabone.errors import UsageError
from metabone.files import read_bytes, toml_values
from metabone.options import nearest
from metabone.planning.plan_keys import HEADINGS, KEYS, SECTIONS, Key, keys_of

MAX_BYTES = 1_000_000
_TYPES = {
    "text": "a text in quotes", "number": "a number", "count": "a whole number",
    "counts": "a whole number or a list of them", "words": "a list of texts",
    "table": "a table of key = value",
}  # fmt: skip
#: Pairs that say the same thing twice.
_EITHER = (("sd", "cv"), ("difference", "percent"))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a plan file says.

    Parameters
    ----------
    values : section → key → value as written; the empty section is the top of the file.
    folder : where paths of the plan start from.
    file : what it is called in messages; empty without a file.
    """

    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    folder: Path = field(default_factory=Path)
    file: str = ""

    def get(self, section: str, key: str, default: Any = None) -> Any:
        """A value, or `default` where the plan is silent.

        Examples
        --------
        >>> Plan({"design": {"alpha": 0.01}}).get("design", "alpha")
        0.01
        """
        return self.values.get(section, {}).get(key, default)

    def path(self, section: str, key: str) -> Path | None:
        """A value that is a path, from the folder of the plan."""
        name = self.get(section, key)
        return None if name is None else self.folder / name

    def with_values(self, section: str, changes: Mapping[str, Any]) -> Plan:
        """A plan in which what is not None in `changes` stands in place of what was.

        A new SD replaces a coefficient of variation and the other way about; so do difference and
        per cent.

        Examples
        --------
        >>> Plan({"design": {"sd": 2.0}}).with_values("design", {"cv": 20.0}).values
        {'design': {'cv': 20.0}}
        """
        given = {key: value for key, value in changes.items() if value is not None}
        if not given:
            return self
        before = dict(self.values.get(section, {}))
        for pair in _EITHER:
            if section == "design" and any(key in given for key in pair):
                before = {key: value for key, value in before.items() if key not in pair}
        merged = {**self.values, section: before | given}
        problems = list(_problems(merged, (section,)))
        if problems:
            raise UsageError(_sentence("", problems))
        return Plan(merged, self.folder, self.file)


def read_plan(path: Path) -> Plan:
    """Read and check a plan file.

    Raises
    ------
    UsageError
        If the file cannot be read, is no TOML, or says something that is not understood; all
        problems at once, each with its place.
    """
    return parse_plan(read_bytes(path), str(path), path.parent)


def parse_plan(content: bytes, file: str, folder: Path = Path()) -> Plan:
    """The plan that the bytes of a TOML file describe; see `read_plan`.

    Examples
    --------
    >>> parse_plan(b'title = "t"\\n[design]\\nsd = 2', "p.toml").get("design", "sd")
    2
    """
    values = toml_values(content, file, what="a plan file", most=MAX_BYTES)
    top = {key: value for key, value in values.items() if key not in SECTIONS}
    sections = {key: values[key] for key in SECTIONS if key in values}
    problems = list(_problems({"": top, **sections}, ("", *sections)))
    if problems:
        raise UsageError(_sentence(file, problems))
    return Plan({"": top, **sections}, folder, file)


def _sentence(file: str, problems: list[str]) -> str:
    lead = f"{file}: " if file else ""
    if len(problems) == 1:
        return f"{lead}{problems[0]}"
    listed = "".join(f"\n  {problem}" for problem in problems)
    return f"{lead}{len(problems)} problems:{listed}"


def _problems(values: Mapping[str, Any], sections: tuple[str, ...]) -> Iterator[str]:
    for section in sections:
        place = f"[{section}]: " if section else ""
        entries = values[section]
        if not isinstance(entries, Mapping):
            yield f"{section} is a table: write [{section}] on a line of its own"
            continue
        known = {key.name: key for key in keys_of(section)}
        for name, value in entries.items():
            if name not in known:
                yield place + _unknown(name, value, section)
            elif fault := _fault(known[name], value):
                yield f"{place}{name} {fault}"
        if section == "design":
            for one, other in _EITHER:
                if one in entries and other in entries:
                    yield f"{place}give either {one} or {other}, not both"


def _unknown(name: str, value: Any, section: str) -> str:
    if not section and isinstance(value, Mapping):
        close = nearest(name, SECTIONS, n=1)
        hint = f"did you mean [{close[0]}]?" if close else f"known are {', '.join(SECTIONS)}"
        return f"unknown table [{name}]; {hint}"
    known = [key.name for key in keys_of(section)]
    close = nearest(name, known, n=1)
    elsewhere = next((key.section for key in KEYS if key.name == name and key.section), None)
    hint = f"known are {', '.join(map(repr, known))}"
    if elsewhere is not None:
        hint = f"it stands in [{elsewhere}]"
    elif close:
        hint = f"did you mean {close[0]!r}?"
    return f"unknown key {name!r}; {hint}"


def _fault(key: Key, value: Any) -> str | None:
    """What is wrong with a value, or None."""
    if not _is_of_kind(key.kind, value):
        return f"takes {_TYPES[key.kind]}; got {value!r}"
    if key.kind not in ("number", "count", "counts"):
        return None
    values = value if isinstance(value, (list, tuple)) else [value]
    return next((fault for one in values if (fault := _beyond(key, one))), None)


def _beyond(key: Key, value: float) -> str | None:
    low, high = key.low, key.high
    beyond = not math.isfinite(value)
    if low is not None:
        beyond |= value < low or (key.open_ended and value == low)
    if high is not None:
        beyond |= value > high or (key.open_ended and value == high)
    # Per cent stand beside it, so that 10 is what a hand types first.
    hint = " (a share: 0.1 is 10 %)" if key.name == "losses" else ""
    return f"must be {_bounds(key)}{hint}; got {value!r}" if beyond else None


def _bounds(key: Key) -> str:
    if key.low is None:
        return "a finite number"
    if key.high is None:
        return f"above {key.low:g}" if key.open_ended else f"at least {key.low:g}"
    if key.open_ended:
        return f"between {key.low:g} and {key.high:g}"
    return f"from {key.low:g} to {key.high:g}"


def _is_of_kind(kind: str, value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "text":
        return isinstance(value, str)
    if kind == "number":
        return number
    if kind == "count":
        return isinstance(value, int) and number
    if kind == "table":
        return isinstance(value, Mapping)
    if kind == "counts" and _is_of_kind("count", value):
        return True
    inner = "text" if kind == "words" else "count"
    listed = isinstance(value, (list, tuple)) and len(value) > 0
    return listed and all(_is_of_kind(inner, one) for one in value)


def template(values: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """A commented plan file to fill in: every key with what it means.

    Parameters
    ----------
    values : what to fill in already, section → key → value; other keys show an example, those
        that a simple plan does not need behind a number sign.

    Examples
    --------
    >>> print(template({"": {"title": "Exosomes"}}).splitlines()[3])
    title = "Exosomes"  # What the study is called.
    """
    given = values or {}
    lines = [
        "# A study plan. Fill in, then: metabone plan n --plan THIS_FILE",
        "# Every line that begins with # is a choice left open.",
        "",
    ]
    for section in ("", *SECTIONS):
        if section:
            lines += ["", f"# {HEADINGS[section]}", f"[{section}]"]
        mine = given.get(section, {})
        # One of a pair that is given silences the example of the other.
        silent = {key for pair in _EITHER for key in pair if any(other in mine for other in pair)}
        for key in keys_of(section):
            own = key.name in mine
            text = toml_value(mine[key.name]) if own else key.example
            hidden = not own and (not key.shown or key.name in silent)
            lines.append(f"{'# ' if hidden else ''}{key.name} = {text}  # {key.meaning}")
    return "\n".join(lines) + "\n"


def toml_value(value: Any) -> str:
    """A value as TOML writes it on one line.

    Raises
    ------
    UsageError
        For something that a plan does not hold.

    Examples
    --------
    >>> toml_value({"species": "rat", "n": [4, 5]})
    '{ species = "rat", n = [4, 5] }'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return '"' + "".join(map(_escaped, value)) + '"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_bare(key)} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    raise UsageError(f"a plan cannot hold {value!r}")


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    code = ord(char)
    return f"\\u{code:04x}" if code < 32 or code == 127 else char


def _bare(key: str) -> str:
    plain = key and all(c.isascii() and (c.isalnum() or c in "-_") for c in key)
    return key if plain else toml_value(key)
