"""A conference asked for, before its event is saved or after, in both styles: scenarios S20 and S21, and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from examples.rooms import SignInRequired, Wish
from functions import script
from tests.crashing import Crash
from tests.flow.script_sample.world import NOTHING, SampleWorld
from tests.world import ALICE


def test_s20_a_conference_before_its_event(begun: SampleWorld) -> None:
    """Made of placeholders, and brought up to date once the event is there; a full pass in between spares it."""
    made = begun.ask("planning")
    assert begun.rooms.standing == {"room-1": Wish()}
    begun.google_control("expire-tokens", calendarId=ALICE)
    begun.insert(conferenceData=None)
    begun.wait(16)
    assert begun.rooms.done() == {"create": 1}
    begun.insert(id="planning", conferenceData=begun.data(made))
    begun.wait(1)

    assert begun.rooms.done() == {"update": 1}
    assert begun.rooms.standing["room-1"].title == "Planning"


def test_s20_a_conference_for_a_saved_event(begun: SampleWorld) -> None:
    """It is right from the start."""
    event = begun.insert(conferenceData=None)
    made = begun.ask(event["id"])
    begun.patch(event["id"], conferenceData=begun.data(made))
    begun.wait(1)

    assert begun.rooms.done() == {"create": 1}
    assert begun.rooms.standing["room-1"].title == "Planning"


def test_s21_syncing_cannot_be_begun(world: SampleWorld) -> None:
    """The user reads that they may try again; then they get the room that is there already."""
    world.limited(triggers=0)
    assert world.ask("planning").to_markup()["error"]["type"] == "TEMPORARY"
    world.limited()
    made = world.ask("planning")
    world.ask("planning")

    assert world.data(made)["conferenceId"] == "room-1"
    assert world.rooms.done() == {"create": 1}


def test_s21_a_crash_before_the_room_is_noted(world: SampleWorld) -> None:
    """The service knows its key: it is the same room."""

    def crash(what: str, _: Wish) -> None:
        world.rooms.after = lambda _what, _wish: None
        raise Crash(what)

    world.rooms.after = crash
    with pytest.raises(Crash):
        world.ask("planning")
    world.ask("planning")

    assert world.rooms.done() == {"create": 1}


@pytest.mark.parametrize(
    ("error", "kind"), [(SignInRequired("https://rooms.example.com/in"), "AUTHENTICATION"), (OSError(), "TEMPORARY")]
)
def test_what_the_user_reads_instead(world: SampleWorld, error: Exception, kind: str) -> None:
    """Where to sign in, or to try again; nothing is linked and no trigger made."""

    def refuse(_what: str, _wish: Wish) -> None:
        raise error

    world.rooms.before = refuse
    told = world.ask("planning").to_markup()["error"]

    assert told["type"] == kind
    assert told.get("authenticationUrl") == getattr(error, "url", None)
    assert world.triggers() == []


def test_only_a_missing_event_is_taken_for_an_unsaved_one(world: SampleWorld) -> None:
    """When Calendar is down nothing is made of placeholders."""

    def down(method: str, _: Mapping[str, Any]) -> None:
        if method == "events.get":
            raise script.CalendarApiError(method, 503, "Backend Error")

    world.api.refuse = down

    assert world.ask("planning").to_markup()["error"]["type"] == "TEMPORARY"
    assert world.rooms.done() == NOTHING


@pytest.mark.parametrize(("number", "ways"), [("41000", ["video", "phone"]), ("", ["video"])])
def test_a_room_without_a_number_has_no_phone(world: SampleWorld, number: str, ways: list[str]) -> None:
    """Google's sample makes it one all the same, and names no solution; both styles name it."""
    world.rooms.number = number
    made = world.ask("planning")

    assert [one["entryPointType"] for one in world.data(made)["entryPoints"]] == ways
    assert made.to_markup()["conferenceSolutionId"] == "1"
