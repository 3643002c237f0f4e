"""What each failure of a Calendar call means, fed through the client with the bodies of calendar-contract 10."""

import http.client
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httplib2
import pytest
from google.auth.exceptions import RefreshError, TransportError
from hypothesis import given
from hypothesis import strategies as st

from conference.errors import Gone, Later, LockstepError, Missing, OutcomeUnknown, Refused, Revoked, Stale
from infra.google.calendar import GoogleCalendar
from infra.google.credentials import DevCredentials
from infra.google.errors import retry_after
from infra.google.wire import Answer, NotConnected

CANARY = "canary-71ab"
USER, CALENDAR, EVENT = f"{CANARY}@example.com", f"{CANARY}-calendar", f"{CANARY}-event"
WHEN = datetime(2026, 11, 20, tzinfo=UTC)


class Scripted:
    """A door that answers each request alike, or fails alike, and keeps what was asked."""

    def __init__(self, answer: Answer | Exception) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []

    def request(
        self, uri: str, method: str = "GET", body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Keep method and address, and answer as told."""
        del body, headers
        self.asked.append((method, uri))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


Call = Callable[[GoogleCalendar], object]

READS: dict[str, Call] = {
    "calendar": lambda c: c.calendar(USER, CALENDAR),
    "changes": lambda c: c.changes(USER, CALENDAR, token=CANARY),
    "get": lambda c: c.get(USER, CALENDAR, EVENT),
    "find": lambda c: c.find(USER, CALENDAR, CANARY),
    "upcoming": lambda c: c.upcoming(USER, CALENDAR, since=WHEN, until=WHEN + timedelta(days=1)),
}
WRITES: dict[str, Call] = {
    "insert": lambda c: c.insert(USER, CALENDAR, {"summary": CANARY}),
    "patch": lambda c: c.patch(USER, CALENDAR, EVENT, {"summary": CANARY}, etag=f'"{CANARY}"'),
    "delete": lambda c: c.delete(USER, CALENDAR, EVENT),
    "watch": lambda c: c.watch(USER, CALENDAR, channel="c", secret=CANARY, address=CANARY, life=60),
}
STOP: Call = lambda c: c.stop(USER, channel=CANARY, resource_id="r")  # noqa: E731 - stands beside the tables above
REPEATABLE = {**READS, "stop": STOP}
ALL = {**REPEATABLE, **WRITES}


def answer(status: int, body: object = b"", **headers: str) -> Answer:
    """An HTTP answer as httplib2 hands it over."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httplib2.Response({"status": str(status), **named}), content


def problem(reason: str, status: int, message: str = CANARY, **detail: str) -> Answer:
    """Google's envelope of an error."""
    error = {"domain": "global", "reason": reason, "message": message, **detail}
    return answer(status, {"error": {"errors": [error], "code": status, "message": message}})


def outcome(call: Call, given_answer: Answer | Exception) -> LockstepError | object:
    """What the call raises, or returns."""
    with GoogleCalendar(DevCredentials, http=lambda _: Scripted(given_answer)) as calendar:
        try:
            return call(calendar)
        except LockstepError as error:
            return error


def later(wait: timedelta | None = None) -> tuple[type[LockstepError], object]:
    """Expect Later with this wait."""
    return (Later, wait)


REAL_QUOTA = {
    "error": {
        "code": 403,
        "message": "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'.",
        "errors": [{"message": "Quota exceeded", "domain": "usageLimits", "reason": "rateLimitExceeded"}],
        "status": "PERMISSION_DENIED",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED", "metadata": {}},
            {"@type": "type.googleapis.com/google.rpc.Help", "links": [{"description": "x", "url": "https://x"}]},
        ],
    }
}


