"""The conferencing service keeps its own contract (docs/http-provider.md), whatever clients send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.vendor.wire import Request
from tests.contract.vendor_desk import BASE, BODY, Desk, read


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A service in memory that sends webhooks."""
    made = Desk(webhook="http://receiver.example/hook")
    yield made
    made.server.close()


def test_create_tells_everything(desk: Desk) -> None:
    """A created meeting is told whole, with its defaults and what the service added."""
    response = desk.ask("POST", "/meetings", BODY, idempotency_key="key")

    told = read(response)
    assert (response.status, response.headers["ETag"]) == (201, '"1"')
    assert {name: told[name] for name in BODY} == BODY
    assert (told["agenda"], told["recurrence"], told["exceptions"], told["attendees"]) == ("", [], [], [])
    assert (told["key"], told["version"]) == ("key", "1")
    assert told["created_at"] == told["updated_at"] == "2026-03-02T12:00:00Z"
    assert told["join_url"].startswith(f"{BASE}/m/{told['id']}?k=")


def test_key_makes_one_meeting(desk: Desk) -> None:
    """A repeated create yields the meeting as it is now; after a delete the key is free."""
    first = desk.made("a")
    renamed = read(desk.ask("PUT", f"/meetings/{first['id']}", {**BODY, "title": "New"}))

    again = desk.ask("POST", "/meetings", BODY, idempotency_key="a")

    assert (again.status, read(again)) == (200, renamed)
    desk.ask("DELETE", f"/meetings/{first['id']}")
    assert desk.ask("POST", "/meetings", BODY, idempotency_key="a").status == 201


def test_no_key_makes_new_meetings(desk: Desk) -> None:
    """Without a key every create makes another meeting."""
    made = [read(desk.ask("POST", "/meetings", BODY))["id"] for _ in range(2)]

    assert made[0] != made[1]


def test_put_replaces_everything(desk: Desk) -> None:
    """What a PUT leaves out takes its default; identity and join URL stay."""
    made = desk.made(agenda="Long")
    desk.now += timedelta(minutes=1)

    put = read(desk.ask("PUT", f"/meetings/{made['id']}", {**BODY, "title": "New"}, if_match='"1"'))

    assert put == {**made, "agenda": "", "title": "New", "version": "2", "updated_at": "2026-03-02T12:01:00Z"}


def test_put_of_the_same_changes_nothing(desk: Desk) -> None:
    """Writing what is there already makes no version and no webhook."""
    made = desk.made()
    before = len(desk.server.due_pushes())

    assert read(desk.ask("PUT", f"/meetings/{made['id']}", {**BODY, "start": "2026-10-20T10:00:00+02:00"})) == made
    assert len(desk.server.due_pushes()) == before


@pytest.mark.parametrize(("if_match", "status"), [('"1"', 412), ('"2"', 200), ("*", 200), ("2", 412), ('W/"2"', 412)])
def test_if_match(desk: Desk, if_match: str, status: int) -> None:
    """A condition on another version, or a badly written one, keeps the meeting as it is."""
    made = desk.made()
    path = f"/meetings/{made['id']}"
    desk.ask("PUT", path, {**BODY, "title": "Second"})

    assert desk.ask("PUT", path, {**BODY, "title": "Third"}, if_match=if_match).status == status
    assert read(desk.ask("GET", path))["title"] == ("Third" if status == 200 else "Second")


def test_delete_then_gone(desk: Desk) -> None:
    """A deleted meeting is gone for every call, and its page says so."""
    made = desk.made()
    path = f"/meetings/{made['id']}"

    assert desk.ask("DELETE", path).status == 204
    assert [desk.ask(method, path, BODY).status for method in ("GET", "PUT", "DELETE")] == [404, 404, 404]
    assert read(desk.ask("GET", "/meetings?key=key"))["meetings"] == []
    assert desk.server.handle(Request("GET", f"/m/{made['id']}", {"k": made["join_url"][-6:]})).status == 404


@given(st.integers(0, 12), st.integers(1, 5))
def test_pages_hold_each_meeting_once(meetings: int, limit: int) -> None:
    """Whatever the page's size, the pages hold every meeting once, and the last one says that it is."""
    desk = Desk()
    made = [desk.made(str(number))["id"] for number in range(meetings)]
    seen, after = [], ""
    while True:
        page = read(desk.ask("GET", f"/meetings?limit={limit}&after={after}"))
        seen += [meeting["id"] for meeting in page["meetings"]]
        if page["next"] is None:
            break
        assert len(page["meetings"]) == limit
        after = page["next"]
    desk.server.close()

    assert seen == sorted(made)


