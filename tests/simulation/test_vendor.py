"""What the vendor's model promises beyond the provider contract, which judges it too (tests/contract)."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from conference.errors import Unsupported
from conference.meeting import Attendee, Occurrence
from conference.providers.protocol import (
    ConferenceProvider,
    CreateKey,
    Field,
    MeetingLister,
    NotificationReader,
    Recurrence,
    Schedule,
)
from tests.simulation.vendor import Traits
from tests.simulation.vendor_bench import ROOMS, START, Bench, other, weekly
from tests.simulation.vendor_model import NEEDED, PARTS

# ---- what it holds -----------------------------------------------------------------------


def test_holds_a_series_as_plain_json() -> None:
    """A vendor of everything holds all parts; instants are UTC, people and exceptions in a fixed order."""
    bench = Bench(Traits("zoomish"))

    meeting = bench.provider.create(weekly(), key="k1").meeting

    held = bench.model.live["zoomish-m1"]
    assert held.state == {
        "title": "E1 Planning",
        "start": "2026-11-24T08:00:00Z",
        "end": "2026-11-24T09:00:00Z",
        "zone": "Europe/Zurich",
        "host": "alice@example.com",
        "agenda": "Numbers",
        "attendees": ["bo@example.com", "zoe@example.com"],
        "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"],
        "exceptions": {
            "2026-12-01T08:00:00Z": {
                "start": "2026-12-02T08:00:00Z",
                "end": "2026-12-02T09:00:00Z",
                "title": "E1 Moved",
            },
            "2026-12-08T08:00:00Z": None,
        },
    }
    assert (held.key, held.by_us, held.made_at) == ("k1", True, START.timestamp())
    assert meeting.join_url == "https://zoomish.vendor.test/j/zoomish-m1-0" == bench.model.join_url("zoomish-m1")
    assert msgspec.json.decode(msgspec.json.encode(held.state)) == held.state


@pytest.mark.parametrize(
    ("traits", "names"),
    [
        (ROOMS, {"title"}),
        (Traits("a", recurrence=Recurrence.NONE), {"title", "start", "end", "zone", "host", "agenda", "attendees"}),
        (
            Traits("b", recurrence=Recurrence.SERIES),
            {"title", "start", "end", "zone", "host", "agenda", "attendees", "recurrence"},
        ),
    ],
    ids=["rooms", "single", "series"],
)
def test_holds_only_what_it_can(traits: Traits, names: set[str]) -> None:
    """A meeting has what the vendor's traits say and nothing else, whoever made it; no more can be written by hand."""
    bench = Bench(traits)
    bench.provider.create(weekly(), key="k1")
    mine = bench.model.make("Lunch")

    assert [set(held.state) for held in bench.model.live.values()] == [names, names]
    with pytest.raises(ValueError, match="does not hold"):
        bench.model.edit(mine, exceptions={})


def test_no_series_without_time() -> None:
    """Traits that contradict each other are no vendor."""
    with pytest.raises(ValueError, match="holds no series"):
        Traits("odd", schedule=Schedule.NONE)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.value)
def test_ignored_part_is_not_stored_and_told_ignored(part: Field) -> None:
    """A part that the vendor ignores stays as it was, though all else is stored, and each answer names it."""
    bench = Bench(Traits("deaf", ignores=part))
    optional = part not in NEEDED

    made = bench.provider.create(weekly(), key="k1")
    first = bench.model.live["deaf-m1"].state
    changed = bench.provider.update(made.meeting.ref, other(), key="k1")
    second = bench.model.live["deaf-m1"].state

    assert made.ignored == (frozenset({part}) if optional else frozenset())
    assert (made.meeting.digest == bench.provider.expected_digest(weekly())) is not optional
    assert {name for name in first if first[name] == second[name]} == set(PARTS[part])
    assert changed.ignored == {part}
    assert changed.meeting.digest != bench.provider.expected_digest(other())
    assert changed.meeting == bench.provider.get(made.meeting.ref)