@pytest.mark.parametrize("call", [READS["get"], WRITES["patch"], WRITES["insert"], WRITES["watch"], STOP])
@pytest.mark.parametrize(
    ("given_answer", "kind"),
    [
        (problem("userRateLimitExceeded", 403), Later),
        (problem("rateLimitExceeded", 403), Later),
        (problem("rateLimitExceeded", 429), Later),
        (problem("quotaExceeded", 403), Later),
        (problem("calendarUsageLimitsExceeded", 403), Later),
        (problem("dailyLimitExceeded", 403), Later),
        (problem("accessNotConfigured", 403), Later),
        (problem("conflict", 409), Later),
        (answer(403, REAL_QUOTA), Later),
        (answer(429), Later),
        (problem("authError", 401), Revoked),
        (answer(401), Revoked),
        (problem("insufficientPermissions", 403), Revoked),
        (problem("notACalendarUser", 403), Revoked),
        (problem("forbiddenForNonOrganizer", 403), Refused),
        (problem("requiredAccessLevel", 403), Refused),
        (problem("forbiddenForServiceAccounts", 403), Refused),
        (problem("push.webhookUrlUnauthorized", 401), Refused),
        (problem("push.webhookUrlNotHttps", 400), Refused),
        (problem("pushNotSupportedForRequestedResource", 400), Refused),
        (problem("channelIdNotUnique", 400), Refused),
        (problem("timeRangeEmpty", 400, locationType="parameter", location="timeMax"), Refused),
        (problem("invalid", 400), Refused),
        (problem("duplicate", 409), Refused),
        (answer(400), Refused),
        (answer(403), Refused),
        (answer(302, b"", location="https://elsewhere.example"), Refused),
        (problem("conditionNotMet", 412, locationType="header", location="If-Match"), Stale),
        (answer(412), Stale),
    ],
)
def test_same_for_every_call(call: Call, given_answer: Answer, kind: type[LockstepError]) -> None:
    """Quota, consent, refusal and stale versions mean the same whatever was asked; none of them did anything."""
    assert type(outcome(call, given_answer)) is kind


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 408])
@pytest.mark.parametrize("body", [b"", b"<html>bad gateway</html>", problem("backendError", 500)[1]])
def test_server_errors(status: int, body: bytes) -> None:
    """A failing server leaves a read undone and a write in doubt, conditional or not."""
    assert {name: type(outcome(call, answer(status, body))) for name, call in ALL.items()} == {
        **dict.fromkeys(REPEATABLE, Later),
        **dict.fromkeys(WRITES, OutcomeUnknown),
    }


GONE_404 = {
    "calendar": Missing.CALENDAR,
    "changes": Missing.CALENDAR,
    "find": Missing.CALENDAR,
    "upcoming": Missing.CALENDAR,
    "insert": Missing.CALENDAR,
    "watch": Missing.CALENDAR,
    "get": Missing.EVENT,
    "patch": Missing.EVENT,
    "delete": None,
    "stop": None,
}


@pytest.mark.parametrize("given_answer", [problem("notFound", 404), answer(404), answer(404, b"<html>")])
def test_not_found(given_answer: Answer) -> None:
    """A 404 is about the calendar or about the event, by what was asked; for delete and stop it is success."""
    found = {name: outcome(call, given_answer) for name, call in ALL.items()}

    assert {name: error.what if isinstance(error, Gone) else error for name, error in found.items()} == GONE_404


@pytest.mark.parametrize(
    ("name", "given_answer", "what"),
    [
        ("changes", problem("fullSyncRequired", 410, location="syncToken"), Missing.TOKEN),
        ("changes", problem("updatedMinTooLongAgo", 410, location="updatedMin"), Missing.TOKEN),
        ("changes", answer(410), Missing.TOKEN),
        ("changes", problem("invalid", 400, "Invalid sync token value."), Missing.TOKEN),
        ("changes", problem("invalid", 400, "Invalid Value", location="syncToken"), Missing.TOKEN),
        ("changes", problem("invalid", 400, "Invalid Value", location="pageToken"), Missing.TOKEN),
        ("changes", problem("invalid", 400, "Invalid page token value."), Missing.TOKEN),
        ("get", problem("deleted", 410), Missing.EVENT),
        ("patch", problem("deleted", 410), Missing.EVENT),
        ("patch", answer(410), Missing.EVENT),
    ],
)
def test_gone(name: str, given_answer: Answer, what: Missing) -> None:
    """410 and garbage tokens say what is no more: the token a list started from, or the event itself."""
    error = outcome(ALL[name], given_answer)

    assert isinstance(error, Gone)
    assert error.what is what


@pytest.mark.parametrize("call", [WRITES["delete"], STOP])
@pytest.mark.parametrize("given_answer", [problem("deleted", 410), answer(410), problem("notFound", 404), answer(204)])
def test_already_gone_is_success(call: Call, given_answer: Answer) -> None:
    """Deleting the deleted and stopping the stopped succeed, so that both may be repeated for ever."""
    assert outcome(call, given_answer) is None


def test_restriction_error_is_a_refusal() -> None:
    """A token sent together with what it forbids is our mistake: a full pass would not cure it."""
    given_answer = problem("syncTokenWithRequestRestrictions", 400, "Sync token cannot be used", location="syncToken")

    assert type(outcome(READS["changes"], given_answer)) is Refused


