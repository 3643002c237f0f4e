"""What goes into the server and what comes out of it, without any HTTP library.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

Json = dict[str, Any]

encode = msgspec.json.Encoder().encode


class Request(msgspec.Struct, frozen=True):
    """One HTTP request: `path` and `query` percent-decoded, `headers` by lower-case name."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]] = {}
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Response(msgspec.Struct, frozen=True):
    """One HTTP answer; `delay` is how many seconds the caller is to be kept waiting (a fault that was asked for)."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    delay: float = 0.0


def json_bytes(body: bytes, *, status: int = 200, etag: str | None = None) -> Response:
    """An answer whose JSON is encoded already."""
    headers = {"content-type": "application/json; charset=UTF-8"}
    if etag is not None:
        headers["etag"] = etag
    return Response(status, headers, body)


def json_value(value: object, *, status: int = 200, etag: str | None = None) -> Response:
    """An answer with `value` as JSON."""
    return json_bytes(encode(value), status=status, etag=etag)


def no_content() -> Response:
    """204, as deletions and channels.stop answer."""
    return Response(204)


def phrase(status: int) -> str:
    """The reason phrase of a status; a fault may ask for one that has none."""
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"


def not_modified(etag: str) -> Response:
    """304 without a body, for If-None-Match."""
    return Response(304, {"etag": etag})
