"""Texts, numbers as texts, and dictionaries in order: what the page's modules are said in."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


def ordered(pairs: Any = ()) -> OrderedDict[Any, Any]:
    """A dictionary that keeps its order; MicroPython's own does not."""
    return OrderedDict(pairs)


def merged(*parts: Any) -> OrderedDict[Any, Any]:
    """One dictionary of several, later ones first in right."""
    result: OrderedDict[Any, Any] = OrderedDict()
    for part in parts:
        result.update(part)
    return result


def keys_in_order(keys: Any, value: Any = None) -> OrderedDict[Any, Any]:
    """``dict.fromkeys``."""
    return OrderedDict([(key, value) for key in keys])


def lined_up(*parts: Any) -> list[Any]:
    """One list of several iterables."""
    result: list[Any] = []
    for part in parts:
        result.extend(part)
    return result


def backwards(items: Any) -> Any:
    """``items[::-1]`` of a list or a text."""
    turned = list(items)
    turned.reverse()
    return "".join(turned) if isinstance(items, str) else turned


def casefold(text: str) -> str:
    """The text in small letters, the Greek and accented ones of bench words among them."""
    small = text.lower()
    return "".join([_small(char) for char in small])


def _small(char: str) -> str:
    code = ord(char)
    if 0xC0 <= code <= 0xDE and code != 0xD7:
        return chr(code + 32)
    if 0x391 <= code <= 0x3A9:
        return chr(code + 32)
    return {0xDF: "ss", 0xB5: "\u03bc", 0x3C2: "\u03c3"}.get(code, char)


def isascii(text: str) -> bool:
    """Whether all characters are ASCII."""
    return all(ord(char) < 128 for char in text)


def isalnum(text: str) -> bool:
    """Whether all characters are ASCII letters or digits, of a text that is ASCII."""
    return len(text) > 0 and all(char.isalpha() or char.isdigit() for char in text)


def is_integer(value: float) -> bool:
    """Whether a number is whole."""
    return math.isfinite(value) and value == int(value)


def text(value: Any) -> str:
    """``str(value)``; what a list holds is shown as Python shows it."""
    return value if isinstance(value, str) else shown(value)


def joined(*parts: str) -> str:
    """The parts of an f-string as one text."""
    return "".join(parts)


