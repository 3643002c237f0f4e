"""Which instants are occurrences of a series: by table, by arithmetic of our own, and at the edges."""

from __future__ import annotations

import os
import re
import time
from calendar import monthrange
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conference.errors import Poison
from conference.recurrence import MAX_LINES, occurrences_among, occurrences_until
from conference.series import occurs_at
from conference.slot import Slot

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
ZURICH = "Europe/Zurich"
ZONES = ("UTC", ZURICH, NEW_YORK, LORD_HOWE, "America/Sao_Paulo", "Asia/Kathmandu")


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
    # some write for ever as the last day there is, and some write both UNTIL and COUNT
    (["RRULE:FREQ=DAILY;UNTIL=99991231"], at("2026-03-03T09:00"), True),
    (["RRULE:FREQ=DAILY;UNTIL=20260303;COUNT=9"], at("2026-03-04T09:00"), False),
    (["RRULE:FREQ=DAILY;UNTIL=20260305;COUNT=2"], at("2026-03-04T09:00"), False),
    (["RRULE:FREQ=DAILY;UNTIL=20250101"], at("2026-03-02T09:00"), True),  # the start remains
    (["RRULE:FREQ=DAILY;UNTIL=00010101T120000Z"], at("2026-03-03T09:00"), False),
    (["RRULE:FREQ=YEARLY;UNTIL=21990101"], at("2199-03-02T09:00"), False),  # the last year we admit has its UNTIL
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
    (["EXRULE:FREQ=DAILY"], at("2026-03-02T09:00"), False),
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
    "RRULE:FREQ=DAILY:COUNT=2",
    "RRULE:FREQ=DAILY;FREQ=DAILY",
    "RRULE:FREQ=DAILY;SECRET=1",
    "RRULE:FREQ=DAILY;INTERVAL=0",
    "RRULE:FREQ=DAILY;INTERVAL=-1",
    "RRULE:FREQ=DAILY;INTERVAL=1_0",
    "RRULE:FREQ=DAILY;INTERVAL=٣",
    "RRULE:FREQ=DAILY;COUNT=1,2",
    "RRULE:FREQ=MONTHLY;BYDAY=MO,2TU",  # numbered and plain weekdays: dateutil would want a day to be both
    "RRULE:FREQ=YEARLY;BYMONTH=12;BYDAY=53MO",
    "RRULE:" + ";" * 501 + "FREQ=DAILY",
    "RRULE:FREQ=DAILY;COUNT=",
    "RRULE:FREQ=DAILY;UNTIL=tomorrow",
    "RRULE:FREQ=DAILY;UNTIL=20260231",
    "RRULE:FREQ=DAILY;UNTIL=20260228T256199Z",
    "RRULE:FREQ=DAILY;BYMONTHDAY=0",
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
    "EXDATE;TZID=Europe/Berlin=:20260310T090000",
    "EXDATE;TZID=XEurope/Berlin:20260310T090000",
    "EXDATE:20260310T09",
]


@pytest.mark.parametrize("line", MALFORMED)
def test_a_malformed_line_is_poison(line: str) -> None:
    """A line that cannot be read parks the event; the cause repeats nothing of what was written."""
    far_east = slot("2026-03-02T09:00", "Asia/Tokyo")

    with pytest.raises(Poison) as raised:
        occurs_at([line], far_east, MORNING.start)

    assert CAUSE.fullmatch(str(raised.value))


CAUSE = re.compile("a recurrence line is no .*DATE|the recurrence line (RRULE|RDATE|EXDATE) cannot be read")


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("RRULE:FREQ=DAILY:COUNT=2", "the recurrence line RRULE cannot be read"),
        ("RDATE;VALUE=DATE:20260310:20260311", "the recurrence line RDATE cannot be read"),
        ("exdate:nothing", "the recurrence line EXDATE cannot be read"),
        ("DTSTART:20260302T090000Z", "a recurrence line is no RRULE, EXRULE, RDATE or EXDATE"),
        ("RRULE-FREQ=DAILY", "a recurrence line is no RRULE, EXRULE, RDATE or EXDATE"),
    ],
)
def test_a_line_is_known_by_what_stands_before_its_first_colon(line: str, cause: str) -> None:
    """The cause names its kind, as far as it is one."""
    with pytest.raises(Poison, match=f"^{cause}$"):
        occurs_at([line], MORNING, MORNING.start)


