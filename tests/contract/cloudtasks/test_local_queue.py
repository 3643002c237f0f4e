"""The queue of the local stack on Cloud Tasks: it stands up its queues, adds, counts, and says when nobody answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from functions.ports import Task
from infra.google.task_address import CALLED
from infra.local.clock import SystemClock
from infra.local.cloudtasks.control import HeldClock, application
from infra.local.cloudtasks.server import CloudTasksServer
from infra.local.held import Counts
from infra.local.issuer import LocalIssuer
from infra.local.listening import bound, listening
from infra.local.queues import local_queue
from infra.local.served_queue import AT_ONCE
from infra.settings import Settings
from tests.contract.cloudtasks.place import ACCOUNT
from tests.contract.loopback import Receiver, until

PROVIDERS = ("http", "janus")


@pytest.fixture
def running(tmp_path: Path, receiver: Receiver, issuer: LocalIssuer) -> Iterator[CloudTasksServer]:
    """A server by the machine's clock."""
    assert receiver.address
    with CloudTasksServer(tmp_path / "cloudtasks.db", HeldClock().now, issuer.mint) as server:
        yield server


@pytest.fixture
def rest_port(running: CloudTasksServer) -> Iterator[int]:
    """Where its controls are."""
    listener = bound(0)
    with listening(application(running, HeldClock()), listener, threads=2, largest_body=10**6):
        yield listener.getsockname()[1]


def chosen(running: CloudTasksServer, rest_port: int, **changed: Any) -> Settings:
    """Settings of a stack on this server."""
    settings = Settings(
        queue="cloudtasks",
        tasks_port=int(running.target.rpartition(":")[2]),
        tasks_http_port=rest_port,
        task_deadline=20,
    )
    return replace(settings, **changed)


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        ("one", {"lockstep"}),
        ("function", {"lockstep", *(f"lockstep-{name.replace('_', '-')}" for name in CALLED)}),
        ("provider", {"lockstep", "lockstep-http", "lockstep-janus"}),
    ],
)
def test_queues_stand_as_the_settings_say(
    running: CloudTasksServer, rest_port: int, receiver: Receiver, kind: str, ids: set[str]
) -> None:
    """Together they never make more calls than the functions' process has threads for."""
    port = int(receiver.address.rpartition(":")[2])
    settings = chosen(running, rest_port, task_queues=kind, port=port)
    with closing(local_queue(settings, SystemClock(), ACCOUNT, PROVIDERS)) as queue, queue.calling(str):
        queue.queue.add(Task("reconcile_event", {"n": 1}, "http"), name="a")
        queue.queue.add(Task("tick"), at=SystemClock().now() + timedelta(days=1))
        (call,) = receiver.wait_for(1)
        until(lambda: queue.counts() == Counts(waiting=1))
    queues = running.book.queues()

    assert {queue.name.rpartition("/")[2] for queue in queues} == ids
    assert sum(queue.rate_limits.max_concurrent_dispatches for queue in queues) <= AT_ONCE
    expected = {"one": "lockstep", "function": "lockstep-reconcile-event", "provider": "lockstep-http"}
    assert call.headers["X-CloudTasks-QueueName"] == expected[kind]
    assert call.function == "reconcile_event"


def test_a_server_that_is_gone_is_told(running: CloudTasksServer, rest_port: int) -> None:
    """Nobody can tell how much is queued; that is no zero."""
    listener = bound(0)
    settings = chosen(running, rest_port, tasks_http_port=listener.getsockname()[1])
    listener.close()
    with (
        closing(local_queue(settings, SystemClock(), ACCOUNT, PROVIDERS)) as queue,
        pytest.raises(httpx.HTTPError),
    ):
        queue.counts()


def test_the_embedded_queue_needs_no_server(tmp_path: Path) -> None:
    """A file in the state folder."""
    settings = Settings(state=tmp_path, queue="sqlite")
    with closing(local_queue(settings, SystemClock(), ACCOUNT, PROVIDERS)) as queue:
        queue.queue.add(Task("tick"))

        assert queue.counts() == Counts(due=1)
