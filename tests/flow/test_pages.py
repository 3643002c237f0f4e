"""Pages of a list: empty ones, ones without end, very many changes at once, and events near what a store takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from conference.event import Event, read_event
from conference.link import Link, index
from functions import dead, ledger, marking
from functions import feed as feeds
from functions.initialise import initialise
from functions.ledger import Row
from functions.ports import Delete, Page, Put
from tests.world import ALICE, World, asked

# ---- pages that do not lead anywhere -----------------------------------------------------------------


class Pages:
    """A calendar whose lists are made of other pages: `next_page` gives each page's token from the one asked for."""

    def __init__(self, calendar: Any, next_page: Callable[[str | None], str]) -> None:
        self._calendar, self._next_page = calendar, next_page
        self.asked = 0

    def changes(self, *_: Any, page: str | None = None, **__: Any) -> Page:
        """A page without an event, and with another one to come."""
        self.asked += 1
        return Page((), "Europe/Zurich", next_page=self._next_page(page))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calendar, name)


@pytest.mark.parametrize(
    ("next_page", "most"),
    [
        (lambda _: "the same", 2),
        (lambda page: "b" if page == "a" else "a", 3),
        (lambda page: str(int(page or 0) + 1), 1000),
    ],
    ids=["repeated", "in a circle", "without end"],
)
@pytest.mark.parametrize("full", [False, True], ids=["incremental", "full"])
def test_pages_that_lead_nowhere_are_refused_and_noted(
    world: World, feed: str, next_page: Callable[[str | None], str], most: int, full: bool
) -> None:
    """The feed stops and says why, nothing is deleted, its token is kept; connected again it goes on."""
    made = world.insert()
    world.settle()
    token = world.feed(feed).token
    world.patch(made["id"], summary="Renamed")
    if full:
        feeds.change(world.ground, feed, lambda it: msgspec.structs.replace(it, token=None))
    calm = world.ground.calendar
    odd = Pages(calm, next_page)
    world.change_ground(calendar=odd)
    world.settle(timedelta(hours=1))
    stopped = world.feed(feed)
    world.change_ground(calendar=calm)
    initialise(world.ground, ALICE, "primary")
    world.settle()

    assert "page" in (stopped.trouble or "")
    assert stopped.stopped
    assert stopped.token == (None if full else token)
    assert odd.asked <= most
    assert [meeting["title"] for meeting in world.meetings()] == ["Renamed"]


@pytest.mark.parametrize("limit", [1, 3])
def test_empty_and_short_pages_are_no_end(world: World, feed: str, limit: int) -> None:
    """Most pages hold nothing, and the token stands on the last one only: all events are followed, each once."""
    world.google_control("knobs", pageLimit=limit, emptyPages=0.6)
    for number in range(12):
        world.insert(summary=f"Event {number:02d}")
    world.settle()
    made = [meeting["title"] for meeting in world.meetings()]
    pages = world.calls()["GET events"]
    feeds.raise_dirty(world.ground, feed, full=True)
    world.settle()
    calls = world.calls()

    assert made == [f"Event {number:02d}" for number in range(12)]
    assert pages > 12 / limit
    assert calls["GET events"] > 12 / limit
    assert not any("meetings" in call or "event" in call.split() for call in calls)
    assert not world.feed(feed).full_wanted


def test_a_list_without_a_change_moves_the_token(world: World, feed: str) -> None:
    """A run that finds nothing, over empty pages only, is a run all the same: what came before is behind it."""
    world.insert(conferenceData=None)
    before = world.feed(feed).token
    world.google_control("knobs", pageLimit=1, emptyPages=0.5)
    world.settle()

    assert world.feed(feed).token != before
    assert (world.rows(), world.feed(feed).owed) == ([], False)


# ---- very many changes ----------------------------------------------------------------------------------


MANY = 1000


