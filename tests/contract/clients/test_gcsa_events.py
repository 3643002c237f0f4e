"""gcsa (https://github.com/kuzmoyev/google-calendar-simple-api) against the Calendar server: events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from gcsa.attachment import Attachment
from gcsa.attendee import Attendee
from gcsa.conference import ConferenceSolution, ConferenceSolutionCreateRequest, EntryPoint, SolutionType
from gcsa.event import Event, Visibility
from gcsa.google_calendar import GoogleCalendar, SendUpdatesMode
from gcsa.recurrence import DAILY, FRIDAY, SU, TUESDAY, WEEKLY, Recurrence
from gcsa.reminders import EmailReminder, PopupReminder
from gcsa.serializers.event_serializer import EventSerializer
from googleapiclient.errors import HttpError

from tests.contract.calendar_server.desk import ALICE, BOB, Desk, hours
from tests.contract.clients.pointing import gcsa

ZURICH = "Europe/Zurich"
ZONE = ZoneInfo(ZURICH)
FIRST, LAST = datetime(2026, 12, 1, tzinfo=ZONE), datetime(2027, 1, 1, tzinfo=ZONE)
TEN, ELEVEN = datetime(2026, 12, 1, 10, tzinfo=ZONE), datetime(2026, 12, 1, 11, tzinfo=ZONE)


@pytest.fixture
def calendar(base: str) -> Iterator[GoogleCalendar]:
    """Alice's calendar, as gcsa shows it."""
    with gcsa(base) as found:
        yield found


def meeting(**fields: Any) -> Event:
    """An hour on the first of December."""
    return Event(**{"summary": "Planning", "start": TEN, "end": ELEVEN, "timezone": ZURICH, **fields})


def december(calendar: GoogleCalendar, **options: Any) -> list[Event]:
    """What it lists of December."""
    return list(calendar.get_events(FIRST, LAST, timezone=ZURICH, **options))


@pytest.mark.parametrize(
    "fields",
    [
        {"description": "with guests", "location": "Room 1"},
        {"start": date(2026, 12, 5), "end": date(2026, 12, 7)},
        {"visibility": Visibility.PRIVATE, "color_id": "5", "transparency": "transparent"},
        {"reminders": [PopupReminder(minutes_before_start=30), EmailReminder(minutes_before_start=60)]},
        {"reminders": [PopupReminder(days_before=1, at=time(9))]},
        {"default_reminders": True},
        {"guests_can_modify": True, "guests_can_invite_others": False, "guests_can_see_other_guests": False},
        {"event_id": "chosenid01"},
        {"extendedProperties": {"private": {"key": "value"}}},
        {"attendees": [Attendee(BOB, display_name="Bob", optional=True, additional_guests=2)]},
    ],
    ids=[
        "text",
        "days",
        "looks",
        "reminders",
        "at-an-hour",
        "default",
        "guest-rights",
        "id",
        "properties",
        "attendees",
    ],
)
def test_what_is_added_comes_back(desk: Desk, calendar: GoogleCalendar, fields: dict[str, Any]) -> None:
    """7.2, 7.8: the write's answer, events.get and events.list tell the same event."""
    added = calendar.add_event(meeting(**fields))
    got = calendar.get_event(added.event_id)
    (listed,) = december(calendar)

    assert EventSerializer.to_json(added) == EventSerializer.to_json(got) == EventSerializer.to_json(listed)
    sent, kept = EventSerializer.to_json(meeting(**fields)), desk.get(added.event_id)
    names = {"summary", "description", "location", "colorId", "transparency", "extendedProperties"} & sent.keys()
    assert {name: kept.get(name) for name in names} == {name: sent[name] for name in names}
    assert (added.start, added.end) == (fields.get("start", TEN), fields.get("end", ELEVEN))


def test_who_made_it_is_said(calendar: GoogleCalendar) -> None:
    """6.3, 1.1.6: creator, organizer, created and updated as gcsa reads them."""
    added = calendar.add_event(meeting())

    assert (added.creator.email, added.organizer.email) == (ALICE, ALICE)
    assert added.created.utcoffset() == added.updated.utcoffset() == ZoneInfo("UTC").utcoffset(TEN)
    assert added.updated >= added.created


def test_an_event_is_updated_and_deleted(desk: Desk, calendar: GoogleCalendar) -> None:
    """7.6: PUT by the organizer replaces what may be written; DELETE leaves a tombstone for events.get."""
    event = calendar.add_event(meeting(description="old", location="Room 1"))
    event.summary, event.description, event.location = "Review", "new", None
    updated = calendar.update_event(event)
    calendar.delete_event(updated)

    assert (updated.summary, updated.description, updated.location) == ("Review", "new", None)
    assert december(calendar) == []
    assert desk.get(event.event_id)["status"] == "cancelled"


