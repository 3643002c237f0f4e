"""Meetings that several events name, that move with their event, or that nobody holds."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from functools import partial

import msgspec
import pytest

from conference.meeting import MeetingId
from functions import feed as feeds
from functions import sweep
from functions.ground import Policy
from tests.meanwhile import run_some
from tests.world import ALICE, World, asked


def test_of_two_events_that_shared_a_meeting_before_we_came_one_leads(world: World) -> None:
    """Both are linked at the first pass; renaming them does not set one against the other."""
    meeting_id = world.make_meeting_elsewhere("Old")
    one = world.insert(summary="One", conferenceData=world.conference_with(meeting_id))
    two = world.insert(summary="Two", conferenceData=world.conference_with(meeting_id))
    world.connect()
    world.patch(one["id"], summary="One renamed")
    world.patch(two["id"], summary="Two renamed")
    ran = run_some(world, 60)

    assert ran < 60
    assert sorted(row.link.leads for row in world.rows() if row.link) == [False, True]


def test_another_calendar_that_is_gone_does_not_keep_a_meeting_alive(world: World) -> None:
    """An event is cancelled while another calendar of its user cannot be searched, until that one is stopped."""
    world.google_control("calendars", id="team@example.com", owner=ALICE, timeZone="Europe/Zurich")
    world.connect()
    team = world.connect("team@example.com")
    made = world.insert()
    world.settle()
    world.google_control("faults", method="GET", path="team.*/events", times=100, status=404, reason="notFound")
    world.cancel(made["id"])
    world.settle()
    at_first = world.meetings()
    _hours_pass(world, 2)

    assert len(at_first) == 1
    assert world.feed(team).stopped
    assert world.meetings() == []


@pytest.mark.parametrize("moves", [0, 1], ids=["who leads", "who follows"])
@pytest.mark.parametrize("first_to_go", [0, 1])
def test_of_two_that_leave_at_once_the_one_that_moved_keeps_it(world: World, moves: int, first_to_go: int) -> None:
    """One is cancelled, the other moved to another calendar: neither row keeps the meeting; the moved event does."""
    world.google_control("calendars", id="team@example.com", owner=ALICE, timeZone="Europe/Zurich")
    world.connect()
    world.connect("team@example.com")
    first = world.insert(summary="First")
    world.settle()
    conference = world.event(first["id"])["conferenceData"]
    second = world.insert(summary="Second", conferenceData=conference)
    world.settle()
    world.vendor_control("webhooks", silent=True)
    world.google_control("push", silent=True)
    events = [first["id"], second["id"]]
    goes = [partial(world.cancel, events[1 - moves]), partial(world.move, events[moves], "team@example.com")]
    for go in goes if first_to_go else reversed(goes):
        go()
    feeds.raise_dirty(world.ground, feeds.feed_id(ALICE, ALICE))
    world.settle()
    _hours_pass(world, 1)

    (meeting,) = world.meetings()
    assert (meeting["id"], meeting["title"]) == (conference["conferenceId"], ["First", "Second"][moves])
    assert not any(row.pending or row.parked for row in world.rows())


@pytest.mark.parametrize("before", [True, False], ids=["there before us", "adopted"])
def test_of_two_that_name_a_strangers_meeting_one_goes(world: World, *, before: bool) -> None:
    """Nobody leads what is not ours: it lives on for the other, and nobody waits."""
    if not before:
        world.connect()
    theirs = world.make_meeting_elsewhere("Theirs")
    conference = world.conference_with(theirs)
    first = world.insert(summary="First", conferenceData=conference)
    if before:
        world.connect()
    world.settle()
    world.insert(summary="Second", conferenceData=conference)
    world.settle()
    world.cancel(first["id"])
    world.settle(timedelta(hours=1))

    assert [meeting["id"] for meeting in world.meetings()] == [theirs]
    assert not any(row.pending or row.parked for row in world.rows())


def test_who_stays_leads_though_the_leader_moved_to_a_stopped_calendar(world: World) -> None:
    """Its owner may never connect that again: the meeting follows who is left."""
    world.google_control("calendars", id="team@example.com", owner=ALICE, timeZone="Europe/Zurich")
    team = world.connect("team@example.com")
    world.connect()
    first = world.insert(summary="First")
    world.settle()
    second = world.insert(summary="Second", conferenceData=world.event(first["id"])["conferenceData"])
    world.settle()
    feeds.change(world.ground, team, partial(msgspec.structs.replace, stopped=True))
    world.move(first["id"], "team@example.com")
    world.settle()
    world.patch(second["id"], summary="Renamed")
    world.settle()

    assert [meeting["title"] for meeting in world.meetings()] == ["Renamed"]
    assert not any(row.pending or row.parked for row in world.rows())


def test_an_event_moved_to_a_calendar_out_of_sight_keeps_its_meeting(world: World) -> None:
    """What Google does not show for a moment is not taken for gone: a living event would lose its meeting."""
    world.google_control("calendars", id="team@example.com", owner=ALICE, timeZone="Europe/Zurich")
    world.connect()
    world.connect("team@example.com")
    made = world.insert()
    world.settle()
    before = world.meetings()
    world.google_control("faults", method="GET", path="team.*/events", times=2, status=404, reason="notFound")
    world.google_control("push", silent=True)
    world.move(made["id"], "team@example.com")
    _hours_pass(world, 2)

    assert [one["id"] for one in world.meetings()] == [one["id"] for one in before]
    assert not any(row.pending or row.parked for row in world.rows())


def _hours_pass(world: World, hours: int) -> None:
    """With a tick in each quarter."""
    for _ in range(4 * hours):
        world.clock.advance(timedelta(minutes=16))
        world.tick()
        world.settle()


@pytest.mark.parametrize("guests", [[], [ALICE]], ids=["a tombstone", "a guest's copy"])
@pytest.mark.parametrize("target", range(4))
def test_an_event_is_found_in_whichever_calendar_it_was_moved_to(world: World, target: int, guests: list[str]) -> None:
    """Every other calendar of its user is searched; other people's are not.

    What it leaves behind is a tombstone, or a guest's copy where the user is invited.
    """
    names = [f"team-{number}@example.com" for number in range(5)]
    for name in names:
        world.google_control("calendars", id=name, owner=ALICE, timeZone="Europe/Zurich")
    feeds_of = {name: world.connect(name) for name in names}
    world.connect()
    world.connect(user="bob@example.com")
    change = partial(msgspec.structs.replace, stopped=True)
    feeds.change(world.ground, feeds_of[names[4]], change)
    made = world.insert(attendees=[{"email": guest} for guest in guests])
    world.settle()
    (meeting,) = world.meetings()
    world.google_control("push", silent=True)
    world.move(made["id"], names[target])
    world.calls()
    feeds.raise_dirty(world.ground, feeds.feed_id(ALICE, ALICE))
    world.settle(timedelta(0))
    waiting = [row.trouble for row in world.rows() if row.pending]
    world.settle(timedelta(minutes=20))

    assert [one["id"] for one in world.meetings()] == [meeting["id"]]
    assert [row.calendar for row in world.rows() if row.link] == [names[target]]
    assert "the event lives on in another calendar, which will take its meeting over" in waiting
    assert not any(row.pending for row in world.rows())
    assert not world.feed(feeds_of[names[4]]).owed


@pytest.mark.parametrize("readable", [True, False])
def test_an_event_that_was_moved_to_a_stopped_calendar(world: World, *, readable: bool) -> None:
    """It keeps its meeting until that calendar is connected again; one that may not be read holds up nothing."""
    world.google_control("calendars", id="team@example.com", owner=ALICE, timeZone="Europe/Zurich")
    team = world.connect("team@example.com")
    world.connect()
    made = world.insert()
    world.settle()
    (meeting,) = world.meetings()
    feeds.change(world.ground, team, partial(msgspec.structs.replace, stopped=True))
    if not readable:
        world.google_control("faults", method="GET", path="team.*/events", times=100, status=403, reason="forbidden")
    world.move(made["id"], "team@example.com")
    world.settle(timedelta(minutes=5))
    kept = [one["id"] for one in world.meetings()]
    world.connect("team@example.com")
    world.settle(timedelta(minutes=20))

    assert kept == ([meeting["id"]] if readable else [])
    assert [one["id"] for one in world.meetings()] == kept


def test_an_event_moved_before_its_join_link_came_leaves_nothing_behind(world: World) -> None:
    """The other calendar makes a meeting of its own, and the first one goes."""
    world.google_control("calendars", id="team@example.com", owner=ALICE, timeZone="Europe/Zurich")
    world.connect()
    world.connect("team@example.com")
    made = world.insert()
    world.run_due(until="patch_event")
    world.move(made["id"], "team@example.com")
    world.settle(timedelta(hours=3))

    (meeting,) = world.meetings()
    (row,) = [row for row in world.rows() if row.link]
    assert row.calendar == "team@example.com"
    assert row.link
    assert row.link.ref
    assert row.link.ref.id == meeting["id"]


@pytest.mark.usefixtures("feed")
def test_a_twin_under_the_key_of_a_linked_meeting_is_a_spare(world: World) -> None:
    """Where a provider makes two of one key, the one that no event holds is deleted by the sweep."""
    world.insert()
    world.settle()
    twin = world.make_spare()
    (row,) = world.rows()
    assert row.link
    listed = [
        (
            msgspec.structs.replace(one, key=row.link.key)  # as a provider without creation keys would have it
            if one.ref.id == MeetingId(twin)
            else one
        )
        for one in world.provider.list()
    ]
    world.change_ground(policy=dataclasses.replace(Policy(), spare_life=0.0))
    sweep.sweep_provider(world.ground, world.provider, listed)

    assert twin not in [meeting["id"] for meeting in world.meetings()]
    assert len(world.meetings()) == 1


def test_a_strangers_meeting_that_an_event_names_is_neither_written_nor_deleted(world: World) -> None:
    """Writing another meeting's id into an event of one's own gives neither hold of it nor its join link."""
    world.connect()
    stranger = world.make_meeting_elsewhere("Board meeting")
    made = world.insert(summary="Mine now", conferenceData=world.conference_with(stranger))
    world.settle()
    told = world.event(made["id"])["conferenceData"]["entryPoints"]
    world.patch(made["id"], summary="Still mine")
    world.settle()
    world.cancel(made["id"])
    world.settle()

    assert [meeting["title"] for meeting in world.meetings()] == ["Board meeting"]
    assert [entry["uri"] for entry in told] == ["https://lockstep.invalid/pending"]
    assert not any(row.pending for row in world.rows())


def test_the_sweep_sees_to_every_event_that_shares_a_missing_meeting(world: World) -> None:
    """After one sweep each of them names a meeting that lives."""
    world.connect()
    first = world.insert(summary="Original")
    world.settle()
    second = world.insert(summary="Copy", conferenceData=world.event(first["id"])["conferenceData"])
    world.settle()
    (meeting,) = world.meetings()
    world.vendor_control("webhooks", silent=True)
    world.vendor_control(f"meetings/{meeting['id']}", delete=True)
    sweep.sweep_provider(world.ground, world.provider, [])
    world.settle()

    alive = {one["id"] for one in world.meetings()}
    assert {world.event(one["id"])["conferenceData"]["conferenceId"] for one in (first, second)} <= alive


@pytest.mark.usefixtures("feed")
def test_a_named_meeting_that_is_missed_for_a_moment_is_shared_all_the_same(world: World) -> None:
    """Of an event that names a living meeting, a 404 is not believed at once: people have its join link."""
    made = world.insert()
    world.settle()
    world.vendor_control("faults", method="GET", path="^/meetings/", times=1, status=404)
    copy = world.insert(conferenceData=world.event(made["id"])["conferenceData"])
    world.settle()

    (meeting,) = world.meetings()
    assert world.event(copy["id"])["conferenceData"]["conferenceId"] == meeting["id"]
    assert [row.link.meeting.ref.id for row in world.rows() if row.link and row.link.meeting] == [meeting["id"]] * 2


@pytest.mark.usefixtures("feed")
def test_a_copied_event_shares_the_meeting_which_dies_with_the_last(world: World) -> None:
    """Two events name one meeting: the first leads; when it goes, the other takes over; then the meeting goes."""
    first = world.insert(summary="Original")
    world.settle()
    (meeting,) = world.meetings()
    copied = {**asked(), "conferenceId": meeting["id"]}
    second = world.insert(summary="Copy", conferenceData=copied)
    world.settle()
    shared = [(one["id"], one["title"]) for one in world.meetings()]
    world.cancel(first["id"])
    world.settle()
    handed_over = [(one["id"], one["title"]) for one in world.meetings()]
    world.cancel(second["id"])
    world.settle()

    assert shared == [(meeting["id"], "Original")]
    assert handed_over == [(meeting["id"], "Copy")]
    assert world.meetings() == []


@pytest.mark.usefixtures("feed")
def test_both_copies_cancelled_at_once_leave_nothing(world: World) -> None:
    """Two events that let go of one meeting in the same run delete it all the same."""
    first = world.insert(summary="Original")
    world.settle()
    (meeting,) = world.meetings()
    second = world.insert(summary="Copy", conferenceData={**asked(), "conferenceId": meeting["id"]})
    world.settle()
    world.cancel(first["id"])
    world.cancel(second["id"])
    world.settle()

    assert world.meetings() == []


@pytest.mark.usefixtures("feed")
def test_an_event_that_names_a_meeting_nobody_has_gets_one(world: World) -> None:
    """A copy of an event whose meeting is long gone asks for a conference all the same."""
    made = world.insert(conferenceData={**asked(), "conferenceId": "long-gone"})
    world.settle()

    (meeting,) = world.meetings()
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == meeting["id"]


@pytest.mark.usefixtures("feed")
def test_a_past_event_moved_as_the_token_is_dropped_keeps_its_meeting(world: World) -> None:
    """No full pass of its new calendar shows it: who would let go of the meeting has it looked at there."""
    world.google_control("calendars", id="team@example.com", owner=ALICE, timeZone="Europe/Zurich")
    team = world.connect("team@example.com")
    made = world.insert()
    world.settle()
    (meeting,) = world.meetings()
    world.clock.advance(timedelta(days=10))
    world.google_control("push", silent=True)
    world.move(made["id"], "team@example.com")
    world.google_control("expire-tokens", calendarId="team@example.com")
    for _ in range(3):
        world.clock.advance(timedelta(minutes=16))
        world.tick()
        world.settle()

    assert [one["id"] for one in world.meetings()] == [meeting["id"]]
    (heir,) = [row for row in world.rows() if row.feed == team]
    assert heir.link is not None
    assert heir.link.leads
    assert not any(row.pending or row.parked for row in world.rows())
