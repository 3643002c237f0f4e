"""The conferencing service of the examples: what a handler asks of it, and how a room looks in Calendar.

Authority: https://developers.google.com/workspace/add-ons/calendar/conferencing/create-conferences
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from typing import Any, Protocol

from functions import script
from functions.script.conferences import Conference

SOLUTION = "1"
"""The conference solution's id in the add-on's manifest."""
GONE = frozenset({403, 404, 410})

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a room is to be like; all of it empty while the event has not been saved."""

    title: str = ""
    start: str = ""
    end: str = ""
    recurrence: tuple[str, ...] = ()

    @classmethod
    def of(cls, event: Event) -> Wish:
        """What the event wishes."""
        start, end = (event.get(name) or {} for name in ("start", "end"))
        return cls(
            title=str(event.get("summary") or ""),
            start=str(start.get("dateTime") or start.get("date") or ""),
            end=str(end.get("dateTime") or end.get("date") or ""),
            recurrence=tuple(event.get("recurrence") or ()),
        )

    def digest(self) -> str:
        """What is noted of a wish once the room is so: equal for equal wishes, and it tells nobody a title."""
        return hashlib.sha256(json.dumps(astuple(self)).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Room:
    """A room, and the ways in."""

    id: str
    video_uri: str
    video_passcode: str = ""
    phone_number: str = ""
    phone_pin: str = ""
    admin_email: str = "rooms@example.com"
    legal_notice: str = ""


class SignInRequired(Exception):
    """The user must sign in to the conferencing service first."""

    def __init__(self, url: str) -> None:
        super().__init__("the user must sign in first")
        self.url = url


class Rooms(Protocol):
    """The conferencing service. Each call may be repeated; any of them may raise."""

    def create(self, key: str, wish: Wish) -> Room:
        """Make a room; the same one again for the same key, as long as it stands. Raises SignInRequired."""

    def look(self, room: str) -> Room:
        """The room as it stands."""

    def update(self, room: str, wish: Wish) -> Room:
        """Make a room as wished; the room as it is then, for its ways in may be others."""

    def delete(self, room: str) -> None:
        """Take a room away; one that is gone already is no error."""


def conference_data(room: Room) -> script.ConferenceData:
    """The room as a conference; it has a phone only if there is a number."""
    video = script.new_entry_point().set_entry_point_type(script.EntryPointType.VIDEO).set_uri(room.video_uri)
    if room.video_passcode:
        video.set_passcode(room.video_passcode)
    admin = script.new_conference_parameter().set_key("adminEmail").set_value(room.admin_email)
    builder = script.new_conference_data_builder().set_conference_id(room.id).set_conference_solution_id(SOLUTION)
    builder.add_entry_point(video).add_conference_parameter(admin)
    if room.legal_notice:
        builder.set_notes(room.legal_notice)
    if room.phone_number:
        phone = script.new_entry_point().set_entry_point_type(script.EntryPointType.PHONE)
        phone.set_uri(f"tel:+{room.phone_number}")
        builder.add_entry_point(phone.set_pin(room.phone_pin) if room.phone_pin else phone)
    return builder.build()


def no_conference(error: Exception) -> script.ConferenceData:
    """What the user reads instead of a conference: sign in first, or try again."""
    told = script.new_conference_error()
    if isinstance(error, SignInRequired):
        told.set_conference_error_type(script.ConferenceErrorType.AUTHENTICATION).set_authentication_url(error.url)
    else:
        told.set_conference_error_type(script.ConferenceErrorType.TEMPORARY)
    return script.new_conference_data_builder().set_error(told).build()


def conference_id(event: Event) -> str | None:
    """The id of an event's conference if an add-on made that; events, and conferences that are pending, may lack it."""
    data = event.get("conferenceData") or {}
    key = (data.get("conferenceSolution") or {}).get("key") or {}
    return data.get("conferenceId") if key.get("type") == "addOn" else None


def look_up(calendar_id: str, event_id: str) -> Event | None:
    """The event as it stands; None if there is none, or not yet. Any other trouble is raised."""
    try:
        return script.Calendar.events.get(calendar_id, event_id)
    except script.CalendarApiError as error:
        if error.status not in {404, 410}:
            raise
        return None


def show(calendar_id: str, event: Event, room: Room) -> Event:
    """Write the ways into the room into its event, if they are others than before; the event as it is then.

    Nobody's edit is overwritten: if there was one since, the call is refused (412), and the change is tried again.
    """
    data = conference_data(room).to_calendar()
    if data["entryPoints"] == event["conferenceData"].get("entryPoints"):
        return event
    options = {"conferenceDataVersion": 1, "sendUpdates": "none"}
    headers = {"If-Match": event["etag"]}
    return script.Calendar.events.patch({"conferenceData": data}, calendar_id, event["id"], options, headers)


def follow_move(known: Conference, calendars: Iterable[str | None]) -> None:
    """Before an event lets go of its room: if it is in another of these calendars by now, that one holds the room."""
    for calendar_id in calendars:
        if calendar_id is None or calendar_id == known.calendar_id or known.ical_uid is None:
            continue
        try:
            found = script.Calendar.events.list(calendar_id, {"iCalUID": known.ical_uid}).get("items", [])
        except script.CalendarApiError as error:
            if error.status not in GONE:
                raise
            continue
        for event in found:
            if conference_id(event) == known.conference_id:
                script.conferences.attach(calendar_id, event, known.conference_id, agreed=known.agreed)
