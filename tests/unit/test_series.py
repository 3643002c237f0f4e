"""Ids of occurrences, exceptions and tombstones, and which exceptions a rule still knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.errors import Poison
from conference.event import Event, read_event
from conference.meeting import Occurrence, Slot
from conference.series import is_exception, join_id, live_exceptions, occurrence_of, series_of, split_id

BERLIN = ZoneInfo("Europe/Berlin")
NINE = datetime(2013, 5, 8, 22, tzinfo=UTC)


def event(**fields: object) -> Event:
    """An event as Google would send it."""
    read = read_event(msgspec.json.encode({"id": "master", **fields}))
    assert isinstance(read, Event)
    return read


@pytest.mark.parametrize(
    ("event_id", "expected"),
    [
        ("tlf9q8uk5vjl_20130508T220000Z", ("tlf9q8uk5vjl", NINE, False)),
        ("tlf9q8uk5vjl_20130508", ("tlf9q8uk5vjl", datetime(2013, 5, 8, tzinfo=UTC), True)),
        ("tlf9q8uk5vjl", ("tlf9q8uk5vjl", None, False)),
        ("_60q30c1g60o30e1i60o4ac1g60rj8gpl", ("_60q30c1g60o30e1i60o4ac1g60rj8gpl", None, False)),  # imported
        ("a_b_20130508T220000Z", ("a_b", NINE, False)),
        ("a_R20130508T220000", ("a_R20130508T220000", None, False)),  # the range form names a series
        ("a_R20130501T220000_20130508T220000Z", ("a_R20130501T220000", NINE, False)),
        ("a_20130231", ("a_20130231", None, False)),
        ("a_20130508T256000Z", ("a_20130508T256000Z", None, False)),
        ("a_00000101", ("a_00000101", None, False)),
        ("a_20130508T220000", ("a_20130508T220000", None, False)),
        ("a_20130508T220000Z\n", ("a_20130508T220000Z\n", None, False)),
        ("a_٢٠١٣٠٥٠٨", ("a_٢٠١٣٠٥٠٨", None, False)),
        ("_20130508", ("_20130508", None, False)),
        ("", ("", None, False)),
    ],
)
def test_an_id_tells_its_series_and_original_start(event_id: str, expected: tuple[str, datetime | None, bool]) -> None:
    """Only an id of the observed form is taken apart; every other is a name of its own."""
    assert expected == split_id(event_id)


@given(
    series=st.text(min_size=1),
    start=st.datetimes(min_value=datetime.fromisoformat("0002-01-01"), max_value=datetime.fromisoformat("9998-12-31")),
    zone=st.timezones(),
    all_day=st.booleans(),
)
def test_ids_survive_the_round_trip(series: str, start: datetime, zone: ZoneInfo, all_day: bool) -> None:
    """What join_id makes, split_id takes apart again, whatever the series is called and the zone is."""
    original = start.replace(microsecond=0, tzinfo=zone)
    expected = start.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC) if all_day else original

    assert split_id(join_id(series, original, all_day=all_day)) == (series, expected.astimezone(UTC), all_day)


@given(st.text())
def test_any_id_can_be_split_and_joined_again(event_id: str) -> None:
    """No id raises; one that names an occurrence is rebuilt from its parts."""
    series, start, all_day = split_id(event_id)

    assert event_id == (series if start is None else join_id(series, start, all_day=all_day))


@pytest.mark.parametrize(
    ("start", "all_day", "expected"),
    [(NINE, False, "a_20130508T220000Z"), (NINE.astimezone(BERLIN), True, "a_20130509")],
)
def test_an_occurrence_is_named_by_its_start(start: datetime, all_day: bool, expected: str) -> None:
    """By the instant in UTC, or by the day as its own zone has it."""
    assert join_id("a", start, all_day=all_day) == expected
    assert join_id("a", start) == "a_20130508T220000Z"


TOMBSTONE = {"status": "cancelled"}
STARTS = {"start": {"dateTime": "2013-05-08T16:00:00-06:00"}}


@pytest.mark.parametrize(
    ("item", "series", "exception"),
    [
        (event(), "master", False),
        (event(recurrence=["RRULE:FREQ=DAILY"]), "master", False),
        (event(id="a_20130508T220000Z", recurringEventId="a"), "a", True),
        (event(id="odd", recurringEventId="a"), "a", True),
        (event(id="a_20130508T220000Z", originalStartTime=STARTS["start"]), "a", True),
        (event(id="odd", originalStartTime=STARTS["start"]), "odd", True),
        (event(**TOMBSTONE), "master", False),
        (event(id="a_20130508T220000Z", **TOMBSTONE), "a", True),
        (event(id="a_20130508", **TOMBSTONE), "a", True),
        # A live event always names its series; one that does not only looks like an occurrence.
        (event(id="party_20130508"), "party_20130508", False),
        (event(id="party_20130508", **TOMBSTONE, **STARTS), "party_20130508", False),
    ],
)
def test_every_event_belongs_to_one_series(item: Event, series: str, exception: bool) -> None:
    """An exception belongs to the series it names, a bare tombstone to the one its id names, the rest to themselves."""
    assert (series, exception) == (series_of(item), is_exception(item))


def test_a_moved_occurrence_keeps_its_original_start() -> None:
    """An exception is known by where it was, and tells where it is and how it is called."""
    moved = event(
        id="a_20130508T220000Z",
        recurringEventId="a",
        summary="Moved",
        originalStartTime={"dateTime": "2013-05-08T16:00:00-06:00"},
        start={"dateTime": "2013-05-09T10:00:00", "timeZone": "Europe/Berlin"},
        end={"dateTime": "2013-05-09T11:00:00+02:00"},
    )
    slot = Slot(datetime(2013, 5, 9, 8, tzinfo=UTC), datetime(2013, 5, 9, 9, tzinfo=UTC), "Europe/Berlin")

    assert Occurrence(NINE, slot, "Moved") == occurrence_of(moved, BERLIN)


def test_an_occurrence_without_a_zone_keeps_the_calendar_s() -> None:
    """A whole day begins when the calendar's zone says so."""
    whole = event(
        id="a_20130508",
        recurringEventId="a",
        originalStartTime={"date": "2013-05-08"},
        start={"date": "2013-05-09"},
        end={"date": "2013-05-10"},
    )
    midnight = datetime(2013, 5, 8, 22, tzinfo=UTC)
    slot = Slot(midnight, midnight + timedelta(days=1), "Europe/Berlin")

    assert Occurrence(midnight - timedelta(days=1), slot, "(No title)") == occurrence_of(whole, BERLIN)


