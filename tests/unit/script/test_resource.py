"""What differs between two states of an event, what happened to it, and who wants to know."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.solution import Solution
from functions.script.changes import Filters, Kind
from functions.script.resource import (
    VERSIONS,
    cancelled,
    content,
    differing,
    ends,
    instant,
    invited,
    kind,
    read,
    wanted,
)
from functions.script.snapshot import OwnWrite

Json = dict[str, Any]

SOLUTIONS = (Solution("http"),)
LIVE: Json = {"id": "e", "status": "confirmed", "summary": "Lunch", "etag": '"1"', "organizer": {"self": True}}
GONE: Json = {"id": "e", "status": "cancelled"}
OURS: Json = {
    "conferenceSolution": {"key": {"type": "addOn"}},
    "parameters": {"addOnParameters": {"parameters": {"lockstep": "http"}}},
}
MEET: Json = {"conferenceSolution": {"key": {"type": "hangoutsMeet"}}}

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
resources = st.dictionaries(
    st.sampled_from(["summary", "start", "conferenceData", "attendees", *VERSIONS]), values, max_size=6
).map(lambda fields: {**fields, "id": "e", "status": "confirmed"})


@given(resources, resources)
def test_what_differs_is_named(before: Json, after: Json) -> None:
    """Exactly the fields whose values differ, versions apart, whichever of the two lacks them."""
    found = differing(before, after)

    assert not found & VERSIONS
    assert differing(before, before) == frozenset()
    assert differing(after, before) == found
    for name in (before.keys() | after.keys()) - VERSIONS - {"conferenceData"}:
        assert (name in found) == (before.get(name) != after.get(name))


def test_googles_stamp_on_a_conference_is_no_news() -> None:
    """The signature comes anew without anything having changed."""
    before = {**LIVE, "conferenceData": {**OURS, "signature": "a"}}

    assert differing(before, {**LIVE, "conferenceData": {**OURS, "signature": "b"}}) == frozenset()
    assert differing(before, {**LIVE, "conferenceData": {**MEET, "signature": "a"}}) == {"conferenceData"}


@pytest.mark.parametrize(
    ("before", "after", "born", "expected", "fields"),
    [
        (None, LIVE, True, Kind.CREATED, {"id", "status", "summary", "organizer"}),
        (None, LIVE, False, Kind.UPDATED, {"id", "status", "summary", "organizer"}),
        (LIVE, {**LIVE, "summary": "Dinner"}, False, Kind.UPDATED, {"summary"}),
        (LIVE, GONE, False, Kind.CANCELLED, {"status"}),
        (GONE, LIVE, False, Kind.CREATED, {"status", "summary", "organizer"}),
        (None, GONE, True, Kind.CANCELLED, {"id", "status"}),
        (GONE, {**GONE, "etag": '"2"'}, False, Kind.CANCELLED, set()),
    ],
)
def test_what_happened(before: Json | None, after: Json, born: bool, expected: Kind, fields: set[str]) -> None:
    """Told from what was last seen; of a tombstone only its status is news."""
    assert kind(before, after, born=born) is expected
    assert differing(before, after) == fields


@pytest.mark.parametrize(
    ("filters", "before", "after", "expected"),
    [
        (Filters(), None, LIVE, True),
        (Filters(solutions=("http",)), None, {**LIVE, "conferenceData": OURS}, True),
        (Filters(solutions=("addOn",)), None, {**LIVE, "conferenceData": OURS}, True),
        (Filters(solutions=("hangoutsMeet",)), None, {**LIVE, "conferenceData": OURS}, False),
        (Filters(solutions=("http",)), {**LIVE, "conferenceData": OURS}, LIVE, True),
        (Filters(solutions=("http",)), {**LIVE, "conferenceData": OURS}, GONE, True),
        (Filters(solutions=("http",)), LIVE, GONE, False),
        (Filters(solutions=("http",)), None, GONE, False),
        (Filters(solutions=("http",)), None, {**LIVE, "conferenceData": {"conferenceSolution": "odd"}}, False),
        (Filters(solutions=("http",)), None, {**LIVE, "conferenceData": {"entryPoints": 7, **OURS}}, False),
        (Filters(event_types=("default",)), None, LIVE, True),
        (Filters(event_types=("default",)), None, {**LIVE, "eventType": "focusTime"}, False),
        (Filters(own_copies=True), None, {**LIVE, "organizer": {"self": False}}, False),
        (Filters(own_copies=True), None, {"id": "e"}, True),
        (Filters(own_copies=True), LIVE, GONE, True),
        (Filters(own_copies=True), {**LIVE, "organizer": {"email": "x"}}, GONE, False),
        (Filters(own_copies=True), None, GONE, True),
        (Filters(fields=("start",)), None, LIVE, True),
        (Filters(fields=("start",)), LIVE, {**LIVE, "summary": "x"}, False),
        (Filters(fields=("start",)), LIVE, {**LIVE, "start": {}}, True),
        (Filters(fields=("start",)), LIVE, GONE, True),
        (Filters(fields=("start",)), GONE, LIVE, True),
    ],
)
def test_who_wants_to_know(filters: Filters, before: Json | None, after: Json, expected: bool) -> None:
    """A filter looks at what was, too: a conference that is taken off is still news of it."""
    assert wanted(filters, SOLUTIONS, before, after, differing(before, after)) is expected


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '"x"', "{}", '{"id": 1}', '{"id": ""}', '{"id": "e"', "[" * 5000, b"\xff"]
)
def test_what_is_no_resource(text: str | bytes) -> None:
    """It is none, and nothing is raised."""
    assert read(text) is None


@given(resources)
def test_what_is_one(resource: Json) -> None:
    """It is read as it was written."""
    assert read(json.dumps(resource)) == resource
    assert not cancelled(resource)


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"end": {"dateTime": "2026-11-23T09:00:00+01:00"}}, 1795420800.0),
        ({"end": {"date": "2026-11-23"}}, 1795392000.0),
        ({"end": {"dateTime": "2026-11-23T09:00:00+01:00"}, "recurrence": ["RRULE:FREQ=DAILY"]}, None),
        ({"end": {"dateTime": "whenever"}}, None),
        ({"end": "2026"}, None),
        ({}, None),
    ],
)
def test_when_an_event_is_over(resource: Json, expected: float | None) -> None:
    """A series has no end that could be counted on, and what cannot be read is not over."""
    assert ends(resource) == expected
    assert instant(resource, "updated") is None


@pytest.mark.parametrize(
    ("write", "after", "fields", "expected"),
    [
        (OwnWrite('"1"', ("summary",)), LIVE, {"summary"}, True),
        (OwnWrite('"1"', ("summary",)), LIVE, {"summary", "start"}, False),
        (OwnWrite('"1"', ("conferenceData",)), LIVE, {"conferenceData", "hangoutLink"}, True),
        (OwnWrite('"2"', ("summary",)), LIVE, {"summary"}, False),
        (OwnWrite('"1"', ("*",)), LIVE, {"id", "summary"}, True),
        (OwnWrite(None, ("status",)), GONE, {"status"}, True),
        (OwnWrite(None, ("status",)), LIVE, {"status"}, False),
        (OwnWrite(None, (), content(LIVE)), LIVE, {"id", "summary"}, True),
        (OwnWrite(None, (), content(LIVE)), {**LIVE, "summary": "Dinner"}, {"summary"}, False),
        (OwnWrite(None, (), content(GONE)), GONE, {"status"}, False),
    ],
)
def test_what_a_write_of_ours_explains(write: OwnWrite, after: Json, fields: set[str], expected: bool) -> None:
    """Its own version with its own fields; what a person changed under it is still news."""
    assert write.explains(after, frozenset(fields)) is expected


@pytest.mark.parametrize(
    ("write", "after", "spent"),
    [
        (OwnWrite('"1"', ("*",)), LIVE, False),
        (OwnWrite(None, ()), GONE, True),
        (OwnWrite(None, ()), LIVE, False),
        (OwnWrite(None, (), content(LIVE)), LIVE, True),
        (OwnWrite(None, (), content(LIVE)), GONE, False),
    ],
)
def test_what_a_write_of_ours_explains_once(write: OwnWrite, after: Json, spent: bool) -> None:
    """A version is nobody else's; a deletion, or a state without one, may come again from somebody else."""
    assert write.spent_by(after) is spent


