"""Events as Google sends them: every documented shape is read, what decides nothing never makes one unreadable."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.errors import Poison
from conference.event import (
    AddOnParameters,
    ConferenceData,
    ConferenceParameters,
    ConferenceSolution,
    EntryPoint,
    Event,
    EventTime,
    Organizer,
    Person,
    SolutionKey,
    Unreadable,
    read_event,
)

BERLIN = ZoneInfo("Europe/Berlin")

FULL = {
    "kind": "calendar#event",
    "etag": '"3285116233130000"',
    "id": "abc",
    "status": "confirmed",
    "htmlLink": "https://www.google.com/calendar/event?eid=x",
    "created": "2022-01-19T02:08:36.000Z",
    "updated": "2022-01-19T02:08:36.565Z",
    "summary": "Planning",
    "description": "Bring cake",
    "creator": {"email": "a@example.com", "self": True},
    "organizer": {"email": "a@example.com", "self": True},
    "start": {"dateTime": "2022-01-20T09:00:00+01:00", "timeZone": "Europe/Berlin"},
    "end": {"dateTime": "2022-01-20T10:00:00+01:00", "timeZone": "Europe/Berlin"},
    "recurrence": ["RRULE:FREQ=DAILY"],
    "iCalUID": "abc@google.com",
    "sequence": 3,
    "attendees": [{"email": "b@example.com", "responseStatus": "accepted", "displayName": "B", "optional": True}],
    "conferenceData": {
        "conferenceId": "vendor-123",
        "signature": "AD",
        "conferenceSolution": {"key": {"type": "addOn"}, "name": "Ours", "iconUri": "https://x/y.png"},
        "entryPoints": [
            {"entryPointType": "video", "uri": "https://meet/1", "label": "meet/1", "passcode": "42"},
            {"entryPointType": "phone", "uri": "tel:+1", "pin": "1", "regionCode": "US"},
            {"entryPointType": "hologram", "uri": "holo:1", "entryPointFeatures": ["toll"]},
        ],
        "notes": "<b>html</b>",
        "parameters": {"addOnParameters": {"parameters": {"lockstep": "zoom"}}},
    },
    "reminders": {"useDefault": True},
    "eventType": "default",
}


def read(item: object) -> Event | Unreadable:
    """One item from its JSON."""
    return read_event(msgspec.json.encode(item))


def test_a_whole_event_is_read() -> None:
    """All that decides something is kept, under our names; everything else is passed over."""
    assert read(FULL) == Event(
        id="abc",
        status="confirmed",
        etag='"3285116233130000"',
        updated="2022-01-19T02:08:36.565Z",
        summary="Planning",
        description="Bring cake",
        start=EventTime(date_time="2022-01-20T09:00:00+01:00", zone="Europe/Berlin"),
        end=EventTime(date_time="2022-01-20T10:00:00+01:00", zone="Europe/Berlin"),
        recurrence=("RRULE:FREQ=DAILY",),
        ical_uid="abc@google.com",
        organizer=Organizer("a@example.com", self_=True),
        attendees=(Person("b@example.com", "B", optional=True, response_status="accepted"),),
        conference=ConferenceData(
            "vendor-123",
            ConferenceSolution(SolutionKey("addOn"), "Ours", "https://x/y.png"),
            (
                EntryPoint("video", "https://meet/1", "meet/1", passcode="42"),
                EntryPoint("phone", "tel:+1", pin="1", region_code="US"),
                EntryPoint("hologram", "holo:1"),
            ),
            "<b>html</b>",
            ConferenceParameters(AddOnParameters({"lockstep": "zoom"})),
        ),
    )


def test_an_exception_and_its_people_are_read() -> None:
    """What the whole event above lacks."""
    item = read(
        {
            "id": "x_20130508T220000Z",
            "recurringEventId": "x",
            "originalStartTime": {"date": "2013-05-08"},
            "attendeesOmitted": True,
            "eventType": "outOfOffice",
            "organizer": {"email": "a@example.com", "displayName": "A"},
            "attendees": [{"email": "a@example.com", "self": True, "organizer": True}, {"resource": True}],
            "conferenceData": {"entryPoints": [{"accessCode": "1", "meetingCode": "2", "password": "3"}]},
        }
    )

    assert item == Event(
        id="x_20130508T220000Z",
        recurring_event_id="x",
        original_start=EventTime(date="2013-05-08"),
        attendees_omitted=True,
        event_type="outOfOffice",
        organizer=Organizer("a@example.com", "A"),
        attendees=(Person("a@example.com", self_=True, organizer=True), Person(resource=True)),
        conference=ConferenceData(entry_points=(EntryPoint(access_code="1", meeting_code="2", password="3"),)),
    )


NOTHING_SAID = {
    "status": "confirmed",
    "summary": "",
    "description": "",
    "recurrence": (),
    "attendees": ({"email": "", "self": False, "organizer": False, "optional": False, "resource": False},),
    "organizer": {"email": "", "self": False},
    "attendees_omitted": False,
    "event_type": "default",
    "conference": {
        "conference_solution": {"key": {"type": ""}},
        "entry_points": ({"entry_point_type": "", "uri": ""},),
        "parameters": {"add_on_parameters": {"parameters": {}}},
    },
}


def said(value: object) -> object:
    """Everything a struct holds that is not None, by our names but for `self`."""
    if isinstance(value, tuple):
        return tuple(map(said, value))
    if not isinstance(value, msgspec.Struct):
        return value
    held = {name.rstrip("_"): said(getattr(value, name)) for name in value.__struct_fields__}
    return {name: inner for name, inner in held.items() if inner is not None}


def test_an_event_that_says_nothing_but_its_id() -> None:
    """What is absent means the same everywhere, and takes no room where the event is kept."""
    empty = {"organizer": {}, "attendees": [{}], "conferenceData": {"conferenceSolution": {}, "entryPoints": [{}]}}

    assert said(read({"id": "abc", **empty})) == {"id": "abc", **NOTHING_SAID}
    assert json.loads(msgspec.json.encode(read({"id": "abc", **empty}))) == {"id": "abc", **empty}


@pytest.mark.parametrize(
    "item",
    [
        {"kind": "calendar#event", "etag": '"2"', "id": "x_20211123T170000Z", "status": "cancelled"},
        {"id": "x", "status": "cancelled"},
        {
            "id": "x_20130508T220000Z",
            "status": "cancelled",
            "recurringEventId": "x",
            "originalStartTime": {"dateTime": "2013-05-08T16:00:00-06:00"},
        },
    ],
)
def test_a_tombstone_is_read(item: dict[str, Any]) -> None:
    """A tombstone may hold an id and a status and nothing more."""
    event = read(item)

    assert isinstance(event, Event)
    assert event.cancelled
    assert event.start is None
    assert event.updated_at is None


def with_null(value: Any, path: list[str | int]) -> Any:
    """A copy of `value` with null at `path`."""
    copy = json.loads(json.dumps(value))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = None
    return copy


def paths(value: Any, above: tuple[str | int, ...] = ()) -> list[list[str | int]]:
    """Every place inside `value`."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [[*above, key] for key, _ in items] + [p for key, item in items for p in paths(item, (*above, key))]


