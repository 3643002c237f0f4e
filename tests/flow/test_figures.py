"""The figures the flow keeps to: what stands in each document, and when each thing is due, step by step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from conference.errors import Forged
from conference.event import Event, read_event
from functions import channel, ledger, marking, notification, sync, webhook, work
from functions import feed as feeds
from functions.ground import DAY, HOUR, MINUTE, Policy
from functions.initialise import initialise
from functions.ledger import Row
from tests.meanwhile import Meanwhile
from tests.world import ALICE, World, lower

POLICY = Policy()


def due(world: World, function: str) -> list[float]:
    """In how many seconds each task of this function is due."""
    return [
        held.at.timestamp() - world.ground.now() for held in world.queue.waiting() if held.task.function == function
    ]


def only(world: World) -> Row:
    """The one row."""
    (row,) = world.rows()
    return row


def seen_during(world: World, port: str, method: str, look: Callable[[], Any]) -> list[Any]:
    """What `look` finds at the first call of the port's method."""
    found: list[Any] = []
    if port == "provider":
        world.change_ground(providers={"http": Meanwhile(world.provider, method, lambda: found.append(look()))})
    else:
        calm = world.ground.calendar
        world.change_ground(calendar=Meanwhile(calm, method, lambda: found.append(look())))
    return found


# ---- feeds ------------------------------------------------------------------------------------------------


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


# ---- rows -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("feed")
def test_a_change_is_marked_and_claimed_by_the_run_that_saw_it(world: World) -> None:
    """Until the worker's lease is over nobody else acts; if it dies, the tick finds the mark."""
    found: list[Row] = seen_during(world, "provider", "create", lambda: only(world))
    made = world.insert()
    world.settle()
    (row,) = found
    now = row.changed_at
    done = only(world)

    assert (row.mark, row.done, row.fence, row.attempts) == (1, 0, 1, 0)
    assert row.claimed_until == now + POLICY.lease
    assert row.due == now + POLICY.lease + POLICY.forgotten
    assert row.seen is not None
    assert (row.event, row.seen.id, row.ical_uid) == (made["id"], made["id"], made["iCalUID"])
    assert row.link is not None
    assert (row.link.meeting, row.generation, row.link.generation) == (None, 1, 1)
    assert (done.mark, done.done, done.due, done.claimed_until) == (1, 1, None, 0.0)
    assert done.settled_at == now
    assert done.link is not None
    assert done.key == row.link.key == done.link.key


@pytest.mark.usefixtures("feed")
def test_a_join_link_is_written_by_a_task_at_once(world: World) -> None:
    """Meanwhile the row is free, and the tick would find the mark half a minute later."""
    world.insert()
    world.run_due(until="patch_event")
    row = only(world)

    assert due(world, "patch_event") == [0]
    assert (row.pending, row.claimed_until) == (True, 0.0)
    assert row.due == world.ground.now() + POLICY.forgotten


@pytest.mark.usefixtures("feed")
def test_a_mark_from_elsewhere_is_due_at_once_or_behind_the_claim(world: World) -> None:
    """Nothing that stopped the event before counts any more."""
    world.insert()
    world.settle()
    (document,) = world.store.query(ledger.COLLECTION)
    parked = dataclasses.replace(ledger.put(ledger.decode(document), document.version))
    stopped = {"parked": "no", "attempts": 3, "failing_since": 1.0, "trouble": "no", "expire_at": 2e10}
    world.store.commit(dataclasses.replace(parked, data={**parked.data, **stopped}))
    work.remark(world.ground, document.key, verify=True)
    row = only(world)
    free = due(world, "reconcile_event")
    job = work.Work.on(world.ground, world.store.query(ledger.COLLECTION)[0])
    assert job.claim()
    work.remark(world.ground, document.key, verify=True)
    busy = only(world)

    assert (row.parked, row.attempts, row.failing_since, row.trouble, row.expire_at) == (None, 0, None, None, None)
    assert (row.mark, row.verify, row.changed_at) == (2, True, world.ground.now())
    assert free == [0]
    assert row.due == world.ground.now() + POLICY.forgotten
    assert busy.due == world.ground.now() + POLICY.lease + POLICY.forgotten
    assert sorted(due(world, "reconcile_event")) == [0, POLICY.lease]


