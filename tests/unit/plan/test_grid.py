"""What is decided from event, meeting and link: each state in one table."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest

from conference.link import Link
from conference.meeting import digest
from conference.plan import (
    Absent,
    Action,
    Adopt,
    Agree,
    CreateMeeting,
    Found,
    MeetingSays,
    NotAsked,
    PublishMeeting,
    ReleaseMeeting,
    UpdateMeeting,
    Wanted,
    decide,
)
from tests.unit.plan.states import EVENTS, LINKS, M_NEW, MOVED, SPEC, M, word

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
