"""One commit to Firestore: its writes with their preconditions, and what became of it if the answer was lost.

Authority: https://cloud.google.com/firestore/docs/reference/rpc/google.firestore.v1#precondition
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from google.cloud.firestore_v1.types import Document as Stored
from google.cloud.firestore_v1.types import Precondition, Write
from google.protobuf.timestamp_pb2 import Timestamp

from conference.errors import Conflict
from functions.ports import Delete, Put, Version
from infra.documents import encode_writes, expired
from infra.google.firestore_wire import Read, Wire, fields_of, instant_of, version_of


class Verdict(enum.Enum):
    """What a look at its documents says of a commit whose answer was lost."""

    DONE = "done"
    OPEN = "open"  # not done, and every condition still holds: asking again does it once
    NEVER = "never"  # not done, and a condition failed for good
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Commit:
    """Writes and their JSON, the instant of change each needs (None: absent), and the mark that each put carries."""

    writes: Sequence[Put | Delete]
    encoded: Sequence[bytes | None]
    needs: Mapping[str, Timestamp | None]
    mark: str

    @classmethod
    def of(cls, writes: Sequence[Put | Delete], mark: str, now: datetime) -> Self:
        """The commit of these writes. Raises Conflict for a version that no document can have at `now`."""
        encoded = encode_writes(writes)
        needs = {write.key: _needed(write.if_version, now) for write in writes}
        return cls(writes, encoded, needs, mark)

    def in_place_of(self, found: Mapping[str, Read], now: datetime) -> Self | None:
        """The commit with what has expired to be replaced where it must be absent; None if something is in the way."""
        there = [found[key] for key, needed in self.needs.items() if needed is None and key in found]
        if not there or not all(expired(read.document.data, now) for read in there):
            return None
        needs = {**self.needs, **{read.document.key: read.changed for read in there}}
        return type(self)(self.writes, self.encoded, needs, self.mark)

    def request(self, wire: Wire) -> list[Write]:
        """The writes as Firestore takes them."""
        return [self._write(wire, write, json) for write, json in zip(self.writes, self.encoded, strict=True)]

    def versions(self, changed: Timestamp) -> tuple[Version | None, ...]:
        """What the port answers once the commit is done."""
        return tuple(version_of(changed, w.data) if isinstance(w, Put) else None for w in self.writes)

    def verdict(self, found: Mapping[str, Read]) -> Verdict:
        """What the documents, read after the answer was lost, say of this commit."""
        if self.done_at(found) is not None:
            return Verdict.DONE
        versioned = [(needed, found.get(key)) for key, needed in self.needs.items() if needed is not None]
        stayed = [read is not None and read.changed == needed for needed, read in versioned]
        if not any(stayed):
            # Done and then overwritten, or overtaken: the documents look the same.
            return Verdict.UNKNOWN
        if not all(stayed):
            return Verdict.NEVER
        # What is in the way of a new document may go away again, and a commit that is still on its way go through.
        return Verdict.OPEN if all(key not in found for key, n in self.needs.items() if n is None) else Verdict.UNKNOWN

    def done_at(self, found: Mapping[str, Read]) -> Timestamp | None:
        """When the commit was done, if one of its documents still tells."""
        return next((read.changed for read in found.values() if read.commit == self.mark), None)

    def _write(self, wire: Wire, write: Put | Delete, json: bytes | None) -> Write:
        needed = self.needs[write.key]
        if isinstance(write, Delete) or json is None:
            return Write(delete=wire.name(write.key), current_document=Precondition(update_time=needed))
        condition = Precondition(exists=False) if needed is None else Precondition(update_time=needed)
        # Without an update mask the document is replaced as a whole.
        stored = Stored(name=wire.name(write.key), fields=fields_of(json, write.data, self.mark))
        return Write(update=stored, current_document=condition)


def _needed(version: Version | None, now: datetime) -> Timestamp | None:
    if version is None:
        return None
    instant = instant_of(version, now)
    if instant is None:
        raise Conflict("The document has changed meanwhile")
    return instant
