"""Whole series as Google's guide and RFC 5545 (3.8.5.3) list their days, and what we hold to beside them."""

from __future__ import annotations

import pytest

from conference.slot import Slot
from tests.unit.recurrence.walls import MORNING, NEW_YORK, ZURICH, day, days_of, slot


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
