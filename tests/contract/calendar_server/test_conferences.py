"""Conference data on events (contract 7.11, 8)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.calendar_server.desk import Desk, add_on, plain, run, whole_refusal

VIDEO = {"entryPointType": "video", "uri": "https://meet.example.com/1"}
PHONE = {"entryPointType": "phone", "uri": "tel:+41441234567"}
SIP = {"entryPointType": "sip", "uri": "sip:1@example.com"}
MORE = {"entryPointType": "more", "uri": "https://example.com/more"}


def test_a_well_formed_add_on_conference_is_kept(desk: Desk) -> None:
    """8.3.2: as it was sent, with a signature of the server's own."""
    points = [VIDEO, PHONE, {**PHONE, "pin": "1234"}, SIP, MORE]
    data = add_on(entryPoints=points, notes="<b>html</b>", parameters={"addOnParameters": {"parameters": {"a": "b"}}})
    kept = desk.insert(conferenceData={**data, "signature": "mine"})["conferenceData"]

    assert kept.pop("signature") != "mine"
    assert kept == data


@pytest.mark.parametrize("version", [0, 1])
def test_without_its_version_conference_data_is_dropped_silently(desk: Desk, version: int) -> None:
    """7.11: version 0 ignores it with a 200, on insert and on patch."""
    inserted = desk.insert(version=version, conferenceData=add_on())
    patched = desk.patch(inserted["id"], version=version, conferenceData=add_on(conferenceId="other"), summary="x")

    assert ("conferenceData" in inserted) is bool(version)
    assert ("conferenceData" in patched) is bool(version)
    assert patched["summary"] == "x"


def test_entry_points_are_an_array_and_replaced_whole(desk: Desk) -> None:
    """8.3.5: the rest of the object merges."""
    event = desk.insert(conferenceData=add_on(entryPoints=[VIDEO, PHONE], notes="old"))["id"]
    data = desk.patch(event, conferenceData={"entryPoints": [SIP]})["conferenceData"]

    assert data["entryPoints"] == [SIP]
    assert (data["notes"], data["conferenceId"]) == ("old", "vendor-123")


def test_null_removes_the_conference(desk: Desk) -> None:
    """8.3.7: with version 1; with version 0 it stays."""
    event = desk.insert(conferenceData=add_on())["id"]
    kept = desk.patch(event, version=0, conferenceData=None)
    cleared = desk.patch(event, conferenceData=None)

    assert "conferenceData" in kept
    assert "conferenceData" not in cleared


@pytest.mark.parametrize(
    "data",
    [
        add_on(entryPoints=[VIDEO, VIDEO]),
        add_on(entryPoints=[SIP, SIP]),
        add_on(entryPoints=[VIDEO, MORE, MORE]),
        add_on(entryPoints=[MORE]),
        add_on(entryPoints=[]),
        add_on(entryPoints=[PHONE] * 301),
        add_on(conferenceSolution=None),
        {"conferenceId": "alone"},
        add_on(entryPoints=[{**VIDEO, "uri": "ftp://example.com"}]),
        add_on(entryPoints=[{**VIDEO, "uri": "tel:+1"}]),
        add_on(entryPoints=[{**PHONE, "uri": "https://example.com"}]),
        add_on(entryPoints=[{**SIP, "uri": "tel:+1"}]),
        add_on(entryPoints=[{"entryPointType": "carrier pigeon", "uri": "https://x.example"}]),
        add_on(entryPoints=[{"entryPointType": "video"}]),
        add_on(entryPoints=[{**VIDEO, "uri": "https://x.example/" + "x" * 1300}]),
        add_on(entryPoints=[{**VIDEO, "label": "x" * 513}]),
        add_on(entryPoints=[{**VIDEO, "pin": "1" * 129}]),
        add_on(entryPoints=[{**VIDEO, "passcode": "1" * 129}]),
        add_on(notes="x" * 2049),
        add_on(conferenceId="x" * 513),
        add_on(parameters={"addOnParameters": {"parameters": {str(n): "x" for n in range(301)}}}),
        add_on(parameters={"addOnParameters": {"parameters": {"k" * 51: "x"}}}),
        add_on(parameters={"addOnParameters": {"parameters": {"k": "x" * 1025}}}),
        add_on(conferenceSolution={"key": {"type": "hangoutsMeet"}, "name": "Meet"}),
    ],
)
def test_what_breaks_shape_or_limits_is_refused(desk: Desk, data: dict[str, Any]) -> None:
    """8.1 and 8.3.4: 400 invalid, and the URI is not in the message."""
    request = desk.events().insert(
        calendarId="primary", body={**plain(), "conferenceData": data}, conferenceDataVersion=1
    )
    status, reason, body = whole_refusal(request)

    assert (status, reason, body["error"]["message"]) == (400, "invalid", "Invalid Value")


@pytest.mark.parametrize(
    "data",
    [
        {"createRequest": {"requestId": "1", "conferenceSolutionKey": {"type": "addOn"}}},
        add_on(conferenceSolution={"key": {"type": "eventHangout"}}),
        add_on(conferenceSolution={"key": {"type": "somethingNew"}}),
    ],
)
def test_an_unknown_type_is_refused_by_name(desk: Desk, data: dict[str, Any]) -> None:
    """8.3.3: "Invalid conference type value."."""
    request = desk.events().insert(
        calendarId="primary", body={**plain(), "conferenceData": data}, conferenceDataVersion=1
    )

    assert whole_refusal(request)[2] == {
        "error": {
            "errors": [{"domain": "global", "reason": "invalid", "message": "Invalid conference type value."}],
            "code": 400,
            "message": "Invalid conference type value.",
        }
    }


def test_a_create_request_makes_a_meet_conference_at_once(desk: Desk) -> None:
    """8.2: success with the link in the insert's answer; the same request again is ignored."""
    wish = {"createRequest": {"requestId": "1", "conferenceSolutionKey": {"type": "hangoutsMeet"}}}
    event = desk.insert(conferenceData=wish)
    again = desk.patch(event["id"], conferenceData=wish, summary="x")
    other = desk.patch(event["id"], conferenceData={"createRequest": {"requestId": "2"}})

    assert event["conferenceData"]["createRequest"]["status"] == {"statusCode": "success"}
    assert event["hangoutLink"] == event["conferenceData"]["entryPoints"][0]["uri"]
    assert again["conferenceData"] == event["conferenceData"]
    assert other["conferenceData"]["conferenceId"] != event["conferenceData"]["conferenceId"]


def test_a_create_request_can_fail(desk: Desk) -> None:
    """8.2: on failure there is no solution, no entry point, no signature."""
    desk.control("knobs", createRequest="failure")
    event = desk.insert(conferenceData={"createRequest": {"requestId": "1"}})
    data = event["conferenceData"]

    assert set(data) == {"createRequest"}
    assert data["createRequest"]["status"] == {"statusCode": "failure"}
    assert desk.patch(event["id"], summary="still editable")["conferenceData"] == data


def test_a_meet_conference_can_give_way_to_an_add_ons(desk: Desk) -> None:
    """A PUT with version 1 replaces the whole; the Meet link goes."""
    event = desk.insert(conferenceData={"createRequest": {"requestId": "1"}})["id"]
    body = {**plain(), "conferenceData": add_on()}
    request = desk.events().update(calendarId="primary", eventId=event, body=body, conferenceDataVersion=1)
    updated = run(request)

    assert updated["conferenceData"]["conferenceId"] == "vendor-123"
    assert "hangoutLink" not in updated
