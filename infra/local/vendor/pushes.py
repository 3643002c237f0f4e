"""Webhooks as they go over the wire: what is sent, how it is signed, when it is tried again (docs/http-provider.md)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

import msgspec

from infra.local.vendor.shelf import Push, Shelf

MAX_ATTEMPTS = 6
"""At half a second, doubled each time, that is a quarter of a minute: enough for a restart, not for an outage."""

_FIRST_WAIT = 0.5


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request to make: POST `body` with `headers` to `url`."""

    push: Push
    url: str
    headers: dict[str, str]
    body: bytes


class Outbox:
    """The webhooks that wait; the same state serves a thread that delivers and a simulation that decides when."""

    def __init__(self, shelf: Shelf, url: str | None, secret: bytes) -> None:
        self._shelf, self._url, self._secret = shelf, url, secret

    def due(self, now: datetime) -> list[Delivery]:
        """What must be sent by now, oldest first."""
        if self._url is None:
            return []
        return [self._delivery(push, self._url, now) for push in self._shelf.pushes(now.timestamp())]

    def next_due(self) -> float | None:
        """When something must be sent again, in seconds since the epoch."""
        return self._shelf.next_due() if self._url else None

    def answered(self, push: Push, status: int | None, now: datetime) -> None:
        """Any 2xx settles it; another status, or none, is tried again a few times."""
        attempts = push.attempts + 1
        if attempts >= MAX_ATTEMPTS or (status is not None and 200 <= status < 300):
            self._shelf.remove_push(push.id)
            return
        due = now.timestamp() + _FIRST_WAIT * 2**push.attempts
        self._shelf.put_push(msgspec.structs.replace(push, due=due, attempts=attempts))

    def _delivery(self, push: Push, url: str, now: datetime) -> Delivery:
        told = {"id": push.id, "kind": push.kind, "meeting_id": push.meeting, "version": push.version}
        body = msgspec.json.encode(told)
        timestamp = str(int(now.timestamp()))
        signed = {"X-Lockstep-Timestamp": timestamp, "X-Lockstep-Signature": sign(self._secret, timestamp, body)}
        return Delivery(push, url, {"Content-Type": "application/json", **signed}, body)


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """The signature over the timestamp and the raw body."""
    return "v1=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
