"""What the functions need of the ground they stand on; each port has one contract suite for all grounds.

Documents are plain JSON objects. Instants inside them are seconds since the epoch (float), so that any store can
compare them; instants in arguments are aware datetimes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    # Whoever answers notices meets no event, and waits for no import of theirs.
    from conference.event import Event, Unreadable
from functions import tracing

T = TypeVar("T")

# ---- Store ----------------------------------------------------------------------------------

Version = str
"""Opaque; compared for equality only."""


class Document(msgspec.Struct, frozen=True):
    """A stored document as read: `key` is "collection/id", `version` goes into the next conditional write."""

    key: str
    data: dict[str, Any]
    version: Version


@dataclass(frozen=True, slots=True)
class Put:
    """Write `data` if the document is at `if_version`; None means it must be absent."""

    key: str
    data: Mapping[str, Any]
    if_version: Version | None


class Delete(msgspec.Struct, frozen=True):
    """Delete the document if it is at `if_version`."""

    key: str
    if_version: Version


class Where(msgspec.Struct, frozen=True):
    """A condition on one top-level field; documents without the field never match."""

    field: str
    op: Literal["==", "<", "<=", ">", ">="]
    value: str | float | bool


class Store(Protocol):
    """Small documents with a version; every write is conditional, every commit all or none."""

    def get(self, key: str) -> Document | None:
        """The document, as the last commit left it. Raises Later when the store cannot be reached."""

    def commit(self, *writes: Put | Delete) -> tuple[Version | None, ...]:
        """Do all writes or none; return each document's new version in order (None for a deletion).

        Raises Conflict if any condition fails (nothing was written), Later if nothing was written for another
        reason, OutcomeUnknown if it cannot be told whether the writes were done. At most 400 writes.
        """

    def query(
        self,
        collection: str,
        where: Sequence[Where] = (),
        *,
        order_by: str | None = None,
        limit: int = 100,
        after: Document | None = None,
    ) -> list[Document]:
        """Documents of `collection` that meet every condition, ascending by `order_by` and then by key.

        `after` goes on behind a document of an earlier answer; documents without the `order_by` field are left out.
        """


# ---- Queue ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Task:
    """A call to make: the function by its name in main.py, and a small JSON body (under 1 kB, no secret, no title).

    `provider` is whom the call will talk to, where that is known: a ground may keep a queue for each, so that one that
    is slow does not hold up the others. It does not travel with the task. `trace` does, as the header `traceparent` of
    the call: by itself it is that of whoever makes the task.
    """

    function: str
    body: Mapping[str, Any] = field(default_factory=dict)
    provider: str | None = field(default=None, compare=False)
    trace: str | None = field(default_factory=tracing.header, compare=False, repr=False)


class Queue(Protocol):
    """Tasks, at least once, in no promised order."""

    def add(self, task: Task, *, name: str | None = None, at: datetime | None = None) -> bool:
        """Take the task, to be run not before `at`; False if `name` was used within the last 24 hours.

        `name` may hold letters, digits, "-" and "_", at most 500. Raises Later if it was not taken, OutcomeUnknown
        if that cannot be told (adding it again under its name is safe). Beyond 30 days functions.rearming helps.
        """


# ---- Vault, Clock, Lanes --------------------------------------------------------------------


class Vault(Protocol):
    """Seals secrets with a key that never leaves the ground, each bound to its tenant."""

    def seal(self, tenant: str, secret: bytes) -> str:
        """A text that only `open` with the same tenant can read."""

    def open(self, tenant: str, sealed: str) -> bytes:
        """The secret. Raises Forged if the text was altered or sealed for another tenant."""


class Clock(Protocol):
    """Time as a port."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""


class Lanes(Protocol):
    """The only door to concurrency: calls that may go side by side."""

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
        """Make every call, each one's result or the exception it raised, in the order of the calls."""


# ---- Identity -------------------------------------------------------------------------------


class Identity(Protocol):
    """Checks the identity tokens that Cloud Tasks and Cloud Scheduler send."""

    def check(self, token: str, *, audience: str, account: str) -> None:
        """Return if the token is signed by the issuer, in time, for `audience` and of `account`; else raise Forged."""


class AddOnIdentity(Protocol):
    """Checks the identity tokens that Google Workspace sends to an add-on's endpoints."""

    def address(self, token: str, *, audiences: Collection[str]) -> str:
        """The verified address of whom the token names, if it is Google's, in time and for one of `audiences`.

        Else raise Forged.
        """


# ---- Consent --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asking:
    """What a person is to be asked for: `offline` also while they are away; `account` is whom they say they are."""

    scopes: tuple[str, ...]
    state: str = field(repr=False)
    challenge: str  # of S256
    redirect: str
    account: str = ""
    offline: bool = True


