"""What every Calendar promises of one event: read as written, changed at its version, named when missing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from conference.errors import Gone, Missing, Refused, Stale
from functions.ports import Calendar
from tests.contract.calendar.stage import ALICE, BOB, NOBODY, ROOM, Stage, body, every_page

CONFERENCE = {
    "conferenceId": "m-1",
    "conferenceSolution": {"key": {"type": "addOn"}, "name": "Meet Here"},
    "entryPoints": [
        {"entryPointType": "video", "uri": "https://meet.example.com/m-1", "label": "meet.example.com/m-1"}
    ],
    "parameters": {"addOnParameters": {"parameters": {"lockstep": "v1"}}},
}


def test_an_event_comes_back_as_written(stage: Stage) -> None:
    """What is inserted is what get and the list tell: times, people, recurrence and the conference."""
    sent = body(
        recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"],
        attendees=[{"email": BOB, "optional": True}],
        conferenceData=CONFERENCE,
        description="<b>Zürich</b> ☕",
    )
    made = stage.calendar.insert(ALICE, ALICE, sent)
    listed, _ = every_page(stage.calendar)

    assert stage.calendar.get(ALICE, ALICE, made.id) == made
    assert [event for event in listed if event.id == made.id] == [made]
    assert (made.summary, made.description) == ("Planning", "<b>Zürich</b> ☕")
    assert made.start is not None
    assert made.start.instant(zone_of(stage.calendar)) == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert made.recurrence == ("RRULE:FREQ=WEEKLY;COUNT=3",)
    assert [(person.email, person.optional) for person in made.attendees] == [(BOB, True)]
    assert made.organized_here
    assert made.conference is not None
    assert made.conference.conference_id == "m-1"
    assert made.conference.entry_points[0].uri == "https://meet.example.com/m-1"
    assert made.conference.parameters.add_on_parameters.parameters == {"lockstep": "v1"}


def zone_of(calendar: Calendar) -> ZoneInfo:
    """The zone of Alice's calendar."""
    return ZoneInfo(calendar.calendar(ALICE, ALICE).zone)


def test_a_guest_does_not_organize(stage: Stage) -> None:
    """The guest's copy says that it is not the organizer's."""
    stage.calendar.calendar(BOB, "primary")
    made = stage.calendar.insert(ALICE, ALICE, body(attendees=[{"email": BOB}]))
    assert made.ical_uid is not None
    copies = stage.calendar.find(BOB, BOB, made.ical_uid)

    assert [copy.organized_here for copy in copies] == [False]


def test_a_taken_id_is_refused(stage: Stage) -> None:
    """An id of our own choice is taken once, even after its event is deleted."""
    stage.calendar.insert(ALICE, ALICE, body(id="abcde12345"))
    with pytest.raises(Refused) as caught:
        stage.calendar.insert(ALICE, ALICE, body(id="abcde12345"))
    stage.calendar.delete(ALICE, ALICE, "abcde12345")
    with pytest.raises(Refused):
        stage.calendar.insert(ALICE, ALICE, body(id="abcde12345"))

    assert caught.value.where is not None
    assert (caught.value.where.status, caught.value.where.reason) == (409, "duplicate")


def test_patch_changes_what_it_names(stage: Stage) -> None:
    """A patch leaves alone what it does not name, and the event's version moves."""
    made = stage.calendar.insert(ALICE, ALICE, body(conferenceData=CONFERENCE))
    assert made.etag
    patched = stage.calendar.patch(ALICE, ALICE, made.id, {"summary": "Moved"}, etag=made.etag)

    assert (patched.summary, patched.start, patched.conference) == ("Moved", made.start, made.conference)
    assert patched.etag != made.etag
    assert stage.calendar.get(ALICE, ALICE, made.id) == patched


def test_patch_removes_a_conference(stage: Stage) -> None:
    """None removes the conference, and the title stays."""
    made = stage.calendar.insert(ALICE, ALICE, body(conferenceData=CONFERENCE))
    assert made.etag
    patched = stage.calendar.patch(ALICE, ALICE, made.id, {"conferenceData": None}, etag=made.etag)

    assert (patched.summary, patched.conference) == ("Planning", None)


def test_a_stale_patch_changes_nothing(stage: Stage) -> None:
    """A user's edit between our read and our write is never overwritten."""
    made = stage.calendar.insert(ALICE, ALICE, body())
    assert made.etag
    edited = stage.calendar.patch(ALICE, ALICE, made.id, {"summary": "By a person"}, etag=made.etag)
    with pytest.raises(Stale):
        stage.calendar.patch(ALICE, ALICE, made.id, {"summary": "By us"}, etag=made.etag)
    with pytest.raises(Stale):
        stage.calendar.delete(ALICE, ALICE, made.id, etag=made.etag)

    assert stage.calendar.get(ALICE, ALICE, made.id) == edited


def test_delete_may_be_repeated(stage: Stage) -> None:
    """A deleted event can be read as cancelled while it exists, and deleted again for ever."""
    made = stage.calendar.insert(ALICE, ALICE, body())
    stage.calendar.delete(ALICE, ALICE, made.id, etag=made.etag)
    stage.calendar.delete(ALICE, ALICE, made.id)
    stage.calendar.delete(ALICE, ALICE, "neverwasthere")

    assert stage.calendar.get(ALICE, ALICE, made.id).cancelled


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda c: c.get(ALICE, ALICE, "nothere"), Missing.EVENT),
        (lambda c: c.patch(ALICE, ALICE, "nothere", {"summary": "x"}, etag='"1"'), Missing.EVENT),
        (lambda c: c.calendar(ALICE, "nobody@example.com"), Missing.CALENDAR),
        (lambda c: c.changes(ALICE, "nobody@example.com"), Missing.CALENDAR),
        (lambda c: c.changes(ALICE, ALICE, token="garbage"), Missing.TOKEN),
        (lambda c: c.changes(ALICE, ALICE, page="garbage"), Missing.TOKEN),
        (lambda c: c.find(ALICE, "nobody@example.com", "x"), Missing.CALENDAR),
        (lambda c: c.insert(ALICE, "nobody@example.com", {}), Missing.CALENDAR),
        (
            lambda c: c.watch(ALICE, "no@example.com", channel="c", secret="s", address=NOBODY, life=60),
            Missing.CALENDAR,
        ),
    ],
)
def test_what_is_not_there(stage: Stage, call: Callable[[Calendar], object], what: Missing) -> None:
    """What is asked for and is not there is named by its kind."""
    with pytest.raises(Gone) as caught:
        call(stage.calendar)

    assert caught.value.what is what


def test_a_reader_may_not_write(stage: Stage) -> None:
    """Writing where one may only read is refused for good."""
    stage.control("calendars", id=ROOM, owner=BOB, timeZone="Asia/Tokyo", roles={ALICE: "reader"})
    assert stage.calendar.changes(ALICE, ROOM).zone == "Asia/Tokyo"
    with pytest.raises(Refused) as caught:
        stage.calendar.insert(ALICE, ROOM, body())

    assert caught.value.where is not None
    assert caught.value.where.reason == "requiredAccessLevel"


def test_a_bad_body_is_refused(stage: Stage) -> None:
    """A body that Calendar does not take is refused for good, and nothing is written."""
    with pytest.raises(Refused):
        stage.calendar.insert(ALICE, ALICE, body(end={"dateTime": "2026-11-22T10:00:00+01:00"}))

    assert every_page(stage.calendar)[0] == []
