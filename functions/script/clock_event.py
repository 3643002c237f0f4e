"""What a clock trigger's handler is given: the documented fields, in UTC, and for which slot it runs.

Authority: https://developers.google.com/apps-script/guides/triggers/events#time-driven_events
Google documents weeks up to 52; ISO weeks reach 53, which is passed on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from functions.script.enums import AuthMode

_NAMES = {
    "authMode": "auth_mode",
    "triggerUid": "trigger_uid",
    "year": "year",
    "month": "month",
    "day-of-month": "day_of_month",
    "day-of-week": "day_of_week",
    "week-of-year": "week_of_year",
    "hour": "hour",
    "minute": "minute",
    "second": "second",
    "timezone": "timezone",
}


@dataclass(frozen=True, slots=True)
class ClockEvent:
    """A clock trigger's event object: attributes, and the documented names as items (`e["day-of-month"]`).

    The numbers are those of the instant at which the run starts, in UTC; `day_of_week` counts from 1, Monday.
    `scheduled_time` is the slot in the trigger's own zone, `missed` how many earlier slots this run stands for.
    """

    trigger_uid: str | None
    year: int
    month: int
    day_of_month: int
    day_of_week: int
    week_of_year: int
    hour: int
    minute: int
    second: int
    scheduled_time: datetime
    missed: int = 0
    timezone: str = "UTC"
    auth_mode: AuthMode = AuthMode.FULL

    @classmethod
    def at(cls, now: datetime, trigger: str | None, scheduled: datetime, missed: int = 0) -> ClockEvent:
        """The event of a run that starts now."""
        start = now.astimezone(UTC)
        _, week, weekday = start.isocalendar()
        return cls(
            trigger,
            start.year,
            start.month,
            start.day,
            weekday,
            week,
            start.hour,
            start.minute,
            start.second,
            scheduled,
            missed,
        )

    def __getitem__(self, name: str) -> Any:
        return getattr(self, _NAMES[name])

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __contains__(self, name: object) -> bool:
        return name in _NAMES
