"""A conference waits for its event: saved late, saved without it, deleted, or never saved at all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions import clock, sweep
from infra.local.addon_host import NoConference
from tests.flow.addon.desk import Desk
from tests.world import ALICE


def test_an_event_that_never_comes_loses_its_meeting(desk: Desk) -> None:
    """The meeting waits for a day, through polls, sweeps and full passes, and is deleted then."""
    desk.world.connect()
    desk.conference("draft1")
    desk.wait(timedelta(hours=23))
    waiting = desk.titles()
    desk.wait(timedelta(hours=2))

    assert waiting == ["(No title)"]
    assert desk.titles() == []
    assert [(row.pending, row.link) for row in desk.world.rows()] == [(False, None)]


def test_a_slow_writer_keeps_the_meeting(desk: Desk) -> None:
    """Whoever saves the event after hours, with sweeps and a lost sync token in between, has the same meeting."""
    desk.world.connect()
    conference = desk.conference("draft1")
    desk.wait(timedelta(hours=5))
    desk.world.google_control("expire-tokens", calendarId=ALICE)
    desk.world.insert(summary="Another")
    desk.wait(timedelta(hours=5))
    sweep.sweep_provider(desk.world.ground, desk.world.provider, desk.world.provider.list())
    desk.world.settle()
    desk.save("draft1", conference)

    assert sorted(desk.titles()) == ["Another", "Planning"]
    assert conference["conferenceId"] in {meeting["id"] for meeting in desk.world.meetings()}


def test_saved_after_its_meeting_was_given_up(desk: Desk) -> None:
    """Two days later the old meeting is gone: the event gets another one, and its ways to join."""
    desk.world.connect()
    conference = desk.conference("draft1")
    desk.wait(timedelta(hours=49))
    desk.save("draft1", conference)
    desk.wait(timedelta(minutes=5))
    (meeting,) = desk.world.meetings()

    assert meeting["title"] == "Planning"
    assert meeting["id"] != conference["conferenceId"]
    assert desk.world.event("draft1")["conferenceData"]["conferenceId"] == meeting["id"]


def test_an_event_saved_without_the_conference(desk: Desk) -> None:
    """While the editor is open somebody renames the event: its new meeting is kept for the author to save."""
    desk.world.connect()
    desk.save("event1", None)
    conference = desk.conference("event1")
    desk.world.patch("event1", summary="Renamed meanwhile")
    desk.world.settle(timedelta(seconds=20))
    again = desk.conference("event1")
    desk.wait(timedelta(hours=1))
    kept = desk.titles()
    desk.save("event1", conference, summary="Renamed meanwhile")

    assert again == conference
    assert kept == ["(No title)"]
    assert desk.titles() == ["Renamed meanwhile"]
    assert [meeting["id"] for meeting in desk.world.meetings()] == [conference["conferenceId"]]


def test_saved_without_it_for_good(desk: Desk) -> None:
    """Chosen, then thought better of: a day later the meeting is deleted, though the event lives."""
    desk.world.connect()
    desk.save("event1", None)
    desk.conference("event1")
    desk.world.patch("event1", summary="No call")
    desk.wait(timedelta(hours=25))

    assert desk.titles() == []


def test_deleted_while_its_conference_waits(desk: Desk) -> None:
    """An event that is deleted takes the meeting along at once, saved with it or not."""
    desk.world.connect()
    desk.save("event1", None)
    desk.conference("event1")
    desk.world.cancel("event1")
    desk.world.settle()

    assert desk.titles() == []


def test_changed_at_the_service_while_it_waits(desk: Desk) -> None:
    """The join link is changed there before the event is saved: the event gets the new one."""
    desk.world.connect()
    conference = desk.conference("draft1")
    desk.world.vendor_control(f"meetings/{conference['conferenceId']}", rotate_join_url=True)
    desk.wait(timedelta(hours=1))
    desk.save("draft1", conference)
    desk.wait(timedelta(minutes=5))
    (meeting,) = desk.world.meetings()
    uris = [point["uri"] for point in desk.world.event("draft1")["conferenceData"]["entryPoints"]]

    assert meeting["title"] == "Planning"
    assert meeting["join_url"] in uris
    assert conference["entryPoints"][0]["uri"] not in uris


def test_a_lost_answer_leaves_nothing_behind(desk: Desk) -> None:
    """Made without our knowing, and not asked for again: found by its key and deleted in time."""
    desk.world.connect()
    desk.world.vendor_control("faults", method="POST", path="^/meetings$", status=504, after_apply=True)
    with pytest.raises(NoConference):
        desk.conference("draft1")
    assert len(desk.world.meetings()) == 1
    desk.wait(timedelta(hours=26))

    assert desk.world.meetings() == []


def test_a_tick_does_nothing_while_events_wait(desk: Desk) -> None:
    """A hundred drafts cost no task each minute."""
    desk.world.connect()
    for number in range(20):
        desk.conference(f"draft{number}")
    desk.world.settle()
    desk.world.clock.advance(timedelta(minutes=5))

    assert clock.tick(desk.world.ground)["marks"] == 0
