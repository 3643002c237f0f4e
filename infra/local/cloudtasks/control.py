"""What only the local server has: how much is queued, its clock, and faults on demand.

Pages from elsewhere must not work these controls: a request must name a loopback host, and no other origin.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from flask import Flask, Response, abort, request

from infra.local.cloudtasks.book import AHEAD
from infra.local.cloudtasks.rest import RestRoutes
from infra.local.cloudtasks.server import CloudTasksServer

T = TypeVar("T")

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_BODY = 1_000_000
YEAR = 366 * 86400


class HeldClock:
    """The machine's time and how far it was put forward; `keep` is told, so that a restart does not take it back."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.keep: Callable[[float], None] = _nowhere

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def advance(self, seconds: float) -> None:
        """Put the clock forward."""
        self.ahead += seconds
        self.keep(self.ahead)


class Advance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far to put the clock forward."""

    advance_seconds: float


def application(server: CloudTasksServer, clock: HeldClock) -> Flask:
    """The controls and the service over REST."""
    app = Flask("cloudtasks-local", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.before_request(_admit)
    clock.ahead = server.book.fact(AHEAD)
    clock.keep = lambda seconds: server.book.keep_fact(AHEAD, seconds)
    RestRoutes(server.servicer).add_to(app)

    @app.get("/control/state")
    def _state() -> Response:
        return _json(server.book.counts(clock.now()))

    @app.get("/control/clock")
    def _clock() -> Response:
        return _json({"now": clock.now().isoformat(), "ahead_seconds": clock.ahead})

    @app.post("/control/clock")
    def _advance() -> Response:
        wanted = _body(_ADVANCE)
        if not 0 <= wanted.advance_seconds <= YEAR:
            abort(400, "a clock is put forward by at most a year")
        clock.advance(wanted.advance_seconds)
        server.dispatcher.notice()
        return _clock()

    @app.post("/control/faults")
    def _faults() -> Response:
        try:
            return _json(server.faults.set(_body(_FAULTS)))
        except ValueError as error:
            abort(400, str(error))

    return app


def _nowhere(_seconds: float) -> None:
    """Nothing keeps it yet."""


def _admit() -> None:
    if urlsplit(f"//{request.host}").hostname not in LOOPBACK:
        abort(403, "the local server answers to loopback names only")
    origin = request.headers.get("Origin")
    if origin is not None and origin != request.host_url.rstrip("/"):
        abort(403, "pages from elsewhere may not work the local server")


_ADVANCE, _FAULTS = msgspec.json.Decoder(Advance), msgspec.json.Decoder(dict[str, int])
"""Made at import: two threads that make one at once take the process down (msgspec 0.22)."""


def _body(reader: msgspec.json.Decoder[T]) -> T:
    try:
        return reader.decode(request.get_data())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # msgspec names the field and what was expected, never the value.
        abort(400, str(error))


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), content_type="application/json")
