"""Faults, quotas and create requests that take a while: what a test can make the server do (contract 8.2, 10, 14)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.local.calendar.persistence import SqliteState
from tests.contract.calendar_server.desk import ALICE, BOB, Desk, ids, plain, read, run, whole_refusal

EVENTS = f"/calendar/v3/calendars/{ALICE}/events"
REQUEST = {"createRequest": {"requestId": "r1", "conferenceSolutionKey": {"type": "hangoutsMeet"}}}


def statuses(desk: Desk, count: int, **query: list[str]) -> list[int]:
    """The statuses of so many lists."""
    return [desk.raw("GET", EVENTS, query=query).status for _ in range(count)]


def test_a_share_of_the_requests_fails_until_the_faults_are_cleared(desk: Desk) -> None:
    """14.11: random 500 and 503."""
    desk.control("faults", status=500, share=0.25, forever=True)
    desk.control("faults", status=503, share=0.25, forever=True)
    found = statuses(desk, 400)
    desk.raw("DELETE", "/control/faults")

    assert 60 < found.count(500) < 140
    assert 40 < found.count(503) < 120
    assert set(found) == {200, 500, 503}
    assert set(statuses(desk, 50)) == {200}


def test_equal_seeds_draw_equal_faults(desk: Desk) -> None:
    """14: a run that failed can be had again."""

    def run_of(seed: int) -> list[int]:
        desk.control("reset", seed=seed)
        desk.control("faults", status=503, share=0.5, forever=True)
        return statuses(desk, 40)

    first = run_of(3)
    assert run_of(3) == first
    assert run_of(4) != first


@pytest.mark.parametrize("body", [{"share": 0}, {"share": 1.5}, {"forever": "yes"}])
def test_a_fault_that_cannot_be_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    """400 with the cause."""
    answer = desk.raw("POST", "/control/faults", body)

    assert answer.status == 400
    assert next(iter(body)) in read(answer)["error"]


def test_the_next_messages_can_be_lost_for_certain(desk: Desk) -> None:
    """14: drop next n."""
    desk.watch()
    desk.pushes()
    desk.control("push", drop_next=2)
    told = []
    for _ in range(3):
        desk.insert()
        told.append(len(desk.pushes()))

    assert told == [0, 0, 1]


def test_an_expired_token_is_noticed_in_the_middle_of_a_pass(desk: Desk) -> None:
    """14.2: 410 on a later page of an incremental pass."""
    token = desk.token()
    for _ in range(3):
        desk.insert()
    page = desk.page(syncToken=token, maxResults=1)
    desk.control("expire-tokens", calendarId=ALICE)
    request = desk.events().list(calendarId="primary", syncToken=token, maxResults=1, pageToken=page["nextPageToken"])

    assert whole_refusal(request)[:2] == (410, "fullSyncRequired")


# ---- quotas


@pytest.mark.parametrize(("status", "name"), [(403, "PERMISSION_DENIED"), (429, "RESOURCE_EXHAUSTED")])
def test_a_spent_quota_is_told_in_googles_words(desk: Desk, status: int, name: str) -> None:
    """10.3, 14.11: the whole body, with 403 or 429."""
    desk.control("knobs", perMinute=1, quotaStatus=status)
    desk.page()
    found, reason, body = whole_refusal(desk.events().list(calendarId="primary"))
    error = body["error"]

    assert (found, reason, error["status"], error["code"]) == (status, "rateLimitExceeded", name, status)
    assert error["errors"][0]["domain"] == "usageLimits"
    assert error["message"] == error["errors"][0]["message"]
    assert "limit 'Queries per minute per user'" in error["message"]
    assert error["details"][0]["metadata"] == {
        "quota_limit": "defaultPerMinutePerUser",
        "service": "calendar-json.googleapis.com",
        "consumer": "projects/1",
        "quota_location": "global",
        "quota_metric": "calendar-json.googleapis.com/default",
        "quota_limit_value": "1",
    }
    assert error["details"][1]["@type"] == "type.googleapis.com/google.rpc.Help"


def test_all_users_together_have_a_quota_too(desk: Desk) -> None:
    """10.4: per minute and project."""
    desk.control("knobs", perMinute=3, perMinutePerProject=4)
    for user in (ALICE, ALICE, ALICE, BOB):
        desk.page(user)
    _, _, body = whole_refusal(desk.events(BOB).list(calendarId="primary"))
    desk.advance(61)

    assert body["error"]["details"][0]["metadata"]["quota_limit"] == "defaultPerMinutePerProject"
    assert desk.page(BOB)["items"] == []


def test_a_call_can_name_who_pays(desk: Desk) -> None:
    """10.4: quotaUser, or x-goog-quota-user, takes the place of the caller."""
    desk.control("knobs", perMinute=1)
    headers = {"authorization": f"Bearer dev:{ALICE}", "x-goog-quota-user": "three"}

    assert statuses(desk, 2) == [200, 403]
    assert statuses(desk, 2, quotaUser=["two"]) == [200, 403]
    assert [desk.raw("GET", EVENTS, headers=headers).status for _ in range(2)] == [200, 403]


def test_a_refused_call_costs_nothing(desk: Desk) -> None:
    """10.4: the window slides on from the calls that were served."""
    event = desk.insert()["id"]
    desk.control("knobs", perMinute=3)
    desk.page()
    for _ in range(5):
        desk.raw("PATCH", f"{EVENTS}/{event}", {"summary": "x"})

    assert statuses(desk, 3) == [200, 200, 403]


def test_by_default_nothing_is_counted(desk: Desk) -> None:
    """A development server is no place to wait."""
    assert set(statuses(desk, 700)) == {200}


# ---- create requests that take a while


def test_a_pending_conference_comes_as_a_second_change(desk: Desk) -> None:
    """8.2: pending in the answer; then success, with a message and in the next incremental list."""
    desk.control("knobs", createRequest="pending", pendingSeconds=30)
    desk.watch()
    event = desk.insert(conferenceData=REQUEST)
    token = desk.token()
    desk.pushes()
    early = desk.changes(token)
    due = desk.server.next_push()
    desk.advance(30)
    pushes = desk.pushes()
    (changed,) = desk.changes(token)

    assert event["conferenceData"]["createRequest"]["status"] == {"statusCode": "pending"}
    assert {*event["conferenceData"]} == {"createRequest"}
    assert "hangoutLink" not in event
    assert early == []
    assert due == desk.now
    assert [push.state for push in pushes] == ["exists"]
    assert changed["conferenceData"]["createRequest"]["status"] == {"statusCode": "success"}
    assert changed["hangoutLink"] == changed["conferenceData"]["entryPoints"][0]["uri"]
    assert changed["etag"] != event["etag"]


def test_guests_get_the_same_conference(desk: Desk) -> None:
    """6.1, 8.2: it is made once, on the main copy."""
    desk.token(BOB)
    desk.control("knobs", createRequest="pending")
    event = desk.insert(conferenceData=REQUEST, attendees=[{"email": BOB}])["id"]
    desk.advance(2)

    assert desk.get(event, BOB)["conferenceData"] == desk.get(event)["conferenceData"]
    assert desk.get(event)["conferenceData"]["conferenceId"]


@pytest.mark.parametrize("change", ["delete", "clear", "replace"])
def test_what_became_of_the_event_meanwhile_stays(desk: Desk, change: str) -> None:
    """8.2: a request that is withdrawn is not fulfilled."""
    desk.control("knobs", createRequest="pending")
    event = desk.insert(conferenceData=REQUEST)["id"]
    if change == "delete":
        desk.delete(event)
    else:
        other = {"createRequest": {**REQUEST["createRequest"], "requestId": "r2"}}
        desk.control("knobs", createRequest="failure")
        desk.patch(event, conferenceData=None if change == "clear" else other)
    before = desk.get(event)
    desk.advance(2)

    assert desk.get(event) == before


def test_the_same_request_again_waits_on(desk: Desk) -> None:
    """8.2: the same requestId as last time is ignored."""
    desk.control("knobs", createRequest="pending")
    event = desk.insert(conferenceData=REQUEST)
    again = desk.patch(event["id"], conferenceData=REQUEST)

    assert again["conferenceData"]["createRequest"]["status"] == {"statusCode": "pending"}


def test_a_pending_request_outlives_the_process(tmp_path: Path) -> None:
    """14: whoever takes up the state goes on with it."""
    state = SqliteState(tmp_path / "calendar.db")
    desk = Desk(state)
    desk.control("knobs", createRequest="pending", pendingSeconds=3600)
    event = desk.insert(conferenceData=REQUEST)["id"]
    later = Desk(state, seed=2)
    found = later.get(event)["conferenceData"]["createRequest"]["status"]
    state.close()

    assert found == {"statusCode": "success"}


def test_a_batch_is_durable_when_it_is_answered(tmp_path: Path) -> None:
    """14: all of its parts."""
    state = SqliteState(tmp_path / "calendar.db")
    desk = Desk(state)
    lines = f"--e\r\nContent-Type: application/http\r\n\r\nPOST {EVENTS}\r\n\r\n"
    start = '{"id": "kept00", "start": {"date": "2026-12-01"}, "end": {"date": "2026-12-02"}}\r\n--e--'
    headers = {"content-type": "multipart/mixed; boundary=e", "authorization": f"Bearer dev:{ALICE}"}
    desk.raw("POST", "/batch/calendar/v3", (lines + start).encode(), headers=headers)
    kept = ids(Desk(state, seed=2).page()["items"])
    state.close()

    assert kept == ["kept00"]


def test_lists_can_run_from_the_newest_to_the_oldest(desk: Desk) -> None:
    """5.4: exceptions stand before their masters, in full and incremental passes, page by page."""
    token = desk.token()
    body: dict[str, Any] = {
        "start": {"dateTime": "2026-12-01T10:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-12-01T11:00:00", "timeZone": "UTC"},
    }
    master = desk.insert(**body, recurrence=["RRULE:FREQ=DAILY;COUNT=5"])["id"]
    first = desk.patch(f"{master}_20261202T100000Z", summary="one")["id"]
    second = desk.patch(f"{master}_20261203T100000Z", summary="two")["id"]
    desk.control("knobs", exceptionsFirst=True)
    full, _ = desk.all(maxResults=1)
    changed, _ = desk.all(syncToken=token, maxResults=1)

    assert ids(full) == ids(changed) == [second, first, master]


def test_an_event_is_one_call_of_the_quota(desk: Desk) -> None:
    """10.4: an insert counts one, so 600 of them fill a minute of Google's default."""
    desk.control("knobs", perMinute=600)
    found = [desk.raw("POST", EVENTS, plain()).status for _ in range(601)]

    assert found == [200] * 600 + [403]
    assert len(run(desk.events(BOB).list(calendarId="primary"))["items"]) == 0
