"""Series: split, ended, excepted, and standing on a guest's calendar in pieces (calendar-contract 5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.instead import Instead
from tests.world import ALICE, World, asked, event_body

pytestmark = pytest.mark.usefixtures("feed")

WEEKLY = ["RRULE:FREQ=WEEKLY;COUNT=6"]


def zurich(start: str, end: str) -> dict[str, Any]:
    """Start and end in Zurich, as an event has them."""
    return {name: {"dateTime": at, "timeZone": "Europe/Zurich"} for name, at in (("start", start), ("end", end))}


def split(world: World) -> tuple[str, str]:
    """A weekly series of six, cut before its third: the ids of the two halves, as Calendar's pages leave them."""
    first = world.insert(summary="Weekly", recurrence=WEEKLY)
    world.settle()
    conference = world.event(first["id"])["conferenceData"]
    world.patch(first["id"], recurrence=["RRULE:FREQ=WEEKLY;UNTIL=20261207T225959Z"])
    second = world.insert(
        summary="Weekly",
        recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"],
        conferenceData=conference,
        **zurich("2026-12-08T10:00:00", "2026-12-08T11:00:00"),
    )
    return first["id"], second["id"]


# ---- this and following -----------------------------------------------------------------------------


def test_both_halves_of_a_split_series_keep_the_one_conference(world: World) -> None:
    """Calendar copies the conference to the second half: one meeting, one join link, no fight over its times."""
    halves = split(world)
    world.settle()
    world.calls()
    world.clock.advance(timedelta(minutes=20))
    world.tick()
    world.settle()
    quiet = world.calls()

    (meeting,) = world.meetings()
    links = [world.event(half)["conferenceData"]["entryPoints"][0]["uri"] for half in halves]
    assert meeting["recurrence"] == ["RRULE:FREQ=WEEKLY;UNTIL=20261207T225959Z"]
    assert links == [meeting["join_url"]] * 2
    assert quiet == {"GET events": 1}


@pytest.mark.parametrize("together", [True, False], ids=["in one run", "one after the other"])
def test_a_split_conference_dies_with_its_second_half(world: World, together: bool) -> None:
    """The first half deleted hands the meeting on, under the same join link; the second ends it."""
    first, second = split(world)
    world.settle()
    (meeting,) = world.meetings()
    world.cancel(first)
    handed_on = None
    if not together:
        world.settle()
        (handed_on,) = world.meetings()
    world.cancel(second)
    world.settle()

    assert world.meetings() == []
    if handed_on is not None:
        assert (handed_on["id"], handed_on["join_url"]) == (meeting["id"], meeting["join_url"])
        assert handed_on["recurrence"] == ["RRULE:FREQ=WEEKLY;COUNT=4"]
        assert handed_on["start"] == "2026-12-08T09:00:00Z"


def test_a_half_whose_conference_is_taken_off_leaves_the_other_its_own(world: World) -> None:
    """Calls off the online part of the later ones only: the meeting goes on for the earlier ones."""
    first, second = split(world)
    world.settle()
    world.patch(second, conferenceData=None)
    world.settle()

    (meeting,) = world.meetings()
    assert world.event(first)["conferenceData"]["conferenceId"] == meeting["id"]
    assert "conferenceData" not in world.event(second)


# ---- exceptions --------------------------------------------------------------------------------------


def test_a_series_deleted_with_a_moved_and_a_cancelled_occurrence_leaves_nothing(world: World) -> None:
    """The tombstones of the exceptions are neither events of their own nor a reason to keep the meeting."""
    made = world.insert(recurrence=WEEKLY)
    world.settle()
    moved = f"{made['id']}_20261201T090000Z"
    world.patch(moved, **zurich("2026-12-02T15:00:00", "2026-12-02T16:00:00"))
    world.cancel(f"{made['id']}_20261208T090000Z")
    world.settle()
    exceptions = len(world.meetings()[0]["exceptions"])
    world.cancel(made["id"])
    world.settle()
    (row,) = world.rows()

    assert exceptions == 2
    assert world.meetings() == []
    assert (row.event, row.link, row.pending, row.parked) == (made["id"], None, False, None)


def test_a_moved_occurrence_and_the_end_of_its_series_in_one_list(world: World) -> None:
    """An exception that is listed after its dead series, or before it, brings nothing back."""
    made = world.insert(recurrence=WEEKLY)
    world.settle()
    for exceptions_first in (True, False):
        world.google_control("knobs", exceptionsFirst=exceptions_first)
        again = made if exceptions_first else world.insert(recurrence=WEEKLY)
        world.settle()
        world.patch(f"{again['id']}_20261201T090000Z", summary="Only this one")
        world.cancel(again["id"])
        world.settle()

        assert world.meetings() == []
        assert not any(row.pending or row.link for row in world.rows())


