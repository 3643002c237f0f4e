"""Routing and checks by Google's own description of the API (contract 1.1, 1.2, 2.1, 14)."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from infra.local.calendar.discovery import discovery
from infra.local.calendar.messages import Request, Response
from infra.local.calendar.printing import packed
from infra.local.calendar.server import METHODS
from tests.contract.calendar_server.desk import ALICE, Desk, ids, plain, read, refused

EVENTS = f"/calendar/v3/calendars/{ALICE}/events"
SERVED = {
    "acl": ("delete", "get", "insert", "list", "patch", "update", "watch"),
    "calendarList": ("delete", "get", "insert", "list", "patch", "update", "watch"),
    "calendars": ("clear", "delete", "get", "insert", "patch", "transferOwnership", "update"),
    "channels": ("stop",),
    "colors": ("get",),
    "events": ("delete", "get", "import", "insert", "instances", "list", "move", "patch", "update", "watch"),
    "freebusy": ("query",),
    "settings": ("get", "list", "watch"),
}
NOT_SERVED = ("calendar.events.quickAdd",)
ALL = sorted([f"calendar.{group}.{name}" for group, names in SERVED.items() for name in names] + [*NOT_SERVED])
DOCUMENTED = {method.id: method for methods in discovery().methods.values() for method in methods}


def call(desk: Desk, method_id: str) -> Response:
    """Call a method with made-up ids and an empty body."""
    method = DOCUMENTED[method_id]
    path = method.pattern.pattern
    for name in method.pattern.groupindex:
        path = path.replace(f"(?P<{name}>[^/]+)", ALICE if name == "calendarId" else "nothing")
    return desk.raw(method.http_method, f"/calendar/v3/{path}", {}, query={"text": ["x"], "destination": [ALICE]})


def test_the_table_of_methods_is_complete() -> None:
    """14: each of the 38 methods of Google's description stands above, as served or not."""
    assert len(ALL) == 38
    assert sorted(DOCUMENTED) == ALL
    assert sorted(METHODS) == sorted(set(ALL) - set(NOT_SERVED))


@pytest.mark.parametrize("method_id", ALL)
def test_each_method_is_served_or_says_that_it_is_not(desk: Desk, method_id: str) -> None:
    """14: 501 names the method; every other one is answered by what serves it, never by a crash."""
    answer = call(desk, method_id)

    assert (answer.status == 501) is (method_id in NOT_SERVED)
    assert answer.status in {200, 204, 400, 403, 404, 410, 501}
    if answer.status == 501:
        assert method_id in read(answer)["error"]["message"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_path_of_nothing_is_not_found_whatever_the_method(desk: Desk, method: str) -> None:
    """10.1: 404 with Google's body."""
    answer = desk.raw(method, "/calendar/v3/calendars/primary/meetings", {})

    assert (answer.status, read(answer)["error"]["errors"][0]["reason"]) == (404, "notFound")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alt", "media"),
        ("alt", "xml"),
        ("maxResults", "0"),
        ("maxResults", "many"),
        ("maxAttendees", "0"),
        ("singleEvents", "perhaps"),
        ("orderBy", "size"),
        ("eventTypes", "party"),
        ("timeMin", "2026-01-01"),
        ("timeMax", "2026-01-01T00:00:00"),
        ("prettyPrint", "nicely"),
        ("quotaUser", "x" * 41),
        ("fields", "items(id"),
        ("fields", "items/nothing"),
    ],
)
def test_a_parameter_that_breaks_its_description_is_refused_by_name(desk: Desk, name: str, value: str) -> None:
    """1.1.2, 2.1: types, enums, ranges; 400 `invalid` with the parameter as location."""
    answer = desk.raw("GET", EVENTS, query={name: [value]})
    detail = read(answer)["error"]["errors"][0]

    assert (answer.status, detail["reason"]) == (400, "invalid")
    assert (detail["locationType"], detail["location"]) == ("parameter", name)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [("POST", f"{EVENTS}/x/move", "destination"), ("POST", f"{EVENTS}/quickAdd", None)],
)
def test_a_required_parameter_is_asked_for(desk: Desk, method: str, path: str, name: str | None) -> None:
    """10.1: 400 `required`; a method that is not served says so before it looks at anything."""
    answer = desk.raw(method, path)
    detail = read(answer)["error"]["errors"][0]

    assert (answer.status, detail["reason"]) == ((400, "required") if name else (501, "notImplemented"))
    assert detail.get("location") == name


