"""What the join page keeps to itself: which keys there are, what goes wrong inside, and who was let in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

import pytest
import structlog
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from conference.errors import Later
from conference.link import Link, index
from conference.meeting import Meeting, MeetingId, MeetingRef
from functions import ledger
from functions.ground import Ground
from functions.join.page import join_page
from functions.join.room import admit
from functions.ledger import Row
from infra.local.memory import MemoryStore
from tests.edge.join.rooms import HOST, NOW, OURS, ROOMS, TITLE, ask, event, hold, key_for


def knock(door: FlaskClient, key: str, rest: str) -> TestResponse:
    """Ask for one of a key's addresses, as our own page would."""
    sent: dict[str, Any] = {"method": "POST", "json": {}} if rest == "/grant" else {"method": "GET"}
    return door.open(f"/{key}{rest}", headers=OURS, **sent)


class Silent(MemoryStore):
    """A store that must not be asked."""

    def query(self, *_: object, **__: object) -> NoReturn:
        """Fail."""
        raise AssertionError("the store was asked")


BAD_KEYS = ["x", "a" * 40, "A" * 40, "a" * 5000, "..", "%00", "%2e%2e%2f", "a,b", "static", "<script>", "é" * 40]


@pytest.mark.parametrize("bad", BAD_KEYS)
@pytest.mark.parametrize("rest", ["", "/state", "/grant"])
def test_keys_of_nobody(ground: Ground, bad: str, rest: str) -> None:
    """A text that we never minted is turned away before the store is asked."""
    silent = join_page(replace(ground, store=Silent(ground.clock)), ROOMS, {}).test_client()

    assert knock(silent, bad, rest).status_code == 404


@pytest.mark.parametrize("rest", ["", "/state", "/grant"])
def test_unknown_links_look_alike(ground: Ground, door: FlaskClient, rest: str) -> None:
    """Nothing in an answer tells a key that never was from one that was, from one of another provider, or from none."""
    hold(ground, key_for(ground), event())
    other = key_for(ground, "vendor", "http")
    ref = MeetingRef("http", "main", MeetingId(other))
    link = Link("http", "main", other, 1, Meeting(ref, "http://vendor.example/1"))
    row = Row(feed="f", event="v", seen=event("v"), link=link, meeting=index(ref), key=other)
    ground.store.commit(ledger.put(row, None))

    keys = ["nothing", "a" * 40, key_for(ground, "never"), other]
    answers = [knock(door, key, rest) for key in keys]

    assert {(answer.status_code, answer.data, str(answer.headers)) for answer in answers} == {
        (404, answers[0].data, str(answers[0].headers))
    }
    assert "There is no meeting at this address." in answers[0].text


@pytest.mark.parametrize(
    ("method", "rest"),
    [("POST", ""), ("PUT", ""), ("DELETE", "/grant"), ("GET", "/grant"), ("POST", "/state"), ("PATCH", "/state")],
)
def test_other_methods(ground: Ground, door: FlaskClient, method: str, rest: str) -> None:
    """They are refused, for known keys as for unknown ones."""
    known = door.open(f"/{hold(ground, key_for(ground), event())}{rest}", method=method, headers=OURS)
    unknown = door.open(f"/{'a' * 40}{rest}", method=method, headers=OURS)

    assert known.status_code == unknown.status_code == 405
    assert (known.data, known.headers["Allow"]) == (unknown.data, unknown.headers["Allow"])


@pytest.mark.parametrize("rest", ["", "/state", "/grant", "/nothing", "/x/y"])
def test_headers(ground: Ground, door: FlaskClient, rest: str) -> None:
    """Every answer forbids other sites' scripts, frames and caches; only Janus' own address may be talked to."""
    headers = door.get(f"/{hold(ground, key_for(ground), event())}{rest}", headers=HOST).headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';" in policy
    assert "connect-src 'self' http://127.0.0.1:8903;" in policy
    assert "unsafe" not in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Permissions-Policy"].startswith("camera=(self), microphone=(self)")


class Broken(MemoryStore):
    """A store that fails as it is told."""

    error: Exception

    def query(self, *_: object, **__: object) -> NoReturn:
        """Fail."""
        raise self.error


@pytest.mark.parametrize(
    ("error", "status"), [(Later("the store is busy"), 503), (RuntimeError(f"internals of {TITLE}"), 500)]
)
@pytest.mark.parametrize("rest", ["", "/state", "/grant"])
def test_trouble_shows_nothing_of_itself(ground: Ground, error: Exception, status: int, rest: str) -> None:
    """A store that is down is told in a sentence; no key, title or token is in any log."""
    broken = Broken(ground.clock)
    broken.error = error
    key = key_for(ground)
    door = join_page(replace(ground, store=broken), ROOMS, {}).test_client()
    with structlog.testing.capture_logs() as logs:
        answer = knock(door, key, rest)

    assert (answer.status_code, answer.mimetype) == (status, "text/plain")
    assert TITLE not in answer.text
    assert "internals" not in answer.text
    assert len(logs) == 1
    assert key not in str([{name: value for name, value in entry.items() if name != "exc_info"} for entry in logs])


def test_nothing_secret_is_logged_or_printed(ground: Ground, door: FlaskClient) -> None:
    """Letting somebody in leaves no trace of key, title, name or token."""
    key = hold(ground, key_for(ground), event())
    with structlog.testing.capture_logs() as logs:
        door.get(f"/{key}", headers=HOST)
        ask(door, key)

    assert logs == []
    assert ROOMS.token_secret not in repr(ROOMS)
    assert repr(admit(ground, ROOMS, key, "Ann")) == f"Pass(expires={int(NOW.timestamp()) + 3600})"
