"""colors.get, and the palette that calendar lists choose from.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/colors
"""

from __future__ import annotations

import re

from infra.local.calendar.call import Call
from infra.local.calendar.errors import invalid
from infra.local.calendar.masks import masked, read_mask
from infra.local.calendar.messages import Response, json_value

FOREGROUND = "#000000"
_ON_PALETTE = "#1d1d1d"
_UPDATED = "2012-02-14T00:00:00.000Z"
_HEX = re.compile(r"#[0-9a-fA-F]{6}")

_CALENDAR = (
    *("#ac725e", "#d06b64", "#f83a22", "#fa573c", "#ff7537", "#ffad46", "#42d692", "#16a765"),
    *("#7bd148", "#b3dc6c", "#fbe983", "#fad165", "#92e1c0", "#9fe1e7", "#9fc6e7", "#4986e7"),
    *("#9a9cff", "#b99aff", "#c2c2c2", "#cabdbf", "#cca6ac", "#f691b2", "#cd74e6", "#a47ae2"),
)
_EVENT = (
    *("#a4bdfc", "#7ae7bf", "#dbadff", "#ff887c", "#fbd75b", "#ffb878"),
    *("#46d6db", "#e1e1e1", "#5484ed", "#51b749", "#dc2127"),
)
CALENDAR_COLORS = {str(number): color for number, color in enumerate(_CALENDAR, 1)}
EVENT_COLORS = {str(number): color for number, color in enumerate(_EVENT, 1)}


def get_colors(call: Call) -> Response:
    """colors.get: the same for everyone."""
    body = {
        "kind": "calendar#colors",
        "updated": _UPDATED,
        "calendar": _definitions(CALENDAR_COLORS),
        "event": _definitions(EVENT_COLORS),
    }
    fields = call.parameters.get("fields")
    return json_value(masked(body, read_mask(fields, call.answer) if fields else None))


def read_color(text: str, location: str) -> str:
    """A colour in the form `#0088aa`. Raises ApiError 400 if it is none."""
    if not _HEX.fullmatch(text):
        raise invalid("Invalid color.", location)
    return text.lower()


def nearest(color: str) -> str:
    """The number of the palette's colour that comes nearest to this one."""
    return min(CALENDAR_COLORS, key=lambda number: _distance(CALENDAR_COLORS[number], color))


def _distance(one: str, other: str) -> int:
    pairs = zip(bytes.fromhex(one[1:]), bytes.fromhex(other[1:]), strict=True)
    return sum((a - b) ** 2 for a, b in pairs)


def _definitions(colors: dict[str, str]) -> dict[str, dict[str, str]]:
    return {number: {"background": color, "foreground": _ON_PALETTE} for number, color in colors.items()}
