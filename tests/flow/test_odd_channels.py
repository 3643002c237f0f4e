"""Channels that are not to be had, are lost, or are no more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions import channel
from functions.initialise import initialise
from tests.flow.moments import heal
from tests.meanwhile import Meanwhile
from tests.world import ALICE, World


def test_where_nobody_can_be_notified_calendars_are_polled(world: World) -> None:
    """Without an address for notices no channel is opened, and changes come with the next poll."""
    world.change_ground(notice_address=None)
    feed = world.connect()
    world.insert()
    world.settle()
    before = len(world.meetings())
    heal(world, 1)

    assert (before, len(world.meetings())) == (0, 1)
    assert (world.feed(feed).channel, world.store.query(channel.COLLECTION)) == (None, [])


def test_a_channel_whose_record_is_lost_is_replaced(world: World, feed: str) -> None:
    """There is nothing to close; the feed is told of its changes again."""
    (document,) = world.store.query(channel.COLLECTION)
    world.forget(document)
    initialise(world.ground, ALICE, "primary")
    world.insert()
    world.settle()

    (now,) = world.store.query(channel.COLLECTION)
    assert now.key == f"channels/{world.feed(feed).channel}"
    assert now.key != document.key
    assert len(world.meetings()) == 1


def test_a_channel_that_has_expired_is_heard_no_more(world: World, feed: str) -> None:
    """Google stops then; who goes on is somebody else."""
    world.insert()
    world.settle()
    headers = world.heard[-1]
    world.clock.advance(timedelta(days=3))

    assert world.notify(headers) == 403
    assert not world.feed(feed).owed


@pytest.mark.usefixtures("feed")
def test_a_channel_that_vanishes_while_its_renewal_fails_stays_away(world: World) -> None:
    """Another worker has forgotten it: it is not written again to be tried later."""
    (document,) = world.store.query(channel.COLLECTION)
    calm = world.ground.calendar
    world.google_control("faults", method="POST", path="/watch$", times=1, status=503)
    world.change_ground(calendar=Meanwhile(calm, "watch", lambda: world.forget(document)))
    world.clock.advance(timedelta(hours=25))
    world.tick()
    world.insert()
    heal(world, 1)

    assert world.store.query(channel.COLLECTION) == []
    assert len(world.meetings()) == 1


def test_a_channel_that_cannot_be_opened_by_a_poll_either_waits_for_the_next(world: World) -> None:
    """The poll itself is made."""
    world.google_control("faults", method="POST", path="/watch$", times=2, status=503)
    feed = world.connect()
    world.insert()
    world.clock.advance(timedelta(minutes=16))
    done = world.tick()
    world.settle()
    without = world.feed(feed).channel
    heal(world, 1)

    assert (done["polls"], without, len(world.meetings())) == (1, None, 1)
    assert world.feed(feed).channel is not None