MOVED: Json = {
    **LIVE,
    "creator": {"email": "a@x.example", "self": True},
    "organizer": {"email": "a@x.example", "self": True},
    "start": {"dateTime": "2026-11-24T10:00:00+01:00", "timeZone": "Europe/Zurich"},
    "attendees": [{"email": "a@x.example", "self": True, "organizer": True}, {"email": "b@x.example"}],
}


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"etag": '"2"', "updated": "2026-11-24T10:00:00Z", "sequence": 3}, True),
        ({"htmlLink": "https://x.example", "reminders": {}, "colorId": "1", "transparency": "opaque"}, True),
        ({"creator": {"email": "a@x.example"}}, True),
        ({"attendees": [{"email": "a@x.example"}, {"email": "b@x.example", "self": True}]}, True),
        ({"start": {"dateTime": "2026-11-24T04:00:00-05:00", "timeZone": "Europe/Zurich"}}, True),
        ({"organizer": {"email": "A@X.example", "displayName": "A"}}, True),
        ({"organizer": {"email": "b@x.example"}}, False),
        ({"organizer": None}, False),
        ({"summary": "Dinner"}, False),
        ({"location": "Room 5"}, False),
        ({"start": {"dateTime": "2026-11-24T10:30:00+01:00", "timeZone": "Europe/Zurich"}}, False),
        ({"start": {"dateTime": "2026-11-24T10:00:00+01:00", "timeZone": "Europe/Berlin"}}, False),
        ({"start": {"date": "2026-11-24"}}, False),
        ({"start": None}, False),
        ({"attendees": [{"email": "b@x.example"}]}, False),
        ({"attendees": [{"email": "a@x.example", "responseStatus": "declined"}, {"email": "b@x.example"}]}, False),
        ({"attendees": "many"}, False),
        ({"creator": {"email": "b@x.example"}}, False),
    ],
)
def test_what_an_event_says_whosever_copy_it_is(changed: Json, same: bool) -> None:
    """What a move gives it anew is left out, times are instants, and nobody is oneself."""
    assert (content({**MOVED, **changed}) == content(MOVED)) is same


def test_what_an_event_will_say_under_another_organizer() -> None:
    """As it is seen where it has come to."""
    assert content(MOVED, "B@x.example") == content({**MOVED, "organizer": {"email": "b@x.example"}})
    assert content(MOVED, "b@x.example") != content(MOVED)


@given(resources)
def test_any_event_has_its_content(resource: Json) -> None:
    """Fields may hold anything."""
    assert content(resource) == content(dict(reversed(resource.items())))
    assert invited(resource, "a@x.example") is False


@pytest.mark.parametrize(
    ("attendees", "expected"),
    [
        ([{"email": "A@x.example"}], True),
        ([{"email": "b@x.example"}, {"email": "a@x.example"}], True),
        ([{"email": "b@x.example"}, "a@x.example", {}], False),
        ({"email": "a@x.example"}, False),
        (None, False),
    ],
)
def test_who_is_a_guest(attendees: object, expected: bool) -> None:
    """By address, in either case."""
    assert invited({"attendees": attendees}, "a@X.example") is expected
