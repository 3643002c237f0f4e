"""Clock triggers fired on the memory ground: ticks, tasks, overlaps, missed fires, failures, deaths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.errors import Conflict, Later, LockstepError, OutcomeUnknown, Revoked
from functions import clock
from functions.ports import Store
from functions.script import context, dispatch, making
from functions.script import trigger as triggers
from functions.script.clock_builder import schedule_of
from functions.script.clock_event import ClockEvent
from functions.script.enums import TriggerStatus
from functions.script.firing import run_due
from functions.script.making import Draft
from functions.script.project import Project
from functions.script.registry import Registry
from functions.script.schedule import Overlap
from functions.script.trigger import CLOCK, Trigger, TriggerRecord
from infra.local.held import Held
from infra.local.memory import MemoryQueue
from tests.crashing import Crash, Crashing, Fuse
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


def test_fires_at_its_instants_between_the_ticks() -> None:
    """A trigger of every ten minutes runs at its minute to the second, though ticks come at odd seconds."""
    bench = Clocked()
    bench.make(every_minutes=10)

    started: list[datetime] = []
    bench.during = lambda: started.append(bench.clock.now())
    bench.minutes(31)

    assert [instant(f"2026-11-20T10:{minute}Z") for minute in (13, 23, 33)] == started
    assert bench.slots() == ["20T10:13:00", "20T10:23:00", "20T10:33:00"]


def test_a_delay_shorter_than_a_tick() -> None:
    """A trigger after half a second needs no tick: its task is made with it, and it is gone after its run."""
    bench = Clocked()
    record = bench.make(after=500)
    bench.clock.advance(timedelta(milliseconds=499))
    early = bench.work()
    bench.clock.advance(timedelta(milliseconds=1))
    bench.work()

    assert (early, len(bench.events)) == (0, 1)
    assert bench.read(record) is None


def test_the_event_says_when_and_for_whom() -> None:
    """The event has the start of the run in UTC and the slot in the trigger's own zone; the run is the user's."""
    bench = Clocked()
    users: list[str] = []
    bench.during = lambda: users.append(context.user())
    record = bench.make(every_minutes=10, in_timezone="Asia/Tokyo")
    bench.minutes(10)
    (event,) = bench.events

    assert (record.id, 10, 13, 0, "UTC") == (event.trigger_uid, event.hour, event.minute, event.second, event.timezone)
    assert event.scheduled_time.isoformat() == "2026-11-20T19:13:00+09:00"
    assert users == [ALICE]


def test_doubled_ticks_make_one_run() -> None:
    """Two ticks at once, and tasks delivered twice, make one run of a slot."""
    bench = Clocked()
    bench.make(every_minutes=10)
    bench.clock.set(instant("2026-11-20T10:12:10Z"))
    made = bench.tick() + bench.tick()
    bench.clock.set(instant("2026-11-20T10:13Z"))
    (held,) = map(bench.queue.take, bench.queue.due(bench.clock.now()))
    bench.do(held)
    bench.do(held)

    assert (made, len(bench.events)) == (1, 1)


@pytest.mark.parametrize(
    ("calls", "times", "slot", "missed", "following"),
    [
        # X1, X2, X3
        (
            {"at_hour": 5, "every_days": 1, "in_timezone": "Europe/Berlin"},
            ("2026-11-20T10:00Z", "2026-11-21T03:00Z", "2026-11-23T10:00Z"),
            "2026-11-23T04:00Z",
            2,
            "2026-11-24T04:00Z",
        ),
        (
            {"every_minutes": 10},
            ("2026-11-20T10:03:20Z", "2026-11-20T10:12Z", "2026-11-20T10:47Z"),
            "2026-11-20T10:43Z",
            3,
            "2026-11-20T10:53Z",
        ),
        (
            {"after": 600_000},
            ("2026-11-20T10:00:30Z", "2026-11-20T10:05Z", "2026-11-20T11:00Z"),
            "2026-11-20T10:10:30Z",
            0,
            None,
        ),
    ],
)
def test_missed_fires(
    calls: dict[str, Any], times: tuple[str, str, str], slot: str, missed: int, following: str | None
) -> None:
    """After an outage a trigger fires once for all it missed, at once; then it goes on, or is removed if single."""
    created, last_tick, now = times
    bench = Clocked(created)
    record = bench.make(**calls)
    bench.clock.set(instant(last_tick))
    bench.tick()
    bench.clock.set(instant(now))
    bench.tick()
    bench.work()
    after = bench.read(record)

    assert [(instant(slot), missed)] == [(it.scheduled_time, it.missed) for it in bench.events]
    assert following == (after and after.clockwork and after.clockwork.next_slot and _text(after.clockwork.next_slot))


def _text(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%MZ}"


def test_a_queue_that_stood_still() -> None:
    """When only the queue stood still, the tasks of many slots make one run too."""
    bench = Clocked()
    bench.make(every_minutes=1)
    for _ in range(20):
        bench.tick()
        bench.clock.advance(MINUTE)
    bench.work()

    assert bench.slots() == ["20T10:23:00+19"]


def test_no_catching_up() -> None:
    """A trigger that does not catch up drops what was missed, counted, and fires at its next slot as usual."""
    bench = Clocked()
    record = bench.make(every_minutes=10, catch_up=False)
    bench.clock.set(instant("2026-11-20T10:47Z"))
    bench.minutes(7)
    after = bench.read(record)

    assert bench.slots() == ["20T10:53:00"]
    assert after is not None
    assert after.clockwork is not None
    assert after.clockwork.dropped == 4


def test_a_single_fire_is_always_made_up_for() -> None:
    """A single fire runs late, whatever was said of catching up."""
    bench = Clocked()
    bench.make(after=60_000, catch_up=False)
    bench.clock.set(instant("2026-11-22T10:00Z"))
    bench.tick()
    bench.work()

    assert bench.slots() == ["20T10:04:20"]


def _long_run(policy: str) -> tuple[Clocked, TriggerRecord]:
    """A trigger of every minute whose first run lasts for three and a half, during which ticks and tasks go on."""
    bench = Clocked("2026-11-20T10:00:00Z")
    record = bench.make(every_minutes=1, overlap=policy)

    def last() -> None:
        bench.during = lambda: None
        for _ in range(7):
            bench.tick()
            bench.clock.advance(MINUTE / 2)
            bench.work()

    bench.during = last
    bench.minutes(6)
    return bench, record


def test_overlapping_fires_are_skipped() -> None:
    """By default nothing runs beside an earlier run; what is passed over is counted, and not made up for."""
    bench, record = _long_run("skip")
    after = bench.read(record)

    assert bench.slots() == [f"20T10:0{minute}:00" for minute in (1, 5, 6, 7, 8, 9)]
    assert after is not None
    assert after.clockwork is not None
    assert after.clockwork.skipped == 3


def test_one_overlapping_fire_waits() -> None:
    """With buffer_one, one run follows at once for all that passed meanwhile."""
    bench, _ = _long_run("buffer_one")

    assert bench.slots()[:3] == ["20T10:01:00", "20T10:04:00+2", "20T10:05:00"]


def test_all_overlapping_fires_run() -> None:
    """With allow_all, each fire runs at its time, beside the others."""
    bench, _ = _long_run("allow_all")

    assert bench.slots()[:5] == [f"20T10:0{minute}:00" for minute in (1, 2, 3, 4, 5)]


def test_disabled_triggers_rest() -> None:
    """A disabled trigger does not fire, not even by a task made before; enabled, it goes on without making up."""
    bench = Clocked()
    record = bench.make(every_minutes=1)
    bench.tick()
    Trigger(bench.script, record).disable()
    bench.minutes(5)
    resting = bench.read(record)
    Trigger(bench.script, record).enable()
    bench.minutes(2)

    assert resting is not None
    assert resting.next_fire is None
    assert bench.slots() == ["20T10:09:00", "20T10:10:00"]


def test_enabling_what_is_not_disabled_loses_nothing() -> None:
    """A fire whose task waits in the queue is run, though somebody enables the trigger once more."""
    bench = Clocked()
    record = bench.make(every_minutes=1)
    bench.tick()
    bench.clock.advance(MINUTE)
    Trigger(bench.script, record).enable()
    bench.work()

    assert bench.slots() == ["20T10:04:00"]


def test_the_next_fire_is_shown() -> None:
    """A trigger shows the next instant that it has not run for, whether its task was made or not."""
    bench = Clocked()
    record = bench.make(every_minutes=1)
    shown = []
    for _ in range(3):
        shown.append(Trigger(bench.script, bench.read(record) or record).next_fire)
        bench.minutes(1)
    disabled = Trigger(bench.script, record).disable()

    assert [instant(f"2026-11-20T10:0{minute}Z") for minute in (4, 5, 6)] == shown
    assert disabled.next_fire is None


def test_a_failed_single_fire_shows_its_next_try() -> None:
    """While a single fire waits to be tried again, that is its next instant."""
    bench = Clocked()
    bench.during = lambda: 1 // 0  # type: ignore[assignment] # what it returns does not matter
    record = bench.make(after=0)
    bench.work()
    after = bench.read(record)

    assert after is not None
    shown = Trigger(bench.script, after).next_fire
    assert shown is not None
    assert bench.clock.now() < shown <= bench.clock.now() + MINUTE


def test_zones_that_were_updated() -> None:
    """Slots that an older table of zones gave are reckoned anew; tasks made for them run nothing."""
    bench = Clocked("2026-11-20T03:58:30Z")
    record = bench.make(every_days=1, at_hour=5, in_timezone="Europe/Berlin")
    assert record.clockwork is not None
    stale = msgspec.structs.replace(record.clockwork, next_slot=instant("2026-11-20T03:59Z").timestamp())
    triggers.change(bench.ground, record.id, lambda it: msgspec.structs.replace(it, clockwork=stale))
    bench.tick()
    moved = dispatch.recompute(bench.ground), dispatch.recompute(bench.ground)
    bench.minutes(3)

    assert moved == (1, 0)
    assert bench.slots() == ["20T05:00:00"]


def test_a_deleted_trigger_is_silent() -> None:
    """The task of a trigger that is gone does nothing."""
    bench = Clocked()
    record = bench.make(every_minutes=1)
    bench.tick()
    making.unmake(bench.script, record)
    bench.minutes(3)

    assert bench.events == []


def test_another_script_runs_nothing() -> None:
    """A task that comes to another script's door runs nothing there."""
    bench = Clocked()
    record = bench.make(after=0)
    other = replace(bench.script, id="other")

    assert run_due(other, record.id, record.created_at) is None


