"""Push channels and the messages that are on their way to them.

Authority: https://developers.google.com/workspace/calendar/api/guides/push (contract 9)
Nothing is sent here: whoever drives the server takes what is due, posts it, and says how it was answered.
"""

from __future__ import annotations

import email.utils
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

import msgspec

from infra.local.calendar.errors import ApiError, not_found
from infra.local.calendar.knobs import PushFaults

RETRIED = frozenset({500, 502, 503, 504})
KEPT_DELIVERIES = 200
_FIRST_RETRY = timedelta(seconds=1)
_LONGEST_RETRY = timedelta(hours=1)
_GIVE_UP = timedelta(days=3)


class Channel(msgspec.Struct):
    """A push channel; `expires` in seconds since the epoch. A stopped one is kept so that its id stays taken.

    `topic` is what it tells of: a calendar's id for its events, else the name of a collection.
    """

    id: str
    user: str
    topic: str
    resource_id: str
    resource_uri: str
    address: str
    token: str | None
    expires: float
    number: int = 0
    stopped: bool = False

    def live(self, now: datetime) -> bool:
        """True while it is to get messages."""
        return not self.stopped and now.timestamp() < self.expires


@dataclass(frozen=True, slots=True)
class Push:
    """One message to post, with an empty body; `attempt` counts from 1."""

    id: int
    channel: str
    address: str
    headers: dict[str, str]
    state: str  # sync, exists or not_exists
    due: datetime
    first_due: datetime
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Delivered:
    """How a message was answered; `status` None: not at all."""

    push: Push
    status: int | None
    time: datetime


class Channels:
    """All channels, and the messages that wait for delivery."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.faults = PushFaults()
        self._channels: dict[str, Channel] = {}
        self._waiting: list[tuple[datetime, int, Push]] = []
        self._numbers = itertools.count(1)
        self.deliveries: deque[Delivered] = deque(maxlen=KEPT_DELIVERIES)

    def open(self, channel: Channel, now: datetime) -> None:
        """Take a new channel and greet it with `sync`. Raises ApiError 400 if its id is taken."""
        if channel.id in self._channels:
            raise ApiError(400, "channelIdNotUnique", f"Channel id {channel.id} not unique")
        self._channels[channel.id] = channel
        channel.number = 1
        self._post(channel, "sync", now)

    def restore(self, channel: Channel) -> None:
        """Take a channel of an earlier life; messages that were on their way then are lost."""
        self._channels[channel.id] = channel

    def stop(self, channel_id: str, resource_id: str, user: str, now: datetime) -> Channel:
        """Close a channel. Raises ApiError 404 if this user has no such live channel."""
        channel = self._channels.get(channel_id)
        if channel is None or not channel.live(now) or (channel.resource_id, channel.user) != (resource_id, user):
            raise not_found(f"Channel '{channel_id}' not found for project")
        channel.stopped = True
        return channel

    def notify(self, topic: str, now: datetime, may_hear: Callable[[str], bool], state: str) -> Iterator[Channel]:
        """Tell the live channels of a topic, of users who may hear it, that something changed; yields those it told."""
        for channel in self._channels.values():
            if channel.topic == topic and channel.live(now) and may_hear(channel.user):
                channel.number += self._random.randint(2, 999)
                self._post(channel, state, now)
                yield channel

    def newest(self, most: int = 100) -> list[Channel]:
        """The channels opened last, the stopped ones too, newest first."""
        return list(itertools.islice(reversed(self._channels.values()), most))

    def waiting(self) -> int:
        """How many messages are on their way."""
        return len(self._waiting)

    def due(self, now: datetime, limit: int | None = None) -> list[Push]:
        """Messages to post by now, in order; each is handed out once and then awaits `answered`."""
        found: list[Push] = []
        while self._waiting and self._waiting[0][0] <= now and len(found) != limit:
            push = heapq.heappop(self._waiting)[2]
            if self._channels[push.channel].live(now) and not self.faults.silent:
                found.append(push)
        return found

    def next_due(self) -> datetime | None:
        """When the next message is to be posted; None if none waits."""
        return self._waiting[0][0] if self._waiting else None

    def answered(self, push: Push, status: int | None, now: datetime) -> None:
        """Note how a message was answered (None: not at all): 500, 502, 503, 504 and no answer are tried again."""
        self.deliveries.append(Delivered(push, status, now))
        if (status is not None and status not in RETRIED) or now - push.first_due > _GIVE_UP:
            return
        wait = min(_FIRST_RETRY * 2 ** min(push.attempt - 1, 20), _LONGEST_RETRY)
        wait *= self._random.uniform(0.75, 1.25)
        self._wait(replace(push, due=now + wait, attempt=push.attempt + 1))

    def _post(self, channel: Channel, state: str, now: datetime) -> None:
        faults = self.faults
        if faults.drop_next:
            faults.drop_next -= 1
            return
        if faults.silent or self._happens(faults.loss):
            return
        for _ in range(2 if self._happens(faults.duplicate) else 1):
            due = now + timedelta(milliseconds=faults.delay_ms)
            if self._happens(faults.reorder):
                due += timedelta(milliseconds=self._random.uniform(1, 1000 + 2 * faults.delay_ms))
            headers = _headers(channel, state)
            self._wait(Push(next(self._numbers), channel.id, channel.address, headers, state, due, due))

    def _wait(self, push: Push) -> None:
        heapq.heappush(self._waiting, (push.due, push.id, push))

    def _happens(self, share: float) -> bool:
        return share > 0 and self._random.random() < share


def _headers(channel: Channel, state: str) -> dict[str, str]:
    headers = {
        "User-Agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)",
        "Content-Type": "application/json; utf-8",
        "Content-Length": "0",
        "X-Goog-Channel-ID": channel.id,
        "X-Goog-Channel-Expiration": email.utils.formatdate(channel.expires, usegmt=True),
        "X-Goog-Resource-ID": channel.resource_id,
        "X-Goog-Resource-URI": channel.resource_uri,
        "X-Goog-Resource-State": state,
        "X-Goog-Message-Number": str(channel.number),
    }
    if channel.token is not None:
        headers["X-Goog-Channel-Token"] = channel.token
    return headers
