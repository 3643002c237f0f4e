"""A small collection that is listed with sync tokens: a calendar's rules, a user's calendar list, a user's settings.

Authority: contract 3.1 (tokens), 11
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from infra.local.calendar.messages import Json


class Entry(msgspec.Struct):
    """One version of an entry; a deleted one is kept, so that its deletion can be told.

    `order` is its place, kept through all versions; `revision` the collection's revision that made this version.
    """

    id: str
    order: int
    revision: int
    stamp: int
    value: Json
    gone: bool = False


class Horizon(msgspec.Struct):
    """Which sync tokens of the collection are expired, as control routes have it."""

    epoch: int = 0  # tokens of an earlier epoch are expired
    refusals: int = 0  # so many requests with a token are still answered 410; -1: all of them


class Collection:
    """The entries of one list by id, and what of them changed since a revision."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.revision = 0
        self.horizon = Horizon()
        self._entries: dict[str, Entry] = {}

    def put(self, entry_id: str, value: Json, stamp: int, *, gone: bool = False) -> Entry:
        """Make this the newest version of the entry."""
        known = self._entries.get(entry_id)
        order = known.order if known else len(self._entries)
        self.restore(Entry(entry_id, order, self.revision + 1, stamp, value, gone))
        return self._entries[entry_id]

    def restore(self, entry: Entry) -> None:
        """Take an entry as it is."""
        self._entries[entry.id] = entry
        self.revision = max(self.revision, entry.revision)

    def get(self, entry_id: str) -> Entry | None:
        """The entry with this id, unless it is deleted."""
        entry = self._entries.get(entry_id)
        return None if entry is None or entry.gone else entry

    def all(self) -> Iterator[Entry]:
        """Every entry in its place, the deleted ones too."""
        return iter(sorted(self._entries.values(), key=lambda entry: entry.order))

    def changed(self, after: int, until: int) -> Iterator[Entry]:
        """The entries whose newest version is of a revision in (after, until], in the order of the changes."""
        found = [entry for entry in self._entries.values() if after < entry.revision <= until]
        return iter(sorted(found, key=lambda entry: entry.revision))

    def newest(self) -> int:
        """The stamp of the last change; 0 if there was none."""
        return max((entry.stamp for entry in self._entries.values()), default=0)


def rules_of(calendar: str) -> str:
    """The name of a calendar's access rules."""
    return f"calendars/{calendar}/acl"


def calendar_in(topic: str) -> str:
    """The calendar of its access rules' name; a calendar's id stands for itself, as the name of its events."""
    return topic.removeprefix("calendars/").removesuffix("/acl")


def list_of(user: str) -> str:
    """The name of a user's calendar list."""
    return f"users/{user}/calendarList"


def settings_of(user: str) -> str:
    """The name of a user's settings."""
    return f"users/{user}/settings"
