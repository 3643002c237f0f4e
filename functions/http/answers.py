"""What every door does alike: which requests it reads at all, and which status an error becomes.

The framework hands every path, method and size to the function; what does not belong is refused here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import structlog
from flask import Request, Response
from structlog.contextvars import bound_contextvars
from werkzeug.exceptions import ClientDisconnected

from conference.errors import Forged, Later, LockstepError, OutcomeUnknown, Stale
from functions import tracing
from functions.ground import Edge
from functions.telemetry import counting, tally

FEW = 2
"""A notice that asks for no further run makes so many calls."""

log = structlog.get_logger(__name__)


class Refusal(Exception):
    """A request that is turned away with this status, unread."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def answer(edge: Edge, request: Request, name: str, call: Callable[[], Response]) -> Response:
    """What a function answers, as part of the trace that the request belongs to."""
    trace = tracing.of_request(request.headers.get) or edge.telemetry.trace()
    with (
        tracing.following(trace),
        bound_contextvars(function=name),
        counting() as calls,
        edge.telemetry.span(name, kind="server") as span,
    ):
        told = _answered(name, call)
        span.say(status=told.status_code)
        # The platform logs every request: what strangers send, and the many notices of a burst, need no line of ours.
        if len(calls) > FEW:
            log.info("answered", status=told.status_code, **tally(calls))
    edge.telemetry.answered()
    return told


def _answered(name: str, call: Callable[[], Response]) -> Response:
    """The one table from errors to statuses: 5xx asks the other side to come again, everything else does not."""
    try:
        return call()
    except Refusal as refusal:
        return _unread(refusal)
    except Forged:
        return _text(403, "refused")
    except (Later, OutcomeUnknown, Stale) as error:
        log.warning("asked to come again", function=name, error=str(error))
        return _text(503, "not now, come again")
    except (LockstepError, msgspec.ValidationError) as error:
        # Coming again would not help: what it concerns has been noted where it is shown.
        log.exception("given up", function=name, error=str(error))
        return _text(200, "given up, see the log")
    except Exception:
        log.exception("failed", function=name)
        return _text(500, "failed, see the log")


def check_shape(request: Request, *, most: int, path: str | None = "/") -> None:
    """Return if it is a POST to `path` (None: to any) of at most `most` bytes; else raise Refusal."""
    if request.method != "POST":
        raise Refusal(405, "only POST is admitted here")
    if path is not None and request.path not in ("", path):
        raise Refusal(404, "there is nothing at this path")
    if request.content_length is None and request.headers.get("Transfer-Encoding"):
        raise Refusal(411, "a request must say how long it is")
    if (request.content_length or 0) > most:
        raise Refusal(413, f"a request may have at most {most} bytes here")


def bearer(request: Request) -> str:
    """The identity token that the caller shows. Raises Refusal if there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refusal(401, "an identity token is needed")
    return token


def headers_of(request: Request, names: Iterable[str] | None = None) -> dict[str, str]:
    """Its headers by lower-case names, all or those of these `names` that it has."""
    if names is None:
        return {name.lower(): value for name, value in request.headers.items()}
    found = {name: request.headers.get(name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def data_of(request: Request) -> bytes:
    """Its body. Raises Refusal if the caller hangs up meanwhile."""
    try:
        return request.get_data()
    except ClientDisconnected:
        raise Refusal(400, "the request breaks off") from None


def _unread(refusal: Refusal) -> Response:
    """An answer that leaves the request's body where it is.

    Before any other answer the framework reads the body to its end, however long it is, and fails with 500 if its
    chunks are none; an answer that streams is sent at once.
    """
    told = _text(refusal.status, refusal.text)
    told.response = iter((told.get_data(),))
    return told


def _text(status: int, text: str) -> Response:
    return Response(text + "\n", status=status, content_type="text/plain; charset=utf-8")
