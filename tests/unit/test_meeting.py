"""From an event to the meeting it wants: times, words, people, exceptions; and the digest that tells specs apart."""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.errors import Poison
from conference.event import Event, read_event
from conference.meeting import (
    Attendee,
    Meeting,
    MeetingId,
    MeetingRef,
    MeetingSpec,
    Occurrence,
    Slot,
    digest,
    spec_of,
)
from conference.series import occurrence_of

BERLIN = ZoneInfo("Europe/Berlin")
HOST = "host@example.com"
TIMES = {
    "start": {"dateTime": "2026-03-02T09:00:00+01:00", "timeZone": "Europe/Berlin"},
    "end": {"dateTime": "2026-03-02T10:00:00+01:00", "timeZone": "Europe/Berlin"},
}
EIGHT = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def event(**fields: Any) -> Event:
    """An event as Google would send it."""
    read = read_event(msgspec.json.encode({"id": "abc", **TIMES, **fields}))
    assert isinstance(read, Event)
    return read


def spec(**fields: Any) -> MeetingSpec:
    """What such an event wants."""
    return spec_of(event(**fields), (), zone=BERLIN, host=HOST)


def test_an_event_wants_a_meeting() -> None:
    """Title, times, agenda, people, rule and live exceptions are all carried over, and nothing else."""
    wanted = spec_of(
        event(
            summary="Planning",
            description="Bring cake",
            recurrence=["RRULE:FREQ=WEEKLY"],
            attendees=[{"email": "B@example.com", "displayName": "B", "optional": True}, {"email": "a@example.com"}],
        ),
        [Occurrence(EIGHT + timedelta(days=8), None), Occurrence(EIGHT + timedelta(days=7), None)],
        zone=BERLIN,
        host=HOST,
    )

    assert wanted == MeetingSpec(
        title="Planning",
        slot=Slot(EIGHT, EIGHT + HOUR, "Europe/Berlin"),
        host=HOST,
        agenda="Bring cake",
        attendees=(Attendee("a@example.com"), Attendee("b@example.com", "B", optional=True)),
        recurrence=("RRULE:FREQ=WEEKLY",),
        exceptions=(Occurrence(EIGHT + timedelta(days=7), None),),
    )


def test_a_single_event_has_no_exceptions() -> None:
    """Exceptions of a series that became a single event count no more, not even that of its own start."""
    assert spec_of(event(), [Occurrence(EIGHT, None)], zone=BERLIN, host=HOST).exceptions == ()


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (TIMES, Slot(EIGHT, EIGHT + HOUR, "Europe/Berlin")),
        # the event's zone keeps the wall time, the calendar's zone stands in for names that nobody knows
        (
            {"start": {"dateTime": "2026-03-02T09:00:00", "timeZone": "America/New_York"}, "end": None},
            Slot(EIGHT + 6 * HOUR, EIGHT + 7 * HOUR, "America/New_York"),
        ),
        (
            {"start": {"dateTime": "2026-03-02T08:00:00Z", "timeZone": "GMT-07:00"}, "end": None},
            Slot(EIGHT, EIGHT + HOUR, "Europe/Berlin"),
        ),
        ({"start": {"dateTime": "2026-03-02T08:00:00Z"}, "end": None}, Slot(EIGHT, EIGHT + HOUR, "Europe/Berlin")),
        # no length is Google's way to say that the end is unspecified
        ({"end": TIMES["start"]}, Slot(EIGHT, EIGHT + HOUR, "Europe/Berlin")),
        # whole days, also the short and the long one
        (
            {"start": {"date": "2026-03-02"}, "end": {"date": "2026-03-04"}},
            Slot(EIGHT - 9 * HOUR, EIGHT + 39 * HOUR, "Europe/Berlin"),
        ),
        (
            {"start": {"date": "2026-03-29", "timeZone": "Asia/Tokyo"}, "end": None},
            Slot(datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC), "Europe/Berlin"),
        ),
        (
            {"start": {"date": "2026-10-25"}, "end": {"date": "2026-10-25"}},
            Slot(datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC), "Europe/Berlin"),
        ),
        # an end in another zone is an instant like any other
        (
            {"end": {"dateTime": "2026-03-02T09:30:00+01:00", "timeZone": "Asia/Tokyo"}},
            Slot(EIGHT, EIGHT + HOUR / 2, "Europe/Berlin"),
        ),
    ],
)
def test_an_event_has_one_slot(times: dict[str, Any], expected: Slot) -> None:
    """Times are instants in UTC together with the zone that keeps the wall time."""
    slot = spec(**times).slot

    assert expected == slot
    assert slot.start.tzinfo is slot.end.tzinfo is UTC
    assert expected.zone_info.key == expected.zone


