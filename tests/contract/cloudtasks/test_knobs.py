"""The server's other doors: REST, the asynchronous client, the controls; and what goes wrong on demand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import grpc
import pytest
from flask.testing import FlaskClient
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import (
    CloudTasksGrpcAsyncIOTransport,
    CloudTasksRestTransport,
)

from infra.local.cloudtasks.control import HeldClock, application
from infra.local.listening import bound, listening
from tests.contract.cloudtasks.place import FULL, LOCATION, QUEUE, Place, refused
from tests.contract.grounds import NOON
from tests.contract.loopback import PATIENCE

DAY = timedelta(days=1)
OTHER = f"{LOCATION}/queues/other"


@pytest.fixture
def rest(place: Place) -> Iterator[tasks_v2.CloudTasksClient]:
    """Google's client over REST."""
    listener = bound(0)
    port = listener.getsockname()[1]
    with listening(application(place.server, HeldClock()), listener, threads=2, largest_body=10**6):
        transport = CloudTasksRestTransport(
            host=f"127.0.0.1:{port}", url_scheme="http", credentials=AnonymousCredentials()
        )
        with closing(transport):
            yield tasks_v2.CloudTasksClient(transport=transport)


def test_rest_does_what_grpc_does(place: Place, rest: tasks_v2.CloudTasksClient) -> None:
    """Queues and tasks made by one are seen by the other, field by field."""
    made = rest.create_queue(parent=LOCATION, queue=tasks_v2.Queue(name=OTHER, retry_config={"max_attempts": 3}))
    assert place.client.get_queue(name=OTHER) == made == rest.get_queue(name=OTHER)
    assert [queue.name for queue in rest.list_queues(request={"parent": LOCATION, "page_size": 1})] == [QUEUE, OTHER]
    assert rest.pause_queue(name=OTHER).state == tasks_v2.Queue.State.PAUSED
    assert rest.resume_queue(name=OTHER).state == tasks_v2.Queue.State.RUNNING
    wanted = tasks_v2.Queue(name=OTHER, retry_config={"max_attempts": 5})
    mask = {"paths": ["retry_config.max_attempts"]}
    assert rest.update_queue(request={"queue": wanted, "update_mask": mask}).retry_config.max_attempts == 5

    task = rest.create_task(parent=QUEUE, task=place.message("a", body=b"\x00\xff", schedule_time=NOON + DAY))
    assert place.client.get_task(name=task.name) == rest.get_task(name=task.name) == task
    full = rest.get_task(request={"name": task.name, "response_view": FULL})
    assert full.http_request.body == b"\x00\xff"
    assert full == place.client.get_task(request={"name": task.name, "response_view": FULL})
    assert [one.name for one in rest.list_tasks(parent=QUEUE)] == [task.name]
    rest.purge_queue(name=QUEUE)
    assert place.names() == []
    rest.create_task(parent=QUEUE, task=place.message("b", schedule_time=NOON + DAY))
    rest.run_task(name=f"{QUEUE}/tasks/b")
    place.receiver.wait_for(1)
    place.settled()
    rest.create_task(parent=QUEUE, task=place.message("c", schedule_time=NOON + DAY))
    rest.delete_task(name=f"{QUEUE}/tasks/c")
    rest.delete_queue(name=OTHER)
    assert [queue.name for queue in place.client.list_queues(parent=LOCATION)] == [QUEUE]


def test_rest_refuses_as_grpc_does(place: Place, rest: tasks_v2.CloudTasksClient) -> None:
    """The codes become statuses that the client turns into the same errors."""
    rest.create_task(parent=QUEUE, task=place.message("a", schedule_time=NOON + DAY))
    with refused(exceptions.Conflict):
        rest.create_task(parent=QUEUE, task=place.message("a"))
    with refused(exceptions.NotFound):
        rest.get_queue(name=OTHER)
    with refused(exceptions.BadRequest):
        rest.create_task(parent=QUEUE, task=tasks_v2.Task())


def test_the_asynchronous_client_is_served_too(place: Place) -> None:
    """It speaks the same protocol."""

    async def add() -> str:
        async with grpc.aio.insecure_channel(place.server.target) as channel:
            client = tasks_v2.CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel))
            task = await client.create_task(parent=QUEUE, task=place.message("a", schedule_time=NOON + DAY))
            return str(task.name)

    assert asyncio.run(add()) == f"{QUEUE}/tasks/a"
    assert place.names() == ["a"]


def test_what_is_not_served_says_so(place: Place) -> None:
    """Methods of the service that are left out are unimplemented."""
    with refused(exceptions.MethodNotImplemented):
        place.client.get_iam_policy(request={"resource": QUEUE})


def test_what_goes_wrong_within_tells_nothing(place: Place, rest: tasks_v2.CloudTasksClient) -> None:
    """With its file gone the server answers INTERNAL to either client, and lives on."""
    place.server.book.close()
    for client in (place.client, rest):
        with pytest.raises(exceptions.InternalServerError, match="Internal error encountered"):
            client.create_task(parent=QUEUE, task=place.message(), retry=None)