@pytest.mark.parametrize(
    ("item", "original"),
    [
        (event(id="a_20130508T220000Z", **TOMBSTONE), NINE),
        (event(id="a_20130508", **TOMBSTONE), datetime(2013, 5, 7, 22, tzinfo=UTC)),  # midnight in Berlin
        (event(id="odd", originalStartTime={"date": "2013-05-08"}, **TOMBSTONE), datetime(2013, 5, 7, 22, tzinfo=UTC)),
        (event(id="a_20130501", originalStartTime=STARTS["start"], **TOMBSTONE), NINE),
    ],
)
def test_a_tombstone_cancels_its_occurrence(item: Event, original: datetime) -> None:
    """A cancelled occurrence has no slot; its original start is given, or stands in its id."""
    assert Occurrence(original, None) == occurrence_of(item, BERLIN)


@pytest.mark.parametrize(
    ("item", "cause"),
    [
        (event(id="odd", **TOMBSTONE), "an exception does not say which occurrence it is"),
        (event(id="odd", originalStartTime={}, **TOMBSTONE), "an event's time names neither a day nor an hour"),
        (event(id="odd", originalStartTime={"dateTime": "soon"}), "an event's time cannot be read"),
        (event(id="odd", originalStartTime={"date": "0001-01-01"}, **TOMBSTONE), "an event's time cannot be read"),
        (event(id="a_10000101", **TOMBSTONE), "an event's time lies centuries away"),
        (event(id="a_20130508T220000Z"), "an event has no start"),
    ],
)
def test_an_unreadable_exception_is_poison(item: Event, cause: str) -> None:
    """An exception that names no original start, or a live one without times, cannot be used; the cause says why."""
    with pytest.raises(Poison) as raised:
        occurrence_of(item, BERLIN)

    assert str(raised.value) == cause


MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
WEEKLY = ["RRULE:FREQ=WEEKLY"]
SERIES = Slot(MONDAY, MONDAY + timedelta(hours=1), "Europe/Berlin")


def cancelled(weeks: int, hours: int = 0) -> Occurrence:
    """The exception `weeks` after the first occurrence is cancelled."""
    return Occurrence(MONDAY + timedelta(weeks=weeks, hours=hours), None)


def moved(weeks: int, hours: int, title: str | None = "Moved") -> Occurrence:
    """The exception `weeks` after the first takes place `hours` later."""
    start = MONDAY + timedelta(weeks=weeks, hours=hours)
    return Occurrence(MONDAY + timedelta(weeks=weeks), Slot(start, start + timedelta(hours=1), "UTC"), title)


@pytest.mark.parametrize(
    ("lines", "given_", "expected"),
    [
        (WEEKLY, [], ()),
        (WEEKLY, [cancelled(2), cancelled(1)], (cancelled(1), cancelled(2))),
        (WEEKLY, [cancelled(1, hours=1), cancelled(1)], (cancelled(1),)),
        (WEEKLY, [cancelled(-1)], ()),
        (["RRULE:FREQ=WEEKLY;COUNT=2"], [cancelled(1), cancelled(2)], (cancelled(1),)),
        (WEEKLY, [moved(1, 2), moved(1, 2)], (moved(1, 2),)),
        (WEEKLY, [moved(1, 2), cancelled(1)], (moved(1, 2),)),
        (WEEKLY, [moved(1, 3), moved(1, 2)], (moved(1, 3),)),
        (WEEKLY, [moved(1, 2, "B"), moved(1, 2, "A")], (moved(1, 2, "B"),)),
        (WEEKLY, [moved(1, 2, "A"), moved(1, 2, None)], (moved(1, 2, "A"),)),
        ([], [cancelled(0), cancelled(1)], (cancelled(0),)),
    ],
)
def test_exceptions_of_an_older_rule_are_dropped(
    lines: list[str], given_: list[Occurrence], expected: tuple[Occurrence, ...]
) -> None:
    """Only exceptions of occurrences that the rule yields are left, each once, in order."""
    assert expected == live_exceptions(lines, SERIES, given_)


TITLES = st.sampled_from([None, "A", "B"])
EXCEPTIONS = st.builds(moved, st.integers(-1, 4), st.integers(0, 2), TITLES) | st.builds(cancelled, st.integers(-1, 4))


@given(st.lists(EXCEPTIONS, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_exceptions_decides_nothing(exceptions: list[Occurrence], order: Random) -> None:
    """However exceptions arrive, the same ones count."""
    shuffled = list(exceptions)
    order.shuffle(shuffled)

    assert live_exceptions(WEEKLY, SERIES, exceptions) == live_exceptions(WEEKLY, SERIES, shuffled)
