"""The control routes, faults, quota, authentication and routing (contract 10, 14)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.calendar_server.desk import ALICE, BOB, Desk, ids, plain, read, refused, run, whole_refusal

EVENTS = f"/calendar/v3/calendars/{ALICE}/events"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer ya29.real"},
        {"authorization": "Basic dev:a@b"},
        {"authorization": "Bearer dev:nobody"},
    ],
)
def test_a_foreign_bearer_is_refused(desk: Desk, headers: dict[str, str]) -> None:
    """10.2: 401 with Google's body."""
    answer = desk.raw("GET", EVENTS, headers=headers)
    detail = {"domain": "global", "reason": "authError", "message": "Invalid Credentials"}

    assert answer.status == 401
    assert read(answer) == {
        "error": {
            "errors": [{**detail, "locationType": "header", "location": "Authorization"}],
            "code": 401,
            "message": "Invalid Credentials",
        }
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/calendar/v3/", 404),
        ("GET", "/calendar/v3/nothing", 404),
        ("GET", "/calendar/v4/calendars/primary", 404),
        ("DELETE", EVENTS, 404),
        ("GET", "/calendar/v3/calendars//events", 404),
        ("POST", "/calendar/v3/calendars/primary/events/quickAdd", 501),
        ("GET", "/control/nothing", 404),
    ],
)
def test_unknown_paths_are_404_and_unserved_methods_501(desk: Desk, method: str, path: str, status: int) -> None:
    """A method of Google's that is not served says so by name."""
    answer = desk.raw(method, path, query={"text": ["x"]})

    assert answer.status == status
    if status == 501:
        assert "calendar." in read(answer)["error"]["message"]


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (403, None, ("usageLimits", "rateLimitExceeded", "Rate Limit Exceeded")),
        (403, "userRateLimitExceeded", ("usageLimits", "userRateLimitExceeded", "User Rate Limit Exceeded")),
        (403, "quotaExceeded", ("usageLimits", "quotaExceeded", "Calendar usage limits exceeded.")),
        (429, None, ("usageLimits", "rateLimitExceeded", "Rate Limit Exceeded")),
        (500, None, ("global", "backendError", "Backend Error")),
        (503, None, ("global", "backendError", "Backend Error")),
        (404, None, ("global", "notFound", "Not Found")),
        (412, None, ("global", "conditionNotMet", "Precondition Failed")),
        (
            410,
            "fullSyncRequired",
            ("calendar", "fullSyncRequired", "Sync token is no longer valid, a full sync is required."),
        ),
    ],
)
def test_faults_are_worded_as_google_words_them(
    desk: Desk, status: int, reason: str | None, expected: tuple[str, str, str]
) -> None:
    """10.2: domain, reason, message; once, then all is well."""
    desk.control("faults", path="/events$", status=status, **({"reason": reason} if reason else {}))
    found, _, body = whole_refusal(desk.events().list(calendarId="primary"))
    detail = body["error"]["errors"][0]

    assert found == body["error"]["code"] == status
    assert (detail["domain"], detail["reason"], detail["message"]) == expected
    assert desk.page()["items"] == []


def test_a_fault_hits_only_what_it_names(desk: Desk) -> None:
    """Method and path both; others pass, and the count goes down with each hit."""
    desk.control("faults", method="PATCH", path=f"calendars/{ALICE}/events/.*", times=2, status=503, skip=1)
    event = desk.insert()["id"]

    def request() -> Any:
        return desk.events().patch(calendarId=ALICE, eventId=event, body={"summary": "x"})

    run(request())
    assert [refused(request())[0] for _ in range(2)] == [503, 503]
    assert run(request())["summary"] == "x"


def test_a_fault_can_lose_the_answer_of_a_write_that_was_done(desk: Desk) -> None:
    """F16: after_apply."""
    desk.control("faults", method="POST", path="events", status=500, after_apply=True)
    lost = refused(desk.events().insert(calendarId="primary", body={**plain(), "id": "done0"}))

    assert lost == (500, "backendError")
    assert ids(desk.page()["items"]) == ["done0"]


@pytest.mark.parametrize("wait", [7, "Fri, 20 Nov 2026 10:00:07 GMT", "absurd"])
def test_a_fault_can_name_a_wait(desk: Desk, wait: int | str) -> None:
    """F14: Retry-After in seconds, as a date, absurd."""
    desk.control("faults", status=429, retry_after=wait)

    assert desk.raw("GET", EVENTS).headers["retry-after"] == str(wait)


def test_a_fault_can_only_slow(desk: Desk) -> None:
    """The core says how long; whoever serves it waits."""
    desk.control("faults", delay_ms=250)
    answer = desk.raw("GET", EVENTS)

    assert (answer.status, answer.delay) == (200, 0.25)


def test_the_quota_of_a_minute_slides_and_patches_count_three(desk: Desk) -> None:
    """10.3, 10.4: the real per-user body; per user, for a minute."""
    event = desk.insert()["id"]
    desk.control("knobs", perMinute=5)
    desk.patch(event, summary="x")
    run(desk.events().get(calendarId="primary", eventId=event))
    refusal = desk.events().patch(calendarId="primary", eventId=event, body={"summary": "y"})
    status, reason, body = whole_refusal(refusal)
    others = desk.page(BOB)["items"]
    desk.advance(61)

    assert (status, reason, body["error"]["status"]) == (403, "rateLimitExceeded", "PERMISSION_DENIED")
    assert body["error"]["details"][0]["metadata"]["quota_limit_value"] == "5"
    assert others == []
    assert desk.patch(event, summary="y")["summary"] == "y"


