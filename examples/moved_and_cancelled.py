"""Tell a channel of moved and cancelled events: a note to a webhook for each event that somebody chose.

An event is chosen by its private property `notify` being "yes"; the webhook takes `{"text": …}`, as most chats do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from functions import script

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MovedAndCancelled:
    """Notes about events that were chosen, to one webhook; a note that cannot be posted is tried again, alone."""

    client: httpx.Client
    webhook: str

    def register(self, handlers: script.Registry) -> None:
        """Make its handler known."""
        handlers.handler("post_notes")(self.post_notes)

    def follow(self, calendar_id: str) -> script.Trigger:
        """Post notes about this calendar of the current user."""
        trigger = script.new_trigger("post_notes").for_user_calendar(calendar_id).on_event_updated()
        return trigger.only(fields=("start", "end"), own_copies=True).ensure()

    def post_notes(self, e: script.EventUpdated) -> None:
        """The handler."""
        for change in e.changes:
            text = note(change)
            if text is None:
                continue
            # Delivery is at least once: the same change has the same key, for webhooks that know it again.
            key = f"{change.id} {change.event.get('etag', change.kind)}".encode().hex()
            try:
                self.client.post(self.webhook, json={"text": text}, headers={"Idempotency-Key": key}).raise_for_status()
            except httpx.HTTPError as error:
                script.set_aside(change, error)


def note(change: script.Change) -> str | None:
    """What to say of a change; None if its event was not chosen, or has neither moved nor been cancelled."""
    before = change.before
    if before is None or not _chosen(before) or before.get("status") == "cancelled":
        return None
    title = before.get("summary") or "An event"
    if change.kind is script.Kind.CANCELLED:
        return f"{title} ({_when(before)}) is cancelled."
    if _when(before) == _when(change.event):
        return None
    return f"{title} has moved: it was {_when(before)}, and is {_when(change.event)}."


def _chosen(event: Event) -> bool:
    properties = event.get("extendedProperties") or {}
    return (properties.get("private") or {}).get("notify") == "yes"


def _when(event: Event) -> str:
    start, end = (event.get(name) or {} for name in ("start", "end"))
    first, last = (str(one.get("dateTime") or one.get("date") or "?") for one in (start, end))
    return f"{first} to {last}"
