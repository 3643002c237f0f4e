"""Google's documented sample of an add-on that keeps conferences in step, function by function, and right.

Authority: https://developers.google.com/workspace/add-ons/calendar/conferencing/sync-calendar-changes
Where a line differs from the sample, a comment says what the sample's own would do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from examples.rooms import (
    Event,
    Room,
    Rooms,
    Wish,
    conference_data,
    conference_id,
    follow_move,
    look_up,
    no_conference,
    show,
)
from functions import script
from functions.script.conferences import Conference

COOLDOWN = 60


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ConferencingSample:
    """The sample; its functions are methods, so that the conferencing service and the clock can be given."""

    rooms: Rooms
    now: Callable[[], datetime] = _now
    page: int = 50

    def register(self, handlers: script.Registry) -> None:
        """Make its handlers known."""
        handlers.handler("sync_events")(self.sync_events)
        handlers.handler("first_sync")(self.first_sync)

    # ---- Keeping conferences in step ----

    def initialize_syncing(self, calendar_id: str, *_: object) -> None:
        """Initializes syncing of conference data, by a sync trigger and a sync token if either does not exist yet."""
        canonical = self.create_sync_trigger(calendar_id)
        if script.get_user_properties().get_property(f"syncToken:{canonical}") is None:
            # The sample lists the calendar here and now, within the thirty seconds that an add-on has.
            script.new_trigger("first_sync").time_based().after(0).ensure()

    def create_sync_trigger(self, calendar_id: str) -> str:
        """Creates a sync trigger if it does not exist yet; the calendar's real id."""
        for trigger in script.get_user_triggers(calendar_id):
            # The sample takes any handler's trigger on this calendar for its own.
            if trigger.handler_function == "sync_events":
                return str(trigger.trigger_source_id)
        made = script.new_trigger("sync_events").for_user_calendar(calendar_id).on_event_updated().create()
        return str(made.trigger_source_id)

    def first_sync(self) -> None:
        """Performs an event sync of each calendar that has no sync token yet, to create it."""
        for calendar_id in _followed():
            if script.get_user_properties().get_property(f"syncToken:{calendar_id}") is None:
                self.sync_events(script.EventUpdated(calendar_id))

    def sync_events(self, e: script.EventUpdated) -> None:
        """Sync events for the given calendar; this is the syncing trigger function."""
        calendar_id = e["calendarId"]
        properties = script.get_user_properties()
        # The sample has one token for all calendars, and no lock.
        key = f"syncToken:{calendar_id}"
        with script.get_user_lock():
            sync_token = properties.get_property(key)
            try:
                newer = self._sync(e, calendar_id, sync_token)
            except script.CalendarApiError as error:
                # The sample compares a text that is never raised, would begin anew for ever, and raises another error.
                if not error.token_invalid or sync_token is None or _dropped_lately(calendar_id):
                    raise
                newer = self._sync(e, calendar_id, None)
            # A run that was overtaken does not put its older token over the newer one.
            properties.update(key, lambda current: newer if current == sync_token else current)

    def event_has_conference(self, event: Event) -> bool:
        """Returns true if the specified event has an associated conference of the type managed by this add-on."""
        # The sample goes by the name that users see, and fails at events without one.
        own = event.get("organizer", {"self": True}).get("self") is True
        room = conference_id(event)
        return own and room is not None and bool(script.conferences.holding(room))

    def update_conference(self, calendar_id: str, event: Event) -> None:
        """Update a conference based on new Google Calendar event information."""
        if "recurringEventId" in event:
            return  # an occurrence has its series' conference
        known = script.conferences.find(calendar_id, event["id"])
        # The sample deletes the conference of every event that still has one.
        ours = event.get("status") != "cancelled" and self.event_has_conference(event)
        room = conference_id(event) if ours else None
        if known is not None and known.conference_id != room:
            # A deleted event does not tell whose it was: what was noted does.
            follow_move(known, _followed())
            script.conferences.release(calendar_id, event["id"], self._delete)
            known = None
        if room is None:
            return
        first = min(script.conferences.holding(room), key=lambda one: (one.since, one.event_id))
        if known is None:
            script.conferences.attach(calendar_id, event, room, agreed=first.agreed)
        elif known == first and known.agreed != (wish := Wish.of(event)).digest():
            shown = show(calendar_id, event, self.rooms.update(room, wish))
            script.conferences.attach(calendar_id, shown, room, agreed=wish.digest())

    # ---- Creating conferences ----

    def create_conference(self, arg: Mapping[str, Any]) -> script.ConferenceData:
        """Creates a conference, then builds and returns a ConferenceData object with the corresponding information."""
        calendar_id, event_id = arg["eventData"]["calendarId"], arg["eventData"]["eventId"]
        try:
            # The sample takes every error for an event that does not exist just yet.
            event = look_up(calendar_id, event_id) or {"id": event_id}
            room = self.create_3rd_party_conference(calendar_id, event)
            self.initialize_syncing(calendar_id, event_id, room.id)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the user reads that there is no conference
            return no_conference(error)
        # The sample has a phone even where there is no number, and does not name the solution.
        return conference_data(room)

    def create_3rd_party_conference(self, calendar_id: str, event: Event) -> Room:
        """Creates a conference on the third-party service; the one that the event has already, if it has."""
        known = script.conferences.find(calendar_id, event["id"])
        if known is not None and not known.releasing:
            return self.rooms.look(known.conference_id)
        wish = Wish.of(event)
        room = self.rooms.create(f"{script.current_user()}/{event['id']}", wish)
        script.conferences.attach(calendar_id, event, room.id, agreed=wish.digest())
        return room

    # ---- What the sample leaves out ----

    def _sync(self, e: script.EventUpdated, calendar_id: str, sync_token: str | None) -> str:
        """Read through the events of all pages; the next sync token."""
        options: dict[str, Any] = {"syncToken": sync_token, "showDeleted": True, "maxResults": self.page}
        unseen: dict[str, Conference] = {}
        if sync_token is None:
            # The sample asks for orderBy and updatedMin too, and then gets no sync token.
            options["timeMin"] = self.now().isoformat()
            unseen = {one.event_id: one for one in script.conferences.in_calendar(calendar_id)}
        linked = frozenset(unseen)
        brought = {change.id: change.event for change in e.changes}
        while True:
            events = script.Calendar.events.list(calendar_id, options)
            for event in events.get("items", []):
                unseen.pop(event["id"], None)
                brought.pop(event["id"], None)
                if sync_token or event["id"] in linked or self._recent(event):
                    self._try(e, event)
            if "nextPageToken" not in events:
                break
            options = {**options, "pageToken": events["nextPageToken"]}
        for event in brought.values():
            self._try(e, event)  # an earlier run has set it aside, so it is in no later list
        for known in unseen.values():
            self._missing(e, known)
        return str(events["nextSyncToken"])

    def _try(self, e: script.EventUpdated, event: Event) -> None:
        """Update an event's conference; if that fails, the event is tried again alone."""
        try:
            self.update_conference(e["calendarId"], event)
        except Exception as error:
            if e.trigger_uid is None:
                raise  # called by hand: nobody would bring the event again
            script.set_aside(event, error)

    def _missing(self, e: script.EventUpdated, known: Conference) -> None:
        """Look up an event that a full list does not show: it may be gone, or only over, or not saved yet."""
        if known.etag is not None:
            gone = {"id": known.event_id, "status": "cancelled"}
            self._try(e, look_up(known.calendar_id, known.event_id) or gone)

    def _recent(self, event: Event) -> bool:
        updated = event.get("updated")
        return updated is not None and datetime.fromisoformat(updated) > self.now() - timedelta(days=1)

    def _delete(self, conference: Conference) -> None:
        self.rooms.delete(conference.conference_id)


def _followed() -> list[str]:
    triggers = script.get_project_triggers()
    return [str(one.trigger_source_id) for one in triggers if one.handler_function == "sync_events"]


def _dropped_lately(calendar_id: str) -> bool:
    """Whether this calendar's token was dropped a moment ago already: then the next full pass can wait."""
    cache, key = script.get_user_cache(), f"dropped:{calendar_id}"
    lately = cache.get(key) is not None
    cache.put(key, "yes", COOLDOWN)
    return lately
