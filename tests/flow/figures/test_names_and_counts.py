"""What is named and counted: the keys of documents, the names of tasks, a tick's work, the policy's own numbers."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from functions import channel, ledger, work
from functions import feed as feeds
from functions.ground import DAY, HOUR, MINUTE, Policy
from functions.ledger import Row
from tests.world import ALICE, World

POLICY = Policy()


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


def test_the_figures_themselves() -> None:
    """What the README promises hangs on them."""
    assert (MINUTE, HOUR, DAY) == (60, 3600, 86400)
    assert POLICY.poll == 15 * MINUTE
    assert POLICY.sweep == DAY
    assert POLICY.retry_for == 3 * DAY
