"""The Calendar server as a plain library: one request in, one answer out; no HTTP, no threads, no sockets.

Authority: contract 1 (wire basics), 14 (what an emulator must do)
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random
from urllib.parse import parse_qs

from msgspec.structs import replace

from infra.local.calendar import (
    acl,
    batch,
    calendar_list,
    calendars,
    colors,
    events,
    freebusy,
    importing,
    instances,
    listing,
    moving,
    pages,
    settings,
    watching,
)
from infra.local.calendar.calendar import Calendar
from infra.local.calendar.call import Call
from infra.local.calendar.channels import Push
from infra.local.calendar.control import control
from infra.local.calendar.copies import welcome
from infra.local.calendar.discovery import discovery
from infra.local.calendar.errors import ApiError, not_found, not_served
from infra.local.calendar.faults import Faults
from infra.local.calendar.messages import Json, Request, Response
from infra.local.calendar.oauth import routes as oauth
from infra.local.calendar.oauth.bearer import Caller, demanded, known_caller
from infra.local.calendar.oauth.keys import new_signing_key
from infra.local.calendar.oauth.visit import Visit
from infra.local.calendar.parameters import read_parameters
from infra.local.calendar.persistence import State
from infra.local.calendar.printing import printed
from infra.local.calendar.quota import Quota
from infra.local.calendar.settling import settle
from infra.local.calendar.shape import read_body
from infra.local.calendar.times import rfc3339
from infra.local.calendar.world import World

BASE = "/calendar/v3/"
KEPT_REQUESTS = 100_000

METHODS: Mapping[str, Callable[[Call], Response]] = {
    "calendar.events.list": listing.list_events,
    "calendar.events.get": events.get,
    "calendar.events.insert": events.insert,
    "calendar.events.patch": events.patch,
    "calendar.events.update": events.update,
    "calendar.events.delete": events.delete,
    "calendar.events.instances": instances.list_instances,
    "calendar.events.move": moving.move,
    "calendar.events.import": importing.import_event,
    "calendar.events.watch": watching.watch,
    "calendar.channels.stop": watching.stop,
    "calendar.calendars.get": calendars.get_calendar,
    "calendar.calendars.insert": calendars.insert,
    "calendar.calendars.patch": calendars.patch,
    "calendar.calendars.update": calendars.update,
    "calendar.calendars.delete": calendars.delete,
    "calendar.calendars.clear": calendars.clear,
    "calendar.calendars.transferOwnership": calendars.transfer,
    "calendar.calendarList.get": calendar_list.get_entry,
    "calendar.calendarList.list": calendar_list.list_entries,
    "calendar.calendarList.insert": calendar_list.insert,
    "calendar.calendarList.patch": calendar_list.patch,
    "calendar.calendarList.update": calendar_list.update,
    "calendar.calendarList.delete": calendar_list.delete,
    "calendar.calendarList.watch": watching.watch_calendar_list,
    "calendar.acl.get": acl.get_rule,
    "calendar.acl.list": acl.list_rules,
    "calendar.acl.insert": acl.insert,
    "calendar.acl.patch": acl.patch,
    "calendar.acl.update": acl.update,
    "calendar.acl.delete": acl.delete,
    "calendar.acl.watch": watching.watch_rules,
    "calendar.settings.get": settings.get_setting,
    "calendar.settings.list": settings.list_settings,
    "calendar.settings.watch": watching.watch_settings,
    "calendar.freebusy.query": freebusy.query,
    "calendar.colors.get": colors.get_colors,
}
"""The methods that are served, by discovery id; every other one of Google's is answered 501."""


