"""The advanced service over Google's client, against the Calendar server's core."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httplib2
import pytest
from google.auth.exceptions import RefreshError

from conference.errors import Later, LockstepError, OutcomeUnknown, Revoked
from functions import script
from functions.ports import Store
from functions.script.calendar_collections import CalendarService
from functions.script.calendar_service import Events
from functions.script.errors import CalendarApiError
from functions.script.project import Project
from infra.google.api import GoogleApi
from infra.google.credentials import DevCredentials
from infra.google.wire import NotConnected
from infra.local.calendar.inprocess import InProcessHttp
from infra.local.memory import MemoryStore
from tests.unit.script.bench import ALICE, BOB, Bench

Calendar = script.Calendar
BODY = {
    "summary": "Planning",
    "start": {"dateTime": "2026-11-24T10:00:00Z"},
    "end": {"dateTime": "2026-11-24T11:00:00Z"},
}


@pytest.mark.usefixtures("bench")
class TestEvents:
    """Every method does what Google's does."""

    def test_an_events_life(self) -> None:
        """Insert, get, patch, update, list, remove; answers are plain mappings."""
        made = Calendar.events.insert(BODY, "primary")
        assert Calendar.events.get("primary", made["id"])["summary"] == "Planning"
        assert Calendar.events.patch({"summary": "New"}, "primary", made["id"])["start"] == made["start"]
        updated = Calendar.events.update({**BODY, "summary": "Newer"}, "primary", made["id"])
        assert [event["summary"] for event in Calendar.events.list("primary")["items"]] == ["Newer"]
        assert updated["etag"] != made["etag"]
        assert Calendar.events.remove("primary", made["id"]) is None  # type: ignore[func-returns-value]  # the point
        assert Calendar.events.get("primary", made["id"])["status"] == "cancelled"

    def test_series_imports_and_moves(self, bench: Bench) -> None:
        """The less common methods."""
        series = Calendar.events.insert({**BODY, "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"], **_ZONED}, "primary")
        assert len(Calendar.events.instances("primary", series["id"])["items"]) == 3
        imported = Calendar.events.import_({**BODY, "iCalUID": "x@example.com"}, "primary")
        assert imported["iCalUID"] == "x@example.com"
        other = Calendar.calendars.insert({"summary": "Other"})["id"]
        made = Calendar.events.insert(BODY, "primary")
        assert Calendar.events.move("primary", made["id"], other)["status"] == "cancelled"
        assert Calendar.events.get(other, made["id"])["organizer"]["email"] == other
        assert bench.waits == []

    def test_a_sentence_goes_out_as_an_option(self, bench: Bench) -> None:
        """quick_add sends the text beside whatever other options there are."""
        door = _Answering(200, b'{"id": "e1"}')
        api = GoogleApi(DevCredentials, http=lambda _: door)
        with script.running(replace(bench.project(), api=api), user=ALICE):
            assert Calendar.events.quick_add("primary", "Lunch at noon", {"sendUpdates": "none"}) == {"id": "e1"}

        (address,) = door.asked
        assert address.partition("?")[0].endswith("/calendars/primary/events/quickAdd")
        assert set(address.partition("?")[2].split("&")) == {"text=Lunch+at+noon", "sendUpdates=none", "alt=json"}

    def test_options_of_none_are_left_out(self) -> None:
        """As the sample's `options.pageToken = undefined`."""
        options = {"pageToken": None, "syncToken": None, "maxResults": 10, "showDeleted": True}

        assert Calendar.events.list("primary", options)["nextSyncToken"]
        assert options["pageToken"] is None

    def test_pages_and_tokens(self) -> None:
        """Options go out under Google's names, and tokens lead on."""
        for _ in range(3):
            Calendar.events.insert(BODY, "primary")
        first = Calendar.events.list("primary", {"maxResults": 2})
        second = Calendar.events.list("primary", {"maxResults": 2, "pageToken": first["nextPageToken"]})
        assert len(first["items"]) + len(second["items"]) == 3
        assert Calendar.events.list("primary", {"syncToken": second["nextSyncToken"]})["items"] == []

    def test_headers_are_sent(self) -> None:
        """If-Match guards a write, If-None-Match spares a read."""
        made = Calendar.events.insert(BODY, "primary")
        Calendar.events.patch({"summary": "x"}, "primary", made["id"], {}, {"If-Match": made["etag"]})
        for method in (Calendar.events.patch, Calendar.events.update):
            with pytest.raises(script.CalendarApiError) as stale:
                method(BODY, "primary", made["id"], {}, {"If-Match": made["etag"]})
            assert (stale.value.status, stale.value.reason) == (412, "conditionNotMet")
        with pytest.raises(script.CalendarApiError):
            Calendar.events.remove("primary", made["id"], None, {"If-Match": made["etag"]})

    def test_it_acts_as_the_effective_user(self) -> None:
        """What Alice makes is not in Bob's calendar."""
        made = Calendar.events.insert(BODY, "primary")
        with script.as_user(BOB):
            assert Calendar.events.list("primary")["items"] == []
            with pytest.raises(script.CalendarApiError) as missing:
                Calendar.events.get("primary", made["id"])
        assert missing.value.status == 404

    @pytest.mark.parametrize(
        "call",
        [
            lambda: Calendar.events.list(""),
            lambda: Calendar.events.list(None),  # type: ignore[arg-type]  # refused while running
            lambda: Calendar.events.get("primary", 7),  # type: ignore[arg-type]  # refused while running
            lambda: Calendar.events.list("primary", ["maxResults"]),  # type: ignore[arg-type]  # refused while running
            lambda: Calendar.events.list("primary", {}, "If-Match"),  # type: ignore[arg-type]  # refused while running
        ],
    )
    def test_arguments_that_do_not_fit_are_refused(self, call: Callable[[], object]) -> None:
        """With Apps Script's text, before anything is sent."""
        with pytest.raises(TypeError, match=r"^The parameters \(.+\) don't match the method signature for Calendar\."):
            call()

    @pytest.mark.parametrize("options", [{"maxresults": 1}, {"maxResults": "many"}, {"body": {}}])
    def test_options_that_google_does_not_have_are_refused(self, options: dict[str, Any]) -> None:
        """A misspelt option is an error that names it, not silence."""
        with pytest.raises(script.BadValue, match=next(iter(options))):
            Calendar.events.list("primary", options)

    def test_the_other_collections(self, bench: Bench) -> None:
        """Calendars, the calendar list, free and busy times, settings."""
        made = Calendar.calendars.insert({"summary": "Team"})["id"]
        Calendar.calendars.patch({"description": "Ours"}, made)
        Calendar.calendars.update({"summary": "Our team"}, made)
        assert Calendar.calendars.get(made)["summary"] == "Our team"
        Calendar.calendar_list.patch({"selected": False}, made)
        assert Calendar.calendar_list.get(made)["id"] == made
        assert {entry["id"] for entry in Calendar.calendar_list.list()["items"]} >= {ALICE, made}
        Calendar.calendar_list.update({"summaryOverride": "T"}, made)
        rule = {"role": "reader", "scope": {"type": "user", "value": BOB}}
        bench.api.call(ALICE, "acl.insert", {"calendarId": made}, body=rule)
        with script.as_user(BOB):
            Calendar.calendar_list.insert({"id": made})
            Calendar.calendar_list.remove(made)
            assert [entry["id"] for entry in Calendar.calendar_list.list()["items"]] == [BOB]
        Calendar.calendars.remove(made)
        with pytest.raises(script.CalendarApiError):
            Calendar.calendars.get(made)
        asked = {"timeMin": "2026-11-24T00:00:00Z", "timeMax": "2026-11-25T00:00:00Z", "items": [{"id": ALICE}]}
        assert ALICE in Calendar.freebusy.query(asked)["calendars"]
        assert Calendar.settings.list()["items"]
        assert Calendar.settings.get("timezone")["value"]