def test_a_failing_repeated_trigger_goes_on() -> None:
    """A failure is noted and told, and the next slot is the next try; a success clears it."""
    bench = Clocked()
    told: list[Any] = []
    bench.script.handlers.on_failure(told.append)
    bench.during = lambda: 1 // 0  # type: ignore[assignment] # what it returns does not matter
    record = bench.make(every_minutes=1)
    bench.minutes(2)
    failing = bench.read(record)
    bench.during = lambda: None
    bench.minutes(1)
    fine = bench.read(record)

    assert failing is not None
    assert fine is not None
    assert (2, TriggerStatus.ACTIVE, len(told)) == (failing.failures, failing.status, 2)
    assert "ZeroDivisionError" in (failing.last_error or "")
    assert (fine.failures, fine.last_error) == (0, None)


def test_a_single_fire_is_tried_until_it_succeeds() -> None:
    """A single fire that fails is tried again, later each time, by its number; it is removed once it succeeds."""
    bench = Clocked()
    times: list[datetime] = []

    def fail_twice() -> None:
        times.append(bench.clock.now())
        if len(times) < 3:
            raise ValueError("not yet")

    bench.during = fail_twice
    record = bench.make(after=1000)
    bench.minutes(2)

    assert len(times) == 3
    assert timedelta(seconds=3) <= times[1] - times[0] < times[2] - times[1]
    assert bench.read(record) is None