class Measured:
    """A store and lanes that note how much they are given at once."""

    def __init__(self, world: World, slowness: timedelta) -> None:
        self._world, self._slowness = world, slowness
        self._store, self._lanes = world.store, world.ground.lanes
        self.commits: list[int] = []
        self.bytes: list[int] = []
        self.lanes: list[int] = []

    def commit(self, *writes: Put | Delete) -> Any:
        """Commit, and note how many and how large they were."""
        self.commits.append(len(writes))
        self.bytes.append(sum(len(msgspec.json.encode(write.data)) for write in writes if isinstance(write, Put)))
        return self._store.commit(*writes)

    def run(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Make the calls, which takes a while."""
        self.lanes.append(len(calls))
        self._world.clock.advance(self._slowness)
        return self._lanes.run(calls)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def raw_event(number: int, answer: str, *, summary: str = "Event", guests: int = 3) -> dict[str, Any]:
    """An event that names its meeting, whose guests have given this answer."""
    name = f"event{number:06d}"
    return {
        "id": name,
        "iCalUID": f"{name}@google.com",
        "status": "confirmed",
        "etag": f'"{answer}{number}"',
        "summary": summary,
        "start": {"dateTime": "2026-11-24T10:00:00+01:00", "timeZone": "Europe/Zurich"},
        "end": {"dateTime": "2026-11-24T11:00:00+01:00", "timeZone": "Europe/Zurich"},
        "organizer": {"email": ALICE, "self": True},
        "attendees": [{"email": f"guest{guest:05d}@example.com", "responseStatus": answer} for guest in range(guests)],
        "conferenceData": {**asked(), "conferenceId": f"meeting-{number}"},
    }


def link_all(world: World, feed: str, events: Sequence[dict[str, Any]]) -> None:
    """Rows as years of work have left them, each linked to a meeting that is as its event says."""
    puts: list[Put] = []
    for body in events:
        event = read_event(msgspec.json.encode(body))
        assert isinstance(event, Event)
        meeting = marking.named_meeting(world.ground, event)
        assert meeting
        row = Row(feed, event.id, ALICE, ALICE, zone="Europe/Zurich", seen=event, ical_uid=event.ical_uid)
        link = Link("http", "acme", "", 0, meeting, marking.agreed_as_is(event, row))
        puts.append(ledger.put(msgspec.structs.replace(row, link=link, meeting=index(meeting.ref)), None))
    for start in range(0, len(puts), 200):
        world.store.commit(*puts[start : start + 200])


@pytest.mark.parametrize("seconds", [0, 2], ids=["in time", "out of time"])
def test_thousands_of_changes_in_one_list_are_worked_off_in_portions(world: World, feed: str, seconds: int) -> None:
    """No commit and no round of calls grows with them; the token moves once; what does not fit becomes tasks."""
    link_all(world, feed, [raw_event(number, "needsAction") for number in range(MANY)])
    for number in range(MANY):
        world.google_control("events", calendarId=ALICE, event=raw_event(number, "accepted"))
    measured = Measured(world, timedelta(seconds=seconds))
    world.change_ground(store=measured, lanes=measured)
    world.google_control("knobs", pageLimit=400)
    world.calls()
    ran = world.settle(timedelta(minutes=30))

    rows = [ledger.decode(document) for document in every_row(world)]
    assert world.calls() == {"GET events": 3}
    assert [row.event for row in rows if row.pending or row.trouble] == []
    assert {row.seen.etag for row in rows if row.seen} == {f'"accepted{number}"' for number in range(MANY)}
    assert max(measured.commits) <= 201
    assert max(measured.lanes) <= 32
    assert (ran > MANY / 10) == (seconds > 0)


def every_row(world: World) -> list[Any]:
    """All rows, however many."""
    found: list[Any] = []
    while some := world.store.query(ledger.COLLECTION, limit=400, after=found[-1] if found else None):
        found += some
    return found


# ---- events near what a store takes ---------------------------------------------------------------------


def test_large_events_are_committed_few_at_a_time(world: World, feed: str) -> None:
    """Firestore takes 10 MiB in one request: a portion is full long before, however few its events are."""
    sizes = 20
    link_all(world, feed, [raw_event(number, "needsAction") for number in range(sizes)])
    for number in range(sizes):
        world.google_control("events", calendarId=ALICE, event=raw_event(number, "accepted", guests=2000))
    measured = Measured(world, timedelta())
    world.change_ground(store=measured)
    world.settle(timedelta(seconds=20))

    assert sum(measured.bytes) > 2_500_000
    assert max(measured.bytes) <= 2_200_000
    assert {len(row.seen.attendees) for row in world.rows() if row.seen} == {2000}
    assert dead.newest(world.ground) == []


@pytest.mark.parametrize(("letters", "kept"), [(90, True), (120, False)], ids=["just fits", "just does not"])
def test_an_event_near_the_largest_that_is_kept(world: World, feed: str, letters: int, kept: bool) -> None:
    """Up to the bound it gets its meeting; beyond, it is noted with the reason, and the others are followed."""
    world.google_control("events", calendarId=ALICE, event=large(letters))
    world.insert(summary="Small")
    world.settle()
    noted = [(note.data["event"], note.data["cause"]) for note in dead.newest(world.ground)]

    assert [meeting["title"] for meeting in world.meetings()] == (["Large", "Small"] if kept else ["Small"])
    assert noted == ([] if kept else [("event000000", "the event is too large to be kept")])
    assert not world.feed(feed).owed
    assert not world.feed(feed).stopped


def large(letters: int) -> dict[str, Any]:
    """An event with very many guests, whose names have so many letters, that asks for a conference."""
    body = raw_event(0, "accepted", summary="Large", guests=1900)
    for guest in body["attendees"]:
        guest["displayName"] = "x" * letters
    return {**body, "conferenceData": asked()}
