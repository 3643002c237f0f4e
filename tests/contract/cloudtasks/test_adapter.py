"""The Queue on Cloud Tasks where the contract suite cannot look: what it asks for, and what its refusals mean."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import tasks_v2

from conference.errors import Later, LockstepError, OutcomeUnknown
from functions.ports import Task
from infra.google.identity import TokenIdentity
from infra.google.queues import QueuePlan, stand
from infra.google.task_address import CALLED, Address, queue_ids
from infra.google.tasks import CloudTasksQueue, local_client
from infra.local.cloudtasks.server import CloudTasksServer
from infra.local.issuer import LocalIssuer
from infra.local.memory import ManualClock
from infra.tasks import LARGEST_BODY
from tests.contract.cloudtasks.place import ACCOUNT, FULL, LOCATION, QUEUE, Place
from tests.contract.grounds import NOON
from tests.contract.programs import ROOT

SYNC = Task("sync_calendar", {"feed": "f", "number": 7})


def address(base_url: str = "https://functions.example", **changed: Any) -> Address:
    """Where the tests' tasks go."""
    return Address(LOCATION, "lockstep", base_url, ACCOUNT, **changed)


def test_a_task_asks_for_what_the_functions_need(place: Place) -> None:
    """Address, body, type, deadline, name, time, and a token of the account for that address alone."""
    at = NOON + timedelta(hours=3, microseconds=7)
    queue = CloudTasksQueue(lambda: place.client, address(deadline=timedelta(seconds=90)), place.clock)
    assert queue.add(SYNC, name="f-7", at=at)
    asked = place.client.get_task(request={"name": f"{QUEUE}/tasks/f-7", "response_view": FULL})

    request = asked.http_request
    assert (request.url, request.http_method.name) == ("https://functions.example/sync_calendar", "POST")
    assert (request.body, dict(request.headers)) == (b'{"feed":"f","number":7}', {"Content-Type": "application/json"})
    assert (request.oidc_token.service_account_email, request.oidc_token.audience) == (ACCOUNT, request.url)
    assert (asked.schedule_time, asked.dispatch_deadline) == (at, timedelta(seconds=90))


def test_each_function_has_the_queue_it_is_given(place: Place) -> None:
    """Those without one share the general one."""
    ids = queue_ids("lockstep", CALLED)
    stand(place.client, LOCATION, [QueuePlan(one) for one in ids.values()], within=10)
    queue = CloudTasksQueue(lambda: place.client, address(queues=ids), place.clock)
    for function in (*CALLED, "tick"):
        queue.add(Task(function), at=NOON + timedelta(days=1))

    held = {
        one.name.rpartition("/")[2]: [task.http_request.url.rpartition("/")[2] for task in tasks]
        for one in place.client.list_queues(parent=LOCATION)
        if (tasks := list(place.client.list_tasks(parent=one.name)))
    }
    own = {f"lockstep-{function.replace('_', '-')}": [function] for function in CALLED}
    assert held == {"lockstep": ["tick"], **own}


def test_each_provider_has_the_queue_it_is_given() -> None:
    """Tasks that talk to no provider, or to one without a queue of its own, go by their function."""
    ids = {**queue_ids("lockstep", ["http", "my_planner"]), "patch_event": "patches"}
    tasks = [
        Task("reconcile_event", {}, "http"),
        Task("patch_event", {}, "my_planner"),
        Task("patch_event", {}, "other"),
        Task("patch_event"),
        SYNC,
    ]

    names = [address(queues=ids).queue_for(task).rpartition("/")[2] for task in tasks]
    assert names == ["lockstep-http", "lockstep-my-planner", "patches", "patches", "lockstep"]


