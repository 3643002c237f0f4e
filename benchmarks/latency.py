"""How late a meeting is, what a change costs, how long a start takes: measured on a stack of its own.

Run: .venv/bin/python -m benchmarks.latency [--changes 500] (`make bench`)
Late is the time from the event's `updated` at the Calendar server to the meeting's `updated_at` at the conferencing
service; both servers read this machine's clock. Calls are counted from both servers' request logs, what the store was
asked by the functions' process itself. Everything shares this machine's processors.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra.local.demo.sides import Spent
from infra.local.demo.story import demo_settings
from infra.local.demo.world import World, asking, stage
from infra.local.part import ROOT
from infra.local.stack import Stack
from infra.settings import Settings

DEFAULT_BURST = Settings().burst
SMALL_BURST = 0.05
PER_SECOND = 25
"""How fast changes come, where they do not come at once: a company of some thousand people at its busiest."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One round: how late each meeting was (milliseconds, ascending), what the round cost, how long it took."""

    name: str
    late: Sequence[float]
    cost: Spent
    seconds: float
    store: int = 0

    def at(self, share: float) -> float:
        """The value that this share of the meetings did not exceed."""
        return self.late[min(len(self.late) - 1, round(share * len(self.late)))]


def round_of(world: World, name: str, events: Sequence[str], *, per_second: float | None) -> Measured:
    """Rename every event once, at this pace or as fast as it goes, and see when each meeting followed."""
    world.settle()
    world.count_from_here()
    before = store_calls(world)
    began = time.monotonic()
    changed: dict[str, datetime] = {}
    for number, event in enumerate(events):
        if per_second is not None:
            time.sleep(max(0.0, began + number / per_second - time.monotonic()))
        changed[event] = instant(world.person.patch(event, summary=f"{name} {number}")["updated"])
    titles = {f"{name} {number}" for number in range(len(events))}
    world.until("every meeting follows", lambda: titles <= {m["title"] for m in world.vendor.meetings()}, within=120)
    seconds = time.monotonic() - began
    cost, store = world.spent(), store_calls(world) - before
    told = {meeting["id"]: instant(meeting["updated_at"]) for meeting in world.vendor.meetings()}
    late = sorted((told[world.meetings[event]] - at).total_seconds() * 1000 for event, at in changed.items())
    return Measured(name, late, cost, seconds, store)


def store_calls(world: World) -> int:
    """How often the functions asked the store since they started."""
    told = world.stack.state()["store"]
    return sum(told.values())


def plain_case(world: World, event: str) -> Measured:
    """One event renamed, nothing else going on."""
    return round_of(world, "one", [event], per_second=None)


def prepare(world: World, count: int) -> list[str]:
    """So many events with their meetings."""
    start = world.at(7, 9)
    events = [world.person.insert(asking(f"Event {number}", start))["id"] for number in range(count)]
    waiting = set(events)
    while waiting:
        for event in sorted(waiting):
            meeting = world.until("the event gets its meeting", lambda e=event: world.joined(e), within=120)  # type: ignore[misc]  # mypy infers no type for a bound default
            world.meetings[event] = meeting["id"]
            waiting.discard(event)
    return events


def instant(text: str) -> datetime:
    """An instant as both servers tell it."""
    return datetime.fromisoformat(text)


# ---- shown ----------------------------------------------------------------------------------


def lateness(rounds: Sequence[Measured]) -> Table:
    """The table of how late meetings were."""
    table = Table(title="From a change in the calendar to the provider's state, milliseconds", title_justify="left")
    for head in ("changes", "p50", "p90", "p99", "max", "seconds", "events.list", "events.get", "provider"):
        table.add_column(head, justify="left" if head == "changes" else "right")
    for one in rounds:
        quantiles = [f"{one.at(share):.0f}" for share in (0.5, 0.9, 0.99, 1.0)]
        calls = [str(one.cost.lists), str(one.cost.gets), str(one.cost.provider)]
        table.add_row(f"{len(one.late)} {one.name}", *quantiles, f"{one.seconds:.1f}", *calls)
    return table


def costs(plain: Measured, all_at_once: Measured) -> tuple[Table, bool]:
    """The bars of the plain case; and whether all were kept."""
    count = len(all_at_once.late)
    bars = (
        ("events.list for one change", plain.cost.lists, 1),
        ("events.get for one change", plain.cost.gets, 0),
        ("provider calls for one change", plain.cost.provider, 1),
        ("provider calls per meeting in a burst", all_at_once.cost.provider / count, 1),
        ("events.get per meeting in a burst", all_at_once.cost.gets / count, 0),
        ("events.list per burst window", all_at_once.cost.lists, 1 + int(all_at_once.seconds / DEFAULT_BURST)),
    )
    table = Table(title="Calls", title_justify="left")
    for head in ("", "measured", "at most", ""):
        table.add_column(head, justify="right" if head else "left")
    for name, found, most in bars:
        table.add_row(name, f"{found:.4g}", str(most), "✓" if found <= most else "✗")
    table.add_row("store calls for one change", str(plain.store), "", "")
    table.add_row("store calls per meeting in a burst", f"{all_at_once.store / count:.1f}", "", "")
    return table, all(found <= most for _, found, most in bars)


def lines() -> Table:
    """Lines of code that are not blank, by folder."""
    table = Table(title="Lines of Python that are not blank", title_justify="left")
    table.add_column("folder")
    table.add_column("files", justify="right")
    table.add_column("lines", justify="right")
    for folder in ("conference", "functions", "infra/google", "infra/local", "tests", "benchmarks"):
        files = list((ROOT / folder).rglob("*.py"))
        counted = sum(len([line for line in file.read_text().splitlines() if line.strip()]) for file in files)
        table.add_row(folder, str(len(files)), str(counted))
    return table


# ---- run ------------------------------------------------------------------------------------


def measure(world: World, changes: int) -> Iterator[Measured]:
    """Every round, the plain case first; the functions are started anew with the burst window of each."""
    events = prepare(world, changes)
    for burst in (DEFAULT_BURST, SMALL_BURST):
        world.stack.stop_functions()
        world.stack.start_functions(burst=burst)
        yield plain_case(world, events[0])
        yield round_of(world, f"at {PER_SECOND} a second, burst window {burst:g} s", events, per_second=PER_SECOND)
        yield round_of(world, f"at once, burst window {burst:g} s", events, per_second=None)


def main() -> int:
    """Print the figures; return 1 if a bar was missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--changes", type=int, default=500)
    wanted = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} processors\n")
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as folder:
        settings = replace(demo_settings(Path(folder)), timeout=20.0, lease=90.0)
        with Stack(settings) as stack, stage(stack) as world:
            starts = [stack.seconds_to_ready]
            with console.status(f"{wanted.changes} events get their meetings, and are changed four times …"):
                rounds = list(measure(world, wanted.changes))
        for _ in range(2):
            with Stack(settings) as stack:
                starts.append(stack.seconds_to_ready)
    table, kept = costs(rounds[0], rounds[2])
    console.print(lateness([one for one in rounds if len(one.late) > 1]), "", table, "")
    console.print(f"Start to ready: {starts[0]:.1f} s the first time, then {statistics.mean(starts[1:]):.1f} s\n")
    console.print(lines())
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
