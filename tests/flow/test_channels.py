"""The channel's record, kept through answers that come late, never, or after everybody has gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from conference.errors import Gone, OutcomeUnknown, Refused
from functions import channel
from functions import feed as feeds
from functions.initialise import initialise
from functions.ports import Watched
from tests.instead import Instead
from tests.meanwhile import Meanwhile
from tests.world import ALICE, World

ROOMS = "rooms@example.com"


def records(world: World) -> dict[str, channel.Channel]:
    """Every channel that is accounted for, by its id."""
    found = world.store.query(channel.COLLECTION)
    return {document.key.removeprefix("channels/"): channel.decode(document.data) for document in found}


def forget_feed(world: World, feed: str) -> None:
    """The calendar is disconnected."""
    document, _ = feeds.load(world.ground, feed)
    world.forget(document)


def test_a_calendar_that_cannot_be_watched_is_not_asked_again_by_who_connects_it(world: World) -> None:
    """It was refused a while ago: connecting it once more is no reason to ask."""
    world.google_control("calendars", id=ROOMS, owner=ALICE, timeZone="Europe/Zurich", pushNotSupported=True)
    feed = world.connect(ROOMS)
    world.calls()
    again = world.connect(ROOMS)
    calls = world.calls()

    assert again == feed
    assert calls["POST events"] == 0
    assert (world.feed(feed).push, records(world)) == (False, {})


def test_a_calendar_that_is_disconnected_while_its_channel_is_opened_keeps_none(world: World) -> None:
    """Nobody needs what Google has just opened: it is stopped, and whoever connected is told."""
    feed = feeds.feed_id(ALICE, ALICE)
    calm = world.ground.calendar
    world.change_ground(calendar=Meanwhile(calm, "watch", lambda: forget_feed(world, feed)))
    world.google_control("requests?clear=1")
    with pytest.raises(Gone):
        initialise(world.ground, ALICE, "primary")
    paths = [entry["path"] for entry in world.google_control("requests")["requests"]]

    assert records(world) == {}
    assert paths[-1].endswith("/channels/stop")
    assert world.store.query("feeds") == []


def test_a_watch_without_an_answer_leaves_a_record_until_it_would_have_ended(world: World) -> None:
    """Google may have opened it: as long as nobody knows its resource it cannot be stopped; then it is over."""
    feed = feeds.feed_id(ALICE, ALICE)
    calm = world.ground.calendar

    def lost() -> None:
        raise OutcomeUnknown("no answer")

    world.change_ground(calendar=Meanwhile(calm, "watch", lost))
    initialise(world.ground, ALICE, "primary")
    world.change_ground(calendar=calm)
    (name,) = records(world)
    began = records(world)[name]
    forget_feed(world, feed)
    world.clock.advance(timedelta(minutes=11))
    world.tick()
    (closing,) = records(world).values()
    world.clock.advance(timedelta(days=2))
    world.tick()

    assert (began.resource_id, began.closing) == (None, False)
    assert began.renew_at == world.ground.now() - 2 * 86400 - 60
    assert (began.expires or 0) - began.renew_at == world.ground.policy.channel_life - channel.REGISTERING
    assert (closing.resource_id, closing.closing) == (None, True)
    assert closing.renew_at == began.renew_at + 60 + channel.REGISTERING
    assert records(world) == {}


def test_a_calendar_connected_again_while_its_channel_waits_to_be_closed_has_another(world: World) -> None:
    """The consent was withdrawn for a while: the channel that could not be closed then will be, and may not be kept."""
    feed = world.connect()
    old = world.feed(feed).channel
    feeds.change(world.ground, feed, lambda it: msgspec.structs.replace(it, stopped=True))
    world.google_control("faults", method="POST", path="/stop$", times=1, status=401, reason="authError")
    world.clock.advance(timedelta(hours=25))
    world.tick()
    world.connect()
    for _ in range(3):
        world.clock.advance(timedelta(minutes=61))
        world.tick()
        world.settle()
    current = world.feed(feed).channel

    assert current != old
    assert [name for name, record in records(world).items() if not record.closing] == [current]


def test_a_channel_that_cannot_be_renewed_for_now_is_tried_again_before_it_expires(world: World) -> None:
    """The consent was withdrawn for a moment, less than an hour before the end."""
    feed = world.connect()
    (first,) = records(world).values()
    world.google_control("faults", method="POST", path="/watch$", times=1, status=401, reason="authError")
    world.clock.advance(timedelta(seconds=(first.expires or 0.0) - world.ground.now()) - timedelta(minutes=20))
    world.tick()
    waiting = records(world)[world.feed(feed).channel or ""].renew_at
    world.clock.advance(timedelta(minutes=19, seconds=1))
    world.tick()

    assert waiting == (first.expires or 0.0) - 60
    assert world.feed(feed).channel not in {None, ""}
    assert (records(world)[world.feed(feed).channel or ""].expires or 0.0) > (first.expires or 0.0)


def test_who_may_not_watch_does_not_take_anothers_channel_away(world: World) -> None:
    """Two open one at once, and one of them is refused: the calendar is watched."""
    feed = world.connect()
    feeds.change(world.ground, feed, lambda it: msgspec.structs.replace(it, channel=None))
    calm = world.ground.calendar

    def watch(*_: object, **__: object) -> Watched:
        world.change_ground(calendar=calm)
        channel.open_channel(world.ground, feed)
        raise Refused("it may not be watched")

    world.change_ground(calendar=Instead(calm, watch=watch))
    channel.open_channel(world.ground, feed)
    current = world.feed(feed)

    assert current.push
    assert current.channel in records(world)


class Grants:
    """A calendar that grants channels a life of its own choice, not the one that was asked for."""

    def __init__(self, calendar: Any, life: timedelta) -> None:
        self._calendar, self._life = calendar, life

    def watch(self, *arguments: Any, **named: Any) -> Watched:
        """Open the channel."""
        watched: Watched = self._calendar.watch(*arguments, **{**named, "life": self._life.total_seconds()})
        return watched

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calendar, name)


@pytest.mark.parametrize(
    ("life", "renewed_after"),
    [
        (timedelta(days=2), timedelta(days=1)),
        (timedelta(days=7), timedelta(days=6)),
        (timedelta(hours=2), timedelta(hours=1)),
    ],
)
def test_a_channel_is_renewed_a_day_before_it_ends_or_at_half_its_life(
    world: World, life: timedelta, renewed_after: timedelta
) -> None:
    """Google may grant more or less than was asked for."""
    world.change_ground(calendar=Grants(world.ground.calendar, life))
    began = world.ground.now()
    feed = initialise(world.ground, ALICE, "primary")
    (record,) = records(world).values()

    assert record.expires == began + life.total_seconds()
    assert record.renew_at == began + renewed_after.total_seconds()
    assert (world.feed(feed).resource_id, record.resource_id is None) == (record.resource_id, False)