@pytest.mark.usefixtures("feed")
def test_a_forgotten_mark_is_relayed_once_in_a_lease(world: World) -> None:
    """The tick gives it to the queue at once, under a new name."""
    world.insert()
    world.run_due(until="patch_event")
    for lost in world.queue.waiting():
        world.queue.done(world.queue.take(lost))
    done = []
    for _ in range(6):
        world.clock.advance(timedelta(seconds=30))
        done.append(world.tick()["marks"])
    row = only(world)

    assert done == [1, 0, 0, 0, 1, 0]
    assert row.attempts == 2
    assert row.due == world.ground.now() - 30 + POLICY.lease + POLICY.forgotten
    assert due(world, "reconcile_event") == [-150, -30]


@pytest.mark.usefixtures("feed")
def test_what_a_run_has_no_time_for_is_spread(world: World) -> None:
    """So many tasks a second, from now on, in the order in which the events came."""
    world.change_ground(policy=dataclasses.replace(POLICY, inline=-1.0))
    for number in range(5):
        world.insert(summary=str(number))
    world.run_due(until="reconcile_event")

    assert due(world, "reconcile_event") == pytest.approx([number / POLICY.share for number in range(5)], abs=1e-5)
    assert world.meetings() == []


@pytest.mark.usefixtures("feed")
def test_a_push_of_a_provider_is_looked_at_a_moment_later(world: World) -> None:
    """A burst of them is one look; one that names the version we know is none."""
    world.insert()
    world.settle()
    (meeting,) = world.meetings()
    world.vendor_control(f"meetings/{meeting['id']}", title="By hand")
    world.deliver()
    looks = due(world, "reconcile_event")
    world.calls()
    world.settle()

    assert looks == [POLICY.burst]
    assert world.calls()["PUT meetings"] == 1
    assert world.meetings()[0]["title"] == "Planning"


@pytest.mark.usefixtures("feed")
@pytest.mark.parametrize(
    ("status", "least", "most"),
    [(503, 0.75 * POLICY.retry_first, POLICY.retry_first), (401, HOUR, HOUR)],
    ids=["trouble", "a person must act"],
)
def test_when_an_event_is_tried_again(world: World, status: int, least: float, most: float) -> None:
    """After some seconds; where only a person can help, in an hour."""
    world.vendor_control("faults", method="POST", path="^/meetings", times=1, status=status)
    world.insert()
    world.settle(timedelta(seconds=1.5))
    (wait,) = due(world, "reconcile_event")
    row = only(world)

    assert least <= wait <= most
    assert row.due == pytest.approx(world.ground.now() + wait + POLICY.forgotten)
    assert row.failing_since == world.ground.now()


@pytest.mark.usefixtures("feed")
def test_a_join_link_whose_write_was_not_answered_is_not_written_again_at_once(world: World) -> None:
    """The event is read first, some seconds later: the write may be on its way."""
    world.google_control("faults", method="PATCH", path="/events/", times=1, status=503)
    world.vendor_control("webhooks", silent=True)
    world.insert()
    world.settle(timedelta(seconds=1.5))
    (wait,) = due(world, "reconcile_event")

    assert 0.75 * POLICY.retry_first - 0.5 <= wait <= POLICY.retry_first
    assert only(world).refresh


