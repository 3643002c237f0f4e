"""POST /batch/calendar/v3 as it is on the wire (contract 1.2.3, 10.4)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from infra.local.calendar.messages import Response
from tests.contract.calendar_server.desk import ALICE, BOB, Desk, ids, plain

BATCH = "/batch/calendar/v3"
EVENTS = f"/calendar/v3/calendars/{ALICE}/events"
MINE = f"Bearer dev:{ALICE}"


def part(line: str, body: Any = None, content_id: str | None = "<item:1>", **headers: str) -> bytes:
    """One part: a request line, header fields, a body."""
    outer = ["Content-Type: application/http", *([f"Content-ID: {content_id}"] if content_id else [])]
    sent = "" if body is None else json.dumps(body)
    fields = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*outer, "", line, *fields, "", sent]).encode()


def post(desk: Desk, parts: list[bytes], headers: Mapping[str, str] | None = None, boundary: str = "edge") -> Response:
    """Post the parts, by default as Alice."""
    body = b"".join(b"--" + boundary.encode() + b"\r\n" + each + b"\r\n" for each in parts)
    named = {"content-type": f'multipart/mixed; boundary="{boundary}"', "authorization": MINE, **(headers or {})}
    return desk.raw("POST", BATCH, body + b"--" + boundary.encode() + b"--", headers=named)


def parts_of(answer: Response) -> list[tuple[str, int, dict[str, Any]]]:
    """Content-ID, status and JSON of each part of the answer."""
    boundary = answer.headers["content-type"].partition("boundary=")[2].encode()
    found = []
    for piece in answer.body.split(b"--" + boundary)[1:-1]:
        outer, inner, body = piece.strip().split(b"\r\n\r\n", 2) if piece.count(b"\r\n\r\n") > 1 else (piece, b"", b"")
        content_id = next((line for line in outer.decode().splitlines() if line.startswith("Content-ID")), "")
        found.append((content_id.partition(": ")[2], int(inner.split()[1]), json.loads(body or b"{}")))
    return found


def test_parts_are_answered_in_order_each_under_its_id(desk: Desk) -> None:
    """1.2.3: `response-` before the id; a part that fails fails alone."""
    answer = post(
        desk,
        [
            part(f"POST {EVENTS} HTTP/1.1", {**plain(), "id": "event1"}, "<a + 1>", Content_Type="application/json"),
            part(f"GET {EVENTS}/nothing HTTP/1.1", None, "plain"),
            part(f"GET {EVENTS}?maxResults=5&fields=items%2Fid", None, None),
        ],
    )
    first, second, third = parts_of(answer)

    assert answer.status == 200
    assert (first[0], first[1], first[2]["id"]) == ("<response-a + 1>", 200, "event1")
    assert second[:2] == ("response-plain", 404)
    assert third == ("", 200, {"items": [{"id": "event1"}]})


def test_a_part_has_the_outer_headers_and_may_set_its_own(desk: Desk) -> None:
    """1.2.3: all but Content-*; an inner If-Match holds for its part alone (10.4)."""
    event = desk.insert()["id"]
    answer = post(
        desk,
        [
            part(f"PATCH {EVENTS}/{event}", {"summary": "x"}, If_Match='"1"'),
            part("GET /calendar/v3/calendars/primary/events", authorization=f"Bearer dev:{BOB}"),
            part(f"PATCH {EVENTS}/{event}", {"summary": "y"}, If_Match="*"),
        ],
        {"if-match": '"2"'},
    )

    assert [status for _, status, _ in parts_of(answer)] == [412, 200, 200]
    assert parts_of(answer)[1][2]["summary"] == BOB
    assert desk.get(event)["summary"] == "y"


def test_a_batch_needs_no_token_if_its_parts_have_theirs(desk: Desk) -> None:
    """1.2.3: a part without one is answered 401."""
    asked = [part(f"GET {EVENTS}", authorization=MINE), part(f"GET {EVENTS}")]
    answer = post(desk, asked, {"authorization": ""})

    assert [status for _, status, _ in parts_of(answer)] == [200, 401]


@pytest.mark.parametrize(
    ("count", "limit", "status"), [(1000, None, 200), (1001, None, 400), (50, 50, 200), (51, 50, 400)]
)
def test_a_batch_has_a_most(desk: Desk, count: int, limit: int | None, status: int) -> None:
    """10.4: 1000 says the page, 50 say other sources: a knob."""
    if limit:
        desk.control("knobs", batchLimit=limit)
    answer = post(desk, [part("GET /calendar/v3/colors?fields=kind")] * count)

    assert answer.status == status
    assert status == 400 or len(parts_of(answer)) == count


def test_each_part_counts_against_the_quota(desk: Desk) -> None:
    """10.4: a patch thrice."""
    event = desk.insert()["id"]
    desk.control("knobs", perMinute=4)
    patch = part(f"PATCH {EVENTS}/{event}", {"summary": "x"})
    answer = post(desk, [patch, part(f"GET {EVENTS}"), part(f"GET {EVENTS}")])

    assert [status for _, status, _ in parts_of(answer)] == [200, 200, 403]


@pytest.mark.parametrize("status", [503, 599])
def test_a_fault_hits_one_part_or_the_whole(desk: Desk, status: int) -> None:
    """14: a path that says batch means the whole; what was done before the answer was lost is done."""
    desk.control("faults", path="events", status=status)
    one = post(desk, [part(f"GET {EVENTS}"), part(f"GET {EVENTS}")])
    desk.control("faults", path="^/batch", status=status, after_apply=True)
    whole = post(desk, [part(f"POST {EVENTS}", {**plain(), "id": "done0"})])

    assert [found for _, found, _ in parts_of(one)] == [status, 200]
    assert whole.status == status
    assert ids(desk.page()["items"]) == ["done0"]


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"nothing"],
        [part("GET https://www.googleapis.com/calendar/v3/colors")],
        [part("GET //www.googleapis.com/calendar/v3/colors")],
        [part("GET /drive/v3/files")],
        [part(f"POST {BATCH}")],
        [part("GET")],
        [part("")],
        [part(f"GET {EVENTS}").replace(b"application/http", b"text/plain")],
        [part("POST /control/reset")],
    ],
)
def test_what_is_no_batch_of_this_api_is_refused_whole(desk: Desk, parts: list[bytes]) -> None:
    """1.2.3: one API, paths only, no batch in a batch; nothing of it is done."""
    event = desk.insert()["id"]
    answer = post(desk, [*([part(f"DELETE {EVENTS}/{event}")] if parts else []), *parts])

    assert answer.status == 400
    assert desk.get(event)["status"] == "confirmed"


@pytest.mark.parametrize(
    ("method", "kind", "body", "status"),
    [
        ("POST", "application/json", b"{}", 400),
        ("POST", "multipart/mixed", b"--edge--", 400),
        ("POST", "multipart/mixed; boundary=edge", b"", 400),
        ("POST", "multipart/mixed; boundary=edge", b"--edge\r\n", 400),
        ("POST", "multipart/mixed; boundary=edge", b"\xff\xfe\x00--edge--", 400),
        ("POST", "", b"", 400),
        ("GET", "multipart/mixed; boundary=edge", b"", 404),
    ],
)
def test_a_body_that_cannot_be_taken_apart_is_refused(
    desk: Desk, method: str, kind: str, body: bytes, status: int
) -> None:
    """10.1: 400 with the cause."""
    assert desk.raw(method, BATCH, body, headers={"content-type": kind}).status == status


@pytest.mark.parametrize("text", ["Café ☕", "--edge", "\r\n--edge--", 'quote " and \\ slash', "line\nbreak"])
def test_any_text_passes_through(desk: Desk, text: str) -> None:
    """1.2.3: a boundary inside a JSON text is no boundary, for its line breaks are escaped there."""
    answer = post(desk, [part(f"POST {EVENTS}", {**plain(), "summary": text})])

    assert parts_of(answer)[0][2]["summary"] == text


def test_parts_may_be_separated_by_bare_line_feeds(desk: Desk) -> None:
    """RFC 2046 asks for CRLF; Google's own client writes line feeds."""
    body = (
        b"--edge\nContent-Type: application/http\nContent-ID: <1>\n\nGET "
        + EVENTS.encode()
        + b" HTTP/1.1\n\n\n--edge--\n"
    )
    headers = {"content-type": "multipart/mixed; boundary=edge", "authorization": MINE}
    answer = desk.raw("POST", BATCH, body, headers=headers)

    assert [found[:2] for found in parts_of(answer)] == [("<response-1>", 200)]
