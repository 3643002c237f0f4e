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
    APART = "apart"  # nobody has asked for it to be followed
    CONNECTING = "connecting"
    STOPPED = "stopped"  # a person must act


def state(ground: Ground, user: str, calendar: str) -> tuple[Connection, str | None]:
    """How the user's view of the calendar stands, and its trouble."""
    document = ground.store.get(feeds.key_of(feeds.feed_id(user, calendar)))
    if document is None:
        return Connection.APART, None
    feed = feeds.decode(document)
    if feed.stopped:
        return Connection.STOPPED, feed.trouble
    if not feed.conferences:
        return Connection.APART, None
    return (Connection.FOLLOWED if feed.token is not None else Connection.CONNECTING), feed.trouble


def ensure(ground: Ground, user: str, calendar: str) -> tuple[Connection, str | None]:
    """How the calendar stands; if it is not connected, a task is on its way that does it.

    A stopped one is left to a person: connecting it again accepts whatever it was stopped for.
    """
    found, trouble = state(ground, user, calendar)
    if found in {Connection.FOLLOWED, Connection.STOPPED}:
        return found, trouble
    # Named by the minute: however often the add-on is opened, one task a minute tries.
    name = hashlib.sha256(f"connect\0{user}\0{calendar}\0{ground.now() // MINUTE}".encode()).hexdigest()[:40]
    ground.queue.add(Task("connect_calendar", {"user": user, "calendar": calendar}), name=name)
    return Connection.CONNECTING, trouble


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
