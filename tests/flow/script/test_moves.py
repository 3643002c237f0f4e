"""A script that moves events: what that leads to on either calendar is no news, and what people do then is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from conference.errors import Later
from functions import script
from functions.ports import Store
from functions.script.moving import before_move
from functions.script.project import CalendarApi
from tests.flow.scripted import ScriptWorld, title
from tests.world import ALICE

BOB, TEAM = "bob@example.com", "team@group.calendar.google.com"
ZONED = {
    "start": {"dateTime": "2026-11-24T10:00:00+01:00", "timeZone": "Europe/Zurich"},
    "end": {"dateTime": "2026-11-24T11:00:00+01:00", "timeZone": "Europe/Zurich"},
}


@pytest.fixture(params=["Europe/Zurich", "America/New_York"])
def world(request: pytest.FixtureRequest) -> Iterator[ScriptWorld]:
    """A script that follows Alice's calendar and her team's, which may have another zone."""
    with contextlib.closing(ScriptWorld()) as made:
        made.google_control("calendars", id=TEAM, owner=ALICE, timeZone=request.param)
        made.follow()
        made.follow(calendar=TEAM)
        yield made


def plain(world: ScriptWorld, summary: str, calendar: str = "primary", **fields: Any) -> str:
    """An event without a conference, of which the script has heard."""
    event = world.insert(calendar, summary=summary, conferenceData=None, **fields)
    world.settle()
    world.told.clear()
    return str(event["id"])


def move(world: ScriptWorld, event: str, source: str = "primary", destination: str = TEAM) -> None:
    """The script moves it, and everything comes to rest."""
    with world.scripting():
        script.Calendar.events.move(source, event, destination)
    rest(world)


def rest(world: ScriptWorld) -> None:
    """Let everything come to rest."""
    for _ in range(2):
        world.settle(timedelta(hours=1))
        world.tick()


def heard(world: ScriptWorld) -> list[tuple[str, str, str]]:
    """What was told: where, what kind, and the title."""
    return sorted((event.calendar_id, str(one.kind), title(one)) for _, event in world.told for one in event.changes)


GUESTS = [{"email": BOB}]
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "with guests": {"attendees": GUESTS},
    "whose organizer is a guest": {"attendees": [*GUESTS, {"email": ALICE, "responseStatus": "accepted"}]},
    "series": {"recurrence": ["RRULE:FREQ=DAILY;COUNT=5"], **ZONED},
    "all day": {"start": {"date": "2026-11-26"}, "end": {"date": "2026-11-27"}},
}


class TestItsOwn:
    """The echoes of a move."""

    @pytest.mark.parametrize("kind", sorted(KINDS))
    def test_a_move_is_no_news(self, world: ScriptWorld, kind: str) -> None:
        """Neither where the event has gone from, nor where it has come to."""
        event = plain(world, "x", **KINDS[kind])
        move(world, event)

        assert heard(world) == []
        assert world.act("GET", TEAM, event)["organizer"]["email"] == TEAM

    def test_there_and_back(self, world: ScriptWorld) -> None:
        """Each way."""
        event = plain(world, "x")
        move(world, event)
        move(world, event, TEAM, "primary")

        assert heard(world) == []

    def test_a_series_with_exceptions(self, world: ScriptWorld) -> None:
        """One occurrence changed, one cancelled: they are moved along, and are no news either."""
        event = plain(world, "x", **KINDS["series"])
        world.patch(f"{event}_20261125T090000Z", summary="y")
        world.cancel(f"{event}_20261126T090000Z")
        rest(world)
        world.told.clear()
        move(world, event)

        assert heard(world) == []
        assert world.act("GET", TEAM, f"{event}_20261125T090000Z")["summary"] == "y"

    def test_who_asks_for_own_writes_is_told(self, world: ScriptWorld) -> None:
        """As ours, on both calendars."""
        for calendar in ("primary", TEAM):
            with world.scripting():
                script.new_trigger("changed").for_user_calendar(calendar).on_event_updated().own_writes().create()
        event = plain(world, "x")
        move(world, event)

        assert heard(world) == [(ALICE, "cancelled", "x"), (TEAM, "created", "x")]
        assert all(one.ours for one in world.changes())

    def test_an_echo_that_comes_before_the_answer(self, world: ScriptWorld) -> None:
        """A feed's run may note the move before the script knows that it is done."""
        event = plain(world, "x")
        moved = before_move(world.project, ALICE, "primary", event, TEAM)
        world.act("POST", "primary", f"{event}/move", body={}, destination=TEAM)
        world.run_due(until="run_trigger")
        moved()
        rest(world)

        assert heard(world) == []

    def test_nobody_follows(self, world: ScriptWorld) -> None:
        """A move between calendars that no trigger follows costs no call more than the move."""
        world.google_control("calendars", id="other@example.com", owner=ALICE, timeZone="UTC")
        world.google_control("calendars", id="third@example.com", owner=ALICE, timeZone="UTC")
        event = plain(world, "x", "other@example.com")
        asked = Counted(world.project.api)
        world.change_project(api=asked)
        with world.scripting():
            script.Calendar.events.move("other@example.com", event, "third@example.com")

        assert asked.methods == ["events.move"]


