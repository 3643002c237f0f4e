"""What telemetry costs: processor time of a change with none at all, off, and sent to a collector.

Run: .venv/bin/python -m benchmarks.telemetry [--changes 200] [--rounds 5]
Everything runs in this process behind the functions' own doors, the servers' cores too; what the collector takes to
receive is counted with the last. The log is written from warnings upwards: its lines are not telemetry's. The best of
the rounds is shown, since what disturbs only ever adds.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from functions.telemetry import NOBODY, Telemetry
from infra.local.issuer import new_key
from infra.otlp import Otlp, session_for
from infra.telemetry import Quiet, told_outside, told_queue, told_store
from tests.security.collector import collecting
from tests.security.doors import House, logged
from tests.world import World

NONE, OFF, OTLP = "none at all", "off", "sent by OTLP"


@contextmanager
def listener(kind: str) -> Iterator[Telemetry]:
    """Who listens."""
    if kind == NONE:
        yield NOBODY
        return
    if kind == OFF:
        yield Quiet()
        return
    with collecting() as collector:
        made = Otlp(collector.address, session_for(collector.address), resource={})
        yield made
        made.close()


def seconds(kind: str, changes: int, house: House) -> float:
    """Processor time of one change, renamed alone."""
    world, plain = house.world, house.world.ground
    event = world.insert()["id"]
    house.settle()
    with listener(kind) as heard:
        if kind != NONE:
            ground = told_outside(plain, heard)
            world.ground = replace(ground, store=told_store(ground.store, heard), queue=told_queue(ground.queue, heard))
        began = time.process_time()
        for number in range(changes):
            world.patch(event, summary=f"Renamed {number}")
            house.settle()
        took = time.process_time() - began
    world.ground = plain
    return took / changes


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    best: dict[str, float] = {}
    with logged(logging.WARNING):
        world = World()
        world.connect()
        house = House(world, new_key())
        for _ in range(wanted.rounds):
            for kind in (NONE, OFF, OTLP):
                best[kind] = min(best.get(kind, 1e9), seconds(kind, wanted.changes, house))
        world.close()
    table = Table(title="Processor time of a change, milliseconds", title_justify="left")
    for head in ("telemetry", "a change", "more than none"):
        table.add_column(head, justify="left" if head == "telemetry" else "right")
    for kind, took in best.items():
        table.add_row(kind, f"{took * 1000:.2f}", f"{(took / best[NONE] - 1) * 100:+.1f} %")
    Console(width=None if sys.stdout.isatty() else 120, highlight=False).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