_ZONED = {
    "start": {"dateTime": "2026-11-24T10:00:00Z", "timeZone": "UTC"},
    "end": {"dateTime": "2026-11-24T11:00:00Z", "timeZone": "UTC"},
}


def test_without_a_user_nothing_is_called() -> None:
    """It fails closed."""
    with script.running(Bench().project()), pytest.raises(script.NoUser):
        Calendar.events.list("primary")


class TestOwnWrites:
    """Whoever follows the calendar hears what the script itself wrote."""

    def test_every_write_is_told(self, bench: Bench) -> None:
        """With the etag it led to; a deletion as cancelled. A move is told of before, and again when it is done."""
        heard: list[tuple[str, str, str, str | None, tuple[str, ...]]] = []

        def note(
            project: Project, user: str, calendar_id: str, event: Mapping[str, Any], fields: Sequence[str]
        ) -> None:
            assert (project.id, event.get("id", made["id"])) == ("script", made["id"])
            state = event.get("etag") if event.get("status") != "cancelled" else None
            heard.append((user, calendar_id, event.get("status", ""), state, tuple(fields)))

        def before_move(
            project: Project, user: str, calendar_id: str, event_id: str, destination: str
        ) -> Callable[[], None]:
            assert (project.id, user, calendar_id, event_id) == ("script", ALICE, "primary", made["id"])
            assert destination == other
            assert calendar.events.get("primary", made["id"])["status"] == "confirmed"
            return lambda: moved.append(calendar.events.get(other, made["id"])["organizer"]["email"])

        moved: list[str] = []
        calendar = CalendarService(Events(note, before_move))
        made = {"id": "lockstep1"}
        made = calendar.events.insert({**BODY, **made}, "primary")
        patched = calendar.events.patch({"summary": "x"}, ALICE, made["id"])
        updated = calendar.events.update(BODY, ALICE, made["id"])
        calendar.events.get("primary", made["id"])
        calendar.events.list("primary")
        other = calendar.calendars.insert({"summary": "Other"})["id"]
        calendar.events.move("primary", made["id"], other)
        calendar.events.remove(other, made["id"])
        with pytest.raises(script.CalendarApiError):
            calendar.events.patch({}, "primary", "missing")

        assert bench.waits == []
        assert heard == [
            (ALICE, "primary", "confirmed", made["etag"], ("*",)),
            (ALICE, ALICE, "confirmed", patched["etag"], ("summary",)),
            (ALICE, ALICE, "confirmed", updated["etag"], ("*",)),
            (ALICE, other, "cancelled", None, ("*",)),
        ]
        assert moved == [other]

    def test_what_cannot_be_remembered_does_not_undo_the_write(self) -> None:
        """The write is done; a handler that was told otherwise would do it again."""
        down = _Down()
        bench = Bench(down.over)
        with script.running(bench.project(), user=ALICE):
            down.down = True
            made = Calendar.events.insert(BODY, "primary")
            assert Calendar.events.get("primary", made["id"])["etag"] == made["etag"]


