"""A run: list what changed, note it as marks in one commit with the token that covers it, then work the marks off.

Authority: https://developers.google.com/workspace/calendar/api/guides/sync
The token is stored only together with the marks it covers, so a change is never both forgotten and passed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import msgspec
import structlog

from conference.errors import Conflict, Gone, Later, LockstepError, Missing, OutcomeUnknown, Refused, Revoked, Stale
from functions import feed as feeds
from functions import ledger, reconcile, runs
from functions.feed import Feed
from functions.ground import Ground
from functions.listing import Pass, full_pass, incremental
from functions.marking import Marked
from functions.ports import Put, Where
from functions.script.noting import begin as begin_noting
from functions.telemetry import LAG
from functions.work import retry_at

TURNS = 5
"""How often a run begins anew for notices that came meanwhile, before it leaves the rest to a successor."""

PATIENCE = 3
"""A calendar is taken for lost when it is "not found" after so many tries that failed: Google advises to ask again."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Run:
    """One run under its lease, and what it has counted."""

    ground: Ground
    feed_id: str
    feed: Feed
    began: float
    lag: float = 0.0  # seconds since the oldest notice that it is for
    resumed: bool = False
    changes: int = 0
    marks: int = 0
    failures: int = 0
    position: int = 0  # how many events were noted for triggers
    kinds: set[str] = field(default_factory=set)


def sync_calendar(ground: Ground, feed: str, number: int, turn: str = "") -> None:
    """Cover every notice up to dirty number `number`; nothing happens if that is done already, or nobody follows.

    `turn` tells repeats of one number apart: the queue gives each of them to one worker at a time.
    """
    try:
        run = _begin(ground, feed, number, turn)
        if run is not None:
            with ground.telemetry.span("run") as span:
                _cover(run)
                span.say(changes=run.changes, marks=run.marks, failures=run.failures, full="full pass" in run.kinds)
            _tell_end(run)
    except Gone:
        # What remains of a run that began before the last follower left.
        log.info("feed ended", feed=feed)


def _tell_end(run: Run) -> None:
    log.info(
        "run ended",
        feed=run.feed_id,
        seconds=round(run.ground.now() - run.began, 3),
        lag=run.lag,
        changes=run.changes,
        marks=run.marks,
        failures=run.failures,
    )


def _cover(run: Run) -> None:
    ground, feed = run.ground, run.feed_id
    try:
        for _ in range(TURNS):
            _pull_and_settle(run)
            if _finish(run):
                return
        rest = _own(run, lease_until=0.0)
        feeds.enqueue(ground, feed, rest.dirty, at=ground.now(), turn=f"after {rest.fence}")
    except (Later, OutcomeUnknown) as error:
        _postpone(run, error)
    except (Revoked, Refused) as error:
        _stop(run, error)
    except Gone as error:
        if error.what is Missing.CALENDAR and run.feed.attempts >= PATIENCE:
            _stop(run, error)
        else:
            # A 404 that may pass, or a page token that did not last until the end of a full pass.
            _postpone(run, error)
    except Stale:
        # A later run took the lease over; it covers everything that this one was asked for.
        log.info("run overtaken", feed=feed, fence=run.feed.fence)


def _begin(ground: Ground, feed: str, number: int, turn: str) -> Run | None:
    now = ground.now()
    busy_until: list[float] = []
    resumed: list[bool] = []

    def take(current: Feed) -> Feed | None:
        busy_until.clear()
        resumed.clear()
        # Getting the task that holds the lease again means that its run died, be it after it had covered our number.
        died = current.lease_until > 0 and (current.lease_number, current.lease_turn) == (number, turn)
        if current.stopped or (current.done >= number and not died):
            return None
        if current.lease_until > now and not died:
            busy_until.append(current.lease_until)
            return None
        # A run that died or broke off may have left marks that nobody works on.
        resumed.append(current.started > current.done or current.attempts > 0)
        return msgspec.structs.replace(
            current,
            started=current.dirty,
            fence=current.fence + 1,
            lease_until=now + ground.policy.lease,
            lease_number=number,
            lease_turn=turn,
            wake_at=now + ground.policy.lease + ground.policy.forgotten,
        )

    taken = feeds.change(ground, feed, take)
    for until in busy_until:
        # The holder sees our number when it ends; this is for the case that it never does.
        feeds.enqueue(ground, feed, number, at=until, turn=f"behind {until}")
    if not resumed:
        return None
    lag = feeds.lag(taken, now)
    ground.telemetry.tell(LAG, lag)
    return Run(ground, feed, taken, lag=lag, began=now, resumed=resumed[0])


