"""A bench with a script whose one handler notes when clocks strike, a scheduler, and a worker of the queue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from conference.errors import Later, OutcomeUnknown
from functions import clock
from functions.ports import Store
from functions.script import making
from functions.script import trigger as triggers
from functions.script.clock_builder import schedule_of
from functions.script.clock_event import ClockEvent
from functions.script.firing import run_due
from functions.script.making import Draft
from functions.script.registry import Registry
from functions.script.trigger import CLOCK, TriggerRecord
from infra.local.held import Held
from infra.local.memory import MemoryQueue
from tests.unit.script.bench import ALICE, Bench

MINUTE = timedelta(minutes=1)


def instant(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text)


class Clocked(Bench):
    """A bench with one script whose handler `strike` notes its events, and a worker of the queue."""

    def __init__(self, start: str = "2026-11-20T10:03:20Z", store: Callable[[Store], Store] = lambda it: it) -> None:
        super().__init__(store)
        self.clock.set(instant(start))
        self.events: list[ClockEvent] = []
        self.during: Callable[[], None] = lambda: None
        self.script = self.project(handlers=Registry())
        self.script.handlers.handler("strike")(self.strike)

    def strike(self, event: ClockEvent) -> None:
        """The handler: notes its event, then does what the test wants."""
        self.events.append(event)
        self.during()

    def make(self, handler: str = "strike", **calls: Any) -> TriggerRecord:
        """A clock trigger of Alice's."""
        draft = Draft(handler=handler, source=CLOCK, schedule=schedule_of({"exact": True, **calls}))
        return making.make(self.script, ALICE, draft)

    def read(self, record: TriggerRecord) -> TriggerRecord | None:
        """The trigger as it is now."""
        found = triggers.find(self.ground, record.id)
        return found[1] if found else None

    def tick(self) -> int:
        """The scheduler's tick."""
        return clock.tick(self.ground)["triggers"]

    def work(self) -> int:
        """Do every task that is due, those that are asked to come again once more; return how many."""
        done = 0
        while due := self.queue.due(self.clock.now()):
            done += 1
            self.do(self.queue.take(due[0]))
        return done

    @property
    def queue(self) -> MemoryQueue:
        """The queue in memory."""
        queue = self.ground.queue
        assert isinstance(queue, MemoryQueue)
        return queue

    def do(self, held: Held) -> None:
        """One task, as the door does it."""
        body = held.task.body
        try:
            run_due(self.script, body["trigger"], body["scheduled"])
        except msgspec.ValidationError:
            self.queue.done(held)
        except (Later, OutcomeUnknown):
            self.queue.again(held, self.clock.now() + timedelta(seconds=1), 503)
        else:
            self.queue.done(held)

    def minutes(self, number: int) -> None:
        """So many minutes go by, with a tick in each and a worker all the time."""
        for _ in range(number):
            self.tick()
            for _ in range(60):
                self.clock.advance(timedelta(seconds=1))
                self.work()

    def slots(self) -> list[str]:
        """What was run for, as instants with the number of earlier slots covered, if there were any."""
        return [f"{it.scheduled_time:%dT%H:%M:%S}" + (f"+{it.missed}" if it.missed else "") for it in self.events]
