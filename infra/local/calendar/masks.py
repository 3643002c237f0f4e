"""Partial responses: the `fields` parameter.

Authority: https://developers.google.com/workspace/calendar/api/guides/performance (contract 1.2.1).
"""

from __future__ import annotations

import functools
import re
from typing import Any, TypeAlias

from infra.local.calendar.discovery import discovery
from infra.local.calendar.errors import ApiError, invalid

Mask: TypeAlias = dict[str, "Mask | None"]
"""Field -> what of it is wanted; None is all of it. The key "*" stands for every field."""

_LONGEST = 5000
_TOKEN = re.compile(r"[A-Za-z0-9_$-]+|\*|[(),/]")


@functools.lru_cache(maxsize=256)
def read_mask(text: str, schema: str | None) -> Mask:
    """The mask that `text` spells for an answer of `schema`.

    Raises ApiError 400 "Invalid field selection ..." if it spells none, or names a field the schema has not.
    """
    tokens = _TOKEN.findall(text)
    if not tokens or len(text) > _LONGEST or text.count("/") + text.count("(") > 20:
        raise _bad(text)
    mask, rest = _selection(tokens, text)
    if rest or "".join(tokens) != text.replace(" ", "") or not _fits(mask, {"$ref": schema} if schema else {}):
        raise _bad(text)
    return mask


def masked(value: Any, mask: Mask | None) -> Any:
    """What `mask` leaves of `value`; lists are masked item by item."""
    if mask is None:
        return value
    if isinstance(value, list):
        return [masked(item, mask) for item in value]
    if not isinstance(value, dict):
        return value
    if "*" in mask:
        return _masked_throughout(value, mask["*"])
    return {key: masked(value[key], inner) for key, inner in mask.items() if key in value}


def _masked_throughout(value: dict[str, Any], mask: Mask | None) -> dict[str, Any]:
    # What has no fields of its own has none of those that are wanted.
    return {key: masked(inner, mask) for key, inner in value.items() if mask is None or isinstance(inner, (dict, list))}


def _selection(tokens: list[str], text: str) -> tuple[Mask, list[str]]:
    mask: Mask = {}
    while True:
        name, inner, tokens = _field(tokens, text)
        _add(mask, name, inner)
        if not tokens or tokens[0] != ",":
            return mask, tokens
        tokens = tokens[1:]


def _field(tokens: list[str], text: str) -> tuple[str, Mask | None, list[str]]:
    if not tokens or tokens[0] in set("(),/"):
        raise _bad(text)
    name, tokens = tokens[0], tokens[1:]
    if tokens[:1] == ["/"]:
        below, inner, tokens = _field(tokens[1:], text)
        return name, {below: inner}, tokens
    if tokens[:1] == ["("]:
        selection, tokens = _selection(tokens[1:], text)
        if tokens[:1] != [")"]:
            raise _bad(text)
        return name, selection, tokens[1:]
    return name, None, tokens


def _fits(mask: Mask | None, schema: dict[str, Any]) -> bool:
    if mask is None:
        return True
    if "$ref" in schema:
        schema = discovery().schemas[schema["$ref"]]
    if schema.get("type") == "array":
        return _fits(mask, schema["items"])
    known = schema.get("properties", {})
    other = schema.get("additionalProperties")
    return all(
        name == "*" or ((name in known or other is not None) and _fits(inner, known.get(name, other) or {}))
        for name, inner in mask.items()
    )


def _add(mask: Mask, name: str, inner: Mask | None) -> None:
    if name not in mask:
        mask[name] = inner
        return
    known = mask[name]
    if known is None or inner is None:
        mask[name] = None
        return
    for below, deeper in inner.items():
        _add(known, below, deeper)


def _bad(text: str) -> ApiError:
    return invalid(f"Invalid field selection {text[:200]}", "fields")
