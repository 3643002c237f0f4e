"""The add-on of `conferencing_sample.py` in our own style: the handler is told what changed, the rest is seen to."""

from __future__ import annotations

from dataclasses import dataclass

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

FIELDS = ("summary", "start", "end", "recurrence", "conferenceData", "organizer")


@dataclass(frozen=True, slots=True)
class Conferencing:
    """Conferences of one conferencing service, kept in step."""

    rooms: Rooms

    def register(self, handlers: script.Registry) -> None:
        """Make its handler known."""
        handlers.handler("keep_in_step")(self.keep_in_step)

    def follow(self, calendar_id: str) -> script.Trigger:
        """Keep this calendar of the current user in step; a second call changes nothing."""
        trigger = script.new_trigger("keep_in_step").for_user_calendar(calendar_id).on_event_updated()
        return trigger.only(fields=FIELDS).ensure()

    def create_conference(self, calendar_id: str, event_id: str) -> script.ConferenceData:
        """A conference for an event that may not have been saved yet, or why there is none."""
        try:
            room = self._room(calendar_id, event_id)
            self.follow(calendar_id)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the user reads that there is no conference
            return no_conference(error)
        return conference_data(room)

    def keep_in_step(self, e: script.EventUpdated) -> None:
        """The handler. If a change fails, each of its run is brought again alone, and the others find no work."""
        for change in e.changes:
            self._keep(e.calendar_id, change.event)

    def _keep(self, calendar_id: str, event: Event) -> None:
        known = script.conferences.find(calendar_id, event["id"])
        room = None if event.get("status") == "cancelled" else _ours(event)
        if known is not None and known.conference_id != room:
            follow_move(known, [one.trigger_source_id for one in script.get_project_triggers()])
            script.conferences.release(calendar_id, event["id"], lambda gone: self.rooms.delete(gone.conference_id))
            known = None
        if room is None or "recurringEventId" in event:
            return
        first = min(script.conferences.holding(room), key=lambda one: (one.since, one.event_id))
        if known is None:
            script.conferences.attach(calendar_id, event, room, agreed=first.agreed)
        elif known == first and known.agreed != (wish := Wish.of(event)).digest():
            shown = show(calendar_id, event, self.rooms.update(room, wish))
            script.conferences.attach(calendar_id, shown, room, agreed=wish.digest())

    def _room(self, calendar_id: str, event_id: str) -> Room:
        known = script.conferences.find(calendar_id, event_id)
        if known is not None and not known.releasing:
            return self.rooms.look(known.conference_id)
        event = look_up(calendar_id, event_id) or {"id": event_id}
        room = self.rooms.create(f"{script.current_user()}/{event_id}", wish := Wish.of(event))
        script.conferences.attach(calendar_id, event, room.id, agreed=wish.digest())
        return room


def _ours(event: Event) -> str | None:
    """The event's room, if it is one of this user's, and this copy the organizer's."""
    own = event.get("organizer", {"self": True}).get("self") is True
    room = conference_id(event)
    return room if own and room is not None and script.conferences.holding(room) else None
