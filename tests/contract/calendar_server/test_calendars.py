"""calendars.*: making, changing, emptying, deleting and handing over calendars (contract 11)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from infra.local.calendar.persistence import SqliteState
from tests.contract.calendar_server.desk import ALICE, BOB, CAROL, Desk, hours, ids, plain, refused, run, with_header
from tests.contract.calendar_server.sharing import rule

CHANNEL = {"id": "c", "type": "web_hook", "address": "http://127.0.0.1:9/"}


def made(desk: Desk, user: str = ALICE, **fields: Any) -> dict[str, Any]:
    """A secondary calendar of this user."""
    return run(desk.client(user).calendars().insert(body={"summary": "Team", **fields}))


def on_list(desk: Desk, user: str = ALICE) -> list[str]:
    """The ids of the calendars on the user's list."""
    return ids(run(desk.client(user).calendarList().list())["items"])


def give(desk: Desk, calendar: str, role: str, user: str = BOB) -> None:
    """Give a role on one of Alice's calendars."""
    run(desk.client().acl().insert(calendarId=calendar, body=rule(role, value=user)))


def test_a_new_calendar_has_its_maker_as_data_owner_and_stands_on_their_list(desk: Desk) -> None:
    """11: a secondary calendar; the maker owns it and needs no second call to see it."""
    calendar = made(desk, description="ours", location="Bern", timeZone="Europe/Zurich")
    entry = run(desk.client().calendarList().get(calendarId=calendar["id"]))

    assert calendar.pop("etag").startswith('"')
    assert calendar.pop("id").endswith("@group.calendar.google.com")
    assert calendar == {
        "kind": "calendar#calendar",
        "summary": "Team",
        "description": "ours",
        "location": "Bern",
        "timeZone": "Europe/Zurich",
        "dataOwner": ALICE,
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
    }
    assert (entry["summary"], entry["accessRole"], entry["dataOwner"]) == ("Team", "owner", ALICE)
    assert "primary" not in entry
    assert on_list(desk) == [ALICE, entry["id"]]


def test_a_new_calendar_lies_in_utc_unless_told_otherwise_and_keeps_events(desk: Desk) -> None:
    """11: its own zone rules over what its events show."""
    calendar = made(desk)
    event = desk.insert(calendar=calendar["id"], **hours("2026-12-01", 10, 11))

    assert calendar["timeZone"] == "UTC"
    assert event["start"]["dateTime"] == "2026-12-01T09:00:00Z"
    assert event["organizer"] == {"email": calendar["id"], "displayName": "Team", "self": True}


@pytest.mark.parametrize(
    ("body", "reason"),
    [({}, "required"), ({"summary": ""}, "required"), ({"summary": "x", "timeZone": "Mars"}, "invalid")],
)
def test_what_is_no_calendar_is_refused(desk: Desk, body: dict[str, Any], reason: str) -> None:
    """11: the title is required, the zone an IANA name; the list stays as it was."""
    assert refused(desk.client().calendars().insert(body=body)) == (400, reason)
    assert on_list(desk) == [ALICE]


def test_a_patch_changes_what_is_sent_and_a_put_empties_the_rest(desk: Desk) -> None:
    """7.4, 11: null removes; title and zone cannot be empty and stay."""
    calendar = made(desk, description="d", location="l", timeZone="Asia/Tokyo")["id"]
    calendars = desk.client().calendars()
    patched = run(calendars.patch(calendarId=calendar, body={"summary": "New", "location": None}))
    put = run(calendars.update(calendarId=calendar, body={"summary": "Newer"}))

    assert (patched["summary"], patched["description"], "location" in patched) == ("New", "d", False)
    assert (put["summary"], put["timeZone"], "description" in put) == ("Newer", "Asia/Tokyo", False)
    assert refused(calendars.patch(calendarId=calendar, body={"summary": None})) == (400, "required")
    assert refused(calendars.patch(calendarId=calendar, body={"timeZone": "Mars"})) == (400, "invalid")
    assert run(calendars.get(calendarId=calendar)) == put


def test_details_are_kept_unless_sent_anew(desk: Desk) -> None:
    """DISC: label properties and working hours that are not specified remain unchanged."""
    hours_kept = {
        "workingHoursEnabled": True,
        "availableTimes": [{"dayOfWeek": "monday", "periodStart": 540, "periodEnd": 600}],
    }
    calendars = desk.client().calendars()
    run(calendars.patch(calendarId="primary", body={"workingHours": hours_kept}))

    assert run(calendars.update(calendarId="primary", body={"summary": "Me"}))["workingHours"] == hours_kept