@pytest.mark.parametrize("path", [path for path in paths(FULL) if path != ["id"]], ids=str)
def test_null_means_absent(path: list[str | int]) -> None:
    """Google sends no nulls, other servers do: wherever one stands, the event is read as if nothing stood there."""
    assert isinstance(read(with_null(FULL, path)), Event)


DECORATION = [
    {"etag": 5},
    {"updated": 5},
    {"eventType": {}},
    {"attendeesOmitted": "yes"},
    {"sequence": "three"},
    {"organizer": {"email": "a@example.com", "displayName": 5}},
    {"attendees": [{"email": "b@example.com", "responseStatus": 1, "optional": "no", "resource": 0}]},
    {"conferenceData": {"notes": [], "conferenceSolution": {"key": {"type": "addOn"}, "name": 1, "iconUri": 2}}},
    {"conferenceData": {"entryPoints": [{"uri": "https://x", "label": 1, "pin": 1234, "passcode": 42}]}},
    {"conferenceData": {"entryPoints": [{"accessCode": 1, "meetingCode": 2, "password": 3, "regionCode": 4}]}},
]


@pytest.mark.parametrize("fields", DECORATION)
def test_what_decides_nothing_cannot_spoil_an_event(fields: dict[str, Any]) -> None:
    """A wrong type in a field that decides nothing is passed over."""
    assert isinstance(read({"id": "abc", "summary": None, **fields}), Event)
    assert isinstance(read({"id": "abc", **fields}), Event)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"summary": 5}, "$.summary"),
        ({"status": 5}, "$.status"),
        ({"start": "canary"}, "$.start"),
        ({"start": {"date": 5}}, "$.start.date"),
        ({"recurrence": "canary"}, "$.recurrence"),
        ({"attendees": {"canary": 1}}, "$.attendees"),
        ({"attendees": [{"email": 5}]}, "$.attendees[0].email"),
        ({"organizer": {"self": "canary"}}, "$.organizer.self"),
        ({"conferenceData": {"conferenceId": 5}}, "$.conferenceData.conferenceId"),
        ({"conferenceData": {"parameters": {"addOnParameters": {"parameters": {"canary": 5}}}}}, "[...]"),
    ],
)
def test_what_decides_must_be_readable(fields: dict[str, Any], place: str) -> None:
    """A wrong type where it matters makes the event unreadable; the cause says where, never what stood there."""
    item = read({"id": "abc", **fields})

    assert isinstance(item, Unreadable)
    assert item.id == "abc"
    assert place in item.cause
    assert "canary" not in item.cause


