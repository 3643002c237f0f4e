"""What conference data must look like, and what a request to create some is answered.

Authority: the discovery document's ConferenceData (contract 8)
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from infra.local.calendar.errors import ApiError, invalid
from infra.local.calendar.messages import Json

_SCHEMES = {"video": ("http:", "https:"), "more": ("http:", "https:"), "phone": ("tel:",), "sip": ("sip:", "sips:")}
_AT_MOST_ONE = ("video", "sip", "more")
_CODES = ("meetingCode", "accessCode", "passcode", "password", "pin")
_MOST_ENTRY_POINTS = 300
_MEET = "https://meet.google.com/"


def conference(wanted: Json, before: Json | None, random: Random, outcome: str) -> Json:
    """The conference data that an event gets when `wanted` is written over `before`.

    A create request makes a Meet conference, fails or stays pending, by `outcome`; the same request id again is
    ignored.
    Raises ApiError 400 for what breaks the shape or limits of contract 8.1.
    """
    request = wanted.get("createRequest")
    before = before or {}
    if request is not None and request.get("requestId") != before.get("createRequest", {}).get("requestId"):
        return _created(request, random, outcome)
    _check(wanted)
    kept = {key: value for key, value in wanted.items() if key != "signature"}
    return {**kept, "signature": before.get("signature") or f"AD{random.getrandbits(128):032x}"}


def _created(request: Json, random: Random, outcome: str) -> Json:
    if request.get("conferenceSolutionKey", {}).get("type", "hangoutsMeet") != "hangoutsMeet":
        raise _bad_type()
    if not request.get("requestId"):
        raise invalid()
    if outcome == "success":
        return made(request, random)
    return {"createRequest": _request(request, outcome)}


def made(request: Json, random: Random) -> Json:
    """The Meet conference that a create request has succeeded in making."""
    letters = "".join(random.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(10))
    code = f"{letters[:3]}-{letters[3:7]}-{letters[7:]}"
    return {
        "createRequest": _request(request, "success"),
        "entryPoints": [{"entryPointType": "video", "uri": _MEET + code, "label": f"meet.google.com/{code}"}],
        "conferenceSolution": {"key": {"type": "hangoutsMeet"}, "name": "Google Meet"},
        "conferenceId": code,
        "signature": f"AD{random.getrandbits(128):032x}",
    }


def awaits(body: Json) -> bool:
    """True if the event's create request is still pending; one put in raw may hold anything."""
    data = body.get("conferenceData")
    request = data.get("createRequest") if isinstance(data, dict) else None
    status = request.get("status") if isinstance(request, dict) else None
    return isinstance(status, dict) and status.get("statusCode") == "pending"


def _request(request: Json, outcome: str) -> Json:
    return {
        "requestId": request["requestId"],
        "conferenceSolutionKey": {"type": "hangoutsMeet"},
        "status": {"statusCode": outcome},
    }


def _check(data: Json) -> None:
    points: list[Json] = data.get("entryPoints", [])
    if "createRequest" in data and not points:
        return  # an earlier, failed request that is sent back as it was read
    if not data.get("conferenceSolution") or not points:
        raise invalid()
    kind = data["conferenceSolution"].get("key", {}).get("type")
    if kind not in {"addOn", "hangoutsMeet"}:
        raise _bad_type()
    _short(data.get("notes"), 2048)
    _short(data.get("conferenceId"), 512)
    _check_points(points)
    if kind == "hangoutsMeet":
        _check_meet(points)
    _check_parameters(data.get("parameters", {}).get("addOnParameters", {}).get("parameters", {}))


def _check_points(points: list[Json]) -> None:
    kinds = Counter(point.get("entryPointType") for point in points)
    if len(points) > _MOST_ENTRY_POINTS or set(kinds) == {"more"} or any(kinds[kind] > 1 for kind in _AT_MOST_ONE):
        raise invalid()
    for point in points:
        _check_point(point)


def _check_point(point: Json) -> None:
    schemes = _SCHEMES.get(point.get("entryPointType", ""))
    uri = point.get("uri", "")
    if schemes is None or not uri.lower().startswith(schemes):
        raise invalid()
    _short(uri, 1300)
    _short(point.get("label"), 512)
    for code in _CODES:
        _short(point.get(code), 128)
    if {"TOLL", "TOLL_FREE"} <= {feature.upper() for feature in point.get("entryPointFeatures", [])}:
        raise invalid()


def _check_meet(points: list[Json]) -> None:
    if any(point["entryPointType"] == "video" and not point["uri"].startswith(_MEET) for point in points):
        raise invalid()


def _check_parameters(parameters: dict[str, Any]) -> None:
    if len(parameters) > 300:
        raise invalid()
    for key, value in parameters.items():
        _short(key, 50)
        _short(value, 1024)


def _short(text: str | None, most: int) -> None:
    if text is not None and len(text) > most:
        raise invalid()


def _bad_type() -> ApiError:
    return invalid("Invalid conference type value.")