# ---- The controls ---------------------------------------------------------------------------


@pytest.fixture
def held() -> HeldClock:
    """The clock of a server that runs by itself."""
    return HeldClock()


@pytest.fixture
def control(place: Place, held: HeldClock) -> FlaskClient:
    """Its controls."""
    return application(place.server, held).test_client()


def test_the_state_counts_tasks(place: Place, control: FlaskClient) -> None:
    """Those that wait and those that are due."""
    place.client.pause_queue(name=QUEUE)
    place.add("a")
    place.add("b", schedule_time=NOON + DAY)

    # By the clock of the controls it is long past that day.
    assert control.get("/control/state").get_json() == {"waiting": 0, "due": 2, "running": 0, "failed": 0}


def test_the_clock_can_be_put_forward_and_stays_so(place: Place, control: FlaskClient, held: HeldClock) -> None:
    """A server that is started again goes on from there."""
    before = held.now()
    told = control.post("/control/clock", json={"advance_seconds": 3600}).get_json()
    control.post("/control/clock", json={"advance_seconds": 60})
    again = HeldClock()
    application(place.server, again)

    assert told["ahead_seconds"] == 3600
    assert control.get("/control/clock").get_json()["ahead_seconds"] == 3660
    assert again.now() - before >= timedelta(seconds=3660)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/control/clock", b""),
        ("/control/clock", b'{"advance_seconds": -1}'),
        ("/control/clock", b'{"advance_seconds": 1e300}'),
        ("/control/clock", b"\xff"),
        ("/control/faults", b'{"colour": 1}'),
        ("/control/faults", b'{"refused": -1}'),
        ("/control/faults", b'{"refused": true}'),
        ("/v2/" + QUEUE + "/tasks", b"[]"),
        ("/v2/" + QUEUE + "/tasks", b"["),
        ("/v2/" + QUEUE + "/tasks", b'{"task": 7}'),
        ("/v2/" + QUEUE + "/tasks", b'{"task": {"httpRequest": {"url": "x"}}}'),
    ],
)
def test_bad_bodies_are_refused(control: FlaskClient, path: str, body: bytes) -> None:
    """With 400, and nothing is done."""
    assert control.post(path, data=body).status_code == 400


@pytest.mark.parametrize("path", ["/v2/x", f"/v2/{QUEUE}:explode", f"/v2/{LOCATION}"])
def test_unknown_paths_are_not_found(control: FlaskClient, path: str) -> None:
    """404, as JSON."""
    answer = control.post(path)

    assert (answer.status_code, answer.get_json()["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_pages_from_elsewhere_are_turned_away(control: FlaskClient, headers: dict[str, str]) -> None:
    """Neither controls nor service are theirs."""
    for path in ("/control/state", f"/v2/{QUEUE}"):
        assert control.get(path, headers=headers).status_code == 403


# ---- Faults ---------------------------------------------------------------------------------


def faults(control: FlaskClient, **wanted: Any) -> None:
    """Ask for them."""
    assert control.post("/control/faults", json=wanted).status_code == 200


def test_a_task_may_be_delivered_twice(place: Place, control: FlaskClient) -> None:
    """At once, and the first answer ends it."""
    gate = threading.Barrier(2)
    place.receiver.answer = lambda _call: (200, {}) if gate.wait(PATIENCE) >= 0 else (500, {})
    faults(control, delivered_twice=1)
    place.add("a")
    place.receiver.wait_for(2)

    place.settled()
    assert {call.headers["X-CloudTasks-TaskName"] for call in place.receiver.calls} == {"a"}


def test_a_creation_may_stay_unanswered(place: Place, control: FlaskClient) -> None:
    """The task is there, though its creator was told of a timeout; once."""
    faults(control, created_unanswered=1)
    with refused(exceptions.DeadlineExceeded):
        place.add("a", schedule_time=NOON + DAY)

    assert place.names() == ["a"]
    with refused(exceptions.AlreadyExists):
        place.add("a")


def test_a_creation_may_be_refused(place: Place, control: FlaskClient) -> None:
    """Nothing is taken; the next one is."""
    faults(control, refused=1)
    with refused(exceptions.ServiceUnavailable):
        place.add("a", schedule_time=NOON + DAY)

    assert place.names() == []
    assert place.add("a", schedule_time=NOON + DAY)


def test_tasks_may_come_in_any_order(place: Place, control: FlaskClient) -> None:
    """Not in that of their times."""
    faults(control, shuffled=1)
    place.client.pause_queue(name=QUEUE)
    limits = {"max_concurrent_dispatches": 1}
    place.client.update_queue(queue=tasks_v2.Queue(name=QUEUE, rate_limits=limits))
    for n in range(20):
        place.add(f"t{n:02}", schedule_time=NOON + n * timedelta(seconds=1))
    place.wait(timedelta(minutes=1))
    place.client.resume_queue(name=QUEUE)
    calls = place.receiver.wait_for(20)

    names = [call.headers["X-CloudTasks-TaskName"] for call in calls]
    assert names != sorted(names)
    assert len({*names}) == 20
