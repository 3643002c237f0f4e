"""Connect a calendar (R1): one feed for each calendar and user, its push channel, and a first token.

Connecting twice changes nothing, and connecting again after trouble mends it.
"""

from __future__ import annotations

import hashlib
from functools import partial

import msgspec

from conference.errors import Later
from functions import feed as feeds
from functions import sync
from functions.channel import ensure_channel
from functions.feed import CONFERENCES, Feed, begun, restarted, retried
from functions.ground import Ground
from functions.ports import Put
from functions.script.trigger import CALENDAR, TriggerRecord, owner_of, put

SCRIPT = "lockstep"
"""The script to which the built-in handler's triggers belong."""


def initialise(ground: Ground, user: str, calendar: str) -> str:
    """Return the feed's id once it has a token; nothing is done to events or meetings that exist already.

    `calendar` may be "primary"; the feed has its canonical id. Raises Gone(CALENDAR), Revoked, Later.
    """
    info = ground.calendar.calendar(user, calendar)
    feed = feeds.feed_id(user, info.id)
    _ensure_feed(ground, feed, begun(ground.now(), user, info.id, zone=info.zone))
    ensure_channel(ground, feed)
    _ensure_token(ground, feed)
    return feed


def _ensure_feed(ground: Ground, feed: str, fresh: Feed) -> None:
    # Who is quicker may connect the same calendar, or only have a script's trigger follow it.
    known = retried(partial(_made_or_known, ground, feed, fresh), "the feed's document is too busy")
    if known is None:
        return
    if not known.conferences:
        # So far only a script's triggers followed it: conferences begin with a baseline of their own.
        feeds.change(ground, feed, _joined, _builtin(ground, feed, known))
    if known.stopped:
        feeds.change(ground, feed, partial(restarted, ground.now()))
        feeds.raise_dirty(ground, feed)


def _made_or_known(ground: Ground, feed: str, fresh: Feed) -> Feed | None:
    """The feed as it is known; None if it was made just now. Raises Conflict."""
    key = feeds.key_of(feed)
    document = ground.store.get(key)
    if document is not None:
        return feeds.decode(document)
    ground.store.commit(feeds.put(None, key, fresh), _builtin(ground, feed, fresh))
    return None


def _builtin(ground: Ground, feed: str, fresh: Feed) -> Put:
    """The built-in handler's trigger on the feed."""
    number = int.from_bytes(hashlib.sha256(f"{CONFERENCES}\0{feed}".encode()).digest()[:8], "big")
    record = TriggerRecord(
        id=str(10**18 + number % (9 * 10**18)),
        script=SCRIPT,
        user=fresh.user,
        owner=owner_of(SCRIPT, fresh.user),
        handler=CONFERENCES,
        source=CALENDAR,
        order=0,
        created_at=ground.now(),
        feed=feed,
        calendar=fresh.calendar,
    )
    return put(record, None)


def _joined(feed: Feed) -> Feed | None:
    if feed.conferences:
        # Somebody else was quicker.
        return None
    return msgspec.structs.replace(feed, followers=(CONFERENCES, *feed.triggers), full_at=0.0, full_wanted=True)


def _ensure_token(ground: Ground, feed: str) -> None:
    """One direct run. The channel was opened before, so that nothing falls between the two.

    Raises Later if it has not brought a token: while another run, which may be a dead one's, holds the lease. Who is
    told that all is connected may count on being followed, and the first token only covers what comes after it.
    """
    if _has_baseline(feeds.load(ground, feed)[1]):
        return
    current = feeds.raise_dirty(ground, feed, delay=ground.policy.forgotten)
    sync.sync_calendar(ground, feed, current.dirty, "connect")
    after = feeds.load(ground, feed)[1]
    if not _has_baseline(after):
        raise Later(after.trouble or "the calendar's first pass has not ended yet")


def _has_baseline(feed: Feed) -> bool:
    return feed.token is not None and feed.full_at > 0
