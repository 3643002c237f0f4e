"""Clock triggers when others write at the same moment, the queue is away, processes die and runs are overtaken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from conference.errors import Conflict, Later, LockstepError, OutcomeUnknown
from functions import clock, script
from functions.ports import Store
from functions.script import dispatch, making
from functions.script import trigger as triggers
from functions.script.clock_builder import schedule_of
from functions.script.enums import TriggerStatus
from functions.script.firing import run_due
from functions.script.making import Draft
from functions.script.project import Project
from functions.script.schedule import Overlap
from functions.script.trigger import CLOCK, Trigger
from infra.local.held import Held
from tests.crashing import Crash, Crashing, Fuse
from tests.unit.script.bench import ALICE
from tests.unit.script.clocked import MINUTE, Clocked, instant


class Contested:
    """A store in which somebody else is always faster for some documents, at the first try."""

    def __init__(self, store: Store, error: type[LockstepError]) -> None:
        self._store, self._error = store, error
        self.failing = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, *writes: Any) -> Any:
        """Fail as often as wanted."""
        if self.failing:
            self.failing -= 1
            if self._error is OutcomeUnknown:
                self._store.commit(*writes)
            raise self._error("somebody was faster")
        return self._store.commit(*writes)


@pytest.mark.parametrize("times", [1, 3])
def test_a_single_fire_whose_task_the_queue_loses(times: int) -> None:
    """It fires all the same, once, some minutes late."""
    bench = Clocked()
    record = bench.make(after=60_000)
    for _ in range(times):
        bench.tick()
        bench.queue.done(bench.queue.take(bench.queue.waiting()[0]))
        bench.clock.advance(timedelta(minutes=13))
    bench.minutes(30)

    assert bench.slots() == ["20T10:04:20"]
    assert bench.read(record) is None


def test_a_second_try_whose_task_the_queue_loses() -> None:
    """It is made again some minutes later: a name that was taken once does not stop it."""
    bench = Clocked()
    bench.during = lambda: 1 // 0  # type: ignore[assignment] # what it returns does not matter
    record = bench.make(after=60_000)
    bench.tick()
    bench.clock.advance(timedelta(seconds=61))
    bench.do(bench.queue.take(bench.queue.waiting()[0]))
    bench.queue.done(bench.queue.take(bench.queue.waiting()[0]))
    bench.during = lambda: None
    bench.minutes(13)

    assert bench.slots() == ["20T10:04:20"] * 2
    assert bench.read(record) is None


@pytest.mark.parametrize("error", [Later, OutcomeUnknown])
def test_a_run_whose_time_cannot_be_counted_has_run(error: type[LockstepError]) -> None:
    """The profile's count may fail; the run is accepted all the same, and not repeated."""
    stores: list[Contested] = []

    def contested(store: Store) -> Any:
        stores.append(Contested(store, error))
        return stores[0]

    bench = Clocked(store=contested)
    bench.script = replace(bench.script, limits=script.Limits(trigger_runtime=60))
    record = bench.make(every_minutes=10)
    bench.during = lambda: setattr(stores[0], "failing", 1)
    bench.minutes(15)
    after = bench.read(record)

    assert bench.slots() == ["20T10:13:00"]
    assert stores[0].failing == 0
    assert after is not None
    assert (after.failures, after.last_error) == (0, None)


@pytest.mark.parametrize("error", [Conflict, Later, OutcomeUnknown])
def test_a_contested_note_makes_no_second_run(error: type[LockstepError]) -> None:
    """When it cannot be noted that tasks were made, each slot still runs once."""
    stores: list[Contested] = []

    def contested(store: Store) -> Any:
        stores.append(Contested(store, error))
        return stores[0]

    bench = Clocked(store=contested)
    for _ in range(3):
        bench.make(every_minutes=10)
    bench.clock.set(instant("2026-11-20T10:12Z"))
    stores[0].failing = 2
    made = dispatch.dispatch_due(bench.ground)
    bench.minutes(2)

    assert (made, len(bench.events)) == (3, 3)


def test_a_fire_whose_maker_could_not_note_it_is_not_the_last() -> None:
    """Its run notes, with its claim, that its slot needs no task any more."""
    stores: list[Contested] = []

    def contested(store: Store) -> Any:
        stores.append(Contested(store, Later))
        return stores[0]

    bench = Clocked(store=contested)
    record = bench.make(every_minutes=10)
    bench.clock.set(instant("2026-11-20T10:12:30Z"))
    stores[0].failing = 2
    bench.tick()
    bench.clock.set(instant("2026-11-20T10:13:01Z"))
    bench.work()
    after = bench.read(record)
    bench.minutes(11)

    assert after is not None
    assert after.next_fire == instant("2026-11-20T10:23Z").timestamp()
    assert bench.slots() == ["20T10:13:00", "20T10:23:00"]


