"""A stage with a script on it: its trigger follows a connected calendar, and writes a place into what it is told of."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from conference.errors import LockstepError
from functions import script
from tests.crashing import Crash, Crashing, Fuse
from tests.flow.scripted import ScriptWorld
from tests.flow.stage import Json, Stage

PLACE = {"location": "Room 5"}
LATER = 20
"""Times five minutes within which the handler has been told of everything, whatever crashed."""


class FollowedStage(Stage):
    """Every call of the script's own passes the fuse, too."""

    def __init__(self, fuse: Fuse) -> None:
        self._script = ScriptWorld()
        super().__init__(fuse, self._script)
        self._accepted: dict[str, Json] = {}
        self._script.change_project(api=Crashing(self._script.project.api, "script", fuse))
        self._script.fails = self._place

    def follow(self) -> None:
        """Have the primary calendar followed; who is not told that it is tries again."""
        for _ in range(3):
            with contextlib.suppress(Crash, LockstepError), self._script.scripting():
                script.new_trigger("changed").for_user_calendar("primary").on_event_updated().ensure()
                return
        raise AssertionError("the trigger could not be made")

    def end(self) -> list[str]:
        """As of every story; and the handler was told how each event was left, and wrote into each that lives."""
        wrong = super().end()
        for _ in range(LATER):
            if not any(self._untold()):
                break
            self.minute(5)
        return [*wrong, *self._untold()]

    def _place(self, event: script.EventUpdated) -> None:
        for change in event.changes:
            if change.kind != "cancelled" and change.event.get("location") != PLACE["location"]:
                script.Calendar.events.patch(PLACE, event.calendar_id, change.id)
        self._accepted |= {change.id: dict(change.event) for change in event.changes}

    def _untold(self) -> Iterator[str]:
        for (calendar, event, by), wanted in self._wishes.items():
            told = self._accepted.get(event, {})
            if any(told.get(name) != wanted.get(name) for name in ("status", "summary") if name in told or not told):
                yield f"{wanted.get('summary', event)}: the handler was last told {told.get('status')}"
            now = self.world.event(event, calendar, by=by)
            if now["status"] != "cancelled" and now.get("location") != PLACE["location"]:
                yield f"{wanted.get('summary', event)}: the handler has not written its place"
        yield from (f"still there: {one.key}" for one in self.world.store.query("deliveries"))

    def _read(self, calendar: str, event: str, by: str) -> Json:
        # The place is the script's to write.
        return {name: value for name, value in super()._read(calendar, event, by).items() if name not in PLACE}


def followed(stage: Stage, **fields: Any) -> None:
    """An event is made, renamed once it has its meeting and its place, and deleted."""
    assert isinstance(stage, FollowedStage)
    stage.connect()
    stage.follow()
    stage.begin()
    event = stage.insert(**fields)
    stage.rest()
    stage.patch(event, summary="Planning, again")
    stage.rest()
    stage.cancel(event)
