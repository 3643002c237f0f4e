"""What is decided from event, meeting and link: each state in one table, and a small world that must settle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.event import ConferenceData
from conference.link import Link, conference_data, published
from conference.meeting import Meeting, MeetingId, MeetingRef, MeetingSpec, Slot, digest
from conference.plan import (
    Absent,
    Action,
    Adopt,
    Agree,
    CreateMeeting,
    EventSays,
    Found,
    MeetingSays,
    NotAsked,
    PublishMeeting,
    ReleaseMeeting,
    Unwanted,
    UpdateMeeting,
    Wanted,
    decide,
)

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
SPEC = MeetingSpec("Planning", Slot(NINE, NINE + timedelta(hours=1), "UTC"), "host@example.com")
MOVED = msgspec.structs.replace(SPEC, slot=Slot(NINE + timedelta(days=1), NINE + timedelta(days=2), "UTC"))


def meeting(name: str, url: str = "https://meet/1", provider: str = "zoom") -> Meeting:
    """A meeting and how to join it."""
    return Meeting(MeetingRef(provider, "account", MeetingId(name)), url)


def carries(held: Meeting) -> ConferenceData:
    """The conference data of an event that was told of the meeting."""
    return conference_data(None, held, "Ours")


M = meeting("m")
M_NEW = meeting("m", "https://meet/2")  # the same meeting, joined otherwise since somebody changed it
OTHER = meeting("other")

# ---- every state ---------------------------------------------------------------------------------
#
# The event wants a meeting unless it is "gone" (cancelled, or its conference removed). Its conference data names
# nothing yet ("bare"), our meeting M as the link knows it, M as it is joined after a change (M'), or another meeting.
# The link is not there, was only intended, belongs to another provider, or holds M: in agreement with what the event
# wants or not; and the event leads, or follows because another event shares M and decides its title and times.
# The provider was not asked, has no such meeting, or holds M: right, right but joined otherwise (M'), wrong, or, where
# it cannot be read back that far, untold: as it was, or changed in some way (M'). "anew" creates under a new key.

GRID = """
event  link          |not asked    |absent       |right        |right, M'    |wrong        |untold       |untold, M'
---------------------+-------------+-------------+-------------+-------------+-------------+-------------+-------------
gone   none          |-            |-            |-            |-            |-            |-            |-
gone   intended      |release      |release      |release      |release      |release      |release      |release
gone   elsewhere     |release      |release      |release      |release      |release      |release      |release
gone   agreed        |release      |release      |release      |release      |release      |release      |release
gone   disagreed     |release      |release      |release      |release      |release      |release      |release
gone   follows       |release      |release      |release      |release      |release      |release      |release
gone   follows late  |release      |release      |release      |release      |release      |release      |release
bare   none          |anew         |anew         |anew         |anew         |anew         |anew         |anew
bare   intended      |create       |create       |agree publish|agree publish|update       |update       |update
bare   elsewhere     |release anew |release anew |release anew |release anew |release anew |release anew |release anew
bare   agreed        |publish      |anew         |publish      |agree publish|update       |publish      |update
bare   disagreed     |update       |anew         |agree publish|agree publish|update       |update       |update
bare   follows       |publish      |anew         |publish      |agree publish|publish      |publish      |agree publish
bare   follows late  |publish      |anew         |publish      |agree publish|publish      |publish      |agree publish
M      none          |adopt        |adopt        |adopt        |adopt        |adopt        |adopt        |adopt
M      intended      |create       |create       |agree        |agree publish|update       |update       |update
M      elsewhere     |release anew |release anew |release anew |release anew |release anew |release anew |release anew
M      agreed        |-            |anew         |-            |agree publish|update       |-            |update
M      disagreed     |update       |anew         |agree        |agree publish|update       |update       |update
M      follows       |-            |anew         |-            |agree publish|-            |-            |agree publish
M      follows late  |-            |anew         |-            |agree publish|-            |-            |agree publish
M'     none          |adopt        |adopt        |adopt        |adopt        |adopt        |adopt        |adopt
M'     intended      |create       |create       |agree publish|agree        |update       |update       |update
M'     elsewhere     |release anew |release anew |release anew |release anew |release anew |release anew |release anew
M'     agreed        |publish      |anew         |publish      |agree        |update       |publish      |update
M'     disagreed     |update       |anew         |agree publish|agree        |update       |update       |update
M'     follows       |publish      |anew         |publish      |agree        |publish      |publish      |agree
M'     follows late  |publish      |anew         |publish      |agree        |publish      |publish      |agree
other  none          |adopt        |adopt        |adopt        |adopt        |adopt        |adopt        |adopt
other  intended      |create       |create       |agree publish|agree publish|update       |update       |update
other  elsewhere     |release adopt|release adopt|release adopt|release adopt|release adopt|release adopt|release adopt
other  agreed        |publish      |anew         |publish      |agree publish|update       |publish      |update
other  disagreed     |update       |anew         |agree publish|agree publish|update       |update       |update
other  follows       |publish      |anew         |publish      |agree publish|publish      |publish      |agree publish
other  follows late  |publish      |anew         |publish      |agree publish|publish      |publish      |agree publish
"""

WANTED = Wanted("zoom", SPEC, digest(SPEC), None)
EVENTS: dict[str, EventSays] = {
    "gone": Unwanted(),
    "bare": WANTED,
    "M": replace(WANTED, conference=carries(M)),
    "M'": replace(WANTED, conference=carries(M_NEW)),
    "other": replace(WANTED, conference=carries(OTHER)),
}
LINKS: dict[str, Link | None] = {
    "none": None,
    "intended": Link("zoom", "account", "key", 1),
    "elsewhere": Link("janus", "account", "key", 1, meeting("m", provider="janus"), digest(SPEC)),
    "agreed": Link("zoom", "account", "key", 1, M, digest(SPEC)),
    "disagreed": Link("zoom", "account", "key", 1, M, digest(MOVED)),
    "follows": Link("zoom", "account", "key", 1, M, digest(SPEC), leads=False),
    "follows late": Link("zoom", "account", "key", 1, M, digest(MOVED), leads=False),
}
MEETINGS: dict[str, MeetingSays] = {
    "not asked": NotAsked(),
    "absent": Absent(),
    "right": Found(M, right=True),
    "right, M'": Found(M_NEW, right=True),
    "wrong": Found(M, right=False),
    "untold": Found(M, right=None),
    "untold, M'": Found(M_NEW, right=None),
}


def table() -> list[tuple[str, str, str, str]]:
    """The grid as (event, link, meeting, actions)."""
    head, _, *rows = (line.split("|") for line in GRID.strip().splitlines() if "|" in line or "+" in line)
    columns = [name.strip() for name in head[1:]]
    return [
        (*row[0].strip().split(maxsplit=1), column, cell.strip())  # type: ignore[misc] # two words: event and link
        for row in rows
        for column, cell in zip(columns, row[1:], strict=True)
    ]


def words(actions: tuple[Action, ...]) -> str:
    """Actions as the grid writes them."""
    return " ".join(map(word, actions)) or "-"


def word(action: Action) -> str:
    """One action as the grid writes it."""
    match action:
        case CreateMeeting():
            return {True: "anew", False: "create"}[action.anew]
        case _:
            return {
                Adopt: "adopt",
                UpdateMeeting: "update",
                ReleaseMeeting: "release",
                PublishMeeting: "publish",
                Agree: "agree",
            }[type(action)]


@pytest.mark.parametrize(("event", "link", "says", "expected"), table())
def test_each_state_has_its_actions(event: str, link: str, says: str, expected: str) -> None:
    """What is done in each state is what the grid says."""
    assert expected == words(decide(EVENTS[event], MEETINGS[says], LINKS[link]))


def test_the_grid_is_whole() -> None:
    """Every combination stands in the grid, once."""
    states = [row[:3] for row in table()]

    assert sorted(states) == sorted(product(EVENTS, LINKS, MEETINGS))


@pytest.mark.parametrize(("event", "link", "says"), list(product(EVENTS, LINKS, MEETINGS)))
def test_actions_carry_what_the_event_wants(event: str, link: str, says: str) -> None:
    """Whatever is sent, noted or published is the event's own wish and the newest the provider said."""
    heard, held = MEETINGS[says], LINKS[link]
    newest = heard.meeting if isinstance(heard, Found) else held.meeting if held else None

    for action in decide(EVENTS[event], heard, held):
        match action:
            case CreateMeeting():
                assert (action.provider, action.spec, action.digest) == ("zoom", SPEC, digest(SPEC))
            case UpdateMeeting():
                assert (action.spec, action.digest) == (SPEC, digest(SPEC))
            case Agree():
                assert (action.meeting, action.digest) == (newest, digest(SPEC))
            case PublishMeeting():
                assert action.meeting == newest
            case Adopt():
                named = EVENTS[event]
                assert isinstance(named, Wanted)
                assert named.conference
                assert (action.provider, action.meeting_id) == ("zoom", named.conference.conference_id)
            case ReleaseMeeting():
                assert held is not None


