"""What answers notices on Google Cloud: Firestore and Cloud Tasks; `infra.google.ground` makes the rest around it.

Each cold start of `calendar_notification` pays for whatever is imported here.
"""

from __future__ import annotations

import random
import secrets
import time
from dataclasses import dataclass
from functools import partial

from functions.ground import Policy
from functions.ports import Queue, Store
from functions.rearming import Rearming
from functions.telemetry import Telemetry
from infra.google.firestore_rest import RestStore, WholeStore
from infra.google.rest import Metadata, Rest
from infra.google.task_address import Address, address_of
from infra.google.tasks_rest import RestQueue, WholeQueue
from infra.local.clock import SystemClock
from infra.settings import Settings
from infra.telemetry import told_queue, told_store

FIRESTORE, CLOUD_TASKS = "https://firestore.googleapis.com", "https://cloudtasks.googleapis.com"
HTTP = "http"
"""The name of a deployment's conference provider."""


@dataclass(frozen=True, slots=True)
class GoogleEdge:
    """The edge on Google Cloud; the port is functions.ground.Edge."""

    settings: Settings
    clock: SystemClock
    kept: RestStore
    tasks: RestQueue
    token: Metadata | None
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
        if self.token is not None:
            self.token.close()
        self.telemetry.close()


def edge(settings: Settings, policy: Policy, telemetry: Telemetry) -> GoogleEdge:
    """The edge at Google, or at the servers of this machine that stand in for it."""
    clock = SystemClock()
    here = settings.services == "local"
    token = None if here else Metadata(timeout=settings.timeout)
    documents = Rest(
        _origin(settings, FIRESTORE, settings.firestore_port),
        token=(lambda: "owner") if token is None else token,  # as whom the emulator takes an administrator
        timeout=settings.timeout,
    )
    tasks = Rest(_origin(settings, CLOUD_TASKS, settings.tasks_http_port), token=token, timeout=settings.timeout)
    database = f"projects/{settings.project}/databases/(default)"
    whole = partial(_whole_store, settings, clock)
    kept = RestStore(documents, database, clock, new_mark=_new_mark, whole=whole)
    queue = RestQueue(tasks, task_address(settings), clock, whole=partial(_whole_queue, settings, clock))
    store, told = told_store(kept, telemetry), told_queue(Rearming(queue, clock), telemetry)
    return GoogleEdge(settings, clock, kept, queue, token, policy, telemetry, store, told)


def _origin(settings: Settings, google: str, port: int) -> str:
    here = played(settings, port)
    return f"http://{here}" if here else google


def _new_mark() -> str:
    return secrets.token_urlsafe(12)


def _whole_store(settings: Settings, clock: SystemClock) -> WholeStore:
    # Only where it is needed: Google's client costs more than all else that answers a notice.
    from infra.google.firestore import FirestoreStore  # noqa: PLC0415 - see above
    from infra.google.firestore_indexes import declared  # noqa: PLC0415 - see above
    from infra.google.firestore_wire import Wire  # noqa: PLC0415 - see above

    return FirestoreStore(
        Wire(settings.project, emulator=played(settings, settings.firestore_port), timeout=settings.timeout),
        clock,
        new_mark=_new_mark,
        pause=lambda: time.sleep(random.uniform(0.02, 0.2)),  # noqa: S311 - to be apart from others
        indexes=declared(),
    )


def _whole_queue(settings: Settings, clock: SystemClock) -> WholeQueue:
    # Only where it is needed: as above.
    from infra.google import tasks  # noqa: PLC0415 - see above

    target = played(settings, settings.tasks_port)
    client = partial(tasks.local_client, target) if target else tasks.google_client
    return tasks.CloudTasksQueue(client, task_address(settings), clock, timeout=settings.timeout)


def task_address(settings: Settings) -> Address:
    """Where tasks go and whom they call."""
    return address_of(settings, base_url(settings), account(settings, "tasks"), (HTTP,))


def base_url(settings: Settings) -> str:
    """Where the functions are reached, each under its name."""
    return settings.public_url or settings.base_url


def account(settings: Settings, name: str) -> str:
    """A service account by the name that infra/google/terraform/accounts.tf gives it: tasks, scheduler."""
    return f"lockstep-{name}@{settings.project}.iam.gserviceaccount.com"


def played(settings: Settings, port: int) -> str | None:
    """Where a server of this machine stands in for Google's, as gRPC says it; None if Google's own is asked."""
    return f"127.0.0.1:{port}" if settings.services == "local" else None
