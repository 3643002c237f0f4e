"""The queues against a few lines that say what a queue is, over random histories."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from functions.ports import Task
from infra.local.held import Counts, Held
from infra.local.memory import ManualClock
from tests.contract.grounds import NOON, QUEUES

HOURS = st.integers(0, 30).map(lambda hours: timedelta(hours=hours))


@dataclass(slots=True)
class Known:
    """A task that is open: when it is due, how often it failed, whether it is held."""

    due: datetime
    name: str | None
    failures: int = 0
    held: Held | None = None


class QueueMachine(RuleBasedStateMachine):
    """Random additions, deliveries, successes, failures, late answers and waits."""

    ground = "memory"

    @initialize()
    def begin(self) -> None:
        """An empty queue."""
        self.close = ExitStack()
        folder = self.close.enter_context(tempfile.TemporaryDirectory())
        self.clock = ManualClock(NOON)
        self.queue, self.drain = QUEUES[self.ground](Path(folder), self.clock, self.close)
        self.open: dict[int, Known] = {}
        self.ended: dict[str, datetime] = {}
        self.late: list[Held] = []
        self.added = 0

    def teardown(self) -> None:
        """Close it."""
        self.close.close()

    @rule(name=st.none() | st.sampled_from("ab"), wait=st.none() | HOURS)
    def add(self, name: str | None, wait: timedelta | None) -> None:
        """A name that is open, or ended less than a day ago, is refused; all else is taken."""
        now = self.clock.now()
        open_names = {known.name for known in self.open.values()}
        free = name not in open_names and now - self.ended.get(str(name), NOON - timedelta(days=9)) >= timedelta(days=1)
        at = None if wait is None else now + wait

        taken = self.queue.add(Task("tick", {"n": self.added}), name=name, at=at)

        assert taken == (name is None or free)
        if taken:
            self.open[self.added] = Known(at or now, name)
        self.added += 1

    @rule()
    def take(self) -> None:
        """Exactly the tasks that are due and not held are handed out, with their count of failures."""
        now = self.clock.now()
        due = {n: known for n, known in self.open.items() if known.due <= now and not known.held}

        taken = {held.task.body["n"]: held for held in self.drain.take()}

        assert {n: held.attempts for n, held in taken.items()} == {n: known.failures for n, known in due.items()}
        for n, held in taken.items():
            self.open[n].held = held

    @rule(which=st.integers(0, 9))
    def done(self, which: int) -> None:
        """A held task that succeeds is open no more, and its name rests."""
        n, known = self.one_held(which)
        if known is None or known.held is None:
            return
        self.drain.done(known.held)
        self.late.append(known.held)
        del self.open[n]
        if known.name:
            self.ended[known.name] = self.clock.now()

    @rule(which=st.integers(0, 9), wait=HOURS)
    def fail(self, which: int, wait: timedelta) -> None:
        """A held task that fails waits for its next time."""
        n, known = self.one_held(which)
        if known is None or known.held is None:
            return
        at = self.clock.now() + wait
        self.drain.failed(known.held, at)
        self.late.append(known.held)
        self.open[n] = Known(at, known.name, known.failures + 1)

    @rule(which=st.integers(0, 9), succeeds=st.booleans())
    def answer_late(self, which: int, *, succeeds: bool) -> None:
        """What an ended attempt says afterwards changes nothing."""
        if self.late:
            held = self.late[which % len(self.late)]
            if succeeds:
                self.drain.done(held)
            else:
                self.drain.failed(held, self.clock.now())

    @rule(wait=HOURS)
    def wait(self, wait: timedelta) -> None:
        """Time goes on."""
        self.clock.advance(wait)

    @invariant()
    def counted(self) -> None:
        """The counts are those of the open tasks."""
        now = self.clock.now()
        free = [known for known in self.open.values() if not known.held]
        due = sum(known.due <= now for known in free)
        assert self.drain.counts() == Counts(len(free) - due, due, len(self.open) - len(free))
        assert self.drain.counts().open == len(self.open)

    def one_held(self, which: int) -> tuple[int, Known | None]:
        """One of the held tasks, if there are any."""
        held = [(n, known) for n, known in self.open.items() if known.held]
        return held[which % len(held)] if held else (-1, None)


@pytest.mark.parametrize("ground", sorted(QUEUES))
def test_any_history_hands_out_what_is_due(ground: str) -> None:
    """Over random histories every queue takes, refuses, hands out and counts as the model does."""

    class Machine(QueueMachine):
        pass

    Machine.ground = ground
    run_state_machine_as_test(Machine, settings=settings(max_examples=30, stateful_step_count=25, deadline=None))
