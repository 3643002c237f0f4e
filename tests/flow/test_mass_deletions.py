"""When a great many meetings seem to be unwanted at once, nothing is deleted until a person has looked (I16)."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

from conference.errors import Gone, Missing
from conference.event import Event
from conference.providers.protocol import MeetingLister
from functions import sweep
from functions.ground import Policy
from functions.initialise import initialise
from functions.ports import Page
from tests.world import ALICE, World

MANY = Policy().deletions + 2


def _events(world: World) -> list[str]:
    made = [str(world.insert(summary=f"Event {number:02}")["id"]) for number in range(MANY)]
    world.settle()
    assert len(world.meetings()) == MANY
    return made


class Blind:
    """A calendar that shows some events no more, and says of each that it is gone."""

    def __init__(self, calendar: Any, gone: list[str]) -> None:
        self._calendar, self._gone = calendar, gone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calendar, name)

    def changes(self, *about: Any, **how: Any) -> Page:
        """As the port says, without them."""
        page: Page = self._calendar.changes(*about, **how)
        return dataclasses.replace(page, items=tuple(item for item in page.items if item.id not in self._gone))

    def get(self, user: str, calendar: str, event: str) -> Event:
        """As the port says."""
        if event in self._gone:
            raise Gone("no such event", what=Missing.EVENT)
        found: Event = self._calendar.get(user, calendar, event)
        return found


def _lose_sight(world: World, gone: list[str]) -> None:
    world.change_ground(calendar=Blind(world.ground.calendar, gone))
    world.google_control("expire-tokens", calendarId=ALICE)
    world.insert(summary="Something changes", conferenceData=None)
    world.settle()


def test_events_that_are_all_gone_at_once_keep_their_meetings_until_a_person_says_so(world: World, feed: str) -> None:
    """Access may be lost: the feed stops and says why. Who connects the calendar again accepts it."""
    _lose_sight(world, _events(world))

    assert world.feed(feed).stopped
    assert f"{MANY} of {MANY} followed events are gone at once" in str(world.feed(feed).trouble)
    assert len(world.meetings()) == MANY

    world.connect()
    assert world.meetings() == []
    assert not world.feed(feed).stopped


def test_a_few_events_that_are_gone_are_believed(world: World, feed: str) -> None:
    """Not more than the number, though more than the share."""
    _lose_sight(world, _events(world)[: Policy().deletions])

    assert not world.feed(feed).stopped
    assert len(world.meetings()) == MANY - Policy().deletions


def test_a_ledger_that_is_lost_takes_no_meetings_along(world: World, feed: str) -> None:
    """A sweep that finds more spares than it may delete at once deletes none of them."""
    del feed
    _events(world)
    world.change_ground(policy=dataclasses.replace(Policy(), spare_life=0.0))
    for document in world.store.query("ledger", limit=MANY):
        world.forget(document)
    provider = world.ground.providers["http"]
    assert isinstance(provider, MeetingLister)

    assert sweep.sweep_provider(world.ground, provider, provider.list())["orphans"] == 0
    assert len(world.meetings()) == MANY


def test_losing_sight_of_most_events_at_once_stops_instead_of_deleting(world: World, feed: str) -> None:
    """After a dropped token all linked events are "not found": that is lost access, until somebody says otherwise."""
    for number in range(15):
        world.insert(summary=f"Event {number:02d}")
    world.settle()
    world.google_control("expire-tokens", calendarId=ALICE)
    world.google_control("faults", method="GET", path="/events/", times=15, status=404, reason="notFound")
    world.clock.advance(timedelta(days=3))
    world.tick()
    world.settle()
    stopped, meetings = world.feed(feed).trouble, len(world.meetings())
    initialise(world.ground, ALICE, "primary")
    world.tick()
    world.settle()

    assert "15 of 15" in (stopped or "")
    assert (meetings, len(world.meetings())) == (15, 15)
    assert world.feed(feed).trouble is None


def test_a_sweep_that_would_delete_too_much_stops(world: World) -> None:
    """Eleven spares and no links: somebody has lost the ledger, not the meetings."""
    for number in range(11):
        world.make_spare(number)
    sweep = dataclasses.replace(Policy(), spare_life=0.0)
    world.change_ground(policy=sweep)
    for _ in range(3):
        world.clock.advance(timedelta(minutes=31))
        world.tick()

    assert len(world.meetings()) == 11
