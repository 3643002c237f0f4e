"""A meeting: what we want a provider to hold, and what it says it holds.

The desired state is always whole, so that it may be sent twice; the observed state is always a read-back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NewType
from zoneinfo import ZoneInfo

import msgspec

from conference import text
from conference.event import Event, Organizer, Person
from conference.series import live_exceptions
from conference.slot import Occurrence, Slot, slot_of

__all__ = [
    "Attendee",
    "Meeting",
    "MeetingId",
    "MeetingRef",
    "MeetingSpec",
    "Occurrence",
    "Slot",
    "digest",
    "spec_of",
]

MeetingId = NewType("MeetingId", str)  # always text, whatever the vendor sends


class Attendee(msgspec.Struct, frozen=True):
    """Somebody invited."""

    email: str
    name: str = ""
    optional: bool = False


class MeetingSpec(msgspec.Struct, frozen=True):
    """What the calendar wants a meeting to be; `slot` is the first occurrence's when it recurs."""

    title: str
    slot: Slot
    host: str
    agenda: str = ""
    attendees: tuple[Attendee, ...] = ()
    recurrence: tuple[str, ...] = ()  # RFC 5545 lines as Google gives them
    exceptions: tuple[Occurrence, ...] = ()


class MeetingRef(msgspec.Struct, frozen=True):
    """Enough to find and to delete a meeting: kept in the link."""

    provider: str
    account: str  # the credential that created it
    id: MeetingId
    owned: bool = True  # False: a join URL a person typed in; never written or deleted


class Meeting(msgspec.Struct, frozen=True):
    """What a provider said of a meeting when last asked; its ways to join are for invited people only."""

    ref: MeetingRef
    join_url: str
    key: str | None = None  # the creation key it carries, if the provider tells
    passcode: str | None = None
    slot: Slot | None = None
    title: str | None = None
    version: str | None = None  # the provider's ETag, for conditional writes
    dial_in: dict[str, str] = {}
    digest: str | None = None  # of everything the provider holds that a spec can set, if it can be told

    def __repr__(self) -> str:
        return f"Meeting({self.ref!r}, version={self.version!r})"


def spec_of(event: Event, exceptions: Sequence[Occurrence], *, zone: ZoneInfo, host: str) -> MeetingSpec:
    """What the event (a single one, or the master of a series) wants its meeting to be.

    `zone` is the calendar's; `exceptions` are those of the series, in the order they were learnt. Raises Poison if a
    time or a recurrence line is missing or cannot be read; the cause never holds the event's words.
    """
    slot = slot_of(event, zone)
    return MeetingSpec(
        title=text.title(event.summary),
        slot=slot,
        host=host,
        agenda=text.agenda(event.description),
        attendees=_attendees(event, host),
        recurrence=event.recurrence,
        exceptions=live_exceptions(event.recurrence, slot, exceptions) if event.recurrence else (),
    )


def digest(spec: MeetingSpec) -> str:
    """64 hexadecimal digits, equal for equal specs whatever zone their instants were written in, else different."""
    return hashlib.sha256(msgspec.json.encode(_canonical(spec))).hexdigest()


def _attendees(event: Event, host: str) -> tuple[Attendee, ...]:
    """Who is to come besides the host: no rooms, nobody who declined, each address once, in lower case, sorted."""
    organizer = event.organizer or Organizer()
    hosts = {"", host.strip().lower(), organizer.email.strip().lower()}
    invited = sorted(_invited(event.attendees), key=lambda person: (person.email, person.optional, person.name))
    first = {person.email: person for person in reversed(invited) if person.email not in hosts}
    return tuple(first[email] for email in sorted(first))


def _invited(people: Iterable[Person]) -> Iterable[Attendee]:
    for person in people:
        if not (person.resource or person.self_ or person.organizer or person.response_status == "declined"):
            yield Attendee(person.email.strip().lower(), text.name(person.display_name), person.optional)


def _canonical(value: object) -> object:
    """Nested lists of plain values in a fixed order, instants in UTC."""
    match value:
        case datetime():
            return value.astimezone(UTC)
        case msgspec.Struct():
            return [_canonical(getattr(value, name)) for name in value.__struct_fields__]
        case tuple():
            return [_canonical(item) for item in value]
        case _:
            return value
