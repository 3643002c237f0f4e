"""After consent: the user's primary calendar is connected, and calendars that had stopped go on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import structlog

from conference.errors import LockstepError
from functions import credentials
from functions import feed as feeds
from functions.consent.offer import Consent
from functions.credentials import User
from functions.feed import Feed
from functions.ground import MINUTE, Ground
from functions.initialise import initialise
from functions.ports import Document, Task, Where

NET = 1.5 * MINUTE
"""Seconds after which a task looks whether all is connected: this process may have died over it."""
PAGE = 100

log = structlog.get_logger(__name__)


def connect(ground: Ground, consent: Consent, kept: User) -> None:
    """Connect the user's calendars; what does not succeed at once, tasks go on with.

    Whoever consents again wants all of it to go on that had stopped.
    """
    consent.forget(kept.user)
    _enqueue(ground, kept, "primary", at=ground.now() + NET)
    for _, feed in feeds_of(ground, kept.user):
        if feed.stopped:
            _enqueue(ground, kept, feed.calendar, at=ground.now())
    try:
        initialise(ground, kept.user, "primary")
    except LockstepError as error:
        # Shown on the page, where checking the account tells why.
        log.warning("calendar not connected yet", error=str(error))


def go_on(ground: Ground, user: str, calendar: str, consent: int) -> None:
    """Connect a calendar on the strength of the user's consent of this number; nothing if they have left meanwhile."""
    found = credentials.find(ground.store, user)
    if found is not None and not found[1].leaving and found[1].consent >= consent:
        initialise(ground, user, calendar)


def feeds_of(ground: Ground, user: str) -> list[tuple[str, Feed]]:
    """The user's feeds by their ids, however many there are; the primary calendar first."""
    found = [(document.key.partition("/")[2], feeds.decode(document)) for document in _documents(ground, user)]
    return sorted(found, key=lambda one: (one[1].calendar != user, one[1].calendar))


def _documents(ground: Ground, user: str) -> Iterator[Document]:
    last: Document | None = None
    while True:
        some = ground.store.query(feeds.COLLECTION, [Where("user", "==", user)], limit=PAGE, after=last)
        yield from some
        if len(some) < PAGE:
            return
        last = some[-1]


def _enqueue(ground: Ground, kept: User, calendar: str, *, at: float) -> None:
    name = hashlib.sha256(f"consent\0{kept.user}\0{calendar}\0{kept.since}".encode()).hexdigest()[:40]
    task = Task("connect_calendar", {"user": kept.user, "calendar": calendar, "consent": kept.consent})
    ground.queue.add(task, name=name, at=datetime.fromtimestamp(at, UTC))
