"""Text as Apps Script has it: what values turn into, and how it is measured and checked.

Authority: https://tc39.es/ecma262/#sec-tostring
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from functions.script.errors import BadArgument, InvalidConference

_LARGEST_PLAIN = 21
_SMALLEST_PLAIN = -6


def to_text(value: Any, method: str) -> str:
    """A text, truth value or number as text. Raises BadArgument, a TypeError, for anything else."""
    if isinstance(value, str):
        return str.__str__(value)  # an enumeration's member is its value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    raise BadArgument(method, [type(value).__name__], "Only text is kept: use json.dumps, and json.loads to read it.")


def units(text: str) -> int:
    """Its length as JavaScript counts it: in UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def size(text: str) -> int:
    """Its bytes in UTF-8. Raises UnicodeEncodeError for half a character."""
    return len(text.encode("utf-8"))


def checked(field: str, text: Any, longest: int, *, empty: bool = False) -> str:
    """The text, if it is one of at most `longest` units. Raises InvalidConference, which names the field."""
    if not isinstance(text, str):
        raise InvalidConference(field, "it is a text")
    if not text and not empty:
        raise InvalidConference(field, "it is empty")
    if units(text) > longest:
        raise InvalidConference(field, f"it has at most {longest} characters")
    return text


def checked_address(field: str, text: Any, longest: int, schemes: Sequence[str]) -> str:
    """The address, if it is one of these schemes. Raises InvalidConference, which names the field."""
    address = checked(field, text, longest)
    scheme, colon, rest = address.partition(":")
    web = scheme.lower() in {"http", "https"}
    if not colon or scheme.lower() not in schemes or not (rest.startswith("//") and rest[2:] if web else rest):
        raise InvalidConference(field, f"it begins with {' or '.join(f'{name}:' for name in schemes)}")
    if any(character.isspace() or not character.isprintable() for character in address):
        raise InvalidConference(field, "it holds what no address holds")
    return address


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    if value == 0:
        return "0"
    sign, digits, power = Decimal(repr(value)).normalize().as_tuple()
    shown = "".join(map(str, digits))
    point = len(digits) + int(power)  # where the point stands, counted from the first digit
    return ("-" if sign else "") + _placed(shown, point)


def _placed(digits: str, point: int) -> str:
    if not _SMALLEST_PLAIN < point <= _LARGEST_PLAIN:
        tail = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{digits[0]}{tail}e{point - 1:+d}"
    if point <= 0:
        return f"0.{'0' * -point}{digits}"
    whole = digits[:point].ljust(point, "0")
    return f"{whole}.{digits[point:]}" if len(digits) > point else whole
