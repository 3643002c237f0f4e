"""Any meeting a calendar can want is held by the HTTP service and read back as it was meant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from conference import text
from conference.meeting import Attendee, MeetingSpec, Occurrence, Slot
from conference.providers.http import HttpProvider
from conference.providers.protocol import Field
from tests.contract.providers import new_key
from tests.contract.vendor_desk import BASE, Desk, Doorway

ZONES = st.sampled_from(["UTC", "Europe/Zurich", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"])
STARTS = st.datetimes(datetime(1970, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis wants them naive
LENGTHS = st.timedeltas(timedelta(minutes=1), timedelta(days=30))
SLOTS = st.builds(lambda start, length, zone: Slot(start, start + length, zone), STARTS, LENGTHS, ZONES)
MAILS = st.emails(domains=st.just("example.com"))
PEOPLE = st.lists(
    st.builds(Attendee, MAILS, st.text(max_size=20).map(text.name), st.booleans()),
    max_size=4,
    unique_by=lambda person: person.email,
)
LINES = st.lists(
    st.sampled_from(["RRULE:FREQ=DAILY", "EXDATE:20260101T000000Z", "RDATE;VALUE=DATE:20260101"]), max_size=3
)
EXCEPTIONS = st.lists(
    st.builds(Occurrence, STARTS, st.none() | SLOTS, st.none() | st.text(max_size=250)),
    max_size=4,
    unique_by=lambda one: one.original_start,
)
SPECS = st.builds(
    MeetingSpec,
    title=st.text(max_size=300),
    slot=SLOTS,
    host=MAILS,
    agenda=st.text(max_size=300).map(text.agenda),
    attendees=PEOPLE.map(tuple),
    recurrence=LINES.map(tuple),
    exceptions=EXCEPTIONS.map(tuple),
)


@pytest.fixture(scope="module")
def provider() -> Iterator[HttpProvider]:
    """One service for all examples: each makes meetings under keys of its own."""
    desk = Desk()
    with httpx.Client(transport=Doorway(desk)) as client:
        yield HttpProvider("acme", BASE, token="token", account="main", client=client)
    desk.server.close()


@given(SPECS, SPECS)
def test_every_spec_is_held(provider: HttpProvider, first: MeetingSpec, second: MeetingSpec) -> None:
    """Created and then updated to anything, the meeting is right, nothing is ignored, and a repeat changes nothing."""
    key = new_key()
    made = provider.create(first, key=key)
    changed = provider.update(made.meeting.ref, second, key=key, base=made.meeting)
    again = provider.update(made.meeting.ref, second, key=key, base=changed.meeting)

    assert made.meeting.digest == provider.expected_digest(first)
    assert changed.meeting.digest == provider.expected_digest(second)
    assert made.ignored == changed.ignored == frozenset()
    assert again == changed


@given(SPECS, st.permutations(range(4)))
def test_order_means_nothing(provider: HttpProvider, spec: MeetingSpec, order: list[int]) -> None:
    """People and exceptions in another order are the same meeting."""
    people = tuple(spec.attendees[place] for place in order if place < len(spec.attendees))
    exceptions = tuple(spec.exceptions[place] for place in order if place < len(spec.exceptions))
    other = replace(spec, attendees=people, exceptions=exceptions)

    assert provider.create(other, key=new_key()).meeting.digest == provider.expected_digest(spec)


@given(SPECS)
def test_losses_are_what_is_cut(provider: HttpProvider, spec: MeetingSpec) -> None:
    """A title is lost when it does not fit on one line of 200 characters; times and people never are."""
    lost = provider.losses(spec)

    assert (Field.TITLE in lost) == (text.title(spec.title) != spec.title or len(spec.title) > 200)
    assert lost <= {Field.TITLE, Field.EXCEPTIONS}