@pytest.mark.usefixtures("feed")
def test_a_change_that_is_seen_as_a_claim_ends_is_claimed(world: World) -> None:
    """From then on nobody has the row; an instant earlier its holder still sees the new mark when it saves."""
    made = world.insert()
    world.settle()
    (document,) = world.store.query(ledger.COLLECTION)
    row, event = ledger.decode(document), world.event(made["id"])
    changed = read_event(msgspec.json.encode({**event, "summary": "Renamed"}))
    assert isinstance(changed, Event)
    now = world.ground.now()

    def marked(until: float) -> Row | None:
        held = msgspec.structs.replace(row, claimed_until=until)
        return marking.mark(world.ground, held, marking.Sighting(made["id"], changed), row.zone)

    ended, held, free = marked(now), marked(now + 0.001), marked(0.0)
    assert ended is not None
    assert held is not None
    assert free is not None
    assert (ended.fence, held.fence, free.fence) == (row.fence + 1, row.fence, row.fence + 1)
    assert (ended.verify, held.verify, free.verify) == (True, False, False)
    assert (held.claimed_until, held.due) == (now + 0.001, now + 0.001 + POLICY.forgotten)
    assert {ended.mark, held.mark, free.mark} == {row.mark + 1}


# ---- names and counts -------------------------------------------------------------------------------------


def test_what_is_stored_is_found_again_by_a_later_version(world: World) -> None:
    """Keys are made of ids that Google chose; they must not change between two versions."""
    assert ledger.key_of("feed", "event") == "ledger/feed-b8e1f80bd70ae0784c7855a451731b74"
    assert feeds.feed_id(ALICE, ALICE) == "5fabd3f5a4e2f18131bd"
    assert len(ledger.key_of("feed", "e" * 1024)) == len(ledger.key_of("feed", "e"))
    assert channel.digest("secret") == "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
    assert world.store.query(ledger.COLLECTION) == []


def test_one_wish_is_one_task(world: World) -> None:
    """A run's task is named by its number, a mark's by the mark, its attempt and its claim: repeats are refused."""
    row = Row("feed", "event", mark=3)
    for again in (row, row, msgspec.structs.replace(row, attempts=1), msgspec.structs.replace(row, mark=4)):
        ledger.enqueue(world.ground, again)
    ledger.enqueue(world.ground, msgspec.structs.replace(row, fence=1))
    ledger.enqueue(world.ground, row, "patch_event")
    for number, turn in ((1, ""), (1, ""), (2, ""), (1, "again")):
        feeds.enqueue(world.ground, "feed", number, at=world.ground.now(), turn=turn)

    assert [held.task.function for held in world.queue.waiting()] == [
        *["reconcile_event"] * 4,
        "patch_event",
        *["sync_calendar"] * 3,
    ]


def test_a_tick_counts_what_it_has_done(world: World, feed: str) -> None:
    """Each of two calendars and two events, and not the same one twice."""
    other = world.connect(user="bob@example.com")
    for user in (ALICE, "bob@example.com"):
        world.insert(by=user)
    world.run_due(until="patch_event")
    world.settle(timedelta(0))
    for held in world.queue.waiting():
        world.queue.done(world.queue.take(held))
    for each in (feed, other):
        feeds.change(world.ground, each, lambda it: msgspec.structs.replace(it, wake_at=1.0, poll_at=1.0, sweep_at=1.0))
    for document in world.store.query(ledger.COLLECTION):
        work.remark(world.ground, document.key, verify=True)
    for held in world.queue.waiting():
        world.queue.done(world.queue.take(held))
    world.clock.advance(timedelta(seconds=91))
    first, second = world.tick(), world.tick()

    assert {name: first[name] for name in ("runs", "marks", "polls")} == {"runs": 2, "marks": 2, "polls": 2}
    assert first["sweeps"] >= 2
    assert {name: second[name] for name in ("runs", "marks", "polls", "sweeps")} == dict.fromkeys(
        ("runs", "marks", "polls", "sweeps"), 0
    )


def test_a_push_of_nobody_s_is_refused(world: World) -> None:
    """A provider that is not configured, or that pushes nothing."""
    with pytest.raises(Forged, match="not a push of a provider of ours"):
        webhook.provider_webhook(world.ground, "nobody", {}, b"")


def test_the_figures_themselves() -> None:
    """What the README promises hangs on them."""
    assert (MINUTE, HOUR, DAY) == (60, 3600, 86400)
    assert POLICY.poll == 15 * MINUTE
    assert POLICY.sweep == DAY
    assert POLICY.retry_for == 3 * DAY
