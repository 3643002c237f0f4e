"""The way from Google's client to the Calendar server's core: no socket, but everything that goes wrong on one."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import httplib2
import msgspec
from google.auth import exceptions

from infra.google.credentials import DevCredentials
from infra.google.wire import Wire
from infra.local.calendar.errors import fault as google_error
from infra.local.calendar.errors import invalid
from infra.local.calendar.messages import Request, Response
from infra.local.calendar.server import CalendarServer
from tests.simulation.crossing import Call, Crossing
from tests.simulation.faults import Fault

LATENCY = 0.3

Answer = tuple[httplib2.Response, bytes]


class EventWatcher(Protocol):
    """Who is told what a write of ours did to an event."""

    def event_written(self, user: str, calendar: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Both as events.get tells them."""

    def write_refused(self, path: str, etag: str) -> None:
        """The event is not at this version any more."""

    def full_pass_began(self, user: str, calendar: str) -> None:
        """The first page of a calendar's events is listed, without a sync token."""


class Consent:
    """Which users have withdrawn their consent."""

    def __init__(self) -> None:
        self.withdrawn: set[str] = set()


class SimCredentials(DevCredentials):
    """Tokens that may run out in the middle, and be renewed while the consent stands."""

    def __init__(self, email: str, consent: Consent) -> None:
        super().__init__(email)
        self._consent = consent

    def refresh(self, request: Any) -> None:  # noqa: ARG002 - google-auth names it
        """Renew the token, or raise RefreshError as the token server does for a withdrawn consent."""
        if self.email in self._consent.withdrawn:
            raise exceptions.RefreshError("invalid_grant")


class Transport(Wire):
    """An httplib2.Http for one user, through the crossing; `written` is told when something may have changed."""

    def __init__(  # noqa: PLR0917 - one for each thing it stands between
        self,
        server: CalendarServer,
        user: str,
        crossing: Crossing,
        consent: Consent,
        watcher: EventWatcher,
        written: Callable[[], None],
    ) -> None:
        super().__init__(timeout=1.0)
        self._server, self._user, self._crossing, self._consent = server, user, crossing, consent
        self._watcher, self._written = watcher, written

    def request(  # noqa: PLR0917 - httplib2's signature
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        redirections: int = 0,  # noqa: ARG002 - httplib2's signature; nothing redirects
        connection_type: object = None,  # noqa: ARG002 - httplib2's signature; there is no connection
    ) -> Answer:
        """Send it, as well as it goes."""
        address, _, asked = uri.partition("?")
        named = {name.lower(): value for name, value in (headers or {}).items()}
        sent = body.encode() if isinstance(body, str) else body or b""
        request = Request(method, _path(address), _query(asked), named, sent)
        name = f"calendar.{method} {_what(request.path)}"
        call = Call(_kind(request), "calendar", name, LATENCY, self._refused, _unanswered)
        return self._crossing.make(call, lambda: self._carried(request))

    def _carried(self, request: Request) -> Answer:
        if self._user in self._consent.withdrawn:
            return _answer(google_error(401, "authError").response())
        if request.method == "GET":
            if request.path.endswith("/events") and not {"syncToken", "pageToken", "iCalUID"} & request.query.keys():
                self._watcher.full_pass_began(self._user, request.path.split("/")[-2])
            return _answer(self._server.handle(request))
        if request.method == "PATCH":
            return self._patched(request)
        answer = _answer(self._server.handle(request))
        self._written()
        return answer

    def _patched(self, request: Request) -> Answer:
        """Show the watcher the whole event as it was and as it is."""
        look = Request("GET", request.path, _COMPACT, {"authorization": request.headers["authorization"]})
        before = self._server.handle(look)
        answer = self._server.handle(request)
        if answer.status == 200:
            calendar = request.path.split("/")[-3]
            after = self._server.handle(look)
            self._watcher.event_written(self._user, calendar, _event(before.body), _event(after.body))
            self._written()
        if answer.status == 412:
            self._watcher.write_refused(request.path, request.headers.get("if-match", ""))
        return _answer(answer)

    def _refused(self, fault: Fault, extra: float) -> Answer:
        if fault is Fault.CONSENT_REVOKED:
            self._consent.withdrawn.add(self._user)
        return _answer(_refusal(fault, extra))


_RETRY_AFTER = (None, "1", "30", "999999999", "Fri, 01 Jan 2100 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "soon")


def _refusal(fault: Fault, extra: float) -> Response:
    said = _SAID.get(fault)
    if said is not None:
        return said.response()
    if fault is Fault.CALENDAR_BUSY:
        answer = google_error(429, "rateLimitExceeded").response()
        wait = _RETRY_AFTER[int(extra * len(_RETRY_AFTER))]
        return answer if wait is None else Response(429, {**answer.headers, "retry-after": wait}, answer.body)
    return google_error((500, 502, 503, 504)[int(extra * 4)], None).response()


_SAID = {
    Fault.TOKEN_DROPPED: google_error(410, "fullSyncRequired"),
    Fault.PAGE_EXPIRED: invalid("Invalid page token value.", "pageToken"),
    Fault.ACCESS_EXPIRED: google_error(401, "authError"),
    Fault.CONSENT_REVOKED: google_error(401, "authError"),
    Fault.CALENDAR_RATE: google_error(403, "rateLimitExceeded"),
    Fault.WATCH_REFUSED: google_error(400, "pushNotSupportedForRequestedResource"),
    Fault.CALENDAR_LOST_SIGHT: google_error(404, "notFound"),
}
"""What Google says at a fault, where it always says the same."""


@functools.lru_cache(maxsize=1000)
def _path(address: str) -> str:
    return unquote(urlsplit(address).path)


def _query(asked: str) -> dict[str, list[str]]:
    query: dict[str, list[str]] = {}
    for name, value in itertools.chain.from_iterable(map(_parameter, asked.split("&"))):
        query.setdefault(name, []).append(value)
    return query


@functools.lru_cache(maxsize=10_000)
def _parameter(part: str) -> list[tuple[str, str]]:
    # All but the tokens are the same time and again, the mask of fields above all.
    return parse_qsl(part, keep_blank_values=True)


def _kind(request: Request) -> str:
    if request.method != "GET":
        return "calendar watch" if request.path.endswith("/watch") else "calendar write"
    if "pageToken" in request.query:
        return "calendar page"
    return "calendar list" if "syncToken" in request.query else "calendar read"


def _what(path: str) -> str:
    parts = path.removeprefix("/calendar/v3/").split("/")
    return parts[0] if len(parts) < 3 else parts[2] + ("/one" if len(parts) > 3 else "")


def _answer(response: Response) -> Answer:
    return httplib2.Response({**response.headers, "status": str(response.status)}), response.body


def _unanswered(fault: Fault) -> Answer:
    if fault is Fault.CALENDAR_5XX_DONE:
        return _answer(google_error(503, None).response())
    raise TimeoutError("no answer came")


_COMPACT = {"prettyPrint": ["false"]}

_event = msgspec.json.Decoder(dict[str, Any]).decode
