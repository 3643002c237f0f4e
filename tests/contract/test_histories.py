"""Every ground under many clients at once: what they saw could have happened one call after the other.

Threads for each ground, processes for the files; some processes are killed in the middle of what they do.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from functions.ports import Store
from infra.local.memory import ManualClock, MemoryQueue, MemoryStore
from infra.local.sqlite_queue import SqliteQueue
from infra.local.sqlite_store import SqliteStore
from tests.contract.broken import ForgetsNames, HandsOutTwice, Loses, LosesUpdates, ReadsLate, TearsCommits
from tests.contract.callers import KEYS, QueueCaller, StoreCaller, Taker
from tests.contract.grounds import NOON, QUEUES, STORES, OneByOne
from tests.contract.linearizable import Call, Line, apart, elsewhere, heard, unexplained
from tests.contract.programs import process
from tests.contract.sequential import CONFLICT, QueueModel, StoreModel

CLIENTS = [f"client{number}" for number in range(6)]
STEPS = 100
TEARS_LISTS = {"firestore", "firestore-rest"}
"""Firestore lists documents as of one instant; its emulator may show one document of a commit and not yet the other."""


@contextmanager
def restless(seed: int = 0) -> Iterator[None]:
    """Threads begun meanwhile stop for others in the middle of what they do, not only between their calls."""
    random = Random(seed)  # noqa: S311 - a test's choices

    def stop(_frame: object, _event: str, _argument: object) -> None:
        if random.random() < 0.01:
            elsewhere()

    threading.setprofile(stop)
    try:
        yield
    finally:
        threading.setprofile(None)


def together(wander: Sequence[Callable[[], None]]) -> None:
    """Do all of it at once."""
    gate = threading.Barrier(len(wander))
    failed: list[BaseException] = []

    def run(one: Callable[[], None]) -> None:
        gate.wait()
        try:
            one()
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in wander]
    with restless():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []


def store_history(store: Store, seed: int, steps: int = STEPS) -> list[Call]:
    """What clients of a store saw, in threads; at the end one of them reads everything."""
    lines: list[Line] = []
    callers = [StoreCaller(store, name, Random(f"{name} {seed}"), lines.append) for name in CLIENTS]  # noqa: S311 - a test's choices
    together([lambda caller=caller: caller.wander(steps) for caller in callers])  # type: ignore[misc]  # bound here
    callers[0].query()
    return heard(lines)


def queue_history(queue: Any, takers: Sequence[Taker], seed: int, steps: int = STEPS) -> list[Call]:
    """What clients of a queue saw, in threads; at the end one of them takes all that is left."""
    lines: list[Line] = []
    callers = [
        QueueCaller(queue, taker, name, Random(f"{name} {seed}"), lines.append)  # noqa: S311 - a test's choices
        for name, taker in zip(CLIENTS, takers, strict=True)
    ]
    together([lambda caller=caller: caller.wander(steps) for caller in callers])  # type: ignore[misc]  # bound here
    while callers[0].take():
        pass
    return heard(lines)


# ---- threads ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ground", sorted(STORES))
def test_threads_see_one_store(ground: str, seed: int, tmp_path: Path) -> None:
    """Reads, lists and conditional commits of several documents, by six threads, have one order."""
    steps = STEPS // 2 if ground.startswith("firestore") else STEPS  # each over a socket
    with ExitStack() as to_close:
        history = store_history(STORES[ground](tmp_path, ManualClock(NOON), to_close), seed, steps)

    assert len(history) > len(CLIENTS) * steps
    assert unexplained(without_lists(history) if ground in TEARS_LISTS else history, StoreModel()) == []
    answers = Counter(call.answer == CONFLICT for call in history if call.asked[0] == "commit")
    assert min(answers[True], answers[False]) > 20


def without_lists(history: Sequence[Call]) -> list[Call]:
    """All but the lists that were read while others wrote: the last one, when all had ended, stays."""
    last = max(call.invoked for call in history)
    return [call for call in history if call.asked != ("query",) or call.invoked == last]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ground", sorted(QUEUES))
def test_threads_see_one_queue(ground: str, seed: int, tmp_path: Path) -> None:
    """Tasks added, taken, ended and failed by six threads have one order, and so have their names."""
    with ExitStack() as to_close:
        queue, _ = QUEUES[ground](tmp_path, ManualClock(NOON), to_close)
        history = queue_history(queue, [OneByOne.of(queue, name) for name in CLIENTS], seed)

    assert names_taken(history) == {1}
    assert unexplained(history, QueueModel()) == []


def names_taken(history: Sequence[Call]) -> set[int]:
    """How often each name that was used was taken."""
    named = [call for call in history if call.asked[0] == "add" and call.asked[2]]
    return {sum(call.answer is True for call in of_one) for of_one in apart(named, lambda c: str(c.asked[2])).values()}


# ---- processes, some of them killed ----------------------------------------------------------------------------------


@pytest.mark.parametrize("killed_after", [40, 75])
def test_processes_see_one_store_and_one_queue_through_kills(tmp_path: Path, killed_after: int) -> None:
    """What killed processes were about to do was done whole or not at all; what they held is there again."""
    lines: dict[str, list[Line]] = {"store": [], "queue": []}
    with ExitStack() as to_close:
        children = [
            to_close.enter_context(process("calling_process.py", str(tmp_path), name, "60")) for name in CLIENTS[:4]
        ]

        def listen(child: Any, most: int) -> None:
            for line in child.stdout:
                kind, *told = json.loads(line)
                lines[kind].append(told)
                most -= 1
                if most == 0:
                    child.kill()

        together(
            [
                lambda child=child, most=most: listen(child, most)  # type: ignore[misc]  # bound here
                for child, most in zip(children, [killed_after, 2 * killed_after, 0, 0], strict=True)
            ]
        )
        endings = [child.wait() for child in children]
    with ExitStack() as to_close:
        read_the_rest(tmp_path, to_close, lines)

    assert endings == [-9, -9, 0, 0]
    assert unexplained(heard(lines["store"]), StoreModel()) == []
    assert unexplained(heard(lines["queue"]), QueueModel()) == []
    assert len(heard(lines["store"])) + len(heard(lines["queue"])) > 250


def read_the_rest(folder: Path, to_close: ExitStack, lines: dict[str, list[Line]]) -> None:
    """Open both files again, read every document, and take every task, those of the dead too."""
    clock, random = ManualClock(NOON), Random(0)  # noqa: S311 - a test's choices
    store, queue = SqliteStore(folder / "documents.db", clock), SqliteQueue(folder / "tasks.db", clock)
    to_close.callback(store.close)
    to_close.callback(queue.close)
    last = StoreCaller(store, "last", random, lines["store"].append)
    last.query()
    for key in KEYS:
        last.get(key)
    heir = QueueCaller(queue, OneByOne.of(queue, "last"), "last", random, lines["queue"].append)
    for client in CLIENTS[:2]:
        heir.release(client, queue.release)
    while heir.take():
        pass


# ---- what breaks a promise is found out ------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", [LosesUpdates, TearsCommits, ReadsLate])
def test_a_store_that_breaks_its_promise_is_found_out(broken: Callable[[Store], Store]) -> None:
    """A lost update, half a commit, or a read of yesterday shows in some history of a few."""
    histories = (store_history(broken(MemoryStore(ManualClock(NOON))), seed) for seed in range(20))

    assert any(unexplained(history, StoreModel()) for history in histories)


def test_a_queue_that_forgets_names_is_found_out() -> None:
    """Two tasks under one name are one too many."""

    def history(seed: int) -> list[Call]:
        queue = MemoryQueue(ManualClock(NOON))
        return queue_history(ForgetsNames(queue), [OneByOne.of(queue, name) for name in CLIENTS], seed)

    assert any(unexplained(history(seed), QueueModel()) for seed in range(20))


@pytest.mark.parametrize("broken", [HandsOutTwice, lambda honest, _: Loses(honest)])
def test_a_queue_that_hands_out_twice_or_loses_is_found_out(broken: Callable[[OneByOne, list[Any]], Taker]) -> None:
    """What is held is nobody else's, and what failed comes again."""
    queue, seen = MemoryQueue(ManualClock(NOON)), list[list[Any]]()
    takers = [broken(OneByOne.of(queue, name), seen) for name in CLIENTS]

    assert unexplained(queue_history(queue, takers, 1), QueueModel())
