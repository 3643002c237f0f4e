"""Telemetry that a collector hears, a house that tells it, and a meeting's life whose words nobody may read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from functions.tracing import Trace
from infra.otlp import Otlp, session_for
from infra.telemetry import Quiet, told_outside, told_queue, told_store
from tests.security.collector import Collector
from tests.security.doors import House

CANARY = "canary-7b2e who reads this?"
FAR = Trace("1f" * 16, "2e" * 8, sampled=True)


@contextmanager
def telling(collector: Collector, **options: Any) -> Iterator[Otlp]:
    """Telemetry to the collector; all of it has been sent when the block ends."""
    options = {"patience": 20.0, **options}
    made = Otlp(collector.address, session_for(collector.address), resource={"service.name": "it"}, **options)
    try:
        yield made
    finally:
        made.close()


def listen(house: House, listener: Otlp | Quiet) -> None:
    """Let it hear of all that the functions do from now on, as the wiring does."""
    ground = told_outside(house.world.ground, listener)
    store, queue = told_store(ground.store, listener), told_queue(ground.queue, listener)
    house.world.ground = dataclasses.replace(ground, store=store, queue=queue)


def live(house: House) -> str:
    """A meeting's life: made, moved, renamed at the provider, cancelled; the event's id."""
    world = house.world
    event: str = world.insert(summary=CANARY, description=CANARY)["id"]
    house.settle()
    world.patch(event, summary=CANARY + " again")
    house.settle()
    world.vendor_control(f"meetings/{world.meetings()[0]['id']}", title="by hand")
    house.settle()
    world.cancel(event)
    house.settle()
    return event