def _pull_and_settle(run: Run) -> None:
    marked: list[Marked] = []
    try:
        _pull(run, marked)
    except LockstepError:
        # The pass broke off; what it has marked is worked off all the same.
        _settle(run, marked)
        raise
    _settle(run, marked)
    if run.resumed:
        run.resumed = False
        _settle(run, _left_over(run, {one.row.event for one in marked}), reconcile.Claim.SEIZE)


def _pull(run: Run, marked: list[Marked]) -> None:
    if run.feed.token is not None:
        # Before a full pass too: what came to be long ago and was never heard of, only the token tells.
        try:
            _pass(run, marked, incremental)
        except Gone as error:
            if error.what is not Missing.TOKEN:
                raise
            _drop_token(run)
        else:
            if not run.feed.incomplete:
                return
    _check_rest(run)
    run.kinds.add("full pass")
    _pass(run, marked, full_pass)


def _pass(run: Run, marked: list[Marked], over: Callable[[Pass], None]) -> None:
    noting = begin_noting(run.ground, run.feed_id, run.feed, run.position)
    a_pass = Pass(run.ground, run.feed_id, run.feed, marked, noting=noting)
    try:
        over(a_pass)
    except LockstepError:
        # What it has noted is handed over all the same.
        _passed(run, a_pass)
        raise
    _passed(run, a_pass)


def _passed(run: Run, a_pass: Pass) -> None:
    run.feed, run.changes = a_pass.feed, run.changes + a_pass.seen
    if a_pass.noting is not None:
        run.position = a_pass.noting.position
        a_pass.noting.hand_over()


def _drop_token(run: Run) -> None:
    """Forget the token; if it was dropped a short while ago already, the full pass has to wait."""
    now = run.ground.now()
    rest = run.feed.dropped_at + run.ground.policy.full_pass_cooldown
    again = rest > now
    log.warning("sync token dropped by the server", feed=run.feed_id, again=again)
    run.feed = _own(run, token=None, **({"rest_until": rest} if again else {"dropped_at": now}))


def _check_rest(run: Run) -> None:
    """Raise Later while the calendar rests: one whose tokens never last must not cost a full pass for each notice."""
    wait = run.feed.rest_until - run.ground.now()
    if wait > 0:
        raise Later("the sync token was dropped again so soon", after=timedelta(seconds=wait))


def _left_over(run: Run, already: set[str]) -> list[Marked]:
    """Marks of a run that died or broke off, which nobody has done or works on; what failed has a task of its own."""
    now = run.ground.now()
    found = run.ground.store.query(
        ledger.COLLECTION, [Where("feed", "==", run.feed_id), Where("due", ">", 0)], order_by="due", limit=400
    )
    rows = (ledger.decode(document) for document in found)
    return [
        Marked(document, row)
        for document, row in zip(found, rows, strict=True)
        if row.pending and not row.attempts and row.event not in already and (row.by_run or row.claimed_until <= now)
    ]


def _settle(run: Run, marked: Sequence[Marked], claim: reconcile.Claim = reconcile.Claim.INHERIT) -> None:
    """Reconcile several at a time; what fails has made its own task, what does not fit into the time becomes one."""
    run.marks += len(marked)
    width = 32
    for start in range(0, len(marked), width):
        some = marked[start : start + width]
        now, policy = run.ground.now(), run.ground.policy
        if now - run.began > policy.inline:
            for number, one in enumerate(marked[start:]):
                ledger.enqueue(run.ground, one.row, at=now + number / policy.share)
            return
        calls = [partial(reconcile.work, run.ground, one.document, claim) for one in some]
        for one, outcome in zip(some, run.ground.lanes.run(calls), strict=True):
            _count(run, one, outcome)


def _count(run: Run, one: Marked, outcome: reconcile.Outcome | Exception) -> None:
    if isinstance(outcome, Exception):
        # A bug: the queue tries it again apart from the others, and answers for it.
        log.error("reconcile failed", feed=run.feed_id, row=one.document.key, exc_info=outcome)
        ledger.enqueue(run.ground, one.row, at=run.ground.now() + run.ground.policy.retry_first)
    if outcome in (reconcile.Outcome.SETTLED, reconcile.Outcome.PUBLISHING, reconcile.Outcome.AWAITING):
        return
    run.failures += 1


