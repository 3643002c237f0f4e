"""What is decided again and again brings a small world to rest, from every state and whatever happens to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from conference.meeting import digest
from conference.plan import EventSays, Unwanted, Wanted
from tests.unit.plan.small_world import World
from tests.unit.plan.states import EVENTS, LINKS, M_NEW, MOVED, OTHER, SPEC, WANTED, M, carries, meeting

HELD = {
    "right": (M, digest(SPEC)),
    "right, M'": (M_NEW, digest(SPEC)),
    "wrong": (M, digest(MOVED)),
    "wrong, M'": (M_NEW, digest(MOVED)),
}


def world(event: str, link: str, holds: str, *, asked: bool, shared: bool, tells: bool = True) -> World:
    """A world in some state; an intent may have been carried out without anybody noting it."""
    held = {"other": (OTHER, digest(SPEC)), "neighbour": (meeting("neighbour"), digest(MOVED))}
    made = World(EVENTS[event], LINKS[link], held, tells=tells, shared=shared)
    if holds in HELD:
        made.held["m"] = HELD[holds]
        made.by_key["key"] = "m"
    if asked:
        made.ask()
    return made


STATES = list(product(EVENTS, LINKS, [*HELD, "nothing"], [False, True], [False, True]))


def test_every_state_settles_within_three_rounds() -> None:
    """From any state whatever, three rounds suffice; and every action there is was needed somewhere."""
    needed: set[str] = set()
    for (event, link, holds, asked, shared), tells in product(STATES, [True, False]):
        started = world(event, link, holds, asked=asked, shared=shared, tells=tells)
        assert started.settle() <= 3, (event, link, holds, asked, shared)
        started.check()
        needed |= started.seen

    assert needed == {"adopt", "create", "anew", "update", "release", "publish", "agree"}


def test_what_was_asked_is_right_at_rest() -> None:
    """If the provider was asked, then at rest it holds what the event wants, joined as the event says."""
    for event, link, holds, shared in product(EVENTS, LINKS, [*HELD, "nothing"], [False, True]):
        settled = world(event, link, holds, asked=True, shared=shared)
        settled.settle()
        settled.check_provider()


def test_nothing_but_conference_data_is_written() -> None:
    """Settling never changes what a person wrote: the event wants afterwards what it wanted before."""
    for event, link, holds, asked, shared in STATES:
        settled = world(event, link, holds, asked=asked, shared=shared)
        settled.settle()
        before, after = EVENTS[event], settled.event
        if isinstance(before, Wanted) and isinstance(after, Wanted):
            before = replace(before, conference=after.conference)
        assert before == after


def test_a_cancelled_event_gets_no_meeting() -> None:
    """Nothing is ever created, changed or published for an event that is gone; what is its own is deleted."""
    for link, holds, asked, shared in product(LINKS, [*HELD, "nothing"], [False, True], [False, True]):
        settled = world("gone", link, holds, asked=asked, shared=shared)
        settled.settle()
        assert settled.seen <= {"release"}
        assert settled.created == []


def test_only_its_own_meeting_is_deleted() -> None:
    """What is deleted is the one meeting of the link; never one that another event holds, nor one merely named."""
    for event, link, holds, asked, shared in STATES:
        settled = world(event, link, holds, asked=asked, shared=shared)
        settled.settle()
        own = ["m"] if LINKS[link] is not None and not shared else []
        assert settled.deleted in ([], own), (event, link, holds)
        assert {"other", "neighbour"} <= set(settled.held)


def test_at_most_one_meeting_is_made() -> None:
    """However bad the state, settling makes no second meeting; and none if the one there is will do."""
    for event, link, holds, asked, shared in STATES:
        settled = world(event, link, holds, asked=asked, shared=shared)
        settled.settle()
        assert len(settled.created) <= 1
        if link in {"agreed", "disagreed", "intended"} and holds != "nothing":
            assert settled.created == [], (event, link, holds)


@given(st.sampled_from(STATES))
def test_rest_is_rest(state: tuple[str, str, str, bool, bool]) -> None:
    """Once all agree, nothing is done, whether or not the provider is asked again."""
    event, link, holds, _, shared = state
    settled = world(event, link, holds, asked=True, shared=shared)
    settled.settle()

    settled.ask()
    assert settled.settle() == 0


# ---- whatever happens ------------------------------------------------------------------------------


def edit(made: World, what: str) -> None:
    """One thing that people do to the event."""
    wanted = made.event if isinstance(made.event, Wanted) else WANTED
    moved = MOVED if wanted.spec == SPEC else SPEC
    outcomes: dict[str, EventSays] = {
        "cancel": Unwanted(),
        "restore": wanted,
        "move": replace(wanted, spec=moved, digest=digest(moved)),
        "strip": replace(wanted, conference=None),
        "name other": replace(wanted, conference=carries(OTHER)),
        "choose": replace(wanted, provider="janus" if wanted.provider == "zoom" else "zoom", conference=None),
        "choose with": replace(wanted, provider="zoom", conference=carries(OTHER)),
    }
    made.event = outcomes[what]


def disturb(made: World, what: str) -> None:
    """One thing that a vendor, a person at the vendor, or a crash of ours does to the linked meeting."""
    link = made.link
    name = link.meeting.ref.id if link and link.meeting else ""
    if link is None or name not in made.held:
        return
    found, holds = made.held[name]
    match what:
        case "remove":
            del made.held[name]
        case "rejoin":
            made.held[name] = (msgspec.structs.replace(found, join_url=found.join_url + "0"), holds)
        case "tamper":
            made.held[name] = (msgspec.structs.replace(found, version=f"{found.version}0"), "something else")
        case "forget":
            # The worker died after the provider had made the meeting and before it was noted.
            made.link = msgspec.structs.replace(link, meeting=None, agreed=None)
            made.by_key[link.key] = name


EDITS = st.sampled_from(["cancel", "restore", "move", "strip", "name other", "choose", "choose with"]).map(
    lambda what: (edit, what)
)
DISTURBANCES = st.sampled_from(["remove", "rejoin", "tamper", "forget"]).map(lambda what: (disturb, what))


@given(st.lists(st.lists(EDITS | DISTURBANCES, max_size=3), max_size=6), st.booleans(), st.booleans())
def test_it_settles_whatever_happens(
    story: list[list[tuple[Callable[[World, str], None], str]]], asked: bool, tells: bool
) -> None:
    """After any mixture of edits, deletions, tampering and crashes, three rounds bring all to agreement."""
    made = world("bare", "none", "nothing", asked=False, shared=False, tells=tells)
    for happenings in story:
        for happening, what in happenings:
            happening(made, what)
        if asked:
            made.ask()
        assert made.settle() <= 3
        made.check()
        if asked:
            made.check_provider()

    made.ask()
    made.settle()
    made.check_provider()
    made.event = Unwanted()
    made.settle()
    assert not set(made.created) & set(made.held), "a meeting of ours was left behind"
