"""Clock triggers fired on the memory ground: ticks, tasks, missed fires, failures, what a trigger shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from conference.errors import Later, Revoked
from functions.script import context, dispatch, making
from functions.script import trigger as triggers
from functions.script.enums import TriggerStatus
from functions.script.errors import QuotaExceeded
from functions.script.firing import run_due
from functions.script.limits import Limits
from functions.script.making import Draft
from functions.script.trigger import CLOCK, Trigger
from tests.unit.script.bench import ALICE, BOB
from tests.unit.script.clocked import MINUTE, Clocked, instant


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


def test_the_profile_bounds_what_a_users_runs_take_in_a_day() -> None:
    """Once a user's runs have taken as long as is granted, theirs fail unstarted until 24 hours after the first."""
    bench = Clocked()
    bench.script = replace(bench.script, limits=Limits(trigger_runtime=60))
    record = bench.make(every_minutes=10)

    def strike() -> None:
        bench.clock.advance(timedelta(seconds=40))

    bench.during = strike
    bench.minutes(30)
    before = bench.slots()
    refused = bench.read(record)
    bench.clock.set(instant("2026-11-21T10:12Z"))
    bench.minutes(10)
    again = bench.slots()
    bench.clock.set(instant("2026-11-21T10:22Z"))
    bench.minutes(10)

    assert before == ["20T10:13:00", "20T10:23:00"]
    assert refused is not None
    assert (refused.status, refused.failures, refused.last_error) == (TriggerStatus.ACTIVE, 1, QuotaExceeded.RUNTIME)
    assert len(again) == 3
    assert len(bench.slots()) == 4


def test_the_days_runtime_is_each_users_own() -> None:
    """What one user's runs have taken holds up no other's."""
    bench = Clocked()
    bench.script = replace(bench.script, limits=Limits(trigger_runtime=30))
    users: list[str] = []

    def strike() -> None:
        users.append(context.user())
        bench.clock.advance(timedelta(seconds=40))

    bench.during = strike
    mine = bench.make(every_minutes=10)
    making.make(bench.script, BOB, Draft(handler="strike", source=CLOCK, schedule=mine.schedule))
    bench.minutes(30)

    assert sorted(users) == [ALICE, BOB]


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