def test_writes_are_conditional_and_one_without_effect_moves_no_etag(desk: Desk) -> None:
    """7.1, 7.9: O MM 57, 58 for calendars.patch; 304 for a known version."""
    first = made(desk)
    calendars = desk.client().calendars()
    same = run(calendars.patch(calendarId=first["id"], body={"summary": "Team"}))
    second = run(with_header(calendars.patch(calendarId=first["id"], body={"summary": "B"}), "If-Match", first["etag"]))
    stale = calendars.patch(calendarId=first["id"], body={"summary": "C"})
    gone = calendars.delete(calendarId=first["id"])

    assert same["etag"] == first["etag"] != second["etag"]
    assert refused(with_header(stale, "If-Match", first["etag"])) == (412, "conditionNotMet")
    assert refused(with_header(gone, "If-Match", first["etag"])) == (412, "conditionNotMet")
    headers = {"authorization": f"Bearer dev:{ALICE}", "if-none-match": second["etag"]}
    assert desk.raw("GET", f"/calendar/v3/calendars/{first['id']}", headers=headers).status == 304


def test_another_zone_moves_the_days(desk: Desk) -> None:
    """11: all-day events lie in the calendar's zone; dateTimes are shown in it."""
    desk.insert(start={"date": "2026-12-01"}, end={"date": "2026-12-02"})
    shown = desk.insert()
    window = {"timeMin": "2026-12-01T00:00:00Z", "timeMax": "2026-12-01T01:00:00Z"}
    before = len(desk.page(**window)["items"])
    run(desk.client().calendars().patch(calendarId="primary", body={"timeZone": "America/New_York"}))

    assert (before, len(desk.page(**window)["items"])) == (1, 0)
    assert desk.page()["timeZone"] == "America/New_York"
    assert run(desk.client().settings().get(setting="timezone"))["value"] == "America/New_York"
    assert desk.get(shown["id"]) == {
        **shown,
        "start": {"dateTime": "2026-12-01T05:00:00-05:00"},
        "end": {"dateTime": "2026-12-01T06:00:00-05:00"},
    }


@pytest.mark.parametrize("role", ["none", "freeBusyReader", "reader", "writer", "owner"])
def test_only_owners_change_a_calendar_and_only_its_data_owner_deletes_it(desk: Desk, role: str) -> None:
    """11: `dataOwner` is not the role owner."""
    calendar = made(desk)["id"]
    if role != "none":
        give(desk, calendar, role)
    calendars = desk.client(BOB).calendars()
    patch = calendars.patch(calendarId=calendar, body={"summary": "his"})
    delete = calendars.delete(calendarId=calendar)

    if role == "none":
        assert refused(calendars.get(calendarId=calendar)) == refused(patch) == refused(delete) == (404, "notFound")
        return
    assert run(calendars.get(calendarId=calendar))["summary"] == "Team"
    if role == "owner":
        assert run(patch)["summary"] == "his"
        assert refused(delete) == (403, "forbidden")
    else:
        assert refused(patch) == refused(delete) == (403, "requiredAccessLevel")


def test_a_deleted_calendar_exists_for_nobody(desk: Desk) -> None:
    """11: gone from every list, which lists with a token tell; its events are 404."""
    calendar = made(desk)["id"]
    give(desk, calendar, "reader")
    lists = {user: desk.client(user).calendarList() for user in (ALICE, BOB)}
    run(lists[BOB].insert(body={"id": calendar}))
    tokens = {user: run(each.list())["nextSyncToken"] for user, each in lists.items()}
    desk.client().calendars().delete(calendarId=calendar).execute()

    for user, each in lists.items():
        (told,) = run(each.list(syncToken=tokens[user]))["items"]
        assert (told["id"], told["deleted"], "summary" in told) == (calendar, True, False)
        assert on_list(desk, user) == [user]
        assert refused(desk.events(user).list(calendarId=calendar)) == (404, "notFound")
        assert refused(each.insert(body={"id": calendar})) == (404, "notFound")
    assert refused(desk.client().calendars().delete(calendarId=calendar)) == (404, "notFound")


def test_a_primary_calendar_is_cleared_not_deleted_a_secondary_one_the_reverse(desk: Desk) -> None:
    """11: delete for secondary ones only; clear on a secondary one is 400 (O MM 56)."""
    calendar = made(desk)["id"]
    calendars = desk.client().calendars()

    assert refused(calendars.delete(calendarId="primary")) == (403, "cannotDeletePrimaryCalendar")
    assert refused(calendars.clear(calendarId=calendar)) == (400, "invalid")
    calendars.clear(calendarId="primary").execute()
    calendars.delete(calendarId=calendar).execute()
    assert on_list(desk) == [ALICE]


