"""The page itself: template, style, scripts, planner and data in one text that needs no other."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from metabone._version import __version__
from metabone.errors import DataError
from metabone.planning.calculator.bundle import START, bundle
from metabone.planning.calculator.data import baked, describe

HERE = "metabone.planning.calculator"
#: SHA-256 of the vendored files, as published on npm; see vendor/README.md.
VENDORED = {
    "micropython.mjs": "c2be87e7ba24e3b47d133022b009a66bff07f4720aa23d816d216ef8cc47014c",
    "micropython.wasm": "06338c955b03c5700aa0069015d3e392d76836ef8e2ce25bedbe59b88ccd373c",
}


def calculator_page(evidence: Sequence[str | Path] = ()) -> str:
    """The calculator as one HTML text, the same bytes for the same evidence.

    Parameters
    ----------
    evidence : JSON files of ``metabone pool`` whose predictive distributions the page offers.

    Raises
    ------
    DataError
        If a result cannot be read or planned from, or a file of the installation is damaged.
    UsageError
        If two of the results have one name.

    Examples
    --------
    >>> calculator_page().startswith("<!doctype html>")
    True
    """
    results = baked(evidence)
    script = _scripts()
    parts = {
        "style": _text("web/style.css"),
        "script": script,
        "worker": _text("worker.js").replace("{{desk}}", _text("desk.js")),
        "wasm": packed(vendored("micropython.wasm")),
        "bundle": in_script({"packed": packed(compact(page_bundle(results)).encode("utf-8"))}),
        "data": in_script(describe(results)),
        "version": html.escape(__version__),
    }
    for name, closing in (("style", "</style"), ("script", "</script"), ("worker", "</script")):
        if closing in parts[name].casefold() or "<!--" in parts[name]:
            raise DataError(
                f"the calculator's {name} holds {closing} or <!--: the page would break"
            )
    return _filled(_text("web/page.html"), parts)


def page_bundle(results: dict[str, Any]) -> dict[str, Any]:
    """What the worker starts with: MicroPython's loader, the planner's files, the data."""
    return {
        "micropython": vendored("micropython.mjs").decode("utf-8"),
        "files": bundle(),
        "data": results,
        "start": START,
    }


def in_script(value: Any) -> str:
    """JSON that is safe inside a script element: no ``<`` is left to begin a tag or a comment.

    Examples
    --------
    >>> in_script({"a": "</script><!--"})
    '{"a":"\\\\u003c/script>\\\\u003c!--"}'
    """
    text = compact(value).replace("<", "\\u003c")
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def compact(value: Any) -> str:
    """JSON without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def packed(content: bytes) -> str:
    """Bytes as the worker unpacks them: gzip without a date, in base64."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode("ascii")


def vendored(name: str) -> bytes:
    """A file of the vendored MicroPython.

    Raises
    ------
    DataError
        If its checksum is not that of the published file.
    """
    content = files(HERE).joinpath("vendor", name).read_bytes()
    if hashlib.sha256(content).hexdigest() != VENDORED[name]:
        raise DataError(f"{name} of the installed calculator is damaged: its checksum is wrong")
    return content


def _scripts() -> str:
    """All scripts of the page in order of their names, as one."""
    folder = files(HERE).joinpath("web")
    names = sorted(one.name for one in folder.iterdir() if one.name.endswith(".js"))
    return "\n".join(_text(f"web/{name}") for name in names)


def _text(name: str) -> str:
    return files(HERE).joinpath(*name.split("/")).read_text(encoding="utf-8")


def _filled(template: str, parts: dict[str, str]) -> str:
    """The template with its placeholders filled, each once but the version; all in one pass."""
    pieces = template.split("{{")
    filled = [pieces[0]]
    seen: list[str] = []
    for piece in pieces[1:]:
        name, closed, rest = piece.partition("}}")
        if not closed or name not in parts:
            raise DataError(f"the calculator's template has an unknown placeholder {name[:40]!r}")
        seen.append(name)
        filled += [parts[name], rest]
    missing = [name for name in parts if seen.count(name) != 1 and name != "version"]
    if missing:
        raise DataError(f"the calculator's template must have {', '.join(missing)} once each")
    return "".join(filled)
