"""The feed: one calendar as one user sees it, with its sync token, dirty number and lease.

The dirty number grows with every notice that asks for a run; a run notes the number it starts with, so a notice that
comes during the run is seen at its end (docs/design.md, *The flow, and what each step owes*).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import structlog

from conference.decoding import from_plain
from conference.errors import Conflict, Gone, Later, Missing
from functions import tracing
from functions.ground import Edge
from functions.ports import Document, Put, Task

T = TypeVar("T")

log = structlog.get_logger(__name__)

COLLECTION = "feeds"
TRIES = 20
CONFERENCES = "lockstep.conferences"
"""The built-in handler, which keeps conferences in step: it follows every feed that `initialise` connects."""


class Feed(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a feed; instants in seconds since the epoch."""

    user: str
    calendar: str
    zone: str = "UTC"
    token: str | None = None
    dirty: int = 0
    asked_at: float = 0.0  # when the dirty number was raised
    owed_since: float | None = None  # while a notice is not covered: when the oldest such came
    trace: str | None = None  # that of whoever raised the dirty number
    started: int = 0
    done: int = 0
    fence: int = 0
    lease_until: float = 0.0
    lease_number: int = 0  # the dirty number of the task that holds the lease
    lease_turn: str = ""  # and its turn
    full_at: float = 0.0
    dropped_at: float = 0.0
    rest_until: float = 0.0  # no full pass before this
    full_wanted: bool = False
    attempts: int = 0
    poll_at: float | None = None
    wake_at: float | None = None  # set while a run is owed: the tick wakes what everybody forgot
    sweep_at: float | None = None
    synced_at: float | None = None
    channel: str | None = None
    resource_id: str | None = None
    channel_until: float | None = None  # when Google will let the channel die
    push: bool = True
    trouble: str | None = None  # why it does not run, for people
    stopped: bool = False  # a person must act; nothing runs until the calendar is connected again
    deletions_accepted: bool = False  # connected again after a stop: a full pass may find that all is gone
    followers: tuple[str, ...] = (CONFERENCES,)  # who wants its changes: the built-in handler, triggers by their ids
    epoch: int = 0  # which life of the snapshots this is; they begin anew when triggers follow again after a time
    seen_at: float = 0.0  # when the snapshots' baseline was taken; 0: there is none

    @property
    def conferences(self) -> bool:
        """True while its conferences are kept in step."""
        return CONFERENCES in self.followers

    @property
    def triggers(self) -> tuple[str, ...]:
        """The ids of the triggers that follow it."""
        return tuple(one for one in self.followers if one != CONFERENCES)

    @property
    def incomplete(self) -> bool:
        """True while a full pass is wanted, or somebody who follows it has no baseline yet."""
        return self.full_wanted or bool(self.triggers and not self.seen_at) or (self.conferences and not self.full_at)

    @property
    def owed(self) -> bool:
        """True while some notice has not been covered by a finished run."""
        return self.dirty > self.done


def feed_id(user: str, calendar: str) -> str:
    """The id of a feed; `calendar` is canonical, never "primary"."""
    return hashlib.sha256(f"{user}\0{calendar}".encode()).hexdigest()[:20]


def key_of(feed: str) -> str:
    """Its document's key."""
    return f"{COLLECTION}/{feed}"


_feed = from_plain(Feed)


def decode(document: Document) -> Feed:
    """The feed in a document."""
    return _feed(document.data)


def begun(now: float, user: str, calendar: str, **more: Any) -> Feed:
    """A feed as it begins.

    Not from nought: tasks are named by these numbers, and names of an earlier life of the feed are still taken.
    """
    number = int(now)
    return Feed(user, calendar, dirty=number, started=number, done=number, **more)


def restarted(now: float, feed: Feed) -> Feed:
    """The feed as one that was stopped begins again."""
    # What was asked for before has lost its task: with `started` at that number, asking anew makes another one.
    return msgspec.structs.replace(
        feed,
        stopped=False,
        trouble=None,
        deletions_accepted=True,
        started=feed.dirty,
        owed_since=None,
        poll_at=now,
        lease_until=0.0,
    )


def put(document: Document | None, key: str, feed: Feed) -> Put:
    """The write that brings the document to `feed`, if nobody else did anything meanwhile."""
    return Put(key, msgspec.to_builtins(feed), document.version if document else None)


def load(ground: Edge, feed: str) -> tuple[Document, Feed]:
    """Read a feed. Raises Gone(CALENDAR) if it was disconnected."""
    document = ground.store.get(key_of(feed))
    if document is None:
        raise Gone("the feed is not connected any more", what=Missing.CALENDAR)
    return document, decode(document)


def change(ground: Edge, feed: str, how: Callable[[Feed], Feed | None], *also: Put) -> Feed:
    """Apply `how` to the feed as it is now, however often others write it meanwhile; None leaves it alone.

    What is written `also` is written in the same commit. Raises Gone(CALENDAR) if the feed was disconnected.
    """

    def attempt() -> Feed:
        document, current = load(ground, feed)
        wanted = how(current)
        if wanted is None:
            return current
        ground.store.commit(put(document, document.key, wanted), *also)
        return wanted

    return retried(attempt, "the feed's document is too busy")


def retried(attempt: Callable[[], T], busy: str) -> T:
    """What `attempt` returns, begun anew as often as others are quicker. Raises Later, with what is too `busy`."""
    for _ in range(TRIES):
        try:
            return attempt()
        except Conflict:
            continue
    raise Later(busy)


def raise_dirty(ground: Edge, feed: str, *, full: bool = False, delay: float = 0.0) -> Feed:
    """Ask for a run: raise the dirty number and enqueue a task named by it.

    If a run that has not begun will see the change anyway, or the feed is stopped, write nothing. Returns the feed as
    it stands.
    """
    now = ground.now()
    asked: list[int] = []

    def dirtied(current: Feed) -> Feed | None:
        asked.clear()
        if current.stopped:
            # Nothing runs; a run is asked for when the calendar is connected again.
            return None
        covered = current.dirty > current.started and not (full and not current.full_wanted)
        if covered:
            return None
        asked.append(current.dirty + 1)
        return msgspec.structs.replace(
            current,
            dirty=current.dirty + 1,
            asked_at=now,
            owed_since=(current.owed_since if current.owed else None) or now,
            trace=tracing.header(),
            wake_at=now + delay + ground.policy.forgotten,
            full_wanted=current.full_wanted or full,
        )

    after = change(ground, feed, dirtied)
    for number in asked:
        log.info("run asked for", feed=feed, number=number)
        enqueue(ground, feed, number, at=now + delay)
    return after


def lag(feed: Feed, now: float) -> float:
    """For how many seconds the oldest notice has not been covered."""
    return round(max(now - (feed.owed_since or now), 0.0), 3)


def enqueue(ground: Edge, feed: str, number: int, *, at: float, turn: str = "", trace: str | None = None) -> None:
    """Put a run for dirty number `number` into the queue; `turn` tells repeats of one number apart.

    It goes on in `trace`, as kept in the feed, or else in the present one.
    """
    name = hashlib.sha256(f"sync\0{feed}\0{number}\0{turn}".encode()).hexdigest()[:40]
    body = {"feed": feed, "number": number, **({"turn": name[:16]} if turn else {})}
    task = Task("sync_calendar", body, trace=tracing.onward(trace))
    ground.queue.add(task, name=name, at=datetime.fromtimestamp(at, UTC))
