"""How long ten thousand clock triggers that are due in one minute take: to be made tasks of, and to be run.

Run: .venv/bin/python -m benchmarks.clock_triggers [--triggers 10000] [--workers 8]
Store and queue are the SQLite ones, in files of their own; the tick and the workers are threads of this process, so
what is left out is the HTTP between the queue and the functions. The tick pages through all that is due.
"""

from __future__ import annotations

import argparse
import platform
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from functions.ground import Ground
from functions.script import dispatch, firing
from functions.script import trigger as triggers
from functions.script.clock_builder import schedule_of
from functions.script.clockwork import begin
from functions.script.project import Project
from functions.script.registry import Registry
from functions.script.trigger import CLOCK, TriggerRecord, owner_of
from infra.local.lanes import ThreadLanes
from infra.local.memory import ManualClock
from infra.local.sqlite_queue import SqliteQueue
from infra.local.sqlite_store import SqliteStore
from infra.local.vault import LocalVault

MADE = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
SCRIPT, USER = "benchmark", "alice@example.com"
HOLD = timedelta(minutes=10)


class Nowhere:
    """Stands where nothing may be asked."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(name)


@contextmanager
def standing(folder: Path, width: int) -> Iterator[tuple[Ground, SqliteQueue, ManualClock]]:
    """A ground in files, with a clock that stands still."""
    clock, lanes = ManualClock(MADE), ThreadLanes(width)
    store, queue = SqliteStore(folder / "store.db", clock), SqliteQueue(folder / "queue.db", clock)
    nothing: Any = Nowhere()
    try:
        yield (
            Ground(
                store=store,
                queue=queue,
                vault=LocalVault(b"v" * 32),
                clock=clock,
                lanes=lanes,
                identity=nothing,
                calendar=nothing,
                providers={},
                solutions=(),
                meeting_keys=lambda: b"k" * 32,
                new_secret=lambda: secrets.token_urlsafe(32),
                notice_address=None,
            ),
            queue,
            clock,
        )
    finally:
        lanes.close()
        queue.close()
        store.close()


def fill(ground: Ground, number: int) -> None:
    """So many triggers that all fire at five past ten."""
    drafts = list(records(number, SCRIPT, USER, MADE))
    for start in range(0, number, 400):
        ground.store.commit(*(triggers.put(record, None) for record in drafts[start : start + 400]))


def records(number: int, script: str, user: str, made: datetime) -> Iterator[TriggerRecord]:
    """So many triggers of every five minutes, made at this instant."""
    schedule, created, owner = schedule_of({"every_minutes": 5}), made.timestamp(), owner_of(script, user)
    for order in range(number):
        name = str(10**18 + order)
        memory = begin(schedule, name, created)
        yield TriggerRecord(
            id=name,
            script=script,
            user=user,
            owner=owner,
            handler="strike",
            source=CLOCK,
            order=order,
            created_at=created,
            schedule=schedule,
            clockwork=memory,
            next_fire=memory.due,
        )


def run_all(project: Project, queue: SqliteQueue, workers: int) -> int:
    """Work the queue off; return how many runs there were."""
    ran = 0
    with ThreadPoolExecutor(workers) as pool:
        while held := queue.claim("benchmark", 400, HOLD):
            outcomes = pool.map(lambda one: firing.run_due(project, **_arguments(one.task.body)), held)
            ran += sum(outcome is not None for outcome in outcomes)
            for one in held:
                queue.done(one, "benchmark")
    return ran


def _arguments(body: Any) -> dict[str, Any]:
    return {"trigger": body["trigger"], "scheduled": body["scheduled"]}


def timed(what: Callable[[], int]) -> tuple[int, float]:
    """What it returns, and the seconds it takes."""
    began = time.monotonic()
    return what(), time.monotonic() - began


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--triggers", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=8)
    asked = parser.parse_args(arguments)
    called: list[None] = []
    handlers, nothing = Registry(), Nowhere()
    handlers.handler("strike")(lambda: called.append(None))
    with tempfile.TemporaryDirectory() as folder, standing(Path(folder), asked.workers) as (ground, queue, clock):
        idle: Any = nothing
        project = Project(id=SCRIPT, ground=ground, handlers=handlers, api=idle, grants=idle, wait=time.sleep)
        fill(ground, asked.triggers)
        clock.advance(timedelta(minutes=5))
        made, dispatched = timed(lambda: dispatch.dispatch_due(ground))
        again, looked = timed(lambda: dispatch.dispatch_due(ground))
        ran, worked = timed(lambda: run_all(project, queue, asked.workers))
    assert (made, again, ran, len(called)) == (asked.triggers, 0, asked.triggers, asked.triggers)
    print(f"{asked.triggers} clock triggers due in one minute, {platform.machine()}, {asked.workers} threads")
    print(f"made tasks of by one tick: {dispatched:6.1f} s ({made / dispatched:.0f} a second)")
    print(f"looked at by a second one: {looked:6.1f} s")
    print(f"run and recorded:          {worked:6.1f} s ({ran / worked:.0f} a second)")


if __name__ == "__main__":
    main()