class CalendarServer:
    """Google's side of the Calendar API for any number of users.

    `clock` gives the present instant (aware); every draw comes from `random`, so equal seeds and equal requests give
    equal answers. With a `state` every answered write survives the process. May be used from several threads.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        random: Random,
        state: State | None = None,
        zone: str = "Europe/Zurich",
        new_key: Callable[[], str] = new_signing_key,
    ) -> None:
        self._clock = clock
        self._random = random
        self._state = state
        self._zone = zone
        self._new_key = new_key
        self._lock = threading.RLock()
        self._begin()
        self.world.load()
        self.world.commit()

    def _begin(self) -> None:
        self.world = World(self._clock, self._random, self._zone, self._state, self._new_key)
        self.faults = Faults(self.world.random)
        self.requests: deque[Json] = deque(maxlen=KEPT_REQUESTS)
        self._quota = Quota()

    def reset(self, seed: int | None = None) -> None:
        """Forget everything: calendars, tokens, channels, faults, the clock's offset; draw anew from a `seed`."""
        if seed is not None:
            self._random = Random(seed)  # noqa: S311 - ids of a development server
        if self._state is not None:
            self._state.clear()
        self._begin()
        self.world.save_life()

    # ---- requests

    def handle(self, request: Request) -> Response:
        """Answer one request; when this returns, what it wrote is durable."""
        with self._lock:
            settle(self.world, self.now())
            response = self._routed(request)
            self.world.commit()
            return response

    def _routed(self, request: Request) -> Response:
        if request.path.startswith("/control/"):
            return control(self, request)
        return self._batch(request) if request.path == batch.PATH else self._api(request)

    def _batch(self, request: Request) -> Response:
        fault = self.faults.take(request.method, request.path)
        failed = fault.response() if fault else None
        if failed is None or (fault and fault.after_apply):
            done = batch.answer_batch(request, self._api, self.world.knobs.batch_limit)
            failed = failed or done
        return failed

    def _api(self, request: Request) -> Response:
        path = "/" + request.path.removeprefix(BASE) if request.path.startswith(BASE) else request.path
        request = _with_token_in_header(_as_meant(request))
        method = request.method
        who = known_caller(self.world.book, request, self.now().timestamp())
        # Faults are meant for the program that is being developed, not for the page that watches it.
        fault = None if request.query.get("quotaUser") == [pages.NAME] else self.faults.take(method, path)
        response = fault.response() if fault and not fault.after_apply else None
        if response is None:
            response = self._answer(request, who)
            response = (fault and fault.response()) or response
        if fault and fault.delay_ms:
            response = Response(response.status, response.headers, response.body, fault.delay_ms / 1000)
        self._note(request, path, who, response)
        return printed(request, response) if request.path.startswith(BASE) else response

    def _answer(self, request: Request, who: Caller | None) -> Response:
        try:
            return self._grant(request) if request.path in oauth.ROUTES else self._call(request, who)
        except ApiError as error:
            return error.response()

    def _grant(self, request: Request) -> Response:
        users = sorted(
            about.id for about in (calendar.about for calendar in self.world.calendars.values()) if about.primary
        )
        return oauth.answer(Visit.of(self.world.book, self.world.now().timestamp(), users, request))

    def _call(self, request: Request, who: Caller | None) -> Response:
        below = request.path.removeprefix(BASE) if request.path.startswith(BASE) else ""
        found = discovery().route(request.method, below)
        if found is None:
            raise not_found()
        method, path = found
        who = demanded(who, request)
        who.check(method.scopes, method.id)
        user = who.user
        if method.id not in METHODS:
            raise not_served(method.id)
        payer = (request.query.get("quotaUser") or [request.headers.get("x-goog-quota-user") or user])[-1]
        refusal = self._quota.spend(payer, request.method, self.world.knobs, self.world.now())
        if refusal is not None:
            return refusal
        if user not in self.world.calendars:
            self.enter(self.world.primary(user))
        body = read_body(request.body, method.body) if method.body else {}
        parameters = read_parameters(method, request.query, strictly=self.world.knobs.refuse_unknown_parameters)
        call = Call(self.world, user, method.id, path, parameters, body, request.headers, method.answer)
        return METHODS[method.id](call)

    def enter(self, calendar: Calendar) -> None:
        """A calendar has come into being: invitations that were sent to it earlier arrive."""
        if calendar.about.primary:
            welcome(self.world, calendar)

    def _note(self, request: Request, path: str, who: Caller | None, response: Response) -> None:
        # What goes to the authorization server is secret.
        query = {} if request.path in oauth.ROUTES else request.query
        noted = {
            "time": rfc3339(self.world.now()),
            "user": who and who.user,
            "method": request.method,
            "path": path,
            "query": {name: list(values) for name, values in query.items()},
            "if_match": request.headers.get("if-match"),
            "status": response.status,
            "bytes": len(response.body),
        }
        self.requests.append(noted)

    # ---- push

    def now(self) -> datetime:
        """The server's present instant, as the control routes set it."""
        return self.world.now()

    def due_pushes(self, now: datetime, limit: int | None = None) -> list[Push]:
        """Messages to post by `now`, at most `limit`; each is handed out once: post it, then say `push_answered`."""
        with self._lock:
            settle(self.world, now)
            self.world.commit()
            return self.world.channels.due(now, limit)

    def next_push(self) -> datetime | None:
        """When the next message will be due; None if none waits."""
        with self._lock:
            return min(filter(None, [self.world.channels.next_due(), *self.world.pending.values()]), default=None)

    def push_answered(self, push: Push, status: int | None, now: datetime) -> None:
        """Say how a message was answered (None: not at all); some answers have it sent again later."""
        with self._lock:
            self.world.channels.answered(push, status, now)


def _as_meant(request: Request) -> Request:
    """The request with X-HTTP-Method-Override applied; Google's client sends a too long GET as a form that way."""
    method = request.method.upper()
    meant = request.headers.get("x-http-method-override", method).upper() if method == "POST" else method
    if (method, meant) == ("POST", "GET"):
        form = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        return replace(request, method=meant, query={**request.query, **form}, body=b"")
    return request if request.method == meant else replace(request, method=meant)


def _with_token_in_header(request: Request) -> Request:
    """The request with the token of `oauth_token` where every other token is, and out of what is noted."""
    if "oauth_token" not in request.query:
        return request
    query = {name: values for name, values in request.query.items() if name != "oauth_token"}
    bearer = {"authorization": f"Bearer {request.query['oauth_token'][-1]}"}
    return replace(request, query=query, headers={**bearer, **request.headers})
