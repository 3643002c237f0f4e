"""The scheduler's tick, once a minute: clock triggers, channels, polls, what was forgotten, sweeps, and more."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
import structlog

from conference.errors import Conflict, LockstepError
from functions import channel, ledger, sweep
from functions import feed as feeds
from functions.ground import Ground
from functions.pages import each
from functions.ports import Document, Where
from functions.script import dispatch, relaying
from functions.telemetry import CHANNELS, LAG, apart

BATCH = 400
HEALTHS = ("healthy", "expiring", "lost", "unwatched")

log = structlog.get_logger(__name__)


def tick(ground: Ground, **more: Callable[[], int]) -> dict[str, int]:
    """Do what is due, last of all `more`; return how much of each. One job's failure does not hold up the others.

    Once each has had its turn, raises the first error that is none of ours.
    """
    jobs: dict[str, Callable[[Ground], int]] = {
        "triggers": dispatch.dispatch_due,
        "channels": channel.renew_due,
        "polls": _poll_due,
        "runs": _wake_forgotten_runs,
        "marks": _relay_forgotten_marks,
        "deliveries": relaying.relay_forgotten,
        "sweeps": sweep.sweep_due,
    }
    chores: dict[str, Callable[[], int]] = {name: partial(job, ground) for name, job in jobs.items()}
    chores.update(more)
    done, strange = dict.fromkeys(chores, 0), list[Exception]()
    for name, chore in chores.items():
        try:
            done[name] = chore()
        except LockstepError as error:
            log.warning("part of the tick failed", part=name, error=str(error))
        except Exception as error:  # noqa: BLE001 - a record that cannot be read, or a bug: raised below
            # Not its text, which may quote the record.
            log.warning("part of the tick failed", part=name, error=type(error).__name__)
            strange.append(error)
    if strange:
        raise strange[0]
    return done


def _poll_due(ground: Ground) -> int:
    """Ask for a run of each feed whose time has come; open the channel that it lacks."""
    found = dict.fromkeys(HEALTHS, 0)

    def poll(document: Document) -> int:
        feed = document.key.removeprefix(f"{feeds.COLLECTION}/")
        try:
            with apart(ground.telemetry, "poll"):
                health = _poll(ground, feed)
        except LockstepError as error:
            log.warning("not polled yet", feed=feed, error=str(error))
            return 0
        found[health] += 1
        ground.telemetry.tell(CHANNELS, health=health)
        return 1

    polled = _each_due(ground, feeds.COLLECTION, "poll_at", poll)
    if polled:
        log.info("feeds polled", feeds=polled, **found)
    return polled


def _poll(ground: Ground, feed: str) -> str:
    """Poll; in what health its channel was found."""
    # Asked for first: whoever dies between the two leaves the poll to the next minute.
    feeds.raise_dirty(ground, feed)
    current = feeds.change(ground, feed, partial(_polled, ground.now() + ground.policy.poll))
    if current.channel is None and current.push:
        _open(ground, feed)
    return health_of(current, ground)


def health_of(feed: feeds.Feed, ground: Ground) -> str:
    """In what health a feed's channel is: healthy, expiring though it should have been renewed, lost, or unwatched.

    Lost: there is none, or Google has let it die; a feed that has none by Google's own word is unwatched.
    """
    if ground.notice_address is None or not feed.push:
        return "unwatched"
    now = ground.now()
    if feed.channel is None or (feed.channel_until is not None and feed.channel_until <= now):
        return "lost"
    # When it is renewed so much is left; half of it is time enough to have tried again and again.
    left = min(ground.policy.channel_renewal, ground.policy.channel_life / 2)
    late = feed.channel_until is not None and feed.channel_until - now < left / 2
    return "expiring" if late else "healthy"


def _polled(next_poll: float, feed: feeds.Feed) -> feeds.Feed:
    return msgspec.structs.replace(feed, poll_at=next_poll)


def _open(ground: Ground, feed: str) -> None:
    try:
        channel.open_channel(ground, feed)
    except LockstepError as error:
        log.warning("no channel yet, polling", feed=feed, error=str(error))


def _wake_forgotten_runs(ground: Ground) -> int:
    """Enqueue the run that a feed is owed and that nobody has finished in time."""

    def wake(document: Document) -> int:
        feed, now = document.key.removeprefix(f"{feeds.COLLECTION}/"), ground.now()
        later = msgspec.structs.replace(feeds.decode(document), wake_at=now + ground.policy.lease)
        try:
            ground.store.commit(feeds.put(document, document.key, later))
        except Conflict:
            return 0
        ground.telemetry.tell(LAG, feeds.lag(later, now))
        log.warning("run woken", feed=feed, lag=feeds.lag(later, now))
        feeds.enqueue(ground, feed, later.dirty, trace=later.trace, at=now, turn=f"woken {int(now)}")
        return 1

    return _each_due(ground, feeds.COLLECTION, "wake_at", wake)


def _relay_forgotten_marks(ground: Ground) -> int:
    """Enqueue marks that nobody has worked off in time."""

    def relay(document: Document) -> int:
        row, now = ledger.decode(document), ground.now()
        # The attempt rises, so that the task's name is a new one.
        again = msgspec.structs.replace(
            row, attempts=row.attempts + 1, due=now + ground.policy.lease + ground.policy.forgotten
        )
        try:
            ground.store.commit(ledger.put(again, document.version))
        except Conflict:
            return 0
        ledger.enqueue(ground, again)
        return 1

    return _each_due(ground, ledger.COLLECTION, "due", relay)


def _each_due(ground: Ground, collection: str, field: str, chore: Callable[[Document], int]) -> int:
    """Do the chore for each document whose time has come, the longest overdue first; the sum of what it returns."""
    found = ground.store.query(collection, [Where(field, "<=", ground.now())], order_by=field, limit=BATCH)
    return each(found, chore)
