"""Which instants are occurrences of a series: by table, against python-dateutil over random rules, and at the edges."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from time import process_time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from conference.errors import Poison
from conference.recurrence import MAX_LINES
from conference.series import occurs_at
from conference.slot import Slot

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
ZONES = ("UTC", BERLIN, NEW_YORK, LORD_HOWE, "America/Sao_Paulo", "Asia/Kathmandu")


def slot(start: str, zone: str = BERLIN) -> Slot:
    """An hour from a wall time on."""
    begins = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return Slot(begins, begins + timedelta(hours=1), zone)


def day(start: str, zone: str = BERLIN) -> Slot:
    """A whole day."""
    begins = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone))
    return Slot(begins.astimezone(UTC), (begins + timedelta(days=1)).astimezone(UTC), zone)


def at(wall: str, zone: str = BERLIN) -> datetime:
    """The instant of a wall time."""
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


MORNING = slot("2026-03-02T09:00")  # a Monday; clocks go forward on 29 March, back on 25 October

TABLE = [
    # lines, an instant, is it an occurrence?
    ([], at("2026-03-02T09:00"), True),
    ([], at("2026-03-03T09:00"), False),
    (["RRULE:FREQ=DAILY"], at("2026-03-03T09:00"), True),
    (["RRULE:FREQ=DAILY"], at("2026-03-03T09:01"), False),
    (["RRULE:FREQ=DAILY"], at("2026-03-01T09:00"), False),
    (["RRULE:FREQ=DAILY;INTERVAL=2"], at("2026-03-03T09:00"), False),
    (["RRULE:FREQ=DAILY;INTERVAL=2"], at("2026-03-04T09:00"), True),
    (["rrule:freq=weekly;byday=mo,we;"], at("2026-03-04T09:00"), True),
    (["RRULE:FREQ=WEEKLY;BYDAY=MO,WE"], at("2026-03-05T09:00"), False),
    (["RRULE:FREQ=WEEKLY"], at("2026-03-09T09:00"), True),
    (["RRULE:FREQ=WEEKLY"], at("2026-03-10T09:00"), False),
    (["RRULE:FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,MO"], at("2026-03-08T09:00"), False),
    (["RRULE:FREQ=WEEKLY;INTERVAL=2;WKST=MO;BYDAY=SU,MO"], at("2026-03-08T09:00"), True),
    (["RRULE:FREQ=DAILY;COUNT=3"], at("2026-03-04T09:00"), True),
    (["RRULE:FREQ=DAILY;COUNT=3"], at("2026-03-05T09:00"), False),
    (["RRULE:FREQ=DAILY;UNTIL=20260304T080000Z"], at("2026-03-04T09:00"), True),  # inclusive
    (["RRULE:FREQ=DAILY;UNTIL=20260304T075959Z"], at("2026-03-04T09:00"), False),
    (["RRULE:FREQ=DAILY;UNTIL=20260304T090000"], at("2026-03-04T09:00"), True),  # wall time
    (["RRULE:FREQ=DAILY;UNTIL=20260304T085959"], at("2026-03-04T09:00"), False),
    (["RRULE:FREQ=DAILY;UNTIL=20260304"], at("2026-03-04T09:00"), True),  # to the day's end
    (["RRULE:FREQ=DAILY;UNTIL=20260304"], at("2026-03-05T09:00"), False),
    (["RRULE:FREQ=MONTHLY;BYMONTHDAY=-1"], at("2026-04-30T09:00"), True),
    (["RRULE:FREQ=MONTHLY;BYDAY=1MO"], at("2026-04-06T09:00"), True),
    (["RRULE:FREQ=MONTHLY;BYDAY=-1FR"], at("2026-04-24T09:00"), True),
    (["RRULE:FREQ=MONTHLY;BYDAY=-1FR"], at("2026-04-17T09:00"), False),
    (["RRULE:FREQ=MONTHLY;BYDAY=MO,2TU"], at("2026-04-14T09:00"), True),  # numbered and plain weekdays together
    (["RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"], at("2026-05-29T09:00"), True),
    (["RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"], at("2026-05-28T09:00"), False),
    (["RRULE:FREQ=YEARLY"], at("2027-03-02T09:00"), True),
    (["RRULE:FREQ=YEARLY;BYDAY=20MO"], at("2027-05-17T09:00"), True),
    (["RRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=1MO"], at("2027-04-05T09:00"), True),
    (["RRULE:FREQ=YEARLY;BYYEARDAY=-1"], at("2026-12-31T09:00"), True),
    (["RRULE:FREQ=YEARLY;BYWEEKNO=53;BYDAY=FR"], at("2027-01-01T09:00"), True),  # week 53 of 2026
    (["RRULE:FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO"], at("2029-01-01T09:00"), True),
    (["RRULE:FREQ=HOURLY;INTERVAL=3"], at("2026-03-02T15:00"), True),
    (["RRULE:FREQ=HOURLY;INTERVAL=3"], at("2026-03-02T14:00"), False),
    (["RRULE:FREQ=MINUTELY;INTERVAL=90"], at("2026-03-02T10:30"), True),
    (["RRULE:FREQ=SECONDLY;INTERVAL=7;COUNT=3"], at("2026-03-02T09:00:14"), True),
    (["RRULE:FREQ=SECONDLY;INTERVAL=7;COUNT=3"], at("2026-03-02T09:00:21"), False),
    (["RRULE:FREQ=HOURLY;BYMINUTE=0,20,40;BYSETPOS=2"], at("2026-03-02T11:20"), True),
    (["RRULE:FREQ=HOURLY;BYMINUTE=0,20,40;BYSETPOS=2"], at("2026-03-02T11:40"), False),
    (["RRULE:FREQ=DAILY;BYHOUR=9,12;BYSETPOS=-1;COUNT=2"], at("2026-03-03T12:00"), True),
    (["RRULE:FREQ=DAILY;BYHOUR=9,12;BYSETPOS=-1;COUNT=2"], at("2026-03-04T12:00"), False),
    (["RRULE:FREQ=DAILY;BYHOUR=9,12;BYSETPOS=-3"], at("2026-03-03T12:00"), False),
    # the start itself counts though the rule does not yield it
    (["RRULE:FREQ=WEEKLY;BYDAY=WE"], at("2026-03-02T09:00"), True),
    # several lines: union of rules and dates, less what is excluded
    (["RRULE:FREQ=WEEKLY", "RRULE:FREQ=MONTHLY;BYMONTHDAY=5"], at("2026-04-05T09:00"), True),
    (["RDATE:20260310T080000Z"], at("2026-03-10T09:00"), True),
    (["RDATE;TZID=America/New_York:20260310T090000,20260311T090000"], at("2026-03-11T09:00", NEW_YORK), True),
    (['RDATE;TZID="Europe/Berlin":20260310T090000'], at("2026-03-10T09:00"), True),
    (["RDATE;VALUE=DATE:20260310"], at("2026-03-10T09:00"), True),  # a day means the occurrence of that day
    (["RDATE;VALUE=PERIOD:20260310T080000Z/PT1H"], at("2026-03-10T09:00"), True),
    (["RRULE:FREQ=DAILY", "EXDATE:20260304T090000,20260305T090000"], at("2026-03-05T09:00"), False),
    (["RRULE:FREQ=DAILY", "EXDATE;VALUE=DATE:20260304"], at("2026-03-04T09:00"), False),
    (["RRULE:FREQ=DAILY", "EXDATE:20260302T080000Z"], at("2026-03-02T09:00"), False),  # even the first
    (["RRULE:FREQ=DAILY", "EXRULE:FREQ=WEEKLY;BYDAY=WE"], at("2026-03-04T09:00"), False),
    (["RRULE:FREQ=DAILY", "EXRULE:FREQ=WEEKLY;BYDAY=WE"], at("2026-03-05T09:00"), True),
    (["RRULE:FREQ=DAILY", "RDATE:20260304T150000Z", "EXDATE:20260304T150000Z"], at("2026-03-04T16:00"), False),
    # wall time is kept over the shift of clocks
    (["RRULE:FREQ=DAILY"], datetime(2026, 3, 30, 7, tzinfo=UTC), True),
    (["RRULE:FREQ=DAILY"], datetime(2026, 3, 30, 8, tzinfo=UTC), False),
    # no calendar reaches so far
    (["RRULE:FREQ=DAILY"], datetime(9999, 12, 31, 23, 59, tzinfo=UTC), False),
    (["RRULE:FREQ=DAILY"], datetime(1, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo")), False),
]


@pytest.mark.parametrize(("lines", "instant", "expected"), TABLE)
def test_an_instant_is_an_occurrence_or_not(lines: list[str], instant: datetime, expected: bool) -> None:
    """Rules, dates and exclusions, in any number, say which instants belong to the series."""
    assert expected is occurs_at(lines, MORNING, instant)


@pytest.mark.parametrize(
    ("lines", "begins", "instant", "expected"),
    [
        (["RRULE:FREQ=DAILY"], day("2026-03-28"), at("2026-03-30T00:00"), True),
        (["RRULE:FREQ=DAILY;UNTIL=20260330"], day("2026-03-28"), at("2026-03-30T00:00"), True),
        (["RRULE:FREQ=DAILY;UNTIL=20260330"], day("2026-03-28"), at("2026-03-31T00:00"), False),
        (["RRULE:FREQ=DAILY", "EXDATE;VALUE=DATE:20260330"], day("2026-03-28"), at("2026-03-30T00:00"), False),
        (["RDATE;VALUE=DATE:20260401,20260403"], day("2026-03-28"), at("2026-04-03T00:00"), True),
        # In São Paulo midnight of 4 November 2018 was skipped: that day began at one o'clock.
        (
            ["RRULE:FREQ=DAILY"],
            day("2018-11-03", "America/Sao_Paulo"),
            at("2018-11-04T01:00", "America/Sao_Paulo"),
            True,
        ),
        (
            ["RRULE:FREQ=DAILY"],
            day("2018-11-04", "America/Sao_Paulo"),
            at("2018-11-05T00:00", "America/Sao_Paulo"),
            True,
        ),
    ],
)
def test_whole_days_begin_at_the_zone_s_midnight(
    lines: list[str], begins: Slot, instant: datetime, expected: bool
) -> None:
    """A whole day recurs at midnight as the calendar's zone reckons, even over a shift of clocks."""
    assert expected is occurs_at(lines, begins, instant)


