"""How the console says instants, spans, repetitions and failures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.errors import Gone, Later, LockstepError, OutcomeUnknown, Poison, Refused, Revoked, Stale, Where
from conference.slot import Slot
from functions.console import words

ZURICH = ZoneInfo("Europe/Zurich")
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2026-11-24T09:00Z", "2026-11-24T10:00Z", "Tue 24 Nov, 10:00 – 11:00"),  # noqa: RUF001 - an en dash
        ("2026-11-24T22:00Z", "2026-11-25T01:00Z", "Tue 24 Nov, 23:00 – Wed 25 Nov, 02:00"),  # noqa: RUF001 - an en dash
        ("2027-01-04T09:00Z", "2027-01-04T10:00Z", "Mon 4 Jan 2027, 10:00 – 11:00"),  # noqa: RUF001 - an en dash
    ],
)
def test_a_span_is_said_in_the_calendars_zone(start: str, end: str, said: str) -> None:
    """The day, the hours, and whatever else is needed to tell them from others."""
    slot = Slot(datetime.fromisoformat(start), datetime.fromisoformat(end), "America/New_York")

    assert words.span(slot, ZURICH, NOW) == said


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2026-11-26T23:00Z", "2026-11-27T23:00Z", "Fri 27 Nov, all day"),
        ("2026-11-26T23:00Z", "2026-11-28T23:00Z", "Fri 27 Nov – Sat 28 Nov, all day"),  # noqa: RUF001 - an en dash
        ("2026-10-24T22:00Z", "2026-10-25T23:00Z", "Sun 25 Oct, all day"),
    ],
)
def test_whole_days_are_said_without_hours(first: str, last: str, said: str) -> None:
    """The end of a whole day is not the next day, even on a day of 25 hours."""
    slot = Slot(datetime.fromisoformat(first), datetime.fromisoformat(last), "Europe/Zurich")

    assert words.span(slot, ZURICH, NOW, all_day=True) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "just now"),
        (12, "12 s ago"),
        (-47, "in 47 s"),
        (240, "4 min ago"),
        (3 * 3600, "3 h ago"),
        (-2 * 86400, "in 2 days"),
    ],
)
def test_how_long_ago(seconds: int, said: str) -> None:
    """One round number and its unit."""
    assert words.ago(NOW.timestamp() - seconds, NOW) == said


@given(st.floats(allow_nan=False))
def test_any_number_can_be_said(seconds: float) -> None:
    """A stored number that is no instant spoils no page."""
    assert words.clock(seconds, ZURICH, NOW)
    assert words.ago(seconds, NOW)


def test_an_instant_of_another_day_has_its_day() -> None:
    """Today needs no day, another day does."""
    assert words.clock(NOW.timestamp(), ZURICH, NOW) == "09:00:00"
    assert words.clock((NOW + timedelta(days=1)).timestamp(), ZURICH, NOW) == "Tue 24 Nov, 09:00:00"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("RRULE:FREQ=WEEKLY;BYDAY=MO",), "repeats weekly"),
        (("EXDATE:20261124T090000Z", "RRULE:FREQ=DAILY;INTERVAL=2"), "repeats every 2 days"),
        (("RRULE:FREQ=MONTHLY;INTERVAL=1",), "repeats monthly"),
        (("RDATE:20261124T090000Z",), "repeats"),
        (("RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"), "repeats"),
        (("RRULE:nonsense",), "repeats"),
        ((), "repeats"),
    ],
)
def test_how_a_series_repeats(lines: tuple[str, ...], said: str) -> None:
    """A simple rule is said, any other is not guessed at."""
    assert words.repeats(lines) == said


@given(st.lists(st.text(max_size=60), max_size=4))
def test_no_recurrence_line_is_too_strange(lines: list[str]) -> None:
    """Whatever an event brings as its rule, something short is said."""
    assert words.repeats(lines).startswith("repeats")
    assert len(words.repeats(lines)) < 40


@pytest.mark.parametrize(
    ("error", "begins"),
    [
        (Stale("x"), "Somebody else changed it just now."),
        (Gone("x"), "It is not there any more."),
        (Later("the quota is used up"), "Nothing was changed, try again in a moment: the quota"),
        (OutcomeUnknown("no answer"), "Nobody can tell whether that was done."),
        (Revoked("consent withdrawn"), "The calendar has to be connected again first: consent"),
        (Poison("no start"), "That cannot be done: no start"),
        (
            Refused("never", Where("Calendar", "events.patch", 403)),
            "The calendar refused: never (Calendar events.patch 403",
        ),
    ],
)
def test_a_refusal_says_what_can_be_done_now(error: LockstepError, begins: str) -> None:
    """Each class of error has its own sentence."""
    assert words.refusal(error).startswith(begins)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Later("busy"), "The runs cannot be shown now: busy."),
        (msgspec.ValidationError("Expected `int`"), "The runs cannot be shown: what is stored cannot be read."),
        (RuntimeError("a secret"), "The runs cannot be shown: something is wrong here, the log tells what."),
    ],
)
def test_what_does_not_answer_is_said_in_a_sentence(error: Exception, said: str) -> None:
    """A bug's own words stay in the log."""
    assert words.failure("The runs", error) == said
