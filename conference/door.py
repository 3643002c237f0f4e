"""When the door of a meeting's room stands open: from a little before each date of its event until a little after.

Rooms of their own know no times (https://janus.conf.meetecho.com/docs/videoroom.html); the calendar's hold for them.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from conference import text
from conference.event import Event
from conference.recurrence import occurrences_until
from conference.series import live_exceptions
from conference.slot import DAY, Occurrence, Slot, midnight, slot_of

BEFORE = timedelta(minutes=15)
AFTER = timedelta(minutes=30)
NEAR, FAR = timedelta(days=35), timedelta(days=5 * 366)
"""How far ahead the next date of a series is looked for: first near, for that is soon done; then as far as it pays."""


class Door(enum.Enum):
    """How the door stands."""

    EARLY = "early"
    OPEN = "open"
    OVER = "over"
    CANCELLED = "cancelled"


class Date(msgspec.Struct, frozen=True):
    """One time at which the meeting takes place, under the title it then has."""

    slot: Slot
    title: str

    @property
    def opens(self) -> datetime:
        """From when on people are let in."""
        return self.slot.start - BEFORE

    @property
    def closes(self) -> datetime:
        """From when on nobody is let in any more."""
        return self.slot.end + AFTER

    def door(self, now: datetime) -> Door:
        """How the door stands for this date."""
        if now < self.opens:
            return Door.EARLY
        return Door.OPEN if now < self.closes else Door.OVER


class Standing(msgspec.Struct, frozen=True):
    """How the door stands now and for which date; `called_off` is the cancelled date that would be open now."""

    door: Door
    title: str
    date: Date | None = None
    called_off: Slot | None = None


def standing(event: Event, exceptions: Iterable[Occurrence], zone: ZoneInfo, now: datetime) -> Standing:
    """The date that counts at `now`: the one under way, else one that is open, else the next, else the last.

    `zone` is the calendar's. Raises Poison if a time or a recurrence line is missing or cannot be read.
    """
    title = text.title(event.summary)
    if event.cancelled:
        return Standing(Door.CANCELLED, title)
    slot = slot_of(event, zone)
    if not event.recurrence:
        date = Date(slot, title)
        return Standing(date.door(now), title, date)
    known = live_exceptions(event.recurrence, slot, exceptions)
    near = _next_of_series(event.recurrence, Date(slot, title), known, now)
    called_off = _called_off(slot, known, now)
    if near is None:
        return Standing(Door.CANCELLED, title, called_off=called_off)
    return Standing(near.door(now), near.title, near, called_off)


def chosen(dates: Sequence[Date], now: datetime) -> Date | None:
    """The date that counts at `now`, as `standing` promises; None of none."""
    open_ones = [date for date in dates if date.door(now) is Door.OPEN]
    under_way = [date for date in open_ones if date.slot.start <= now < date.slot.end]
    if open_ones:
        # Back to back, the earlier one's lobby and the later one's overlap: whoever comes now means the later.
        return max(under_way or open_ones, key=_order)
    ahead = [date for date in dates if date.door(now) is Door.EARLY]
    return min(ahead, key=_order) if ahead else max(dates, key=_order, default=None)


def _next_of_series(lines: Sequence[str], first: Date, exceptions: Sequence[Occurrence], now: datetime) -> Date | None:
    def within(horizon: timedelta) -> Date | None:
        starts = occurrences_until(lines, first.slot, now + horizon)
        return chosen(_dates(starts, first, exceptions), now)

    near = within(NEAR)
    return within(FAR) if near is None or near.door(now) is Door.OVER else near


def _dates(starts: Iterable[datetime], first: Date, exceptions: Sequence[Occurrence]) -> list[Date]:
    apart = {exception.original_start for exception in exceptions}
    plain = [Date(_moved_to(first.slot, start), first.title) for start in starts if start not in apart]
    return plain + [Date(one.slot, one.title or first.title) for one in exceptions if one.slot is not None]


def _moved_to(slot: Slot, start: datetime) -> Slot:
    """The same slot at another start; whole days stay whole where clocks shift."""
    if not whole_days(slot):
        return Slot(start, start + (slot.end - slot.start), slot.zone)
    days = round((slot.end - slot.start) / DAY)
    return Slot(start, midnight(start + days * DAY + DAY / 2, slot.zone_info), slot.zone)


def whole_days(slot: Slot) -> bool:
    """True if it goes from a midnight to a midnight of its zone."""
    return all(instant == midnight(instant, slot.zone_info) for instant in (slot.start, slot.end))


def _called_off(slot: Slot, exceptions: Iterable[Occurrence], now: datetime) -> Slot | None:
    cancelled = [_moved_to(slot, one.original_start) for one in exceptions if one.slot is None]
    return next((one for one in cancelled if Date(one, "").door(now) is Door.OPEN), None)


def _order(date: Date) -> tuple[datetime, datetime, str]:
    return date.slot.start, date.slot.end, date.title
