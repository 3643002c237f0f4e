"""What answers notices: settings, clock, store and queue; `infra.wiring` makes the rest of the ground around it.

Each cold start of `calendar_notification` pays for whatever is imported here (tests/edge/test_cold_start.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from functions.ground import Policy
from functions.ports import Queue, Store
from functions.rearming import Rearming
from functions.telemetry import Telemetry
from infra import logs
from infra.local.clock import ShiftedClock, stored_shift
from infra.local.counted import CountedStore
from infra.local.queues import LocalQueue, local_queue
from infra.local.stores import LocalStore, local_store
from infra.once import Once
from infra.settings import Settings, read_settings
from infra.telemetry import telemetry, told_queue, told_store

if TYPE_CHECKING:
    from infra.google.edge import GoogleEdge

TASKS_ACCOUNT = "tasks@lockstep.local"
HTTP, JANUS = "http", "janus"
"""The providers' names."""


@dataclass(frozen=True, slots=True)
class LocalEdge:
    """The edge on one machine; the port is functions.ground.Edge."""

    settings: Settings
    clock: ShiftedClock
    kept: LocalStore
    counted: CountedStore
    tasks: LocalQueue
    policy: Policy
    telemetry: Telemetry
    store: Store
    queue: Queue

    def now(self) -> float:
        """The present, in seconds since the epoch."""
        return self.clock.now().timestamp()

    def close(self) -> None:
        """Let go of threads, sockets and databases."""
        self.tasks.close()
        self.kept.close()
        self.telemetry.close()


def local(settings: Settings) -> LocalEdge:
    """The edge on this machine: SQLite or the emulator, the local queue or the local Cloud Tasks server."""
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    clock = ShiftedClock(timedelta(seconds=stored_shift(settings.state)))
    kept = local_store(settings, clock)
    tasks = local_queue(settings, clock, TASKS_ACCOUNT, (HTTP, JANUS))
    counted, listener = CountedStore(kept), telemetry(settings)
    store, queue = told_store(counted, listener), told_queue(Rearming(tasks.queue, clock), listener)
    return LocalEdge(settings, clock, kept, counted, tasks, policy(settings), listener, store, queue)


def policy(settings: Settings) -> Policy:
    """The figures of the flow that are settings; the others keep their defaults."""
    return Policy(
        burst=settings.burst,
        lease=settings.lease,
        poll=settings.poll,
        sweep=settings.sweep,
        channel_life=settings.channel_life,
        channel_renewal=settings.channel_renewal,
        spare_life=settings.spare_life,
        retry_first=settings.retry_first,
    )


def google(settings: Settings) -> GoogleEdge:
    """The edge on Google Cloud."""
    # Only where it is stood on: this machine's own ground needs none of Google's libraries.
    from infra.google.edge import edge  # noqa: PLC0415 - see above

    return edge(settings, policy(settings), telemetry(settings))


def edge_of(settings: Settings) -> LocalEdge | GoogleEdge:
    """The edge that the settings name."""
    return google(settings) if settings.ground == "google" else local(settings)


def deployed() -> LocalEdge | GoogleEdge:
    """The edge of a function that begins, which logs as the settings say from here on."""
    settings = read_settings()
    logs.set_up(settings)
    return edge_of(settings)


standing = Once(deployed)
"""The edge this process stands on, made at its first request."""
