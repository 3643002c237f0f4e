"""Push channels: opened before the old one is closed, renewed long before they expire, never left without a record.

Authority: https://developers.google.com/workspace/calendar/api/guides/push
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from functools import partial

import msgspec
import structlog

from conference.decoding import from_plain
from conference.errors import Conflict, Gone, Later, LockstepError, OutcomeUnknown, Refused, Revoked
from functions import feed as feeds
from functions.ground import HOUR, MINUTE, Edge, Ground
from functions.pages import each
from functions.ports import Delete, Document, Put, Where

COLLECTION = "channels"
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
REGISTERING = 600.0
"""A watch whose answer never came is looked at again after so many seconds."""

log = structlog.get_logger(__name__)


class Channel(msgspec.Struct, frozen=True, omit_defaults=True):
    """One push channel; without `resource_id` the watch has not been answered yet."""

    feed: str
    user: str
    secret_hash: str
    renew_at: float
    resource_id: str | None = None
    expires: float | None = None
    closing: bool = False


decode = from_plain(Channel)
"""The channel in a document's data."""


def digest(secret: str) -> str:
    """What is kept of a channel's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find(ground: Edge, channel: str) -> Channel | None:
    """The channel with this id, whatever text was sent as id."""
    if not ID.fullmatch(channel):
        return None
    document = ground.store.get(f"{COLLECTION}/{channel}")
    return decode(document.data) if document else None


def ensure_channel(ground: Ground, feed: str) -> None:
    """Open a channel unless a live one is there that is to stay; where that fails, the tick opens one."""
    current = feeds.load(ground, feed)[1]
    live = find(ground, current.channel) if current.channel else None
    if live is not None and not live.closing and live.expires is not None and live.expires > ground.now():
        return
    try:
        open_channel(ground, feed)
    except (Later, OutcomeUnknown):
        # Without a channel the calendar is polled; the first poll opens one.
        feeds.change(ground, feed, partial(_without_channel, current.channel))


def _without_channel(channel: str | None, feed: feeds.Feed, **more: bool) -> feeds.Feed | None:
    # Another one may have been noted meanwhile, or after all, though no answer came.
    return msgspec.structs.replace(feed, channel=None, **more) if feed.channel == channel else None


def open_channel(ground: Ground, feed: str) -> None:
    """Open a channel for the feed, note it there, and close the one it replaces.

    The record is written before the watch, so that a channel whose answer is lost is accounted for. A calendar that
    cannot be watched is polled from then on. Raises Later, Revoked, Gone.
    """
    if ground.notice_address is None:
        return
    _, current = feeds.load(ground, feed)
    if not current.push:
        return
    name, secret = ground.new_secret(), ground.new_secret()
    key = f"{COLLECTION}/{name}"
    now = ground.now()
    latest = now + ground.policy.channel_life
    record = Channel(feed, current.user, digest(secret), renew_at=now + REGISTERING, expires=latest)
    (version,) = ground.store.commit(Put(key, msgspec.to_builtins(record), None))
    try:
        watched = ground.calendar.watch(
            current.user,
            current.calendar,
            channel=name,
            secret=secret,
            address=ground.notice_address,
            life=ground.policy.channel_life,
        )
    except Refused:
        ground.store.commit(Delete(key, version or ""))
        _poll_from_now_on(ground, feed, current.channel)
        log.warning("calendar cannot be watched, polling it", feed=feed)
        return
    except (Later, Revoked, Gone):
        # Nothing was opened.
        ground.store.commit(Delete(key, version or ""))
        raise
    expires = watched.expires.timestamp()
    opened = msgspec.structs.replace(
        record, resource_id=watched.resource_id, expires=expires, renew_at=_renewal(ground, expires)
    )
    before = _name(ground, name, opened, Put(key, msgspec.to_builtins(opened), version or ""))
    if before:
        _close_replaced(ground, feed, before)


def _poll_from_now_on(ground: Ground, feed: str, channel: str | None) -> None:
    """Note that the calendar cannot be watched; the channel that there may be is not renewed: the tick closes it."""

    def noted() -> None:
        document, current = feeds.load(ground, feed)
        polled = _without_channel(channel, current, push=False)
        if polled is not None:
            also = unneeded(ground, channel) if channel else []
            ground.store.commit(feeds.put(document, document.key, polled), *also)

    feeds.retried(noted, "the feed's document is too busy")


def _close_replaced(ground: Ground, feed: str, channel: str) -> None:
    """Close a channel that has a successor; what its notices on their way tell, which are refused now, is listed."""
    with suppress(Gone):
        feeds.raise_dirty(ground, feed)
    close_channel(ground, channel)


def _name(ground: Ground, channel: str, opened: Channel, record: Put) -> str | None:
    """Note what Google answered together with the channel's name in its feed; the channel that it replaces."""

    def named() -> str | None:
        document, current = feeds.load(ground, opened.feed)
        wanted = msgspec.structs.replace(
            current, channel=channel, resource_id=opened.resource_id, channel_until=opened.expires, push=True
        )
        replaced = current.channel if current.channel != channel else None
        # Whoever dies before it is closed leaves it to the tick.
        also = unneeded(ground, replaced) if replaced else []
        ground.store.commit(feeds.put(document, document.key, wanted), record, *also)
        return replaced

    try:
        return feeds.retried(named, "the feed's document is too busy")
    except Gone:
        # Disconnected while the channel was being opened: nobody needs it.
        ground.store.commit(record)
        close_channel(ground, channel)
        raise


