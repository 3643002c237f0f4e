"""What the vendor's model promises of changes: by hand and by programs, in its log and its pushes."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from conference.errors import Forged, Gone, Stale
from conference.meeting import MeetingId, MeetingRef
from conference.providers.protocol import (
    CreateKey,
    Field,
    NotificationReader,
)
from tests.simulation.vendor import Traits
from tests.simulation.vendor_bench import DAY, HOUR, ROOMS, START, Bench, other, weekly
from tests.simulation.vendor_model import Change

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
