"""The queue's tasks on their way to the functions: late, doubled, lost, given to another when one takes too long."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from conference.errors import Poison
from functions import patch, reconcile, sync, webhook
from functions.ground import Ground
from functions.ports import Task
from functions.script import Project, firing, handing
from infra.local.held import Held
from infra.local.memory import MemoryQueue
from tests.simulation.course import TASK, Course
from tests.simulation.faults import NEEDS_THE_NET, Fault
from tests.simulation.hub import Process, Worker
from tests.simulation.judge import Broken
from tests.simulation.ports import SkewedClock

DEADLINE = 60.0
"""Seconds after which the queue gives a task to another worker; the first may live on."""
REDELIVERY = 5.0
_UNTOLD = frozenset({Fault.TASK_LOST, Fault.TASK_DOUBLED, Fault.OLD_BODY, Fault.CLOCK_SKEWED})
"""After these nobody can tell from the queue who comes for what."""


class Tasks:
    """Delivers what stands in the queue."""

    def __init__(self, course: Course, queue: MemoryQueue) -> None:
        self._course, self._queue = course, queue
        self._hub = course.hub
        self.paused_until = 0.0
        self.given: dict[Process, int] = {}
        """The number of the task that each process was given."""
        self._given_twice: set[int] = set()
        """Tasks whose worker was held up beyond the deadline: another comes, and others for the same work may."""

    def added(self, at: float) -> None:
        """A task is due at this instant."""
        self._hub.at(at, self._dispatch)

    def _dispatch(self) -> None:
        blocked = max(self._course.down_until, self.paused_until)
        if self._hub.seconds < blocked:
            self._hub.at(blocked, self._dispatch)
            return
        for held in self._queue.due(self._hub.now()):
            self._deliver(self._queue.take(held))

    def _may_be_lost(self, task: Task) -> bool:
        """Only the net, where there is one, knows of a look at a meeting whose task is lost."""
        return "meeting" not in task.body or not NEEDS_THE_NET.isdisjoint(self._course.faults.allowed)

    def _lose(self, held: Held) -> None:
        self._queue.done(held)
        body = held.task.body
        if "scheduled" in body:
            self._course.lost_strikes.append((body["trigger"], body["scheduled"]))

    def _deliver(self, held: Held) -> None:
        task = held.task
        name = self._course.named(f"{task.function} {_target(task)}")
        way, skew, drawn, extra = self._course.chance.numbers(name)
        fault, ground, wait = self._course.faults.strike("task", name, drawn), self._course.ground, 0.02 * way
        if fault in _UNTOLD:
            self._course.judge.care.tasks_are_lost()
        match fault:
            case Fault.COLD_START:
                wait = 8 * extra
            case Fault.TASK_DELAYED:
                wait = 500 * extra
            case Fault.TASK_LOST if self._may_be_lost(task):
                self._lose(held)
                return
            case Fault.QUEUE_PAUSED:
                self.paused_until = self._hub.seconds + 300 * extra
            case Fault.OLD_BODY:
                task = Task(task.function, {key: value for key, value in task.body.items() if key != "fence"})
            case Fault.CLOCK_SKEWED:
                ground = dataclasses.replace(ground, clock=SkewedClock(self._hub, 600 * skew - 300))
                self._course.judge.clock_is_off()
            case Fault.TASK_DOUBLED:
                again = self._hub.seconds + 3 * extra
                self._hub.at(again, lambda: self._work(f"{name} doubled", task, ground, None, fault))
        if fault is not None:
            self._course.crossing.note(name, fault.value)
        self._hub.at(self._hub.seconds + wait, lambda: self._work(name, task, ground, held, fault))

    def _work(self, name: str, task: Task, ground: Ground, held: Held | None, fault: Fault | None) -> None:
        def ended(worker: Worker) -> None:
            status = self._course.status(worker, TASK, held.id if held else None)
            self._judge_answer(name, worker, right_clock=ground is self._course.ground)
            if held is not None:
                self._answered(held, status)

        worker = self._hub.spawn(name, lambda: call(ground, task, self._course.project), ended)
        if held is not None:
            self.given[worker.process] = held.id
        if fault in {Fault.TASK_DOUBLED, Fault.CLOCK_SKEWED} or (held is not None and held.id in self._given_twice):
            self._course.crossing.blame(worker.process)
        if held is not None:
            self._hub.at(self._hub.seconds + DEADLINE, lambda: self._out_of_time(held, worker))

    def _judge_answer(self, name: str, worker: Worker, *, right_clock: bool) -> None:
        # Whose clock is slow finds that the time of a clock trigger has not come.
        ground_failed = worker.process in self._course.crossing.groundless or not right_clock
        try:
            self._course.judge.task_answered(name, worker.error, ground_failed=ground_failed)
        except Broken as broken:
            self._course.note_broken(broken)

    def _answered(self, held: Held, status: int | None) -> None:
        if status is not None and status < 300:
            self._queue.done(held)
            return
        at = self._hub.seconds + REDELIVERY * min(2**held.attempts, 60)
        self._queue.again(held, datetime.fromtimestamp(at, UTC), status)
        self._hub.at(at, self._dispatch)

    def _out_of_time(self, held: Held, worker: Worker) -> None:
        if not worker.over:
            self._given_twice.add(held.id)
            self._answered(held, None)


def call(ground: Ground, task: Task, project: Callable[[Ground], Project] | None = None) -> None:
    """Run a task as its function would; `project` is the script on a ground, where there is one."""
    body = dict(task.body)
    run: Callable[[], object]
    match task.function:
        case "sync_calendar":
            run = partial(sync.sync_calendar, ground, body["feed"], body["number"], body.get("turn", ""))
        case "patch_event":
            run = partial(patch.patch_event, ground, body["feed"], body["event"])
        case "reconcile_event" if "meeting" in body:
            resend = body.get("resend", False)
            run = partial(webhook.look_at_meeting, ground, body["meeting"], body["version"], resend=resend)
        case "reconcile_event":
            run = partial(reconcile.reconcile_event, ground, body["feed"], body["event"], body.get("fence", -1))
        case "run_trigger" if project is not None and "scheduled" in body:
            run = partial(firing.run_due, project(ground), body["trigger"], body["scheduled"])
        case "run_trigger" if project is not None:
            run = partial(handing.run_trigger, project(ground), body["trigger"], body["turn"], body.get("delivery"))
        case unknown:
            raise Poison(f"no function {unknown}")
    run()


def _target(task: Task) -> str:
    body = task.body
    return str(body.get("event") or body.get("meeting") or body.get("feed") or body.get("trigger"))[:12]