def unneeded(ground: Ground, channel: str) -> list[Put]:
    """The write by which a channel is known to be needed no more: the tick closes it, if nobody else does."""
    document = ground.store.get(f"{COLLECTION}/{channel}")
    if document is None:
        return []
    closing = msgspec.structs.replace(decode(document.data), closing=True, renew_at=ground.now())
    return [Put(document.key, msgspec.to_builtins(closing), document.version)]


def close_channel(ground: Ground, channel: str) -> None:
    """Close a channel and forget it; whatever fails is tried again by the tick."""
    document = ground.store.get(f"{COLLECTION}/{channel}")
    if document is None:
        return
    record = decode(document.data)
    if record.expires is not None and record.expires <= ground.now():
        ground.store.commit(Delete(document.key, document.version))
        return
    resource = record.resource_id or _resource_of(ground, record.feed)
    again = ground.now() + (REGISTERING if resource is None else HOUR)
    closing = msgspec.structs.replace(record, closing=True, renew_at=again, resource_id=resource)
    (version,) = ground.store.commit(Put(document.key, msgspec.to_builtins(closing), document.version))
    if resource is None:
        # Without it nothing can be stopped; the next channel of the feed tells it.
        return
    ground.calendar.stop(record.user, channel=channel, resource_id=resource)
    ground.store.commit(Delete(document.key, version or ""))


def renew_due(ground: Ground) -> int:
    """Renew or close every channel whose time has come; return how many. One failure does not hold up the others."""
    due = ground.store.query(COLLECTION, [Where("renew_at", "<=", ground.now())], order_by="renew_at", limit=100)

    def renew(document: Document) -> int:
        try:
            _renew(ground, document)
        except LockstepError as error:
            log.warning("channel not renewed yet", error=str(error))
            # Where a person must act, asking each minute would not help.
            _postpone(ground, document, HOUR if isinstance(error, Revoked) else MINUTE)
        return 1

    return each(due, renew)


def _renew(ground: Ground, document: Document) -> None:
    record = decode(document.data)
    name = document.key.removeprefix(f"{COLLECTION}/")
    if record.closing or record.resource_id is None:
        close_channel(ground, name)
    elif _is_current(ground, record.feed, name):
        open_channel(ground, record.feed)
    else:
        _close_replaced(ground, record.feed, name)


def _is_current(ground: Ground, feed: str, name: str) -> bool:
    """True if the feed lives and this is its channel; one that is stopped opens another when it is connected again."""
    try:
        current = feeds.load(ground, feed)[1]
    except Gone:
        return False
    return current.channel == name and not current.stopped


def _resource_of(ground: Ground, feed: str) -> str | None:
    # Google gives every channel of one user on one calendar the same resource id.
    try:
        return feeds.load(ground, feed)[1].resource_id
    except Gone:
        return None


def _renewal(ground: Ground, expires: float) -> float:
    left = expires - ground.now()
    return expires - min(ground.policy.channel_renewal, left / 2)


def _postpone(ground: Ground, document: Document, wait: float) -> None:
    fresh = ground.store.get(document.key)
    if fresh is None:
        return
    record = decode(fresh.data)
    now = ground.now()
    # Once more before it expires, however long a person takes.
    last = max((record.expires or now + wait) - MINUTE, now + MINUTE)
    later = msgspec.structs.replace(record, renew_at=min(now + wait, last))
    try:
        ground.store.commit(Put(fresh.key, msgspec.to_builtins(later), fresh.version))
    except Conflict:
        return
