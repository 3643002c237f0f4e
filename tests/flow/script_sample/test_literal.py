"""Google's sample without corrections shows its five defects here too, as it does on Apps Script.

So the surface is faithful, and the scenarios beside this file can fail; the port passes each of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from functions import script
from tests.flow.script_sample.literal import LiteralSample
from tests.flow.script_sample.world import STYLES, TEAM, SampleWorld
from tests.world import ALICE


class LiteralWorld(SampleWorld):
    """The world with the sample as it stands; what is made in it, the port makes, so that it is there to be lost."""

    def __init__(self) -> None:
        super().__init__(STYLES[0])
        self.literal = LiteralSample(self.rooms, self.clock.now)
        self.literal.register(self.handlers)

    def follow_literally(self, calendar: str = ALICE) -> None:
        """The sample's trigger."""
        with self.scripting():
            self.literal.create_sync_trigger(calendar)
        self.wait(1)

    def has_token(self, calendar: str = ALICE) -> None:
        """Give the sample the sync token that it never gets by itself."""
        with self.scripting():
            token = script.Calendar.events.list(calendar)["nextSyncToken"]
            script.get_user_properties().set_property("syncToken", token)

    def token(self) -> str | None:
        """The sample's token."""
        with self.scripting():
            return script.get_user_properties().get_property("syncToken")

    def room(self, event: str = "planning") -> None:
        """An event with a room, before the sample looks."""
        made = self.ask(event)
        with self.scripting():
            for trigger in script.get_project_triggers():
                script.delete_trigger(trigger)
            script.get_user_properties().delete_all_properties()
        self.insert(id=event, summary=event, conferenceData=self.data(made))
        self.wait(1)
        self.rooms.done()

    @property
    def error(self) -> str | None:
        """What the sample's last run failed with."""
        (trigger,) = self.triggers()
        return trigger.last_error


@pytest.fixture
def world() -> Iterator[LiteralWorld]:
    """Followed by the sample."""
    with contextlib.closing(LiteralWorld()) as made:
        yield made


@pytest.mark.parametrize("odd", [False, True])
def test_1_an_ordinary_event_poisons_it(world: LiteralWorld, odd: bool) -> None:
    """It fails at an event without a conference, or with a pending one; the token stays, so it fails for ever."""
    world.room()
    world.follow_literally()
    world.has_token()
    before = world.token()
    if odd:
        event = {"id": "pending1", "status": "confirmed", "conferenceData": {"createRequest": {"requestId": "1"}}}
        world.google_control("events", calendarId=ALICE, event=event)
        world.wait(16)
    else:
        world.insert(conferenceData=None)
        world.wait(1)
    assert (world.error or "").startswith("KeyError")
    world.move_to(15, "planning")
    world.wait(1)

    assert (world.error or "").startswith("KeyError")
    assert world.token() == before


def test_2_deletions_are_never_handled(world: LiteralWorld) -> None:
    """A tombstone has no conference to look into."""
    world.google_control("knobs", tombstones="bare")
    world.room()
    world.follow_literally()
    world.has_token()
    world.cancel("planning")
    world.wait(10)

    assert (world.error or "").startswith("KeyError")
    assert world.rooms.calls == []


def test_3_a_dropped_token_is_never_noticed(world: LiteralWorld) -> None:
    """The text that it waits for is not the one that comes."""
    world.room()
    world.follow_literally()
    world.has_token()
    before = world.token()
    world.google_control("expire-tokens", calendarId=ALICE)
    world.api.lists.clear()
    world.move_to(15, "planning")
    world.wait(20)

    assert (world.error or "").startswith("RuntimeError")
    assert world.token() == before
    assert {options.get("syncToken") for _, options in world.api.lists} == {before}
    assert world.rooms.calls == []


def test_4_a_second_calendar_is_asked_with_the_firsts_token(world: LiteralWorld) -> None:
    """There is one token for all."""
    world.google_control("calendars", id=TEAM, owner=ALICE, timeZone="Europe/Zurich")
    world.follow_literally()
    world.has_token()
    first = world.token()
    world.api.lists.clear()
    with world.scripting(), pytest.raises(RuntimeError):
        world.literal.initialize_syncing(TEAM)

    assert [(calendar, options["syncToken"]) for calendar, options in world.api.lists] == [(TEAM, first)]


def test_5_every_edit_deletes_the_conference(world: LiteralWorld) -> None:
    """The branch that would update it is never reached."""
    world.room()
    world.follow_literally()
    world.has_token()
    world.move_to(15, "planning")
    world.wait(1)

    assert world.rooms.calls == [("delete", "room-1")]


def test_its_full_pass_never_gets_a_token(world: LiteralWorld) -> None:
    """Trap T1: `orderBy` and `updatedMin` leave it in full mode for ever, without a word."""
    with world.scripting():
        world.literal.initialize_syncing(ALICE)
        world.literal.initialize_syncing(ALICE)

    assert [("orderBy" in options, "syncToken" in options) for _, options in world.api.lists] == [(True, False)] * 2
    assert world.token() is None


def test_another_handlers_trigger_keeps_its_own_from_being_made(world: LiteralWorld) -> None:
    """Trap T12: only the calendar is compared; and "primary" is another text than the address, so there are two."""
    world.follow("changed")
    world.follow_literally()
    assert [one.handler_function for one in world.triggers()] == ["changed"]
    world.follow_literally("primary")
    world.follow_literally("primary")

    assert [one.handler_function for one in world.triggers()] == ["changed", "syncEvents", "syncEvents"]
