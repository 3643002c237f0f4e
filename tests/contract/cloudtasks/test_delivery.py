"""How tasks are called: what is on the wire, when, how often, how many at once.

https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler and
https://cloud.google.com/tasks/docs/configuring-queues
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from google.cloud import tasks_v2
from google.rpc import code_pb2

from infra.google.identity import TokenIdentity
from infra.local.cloudtasks.calling import Caller
from infra.local.cloudtasks.flight import Flight, Landing
from infra.local.issuer import LocalIssuer
from infra.local.memory import ManualClock
from tests.contract.cloudtasks.place import ACCOUNT, QUEUE, Place, at
from tests.contract.grounds import NOON
from tests.contract.loopback import PATIENCE, Call, Receiver, until

SECOND = timedelta(seconds=1)
RETRY = {
    "max_attempts": 100,
    "min_backoff": 10 * SECOND,
    "max_backoff": 300 * SECOND,
    "max_doublings": 3,
}


def limit(place: Place, **limits: object) -> None:
    """Give the queue these limits."""
    place.client.update_queue(queue=tasks_v2.Queue(name=QUEUE, **limits))


@contextmanager
def held_up(receiver: Receiver) -> Iterator[threading.Event]:
    """Calls end only once the event is set, at the latest at the end."""
    go_on = threading.Event()
    receiver.answer = lambda _call: (200, {}) if go_on.wait(PATIENCE) else (500, {})
    try:
        yield go_on
    finally:
        go_on.set()


def test_a_call_carries_what_the_task_says_and_who_calls(place: Place) -> None:
    """Address, method, body and header fields, the task's own ones too; the reserved ones are the service's."""
    own = {"Content-Type": "application/json", "X-Own": "1", "User-Agent": "me", "X-CloudTasks-TaskName": "other"}
    place.add("f-7", body=b'{"n": 1}', request={"headers": own})
    (call,) = place.receiver.wait_for(1)

    assert (call.function, call.body) == ("sync", {"n": 1})
    expected = {
        "Content-Type": "application/json",
        "X-Own": "1",
        "User-Agent": "Google-Cloud-Tasks",
        "X-CloudTasks-QueueName": "lockstep",
        "X-CloudTasks-TaskName": "f-7",
        "X-CloudTasks-TaskRetryCount": "0",
        "X-CloudTasks-TaskExecutionCount": "0",
        "X-CloudTasks-TaskETA": f"{NOON.timestamp():.6f}",
    }
    assert expected.items() <= call.headers.items()
    assert not {"X-CloudTasks-TaskPreviousResponse", "X-CloudTasks-TaskRetryReason", "Authorization"} & {*call.headers}


@pytest.mark.parametrize("audience", ["", "https://functions.example/sync"])
def test_its_token_passes_the_check_of_production(place: Place, issuer: LocalIssuer, audience: str) -> None:
    """It is signed for the audience asked for, else for the address; one the task brings itself is replaced."""
    token = {"service_account_email": ACCOUNT, "audience": audience}
    place.add("a", request={"oidc_token": token, "headers": {"authorization": "Bearer own"}})
    (call,) = place.receiver.wait_for(1)
    scheme, _, shown = call.headers["Authorization"].partition(" ")

    assert scheme == "Bearer"
    wanted = audience or f"{place.receiver.address}/sync"
    TokenIdentity(issuer.url, issuer.jwks, ManualClock(NOON)).check(shown, audience=wanted, account=ACCOUNT)


def test_a_task_is_called_at_its_time(place: Place) -> None:
    """Not a moment before."""
    place.add("a", schedule_time=NOON + timedelta(days=30))
    place.wait(timedelta(days=30) - timedelta(microseconds=1))
    place.add("b")
    place.receiver.wait_for(1)
    place.settled(waiting=1)
    place.wait(timedelta(microseconds=1))

    calls = place.receiver.wait_for(2)
    assert [call.headers["X-CloudTasks-TaskName"] for call in calls] == ["b", "a"]


def test_waits_between_attempts_are_those_of_the_documentation(place: Place) -> None:
    """10 s, doubled three times, then linear, then level: 10, 20, 40, 80, 160, 240, 300, 300."""
    limit(place, retry_config=RETRY)
    place.receiver.answer = lambda _call: (500, {})
    name = place.add("a").name
    waits = []
    for n in range(1, 9):
        place.receiver.wait_for(n)
        place.settled(waiting=1)
        wait = at(place.client.get_task(name=name)) - place.clock.now()
        waits.append(wait.total_seconds())
        place.wait(wait)

    assert waits == [10, 20, 40, 80, 160, 240, 300, 300]


def test_a_repeated_call_tells_of_those_before(place: Place) -> None:
    """Attempts are counted, answers of the 5xx kind are no executions, and the task tells of its first and last."""
    statuses = [500, 404, 503, 200]
    place.receiver.answer = lambda _call: (statuses[len(place.receiver.calls) - 1], {})
    name = place.add("a").name
    for n in (1, 2, 3):
        place.receiver.wait_for(n)
        place.settled(waiting=1)
        task = place.client.get_task(name=name)
        assert (task.dispatch_count, task.response_count) == (n, n)
        place.wait(timedelta(minutes=1))
    calls = place.receiver.wait_for(4)
    place.settled()

    fields = ("TaskRetryCount", "TaskExecutionCount", "TaskPreviousResponse", "TaskRetryReason")
    told = [tuple(call.headers.get(f"X-CloudTasks-{name}") for name in fields) for call in calls]
    assert told == [
        ("0", "0", None, None),
        ("1", "0", "500", "HTTP status 500"),
        ("2", "1", "404", "HTTP status 404"),
        ("3", "1", "503", "HTTP status 503"),
    ]
    assert task.first_attempt.dispatch_time == NOON
    assert "response_time" not in task.first_attempt
    last = task.last_attempt
    assert last.dispatch_time == last.response_time == NOON + timedelta(minutes=2)
    assert last.response_status.code == code_pb2.UNAVAILABLE


@pytest.mark.parametrize("status", [200, 204, 299])
def test_any_success_ends_a_task(place: Place, status: int) -> None:
    """2xx is done."""
    place.receiver.answer = lambda _call: (status, {})
    place.add("a")
    place.receiver.wait_for(1)

    place.settled()


@pytest.mark.parametrize("status", [302, 400, 401, 404, 429, 500, 503])
def test_anything_else_is_called_again(place: Place, status: int) -> None:
    """A redirect is not followed."""
    elsewhere = {"Location": f"{place.receiver.address}/elsewhere"}
    place.receiver.answer = lambda _call: (status, elsewhere) if len(place.receiver.calls) < 2 else (200, {})
    place.add("a")
    place.receiver.wait_for(1)
    place.settled(waiting=1)
    place.wait(timedelta(minutes=1))
    place.receiver.wait_for(2)
    place.settled()

    assert [call.function for call in place.receiver.calls] == ["sync", "sync"]


@pytest.mark.parametrize("asked", ["90", format_datetime(NOON + 90 * SECOND, usegmt=True)])
def test_a_wait_that_is_asked_for_is_kept(place: Place, asked: str) -> None:
    """Retry-After, as seconds or as a date, where it is longer than the queue's own wait."""
    place.receiver.answer = lambda _call: (429, {"Retry-After": asked})
    name = place.add("a").name
    place.receiver.wait_for(1)
    place.settled(waiting=1)

    assert at(place.client.get_task(name=name)) == NOON + 90 * SECOND


