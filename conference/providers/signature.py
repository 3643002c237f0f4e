"""Pushes signed with HMAC-SHA256 over their time and raw body (docs/http-provider.md, *Webhooks*)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from conference.decoding import from_json
from conference.errors import UNDECODABLE, Forged
from conference.meeting import MeetingId
from conference.providers.protocol import Notification

WINDOW = timedelta(seconds=300)
"""How far a push's time may lie from ours: enough for badly set clocks, too little to keep a push for later."""

_KINDS = {"created": "updated", "updated": "updated", "deleted": "deleted"}
_MAX_ID = 200
_MAX_TOLD = 512


class _Push(msgspec.Struct, frozen=True):
    id: str | None = None
    kind: str = ""
    meeting_id: str | int | None = None
    version: str | int | None = None


_read_push = from_json(_Push)


def read_push(secret: bytes, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notification:
    """The push, verified. Raises Forged if it is not signed with `secret`, or not of these minutes."""
    if not secret:
        raise Forged("no webhook secret is configured")
    lower = {name.lower(): value for name, value in headers.items()}
    timestamp = lower.get("x-lockstep-timestamp", "")
    _check(secret, lower.get("x-lockstep-signature", ""), timestamp, body)
    return _notification(body, _fresh(timestamp, now))


def _check(secret: bytes, given: str, timestamp: str, body: bytes) -> None:
    expected = hmac.new(secret, _octets(timestamp) + b"." + body, hashlib.sha256).hexdigest()
    # Several signatures may stand side by side while a secret is being replaced.
    matches = [hmac.compare_digest(_octets(one.strip()), b"v1=" + expected.encode()) for one in given.split(",")]
    if not any(matches):
        raise Forged("a push is not signed with our secret")


def _fresh(timestamp: str, now: datetime) -> datetime:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Forged("a push does not say when it was sent")
    if abs(int(timestamp) - now.timestamp()) > WINDOW.total_seconds():
        raise Forged("a push lies outside its time window")
    return datetime.fromtimestamp(int(timestamp), UTC)


def _notification(body: bytes, at: datetime) -> Notification:
    """What it says; an authentic push that cannot be read is a hint without content."""
    try:
        push = _read_push(body)
    except UNDECODABLE:
        push = _Push()
    event_id = push.id if push.id and len(push.id) <= _MAX_ID else hashlib.sha256(body).hexdigest()
    meeting_id, version = _short(push.meeting_id), _short(push.version)
    return Notification(
        event_id, at, _KINDS.get(push.kind, "other"), MeetingId(meeting_id) if meeting_id else None, version
    )


def _short(told: str | int | None) -> str | None:
    """What is told, as text; what is too long to be an id or a version says nothing."""
    text = None if told is None else str(told)
    return text if text is None or len(text) <= _MAX_TOLD else None


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "replace")
