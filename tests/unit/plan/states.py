"""The states of an event and of a link that plans are made from, by the names that the grid gives them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec

from conference.event import ConferenceData
from conference.link import Link, conference_data
from conference.meeting import Meeting, MeetingId, MeetingRef, MeetingSpec, Slot, digest
from conference.plan import (
    Action,
    Adopt,
    Agree,
    CreateMeeting,
    EventSays,
    PublishMeeting,
    ReleaseMeeting,
    Unwanted,
    UpdateMeeting,
    Wanted,
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