@pytest.mark.parametrize("asked", ["-5", "soon", "", "Mon, 99 Foo"])
def test_a_wait_that_cannot_be_read_is_none(place: Place, asked: str) -> None:
    """The queue's own wait holds."""
    place.receiver.answer = lambda _call: (500, {"Retry-After": asked})
    name = place.add("a").name
    place.receiver.wait_for(1)
    place.settled(waiting=1)

    assert at(place.client.get_task(name=name)) == NOON + timedelta(seconds=0.1)


@pytest.mark.parametrize(
    ("config", "attempts"),
    [
        ({"max_attempts": 1}, 1),
        ({"max_attempts": 3}, 3),
        # Both must be reached: at one attempt every ten seconds, 35 seconds are over after the fifth.
        ({"max_attempts": 2, "max_retry_duration": 35 * SECOND}, 5),
        ({"max_attempts": 7, "max_retry_duration": 35 * SECOND}, 7),
        ({"max_attempts": -1, "max_retry_duration": 25 * SECOND}, 4),
    ],
)
def test_a_task_is_given_up_when_attempts_and_time_are_used_up(
    place: Place, config: dict[str, object], attempts: int
) -> None:
    """Then it is dropped, and its name rests."""
    limit(place, retry_config={"min_backoff": 10 * SECOND, "max_backoff": 10 * SECOND, **config})
    place.receiver.answer = lambda _call: (500, {})
    place.add("a")
    for n in range(1, attempts):
        place.receiver.wait_for(n)
        place.settled(waiting=1)
        place.wait(10 * SECOND)
    place.receiver.wait_for(attempts)

    place.settled(failed=1)
    assert place.names() == []
    assert place.server.book.rests(f"{QUEUE}/tasks/a", place.clock.now())


