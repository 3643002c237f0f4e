"""A Cloud Tasks server with Google's own client, and a target for its tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from google.cloud import tasks_v2

from infra.google.tasks import local_client
from infra.local.cloudtasks.server import CloudTasksServer
from infra.local.issuer import LocalIssuer, new_key
from infra.local.memory import ManualClock
from tests.contract.cloudtasks.place import Place
from tests.contract.grounds import NOON
from tests.contract.loopback import Receiver, receiving


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at noon."""
    return ManualClock(NOON)


@pytest.fixture(scope="session")
def issuer() -> LocalIssuer:
    """Who signs the tokens; its key is slow to make."""
    return LocalIssuer(new_key(), "https://issuer.example", ManualClock(NOON))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A target that answers 200 until told otherwise."""
    with receiving(Receiver()) as receiver:
        yield receiver


@pytest.fixture
def server(tmp_path: Path, clock: ManualClock, issuer: LocalIssuer, receiver: Receiver) -> Iterator[CloudTasksServer]:
    """A server, empty, ended before its target is."""
    assert receiver.address
    with CloudTasksServer(tmp_path / "cloudtasks.db", clock.now, issuer.mint) as server:
        yield server


@pytest.fixture
def client(server: CloudTasksServer) -> Iterator[tasks_v2.CloudTasksClient]:
    """Google's client, over a socket."""
    client = local_client(server.target)
    with closing(client.transport):
        yield client


@pytest.fixture
def place(server: CloudTasksServer, client: tasks_v2.CloudTasksClient, receiver: Receiver, clock: ManualClock) -> Place:
    """All of it, with a queue."""
    place = Place(server, client, receiver, clock)
    place.make()
    return place