@pytest.mark.parametrize(
    ("begins", "instant", "expected"),
    [
        # 02:30 is skipped on 29 March: the occurrence is at 01:30 UTC, as if clocks had not moved yet.
        (slot("2026-03-28T02:30"), datetime(2026, 3, 29, 1, 30, tzinfo=UTC), True),
        (slot("2026-03-28T02:30"), datetime(2026, 3, 29, 0, 30, tzinfo=UTC), False),
        # 02:30 comes twice on 25 October: the first is meant.
        (slot("2026-10-24T02:30"), datetime(2026, 10, 25, 0, 30, tzinfo=UTC), True),
        (slot("2026-10-24T02:30"), datetime(2026, 10, 25, 1, 30, tzinfo=UTC), False),
        # Lord Howe moves its clocks by half an hour.
        (slot("2026-10-03T02:15", LORD_HOWE), at("2026-10-04T02:15", LORD_HOWE), True),
    ],
)
def test_a_shift_of_clocks_moves_one_occurrence_at_most(begins: Slot, instant: datetime, expected: bool) -> None:
    """A time that clocks skip is reckoned from before the shift, one that comes twice is the first."""
    assert expected is occurs_at(["RRULE:FREQ=DAILY"], begins, instant)


MALFORMED = [
    "",
    "garbage",
    "DTSTART:20260302T090000Z",
    "RRULE",
    "RRULE:",
    "RRULE:COUNT=3",
    "RRULE:FREQ=FORTNIGHTLY",
    "RRULE:FREQ=DAILY;FREQ=DAILY",
    "RRULE:FREQ=DAILY;SECRET=1",
    "RRULE:FREQ=DAILY;INTERVAL=0",
    "RRULE:FREQ=DAILY;INTERVAL=-1",
    "RRULE:FREQ=DAILY;INTERVAL=1_0",
    "RRULE:FREQ=DAILY;INTERVAL=٣",
    "RRULE:FREQ=DAILY;COUNT=999999",
    "RRULE:FREQ=DAILY;COUNT=",
    "RRULE:FREQ=DAILY;UNTIL=tomorrow",
    "RRULE:FREQ=DAILY;UNTIL=20260231",
    "RRULE:FREQ=DAILY;UNTIL=20260228T256199Z",
    "RRULE:FREQ=DAILY;BYMONTH=13",
    "RRULE:FREQ=DAILY;BYMONTHDAY=0",
    "RRULE:FREQ=DAILY;BYMONTHDAY=32",
    "RRULE:FREQ=DAILY;BYHOUR=24",
    "RRULE:FREQ=DAILY;BYSECOND=60",
    "RRULE:FREQ=MONTHLY;BYDAY=0MO",
    "RRULE:FREQ=MONTHLY;BYDAY=54MO",
    "RRULE:FREQ=MONTHLY;BYDAY=XX",
    "RRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0",
    "RRULE:FREQ=WEEKLY;WKST=1",
    "RDATE:",
    "RDATE:secret",
    "RDATE:00010101T000000",
    "RDATE;TZID=Mars/Olympus:20260310T090000",
    "EXDATE;TZID=../secret:20260310T090000",
    "EXDATE:20260310T09",
]