@pytest.mark.parametrize("raw", [b'{"id":' + b"[" * 100_000, b'{"summary": "canary\xff"}'], ids=["deep", "no text"])
def test_bytes_that_are_no_json_are_not_repeated(raw: bytes) -> None:
    """What Python's own errors say holds what they stumbled upon."""
    item = read_event(raw)

    assert isinstance(item, Unreadable)
    assert "canary" not in item.cause
    assert item.cause in {"no readable JSON", "Input data was truncated"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b"null",
        b"{}",
        b'{"id": 5}',
        b'{"id": ""}',
        b'{"id": null}',
        b'{"id": "a\xff"}',
        b'{"id": "a\\ud800"}',
        b'{"id":' + b"[" * 100_000,
        b'{"other":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_what_has_no_id_is_unreadable(raw: bytes) -> None:
    """Bytes that are no event are reported as such, without an id."""
    item = read_event(raw)

    assert isinstance(item, Unreadable)
    assert item.id is None
    assert item.cause


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(FULL)) | st.text(), JSON) | JSON)
def test_any_json_is_an_event_or_unreadable(item: object) -> None:
    """Whatever JSON stands in a list, reading it raises nothing."""
    assert isinstance(read(item), Event | Unreadable)


@given(st.binary())
def test_any_bytes_are_an_event_or_unreadable(raw: bytes) -> None:
    """Whatever bytes stand in a list, reading them raises nothing."""
    assert isinstance(read_event(raw), Event | Unreadable)