def test_a_guest_is_invited_and_answers(desk: Desk, base: str, calendar: GoogleCalendar) -> None:
    """6.1: the copy on the guest's calendar has the organizer's id; only the answer goes back."""
    desk.page(BOB)
    added = calendar.add_event(meeting(attendees=BOB), send_updates=SendUpdatesMode.ALL)
    with gcsa(base, BOB) as bobs:
        (copy,) = december(bobs)
        desk.patch(copy.event_id, BOB, attendees=[{"email": BOB, "responseStatus": "accepted"}])

    (row,) = calendar.get_event(added.event_id).attendees
    assert (copy.event_id, copy.organizer.email) == (added.event_id, ALICE)
    assert (row.email, row.response_status) == (BOB, "accepted")


def test_a_guest_who_writes_by_put_is_refused_shared_flags(desk: Desk, base: str, calendar: GoogleCalendar) -> None:
    """7.6: on a guest's copy gcsa's PUT that changes a guests' right is 403 forbiddenForNonOrganizer."""
    desk.page(BOB)
    calendar.add_event(meeting(attendees=BOB, guests_can_invite_others=False), send_updates=SendUpdatesMode.ALL)
    with gcsa(base, BOB) as bobs:
        (copy,) = december(bobs)
        copy.guests_can_invite_others = True

        with pytest.raises(HttpError) as refusal:
            bobs.update_event(copy)

    assert (refusal.value.resp.status, refusal.value.error_details[0]["reason"]) == (403, "forbiddenForNonOrganizer")


@pytest.mark.parametrize(
    ("rules", "days"),
    [
        (Recurrence.rule(freq=DAILY, count=3), [1, 2, 3]),
        (Recurrence.rule(freq=WEEKLY, by_week_day=[TUESDAY, FRIDAY], until=date(2026, 12, 12)), [1, 4, 8, 11]),
        (
            [
                Recurrence.rule(freq=DAILY, count=4),
                Recurrence.exclude_times(datetime(2026, 12, 2, 10, tzinfo=ZONE), ZURICH),
            ],
            [1, 3, 4],
        ),
        (
            [Recurrence.rule(freq=DAILY, count=2), Recurrence.times(datetime(2026, 12, 9, 10, tzinfo=ZONE), ZURICH)],
            [1, 2, 9],
        ),
        (Recurrence.rule(freq=WEEKLY, interval=2, count=2, week_start=SU), [1, 15]),
    ],
    ids=["daily", "weekly-until", "exdate", "rdate", "every-other-week"],
)
def test_series_are_expanded(calendar: GoogleCalendar, rules: Any, days: list[int]) -> None:
    """5.11, 2.1: the rules as gcsa writes them, read back as occurrences."""
    calendar.add_event(meeting(recurrence=rules))
    occurrences = december(calendar, single_events=True, order_by="startTime")
    (master,) = december(calendar)

    assert [event.start.day for event in occurrences] == days
    assert {event.recurring_event_id for event in occurrences} == {master.event_id}
    assert master.recurrence == (rules if isinstance(rules, list) else [rules])


def test_days_recur_too(calendar: GoogleCalendar) -> None:
    """5.1, 5.11: an all-day series with an EXDATE of a day."""
    rules = [Recurrence.rule(freq=DAILY, count=4), Recurrence.exclude_dates(date(2026, 12, 3))]
    calendar.add_event(meeting(start=date(2026, 12, 1), end=date(2026, 12, 2), recurrence=rules))
    occurrences = december(calendar, single_events=True, order_by="startTime")

    assert [event.start for event in occurrences] == [date(2026, 12, day) for day in (1, 2, 4)]


def test_one_occurrence_is_changed_and_one_deleted(calendar: GoogleCalendar) -> None:
    """5.9: by their instance ids."""
    calendar.add_event(meeting(recurrence=Recurrence.rule(freq=DAILY, count=3)))
    _, second, third = december(calendar, single_events=True, order_by="startTime")
    second.summary = "Elsewhere"
    calendar.update_event(second)
    calendar.delete_event(third)

    left = december(calendar, single_events=True, order_by="startTime")
    assert [event.summary for event in left] == ["Planning", "Elsewhere"]


def third_party(uri: str = "https://meet.example.com/1") -> ConferenceSolution:
    """A third party's conference as gcsa builds it."""
    points = [
        EntryPoint(EntryPoint.VIDEO, uri=uri, label="meet.example.com/1", passcode="42"),
        EntryPoint(EntryPoint.PHONE, uri="tel:+12345678900", label="+1 234 567 8900", pin="1234"),
    ]
    return ConferenceSolution(
        points, solution_type=SolutionType.ADD_ON, name="My Conference", conference_id="vendor-1", notes="Be on time"
    )


def test_a_third_partys_conference_is_kept_as_it_is(desk: Desk, calendar: GoogleCalendar) -> None:
    """8.3.2: gcsa documents addOn solutions written by the REST API; what it sent is what everyone reads."""
    added = calendar.add_event(meeting(conference_solution=third_party()))

    read = calendar.get_event(added.event_id).conference_solution
    assert isinstance(read.signature, str)
    read.signature = None  # made by the server
    assert read == third_party()
    assert desk.get(added.event_id)["conferenceData"]["conferenceSolution"]["key"] == {"type": "addOn"}