def test_a_series_brought_back_keeps_its_cancelled_occurrences_cancelled(world: World) -> None:
    """Their tombstones came when there was no meeting any more, and who restores the series does not restore them."""
    made = world.insert(recurrence=WEEKLY)
    world.patch(f"{made['id']}_20261201T090000Z", summary="Only this one")
    world.settle()
    (meeting,) = world.meetings()
    world.google_control("push", silent=True)
    world.cancel(made["id"])
    # A refused write shows that the event is gone, before any list has told of it and of its exceptions.
    world.vendor_control(f"meetings/{meeting['id']}", rotate_join_url=True)
    world.settle()
    let_go = world.meetings()
    world.clock.advance(timedelta(minutes=16))
    world.tick()
    world.settle()
    world.patch(made["id"], status="confirmed")
    world.clock.advance(timedelta(minutes=16))
    world.tick()
    world.settle()

    (again,) = world.meetings()
    assert let_go == []
    assert world.event(f"{made['id']}_20261201T090000Z")["status"] == "cancelled"
    assert [(one["original_start"], one["cancelled"]) for one in again["exceptions"]] == [
        ("2026-12-01T09:00:00Z", True)
    ]


def test_a_series_that_asks_late_keeps_the_exceptions_it_had(world: World) -> None:
    """They were passed over as they came, and no list tells of them again: they are read with the series, once."""
    made = world.insert(recurrence=WEEKLY, conferenceData=None)
    world.settle()
    world.patch(f"{made['id']}_20261201T090000Z", summary="Only this one")
    world.cancel(f"{made['id']}_20261208T090000Z")
    world.settle()
    world.calls()
    world.patch(made["id"], conferenceData=asked())
    world.settle()
    lists = world.calls()["GET events"]
    world.patch(made["id"], summary="Renamed")
    world.settle()

    (meeting,) = world.meetings()
    assert [(one["original_start"], one.get("title"), one.get("cancelled")) for one in meeting["exceptions"]] == [
        ("2026-12-01T09:00:00Z", "Only this one", None),
        ("2026-12-08T09:00:00Z", None, True),
    ]
    assert lists == 3
    assert world.calls()["GET events"] == 1


def test_a_series_of_which_an_occurrence_cannot_be_read_has_its_meeting(world: World) -> None:
    """What cannot be read is told of; the series is kept in step without it."""
    made = world.insert(recurrence=WEEKLY, conferenceData=None)
    occurrence = world.event(f"{made['id']}_20261201T090000Z")
    world.google_control("events", calendarId=ALICE, event={**occurrence, "summary": {"not": "text"}})
    world.settle()
    world.patch(made["id"], conferenceData=asked())
    world.settle()

    assert [meeting["title"] for meeting in world.meetings()] == ["Planning"]
    assert {one.data["event"] for one in world.store.query("dead")} >= {made["id"]}


def test_a_series_that_is_over_but_for_a_moved_occurrence_is_looked_up(world: World) -> None:
    """A full pass shows the occurrence that is to come, and not its series: that may have changed all the same."""
    made = world.insert(recurrence=["RRULE:FREQ=DAILY;COUNT=2"])
    world.settle()
    world.patch(f"{made['id']}_20261125T090000Z", **zurich("2026-12-20T10:00:00", "2026-12-20T11:00:00"))
    world.settle()
    world.clock.advance(timedelta(days=5))
    world.google_control("push", silent=True)
    world.patch(made["id"], conferenceData=None)
    world.google_control("expire-tokens", calendarId=ALICE)
    world.clock.advance(timedelta(minutes=16))
    world.tick()
    world.settle()

    assert world.meetings() == []
    assert not any(row.pending or row.parked or row.link for row in world.rows())


@pytest.mark.parametrize(("status", "reason"), [(403, "forbidden"), (404, "notFound"), (410, "fullSyncRequired")])
def test_occurrences_that_are_not_shown_stop_no_calendar(world: World, feed: str, status: int, reason: str) -> None:
    """The one list by which they are read is refused: the series has its meeting, the token is kept, the feed runs."""
    token = world.feed(feed).token
    calm, failed = world.ground.calendar, list[int]()

    def find(*arguments: Any) -> Any:
        if not failed:
            failed.append(status)
            world.google_control("faults", method="GET", path="/events$", times=1, status=status, reason=reason)
        return calm.find(*arguments)

    world.change_ground(calendar=Instead(calm, find=find))
    world.insert(recurrence=WEEKLY)
    world.settle(timedelta(minutes=2))

    assert failed
    assert token
    assert [meeting["title"] for meeting in world.meetings()] == ["Planning"]
    assert not world.feed(feed).stopped
    assert world.feed(feed).dropped_at == 0.0


