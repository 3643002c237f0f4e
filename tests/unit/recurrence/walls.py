"""Wall times, the series that begin at them, and the days on which they occur."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from conference.recurrence import occurrences_among
from conference.slot import Slot

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
ZURICH = "Europe/Zurich"


def slot(start: str, zone: str = BERLIN) -> Slot:
    """An hour from a wall time on."""
    begins = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return Slot(begins, begins + timedelta(hours=1), zone)


def day(start: str, zone: str = BERLIN) -> Slot:
    """A whole day."""
    begins = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone))
    return Slot(begins.astimezone(UTC), (begins + timedelta(days=1)).astimezone(UTC), zone)


def at(wall: str, zone: str = BERLIN) -> datetime:
    """The instant of a wall time."""
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


MORNING = slot("2026-03-02T09:00")  # a Monday; clocks go forward on 29 March, back on 25 October


def days_of(lines: list[str], begins: Slot, days: int = 400) -> list[str]:
    """The days, out of so many, on which the series occurs at the wall time of its start."""
    zone = ZoneInfo(begins.zone)
    first = begins.start.astimezone(zone).replace(tzinfo=None)
    walls = [first + timedelta(days=number) for number in range(days)]
    found = occurrences_among(lines, begins, [wall.replace(tzinfo=zone) for wall in walls])
    return [f"{wall:%Y-%m-%d}" for wall in walls if wall.replace(tzinfo=zone).astimezone(UTC) in found]
