"""What only the local stack has: its start page, its clock, its state, and its issuer's public keys.

Authority for the keys: https://www.rfc-editor.org/rfc/rfc7517
Pages from elsewhere must not work these controls: a request must name a loopback host, and no other origin.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
import msgspec
from flask import Flask, Response, abort, redirect, request
from werkzeug.wrappers import Response as Answer

from conference.decoding import from_json
from functions import feed as feeds
from infra.local.clock import store_shift
from infra.wiring import Local

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_BODY = 10_000
YEAR = 366 * 86400


class Advance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far to put the clock forward."""

    advance_seconds: Annotated[float, msgspec.Meta(ge=0, le=YEAR)]


_read_advance = from_json(Advance)


def control(local: Local, connected: Callable[[], str | None], tick: Callable[[], int]) -> Flask:
    """The application at the root; `connected` tells the feed once the calendar is connected."""
    app = Flask("lockstep-local", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.before_request(_admit)

    @app.get("/")
    def _start() -> Answer:
        return redirect("/console/")

    @app.get("/.well-known/jwks.json")
    def _keys() -> Response:
        return _json(local.issuer.jwks())

    @app.get("/control/clock")
    def _clock() -> Response:
        return _json(_time(local))

    @app.post("/control/clock")
    def _advance() -> Response:
        wanted = _body()
        local.clock.advance(timedelta(seconds=wanted.advance_seconds))
        store_shift(local.settings.state, local.clock.offset.total_seconds())
        return _json(_time(local))

    @app.post("/control/tick")
    def _tick() -> Response:
        try:
            return _json({"status": tick()})
        except httpx.HTTPError as error:
            return _json({"error": f"the tick was not answered: {type(error).__name__}"}, 502)

    @app.get("/control/state")
    def _state() -> Response:
        try:
            return _json(state(local, connected()))
        except httpx.HTTPError as error:
            return _json({"error": f"the queue does not tell how much it holds: {type(error).__name__}"}, 502)

    return app


def state(local: Local, feed: str | None) -> dict[str, Any]:
    """Whether the calendar is connected, what is still to be done, what the store was asked, and the feed's channel."""
    counts = local.tasks.counts()
    told: dict[str, Any] = {
        # A real account is connected by its owner, who may take their time.
        "ready": feed is not None or local.settings.calendar_api == "google",
        "feed": feed,
        "store": local.counted.calls(),
        "queue": {"waiting": counts.waiting, "due": counts.due, "running": counts.running, "failed": counts.failed},
    }
    # Past the count: looking must not change what is looked at.
    document = local.store.get(feeds.key_of(feed)) if feed else None
    current = feeds.decode(document) if document else None
    if current is not None:
        told |= {name: getattr(current, name) for name in ("channel", "resource_id", "owed", "trouble")}
    return told


def _time(local: Local) -> dict[str, Any]:
    return {"now": local.clock.now().isoformat(), "ahead_seconds": local.clock.offset.total_seconds()}


def _admit() -> None:
    if urlsplit(f"//{request.host}").hostname not in LOOPBACK:
        abort(403, "the local stack answers to loopback names only")
    origin = request.headers.get("Origin")
    if origin is not None and origin != request.host_url.rstrip("/"):
        abort(403, "pages from elsewhere may not work the local stack")


def _body() -> Advance:
    try:
        return _read_advance(request.get_data())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # msgspec names the field and what was expected, never the value.
        abort(400, str(error))


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status=status, content_type="application/json")