def test_a_tasks_own_retries_go_before_its_queues(place: Place) -> None:
    """One attempt is allowed to it, a hundred to the others."""
    place.receiver.answer = lambda _call: (500, {})
    place.add("a", retry_config={"max_attempts": 1})
    place.add("b")
    place.receiver.wait_for(2)

    place.settled(waiting=1, failed=1)
    assert place.names() == ["b"]


def test_no_task_grows_older_than_31_days(place: Place) -> None:
    """Not even with retries without end."""
    limit(place, retry_config={"max_attempts": -1, "max_backoff": 3600 * SECOND})
    place.receiver.answer = lambda _call: (500, {})
    place.add("failing")
    place.receiver.wait_for(1)
    place.settled(waiting=1)
    place.client.pause_queue(name=QUEUE)
    place.add("paused")
    place.wait(timedelta(days=31))
    place.add("young", schedule_time=place.clock.now() + SECOND)
    place.server.book.forget_old(place.clock.now())

    assert place.names() == ["young"]
    assert place.counts()[3] == 2


def test_as_many_are_called_at_once_as_the_queue_may(place: Place) -> None:
    """Three of twelve, and each once."""
    limit(place, rate_limits={"max_concurrent_dispatches": 3})
    with held_up(place.receiver) as go_on:
        for n in range(12):
            place.add(f"t{n}")
        until(lambda: place.counts() == (0, 9, 3, 0))
        go_on.set()
        place.receiver.wait_for(12)
        place.settled()

    assert place.receiver.most_at_once == 3
    assert len(place.receiver.calls) == 12


def test_a_queue_keeps_to_its_rate(place: Place) -> None:
    """At 20 a second with a burst of 10, half a second sees 20 calls at most."""
    place.client.pause_queue(name=QUEUE)
    limit(place, rate_limits={"max_dispatches_per_second": 20})
    for n in range(30):
        place.add(f"t{n}")
    begun = time.monotonic()
    place.client.resume_queue(name=QUEUE)
    calls = place.receiver.wait_for(16)

    assert sum(call.at - begun < 0.5 for call in calls) <= 10 + 0.5 * 20 + 1
    assert calls[15].at - begun > (16 - 10 - 1) / 20


def test_a_target_that_is_overloaded_slows_the_whole_queue(place: Place) -> None:
    """After 429 and 503 the next tasks go one by one."""
    place.receiver.answer = lambda _call: (503, {"Retry-After": "600"})
    for n in range(6):
        place.add(f"t{n}")
    place.receiver.wait_for(6)
    place.settled(waiting=6)
    place.receiver.answer = lambda _call: (200, {})
    begun = time.monotonic()
    for n in range(4):
        place.add(f"u{n}")
    place.receiver.wait_for(10)

    assert time.monotonic() - begun > 3 / (500 * 0.05)


