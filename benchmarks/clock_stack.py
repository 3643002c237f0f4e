"""How long ten thousand clock triggers that are due in one minute take on the whole local stack, HTTP included.

Run: .venv/bin/python -m benchmarks.clock_stack [--triggers 10000]
Every part is a process of its own; the tick is a call of /tick, each run a call of /run_trigger with an identity
token. Everything shares this machine's processors.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from benchmarks.clock_triggers import records
from functions.script import trigger as triggers
from infra.local.clock import ShiftedClock
from infra.local.demo.story import demo_settings
from infra.local.sqlite_queue import SqliteQueue
from infra.local.sqlite_store import SqliteStore
from infra.local.stack import Stack
from infra.settings import Settings

BATCH = 400


def fill(settings: Settings, number: int) -> None:
    """So many triggers of every five minutes whose first instant has just come."""
    settings.state.mkdir(parents=True, exist_ok=True)
    store = SqliteStore(settings.state / "lockstep.db", ShiftedClock(timedelta()))
    made = (datetime.now(UTC) - timedelta(minutes=5)).replace(second=0, microsecond=0)
    drafts = list(records(number, settings.script_id, settings.user, made))
    for start in range(0, number, BATCH):
        store.commit(*(triggers.put(record, None) for record in drafts[start : start + BATCH]))
    store.close()


def drained(queue: SqliteQueue, within: float) -> float:
    """The seconds until no task is left."""
    began = time.monotonic()
    while (counts := queue.counts()).waiting + counts.due + counts.running:
        assert time.monotonic() < began + within, counts
        time.sleep(0.2)
    return time.monotonic() - began


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--triggers", type=int, default=10_000)
    number = parser.parse_args(arguments).triggers
    with tempfile.TemporaryDirectory() as folder:
        changed: dict[str, Any] = {
            "scripts": "benchmarks.clock_handlers",
            "janus": "off",
            "timeout": 20.0,
            "lease": 90.0,
            "poll": 900.0,
        }
        settings = replace(demo_settings(Path(folder)), **{**changed, "log": "error"})
        with Stack(settings), httpx.Client(timeout=120.0, trust_env=False) as client:
            queue = SqliteQueue(settings.state / "queue.db", ShiftedClock(timedelta()))
            drained(queue, 60)
            fill(settings, number)
            began = time.monotonic()
            answer = client.post(f"{settings.base_url}/control/tick")
            dispatched = time.monotonic() - began
            ran = dispatched + drained(queue, 600)
            queue.close()
        assert answer.json() == {"status": 200}
        assert _executions(settings) == number
    print(f"{number} clock triggers due in one minute, {platform.machine()}")
    print(f"made tasks of by one call of /tick: {dispatched:6.1f} s ({number / dispatched:.0f} a second)")
    print(f"run, each by a call, and recorded:  {ran:6.1f} s ({number / ran:.0f} a second), dispatch included")


def _executions(settings: Settings) -> int:
    store = SqliteStore(settings.state / "lockstep.db", ShiftedClock(timedelta()))
    count, last = 0, None
    while page := store.query("executions", limit=1000, after=last):
        count, last = count + len(page), page[-1]
    store.close()
    return count


if __name__ == "__main__":
    main()
