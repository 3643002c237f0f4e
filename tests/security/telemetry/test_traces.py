"""Traces: one for each change, through all functions and tasks, followed in the log even where nobody listens."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from functions import sync
from functions.ports import Task
from functions.tracing import Trace, following, present
from infra.telemetry import Quiet
from tests.crashing import Crash
from tests.security.collector import Collector, Span, names
from tests.security.doors import House, channel_of, logged
from tests.security.telemetry.telling import CANARY, FAR, listen, telling

T = TypeVar("T")


def path(span: Span, by_id: dict[str, Span]) -> list[str]:
    """The names from the root to this span."""
    up = path(by_id[span.parent], by_id) if span.parent else []
    return [*up, span.name]


def test_one_trace_from_notice_to_patch(house: House, collector: Collector) -> None:
    """Through three functions and two tasks: the notice, the run with its pages, the event, its meeting, the patch."""
    with telling(collector) as listener:
        listen(house, listener)
        house.world.insert()
        house.settle()

    spans = collector.spans()
    (patch,) = [span for span in spans if span.name == "calendar.patch"]
    by_id = {span.id: span for span in spans if span.trace == patch.trace}
    ways = {tuple(path(span, by_id)) for span in by_id.values()}
    run = ("calendar_notification", "sync_calendar", "run")
    assert (*run, "calendar.changes") in ways
    assert (*run, "reconcile", "provider.create") in ways
    assert (*run, "reconcile", "patch_event", "calendar.patch") in ways
    assert {span.name for span in by_id.values() if not span.parent} == {"calendar_notification"}
    assert next(span for span in by_id.values() if span.name == "run").says["marks"] == 1
    assert not any(span.failed for span in spans)


def test_a_callers_trace_goes_on(house: House, collector: Collector) -> None:
    """What a request says of its trace holds, to the last task; its wish to be recorded or not decides nothing."""
    with telling(collector) as listener:
        listen(house, listener)
        world = house.world
        world.insert()
        world.google.due_pushes(world.clock.now())
        house.call("calendar_notification", {**channel_of(world), "traceparent": f"00-{FAR.id}-{FAR.span}-00"})
        house.settle()

    ours = [span for span in collector.spans() if span.trace == FAR.id]
    assert {"calendar_notification", "sync_calendar", "patch_event", "calendar.patch"} <= set(names(ours))
    assert [span.name for span in ours if span.parent == FAR.span] == ["calendar_notification"]


class Losing:
    """A queue that takes the first task for a patch and loses it."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self.lost: list[Task] = []

    def add(self, task: Task, **how: Any) -> bool:
        """Take it."""
        if task.function == "patch_event" and not self.lost:
            self.lost.append(task)
            return True
        return bool(self._queue.add(task, **how))


def test_what_is_taken_up_again_goes_on_in_its_own_trace(house: House, collector: Collector) -> None:
    """A task is lost: the clock's tick enqueues the mark again, under the trace of the change and not its own."""
    world = house.world
    queue = Losing(world.queue)
    world.change_ground(queue=queue)
    with telling(collector) as listener:
        listen(house, listener)
        world.insert()
        house.settle()
        for _ in range(3):
            world.clock.advance(timedelta(minutes=1))
            house.call("tick", house.bearer("tick"))
            house.settle()

    (lost,) = queue.lost
    (patch,) = [span for span in collector.spans() if span.name == "calendar.patch"]
    assert lost.trace is not None
    assert patch.trace == lost.trace.split("-")[1]


@pytest.mark.parametrize("quiet", [False, True])
def test_each_calendar_that_is_polled_has_a_trace_of_its_own(house: House, collector: Collector, quiet: bool) -> None:
    """Not that of the tick, which polls hundreds; the run goes on in the poll's, which links to the tick's."""
    world = house.world
    with telling(collector) as listener, logged(logging.INFO) as out:
        listen(house, Quiet() if quiet else listener)
        world.clock.advance(timedelta(minutes=16))
        house.call("tick", house.bearer("tick"))
        house.settle()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    traces = {line["function"]: line["logging.googleapis.com/trace"] for line in lines if line["message"] == "answered"}

    assert traces["tick"] != traces["sync_calendar"]
    if not quiet:
        (poll,) = [span for span in collector.spans() if span.name == "poll"]
        assert (poll.trace, poll.links) == (traces["sync_calendar"], (traces["tick"],))


class Dying:
    """Lanes on which the process dies."""

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
        """Die."""
        raise Crash(f"with {len(calls)} calls to make")


def test_a_mark_that_another_run_finds_links_to_its_change(house: House, collector: Collector) -> None:
    """One run dies; the next one works its marks off in its own trace, and says where they come from."""
    world = house.world
    world.insert()
    with following(FAR):
        world.deliver()
        held = world.queue.waiting()[0]
        world.clock.set(held.at)
        a_task = dict(held.task.body)
        with pytest.raises(Crash):
            sync.sync_calendar(dataclasses.replace(world.ground, lanes=Dying()), a_task["feed"], a_task["number"])
    world.queue.done(world.queue.take(held))
    world.clock.advance(timedelta(minutes=2))
    world.insert(summary="Another")
    with telling(collector) as listener:
        listen(house, listener)
        house.settle()

    links = {span.links for span in collector.spans() if span.name == "reconcile"}
    assert links == {(FAR.id,), ()}


def test_a_failure_is_told_by_its_kind(collector: Collector) -> None:
    """Never by its text, which may quote anything."""
    with telling(collector) as listener, pytest.raises(KeyError), listener.span("run", marks=3):
        raise KeyError(CANARY)

    (span,) = collector.spans()
    assert span.failed
    assert span.says == {"marks": 3, "error.type": "KeyError"}
    assert CANARY.encode() not in b"".join(body for _, body in collector.requests)


def test_a_share_of_the_traces_is_recorded_each_as_a_whole(collector: Collector) -> None:
    """The trace's id decides, in every function alike; who is not recorded is followed all the same."""
    with telling(collector, share=0.5) as listener:
        for number in range(1, 101):
            trace = Trace(f"{number * (2**128 // 101):032x}", "2e" * 8, sampled=number % 2 == 0)
            for _ in range(2):
                with following(trace), listener.span("run"):
                    here = present()
                    assert here is not None
                    assert here.id == trace.id

    found = collector.spans()
    assert 60 < len(found) < 140
    assert len({span.trace for span in found}) * 2 == len(found)


def test_off_the_log_still_follows_a_change(house: House) -> None:
    """Who brings no trace is given one: each step of a change stands in the log under the same."""
    listen(house, Quiet())
    with logged(logging.INFO) as out:
        house.world.insert()
        house.settle()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    (patched,) = [line for line in lines if line["message"] == "event patched"]
    trace = patched["logging.googleapis.com/trace"]
    steps = [line["message"] for line in lines if line.get("logging.googleapis.com/trace") == trace]
    wanted = ["run asked for", "meeting made", "run ended", "event patched", "event settled"]

    assert [step for step in steps if step in wanted] == wanted
    answered = [line for line in lines if line["message"] == "answered" and line["function"] == "sync_calendar"]
    assert all(line["store_calls"] > 2 and line["calendar_calls"] > 0 for line in answered)
