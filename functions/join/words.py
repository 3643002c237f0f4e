"""What the join page says of a room, as people read it: in the event's own zone; pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from conference.door import Date, Door, Standing, whole_days
from conference.slot import Slot
from conference.text import UNTITLED
from functions.console.words import day, span
from functions.join.room import Why


class Shown(msgspec.Struct, frozen=True):
    """Everything that is said; `wait` is the seconds until the door opens, and 0 if it will not or already has."""

    state: str
    title: str
    says: str
    when: str = ""
    zone: str = ""
    note: str = ""
    wait: int = 0

    @property
    def open(self) -> bool:
        """Whether people are let in."""
        return self.state == Door.OPEN.value


def shown(found: Standing | Why, now: datetime) -> Shown:
    """The words for how a door stands."""
    if found is Why.RELEASED:
        return Shown("released", "This link is out of date", "Its event has another way to join by now, or none.")
    if found is Why.UNREADABLE:
        return Shown("unreadable", "This meeting", "When it takes place cannot be told: look into the calendar.")
    if found.date is None:
        title = "This meeting" if found.title == UNTITLED else found.title
        return Shown(found.door.value, title, "It was cancelled.")
    return _dated(found, found.date, now)


def _dated(found: Standing, date: Date, now: datetime) -> Shown:
    said = Shown(
        state=found.door.value,
        title=found.title,
        says=_says(date, found.door, now),
        when=_when(date.slot, now),
        zone=date.slot.zone,
        note=f"The date of {_when(found.called_off, now)} was cancelled." if found.called_off else "",
    )
    if found.door is Door.EARLY:
        return msgspec.structs.replace(said, wait=max(1, int((date.opens - now).total_seconds()) + 1))
    return said


def _says(date: Date, door: Door, now: datetime) -> str:
    if door is Door.EARLY:
        return f"The room opens {_at(date.opens, date.slot, now)}."
    if door is Door.OPEN:
        return f"The room is open until {_at(date.closes, date.slot, now).removeprefix('at ')}."
    return "It is over."


def _at(instant: datetime, slot: Slot, now: datetime) -> str:
    """The hour; with its day if that is not today."""
    local, today = instant.astimezone(slot.zone_info), now.astimezone(slot.zone_info)
    hour = f"{local:%H:%M}"
    return f"at {hour}" if local.date() == today.date() else f"on {day(local, now)} at {hour}"


def _when(slot: Slot, now: datetime) -> str:
    return span(slot, slot.zone_info, now, all_day=whole_days(slot))
