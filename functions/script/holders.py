"""Which of a user's events hold a conference: one document for each, written together with the events' own records."""

from __future__ import annotations

from collections.abc import Sequence

from functions.ports import Delete, Put
from functions.script import keeping
from functions.script.keeping import Owner

COLLECTION = "conference_holders"

Writes = Sequence[Put | Delete]


class Holders:
    """The events that hold one conference, by the keys of their records; empty when the last has let go."""

    def __init__(self, owner: Owner, conference_id: str, solution: str) -> None:
        self._owner = owner
        self._key = owner.key(COLLECTION, solution, conference_id)
        self._document = owner.project.ground.store.get(self._key)

    def names(self) -> list[str]:
        """The records' keys, as they stood when this was made."""
        return list(keeping.data(self._document).get("events", []))

    def with_(self, name: str) -> Writes:
        """What is to be written for this one to hold it too."""
        return self._written([*self.names(), name])

    def without(self, name: str) -> Writes:
        """What is to be written for this one to let go."""
        return self._written([other for other in self.names() if other != name])

    def _written(self, names: Sequence[str]) -> Writes:
        if names:
            events = sorted(set(names))
            return [Put(self._key, {**self._owner.fields(), "events": events}, keeping.version(self._document))]
        return [Delete(self._key, self._document.version)] if self._document else []