def test_unknown_parameters_are_passed_over_unless_a_knob_refuses_them(desk: Desk) -> None:
    """14: Google passes them over; a developer may want their misspelling to be told."""
    query = {"singelEvents": ["true"]}
    passed = desk.raw("GET", EVENTS, query=query)
    desk.control("knobs", refuseUnknownParameters=True)
    answer = desk.raw("GET", EVENTS, query=query)

    assert passed.status == 200
    assert answer.status == 400
    assert "singelEvents" in read(answer)["error"]["message"]
    assert desk.page()["items"] == []  # what Google's client sends of itself is known


def test_a_bad_mask_writes_nothing(desk: Desk) -> None:
    """1.2.1: the mask is checked before the call is carried out."""
    request = desk.events().insert(calendarId="primary", body=plain(), fields="id,nothing")

    assert refused(request) == (400, "invalid")
    assert desk.page()["items"] == []


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("kind", {"kind": "calendar#events"}),
        ("items/id", {"items": [{"id": "event1"}]}),
        ("items(id,organizer/email)", {"items": [{"id": "event1", "organizer": {"email": ALICE}}]}),
        ("items(id,attendees(email,self))", {"items": [{"id": "event1"}]}),
        ("items(organizer(*))", {"items": [{"organizer": {"email": ALICE, "self": True}}]}),
        ("items/*/email", {"items": [{"creator": {"email": ALICE}, "organizer": {"email": ALICE}}]}),
        ("kind,items(start/dateTime)", {"kind": "calendar#events", "items": [{"start": {"dateTime": "T"}}]}),
        ("items(extendedProperties/private/a)", {"items": [{"extendedProperties": {"private": {"a": "1"}}}]}),
        ("items/id,items/status", {"items": [{"id": "event1", "status": "confirmed"}]}),
        ("*/id", {"items": [{"id": "event1"}]}),
    ],
)
def test_masks_leave_what_they_name(desk: Desk, mask: str, expected: dict[str, Any]) -> None:
    """1.2.1: paths, sub-selections, wildcards; parents are included."""
    desk.insert(id="event1", extendedProperties={"private": {"a": "1", "b": "2"}})
    page = desk.page(fields=mask)
    for item in page.get("items", []):
        if "start" in item:
            item["start"]["dateTime"] = "T"
        if mask.startswith("items/*"):
            for name in ("start", "end", "reminders", "extendedProperties"):
                item.pop(name, None)
    page.pop("defaultReminders", None)

    assert page == expected


@pytest.mark.parametrize("mask", ["items(", "items)", "/id", "items//id", "items(id))", "a b", "items(id)x", ",", "()"])
def test_a_mask_that_cannot_be_read_is_quoted(desk: Desk, mask: str) -> None:
    """1.2.1: 400 "Invalid field selection ..."."""
    answer = desk.raw("GET", EVENTS, query={"fields": [mask]})

    assert answer.status == 400
    assert read(answer)["error"]["message"] == f"Invalid field selection {mask}"


@pytest.mark.parametrize(("wish", "indented"), [(None, True), ("true", True), ("false", False), ("0", False)])
def test_answers_are_indented_unless_the_caller_says_no(desk: Desk, wish: str | None, *, indented: bool) -> None:
    """1.1.2: prettyPrint, true by default, changes nothing but the spaces; errors too."""
    query = {"prettyPrint": [wish]} if wish else {}
    answer = desk.raw("GET", EVENTS, query=query)
    error = desk.raw("GET", f"{EVENTS}/nothing", query=query)

    assert (b"\n" in answer.body.strip(), b"\n" in error.body.strip()) == (indented, indented)
    assert json.loads(answer.body)["kind"] == "calendar#events"