def test_a_running_call_ends_whatever_is_deleted(place: Place) -> None:
    """Its answer changes nothing any more."""
    with held_up(place.receiver) as go_on:
        name = place.add("a").name
        place.receiver.wait_for(1)
        place.client.delete_task(name=name)
        go_on.set()
        place.settled()

    assert len(place.receiver.calls) == 1


def test_a_task_run_by_hand_while_it_runs_is_called_twice(place: Place) -> None:
    """The later call decides."""
    gates = [threading.Event(), threading.Event()]

    def answer(call: Call) -> tuple[int, dict[str, str]]:
        number = int(call.headers["X-CloudTasks-TaskRetryCount"])
        return (200 if number else 500, {}) if gates[number].wait(PATIENCE) else (400, {})

    place.receiver.answer = answer
    name = place.add("a").name
    place.receiver.wait_for(1)
    place.client.run_task(name=name)
    place.receiver.wait_for(2)
    gates[0].set()
    gates[1].set()

    place.settled()
    assert place.names() == []


def flight(address: str, **fields: object) -> Flight:
    """The first call of a task, as it could not be asked for from outside."""
    task = tasks_v2.Task(
        name=f"{QUEUE}/tasks/a", http_request={"url": address, "http_method": 1, "body": b"{}"}, **fields
    )
    return Flight(QUEUE, "a", task, 1, NOON, NOON, NOON)


def test_a_call_ends_at_its_deadline(receiver: Receiver, clock: ManualClock) -> None:
    """Though nobody stops the target's work; the attempt has failed."""
    with held_up(receiver), closing(Caller(lambda _a, _b: "", clock.now)) as caller:
        landing = caller.call(flight(f"{receiver.address}/slow", dispatch_deadline=timedelta(seconds=0.2)))

    assert landing == Landing(None, "DEADLINE_EXCEEDED")
    assert (landing.done, landing.executed, landing.code) == (False, False, code_pb2.DEADLINE_EXCEEDED)


def test_a_target_that_is_not_there_is_a_failed_attempt(clock: ManualClock) -> None:
    """The attempt tells why, and has no status."""
    with closing(Caller(lambda _a, _b: "", clock.now)) as caller:
        landing = caller.call(flight("http://127.0.0.1:9/", dispatch_deadline=timedelta(seconds=15)))

    assert landing == Landing(None, "ConnectError")
    assert landing.code == code_pb2.UNAVAILABLE


def test_a_token_that_cannot_be_had_is_a_failed_attempt(receiver: Receiver, clock: ManualClock) -> None:
    """The target is not called without it."""

    def broken(_audience: str, _account: str) -> str:
        raise RuntimeError("no key")

    held = flight(f"{receiver.address}/x", dispatch_deadline=timedelta(seconds=15))
    held.task.http_request.oidc_token = tasks_v2.OidcToken(service_account_email=ACCOUNT)
    with closing(Caller(broken, clock.now)) as caller:
        assert caller.call(held) == Landing(None, "RuntimeError")

    assert receiver.calls == []


@contextmanager
def talking(say: bytes, times: int, pause: threading.Event) -> Iterator[str]:
    """A target that answers 200 and then goes on talking, with a tenth of a second between, until it is stopped."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):  # who called has heard enough
                for _ in range(times):
                    self.wfile.write(say)
                    if pause.wait(0.1):
                        return

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name the server gives it
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            pause.set()
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("say", "times", "landing"),
    [(b"x" * 200_000, 1, Landing(200)), (b"x", 50, Landing(None, "DEADLINE_EXCEEDED")), (b"", 0, Landing(200))],
    ids=["too much", "too slowly", "nothing"],
)
def test_an_answer_is_heard_out_within_bounds(clock: ManualClock, say: bytes, times: int, landing: Landing) -> None:
    """What is too long is cut off, its status counts; what comes too slowly ends at the deadline all the same."""
    with (
        talking(say, times, threading.Event()) as address,
        closing(Caller(lambda _a, _b: "", clock.now)) as caller,
    ):
        assert caller.call(flight(address, dispatch_deadline=timedelta(seconds=0.5))) == landing
