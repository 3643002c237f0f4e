"""The conferencing service tells of every change (docs/http-provider.md, *Webhooks*)."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from infra.local.vendor.pushes import MAX_ATTEMPTS
from infra.local.vendor.server import Account
from infra.local.vendor.serving import running
from tests.contract.vendor_desk import BODY, NOON, Desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A service in memory that sends webhooks."""
    made = Desk(webhook="http://receiver.example/hook")
    yield made
    made.server.close()


def test_every_change_is_told(desk: Desk) -> None:
    """Creates, updates and deletes are told, by whomever they were made, each under an id of its own."""
    made = desk.made()
    desk.ask("PUT", f"/meetings/{made['id']}", {**BODY, "title": "New"})
    desk.ask("POST", f"/control/meetings/{made['id']}", {"rotate_join_url": True})
    desk.ask("POST", f"/control/meetings/{made['id']}", {"delete": True})

    told = [json.loads(delivery.body) for delivery in desk.server.due_pushes()]

    assert [(one["kind"], one["meeting_id"], one["version"]) for one in told] == [
        ("created", made["id"], "1"),
        ("updated", made["id"], "2"),
        ("updated", made["id"], "3"),
        ("deleted", made["id"], None),
    ]
    assert len({one["id"] for one in told}) == 4


def test_webhooks_are_signed(desk: Desk) -> None:
    """The signature covers the time and the raw body."""
    desk.made()

    (delivery,) = desk.server.due_pushes()

    signed = delivery.headers["X-Lockstep-Timestamp"].encode() + b"." + delivery.body
    assert delivery.headers["X-Lockstep-Timestamp"] == str(int(NOON.timestamp()))
    assert delivery.headers["X-Lockstep-Signature"] == "v1=" + hmac.digest(b"s3cret", signed, hashlib.sha256).hex()


def test_webhooks_are_repeated_a_few_times(desk: Desk) -> None:
    """What is not taken with a 2xx comes again, later each time, under the same id, and is then given up."""
    desk.made()
    ids, waits = [], []
    while deliveries := desk.server.due_pushes():
        ids.append(json.loads(deliveries[0].body)["id"])
        desk.server.push_answered(deliveries[0].push, 503)
        due = desk.server.next_due()
        if due is not None:
            waits.append(due - desk.now.timestamp())
            desk.now = datetime.fromtimestamp(due, UTC)

    assert len(ids) == MAX_ATTEMPTS
    assert len(set(ids)) == 1
    assert waits == [0.5, 1, 2, 4, 8]


@pytest.mark.parametrize(("status", "settled"), [(200, True), (204, True), (302, False), (404, False), (None, False)])
def test_what_settles_a_webhook(desk: Desk, status: int | None, settled: bool) -> None:
    """Any 2xx settles it, nothing else."""
    desk.made()

    desk.server.push_answered(desk.server.due_pushes()[0].push, status)

    assert (desk.server.next_due() is None) is settled


def test_silence(desk: Desk) -> None:
    """While webhooks are silent, changes are not told then and not later."""
    desk.ask("POST", "/control/webhooks", {"silent": True})
    desk.made("a")
    desk.ask("POST", "/control/webhooks", {"silent": False})
    desk.made("b")

    assert len(desk.server.due_pushes()) == 1


def test_webhooks_reach_a_receiver() -> None:
    """Over real connections: a change is delivered, and delivered again when the receiver failed."""
    with _receiving([503, 200]) as (url, received), running(Account("token", url, "s3cret")) as base:
        httpx.post(f"{base}/meetings", json=BODY, headers={"Authorization": "Bearer token"}).raise_for_status()
        first, second = received.get(timeout=10), received.get(timeout=10)

    assert first == second
    assert json.loads(first)["kind"] == "created"


@contextmanager
def _receiving(statuses: list[int]) -> Iterator[tuple[str, queue.Queue[bytes]]]:
    received: queue.Queue[bytes] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(statuses.pop(0))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hook", received
        server.shutdown()
        thread.join()
