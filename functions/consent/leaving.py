"""Leaving: a user's consent is revoked, their channels are closed, and everything of theirs is deleted.

Each step may be repeated, and a task goes on with whatever was not finished. Their document is the last to go: it says
that they are leaving, and whose feeds these are. The meetings that their events hold stay where they are, as the events
themselves do: they are people's appointments, not ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
import structlog

from conference.errors import Conflict, Gone, Later, LockstepError, Missing, Refused, Revoked, Stale
from functions import channel, credentials, dead, ledger, runs
from functions import feed as feeds
from functions.consent import session, state
from functions.consent.connecting import feeds_of
from functions.consent.offer import Consent
from functions.credentials import User
from functions.feed import Feed
from functions.ground import DAY, Ground
from functions.ledger import Row
from functions.pages import every
from functions.ports import Delete, Document, Put, Task, Where
from functions.script import (
    cache,
    conferences,
    delivery,
    holders,
    lock,
    processes,
    properties,
    quota,
    snapshot,
    state_token,
    trigger,
)
from functions.sweep import spare
from functions.work import hand_on

OF_FEEDS = tuple(each.COLLECTION for each in (ledger, dead, runs, snapshot, delivery, trigger))
"""What is found by its feed."""
OF_USERS = tuple(
    each.COLLECTION
    for each in (
        *(trigger, channel, properties, cache, lock, conferences, holders, state_token, processes, quota),
        *(session, state),
    )
)
"""What is found by its user."""
FOR_GOOD = 3650 * DAY
"""For so long nobody takes the meetings that were left for spares."""
NET = 60.0
"""Seconds after which a task goes on with what this process has not finished."""
PAGE = 200
TRIES = 50

log = structlog.get_logger(__name__)


def leave(ground: Ground, consent: Consent, user: str, sub: str) -> bool:
    """Begin to delete everything of the user; True if it is done, False if a task goes on with it.

    Whoever asks for it has shown that the address is theirs. Raises Later, OutcomeUnknown if it could not begin.
    """
    # Asked for first: whoever dies between the two leaves it to the person to ask again, or to the task.
    name = hashlib.sha256(f"leave\0{user}\0{ground.now() // NET}".encode()).hexdigest()[:40]
    task = Task("connect_calendar", {"leaving": credentials.user_id(user)})
    ground.queue.add(task, name=name, at=datetime.fromtimestamp(ground.now() + NET, UTC))
    credentials.changed(ground.store, user, lambda kept: _marked(kept, user, sub))
    try:
        go_on(ground, consent, credentials.user_id(user))
    except LockstepError as error:
        log.warning("user not gone yet", error=str(error))
        return False
    return True


def _marked(kept: User | None, user: str, sub: str) -> User | None:
    if kept is None:
        return User(user, sub, leaving=True)
    return None if kept.leaving else msgspec.structs.replace(kept, leaving=True)


def go_on(ground: Ground, consent: Consent, user_id: str) -> None:
    """Go on with a user's leaving, from wherever it stands. Raises Later or Stale if it must be gone on with again."""
    kept = _leaving(ground, user_id)
    if kept is None:
        return
    mine = feeds_of(ground, kept.user)
    for name, _ in mine:
        _stop(ground, name)
    _close_channels(ground, Where("user", "==", kept.user))
    with suppress(Revoked):
        # Withdrawn before, or never to be opened again: there is nothing that could be shown to revoke it.
        credentials.revoke(consent.wallet, kept)
    if _leaving(ground, user_id) is None:
        # While Google was asked another has finished it, and they may be back since.
        return
    for name, feed in mine:
        _forget_followed(ground, name, feed)
    for collection in OF_USERS:
        _delete_all(ground, collection, Where("user", "==", kept.user))
    consent.forget(kept.user)
    _forget_user(ground, user_id)
    log.info("user gone", user_id=user_id, feeds=len(mine))


def _leaving(ground: Ground, user_id: str) -> User | None:
    """The user, if they are leaving."""
    document = ground.store.get(f"{credentials.COLLECTION}/{user_id}")
    kept = credentials.decode(document) if document else None
    return kept if kept is not None and kept.leaving else None


