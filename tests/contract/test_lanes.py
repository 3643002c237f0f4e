"""The contract of functions.ports.Lanes, for every ground."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator

import pytest

from functions.ports import Lanes
from infra.local.lanes import ThreadLanes
from infra.local.memory import OneLane

PATIENCE = 10.0  # seconds until a deadlock is taken for one


@pytest.fixture(params=["one", "threads-1", "threads-3"])
def lanes(request: pytest.FixtureRequest) -> Iterator[Lanes]:
    """Every kind of lanes in turn."""
    name, _, width = request.param.partition("-")
    if name == "one":
        yield OneLane()
        return
    threads = ThreadLanes(int(width))
    yield threads
    threads.close()


@pytest.fixture
def threads() -> Iterator[ThreadLanes]:
    """Four lanes of threads."""
    threads = ThreadLanes(4)
    yield threads
    threads.close()


def test_results_come_in_the_order_of_the_calls(lanes: Lanes) -> None:
    """However the calls overlap, each result stands where its call stood."""
    assert lanes.run([lambda n=n: n * n for n in range(100)]) == [n * n for n in range(100)]  # type: ignore[misc]  # n=n binds


def test_no_calls_are_no_results(lanes: Lanes) -> None:
    """An empty run ends at once."""
    assert lanes.run([]) == []


def test_an_exception_takes_the_place_of_its_result(lanes: Lanes) -> None:
    """It is returned, not raised, as the very object, and the other calls are made."""
    error = KeyError("x")
    made = []

    def fail() -> int:
        raise error

    def work() -> int:
        made.append(1)
        return 1

    assert lanes.run([work, fail, work]) == [1, error, 1]
    assert made == [1, 1]


def test_an_order_to_end_is_not_swallowed(lanes: Lanes) -> None:
    """What is raised to end the thread reaches the caller."""

    def leave() -> int:
        raise SystemExit

    with pytest.raises(SystemExit):
        lanes.run([leave, leave, leave])


def test_calls_may_run_calls(lanes: Lanes) -> None:
    """Nested runs, wider than the lanes at every level, come to an end."""

    def deep(level: int) -> int:
        if level == 0:
            return 1
        return sum(n for n in lanes.run([lambda: deep(level - 1)] * 4) if isinstance(n, int))

    assert deep(4) == 4**4


def test_each_call_sees_the_callers_context(lanes: Lanes) -> None:
    """What is bound for the log lines of a run holds in its calls, and what a call binds stays in it."""
    run: contextvars.ContextVar[str] = contextvars.ContextVar("run", default="none")
    token = run.set("outer")

    def bind(n: int) -> str:
        seen = run.get()
        run.set(f"inner-{n}")
        return seen

    try:
        results = lanes.run([lambda n=n: bind(n) for n in range(8)])  # type: ignore[misc]  # n=n binds
    finally:
        run.reset(token)

    assert results == ["outer"] * 8
    assert run.get() == "none"


def test_several_runs_go_side_by_side(lanes: Lanes) -> None:
    """Threads that share the lanes get each their own results."""
    results: dict[int, list[int | Exception]] = {}

    def run(caller: int) -> None:
        results[caller] = lanes.run([lambda n=n: caller * 100 + n for n in range(30)])  # type: ignore[misc]  # n=n binds

    callers = [threading.Thread(target=run, args=(caller,)) for caller in range(6)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()

    assert results == {caller: [caller * 100 + n for n in range(30)] for caller in range(6)}


# ---- Threads ------------------------------------------------------------------------------------


def meeting(gate: threading.Barrier) -> Callable[[], int]:
    """A call that ends only when as many others are being made as the gate wants."""
    return lambda: gate.wait(PATIENCE)


def test_as_many_calls_go_at_once_as_there_are_lanes(threads: ThreadLanes) -> None:
    """Four calls that wait for one another meet."""
    assert sorted(threads.run([meeting(threading.Barrier(4))] * 4), key=str) == [0, 1, 2, 3]


def test_no_more_calls_go_at_once_than_there_are_lanes(threads: ThreadLanes) -> None:
    """Of many calls at most four overlap."""
    lock = threading.Lock()
    now, most = 0, 0

    def call() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        sum(range(2000))  # long enough for the others to be let in
        with lock:
            now -= 1

    threads.run([call] * 200)

    assert 1 <= most <= 4


def test_a_crowded_pool_holds_nobody_up(threads: ThreadLanes) -> None:
    """While others occupy every thread of the pool, a run does its calls in its own."""
    gate, inside = threading.Event(), threading.Barrier(5)

    def occupy() -> bool:
        inside.wait(PATIENCE)
        return gate.wait(PATIENCE)

    occupant = threading.Thread(target=lambda: threads.run([occupy] * 4))
    occupant.start()
    inside.wait(PATIENCE)

    assert threads.run([lambda: 1] * 10) == [1] * 10
    gate.set()
    occupant.join()


def test_closed_lanes_still_do_the_work(threads: ThreadLanes) -> None:
    """A run that comes after the close is done by its caller alone; closing twice is closing once."""
    threads.close()
    threads.close()

    assert threads.run([threading.get_ident] * 3) == [threading.get_ident()] * 3


@pytest.mark.parametrize("width", [0, -1])
def test_there_is_at_least_one_lane(width: int) -> None:
    """A width of nothing is a mistake of the settings."""
    with pytest.raises(ValueError, match="lane"):
        ThreadLanes(width)