class _Down(MemoryStore):
    """A store that cannot be reached any more."""

    def __init__(self) -> None:
        self.down = False

    def over(self, store: Store) -> Store:
        """The store, for as long as it stands."""
        self._store = store
        return self

    def get(self, key: str) -> Any:
        """As the store, while it stands."""
        if self.down:
            raise Later("the store cannot be reached")
        return self._store.get(key)


class TestProfile:
    """Events made in a day."""

    def test_so_many_events_a_day(self, bench: Bench) -> None:
        """Whichever method makes them; other calls are not counted, nor are other users."""
        with script.running(bench.project(limits=script.Limits(events_created=3)), user=ALICE):
            made = Calendar.events.insert(BODY, "primary")
            Calendar.events.import_({**BODY, "iCalUID": "x@example.com"}, "primary")
            Calendar.events.insert(BODY, "primary")
            makes: tuple[Callable[[], object], ...] = (
                lambda: Calendar.events.insert(BODY, "primary"),
                lambda: Calendar.events.import_({**BODY, "iCalUID": "y@example.com"}, "primary"),
                lambda: Calendar.events.quick_add("primary", "Lunch"),
            )
            for make in makes:
                with pytest.raises(script.QuotaExceeded, match=r"^Service invoked too many times: Calendar\.$"):
                    make()
            Calendar.events.patch({"summary": "x"}, "primary", made["id"])
            with script.as_user(BOB):
                Calendar.events.insert(BODY, "primary")
            assert len(Calendar.events.list("primary")["items"]) == 3
            bench.wait(24 * 3600)
            Calendar.events.insert(BODY, "primary")


