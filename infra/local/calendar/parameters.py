"""Query parameters, read by the type that the discovery document gives them.

Authority: the discovery document `calendar.v3`; contract 1.1.2 and 2.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from infra.local.calendar.discovery import Method
from infra.local.calendar.errors import ApiError, invalid, required
from infra.local.calendar.masks import read_mask
from infra.local.calendar.messages import Json

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def read_parameters(method: Method, query: Mapping[str, Sequence[str]], *, strictly: bool = False) -> dict[str, Any]:
    """The parameters that were given, typed; unknown ones are passed over as Google does, or refused if `strictly`.

    Raises ApiError 400 for a value of the wrong type or outside its bounds, for a missing one that is required, and
    for a mask that selects what the answer has not.
    """
    read: dict[str, Any] = {}
    for name, values in query.items():
        schema = method.parameters.get(name)
        if schema is None or schema["location"] != "query":
            if strictly:
                raise invalid(f"Unknown parameter: {name[:100]}", name[:100])
            continue
        if not values:
            continue
        typed = [_typed(name, schema, value) for value in values]
        read[name] = typed if schema.get("repeated") else typed[-1]
    for name in method.required:
        if name not in read:
            raise required(f"Missing required parameter: {name}", name)
    if len(read.get("quotaUser", "")) > 40:
        raise _bad("quotaUser", "Value is longer than 40 characters.")
    if read.get("fields") and method.answer:
        read_mask(read["fields"], method.answer)
    return read


def _typed(name: str, schema: Json, value: str) -> Any:
    if schema["type"] == "boolean":
        return _boolean(name, value)
    if schema["type"] == "integer":
        return _integer(name, schema, value)
    if "enum" in schema and value not in schema["enum"]:
        raise _bad(name, f"Value is not one of {', '.join(schema['enum'])}.")
    return _instant(name, value) if schema.get("format") == "date-time" else value


def _boolean(name: str, value: str) -> bool:
    try:
        return _BOOLEANS[value.lower()]
    except KeyError:
        raise _bad(name, "Value is neither true nor false.") from None


def _integer(name: str, schema: Json, value: str) -> int:
    if not value.removeprefix("-").isdecimal() or len(value) > 19:
        raise _bad(name, "Value is not a whole number.")
    number = int(value)
    if number < int(schema.get("minimum", number)) or number > int(schema.get("maximum", number)):
        raise _bad(name, "Value is out of bounds.")
    return number


def _instant(name: str, value: str) -> datetime:
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        raise _bad(name, "Bad Request") from None
    if read.tzinfo is None or len(value) < len("2026-01-01T00:00Z"):
        raise _bad(name, "Bad Request")
    if not 2 <= read.year <= 9996:  # an instant that a day or a zone's offset cannot carry out of bounds
        raise _bad(name, "Bad Request")
    # Milliseconds are accepted and ignored.
    return read.replace(microsecond=0)


def _bad(name: str, message: str) -> ApiError:
    return invalid(f"Invalid value for parameter {name}. {message}", name)
