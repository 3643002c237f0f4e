"""Which recurrence lines park an event: those that cannot be read, and those that ask for too much work."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conference.errors import Poison
from conference.recurrence import MAX_LINES
from conference.series import occurs_at
from tests.unit.recurrence.walls import MORNING, at, slot

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


def test_too_many_lines_are_poison() -> None:
    """Nobody writes so many lines; whoever does must not keep us busy."""
    assert occurs_at(["RDATE:20260310T080000Z"] * MAX_LINES, MORNING, MORNING.start)
    with pytest.raises(Poison, match=r"^an event has too many recurrence lines$"):
        occurs_at(["RDATE:20260310T080000Z"] * (MAX_LINES + 1), MORNING, MORNING.start)


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
