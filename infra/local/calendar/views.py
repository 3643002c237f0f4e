"""How an event is shown to a caller: masks, zones, attendee limits, private events, tombstones.

Authority: contract 1.2.1, 2.1 (maxAttendees, timeZone), 4.2 (tombstones), 6.7 (private events)
"""

from __future__ import annotations

from zlib import crc32
from zoneinfo import ZoneInfo

import msgspec

from infra.local.calendar.access import at_least, blocks, is_private
from infra.local.calendar.calendar import Calendar
from infra.local.calendar.call import Call
from infra.local.calendar.masks import Mask, masked
from infra.local.calendar.messages import Json, encode
from infra.local.calendar.record import Record
from infra.local.calendar.times import rezoned, zone_wanted

_BUSY_SHOWN = ("kind", "etag", "id", "status", "start", "end")
_PRIVATE_SHOWN = ("kind", "etag", "id", "status", "start", "end", "visibility", "recurringEventId", "originalStartTime")
_BARE = ("kind", "etag", "id", "status")
_MINIMUM = (*_BARE, "recurringEventId", "originalStartTime")


class View(msgspec.Struct, frozen=True):
    """How one caller sees one calendar's events in one call."""

    mask: Mask | None
    calendar_zone: ZoneInfo
    zone: ZoneInfo | None
    most_attendees: int | None
    hides_private: bool
    busy_on: Calendar | None  # where the caller is to learn no more than when it is busy
    caller: str

    def record(self, record: Record) -> bytes:
        """A kept event as JSON, encoded once per version where nothing depends on the caller."""
        special = (record.cancelled and record.recurring) or "source" in record.body
        if self.zone or self.most_attendees or self._hides or special:
            return self.body(record.body)
        return record.encoded() if self.mask is None else record.encoded_masked(self.mask)

    @property
    def _hides(self) -> bool:
        return self.hides_private or self.busy_on is not None

    def body(self, body: Json) -> bytes:
        """An event as JSON."""
        if body.get("status") == "cancelled" and "recurrence" in body:
            body = {key: value for key, value in body.items() if key != "recurrence"}
        body = self.seen(body)
        if "source" in body and not self._made(body):
            body = {key: value for key, value in body.items() if key != "source"}
        if self.zone is not None:
            body = rezoned(body, self.zone, self.calendar_zone)
        if self.most_attendees is not None and len(body.get("attendees", ())) > self.most_attendees:
            own = [row for row in body["attendees"] if row.get("self")]
            body = {**body, "attendees": own, "attendeesOmitted": True}
        return encode(masked(body, self.mask))

    def shows(self, body: Json) -> bool:
        """True if the caller may know that there is such an event at all."""
        return self.busy_on is None or blocks(body, self.busy_on)

    def seen(self, body: Json) -> Json:
        """What the caller may know of the event."""
        if self.busy_on is not None:
            return {**{key: body[key] for key in _BUSY_SHOWN if key in body}, "visibility": "private"}
        if self.hides_private and is_private(body):
            return {key: body[key] for key in _PRIVATE_SHOWN if key in body}
        return body

    def tombstone(self, body: Json, richness: str) -> bytes:
        """An event that is cancelled, or no longer for the caller, as an incremental list shows it (contract 4.2)."""
        body = {**body, "status": "cancelled"}
        richness = richness if self.busy_on is None else "bare"
        if richness == "full":
            return self.body(body)
        if richness == "mixed":
            richness = "minimum" if crc32(body["id"].encode()) % 2 else "bare"
        names = _MINIMUM if richness == "minimum" else _BARE
        return encode(masked({key: body[key] for key in names if key in body}, self.mask))

    def _made(self, body: Json) -> bool:
        """True if the caller is the event's creator, who alone sees its source (contract 4.4)."""
        creator = body.get("creator")
        return not isinstance(creator, dict) or creator.get("email", self.caller) == self.caller


def view_of(call: Call, calendar: Calendar, mask: Mask | None) -> View:
    """The view that this call's parameters and the caller's role give."""
    named = call.parameters.get("timeZone")
    role = call.role(calendar)
    return View(
        mask,
        calendar.zone,
        zone_wanted(named) if named and named != calendar.about.zone else None,
        call.parameters.get("maxAttendees"),
        not at_least(role, "writer"),
        calendar if role == "freeBusyReader" else None,
        call.user,
    )
