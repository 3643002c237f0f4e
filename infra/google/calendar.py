"""Google Calendar as a port: the official client's requests, our types and our errors.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import quote_plus

import msgspec
from google.auth.credentials import Credentials

from conference.errors import UNDECODABLE, Gone, LockstepError, Missing, OutcomeUnknown, Poison, Refused, Stale
from conference.event import Event, Unreadable, read_event
from conference.series import is_exception
from functions.ports import CalendarInfo, Page, Watched
from infra.google.client import GOOGLE, Strict, calendar_client
from infra.google.errors import FAILURES, Operation, lost_answer, translate
from infra.google.pages import (
    EVENT_FIELDS,
    PAGE_FIELDS,
    Listing,
    read_listing,
    read_whole_listing,
    refuse_repeated,
    to_page,
)
from infra.google.wire import Authorised, Door, Doors, Wire

T = TypeVar("T")

_CALENDAR = Operation("calendars.get", Missing.CALENDAR)
_LIST = Operation("events.list", Missing.CALENDAR)
_GET = Operation("events.get", Missing.EVENT)
_INSERT = Operation("events.insert", Missing.CALENDAR, repeatable=False)
_PATCH = Operation("events.patch", Missing.EVENT, repeatable=False)
_DELETE = Operation("events.delete", Missing.EVENT, repeatable=False)
_WATCH = Operation("events.watch", Missing.CALENDAR, repeatable=False)
_STOP = Operation("channels.stop", Missing.CHANNEL)

_LARGEST_PAGE = 2500
_MOST_SEEN = 250
_EVERY_CHANGE = f"&singleEvents=false&showDeleted=true&maxResults={_LARGEST_PAGE}"
"""What each page of changes is asked for with: the client would check and quote it anew at every call."""
_MOST_PAGES = 50
"""Short and empty pages are normal, so a small answer may take several; more than this is a fault."""


class GoogleCalendar:
    """The Calendar port over HTTP; one for the whole process, to be used by any number of threads.

    `credentials` is asked on each call. While a consent stands it should give back the same object, so that its
    access token and its connections are used again; a new object (a new consent) starts afresh.
    `http` makes what carries a user's requests, already authorised; by default signed connections that give up
    after `timeout` seconds without a byte. `endpoint` must end in "/calendar/v3/".
    """

    def __init__(
        self,
        credentials: Callable[[str], Credentials],
        endpoint: str = GOOGLE,
        http: Callable[[Credentials], Door] | None = None,
        timeout: float = 20.0,
    ) -> None:
        self._credentials = credentials
        self._doors = Doors(http or (lambda signer: Authorised(signer, Wire(timeout))))
        self._requests = _requests(endpoint)

    def close(self) -> None:
        """Close the connections; calls after this one still work, but keep none open."""
        self._doors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- Reading ----------------------------------------------------------------------------

    def calendar(self, user: str, calendar: str) -> CalendarInfo:
        """One calendar; "primary" is resolved. Raises Gone(CALENDAR)."""
        content = self._call(_CALENDAR, user, self._requests.calendars.get, calendarId=calendar, fields=_INFO_FIELDS)
        read = _decode(_CALENDAR, _info, content)
        primary = calendar == "primary" or read.id.casefold() == user.casefold()
        return CalendarInfo(read.id, read.time_zone, read.summary, primary)

    def changes(
        self,
        user: str,
        calendar: str,
        *,
        token: str | None = None,
        page: str | None = None,
        ends_after: datetime | None = None,
        whole: bool = False,
    ) -> Page:
        """One page of what changed since `token`, or of a full pass; as the port says.

        Raises Refused for a page that could never lead to a sync token.
        """
        window = {"timeMin": _instant(ends_after)} if ends_after and not token else {}
        listing = self._list(
            user,
            always=_EVERY_CHANGE,
            calendarId=calendar,
            syncToken=token,
            pageToken=page,
            whole=whole,
            **window,
        )
        return to_page(listing, page, _LIST.where())

    def get(self, user: str, calendar: str, event_id: str) -> Event:
        """One event, cancelled ones included. Raises Gone(EVENT), Poison if it cannot be read."""
        content = self._call(
            _GET, user, self._requests.events.get, calendarId=calendar, eventId=event_id, fields=EVENT_FIELDS
        )
        _decode(_GET, _any_object, content)  # what is no JSON object at all came from something in between
        event = read_event(content)
        if isinstance(event, Unreadable):
            raise Poison(f"the event cannot be read: {event.cause}", _GET.where())
        return event

    def whole(self, user: str, calendar: str, event_id: str) -> bytes:
        """One event's whole resource as JSON. Raises Gone(EVENT)."""
        content = self._call(_GET, user, self._requests.events.get, calendarId=calendar, eventId=event_id)
        _decode(_GET, _any_object, content)
        return content

    def find(self, user: str, calendar: str, ical_uid: str) -> list[Event]:
        """The events with this iCalUID that are not gone; a series' cancelled occurrences are shown with it.

        Raises Poison if one cannot be read: it must not count as absent.
        """
        items = list(self._items(user, calendarId=calendar, iCalUID=ical_uid, maxResults=_LARGEST_PAGE))
        if any(isinstance(item, Unreadable) for item in items):
            raise Poison("an event with this iCalUID cannot be read", _LIST.where())
        return [item for item in items if isinstance(item, Event) and (not item.cancelled or is_exception(item))]

    def upcoming(self, user: str, calendar: str, *, since: datetime, until: datetime) -> list[Event]:
        """Single events and occurrences between two instants, in order of start, at most 250, all of them readable."""
        found: list[Event] = []
        for item in self._items(
            user,
            calendarId=calendar,
            singleEvents=True,
            orderBy="startTime",
            timeMin=_instant(since),
            timeMax=_instant(until),
            maxResults=_MOST_SEEN,
        ):
            if isinstance(item, Event) and not item.cancelled:
                found.append(item)
            if len(found) == _MOST_SEEN:
                break
        return found

    # ---- Writing ----------------------------------------------------------------------------

    def insert(self, user: str, calendar: str, body: Mapping[str, Any]) -> Event:
        """Make an event; nobody is mailed. Raises Refused if the id is taken."""
        content = self._call(
            _INSERT, user, self._requests.events.insert, calendarId=calendar, body=dict(body), **_QUIETLY
        )
        return _written(_INSERT, content)

    def patch(self, user: str, calendar: str, event_id: str, body: Mapping[str, Any], *, etag: str) -> Event:
        """Change only what `body` names, only if the event is at `etag`. Raises Stale on 412, Gone(EVENT)."""
        _demand(etag, _PATCH)
        content = self._call(
            _PATCH,
            user,
            self._requests.events.patch,
            etag=etag,
            calendarId=calendar,
            eventId=event_id,
            body=dict(body),
            **_QUIETLY,
        )
        return _written(_PATCH, content)

    def delete(self, user: str, calendar: str, event_id: str, *, etag: str | None = None) -> None:
        """Delete it, only if it is at `etag` (None: whatever it is). Raises Stale; already gone is success."""
        if etag is not None:
            _demand(etag, _DELETE)
        try:
            self._call(
                _DELETE,
                user,
                self._requests.events.delete,
                etag=etag,
                calendarId=calendar,
                eventId=event_id,
                sendUpdates="none",
            )
        except Gone:
            return

    # ---- Push channels ----------------------------------------------------------------------

    def watch(self, user: str, calendar: str, *, channel: str, secret: str, address: str, life: float) -> Watched:
        """Open a push channel of about `life` seconds. Raises Refused if the calendar cannot be watched."""
        body = {
            "id": channel,
            "type": "web_hook",
            "address": address,
            "token": secret,
            "params": {"ttl": str(int(life))},
        }
        content = self._call(_WATCH, user, self._requests.events.watch, calendarId=calendar, body=body)
        opened = _decode(_WATCH, _channel, content)
        try:
            expires = datetime.fromtimestamp(opened.expiration / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            raise OutcomeUnknown("the channel's expiry cannot be read", _WATCH.where()) from None
        return Watched(opened.resource_id, expires)

    def stop(self, user: str, *, channel: str, resource_id: str) -> None:
        """Close a push channel; already gone is success. May be repeated for ever, so it is never OutcomeUnknown."""
        try:
            self._call(_STOP, user, self._requests.channels.stop, body={"id": channel, "resourceId": resource_id})
        except Gone:
            return

    # ---- The one way out --------------------------------------------------------------------

    def _items(self, user: str, **arguments: Any) -> Iterator[Event | Unreadable]:
        """All items of a list that needs no sync token, over however many pages they come."""
        page: str | None = None
        for _ in range(_MOST_PAGES):
            listing = self._list(user, pageToken=page, **arguments)
            yield from listing.items
            refuse_repeated(listing, page, _LIST.where())
            page = listing.next_page
            if page is None:
                return
        raise Refused("a short list takes too many pages", _LIST.where())

    def _list(self, user: str, *, whole: bool = False, always: str = "", **arguments: Any) -> Listing:
        mask = {} if whole else {"fields": PAGE_FIELDS}
        always += "&prettyPrint=false"
        content = self._call(_LIST, user, self._requests.events.list, always=always, **mask, **arguments)
        return _decode(_LIST, read_whole_listing if whole else read_listing, content)

    def _call(
        self, operation: Operation, user: str, method: Callable[..., Any], *, etag: str | None = None, **arguments: Any
    ) -> bytes:
        """Make the call and return the raw answer, or raise what its failure means."""
        signer = self._credentials(user)
        outcome = self._attempt(operation, signer, method, etag, arguments)
        if isinstance(outcome, LockstepError):
            # Raised here, where no exception is being handled: the client's own names addresses, tokens and bodies,
            # and would travel along as the context.
            raise outcome
        return outcome

    def _attempt(
        self,
        operation: Operation,
        signer: Credentials,
        method: Callable[..., Any],
        etag: str | None,
        arguments: dict[str, Any],
    ) -> bytes | LockstepError:
        fields, always = arguments.pop("fields", None), arguments.pop("always", "")
        try:
            request = method(**arguments)
            request.uri += always  # behind the alt=json that every address has
            if fields is not None:
                request.uri += f"&fields={_quoted(fields)}"
            if etag is not None:
                request.headers["If-Match"] = etag
            content: bytes = request.execute(http=Strict(self._doors, signer), num_retries=0)
        except FAILURES as failure:
            return translate(operation, failure)
        return content


@functools.lru_cache(maxsize=16)
def _quoted(fields: str) -> str:
    """A mask as an address has it: masks are long and few, and the client would quote them at every call."""
    return quote_plus(fields)


class _Requests(NamedTuple):
    """The client's collections, whose methods make requests. Made once: making one costs 2 ms, using it 0.1."""

    events: Any
    calendars: Any
    channels: Any


@functools.lru_cache(maxsize=4)
def _requests(endpoint: str) -> _Requests:
    """What makes requests to `endpoint`; safe to share between threads, since every call brings its own connection."""
    service = calendar_client(endpoint)
    return _Requests(service.events(), service.calendars(), service.channels())


# ---- What goes out and what comes back --------------------------------------------------------

_QUIETLY: dict[str, Any] = {"conferenceDataVersion": 1, "sendUpdates": "none", "fields": EVENT_FIELDS}
"""Without version 1 conference data is dropped with a 200; repairs of ours are no news to the guests."""


class _Info(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    time_zone: str = "UTC"
    summary: str = ""


class _Channel(msgspec.Struct, frozen=True, rename="camel"):
    resource_id: str
    expiration: int


_INFO_FIELDS = "id,timeZone,summary"
_info = msgspec.json.Decoder(_Info).decode
_channel = msgspec.json.Decoder(_Channel, strict=False).decode  # the expiry comes as text or as a number
_any_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def _decode(operation: Operation, read: Callable[[bytes], T], content: bytes) -> T:
    try:
        return read(content)
    except UNDECODABLE:
        failure = lost_answer(operation, "unreadable answer", 200)
    raise failure


def _written(operation: Operation, content: bytes) -> Event:
    event = read_event(content)
    if isinstance(event, Unreadable):
        raise lost_answer(operation, "unreadable answer", 200)
    return event


def _instant(when: datetime) -> str:
    if when.tzinfo is None:
        raise ValueError("an instant needs its offset")
    return when.astimezone(UTC).isoformat(timespec="seconds")


def _demand(etag: str, operation: Operation) -> None:
    # An empty If-Match would be no condition at all; without a version we know nothing to hold on to.
    if not etag:
        raise Stale("the event's version is not known", operation.where())
