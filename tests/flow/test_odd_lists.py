"""What the calendar's lists may hold, and what may happen while a run reads them."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from conference.event import Event, read_event
from functions import dead, ledger
from functions import feed as feeds
from functions.initialise import initialise
from functions.ports import Page
from functions.work import remark
from infra.google.calendar import GoogleCalendar
from tests.flow.moments import heal, raise_fence
from tests.instead import Instead
from tests.meanwhile import Meanwhile, run_some
from tests.world import ALICE, World


@pytest.mark.parametrize(
    ("pages", "trouble"),
    [(iter(["same"] * 10), "repeats a page token"), (map(str, range(10_000)), "pages do not end")],
    ids=["in a circle", "without end"],
)
def test_a_list_that_never_ends_stops_the_feed(world: World, feed: str, pages: Any, trouble: str) -> None:
    """It is not followed for ever; a person is told, and nothing is lost once the calendar is sane again."""
    made = world.insert()
    world.settle()
    calm = world.ground.calendar

    def changes(*_: object, **__: object) -> Page:
        return Page((), "Europe/Zurich", next_page=next(pages))

    world.change_ground(calendar=Instead(calm, changes=changes))
    world.patch(made["id"], summary="Renamed")
    world.settle()
    stopped = world.feed(feed)
    world.change_ground(calendar=calm)
    initialise(world.ground, ALICE, "primary")
    heal(world)

    assert stopped.stopped
    assert trouble in (stopped.trouble or "")
    assert [meeting["title"] for meeting in world.meetings()] == ["Renamed"]


def test_an_item_that_cannot_be_read_is_noted_and_passed(world: World, feed: str) -> None:
    """The others of its page are followed; the note says where it is wrong, and not what stood there."""
    good, bad = world.insert(summary="Good"), world.insert(summary="Bad")
    world.settle()
    http = GoogleCalendarWith(world, bad["id"])
    world.change_ground(calendar=http)
    world.patch(good["id"], summary="Better")
    world.patch(bad["id"], summary="Worse")
    world.settle()

    (note,) = dead.newest(world.ground)
    assert (note.data["event"], "$.attendees" in note.data["cause"]) == (bad["id"], True)
    assert [meeting["title"] for meeting in world.meetings()] == ["Bad", "Better"]
    assert not world.feed(feed).stopped


class GoogleCalendarWith:
    """The Calendar port, whose lists hold one event with attendees of no shape that we know."""

    def __init__(self, world: World, spoilt: str) -> None:
        self._calm: GoogleCalendar = world.ground.calendar  # type: ignore[assignment]  # the world's is this one
        self._spoilt = spoilt

    def changes(self, *arguments: Any, **named: Any) -> Page:
        """One page, with the spoilt item in it."""
        page = self._calm.changes(*arguments, **named)
        items = tuple(spoil(item) if getattr(item, "id", "") == self._spoilt else item for item in page.items)
        return dataclasses.replace(page, items=items)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calm, name)


def spoil(item: Any) -> Any:
    """The item as read from a list in which its attendees are a number."""
    return read_event(msgspec.json.encode({**msgspec.to_builtins(item), "attendees": 5}))


def test_a_page_of_more_events_than_one_commit_takes(world: World, feed: str) -> None:
    """Two hundred and one changes on one page go into two commits, the second of which moves the token."""
    made = [world.insert(summary=f"{number:03d}", conferenceData=None)["id"] for number in range(200)]
    world.insert(summary="With a conference")
    world.settle()

    (meeting,) = world.meetings()
    assert meeting["title"] == "With a conference"
    assert len(made) == 200
    assert not world.feed(feed).owed


def overtaken(world: World, feed: str) -> feeds.Feed:
    """Let a later run begin while the next one lists; the feed as the overtaken one leaves it."""
    world.change_ground(calendar=Meanwhile(world.ground.calendar, "changes", lambda: raise_fence(world, feed)))
    world.deliver()
    held = world.queue.waiting()[0]
    world.clock.set(held.at)
    world.work(held)
    return world.feed(feed)


def test_a_run_that_is_overtaken_while_it_lists_writes_no_token(world: World, feed: str) -> None:
    """The later run covers what this one was asked for."""
    made = world.insert()
    world.settle()
    world.patch(made["id"], summary="Renamed")
    token = world.feed(feed).token
    after = overtaken(world, feed)
    heal(world)

    assert (after.token, after.owed) == (token, True)
    assert [meeting["title"] for meeting in world.meetings()] == ["Renamed"]
    assert not world.feed(feed).owed


@pytest.mark.usefixtures("feed")
def test_a_list_that_is_older_than_what_was_read_meanwhile(world: World) -> None:
    """The event was read anew while the list was under way: what the list shows of it is past."""
    made = world.insert(summary="First")
    world.settle()
    (row,) = world.store.query(ledger.COLLECTION)
    calm, listed = world.ground.calendar, list[Page]()

    def changes(*arguments: Any, **named: Any) -> Page:
        page = calm.changes(*arguments, **named)
        if not listed:
            listed.append(page)
            world.google_control("push", silent=True)
            world.patch(made["id"], summary="Third")
            remark(world.ground, row.key, refresh=True)
            run_some(world, 3)
        return page

    world.patch(made["id"], summary="Second")
    world.change_ground(calendar=Instead(calm, changes=changes))
    world.settle()

    assert [event.summary for page in listed for event in page.items if isinstance(event, Event)] == ["Second"]
    assert [meeting["title"] for meeting in world.meetings()] == ["Third"]


@pytest.mark.parametrize("status", [503, 401], ids=["postponed", "stopped"])
def test_a_run_that_is_overtaken_and_fails_leaves_the_feed_to_the_other(world: World, feed: str, status: int) -> None:
    """Neither its trouble nor its attempts are noted over what the later run writes."""
    made = world.insert()
    world.settle()
    world.google_control("faults", method="GET", path="/events$", times=1, status=status, reason="backendError")
    world.patch(made["id"], summary="Renamed")
    after = overtaken(world, feed)
    heal(world)

    assert (after.trouble, after.stopped, after.attempts) == (None, False, 0)
    assert [meeting["title"] for meeting in world.meetings()] == ["Renamed"]


def test_notices_that_come_in_every_turn_of_a_run_get_a_successor(world: World, feed: str) -> None:
    """A run begins anew a few times only, then leaves the rest to the next; nothing is lost."""
    made = world.insert()
    world.settle()
    calm, turns = world.ground.calendar, iter(range(1, 13))

    def changes(*arguments: Any, **named: Any) -> Page:
        page = calm.changes(*arguments, **named)
        for turn in turns:
            world.patch(made["id"], summary=f"Turn {turn}")
            world.deliver()
            break
        return page

    world.change_ground(calendar=Instead(calm, changes=changes))
    world.patch(made["id"], summary="Turn 0")
    began = world.clock.now()
    world.settle(timedelta(seconds=30))

    # The successor has not waited for the lease of a run that has ended.
    assert world.clock.now() - began < timedelta(seconds=30)
    assert [meeting["title"] for meeting in world.meetings()] == ["Turn 12"]
    assert not world.feed(feed).owed


def test_a_feed_written_without_end_as_its_run_ends_is_run_again(world: World, feed: str) -> None:
    """The token is kept, the lease is not: the run comes again, and finds nothing left to do."""
    made = world.insert()
    world.settle()
    calm = world.store

    class Busy:
        """A store in which somebody writes the feed before each commit that ends its run."""

        def commit(self, *writes: Any) -> Any:
            for write in writes:
                if write.key == f"feeds/{feed}" and write.data["done"] > world.feed(feed).done and self.active:
                    current = calm.get(write.key)
                    assert current is not None
                    calm.commit(feeds.put(current, current.key, feeds.decode(current)))
            return calm.commit(*writes)

        active = True

        def __getattr__(self, name: str) -> Any:
            return getattr(calm, name)

    busy = Busy()
    world.change_ground(store=busy)
    world.patch(made["id"], summary="Renamed")
    world.settle(timedelta(seconds=3))
    trouble = world.feed(feed).trouble
    busy.active = False
    world.settle(timedelta(hours=1))

    assert "busy" in (trouble or "")
    assert [meeting["title"] for meeting in world.meetings()] == ["Renamed"]
    assert (world.feed(feed).owed, world.feed(feed).trouble) == (False, None)