def test_too_many_lines_are_poison() -> None:
    """Nobody writes so many lines; whoever does must not keep us busy."""
    assert occurs_at(["RDATE:20260310T080000Z"] * MAX_LINES, MORNING, MORNING.start)
    with pytest.raises(Poison, match=r"^an event has too many recurrence lines$"):
        occurs_at(["RDATE:20260310T080000Z"] * (MAX_LINES + 1), MORNING, MORNING.start)


def test_a_series_is_followed_up_to_an_instant() -> None:
    """Every occurrence up to the last instant, that one included, in order and in UTC."""
    lines = ["RRULE:FREQ=DAILY", "RDATE:20260303T150000Z", "EXDATE;VALUE=DATE:20260304"]
    expected = ["2026-03-02T09:00", "2026-03-03T09:00", "2026-03-03T16:00", "2026-03-05T09:00", "2026-03-06T09:00"]

    found = occurrences_until(lines, MORNING, at("2026-03-06T09:00"))

    assert found == [at(wall) for wall in expected]
    assert all(instant.tzinfo is UTC for instant in found)


def test_the_first_and_the_last_year_have_occurrences() -> None:
    """From the first day of 1900 to the last of 2199."""
    first, last = at("1900-01-01T09:00", "UTC"), at("2199-12-31T09:00", "UTC")
    lines = ["RDATE:21991231T090000Z"]

    assert occurrences_among(lines, slot("1900-01-01T09:00", "UTC"), [first, last]) == {first, last}


@contextmanager
def standing_in(zone: str) -> Iterator[None]:
    """The machine's clock is that of this zone."""
    before = os.environ.get("TZ")
    try:
        os.environ["TZ"] = zone
        time.tzset()
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


@pytest.mark.parametrize("machine", ["UTC", "Etc/GMT+12", "Pacific/Kiritimati"])
def test_the_machine_s_zone_decides_nothing(machine: str) -> None:
    """At the other edge of the world it is still the day before yesterday when a series there ends."""
    lines, edge = ["RRULE:FREQ=DAILY;UNTIL=20260304T230000"], "Pacific/Kiritimati"

    with standing_in(machine):
        assert occurs_at(lines, slot("2026-03-02T23:00", edge), at("2026-03-04T23:00", edge))


SIXTY = ",".join(map(str, range(60)))


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;COUNT=999999999",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYHOUR=9;BYMINUTE=0;BYSECOND=0;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MINUTELY;BYHOUR=3;BYYEARDAY=366",
        "FREQ=SECONDLY;BYSETPOS=" + ",".join(map(str, range(1, 100))),
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=99999",
        "FREQ=DAILY;BYHOUR=9,12;BYSETPOS=-3",
        "FREQ=WEEKLY;BYMONTH=13",
        "FREQ=DAILY;BYMONTH=13",
        "FREQ=DAILY;BYMONTHDAY=32",
        "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=4",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=99999",
        "FREQ=YEARLY;BYDAY=MO;BYSETPOS=" + ",".join(map(str, range(100, 200))),
        f"FREQ=YEARLY;BYMINUTE={SIXTY};BYSECOND={SIXTY};BYDAY=MO;BYSETPOS=366",
        f"FREQ=HOURLY;BYMINUTE={SIXTY};BYSECOND={SIXTY};BYSETPOS=1;COUNT=99999",
        f"FREQ=DAILY;BYMINUTE={SIXTY};BYSECOND={SIXTY};BYMONTHDAY=31;BYMONTH=2;COUNT=9",
    ],
)
def test_no_rule_runs_long(rule: str) -> None:
    """Rules that would be followed for hours, or for ever, are given up after a bounded number of steps."""
    with pytest.raises(Poison, match=r"^a recurrence rule asks for more work than any calendar does$"):
        occurs_at([f"RRULE:{rule}"], MORNING, at("2199-06-06T06:06:06"))


def test_lines_share_one_allowance() -> None:
    """Many long rules cost no more than one."""
    rules = ["RRULE:FREQ=DAILY"] * MAX_LINES
    assert occurs_at(rules, MORNING, at("2026-06-06T09:00"))

    with pytest.raises(Poison, match="more work"):
        occurs_at(rules, MORNING, at("2100-06-06T09:00"))


