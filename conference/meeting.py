"""A meeting: what we want a provider to hold, and what it says it holds.

The desired state is always whole, so that it may be sent twice; the observed state is always a read-back.
"""

from __future__ import annotations

from datetime import datetime
from typing import NewType
from zoneinfo import ZoneInfo

import msgspec

MeetingId = NewType("MeetingId", str)  # always text, whatever the vendor sends


class Slot(msgspec.Struct, frozen=True):
    """From `start` to `end` (aware, start < end); `zone` is the event's IANA zone, never an attendee's."""

    start: datetime
    end: datetime
    zone: str

    @property
    def zone_info(self) -> ZoneInfo:
        """The zone as an object."""
        return ZoneInfo(self.zone)


class Occurrence(msgspec.Struct, frozen=True):
    """An exception of a series, known by its original start; `slot` None means cancelled."""

    original_start: datetime
    slot: Slot | None
    title: str | None = None


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
