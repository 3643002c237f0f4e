"""The dispatcher's calls to a receiver on this machine: what is on the wire, when, and what each answer means.

https://cloud.google.com/tasks/docs/creating-http-target-tasks
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from infra.google.identity import TokenIdentity
from infra.local.clock import SystemClock
from infra.local.dispatcher import Dispatcher
from infra.local.held import Counts
from infra.local.issuer import LocalIssuer, ServiceAccount, new_key
from infra.local.memory import ManualClock
from infra.local.queue_policy import QueuePolicy
from infra.local.sqlite_queue import SqliteQueue
from tests.contract.dispatcher.sending import QUICK, SYNC, Begin, settled
from tests.contract.grounds import NOON
from tests.contract.loopback import PATIENCE, Receiver, receiving, until
from tests.contract.programs import process


def test_a_call_looks_like_one_of_cloud_tasks(
    queue: SqliteQueue, receiver: Receiver, begin: Begin, clock: ManualClock
) -> None:
    """Address, body and header fields are those that the deployed functions see, first and second time."""
    receiver.answer = lambda call: (500 if call.headers["X-CloudTasks-TaskRetryCount"] == "0" else 204, {})
    begin(QueuePolicy(name="sync"), bearer=lambda audience: f"for {audience}")
    trace = f"00-{'1f' * 16}-{'2e' * 8}-01"
    queue.add(replace(SYNC, trace=trace), name="f-7")
    receiver.wait_for(1)
    settled(queue, Counts(waiting=1))
    clock.advance(timedelta(seconds=2))
    first, second = receiver.wait_for(2)
    settled(queue, Counts())

    assert (first.function, first.body) == (second.function, second.body) == (SYNC.function, SYNC.body)
    expected = {
        "Authorization": f"Bearer for {receiver.address}/sync_calendar",
        "Content-Type": "application/json",
        "User-Agent": "Google-Cloud-Tasks",
        "X-CloudTasks-QueueName": "sync",
        "X-CloudTasks-TaskName": "f-7",
        "X-CloudTasks-TaskRetryCount": "0",
        "X-CloudTasks-TaskExecutionCount": "0",
        "X-CloudTasks-TaskETA": f"{NOON.timestamp():.6f}",
        "traceparent": trace,
    }
    lower = {name.lower(): value for name, value in first.headers.items()}
    assert {name.lower(): value for name, value in expected.items()}.items() <= lower.items()
    assert "X-CloudTasks-TaskPreviousResponse" not in first.headers
    assert second.headers["X-CloudTasks-TaskRetryCount"] == second.headers["X-CloudTasks-TaskExecutionCount"] == "1"
    assert second.headers["X-CloudTasks-TaskPreviousResponse"] == "500"


def test_the_token_passes_the_check_of_production(
    queue: SqliteQueue, receiver: Receiver, begin: Begin, clock: ManualClock
) -> None:
    """What the local service account shows is verified by the same code as Google's tokens."""
    issuer = LocalIssuer(new_key(), "https://issuer.example", clock)
    begin(bearer=ServiceAccount(issuer, clock, account="tasks@lockstep.local").bearer)
    queue.add(SYNC)
    (call,) = receiver.wait_for(1)
    scheme, _, token = call.headers["Authorization"].partition(" ")

    assert scheme == "Bearer"
    TokenIdentity(issuer.url, issuer.jwks, clock).check(
        token, audience=f"{receiver.address}/sync_calendar", account="tasks@lockstep.local"
    )


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_success_ends_a_task(queue: SqliteQueue, receiver: Receiver, begin: Begin, status: int) -> None:
    """2xx is done, and the task is gone."""
    receiver.answer = lambda _call: (status, {})
    begin()
    queue.add(SYNC)

    settled(queue, Counts())
    assert len(receiver.calls) == 1


@pytest.mark.parametrize("status", [302, 400, 401, 404, 429, 500, 503])
def test_anything_else_is_tried_again(
    queue: SqliteQueue, receiver: Receiver, begin: Begin, clock: ManualClock, status: int
) -> None:
    """A task that is not answered by 2xx waits for its next time and is called again, until it is."""
    elsewhere = {"Location": f"{receiver.address}/elsewhere"}
    receiver.answer = lambda _call: (status, elsewhere) if len(receiver.calls) < 3 else (200, {})
    begin()
    queue.add(SYNC)
    for calls in (1, 2):
        receiver.wait_for(calls)
        settled(queue, Counts(waiting=1))
        clock.advance(timedelta(minutes=5))
    receiver.wait_for(3)

    settled(queue, Counts())
    assert [call.function for call in receiver.calls] == ["sync_calendar"] * 3


def test_an_answer_that_never_comes_is_a_failed_attempt(
    queue: SqliteQueue, receiver: Receiver, begin: Begin, clock: ManualClock
) -> None:
    """After the deadline the call is given up and repeated, though nobody stops the receiver's work."""
    over = threading.Event()
    receiver.answer = lambda _call: (200, {}) if len(receiver.calls) > 1 or over.wait(PATIENCE) else (500, {})
    begin(QueuePolicy(deadline=timedelta(milliseconds=200)))
    queue.add(SYNC)
    settled(queue, Counts(waiting=1))
    clock.advance(timedelta(minutes=5))
    second = receiver.wait_for(2)[1]
    over.set()

    assert second.headers["X-CloudTasks-TaskRetryCount"] == "1"
    assert second.headers["X-CloudTasks-TaskExecutionCount"] == "0"


