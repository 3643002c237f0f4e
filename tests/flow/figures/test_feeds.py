"""The figures of a feed's document: its runs, their leases and tries, and when poll, sweep and wake are due."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions import notification, sync
from functions.ground import Policy
from functions.initialise import initialise
from tests.flow.figures.waits import due, seen_during
from tests.meanwhile import Meanwhile
from tests.world import ALICE, World, lower

POLICY = Policy()


def test_a_feed_at_rest(world: World, feed: str) -> None:
    """After its run all is covered, nothing is held, and poll and sweep come soon enough, spread by a quarter."""
    world.insert()
    world.settle()
    now, it = world.ground.now(), world.feed(feed)

    assert it.dirty == it.started == it.done > 1
    assert (it.lease_until, it.wake_at, it.attempts, it.trouble) == (0.0, None, 0, None)
    assert it.synced_at is not None
    assert it.full_at < it.synced_at <= now
    assert 0.75 * POLICY.poll <= (it.poll_at or 0) - it.synced_at <= POLICY.poll
    assert 0.75 * POLICY.sweep <= (it.sweep_at or 0) - it.full_at <= POLICY.sweep
    assert it.zone == "Europe/Zurich"


def test_a_notice_asks_for_one_run_a_moment_later(world: World, feed: str) -> None:
    """The second of a burst writes nothing; the tick wakes the run if its task is lost."""
    world.insert()
    world.settle()
    before = world.feed(feed)
    headers = lower(world.heard[-1])
    notification.calendar_notification(world.ground, headers)
    first, version = world.feed(feed), world.store.get(f"feeds/{feed}")
    notification.calendar_notification(world.ground, headers)

    assert first.dirty == before.dirty + 1
    assert first.wake_at == world.ground.now() + POLICY.burst + POLICY.forgotten
    assert due(world, "sync_calendar") == [POLICY.burst]
    assert world.store.get(f"feeds/{feed}") == version


def test_a_run_holds_its_feed_under_a_lease(world: World, feed: str) -> None:
    """Another number waits behind it; its own number, given again, means that its holder died."""
    world.insert()
    found = seen_during(world, "calendar", "changes", lambda: (world.feed(feed), world.ground.now()))
    world.settle()
    ((held, now),) = found

    assert held.lease_until == now + POLICY.lease
    assert held.wake_at == now + POLICY.lease + POLICY.forgotten
    assert held.lease_number == held.started == held.dirty == held.done + 1
    assert world.feed(feed).fence > held.fence


def test_a_run_behind_another_comes_when_that_one_s_lease_is_over(world: World, feed: str) -> None:
    """It lists nothing before, and nothing at all if the other has covered it."""
    world.insert()
    waiting: list[float] = []
    calls: list[int] = []

    def second() -> None:
        notification.calendar_notification(world.ground, lower(world.heard[-1]))
        number = world.feed(feed).dirty
        before = len(world.google_control("requests")["requests"])
        sync.sync_calendar(world.ground, feed, number)
        calls.append(len(world.google_control("requests")["requests"]) - before)
        waiting.extend(due(world, "sync_calendar"))

    calm = world.ground.calendar
    world.change_ground(calendar=Meanwhile(calm, "changes", second))
    world.settle(timedelta(seconds=30))
    covered = world.feed(feed)
    world.calls()
    world.settle()

    assert calls == [0]
    assert waiting == [POLICY.burst, POLICY.lease]
    assert not covered.owed
    assert world.calls()["GET events"] == 0


def test_a_run_that_fails_is_tried_again_after_some_seconds(world: World, feed: str) -> None:
    """As if it had not begun: notices that come until then wait for the same task."""
    world.insert()
    world.settle()
    before = world.feed(feed)
    world.google_control("faults", method="GET", path="/events$", times=2, status=503)
    headers = lower(world.heard[-1])
    notification.calendar_notification(world.ground, headers)
    world.settle(timedelta(seconds=1))
    first, (wait,), failed_at = world.feed(feed), due(world, "sync_calendar"), world.ground.now()
    notification.calendar_notification(world.ground, headers)
    again = due(world, "sync_calendar")
    world.settle(timedelta(seconds=5))
    second, (longer,) = world.feed(feed), due(world, "sync_calendar")
    world.settle()
    last = world.feed(feed)

    assert (first.attempts, first.started, first.done, first.lease_until) == (1, before.done, before.done, 0.0)
    assert first.trouble
    assert 0.75 * POLICY.retry_first <= wait <= POLICY.retry_first
    assert again == [wait]
    assert second.attempts == 2
    assert 2 * 0.75 * POLICY.retry_first <= longer <= 2 * POLICY.retry_first
    assert first.wake_at == pytest.approx(failed_at + wait + POLICY.lease)
    assert (last.attempts, last.trouble, last.wake_at, last.owed) == (0, None, None, False)


def test_a_forgotten_run_is_woken_once_in_a_lease(world: World, feed: str) -> None:
    """The tick enqueues it at once, and leaves it alone for as long as a run may take."""
    world.insert()
    world.deliver()
    (lost,) = world.queue.waiting()
    world.queue.done(world.queue.take(lost))
    woken = []
    for _ in range(4):
        world.clock.advance(timedelta(seconds=31))
        woken.append((world.tick()["runs"], [round(wait) for wait in due(world, "sync_calendar")]))

    assert woken == [(1, [0]), (0, [-31]), (0, [-62]), (1, [-93, 0])]
    assert world.feed(feed).owed


def test_a_poll_s_time_moves_on_with_the_poll(world: World, feed: str) -> None:
    """It is asked for at once; the tick of the next minute has nothing to do."""
    it = world.feed(feed)
    assert it.poll_at is not None
    world.clock.advance(timedelta(seconds=it.poll_at - world.ground.now() - 1))
    early = world.tick()["polls"]
    world.clock.advance(timedelta(seconds=2))
    done, after = world.tick()["polls"], world.feed(feed)
    again = world.tick()["polls"]

    assert (early, done, again) == (0, 1, 0)
    assert after.poll_at == world.ground.now() + POLICY.poll
    assert due(world, "sync_calendar") == [0]


def test_each_provider_is_compared_every_half_of_a_spare_s_life(world: World, feed: str) -> None:
    """So a spare that is seen once is deleted the next time but one; a calendar is compared once a day."""
    world.insert()
    world.settle()
    world.google_control("push", silent=True)
    world.tick()
    world.calls()
    lists = []
    for _ in range(4):
        for _ in range(30):
            world.clock.advance(timedelta(minutes=1))
            world.tick()
        lists.append(world.calls()["GET meetings"])
    sweep_at = world.feed(feed).sweep_at
    assert sweep_at is not None
    world.clock.advance(timedelta(seconds=sweep_at - world.ground.now()))
    world.tick()
    after = world.feed(feed)

    assert lists == [1, 1, 1, 1]
    assert (after.full_wanted, after.push) == (True, True)
    assert after.sweep_at == world.ground.now() + POLICY.sweep
    world.settle()
    assert not world.feed(feed).full_wanted
    assert world.feed(feed).sweep_at == after.sweep_at


def test_a_feed_that_is_connected_again_begins_at_once(world: World, feed: str) -> None:
    """Nothing of what stopped it is left, and what it was asked for before is asked for anew."""
    world.insert()
    world.google_control("faults", method="GET", path="/events$", times=1, status=401, reason="authError")
    world.settle()
    stopped = world.feed(feed)
    world.clock.advance(timedelta(hours=1))
    initialise(world.ground, ALICE, "primary")
    again = world.feed(feed)
    waits = due(world, "sync_calendar")
    world.settle()
    after = world.feed(feed)

    assert (stopped.stopped, stopped.poll_at, stopped.wake_at, stopped.lease_until) == (True, None, None, 0.0)
    assert stopped.trouble
    assert (again.stopped, again.trouble, again.lease_until, again.deletions_accepted) == (False, None, 0.0, True)
    assert (again.started, again.dirty) == (stopped.dirty, stopped.dirty + 1)
    assert again.poll_at == again.wake_at - POLICY.forgotten if again.wake_at else None
    assert waits == [0]
    assert (after.owed, after.trouble) == (False, None)
    assert len(world.meetings()) == 1