def test_people_are_not_ignored() -> None:
    """What the vendor does not take from programs, people there can still write."""
    bench = Bench(Traits("deaf", ignores=Field.AGENDA))
    meeting = bench.provider.create(weekly(), key="k1").meeting

    bench.model.edit(meeting.ref.id, agenda="By hand")

    assert bench.model.live[meeting.ref.id].state["agenda"] == "By hand"


def test_losses_name_what_is_not_held() -> None:
    """Names of people, long titles of occurrences, and every part that the vendor has no place for are lost."""
    full, rooms = Bench(Traits("full")).provider, Bench(ROOMS).provider
    named = replace(weekly(), attendees=(Attendee("zoe@example.com", "Zoë"),))
    long = replace(weekly(), exceptions=(Occurrence(START, weekly().slot, "x" * 201),))

    assert full.losses(weekly()) == frozenset()
    assert full.losses(named) == {Field.ATTENDEES}
    assert full.losses(long) == {Field.EXCEPTIONS}
    assert rooms.losses(weekly()) == set(PARTS) - {Field.TITLE}


@pytest.mark.parametrize("key", ["", "a b", "a/b", "ä", "x" * 129, "k\n"])
def test_chosen_id_must_be_plain(key: str) -> None:
    """A vendor whose ids we choose takes plain ones only, and makes nothing otherwise."""
    bench = Bench(Traits("chosen", CreateKey.CLIENT_ID))

    with pytest.raises(Unsupported):
        bench.provider.create(weekly(), key=key)
    assert bench.model.live == {}


# ---- what is seen of it -------------------------------------------------------------------


@pytest.mark.parametrize("key", [CreateKey.EXTERNAL_KEY, CreateKey.SEARCHABLE, CreateKey.CLIENT_ID])
def test_lists_lag(key: CreateKey) -> None:
    """List and find show a meeting some time after it was made; get, a repeated create and a delete know at once."""
    bench = Bench(Traits("slow", key, list_lag=30))
    meeting = bench.provider.create(weekly(), key="k1").meeting

    bench.clock.set(START + timedelta(seconds=29))
    assert (bench.provider.find("k1"), bench.listed()) == (None, [])
    assert bench.provider.get(meeting.ref) == meeting
    assert bench.provider.create(weekly(), key="k1").created is (key is CreateKey.SEARCHABLE)

    bench.clock.set(START + timedelta(seconds=30))
    assert bench.provider.find("k1") == meeting
    assert bench.listed() == [meeting.ref.id]

    bench.provider.delete(meeting.ref)
    assert bench.listed() == []


@pytest.mark.parametrize("tells", [True, False])
def test_key_is_told_if_the_vendor_tells_keys(tells: bool) -> None:
    """Without unique keys a meeting may still say with which one it was made, so that the sweep knows ours."""
    bench = Bench(dataclasses.replace(ROOMS, tells_key=tells))
    bench.provider.create(weekly(), key="k1")
    bench.model.make("Lunch")

    assert isinstance(bench.provider, MeetingLister)
    assert [meeting.key for meeting in bench.provider.list()] == ["k1" if tells else None, None]


def test_unreadable_vendor_tells_no_digest() -> None:
    """What cannot be read back has no digest, neither expected nor told; title and times are told all the same."""
    bench = Bench(Traits("mute", readable=False))

    meeting = bench.provider.create(weekly(), key="k1").meeting

    assert (meeting.digest, bench.provider.expected_digest(weekly())) == (None, None)
    assert (meeting.title, meeting.slot) == ("E1 Planning", weekly().slot)


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize("pushes", [True, False])
def test_offers_what_the_traits_say(lists: bool, pushes: bool) -> None:
    """A vendor that cannot list or push has a provider without these methods."""
    bench = Bench(Traits("some", lists=lists, pushes=pushes))

    bench.provider.create(weekly(), key="k1")

    assert isinstance(bench.provider, ConferenceProvider)
    assert isinstance(bench.provider, MeetingLister) is lists
    assert isinstance(bench.provider, NotificationReader) is pushes
    assert bench.provider.capabilities.reports_remote_changes is pushes
    assert len(bench.model.due_pushes(START)) == pushes
