"""What a list request looks for inside events: words, a UID, extended properties, types.

Authority: contract 2.1
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from infra.local.calendar.errors import invalid
from infra.local.calendar.messages import Json

Pairs = tuple[tuple[str, str], ...]


class Search(msgspec.Struct, frozen=True):
    """What an event must hold; every condition must be met."""

    words: tuple[str, ...]
    uid: str | None
    private: Pairs
    shared: Pairs
    types: frozenset[str]
    any_property: bool  # one of repeated properties will do

    @staticmethod
    def read(given: Mapping[str, Any], *, any_property: bool = False) -> Search:
        """The conditions that the parameters spell. Raises ApiError 400 for a property without "="."""
        return Search(
            tuple(given.get("q", "").lower().split()),
            given.get("iCalUID"),
            _pairs(given.get("privateExtendedProperty", ()), "privateExtendedProperty"),
            _pairs(given.get("sharedExtendedProperty", ()), "sharedExtendedProperty"),
            frozenset(given.get("eventTypes", ())),
            any_property,
        )

    @property
    def anything(self) -> bool:
        """True if every event is found."""
        return not (self.words or self.uid or self.private or self.shared or self.types)

    def finds(self, body: Json) -> bool:
        """True if the event meets every condition."""
        if self.uid is not None and body.get("iCalUID") != self.uid:
            return False
        if self.types and body.get("eventType", "default") not in self.types:
            return False
        groups = body.get("extendedProperties")
        groups = groups if isinstance(groups, dict) else {}
        if not self._holds(groups.get("private"), self.private) or not self._holds(groups.get("shared"), self.shared):
            return False
        text = " ".join(_texts(body)).lower() if self.words else ""
        return all(word in text for word in self.words)

    def _holds(self, properties: object, wanted: Pairs) -> bool:
        known = properties if isinstance(properties, dict) else {}
        held = [known.get(name) == value for name, value in wanted]
        return not held or (any(held) if self.any_property else all(held))


def _pairs(constraints: Sequence[str], name: str) -> Pairs:
    if any("=" not in constraint for constraint in constraints):
        raise invalid("Invalid extended property constraint.", name)
    return tuple((left, right) for left, _, right in (constraint.partition("=") for constraint in constraints))


def _texts(body: Json) -> Iterator[str]:
    for name in ("summary", "description", "location"):
        yield str(body.get(name) or "")
    attendees = body.get("attendees")
    for person in (body.get("organizer"), *(attendees if isinstance(attendees, list) else ())):
        if not isinstance(person, dict):
            continue
        yield str(person.get("displayName") or "")
        yield str(person.get("email") or "")