def test_a_receiver_that_is_not_there_is_waited_for(queue: SqliteQueue, clock: ManualClock) -> None:
    """Refused connections are failed attempts; the task is called once the receiver stands."""
    with receiving(Receiver()) as gone:
        address = gone.address
    with Dispatcher(queue, address, str, clock=clock, policy=QUICK):
        queue.add(SYNC)
        settled(queue, Counts(waiting=1))


def test_a_token_that_cannot_be_had_is_a_failed_attempt(queue: SqliteQueue, receiver: Receiver, begin: Begin) -> None:
    """Whatever goes wrong before the call is sent, the task stays and the worker lives on."""

    def broken(_audience: str) -> str:
        raise RuntimeError("no key")

    begin(QueuePolicy(concurrent=1), bearer=broken)
    for _ in range(3):
        queue.add(SYNC)

    settled(queue, Counts(waiting=3))
    assert receiver.calls == []


def test_a_task_is_given_up_after_three_days_and_can_be_revived(
    queue: SqliteQueue, receiver: Receiver, begin: Begin, clock: ManualClock
) -> None:
    """Only when attempts and time are both used up; then it is kept with its last status for a person to see."""
    receiver.answer = lambda _call: (500, {})
    begin(QueuePolicy(attempts=3))
    queue.add(SYNC, name="f-7")
    for calls, wait in enumerate([timedelta(hours=2), timedelta(hours=2), timedelta(hours=67), timedelta(hours=2)], 1):
        receiver.wait_for(calls)
        settled(queue, Counts(waiting=1))
        clock.advance(wait)
    receiver.wait_for(5)
    settled(queue, Counts(failed=1))
    (failed,) = queue.failed()

    assert (failed.task, failed.name, failed.attempts, failed.last_status) == (SYNC, "f-7", 5, 500)
    assert failed.at == NOON + timedelta(hours=73)
    assert not queue.add(SYNC, name="f-7")
    receiver.answer = lambda _call: (200, {})
    assert queue.revive(failed.id)
    assert not queue.revive(failed.id)
    assert receiver.wait_for(6)[-1].headers["X-CloudTasks-TaskRetryCount"] == "0"
    settled(queue, Counts())


def test_retry_after_is_heeded(queue: SqliteQueue, receiver: Receiver, begin: Begin) -> None:
    """A receiver that names a wait longer than the backoff is called after it."""
    receiver.answer = lambda _call: (503, {"Retry-After": "1800"})
    begin()
    queue.add(SYNC)
    settled(queue, Counts(waiting=1))

    assert queue.next_due() == NOON + timedelta(minutes=30)


def test_an_added_task_is_called_at_once(queue: SqliteQueue, receiver: Receiver, begin: Begin) -> None:
    """Within the process nothing is polled for: tasks arrive though the dispatcher looks by itself once an hour."""
    begin(look=timedelta(hours=1))
    for n in range(1, 21):
        queue.add(SYNC)
        receiver.wait_for(n)


def test_a_task_of_another_process_is_seen(
    tmp_path: Path, queue: SqliteQueue, receiver: Receiver, begin: Begin, clock: ManualClock
) -> None:
    """Processes that share the file need not tell one another."""
    begin()
    with process("dying_dispatcher.py", str(tmp_path / "tasks.db"), "") as child:
        assert child.wait(30) == 0
    assert queue.counts() == Counts(waiting=1)  # the other process lives today, this test at noon of its day
    clock.set(SystemClock().now())

    assert receiver.wait_for(1)[0].body == {"from": "another process"}


def test_calls_go_side_by_side_up_to_the_limit(queue: SqliteQueue, receiver: Receiver, begin: Begin) -> None:
    """As many as allowed run at once, the others wait for their turn."""
    full = threading.Barrier(3)
    receiver.answer = lambda _call: (200, {}) if full.wait(PATIENCE) >= 0 else (500, {})
    dispatcher = begin(QueuePolicy(concurrent=3))
    for _ in range(9):
        queue.add(SYNC)
    receiver.wait_for(9)
    until(lambda: dispatcher.counts() == Counts())

    assert receiver.most_at_once == 3


def test_calls_keep_to_the_rate(queue: SqliteQueue, receiver: Receiver, begin: Begin) -> None:
    """A queue of 20 a second does not begin many more in half a second, however much waits."""
    for _ in range(60):
        queue.add(SYNC)
    begun = time.monotonic()
    begin(QueuePolicy(per_second=20, concurrent=8))
    calls = receiver.wait_for(10)

    within = sum(call.at - begun < 0.5 for call in calls)
    assert within <= 4 + 0.5 * 20 + 1
    assert calls[9].at - begun > (10 - 4 - 1) / 20
