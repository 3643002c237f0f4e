"""The door for Google Workspace: its identity token for our add-on's account decides."""

from __future__ import annotations

from urllib.parse import parse_qs

import msgspec
from flask import Request, Response

from conference.errors import Forged, Gone, Poison
from functions.addon import entry
from functions.addon.offer import AddOn
from functions.http.answers import Refusal, answer, bearer, check_shape, data_of
from functions.http.door import Door

ADDON_BYTES = 256 * 1024
"""An event's two hundred guests take about 40 kB."""


def addon(door: Door, request: Request) -> Response:
    """Google Workspace, on the path of what it wants: its identity token for our add-on's account decides."""

    def take() -> Response:
        check_shape(request, most=ADDON_BYTES, path=None)
        endpoint = request.path.strip("/").removeprefix("addon/")
        if door.addon is None or endpoint not in entry.ENDPOINTS:
            raise Refusal(404, "there is nothing at this path")
        _check_host(door.addon, request)
        try:
            told = entry.serve(door.ground, door.addon, endpoint, data_of(request), _solution(request))
        except Poison:
            raise Refusal(400, "the request cannot be read") from None
        except Gone:
            raise Refusal(404, "there is nothing at this path") from None
        return Response(msgspec.json.encode(told), content_type="application/json")

    return answer(door.ground, request, "addon", take)


def _solution(request: Request) -> str:
    # Flask would read a query only if it is UTF-8, and fail otherwise.
    return parse_qs(request.query_string.decode("utf-8", "replace")).get("solution", [""])[0]


def _check_host(addon: AddOn, request: Request) -> None:
    token = bearer(request)
    try:
        entry.check_host(addon, token)
    except Forged:
        raise Refusal(403, "this identity may not call this function") from None
