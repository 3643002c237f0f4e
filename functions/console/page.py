"""The console as a Flask application: the page, the part of it that renews itself, and what the buttons post to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
import structlog
from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from conference.errors import Gone, Later, LockstepError, OutcomeUnknown, Revoked, Stale
from functions.console import actions, guard, words
from functions.console.forms import Form, MoveForm, NewForm, RenameForm, read
from functions.console.state import collect
from functions.ground import Ground
from functions.http.answers import Refusal

PART = "Lockstep-Part"
"""Sent by the page's own script: answer with the part that was asked for, not with a whole page."""

log = structlog.get_logger(__name__)


def console(ground: Ground) -> Flask:
    """The console over this ground, to be mounted anywhere; every address in it is relative to where it is."""
    app = Flask(__name__, static_url_path="", static_folder="static")
    app.config.update(MAX_CONTENT_LENGTH=guard.MOST, MAX_FORM_MEMORY_SIZE=guard.MOST, MAX_FORM_PARTS=20)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    token = ground.new_secret()
    _guard(app, token)
    _show(app, ground, token)
    _act(app, ground, token)
    return app


def _guard(app: Flask, token: str) -> None:
    @app.before_request
    def admit() -> None:
        guard.check_host(request)
        guard.check_query(request)
        if request.method not in ("GET", "HEAD"):
            guard.check_same_origin(request)
            guard.check_token(request, token)

    app.after_request(guard.close)

    @app.errorhandler(Refusal)
    def refused(refusal: Refusal) -> Response:
        return _text(refusal.status, refusal.text)

    @app.errorhandler(HTTPException)
    def turned_away(error: HTTPException) -> Response:
        return _text(error.code or 500, f"{error.name}.")

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        log.error("console failed", path=request.path, exc_info=error)
        return _text(500, "Something is wrong here, the log tells what.")


def _show(app: Flask, ground: Ground, token: str) -> None:
    @app.get("/")
    def page() -> str:
        return _page(ground, token, request.args.get("feed"))

    @app.get("/state")
    def state() -> str:
        return render_template("live.html", state=collect(ground, request.args.get("feed")), token=token)


def _act(app: Flask, ground: Ground, token: str) -> None:
    def answered(act: Callable[[Mapping[str, str]], str]) -> Response:
        status, said = _attempt(act, request.form)
        if PART in request.headers:
            return _text(status, said)
        whole = _page(ground, token, request.form.get("feed"), said=said, good=status == 200)
        return Response(whole, status=status, content_type="text/html; charset=utf-8")

    @app.post("/events/move")
    def move() -> Response:
        return answered(lambda sent: actions.move(ground, (form := read(sent, MoveForm)).chosen, form.shift))

    @app.post("/events/rename")
    def rename() -> Response:
        return answered(lambda sent: actions.rename(ground, (form := read(sent, RenameForm)).chosen, form.title))

    @app.post("/events/cancel")
    def cancel() -> Response:
        return answered(lambda sent: actions.cancel(ground, read(sent, Form).chosen))

    @app.post("/events/new")
    def new() -> Response:
        return answered(lambda sent: actions.create(ground, read(sent, NewForm).wish))


def _page(ground: Ground, token: str, feed: str | None, *, said: str = "", good: bool = True) -> str:
    return render_template("page.html", state=collect(ground, feed), token=token, said=said, good=good)


def _attempt(act: Callable[[Mapping[str, str]], str], sent: Mapping[str, str]) -> tuple[int, str]:
    """Do it; a status for programs and a sentence for people."""
    try:
        return 200, act(sent)
    except msgspec.ValidationError as error:
        # It names the field and what is expected of it, never what was sent.
        return 400, f"That cannot be read: {error}."
    except LockstepError as error:
        log.warning("console action refused", path=request.path, error=str(error))
        return _status(error), words.refusal(error)


def _status(error: LockstepError) -> int:
    match error:
        case Stale():
            return 409
        case Gone():
            return 404
        case Later():
            return 503
        case OutcomeUnknown():
            return 502
        case Revoked():
            return 403
        case _:
            return 422


def _text(status: int, text: str) -> Response:
    return Response(text + "\n", status=status, content_type="text/plain; charset=utf-8")
