"""Meetings as they travel: the desired state as a request's body, an answer as a Meeting (docs/http-provider.md)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from conference import text
from conference.decoding import from_json
from conference.errors import Refused, Where
from conference.meeting import Attendee, Meeting, MeetingId, MeetingRef, MeetingSpec, Occurrence, Slot, digest
from conference.providers.protocol import Field

UNREADABLE = "unreadable"
"""The digest of a state that cannot be read: no spec has it, so that what we want is written over it."""

MAX_AGENDA = 8192
_MAX_URL = 1300  # the Calendar API takes no longer one
_VERSION = re.compile(r"[!#-~]{1,100}")
_NUMBER = re.compile(r"(tel:)?\+?[0-9 ().-]{3,40}(,[0-9,#*]{1,20})?")

Instant = Annotated[datetime, Meta(tz=True)]


class _Guest(Struct, frozen=True):
    email: str
    name: str = ""
    optional: bool = False


class _Change(Struct, frozen=True, omit_defaults=True):
    original_start: Instant
    start: Instant | None = None
    end: Instant | None = None
    title: str | None = None
    cancelled: bool = False


class _State(Struct, frozen=True):
    title: str
    start: Instant
    end: Instant
    time_zone: str
    host: str = ""
    agenda: str = ""
    recurrence: tuple[str, ...] = ()
    exceptions: tuple[_Change, ...] = ()
    attendees: tuple[_Guest, ...] = ()


class _Told(Struct, frozen=True):
    id: str | int
    join_url: str
    key: str | None = None
    version: str | int | None = None
    passcode: str | None = None
    dial_in: dict[str, str] = {}


class Listed(Struct, frozen=True):
    """A page of meetings, each still undecoded; `next` goes into the next request's `after`."""

    meetings: tuple[msgspec.Raw, ...]
    next: str | None = None


_read_state, _read_told = from_json(_State), from_json(_Told)
read_list = from_json(Listed)
"""A page of meetings. Raises one of UNDECODABLE."""

# ---- what is sent ---------------------------------------------------------------------------


def held(spec: MeetingSpec, max_title: int) -> MeetingSpec:
    """The spec as the provider can hold it: lines cut, one zone for the whole series, lists in a fixed order."""
    return MeetingSpec(
        title=cut(spec.title, max_title),
        slot=spec.slot,
        host=_sound(spec.host),
        agenda=_sound(spec.agenda)[:MAX_AGENDA],
        attendees=tuple(sorted(map(_attendee, spec.attendees), key=_by_mail)),
        recurrence=tuple(map(_sound, spec.recurrence)),
        exceptions=_exceptions(spec.exceptions, spec.slot.zone, max_title),
    )


def cut(title: str, limit: int) -> str:
    """One line of at most `limit` characters, an ellipsis standing for what was cut."""
    line = text.title(title)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def encode(spec: MeetingSpec) -> bytes:
    """A request's body."""
    exceptions = tuple(map(_change, spec.exceptions))
    guests = tuple(_Guest(person.email, person.name, person.optional) for person in spec.attendees)
    slot = spec.slot
    state = _State(
        spec.title, slot.start, slot.end, slot.zone, spec.host, spec.agenda, spec.recurrence, exceptions, guests
    )
    return msgspec.json.encode(state)


def differing(wanted: MeetingSpec, other: MeetingSpec) -> frozenset[Field]:
    """The parts in which the two differ."""
    parts = {
        Field.TITLE: "title",
        Field.AGENDA: "agenda",
        Field.SCHEDULE: "slot",
        Field.RECURRENCE: "recurrence",
        Field.EXCEPTIONS: "exceptions",
        Field.ATTENDEES: "attendees",
        Field.HOST: "host",
    }
    return frozenset(part for part, name in parts.items() if getattr(wanted, name) != getattr(other, name))


def _exceptions(exceptions: Iterable[Occurrence], zone: str, max_title: int) -> tuple[Occurrence, ...]:
    kept = (_occurrence(one, zone, cut(one.title, max_title) if one.title else None) for one in exceptions)
    return tuple(sorted(kept, key=lambda one: one.original_start))


