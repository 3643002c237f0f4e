"""The page's files, who gets them, and the route that tells it what the API does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx
import pytest

from infra.local.calendar.messages import Request
from infra.local.calendar.pages import FILES, page
from infra.local.calendar.server import CalendarServer
from infra.local.calendar.serving import running
from tests.contract.calendar_server.desk import ALICE, BOB, Desk, read, run

LOCAL = {"host": "127.0.0.1:8791"}


def state(desk: Desk) -> dict[str, Any]:
    """What the control route tells."""
    return read(desk.raw("GET", "/control/state"))


@pytest.fixture
def base() -> Iterator[str]:
    """A server on a free port."""
    server = CalendarServer(lambda: datetime(2026, 11, 24, tzinfo=UTC), Random(1))  # noqa: S311 - seeded on purpose
    with running(server) as address:
        yield address


@pytest.mark.parametrize("name", sorted(file.name for file in FILES.iterdir()))
def test_every_file_of_the_page_is_served_with_a_strict_policy(name: str) -> None:
    """No script, style or address but the server's own; no frame around it; every file of the right type."""
    answer = page(Request("GET", "/" if name == "index.html" else f"/page/{name}", headers=LOCAL))

    assert answer is not None
    assert (answer.status, answer.body) == (200, (FILES / name).read_bytes())
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"].split("/")[0] in {"text", "image"}


@pytest.mark.parametrize("name", sorted(file.name for file in FILES.iterdir()))
def test_the_page_loads_nothing_from_elsewhere(name: str) -> None:
    """No file names another server, holds an inline script or style, or makes markup of text."""
    text = (FILES / name).read_text()
    named = set(re.findall(r"https?://[^\s\"'`)]+", text))

    assert {
        address for address in named if not address.startswith(("https://developers.google.com/", "http://www.w3.org/"))
    } == set()
    assert (
        re.search(r"innerHTML|insertAdjacentHTML|document\.write|\beval\(|style=\"|<script>| onclick=\"", text) is None
    )


@pytest.mark.parametrize(
    "path",
    [
        "/page/",
        "/page/nothing.js",
        "/page/../server.py",
        "/page/..%2fserver.py",
        "/page//etc/passwd",
        "/page",
        "/index.html",
    ],
)
def test_nothing_but_the_page_s_files_is_given_out(path: str) -> None:
    """A path that names no file of the page is none of the page's."""
    assert page(Request("GET", path, headers=LOCAL)) is None


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8791", 200),
        ("localhost:8791", 200),
        ("calendar.localhost", 200),
        ("[::1]:8791", 200),
        ("192.168.1.20:8791", 200),
        ("evil.example.com", 403),
        ("localhost.example.com:8791", 403),
        ("127.0.0.1.example.com", 403),
        ("", 403),
        ("[::1", 403),
        ("a]:b", 403),
    ],
)
def test_a_name_that_strangers_can_point_here_is_refused(base: str, host: str, status: int) -> None:
    """DNS rebinding: page and state are only for addresses and localhost."""
    answers = [page(Request("GET", path, headers={"host": host})) for path in ("/", "/control/state")]

    assert [answer.status if answer else 200 for answer in answers] == [status, status]
    assert httpx.get(base, headers={"host": "evil.example.com"}).status_code == 403


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
)
def test_other_sites_pages_cannot_control_the_server(base: str, site: str, status: int) -> None:
    """A form of a foreign page must not reset anything; programs, which say nothing of sites, are let in."""
    answer = httpx.post(f"{base}/control/reset", headers={"sec-fetch-site": site})

    assert answer.status_code == status
    assert httpx.post(f"{base}/control/reset").status_code == 200


def test_the_page_and_the_api_share_an_address(base: str) -> None:
    """One server: the page at /, the state, and the API as ever."""
    assert "<title>Calendar server</title>" in httpx.get(f"{base}/").text
    assert httpx.get(f"{base}/control/state").json()["calendars"] == []
    assert httpx.get(f"{base}/nothing").status_code == 404
    assert httpx.head(f"{base}/").status_code == 404


def test_the_state_tells_revisions_and_expired_tokens(desk: Desk) -> None:
    """14: per calendar the revision and how often its tokens were expired; no event."""
    desk.insert(summary="A secret title")
    desk.insert(user=BOB)
    desk.control("expire-tokens", calendarId=ALICE, times=2)
    told = state(desk)
    first = told["calendars"][0]

    assert told["users"] == [ALICE, BOB]
    assert (first["id"], first["events"], first["revision"], first["expirations"], first["refusals"]) == (
        ALICE,
        1,
        1,
        1,
        2,
    )
    assert "secret title" not in str(told)


def test_the_state_tells_channels_and_how_messages_were_answered(desk: Desk) -> None:
    """9.2: newest first, retries with their number; never the channel's token."""
    desk.watch(token="a secret of the channel")
    (push,) = desk.pushes()
    desk.server.push_answered(push, 503, desk.server.now())
    desk.advance(5)
    (again,) = desk.pushes()
    desk.server.push_answered(again, None, desk.server.now())
    told = state(desk)

    assert [(one["state"], one["number"], one["attempt"], one["status"]) for one in told["deliveries"]] == [
        ("sync", 1, 2, None),
        ("sync", 1, 1, 503),
    ]
    assert [(one["id"], one["user"], one["live"], one["lastNumber"]) for one in told["channels"]] == [
        ("channel-1", ALICE, True, 1)
    ]
    assert told["waiting"] == 1
    assert "a secret of the channel" not in str(told)


def test_a_stopped_channel_is_told_as_such(desk: Desk) -> None:
    """9.3: it stays known, as its id stays taken."""
    opened = desk.watch()
    desk.client().channels().stop(body={"id": opened["id"], "resourceId": opened["resourceId"]}).execute()

    assert [(one["live"], one["stopped"]) for one in state(desk)["channels"]] == [(False, True)]


def test_the_state_tells_the_last_requests_and_changes_nothing(desk: Desk) -> None:
    """Newest first, at most a hundred; asking for the state is no request of its own and moves no number."""
    for number in range(120):
        run(desk.events().list(calendarId="primary", maxResults=number + 1))
    told = state(desk)

    assert told == state(desk)
    assert len(told["requests"]) == 100
    assert told["requests"][0]["query"]["maxResults"] == ["120"]
    assert told["requests"][0]["user"] == ALICE


def test_faults_are_left_to_the_program_that_is_developed(desk: Desk) -> None:
    """14: what the page asks for, signed as it signs, neither meets a fault nor uses it up."""
    desk.control("faults", status=503)
    path = f"/calendar/v3/calendars/{ALICE}/events"

    assert desk.raw("GET", path, query={"quotaUser": ["page"]}).status == 200
    assert [desk.raw("GET", path, query={"quotaUser": ["program"]}).status for _ in range(2)] == [503, 200]


def test_a_deleted_calendar_is_told_as_such(desk: Desk) -> None:
    """Its tokens and channels are still of interest to whoever wonders where it is."""
    made = run(desk.client().calendars().insert(body={"summary": "Team"}))
    desk.client().calendars().delete(calendarId=made["id"]).execute()

    assert [(one["summary"], one["deleted"]) for one in state(desk)["calendars"]] == [(ALICE, False), ("Team", True)]
