"""Clock triggers on their way to the queue: reckoned anew, switched off, gone, or made while the queue is away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from conference.errors import Later
from functions.script import dispatch, making
from functions.script import trigger as triggers
from functions.script.clock_builder import schedule_of
from functions.script.enums import TriggerStatus
from functions.script.making import Draft
from functions.script.trigger import CLOCK
from tests.instead import Instead
from tests.unit.script.bench import ALICE
from tests.unit.script.clocked import Clocked, instant


def test_more_triggers_than_one_page_are_reckoned_anew() -> None:
    """A deployment goes through all of them; those that have changed are counted, the others left alone."""
    bench = Clocked()
    record = bench.make(every_minutes=10)
    assert record.clockwork is not None
    wrong = msgspec.structs.replace(record.clockwork, next_slot=(record.clockwork.next_slot or 0) + 60)
    for number in range(401):
        shifted = wrong if number % 2 else record.clockwork
        other = msgspec.structs.replace(dispatch.timed(record, shifted), id=str(10**18 + number))
        bench.ground.store.commit(triggers.put(other, None))

    assert dispatch.recompute(bench.ground) == 200
    assert dispatch.recompute(bench.ground) == 0


def test_a_trigger_switched_off_while_it_is_looked_at() -> None:
    """Neither a tick nor a deployment hands it over: it rests."""
    bench = Clocked()
    record = bench.make(every_minutes=10)
    off = msgspec.structs.replace(record, status=TriggerStatus.DISABLED)
    found = triggers.find(bench.ground, record.id)
    assert found is not None
    bench.ground.store.commit(triggers.put(off, found[0].version))
    moved = dispatch.recompute(bench.ground)
    bench.clock.set(instant("2026-11-20T10:12:30Z"))
    made = bench.tick()
    bench.minutes(3)
    after = bench.read(record)

    assert (moved, made, bench.events) == (0, 0, [])
    assert after is not None
    assert after.next_fire is None


def test_a_trigger_that_is_gone_before_it_is_handed_over() -> None:
    """There is no task to be made for it."""
    bench = Clocked()
    record = bench.make(after=1000)
    making.unmake(bench.script, record)
    before = len(bench.queue.waiting())
    dispatch.hand_over(bench.ground, record)

    assert len(bench.queue.waiting()) == before


def test_a_trigger_made_though_the_queue_is_away() -> None:
    """It is there, and the tick hands it over."""

    def away(*_: object, **__: object) -> bool:
        raise Later("the queue is away")

    bench = Clocked()
    queue: Any = Instead(bench.queue, add=away)
    away_from = replace(bench.script, ground=replace(bench.ground, queue=queue))
    record = making.make(away_from, ALICE, Draft(handler="strike", source=CLOCK, schedule=schedule_of({"after": 1000})))
    bench.minutes(1)

    assert bench.read(record) is None
    assert len(bench.events) == 1