def test_a_guest_invited_to_one_occurrence_only_costs_one_list(world: World) -> None:
    """The occurrence stands on the guest's calendar without its series: no look for that, no meeting, no row."""
    bob = world.client("bob@example.com").events()
    body = {**event_body(), "recurrence": WEEKLY}
    made = bob.insert(calendarId="primary", body=body, conferenceDataVersion=1).execute()
    occurrence = f"{made['id']}_20261201T090000Z"
    bob.patch(calendarId="primary", eventId=occurrence, body={"attendees": [{"email": ALICE}]}).execute()
    world.calls()
    world.settle()
    calls = world.calls()

    assert world.event(occurrence)["recurringEventId"] == made["id"]
    assert calls == {"GET events": 1}
    assert (world.meetings(), world.rows()) == ([], [])


def test_a_guest_of_one_occurrence_is_no_guest_of_the_series(world: World) -> None:
    """The host invites somebody to one date: the meeting's people, who come each time, stay the same."""
    made = world.insert(recurrence=WEEKLY, attendees=[{"email": "bob@example.com"}])
    world.settle()
    everybody = [{"email": "bob@example.com"}, {"email": "carol@example.com"}]
    world.patch(f"{made['id']}_20261201T090000Z", attendees=everybody)
    world.settle()

    (meeting,) = world.meetings()
    assert [person["email"] for person in meeting["attendees"]] == ["bob@example.com"]


# ---- clocks and calendars ------------------------------------------------------------------------------


def test_a_series_keeps_its_wall_time_over_both_shifts_of_the_clocks(world: World) -> None:
    """Exceptions before and after the shift of March are told at their instants: nine in winter, eight in summer."""
    made = world.insert(
        recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"], **zurich("2027-03-16T10:00:00", "2027-03-16T11:00:00")
    )
    world.settle()
    for winter_or_summer in ("20270323T090000Z", "20270330T080000Z"):
        world.patch(f"{made['id']}_{winter_or_summer}", summary=winter_or_summer)
    world.settle()

    (meeting,) = world.meetings()
    assert (meeting["start"], meeting["time_zone"]) == ("2027-03-16T09:00:00Z", "Europe/Zurich")
    assert [(one["original_start"], one["title"]) for one in meeting["exceptions"]] == [
        ("2027-03-23T09:00:00Z", "20270323T090000Z"),
        ("2027-03-30T08:00:00Z", "20270330T080000Z"),
    ]


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("2027-03-28T01:30:00", "2027-03-28T03:30:00", ("2027-03-28T00:30:00Z", "2027-03-28T01:30:00Z")),
        ("2027-10-31T01:30:00", "2027-10-31T03:30:00", ("2027-10-30T23:30:00Z", "2027-10-31T02:30:00Z")),
        ("2028-02-29T23:30:00", "2028-03-01T00:30:00", ("2028-02-29T22:30:00Z", "2028-02-29T23:30:00Z")),
    ],
    ids=["an hour lost", "an hour twice", "leap day"],
)
def test_a_meeting_lasts_as_long_as_its_event_really_does(
    world: World, start: str, end: str, told: tuple[str, str]
) -> None:
    """Over a shift of the clocks two hours on the wall are one or three; a leap day is a day like any other."""
    world.insert(**zurich(start, end))
    world.settle()

    (meeting,) = world.meetings()
    assert (meeting["start"], meeting["end"]) == told


def test_a_yearly_series_on_a_leap_day(world: World) -> None:
    """The occurrence of four years later can be moved: it is one of the rule, which skips the years between."""
    made = world.insert(
        recurrence=["RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=3"],
        **zurich("2028-02-29T10:00:00", "2028-02-29T11:00:00"),
    )
    world.settle()
    world.patch(
        f"{made['id']}_20320229T090000Z",
        **zurich("2032-03-01T10:00:00", "2032-03-01T11:00:00"),
    )
    world.settle()

    (meeting,) = world.meetings()
    assert [(one["original_start"], one["start"]) for one in meeting["exceptions"]] == [
        ("2032-02-29T09:00:00Z", "2032-03-01T09:00:00Z")
    ]


@pytest.mark.parametrize(
    "night",
    [datetime(2027, 3, 28, 0, 55, tzinfo=UTC), datetime(2028, 2, 29, 22, 55, tzinfo=UTC)],
    ids=["the clocks are put forward", "the end of a leap day"],
)
def test_runs_polls_and_sweeps_pass_an_odd_night(world: World, feed: str, night: datetime) -> None:
    """Instants are kept in UTC: nothing is due twice or never when a wall clock jumps."""
    world.clock.set(night)
    world.tick()
    world.settle(timedelta(seconds=30))
    made = world.insert(**zurich("2028-06-01T10:00:00", "2028-06-01T11:00:00"))
    world.settle(timedelta(minutes=10))
    world.google_control("push", silent=True)
    world.patch(made["id"], summary="Renamed")
    for _ in range(3):
        world.clock.advance(timedelta(minutes=8))
        world.tick()
        world.settle(timedelta(minutes=1))

    assert [meeting["title"] for meeting in world.meetings()] == ["Renamed"]
    assert not world.feed(feed).owed