NOTHING, UNREADABLE = "an event's time names neither a day nor an hour", "an event's time cannot be read"
FAR = "an event's time lies centuries away"


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"start": None}, "an event has no start"),
        ({"start": {}}, NOTHING),
        ({"end": {}}, NOTHING),
        ({"start": {"dateTime": "canary"}}, UNREADABLE),
        ({"end": {"date": "2026-13-01"}}, UNREADABLE),
        ({"end": {"dateTime": "2026-03-02T08:59:59+01:00"}}, "an event ends before it starts"),
        ({"start": {"date": "1604-03-02"}, "end": {"date": "1604-03-03"}}, FAR),
        ({"start": {"dateTime": "1899-12-31T23:59:59Z"}, "end": None}, FAR),
        ({"end": {"dateTime": "2200-01-01T00:00:00Z"}}, FAR),
        ({"end": {"date": "2999-01-01"}}, FAR),
        ({"start": {"date": "0001-01-01"}}, UNREADABLE),
        ({"end": {"date": "9999-12-31"}}, FAR),
        ({"recurrence": ["RRULE:FREQ=canary"]}, "the recurrence line RRULE cannot be read"),
        ({"recurrence": ["canary"]}, "a recurrence line is no RRULE, EXRULE, RDATE or EXDATE"),
    ],
)
def test_an_event_without_sound_times_is_poison(fields: dict[str, Any], cause: str) -> None:
    """A missing, unreadable, reversed or absurd time parks the event; people are shown why, in none of its words."""
    with pytest.raises(Poison) as raised:
        spec_of(event(summary="canary", **fields), (Occurrence(EIGHT, None),), zone=BERLIN, host=HOST)

    assert str(raised.value) == cause


def test_the_first_and_the_last_year_are_admitted() -> None:
    """An event may last from the first instant of 1900 to the last of 2199."""
    first, last = "1900-01-01T00:00:00+00:00", "2199-12-31T23:59:59+00:00"
    slot = spec(start={"dateTime": first}, end={"dateTime": last}).slot

    assert slot == Slot(datetime.fromisoformat(first), datetime.fromisoformat(last), "Europe/Berlin")
    assert slot.start.tzinfo is slot.end.tzinfo is UTC


@pytest.mark.parametrize(
    ("summary", "title"),
    [
        ("Planning", "Planning"),
        ("", "(No title)"),
        (None, "(No title)"),
        (" \n\t ", "(No title)"),
        (" Plan\r\nning\x00\u2028\x7f! ", "Plan  ning   !"),
        ("Família 👨‍👩‍👧 مرحبا", "Família 👨‍👩‍👧 مرحبا"),
        ("x" * 1001, "x" * 1000),
        ("x" * 999 + " y", "x" * 999),
        ("a\u2029b\u200bc", "a b\u200bc"),
    ],
)
def test_a_title_is_one_printable_line(summary: str | None, title: str) -> None:
    """A title holds no control characters and at most 1000 characters, and never is empty."""
    assert title == spec(summary=summary).title


def test_half_a_character_is_none() -> None:
    """A lone surrogate, which no encoding can carry, becomes a space wherever it stands."""
    halved = Event("abc", summary="a\udc00b", description="\ud83d!", start=event().start)

    wanted = spec_of(halved, (), zone=BERLIN, host=HOST)

    assert (wanted.title, wanted.agenda) == ("a b", "!")


LINE = "-::~:~::~:~:~:~:~:~:~:~:~::~:~::-"


