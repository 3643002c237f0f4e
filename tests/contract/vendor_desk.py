"""The conferencing service without sockets, for tests that are its clients and its clock."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from infra.local.vendor.server import Account, VendorServer
from infra.local.vendor.wire import Request, Response

BASE = "http://vendor.example"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BODY: dict[str, Any] = {
    "title": "Weekly sync",
    "start": "2026-10-20T08:00:00Z",
    "end": "2026-10-20T09:00:00Z",
    "time_zone": "Europe/Zurich",
    "host": "ana@example.com",
}


class Desk:
    """The service without sockets, with a clock that is set by hand and ids that are counted."""

    def __init__(self, state: Path | None = None, webhook: str | None = None) -> None:
        self.now = NOON
        ids = map("id{:04}".format, itertools.count())
        account = Account("token", webhook, "s3cret")
        self.server = VendorServer(account, BASE, clock=lambda: self.now, new_id=ids.__next__, state=state)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Response:
        """An answer to a request with the right token; "_" in header names stands for "-"."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        path, _, query = path.partition("?")
        fields = dict(pair.split("=", 1) for pair in query.split("&")) if query else {}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.server.handle(Request(method, path, fields, {"authorization": "Bearer token", **named}, raw))

    def made(self, key: str = "key", **change: object) -> dict[str, Any]:
        """A new meeting."""
        return read(self.ask("POST", "/meetings", {**BODY, **change}, idempotency_key=key))

    def requests(self) -> list[dict[str, Any]]:
        """The log."""
        found: list[dict[str, Any]] = read(self.ask("GET", "/control/requests?clear=1"))["requests"]
        return found


def read(response: Response) -> dict[str, Any]:
    """The answer's JSON object."""
    told: dict[str, Any] = json.loads(response.body)
    return told


class Doorway(httpx.BaseTransport):
    """Carries a client's requests to the service without any connection."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The service's answer."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Request(request.method, request.url.path, dict(request.url.params), headers, request.read())
        told = self._desk.server.handle(asked)
        return httpx.Response(told.status, headers=dict(told.headers), stream=httpx.ByteStream(told.body))
