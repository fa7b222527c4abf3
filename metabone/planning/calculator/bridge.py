"""Questions of the page in, answers out, both as JSON texts; this module runs in the page."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from metabone.errors import DataError, ModelError, UsageError
from metabone.planning.answer import Answer, answer_mde, answer_n, answer_power
from metabone.planning.answer_curve import assurance_steps, curve_steps
from metabone.planning.calculator.command import command_line, plan_toml
from metabone.planning.plan_file import Plan
from metabone.planning.plan_keys import KEYS, SECTIONS, keys_of
from metabone.planning.question import make_question
from metabone.planning.sensitivity import sensitivity_steps
from metabone.planning.words import headline, summary

ASKED = {"n": answer_n, "power": answer_power, "mde": answer_mde}
#: Words of a refusal that are plain English before they are a key.
_COMMON = ("n", "power", "power to", "control", "name", "unit", "model", "design", "question")


class Desk:
    """Answers one request at a time, and keeps the last answer for the curve and the grid of it.

    Parameters
    ----------
    paragraph : what a plan says to an ethics committee, from a floor above.
    """

    def __init__(self, paragraph: Callable[[Answer], str]) -> None:
        self._paragraph = paragraph
        self._key = ""
        self._answer: Answer | None = None
        self._request: dict[str, Any] = {}
        self._work: Iterator[dict[str, Any] | None] = iter(())

    def ask(self, text: str) -> str:
        """The answer to a request, as JSON.

        Parameters
        ----------
        text : ``{"id", "what", "asked", "plan"}`` as JSON; ``what`` is ``answer``, ``curve`` or
            ``grid``.
        """
        self.begin(text)
        while True:
            answer = self.step()
            if answer is not None:
                return answer

    def begin(self, text: str) -> None:
        """Take a request; `step` answers it."""
        self._request = json.loads(text)
        self._work = self._reply(self._request)

    def step(self) -> str | None:
        """Work on for a while: the answer as JSON, or None as long as there is more to do.

        MicroPython frees memory between calls from outside alone.
        """
        try:
            content = next(self._work)
        except (UsageError, DataError, ModelError, ValueError) as error:
            said, plan = str(error), self._request.get("plan") or {}
            content = {"ok": False, "error": said, "field": field_of(said, plan)}
        if content is None:
            return None
        return json.dumps(finite({"id": self._request.get("id"), **content}))

    def _reply(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any] | None]:
        asked, what = request.get("asked", "n"), request.get("what")
        if asked not in ASKED:
            raise UsageError(f"asked must be n, power or mde; got {asked!r}")
        if what not in ("answer", "curve", "grid"):
            raise UsageError(f"what must be answer, curve or grid; got {what!r}")
        answer = self._answered(asked, request.get("plan") or {})
        yield None
        if what == "answer":
            yield {"ok": True, **self._words(answer, asked)}
        elif what == "curve":
            yield from curves(answer)
        else:
            grid = None
            for found in sensitivity_steps(answer) if answer.reachable else ():
                grid = found
                yield None
            yield {"ok": True, "grid": None if grid is None else grid.to_dict()}

    def _answered(self, asked: str, plan: Mapping[str, Any]) -> Answer:
        key = json.dumps([asked, plan])
        if self._answer is None or key != self._key:
            self._answer = None
            self._answer = ASKED[asked](make_question(plan_of(plan)), grid=False)
            self._key = key
        return self._answer

    def _words(self, answer: Answer, asked: str) -> dict[str, Any]:
        content = answer.to_dict()
        content.pop("grid")
        return {
            "answer": content,
            "headline": headline(answer),
            "summary": summary(answer),
            "ethics": self._paragraph(answer),
            "interval": content["interval"],
            "command": command_line(answer.question.plan, asked),
            "toml": plan_toml(answer.question.plan, asked),
        }


def plan_of(values: Mapping[str, Any]) -> Plan:
    """The plan of a request, checked as a plan file is; what is null counts as not said.

    Examples
    --------
    >>> plan_of({"design": {"sd": 2.0, "cv": None}}).values
    {'design': {'sd': 2.0}}
    """
    plan = Plan()
    strange = [name for name in values if name and name not in SECTIONS]
    if strange:
        raise UsageError(f"unknown table [{strange[0]}]; known are {', '.join(SECTIONS)}")
    source = (values.get("variability") or {}).get("from")
    if source not in (None, "shipped"):
        raise UsageError(f"the page has the shipped variability alone, not {source!r}")
    for section in ("", *SECTIONS):
        given = values.get(section) or {}
        known = [key.name for key in keys_of(section) if given.get(key.name) is not None]
        names = known + sorted(name for name in given if name not in known)
        changes = {name: _in_order(given[name]) for name in names}
        plan = plan.with_values(section, changes)
    return plan


def _in_order(value: Any) -> Any:
    """The value, a table of it in the order of its keys, which JSON does not keep in the page."""
    return {name: value[name] for name in sorted(value)} if isinstance(value, dict) else value


def curves(answer: Answer) -> Iterator[dict[str, Any] | None]:
    """Power, and with evidence assurance, against the size; None after each point."""
    evidence = answer.evidence
    lines: list[list[list[float]]] = []
    able = evidence is not None and evidence["assurance"] is not None
    for steps in (curve_steps, assurance_steps) if able else (curve_steps,):
        line: list[list[float]] = []
        for point in steps(answer):
            line.append(list(point))
            yield None
        lines.append(line)
    yield {
        "ok": True,
        "power": lines[0],
        "assurance": lines[1] if able else None,
        "ceiling": answer.ceiling if evidence is None else evidence["ceiling"],
        "target": answer.question.target,
    }


def field_of(said: str, plan: Mapping[str, Any]) -> str | None:
    """The key of the plan, or the input of its design, that a refusal speaks of.

    Examples
    --------
    >>> field_of("[design]: alpha must be between 0 and 1; got 7", {})
    'alpha'
    >>> field_of("two-groups: give sd, or cv together with mean_control", {})
    'sd'
    """
    from metabone.planning.designs.registry import DESIGNS

    name = str((plan.get("design") or {}).get("name") or "")
    known = {key.name for key in KEYS if key.section}
    known |= set(DESIGNS[name]["inputs"]) if name in DESIGNS else set()
    if said.startswith("there is no design"):
        return "name"
    if "there is nothing on" in said:
        return "endpoint"
    clauses = said.replace(f"{name}: ", "").split(";")
    words = _tokens(clauses[0]) or _tokens(said)
    named = [word for word, optional in words if word in known and optional]
    plain = [word for word, _ in words if word in known and word not in _COMMON]
    common = [word for word, _ in words if word in known]
    found = [*named, *plain, *common]
    return found[0] if found else None


def _tokens(text: str) -> list[tuple[str, bool]]:
    """Words as keys are spelled, and whether each was an option of the command line."""
    tokens, now = [], ""
    for char in f"{text} ":
        if ("a" <= char <= "z") or char in "_-" or (now and "0" <= char <= "9"):
            now += char
        elif now:
            tokens.append((now.strip("-").replace("-", "_"), now.startswith("--")))
            now = ""
    return tokens


def finite(value: Any) -> Any:
    """The value as JSON holds it: what is no finite number becomes null."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