def test_clearing_deletes_every_event_and_tells_it(desk: Desk) -> None:
    """11, 3.1.4: series with their changed occurrences too; guests lose what they were invited to."""
    single = desk.insert(attendees=[{"email": BOB}])["id"]
    series = desk.insert(**hours("2026-12-01", 10, 11), recurrence=["RRULE:FREQ=DAILY;COUNT=3"])["id"]
    changed = f"{series}_20261202T090000Z"
    desk.patch(changed, summary="other")
    token, guest = desk.token(), desk.token(BOB)
    desk.client().calendars().clear(calendarId="primary").execute()

    assert desk.page()["items"] == []
    assert {(item["id"], item["status"]) for item in desk.changes(token)} == {
        (each, "cancelled") for each in (single, series, changed)
    }
    assert ids(desk.changes(guest, BOB)) == [single]


def test_another_owner_clears_too_but_no_writer(desk: Desk) -> None:
    """10.1: 403 requiredAccessLevel."""
    desk.insert()
    give(desk, "primary", "writer")
    assert refused(desk.client(BOB).calendars().clear(calendarId=ALICE)) == (403, "requiredAccessLevel")
    give(desk, "primary", "owner")
    desk.client(BOB).calendars().clear(calendarId=ALICE).execute()
    assert desk.page()["items"] == []


def test_an_administrator_hands_a_calendar_over(desk: Desk) -> None:
    """11: the new data owner has it on their list and may delete it; the old one keeps the role owner."""
    calendar = made(desk)["id"]
    desk.token(BOB)
    desk.control("knobs", admins=[CAROL])
    wish = {"calendarId": calendar, "newDataOwner": BOB, "useAdminAccess": True}
    desk.client(CAROL).calendars().transferOwnership(**wish).execute()

    assert run(desk.client(BOB).calendars().get(calendarId=calendar))["dataOwner"] == BOB
    assert calendar in on_list(desk, BOB)
    assert run(desk.client().calendarList().get(calendarId=calendar))["accessRole"] == "owner"
    assert refused(desk.client().calendars().delete(calendarId=calendar)) == (403, "forbidden")
    desk.client(BOB).calendars().delete(calendarId=calendar).execute()
    assert calendar not in on_list(desk)


@pytest.mark.parametrize(
    ("changes", "user", "expected"),
    [
        ({}, ALICE, (403, "forbidden")),
        ({"useAdminAccess": False}, CAROL, (400, "invalid")),
        ({"calendarId": ALICE}, CAROL, (400, "invalid")),
        ({"calendarId": "no@example.com"}, CAROL, (404, "notFound")),
        ({"newDataOwner": "nobody@example.com"}, CAROL, (404, "notFound")),
    ],
)
def test_what_cannot_be_handed_over(desk: Desk, changes: dict[str, Any], user: str, expected: tuple[int, str]) -> None:
    """11: administrators only, secondary and active calendars only, to a user who exists."""
    desk.token(BOB)
    desk.control("knobs", admins=[CAROL])
    wish = {"calendarId": made(desk)["id"], "newDataOwner": BOB, "useAdminAccess": True, **changes}

    assert refused(desk.client(user).calendars().transferOwnership(**wish)) == expected


@pytest.mark.parametrize("knob", [True, False])
def test_a_knob_says_that_a_watched_calendar_is_gone(desk: Desk, *, knob: bool) -> None:
    """9.2.2, Q13: whether `not_exists` is ever sent is not settled."""
    calendar = made(desk)["id"]
    run(desk.events().watch(calendarId=calendar, body=CHANNEL))
    desk.pushes()
    desk.control("knobs", notExists=knob)
    desk.client().calendars().delete(calendarId=calendar).execute()

    assert [push.headers["X-Goog-Resource-State"] for push in desk.pushes()] == ["not_exists"] * knob


def test_calendars_outlive_the_process(tmp_path: Path) -> None:
    """What was made, changed and deleted is found again; new etags are greater than the old."""
    with closing(SqliteState(tmp_path / "state")) as state:
        first = Desk(state)
        kept, gone = made(first, description="d"), made(first)
        first.client().calendars().delete(calendarId=gone["id"]).execute()
        renamed = run(first.client().calendars().patch(calendarId=kept["id"], body={"summary": "B"}))
        second = Desk(state)
        calendars = second.client().calendars()

        assert run(calendars.get(calendarId=kept["id"])) == renamed
        assert refused(calendars.get(calendarId=gone["id"])) == (404, "notFound")
        assert on_list(second) == [ALICE, kept["id"]]
        assert int(made(second)["etag"].strip('"')) > int(renamed["etag"].strip('"'))
        assert run(second.events().insert(calendarId=kept["id"], body=plain()))["status"] == "confirmed"
