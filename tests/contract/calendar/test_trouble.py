"""What every Calendar promises in trouble: what a failing answer means to each call, and who gets which answer."""

from __future__ import annotations

import string
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from conference.errors import Later, LockstepError, OutcomeUnknown, Revoked, Stale
from functions.ports import Calendar
from infra.google.calendar import GoogleCalendar
from infra.google.credentials import DevCredentials
from infra.local.calendar.serving import running
from tests.contract.calendar.stage import ALICE, NOBODY, NOW, TIMES, Stage, body, new_server, over_a_socket

READS: dict[str, Callable[[Calendar], object]] = {
    "calendar": lambda c: c.calendar(ALICE, ALICE),
    "changes": lambda c: c.changes(ALICE, ALICE),
    "get": lambda c: c.get(ALICE, ALICE, "kept1"),
    "find": lambda c: c.find(ALICE, ALICE, "x"),
    "upcoming": lambda c: c.upcoming(ALICE, ALICE, since=NOW, until=NOW + timedelta(days=9)),
    "stop": lambda c: c.stop(ALICE, channel="c", resource_id="r"),
}
WRITES: dict[str, Callable[[Calendar], object]] = {
    "insert": lambda c: c.insert(ALICE, ALICE, body(id="made1")),
    "patch": lambda c: c.patch(ALICE, ALICE, "kept1", {"summary": "x"}, etag='"1"'),
    "delete": lambda c: c.delete(ALICE, ALICE, "kept1"),
    "watch": lambda c: c.watch(ALICE, ALICE, channel="c", secret="s", address=NOBODY, life=60),
}


def outcome(call: Callable[[Calendar], object], calendar: Calendar) -> type[object]:
    """The kind of what the call raises."""
    try:
        call(calendar)
    except LockstepError as error:
        return type(error)
    return type(None)


@pytest.mark.parametrize(
    ("fault", "read", "write"),
    [
        ({"status": 403, "reason": "rateLimitExceeded"}, Later, Later),
        ({"status": 429}, Later, Later),
        ({"status": 403, "reason": "insufficientPermissions"}, Revoked, Revoked),
        ({"status": 401}, Revoked, Revoked),
        ({"status": 500}, Later, OutcomeUnknown),
        ({"status": 503, "after_apply": True}, Later, OutcomeUnknown),
    ],
)
def test_troubled_calls(
    stage: Stage, fault: dict[str, Any], read: type[LockstepError], write: type[LockstepError]
) -> None:
    """A failing answer means to each call what it means on the wire."""
    stage.put(id="kept1", status="confirmed", etag='"1"', **TIMES)
    kinds = {}
    for name, call in {**READS, **WRITES}.items():
        stage.control("faults", **fault)
        kinds[name] = outcome(call, stage.calendar)

    assert kinds == {**dict.fromkeys(READS, read), **dict.fromkeys(WRITES, write)}


@pytest.mark.parametrize(("header", "after"), [(7, timedelta(seconds=7)), ("Fri, 20 Nov 2026 09:00:00 GMT", NOW)])
def test_the_wait_that_is_asked_for(stage: Stage, header: object, after: object) -> None:
    """Retry-After reaches the caller, as a wait or as an instant."""
    stage.control("faults", status=429, retry_after=header)
    with pytest.raises(Later) as caught:
        stage.calendar.changes(ALICE, ALICE)

    assert caught.value.after == (after + timedelta(hours=1) if isinstance(after, datetime) else after)


def test_a_write_in_doubt_may_have_been_done(stage: Stage) -> None:
    """A patch whose answer was lost was done here; the same patch again is then stale, never a second change."""
    made = stage.calendar.insert(ALICE, ALICE, body())
    assert made.etag
    stage.control("faults", method="PATCH", status=502, after_apply=True)
    with pytest.raises(OutcomeUnknown):
        stage.calendar.patch(ALICE, ALICE, made.id, {"summary": "once"}, etag=made.etag)
    with pytest.raises(Stale):
        stage.calendar.patch(ALICE, ALICE, made.id, {"summary": "once"}, etag=made.etag)

    assert stage.calendar.get(ALICE, ALICE, made.id).summary == "once"


def test_a_stranger_is_not_admitted() -> None:
    """Credentials that the server does not know, and cannot renew, are a withdrawn consent."""

    class Stranger(DevCredentials):
        def __init__(self, email: str) -> None:
            super().__init__(email)
            self.token = "unknown"

    with (
        running(new_server()) as base,
        GoogleCalendar(Stranger, f"{base}/calendar/v3/") as calendar,
        pytest.raises(Revoked),
    ):
        calendar.get(ALICE, ALICE, "e1")


def test_threads_get_their_own_answers() -> None:
    """Eight threads with fifty reads each, over one client and two users: every answer reaches its caller."""
    with over_a_socket() as stage:
        names = [f"{a}{b}" for a in string.ascii_lowercase[:8] for b in range(50)]
        for name in names:
            stage.put(id=f"e{name}", status="confirmed", etag='"1"', summary=name, **TIMES)

        def read(lane: int) -> list[str]:
            return [stage.calendar.get(ALICE, ALICE, f"e{name}").summary for name in names[lane * 50 : lane * 50 + 50]]

        with ThreadPoolExecutor(8) as lanes:
            answers = [answer for lane in lanes.map(read, range(8)) for answer in lane]

    assert answers == names