@pytest.mark.parametrize("event", ["bare", "M", "M'", "other"])
@pytest.mark.parametrize("right", [True, False, None])
def test_a_strangers_meeting_is_neither_written_nor_told(event: str, right: bool | None) -> None:
    """An event that names a meeting that we did not make learns nothing by it, however the two differ."""
    stranger = msgspec.structs.replace(M, ref=msgspec.structs.replace(M.ref, owned=False))
    link = Link("zoom", "account", "", 0, stranger, digest(MOVED), leads=False)
    changed = msgspec.structs.replace(stranger, join_url="https://meet/2")

    assert words(decide(EVENTS[event], NotAsked(), link)) == "-"
    assert words(decide(EVENTS[event], Found(stranger, right), link)) == "-"
    assert words(decide(EVENTS[event], Found(changed, right), link)) == "agree"


# ---- a small world ---------------------------------------------------------------------------------


@dataclass
class World:
    """A calendar with one event, providers that hold meetings, and one link: the plainest that could be meant.

    `held` maps a meeting's id to its ways to join and the digest of what it holds; `by_key` tells what a key made.
    """

    event: EventSays
    link: Link | None
    held: dict[str, tuple[Meeting, str]]
    says: MeetingSays = NotAsked()  # noqa: RUF009 - frozen and without state
    by_key: dict[str, str] = field(default_factory=dict)
    tells: bool = True  # the provider can be read back in full
    shared: bool = False
    generation: int = 1
    deleted: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def settle(self, rounds: int = 10) -> int:
        """Decide and do until nothing is left to do; the number of rounds in which something was."""
        for number in range(rounds):
            actions = decide(self.event, self.says, self.link)
            if not actions:
                return number
            for action in actions:
                self.seen.add(word(action))
                self.do(action)
        return rounds

    def do(self, action: Action) -> None:
        """What an action does to the world."""
        match action:
            case Adopt():
                self.adopt(action)
            case CreateMeeting():
                self.create(action)
            case UpdateMeeting():
                self.update(action)
            case ReleaseMeeting():
                self.release()
            case PublishMeeting():
                assert isinstance(self.event, Wanted)
                conference = conference_data(self.event.conference, action.meeting, "Ours")
                self.event = replace(self.event, conference=conference)
            case Agree():
                assert self.link is not None
                self.link = msgspec.structs.replace(self.link, meeting=action.meeting, agreed=action.digest)
                self.says = NotAsked()

    def adopt(self, action: Adopt) -> None:
        """Link to the named meeting, or intend a new one if it is gone."""
        if action.meeting_id in self.held:
            found, _ = self.held[action.meeting_id]
            self.link = Link(action.provider, "account", "", self.generation, found, leads=not self.shared)
        else:
            self.intend(action.provider, anew=True)

    def intend(self, provider: str, *, anew: bool) -> Link:
        """Note what is going to be created."""
        self.generation += anew
        self.link = Link(provider, "account", f"key-{self.generation}", self.generation)
        return self.link

    def create(self, action: CreateMeeting) -> None:
        """Create under the link's key, which yields what the key has made already."""
        link = self.link
        if action.anew or link is None or link.meeting is not None:
            link = self.intend(action.provider, anew=action.anew)
        name = self.by_key.get(link.key)
        fresh = name is None or name not in self.held
        if name is None or fresh:
            name = self.by_key[link.key] = f"made-{link.key}-{len(self.created)}"
            self.created.append(name)
            self.held[name] = (meeting(name, f"https://meet/{name}", action.provider), action.digest)
        found, holds = self.held[name]
        agreed = fresh or (self.tells and holds == action.digest)
        self.link = msgspec.structs.replace(link, meeting=found, agreed=action.digest if agreed else None)
        self.says = NotAsked()

    def update(self, action: UpdateMeeting) -> None:
        """Send the wish; conditional on the version known, and absent if nobody is there."""
        assert self.link is not None
        known = self.says.meeting if isinstance(self.says, Found) else self.link.meeting
        assert known is not None
        if known.ref.id not in self.held:
            self.says = Absent()
            return
        found, holds = self.held[known.ref.id]
        if found != known:
            self.says = Found(found, right=holds == action.digest if self.tells else None)
            return
        self.held[known.ref.id] = (found, action.digest)
        self.link = msgspec.structs.replace(self.link, meeting=found, agreed=action.digest)
        self.says = NotAsked()

    def release(self) -> None:
        """Let go of the meeting, also of one that was made and not noted; delete it unless it is shared."""
        assert self.link is not None
        name = self.link.ref.id if self.link.ref else self.by_key.get(self.link.key)
        if name in self.held and not self.shared:
            del self.held[name]
            self.deleted.append(name)
        self.link, self.says = None, NotAsked()

    def ask(self) -> None:
        """Hear what the provider really holds."""
        self.says = NotAsked()
        if self.link is None or self.link.meeting is None:
            return
        name = self.link.meeting.ref.id
        if name not in self.held:
            self.says = Absent()
            return
        found, holds = self.held[name]
        right = isinstance(self.event, Wanted) and holds == self.event.digest
        self.says = Found(found, right if self.tells else None)

    def check(self) -> None:
        """At rest: an event has the meeting it wants and names it; one that wants none has none."""
        if isinstance(self.event, Unwanted):
            assert self.link is None
            return
        assert self.link is not None
        assert self.link.meeting is not None
        assert self.link.provider == self.event.provider
        assert published(self.event.conference, self.link.meeting)
        assert not self.link.leads or self.link.agreed == self.event.digest

    def check_provider(self) -> None:
        """At rest, if the provider was asked: it holds what the event wants, joined as the link says."""
        if isinstance(self.event, Wanted) and self.link and self.link.meeting and self.link.leads:
            assert self.held[self.link.meeting.ref.id] == (self.link.meeting, self.event.digest)


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