def test_a_conference_survives_an_update_and_can_be_exchanged(calendar: GoogleCalendar) -> None:
    """8.3.5: gcsa sends the data back as it read it; entry points are replaced whole."""
    event = calendar.add_event(meeting(conference_solution=third_party()))
    event.summary = "Review"
    kept = calendar.update_event(event)
    kept.conference_solution = third_party("https://meet.example.com/2")
    exchanged = calendar.update_event(kept)

    assert kept.summary == "Review"
    assert [point.uri for point in exchanged.conference_solution.entry_points] == [
        "https://meet.example.com/2",
        "tel:+12345678900",
    ]


def test_a_meet_conference_is_made_on_request(calendar: GoogleCalendar) -> None:
    """8.2: success at once, with the link in the insert's answer."""
    wish = ConferenceSolutionCreateRequest(SolutionType.HANGOUTS_MEET, request_id="request-1")
    added = calendar.add_event(meeting(conference_solution=wish))

    assert added.conference_solution.solution_type == SolutionType.HANGOUTS_MEET
    assert added.conference_solution.entry_points[0].entry_point_type == EntryPoint.VIDEO


def test_a_request_that_fails_leaves_the_request(desk: Desk, calendar: GoogleCalendar) -> None:
    """8.2: no solution, no entry points; gcsa sees its own request with the status."""
    desk.control("knobs", createRequest="failure")
    wish = ConferenceSolutionCreateRequest(SolutionType.HANGOUTS_MEET, request_id="request-1")
    added = calendar.add_event(meeting(conference_solution=wish))

    assert (added.conference_solution.request_id, added.conference_solution.status) == ("request-1", "failure")


def test_a_wrong_kind_of_conference_is_refused(calendar: GoogleCalendar) -> None:
    """8.3.3: createRequest cannot ask for a third party's."""
    wish = ConferenceSolutionCreateRequest("addOn", request_id="request-1")

    with pytest.raises(HttpError, match="Invalid conference type value"):
        calendar.add_event(meeting(conference_solution=wish))


def test_attachments_need_to_be_announced(calendar: GoogleCalendar) -> None:
    """4.4: supportsAttachments goes through gcsa as one more parameter; without it they are dropped."""
    paper = Attachment("https://docs.example.com/1", title="Agenda", mime_type="text/plain")

    assert calendar.add_event(meeting(attachments=paper)).attachments == []
    assert calendar.add_event(meeting(attachments=paper), supportsAttachments=True).attachments == [paper]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"Alpha", "Beta"}),
        ({"query": "beta"}, {"Beta"}),
        ({"order_by": "updated"}, {"Alpha", "Beta"}),
        ({"privateExtendedProperty": ["key=1"]}, {"Alpha"}),
        ({"maxResults": 1}, {"Alpha", "Beta"}),
        ({"showDeleted": True}, {"Alpha", "Beta", "Gone"}),
    ],
)
def test_lists_are_narrowed_and_paged(
    desk: Desk, calendar: GoogleCalendar, options: dict[str, Any], expected: set[str]
) -> None:
    """2.1, 2.3: gcsa repeats every parameter with each page token."""
    desk.insert(summary="Alpha", extendedProperties={"private": {"key": "1"}}, **hours("2026-12-01", 10, 11))
    desk.insert(summary="Beta", **hours("2026-12-05", 10, 11))
    desk.insert(summary="too late", **hours("2027-02-01", 10, 11))
    desk.delete(desk.insert(summary="Gone", **hours("2026-12-06", 10, 11))["id"])

    assert {event.summary for event in december(calendar, **options)} == expected


def test_slices_and_membership(desk: Desk, calendar: GoogleCalendar) -> None:
    """2.1: calendar[from:to:order] of gcsa is timeMin, timeMax and orderBy with singleEvents."""
    desk.insert(summary="b", **hours("2026-12-05", 10, 11))
    desk.insert(summary="a", **hours("2026-12-02", 10, 11))

    assert [event.summary for event in calendar[FIRST:LAST:"startTime"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda calendar, _: calendar.get_event("nosuchevent"), (404, "notFound")),
        (lambda calendar, event: calendar.add_event(meeting(event_id=event.event_id)), (409, "duplicate")),
        (lambda calendar, event: calendar.delete_event(event), (410, "deleted")),
        (lambda calendar, _: calendar.add_event(meeting(event_id="xyz!!")), (400, "invalid")),
        (lambda calendar, _: calendar.add_event(meeting(end=TEN - timedelta(hours=1))), (400, "timeRangeEmpty")),
        (lambda calendar, _: list(calendar.get_events(LAST, FIRST)), (400, "timeRangeEmpty")),
    ],
    ids=["unknown", "taken", "deleted", "bad-id", "backwards", "empty-window"],
)
def test_errors_are_googles(
    calendar: GoogleCalendar, call: Callable[[GoogleCalendar, Event], object], expected: tuple[int, str]
) -> None:
    """10.1, 7.2: statuses and reasons as gcsa passes them on, with an event that was made and deleted."""
    event = calendar.add_event(meeting(event_id="chosenid01"))
    calendar.delete_event(event)

    with pytest.raises(HttpError) as refusal:
        call(calendar, event)
    assert (refusal.value.resp.status, refusal.value.error_details[0]["reason"]) == expected
