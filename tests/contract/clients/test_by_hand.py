"""httpx by hand: what stands on the wire and the client libraries do not show."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.contract.calendar_server.desk import ALICE, Desk
from tests.contract.clients.pointing import by_hand

EVENTS = "calendars/primary/events"


@pytest.fixture
def http(base: str) -> Iterator[httpx.Client]:
    """Alice, by httpx."""
    with by_hand(base) as found:
        yield found


@pytest.fixture
def event(desk: Desk) -> str:
    """An event of Alice's."""
    return str(desk.insert(summary="x")["id"])


@pytest.mark.parametrize("path", ["", "/{event}", "?singleEvents=true", "?showDeleted=true&maxResults=1"])
def test_what_has_not_changed_is_not_sent_again(desk: Desk, http: httpx.Client, event: str, path: str) -> None:
    """7.3: If-None-Match with the etag of a list or an event is 304 without a body, until it changes."""
    where = EVENTS + path.format(event=event)
    first = http.get(where)
    again = http.get(where, headers={"If-None-Match": first.headers["etag"]})
    desk.patch(event, summary="y")
    changed = http.get(where, headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["etag"] == first.json()["etag"]
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert changed.status_code == 200
    assert changed.headers["etag"] not in {None, first.headers["etag"]}


@pytest.mark.parametrize("path", ["calendars/primary", "users/me/calendarList/primary", "users/me/calendarList"])
def test_calendars_have_etags_too(http: httpx.Client, path: str) -> None:
    """7.3: resources other than events."""
    first = http.get(path)
    again = http.get(path, headers={"If-None-Match": first.json()["etag"]})

    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("{etag}", 304),
        ("W/{etag}", 304),
        ('"other", {etag}', 304),
        ('"other"', 200),
        ("{bare}", 200),
    ],
)
def test_if_none_match_is_compared_as_a_list_of_tags(http: httpx.Client, event: str, sent: str, status: int) -> None:
    """7.3, 1.1.7: the quotes are part of the tag."""
    etag = http.get(f"{EVENTS}/{event}").headers["etag"]
    answer = http.get(f"{EVENTS}/{event}", headers={"If-None-Match": sent.format(etag=etag, bare=etag.strip('"'))})

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("sent", "status"), [("{etag}", 200), ("*", 200), ('"other", {etag}', 200), ('"other"', 412), ("{bare}", 412)]
)
def test_if_match_is_compared_as_a_list_of_tags(http: httpx.Client, event: str, sent: str, status: int) -> None:
    """7.1: any version with *, else one of those named."""
    etag = http.get(f"{EVENTS}/{event}").headers["etag"]
    named = {"If-Match": sent.format(etag=etag, bare=etag.strip('"'))}
    answer = http.patch(f"{EVENTS}/{event}", headers=named, json={"summary": "y"})

    assert answer.status_code == status
    assert http.get(f"{EVENTS}/{event}").json()["summary"] == ("y" if status == 200 else "x")


@pytest.mark.parametrize("calendar", ["alice@example.com", "alice%40example.com", "primary"])
def test_ids_in_paths_may_be_percent_encoded(http: httpx.Client, event: str, calendar: str) -> None:
    """1.1.3: and "primary" is never what comes back."""
    answer = http.get(f"calendars/{calendar}/events/{event}")

    assert answer.json()["organizer"]["email"] == ALICE


def test_an_id_with_a_hash_is_found(desk: Desk, http: httpx.Client) -> None:
    """1.1.3: # occurs in calendar ids, as in Google's holiday calendars."""
    holidays = "en.swiss#holiday@group.v.calendar.google.com"
    desk.control("calendars", id=holidays, owner=ALICE, timeZone="UTC")
    answer = http.get(f"calendars/{holidays.replace('#', '%23').replace('@', '%40')}/events")

    assert answer.json()["summary"] == holidays


def test_answers_say_what_they_are(http: httpx.Client, event: str) -> None:
    """1.1.9, 9.3: JSON in UTF-8, errors too; a deletion has neither a body nor a type."""
    good, bad = http.get(f"{EVENTS}/{event}"), http.get(f"{EVENTS}/nosuchevent")
    gone = http.delete(f"{EVENTS}/{event}")

    assert {good.headers["content-type"], bad.headers["content-type"]} == {"application/json; charset=UTF-8"}
    assert (gone.status_code, gone.content) == (204, b"")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer nonsense", "Basic YTpi", "dev:alice@example.com"])
def test_without_a_token_of_ours_nothing_is_told(http: httpx.Client, authorization: str) -> None:
    """10.1, 10.2: 401 authError, with Google's body."""
    answer = http.get(EVENTS, headers={"Authorization": authorization})

    assert answer.status_code == 401
    assert answer.json()["error"]["errors"] == [
        {
            "domain": "global",
            "reason": "authError",
            "message": "Invalid Credentials",
            "locationType": "header",
            "location": "Authorization",
        }
    ]


@pytest.mark.parametrize(
    ("accepts", "agent", "packed"),
    [("gzip", "my program (gzip)", True), ("gzip", "my program", False), ("identity", "my program (gzip)", False)],
)
def test_answers_are_packed_for_who_asks_twice(
    desk: Desk, http: httpx.Client, accepts: str, agent: str, *, packed: bool
) -> None:
    """1.2.4: Accept-Encoding: gzip and a User-Agent that contains gzip; the same JSON either way."""
    for _ in range(3):
        desk.insert(summary="x" * 100)
    answer = http.get(EVENTS, headers={"Accept-Encoding": accepts, "User-Agent": agent})

    assert ("content-encoding" in answer.headers) is packed
    assert len(answer.json()["items"]) == 3