@pytest.mark.parametrize(
    ("failure", "read", "write"),
    [
        (NotConnected("TimeoutError"), Later, Later),
        (ConnectionRefusedError(111, CANARY), Later, Later),
        (httplib2.ServerNotFoundError(CANARY), Later, Later),
        (TransportError(CANARY), Later, Later),
        (RefreshError(CANARY, retryable=True), Later, Later),
        (RefreshError("invalid_grant", {"error": CANARY}), Revoked, Revoked),
        (TimeoutError(CANARY), Later, OutcomeUnknown),
        (ConnectionResetError(104, CANARY), Later, OutcomeUnknown),
        (BrokenPipeError(32, CANARY), Later, OutcomeUnknown),
        (OSError(CANARY), Later, OutcomeUnknown),
        (http.client.IncompleteRead(CANARY.encode()), Later, OutcomeUnknown),
        (http.client.BadStatusLine(CANARY), Later, OutcomeUnknown),
        (httplib2.HttpLib2Error(CANARY), Later, OutcomeUnknown),
        (ValueError(CANARY), Refused, Refused),
    ],
)
def test_no_answer(failure: Exception, read: type[LockstepError], write: type[LockstepError]) -> None:
    """What was never sent may be sent again; a read may be read again; a write that got no answer is in doubt."""
    assert {name: type(outcome(call, failure)) for name, call in ALL.items()} == {
        **dict.fromkeys(REPEATABLE, read),
        **dict.fromkeys(WRITES, write),
    }


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{", b"\xff\xfe", b'{"items": 5, "expiration": "x"}'])
def test_success_that_cannot_be_read(body: bytes) -> None:
    """A 200 that is no answer of Calendar's leaves a read undone and a write in doubt."""
    calls = {name: call for name, call in ALL.items() if name not in {"delete", "stop", "get"}}
    kinds = {name: type(outcome(call, answer(200, body))) for name, call in calls.items()}

    assert kinds == {name: OutcomeUnknown if name in WRITES else Later for name in calls}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("7", timedelta(seconds=7)),
        (" 120 ", timedelta(minutes=2)),
        ("0", timedelta(0)),
        ("Fri, 20 Nov 2026 10:00:00 GMT", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("Fri, 20 Nov 2026 10:00:00 -0000", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("-5", None),
        ("1e9", None),
        ("9" * 40, None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after(header: str, expected: object) -> None:
    """Retry-After is honoured as seconds or as a date, and passed over when it is neither."""
    given_answer = answer(429, retry_after=header)
    error = outcome(READS["get"], given_answer)

    assert isinstance(error, Later)
    assert error.after == expected


@pytest.mark.parametrize("reason", ["quotaExceeded", "dailyLimitExceeded", "accessNotConfigured"])
def test_long_quotas_wait_long(reason: str) -> None:
    """A used-up day is not asked again every minute, unless Google names the wait."""
    plain, named = outcome(READS["get"], problem(reason, 403)), problem(reason, 403)
    named[0]["retry-after"] = "5"
    told = outcome(READS["get"], named)

    assert isinstance(plain, Later)
    assert isinstance(told, Later)
    assert (plain.after, told.after) == (timedelta(hours=1), timedelta(seconds=5))


@given(st.text(max_size=80))
def test_no_retry_after_breaks_anything(text: str) -> None:
    """Any header text is read or passed over, and an instant is always aware."""
    read = retry_after({"Retry-After": text})

    assert read is None or isinstance(read, timedelta) or read.tzinfo is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "errors", "reason", "message", "details", "status"]), inner)
    ),
    max_leaves=8,
)


@given(status=st.integers(300, 599), body=st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_error_body_breaks_anything(status: int, body: bytes) -> None:
    """Whatever stands in an error's body, a call ends in an error of the house that names call and status."""
    error = outcome(READS["get"], answer(status, body))

    assert isinstance(error, LockstepError)
    assert error.where is not None
    assert (error.where.system, error.where.operation, error.where.status) == ("calendar", "events.get", status)


EVERY_FAILURE: list[Any] = [
    problem("forbiddenForNonOrganizer", 403),
    problem(f"{CANARY} reason\nforged", 403),
    problem("notFound", 404),
    problem("fullSyncRequired", 410),
    problem("conditionNotMet", 412),
    problem("backendError", 500),
    answer(200, f'{{"id": {{"{CANARY}": 1}}, "items": "{CANARY}"}}'.encode()),
    answer(500, CANARY.encode(), retry_after=CANARY, location=CANARY),
    TimeoutError(CANARY),
    RefreshError(CANARY),
    ValueError(CANARY),
]


@pytest.mark.parametrize("call", ALL.values(), ids=ALL)
@pytest.mark.parametrize("failure", EVERY_FAILURE)
def test_errors_tell_nothing(call: Call, failure: Answer | Exception) -> None:
    """No error holds an address, a title, a token or a body, and none drags the client's own exception along."""
    error = outcome(call, failure)

    if isinstance(error, LockstepError):
        assert CANARY not in f"{error} {error!r} {error.where} {error.args} {getattr(error, 'after', None)}"
        assert (error.__cause__, error.__context__) == (None, None)


@pytest.mark.parametrize("call", ALL.values(), ids=ALL)
def test_nothing_is_repeated(call: Call) -> None:
    """A failing call was made once; whether to make it again is for the caller to say."""
    door = Scripted(problem("backendError", 503))
    with GoogleCalendar(DevCredentials, http=lambda _: door) as calendar, pytest.raises(LockstepError):
        call(calendar)

    assert len(door.asked) == 1