@pytest.mark.parametrize(
    ("description", "agenda"),
    [
        (None, ""),
        ("Bring cake", "Bring cake"),
        ("Bring\r\ncake\tor\x00pie\n", "Bring\ncake\tor pie"),
        (f"Before\n{LINE}\nJoin: https://secret\n{LINE}\nAfter", "Before\n\nAfter"),
        (f"{LINE}<br>Join<br>{LINE}", ""),
        (f"A{LINE}1{LINE}B{LINE}2{LINE}C", "ABC"),
        (f"A{LINE}one line alone", "Aone line alone"),
        (f"A{LINE}1{LINE}B{LINE}C", "ABC"),
        ("-::~:~::- no such line", "-::~:~::- no such line"),
        ("x" * 9000, "x" * 8192),
        ("x" * 8191 + " y", "x" * 8191),
    ],
)
def test_an_agenda_is_what_people_wrote(description: str | None, agenda: str) -> None:
    """Join details between Google's own delimiters are left out, line breaks are kept, the length is bounded."""
    assert agenda == spec(description=description).agenda


@pytest.mark.parametrize(
    ("attendees", "expected"),
    [
        ([], ()),
        ([{"email": "b@x"}, {"email": "A@x "}], (Attendee("a@x"), Attendee("b@x"))),
        ([{"email": "a@x", "displayName": "A\nB"}], (Attendee("a@x", "A B"),)),
        ([{"email": "a@x", "displayName": "x" * 999 + " y"}], (Attendee("a@x", "x" * 999),)),
        ([{"email": "a@x", "responseStatus": "tentative"}], (Attendee("a@x"),)),
        ([{"email": "a@x", "responseStatus": "somethingNew"}], (Attendee("a@x"),)),
        ([{"email": "a@x", "responseStatus": "declined"}], ()),
        ([{"email": "room@x", "resource": True}], ()),
        ([{"email": "me@x", "self": True}, {"email": "boss@x", "organizer": True}], ()),
        ([{"email": "HOST@example.com"}, {"email": "organizer@x"}, {"displayName": "nobody"}], ()),
        ([{"email": "a@x", "optional": True}, {"email": "A@X"}], (Attendee("a@x"),)),
        ([{"email": "a@x", "displayName": "Z"}, {"email": "a@x", "displayName": "A"}], (Attendee("a@x", "A"),)),
    ],
)
def test_people_are_invited_once(attendees: list[dict[str, Any]], expected: tuple[Attendee, ...]) -> None:
    """Rooms, the host, and who declined are left out; an address counts once, whatever its case and order."""
    organizer = {"email": "Organizer@x", "self": True}

    assert expected == spec(attendees=attendees, organizer=organizer).attendees
    assert expected == spec(attendees=attendees[::-1], organizer=organizer).attendees


# ---- any event ---------------------------------------------------------------------------------

TEXT = st.text(max_size=20)
WHEN = st.fixed_dictionaries(
    {},
    optional={
        "date": st.dates().map(str) | TEXT,
        "dateTime": st.datetimes(timezones=st.none() | st.timezones()).map(datetime.isoformat) | TEXT,
        "timeZone": st.timezone_keys() | TEXT,
    },
)
RULES = st.sampled_from(
    ["RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY;UNTIL=20300101", "EXDATE:20260302", "RRULE:FREQ=YEARLY;COUNT=99999"]
)
PERSON = st.fixed_dictionaries(
    {},
    optional={
        "email": TEXT,
        "displayName": TEXT,
        "self": st.booleans(),
        "resource": st.booleans(),
        "optional": st.booleans(),
        "responseStatus": st.sampled_from(["declined", "accepted"]),
    },
)
ANY = st.fixed_dictionaries(
    {"id": st.sampled_from(["abc", "abc_20260302T080000Z", "abc_20260302", "abc_00010101", "abc_99991231"])},
    optional={
        "status": st.sampled_from(["confirmed", "cancelled"]),
        "summary": TEXT,
        "description": TEXT,
        "start": WHEN,
        "end": WHEN,
        "originalStartTime": WHEN,
        "recurringEventId": TEXT,
        "recurrence": st.lists(RULES | TEXT, max_size=2),
        "organizer": PERSON,
        "attendees": st.lists(PERSON, max_size=3),
    },
)


