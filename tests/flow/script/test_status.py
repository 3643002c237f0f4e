"""What a trigger says of itself, how it fares, and what is written down of its runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from conference.errors import Revoked
from functions import script
from functions.script.changes import EventUpdated
from tests.flow.scripted import ScriptWorld, refuse
from tests.world import ALICE

BOB = "bob@example.com"


def make(world: ScriptWorld, *, by: str = ALICE, within: timedelta = timedelta(seconds=3)) -> None:
    """Somebody makes an event, and what follows at once has happened."""
    world.insert(summary="x", conferenceData=None, by=by)
    world.settle(within)


def test_what_a_calendar_trigger_says_of_itself(world: ScriptWorld) -> None:
    """As methods and as properties, by the documented names; it has no next fire."""
    trigger = world.follow()

    assert trigger.get_unique_id() == trigger.unique_id
    assert (trigger.unique_id.isdecimal(), len(trigger.unique_id)) == (True, 19)
    assert trigger.get_handler_function() == trigger.handler_function == "changed"
    assert trigger.get_event_type() is trigger.event_type is script.EventType.ON_EVENT_UPDATED
    assert trigger.get_trigger_source() is trigger.trigger_source is script.TriggerSource.CALENDAR
    assert trigger.get_trigger_source_id() == trigger.trigger_source_id == ALICE
    assert trigger.next_fire is None
    assert repr(trigger) == f"Trigger({trigger.unique_id}, 'changed', CALENDAR, ACTIVE)"


def test_a_trigger_is_itself_however_often_it_is_read(world: ScriptWorld) -> None:
    """It equals what is read of it later, and no other one."""
    trigger, other = world.follow(), world.follow()
    make(world)
    again = world.triggers()

    assert again == [trigger, other]
    assert {trigger, *again} == {trigger, other}
    assert trigger != trigger.unique_id


def test_how_a_trigger_fares_and_since_when(world: ScriptWorld) -> None:
    """Always well, then waiting for consent, then well again; disabled by its script, with a reason or without."""
    trigger = world.follow()
    fares: list[tuple[str, str | None, Any]] = []

    def note() -> None:
        (now,) = world.triggers()
        fares.append((str(now.status), now.disabled_reason, now.status_since))

    note()
    began = world.clock.now()

    def revoked(_: EventUpdated) -> None:
        raise Revoked("the user")

    world.fails = revoked
    make(world)
    note()
    world.fails = lambda _: None
    world.settle(timedelta(hours=2))
    note()
    trigger.disable()
    note()
    trigger.disable("for good")
    note()

    assert [(status, reason) for status, reason, _ in fares] == [
        ("ACTIVE", None),
        ("NEEDS_AUTH", "the user"),
        ("ACTIVE", None),
        ("DISABLED", "disabled by its script"),
        ("DISABLED", "for good"),
    ]
    never, refused, well, disabled, still = [since for *_, since in fares]
    assert never is None
    assert began <= refused < well <= disabled == still


def test_its_last_run_and_what_that_failed_with(world: ScriptWorld) -> None:
    """The newest run counts; a good one leaves no error."""
    trigger = world.follow()
    assert (trigger.last_run, trigger.last_error) == (None, None)
    world.fails = refuse
    make(world)
    (failed,) = world.triggers()
    world.fails = lambda _: None
    world.settle()
    (good,) = world.triggers()

    assert failed.last_error is not None
    assert failed.last_error.startswith("ValueError, scripted.py line ")
    assert good.last_error is None
    assert failed.last_run is not None
    assert good.last_run is not None
    assert failed.last_run < good.last_run <= world.clock.now()


def test_executions_are_asked_for_by_trigger_outcome_and_user(world: ScriptWorld) -> None:
    """The newest first, no more than asked for; of everybody only for who says so."""
    first, theirs = world.follow(), world.follow(user=BOB)
    second = world.follow()
    make(world)
    world.fails = refuse
    make(world, by=BOB)

    with world.scripting():
        mine = script.processes.list()
        assert {one.trigger for one in mine} == {first.unique_id, second.unique_id}
        assert [one.trigger for one in script.processes.list(trigger=first.unique_id)] == [first.unique_id]
        assert script.processes.list(outcome="failed") == []
        assert list(script.processes.list(limit=1)) == list(mine[:1])
        everybodys = script.processes.list(of_all_users=True)
        failed = script.processes.list(outcome="failed", of_all_users=True)
    assert [one.user for one in everybodys].count(ALICE) == 2
    assert {(one.user, one.trigger) for one in failed} == {(BOB, theirs.unique_id)}
    assert [one.began for one in everybodys] == sorted((one.began for one in everybodys), reverse=True)
    assert all(one.duration >= timedelta() for one in everybodys)


def test_executions_expire(world: ScriptWorld) -> None:
    """After thirty days they are gone by themselves."""
    world.follow()
    make(world)
    kept: list[int] = []
    for passed in (timedelta(days=29, hours=23), timedelta(hours=2)):
        world.clock.advance(passed)
        with world.scripting():
            kept.append(len(script.processes.list()))

    assert kept == [1, 0]


def test_triggers_of_a_calendar_that_is_gone(world: ScriptWorld) -> None:
    """They are found by its id, though nobody can tell any more what else it is called."""
    team = "team@group.calendar.google.com"
    world.google_control("calendars", id=team, owner=ALICE, timeZone="UTC")
    trigger = world.follow(calendar=team)
    with world.scripting():
        script.Calendar.calendars.remove(team)
        assert script.get_user_triggers(team) == [trigger]
        assert script.get_user_triggers("primary") == []
