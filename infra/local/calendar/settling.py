"""Create requests that were answered `pending` succeed a little later, which is a second change of the event.

Authority: https://developers.google.com/workspace/calendar/api/guides/create-events (contract 8.2)
"""

from __future__ import annotations

from datetime import datetime

from infra.local.calendar.calendar import Calendar
from infra.local.calendar.conferencing import awaits, made
from infra.local.calendar.events import with_hangout_link
from infra.local.calendar.people import organized_by
from infra.local.calendar.record import Record
from infra.local.calendar.upkeep import follow
from infra.local.calendar.world import World


def settle(world: World, now: datetime) -> None:
    """Let every create request succeed whose time has come; guests' copies follow their main copy."""
    if not world.pending:
        return
    due = sorted(key for key, moment in world.pending.items() if moment <= now)
    for calendar_id, event_id in due:
        del world.pending[calendar_id, event_id]
        calendar = world.calendars.get(calendar_id)
        record = calendar.records.get(event_id) if calendar is not None else None
        if calendar is not None and record is not None and _still_waits(calendar, record):
            _succeed(world, calendar, record)


def _still_waits(calendar: Calendar, record: Record) -> bool:
    ours = organized_by(record.body, calendar) or bool(record.body.get("privateCopy"))
    return ours and not record.cancelled and awaits(record.body)


def _succeed(world: World, calendar: Calendar, record: Record) -> None:
    data = made(record.body["conferenceData"]["createRequest"], world.random)
    follow(
        world, calendar, record.body, world.write(calendar, with_hangout_link({**record.body, "conferenceData": data}))
    )