@given(item=ANY, zone=st.timezones(), fixed=st.booleans())
def test_any_event_is_a_spec_or_poison(item: dict[str, Any], zone: ZoneInfo, fixed: bool) -> None:
    """Whatever an event says, it yields a sound spec and a sound occurrence, or Poison; nothing else is raised."""
    read = event(**item) if fixed else read_event(msgspec.json.encode(item))
    if not isinstance(read, Event):
        return
    exceptions = []
    with suppress(Poison):
        exceptions.append(occurrence_of(read, zone))
    with suppress(Poison):
        wanted = spec_of(read, exceptions, zone=zone, host=HOST)
        assert wanted.slot.start < wanted.slot.end
        assert wanted.title
        assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in wanted.title)
        assert len(digest(wanted)) == 64


# ---- digest ------------------------------------------------------------------------------------

INSTANTS = st.builds(
    lambda hours, offset: (EIGHT + HOUR * hours).astimezone(timezone(HOUR * offset)),
    st.integers(0, 2),
    st.integers(-1, 1),
)
FEW = st.sampled_from(["", "a", "b"])
SLOTS = st.builds(Slot, INSTANTS, INSTANTS, st.sampled_from(["UTC", "Europe/Berlin"]))
SPECS = st.builds(
    MeetingSpec,
    title=FEW,
    slot=SLOTS,
    host=FEW,
    agenda=FEW,
    attendees=st.lists(st.builds(Attendee, FEW, FEW, st.booleans()), max_size=1).map(tuple),
    recurrence=st.lists(FEW, max_size=1).map(tuple),
    exceptions=st.lists(st.builds(Occurrence, INSTANTS, st.none() | SLOTS, st.none() | FEW), max_size=1).map(tuple),
)


def variations(one: MeetingSpec) -> st.SearchStrategy[MeetingSpec]:
    """`one` itself with its instants written in another zone, or with one field changed."""
    east = timezone(5 * HOUR)
    slot = Slot(one.slot.start.astimezone(east), one.slot.end.astimezone(east), one.slot.zone)
    same = st.just(msgspec.structs.replace(one, slot=slot))
    fields = st.sampled_from(one.__struct_fields__)
    return same | st.builds(
        lambda other, field: msgspec.structs.replace(one, **{field: getattr(other, field)}), SPECS, fields
    )


@given(SPECS.flatmap(lambda one: st.tuples(st.just(one), variations(one) | SPECS)))
def test_a_digest_is_equal_iff_the_spec_is(pair: tuple[MeetingSpec, MeetingSpec]) -> None:
    """Two specs have one digest exactly if they want the same, in whatever zone their instants are written."""
    one, other = pair

    assert (one == other) is (digest(one) == digest(other))


@given(SPECS)
def test_a_digest_survives_being_kept(one: MeetingSpec) -> None:
    """A spec read back from the store has the digest it had."""
    assert digest(one) == digest(msgspec.json.decode(msgspec.json.encode(one), type=MeetingSpec))


def test_a_digest_does_not_change_between_versions() -> None:
    """Digests are kept in links: were they reckoned otherwise tomorrow, every meeting would be written again."""
    slot = Slot(EIGHT, EIGHT + HOUR, "UTC")
    kept = MeetingSpec("Planning", slot, HOST, "Cake", (Attendee("a@x"),), ("RRULE:FREQ=DAILY",))

    assert digest(kept) == "b7637f5bef3ca0c13016bb2549f2d554a14a0de36239cb8265ea463b784596e7"


def test_a_meeting_shows_no_way_to_join() -> None:
    """What logs print of a meeting holds neither its join URL nor its passcode."""
    ref = MeetingRef("zoom", "account", MeetingId("1"))

    shown = repr(Meeting(ref, "https://canary", passcode="canary", title="canary", version="7"))

    assert "canary" not in shown
    assert "version='7'" in shown
