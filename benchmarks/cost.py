"""What a million changes cost on Google Cloud: operations counted over a meeting's life, times published prices.

Run: .venv/bin/python -m benchmarks.cost [--region multi|region] [--tier 1|2]
Everything runs in this process behind the functions' own doors; Firestore's operations are counted at the store as
Firestore bills them, tasks at the queue, requests at the doors, bytes of the log as they are written. How long a
function waits for others is not measured but assumed (WAITS). Free quotas are left out: they are a few dollars.
"""

from __future__ import annotations

import argparse
import io
import logging
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from rich.console import Console
from rich.table import Table

from functions.ports import Delete, Document, Put
from infra.local.issuer import new_key
from infra.telemetry import Quiet, told_outside, told_queue, told_store
from tests.security.doors import House, logged
from tests.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

READ_ON = "2026-11-21"
PRICES: Mapping[str, float] = {
    # https://cloud.google.com/firestore/pricing, a document each: a multi-region of the USA, and Oregon
    "multi read": 0.06 / 1e5,
    "multi write": 0.18 / 1e5,
    "multi delete": 0.02 / 1e5,
    "region read": 0.03 / 1e5,
    "region write": 0.09 / 1e5,
    "region delete": 0.01 / 1e5,
    # https://cloud.google.com/tasks/pricing: each call of the API and each attempt to deliver
    "task operation": 0.40 / 1e6,
    # https://cloud.google.com/run/pricing, request-based: tier 1, and tier 2, where it is dearer by two fifths
    "request": 0.40 / 1e6,
    "tier 1 vCPU-second": 0.000024,
    "tier 1 GiB-second": 0.0000025,
    "tier 2 vCPU-second": 0.0000336,
    "tier 2 GiB-second": 0.0000035,
    # https://cloud.google.com/stackdriver/pricing: a GiB of the log, thirty days
    "log byte": 0.50 / 2**30,
}
"""US dollars without discounts, as published on READ_ON."""

WAITS: Mapping[str, float] = {"request": 0.02, "store": 0.01, "queue": 0.02, "calendar": 0.15, "provider": 0.25}
"""Seconds that a request takes by itself, and waits for each call: assumed, from inside one region."""
CPU, MEMORY = 1.0, 0.5
"""vCPU and GiB of a function (infra/google/terraform/functions.tf); each task has an instance to itself meanwhile."""
SHARED = 16
"""So many notices share one."""
OVERHEAD = 700
"""Bytes that Cloud Logging adds to a line, and the platform's own line for each request."""
MIX: Mapping[str, float] = {"gets its meeting": 0.4, "renamed alone": 0.2, "renamed among fifty": 0.2, "cancelled": 0.2}
"""Of a million changes, so many are such."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one change takes, on average."""

    reads: float
    writes: float
    deletes: float
    tasks: float
    notices: float
    runs: float
    waits: Mapping[str, float]  # calls of the functions that tasks call, by whom they wait for
    log: float

    def dollars(self, region: str, tier: str) -> dict[str, float]:
        """What a million of it costs, by what is paid for."""
        busy = self.runs * WAITS["request"] + sum(WAITS[to] * count for to, count in self.waits.items())
        busy += self.notices * (WAITS["request"] + 3 * WAITS["store"] + WAITS["queue"]) / SHARED
        second = CPU * PRICES[f"tier {tier} vCPU-second"] + MEMORY * PRICES[f"tier {tier} GiB-second"]
        one = {
            "Firestore": self.reads * PRICES[f"{region} read"]
            + self.writes * PRICES[f"{region} write"]
            + self.deletes * PRICES[f"{region} delete"],
            "Cloud Tasks": 2 * self.tasks * PRICES["task operation"],
            "requests": (self.runs + self.notices) * PRICES["request"],
            "processors": busy * second,
            "log": self.log * PRICES["log byte"],
        }
        return {name: price * 1e6 for name, price in one.items()}