CHANGED = {
    "no title": {"title": ""},
    "title too long": {"title": "x" * 201},
    "title of another type": {"title": 7},
    "null": {"title": None},
    "agenda too long": {"agenda": "x" * 8193},
    "no offset": {"start": "2026-10-20T08:00:00"},
    "no time": {"start": "tomorrow"},
    "end before start": {"end": "2026-10-20T07:00:00Z"},
    "no length": {"end": BODY["start"]},
    "centuries away": {"end": "9999-12-31T23:59:59-12:00"},
    "long ago": {"start": "0001-01-01T00:00:00+14:00"},
    "no zone": {"time_zone": "Mars/Olympus"},
    "zone outside": {"time_zone": "../../etc/passwd"},
    "no rule": {"recurrence": ["FREQ=DAILY"]},
    "exception without times": {"exceptions": [{"original_start": BODY["start"]}]},
    "no address": {"attendees": [{"name": "Bo"}]},
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED.keys())
def test_bad_fields(desk: Desk, change: dict[str, Any]) -> None:
    """A field outside its limits is a 400 that names it, and nothing is made."""
    response = desk.ask("POST", "/meetings", {**BODY, **change})

    assert response.status == 400
    assert read(response)["error"]["code"] == "invalid"
    assert read(desk.ask("GET", "/meetings"))["meetings"] == []


REQUESTS: dict[str, tuple[int, str, str, object, dict[str, str]]] = {
    "no token": (401, "GET", "/meetings", None, {"authorization": ""}),
    "wrong token": (401, "GET", "/meetings", None, {"authorization": "Bearer tokem"}),
    "token not ASCII": (401, "GET", "/meetings", None, {"authorization": "Bearer é"}),
    "not JSON": (400, "POST", "/meetings", b"{", {}),
    "not UTF-8": (400, "POST", "/meetings", b'{"title": "\xff"}', {}),
    "no body": (400, "POST", "/meetings", b"", {}),
    "too large": (413, "POST", "/meetings", b" " * 1_100_000, {}),
    "key too long": (400, "POST", "/meetings", BODY, {"idempotency_key": "x" * 201}),
    "no such verb": (405, "PATCH", "/meetings", BODY, {}),
    "no such verb for one": (405, "POST", "/meetings/x", BODY, {}),
    "deeper": (404, "GET", "/meetings/x/y", None, {}),
    "bad limit": (400, "GET", "/meetings?limit=-1", None, {}),
    "no such page": (404, "GET", "/nothing", None, {}),
    "page by POST": (405, "POST", "/", None, {}),
    "no such control": (404, "POST", "/control/nothing", {}, {}),
    "bad fault": (400, "POST", "/control/faults", {"status": 200}, {}),
    "bad pattern": (400, "POST", "/control/faults", {"path": "("}, {}),
    "bad times": (400, "POST", "/control/faults", {"times": 0, "status": 503}, {}),
    "bad delay": (400, "POST", "/control/faults", {"delay_ms": -1}, {}),
    "edit of none": (404, "POST", "/control/meetings/x", {"title": "New"}, {}),
}


@pytest.mark.parametrize("case", REQUESTS.values(), ids=REQUESTS.keys())
def test_bad_requests(desk: Desk, case: tuple[int, str, str, object, dict[str, str]]) -> None:
    """Every bad request has its status and says in JSON what is wrong."""
    status, method, path, body, headers = case
    response = desk.ask(method, path, body, **headers)

    assert response.status == status
    assert set(read(response)["error"]) == {"code", "message"}


_ODD = st.none() | st.integers() | st.text() | st.lists(st.text() | st.dictionaries(st.text(), st.text()))
_PATHS = st.sampled_from(["/", "/log", "/meetings", "/meetings/id0000", "/m/id0000", "/control/meetings/id0000"])


@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "X"]),
    _PATHS | st.text().map("/".__add__),
    st.dictionaries(st.sampled_from(["after", "limit", "key", "k", "clear"]), st.text()),
    st.binary() | st.dictionaries(st.sampled_from([*BODY, "recurrence", "exceptions", "attendees"]), _ODD),
)
def test_strangers_get_answers(method: str, path: str, query: dict[str, str], body: object) -> None:
    """Whatever comes in, an answer comes out, and never that the service has failed."""
    desk = Desk()
    desk.made()
    raw = body if isinstance(body, bytes) else json.dumps({**BODY, **body} if isinstance(body, dict) else body).encode()

    response = desk.server.handle(Request(method, path, query, {"authorization": "Bearer token"}, raw))
    desk.server.close()

    assert 200 <= response.status < 500