def _forget_user(ground: Ground, user_id: str) -> None:
    """Delete their document; that of somebody who is back already stays."""

    def attempt() -> None:
        document = ground.store.get(f"{credentials.COLLECTION}/{user_id}")
        if document is not None and credentials.decode(document).leaving:
            ground.store.commit(Delete(document.key, document.version))

    feeds.retried(attempt, "the user's document is too busy")


def stop_following(ground: Ground, user: str, name: str) -> None:
    """Stop following one of the user's calendars, and delete what is kept of it; its meetings stay.

    Raises Gone if it is none of theirs, Refused while a script's triggers follow it, Later if it is to be asked again.
    """
    current = feeds.load(ground, name)[1]
    if current.user != user:
        raise Gone("the feed is another user's", what=Missing.CALENDAR)
    if current.triggers:
        raise Refused("a script's triggers follow this calendar")
    _stop(ground, name)
    _close_channels(ground, Where("feed", "==", name))
    _forget_followed(ground, name, current)


def _stop(ground: Ground, name: str) -> None:
    """Nothing runs any more; a run that is under way has lost its lease."""

    def stopped(feed: Feed) -> Feed | None:
        if feed.stopped and feed.lease_until == 0.0:
            return None
        return msgspec.structs.replace(
            feed, stopped=True, fence=feed.fence + 1, lease_until=0.0, wake_at=None, poll_at=None, sweep_at=None
        )

    with suppress(Gone):
        feeds.change(ground, name, stopped)


def _close_channels(ground: Ground, whose: Where) -> None:
    """Close them while there is a credential for it; where there is none any more, they end with it."""
    for document in every(ground.store, channel.COLLECTION, [whose]):
        with suppress(Revoked, Refused, Gone):
            channel.close_channel(ground, document.key.partition("/")[2])
        left = ground.store.get(document.key)
        if left is not None:
            ground.store.commit(Delete(left.key, left.version))


def _forget_followed(ground: Ground, name: str, feed: Feed) -> None:
    """Delete a feed with all that is found by it; what a run that was under way still writes, a task deletes later."""
    policy = ground.policy
    late = max(ground.now(), feed.lease_until) + policy.lease + policy.forgotten
    task = Task("connect_calendar", {"left": name})
    # By the dirty number too, which no other life of the feed has had: names are taken for a day.
    label = hashlib.sha256(f"left\0{name}\0{feed.dirty}\0{feed.fence}".encode()).hexdigest()[:40]
    ground.queue.add(task, name=label, at=datetime.fromtimestamp(late, UTC))
    _forget_rows(ground, name)
    document = ground.store.get(feeds.key_of(name))
    if document is not None:
        ground.store.commit(Delete(document.key, document.version))


def forget_left(ground: Ground, name: str) -> None:
    """Delete what late writers left of a feed that is no more; one that was connected again keeps what it has."""
    if ground.store.get(feeds.key_of(name)) is None:
        _forget_rows(ground, name)


def _forget_rows(ground: Ground, name: str) -> None:
    for document in every(ground.store, ledger.COLLECTION, [Where("feed", "==", name)]):
        _let_go(ground, ledger.decode(document))
    for collection in OF_FEEDS:
        _delete_all(ground, collection, Where("feed", "==", name))


def _let_go(ground: Ground, row: Row) -> None:
    """Leave the row's meeting be: to the others that hold it, else to itself."""
    link = row.link
    if link is None or link.ref is None or row.meeting is None:
        return
    held = ground.store.query(ledger.COLLECTION, [Where("meeting", "==", row.meeting)])
    others = [one for one in map(ledger.decode, held) if one.feed != row.feed and one.link and not one.releasing]
    if not others:
        spare(ground, link.ref, FOR_GOOD)
    else:
        hand_on(ground, others, link.ref)


def _delete_all(ground: Ground, collection: str, where: Where) -> None:
    """Delete them, those too that are written meanwhile. Raises Later after many, for the rest."""
    for _ in range(TRIES):
        some = ground.store.query(collection, [where], limit=PAGE)
        if not some:
            return
        _delete(ground, some)
    raise Later("more is left of a user who leaves")


def _delete(ground: Ground, some: Sequence[Document]) -> None:
    try:
        ground.store.commit(*_deletions(some))
    except Conflict:
        for document in some:
            with suppress(Stale):
                ground.store.commit(*_deletions([document]))


def _deletions(some: Iterable[Document]) -> list[Put | Delete]:
    return [Delete(document.key, document.version) for document in some]
