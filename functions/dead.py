"""What was given up, with its cause: unreadable events and rows whose attempts are used up."""

from __future__ import annotations

import hashlib

import structlog

from conference.errors import Conflict
from functions.ground import Ground
from functions.ports import Document, Put
from functions.telemetry import DEAD

COLLECTION = "dead"

log = structlog.get_logger(__name__)


def note(ground: Ground, feed: str, event: str | None, cause: str) -> None:
    """Keep a note of an event that is not worked on any more; a later note for the same event replaces it."""
    now = ground.now()
    key = f"{COLLECTION}/{_name(feed, event)}"
    data = {"feed": feed, "event": event or "", "cause": cause, "at": now, "newness": -now}
    ground.telemetry.tell(DEAD)
    log.error("event parked", feed=feed, event_id=event, cause=cause)
    before = ground.store.get(key)
    write = Put(key, {**data, "expire_at": now + ground.policy.run_record}, before.version if before else None)
    try:
        ground.store.commit(write)
    except Conflict:
        # Another run has just noted the same event.
        return


def newest(ground: Ground, limit: int = 20) -> list[Document]:
    """The newest notes, newest first."""
    return ground.store.query(COLLECTION, order_by="newness", limit=limit)


def _name(feed: str, event: str | None) -> str:
    return hashlib.sha256(f"{feed}\0{event}".encode()).hexdigest()[:40]
