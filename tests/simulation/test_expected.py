"""What the judge reckons a meeting must be, by examples reckoned by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.simulation.expected import differences, expected, is_over

Json = dict[str, Any]

ZONE, HOST = "Europe/Zurich", "alice@example.com"
AT_TEN = {"dateTime": "2026-11-24T10:00:00+01:00", "timeZone": "Europe/Zurich"}
AT_ELEVEN = {"dateTime": "2026-11-24T11:00:00+01:00", "timeZone": "Europe/Zurich"}
PLAIN: Json = {"summary": "E1 plan", "start": AT_TEN, "end": AT_ELEVEN}


def at(text: str) -> float:
    """Seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("fields", "start", "end", "zone"),
    [
        ({}, "2026-11-24T09:00Z", "2026-11-24T10:00Z", ZONE),
        ({"end": AT_TEN}, "2026-11-24T09:00Z", "2026-11-24T10:00Z", ZONE),
        ({"end": None}, "2026-11-24T09:00Z", "2026-11-24T10:00Z", ZONE),
        (
            {"start": {"date": "2026-10-25"}, "end": {"date": "2026-10-26"}},
            "2026-10-24T22:00Z",
            "2026-10-25T23:00Z",
            ZONE,
        ),
        ({"start": {"date": "2026-10-25"}, "end": None}, "2026-10-24T22:00Z", "2026-10-25T23:00Z", ZONE),
        (
            {"start": {"dateTime": "2026-11-24T10:00:00", "timeZone": "America/New_York"}},
            "2026-11-24T15:00Z",
            "2026-11-24T16:00Z",
            "America/New_York",
        ),
        ({"start": {**AT_TEN, "timeZone": "GMT-07:00"}}, "2026-11-24T09:00Z", "2026-11-24T10:00Z", ZONE),
    ],
)
def test_times_are_instants(fields: Json, start: str, end: str, zone: str) -> None:
    """Days begin at midnight of the calendar, an event without an end lasts an hour or a day."""
    want = {**PLAIN, **fields}
    if fields.get("start", AT_TEN).get("timeZone") == "America/New_York":
        want["end"] = {"dateTime": "2026-11-24T11:00:00", "timeZone": "America/New_York"}
    found = expected(want, {}, ZONE, HOST)
    assert (found["start"], found["end"], found["zone"]) == (at(start), at(end), zone)


def test_words_are_cleaned() -> None:
    """A title is one line, and an untitled event has Google's title; of a description the words count."""
    found = expected({**PLAIN, "summary": " E1\tplan\x00 ", "description": "<b>a</b>  &\nb"}, {}, ZONE, HOST)
    assert (found["title"], found["agenda"]) == ("E1 plan", "a & b")
    assert expected({**PLAIN, "summary": ""}, {}, ZONE, HOST)["title"] == "(No title)"


def test_people_are_those_who_are_to_come() -> None:
    """No rooms, no host, nobody who declined; each once, in lower case."""
    people = [
        {"email": "Guest@Example.org"},
        {"email": "guest@example.org", "optional": True},
        {"email": HOST, "self": True, "organizer": True},
        {"email": "room@example.com", "resource": True},
        {"email": "no@example.org", "responseStatus": "declined"},
    ]
    assert expected({**PLAIN, "attendees": people}, {}, ZONE, HOST)["attendees"] == ["guest@example.org"]


def test_exceptions_that_the_rule_still_has_count() -> None:
    """A changed or cancelled occurrence, by its original start; not one that the rule has left behind."""
    series = {**PLAIN, "recurrence": ["RRULE:FREQ=DAILY;UNTIL=20261126T090000Z"]}
    told = {
        "e_20261125T090000Z": {"status": "cancelled"},
        "e_20261126T090000Z": {**PLAIN, "originalStartTime": {"dateTime": "2026-11-26T10:00:00+01:00"}},
        "e_20261127T090000Z": {"status": "cancelled"},
        "e_20261126T100000Z": {"status": "cancelled"},
    }
    assert expected(series, told, ZONE, HOST)["exceptions"] == {
        at("2026-11-25T09:00Z"): None,
        at("2026-11-26T09:00Z"): (at("2026-11-24T09:00Z"), at("2026-11-24T10:00Z"), "E1 plan"),
    }
    assert expected({**series, "recurrence": []}, told, ZONE, HOST)["exceptions"] == {}


