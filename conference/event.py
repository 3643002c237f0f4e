"""A calendar event as Google's Calendar API tells it, decoded into small frozen types.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/events
Only the fields that decide something are kept; all others, known or not, are passed over.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from conference.decoding import from_json, from_plain
from conference.errors import UNDECODABLE, Poison


class EventTime(msgspec.Struct, frozen=True, omit_defaults=True, rename={"date_time": "dateTime", "zone": "timeZone"}):
    """Either a whole day (`date`) or an instant (`date_time`, with offset unless `zone` is given)."""

    date: str | None = None
    date_time: str | None = None
    zone: str | None = None

    @property
    def all_day(self) -> bool:
        """True when it names a day and no hour."""
        return self.date is not None

    def instant(self, calendar_zone: ZoneInfo) -> datetime:
        """The instant it names, in UTC; a day begins at midnight in the calendar's zone.

        Raises Poison if it names neither a day nor an instant, or cannot be read.
        """
        # In UTC no two instants look alike and none compares unequal to itself, as wall times around a shift may.
        try:
            if self.date is not None:
                return datetime.combine(date.fromisoformat(self.date), time(), calendar_zone).astimezone(UTC)
            if self.date_time is not None:
                read = datetime.fromisoformat(self.date_time)
                return (read if read.tzinfo else read.replace(tzinfo=self.zone_or(calendar_zone))).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise Poison("an event's time cannot be read") from error
        raise Poison("an event's time names neither a day nor an hour")

    def zone_or(self, calendar_zone: ZoneInfo) -> ZoneInfo:
        """The zone it names, or the calendar's if it names none that is known."""
        if self.zone is None:
            return calendar_zone
        try:
            return ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            # Names such as GMT-07:00 occur; the offset inside dateTime still gives the instant.
            return calendar_zone


class Organizer(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Whose event it is; `self_` is relative to the calendar in the path."""

    email: str = ""
    display_name: str | None = None
    self_: bool = msgspec.field(default=False, name="self")


class Person(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """An attendee as the event lists them; `self_` is relative to the calendar in the path."""

    email: str = ""
    display_name: str | None = None
    self_: bool = msgspec.field(default=False, name="self")
    organizer: bool = False
    optional: bool = False
    resource: bool = False
    response_status: str | None = None


class SolutionKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """The kind of conference: `hangoutsMeet`, `addOn`, or something newer."""

    type: str = ""


class ConferenceSolution(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Which product holds the conference; `name` is for display and decides nothing."""

    key: SolutionKey = SolutionKey()
    name: str | None = None
    icon_uri: str | None = None


class EntryPoint(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """One way to join, as in conferenceData.entryPoints."""

    entry_point_type: str = ""
    uri: str = ""
    label: str | None = None
    pin: str | None = None
    access_code: str | None = None
    meeting_code: str | None = None
    passcode: str | None = None
    password: str | None = None
    region_code: str | None = None


class AddOnParameters(msgspec.Struct, frozen=True, omit_defaults=True):
    """The add-on's own key-value pairs."""

    parameters: dict[str, str] = {}


class ConferenceParameters(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """conferenceData.parameters."""

    add_on_parameters: AddOnParameters = AddOnParameters()


class ConferenceData(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The conference on an event; the signature is Google's and is never kept."""

    conference_id: str | None = None
    conference_solution: ConferenceSolution | None = None
    entry_points: tuple[EntryPoint, ...] = ()
    notes: str | None = None
    parameters: ConferenceParameters = ConferenceParameters()


class Event(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    rename={
        "recurring_event_id": "recurringEventId",
        "original_start": "originalStartTime",
        "ical_uid": "iCalUID",
        "conference": "conferenceData",
        "event_type": "eventType",
        "attendees_omitted": "attendeesOmitted",
    },
):
    """One item of events.list; a tombstone may hold nothing but `id` and `status`."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    status: str = "confirmed"
    etag: str | None = None
    updated: str | None = None
    summary: str = ""
    description: str = ""
    start: EventTime | None = None
    end: EventTime | None = None
    recurrence: tuple[str, ...] = ()
    recurring_event_id: str | None = None
    original_start: EventTime | None = None
    ical_uid: str | None = None
    organizer: Organizer | None = None
    attendees: tuple[Person, ...] = ()
    attendees_omitted: bool = False
    conference: ConferenceData | None = None
    event_type: str = "default"

    @property
    def cancelled(self) -> bool:
        """True for a tombstone: the event, or this occurrence of it, is gone."""
        return self.status == "cancelled"

    @property
    def organized_here(self) -> bool:
        """True for the organizer's own copy; only it may act (calendar-contract 6.2)."""
        return self.organizer is None or self.organizer.self_

    @property
    def updated_at(self) -> datetime | None:
        """When the main data last changed (aware); None where a tombstone does not say, or says it badly."""
        try:
            read = datetime.fromisoformat(self.updated or "")
        except ValueError:
            return None
        return read if read.tzinfo else read.replace(tzinfo=UTC)


class Unreadable(msgspec.Struct, frozen=True):
    """An item that is no event we can read: its id, if that much could be read, and the cause."""

    id: str | None
    cause: str


_event = from_json(Event)
_plain_event = from_plain(Event)
_any = from_json(object)
_id_only = from_json(dict[str, msgspec.Raw])
_text = from_json(str)

# Fields that decide nothing, by the type they have when they are well: with another type they are passed over.
_DECORATIVE: dict[str, type] = {
    "accessCode": str,
    "attendeesOmitted": bool,
    "displayName": str,
    "etag": str,
    "eventType": str,
    "iconUri": str,
    "label": str,
    "meetingCode": str,
    "name": str,
    "notes": str,
    "optional": bool,
    "passcode": str,
    "password": str,
    "pin": str,
    "regionCode": str,
    "resource": bool,
    "responseStatus": str,
    "updated": str,
}


def read_event(raw: bytes | msgspec.Raw) -> Event | Unreadable:
    """Decode one item; never raises on bad bytes, so that one bad event does not hold back the rest."""
    try:
        return _event(raw)
    except UNDECODABLE:
        return _read_leniently(raw)


def _read_leniently(raw: bytes | msgspec.Raw) -> Event | Unreadable:
    """Once more, without nulls and without what is wrong but decides nothing; slower, and hardly ever needed."""
    try:
        return _plain_event(_sound(_any(raw)))
    except UNDECODABLE as error:
        return Unreadable(_read_id(raw), _cause(error))


def _sound(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sound(item) for key, item in value.items() if _counts(key, item)}
    if isinstance(value, list):
        return [_sound(item) for item in value if item is not None]
    return value


def _counts(key: str, item: object) -> bool:
    return item is not None and isinstance(item, _DECORATIVE.get(key, object))


def _read_id(raw: bytes | msgspec.Raw) -> str | None:
    try:
        return _text(_id_only(raw)["id"]) or None
    except (*UNDECODABLE, KeyError):
        return None


def _cause(error: Exception) -> str:
    # msgspec names the path and the expected type, never the value: safe to log.
    return str(error) if isinstance(error, msgspec.MsgspecError) else "no readable JSON"