def test_queues_are_made_and_changed_as_planned(place: Place) -> None:
    """What was planned before gives way; a queue's state stays."""
    place.client.pause_queue(name=QUEUE)
    plan = QueuePlan("lockstep", per_second=50, concurrent=7, attempts=9, doublings=4)
    for _ in range(2):
        stand(place.client, LOCATION, [plan], within=10)
    queue = place.client.get_queue(name=QUEUE)

    assert queue.state == tasks_v2.Queue.State.PAUSED
    assert (queue.rate_limits.max_dispatches_per_second, queue.rate_limits.max_concurrent_dispatches) == (50, 7)
    retries = queue.retry_config
    assert (retries.max_attempts, retries.max_retry_duration, retries.max_doublings) == (9, timedelta(days=3), 4)
    assert (retries.min_backoff, retries.max_backoff) == (timedelta(seconds=1), timedelta(hours=1))


def test_the_largest_body_is_taken_by_cloud_tasks_too(place: Place) -> None:
    """What our rule admits, theirs does."""
    body = {"text": "x" * (LARGEST_BODY - len('{"text":""}'))}
    queue = CloudTasksQueue(lambda: place.client, address(), place.clock)

    assert queue.add(Task("sync_calendar", body), name="n" * 500, at=NOON + timedelta(days=1))


def test_a_task_is_called_with_a_token_that_its_function_accepts(place: Place, issuer: LocalIssuer) -> None:
    """From the adapter through the server to the function's own check; the trace goes with it."""
    queue = CloudTasksQueue(lambda: place.client, address(place.receiver.address), place.clock)
    trace = f"00-{'1f' * 16}-{'2e' * 8}-01"
    queue.add(replace(SYNC, trace=trace))
    (call,) = place.receiver.wait_for(1)
    assert call.headers["traceparent"] == trace

    identity = TokenIdentity(issuer.url, issuer.jwks, ManualClock(NOON))
    token = call.headers["Authorization"].removeprefix("Bearer ")
    identity.check(token, audience=f"{place.receiver.address}/sync_calendar", account=ACCOUNT)


@pytest.mark.parametrize("deadline", [timedelta(seconds=14), timedelta(minutes=31)])
def test_a_deadline_cloud_tasks_would_refuse_is_refused_at_the_start(deadline: timedelta) -> None:
    """Not with the first task."""
    with pytest.raises(ValueError, match="15 seconds"):
        address(deadline=deadline)


# ---- Refusals -------------------------------------------------------------------------------


@contextmanager
def service(answer: Callable[[bytes, Any], bytes]) -> Iterator[str]:
    """Where a service stands that answers each creation so."""
    handler = grpc.method_handlers_generic_handler(
        "google.cloud.tasks.v2.CloudTasks", {"CreateTask": grpc.unary_unary_rpc_method_handler(answer)}
    )
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        server.add_generic_rpc_handlers((handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(0).wait()


@contextmanager
def answering(code: grpc.StatusCode, calls: list[int]) -> Iterator[str]:
    """A service that answers each creation with this code; `calls` grows by each."""

    def answer(_request: bytes, context: Any) -> bytes:
        calls.append(1)
        context.abort(code, "a text that quotes {'feed': 'f'}")
        return b""

    with service(answer) as target:
        yield target


@contextmanager
def queue_at(target: str, **changed: Any) -> Iterator[CloudTasksQueue]:
    """The queue whose service stands there."""
    with closing(CloudTasksQueue(lambda: local_client(target), address(), ManualClock(NOON), **changed)) as queue:
        yield queue


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Later),
        (grpc.StatusCode.NOT_FOUND, Later),
        (grpc.StatusCode.FAILED_PRECONDITION, Later),
        (grpc.StatusCode.PERMISSION_DENIED, Later),
        (grpc.StatusCode.UNAUTHENTICATED, Later),
        (grpc.StatusCode.ABORTED, Later),
        (grpc.StatusCode.UNAVAILABLE, OutcomeUnknown),
        (grpc.StatusCode.DEADLINE_EXCEEDED, OutcomeUnknown),
        (grpc.StatusCode.UNKNOWN, OutcomeUnknown),
        (grpc.StatusCode.INTERNAL, OutcomeUnknown),
        (grpc.StatusCode.CANCELLED, OutcomeUnknown),
    ],
)
def test_a_refusal_says_what_to_do(code: grpc.StatusCode, meaning: type[LockstepError]) -> None:
    """Later if nothing was taken for certain, else OutcomeUnknown; asked once, and nothing of the task is told."""
    calls: list[int] = []
    with answering(code, calls) as target, queue_at(target) as queue, pytest.raises(meaning) as raised:
        queue.add(SYNC, name="f-7")

    assert len(calls) == 1
    assert type(raised.value) is meaning
    assert str(raised.value).endswith(f"(cloudtasks CreateTask {code.name})")


