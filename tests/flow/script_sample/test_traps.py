"""Further traps of Google's sample (T1 to T25) that no scenario shows by itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from functions import script
from tests.flow.script_sample.world import NOTHING, STYLES, SampleWorld
from tests.world import ALICE


@pytest.fixture(params=STYLES)
def world(request: pytest.FixtureRequest) -> Iterator[SampleWorld]:
    """A calendar that either style keeps in step."""
    with contextlib.closing(SampleWorld(request.param)) as made:
        made.begin()
        yield made


@pytest.fixture
def ported() -> Iterator[SampleWorld]:
    """A calendar that the ported sample keeps in step."""
    with contextlib.closing(SampleWorld(STYLES[0])) as made:
        made.begin()
        yield made


def full_passes(world: SampleWorld) -> list[Mapping[str, Any]]:
    """First pages of lists without a sync token."""
    return [
        options for _, options in world.api.lists if options.get("syncToken") is None and "pageToken" not in options
    ]


def test_t1_a_full_pass_asks_for_nothing_that_costs_the_token(ported: SampleWorld) -> None:
    """Neither an order nor when an event was updated: the 24 hours are reckoned by the port itself."""
    (first,) = full_passes(ported)

    assert {name for name, value in first.items() if value is not None} == {"showDeleted", "maxResults", "timeMin"}


def test_t2_an_event_that_has_begun_is_in_a_full_pass(world: SampleWorld) -> None:
    """`timeMin` bounds the end: what goes on now is kept in step, too."""
    now: dict[str, Any] = {
        "start": {"dateTime": "2026-11-23T08:30:00+01:00"},
        "end": {"dateTime": "2026-11-23T12:00:00+01:00"},
    }
    world.meet("planning", **now)
    world.google_control("push", silent=True)
    world.google_control("expire-tokens", calendarId=ALICE)
    world.patch("planning", end={"dateTime": "2026-11-23T13:00:00+01:00"})
    world.wait(16)

    assert world.rooms.done() == {"update": 1}


def test_t6_a_second_drop_within_the_cooldown_backs_off(ported: SampleWorld) -> None:
    """One full pass now, the next one later; nothing is lost."""
    ported.meet("planning")
    ported.api.lists.clear()
    for hour in (15, 17):
        ported.google_control("expire-tokens", calendarId=ALICE)
        ported.move_to(hour, "planning")
        ported.wait(0)
    assert len(full_passes(ported)) == 1
    ported.wait(10)

    assert len(full_passes(ported)) == 2
    assert ported.rooms.standing["room-1"].start.startswith("2026-11-24T17")


def test_t8_the_trigger_tells_what_the_api_said(ported: SampleWorld) -> None:
    """The original error is raised, with its status and reason."""

    def down(method: str, _: Mapping[str, Any]) -> None:
        raise script.CalendarApiError(method, 403, "Rate Limit Exceeded", reason="rateLimitExceeded")

    ported.api.refuse = down
    ported.insert(conferenceData=None)
    ported.wait(0)

    (trigger,) = ported.triggers()
    assert trigger.last_error == "API call to calendar.events.list failed with error: Rate Limit Exceeded"


def test_t9_an_older_token_does_not_replace_a_newer_one(ported: SampleWorld) -> None:
    """A run that was overtaken while it listed leaves the token alone."""

    def overtaken(method: str, _: Mapping[str, Any]) -> None:
        if method == "events.list":
            script.get_user_properties().set_property(f"syncToken:{ALICE}", "newer")

    ported.api.refuse = overtaken
    ported.insert(conferenceData=None)
    ported.settle()

    with ported.scripting():
        assert script.get_user_properties().get_property(f"syncToken:{ALICE}") == "newer"


def test_t9_two_runs_of_a_user_wait_for_each_other(ported: SampleWorld) -> None:
    """The port holds the user's lock while it lists."""
    held: list[bool] = []

    def look(_method: str, _options: Mapping[str, Any]) -> None:
        held.append(not script.get_user_lock().try_lock(0))

    ported.api.refuse = look
    ported.insert(conferenceData=None)
    ported.wait(0)

    assert held
    assert all(held)


def test_t13_the_first_pass_is_no_flood(world: SampleWorld) -> None:
    """Rooms that stood before, edited a moment ago, are left as they are when syncing begins anew."""
    for name in ("first", "second", "third"):
        world.meet(name)
    with world.scripting():
        for trigger in script.get_project_triggers():
            script.delete_trigger(trigger)
        script.get_user_properties().delete_all_properties()
    world.begin()
    world.wait(2)
    assert world.rooms.done() == NOTHING
    world.move_to(15, "second")
    world.wait(1)

    assert world.rooms.done() == {"update": 1}


@pytest.mark.parametrize("kind", ["addOn", "hangoutsMeet"])
def test_t14_a_conference_of_the_same_name_is_not_ours(world: SampleWorld, kind: str) -> None:
    """What users read decides nothing: the kind and an id that is this user's do."""
    event = world.meet("planning")
    data = {
        **event["conferenceData"],
        "conferenceId": "room-1" if kind == "hangoutsMeet" else "room-99",
        "conferenceSolution": {"key": {"type": kind}, "name": "My Web Conference"},
    }
    world.google_control("events", calendarId=ALICE, event={**event, "id": "other0", "conferenceData": data})
    world.wait(16)
    world.move_to(15, "other0")
    world.wait(1)
    world.cancel("other0")
    world.wait(1)

    assert world.rooms.done() == NOTHING


def test_t17_a_copied_event_shares_the_room(world: SampleWorld) -> None:
    """The room follows the first of the two, and goes with the last."""
    event = world.meet("planning")
    world.insert(id="copied0", conferenceData=event["conferenceData"])
    world.wait(1)
    world.move_to(18, "copied0")
    world.wait(1)
    assert world.rooms.done() == NOTHING
    world.cancel("planning")
    world.wait(1)
    world.move_to(19, "copied0")
    world.wait(1)
    assert world.rooms.done() == {"update": 1}
    world.cancel("copied0")
    world.wait(1)

    assert world.rooms.done() == {"delete": 1}


def test_t21_a_write_disturbs_nobody(world: SampleWorld) -> None:
    """Upon the version that was read, with conference data, and no mail to guests."""
    event = world.meet("planning")
    seen: list[Mapping[str, Any]] = []
    world.api.refuse = lambda method, options: seen.append(options) if method == "events.patch" else None
    world.rooms.pin = "2"
    world.move_to(15, "planning")
    world.wait(1)

    assert seen == [{"conferenceDataVersion": 1, "sendUpdates": "none"}]
    assert world.event("planning")["etag"] != event["etag"]


def test_t24_later_pages_are_asked_as_the_first_one(ported: SampleWorld) -> None:
    """Every parameter is repeated beside the page's token."""
    ported.api.lists.clear()
    for _ in range(5):
        ported.insert(conferenceData=None)
    ported.wait(0)

    asked = [{name: value for name, value in options.items() if name != "pageToken"} for _, options in ported.api.lists]
    assert len(asked) == 3
    assert all(options == asked[0] for options in asked)
    assert asked[0]["syncToken"]
