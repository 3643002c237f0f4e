"""The conferencing service around its API: faults on demand, edits by hand, log, pages, and its process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local.vendor.wire import Request
from tests.contract.providers import PLAIN
from tests.contract.vendor_desk import BODY, Desk, read


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A service in memory that sends webhooks."""
    made = Desk(webhook="http://receiver.example/hook")
    yield made
    made.server.close()


@pytest.mark.parametrize(
    ("fault", "status", "done"),
    [
        ({"status": 503}, 503, False),
        ({"status": 503, "after_apply": True}, 503, True),
        ({"drop": True}, 500, False),
        ({"drop": True, "after_apply": True}, 201, True),
        ({"delay_ms": 5}, 201, True),
        ({"method": "get", "status": 503}, 201, True),
        ({"path": "^/meetings/.+", "status": 503}, 201, True),
    ],
)
def test_faults(desk: Desk, fault: dict[str, Any], status: int, done: bool) -> None:
    """A fault spoils the requests it names, before or after the work."""
    assert desk.ask("POST", "/control/faults", fault).status == 204

    response = desk.ask("POST", "/meetings", BODY)

    assert response.status == status
    assert (response.delay, response.drop) == (fault.get("delay_ms", 0) / 1000, fault.get("drop", False))
    assert len(desk.server.due_pushes()) == done


def test_faults_end(desk: Desk) -> None:
    """A fault happens as often as was asked for; the next one waits its turn."""
    desk.ask("POST", "/control/faults", {"status": 500, "times": 2})
    desk.ask("POST", "/control/faults", {"status": 429, "retry_after": 7})

    answers = [desk.ask("GET", "/meetings") for _ in range(4)]

    assert [answer.status for answer in answers] == [500, 500, 429, 200]
    assert answers[2].headers["Retry-After"] == "7"


def test_edits_by_hand(desk: Desk) -> None:
    """A person edits some fields and leaves the others; a nonsensical whole is refused."""
    made = desk.made(agenda="Long")
    path = f"/control/meetings/{made['id']}"

    edited = read(desk.ask("POST", path, {"title": "By hand", "rotate_join_url": True}))

    assert edited["join_url"] != made["join_url"]
    assert {**edited, "join_url": made["join_url"]} == {**made, "title": "By hand", "version": "2"}
    assert desk.ask("POST", path, {"end": "2020-01-01T00:00:00Z"}).status == 400
    assert desk.ask("POST", "/control/meetings", BODY).status == 201


def test_log_holds_what_matters(desk: Desk) -> None:
    """The log has each API request once, with its conditions and without bodies; control and pages are not in it."""
    made = desk.made("key")
    desk.ask("PUT", f"/meetings/{made['id']}", BODY, if_match='"7"')
    desk.ask("GET", "/")

    log = desk.requests()

    assert [(one["method"], one["status"], one["key"], one["if_match"]) for one in log] == [
        ("POST", 201, "key", None),
        ("PUT", 412, None, '"7"'),
    ]
    assert "Weekly sync" not in json.dumps(log)
    assert desk.requests() == []


def test_reset_forgets_everything(desk: Desk) -> None:
    """After a reset nothing is left: no meeting, no fault, no webhook, no log."""
    desk.made()
    desk.ask("POST", "/control/faults", {"status": 500})
    desk.ask("POST", "/control/reset")

    assert desk.requests() == []
    assert desk.server.due_pushes() == []
    assert read(desk.ask("GET", "/meetings"))["meetings"] == []


def test_pages_show_and_escape(desk: Desk) -> None:
    """The pages show title, time in the meeting's zone, people and link; what strangers wrote stays text."""
    made = desk.made(
        title="<script>alert(1)</script>", attendees=[{"email": "bo@example.com", "name": "<b>Bo</b>"}], agenda="x"
    )
    listed = desk.server.handle(Request("GET", "/")).body.decode()
    secret = made["join_url"].partition("?k=")[2]
    joined = desk.server.handle(Request("GET", f"/m/{made['id']}", {"k": secret}))

    for shown in ("&lt;script&gt;", "10:00", "Europe/Zurich", "&lt;b&gt;Bo", made["join_url"]):
        assert shown in listed
    assert joined.status == 200
    assert "&lt;script&gt;" in joined.body.decode()
    assert "<script>" not in listed + joined.body.decode()


def test_join_link_needs_its_secret(desk: Desk) -> None:
    """Without the link's secret the join page tells nothing of the meeting, not even that it is there."""
    made = desk.made()
    pages = [desk.server.handle(Request("GET", f"/m/{name}", {"k": "x"})) for name in (made["id"], "nobody")]

    assert [page.status for page in pages] == [404, 404]
    assert pages[0].body == pages[1].body


# ---- the process ------------------------------------------------------------------------------


def test_acknowledged_writes_survive_a_kill(tmp_path: Path) -> None:
    """What was answered with success is there after SIGKILL, with its key, version and undelivered webhooks."""
    with _process(tmp_path / "state.db") as (process, client):
        made = client.post("/meetings", json=BODY, headers={"Idempotency-Key": "k"}).json()
        put = client.put(f"/meetings/{made['id']}", json={**BODY, "title": "New"}).json()
        process.send_signal(signal.SIGKILL)
        process.wait()

    desk = Desk(tmp_path / "state.db", webhook="http://receiver.example/hook")
    desk.now = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
    found = read(desk.ask("GET", "/meetings?key=k"))["meetings"]
    waiting = len(desk.server.due_pushes())
    desk.server.close()

    assert [(one["id"], one["title"], one["version"]) for one in found] == [(made["id"], "New", put["version"])]
    assert waiting == 2


def test_ends_in_order(tmp_path: Path) -> None:
    """SIGTERM ends the process with success."""
    with _process(tmp_path / "state.db") as (process, _):
        process.send_signal(signal.SIGTERM)

        assert process.wait(10) == 0


def test_port_that_is_taken() -> None:
    """A taken port is said in plain words, without a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "infra.local.vendor", "--port", str(taken.getsockname()[1])]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own module

    assert ended.returncode == 1
    assert "cannot listen" in ended.stderr
    assert "Traceback" not in ended.stderr


@contextmanager
def _process(state: Path) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """The service as a process of its own, on a free port that it names on its first line."""
    nowhere = "http://127.0.0.1:1/hook"
    command = [sys.executable, "-m", "infra.local.vendor", "--port", "0", "--state", str(state), "--webhook", nowhere]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own module
        assert process.stdout is not None
        base = process.stdout.readline().split()[-1]
        with httpx.Client(
            base_url=base, headers={"Authorization": "Bearer vendor-token"}, timeout=10, verify=PLAIN
        ) as client:
            yield process, client
        process.kill()
