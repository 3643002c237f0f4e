"""Which instants are occurrences of a series: by table, over whole days, over shifts of clocks, and at the edges."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from conference.recurrence import occurrences_among, occurrences_until
from conference.series import occurs_at
from conference.slot import Slot
from tests.unit.machine_zone import standing_in
from tests.unit.recurrence.walls import LORD_HOWE, MORNING, NEW_YORK, at, day, slot

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


@pytest.mark.parametrize("machine", ["UTC", "Etc/GMT+12", "Pacific/Kiritimati"])
def test_the_machine_s_zone_decides_nothing(machine: str) -> None:
    """At the other edge of the world it is still the day before yesterday when a series there ends."""
    lines, edge = ["RRULE:FREQ=DAILY;UNTIL=20260304T230000"], "Pacific/Kiritimati"

    with standing_in(machine):
        assert occurs_at(lines, slot("2026-03-02T23:00", edge), at("2026-03-04T23:00", edge))