def test_occurrences_keep_their_wall_time_when_clocks_shift() -> None:
    """The day after summer time has ended, ten o'clock is another hour in UTC."""
    summer = {"dateTime": "2026-10-24T10:00:00+02:00", "timeZone": ZONE}
    series = {**PLAIN, "start": summer, "end": summer, "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}
    told: dict[str, Json] = {
        f"e_2026102{day}Z": {"status": "cancelled"} for day in ("4T080000", "5T090000", "5T080000")
    }
    assert list(expected(series, told, ZONE, HOST)["exceptions"]) == [at("2026-10-24T08:00Z"), at("2026-10-25T09:00Z")]


def test_an_occurrence_in_the_hour_that_clocks_skip_is_one() -> None:
    """Half past two of the last Sunday in March is held at half past three."""
    winter = {"dateTime": "2027-03-27T02:30:00+01:00", "timeZone": ZONE}
    series = {**PLAIN, "start": winter, "end": winter, "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}
    told: dict[str, Json] = {
        f"e_202703{moment}Z": {"status": "cancelled"} for moment in ("28T013000", "28T003000", "29T003000", "29T013000")
    }
    assert list(expected(series, told, ZONE, HOST)["exceptions"]) == [at("2027-03-28T01:30Z"), at("2027-03-29T00:30Z")]


STATE: Json = {
    "title": "E1 plan",
    "start": "2026-11-24T09:00:00Z",
    "end": "2026-11-24T10:00:00Z",
    "zone": ZONE,
    "host": HOST,
    "agenda": "",
    "attendees": [],
    "recurrence": [],
    "exceptions": {},
}


def test_a_right_state_does_not_differ() -> None:
    """Nor does one that holds less, or whose long title was cut."""
    assert differences(STATE, expected(PLAIN, {}, ZONE, HOST)) == []
    assert differences({"title": "E1 plan"}, expected(PLAIN, {}, ZONE, HOST)) == []
    long = {**PLAIN, "summary": "E1 " + "x" * 8000}
    assert differences({"title": "E1 " + "x" * 150 + "…"}, expected(long, {}, ZONE, HOST)) == []
    assert differences({"title": "E1 " + "x" * 50}, expected(long, {}, ZONE, HOST)) != []


@pytest.mark.parametrize("name", STATE)
def test_each_part_that_differs_is_named(name: str) -> None:
    """And what is to be passed over is not."""
    other = {"attendees": ["x@example.org"], "recurrence": ["RRULE:FREQ=DAILY"], "exceptions": {STATE["start"]: None}}
    wrong = {**STATE, name: other.get(name, STATE["end" if name == "start" else "start"])}
    (told,) = differences(wrong, expected(PLAIN, {}, ZONE, HOST))
    assert told.startswith(f"{name} is ")
    assert differences(wrong, expected(PLAIN, {}, ZONE, HOST), (name,)) == []


@pytest.mark.parametrize(
    ("told", "since", "same"),
    [
        (None, "2026-11-24T08:59Z", False),
        (None, "2026-11-24T09:01Z", True),
        ({"start": "2026-11-25T09:00:00Z", "end": "2026-11-25T10:00:00Z"}, "2026-11-25T09:59Z", False),
        ({"start": "2026-11-25T09:00:00Z", "end": "2026-11-25T10:00:00Z"}, "2026-11-25T10:00Z", True),
    ],
    ids=["cancelled, to come", "cancelled, past", "moved, to come", "moved, past"],
)
def test_an_occurrence_that_no_list_shows_any_more_is_passed_over(told: Json | None, since: str, same: bool) -> None:
    """As long as it is to come, it must be right."""
    held = {**STATE, "exceptions": {"2026-11-24T09:00:00Z": told}}
    assert (differences(held, expected(PLAIN, {}, ZONE, HOST), unseen=at(since)) == []) is same


def test_an_event_is_over_when_its_last_occurrence_is() -> None:
    """A single event when it ends; a series when its rules have no later occurrence."""
    series = {**PLAIN, "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}
    assert not is_over(PLAIN, ZONE, at("2026-11-24T09:30Z"))
    assert is_over(PLAIN, ZONE, at("2026-11-24T10:00Z"))
    assert not is_over(series, ZONE, at("2026-11-26T09:30Z"))
    assert is_over(series, ZONE, at("2026-11-26T10:00Z"))
    assert not is_over({**PLAIN, "recurrence": ["RRULE:FREQ=DAILY"]}, ZONE, at("2126-11-26T09:30Z"))


def test_a_series_whose_rule_cannot_be_read_is_over_with_its_first_occurrence() -> None:
    """Lists go by the event's own times then."""
    when = {"dateTime": "2026-11-02T10:00:00Z"}
    fields = {"start": when, "end": when, "recurrence": ["RRULE:FREQ=FORTNIGHTLY"]}
    assert not is_over(fields, "UTC", at("2026-11-02T09:00Z"))
    assert is_over(fields, "UTC", at("2026-11-02T11:00Z"))
