"""What heals by itself is found at the step that forgets it, and what is right is not."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest

from functions.ports import Put, Task
from infra.local.memory import ManualClock, MemoryQueue, MemoryStore
from tests.simulation.care import Care
from tests.simulation.sight import Broken, Json

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
AT = NOW.timestamp()
FEED: Json = {"dirty": 3, "started": 3, "done": 2, "fence": 1, "wake_at": AT + 60, "lease_until": AT + 60}
ROW: Json = {"feed": "f", "event": "e", "mark": 2, "done": 1, "fence": 1, "claimed_until": AT + 60}
ASKED = {"conferenceSolution": {"key": {"type": "addOn"}}, "parameters": {"addOnParameters": {"parameters": {}}}}
ASKED["parameters"]["addOnParameters"]["parameters"] = {"lockstep": "http"}  # type: ignore[index]  # nested as it is
LINKED: Json = {**ROW, "seen": {"conferenceData": ASKED}, "link": {"provider": "http", "meeting": {"ref": {}}}}
CHANNEL: Json = {"feed": "f", "renew_at": AT + 3600, "expires": AT + 7200, "resource_id": "r"}


class Bench:
    """The judges, and a store and a queue to look at."""

    def __init__(self) -> None:
        clock = ManualClock(NOW)
        self.store, self.queue = MemoryStore(clock), MemoryQueue(clock)
        self.care = Care(self.store, self.queue, {"http"}, clock)

    def write(self, key: str, before: Json | None, after: Json, worker: str = "w") -> None:
        """Have a write judged that has been committed."""
        known = self.store.get(key)
        self.store.commit(Put(key, after, known.version if known else None))
        self.care.store_changed(key, before, after, worker)

    def end(self, worker: str = "w") -> None:
        """Have the worker's end judged, with which nothing was wrong."""
        self.care.ended(worker, well=True, undisturbed=True, died=False, own=None)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (FEED, {**FEED, "dirty": 4}, ""),
        (FEED, {**FEED, "wake_at": None}, "nobody looks after it"),
        (FEED, {**FEED, "wake_at": None, "stopped": True}, ""),
        (FEED, {**FEED, "done": 3}, "nothing is owed"),
        ({**FEED, "dirty": 4}, {**FEED, "dirty": 4, "started": 4, "done": 4, "wake_at": None}, "begun with 3"),
    ],
)
def test_a_feed_says_what_is_owed(before: Json, after: Json, words: str) -> None:
    """The tick looks after a run that is owed, and after no other; a run is done up to what it began with."""
    try:
        Bench().write("feeds/f", before, after)
        said = ""
    except Broken as broken:
        said = str(broken)
    assert (words in said) is bool(said or not words)
    assert bool(said) is bool(words)


def test_who_ends_leaves_somebody_who_comes() -> None:
    """A row that was let go while something of it is due needs a task; one that somebody else holds does not."""
    bench = Bench()
    bench.write("ledger/f-e", ROW, {**ROW, "claimed_until": 0.0})
    bench.queue.add(Task("reconcile_event", {"feed": "f", "event": "e", "fence": 1}))
    bench.end()
    bench.write("ledger/f-o", {**ROW, "event": "o"}, {**ROW, "event": "o", "claimed_until": 0.0})
    with pytest.raises(Broken, match="nobody comes"):
        bench.end()


@pytest.mark.parametrize(("hours", "right"), [(24, True), (26, False)])
def test_nobody_is_put_off_for_more_than_a_day(hours: int, right: bool) -> None:
    """However long the other side asks for."""
    care, at = Bench().care, (NOW + timedelta(hours=hours)).timestamp()
    with nullcontext() if right else pytest.raises(Broken, match="has put"):
        care.task_added("reconcile_event", {"feed": "f", "event": "e"}, at, "w", None)


def test_a_task_whose_name_is_taken_is_still_to_come() -> None:
    """Else it was asked for in vain."""
    bench = Bench()
    body = {"feed": "f", "event": "e"}
    bench.write("ledger/f-e", None, ROW)
    bench.queue.add(Task("reconcile_event", body), name="n")
    bench.care.task_refused("reconcile_event", body, "n", "w", None)
    (held,) = bench.queue.waiting()
    bench.queue.done(bench.queue.take(held))
    with pytest.raises(Broken, match="in vain"):
        bench.care.task_refused("reconcile_event", body, "n", "w", None)
    # Others have come since the claim that it was asked for under.
    bench.care.task_refused("reconcile_event", {**body, "fence": -1}, "n", "w", None)


def test_a_notice_that_is_taken_is_seen_by_a_run() -> None:
    """By one that has not begun, or that begins while it is taken."""
    bench = Bench()
    bench.write("feeds/f", None, FEED)
    bench.care.noticed("n", "f")
    bench.write("feeds/f", FEED, {**FEED, "dirty": 4})
    bench.end("n")
    bench.write("feeds/f", FEED, FEED)
    bench.care.noticed("m", "f")
    with pytest.raises(Broken, match="no run will see"):
        bench.end("m")


@pytest.mark.parametrize("looks", [True, False])
def test_who_is_done_with_a_look_has_looked(looks: bool) -> None:
    """Since it was asked for."""
    bench = Bench()
    bench.write("ledger/f-e", LINKED, {**LINKED, "verify": True, "mark": 3})
    if looks:
        bench.care.called("provider.get", "w")
        bench.write("ledger/f-e", {**LINKED, "verify": True, "mark": 3}, {**LINKED, "mark": 3})
    else:
        with pytest.raises(Broken, match="has not asked for it"):
            bench.write("ledger/f-e", {**LINKED, "verify": True, "mark": 3}, {**LINKED, "mark": 3})


def test_the_hour_of_the_first_failure_stands() -> None:
    """Retries that begin anew never end."""
    failing = {**ROW, "failing_since": AT}
    Bench().write("ledger/f-e", failing, {**failing, "attempts": 2})
    with pytest.raises(Broken, match="begun"):
        Bench().write("ledger/f-e", failing, {**failing, "failing_since": AT + 1})


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (None, {**CHANNEL, "resource_id": None, "renew_at": AT + 600}, ""),
        (None, {**CHANNEL, "resource_id": None}, "is looked after in"),
        ({**CHANNEL, "resource_id": None}, CHANNEL, ""),
        ({**CHANNEL, "resource_id": None}, {**CHANNEL, "renew_at": AT + 7200}, "is to be renewed at"),
        (CHANNEL, {**CHANNEL, "closing": True}, "has no other"),
    ],
)
def test_channels_are_looked_after_in_time(before: Json | None, after: Json, words: str) -> None:
    """Soon, where it is not known whether one was opened; before it ends; and the only one is not closed."""
    bench = Bench()
    bench.write("feeds/f", None, {**FEED, "channel": "c"})
    if words:
        with pytest.raises(Broken, match=words):
            bench.write("channels/c", before, after)
    else:
        bench.write("channels/c", before, after)


def test_who_replaces_a_channel_closes_it() -> None:
    """Or notes that it is to be closed; and nobody forgets one that lives."""
    bench = Bench()
    bench.write("channels/c", CHANNEL, CHANNEL)
    bench.write("feeds/f", {**FEED, "channel": "c"}, {**FEED, "channel": "d"})
    bench.write("ledger/f-e", None, {**ROW, "done": 2})
    with pytest.raises(Broken, match="left it open"):
        bench.end()
    with pytest.raises(Broken, match="names channel c no more"):
        bench.write("feeds/f", {**FEED, "channel": "c"}, {**FEED, "channel": None})