@pytest.mark.parametrize(
    ("accepts", "agent", "is_packed"),
    [
        ("gzip, deflate", "my program (gzip)", True),
        ("GZIP", "GZip", True),
        ("gzip", "my program", False),
        ("identity", "my program (gzip)", False),
    ],
)
def test_answers_are_packed_for_who_says_it_twice(accepts: str, agent: str, *, is_packed: bool) -> None:
    """1.2.4: Accept-Encoding and a User-Agent that contains gzip."""
    body = json.dumps({"items": ["x" * 500]}).encode()
    request = Request("GET", EVENTS, {}, {"accept-encoding": accepts, "user-agent": agent})
    answer = packed(request, Response(200, {}, body))

    assert (answer.headers.get("content-encoding") == "gzip") is is_packed
    assert (gzip.decompress(answer.body) if is_packed else answer.body) == body


@pytest.mark.parametrize(
    ("override", "way", "status"), [("PATCH", "POST", 200), ("DELETE", "POST", 204), ("PATCH", "GET", 200)]
)
def test_a_method_can_be_overridden_on_a_post_only(desk: Desk, override: str, way: str, status: int) -> None:
    """1.1.4: on a GET the header means nothing."""
    desk.insert(id="event1", summary="old")
    headers = {"authorization": f"Bearer dev:{ALICE}", "x-http-method-override": override}
    answer = desk.raw(way, f"{EVENTS}/event1", {"summary": "new"}, headers=headers)
    summary = desk.get("event1").get("summary")

    assert answer.status == status
    assert summary == ("new" if (override, way) == ("PATCH", "POST") else "old")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"attendees": {"email": "x"}}, "Invalid value for: attendees"),
        ({"start": {"dateTime": 5}}, "Invalid value for: start.dateTime"),
        ({"reminders": {"overrides": [{"minutes": "ten"}]}}, "Invalid value for: reminders.overrides[].minutes"),
        ({"guestsCanModify": "yes"}, "Invalid value for: guestsCanModify"),
        ({"extendedProperties": {"private": {"secret": 5}}}, "Invalid value for: extendedProperties.private.*"),
    ],
)
def test_a_body_that_breaks_its_schema_is_refused_by_field_never_by_value(
    desk: Desk, body: dict[str, Any], message: str
) -> None:
    """10.1: 400 `invalid`; what the caller sent is not repeated."""
    answer = desk.raw("POST", EVENTS, {**plain(), **body})

    assert (answer.status, read(answer)["error"]["message"]) == (400, message)


def test_equal_seeds_and_requests_give_equal_answers() -> None:
    """14: ids, etags, tokens and drawn faults."""

    def told(desk: Desk) -> list[bytes]:
        desk.raw("POST", "/control/reset", {"seed": 7})
        desk.control("faults", status=503, share=0.5, forever=True)
        answers = [desk.raw("POST", EVENTS, plain()) for _ in range(10)]
        return [answer.body for answer in [*answers, desk.raw("GET", EVENTS)]]

    one, other = told(Desk(seed=1)), told(Desk(seed=2))
    assert one == other
    assert one != told_with(8)


def told_with(seed: int) -> list[bytes]:
    """What a server of another seed answers."""
    desk = Desk()
    desk.raw("POST", "/control/reset", {"seed": seed})
    return [desk.raw("POST", EVENTS, plain()).body for _ in range(11)]


def test_the_desk_sees_its_events(desk: Desk) -> None:
    """1.1.3: `primary` is answered with the address, percent-encoded or not."""
    event = desk.insert()["id"]
    encoded = desk.raw("GET", EVENTS.replace("@", "@"))

    assert ids(read(encoded)["items"]) == [event]
