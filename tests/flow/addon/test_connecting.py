"""The calendar is connected by opening the add-on or by the first conference, and by nothing else."""

from __future__ import annotations

from typing import NoReturn

import msgspec

from conference.errors import Later
from functions import feed as feeds
from tests.flow.addon.desk import PLANNED, Desk
from tests.world import ALICE


def test_the_homepage_connects_the_calendar(desk: Desk) -> None:
    """Opening the add-on once is enough: the calendar is connected by a task, and the next card says so."""
    first = desk.host.open(ALICE)
    assert [task.task.function for task in desk.world.queue.waiting()] == ["connect_calendar"]
    desk.world.settle()
    second = desk.host.open(ALICE)

    assert "being connected" in str(first)
    assert "in step" in str(second)
    assert len(desk.world.store.query("feeds")) == 1


def test_opening_it_again_and_again_asks_once_a_minute(desk: Desk) -> None:
    """A user who opens the panel ten times has the calendar connected once."""
    for _ in range(10):
        desk.host.open(ALICE)

    assert len(desk.world.queue.waiting()) == 1


def test_the_first_conference_connects_the_calendar(desk: Desk) -> None:
    """Nobody has to open the add-on first (R1), and an event saved before the calendar is connected is not lost."""
    conference = desk.conference("draft1")
    desk.host.save(ALICE, ALICE, "draft1", conference, **PLANNED)
    desk.world.settle()

    assert desk.titles() == ["Planning"]
    desk.world.patch("draft1", summary="Renamed")
    desk.world.settle()
    assert desk.titles() == ["Renamed"]


def test_a_conference_though_the_queue_is_down(desk: Desk) -> None:
    """The meeting is there, so it is answered; the next conference has the calendar connected."""

    class Down:
        """A queue that takes nothing."""

        def add(self, *_: object, **__: object) -> NoReturn:
            """Fail."""
            raise Later("the queue is down")

    ground = desk.world.ground
    desk.world.change_ground(queue=Down())
    first = desk.conference("draft1")
    desk.world.ground = ground
    second = desk.conference("draft2")
    desk.save("draft1", first)

    assert second
    assert desk.titles() == ["(No title)", "Planning"]


def test_a_calendar_that_only_triggers_follow(desk: Desk) -> None:
    """A script's triggers have it followed already, but its conferences are not kept in step yet: they will be."""
    feed = desk.world.connect()
    feeds.change(desk.world.ground, feed, lambda found: msgspec.structs.replace(found, followers=("7",)))
    desk.host.open(ALICE)

    assert [held.task.function for held in desk.world.queue.waiting()] == ["connect_calendar"]


def test_looking_at_a_calendar_does_not_connect_it(desk: Desk) -> None:
    """Somebody else's event is opened: only a conference of ours there has that calendar followed."""
    desk.world.google_control("calendars", id="team@example.com", owner=ALICE, timeZone="Europe/Zurich")
    card = desk.host.open(ALICE, "team@example.com", {"id": "theirs"})
    looked, subscribed = desk.world.queue.waiting(), {*desk.host.subscribed}
    desk.conference("draft1", "team@example.com")
    desk.world.settle()
    later = desk.host.open(ALICE, "team@example.com", {"id": "draft1"})

    assert "from its first conference on" in str(card)
    assert (looked, subscribed) == ([], set())
    assert "This calendar is in step" in str(later)
    assert desk.host.subscribed == {(ALICE, "team@example.com")}


def test_a_stopped_calendar_is_left_to_a_person(desk: Desk) -> None:
    """Connecting it again accepts what it was stopped for, so neither the homepage nor a conference does."""
    feed = desk.world.connect()
    desk.world.google_control("faults", method="GET", path="/events$", status=403, reason="forbidden", times=1)
    desk.world.insert()
    desk.world.settle()
    assert desk.world.feed(feed).stopped
    card = desk.host.open(ALICE)
    desk.conference("draft1")
    desk.world.settle()

    assert "not followed any more" in str(card)
    assert desk.world.feed(feed).stopped
