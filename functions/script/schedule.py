"""When a clock trigger fires: pure arithmetic over its builder's calls, its id, and the instant it was made.

Authority: https://developers.google.com/apps-script/reference/script/clock-trigger-builder
What Google leaves open is ruled by RFC 5545 (https://www.rfc-editor.org/rfc/rfc5545): a local time that does not
exist is read with the offset before the gap, one that exists twice is the first. Slots are instants in UTC.
"""

from __future__ import annotations

import hashlib
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import count
from zoneinfo import ZoneInfo

import msgspec

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


class Overlap(StrEnum):
    """What becomes of a fire while the trigger's previous run has not ended; named as in Temporal's schedules."""

    SKIP = "skip"
    BUFFER_ONE = "buffer_one"
    ALLOW_ALL = "allow_all"


class After(msgspec.Struct, frozen=True, tag="after"):
    """Once, so many seconds after the trigger was made."""

    seconds: float


class At(msgspec.Struct, frozen=True, tag="at"):
    """Once, at this instant, in seconds since the epoch."""

    instant: float


class OnDate(msgspec.Struct, frozen=True, tag="on_date"):
    """Once, on this local date."""

    year: int
    month: int
    day: int


class Interval(msgspec.Struct, frozen=True, tag="interval"):
    """Every so many elapsed minutes, whatever the clocks do."""

    minutes: int


class Days(msgspec.Struct, frozen=True, tag="days"):
    """Every so many local dates."""

    every: int


class Weeks(msgspec.Struct, frozen=True, tag="weeks"):
    """Every so many weeks, on a weekday (0 is Monday; None: that of the local date on which the trigger was made)."""

    every: int
    weekday: int | None = None


class MonthDay(msgspec.Struct, frozen=True, tag="month_day"):
    """Every month that has this day; -1 is the last one."""

    day: int


When = After | At | OnDate | Interval | Days | Weeks | MonthDay


@dataclass(frozen=True, slots=True)
class Late:
    """Of the slots that have passed: the latest, and how many earlier ones it stands for."""

    slot: datetime
    missed: int


