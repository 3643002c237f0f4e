"""Google's sample as it stands, line by line and without a correction: what a port must not be.

Authority: https://developers.google.com/workspace/add-ons/calendar/conferencing/sync-calendar-changes
A missing property of JavaScript's is a KeyError here, where JavaScript's is a TypeError as soon as it is looked into.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from examples.rooms import Rooms, Wish
from functions import script

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LiteralSample:
    """The sample; "use the third-party API" is done with rooms."""

    rooms: Rooms
    now: Callable[[], datetime]

    def register(self, handlers: script.Registry) -> None:
        """Make its handler known."""
        handlers.handler("syncEvents")(self.sync_events)

    def initialize_syncing(self, calendar_id: str) -> None:
        """InitializeSyncing."""
        self.create_sync_trigger(calendar_id)
        self.sync_events({"calendarId": calendar_id})

    def create_sync_trigger(self, calendar_id: str) -> None:
        """CreateSyncTrigger."""
        for trigger in script.get_project_triggers():
            if trigger.get_trigger_source_id() == calendar_id:
                return
        script.new_trigger("syncEvents").for_user_calendar(calendar_id).on_event_updated().create()

    def sync_events(self, e: Any) -> None:
        """SyncEvents."""
        calendar_id = e["calendarId"]
        properties = script.get_user_properties()
        sync_token = properties.get_property("syncToken")
        options: dict[str, Any]
        if sync_token:
            options = {"syncToken": sync_token}
        else:
            now = self.now()
            yesterday = now - timedelta(days=1)
            options = {
                "timeMin": now.astimezone(UTC).isoformat(),
                "updatedMin": yesterday.astimezone(UTC).isoformat(),
                "maxResults": 50,
                "orderBy": "updated",
            }
        page_token = None
        while True:
            try:
                options["pageToken"] = page_token
                events = script.Calendar.events.list(calendar_id, options)
            except script.CalendarApiError as err:
                if err.message == "Sync token is no longer valid, a full sync is required.":
                    properties.delete_property("syncToken")
                    self.sync_events(e)
                    return
                raise RuntimeError(err.message) from None
            for event in events.get("items", []):
                if self.event_has_conference(event):
                    self.update_conference(event, event["conferenceData"]["conferenceId"])
            page_token = events.get("nextPageToken")
            if not page_token:
                break
        if events.get("nextSyncToken"):
            properties.set_property("syncToken", events["nextSyncToken"])

    def event_has_conference(self, event: Event) -> bool:
        """EventHasConference."""
        name = event["conferenceData"]["conferenceSolution"].get("name") or None
        return name in {"My Web Conference", "My Recorded Web Conference"}

    def update_conference(self, event: Event, conference_id: str) -> None:
        """UpdateConference."""
        if event["status"] == "cancelled" or self.event_has_conference(event):
            self.rooms.delete(conference_id)
        else:
            self.rooms.update(conference_id, Wish.of(event))
