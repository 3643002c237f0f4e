"""What answers notices on Google Cloud: Firestore and Cloud Tasks; `infra.google.ground` makes the rest around it.

Each cold start of `calendar_notification` pays for whatever is imported here.
"""

from __future__ import annotations

import random
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from functions.ground import Policy
from functions.ports import Queue, Store
from functions.telemetry import Telemetry
from infra.google import queues, tasks
from infra.google.firestore import FirestoreStore
from infra.google.firestore_indexes import declared
from infra.google.firestore_wire import Wire
from infra.local.clock import SystemClock
from infra.settings import Settings
from infra.telemetry import told_queue, told_store

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksClient

HTTP = "http"
"""The name of a deployment's conference provider."""


@dataclass(frozen=True, slots=True)
class GoogleEdge:
    """The edge on Google Cloud; the port is functions.ground.Edge."""

    settings: Settings
    clock: SystemClock
    kept: FirestoreStore
    tasks: tasks.CloudTasksQueue
    policy: Policy
    telemetry: Telemetry
    store: Store
    queue: Queue

    def now(self) -> float:
        """The present, in seconds since the epoch."""
        return self.clock.now().timestamp()

    def close(self) -> None:
        """Let go of connections."""
        self.tasks.close()
        self.kept.close()
        self.telemetry.close()


def edge(settings: Settings, policy: Policy, telemetry: Telemetry) -> GoogleEdge:
    """The edge at Google, or at the servers of this machine that stand in for it."""
    clock = SystemClock()
    kept = FirestoreStore(
        Wire(settings.project, emulator=played(settings, settings.firestore_port), timeout=settings.timeout),
        clock,
        new_mark=lambda: secrets.token_urlsafe(12),
        pause=lambda: time.sleep(random.uniform(0.02, 0.2)),  # noqa: S311 - to be apart from others
        indexes=declared(),
    )
    queue = tasks.CloudTasksQueue(_tasks_client(settings), task_address(settings), clock, timeout=settings.timeout)
    store, told = told_store(kept, telemetry), told_queue(queue, telemetry)
    return GoogleEdge(settings, clock, kept, queue, policy, telemetry, store, told)


def task_address(settings: Settings) -> tasks.Address:
    """Where tasks go and whom they call."""
    kinds = {"one": (), "function": queues.CALLED, "provider": (HTTP,)}[settings.task_queues]
    return tasks.Address(
        f"projects/{settings.project}/locations/{settings.region}",
        settings.task_queue,
        base_url(settings),
        account(settings, "tasks"),
        queues.queue_ids(settings.task_queue, kinds),
        timedelta(seconds=settings.task_deadline),
    )


def base_url(settings: Settings) -> str:
    """Where the functions are reached, each under its name."""
    return settings.public_url or settings.base_url


def account(settings: Settings, name: str) -> str:
    """A service account by the name that infra/google/terraform/accounts.tf gives it: tasks, scheduler."""
    return f"lockstep-{name}@{settings.project}.iam.gserviceaccount.com"


def played(settings: Settings, port: int) -> str | None:
    """Where a server of this machine stands in for Google's, as gRPC says it; None if Google's own is asked."""
    return f"127.0.0.1:{port}" if settings.services == "local" else None


def _tasks_client(settings: Settings) -> partial[CloudTasksClient]:
    target = played(settings, settings.tasks_port)
    return partial(tasks.local_client, target) if target else partial(tasks.google_client)
