"""What the people of a simulated world last wanted: the truth with which the judge compares everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Wish:
    """One event (a whole series) as the person who organizes it last left it."""

    token: str
    """Begins the event's title, and so its meeting's, for its whole life: "E7"."""
    user: str
    calendar: str
    """The calendar of the organizer's copy; changes when the event is moved."""
    event: str
    """The event's id there; of a series, the master's."""
    provider: str | None
    """Whose conference was asked for; None if none was, or it was taken off again."""
    fields: dict[str, Any]
    """The event as read right after the person's last write, without conferenceData and without what servers count."""
    exceptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of a series: changed and cancelled occurrences by their id, in the same form."""
    alive: bool = True
    unreadable: bool = False
    """True if no meeting can be right: a person, or another program, wrote what cannot be followed."""
    shares: frozenset[str] = frozenset()
    """Tokens of the events with which it may share a meeting: a copy's original, the other half of a split series."""
    changed_at: float = 0.0
    """When a person last changed the event or its meeting, in seconds since the epoch."""
    left: set[str] = field(default_factory=set)
    """The calendars from which it was moved."""
    edited_at: float = 0.0
    """When a person last changed the event itself."""
    elsewhere: bool = False
    """True if its organizer is not connected, but somebody who is has a copy: its conference is not our business."""

    @property
    def wanted(self) -> bool:
        """True if there has to be a meeting for it."""
        return self.alive and self.provider is not None and not (self.unreadable or self.elsewhere)


class Shadow:
    """All wishes by token, and the meetings that are nobody's business but other people's."""

    def __init__(self) -> None:
        self.wishes: dict[str, Wish] = {}
        self.strangers: dict[str, dict[str, Any]] = {}
        """Meetings that people made at the vendor by hand: id -> state as they left it. We must not touch them."""

    def wanted(self) -> Iterator[Wish]:
        """Wishes for a meeting."""
        return (wish for wish in self.wishes.values() if wish.wanted)

    def at(self, calendar: str, event: str) -> Wish | None:
        """The wish for this event, if somebody made it."""
        return next((w for w in self.wishes.values() if (w.calendar, w.event) == (calendar, event)), None)