class Schedule(msgspec.Struct, frozen=True, omit_defaults=True):
    """A clock trigger's schedule as asked for; two equal ones are the same schedule."""

    when: When
    hour: int | None = None
    minute: int | None = None
    """Near which minute of the hour; without it the trigger's id draws one."""
    zone: str = "UTC"
    exact: bool = False
    """No jitter, and minute 0 where none is asked."""
    overlap: Overlap = Overlap.SKIP
    catch_up: bool = True
    """Whether a run is made up for when everything stood still at its time."""

    @property
    def once(self) -> bool:
        """Whether it fires a single time."""
        return isinstance(self.when, After | At | OnDate)

    def first(self, unique_id: str, created: datetime) -> datetime | None:
        """The first slot: after the creation, or at it for a single one that was past already."""
        if self.once:
            slot = self._single(unique_id, created)
            return None if slot is None else max(slot, created.astimezone(UTC))
        return self.next(unique_id, created, created)

    def next(self, unique_id: str, created: datetime, after: datetime) -> datetime | None:
        """The first slot later than `after`; None if there is none before the year 10000."""
        if self.once:
            slot = self.first(unique_id, created)
            return slot if slot is not None and slot > after else None
        return next(self._slots(unique_id, created, max(after, created)), None)

    def fires(self, unique_id: str, created: datetime) -> Iterator[datetime]:
        """All slots in order, from the creation on."""
        slot = self.first(unique_id, created)
        while slot is not None:
            yield slot
            slot = self.next(unique_id, created, slot)

    def late(self, unique_id: str, created: datetime, start: datetime | None, now: datetime) -> Late | None:
        """The slots from the slot `start` up to `now`, as one; None if there is none."""
        if start is None or start > now:
            return None
        if isinstance(self.when, Interval):
            step = self.when.minutes * MINUTE
            missed = (now - start) // step
            return Late(start + missed * step, missed)
        slots = [start, *self._between(unique_id, created, start, now)]
        return Late(slots[-1], len(slots) - 1)

    def _between(self, unique_id: str, created: datetime, start: datetime, now: datetime) -> Iterator[datetime]:
        if self.once:
            return
        for slot in self._slots(unique_id, created, start):
            if slot > now:
                return
            yield slot

    def _single(self, unique_id: str, created: datetime) -> datetime | None:
        try:
            match self.when:
                case After(seconds):
                    return created.astimezone(UTC) + timedelta(seconds=seconds)
                case At(instant):
                    return datetime.fromtimestamp(instant, UTC)
                case OnDate(year, month, day):
                    return self._slot(date(year, month, day), unique_id)
        except (OverflowError, ValueError, OSError):
            return None
        return None

    def _slots(self, unique_id: str, created: datetime, after: datetime) -> Iterator[datetime]:
        """Slots later than `after`, in order; found near it, not by walking from the creation."""
        match self.when:
            case Interval(minutes):
                slots = self._ticks(minutes, unique_id, created, after)
            case Days(every):
                slots = self._dates(every, None, unique_id, created, after)
            case Weeks(every, weekday):
                on = self._local_date(created).weekday() if weekday is None else weekday
                slots = self._dates(7 * every, on, unique_id, created, after)
            case MonthDay(day):
                slots = self._months(day, unique_id, after)
            case _:
                return
        last = after
        try:
            for slot in slots:
                if slot > last:
                    last = slot
                    yield slot
        except (OverflowError, ValueError):
            # The end of the calendar, 9999-12-31.
            return

    def _ticks(self, minutes: int, unique_id: str, created: datetime, after: datetime) -> Iterator[datetime]:
        step, anchor = minutes * MINUTE, self._anchor(unique_id, created)
        passed = max(0, (after - anchor) // step)
        for tick in count(passed):
            yield anchor + tick * step

    def _anchor(self, unique_id: str, created: datetime) -> datetime:
        """What an interval is counted from: the creation cut to the minute, or the first asked minute after it."""
        if self.minute is None:
            return created.astimezone(UTC).replace(second=0, microsecond=0)
        jitter = timedelta() if self.exact else MINUTE * draw(unique_id).jitter
        zone = ZoneInfo(self.zone)
        local = (created.astimezone(UTC) - jitter).astimezone(zone)
        at = local.astimezone(UTC) - timedelta(seconds=local.second, microseconds=local.microsecond)
        while at + jitter <= created or at.astimezone(zone).minute != self.minute:
            at += MINUTE
        return at + jitter

    def _dates(
        self, step: int, weekday: int | None, unique_id: str, created: datetime, after: datetime
    ) -> Iterator[datetime]:
        # A late slot of yesterday may still be ahead.
        day = self._local_date(created) - DAY
        while self._slot(day, unique_id) <= created or weekday not in (None, day.weekday()):
            day += DAY
        steps = (self._local_date(after) - 2 * DAY - day).days // step
        for number in count(max(0, steps)):
            yield self._slot(day + number * step * DAY, unique_id)

    def _months(self, day: int, unique_id: str, after: datetime) -> Iterator[datetime]:
        start = self._local_date(after) - 2 * DAY
        for month in count(start.year * 12 + start.month - 1):
            year, index = divmod(month, 12)
            last = monthrange(year, index + 1)[1]
            if day <= last:
                yield self._slot(date(year, index + 1, last if day == -1 else day), unique_id)

    def _local_date(self, instant: datetime) -> date:
        return instant.astimezone(ZoneInfo(self.zone)).date()

    def _slot(self, day: date, unique_id: str) -> datetime:
        """The instant of the asked wall clock on a local date."""
        hour, minute, jitter = self._wall(unique_id)
        wall = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(self.zone), fold=0)
        return wall.astimezone(UTC) + jitter * MINUTE

    def _wall(self, unique_id: str) -> tuple[int, int, int]:
        drawn = Draw(0, 0) if self.exact else draw(unique_id)
        hour = self.hour or 0
        if self.minute is not None:
            return hour, self.minute, drawn.jitter
        if self.hour is None and isinstance(self.when, OnDate):
            return 0, 0, drawn.jitter
        return hour, drawn.minute, 0


@dataclass(frozen=True, slots=True)
class Draw:
    """What a trigger's id draws once and for all: a minute of the hour, and a jitter of -15 to 15 minutes."""

    minute: int
    jitter: int


def draw(unique_id: str) -> Draw:
    """A trigger's own minute and jitter."""
    digest = hashlib.sha256(unique_id.encode()).digest()
    return Draw(int.from_bytes(digest[0:4], "big") % 60, int.from_bytes(digest[4:8], "big") % 31 - 15)
