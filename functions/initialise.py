"""Connect a calendar (R1): one feed for each calendar and user, its push channel, and a first token.

Connecting twice changes nothing, and connecting again after trouble mends it.
"""

from __future__ import annotations

from functools import partial

import msgspec

from conference.errors import Conflict, Later, OutcomeUnknown
from functions import channel, sync
from functions import feed as feeds
from functions.feed import Feed
from functions.ground import Ground


def initialise(ground: Ground, user: str, calendar: str) -> str:
    """Return the feed's id once it has a token; nothing is done to events or meetings that exist already.

    `calendar` may be "primary"; the feed has its canonical id. Raises Gone(CALENDAR), Revoked, Later.
    """
    info = ground.calendar.calendar(user, calendar)
    feed = feeds.feed_id(user, info.id)
    _ensure_feed(ground, feed, Feed(user, info.id, zone=info.zone))
    _ensure_channel(ground, feed)
    _ensure_token(ground, feed)
    return feed


def _ensure_feed(ground: Ground, feed: str, fresh: Feed) -> None:
    key = feeds.key_of(feed)
    document = ground.store.get(key)
    if document is None:
        try:
            ground.store.commit(feeds.put(None, key, fresh))
        except Conflict:
            # Somebody connects the same calendar at this moment.
            return
    elif feeds.decode(document).stopped:
        feeds.change(ground, feed, partial(_restarted, ground.now()))
        feeds.raise_dirty(ground, feed)


def _restarted(now: float, feed: Feed) -> Feed:
    # What was asked for before has lost its task: with `started` at that number, asking anew makes another one.
    return msgspec.structs.replace(
        feed,
        stopped=False,
        trouble=None,
        deletions_accepted=True,
        started=feed.dirty,
        poll_at=now,
        lease_until=0.0,
    )


def _ensure_channel(ground: Ground, feed: str) -> None:
    current = feeds.load(ground, feed)[1]
    live = channel.find(ground, current.channel) if current.channel else None
    if live is not None and live.expires is not None and live.expires > ground.now():
        return
    try:
        channel.open_channel(ground, feed)
    except (Later, OutcomeUnknown):
        # Without a channel the calendar is polled; the first poll opens one.
        feeds.change(ground, feed, partial(_without_channel, current.channel))


def _without_channel(channel: str | None, feed: Feed) -> Feed | None:
    # Another one may have been noted after all, though no answer came.
    return msgspec.structs.replace(feed, channel=None) if feed.channel == channel else None


def _ensure_token(ground: Ground, feed: str) -> None:
    """One direct run. The channel was opened before, so that nothing falls between the two.

    Raises Later if it has not brought a token: while another run, which may be a dead one's, holds the lease. Who is
    told that all is connected may count on being followed, and the first token only covers what comes after it.
    """
    if feeds.load(ground, feed)[1].token is not None:
        return
    current = feeds.raise_dirty(ground, feed, delay=ground.policy.forgotten)
    sync.sync_calendar(ground, feed, current.dirty)
    after = feeds.load(ground, feed)[1]
    if after.token is None:
        raise Later(after.trouble or "the calendar's first pass has not ended yet")
