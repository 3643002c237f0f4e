"""What the steps of the story act upon: a running stack, a person, both servers, and how to wait and to judge."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import httpx

from infra.local.demo.person import Person
from infra.local.demo.sides import CalendarSide, Spent, VendorSide, spent
from infra.local.keys import Keys
from infra.local.stack import Stack
from infra.settings import Settings

Json = dict[str, Any]
T = TypeVar("T")

PATIENCE = 20.0
"""Seconds until a step says that it does not happen; machines under load are slow, but not that slow."""
PAUSE = 0.01
QUIET = 0.1


class Unkept(AssertionError):
    """A promise of the story was not kept; the text says which, and what was found instead."""


@dataclass(slots=True)
class World:
    """The stage; `events` holds the ids of events that several steps speak of, `meetings` those of theirs."""

    stack: Stack
    person: Person
    calendar: CalendarSide
    vendor: VendorSide
    client: httpx.Client
    events: dict[str, str] = field(default_factory=dict)
    meetings: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """The settings of the stack."""
        return self.stack.settings

    # ---- waiting and judging

    def until(self, what: str, find: Callable[[], T | None], within: float = PATIENCE) -> T:
        """What `find` yields as soon as that is true. Raises Unkept if it takes too long."""
        deadline = time.monotonic() + within
        while True:
            found = find()
            if found:
                return found
            if time.monotonic() > deadline:
                raise Unkept(f"did not happen within {within:.0f} s: {what}")
            time.sleep(PAUSE)

    def rest(self) -> None:
        """Wait until the product has nothing left to do of what it knows."""
        quiet_since: list[float] = []

        def quiet() -> bool:
            now = time.monotonic()
            if not self._idle():
                quiet_since.clear()
            elif not quiet_since:
                quiet_since.append(now)
            return bool(quiet_since) and now - quiet_since[0] >= QUIET

        self.until("the product comes to rest", quiet)

    def settle(self) -> None:
        """Wait until the product has looked at the calendar since it was last written, by whomever, and is at rest."""
        self.until("the product sees the last change", self.calendar.looked_at)
        self.rest()

    def looked(self) -> None:
        """Wait until the product has listed the calendar since the count began, and is at rest."""
        self.until("the product looks at the calendar", lambda: self.spent().lists)
        self.settle()

    def _idle(self) -> bool:
        told = self.stack.state()
        return bool(told["ready"]) and not told["owed"] and not told["queue"]["due"] and not told["queue"]["running"]

    # ---- counting

    def count_from_here(self) -> None:
        """Forget the calls made so far."""
        self.calendar.forget()
        self.vendor.forget()

    def spent(self) -> Spent:
        """The product's calls since."""
        return spent(self.calendar.log(), self.vendor.log())

    # ---- what steps often look for

    def joined(self, event: str) -> Json | None:
        """The meeting of the event, once the event carries its join link."""
        conference = self.person.get(event).get("conferenceData", {})
        meeting = self.vendor.meeting(conference["conferenceId"]) if "conferenceId" in conference else None
        links = [entry["uri"] for entry in conference.get("entryPoints", ()) if entry["entryPointType"] == "video"]
        return meeting if meeting is not None and links == [meeting["join_url"]] else None

    def meeting_of(self, event: str) -> Json:
        """The meeting of an event that has one. Raises Unkept if it has none."""
        meeting = self.joined(event)
        if meeting is None:
            raise Unkept("the event has no meeting")
        return meeting

    def meeting_is(self, meeting_id: str, **wanted: object) -> Json | None:
        """The meeting, once it is as wanted; instants are compared as instants."""
        meeting = self.vendor.meeting(meeting_id)
        if meeting is None or any(_plain(meeting[name]) != _plain(value) for name, value in wanted.items()):
            return None
        return meeting

    def at(self, days: int, hour: int, minute: int = 0) -> datetime:
        """A time of day so many days from now, in the calendar's zone."""
        zone = ZoneInfo(self.settings.time_zone)
        day = datetime.now(zone) + timedelta(days=days)
        return day.replace(hour=hour, minute=minute, second=0, microsecond=0)


def expect(what: str, found: object, wanted: object) -> None:
    """Return if both are equal. Raises Unkept."""
    if found != wanted:
        raise Unkept(f"{what}: {found!r} instead of {wanted!r}")


def asking(title: str, start: datetime, minutes: int = 30, *, provider: str = "http", **more: Any) -> Json:
    """An event that asks for a conference of ours, as an add-on would write it."""
    wish = {
        "conferenceSolution": {"key": {"type": "addOn"}, "name": "Lockstep"},
        "entryPoints": [{"entryPointType": "video", "uri": "https://lockstep.invalid/pending"}],
        "parameters": {"addOnParameters": {"parameters": {"lockstep": provider}}},
    }
    return {**ordinary(title, start, minutes), "conferenceData": wish, **more}


def ordinary(title: str, start: datetime, minutes: int = 30) -> Json:
    """An event without a conference."""
    return {"summary": title, "start": when(start), "end": when(start + timedelta(minutes=minutes))}


def when(instant: datetime) -> Json:
    """An instant as an event holds it."""
    return {"dateTime": instant.isoformat(), "timeZone": str(instant.tzinfo)}


@contextmanager
def stage(stack: Stack) -> Iterator[World]:
    """The world around a running stack."""
    settings = stack.settings
    with (
        Person(settings.user, settings.calendar_url) as person,
        httpx.Client(timeout=20.0, trust_env=False) as client,
    ):
        calendar = CalendarSide(client, f"http://127.0.0.1:{settings.calendar_port}")
        vendor = VendorSide(client, settings.vendor_url, Keys.in_folder(settings.state).vendor_token)
        yield World(stack, person, calendar, vendor, client)


def _plain(value: object) -> object:
    if isinstance(value, str) and "T" in value:
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return value
    return value
