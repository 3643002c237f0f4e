"""The ledger: one row for each event that has, had or asks for a meeting, with the event as last seen and its link.

A *mark* says "look at this event"; marks are numbered, the numbers only grow, and a mark is done only once its effect
has been verified. Whoever sees a change raises the mark; only `functions.reconcile` brings `done` up to it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec

from conference.decoding import from_plain
from conference.event import Event
from conference.link import Link
from conference.meeting import Occurrence
from conference.solution import provider_of
from functions import tracing
from functions.ground import Ground
from functions.ports import Document, Put, Task

COLLECTION = "ledger"
LARGEST = 350_000
"""Bytes of a row's JSON; every store takes somewhat more (infra.documents): room for what its link adds."""


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of an event (a whole series); instants in seconds since the epoch."""

    feed: str
    event: str
    user: str = ""
    calendar: str = ""
    zone: str = "UTC"
    seen: Event | None = None
    exceptions: dict[str, Occurrence] = {}
    refresh: bool = False  # `seen` is known to be out of date: read the event first
    verify: bool = False  # the meeting may differ from the link: ask the provider first
    resend: bool = False  # it may hold what we had sent before: unless it shows that it does not, tell it anew
    mark: int = 0
    done: int = 0
    due: float | None = None  # set while the mark is not done: when somebody must look at the latest
    fence: int = 0
    claimed_until: float = 0.0
    by_run: bool = False  # the claim is a run's, for itself or for the task it leaves the row to; no task's yet
    link: Link | None = None
    generation: int = 0
    meeting: str | None = None  # link.index of the linked meeting
    key: str | None = None  # the link's key
    former: str | None = None  # link.index of the meeting it last let go of: its join page says what became of it
    releasing: bool = False
    awaited_until: float = 0.0  # its meeting was made before the event was saved: time to save it
    absent_since: float | None = None  # the provider said once that the meeting is not there
    ical_uid: str | None = None
    wrote: str | None = None  # the version that our last write of the event left
    attempts: int = 0
    failing_since: float | None = None
    parked: str | None = None  # why nothing more is tried until the event changes
    trouble: str | None = None  # the last failure, while it is being retried
    changed_at: float = 0.0
    noticed_at: float = 0.0  # when the oldest notice came that its mark is for
    trace: str | None = None  # that of whoever raised the mark
    settled_at: float | None = None
    expire_at: float | None = None

    @property
    def pending(self) -> bool:
        """True while the newest mark is not done."""
        return self.mark > self.done

    @property
    def idle(self) -> bool:
        """True if the event has no meeting, waits for none, and was not given up."""
        return self.link is None and not self.pending and self.parked is None

    @property
    def abandoned(self) -> bool:
        """True if a claim was never given back: once it has ended, what its holder did outside is not known."""
        return self.claimed_until > 0


def awaited(row: Row, ground: Ground) -> bool:
    """True while the meeting of the row waits for its event to be saved with it: nothing is done until then.

    Its author may still be writing; what the event says without it, or that there is none, means nothing yet.
    """
    if row.link is None or row.awaited_until <= ground.now():
        return False
    seen = row.seen
    return seen is None or not (seen.cancelled or provider_of(seen, ground.solutions))


def key_of(feed: str, event: str) -> str:
    """A row's document key; event ids may be up to 1024 characters long, so it is hashed."""
    return f"{COLLECTION}/{feed}-{hashlib.sha256(event.encode()).hexdigest()[:32]}"


_row = from_plain(Row)


def decode(document: Document) -> Row:
    """The row in a document."""
    return _row(document.data)


def encode(row: Row) -> dict[str, Any]:
    """A row as a document's data."""
    data: dict[str, Any] = msgspec.to_builtins(row)
    return data


def size(row: Row) -> int:
    """How many bytes of JSON it takes."""
    return len(msgspec.json.encode(row))


def put(row: Row, version: str | None) -> Put:
    """The write of a row, if it is still at `version` (None: if there is none yet)."""
    return Put(key_of(row.feed, row.event), encode(row), version)


def marked(row: Row, ground: Ground, **seen: Any) -> Row:
    """The row with its mark raised and what was seen; nothing that stopped it before counts any more."""
    now = ground.now()
    fresh = msgspec.structs.replace(row, **seen)
    return msgspec.structs.replace(
        fresh,
        mark=row.mark + 1,
        due=max(now, row.claimed_until) + ground.policy.forgotten,
        attempts=0,
        failing_since=None,
        parked=None,
        trouble=None,
        changed_at=now,
        noticed_at=_noticed(row, ground) or now,
        trace=tracing.header(),
        expire_at=None,
        ical_uid=(fresh.seen.ical_uid if fresh.seen else None) or row.ical_uid,
    )


def _noticed(row: Row, ground: Ground) -> float:
    """When it was noticed what the row's open mark is for, if there is one; people may take their time to save."""
    return row.noticed_at if row.pending and not awaited(row, ground) else 0.0


def enqueue(ground: Ground, row: Row, function: str = "reconcile_event", *, at: float | None = None) -> None:
    """Put the row's newest mark into the queue, under a name that this mark and attempt alone have."""
    wake = at if at is not None else ground.now()
    name = hashlib.sha256(
        f"{function}\0{row.feed}\0{row.event}\0{row.mark}\0{row.attempts}\0{row.fence}".encode()
    ).hexdigest()[:40]
    body = {"feed": row.feed, "event": row.event, "fence": row.fence}
    task = Task(function, body, _provider(row, ground), tracing.onward(row.trace))
    ground.queue.add(task, name=name, at=datetime.fromtimestamp(wake, UTC))


def _provider(row: Row, ground: Ground) -> str | None:
    if row.link is not None:
        return row.link.provider
    return provider_of(row.seen, ground.solutions) if row.seen else None
