"""A world in which an add-on of the examples keeps rooms in step, in one style or the other."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from examples.conferencing_own_style import Conferencing
from examples.conferencing_sample import ConferencingSample
from functions import script
from functions.script.project import CalendarApi
from tests.flow.script_sample.rooms import FakeRooms
from tests.flow.scripted import ScriptWorld
from tests.world import ALICE

BOB = "bob@example.com"
TEAM = "team@example.com"
STYLES = ("the sample", "our own style")
WEEKLY = ["RRULE:FREQ=WEEKLY;COUNT=6"]
TIMES = (("start", 10), ("end", 11))
NOTHING: Counter[str] = Counter()
"""What the rooms were asked, when it is nothing."""

Json = dict[str, Any]


class WatchedApi:
    """The Calendar API as scripts have it; every call is noted, and may be refused."""

    def __init__(self, api: CalendarApi) -> None:
        self._api = api
        self.lists: list[tuple[str, Mapping[str, Any]]] = []
        """Every events.list: calendar and options."""
        self.patches = 0
        self.forgets = False
        """Whether lists without a sync token have no tombstones, as those of a calendar whose old ones are gone."""
        self.refuse: Callable[[str, Mapping[str, Any]], None] = lambda _method, _options: None

    def call(
        self, user: str, method: str, path: Mapping[str, str], *, options: Mapping[str, Any] | None = None, **rest: Any
    ) -> Json:
        """Call it."""
        if method == "events.list":
            self.lists.append((path["calendarId"], dict(options or {})))
        self.patches += method == "events.patch"
        self.refuse(method, options or {})
        answer = self._api.call(user, method, path, options=options, **rest)
        if self.forgets and "items" in answer and "syncToken" not in (options or {}):
            answer["items"] = [one for one in answer["items"] if one["status"] != "cancelled"]
        return answer


class SampleWorld(ScriptWorld):
    """The world, with rooms."""

    def __init__(self, style: str) -> None:
        super().__init__()
        self.rooms = FakeRooms()
        self.api = WatchedApi(self.project.api)
        self.change_project(api=self.api, solutions={"1": script.SolutionLook("My Web Conference")})
        self.sample = ConferencingSample(self.rooms, now=self.clock.now, page=2)
        self.own = Conferencing(self.rooms)
        self.style = style
        self.sample.register(self.handlers)
        self.own.register(self.handlers)

    @property
    def handler(self) -> str:
        """The name of the style's handler."""
        return "sync_events" if self.style == STYLES[0] else "keep_in_step"

    def begin(self, calendar: str = "primary", user: str = ALICE) -> None:
        """Keep a calendar in step from now on, as one that has been connected for a while."""
        with self.scripting(user):
            if self.style == STYLES[0]:
                self.sample.initialize_syncing(calendar)
            else:
                self.own.follow(calendar)
        self.wait(1)

    def ask(self, event: str, calendar: str = "primary", user: str = ALICE) -> script.ConferenceData:
        """The user has chosen our conference for an event, which may not have been saved."""
        with self.scripting(user):
            if self.style == STYLES[0]:
                return self.sample.create_conference({"eventData": {"calendarId": calendar, "eventId": event}})
            return self.own.create_conference(calendar, event)

    def data(self, made: script.ConferenceData) -> Json:
        """A conference as Calendar keeps it."""
        return made.to_calendar(self.project.solutions)

    def meet(self, event: str, calendar: str = "primary", *, by: str = ALICE, **fields: Any) -> Json:
        """An event with a room of its own, all told and settled; nothing of it is counted."""
        made = self.ask(event, calendar, by)
        saved = self.insert(calendar, by=by, id=event, summary=event, conferenceData=self.data(made), **fields)
        self.wait(1)
        self.rooms.done()
        return saved

    def wait(self, minutes: int) -> None:
        """Time goes by, with the scheduler's ticks."""
        self.settle(timedelta(seconds=20))
        for _ in range(minutes):
            self.clock.advance(timedelta(minutes=1))
            self.tick()
            self.settle(timedelta(seconds=20))

    def move_to(self, hour: int, event: str, calendar: str = "primary", *, by: str = ALICE) -> None:
        """A person moves an event."""
        times = [{"dateTime": f"2026-11-24T{at:02}:00:00+01:00"} for at in (hour, hour + 1)]
        self.patch(event, calendar, by=by, start=times[0], end=times[1])

    def with_rooms(self, **parts: Any) -> None:
        """Give the rooms other manners."""
        for name, part in parts.items():
            setattr(self.rooms, name, part)

    def limited(self, **limits: Any) -> None:
        """Give the script other limits."""
        self.change_project(limits=dataclasses.replace(script.Limits.none(), **limits))


def tokens(world: SampleWorld, user: str = ALICE) -> dict[str, str]:
    """What the sample keeps by calendar; the own style's tokens are its feeds'."""
    if world.style == STYLES[0]:
        with world.scripting(user):
            kept = script.get_user_properties().get_properties()
        return {key.removeprefix("syncToken:"): token for key, token in kept.items()}
    feeds = [one.data for one in world.store.query("feeds") if one.data["user"] == user]
    return {data["calendar"]: data["token"] for data in feeds}
