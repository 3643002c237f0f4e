"""The process dies before or after every outgoing call while changes are on their way to a handler: all arrive."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from conference.errors import Later, LockstepError, OutcomeUnknown
from functions import script
from tests.crashing import Crash, Crashing, Fuse
from tests.flow.scripted import ScriptWorld

SOON = 40
"""Minutes within which all has arrived after a crash: the next poll, and the lease of a dead run of a handler."""

Story = Callable[["Told"], None]


class Unanswered:
    """A port that cannot be reached where the process would have died: nothing was done, or no answer tells of it."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        return partial(self._call, found, method) if callable(found) else found

    def _call(self, call: Callable[..., Any], method: str, *arguments: Any, **named: Any) -> Any:
        try:
            return call(*arguments, **named)
        except Crash as crash:
            if str(crash).startswith("after") and method in {"commit", "add"}:
                raise OutcomeUnknown("no answer came") from None
            raise Later("not to be reached") from None


class Told:
    """A story in which any call may be the last of its process, and what the handler must have been told at its end."""

    def __init__(self, fuse: Fuse) -> None:
        self.world = ScriptWorld()
        self.fuse = fuse
        fuse.armed = False
        self.owed: dict[str, str] = {}
        """Each event's title at last, "cancelled" of one that is gone."""
        ground = self.world.ground
        self.world.change_ground(
            store=Crashing(ground.store, "store", fuse),
            queue=Crashing(ground.queue, "queue", fuse),
            calendar=Crashing(ground.calendar, "calendar", fuse),
        )

    def lose_answers(self) -> None:
        """From now on what the fuse hits is no process but an answer of the store or the queue."""
        ground = self.world.ground
        self.world.change_ground(store=Unanswered(ground.store), queue=Unanswered(ground.queue))

    def make(self) -> script.Trigger:
        """Make the trigger; whose process dies while doing so tries again."""
        for _ in range(3):
            with contextlib.suppress(Crash, LockstepError), self.world.scripting():
                return script.new_trigger("changed").for_user_calendar("primary").on_event_updated().ensure()
        raise AssertionError("the trigger could not be made")

    def insert(self, summary: str) -> str:
        """Somebody makes an event."""
        event = str(self.world.insert(summary=summary, conferenceData=None)["id"])
        self.owed[event] = summary
        return event

    def rename(self, event: str, summary: str) -> None:
        """Somebody renames it."""
        self.owed[event] = summary
        self.world.patch(event, summary=summary)

    def cancel(self, event: str) -> None:
        """Somebody deletes it."""
        self.owed[event] = "cancelled"
        self.world.cancel(event)

    def minute(self, minutes: float = 1) -> None:
        """Time goes on, and the scheduler ticks once."""
        self.world.clock.advance(timedelta(minutes=minutes))
        self.world.tick_or_die()
        self.world.settle(timedelta(seconds=30))

    def end(self) -> list[str]:
        """All that is wrong once the story is over, after as much time as it may take."""
        self.fuse.armed = False
        for minutes in (*[1] * SOON, *[15] * 6):
            wrong = list(self._wrong())
            if not wrong:
                break
            # A push channel that nobody needs is looked at once an hour.
            self.minute(minutes)
        return wrong

    def _wrong(self) -> Iterator[str]:
        last = {one.id: one for one in self.world.changes()}
        for event, wanted in self.owed.items():
            known = last.get(event)
            if known is None or wanted != ("cancelled" if known.kind == "cancelled" else known.event["summary"]):
                yield f"never told: {wanted}"
        yield from (f"still there: {one.key}" for one in self.world.store.query("deliveries"))
        with self.world.scripting():
            for trigger in script.get_project_triggers():
                if trigger.status is not script.TriggerStatus.ACTIVE or trigger.record.lease_until:
                    yield f"in trouble: {trigger} {trigger.disabled_reason}"
        live = [one for one in self.world.google.world.channels.newest() if one.live(self.world.google.now())]
        if len(live) != len(self.world.store.query("feeds")):
            yield f"{len(live)} live channels"


def told(told: Told) -> None:
    """Made, renamed, deleted."""
    told.make()
    told.world.settle()
    told.fuse.armed = True
    event = told.insert("Lunch")
    told.minute()
    told.rename(event, "Dinner")
    told.insert("Other")
    told.minute()
    told.cancel(event)
    told.minute()


def begun(told: Told) -> None:
    """A trigger is made, and just then something happens."""
    told.fuse.armed = True
    told.make()
    told.insert("Lunch")
    told.minute()


def failing(told: Told) -> None:
    """Two changes, of which the handler refuses one at first."""
    told.make()
    told.world.settle()
    left = [4]

    def fails(event: script.EventUpdated) -> None:
        if left[0] and any(one.event.get("summary") == "Bad" for one in event.changes):
            left[0] -= 1
            raise ValueError

    told.world.fails = fails
    told.fuse.armed = True
    told.insert("Good")
    told.insert("Bad")
    told.minute()


def dropped(told: Told) -> None:
    """The token is dropped while something was changed and something deleted."""
    told.make()
    kept, gone = told.insert("Kept"), told.insert("Gone")
    told.world.settle()
    told.fuse.armed = True
    told.world.google_control("expire-tokens", calendarId="alice@example.com")
    told.rename(kept, "Kept, renamed")
    told.cancel(gone)
    told.minute()


def ended(told: Told) -> None:
    """The trigger is deleted again; nothing stays."""
    trigger = told.make()
    told.insert("Lunch")
    told.world.settle()
    told.fuse.armed = True
    for _ in range(3):
        with contextlib.suppress(Crash, LockstepError), told.world.scripting():
            script.delete_trigger(trigger)
            break
    told.minute()


STORIES = (told, begun, failing, dropped, ended)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_crash_at_any_call_loses_no_change(story: Story) -> None:
    """Every call of the story, before it and after it: the handler is told of every change at least once."""
    calm, wrong = ending(story, None)
    assert wrong == []
    for moment in range(1, calm.moments + 1):
        fuse, wrong = ending(story, moment)

        assert fuse.where, moment
        assert wrong == [], f"{fuse.where}, moment {moment} of {calm.moments}"


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_lost_answer_at_any_call_loses_no_change(story: Story) -> None:
    """The same where the store or the queue fails, having done what it was asked for or not; at every third moment."""
    calm, wrong = ending(story, None)
    assert wrong == []
    for moment in range(1, calm.moments + 1, 3):
        fuse, wrong = ending(story, moment, lost=True)

        assert wrong == [], f"{fuse.where}, moment {moment} of {calm.moments}"


def ending(story: Story, at: int | None, *, lost: bool = False) -> tuple[Fuse, list[str]]:
    """The story with a crash (or a lost answer) at this moment, and all that is wrong in the end."""
    stage = Told(Fuse(at))
    if lost:
        stage.lose_answers()
    with contextlib.closing(stage.world), capture_logs():
        story(stage)
        return stage.fuse, stage.end()
