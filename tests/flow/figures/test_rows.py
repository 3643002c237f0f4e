"""The figures of an event's row: its marks and claims, and when each of its tasks and tries is due."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import msgspec
import pytest

from conference.event import Event, read_event
from functions import ledger, marking, work
from functions.ground import HOUR, Policy
from functions.ledger import Row
from tests.flow.figures.waits import due, seen_during
from tests.world import World

POLICY = Policy()


def only(world: World) -> Row:
    """The one row."""
    (row,) = world.rows()
    return row


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
