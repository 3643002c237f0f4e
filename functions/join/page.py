"""The join page as a Flask application: the page, how its door stands by now, the grant, and the browser's scripts.

Authority: https://www.w3.org/TR/CSP3/, https://janus.conf.meetecho.com/docs/JS.html
A key in an address is what lets people in: no address is logged, and nothing tells which keys there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
import structlog
from flask import Flask, Response, abort, render_template, request, send_file
from werkzeug.exceptions import HTTPException

from conference.decoding import from_json
from conference.errors import UNDECODABLE, Gone, LockstepError, Refused
from functions.console.guard import HEADERS, check_same_origin
from functions.ground import Ground
from functions.http.answers import Refusal
from functions.join.room import Rooms, admit, look
from functions.join.words import Shown, shown

MOST = 1024
"""Bytes in a request: a name, and that is all."""
LIBRARIES = ("adapter.js", "janus.js")
"""The scripts of Janus' browser library, in the order in which they are loaded."""
PACKAGES = ("libjs-webrtc-adapter", "libjs-janus-gateway")
"""The Debian packages that have them."""
NOBODY = "There is no meeting at this address. Take the link from the event in your calendar once more."

log = structlog.get_logger(__name__)


class Visitor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who wants to come in."""

    display: Annotated[str, msgspec.Meta(max_length=200)] = ""


_read_visitor = from_json(Visitor)


def join_page(ground: Ground, rooms: Rooms, libraries: Mapping[str, Path]) -> Flask:
    """The page over this ground, to be mounted at /j; `libraries` are the files of LIBRARIES, none if not installed."""
    app = Flask(__name__, static_url_path="/static", static_folder="static")
    app.config.update(MAX_CONTENT_LENGTH=MOST)
    app.url_map.merge_slashes = False  # an address that is none is told so, not led to another
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    _guard(app, rooms)
    _show(app, ground, rooms, libraries)
    _admit(app, ground, rooms)
    return app


def _guard(app: Flask, rooms: Rooms) -> None:
    headers = _headers(rooms.server)

    @app.after_request
    def close(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    @app.errorhandler(Refusal)
    def refused(refusal: Refusal) -> Response:
        return _error(refusal.status, refusal.text)

    @app.errorhandler(404)
    def nobody(_: HTTPException) -> tuple[str, int]:
        return render_template("nobody.html", says=NOBODY), 404

    @app.errorhandler(HTTPException)
    def turned_away(error: HTTPException) -> Response:
        answer = _error(error.code or 500, f"{error.name}.")
        answer.headers.extend(value for value in error.get_headers() if value[0] == "Allow")
        return answer

    @app.errorhandler(LockstepError)
    def not_now(error: LockstepError) -> Response:
        log.warning("join page cannot answer", error=str(error))
        return _error(503, "That cannot be told just now, try again in a moment.")

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        log.error("join page failed", endpoint=request.endpoint, exc_info=error)
        return _error(500, "Something is wrong here, the log tells what.")


def _show(app: Flask, ground: Ground, rooms: Rooms, libraries: Mapping[str, Path]) -> None:
    def found(key: str) -> Shown:
        told = look(ground, rooms, key)
        if told is None:
            abort(404)
        return shown(told, ground.clock.now())

    @app.get("/<key>")
    def page(key: str) -> str:
        scripts = LIBRARIES if all(name in libraries for name in LIBRARIES) else ()
        return render_template("join.html", room=found(key), key=key, scripts=scripts, packages=PACKAGES)

    @app.get("/<key>/state")
    def state(key: str) -> Response:
        return _json(msgspec.structs.asdict(found(key)))

    @app.get("/library/<name>")
    def library(name: str) -> Response:
        if name not in libraries:
            abort(404)
        return send_file(libraries[name], mimetype="text/javascript", max_age=600)


def _admit(app: Flask, ground: Ground, rooms: Rooms) -> None:
    @app.post("/<key>/grant")
    def grant(key: str) -> Response:
        check_same_origin(request)
        visitor = _visitor()
        try:
            return _json(msgspec.to_builtins(admit(ground, rooms, key, visitor.display)))
        except Gone:
            abort(404)
        except Refused:
            return _error(403, "The room is closed now.")


def _visitor() -> Visitor:
    """Who asks. Raises Refusal; what it says repeats nothing of what was sent."""
    if request.mimetype != "application/json":
        raise Refusal(415, "A visitor's name comes as JSON.")
    try:
        return _read_visitor(request.get_data())
    except UNDECODABLE:
        raise Refusal(400, "That cannot be read: a visitor has a display name of at most 200 characters.") from None


def _headers(server: str) -> dict[str, str]:
    """The headers that keep the page to itself, but for the one server it talks to and the visitor's own devices."""
    parts = urlsplit(server)
    policy = HEADERS["Content-Security-Policy"]
    allowed = policy.replace("connect-src 'self'", f"connect-src 'self' {parts.scheme}://{parts.netloc}")
    return {
        **HEADERS,
        "Content-Security-Policy": allowed,
        "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), display-capture=()",
        "X-Robots-Tag": "noindex",
    }


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), content_type="application/json")


def _error(status: int, text: str) -> Response:
    return Response(text + "\n", status=status, content_type="text/plain; charset=utf-8")