@pytest.mark.parametrize("line", MALFORMED)
def test_a_malformed_line_is_poison(line: str) -> None:
    """A line that cannot be read parks the event; the cause repeats nothing of what was written."""
    far_east = slot("2026-03-02T09:00", "Asia/Tokyo")

    with pytest.raises(Poison) as raised:
        occurs_at([line], far_east, MORNING.start)

    assert "secret" not in str(raised.value).lower()


def test_too_many_lines_are_poison() -> None:
    """Nobody writes so many lines; whoever does must not keep us busy."""
    with pytest.raises(Poison):
        occurs_at(["RDATE:20260310T080000Z"] * (MAX_LINES + 1), MORNING, MORNING.start)


SIXTY = ",".join(map(str, range(60)))


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30;COUNT=99999",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=99999",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=99999",
        f"FREQ=YEARLY;BYMINUTE={SIXTY};BYSECOND={SIXTY};BYDAY=MO;BYSETPOS=366",
        f"FREQ=HOURLY;BYMINUTE={SIXTY};BYSECOND={SIXTY};BYSETPOS=1;COUNT=99999",
        f"FREQ=DAILY;BYMINUTE={SIXTY};BYSECOND={SIXTY};BYMONTHDAY=31;BYMONTH=2;COUNT=9",
        "FREQ=YEARLY;INTERVAL=99999;COUNT=99999",
        "FREQ=WEEKLY;INTERVAL=99999;COUNT=99999",
        "FREQ=MONTHLY;COUNT=99999",
    ],
)
def test_no_rule_runs_long(rule: str) -> None:
    """Rules that dateutil would count through for hours, or for ever, are answered at once."""
    began = process_time()

    assert not occurs_at([f"RRULE:{rule}"], MORNING, at("2190-06-06T06:06:06.5"))
    assert process_time() - began < 5