@dataclass(frozen=True, slots=True)
class Granted:
    """Tokens, and what they are good for; `refresh` is set where there is a new one to be kept.

    `issued` is when it was, by the authorization server's own clock, where it tells.
    """

    access: str = field(repr=False)
    expires: datetime
    scopes: frozenset[str]
    refresh: str | None = field(default=None, repr=False)
    issued: datetime | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Who has consented: `sub` stays theirs for ever, `email` is verified and in lower case."""

    sub: str
    email: str


class OAuth(Protocol):
    """The authorization server where our application is registered, in its web flow with PKCE."""

    issuer: str
    """The name that it calls itself (RFC 9207)."""
    origin: str
    """Where its pages are: scheme, host and port."""

    def address(self, asking: Asking) -> str:
        """Where to send a person's browser."""

    def exchange(self, code: str, *, verifier: str, redirect: str) -> Granted:
        """What a code stands for, once. Raises Refused if it is no good (any more), Later, OutcomeUnknown."""

    def refresh(self, refresh: str) -> Granted:
        """Another access token. Raises Revoked if the consent has ended; Later for all else: repeating is safe."""

    def revoke(self, token: str) -> None:
        """End the consent with all its tokens; already ended is success. Raises Refused if it never will, Later."""

    def person(self, granted: Granted) -> Person:
        """Whose tokens they are. Raises Refused if that is not told or not verified, Later."""


# ---- Calendar -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CalendarInfo:
    """A calendar by its canonical id, never "primary"; `zone` is its IANA time zone."""

    id: str
    zone: str
    summary: str = ""
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page of events.list; exactly one of the two tokens is set, `sync_token` on the last page only."""

    items: tuple[Event | Unreadable, ...]
    zone: str  # the calendar's time zone
    next_page: str | None = None
    sync_token: str | None = None
    whole: tuple[bytes, ...] = ()  # each item's JSON as it came, if whole resources were asked for


@dataclass(frozen=True, slots=True)
class Watched:
    """What Google answered to a watch: both are authoritative, and needed to stop it."""

    resource_id: str
    expires: datetime


class Calendar(Protocol):
    """Google Calendar as one user sees it; every call but `stop` names the user whose credential is used.

    All methods raise Later (quota, 5xx, no answer to a read), Revoked (consent, scope), Refused (never), and
    Gone with what is gone. Writes raise OutcomeUnknown when it cannot be told whether they were done.
    """

    def calendar(self, user: str, calendar: str) -> CalendarInfo:
        """One calendar; "primary" is resolved. Raises Gone(CALENDAR)."""

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
        """One page of events.list: what changed since `token`, or without it a full pass, deletions included.

        `ends_after` keeps a full pass to events that end later; it is not sent with a token. `whole`: with all that
        the items hold, in `Page.whole`. Repeat every argument on each page. Raises Gone(TOKEN) on 410, and on 400 for
        a token that is none.
        """

    def get(self, user: str, calendar: str, event_id: str) -> Event:
        """One event, cancelled ones included while they exist. Raises Gone(EVENT), Poison if it cannot be read."""

    def whole(self, user: str, calendar: str, event_id: str) -> bytes:
        """One event's whole resource as JSON, cancelled ones included while they exist. Raises Gone(EVENT)."""

    def find(self, user: str, calendar: str, ical_uid: str) -> list[Event]:
        """The calendar's live events with this iCalUID; of a series its exceptions too, cancelled ones among them."""

    def upcoming(self, user: str, calendar: str, *, since: datetime, until: datetime) -> list[Event]:
        """What a person sees between two instants: single events and occurrences, in order of start, at most 250."""

    def insert(self, user: str, calendar: str, body: Mapping[str, Any]) -> Event:
        """Make an event. Raises Refused if the id is taken."""

    def patch(self, user: str, calendar: str, event_id: str, body: Mapping[str, Any], *, etag: str) -> Event:
        """Change only what `body` names, only if the event is at `etag`. Raises Stale on 412, Gone(EVENT)."""

    def delete(self, user: str, calendar: str, event_id: str, *, etag: str | None = None) -> None:
        """Delete it, only if it is at `etag` (None: whatever it is). Raises Stale; already gone is success."""

    def watch(self, user: str, calendar: str, *, channel: str, secret: str, address: str, life: float) -> Watched:
        """Open a push channel of about `life` seconds. Raises Refused if the calendar cannot be watched."""

    def stop(self, user: str, *, channel: str, resource_id: str) -> None:
        """Close a push channel; already gone is success."""