def _finish(run: Run) -> bool:
    """Give the lease back, unless the dirty number moved meanwhile: then begin anew. True when all is covered."""
    ground, policy = run.ground, run.ground.policy
    for _ in range(feeds.TRIES):
        now = ground.now()
        document, current = feeds.load(ground, run.feed_id)
        _check_fence(run, current)
        again = current.dirty > current.started
        wanted = msgspec.structs.replace(
            current,
            done=current.started,
            started=current.dirty,
            owed_since=current.asked_at if again else None,
            lease_until=now + policy.lease,
            wake_at=now + policy.lease + policy.forgotten,
        )
        if not again:
            wanted = msgspec.structs.replace(
                wanted,
                lease_until=0.0,
                wake_at=None,
                poll_at=_next_poll(run, current, now),
                sweep_at=current.sweep_at or now + policy.sweep * _spread(run.feed_id, current.fence),
                synced_at=now,
                attempts=0,
                trouble=None,
            )
        record = [] if again else list(_record(run))
        try:
            ground.store.commit(feeds.put(document, document.key, wanted), *record)
        except Conflict:
            continue
        run.feed = wanted
        return not again
    raise Later("the feed's document is too busy")


def _next_poll(run: Run, current: Feed, now: float) -> float:
    """Long enough after this run; but a feed without a channel waits no longer than it did: the poll opens one."""
    following = now + run.ground.policy.poll * _spread(run.feed_id, current.fence)
    return following if current.channel or current.poll_at is None else min(following, current.poll_at)


def _record(run: Run) -> list[Put]:
    if not (run.changes or run.marks or run.kinds):
        return []
    return [
        runs.record(
            run.ground,
            "sync_calendar",
            f"{run.feed_id}-{run.feed.fence}",
            began=run.began,
            feed=run.feed_id,
            changes=run.changes,
            marks=run.marks,
            failures=run.failures,
            kinds=sorted(run.kinds),
        )
    ]


def _postpone(run: Run, error: LockstepError) -> None:
    after = error.after if isinstance(error, Later) else None
    attempts = run.feed.attempts + 1
    # However long the other side asks for: notices wait meanwhile, and an absurd date must not silence the feed.
    at = min(retry_at(run.ground, after, attempts, run.feed_id), run.ground.now() + run.ground.policy.retry_most)
    log.warning("run postponed", feed=run.feed_id, error=str(error), attempts=attempts)

    def postponed(current: Feed) -> Feed | None:
        _check_fence(run, current)
        if not current.owed:
            # The end of the run was written after all, though no answer came.
            return None
        return msgspec.structs.replace(
            current,
            attempts=attempts,
            trouble=str(error),
            # As if it had not begun: the successor sees whatever notices come until then, so they wait for it too.
            started=current.done,
            lease_until=0.0,
            wake_at=at + run.ground.policy.lease,
        )

    try:
        fresh = feeds.change(run.ground, run.feed_id, postponed)
    except Stale:
        return
    if fresh.owed:
        feeds.enqueue(run.ground, run.feed_id, fresh.dirty, at=at, turn=f"try {fresh.fence}")


def _stop(run: Run, error: LockstepError) -> None:
    """Be quiet until somebody connects the calendar again; nothing of it is deleted."""
    log.error("feed stopped, its owner must act", feed=run.feed_id, error=str(error))
    try:
        _own(run, stopped=True, trouble=str(error), lease_until=0.0, wake_at=None, poll_at=None)
    except Stale:
        return


def _own(run: Run, **changes: object) -> Feed:
    """Change the feed while the lease is ours. Raises Stale if it is not."""

    def changed(current: Feed) -> Feed:
        _check_fence(run, current)
        return msgspec.structs.replace(current, **changes)

    return feeds.change(run.ground, run.feed_id, changed)


def _check_fence(run: Run, current: Feed) -> None:
    if current.fence != run.feed.fence:
        raise Stale("another run has begun")


def _spread(feed: str, fence: int) -> float:
    """A factor from 0.75 to 1, so that polls do not fall together; the same for the same run."""
    return 0.75 + 0.25 * hashlib.sha256(f"{feed}{fence}".encode()).digest()[0] / 255
