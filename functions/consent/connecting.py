"""After consent: the user's primary calendar is connected, and calendars that had stopped go on."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from conference.errors import Gone, LockstepError
from functions import credentials
from functions import feed as feeds
from functions.consent.offer import Consent
from functions.credentials import User
from functions.feed import Feed
from functions.ground import MINUTE, Ground
from functions.initialise import initialise
from functions.pages import every
from functions.ports import Task, Where

NET = 1.5 * MINUTE
"""Seconds after which a task looks whether all is connected: this process may have died over it."""

log = structlog.get_logger(__name__)


def connect(ground: Ground, consent: Consent, kept: User) -> None:
    """Connect the user's calendars; what does not succeed at once, tasks go on with.

    Whoever consents again wants all of it to go on that had stopped.
    """
    consent.forget(kept.user)
    _enqueue(ground, kept, None, at=ground.now() + NET)
    for name, feed in feeds_of(ground, kept.user):
        if feed.stopped:
            _enqueue(ground, kept, name, at=ground.now())
    try:
        initialise(ground, kept.user, "primary")
        consent.declare(kept.user)
    except LockstepError as error:
        # Shown on the page, where checking the account tells why.
        log.warning("calendar not connected yet", error=str(error))


def go_on(ground: Ground, user_id: str, consent: int, feed: str | None) -> str | None:
    """Connect a user's feed, or their primary calendar, on the strength of their consent of this number; whose it is.

    Nothing happens, and None is returned, if they have left or consented anew meanwhile.
    """
    document = ground.store.get(f"{credentials.COLLECTION}/{user_id}")
    kept = credentials.decode(document) if document else None
    if kept is None or kept.leaving or kept.consent != consent:
        return None
    with suppress(Gone):
        calendar = feeds.load(ground, feed)[1].calendar if feed else "primary"
        initialise(ground, kept.user, calendar)
    return kept.user


def feeds_of(ground: Ground, user: str) -> list[tuple[str, Feed]]:
    """The user's feeds by their ids, however many there are; the primary calendar first."""
    documents = every(ground.store, feeds.COLLECTION, [Where("user", "==", user)], page=100)
    found = [(document.key.partition("/")[2], feeds.decode(document)) for document in documents]
    return sorted(found, key=lambda one: (one[1].calendar != user, one[1].calendar))


def _enqueue(ground: Ground, kept: User, feed: str | None, *, at: float) -> None:
    """Have a calendar connected; the task names nobody, so that nothing is left of who leaves before it comes."""
    user_id = credentials.user_id(kept.user)
    name = hashlib.sha256(f"consent\0{user_id}\0{feed}\0{kept.consent}\0{kept.since}".encode()).hexdigest()[:40]
    body = {"consented": user_id, "consent": kept.consent, **({"feed": feed} if feed else {})}
    ground.queue.add(Task("connect_calendar", body), name=name, at=datetime.fromtimestamp(at, UTC))
