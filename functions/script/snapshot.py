"""The snapshot: each event of a followed calendar as it was last seen, so that a change can be told from what was.

Only feeds that scripts' triggers follow have snapshots. They belong to one life of the feed's following, its epoch.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress

import msgspec

from conference.decoding import from_plain
from conference.errors import Conflict
from functions.ground import Ground
from functions.ports import Delete, Document, Put, Where
from functions.script.resource import DERIVED, Resource, cancelled, content

COLLECTION = "events"
REMEMBERED = 8
"""How many writes of our own an event remembers, of those whose echo has not come yet."""
EVERYTHING = ("*",)


class OwnWrite(msgspec.Struct, frozen=True, omit_defaults=True):
    """A write of this project: the version that it left, and the fields that it named.

    Without a version it is a deletion, or the arrival of a moved event, of which only the `content` is known.
    """

    etag: str | None
    fields: tuple[str, ...]
    content: str | None = None  # as resource.content has it

    def explains(self, after: Resource, fields: frozenset[str]) -> bool:
        """True if this write alone led to `after`, from which what was seen before differs in `fields`."""
        if self.etag is None:
            return self._led_to(after)
        mine = self.etag == after.get("etag")
        return mine and (self.fields == EVERYTHING or fields <= DERIVED.union(self.fields))

    def spent_by(self, after: Resource) -> bool:
        """True if `after` is its echo, and the same seen once more would be somebody else's: it had no version."""
        return self.etag is None and self._led_to(after)

    def _led_to(self, after: Resource) -> bool:
        return cancelled(after) if self.content is None else not cancelled(after) and content(after) == self.content


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event as last seen; `resource` is its JSON, as text, since a resource nests as deep as it likes."""

    feed: str
    event: str
    epoch: int
    resource: str | None = None  # None: only our own write of it is known
    own: tuple[OwnWrite, ...] = ()
    expire_at: float | None = None  # of a tombstone that lists do not show any more


_snapshot = from_plain(Snapshot)


def event_hash(event: str) -> str:
    """What stands for an event's id in keys; ids may be up to 1024 characters long."""
    return hashlib.sha256(event.encode(errors="surrogatepass")).hexdigest()[:32]


def key_of(feed: str, event: str) -> str:
    """A snapshot's document key."""
    return f"{COLLECTION}/{feed}-{event_hash(event)}"


def find(ground: Ground, feed: str, event: str, epoch: int) -> tuple[Document | None, Snapshot]:
    """The event's snapshot of this epoch; an empty one, to be written over the document, if there is none."""
    document = ground.store.get(key_of(feed, event))
    return of_epoch(document, feed, event, epoch)


def of_epoch(document: Document | None, feed: str, event: str, epoch: int) -> tuple[Document | None, Snapshot]:
    """As `find`, of a document that was read already."""
    known = _snapshot(document.data) if document else None
    return document, known if known and known.epoch == epoch else Snapshot(feed, event, epoch)


def decode(document: Document) -> Snapshot:
    """The snapshot in a document."""
    return _snapshot(document.data)


def put(document: Document | None, snapshot: Snapshot) -> Put:
    """The write of a snapshot over the document as read."""
    key = key_of(snapshot.feed, snapshot.event)
    return Put(key, msgspec.to_builtins(snapshot), document.version if document else None)


def forget(ground: Ground, feed: str, epoch: int) -> None:
    """Delete the snapshots of a feed that no trigger follows any more, up to this epoch."""
    last: Document | None = None
    while True:
        some = ground.store.query(COLLECTION, [Where("feed", "==", feed)], limit=200, after=last)
        old = [one for one in some if decode(one).epoch <= epoch]
        with suppress(Conflict):
            # Where somebody writes one meanwhile, what stays is of an epoch that nobody looks at.
            ground.store.commit(*(Delete(one.key, one.version) for one in old))
        if len(some) < 200:
            return
        last = some[-1]