def test_a_single_fire_is_given_up_in_the_end() -> None:
    """A single fire that fails for days is given up and told, once; enabling it tries anew."""
    bench = Clocked()
    told: list[Any] = []
    bench.script.handlers.on_failure(told.append)
    bench.during = lambda: 1 // 0  # type: ignore[assignment] # what it returns does not matter
    record = bench.make(after=1000)
    for _ in range(24 * 5):
        bench.tick()
        bench.clock.advance(timedelta(hours=1))
        bench.work()
    given_up, tries = bench.read(record), len(bench.events)
    bench.during = lambda: None
    Trigger(bench.script, record).enable()
    bench.tick()
    bench.work()

    assert given_up is not None
    assert (given_up.status, given_up.next_fire, len(told)) == (TriggerStatus.FAILING, None, 1)
    assert tries + 1 == len(bench.events)
    assert bench.read(record) is None


def test_consent_that_is_missing() -> None:
    """Without consent a single fire waits for as long as it takes, and says so."""
    bench = Clocked()

    def refuse() -> None:
        raise Revoked("no consent")

    bench.during = refuse
    record = bench.make(after=1000)
    for _ in range(24 * 5):
        bench.clock.advance(timedelta(hours=1))
        bench.tick()
        bench.work()
    waiting = bench.read(record)
    bench.during = lambda: None
    bench.clock.advance(timedelta(hours=2))
    bench.work()

    assert waiting is not None
    assert waiting.status == TriggerStatus.NEEDS_AUTH
    assert bench.read(record) is None


