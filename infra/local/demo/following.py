"""The plain story: an event is created, changed, cancelled, and its meeting follows; what is not ours is left alone."""

from __future__ import annotations

from datetime import datetime, timedelta

from infra.local.demo.sides import Spent
from infra.local.demo.step import Shown, Step, Stopwatch
from infra.local.demo.world import Json, World, asking, expect, ordinary, when

PLANNING = "Planning"
GUESTS: list[Json] = [{"email": "bob@example.com"}, {"email": "carol@example.com", "optional": True}]


def created(world: World) -> Shown:
    """The meeting comes into being once, and the event carries its link."""
    start = world.at(7, 10)
    event = world.person.insert(asking(PLANNING, start))["id"]
    since = Stopwatch()
    meeting = world.until("the event carries its meeting's link", lambda: world.joined(event))
    ms = since.ms
    world.events["planning"] = event
    expect("meetings of this title", len(world.vendor.titled(PLANNING)), 1)
    expect("start at the provider", datetime.fromisoformat(meeting["start"]), start)
    cost = world.spent()
    expect("gets, patches, calls to the provider", (cost.gets, cost.patches, cost.provider), (0, 1, 1))
    return Shown("created, asking for our conference", "one meeting; its link is in the event", ms)


def renamed(world: World) -> Shown:
    """A new title reaches the meeting."""
    return _edited(world, {"summary": "Planning, again"}, {"title": "Planning, again"}, "renamed")


def moved(world: World) -> Shown:
    """A new time reaches the meeting."""
    start = world.at(8, 15, 30)
    end = start + timedelta(minutes=30)
    return _edited(world, {"start": when(start), "end": when(end)}, _times(start, end), "moved to another day")


def lengthened(world: World) -> Shown:
    """A new end reaches the meeting."""
    start = world.at(8, 15, 30)
    end = start + timedelta(minutes=90)
    return _edited(world, {"end": when(end)}, _times(start, end), "made an hour longer")


def invited(world: World) -> Shown:
    """New guests reach the meeting."""
    wanted = [{"email": "bob@example.com", "name": "", "optional": False}, {**GUESTS[1], "name": ""}]
    return _edited(world, {"attendees": GUESTS}, {"attendees": wanted}, "two guests added")


def uninvited(world: World) -> Shown:
    """A guest who is taken off leaves the meeting too."""
    left = [{"email": "bob@example.com", "name": "", "optional": False}]
    return _edited(world, {"attendees": GUESTS[:1]}, {"attendees": left}, "one guest removed")


def left_alone(world: World) -> Shown:
    """An ordinary event is none of our business."""
    before = world.vendor.meetings()
    event = world.person.insert(ordinary("Dentist", world.at(9, 8)))["id"]
    world.person.patch(event, summary="Dentist, at last")
    since = Stopwatch()
    world.looked()
    _nothing_done(world, before)
    return Shown("an ordinary event made and renamed", "nothing", since.ms)


def someone_elses(world: World) -> Shown:
    """Someone else's conference is not touched."""
    before = world.vendor.meetings()
    theirs = {
        "conferenceSolution": {"key": {"type": "addOn"}, "name": "Other Meetings"},
        "entryPoints": [{"entryPointType": "video", "uri": "https://meetings.example.org/j/123"}],
        "conferenceId": "123",
    }
    event = world.person.insert({**ordinary("Their call", world.at(9, 11)), "conferenceData": theirs})["id"]
    written = world.person.patch(event, summary="Their call, moved")
    since = Stopwatch()
    world.looked()
    _nothing_done(world, before)
    expect("the event's version", world.person.get(event)["etag"], written["etag"])
    return Shown("an event with someone else's conference", "nothing", since.ms)


def cancelled(world: World) -> Shown:
    """A deletion reaches the meeting, though its notice tells nothing but the event's id."""
    event = world.events["planning"]
    meeting = world.meeting_of(event)["id"]
    token = world.person.token()
    world.person.delete(event)
    since = Stopwatch()
    world.until("the meeting is deleted", lambda: world.vendor.meeting(meeting) is None)
    ms = since.ms
    (tombstone,) = (item for item in world.person.changes(token) if item["id"] == event)
    expect("what the notice tells", sorted(tombstone), ["etag", "id", "kind", "status"])
    expect("calls", world.spent(), Spent(lists=1, provider=1))
    return Shown("cancelled; the notice is a bare tombstone", "the meeting is deleted", ms)


def _edited(world: World, changes: Json, wanted: Json, did: str) -> Shown:
    event = world.events["planning"]
    before = world.meeting_of(event)
    world.count_from_here()
    world.person.patch(event, **changes)
    since = Stopwatch()
    after = world.until("the meeting follows", lambda: world.meeting_is(before["id"], **wanted))
    ms = since.ms
    expect("join link", after["join_url"], before["join_url"])
    expect("calls", world.spent(), Spent(lists=1, provider=1))
    return Shown(did, "the same meeting, changed", ms)


def _times(start: datetime, end: datetime) -> Json:
    return {"start": start.isoformat(), "end": end.isoformat()}


def _nothing_done(world: World, before: list[Json]) -> None:
    cost = world.spent()
    expect("calls to the provider", cost.provider, 0)
    expect("writes to the calendar", cost.patches, 0)
    expect("meetings", world.vendor.meetings(), before)


STEPS = (
    Step("created", "a new event gets a meeting", created),
    Step("renamed", "the title follows", renamed),
    Step("moved", "the time follows", moved),
    Step("lengthened", "the length follows", lengthened),
    Step("invited", "new guests follow", invited),
    Step("uninvited", "a guest taken off leaves", uninvited),
    Step("left_alone", "an ordinary event does nothing", left_alone),
    Step("someone_elses", "someone else's conference is not touched", someone_elses),
    Step("cancelled", "a cancelled event loses its meeting", cancelled),
)