@pytest.mark.parametrize("error", [Conflict, OutcomeUnknown])
def test_a_contested_claim_runs_once(error: type[LockstepError]) -> None:
    """A claim that meets another writer, or whose answer is lost, leads to one run, which is the first attempt."""
    stores: list[Contested] = []

    def contested(store: Store) -> Any:
        stores.append(Contested(store, error))
        return stores[0]

    bench = Clocked(store=contested)
    bench.make(every_minutes=10)
    bench.clock.set(instant("2026-11-20T10:12Z"))
    bench.tick()
    bench.clock.advance(MINUTE)
    stores[0].failing = 1
    bench.work()

    assert bench.slots() == ["20T10:13:00"]
    assert [run.data["attempt"] for run in bench.ground.store.query("executions")] == [1]


def _die(bench: Clocked) -> None:
    """The run that comes next ends its process; the queue has lost its task, too."""

    def end() -> None:
        bench.during = lambda: None
        raise Crash("in the handler")

    bench.during = end
    (held,) = map(bench.queue.take, bench.queue.due(bench.clock.now()))
    with pytest.raises(Crash):
        bench.do(held)
    bench.queue.done(held)


@pytest.mark.parametrize("overlap", Overlap)
def test_a_run_that_died_is_taken_up_by_the_tick(overlap: Overlap) -> None:
    """A run whose process died, and whose task is lost, is run again once its time is over, as the same slot."""
    bench = Clocked()
    bench.make(every_days=1, at_hour=11, overlap=overlap)
    bench.clock.set(instant("2026-11-20T11:00Z"))
    bench.tick()
    _die(bench)
    bench.minutes(9)
    before = len(bench.events)
    bench.minutes(2)

    assert before == 1
    assert bench.slots() == ["20T11:00:00", "20T11:00:00"]


def test_a_run_that_died_is_covered_by_the_next() -> None:
    """If the next slot comes first, its run stands for the dead one's slot as well."""
    bench = Clocked()
    record = bench.make(every_minutes=30)
    bench.clock.set(instant("2026-11-20T10:33Z"))
    bench.tick()
    _die(bench)
    bench.clock.set(instant("2026-11-20T11:03Z"))
    bench.work()
    bench.tick()
    bench.minutes(12)
    after = bench.read(record)

    assert bench.slots() == ["20T10:33:00", "20T11:03:00+1"]
    assert after is not None
    assert after.clockwork is not None
    assert after.clockwork.claims == ()


def test_one_that_was_overtaken_leaves_the_other_alone() -> None:
    """A run that outlives its claim does not end the claim of the one that took its slot over."""
    bench = Clocked()
    record = bench.make(every_days=1, at_hour=11)
    bench.clock.set(instant("2026-11-20T11:00Z"))
    claims: list[Any] = []

    def slow() -> None:
        bench.during = look
        bench.clock.advance(timedelta(minutes=11))
        bench.tick()
        bench.work()

    def look() -> None:
        after = bench.read(record)
        assert after is not None
        assert after.clockwork is not None
        claims.extend(after.clockwork.claims)

    bench.during = slow
    bench.tick()
    bench.work()
    after = bench.read(record)

    assert [claim.attempt for claim in claims] == [2]
    assert after is not None
    assert after.clockwork is not None
    assert after.clockwork.claims == ()
    assert len(bench.events) == 2


def test_an_overtaken_single_fire_is_not_put_off_twice() -> None:
    """When two runs of a single fire fail, the one that was overtaken asks for no further try."""
    bench = Clocked()
    record = bench.make(after=0)

    def slow() -> None:
        bench.during = fail
        bench.clock.advance(timedelta(minutes=11))
        bench.tick()
        (held,) = map(bench.queue.take, bench.queue.due(bench.clock.now()))
        bench.do(held)
        fail()

    def fail() -> None:
        raise ValueError("no")

    bench.during = slow
    (held,) = map(bench.queue.take, bench.queue.due(bench.clock.now()))
    bench.do(held)
    after = bench.read(record)

    assert after is not None
    assert after.clockwork is not None
    assert [claim.attempt for claim in after.clockwork.claims] == [2]
    assert len(bench.queue.waiting()) == 1


