"""How much at once, how long, how large: what a script's runs are bounded by, and what they cost others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from functions import script
from functions.script import noting, simultaneous
from functions.script.context import Execution
from functions.script.snapshot import OwnWrite
from tests.flow.scripted import ScriptWorld, plain
from tests.meanwhile import Meanwhile
from tests.world import ALICE


def slow(world: ScriptWorld) -> None:
    """The handler takes a minute."""
    world.clock.advance(timedelta(minutes=1))


class Counting:
    """A store that remembers whose documents were asked for."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.touched: set[str] = set()

    def get(self, key: str) -> Any:
        """Read one."""
        self.touched.add(key.partition("/")[0])
        return self._store.get(key)

    def query(self, collection: str, *arguments: Any, **named: Any) -> Any:
        """Look for some."""
        self.touched.add(collection)
        return self._store.query(collection, *arguments, **named)

    def commit(self, *writes: Any) -> Any:
        """Write."""
        self.touched.update(write.key.partition("/")[0] for write in writes)
        return self._store.commit(*writes)


def test_a_feed_that_no_script_follows_costs_nothing_more(world: ScriptWorld) -> None:
    """No trigger, snapshot or delivery is asked for, and events are listed by their mask."""
    world.connect()
    store = Counting(world.store)
    world.change_ground(store=store)
    event = world.insert()["id"]
    world.settle()
    world.patch(event, summary="Renamed")
    world.settle()

    assert store.touched == {"feeds", "channels", "ledger", "runs"}


def test_a_crowd_is_handed_over_in_portions(world: ScriptWorld) -> None:
    """Two hundred in one run of the handler at most; each change in one of them, in the order of the feed."""
    world.follow()
    for number in range(230):
        plain(world, f"Event {number}")
    world.settle()

    assert [len(event.changes) for _, event in world.told] == [200, 30]
    assert len({one.id for one in world.changes()}) == 230


def test_a_slow_handler_goes_on_in_another_task(world: ScriptWorld) -> None:
    """No task takes longer than it may, and nothing waits for the tick."""
    world.follow()
    world.fails = lambda _: slow(world)
    for number in range(230):
        plain(world, f"Event {number}")
    began = world.clock.now()
    world.settle(timedelta(minutes=10))

    assert [len(event.changes) for _, event in world.told] == [200, 30]
    assert world.clock.now() - began < timedelta(minutes=3)
    assert [one.record.lease_until for one in world.triggers()] == [0.0]


def test_a_large_event_is_told_without_what_was_before(world: ScriptWorld) -> None:
    """Two states that do not fit into one document: the new one is told; one that does not fit itself is noted."""
    world.follow()
    world.google_control("push", silent=True)
    large = {"id": "large1", "summary": "Large", "status": "confirmed", "extendedProperties": {"x": "y" * 200_000}}
    world.google_control("events", calendarId=ALICE, event=large)
    world.clock.advance(timedelta(minutes=16))
    world.tick()
    world.settle()
    world.google_control("events", calendarId=ALICE, event={**large, "summary": "Larger"})
    huge = {"id": "huge1", "summary": "Huge", "status": "confirmed", "extendedProperties": {"x": "y" * 400_000}}
    world.google_control("events", calendarId=ALICE, event=huge)
    plain(world, "Small")
    world.clock.advance(timedelta(minutes=16))
    world.tick()
    world.settle()

    told = [str(one.event["summary"]) for one in world.changes()]
    assert told[0] == "Large"
    assert sorted(told[1:]) == ["Larger", "Small"]
    assert [one.data["event"] for one in world.store.query("dead")] == ["huge1"]


def test_an_echo_that_is_quicker_than_the_answer(world: ScriptWorld) -> None:
    """What we wrote was listed before we could note that it was ours: it is no news all the same."""
    world.follow()
    event = plain(world, "Lunch")
    world.settle()
    world.told.clear()
    etag = world.patch(event, location="Room 1")["etag"]
    world.run_due(until="run_trigger")
    noting.own_write(world.ground, ALICE, ALICE, event, OwnWrite(etag, ("location",)))
    world.settle()
    assert world.told == []

    etag = world.patch(event, location="Room 2", summary="Dinner")["etag"]
    world.run_due(until="run_trigger")
    noting.own_write(world.ground, ALICE, ALICE, event, OwnWrite(etag, ("location",)))
    world.settle()
    assert world.kinds() == [("updated", "Dinner")]


def test_a_change_under_our_write_is_news(world: ScriptWorld) -> None:
    """A person renamed the event unseen, and a handler's write came on top: the new name is told."""
    world.follow()
    event = plain(world, "Lunch")
    world.settle()
    world.told.clear()
    world.patch(event, summary="Dinner")
    with world.scripting():
        script.Calendar.events.patch({"location": "Room 1"}, "primary", event)
    world.settle()

    (change,) = world.changes()
    assert change.fields == {"summary", "location"}


def test_a_notice_while_events_are_noted(world: ScriptWorld) -> None:
    """The feed's document is written by others meanwhile; nothing is lost, nothing told twice."""
    world.follow()

    def another() -> None:
        plain(world, "Second")
        world.deliver()

    world.change_ground(calendar=Meanwhile(world.ground.calendar, "changes", another))
    plain(world, "First")
    world.settle()

    assert sorted(title for _, title in world.kinds()) == ["First", "Second"]


def executions(world: ScriptWorld) -> list[str]:
    """How Alice's runs have ended, the first one first."""
    with world.scripting():
        return [one.outcome for one in reversed(script.processes.list())]


class TestProfile:
    """Runs that the profile refuses, or that take longer than it grants."""

    def test_what_there_is_no_room_for_waits(self, world: ScriptWorld) -> None:
        """All changes are kept together, and handed over when there is room; a refusal is no handler's failure."""
        world.change_project(limits=script.Limits(runs_of_user=1))
        trigger = world.follow()
        simultaneous.enter(world.project, ALICE, Execution("another of hers"))
        for number in range(3):
            plain(world, f"{number}")
        world.settle(timedelta(minutes=9))
        waiting, refused = [*world.told], set(executions(world))
        world.settle(timedelta(hours=2))

        assert (waiting, refused) == ([], {"refused"})
        assert [[change.event["summary"] for change in event.changes] for _, event in world.told] == [["0", "1", "2"]]
        assert executions(world)[-1] == "completed"
        with world.scripting():
            assert [one.status for one in script.get_project_triggers()] == [script.TriggerStatus.ACTIVE]
            assert script.get_parked(trigger) == []

    def test_a_run_that_takes_too_long_with_several(self, world: ScriptWorld) -> None:
        """Each change is given alone then; who takes too long with it is tried again later, and holds up no other."""
        world.change_project(limits=script.Limits(run_length=100))
        world.follow()
        slow_one = plain(world, "slow")
        for number in range(2):
            plain(world, f"{number}")
        long = [slow_one]

        def work(event: script.EventUpdated) -> None:
            world.clock.advance(timedelta(seconds=10 + 100 * sum(one.id in long for one in event.changes)))

        world.fails = work
        world.settle()
        tried = world.kinds()
        long.clear()
        world.settle(timedelta(hours=1))

        assert tried[:6] == [("created", title) for title in ("slow", "0", "1", "slow", "0", "1")]
        assert executions(world)[:4] == ["timed out", "timed out", "completed", "completed"]
        assert executions(world)[-1] == "completed"
        assert world.kinds()[-1] == ("created", "slow")
