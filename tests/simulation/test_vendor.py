"""What the vendor's model promises beyond the provider contract, which judges it too (tests/contract)."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from conference.errors import Forged, Gone, Stale, Unsupported
from conference.meeting import Attendee, MeetingId, MeetingRef, MeetingSpec, Occurrence, Slot
from conference.providers.protocol import (
    ConferenceProvider,
    CreateKey,
    Field,
    MeetingLister,
    Notification,
    NotificationReader,
    Recurrence,
    Schedule,
)
from infra.local.memory import ManualClock
from tests.simulation.vendor import ModelProvider, Traits, VendorModel
from tests.simulation.vendor_model import NEEDED, PARTS, Change

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROOMS = Traits("rooms", CreateKey.NONE, Schedule.NONE, conditional=False, recurrence=Recurrence.NONE)


def weekly(title: str = "E1 Planning") -> MeetingSpec:
    """A series with everything a spec may have; no part is what a meeting has that was told nothing."""
    return MeetingSpec(
        title=title,
        slot=Slot(START + DAY, START + DAY + HOUR, "Europe/Zurich"),
        host="alice@example.com",
        agenda="Numbers",
        attendees=(Attendee("zoe@example.com"), Attendee("bo@example.com")),
        recurrence=("RRULE:FREQ=WEEKLY;COUNT=4",),
        exceptions=(
            Occurrence(START + 15 * DAY, None),
            Occurrence(START + 8 * DAY, Slot(START + 9 * DAY, START + 9 * DAY + HOUR, "Asia/Tokyo"), "E1 Moved"),
        ),
    )


def other() -> MeetingSpec:
    """A spec that differs from `weekly` in every part."""
    return MeetingSpec(
        title="E1 Other",
        slot=Slot(START + 2 * DAY, START + 2 * DAY + 2 * HOUR, "Asia/Tokyo"),
        host="bob@example.com",
        agenda="Words",
        attendees=(Attendee("eve@example.com"),),
        recurrence=("RRULE:FREQ=DAILY",),
        exceptions=(Occurrence(START + 3 * DAY, None),),
    )


class Bench:
    """A model, the provider over it, and their clock."""

    def __init__(self, traits: Traits) -> None:
        self.clock = ManualClock(START)
        self.model = VendorModel(traits, self.clock.now)
        self.provider = ModelProvider(self.model)

    def listed(self) -> list[str]:
        """The ids that a list shows."""
        assert isinstance(self.provider, MeetingLister)
        return [meeting.ref.id for meeting in self.provider.list()]

    def heard(self) -> list[Notification]:
        """The pushes until now, read by the provider."""
        assert isinstance(self.provider, NotificationReader)
        due = self.model.due_pushes(self.clock.now())
        return [self.provider.read(push.headers, push.body, now=self.clock.now()) for push in due]


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


# ---- people there --------------------------------------------------------------------------


def test_hand_edit_is_seen_and_mended() -> None:
    """What somebody there changes is read back as wrong; an update based on the version before is Stale, then mends."""
    bench = Bench(Traits("full"))
    base = bench.provider.create(weekly(), key="k1").meeting

    bench.model.edit(base.ref.id, title="Mine now", start="2026-11-24T07:30:00Z")

    seen = bench.provider.get(base.ref)
    assert seen.title == "Mine now"
    assert seen.slot == replace(weekly().slot, start=START + DAY - HOUR / 2)
    assert seen.digest != bench.provider.expected_digest(weekly())
    with pytest.raises(Stale):
        bench.provider.update(base.ref, weekly(), key="k1", base=base)
    mended = bench.provider.update(base.ref, weekly(), key="k1", base=seen).meeting
    assert mended.digest == base.digest == bench.provider.expected_digest(weekly())


def test_rotated_link() -> None:
    """A new join link changes the meeting's version and nothing that a spec says."""
    bench = Bench(Traits("full"))
    before = bench.provider.create(weekly(), key="k1").meeting

    bench.model.rotate(before.ref.id)

    after = bench.provider.get(before.ref)
    assert after.join_url == "https://full.vendor.test/j/full-m1-1" != before.join_url
    assert after.version != before.version
    assert after.digest == before.digest


