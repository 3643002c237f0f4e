"""The scheduler of the simulation: who is due goes on, what dies together dies at once, and time only goes forward."""

from __future__ import annotations

from contextvars import ContextVar
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from tests.simulation.hub import Crash, Hub, Worker


def nothing(_: Worker) -> None:
    """Nobody minds that it ended."""


def test_workers_interleave_in_the_order_of_their_time() -> None:
    """Each goes on when its call is answered, not when it was started."""
    hub, said = Hub(0.0), list[str]()

    def work(name: str, *waits: float) -> None:
        for wait in waits:
            hub.sleep(wait)
            said.append(f"{name} {hub.seconds:g}")

    hub.spawn("a", partial(work, "a", 2, 2), nothing)
    hub.spawn("b", partial(work, "b", 1, 2), nothing)
    hub.run(10)
    hub.close()

    assert said == ["b 1", "a 2", "b 3", "a 4"]
    assert hub.seconds == 10


def test_lanes_go_side_by_side_and_answer_in_order() -> None:
    """No more than the width at once; an exception takes the place of its result."""
    hub, busy, most = Hub(0.0), list[int](), list[int]()

    def call(number: int) -> int:
        busy.append(number)
        most.append(len(busy))
        hub.sleep(5.0 - number)
        busy.remove(number)
        if number == 2:
            raise ValueError("two")
        return number

    worker = hub.spawn("parent", lambda: hub.side_by_side([partial(call, n) for n in range(4)], 2), nothing)
    hub.run(100)
    hub.close()

    assert isinstance(worker.result, list)
    assert [type(one).__name__ for one in worker.result] == ["int", "int", "ValueError", "int"]
    assert max(most) == 2


def test_a_crash_in_one_lane_takes_the_whole_process_and_nobody_else() -> None:
    """The parent and the other lanes do nothing any more, whatever they catch; another process goes on."""
    hub, said = Hub(0.0), list[str]()

    def dies() -> None:
        hub.sleep(1)
        raise Crash("here")

    def lives() -> None:
        try:
            hub.sleep(2)
        except Exception:  # noqa: BLE001 - what a product's handler may do
            said.append("caught")
        said.append("lane")

    def parent() -> None:
        hub.side_by_side([dies, lives], 2)
        said.append("parent")

    def other() -> None:
        hub.sleep(3)
        said.append("other")

    ended = list[Worker]()
    hub.spawn("dying", parent, ended.append)
    hub.spawn("other", other, ended.append)
    hub.run(10)
    hub.close()

    assert said == ["other"]
    assert [(worker.name, type(worker.error)) for worker in ended] == [("dying", Crash), ("other", type(None))]


@given(st.lists(st.floats(0, 100), max_size=20))
def test_time_never_goes_back(times: list[float]) -> None:
    """Things happen in the order of their time, each at its own time."""
    hub, seen = Hub(50.0), list[float]()
    for time in times:
        hub.at(time, lambda: seen.append(hub.seconds))
    hub.run(200)

    assert seen == sorted(max(50.0, time) for time in times)


def test_a_worker_knows_nothing_of_who_went_before_it() -> None:
    """Lines are used again, contexts are not."""
    hub, word, heard = Hub(0.0), ContextVar("word", default="nothing"), list[str]()

    def work(said: str) -> None:
        heard.append(word.get())
        word.set(said)
        hub.sleep(1)
        heard.append(word.get())

    for number in range(2):
        hub.spawn(f"w {number}", partial(work, "mine"), nothing)
        hub.run(10.0 * (number + 1))
    hub.close()

    assert heard == ["nothing", "mine"] * 2