def test_a_handler_that_is_gone() -> None:
    """A trigger whose handler no deployment knows is failing, by name, and recovers with the handler."""
    bench = Clocked()
    record = bench.make("gone", every_minutes=1)
    bench.minutes(1)
    failing = bench.read(record)
    bench.script.handlers.handler("gone")(bench.strike)
    bench.minutes(1)
    fine = bench.read(record)

    assert failing is not None
    assert fine is not None
    assert (failing.status, failing.reason) == (TriggerStatus.FAILING, "Script function not found: gone")
    assert (fine.status, fine.reason) == (TriggerStatus.ACTIVE, None)


def test_a_run_before_its_time() -> None:
    """A task that comes too early is asked to come again."""
    bench = Clocked()
    record = bench.make(every_minutes=10)

    with pytest.raises(Later):
        run_due(bench.script, record.id, bench.ground.now() + 1)


def test_a_trigger_that_cannot_be_read_holds_up_no_other() -> None:
    """One document that makes no sense leaves the others to fire."""
    bench = Clocked()
    broken = bench.make(every_minutes=1)
    bench.make(every_minutes=1)
    found = triggers.find(bench.ground, broken.id)
    assert found is not None
    data = {**found[0].data, "schedule": {"when": {"type": "never"}}}
    bench.ground.store.commit(replace(triggers.put(broken, found[0].version), data=data))
    bench.minutes(1)

    assert len(bench.events) == 1


def test_more_than_one_batch_is_dispatched() -> None:
    """One tick hands over every due trigger, however many batches that takes."""
    bench = Clocked()
    records = [bench.make(every_minutes=5) for _ in range(2 * dispatch.BATCH + 7)]
    bench.clock.set(instant("2026-11-20T10:08Z"))
    made = bench.tick()
    bench.work()

    assert (len(records), 0) == (made, bench.tick())
    assert {record.id for record in records} == {event.trigger_uid for event in bench.events}


# ---- Nothing is lost, nothing counted twice ----

STEPS = st.lists(
    st.sampled_from(["second", "half", "minutes", "tick", "tick", "work", "work", "outage", "long run"]), max_size=25
)


@settings(max_examples=60)
@given(STEPS, st.sampled_from(Overlap), st.booleans(), st.integers(1, 3))
def test_every_slot_is_accounted_for(steps: list[str], overlap: Overlap, catch_up: bool, every: int) -> None:
    """However ticks, tasks, outages and long runs fall: each slot is run for, skipped or dropped, exactly once."""
    bench = Clocked("2026-11-20T10:00:00Z")
    record = bench.make(every_minutes=every, overlap=overlap, catch_up=catch_up)
    rest = iter(steps)
    for step in rest:
        _take_step(bench, step, rest)
    bench.clock.set(bench.clock.now().replace(second=59))
    for _ in range(2):
        bench.tick()
        bench.work()
    after = bench.read(record)
    passed = int((bench.clock.now() - instant("2026-11-20T10:00Z")) / MINUTE) // every

    assert after is not None
    assert after.clockwork is not None
    run_for = sum(1 + event.missed for event in bench.events)
    assert passed == run_for + after.clockwork.skipped + after.clockwork.dropped
    assert (after.clockwork.claims, after.clockwork.buffered) == ((), False)


TIMES = {"second": timedelta(seconds=1), "half": MINUTE / 2, "minutes": 3 * MINUTE, "outage": timedelta(hours=1)}


def _take_step(bench: Clocked, step: str, rest: Iterator[str]) -> None:
    if step in TIMES:
        bench.clock.advance(TIMES[step])
    elif step == "tick":
        bench.tick()
    elif step == "work":
        bench.work()
    else:
        bench.during = lambda: _long(bench, rest)


def _long(bench: Clocked, rest: Iterator[str]) -> None:
    """The next run lasts while the next four steps are taken, but not longer than runs may."""
    bench.during = lambda: None
    for step in islice(rest, 4):
        _take_step(bench, "half" if step in ("outage", "minutes") else step, rest)


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
    bench.tick()
    bench.minutes(2)

    assert len(bench.events) == 3


@pytest.mark.parametrize("error", [Conflict, OutcomeUnknown])
def test_a_contested_claim_runs_once(error: type[LockstepError]) -> None:
    """A claim that meets another writer, or whose answer is lost, leads to one run."""
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


# ---- Deaths ----


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
