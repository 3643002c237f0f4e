"""Sync tokens and pages (contract 2.3, 3, 4.1)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.calendar_server.desk import ALICE, BOB, Desk, ids, refused, run, whole_refusal


def test_a_pass_that_reaches_its_last_page_yields_a_token_and_no_earlier_page_does(desk: Desk) -> None:
    """3.1.1, 2.3: never both tokens on one page, the sync token on the last one only."""
    made = [desk.insert()["id"] for _ in range(5)]
    first = desk.page(maxResults=2)
    second = desk.page(maxResults=2, pageToken=first["nextPageToken"])
    third = desk.page(maxResults=2, pageToken=second["nextPageToken"])

    assert ids([*first["items"], *second["items"], *third["items"]]) == made
    assert ["nextSyncToken" in page for page in (first, second, third)] == [False, False, True]
    assert ["nextPageToken" in page for page in (first, second, third)] == [True, True, False]


def test_a_change_made_while_paging_is_told_by_the_token_of_that_pass(desk: Desk) -> None:
    """3.1.2: the token is frozen on page one."""
    made = [desk.insert()["id"] for _ in range(4)]
    first = desk.page(maxResults=2)
    desk.patch(made[0], summary="moved meanwhile")
    last = desk.page(maxResults=2, pageToken=first["nextPageToken"])

    assert ids(desk.changes(last["nextSyncToken"])) == [made[0]]


def test_a_pass_ends_although_changes_go_on(desk: Desk) -> None:
    """3.1.2: what changes after page one belongs to the next pass."""
    token = desk.token()
    made = [desk.insert()["id"] for _ in range(4)]
    page = desk.page(syncToken=token, maxResults=2)
    later = [desk.insert()["id"] for _ in range(4)]
    last = desk.page(syncToken=token, maxResults=2, pageToken=page["nextPageToken"])

    assert ids(last["items"]) == made[2:]
    assert ids(desk.changes(last["nextSyncToken"])) == later


def test_old_tokens_work_after_very_many_changes(desk: Desk) -> None:
    """3.1.5, 3.1.7: the log of changes is shortened without losing one."""
    quiet, first = desk.insert()["id"], desk.token()
    busy, second = desk.insert()["id"], desk.token()
    desk.patch(quiet, summary="x")
    for number in range(1500):
        path = f"/calendar/v3/calendars/{ALICE}/events/{busy}"
        desk.raw("PATCH", path, {"summary": f"title {number}"})

    assert [(item["id"], item["summary"]) for item in desk.changes(first)] == [(quiet, "x"), (busy, "title 1499")]
    assert ids(desk.changes(second)) == [quiet, busy]


def test_each_changed_event_comes_once_in_its_latest_state(desk: Desk) -> None:
    """3.1.5: the answer is no log of changes."""
    event = desk.insert()["id"]
    token = desk.token()
    for title in ("a", "b", "c"):
        desk.patch(event, summary=title)

    assert [item["summary"] for item in desk.changes(token)] == ["c"]


def test_without_a_change_there_are_no_items_and_a_token(desk: Desk) -> None:
    """3.1.6: an empty answer carries a token too."""
    desk.insert()
    page = desk.page(syncToken=desk.token())

    assert page["items"] == []
    assert page["nextSyncToken"]


def test_an_older_token_replays_everything_since_it(desk: Desk) -> None:
    """3.1.7: tokens are not used up."""
    old = desk.token()
    first = desk.insert()["id"]
    desk.changes(old)
    second = desk.insert()["id"]

    assert ids(desk.changes(old)) == [first, second]


def test_incremental_pages_repeat_the_sync_token(desk: Desk) -> None:
    """3.1.3: a delta of many pages is read with both tokens."""
    token = desk.token()
    made = [desk.insert()["id"] for _ in range(5)]
    items, last = desk.all(syncToken=token, maxResults=2)

    assert ids(items) == made
    assert desk.changes(last or "") == []


def test_a_deletion_is_always_told_with_a_token(desk: Desk) -> None:
    """3.1.4 and 4.2: without details, even though showDeleted is not given."""
    event = desk.insert(summary="Secret")["id"]
    token = desk.token()
    desk.delete(event)
    (item,) = desk.changes(token)

    assert (item["id"], item["status"]) == (event, "cancelled")
    assert "summary" not in item
    assert "start" not in item


def test_the_token_does_not_remember_the_window(desk: Desk) -> None:
    """4.1: a windowed full pass, then every change wherever it lies."""
    far = desk.insert(start={"date": "2020-01-01"}, end={"date": "2020-01-02"})["id"]
    items, token = desk.all(timeMin="2026-01-01T00:00:00Z")
    desk.patch(far, summary="old, but changed")

    assert items == []
    assert ids(desk.changes(token or "")) == [far]


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({}, True),
        ({"maxResults": 1}, True),
        ({"showDeleted": True}, True),
        ({"eventTypes": ["default"]}, True),
        ({"singleEvents": True}, True),
        ({"timeMin": "2026-01-01T00:00:00Z", "timeMax": "2027-01-01T00:00:00Z"}, True),
        ({"orderBy": "updated"}, False),
        ({"orderBy": "startTime", "singleEvents": True}, False),
        ({"updatedMin": "2026-11-19T00:00:00Z"}, False),
        ({"q": "words"}, False),
        ({"iCalUID": "uid"}, False),
        ({"privateExtendedProperty": ["a=b"]}, False),
        ({"sharedExtendedProperty": ["a=b"]}, False),
    ],
)
def test_which_full_pass_yields_a_token(desk: Desk, options: dict[str, Any], *, given: bool) -> None:
    """3.2: the table that decides whether a sync engine works at all."""
    page = desk.page(**options)

    assert ("nextSyncToken" in page) is given
    assert "nextPageToken" not in page


@pytest.mark.parametrize(
    ("knob", "options"),
    [
        ("tokenAfterUpdatedMin", {"updatedMin": "2026-11-19T00:00:00Z"}),
        ("tokenAfterSearch", {"q": "words"}),
    ],
)
def test_a_knob_turns_each_uncertain_row_of_that_table(desk: Desk, knob: str, options: dict[str, Any]) -> None:
    """3.2: both outcomes can be tested."""
    desk.control("knobs", **{knob: True})

    assert "nextSyncToken" in desk.page(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"iCalUID": "x"},
        {"orderBy": "updated"},
        {"privateExtendedProperty": ["a=b"]},
        {"q": "x"},
        {"sharedExtendedProperty": ["a=b"]},
        {"timeMin": "2026-01-01T00:00:00Z"},
        {"timeMax": "2026-01-01T00:00:00Z"},
        {"updatedMin": "2026-01-01T00:00:00Z"},
        {"showDeleted": False},
    ],
)
def test_parameters_that_are_refused_beside_a_token(desk: Desk, options: dict[str, Any]) -> None:
    """3.3: 400 with the token named as the location."""
    status, reason, body = whole_refusal(desk.events().list(calendarId="primary", syncToken=desk.token(), **options))

    assert (status, reason) == (400, "syncTokenWithRequestRestrictions")
    assert body["error"]["errors"][0]["location"] == "syncToken"
    assert body["error"]["message"] == "Sync token cannot be used with other request restrictions."


def test_a_knob_lets_show_deleted_false_stand_beside_a_token(desk: Desk) -> None:
    """3.3: Google contradicts itself; the other reading is bare tombstones."""
    desk.control("knobs", showDeletedFalse="bare")
    event = desk.insert()["id"]
    token = desk.token()
    desk.delete(event)

    assert ids(desk.page(syncToken=token, showDeleted=False)["items"]) == [event]


@pytest.mark.parametrize(
    ("broken", "status", "reason"),
    [
        ("1{}", 410, "fullSyncRequired"),
        ('"3285116233130000"', 400, "invalid"),
        ("garbage", 400, "invalid"),
        ("", 400, "invalid"),
        ("é{}", 400, "invalid"),
    ],
)
def test_a_tampered_token_is_gone_and_garbage_is_bad(desk: Desk, broken: str, status: int, reason: str) -> None:
    """3.4: 410 for what could have been a token, 400 for what could not."""
    token = broken.format(desk.token())

    assert refused(desk.events().list(calendarId="primary", syncToken=token)) == (status, reason)


def test_a_token_belongs_to_one_calendar_as_one_user_sees_it(desk: Desk) -> None:
    """3.1.8: elsewhere it is no longer valid."""
    desk.control("calendars", id="team@example.com", owner=ALICE, timeZone="UTC", roles={BOB: "reader"})
    mine = desk.page(calendar="team@example.com")["nextSyncToken"]

    assert refused(desk.events(BOB).list(calendarId="team@example.com", syncToken=mine)) == (410, "fullSyncRequired")
    assert refused(desk.events().list(calendarId="primary", syncToken=mine)) == (410, "fullSyncRequired")


def test_a_token_can_expire_in_the_middle_of_a_pass(desk: Desk) -> None:
    """3.4: 410 may hit any page."""
    token = desk.token()
    for _ in range(3):
        desk.insert()
    first = desk.page(syncToken=token, maxResults=2)
    desk.control("expire-tokens", calendarId=ALICE)
    request = desk.events().list(calendarId="primary", syncToken=token, maxResults=2, pageToken=first["nextPageToken"])

    assert refused(request) == (410, "fullSyncRequired")


def test_a_calendar_can_refuse_tokens_so_many_times(desk: Desk) -> None:
    """3.4: 410 for tokens only minutes old, again and again."""
    desk.token()
    desk.control("expire-tokens", calendarId=ALICE, times=2)
    answers = [refused(desk.events().list(calendarId="primary", syncToken=desk.token())) for _ in range(2)]

    assert answers == [(410, "fullSyncRequired")] * 2
    assert desk.changes(desk.token()) == []


def test_a_calendar_can_refuse_tokens_for_ever(desk: Desk) -> None:
    """3.4: some derived calendars never take a token; an end can be set to it."""
    desk.token()
    desk.control("expire-tokens", calendarId=ALICE, forever=True)
    for _ in range(5):
        assert refused(desk.events().list(calendarId="primary", syncToken=desk.token()))[0] == 410
    desk.control("expire-tokens", calendarId=ALICE)

    assert desk.changes(desk.token()) == []


def test_updated_min_has_a_horizon(desk: Desk) -> None:
    """3.4: too far back is 410 with a reason of its own."""
    request = desk.events().list(calendarId="primary", updatedMin="2026-10-01T00:00:00Z")

    assert refused(request) == (410, "updatedMinTooLongAgo")


def test_updated_min_tells_deletions_whatever_show_deleted_says(desk: Desk) -> None:
    """2.1: entries deleted after it are always included; unchanged ones are not."""
    kept, gone = desk.insert()["id"], desk.insert()["id"]
    desk.advance(3600)
    desk.delete(gone)
    items = desk.page(updatedMin="2026-11-20T10:30:00Z")["items"]

    assert ids(items) == [gone]
    assert kept not in ids(items)


@pytest.mark.parametrize("page", ["garbage", "", "AAAA", "é"])
def test_a_page_token_that_is_none_is_bad(desk: Desk, page: str) -> None:
    """10.1: 400 invalid, not a crash."""
    assert refused(desk.events().list(calendarId="primary", pageToken=page)) == (400, "invalid")


def test_a_page_token_needs_the_same_parameters(desk: Desk) -> None:
    """2.1: every other parameter must be repeated unchanged, the sync token included."""
    token = desk.token()
    for _ in range(3):
        desk.insert()
    page = desk.page(syncToken=token, maxResults=1)["nextPageToken"]

    assert refused(desk.events().list(calendarId="primary", maxResults=1, pageToken=page)) == (400, "invalid")
    assert refused(desk.events().list(calendarId="primary", syncToken=token, pageToken=page)) == (400, "invalid")


def test_page_size_counts_rows_before_deleted_ones_are_left_out(desk: Desk) -> None:
    """2.3: short and empty pages with a nextPageToken are normal."""
    for event in [desk.insert()["id"] for _ in range(4)]:
        desk.delete(event)
    kept = desk.insert()["id"]
    first = desk.page(maxResults=2)
    items, token = desk.all(maxResults=2)

    assert first["items"] == []
    assert first["nextPageToken"]
    assert ids(items) == [kept]
    assert token is not None


def test_page_size_can_be_forced_and_pages_made_empty(desk: Desk) -> None:
    """14.3: short and empty pages on demand lose nothing."""
    made = [desk.insert()["id"] for _ in range(7)]
    desk.control("knobs", pageLimit=2, emptyPages=0.5)
    before = len(desk.server.requests)
    items, _ = desk.all(maxResults=2500)

    assert ids(items) == made
    assert len(desk.server.requests) - before > 4


def test_a_list_answers_304_while_nothing_changed(desk: Desk) -> None:
    """7.3: If-None-Match on a list."""
    desk.insert()
    page = desk.page()
    path, headers = f"/calendar/v3/calendars/{ALICE}/events", {"authorization": f"Bearer dev:{ALICE}"}
    headers["if-none-match"] = page["etag"]
    unchanged = desk.raw("GET", path, headers=headers)
    desk.insert()

    assert (unchanged.status, unchanged.body) == (304, b"")
    assert desk.raw("GET", path, headers=headers).status == 200


def test_the_head_of_a_list_describes_the_calendar(desk: Desk) -> None:
    """2.3: zone, role, time of the last change."""
    event = desk.insert()
    page = run(desk.events().list(calendarId=ALICE))

    assert {key: page[key] for key in ("kind", "summary", "timeZone", "accessRole", "updated")} == {
        "kind": "calendar#events",
        "summary": ALICE,
        "timeZone": "Europe/Zurich",
        "accessRole": "owner",
        "updated": event["updated"],
    }
