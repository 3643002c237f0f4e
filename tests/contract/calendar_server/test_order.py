"""In which order things come, and how much of them: nothing may be inferred from it."""

from __future__ import annotations

import pytest

from tests.contract.calendar_server.desk import ALICE, BOB, CAROL, Desk, hours, ids, plain, refused, run


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("day", [False, True])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_exceptions_may_come_before_their_masters(desk: Desk, *, backwards: bool, day: bool, size: int) -> None:
    """5.4, 4.3, 14.5: on the same page or an earlier one, in a full pass and in an incremental one."""
    desk.control("knobs", exceptionsFirst=backwards)
    token = desk.token()
    times = {"start": {"date": "2026-12-01"}, "end": {"date": "2026-12-02"}} if day else hours("2026-12-01", 10, 11)
    master = desk.insert(recurrence=["RRULE:FREQ=DAILY;COUNT=3"], **times)["id"]
    exception = f"{master}_20261202" if day else f"{master}_20261202T090000Z"
    desk.patch(exception, summary="x")
    expected = [exception, master] if backwards else [master, exception]

    assert ids(desk.all(maxResults=size)[0]) == expected
    assert ids(desk.all(maxResults=size, syncToken=token)[0]) == expected


@pytest.mark.parametrize("backwards", [False, True])
def test_a_list_that_runs_backwards_tells_the_same(desk: Desk, *, backwards: bool) -> None:
    """4.3: every event once, the token on the last page, and changes since it as ever."""
    desk.control("knobs", exceptionsFirst=backwards)
    made = [desk.insert()["id"] for _ in range(7)]
    items, token = desk.all(maxResults=3)
    assert token is not None
    desk.patch(made[3], summary="x")

    assert sorted(ids(items)) == sorted(made)
    assert ids(desk.changes(token)) == [made[3]]


def test_a_guest_of_one_occurrence_has_it_alone(desk: Desk) -> None:
    """14.5, 5.5: an exception without a master, whose recurringEventId get answers with 404."""
    desk.page(BOB)
    master = desk.insert(recurrence=["RRULE:FREQ=DAILY;COUNT=3"], **hours("2026-12-01", 10, 11))["id"]
    desk.patch(f"{master}_20261202T090000Z", attendees=[{"email": BOB}])
    (item,) = desk.page(BOB)["items"]

    assert (item["id"], item["recurringEventId"]) == (f"{master}_20261202T090000Z", master)
    assert "recurrence" not in item
    assert refused(desk.events(BOB).get(calendarId="primary", eventId=master)) == (404, "notFound")


@pytest.mark.parametrize(("guests", "told"), [(200, True), (201, False)])
def test_a_large_meetings_answers_stay_where_they_are(desk: Desk, guests: int, *, told: bool) -> None:
    """6.5: over 200 guests, responses are not carried to the organizer."""
    desk.page(BOB)
    rows = [{"email": BOB}, *({"email": f"guest{number}@x.org"} for number in range(guests - 1))]
    event = desk.insert(attendees=rows)["id"]
    desk.patch(event, BOB, attendees=[{"email": BOB, "responseStatus": "accepted"}, *rows[1:]])
    answers = {row["email"]: row["responseStatus"] for row in desk.get(event)["attendees"]}

    assert answers[BOB] == ("accepted" if told else "needsAction")


def test_an_update_that_omits_attendees_is_ones_own_answer(desk: Desk) -> None:
    """6.11: attendeesOmitted limits an update to the participant's own response."""
    desk.page(BOB)
    event = desk.insert(summary="x", attendees=[{"email": BOB}, {"email": CAROL}])["id"]
    mine = [{"email": BOB, "responseStatus": "declined"}]
    desk.patch(event, BOB, attendeesOmitted=True, attendees=mine, summary="mine")
    found = desk.get(event)

    assert {row["email"]: row["responseStatus"] for row in found["attendees"]} == {
        BOB: "declined",
        CAROL: "needsAction",
    }
    assert found["summary"] == "x"


@pytest.mark.parametrize(("wish", "status"), [({}, 403), ({"quotaStatus": 403}, 403), ({"quotaStatus": 429}, 429)])
def test_a_spent_quota(desk: Desk, wish: dict[str, int], status: int) -> None:
    """14.11: with either status, for each user apart, until a minute has gone by."""
    desk.control("knobs", perMinute=3, **wish)
    reads = [desk.events().list(calendarId="primary") for _ in range(4)]
    for read in reads[:3]:
        run(read)

    assert refused(reads[3]) == (status, "rateLimitExceeded")
    run(desk.events(BOB).list(calendarId="primary"))
    desk.advance(61)
    run(reads[3])


def test_a_projects_quota_is_everybodys(desk: Desk) -> None:
    """14.11, 10.4: what Alice and Bob spend together."""
    desk.control("knobs", perMinutePerProject=4)
    run(desk.events(ALICE).insert(calendarId="primary", body=plain()))
    run(desk.events(BOB).list(calendarId="primary"))
    run(desk.events(BOB).list(calendarId="primary"))
    run(desk.events(ALICE).list(calendarId="primary"))

    assert refused(desk.events(CAROL).list(calendarId="primary")) == (403, "rateLimitExceeded")


@pytest.mark.parametrize("status", [500, 503])
def test_errors_in_shares(status: int) -> None:
    """14.11: some calls fail by seeded chance; equal seeds tell equal stories."""

    def story(seed: int) -> list[int]:
        desk = Desk(seed=seed)
        desk.control("faults", status=status, share=0.3, forever=True)
        return [desk.raw("GET", "/calendar/v3/calendars/primary").status for _ in range(50)]

    assert set(story(1)) == {200, status}
    assert story(1) == story(1) != story(2)
