"""The contract of functions.ports.Queue, for every ground."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.ports import Queue, Task
from functions.rearming import Rearming, put_back
from infra.local.memory import ManualClock
from tests.contract.grounds import NOON, QUEUES, Drain, called

SYNC = Task("sync_calendar", {"feed": "f", "number": 7})


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at noon."""
    return ManualClock(NOON)


@pytest.fixture(params=sorted(QUEUES))
def ground(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[tuple[Queue, Drain]]:
    """Every queue in turn, empty, with its other end."""
    with ExitStack() as to_close:
        yield QUEUES[request.param](tmp_path, clock, to_close)


@pytest.fixture
def queue(ground: tuple[Queue, Drain]) -> Queue:
    """The end where tasks are added."""
    return ground[0]


@pytest.fixture
def drain(ground: tuple[Queue, Drain]) -> Drain:
    """The end where they come out."""
    return ground[1]


def test_a_task_comes_out_as_it_went_in(queue: Queue, drain: Drain) -> None:
    """Function and body arrive equal, without a name or with one, and what was added is not shared."""
    body: dict[str, Any] = {"feed": "ä/😀", "n": 1, "fields": {"a": [None, True, 1.5]}}
    assert queue.add(Task("patch_event", body))
    body["n"] = 2
    assert queue.add(Task("tick"), name="tick-1")

    held = drain.take()

    assert called(held) == [
        Task("patch_event", {"feed": "ä/😀", "n": 1, "fields": {"a": [None, True, 1.5]}}),
        Task("tick", {}),
    ]
    assert {h.name for h in held} == {None, "tick-1"}


def test_a_trace_goes_with_its_task(queue: Queue, drain: Drain, clock: ManualClock) -> None:
    """Through waiting and failing; a task that nobody follows has none."""
    trace = f"00-{'1f' * 16}-{'2e' * 8}-01"
    queue.add(Task("patch_event", trace=trace), name="followed")
    queue.add(Task("tick"), name="not")
    taken = drain.take()
    for held in taken:
        drain.failed(held, clock.now())
    again = drain.take()

    for some in taken, again:
        assert {held.name: held.task.trace for held in some} == {"followed": trace, "not": None}


def test_unnamed_tasks_are_all_taken(queue: Queue, drain: Drain) -> None:
    """Two equal tasks without a name are two tasks."""
    assert [queue.add(SYNC), queue.add(SYNC)] == [True, True]

    assert called(drain.take()) == [SYNC, SYNC]


def test_a_task_is_not_run_before_its_time(queue: Queue, drain: Drain, clock: ManualClock) -> None:
    """It is due at its time to the moment; a time gone by means now."""
    queue.add(Task("later"), at=NOON + timedelta(days=30))
    queue.add(Task("soon"), at=NOON + timedelta(minutes=1))
    queue.add(Task("past"), at=NOON - timedelta(days=400))

    seen = [called(drain.take())]
    for wait in (timedelta(seconds=59.999), timedelta(seconds=0.001), timedelta(days=30)):
        clock.advance(wait)
        seen.append(called(drain.take()))

    assert seen == [[Task("past")], [], [Task("soon")], [Task("later")]]


def test_a_task_beyond_a_queues_reach_stops_on_its_way(queue: Queue, drain: Drain, clock: ManualClock) -> None:
    """Whoever comes by on its way puts it back, and it is run at its time, as it was added."""
    far = Rearming(queue, clock)
    assert far.add(SYNC, name="far", at=NOON + timedelta(days=70))
    came: list[tuple[int, bool]] = []
    ran: list[dict[str, Any]] = []
    while not ran:
        clock.advance(timedelta(days=1))
        for held in drain.take():
            body = dict(held.task.body)
            waits = put_back(far, clock.now().timestamp(), held.task.function, body)
            drain.done(held)
            came.append(((clock.now() - NOON).days, waits))
            ran += [] if waits else [body]

    assert came == [(29, True), (58, True), (70, False)]
    assert ran == [dict(SYNC.body)]


def test_a_name_is_refused_while_its_task_is_open(queue: Queue, drain: Drain, clock: ManualClock) -> None:
    """However long it waits or runs, and however often it fails."""
    assert queue.add(SYNC, name="f-7", at=NOON + timedelta(days=3))
    answers = [queue.add(Task("other"), name="f-7")]
    clock.advance(timedelta(days=3))
    answers.append(queue.add(SYNC, name="f-7"))
    (held,) = drain.take()
    answers.append(queue.add(SYNC, name="f-7"))
    drain.failed(held, clock.now() + timedelta(days=2))
    clock.advance(timedelta(days=2))
    answers.append(queue.add(SYNC, name="f-7"))

    assert answers == [False] * 4
    assert called(drain.take()) == [SYNC]


def test_a_name_is_refused_for_a_day_after_its_task_is_done(queue: Queue, drain: Drain, clock: ManualClock) -> None:
    """A name that could recur would drop work silently; on the ground that is nearest that shows at once."""
    queue.add(SYNC, name="f-7")
    clock.advance(timedelta(hours=5))
    for held in drain.take():
        drain.done(held)
    clock.advance(timedelta(hours=24) - timedelta(seconds=1))
    before = queue.add(SYNC, name="f-7")
    clock.advance(timedelta(seconds=1))
    after = queue.add(SYNC, name="f-7")

    assert (before, after) == (False, True)
    assert called(drain.take()) == [SYNC]
    assert not queue.add(SYNC, name="f-7")


def test_names_are_apart(queue: Queue, drain: Drain) -> None:
    """A name says nothing about another one, not even by case."""
    assert all(queue.add(SYNC, name=name) for name in ("a", "A", "a-", "a_", "a" * 500))

    assert len(drain.take()) == 5


def test_a_held_task_is_not_handed_out_again(queue: Queue, drain: Drain, clock: ManualClock) -> None:
    """One that is being run is nobody else's, and one that is done is no more."""
    queue.add(SYNC)
    (held,) = drain.take()
    assert drain.take() == []

    drain.done(held)

    clock.advance(timedelta(days=10))
    assert drain.take() == []


def test_a_failed_task_comes_again(queue: Queue, drain: Drain, clock: ManualClock) -> None:
    """It comes at its new time, until it succeeds, and tells how often it was tried and when first."""
    queue.add(SYNC, name="f-7")
    tries = []
    for _ in range(4):
        (held,) = drain.take()
        tries.append((held.attempts, held.responses, held.last_status, held.first_try))
        drain.failed(held, clock.now() + timedelta(minutes=1))
        assert drain.take() == []
        clock.advance(timedelta(minutes=1))

    assert tries == [(0, 0, None, None)] + [(n, n, 500, NOON) for n in (1, 2, 3)]


def test_a_late_answer_of_an_earlier_attempt_is_without_effect(queue: Queue, drain: Drain, clock: ManualClock) -> None:
    """A call that outlived its deadline cannot end the attempt that replaced it."""
    queue.add(SYNC)
    (first,) = drain.take()
    drain.failed(first, NOON)
    (second,) = drain.take()
    drain.done(first)
    drain.failed(first, NOON)
    assert drain.take() == []

    drain.failed(second, NOON)
    drain.done(second)

    assert called(drain.take()) == [SYNC]
    assert clock.now() == NOON


@pytest.mark.parametrize("name", ["", "a" * 501, "a b", "a/b", "ä", "a\n", "a.b", "\ud800"])
def test_a_name_cloud_tasks_would_refuse_is_refused(queue: Queue, drain: Drain, name: str) -> None:
    """A name holds letters, digits, - and _, at most 500."""
    with pytest.raises(ValueError, match="name"):
        queue.add(SYNC, name=name)

    assert drain.take() == []


@pytest.mark.parametrize(
    ("task", "at"),
    [
        (Task(""), None),
        (Task("../console"), None),
        (Task("a?b"), None),
        (Task("sync_calendar", {"when": NOON}), None),
        (Task("sync_calendar", {"n": float("nan")}), None),
        (Task("sync_calendar", {"text": "x" * 100_001}), None),
        (SYNC, NOON + timedelta(days=30, seconds=1)),
        (SYNC, datetime(2026, 3, 2, 12)),  # noqa: DTZ001 - the missing zone is the mistake under test
    ],
)
def test_a_task_no_ground_would_take_is_refused(queue: Queue, drain: Drain, task: Task, at: datetime | None) -> None:
    """A mistaken task is a clear error, and its name stays free."""
    with pytest.raises(ValueError, match=r".+"):
        queue.add(task, name="n", at=at)

    assert drain.take() == []
    assert queue.add(SYNC, name="n")


def test_of_many_who_add_one_name_one_succeeds(queue: Queue, drain: Drain) -> None:
    """Threads that add at the same moment make one task."""
    gate = threading.Barrier(8)
    answers: list[bool] = []

    def add() -> None:
        gate.wait()
        answers.extend(queue.add(Task("tick", {"n": n}), name=f"tick-{n}") for n in range(10))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(answers) == 10
    assert sorted(held.task.body["n"] for held in drain.take()) == list(range(10))
