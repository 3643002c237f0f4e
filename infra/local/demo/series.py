"""A weekly series: one occurrence moved, one cancelled, then the whole renamed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from infra.local.demo.step import Shown, Step, Stopwatch
from infra.local.demo.world import Json, World, asking, when

WEEKLY = "RRULE:FREQ=WEEKLY;COUNT=6"


def series(world: World) -> Shown:
    """One meeting holds the series; its exceptions are right, before and after the series is renamed."""
    start = world.at(10, 9)
    event = world.person.insert(asking("Weekly", start, recurrence=[WEEKLY]))["id"]
    meeting = world.until("the series gets its meeting", lambda: world.joined(event))["id"]
    second, third = (start + timedelta(weeks=weeks) for weeks in (1, 2))
    later = second + timedelta(hours=3)
    world.person.patch(occurrence(event, second), start=when(later), end=when(later + timedelta(minutes=45)))
    world.person.delete(occurrence(event, third))
    wanted = {instant(second): (instant(later), False), instant(third): (None, True)}
    world.until("the exceptions reach the meeting", lambda: exceptions(world, meeting) == wanted)
    world.person.patch(event, summary="Weekly, renamed")
    since = Stopwatch()
    world.until("the new title reaches the meeting", lambda: world.meeting_is(meeting, title="Weekly, renamed"))
    ms = since.ms
    world.until("the exceptions are kept", lambda: exceptions(world, meeting) == wanted)
    return Shown("a weekly series: one moved, one cancelled, all renamed", "one meeting, both exceptions right", ms)


def occurrence(event: str, original_start: datetime) -> str:
    """The id of one occurrence of a series."""
    return f"{event}_{original_start.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def instant(moment: datetime) -> datetime:
    """The same moment, comparable with what the provider tells."""
    return moment.astimezone(UTC)


def exceptions(world: World, meeting: str) -> dict[datetime, tuple[datetime | None, bool]]:
    """Each changed occurrence of a meeting: its original start, its new one, and whether it is cancelled."""
    meeting_now = world.vendor.meeting(meeting) or {"exceptions": []}
    return {_read(one["original_start"]): _changed(one) for one in meeting_now["exceptions"]}


def _changed(one: Json) -> tuple[datetime | None, bool]:
    cancelled = bool(one.get("cancelled"))
    return (None if cancelled else _read(one["start"]), cancelled)


def _read(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


STEPS = (Step("series", "a series and its exceptions follow", series),)