def test_the_allowance_is_spent_to_the_last_place() -> None:
    """280 times a day cost as many places: 112 000 are enough for four hundred days, and not for one more."""
    hours = "BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13"
    rule = f"RRULE:FREQ=DAILY;{hours};BYMINUTE={','.join(map(str, range(20)))}"  # twenty times fourteen a day
    last = MORNING.start + timedelta(days=398)

    assert occurs_at([rule], MORNING, last)
    with pytest.raises(Poison, match="more work"):
        occurs_at([rule], MORNING, last + timedelta(days=1))


@pytest.mark.parametrize("rule", ["YEARLY;INTERVAL=99999", "WEEKLY;INTERVAL=99999", "MONTHLY;COUNT=99999", "DAILY"])
def test_every_year_we_admit_can_be_asked_for(rule: str) -> None:
    """A rule with one time a day is followed from the first year to the last, however sparse it is."""
    begins = slot("1900-01-02T09:00", "UTC")

    assert not occurs_at([f"RRULE:FREQ={rule}"], begins, at("2199-12-31T08:00", "UTC"))


# ---- whole series, as the documents show them --------------------------------------------------


def days_of(lines: list[str], begins: Slot, days: int = 400) -> list[str]:
    """The days, out of so many, on which the series occurs at the wall time of its start."""
    zone = ZoneInfo(begins.zone)
    first = begins.start.astimezone(zone).replace(tzinfo=None)
    walls = [first + timedelta(days=number) for number in range(days)]
    found = occurrences_among(lines, begins, [wall.replace(tzinfo=zone) for wall in walls])
    return [f"{wall:%Y-%m-%d}" for wall in walls if wall.replace(tzinfo=zone).astimezone(UTC) in found]


