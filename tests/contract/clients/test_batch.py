"""Batches of google-api-python-client over a socket (contract 1.2.3, 1.3.2, 10.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import BatchHttpRequest

from tests.contract.calendar_server.desk import ALICE, BOB, Desk, ids, plain
from tests.contract.clients.pointing import google


@pytest.fixture
def service(base: str) -> Iterator[Any]:
    """The client as Alice."""
    with google(base) as found:
        yield found


def batched(service: Any, base: str, requests: dict[str, Any]) -> dict[str, tuple[Any, HttpError | None]]:
    """Each request's answer or error, by its id."""
    answers: dict[str, tuple[Any, HttpError | None]] = {}
    batch = service.new_batch_http_request(callback=lambda name, answer, error: answers.update({name: (answer, error)}))
    batch._batch_uri = f"{base}/batch/calendar/v3"  # noqa: SLF001 - the client takes no other way (contract 1.3.2)
    for name, request in requests.items():
        batch.add(request, request_id=name)
    batch.execute()
    return answers


def test_a_batch_does_what_its_parts_do(desk: Desk, base: str, service: Any) -> None:
    """1.2.3: reads, writes and errors in one request, each answered to its own callback."""
    kept, gone = desk.insert(summary="kept")["id"], desk.insert(summary="gone")["id"]
    events = service.events()
    answers = batched(
        service,
        base,
        {
            "insert": events.insert(calendarId="primary", body={**plain(), "summary": "Café ☕ (1/2)"}),
            "get": events.get(calendarId=ALICE, eventId=kept),
            "patch": events.patch(calendarId="primary", eventId=kept, body={"location": "x"}),
            "delete": events.delete(calendarId="primary", eventId=gone),
            "unknown": events.get(calendarId="primary", eventId="nosuchevent"),
            "calendars": service.calendarList().list(),
        },
    )

    assert answers["insert"][0]["summary"] == "Café ☕ (1/2)"
    assert answers["get"][0]["summary"] == "kept"
    assert answers["delete"] == ("", None)
    assert answers["unknown"][1] is not None
    assert answers["unknown"][1].resp.status == 404
    assert ids(answers["calendars"][0]["items"]) == [ALICE]
    assert desk.get(kept)["location"] == "x"
    assert {item["summary"] for item in desk.page()["items"]} == {"kept", "Café ☕ (1/2)"}


def test_conditions_hold_inside_a_batch(desk: Desk, base: str, service: Any) -> None:
    """10.4, 1.2.3: an inner If-Match is its part's own."""
    event = desk.insert()
    newer = desk.patch(event["id"], summary="newer")
    events = service.events()
    requests = {
        name: events.patch(calendarId="primary", eventId=event["id"], body={"location": name})
        for name in ("stale", "fresh")
    }
    requests["stale"].headers["If-Match"] = event["etag"]
    requests["fresh"].headers["If-Match"] = newer["etag"]
    answers = batched(service, base, requests)

    assert answers["stale"][1] is not None
    assert answers["stale"][1].resp.status == 412
    assert answers["fresh"][0]["location"] == "fresh"


def test_a_batch_of_fifty(desk: Desk, base: str, service: Any) -> None:
    """10.4: at most 50 calls are advised; all are counted and noted one by one."""
    events = service.events()
    bodies = {f"n{number:02}": {**plain(), "summary": f"n{number:02}"} for number in range(50)}
    requests = {name: events.insert(calendarId="primary", body=body) for name, body in bodies.items()}
    answers = batched(service, base, requests)

    assert {name: answer["summary"] for name, (answer, _) in answers.items()} == {name: name for name in bodies}
    assert sum(request["method"] == "POST" for request in desk.server.requests) == 50


def test_every_part_of_a_batch_can_have_a_caller_of_its_own(base: str, service: Any) -> None:
    """1.2.3: outer headers apply unless a part sets its own; here one part speaks as Bob."""
    with google(base, BOB) as bobs:
        parts = {
            "alice": service.calendars().get(calendarId="primary"),
            "bob": bobs.calendars().get(calendarId="primary"),
        }
        answers = batched(service, base, parts)

    assert {name: answer["id"] for name, (answer, _) in answers.items()} == {"alice": ALICE, "bob": BOB}


def test_the_clients_public_batch_class_takes_the_address(desk: Desk, base: str, service: Any) -> None:
    """1.3.2: BatchHttpRequest can be given its address when it is made by hand."""
    found: list[str] = []
    batch = BatchHttpRequest(lambda _name, answer, _error: found.append(answer["id"]), f"{base}/batch/calendar/v3")
    batch.add(service.events().get(calendarId="primary", eventId=desk.insert()["id"]))
    batch.add(service.calendars().get(calendarId="primary"))
    batch.execute()

    assert found[1] == ALICE
