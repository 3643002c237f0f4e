"""Tokens that are dropped, are none, are each calendar's own, in both styles: scenarios S7 to S10 and S22."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions import script
from functions.ports import Document, Put
from tests.flow.script_sample.world import BOB, NOTHING, STYLES, TEAM, TIMES, SampleWorld, tokens
from tests.world import ALICE


def gap(world: SampleWorld) -> None:
    """Two rooms; then, unheard, one event is moved and one deleted."""
    for name in ("moving", "leaving", "standing"):
        world.meet(name)
    world.google_control("push", silent=True)
    world.move_to(17, "moving")
    world.cancel("leaving")


def test_s7_the_token_is_dropped_on_the_second_page(begun: SampleWorld) -> None:
    """One full pass finds what the gap held: one moved, one deleted."""
    gap(begun)
    hit: list[str] = []

    def dropped(method: str, options: Mapping[str, Any]) -> None:
        if method == "events.list" and "syncToken" in options and "pageToken" in options and not hit:
            hit.append("page 2")
            raise script.CalendarApiError(method, 410, "Sync token is no longer valid.", reason="fullSyncRequired")

    begun.api.refuse = dropped
    before = tokens(begun)
    if begun.style != STYLES[0]:
        begun.google_control("expire-tokens", calendarId=ALICE)
    for _ in range(3):
        begun.insert(conferenceData=None)
    begun.wait(16)

    assert begun.rooms.done() == {"update": 1, "delete": 1}
    assert tokens(begun)[ALICE] != before[ALICE]
    full = [options for _, options in begun.api.lists if "timeMin" in options and "pageToken" not in options]
    assert (hit, len(full)) == ((["page 2"], 2) if begun.style == STYLES[0] else ([], 0))


def test_s7_what_was_deleted_may_be_in_no_list(begun: SampleWorld) -> None:
    """The full pass shows no tombstone: whoever is missing is looked up before anything is deleted."""
    gap(begun)
    begun.google_control("expire-tokens", calendarId=ALICE)
    begun.api.forgets = True
    begun.wait(16)

    assert begun.rooms.done() == {"update": 1, "delete": 1}
    assert begun.rooms.standing.keys() == {"room-1", "room-3"}


def test_s8_the_token_is_dropped_again_at_once(begun: SampleWorld) -> None:
    """Nothing is called and nothing recurs; it is tried again later, and the trigger tells."""
    begun.meet("planning")
    begun.api.lists.clear()

    def never(method: str, _: Mapping[str, Any]) -> None:
        if method == "events.list":
            raise script.CalendarApiError(method, 410, "Gone", reason="fullSyncRequired")

    begun.api.refuse = never
    if begun.style != STYLES[0]:
        begun.google_control("expire-tokens", calendarId=ALICE, times=3)
    begun.insert(conferenceData=None)
    begun.settle(timedelta(seconds=20))

    assert begun.rooms.done() == NOTHING
    assert len(begun.api.lists) <= 8
    if begun.style == STYLES[0]:
        assert [one.last_error is not None for one in begun.triggers()] == [True]
    begun.api.refuse = lambda _method, _options: None
    begun.move_to(18, "planning")
    begun.wait(30)
    assert begun.rooms.done() == {"update": 1}


def test_s9_a_token_that_is_none(begun: SampleWorld) -> None:
    """400 "Invalid sync token value." is mended as 410 is."""
    gap(begun)
    if begun.style == STYLES[0]:
        with begun.scripting():
            script.get_user_properties().set_property(f"syncToken:{ALICE}", "garbage")
    else:
        (document,) = begun.store.query("feeds")
        begun.store.commit(altered(document, token="garbage"))
    begun.insert(conferenceData=None)
    begun.wait(16)

    assert begun.rooms.done() == {"update": 1, "delete": 1}
    assert tokens(begun)[ALICE] != "garbage"


def altered(document: Document, **changed: object) -> Put:
    """A write of a document with other fields."""
    return Put(document.key, {**document.data, **changed}, document.version)


def test_s10_two_calendars_of_one_user(teamed: SampleWorld) -> None:
    """Each its own token, and its own rooms."""
    teamed.meet("mine0")
    teamed.meet("teams", TEAM)
    teamed.move_to(15, "teams", TEAM)
    teamed.wait(1)

    assert tokens(teamed).keys() == {ALICE, TEAM}
    assert teamed.rooms.done() == {"update": 1}
    assert teamed.rooms.standing["room-2"].start.startswith("2026-11-24T15")
    assert len({one.trigger_source_id for one in teamed.triggers()}) == 2


def test_s10_two_users_of_one_calendar(teamed: SampleWorld) -> None:
    """A room is its maker's, and only for them it is touched."""
    teamed.begin(TEAM, BOB)
    teamed.meet("bobs0", TEAM, by=BOB)
    teamed.move_to(15, "bobs0", TEAM)
    teamed.wait(1)
    assert teamed.rooms.done() == {"update": 1}
    teamed.cancel("bobs0", TEAM)
    teamed.wait(1)

    assert teamed.rooms.done() == {"delete": 1}
    assert tokens(teamed, BOB).keys() == {TEAM}
    with teamed.scripting():
        assert script.conferences.in_calendar(TEAM) == []


@pytest.mark.parametrize("day", [datetime(2027, 3, 1, 8, tzinfo=UTC), datetime(2028, 3, 1, 8, tzinfo=UTC)])
def test_s22_a_full_pass_on_the_first_of_march(world: SampleWorld, day: datetime) -> None:
    """Yesterday was another month's, and once a leap day."""
    world.clock.set(day)
    world.begin()
    times: dict[str, Any] = {
        name: {"dateTime": (day + timedelta(days=1, hours=hour)).isoformat()} for name, hour in TIMES
    }
    world.meet("planning", **times)
    world.google_control("expire-tokens", calendarId=ALICE)
    world.patch("planning", start=times["end"], end={"dateTime": (day + timedelta(days=1, hours=12)).isoformat()})
    world.wait(16)

    assert world.rooms.done() == {"update": 1}