def test_an_event_survives_being_kept() -> None:
    """What is written to the store reads back as the same event."""
    event = read(FULL)

    assert event == read_event(msgspec.json.encode(event))


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (EventTime(date_time="2026-03-29T09:00:00+02:00"), datetime(2026, 3, 29, 7, tzinfo=UTC)),
        (EventTime(date_time="2026-03-29T07:00:00Z"), datetime(2026, 3, 29, 7, tzinfo=UTC)),
        (EventTime(date_time="2026-03-29T07:00:00.250Z"), datetime(2026, 3, 29, 7, 0, 0, 250_000, tzinfo=UTC)),
        (EventTime(date_time="2026-03-29T09:00:00"), datetime(2026, 3, 29, 7, tzinfo=UTC)),
        (EventTime(date_time="2026-03-29T09:00:00", zone="America/New_York"), datetime(2026, 3, 29, 13, tzinfo=UTC)),
        (EventTime(date_time="2026-03-29T09:00:00", zone="GMT-07:00"), datetime(2026, 3, 29, 7, tzinfo=UTC)),
        (EventTime(date_time="2026-03-29T09:00:00", zone=""), datetime(2026, 3, 29, 7, tzinfo=UTC)),
        (EventTime(date_time="2026-03-29T09:00:00", zone="America"), datetime(2026, 3, 29, 7, tzinfo=UTC)),
        (EventTime(date_time="2026-03-29T09:00:00", zone="a" * 5000), datetime(2026, 3, 29, 7, tzinfo=UTC)),
        (EventTime(date="2026-03-29"), datetime(2026, 3, 28, 23, tzinfo=UTC)),
        (EventTime(date="2026-03-29", zone="America/New_York"), datetime(2026, 3, 28, 23, tzinfo=UTC)),
    ],
)
def test_a_time_is_one_instant(when: EventTime, expected: datetime) -> None:
    """An offset decides, else the event's zone, else the calendar's; whole days begin in the calendar's zone."""
    assert expected == when.instant(BERLIN)
    assert when.instant(BERLIN).tzinfo is UTC
    assert when.all_day is (when.date is not None)


UNREADABLE, NOTHING = "an event's time cannot be read", "an event's time names neither a day nor an hour"


@pytest.mark.parametrize(
    ("when", "cause"),
    [
        (EventTime(), NOTHING),
        (EventTime(zone="Europe/Berlin"), NOTHING),
        (EventTime(date=""), UNREADABLE),
        (EventTime(date="canary"), UNREADABLE),
        (EventTime(date="2026-02-30"), UNREADABLE),
        (EventTime(date="0001-01-01"), UNREADABLE),
        (EventTime(date_time="canary"), UNREADABLE),
        (EventTime(date_time="2026-02-30T00:00:00Z"), UNREADABLE),
        (EventTime(date_time="9999-12-31T23:59:59-12:00"), UNREADABLE),
        (EventTime(date_time="0001-01-01T00:00:00+12:00"), UNREADABLE),
    ],
)
def test_a_time_that_cannot_be_read_is_poison(when: EventTime, cause: str) -> None:
    """A time that names no instant parks the event; the cause, which people are shown, does not repeat it."""
    with pytest.raises(Poison) as raised:
        when.instant(BERLIN)

    assert str(raised.value) == cause


@pytest.mark.parametrize(
    ("updated", "expected"),
    [
        ("2022-01-19T02:08:36.565Z", datetime(2022, 1, 19, 2, 8, 36, 565_000, tzinfo=UTC)),
        ("2022-01-19T02:08:36", datetime(2022, 1, 19, 2, 8, 36, tzinfo=UTC)),
        ("2022-01-19T03:08:36+01:00", datetime(2022, 1, 19, 2, 8, 36, tzinfo=UTC)),
        ("lately", None),
        ("", None),
        (None, None),
    ],
)
def test_when_an_event_changed_is_aware_or_unknown(updated: str | None, expected: datetime | None) -> None:
    """The time of the last change can always be compared with another, or is not known."""
    assert expected == Event("abc", updated=updated).updated_at


@pytest.mark.parametrize(
    ("organizer", "expected"),
    [(None, True), (Organizer("a@example.com", self_=True), True), (Organizer("a@example.com"), False)],
)
def test_only_the_organizer_s_copy_acts(organizer: Organizer | None, expected: bool) -> None:
    """A copy is the organizer's if it says so, or if it names no organizer at all."""
    assert expected is Event("abc", organizer=organizer).organized_here
