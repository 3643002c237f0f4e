"""The word between an event and its meeting, for each state of the ledger row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from conference.event import Event
from conference.link import Link
from conference.meeting import Meeting, MeetingId, MeetingRef
from functions.console.cards import Difference, Frame
from functions.console.line import Line, line_of
from functions.ledger import Row

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
AT = NOW.timestamp()
FRAME = Frame(ZoneInfo("Europe/Zurich"), NOW)
LINK = Link("http", "acme", "key", 0, Meeting(MeetingRef("http", "acme", MeetingId("1")), "https://meet.example/1"))
BUSY = "the provider is busy"


def row(**fields: Any) -> Row:
    """A row that has come to rest, but for `fields`."""
    return msgspec.structs.replace(Row("feed", "event", link=LINK, mark=3, done=3), **fields)


@pytest.mark.parametrize(
    ("fields", "state", "word", "reason"),
    [
        ({}, "step", "in step", ""),
        ({"settled_at": AT - 60}, "step", "in step", "since 08:59:00"),
        ({"settled_at": AT - 3 * 86400}, "step", "in step", ""),
        ({"mark": 4}, "working", "being worked on", ""),
        ({"mark": 4, "releasing": True}, "working", "being taken away", ""),
        ({"mark": 4, "seen": Event("event", "cancelled")}, "working", "being taken away", ""),
        (
            {"mark": 4, "trouble": BUSY, "due": AT + 47 + 30, "attempts": 1},
            "retrying",
            "retrying at 09:00:47",
            f"{BUSY} · 1 try so far",
        ),
        (
            {"mark": 4, "trouble": BUSY, "due": AT + 10, "attempts": 4},
            "retrying",
            "retrying now",
            f"{BUSY} · 4 tries so far",
        ),
        ({"mark": 4, "trouble": BUSY, "claimed_until": AT + 90}, "working", "being worked on", BUSY),
        ({"mark": 4, "awaited_until": AT + 60}, "working", "being worked on", ""),
        ({"parked": "the provider refuses"}, "parked", "parked", "the provider refuses"),
        ({"link": None, "parked": "no start"}, "parked", "parked", "no start"),
    ],
)
def test_each_state_has_its_word(fields: dict[str, Any], state: str, word: str, reason: str) -> None:
    """What the row says, in a short word and a reason."""
    line = line_of(row(**fields), FRAME, asked=True, forgotten=30)

    assert (line.state, line.word, line.reason) == (state, word, reason)


def test_an_event_that_nobody_knows_yet() -> None:
    """It asks for a conference of ours, and no run has seen it."""
    assert line_of(None, FRAME, asked=True) == Line("working", "new", "asked for, not seen yet")


@pytest.mark.parametrize("known", [None, row(link=None)])
def test_an_event_without_a_conference_of_ours_has_no_line(known: Row | None) -> None:
    """Neither one we never cared for nor one that gave its conference up."""
    assert line_of(known, FRAME, asked=False) == Line()


@pytest.mark.parametrize(
    ("differs", "reason"),
    [
        (("when",), "the time"),
        (("title", "when"), "the title, the time"),
        (("details",), "the people or details"),
        (("missing",), "the meeting is not there"),
    ],
)
def test_a_difference_is_named(differs: tuple[Difference, ...], reason: str) -> None:
    """A row at rest whose sides differ says where."""
    assert line_of(row(), FRAME, asked=True, differs=differs) == Line("differs", "differs", reason)


@pytest.mark.parametrize(("until", "word"), [(AT + 1, "waiting"), (AT, "being worked on")])
def test_a_meeting_waits_for_its_event(until: float, word: str) -> None:
    """Made in an editor that has not saved it: it is not worked on until its time is over."""
    assert line_of(row(mark=4, awaited_until=until), FRAME, asked=False).word == word