class TestOthers:
    """What people do with an event that the script has moved."""

    def test_an_edit_at_once_is_news(self, world: ScriptWorld) -> None:
        """Even one that comes before anybody has looked at the event where it is now."""
        event = plain(world, "x")
        with world.scripting():
            script.Calendar.events.move("primary", event, TEAM)
        world.patch(event, TEAM, summary="y")
        rest(world)

        assert heard(world) == [(TEAM, "created", "y")]

    def test_an_edit_later_is_news(self, world: ScriptWorld) -> None:
        """And so is one that undoes it: the move has left the same, but this is not the move."""
        event = plain(world, "x")
        move(world, event)
        for summary in ("y", "x"):
            world.patch(event, TEAM, summary=summary)
            rest(world)

        assert [it for *_, it in heard(world)] == ["x", "y"]

    @pytest.mark.parametrize("kind", ["plain", "whose organizer is a guest"])
    def test_a_deletion_later_is_news(self, world: ScriptWorld, kind: str) -> None:
        """On the calendar that it has come to, and for a guest on the one that it came from."""
        event = plain(world, "x", **KINDS[kind])
        move(world, event)
        world.cancel(event, TEAM)
        rest(world)

        guest = [(ALICE, "cancelled", "x")] if kind != "plain" else []
        assert heard(world) == [*guest, (TEAM, "cancelled", "x")]

    def test_a_move_by_somebody_is_news(self, world: ScriptWorld) -> None:
        """The same way as the script has moved it before."""
        event = plain(world, "x")
        move(world, event)
        move(world, event, TEAM, "primary")
        world.act("POST", "primary", f"{event}/move", body={}, destination=TEAM)
        rest(world)

        assert heard(world) == [(ALICE, "cancelled", "x"), (TEAM, "created", "x")]

    def test_who_restores_and_deletes_what_the_script_has_deleted(self, world: ScriptWorld) -> None:
        """The second deletion is somebody's, though it looks like the script's."""
        event = plain(world, "x")
        with world.scripting():
            script.Calendar.events.remove("primary", event)
        rest(world)
        assert heard(world) == []
        world.patch(event, status="confirmed")
        rest(world)
        world.cancel(event)
        rest(world)

        assert sorted(kind for _, kind, _ in heard(world)) == ["cancelled", "created"]


class TestTrouble:
    """A move whose echoes cannot be told is made all the same."""

    def test_an_event_that_cannot_be_moved(self, world: ScriptWorld) -> None:
        """The move's own answer tells what is wrong."""
        with world.scripting(), pytest.raises(script.CalendarApiError) as refused:
            script.Calendar.events.move("primary", "missing", TEAM)

        assert (refused.value.method, refused.value.status) == ("events.move", 404)

    def test_a_move_that_cannot_be_noted(self, world: ScriptWorld) -> None:
        """It is done, and comes back as somebody's."""
        event = plain(world, "x")
        standing, down = world.store, Down(world.store)
        world.change_ground(store=down)
        foreseen = before_move(world.project, ALICE, "primary", event, TEAM)
        down.down = True
        unforeseen = before_move(world.project, ALICE, "primary", event, TEAM)
        world.act("POST", "primary", f"{event}/move", body={}, destination=TEAM)
        foreseen()
        unforeseen()
        world.change_ground(store=standing)
        rest(world)

        assert heard(world) == [(ALICE, "cancelled", "x"), (TEAM, "created", "x")]


class Counted:
    """The API, and what was called of it."""

    def __init__(self, api: CalendarApi) -> None:
        self._api = api
        self.methods: list[str] = []

    def call(self, user: str, method: str, path: Mapping[str, str], **more: Any) -> dict[str, Any]:
        """As the API."""
        self.methods.append(method)
        return self._api.call(user, method, path, **more)


class Down:
    """A store that can be out of reach."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.down = False

    def __getattr__(self, name: str) -> Any:
        if self.down:
            raise Later("the store cannot be reached")
        return getattr(self._store, name)


def test_a_calendar_that_only_a_script_follows_takes_no_meeting_over(world: ScriptWorld) -> None:
    """A person moves an event there: its meeting goes, as with a calendar that nobody follows, and nothing waits."""
    world.connect()
    event = world.insert()
    world.settle()
    assert len(world.meetings()) == 1
    world.move(event["id"], TEAM)
    rest(world)

    assert world.meetings() == []
    assert not any(row.pending or row.parked for row in world.rows())
