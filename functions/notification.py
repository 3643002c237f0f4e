"""Google's push: verify the channel, mark the feed dirty, enqueue a run; no Calendar call is made here.

Authority: https://developers.google.com/workspace/calendar/api/guides/push
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from conference.errors import Forged, Gone
from functions import feed as feeds
from functions.channel import Channel, digest, find
from functions.ground import Edge

HEADERS = ("x-goog-channel-id", "x-goog-channel-token", "x-goog-resource-id", "x-goog-resource-state")
"""What is read of a notice."""
NOBODY = digest("no channel has this secret")


def calendar_notification(ground: Edge, headers: Mapping[str, str]) -> None:
    """Take one notice; `headers` by lower-case names.

    Raises Forged, with the same text whatever is wrong with it, and Later if the store is down.
    """
    channel = find(ground, headers.get("x-goog-channel-id", ""))
    _verify(ground, channel, headers)
    if channel is None or headers.get("x-goog-resource-state") == "sync":
        return
    try:
        feeds.raise_dirty(ground, channel.feed, delay=ground.policy.burst)
    except Gone:
        # The user disconnected; the channel dies by itself.
        return


def _verify(ground: Edge, channel: Channel | None, headers: Mapping[str, str]) -> None:
    secret_hash = channel.secret_hash if channel else NOBODY
    # Compared for unknown channels too, so that the time taken does not tell which ids exist.
    known = hmac.compare_digest(digest(headers.get("x-goog-channel-token", "")), secret_hash)
    if channel is None or not known or not _fits(ground, channel, headers):
        raise Forged("not a notice of a channel of ours")


def _fits(ground: Edge, channel: Channel, headers: Mapping[str, str]) -> bool:
    if channel.expires is not None and channel.expires <= ground.now():
        return False
    # The first notices may come before Google has answered the watch with the resource id.
    return channel.resource_id is None or hmac.compare_digest(
        channel.resource_id.encode(), headers.get("x-goog-resource-id", "").encode()
    )
