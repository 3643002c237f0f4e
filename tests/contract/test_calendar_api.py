"""What every CalendarApi promises, judged before the local Calendar server, without a socket and over one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import pytest

from conference.errors import Later
from functions.script.errors import BadValue, CalendarApiError
from functions.script.project import CalendarApi
from infra.google.api import GoogleApi
from infra.google.credentials import DevCredentials
from infra.local.calendar.inprocess import InProcessHttp
from infra.local.calendar.server import CalendarServer
from infra.local.calendar.serving import running
from tests.unit.script.bench import ALICE, BOB, START

BODY = {
    "summary": "Ä 😀",
    "start": {"dateTime": "2026-11-24T10:00:00Z"},
    "end": {"dateTime": "2026-11-24T11:00:00Z"},
}
MINE = {"calendarId": "primary"}


@pytest.fixture(params=["in process", "over a socket"])
def api(request: pytest.FixtureRequest) -> Iterator[CalendarApi]:
    """A fresh server and an API before it."""
    server = CalendarServer(lambda: START, random.Random(7))  # noqa: S311 - the server draws ids, no secrets
    if request.param == "in process":
        with GoogleApi(
            DevCredentials, http=lambda it: InProcessHttp(server, str(it.token).removeprefix("dev:"))
        ) as api:
            yield api
    else:
        with running(server) as base, GoogleApi(cache(DevCredentials), f"{base}/calendar/v3/") as api:
            yield api


def made(api: CalendarApi, user: str = ALICE, **fields: Any) -> dict[str, Any]:
    """A new event."""
    return api.call(user, "events.insert", MINE, body={**BODY, **fields})


def test_resources_come_back_as_they_are(api: CalendarApi) -> None:
    """What was written is read, unmasked, in Google's names; a deletion answers nothing."""
    event = made(api, extendedProperties={"private": {"k": "v"}})
    place = {**MINE, "eventId": event["id"]}

    assert api.call(ALICE, "events.get", place) == event
    assert {**BODY, **event}["summary"] == BODY["summary"]
    assert event["extendedProperties"] == {"private": {"k": "v"}}
    assert api.call(ALICE, "events.delete", place) == {}


def test_options_and_headers_go_out(api: CalendarApi) -> None:
    """True and numbers as Google writes them, None not at all; a condition is kept."""
    event = made(api)
    options = {"showDeleted": True, "maxResults": 1, "pageToken": None, "singleEvents": False}
    assert len(api.call(ALICE, "events.list", MINE, options=options)["items"]) == 1
    place = {**MINE, "eventId": event["id"]}
    api.call(ALICE, "events.patch", place, body={"summary": "x"}, headers={"If-Match": event["etag"]})
    with pytest.raises(CalendarApiError) as stale:
        api.call(ALICE, "events.patch", place, body={"summary": "y"}, headers={"If-Match": event["etag"]})

    assert (stale.value.status, stale.value.reason) == (412, "conditionNotMet")


def test_methods_with_pythons_words_and_long_queries(api: CalendarApi) -> None:
    """`import` is a method like any other, and a query too long for an address is sent all the same."""
    api.call(ALICE, "events.import", MINE, body={**BODY, "iCalUID": "x@example.com"})

    assert api.call(ALICE, "events.list", MINE, options={"q": "word " * 600})["items"] == []


def test_users_are_kept_apart(api: CalendarApi) -> None:
    """Each call is signed as its own user, side by side too."""
    for number in range(3):
        made(api, ALICE, summary=f"{ALICE} {number}")
        made(api, BOB, summary=f"{BOB} {number}")

    def owners(user: str) -> tuple[str, set[str]]:
        return user, {item["summary"].split()[0] for item in api.call(user, "events.list", MINE)["items"]}

    with ThreadPoolExecutor(4) as pool:
        assert set(map(str, pool.map(owners, [ALICE, BOB] * 10))) == {str((user, {user})) for user in (ALICE, BOB)}


def test_an_error_says_what_apps_script_hides(api: CalendarApi) -> None:
    """Status, reason, details and the method stand beside the text."""
    with pytest.raises(CalendarApiError) as missing:
        api.call(ALICE, "events.get", {**MINE, "eventId": "missing"})

    error = missing.value
    assert (error.method, error.status, error.reason) == ("events.get", 404, "notFound")
    assert error.message == "API call to calendar.events.get failed with error: Not Found"
    assert error.details["errors"][0]["reason"] == "notFound"
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize("options", [{"nonsense": 1}, {"maxResults": "x"}])
def test_what_cannot_be_asked_is_not_sent(api: CalendarApi, options: dict[str, Any]) -> None:
    """Options that the method does not have, and values of no use."""
    with pytest.raises(BadValue, match=next(iter(options))):
        api.call(ALICE, "events.list", MINE, options=options)


def test_nobody_there_is_later() -> None:
    """A server that cannot be reached: nothing was done, for a write too."""
    with GoogleApi(cache(DevCredentials), "http://127.0.0.1:9/calendar/v3/", timeout=2.0) as api, pytest.raises(Later):
        made(api)