def test_deleted_by_hand() -> None:
    """A meeting that people delete is Gone, and its key free."""
    bench = Bench(Traits("full"))
    meeting = bench.provider.create(weekly(), key="k1").meeting

    bench.model.delete(meeting.ref.id)

    with pytest.raises(Gone):
        bench.provider.get(meeting.ref)
    assert bench.provider.find("k1") is None
    assert bench.provider.create(weekly(), key="k1").meeting.ref != meeting.ref


def test_log_tells_who_did_what() -> None:
    """Every change is in the log, with its time and who made it; what changes nothing is not."""
    bench = Bench(Traits("full"))
    ours = bench.provider.create(weekly(), key="k1").meeting.ref
    bench.provider.create(weekly(), key="k1")
    bench.provider.update(ours, weekly(), key="k1")
    bench.clock.set(START + HOUR)
    theirs = bench.model.make("Lunch")
    bench.model.edit(theirs, title="Late lunch")
    bench.model.edit(theirs, title="Late lunch")
    bench.provider.update(ours, weekly("E1 Renamed"), key="k1")
    bench.model.rotate(ours.id)
    bench.provider.delete(ours)
    bench.provider.delete(ours)
    bench.model.delete(theirs)

    began, later = START.timestamp(), (START + HOUR).timestamp()
    assert bench.model.log == [
        Change(began, "made", "full-m1", "E1 Planning", by_us=True),
        Change(later, "made", "full-m2", "Lunch", by_us=False),
        Change(later, "edited", "full-m2", "Late lunch", by_us=False),
        Change(later, "edited", "full-m1", "E1 Renamed", by_us=True),
        Change(later, "edited", "full-m1", "E1 Renamed", by_us=False),
        Change(later, "deleted", "full-m1", "E1 Renamed", by_us=True),
        Change(later, "deleted", "full-m2", "Late lunch", by_us=False),
    ]


# ---- pushes --------------------------------------------------------------------------------


def test_every_change_is_pushed_once_ours_too() -> None:
    """Our own writes echo like everybody's changes; each push is handed out once, and names the version after it."""
    bench = Bench(Traits("full"))
    made = bench.provider.create(weekly(), key="k1").meeting
    changed = bench.provider.update(made.ref, other(), key="k1").meeting
    bench.model.delete(made.ref.id)

    heard = bench.heard()

    assert [(note.kind, note.meeting_id) for note in heard] == [
        ("updated", made.ref.id),
        ("updated", made.ref.id),
        ("deleted", made.ref.id),
    ]
    assert [note.version for note in heard[:2]] == [made.version, changed.version]
    assert len({note.event_id for note in heard}) == 3
    assert {note.at for note in heard} == {START}
    assert bench.heard() == []


def test_no_version_in_pushes_without_versions() -> None:
    """A vendor without versions does not tell any in its pushes."""
    bench = Bench(Traits("plain", conditional=False))
    bench.provider.create(weekly(), key="k1")

    assert [note.version for note in bench.heard()] == [None]


def test_pushes_are_due_from_the_change_on() -> None:
    """A push of a change to come is not handed out; those before it are."""
    bench = Bench(Traits("full"))
    bench.model.make("Lunch")
    bench.clock.set(START + HOUR)
    bench.model.make("Dinner")

    assert [len(bench.model.due_pushes(at)) for at in (START - HOUR, START, START, START + HOUR)] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-vendor-token": ""}, {"x-vendor-token": "other-push-token"}, {"x-vendor-token": "é\ud800"}],
    ids=["none", "empty", "another's", "odd"],
)
def test_push_without_the_token_is_forged(headers: Mapping[str, str]) -> None:
    """Nobody but the vendor can push."""
    bench = Bench(Traits("full"))
    bench.model.make("Lunch")
    (push,) = bench.model.due_pushes(START)

    assert isinstance(bench.provider, NotificationReader)
    with pytest.raises(Forged):
        bench.provider.read(headers, push.body, now=START)


@given(body=st.binary() | st.builds(lambda at: b'{"id":"p","what":"made","meeting":"m","at":%d}' % at, st.integers()))
def test_any_bytes_are_a_push_or_forged(body: bytes) -> None:
    """Whatever comes with the right token is read or Forged, and never anything else."""
    bench = Bench(Traits("full"))
    assert isinstance(bench.provider, NotificationReader)

    try:
        note = bench.provider.read({"x-vendor-token": bench.model.push_token}, body, now=START)
    except Forged:
        return
    assert (note.event_id, note.kind, note.meeting_id) == ("p", "updated", "m")