def test_an_answer_that_never_comes_leaves_the_outcome_unknown() -> None:
    """After the timeout; the same name may then be added again."""
    over = threading.Event()

    def answer(_request: bytes, _context: Any) -> bytes:
        over.wait(10)
        return b""

    with service(answer) as target, queue_at(target, timeout=0.2) as queue:
        with pytest.raises(OutcomeUnknown):
            queue.add(SYNC)
        over.set()


def test_a_refusal_as_mistaken_is_a_mistake_of_ours() -> None:
    """A clear error, without the text of the service."""
    with (
        answering(grpc.StatusCode.INVALID_ARGUMENT, []) as target,
        queue_at(target) as queue,
        pytest.raises(ValueError, match="Cloud Tasks takes no such task") as raised,
    ):
        queue.add(SYNC)

    assert raised.value.__cause__ is None


def test_a_service_that_is_not_there_took_nothing() -> None:
    """The request was never sent."""
    with queue_at("127.0.0.1:9") as queue, pytest.raises(Later):
        queue.add(SYNC)


def test_a_credential_that_cannot_be_had_took_nothing() -> None:
    """Where the client is made, or where a token is fetched for it."""

    def make() -> tasks_v2.CloudTasksClient:
        raise DefaultCredentialsError("none here")

    with pytest.raises(Later, match="no credential"):
        CloudTasksQueue(make, address(), ManualClock(NOON)).add(SYNC)

    def answer(_request: bytes, context: Any) -> bytes:
        context.abort(grpc.StatusCode.UNAVAILABLE, "Getting metadata from plugin failed with error: x")
        return b""

    with service(answer) as target, queue_at(target) as queue, pytest.raises(Later):
        queue.add(SYNC)


def test_a_creation_without_an_answer_can_be_repeated_under_its_name(place: Place) -> None:
    """The second time tells that the first was taken; nothing is doubled."""
    place.server.faults.set({"created_unanswered": 1})
    queue = CloudTasksQueue(lambda: place.client, address(), place.clock)
    at = NOON + timedelta(days=1)
    with pytest.raises(OutcomeUnknown):
        queue.add(SYNC, name="f-7", at=at)

    assert not queue.add(SYNC, name="f-7", at=at)
    assert place.names() == ["f-7"]


def test_a_client_is_made_with_the_first_task_and_closed_with_the_queue(
    server: CloudTasksServer, clock: ManualClock
) -> None:
    """A function that adds nothing pays nothing."""
    made: list[tasks_v2.CloudTasksClient] = []

    def make() -> tasks_v2.CloudTasksClient:
        made.append(local_client(server.target))
        return made[-1]

    queue = CloudTasksQueue(make, address(), clock)
    queue.close()
    assert made == []
    with ExitStack() as to_close:
        to_close.callback(queue.close)
        for _ in range(2):
            with pytest.raises(Later):  # there is no queue yet
                queue.add(SYNC)
    assert len(made) == 1
    queue.close()


LAZY = """
import sys
from infra.settings import read_settings
from infra.wiring import local
local(read_settings()).close()
print([name for name in ("google.cloud.tasks_v2", "grpc") if name in sys.modules])
"""


def test_a_stack_without_cloud_tasks_does_not_load_its_client(tmp_path: Path) -> None:
    """It would cost every start a third of a second."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LOCKSTEP_STATE": str(tmp_path), "LOCKSTEP_JANUS": "off"}
    told = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", LAZY], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )

    assert told.stdout.strip() == "[]"