def _occurrence(one: Occurrence, zone: str, title: str | None) -> Occurrence:
    if one.slot is None:
        return Occurrence(one.original_start.astimezone(UTC), None)
    return Occurrence(one.original_start.astimezone(UTC), replace(one.slot, zone=zone), title)


def _change(one: Occurrence) -> _Change:
    if one.slot is None:
        return _Change(one.original_start, cancelled=True)
    return _Change(one.original_start, one.slot.start, one.slot.end, one.title)


def _attendee(person: Attendee) -> Attendee:
    return Attendee(_sound(person.email), _sound(person.name), person.optional)


def _by_mail(person: Attendee) -> tuple[str, str]:
    return person.email, person.name


def _sound(words: str) -> str:
    # Halves of surrogate pairs cannot be sent.
    return words.encode("utf-8", "replace").decode()


# ---- what is answered -----------------------------------------------------------------------


class Reader:
    """Makes meetings from answers of one account; `join_hosts` empty allows any host, `join_plainly` http too."""

    def __init__(self, provider: str, account: str, join_hosts: frozenset[str], *, join_plainly: bool) -> None:
        self._provider, self._account, self._join_hosts = provider, account, join_hosts
        self._schemes = {"https", "http"} if join_plainly else {"https"}

    def meeting(self, raw: bytes | msgspec.Raw, where: Where) -> tuple[Meeting, MeetingSpec | None]:
        """The meeting, and all it holds if that can be read.

        Raises msgspec.MsgspecError if it is no meeting at all, Refused if its join URL may not be shown.
        """
        told = _read_told(raw)
        self._check_url(told.join_url, where)
        spec = _spec(raw)
        meeting = Meeting(
            ref=MeetingRef(self._provider, self._account, MeetingId(str(told.id))),
            join_url=told.join_url,
            key=told.key,
            passcode=told.passcode,
            slot=spec.slot if spec else None,
            title=spec.title if spec else None,
            version=_version(told.version),
            dial_in={label: number for label, number in told.dial_in.items() if _NUMBER.fullmatch(number)},
            digest=digest(spec) if spec else UNREADABLE,
        )
        return meeting, spec

    def _check_url(self, url: str, where: Where) -> None:
        if not _joinable(url, self._schemes, self._join_hosts):
            raise Refused("the join URL is none that may be shown", where)


def _joinable(url: str, schemes: Collection[str], hosts: frozenset[str]) -> bool:
    if len(url) > _MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if parts.scheme not in schemes or not host or parts.username is not None:
        return False
    return not hosts or host in hosts


def _version(told: Any) -> str | None:
    version = None if told is None else str(told)
    return version if version and _VERSION.fullmatch(version) else None


def _spec(raw: bytes | msgspec.Raw) -> MeetingSpec | None:
    try:
        state = _read_state(raw)
        slot = Slot(state.start.astimezone(UTC), state.end.astimezone(UTC), state.time_zone)
        exceptions = tuple(_read_change(change, state.time_zone) for change in state.exceptions)
    except (msgspec.MsgspecError, ValueError, OverflowError):
        return None
    attendees = tuple(Attendee(guest.email, guest.name, guest.optional) for guest in state.attendees)
    return MeetingSpec(
        title=state.title,
        slot=slot,
        host=state.host,
        agenda=state.agenda,
        attendees=tuple(sorted(attendees, key=_by_mail)),
        recurrence=state.recurrence,
        exceptions=tuple(sorted(exceptions, key=lambda one: one.original_start)),
    )


def _read_change(change: _Change, zone: str) -> Occurrence:
    original = change.original_start.astimezone(UTC)
    if change.cancelled:
        return Occurrence(original, None)
    if change.start is None or change.end is None:
        raise ValueError("an exception without times")
    return Occurrence(original, Slot(change.start.astimezone(UTC), change.end.astimezone(UTC), zone), change.title)
