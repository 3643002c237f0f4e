"""What a calendar trigger's handler is given: the documented event object, and what Apps Script never says.

Authority: https://developers.google.com/apps-script/guides/triggers/events
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec

from functions.script.enums import AuthMode


class Kind(StrEnum):
    """What happened to an event, told from what was last seen of it, never from clock differences."""

    CREATED = "created"
    UPDATED = "updated"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Change:
    """One event that changed since the handler last accepted it. The resources are Google's, and must not be altered.

    `before` is None if the event was never seen. `fields` names what differs between the two, top-level names of the
    resource, versions apart. `ours`: it was written by this project itself. `reason` says how it came to be known.
    """

    kind: Kind
    event: Mapping[str, Any]
    before: Mapping[str, Any] | None = None
    fields: frozenset[str] = frozenset()
    ours: bool = False
    reason: str = "changed"

    @property
    def id(self) -> str:
        """The event's id."""
        return str(self.event["id"])


@dataclass(frozen=True, slots=True)
class EventUpdated:
    """A calendar trigger's event object: attributes, and the documented names as items (`e["calendarId"]`)."""

    calendar_id: str
    trigger_uid: str | None = None
    auth_mode: AuthMode = AuthMode.FULL
    changes: tuple[Change, ...] = ()
    full_sync: bool = False
    delivery_id: str = ""
    attempt: int = 1

    def __getitem__(self, name: str) -> Any:
        return self._documented[name]

    def __iter__(self) -> Any:
        return iter(self._documented)

    def __contains__(self, name: object) -> bool:
        return name in self._documented

    @property
    def _documented(self) -> Mapping[str, Any]:
        return MappingProxyType(
            {"authMode": self.auth_mode, "calendarId": self.calendar_id, "triggerUid": self.trigger_uid}
        )


class Filters(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which changes a trigger wants; empty: all."""

    solutions: tuple[str, ...] = ()
    """Names of our solutions or conference types ("addOn", "hangoutsMeet"): before or after has such a conference."""
    event_types: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    """An update must concern one of these; created and cancelled ones always pass."""
    own_copies: bool = False
    """Only the organizer's own copy."""
    own_writes: bool = False
    """What this project wrote itself, too."""


def listed(names: Iterable[str]) -> tuple[str, ...]:
    """Names for a filter; a set's in the same order in every process, so that its trigger is known again."""
    return tuple(sorted(names)) if isinstance(names, AbstractSet) else tuple(names)
