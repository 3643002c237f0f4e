"""Calendar triggers of scripts, from the people's edit to the handler's call."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import pytest

from functions import script
from tests.flow.scripted import ScriptWorld
from tests.world import ALICE

BOB = "bob@example.com"


@pytest.fixture
def world() -> Iterator[ScriptWorld]:
    """A world with a script."""
    with contextlib.closing(ScriptWorld()) as made:
        yield made


def plain(world: ScriptWorld, summary: str, *, by: str = ALICE) -> str:
    """An event without a conference; its id."""
    return str(world.insert(summary=summary, conferenceData=None, by=by)["id"])


def test_a_handler_is_told_what_happened(world: ScriptWorld) -> None:
    """Created, updated with the fields that differ, cancelled with what was before; one change each."""
    world.follow()
    event = plain(world, "Lunch")
    world.settle()
    world.patch(event, summary="Dinner")
    world.settle()
    world.cancel(event)
    world.settle()

    made, renamed, gone = world.changes()
    assert [one.kind for one in (made, renamed, gone)] == ["created", "updated", "cancelled"]
    assert (made.before, made.event["summary"]) == (None, "Lunch")
    assert renamed.fields == {"summary"}
    assert renamed.before is not None
    assert (renamed.before["summary"], renamed.event["summary"]) == ("Lunch", "Dinner")
    assert gone.before is not None
    assert (gone.before["summary"], gone.fields) == ("Dinner", frozenset({"status"}))


def test_the_event_object_is_the_documented_one(world: ScriptWorld) -> None:
    """The canonical calendar, the trigger's id and the mode, as attributes and as items."""
    trigger = world.follow()
    plain(world, "Lunch")
    world.settle()

    ((user, event),) = world.told
    assert (user, event.calendar_id, event["calendarId"]) == (ALICE, ALICE, ALICE)
    assert event["triggerUid"] == event.trigger_uid == trigger.unique_id
    assert event["authMode"] is script.AuthMode.FULL
    assert (event.attempt, event.full_sync, len(event.delivery_id)) == (1, False, 32)


def test_the_first_pass_is_a_baseline(world: ScriptWorld) -> None:
    """What was there before the trigger is not news; what is done to it afterwards is."""
    before = plain(world, "Old")
    world.clock.advance(timedelta(minutes=1))
    world.follow()
    assert world.changes() == []

    world.patch(before, summary="New")
    world.settle()
    assert world.kinds() == [("updated", "New")]