def test_the_clock_can_be_set_and_moved(desk: Desk) -> None:
    """Time goes on from where it was set; events are stamped by it."""
    desk.control("clock", now="2027-01-01T00:00:00+01:00")
    desk.advance(1)
    desk.control("clock", advance_seconds=59)

    assert read(desk.raw("GET", "/control/clock")) == {"now": "2026-12-31T23:01:00.000Z"}
    assert desk.insert()["updated"] == "2026-12-31T23:01:00.000Z"


def test_a_reset_forgets_everything(desk: Desk) -> None:
    """Calendars, tokens, faults, the clock."""
    event = desk.insert()["id"]
    token = desk.token()
    desk.control("clock", advance_seconds=1000)
    desk.control("faults", status=500, times=9)
    desk.control("reset")

    assert desk.page()["items"] == []
    assert read(desk.raw("GET", "/control/clock"))["now"] == "2026-11-20T10:00:00.000Z"
    assert refused(desk.events().get(calendarId="primary", eventId=event)) == (404, "notFound")
    assert refused(desk.events().list(calendarId="primary", syncToken=token)) == (410, "fullSyncRequired")


def test_every_request_is_noted(desk: Desk) -> None:
    """What a test counts: who, what, under which condition, how it ended; never a body."""
    event = desk.insert(summary="Secret title")["id"]
    request = desk.events(BOB).patch(calendarId="primary", eventId=event, body={"summary": "x"})
    request.headers["If-Match"] = '"1"'
    refused(request)
    noted = read(desk.raw("GET", "/control/requests", query={"clear": ["1"]}))["requests"]
    size = noted[-1].pop("bytes")

    assert noted[-1] == {
        "time": "2026-11-20T10:00:00.000Z",
        "user": BOB,
        "method": "PATCH",
        "path": f"/calendars/primary/events/{event}",
        "query": {"alt": ["json"]},
        "if_match": '"1"',
        "status": 404,
    }
    assert size > 0
    assert "Secret title" not in str(noted)
    assert read(desk.raw("GET", "/control/requests"))["requests"] == []


@pytest.mark.parametrize(
    ("route", "body", "says"),
    [
        ("clock", {}, "either"),
        ("clock", {"now": "2026-01-01T00:00:00Z", "advance_seconds": 1}, "either"),
        ("clock", {"now": "2026-01-01T00:00:00"}, "offset"),
        ("clock", {"now": "soon"}, "now"),
        ("clock", {"now": "9999-12-31T23:59:59Z"}, "8999"),
        ("clock", {"now": "1970-01-01T00:00:00Z"}, "1971"),
        ("clock", {"advance_seconds": -9e9}, "1971"),
        ("clock", {"advance_seconds": 1e300}, "advance_seconds"),
        ("expire-tokens", {}, "calendarId"),
        ("expire-tokens", {"calendarId": "no@example.com"}, "calendar"),
        ("faults", {"status": 200}, "status"),
        ("faults", {"path": "("}, "regular expression"),
        ("faults", {"times": 0}, "times"),
        ("faults", {"stauts": 500}, "stauts"),
        ("push", {"loss": 2}, "loss"),
        ("push", {"silent": "yes"}, "silent"),
        ("knobs", {"tombstones": "rich"}, "tombstones"),
        ("calendars", {"id": "x@example.com", "owner": ALICE}, "timeZone"),
        ("calendars", {"id": "x@example.com", "owner": ALICE, "timeZone": "Mars"}, "timeZone"),
        ("calendars", {"id": "x/y", "owner": ALICE, "timeZone": "UTC"}, "addresses"),
        ("calendars", {"id": "x@e", "owner": ALICE, "timeZone": "UTC", "roles": {BOB: "king"}}, "roles"),
        ("events", {"calendarId": "no@example.com", "event": {"id": "x"}}, "calendar"),
        ("reset", None, ""),
    ],
)
def test_a_bad_control_body_is_refused_with_the_cause(desk: Desk, route: str, body: Any, says: str) -> None:
    """400 with a text that says what was wrong; a reset needs no body at all."""
    answer = desk.raw("POST", f"/control/{route}", body)

    assert answer.status == (400 if says else 200)
    assert says in read(answer).get("error", "")


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"null"])
def test_a_control_body_that_is_no_object_is_refused(desk: Desk, body: bytes) -> None:
    """Not even JSON: 400 all the same."""
    assert desk.raw("POST", "/control/faults", body).status == 400


def test_a_calendar_is_made_once(desk: Desk) -> None:
    """Owner, zone and title as given."""
    made: dict[str, Any] = {"id": "team@example.com", "owner": ALICE, "timeZone": "UTC", "summary": "Team"}
    desk.control("calendars", **made)
    calendar = run(desk.client().calendars().get(calendarId="team@example.com"))

    assert (calendar["summary"], calendar["timeZone"], calendar["dataOwner"]) == ("Team", "UTC", ALICE)
    assert "already" in read(desk.raw("POST", "/control/calendars", made))["error"]
