"""A delivery: one changed event on its way to one trigger, kept until the handler has accepted it.

A newer change of the same event joins the one that is on its way: what was before stays, what is now is new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from conference.decoding import from_plain
from conference.errors import Conflict
from functions.ground import Ground
from functions.pages import every
from functions.ports import Delete, Document, Put, Task, Where
from functions.script import resource
from functions.script.changes import Change
from functions.script.snapshot import event_hash

COLLECTION = "deliveries"
LARGEST = 350_000
"""Bytes of a delivery's JSON that every store takes (infra.documents)."""


class Delivery(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a change until it is accepted; instants in seconds since the epoch."""

    trigger: str
    feed: str
    event: str
    after: str  # JSON
    before: str | None = None  # JSON, as the handler last accepted it; None if it was never seen
    born: bool = False  # it did not exist before
    foreign: dict[str, list[str]] = {}  # fields that others than us changed, by the version in which they were found
    reason: str = "changed"
    full_sync: bool = False
    noted_at: float = 0.0
    queue: int | None = None  # its place in the order of the feed; absent when it is tried alone, or parked
    due: float | None = None  # when somebody must look at it at the latest; absent when parked
    attempts: int = 0
    failing_since: float | None = None
    trouble: str | None = None
    parked: str | None = None

    @property
    def ours(self) -> bool:
        """True if all that changed was written by this project."""
        return not self.foreign


_delivery = from_plain(Delivery)


def key_of(trigger: str, event: str) -> str:
    """A delivery's document key."""
    return f"{COLLECTION}/{trigger}-{event_hash(event)}"


def decode(document: Document) -> Delivery:
    """The delivery in a document."""
    return _delivery(document.data)


def put(delivery: Delivery, version: str | None) -> Put:
    """The write of a delivery, if it is still at `version`."""
    return Put(key_of(delivery.trigger, delivery.event), msgspec.to_builtins(delivery), version)


def weight(delivery: Delivery) -> int:
    """About how many bytes of JSON it takes."""
    return len(msgspec.json.encode(delivery))


def change_of(delivery: Delivery) -> Change:
    """The change as its handler is told of it."""
    after: Mapping[str, Any] = resource.read(delivery.after) or {"id": delivery.event, "status": "cancelled"}
    before = resource.read(delivery.before) if delivery.before is not None else None
    unknown = before is None and not delivery.born
    return Change(
        kind=resource.kind(before, after, born=delivery.born),
        event=after,
        before=before,
        fields=frozenset() if unknown else resource.differing(before, after),
        ours=delivery.ours,
        reason=delivery.reason,
    )


def enqueue(ground: Ground, trigger: str, turn: str, *, at: float | None = None, delivery: str | None = None) -> None:
    """Have a trigger's deliveries handed over, or only `delivery` (the id of its document); `turn` names the task."""
    body = {"trigger": trigger, "turn": turn, **({"delivery": delivery} if delivery else {})}
    name = hashlib.sha256(f"run_trigger\0{trigger}\0{turn}\0{delivery}".encode()).hexdigest()[:40]
    when = datetime.fromtimestamp(ground.now() if at is None else at, UTC)
    ground.queue.add(Task("run_trigger", body), name=name, at=when)


def waiting(ground: Ground, feed: str) -> frozenset[str]:
    """The events of a feed that are on their way to some trigger, or parked."""
    found = every(ground.store, COLLECTION, [Where("feed", "==", feed)])
    return frozenset(str(document.data["event"]) for document in found)


def forget(ground: Ground, trigger: str) -> None:
    """Delete the deliveries of a trigger that is gone."""
    while found := ground.store.query(COLLECTION, [Where("trigger", "==", trigger)], limit=200):
        for document in found:
            try:
                ground.store.commit(Delete(document.key, document.version))
            except Conflict:
                continue
