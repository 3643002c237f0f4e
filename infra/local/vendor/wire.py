"""Requests and answers of the conferencing service, without a server around them (docs/http-provider.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

JSON = "application/json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the path as sent, the last value of each query field, header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer; `delay` (seconds) and `drop` (end the connection in its midst) are for the server to obey."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False

    def with_headers(self, **more: str) -> Response:
        """The same answer with more headers; "_" stands for "-"."""
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return replace(self, headers={**self.headers, **named})


class Refusal(Exception):
    """A request that is answered with an error: status, a code for programs, a message for people."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.headers = status, code, message, headers

    def response(self) -> Response:
        """The error as the contract shapes it."""
        return failure(self.status, self.code, self.message).with_headers(**self.headers)


def answer(value: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(status, msgspec.json.encode(value), {"Content-Type": JSON})


def failure(status: int, code: str, message: str) -> Response:
    """A JSON error."""
    return answer({"error": {"code": code, "message": message}}, status)


def page(text: str, status: int = 200) -> Response:
    """A web page that may neither be framed nor load anything from elsewhere."""
    guards = {
        "Content-Type": HTML,
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
    return Response(status, text.encode(), guards)


def decode(body: bytes, reader: msgspec.json.Decoder[T]) -> T:
    """The body as the reader reads it. Raises Refusal(400) naming the field that is wrong, never its value.

    Readers are made at import: two threads that make one at once take the process down (msgspec 0.22).
    """
    try:
        return reader.decode(body)
    except msgspec.ValidationError as error:
        raise Refusal(400, "invalid", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, "malformed", "the body is not JSON") from error
