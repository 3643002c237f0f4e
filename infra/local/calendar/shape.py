"""Request bodies, checked against the discovery document's schemas.

Authority: the discovery document `calendar.v3`.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from infra.local.calendar.discovery import discovery
from infra.local.calendar.errors import ApiError, invalid, parse_error
from infra.local.calendar.messages import Json

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_INT32 = 2**31


def read_body(body: bytes, schema: str) -> Json:
    """The body's known fields; unknown ones are passed over, nulls are kept (a patch removes by them).

    Raises ApiError 400 `parseError` if it is no JSON object, `invalid` if a field has the wrong type.
    """
    if not body.strip():
        return {}
    try:
        value = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise parse_error() from None
    checked: Json = _checked(discovery().schemas[schema], value, "")
    return checked


def fitting(value: Json, schema: str) -> Json:
    """The fields that fit the schema: all of an event that came through the API, some of one put in raw."""
    properties = discovery().schemas[schema]["properties"]
    kept: Json = {}
    for name, inner in without_nulls(value).items():
        try:
            kept[name] = _checked(properties[name], inner, name)
        except (ApiError, KeyError):
            continue
    return kept


def without_nulls(value: Any) -> Any:
    """The value without the keys that hold null, all the way down."""
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


def _checked(schema: Json, value: Any, path: str) -> Any:
    if value is None:
        return None
    if "$ref" in schema:
        schema = discovery().schemas[schema["$ref"]]
    kind = schema["type"]
    if kind == "object":
        return _object(schema, value, path)
    if kind == "array":
        return _array(schema, value, path)
    return _scalar(kind, schema.get("format"), value, path)


def _object(schema: Json, value: Any, path: str) -> Json:
    if not isinstance(value, dict):
        raise _wrong(path)
    properties = schema.get("properties", {})
    other = schema.get("additionalProperties")
    read: Json = {}
    for key, inner in value.items():
        known = properties.get(key, other)
        if known is not None:
            read[key] = _checked(known, inner, f"{path}.{key}" if key in properties else f"{path}.*")
    return read


def _array(schema: Json, value: Any, path: str) -> list[Any]:
    if not isinstance(value, list) or None in value:
        raise _wrong(path)
    return [_checked(schema["items"], inner, f"{path}[]") for inner in value]


def _scalar(kind: str, form: str | None, value: Any, path: str) -> Any:
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "integer" and isinstance(value, int) and not isinstance(value, bool) and -_INT32 <= value < _INT32:
        return value
    if kind == "string":
        return _text(form, value, path)
    raise _wrong(path)


def _text(form: str | None, value: Any, path: str) -> str:
    if form == "int64" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # the push guide itself prints expiration as a number
    if not isinstance(value, str):
        raise _wrong(path)
    if form in {"date", "date-time"} and not _reads_as(form, value):
        raise _wrong(path)
    return value


def _reads_as(form: str, value: str) -> bool:
    try:
        if form == "date":
            date.fromisoformat(value)
            return len(value) == len("2026-01-01")
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return "T" in value.upper()


def _wrong(path: str) -> ApiError:
    # Names the field, never its value: a title or a join URL must not reach a log.
    return invalid(f"Invalid value for: {path.removeprefix('.') or 'the body'}")