# ---- whatever happens ---------------------------------------------------------------------


KINDS = [
    Traits("full"),
    ROOMS,
    Traits("searchable", CreateKey.SEARCHABLE, conditional=False, list_lag=60),
    Traits("chosen", CreateKey.CLIENT_ID, ignores=Field.ATTENDEES),
]


def act(bench: Bench, choice: random.Random) -> None:
    """Something that people or programs may do now."""
    bench.clock.set(bench.clock.now() + timedelta(seconds=choice.randrange(40)))
    live, spec = list(bench.model.live), choice.choice([weekly(), other()])
    kind = choice.choice(["create", "create", "make", "update", "edit", "rotate", "delete", "delete by hand"])
    if kind == "create" or not live:
        bench.provider.create(spec, key=f"k{choice.randrange(4)}")
        return
    meeting = choice.choice(live)
    ref = MeetingRef(bench.provider.name, "acme", MeetingId(meeting))
    match kind:
        case "make":
            bench.model.make("Lunch")
        case "update":
            bench.provider.update(ref, spec, key="")
        case "edit":
            bench.model.edit(meeting, title=f"Title {choice.randrange(3)}")
        case "rotate":
            bench.model.rotate(meeting)
        case "delete":
            bench.provider.delete(ref)
        case _:
            bench.model.delete(meeting)


def acted(traits: Traits, seed: int) -> Bench:
    """A vendor after thirty acts."""
    bench, choice = Bench(traits), random.Random(seed)  # noqa: S311 - seeded on purpose
    for _ in range(30):
        act(bench, choice)
    return bench


@given(traits=st.sampled_from(KINDS), seed=st.integers(0, 10**6))
def test_log_pushes_and_meetings_agree(traits: Traits, seed: int) -> None:
    """The log replayed gives the live meetings with their titles and makers; there is one push per entry, in order."""
    bench = acted(traits, seed)

    told: dict[str, tuple[str, bool]] = {}
    for change in bench.model.log:
        assert (change.id in told) is (change.what != "made")
        by_us = told[change.id][1] if change.id in told else change.by_us
        told[change.id] = (change.title, by_us)
        if change.what == "deleted":
            del told[change.id]
    assert {held.id: (held.state["title"], held.by_us) for held in bench.model.live.values()} == told
    assert [(note.at.timestamp(), note.meeting_id) for note in bench.heard()] == [
        (change.at, change.id) for change in bench.model.log
    ]


@given(traits=st.sampled_from(KINDS), seed=st.integers(0, 10**6))
def test_nothing_is_shared(traits: Traits, seed: int) -> None:
    """At any time live meetings differ in id, version and join link, and keys where these are unique."""
    bench = acted(traits, seed)
    live = list(bench.model.live.values())

    assert len({held.version for held in live}) == len(live)
    assert len({bench.model.join_url(held.id) for held in live}) == len(live)
    if traits.create_key in {CreateKey.EXTERNAL_KEY, CreateKey.CLIENT_ID}:
        keys = [held.key for held in live if held.key]
        assert len(set(keys)) == len(keys)


@given(traits=st.sampled_from(KINDS), seed=st.integers(0, 10**6))
def test_changes_replace_states_and_raise_versions(traits: Traits, seed: int) -> None:
    """A state taken earlier stays what it was, and a meeting of another state or join link has a higher version."""
    bench, choice = acted(traits, seed), random.Random(seed + 1)  # noqa: S311 - seeded on purpose
    before = {
        held.id: (dataclasses.replace(held), msgspec.json.encode(held.state)) for held in bench.model.live.values()
    }

    act(bench, choice)

    for meeting, (held, words) in before.items():
        assert msgspec.json.encode(held.state) == words
        now = bench.model.live.get(meeting, held)
        assert (now.version > held.version) is ((now.state, now.rotation) != (held.state, held.rotation))


@given(traits=st.sampled_from(KINDS), seed=st.integers(0, 10**6))
def test_same_acts_give_the_same_vendor(traits: Traits, seed: int) -> None:
    """A seed decides everything: meetings, log and pushes, byte for byte."""
    one, two = acted(traits, seed), acted(traits, seed)

    assert [*one.model.live.items()] == [*two.model.live.items()]
    assert one.model.log == two.model.log
    assert one.model.due_pushes(one.clock.now()) == two.model.due_pushes(two.clock.now())