class Billed:
    """A store that counts what Firestore bills: a document each, and a query that finds nothing as one read."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.operations: Counter[str] = Counter()

    def get(self, key: str) -> Document | None:
        """A read."""
        self.operations["reads"] += 1
        found: Document | None = self._store.get(key)
        return found

    def commit(self, *writes: Put | Delete) -> tuple[str | None, ...]:
        """As many writes and deletes as it has."""
        done: tuple[str | None, ...] = self._store.commit(*writes)
        deletes = sum(isinstance(write, Delete) for write in writes)
        self.operations.update(writes=len(writes) - deletes, deletes=deletes)
        return done

    def query(self, *what: Any, **how: Any) -> list[Document]:
        """As many reads as it finds documents."""
        found: list[Document] = self._store.query(*what, **how)
        self.operations["reads"] += max(len(found), 1)
        return found


class Ledger:
    """Everything that is counted of one deployment."""

    def __init__(self, house: House, out: io.StringIO, answers: list[dict[str, Any]]) -> None:
        self.house, self._out, self._answers = house, out, answers
        world = house.world
        self.billed, quiet = Billed(world.ground.store), Quiet()
        ground = told_outside(world.ground, quiet)
        world.ground = replace(ground, store=told_store(self.billed, quiet), queue=told_queue(ground.queue, quiet))

    def measure(self, what: Callable[[], object], changes: int = 1) -> Cost:
        """What it costs until all is at rest again, the echoes of our own writes included."""
        self.billed.operations.clear()
        self._answers.clear()
        self._out.seek(0)
        self._out.truncate()
        what()
        self.house.settle(timedelta(minutes=5))
        return self._cost(self._out.getvalue(), self._answers, changes)

    def _cost(self, log: str, answers: list[dict[str, Any]], changes: int) -> Cost:
        done, notices = self.billed.operations, [one for one in answers if one["function"] == "calendar_notification"]
        runs = [one for one in answers if one["function"] != "calendar_notification"]
        waits = {to: sum(one.get(f"{to}_calls", 0) for one in runs) / changes for to in WAITS if to != "request"}
        tasks = sum(one.get("queue_calls", 0) for one in answers)
        lines = len(log.splitlines()) + len(answers)
        return Cost(
            done["reads"] / changes,
            done["writes"] / changes,
            done["deletes"] / changes,
            tasks / changes,
            len(notices) / changes,
            len(runs) / changes,
            waits,
            (len(log) + lines * OVERHEAD) / changes,
        )


@contextmanager
def _answers() -> Iterator[list[dict[str, Any]]]:
    """The lines by which requests say what they called."""
    found: list[dict[str, Any]] = []

    def note(_: Any, __: str, line: Any) -> Any:
        if line.get("event") == "answered":
            found.append(dict(line))
        return line

    processors = structlog.get_config()["processors"]
    structlog.configure(processors=[processors[0], note, *processors[1:]])
    yield found


def life(ledger: Ledger) -> dict[str, Cost]:
    """Each kind of change."""
    world = ledger.house.world
    made: list[str] = []
    costs = {"gets its meeting": ledger.measure(lambda: made.append(world.insert()["id"]))}
    costs["renamed alone"] = ledger.measure(lambda: world.patch(made[0], summary="Renamed"))
    made += [world.insert(summary=str(number))["id"] for number in range(50)]
    ledger.house.settle()
    costs["renamed among fifty"] = ledger.measure(
        lambda: [world.patch(event, summary=f"{event} again") for event in made[1:]], 50
    )
    costs["cancelled"] = ledger.measure(lambda: world.cancel(made[0]))
    return costs


def rest(ledger: Ledger) -> dict[str, Cost]:
    """A tick with nothing to do, and one that asks for a quiet calendar's poll."""

    def tick() -> None:
        ledger.house.call("tick", ledger.house.bearer("tick"))

    ledger.measure(tick)
    idle = ledger.measure(tick)
    ledger.house.world.clock.advance(timedelta(minutes=16))
    return {"a tick, nothing due": idle, "a tick with a poll": ledger.measure(tick)}


def tables(costs: Mapping[str, Cost], region: str, tier: str) -> tuple[Table, Table]:
    """What is counted for one, and what a million costs."""
    one, paid = Table(title="Counted, for one", title_justify="left"), Table(title_justify="left")
    paid.title = f"US dollars for a million (Firestore: {region}; Cloud Run: tier {tier}; prices of {READ_ON})"
    for head in ("", "reads", "writes", "tasks", "notices", "other requests", "calendar", "provider", "log bytes"):
        one.add_column(head, justify="right" if head else "left")
    bills = {name: cost.dollars(region, tier) for name, cost in costs.items()}
    for head in ("", *next(iter(bills.values())), "together"):
        paid.add_column(head, justify="right" if head else "left")
    for name, cost in costs.items():
        outside = [cost.waits["calendar"], cost.waits["provider"]]
        figures = [cost.reads, cost.writes + cost.deletes, cost.tasks, cost.notices, cost.runs, *outside]
        one.add_row(name, *(f"{figure:.3g}" for figure in figures), f"{cost.log:.0f}")
        paid.add_row(name, *(f"{price:.2f}" for price in bills[name].values()), f"{sum(bills[name].values()):.2f}")
    mix = mixed(costs, region, tier)
    paid.add_row("a change, mixed", *(f"{price:.2f}" for price in mix.values()), f"{sum(mix.values()):.2f}")
    return one, paid


def counted() -> dict[str, Cost]:
    """What each kind of change takes, and what time takes by itself."""
    world = World()
    try:
        with logged(logging.INFO) as out, _answers() as answers:
            world.connect()
            ledger = Ledger(House(world, new_key()), out, answers)
            return {**life(ledger), **rest(ledger)}
    finally:
        world.close()


def mixed(costs: Mapping[str, Cost], region: str, tier: str) -> dict[str, float]:
    """What a million changes cost, as they are mixed."""
    bills = {name: costs[name].dollars(region, tier) for name in MIX}
    return {part: sum(share * bills[name][part] for name, share in MIX.items()) for part in bills["cancelled"]}


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--region", choices=("multi", "region"), default="multi")
    parser.add_argument("--tier", choices=("1", "2"), default="2")
    wanted = parser.parse_args()
    costs = counted()
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    console.print(*tables(costs, wanted.region, wanted.tier), sep="\n")
    console.print("\nMixed: " + ", ".join(f"{share:.0%} {name}" for name, share in MIX.items()))
    console.print("Assumed seconds: " + ", ".join(f"{name} {seconds:g}" for name, seconds in WAITS.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
