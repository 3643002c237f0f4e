"""What the buttons do: move, rename, cancel and make events, as the feed's user and on the version that was looked at.

Authority: https://developers.google.com/workspace/calendar/api/guides/version-resources
Nothing is written to meetings here: they follow by themselves, as they follow every edit in Google Calendar.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from conference import text
from conference.errors import Poison, Stale, Unsupported
from conference.event import Event
from conference.solution import PARAMETER, provider_of
from functions import feed as feeds
from functions.console.moves import Shift, at, shifted
from functions.feed import Feed
from functions.ground import Ground

PENDING = "https://lockstep.invalid/pending"
"""Stands in the event until the meeting is made: Google keeps no conference without a way to join."""


class Chosen(msgspec.Struct, frozen=True):
    """The event somebody looks at, in the version they see."""

    feed: str
    event: str
    etag: str


class Wish(msgspec.Struct, frozen=True):
    """An event to make; `start` is on the wall of the calendar's zone, `provider` None: without a conference."""

    feed: str
    title: str
    start: datetime
    minutes: int
    provider: str | None = None


def move(ground: Ground, chosen: Chosen, shift: Shift) -> str:
    """Move an event (of a series: this one date) and say so.

    Raises Stale if somebody changed it, Refused, Gone, Poison, Later, Revoked, OutcomeUnknown.
    """
    _, feed = feeds.load(ground, chosen.feed)
    event = ground.calendar.get(feed.user, feed.calendar, chosen.event)
    if event.cancelled or event.etag != chosen.etag:
        raise Stale("the event has changed")
    return "Moved." + _following(ground, _patch(ground, feed, chosen, shifted(event, shift, _zone(feed))))


def rename(ground: Ground, chosen: Chosen, title: str) -> str:
    """Give an event (of a series: this one date) another title and say so. Raises as `move` does."""
    _, feed = feeds.load(ground, chosen.feed)
    return "Renamed." + _following(ground, _patch(ground, feed, chosen, {"summary": text.title(title)}))


def cancel(ground: Ground, chosen: Chosen) -> str:
    """Delete an event (of a series: this one date) and say so. Raises as `move` does."""
    _, feed = feeds.load(ground, chosen.feed)
    ground.calendar.delete(feed.user, feed.calendar, chosen.event, etag=chosen.etag)
    return "Cancelled. A meeting of ours goes with it."


def create(ground: Ground, wish: Wish) -> str:
    """Make an event, asking for a conference if one is wished for, and say so.

    Raises Unsupported for a provider that is none, Refused, Gone, Later, Revoked, OutcomeUnknown.
    """
    if wish.provider is not None and wish.provider not in ground.providers:
        raise Unsupported("there is no such conference provider")
    _, feed = feeds.load(ground, wish.feed)
    return "Made." + _following(ground, ground.calendar.insert(feed.user, feed.calendar, _body(wish, feed)))


def _following(ground: Ground, event: Event) -> str:
    return " Its meeting follows." if provider_of(event, ground.solutions) else ""


def _patch(ground: Ground, feed: Feed, chosen: Chosen, body: dict[str, Any]) -> Event:
    return ground.calendar.patch(feed.user, feed.calendar, chosen.event, body, etag=chosen.etag)


def _body(wish: Wish, feed: Feed) -> dict[str, Any]:
    start = wish.start.replace(tzinfo=_zone(feed)).astimezone(UTC)
    times = {"start": at(start, _zone(feed)), "end": at(start + timedelta(minutes=wish.minutes), _zone(feed))}
    body: dict[str, Any] = {"summary": text.title(wish.title), **times}
    return {**body, "conferenceData": asking_for(wish.provider)} if wish.provider else body


def asking_for(provider: str) -> dict[str, Any]:
    """The conference data by which an event asks for a conference of ours (conference.solution)."""
    return {
        "conferenceSolution": {"key": {"type": "addOn"}, "name": "Lockstep"},
        "entryPoints": [{"entryPointType": "video", "uri": PENDING}],
        "parameters": {"addOnParameters": {"parameters": {PARAMETER: provider}}},
    }


def _zone(feed: Feed) -> ZoneInfo:
    try:
        return ZoneInfo(feed.zone)
    except (KeyError, ValueError, OSError):
        raise Poison("the calendar's zone is not known here") from None