def test_a_count_too_far_away_ends_nothing() -> None:
    """Counting stops after so many periods; what lies behind is taken for an occurrence rather than dropped."""
    assert occurs_at(["RRULE:FREQ=SECONDLY;COUNT=99999"], MORNING, at("2026-03-05T09:00"))


# ---- against dateutil --------------------------------------------------------------------------

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def listed(items: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[str]:
    """Some of the items, with commas between."""
    return st.lists(items, min_size=1, max_size=most, unique=True).map(lambda some: ",".join(map(str, some)))


def nonzero(high: int) -> st.SearchStrategy[int]:
    """A number counted from either end."""
    return st.integers(1, high) | st.integers(-high, -1)


PLAIN_DAYS = listed(st.sampled_from(WEEKDAYS))
# dateutil wants a day to be both when plain and numbered weekdays are mixed; the RFC wants either.
NUMBERED_DAYS = listed(st.builds(lambda n, day: f"{n}{day}", nonzero(5), st.sampled_from(WEEKDAYS)))

BY_DAYS = {
    "YEARLY": {"BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYDAY", "BYWEEKNO", "BYSETPOS"},
    "MONTHLY": {"BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS"},
    "WEEKLY": {"BYMONTH", "BYDAY"},
    "DAILY": {"BYMONTH", "BYMONTHDAY", "BYDAY"},
    "HOURLY": {"BYDAY"},
}
PARTS: dict[str, st.SearchStrategy[str]] = {
    "BYMONTH": listed(st.integers(1, 12)),
    "BYMONTHDAY": listed(nonzero(31)),
    "BYYEARDAY": listed(nonzero(366)),
    "BYWEEKNO": listed(st.integers(2, 51)),  # around the new year dateutil errs; see the test against ISO weeks
    "BYDAY": PLAIN_DAYS,
    "BYSETPOS": listed(nonzero(4), 2),
}


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Rules of every frequency with any admissible parts."""
    frequency = draw(st.sampled_from(sorted(BY_DAYS)))
    parts = {"FREQ": frequency, "INTERVAL": str(draw(st.integers(1, 4))), "WKST": draw(st.sampled_from(WEEKDAYS))}
    for name in draw(st.sets(st.sampled_from(sorted(BY_DAYS[frequency])), max_size=3)):
        parts[name] = draw(NUMBERED_DAYS if name == "BYDAY" and frequency == "MONTHLY" else PARTS[name])
    if draw(st.booleans()):
        parts["BYMINUTE"] = draw(listed(st.sampled_from([0, 15, 30])))
    if frequency != "HOURLY" and draw(st.booleans()):
        parts["BYHOUR"] = draw(listed(st.sampled_from([1, 2, 3, 9, 23])))
    if draw(st.booleans()):
        parts["COUNT"] = str(draw(st.integers(1, 30)))
    assume("BYSETPOS" not in parts or len(parts) > 4)
    return ";".join(f"{name}={value}" for name, value in parts.items())


NEW_YEAR = datetime.fromisoformat("2020-01-01T02:30")
STARTS = st.builds(
    datetime,
    st.integers(2015, 2027),
    st.integers(1, 12),
    st.integers(1, 28),
    st.sampled_from([0, 1, 2, 3, 9, 23]),
    st.sampled_from([0, 30]),
)


def by_dateutil(rule: str, start: datetime, zone: ZoneInfo, most: int) -> list[datetime]:
    """The first occurrences as python-dateutil counts them."""
    # The sentinel ends a rule that never yields again: dateutil would look as far as the year 9999.
    series = rrulestr(f"RRULE:{rule}\nRDATE:20400101T000000", dtstart=start, forceset=True)
    found: list[datetime] = []
    for wall in series:
        if wall.year >= 2040 or len(found) == most:
            break
        found.append(wall.replace(tzinfo=zone).astimezone(UTC))
    return found


@settings(
    max_examples=(settings.default or settings()).max_examples // 2
)  # dateutil searches long for rules that never yield
@given(rule=rules(), start=STARTS, zone=st.sampled_from(ZONES), shift=st.integers(-3, 3))
@example(rule="FREQ=YEARLY;BYWEEKNO=20;WKST=SU;BYDAY=SA,SU", start=NEW_YEAR, zone=BERLIN, shift=1)
@example(rule="FREQ=MONTHLY;BYDAY=-1SU", start=NEW_YEAR, zone=BERLIN, shift=1)
@example(rule="FREQ=HOURLY;INTERVAL=5", start=NEW_YEAR, zone=LORD_HOWE, shift=1)
def test_dateutil_agrees(rule: str, start: datetime, zone: str, shift: int) -> None:
    """Over random rules and zones, exactly those instants are occurrences that python-dateutil generates."""
    begins = slot(start.isoformat(), zone)
    expected = by_dateutil(rule, start, ZoneInfo(zone), 40)
    known = {begins.start, *expected}

    assert [i for i in expected if not occurs_at([f"RRULE:{rule}"], begins, i)] == []

    strangers = {instant + timedelta(hours=shift, days=shift) for instant in known} - known
    within = {instant for instant in strangers if expected and begins.start <= instant <= max(expected)}
    assert [i for i in within if occurs_at([f"RRULE:{rule}"], begins, i)] == []


@given(day=st.dates(date(2015, 1, 1), date(2060, 1, 1)), number=st.integers(1, 53))
def test_weeks_are_numbered_as_iso_8601_does(day: date, number: int) -> None:
    """A rule for one week of the year yields exactly the days that the ISO calendar puts into that week."""
    begins, instant = slot("2014-12-29T09:00", "UTC"), at(f"{day}T09:00", "UTC")
    year, week, _ = day.isocalendar()
    last = date(year, 12, 28).isocalendar().week

    assert (week == number) is occurs_at([f"RRULE:FREQ=YEARLY;BYWEEKNO={number}"], begins, instant)
    assert occurs_at([f"RRULE:FREQ=YEARLY;BYWEEKNO={week - last - 1}"], begins, instant)


@given(st.lists(st.text(max_size=40) | st.sampled_from(MALFORMED) | rules().map("RRULE:".__add__), max_size=4))
def test_any_lines_are_read_or_poison(lines: list[str]) -> None:
    """Whatever the lines say, the answer is yes, no, or Poison."""
    with suppress(Poison):
        assert occurs_at(lines, MORNING, at("2026-03-09T09:00")) in {True, False}
