"""google-api-python-client over a socket: its pages and the traps it is known for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.auth.exceptions import RefreshError
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tests.contract.calendar_server.desk import ALICE, Desk, hours, ids, plain, run
from tests.contract.clients.pointing import credentials, google


@pytest.fixture
def service(base: str) -> Iterator[Any]:
    """The client as Alice."""
    with google(base) as found:
        yield found


def pages(resource: Any, request: Any) -> list[dict[str, Any]]:
    """Every page, by the client's own list_next."""
    found = []
    while request is not None:
        answer = request.execute()
        found.append(answer)
        request = resource.list_next(request, answer)
    return found


@pytest.mark.parametrize(
    "options",
    [{}, {"singleEvents": True}, {"showDeleted": True}, {"timeMin": "2026-12-01T00:00:00+01:00"}, {"fields": "*"}],
)
def test_list_next_goes_to_the_last_page(desk: Desk, service: Any, options: dict[str, Any]) -> None:
    """2.3, 3.1.1: it adds the page token to the request as it was; the token for changes is on the last page only."""
    made = [desk.insert(**hours("2026-12-02", hour, hour + 1))["id"] for hour in range(7)]
    events = service.events()
    found = pages(events, events.list(calendarId="primary", maxResults=3, **options))

    assert [event for page in found for event in ids(page["items"])] == made
    assert ["nextSyncToken" in page for page in found] == [False, False, True]


def test_list_next_repeats_the_sync_token(desk: Desk, service: Any) -> None:
    """3.1.3: an incremental pass of several pages."""
    token = desk.token()
    made = [desk.insert()["id"] for _ in range(5)]
    events = service.events()
    found = pages(events, events.list(calendarId="primary", maxResults=2, syncToken=token))

    assert [event for page in found for event in ids(page["items"])] == made
    assert len(found) == 3


def test_list_next_cannot_go_on_with_a_repeated_parameter(desk: Desk, service: Any) -> None:
    """1.3.5: the client's fault; paged by hand with pageToken the server answers all of it."""
    made = [desk.insert()["id"] for _ in range(3)]
    events = service.events()
    options: dict[str, Any] = {"calendarId": "primary", "maxResults": 2, "eventTypes": ["default", "focusTime"]}
    request = events.list(**options)
    first = run(request)

    with pytest.raises(ValueError, match="repeated value"):
        events.list_next(request, first)
    second = run(events.list(pageToken=first["nextPageToken"], **options))
    assert ids(first["items"]) + ids(second["items"]) == made


def test_the_calendar_list_pages_too(desk: Desk, service: Any) -> None:
    """11: list_next of calendarList."""
    for number in range(4):
        desk.control("calendars", id=f"c{number}@example.com", owner=ALICE, timeZone="UTC")
    resource = service.calendarList()
    found = pages(resource, resource.list(maxResults=2))

    assert [len(page["items"]) for page in found] == [2, 2, 1]
    assert ["nextSyncToken" in page for page in found] == [False, False, True]


def test_the_endpoint_needs_the_whole_path(base: str) -> None:
    """1.3.1: without /calendar/v3/ the client asks below the root, where there is nothing of the API."""
    options = {"api_endpoint": f"{base}/"}
    with build(
        "calendar", "v3", credentials=credentials(ALICE), client_options=options, static_discovery=True
    ) as wrong:
        request = wrong.events().list(calendarId="primary")

        with pytest.raises(HttpError) as refusal:
            request.execute()

    assert refusal.value.resp.status == 404


def test_a_401_without_a_refresh_token_is_no_http_error(desk: Desk, service: Any) -> None:
    """1.3.3: google-auth wants to refresh and cannot."""
    desk.control("faults", status=401)

    with pytest.raises(RefreshError):
        service.events().list(calendarId="primary").execute()


@pytest.mark.parametrize("method", ["patch", "update", "delete"])
def test_writes_on_condition(desk: Desk, service: Any, method: str) -> None:
    """1.3.4, 7.1: If-Match set on the request is sent; another version is 412, the present one is written."""
    event = desk.insert()
    newer = desk.patch(event["id"], summary="newer")
    body = {} if method == "delete" else {"body": {**plain(), "summary": "x"}}

    def write(etag: str) -> Any:
        request = getattr(service.events(), method)(calendarId="primary", eventId=event["id"], **body)
        request.headers["If-Match"] = etag
        return request.execute()

    with pytest.raises(HttpError) as refusal:
        write(event["etag"])
    assert refusal.value.resp.status == 412
    write(newer["etag"])
    assert desk.get(event["id"])["etag"] != newer["etag"]


def test_a_very_long_get_is_sent_as_a_post(desk: Desk, service: Any) -> None:
    """1.1.4: above 2048 characters this client uses X-HTTP-Method-Override."""
    event = desk.insert(summary="word")["id"]
    found = run(service.events().list(calendarId="primary", q="word " * 600))

    assert ids(found["items"]) == [event]