def shown(value: Any) -> str:
    """``repr(value)`` as Python writes it."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return "[" + ", ".join([shown(item) for item in value]) + "]"
    if isinstance(value, tuple):
        inner = ", ".join([shown(item) for item in value])
        return "(" + inner + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, dict):
        inner = ", ".join([shown(key) + ": " + shown(value[key]) for key in value])
        return "{" + inner + "}"
    if isinstance(value, Exception):
        return str(value)
    return repr(value)


def _quoted(value: str) -> str:
    mark = '"' if "'" in value and '"' not in value else "'"
    result = [mark]
    for char in value:
        code = ord(char)
        named = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", mark: "\\" + mark}
        if char in named:
            result.append(named[char])
        elif code < 32 or 127 <= code < 161 or code == 173:
            result.append("\\x" + _hex(code))
        else:
            result.append(char)
    return "".join(result) + mark


def _hex(code: int) -> str:
    """Two hexadecimal digits."""
    return "0123456789abcdef"[code // 16] + "0123456789abcdef"[code % 16]


def formatted(value: Any, spec: str) -> str:
    """``format(value, spec)`` for texts and numbers, rounded from the exact value, half to even."""
    fill, align, sign, width, comma, digits, kind = _spec(spec)
    if isinstance(value, str):
        body, mark = value, ""
        align = align or "<"
    else:
        mark = "-" if _negative(value) else ("+" if sign == "+" else "")
        body = _number(abs(value), digits, kind, comma)
        align = align or ">"
    size = len(mark) + len(body)
    if width <= size:
        return mark + body
    space = fill * (width - size)
    if align == "<":
        return mark + body + space
    if align == "^":
        half = (width - size) // 2
        return fill * half + mark + body + fill * (width - size - half)
    return space + mark + body if align == ">" else mark + space + body


def _negative(value: float) -> bool:
    return value < 0 or (value == 0 and isinstance(value, float) and math.copysign(1, value) < 0)


def _spec(spec: str) -> tuple[str, str, str, int, bool, int | None, str]:
    """(fill, align, sign, width, comma, digits, kind) of the small language of ``format``."""
    fill, align, sign, comma, digits, kind = " ", "", "", False, None, ""
    at = 0
    if len(spec) > 1 and spec[1] in "<>^=":
        fill, align, at = spec[0], spec[1], 2
    elif spec and spec[0] in "<>^=":
        align, at = spec[0], 1
    if at < len(spec) and spec[at] in "+-":
        sign, at = spec[at], at + 1
    if at < len(spec) and spec[at] == "0":
        fill, align, at = "0", align or "=", at + 1
    start = at
    while at < len(spec) and spec[at].isdigit():
        at += 1
    width = int(spec[start:at] or 0)
    if at < len(spec) and spec[at] == ",":
        comma, at = True, at + 1
    if at < len(spec) and spec[at] == ".":
        start = at = at + 1
        while at < len(spec) and spec[at].isdigit():
            at += 1
        digits = int(spec[start:at])
    if at < len(spec):
        kind = spec[at]
    return fill, align, sign, width, comma, digits, kind


def _number(value: Any, digits: int | None, kind: str, comma: bool) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return ("nan" if value != value else "inf") + ("%" if kind == "%" else "")
    if kind in ("", "d") and digits is None:
        body = str(value)
        return _apart(body) if comma else body
    digits = 6 if digits is None else digits
    if kind == "%":
        return _fixed(*_ratio(value * 100), digits) + "%"
    over, under = _ratio(value)
    if kind == "f":
        body = _fixed(over, under, digits)
        return _apart(body) if comma else body
    if kind == "e":
        return _scientific(*_rounded(over, under, digits + 1), digits + 1)
    return _general(over, under, max(digits, 1))


def _ratio(value: float) -> tuple[int, int]:
    """A number as a quotient of whole ones, exactly."""
    if isinstance(value, int):
        return value, 1
    mantissa, exponent = math.frexp(value)
    over, exponent = int(mantissa * 9007199254740992.0), exponent - 53
    return (over << exponent, 1) if exponent >= 0 else (over, 1 << -exponent)


def _half_even(over: int, under: int) -> int:
    whole, rest = over // under, over % under
    return whole + 1 if 2 * rest > under or (2 * rest == under and whole % 2) else whole


def _fixed(over: int, under: int, digits: int) -> str:
    text = str(_half_even(over * 10**digits, under))
    if digits == 0:
        return text
    text = "0" * (digits + 1 - len(text)) + text
    return text[:-digits] + "." + text[-digits:]


def _rounded(over: int, under: int, digits: int) -> tuple[int, int]:
    """(significant digits as a whole number, decimal exponent) of a number."""
    if over == 0:
        return 0, 0
    exponent = len(str(over)) - len(str(under))
    if (over * 10**-exponent < under) if exponent < 0 else (over < under * 10**exponent):
        exponent -= 1
    shift = digits - 1 - exponent
    whole = (
        _half_even(over * 10**shift, under) if shift >= 0 else _half_even(over, under * 10**-shift)
    )
    if whole >= 10**digits:
        return whole // 10, exponent + 1
    return whole, exponent


def _scientific(whole: int, exponent: int, digits: int) -> str:
    text = str(whole) if whole else "0" * digits
    head = text[0] + ("." + text[1:] if digits > 1 else "")
    return head + _power(exponent)


def _power(exponent: int) -> str:
    size = str(abs(exponent))
    return "e" + ("-" if exponent < 0 else "+") + ("0" + size if len(size) < 2 else size)


def _general(over: int, under: int, digits: int) -> str:
    whole, exponent = _rounded(over, under, digits)
    text = str(whole) if whole else "0" * digits
    if -4 <= exponent < digits:
        if exponent >= 0:
            head, tail = text[: exponent + 1], text[exponent + 1 :]
        else:
            head, tail = "0", "0" * (-exponent - 1) + text
        tail = tail.rstrip("0")
        return head + ("." + tail if tail else "")
    tail = text[1:].rstrip("0")
    return text[0] + ("." + tail if tail else "") + _power(exponent)


def _apart(body: str) -> str:
    """Thousands apart."""
    head, dot, tail = body.partition(".")
    parts: list[str] = []
    while len(head) > 3:
        parts.insert(0, head[-3:])
        head = head[:-3]
    parts.insert(0, head)
    return ",".join(parts) + dot + tail