class Refusing:
    """A queue that takes nothing for a while."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self.refusing = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def add(self, *arguments: Any, **named: Any) -> Any:
        """Refuse, or add."""
        if self.refusing:
            raise Later("the queue is away")
        return self._queue.add(*arguments, **named)


def test_a_queue_that_is_away() -> None:
    """While the queue takes nothing, a trigger can be made and ticks come; it fires when the queue is back."""
    bench = Clocked()
    away = Refusing(bench.queue)
    bench.script = replace(bench.script, ground=replace(bench.ground, queue=away))
    record = bench.make(after=1000)
    bench.clock.advance(MINUTE)
    made = dispatch.dispatch_due(bench.script.ground)
    away.refusing = False
    made_again = dispatch.dispatch_due(bench.script.ground)
    bench.work()

    assert (made, made_again, bench.read(record)) == (0, 1, None)


def test_a_trigger_disabled_while_it_runs() -> None:
    """A run whose trigger is disabled meanwhile is noted, and does not switch it on again; a deleted one is gone."""
    bench = Clocked()
    kept, gone = bench.make(every_minutes=1), bench.make(every_minutes=1)

    def stop() -> None:
        if bench.events[-1].trigger_uid == kept.id:
            Trigger(bench.script, kept).disable("enough")
        else:
            making.unmake(bench.script, gone)

    bench.during = stop
    bench.minutes(3)
    after = bench.read(kept)

    assert after is not None
    assert (after.status, after.reason, after.next_fire) == (TriggerStatus.DISABLED, "enough", None)
    assert after.last_run is not None
    assert (bench.read(gone), len(bench.events)) == (None, 2)


def test_a_deployment_with_a_trigger_that_cannot_be_read() -> None:
    """What cannot be read does not stop slots from being reckoned anew."""
    bench = Clocked()
    broken, fine = bench.make(every_minutes=1), bench.make(every_minutes=1)
    for record, change in ((broken, {"schedule": 7}), (fine, {"clockwork": {"next_slot": 5.0}})):
        found = triggers.find(bench.ground, record.id)
        assert found is not None
        write = triggers.put(record, found[0].version)
        bench.ground.store.commit(replace(write, data={**found[0].data, **change}))

    assert dispatch.recompute(bench.ground) == 1


def _story(fuse: Fuse, calls: dict[str, Any]) -> tuple[list[str], int]:
    """Make a trigger, then ticks and tasks for seven minutes; whoever dies is begun anew, its task given again."""
    bench = Clocked("2026-11-20T10:00:00Z")
    plain = bench.ground
    guarded = replace(plain, store=Crashing(plain.store, "store", fuse), queue=Crashing(plain.queue, "queue", fuse))
    script: Project = replace(bench.script, ground=guarded)
    draft = Draft(handler="strike", source=CLOCK, schedule=schedule_of({"exact": True, **calls}))
    _surviving(lambda: making.ensure(script, ALICE, draft))
    crashes = 0
    for _ in range(7 * 4):
        crashes += _surviving(lambda: clock.tick(guarded)) if bench.clock.now().second == 0 else 0
        for held in map(bench.queue.take, bench.queue.due(bench.clock.now())):
            crashes += _surviving(lambda held=held: run_due(script, **_arguments(held)))  # type: ignore[misc] # bound now
            bench.queue.done(held)
        bench.clock.advance(timedelta(seconds=15))
    left = bench.ground.store.query(triggers.COLLECTION)
    return bench.slots(), len(left)


def _arguments(held: Held) -> dict[str, Any]:
    return {"trigger": held.task.body["trigger"], "scheduled": held.task.body["scheduled"]}


def _surviving(step: Callable[[], object]) -> int:
    try:
        step()
    except Crash:
        # Begun anew: a queue gives the task again, a scheduler comes back.
        step()
        return 1
    return 0


STORIES: dict[str, dict[str, Any]] = {
    "repeated": {"every_minutes": 3},
    "single": {"after": 150_000},
    "at once": {"after": 0},
}


@pytest.mark.parametrize("name", STORIES)
def test_no_death_loses_a_fire(name: str) -> None:
    """Whoever dies before or after any call: each slot is run for, at most twice, and a single one's trigger goes."""
    calm = Fuse(None)
    expected, left = _story(calm, STORIES[name])

    for moment in range(1, calm.moments + 1):
        fuse = Fuse(moment)
        slots, remaining = _story(fuse, STORIES[name])
        assert set(expected) == set(slots), (moment, fuse.where)
        assert sum(Counter(slots).values()) <= len(expected) + 1, (moment, fuse.where)
        assert left == remaining, (moment, fuse.where)


def test_what_a_clocks_run_sets_aside_fails_the_run() -> None:
    """Nobody could bring the event again alone: a one-shot is run again, and goes once nothing is set aside."""
    bench = Clocked()

    def aside() -> None:
        if len(bench.events) == 1:
            script.set_aside("event", ValueError("not now"))

    bench.during = aside
    record = bench.make(after=0)
    bench.work()
    failed = bench.read(record)
    assert failed is not None
    assert (failed.last_error or "").startswith("ValueError")
    bench.minutes(5)

    assert len(bench.events) == 2
    assert bench.read(record) is None
