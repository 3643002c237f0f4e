"""What a card says of an event and a meeting, and which differences between the two are ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.event import ConferenceData, ConferenceSolution, Event, EventTime, Person, SolutionKey
from conference.meeting import Meeting, MeetingId, MeetingRef, MeetingSpec, Slot
from conference.providers.http import HttpProvider
from functions.console.cards import Badge, Frame, differences, event_card, meeting_card

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
FRAME = Frame(ZoneInfo("Europe/Zurich"), NOW)
SLOT = Slot(NOW + timedelta(hours=1), NOW + timedelta(hours=2), "Europe/Zurich")
SPEC = MeetingSpec("Planning of the coming year", SLOT, "alice@example.com")
START, END = EventTime(date_time="2026-11-24T10:00:00+01:00"), EventTime(date_time="2026-11-24T11:00:00+01:00")
ME = Person("alice@example.com", self_=True)
BOB = Person("bob@example.com", display_name="Bob")


@pytest.fixture(scope="module")
def provider() -> Iterator[HttpProvider]:
    """A provider that holds twelve characters of a title."""
    with httpx.Client() as client:
        yield HttpProvider("http", "http://vendor.test", token="t", account="acme", client=client, max_title=12)


def meeting(**fields: Any) -> Meeting:
    """A meeting of which only `fields` are known."""
    made = Meeting(MeetingRef("http", "acme", MeetingId("7")), "https://meet.example/7")
    return msgspec.structs.replace(made, **fields)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ()),
        ({"title": "Planning of"}, ()),
        ({"title": "Planning of…"}, ()),
        ({"title": "Something"}, ("title",)),
        ({"title": ""}, ("title",)),
        ({"slot": SLOT}, ()),
        # The same hour told in another zone is the same.
        ({"slot": msgspec.structs.replace(SLOT, zone="UTC")}, ()),
        ({"slot": msgspec.structs.replace(SLOT, end=SLOT.end + timedelta(minutes=1))}, ("when",)),
        ({"title": "Something", "slot": Slot(NOW, SLOT.end, "UTC"), "digest": "other"}, ("title", "when")),
        ({"slot": SLOT, "digest": "other"}, ("details",)),
    ],
)
def test_what_differs(provider: HttpProvider, fields: dict[str, Any], expected: tuple[str, ...]) -> None:
    """What the provider does not tell does not differ, and what it had to cut is not held against it."""
    assert differences(SPEC, meeting(**fields), provider) == expected


@given(st.text(max_size=30), st.integers(-600, 600))
def test_a_meeting_whose_digest_is_right_does_not_differ(provider: HttpProvider, title: str, minutes: int) -> None:
    """The digest is over all it holds; nothing else then needs comparing."""
    spec = msgspec.structs.replace(SPEC, title=title)
    start = SLOT.start + timedelta(minutes=minutes)
    slot = Slot(start, start + timedelta(hours=1), "UTC")

    right = meeting(title=title, slot=slot, digest=provider.expected_digest(spec))

    assert differences(spec, right, provider) == ()


@pytest.mark.parametrize(
    ("fields", "people"),
    [
        ({}, "no guests"),
        ({"attendees": (ME,)}, "1 person"),
        ({"attendees": (ME, BOB)}, "2 people"),
        ({"attendees": (BOB, Person("room@example.com", resource=True))}, "1 person"),
        ({"attendees": (BOB,), "attendees_omitted": True}, "1 person or more"),
    ],
)
def test_people_are_counted_without_rooms(fields: dict[str, Any], people: str) -> None:
    """A list that Google has cut is said to be longer."""
    event = Event("e", start=START, end=END, **fields)

    assert event_card([event], FRAME, provider=None, recurrence=()).people == people


@pytest.mark.parametrize(
    ("fields", "provider", "badges"),
    [
        ({}, None, [Badge("plain", "no conference")]),
        ({}, "http", [Badge("ours", "Lockstep · http")]),
        ({"conference": ConferenceData()}, None, [Badge("plain", "no conference")]),
        (
            {"conference": ConferenceData(conference_solution=ConferenceSolution(SolutionKey("hangoutsMeet")))},
            None,
            [Badge("other", "another conference")],
        ),
        ({"status": "cancelled"}, None, [Badge("gone", "cancelled")]),
        ({"organizer": BOB}, None, [Badge("plain", "no conference"), Badge("guest", "of Bob")]),
        ({"recurring_event_id": "s"}, None, [Badge("plain", "no conference"), Badge("series", "repeats")]),
    ],
)
def test_badges(fields: dict[str, Any], provider: str | None, badges: list[Badge]) -> None:
    """Whose conference it is, whose event, and whether it comes again."""
    card = event_card([Event("e", start=START, end=END, **fields)], FRAME, provider=provider, recurrence=())

    assert list(card.badges) == badges


@pytest.mark.parametrize(
    ("fields", "changeable"),
    [
        ({"etag": '"1"'}, True),
        ({"etag": '"1"', "organizer": ME}, True),
        ({}, False),
        ({"etag": '"1"', "status": "cancelled"}, False),
        ({"etag": '"1"', "organizer": BOB}, False),
        ({"etag": '"1"', "event_type": "birthday"}, False),
        ({"etag": '"1"', "recurrence": ("RRULE:FREQ=DAILY",)}, False),
        ({"etag": '"1"', "recurring_event_id": "s"}, True),
    ],
)
def test_what_has_buttons(fields: dict[str, Any], changeable: bool) -> None:
    """Only what the user organises, lives, and whose version is known; of a series, one date and never the whole."""
    assert event_card([Event("e", start=START, **fields)], FRAME, provider=None, recurrence=()).changeable == changeable


@pytest.mark.parametrize(
    "when",
    [None, EventTime(), EventTime(date="soon"), EventTime(date_time="x"), EventTime(date="0001-01-01")],
)
def test_an_event_whose_time_cannot_be_read_is_still_shown(when: EventTime | None) -> None:
    """Its place says what is wrong, also among the dates of a series."""
    events = [Event("e", summary="Odd", start=when), Event("f", start=when)]

    card = event_card(events, FRAME, provider=None, recurrence=())

    assert card.title == "Odd"
    assert card.when in {"", "an event's time names neither a day nor an hour"} or "time" in card.when
    assert card.later == "then  and 1 more"


def test_a_meeting_without_times_and_title() -> None:
    """Some providers know of neither."""
    card = meeting_card(meeting(), FRAME, series=True)

    assert (card.title, card.when, card.join_url) == ("", "at any time", "https://meet.example/7")
