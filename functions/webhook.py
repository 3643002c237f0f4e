"""A provider's push: verified, then taken as a hint to look at one meeting, never as a fact.

The look is delayed a little and compares versions first, so that the echo of our own write costs no call. What we have
written without an answer is looked at in the same way, some minutes later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from conference.errors import Forged
from conference.link import index
from conference.meeting import MeetingRef
from conference.providers.protocol import NotificationReader
from functions import ledger
from functions.ground import MINUTE, Ground
from functions.ports import Task, Where
from functions.work import remark

BELATED = 180.0
"""Seconds after which a write that was not answered is not done any more."""

log = structlog.get_logger(__name__)


def provider_webhook(ground: Ground, name: str, headers: Mapping[str, str], body: bytes) -> bytes | None:
    """Take one push of the provider `name`; return what to answer, if the vendor wants an answer.

    Raises Forged if it is not authentic or there is no such provider; Later if the queue is down.
    """
    provider = ground.providers.get(name)
    if provider is None or not isinstance(provider, NotificationReader):
        raise Forged("not a push of a provider of ours")
    note = provider.read(headers, body, now=ground.clock.now())
    if note.meeting_id is not None:
        held = index(MeetingRef(provider.name, provider.account, note.meeting_id))
        # The version a meeting had when it was deleted may be the one we know.
        version = "" if note.kind == "deleted" else note.version or ""
        task = Task("reconcile_event", {"meeting": held, "version": version}, provider.name)
        # With the time, since a vendor that numbers nothing says the same words of each change.
        label = hashlib.sha256(f"{held}\0{note.event_id}\0{note.at.isoformat()}".encode()).hexdigest()[:40]
        at = datetime.fromtimestamp(ground.now() + ground.policy.burst, UTC)
        ground.queue.add(task, name=label, at=at)
    return note.reply


def look_later(ground: Ground, provider: str, meeting: str) -> None:
    """Have a meeting told anew when a write that was not answered cannot be done any more, but may have been."""
    # All that is asked for within a minute is one look, late enough for the last.
    at = (ground.now() + BELATED) // MINUTE * MINUTE + MINUTE
    body = {"meeting": meeting, "version": "", "resend": True}
    name = hashlib.sha256(f"{meeting}\0belated\0{int(at)}".encode()).hexdigest()[:40]
    ground.queue.add(Task("reconcile_event", body, provider), name=name, at=datetime.fromtimestamp(at, UTC))


def look_at_meeting(ground: Ground, meeting: str, version: str, *, resend: bool = False) -> int:
    """Mark every event that holds the meeting, unless we know this version already; return how many were marked.

    With `resend` it is told anew how the meeting is to be, unless it shows that it is; not by who tries that anyway.
    """
    marked, looks = 0, {"verify": True}
    if resend:
        looks["resend"] = True
    for document in ground.store.query(ledger.COLLECTION, [Where("meeting", "==", meeting)]):
        row = ledger.decode(document)
        if resend and row.pending and row.attempts:
            # To begin its retries anew would multiply them, and they would never end.
            continue
        link = row.link
        known = link.meeting.version if link and link.meeting else None
        if version and known == version:
            continue
        remark(ground, document.key, **looks)
        marked += 1
    return marked