class TestErrors:
    """What comes back when a call fails."""

    @pytest.mark.usefixtures("bench")
    def test_a_bad_token_is_told_by_status_not_by_text(self) -> None:
        """A garbage sync token is 400, and names itself invalid."""
        with pytest.raises(script.CalendarApiError) as bad:
            Calendar.events.list("primary", {"syncToken": "garbage"})

        error = bad.value
        assert (error.status, error.name, error.token_invalid) == (400, "GoogleJsonResponseException", True)
        assert error.message.startswith("API call to calendar.events.list failed with error: ")
        assert str(error) == error.message
        assert error.details["code"] == 400

    @pytest.mark.parametrize(
        ("method", "status", "reason", "said", "invalid"),
        [
            ("events.list", 410, "fullSyncRequired", ("Sync token is no longer valid.", None), True),
            ("events.instances", 410, "fullSyncRequired", ("", None), True),
            ("events.list", 410, None, ("Gone", None), True),
            ("events.list", 410, "updatedMinTooLongAgo", ("Too long ago", None), False),
            ("events.list", 400, "invalid", ("Invalid sync token value.", None), True),
            ("events.list", 400, "invalid", ("Invalid page token value.", None), True),
            ("events.list", 400, "invalid", ("Invalid Value", "syncToken"), True),
            ("events.list", 400, "invalid", ("Invalid Value", "pageToken"), True),
            ("events.list", 400, "invalid", ("Invalid Value", "timeMin"), False),
            (
                "events.list",
                400,
                "syncTokenWithRequestRestrictions",
                ("Sync token cannot be used with q.", None),
                False,
            ),
            ("events.list", 404, "notFound", ("Not Found", None), False),
            ("events.get", 410, "deleted", ("Resource has been deleted", None), False),
            ("events.get", 400, "invalid", ("Invalid sync token value.", None), False),
        ],
    )
    def test_when_a_list_must_begin_anew(
        self, method: str, status: int, reason: str | None, said: tuple[str, str | None], invalid: bool
    ) -> None:
        """410 and a token that is none; neither a deleted event nor another parameter's trouble."""
        message, location = said
        details = {"errors": [{"reason": reason, "location": location}]}

        error = CalendarApiError(method, status, message, reason=reason, details=details)

        assert error.token_invalid is invalid

    @pytest.mark.parametrize(
        ("status", "reason", "needed"),
        [
            (401, "authError", True),
            (401, None, True),
            (403, "insufficientPermissions", True),
            (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", True),
            (403, "rateLimitExceeded", False),
            (404, "notFound", False),
        ],
    )
    def test_when_only_the_user_can_help(self, status: int, reason: str | None, needed: bool) -> None:
        """A missing scope or a token that is not admitted; never a quota."""
        assert CalendarApiError("events.get", status, "x", reason=reason).needs_consent is needed

    def test_every_shape_of_an_error_is_read(self) -> None:
        """Reasons stand in one of three places; a proxy's page leaves the status; long texts are cut."""
        for body, reason, message in [
            ({"error": {"errors": [{"reason": "a"}], "message": "M"}}, "a", "M"),
            ({"error": {"details": [{"x": 1}, {"reason": "b"}], "status": "S", "message": "M"}}, "b", "M"),
            ({"error": {"status": "RESOURCE_EXHAUSTED", "message": "M"}}, "RESOURCE_EXHAUSTED", "M"),
            ({"error": {"message": "M" * 1000}}, None, "M" * 300),
            ({"error": {"errors": "odd", "message": 7}}, None, "HTTP 503"),
            ({"error": "odd"}, None, "HTTP 503"),
            ({}, None, "HTTP 503"),
        ]:
            error = _fails(_Answering(503, json.dumps(body).encode()))
            assert isinstance(error, CalendarApiError)
            assert (error.status, error.reason) == (503, reason)
            assert error.message == f"API call to calendar.events.list failed with error: {message}"
        assert isinstance(_fails(_Answering(502, b"<html>")), CalendarApiError)

    @pytest.mark.parametrize(
        ("failure", "reading", "writing"),
        [
            (NotConnected("x"), Later, Later),
            (ConnectionResetError("x"), Later, OutcomeUnknown),
            (TimeoutError("x"), Later, OutcomeUnknown),
            (httplib2.HttpLib2Error("x"), Later, OutcomeUnknown),
            (RefreshError("x"), Revoked, Revoked),
        ],
    )
    def test_no_answer_is_no_calendar_error(
        self, failure: Exception, reading: type[Exception], writing: type[Exception]
    ) -> None:
        """A call without an answer says whether it may have been done; a refused renewal, that consent is gone."""
        assert type(_fails(_Raising(failure))) is reading
        assert type(_fails(_Raising(failure), "events.insert", body=BODY)) is writing

    def test_an_answer_that_cannot_be_read_is_none(self) -> None:
        """A success that is no JSON object: a read may be repeated, a write must be looked at."""
        assert type(_fails(_Answering(200, b"<html>"))) is Later
        assert type(_fails(_Answering(200, b"[]"), "events.insert", body=BODY)) is OutcomeUnknown

    def test_nothing_of_the_request_is_in_the_error(self) -> None:
        """Neither address nor body nor token travels along, not even as a cause."""
        for failure in (RefreshError("token abc"), TimeoutError("https://x?syncToken=abc")):
            error = _fails(_Raising(failure))
            assert "abc" not in str(error)
            assert error.__cause__ is None
            assert error.__context__ is None


def test_connections_are_kept_and_closed() -> None:
    """One door serves call after call, and closing lets go of it."""
    bench, doors = Bench(), list[_Door]()

    def door(_: object) -> _Door:
        doors.append(_Door(bench))
        return doors[-1]

    credentials = DevCredentials(ALICE)
    with GoogleApi(lambda _: credentials, http=door) as api:
        for _ in range(3):
            api.call(ALICE, "events.list", {"calendarId": "primary"})

    assert [door.closed for door in doors] == [True]


class _Door(InProcessHttp):
    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.google, ALICE)
        self.closed = False

    def close(self) -> None:
        self.closed = True


class _Answering:
    """A door behind which everybody answers the same."""

    def __init__(self, status: int, body: bytes) -> None:
        self._answer = httplib2.Response({"status": str(status)}), body
        self.asked: list[str] = []

    def request(self, uri: str, method: str = "GET", body: Any = None, headers: Any = None) -> Any:
        """The answer."""
        assert method in {"GET", "POST"}, (headers, body)
        self.asked.append(uri)
        return self._answer


class _Raising:
    """A door that does not open."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    def request(self, uri: str, method: str = "GET", body: Any = None, headers: Any = None) -> Any:
        """Raise."""
        assert method in {"GET", "POST"}, (uri, headers, body)
        raise self._failure


def _fails(door: Any, method: str = "events.list", **rest: Any) -> Exception:
    api = GoogleApi(DevCredentials, http=lambda _: door)
    with pytest.raises((LockstepError, CalendarApiError)) as failed:
        api.call(ALICE, method, {"calendarId": "primary"}, **rest)
    return failed.value