@pytest.mark.parametrize(
    ("lines", "begins", "expected"),
    [
        # Google, "Calendars & events"
        (
            [
                "EXDATE;VALUE=DATE:20150610",
                "RDATE;VALUE=DATE:20150609,20150611",
                "RRULE:FREQ=DAILY;UNTIL=20150628;INTERVAL=3",
            ],
            day("2015-06-01", ZURICH),
            "06-01 06-04 06-07 06-09 06-11 06-13 06-16 06-19 06-22 06-25 06-28",
        ),
        (
            ["RRULE:FREQ=WEEKLY;BYDAY=TU,FR;UNTIL=20150929T100000Z"],
            slot("2015-09-08T10:00", ZURICH),
            "09-08 09-11 09-15 09-18 09-22 09-25 09-29",
        ),
        (["RRULE:FREQ=WEEKLY;COUNT=4"], slot("2026-03-16T09:00", NEW_YORK), "03-16 03-23 03-30 04-06"),
        # RFC 5545, 3.8.5.3
        (
            ["RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH"],
            slot("1997-09-02T09:00", NEW_YORK),
            "09-02 09-04 09-16 09-18 09-30 10-02 10-14 10-16",
        ),
        (
            ["RRULE:FREQ=MONTHLY;COUNT=5;BYDAY=-1FR"],
            slot("2026-01-30T09:00", ZURICH),
            "01-30 02-27 03-27 04-24 05-29",
        ),
        (
            ["RRULE:FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "EXDATE;TZID=America/New_York:19970902T090000"],
            slot("1997-09-02T09:00", NEW_YORK),
            "02-13 03-13",
        ),
        (
            ["RRULE:FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3"],
            slot("1997-09-04T09:00", NEW_YORK),
            "09-04 10-07 11-06",
        ),
        # a month without a 31st is left out, not moved
        (["RRULE:FREQ=MONTHLY;COUNT=4"], slot("2026-01-31T09:00", ZURICH), "01-31 03-31 05-31 07-31"),
        # EXDATE takes from what COUNT has counted; RDATE adds to it
        (
            ["RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20260303T080000Z", "RDATE:20260310T080000Z"],
            MORNING,
            "03-02 03-04 03-10",
        ),
    ],
)
def test_series_occur_on_the_days_that_the_documents_list(lines: list[str], begins: Slot, expected: str) -> None:
    """Over more than a year exactly the listed days are occurrences."""
    assert expected.split() == [found[5:] for found in days_of(lines, begins)]


@pytest.mark.parametrize(
    ("rule", "begins", "expected"),
    [
        ("FREQ=YEARLY", slot("2024-02-29T09:00", ZURICH), ["2024-02-29", "2028-02-29", "2032-02-29"]),
        ("FREQ=YEARLY", day("2024-02-29", ZURICH), ["2024-02-29", "2028-02-29", "2032-02-29"]),
        (
            "FREQ=YEARLY;INTERVAL=3",
            day("2024-12-24", NEW_YORK),
            ["2024-12-24", "2027-12-24", "2030-12-24", "2033-12-24"],
        ),
        (
            "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=-1",
            day("2024-02-29", ZURICH),
            [f"{year}-02-{29 if year % 4 == 0 else 28}" for year in range(2024, 2035)],
        ),
        ("FREQ=YEARLY;COUNT=2;BYMONTHDAY=29;BYMONTH=2", slot("2096-02-29T09:00", ZURICH), ["2096-02-29", "2104-02-29"]),
    ],
)
def test_years_keep_their_leap_days(rule: str, begins: Slot, expected: list[str]) -> None:
    """A day that a year lacks is left out in that year."""
    assert expected == days_of([f"RRULE:{rule}"], begins, days=3995)


# ---- against arithmetic of our own -------------------------------------------------------------

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAYS = st.dates(date(2015, 1, 1), date(2035, 1, 1))
# Hours that no zone of ours skips or repeats; the table of shifts has the others.
HOURS = st.integers(4, 22)


def clock(on: date, hour: int, zone: str) -> datetime:
    """The instant at which a full hour of the day begins."""
    return datetime(on.year, on.month, on.day, hour, tzinfo=ZoneInfo(zone)).astimezone(UTC)


@given(first=DAYS, hour=HOURS, zone=st.sampled_from(ZONES), interval=st.integers(1, 40), off=st.integers(-1, 1))
@example(first=date(2026, 3, 28), hour=9, zone=ZURICH, interval=1, off=0)
@example(first=date(2026, 10, 31), hour=9, zone=NEW_YORK, interval=1, off=0)
def test_wall_time_is_kept_whatever_clocks_do(first: date, hour: int, zone: str, interval: int, off: int) -> None:
    """Every so many days, at the same hour by the zone's clock, over all its shifts: on these days and no others."""
    begins = slot(f"{first}T{hour:02}:00", zone)
    days = [first + timedelta(days=number * interval + off) for number in range(1, 300, 7)]
    asked = frozenset(clock(on, hour, zone) for on in days)

    expected = asked if off % interval == 0 else frozenset()
    assert expected == occurrences_among([f"RRULE:FREQ=DAILY;INTERVAL={interval}"], begins, asked)


@given(
    first=DAYS, weekdays=st.sets(st.integers(0, 6), min_size=1), zone=st.sampled_from(ZONES), weeks=st.integers(1, 4)
)
def test_weeks_are_counted_from_monday(first: date, weekdays: set[int], zone: str, weeks: int) -> None:
    """A weekly rule yields its weekdays in every so many weeks from the week of the start on."""
    lines = [f"RRULE:FREQ=WEEKLY;INTERVAL={weeks};BYDAY=" + ",".join(WEEKDAYS[number] for number in weekdays)]
    monday = first - timedelta(days=first.weekday())
    days = [first + timedelta(days=number) for number in range(100)]
    meant = {on for on in days if on.weekday() in weekdays and (on - monday).days // 7 % weeks == 0}

    found = days_of(lines, slot(f"{first}T09:00", zone), days=100)
    assert sorted({str(on) for on in meant | {first}}) == found


@given(first=DAYS, nth=st.integers(1, 5), weekday=st.integers(0, 6), from_end=st.booleans())
def test_the_nth_weekday_of_a_month(first: date, nth: int, weekday: int, from_end: bool) -> None:
    """A monthly rule finds the nth weekday from either end, and nothing in months that lack it."""
    days = [first + timedelta(days=number) for number in range(370)]
    lengths = {on: monthrange(on.year, on.month)[1] for on in days}
    places = {on: (lengths[on] - on.day if from_end else on.day - 1) // 7 + 1 for on in days}
    meant = {str(on) for on in days if on.weekday() == weekday and places[on] == nth}

    lines = [f"RRULE:FREQ=MONTHLY;BYDAY={'-' if from_end else ''}{nth}{WEEKDAYS[weekday]}"]
    assert sorted(meant | {str(first)}) == days_of(lines, slot(f"{first}T09:00"), days=370)


RULES = st.sampled_from(
    [
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;BYDAY=MO,TH",
        "FREQ=WEEKLY;INTERVAL=2",
        "FREQ=MONTHLY;BYMONTHDAY=2,-1",
        "FREQ=MONTHLY;BYDAY=1MO,-1FR",
        "FREQ=YEARLY;BYMONTH=3,4,5;BYDAY=MO",
    ]
)


@given(rule=RULES, count=st.integers(1, 5))
def test_count_and_until_end_a_rule_alike(rule: str, count: int) -> None:
    """COUNT ends a rule after so many, the first included; UNTIL at the last of them ends it there too."""
    every = days_of([f"RRULE:{rule}"], MORNING, days=120)
    expected = every[:count]
    last = expected[-1].replace("-", "")

    assert expected == days_of([f"RRULE:{rule};COUNT={count}"], MORNING, days=120)
    assert expected == days_of([f"RRULE:{rule};UNTIL={last}"], MORNING, days=120)
    assert expected == days_of([f"RRULE:{rule};UNTIL={last}T090000"], MORNING, days=120)
    # A second earlier the last is lost, unless it is the start, which counts in any case.
    assert (expected[:-1] or every[:1]) == days_of([f"RRULE:{rule};UNTIL={last}T085959"], MORNING, days=120)


@given(rule=RULES, data=st.data())
def test_what_is_excluded_is_gone_and_nothing_else(rule: str, data: st.DataObject) -> None:
    """EXDATE takes away exactly the occurrences it names, however it writes them."""
    every = days_of([f"RRULE:{rule}"], MORNING, days=120)
    gone = data.draw(st.sets(st.sampled_from(every), min_size=1, max_size=3))
    days = [on.replace("-", "") for on in sorted(gone)]
    written = data.draw(
        st.sampled_from(
            [
                "EXDATE;VALUE=DATE:" + ",".join(days),
                "EXDATE;TZID=Europe/Berlin:" + ",".join(f"{on}T090000" for on in days),
            ]
        )
    )

    assert [on for on in every if on not in gone] == days_of([written, f"RRULE:{rule}"], MORNING, days=120)


@given(rules=st.lists(RULES, max_size=3), numbers=st.lists(st.integers(-5, 300), max_size=12), order=st.randoms())
def test_asking_together_or_apart_is_the_same(rules: list[str], numbers: list[int], order: Random) -> None:
    """What is asked along with an instant, and in which order, changes nothing about it; nor does the lines' order."""
    lines = [f"RRULE:{rule}" for rule in rules]
    asked = [at("2026-03-02T09:00") + timedelta(days=number) for number in numbers]
    apart = {instant for instant in asked if occurs_at(lines, MORNING, instant)}
    order.shuffle(asked)
    order.shuffle(lines)

    assert apart == occurrences_among(lines, MORNING, asked)


NAMES = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY")
VALUES = st.sampled_from(
    ["", "0", "-1", "5", "13", "53", "366", "99999", "MO", "1MO", "-53SU", "20260401", "MO,TU", "1,2"]
)
PARTS = st.builds(
    "{}={}".format, st.sampled_from((*NAMES, "BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS", "BYEASTER")), VALUES
)
FREQUENCIES = st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"])
NEARLY = st.builds("RRULE:FREQ={};{}".format, FREQUENCIES, st.lists(PARTS, max_size=4).map(";".join))


@given(st.lists(NEARLY | st.text(max_size=40) | st.sampled_from(MALFORMED), max_size=2))
@example(["RRULE:FREQ=HOURLY;INTERVAL=2;BYHOUR=10"])
@example(["RRULE:FREQ=YEARLY;BYEASTER=366"])
def test_any_lines_are_read_or_poison(lines: list[str]) -> None:
    """Whatever the lines say, the answer is yes, no, or Poison, never another error."""
    with suppress(Poison):
        assert occurs_at(lines, MORNING, at("2026-03-09T09:00")) in {True, False}
