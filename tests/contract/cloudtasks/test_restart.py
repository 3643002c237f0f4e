"""The server as a process: killed in the middle it forgets nothing, and started again it goes on."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2

from infra.google.identity import TokenIdentity
from infra.google.tasks import local_client
from infra.local.clock import ShiftedClock
from infra.local.cloudtasks.book import Book
from infra.local.issuer import LocalIssuer
from tests.contract.cloudtasks.place import ACCOUNT, LOCATION, QUEUE, refused
from tests.contract.loopback import PATIENCE, Receiver, until
from tests.contract.programs import ROOT

ISSUER = "http://127.0.0.1:8900"


def two_ports() -> tuple[int, int]:
    """Ports that were free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def started(folder: Path, port: int, http: int) -> subprocess.Popen[bytes]:
    """The command, its files in the folder."""
    options = ("--port", port, "--http-port", http, "--state", folder / "tasks.db", "--keys", folder)
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "infra.local.cloudtasks", *map(str, options), "--issuer", ISSUER],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@contextmanager
def running(folder: Path, port: int, http: int) -> Iterator[subprocess.Popen[bytes]]:
    """The server, once it answers; killed at the end if it still runs."""
    with started(folder, port, http) as child:
        try:
            until(lambda: answers(http), timedelta(seconds=30))
            yield child
        finally:
            child.kill()


def answers(http: int) -> bool:
    """Whether it is up."""
    try:
        return httpx.get(f"http://127.0.0.1:{http}/control/state", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def control(http: int, path: str, **body: float) -> None:
    """Work one of its controls."""
    httpx.post(f"http://127.0.0.1:{http}/control/{path}", json=body, trust_env=False).raise_for_status()


@contextmanager
def client_at(port: int) -> Iterator[tasks_v2.CloudTasksClient]:
    """Google's client."""
    client = local_client(f"127.0.0.1:{port}")
    with closing(client.transport):
        yield client


def task(receiver: Receiver, name: str, due: datetime | None = None) -> tasks_v2.Task:
    """A task for the receiver."""
    url = f"{receiver.address}/sync"
    request = {"url": url, "body": b"{}", "oidc_token": {"service_account_email": ACCOUNT}}
    return tasks_v2.Task(name=f"{QUEUE}/tasks/{name}", http_request=request, schedule_time=due)


def test_kill_9_loses_nothing(tmp_path: Path, receiver: Receiver) -> None:
    """What waited waits, what ran is called again, what is done rests; pause, clock and limits are kept."""
    over = threading.Event()
    receiver.answer = lambda call: (
        (200, {}) if call.headers["X-CloudTasks-TaskName"] != "slow" or over.wait(PATIENCE) else (500, {})
    )
    ports = two_ports()
    with running(tmp_path, *ports) as child, client_at(ports[0]) as client:
        client.create_queue(parent=LOCATION, queue=tasks_v2.Queue(name=QUEUE, retry_config={"max_attempts": 7}))
        control(ports[1], "clock", advance_seconds=7200)
        now = datetime.now(UTC) + timedelta(hours=2)
        client.create_task(parent=QUEUE, task=task(receiver, "done"))
        receiver.wait_for(1)
        until(lambda: not list(client.list_tasks(parent=QUEUE)))
        client.create_task(parent=QUEUE, task=task(receiver, "slow"))
        client.create_task(parent=QUEUE, task=task(receiver, "later", now + timedelta(days=1)))
        receiver.wait_for(2)
        child.send_signal(signal.SIGKILL)
        child.wait()
        over.set()
    with running(tmp_path, *ports), client_at(ports[0]) as client:
        receiver.wait_for(3)
        until(lambda: [one.name for one in client.list_tasks(parent=QUEUE)] == [f"{QUEUE}/tasks/later"])
        for name in ("done", "slow", "later"):
            with refused(exceptions.AlreadyExists):
                client.create_task(parent=QUEUE, task=task(receiver, name))
        assert client.get_queue(name=QUEUE).retry_config.max_attempts == 7
        control(ports[1], "clock", advance_seconds=86400)
        calls = receiver.wait_for(4)
        state = httpx.get(f"http://127.0.0.1:{ports[1]}/control/clock", trust_env=False).json()

    assert [call.headers["X-CloudTasks-TaskName"] for call in calls] == ["done", "slow", "slow", "later"]
    assert [call.headers["X-CloudTasks-TaskRetryCount"] for call in calls] == ["0", "0", "1", "0"]
    assert state["ahead_seconds"] == 7200 + 86400
    clock = ShiftedClock(timedelta(seconds=state["ahead_seconds"]))
    issuer = LocalIssuer.from_folder(tmp_path, ISSUER, clock)
    token = calls[-1].headers["Authorization"].removeprefix("Bearer ")
    TokenIdentity(ISSUER, issuer.jwks, clock).check(token, audience=f"{receiver.address}/sync", account=ACCOUNT)


def test_it_ends_in_order_and_says_why_it_cannot_start(tmp_path: Path) -> None:
    """SIGTERM ends it with 0; one that finds its port taken tells so in a sentence; one file has one server."""
    ports = two_ports()
    with running(tmp_path, *ports) as child:
        with started(tmp_path / "other", ports[0], 0) as second:
            told, _ = second.communicate(timeout=30)
        assert second.returncode == 1
        assert told.decode().splitlines()[-1].startswith("The Cloud Tasks server cannot listen: port")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            Book(tmp_path / "tasks.db")
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    """It is told at the start, not overwritten."""
    text = b"no database, but long enough to be looked at as one" * 100
    (tmp_path / "tasks.db").write_bytes(text)
    with pytest.raises(sqlite3.DatabaseError):
        Book(tmp_path / "tasks.db")

    assert (tmp_path / "tasks.db").read_bytes() == text
