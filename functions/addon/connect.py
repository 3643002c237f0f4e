"""Connecting a calendar from inside the add-on: asked for here, done by a task, since Google waits 30 seconds."""

from __future__ import annotations

import enum
import hashlib

from functions import feed as feeds
from functions.ground import MINUTE, Ground
from functions.ports import Task, Where


class Connection(enum.Enum):
    """How a calendar stands."""

    FOLLOWED = "followed"
    CONNECTING = "connecting"
    STOPPED = "stopped"  # a person must act


def ensure(ground: Ground, user: str, calendar: str) -> tuple[Connection, str | None]:
    """How the calendar stands, and its trouble; if it is not connected, a task is on its way that does it.

    A stopped one is left to a person: connecting it again accepts whatever it was stopped for.
    """
    document = ground.store.get(feeds.key_of(feeds.feed_id(user, calendar)))
    feed = feeds.decode(document) if document else None
    if feed is not None and feed.stopped:
        return Connection.STOPPED, feed.trouble
    if feed is not None and feed.token is not None and feed.conferences:
        return Connection.FOLLOWED, feed.trouble
    # Named by the minute: however often the add-on is opened, one task a minute tries.
    name = hashlib.sha256(f"connect\0{user}\0{calendar}\0{ground.now() // MINUTE}".encode()).hexdigest()[:40]
    ground.queue.add(Task("connect_calendar", {"user": user, "calendar": calendar}), name=name)
    return Connection.CONNECTING, feed.trouble if feed else None


def canonical(ground: Ground, user: str, calendar: str | None) -> str:
    """The calendar's own id: never "primary", which is the user's own. Raises Later, Revoked, Gone."""
    if calendar is None or calendar == user:
        return user
    return ground.calendar.calendar(user, calendar).id if calendar == "primary" else calendar


def changed(ground: Ground, user: str | None, calendar: str | None) -> int:
    """Mark the feeds concerned dirty; return how many: the user's with this calendar, else all of the user's.

    Without a user, every feed of the calendar.
    """
    if user is not None and calendar not in (None, "primary"):
        wanted = [Where("user", "==", user), Where("calendar", "==", calendar or "")]
    elif user is not None:
        wanted = [Where("user", "==", user)]
    else:
        wanted = [Where("calendar", "==", calendar or "")]
    found = ground.store.query(feeds.COLLECTION, wanted)
    for document in found:
        feeds.raise_dirty(ground, document.key.removeprefix(f"{feeds.COLLECTION}/"), delay=ground.policy.burst)
    return len(found)
