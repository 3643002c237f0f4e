"""Work on one ledger row under a claim: saved with a fence, so that who was overtaken writes nothing.

Two kinds of writers meet on a row. Whoever sees a change raises the mark; whoever holds the claim writes the link and
brings `done` up to the mark. A save keeps what markers wrote meanwhile and fails if another claim has been made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from conference.errors import Conflict, LockstepError, OutcomeUnknown, Revoked, Stale
from conference.link import Link, index
from conference.meeting import MeetingRef
from conference.plan import MeetingSays, NotAsked
from functions import dead, ledger
from functions.feed import TRIES
from functions.ground import HOUR, Ground
from functions.ledger import Row
from functions.ports import Document
from functions.telemetry import CHANGES, LATENCY

log = structlog.get_logger(__name__)

OURS = ("link", "meeting", "former", "key", "generation", "releasing", "absent_since", "wrote")
"""The fields that the claim's holder changes in memory before it saves."""

LOOKS = ("refresh", "verify", "resend")
"""What has to be looked at; the holder takes back what it has looked at."""

BELIEVED = 3
"""How often a wait that the other side chose may be shorter than ours."""


@dataclass(slots=True)
class Work:
    """A claimed row; `row` is as wanted, `stored` as last written, as `version`."""

    ground: Ground
    document_key: str
    version: str
    row: Row
    stored: Row
    meeting: MeetingSays = NotAsked()  # noqa: RUF009 - frozen and without state
    touched: bool = False  # an outside write was made since the last save

    @classmethod
    def on(cls, ground: Ground, document: Document) -> Work:
        """Work on a row as read or as just written."""
        row = ledger.decode(document)
        return cls(ground, document.key, document.version, row, row)

    def claim(self, *, seize: bool = False) -> bool:
        """Take the row for a while; False if all is done, or somebody else has it, who will see the newest mark.

        With `seize` it is taken from them: their next save fails.
        """

        def claimed(row: Row) -> Row | None:
            now = self.ground.now()
            if not row.pending or (row.claimed_until > now and not seize):
                return None
            until = now + self.ground.policy.lease
            return msgspec.structs.replace(
                row,
                fence=row.fence + 1,
                claimed_until=until,
                by_run=seize,
                due=until + self.ground.policy.forgotten,
                verify=row.verify or row.abandoned,
                resend=row.resend or row.abandoned,
            )

        return self._take(claimed)

    def take_over(self) -> bool:
        """Take the row whose claim was made for whoever comes first; False if somebody has come, or all is done."""
        fence, until = self.row.fence, self.ground.now() + self.ground.policy.lease

        def taken(row: Row) -> Row | None:
            if not row.pending or row.fence != fence:
                return None
            # Nobody has acted under the claim: nothing needs to be verified.
            return msgspec.structs.replace(
                row, fence=fence + 1, claimed_until=until, by_run=False, due=until + self.ground.policy.forgotten
            )

        return self._take(taken)

    def _take(self, how: Callable[[Row], Row | None]) -> bool:
        """Write the claim that `how` makes of the newest row; False if it makes none."""
        unsure = False  # whether a write of ours may have been done, and not another's at the same instant
        for _ in range(TRIES):
            wanted = how(self.row)
            if wanted is None:
                return False
            try:
                (version,) = self.ground.store.commit(ledger.put(wanted, self.version))
            except (Conflict, OutcomeUnknown) as error:
                unsure = unsure or isinstance(error, OutcomeUnknown)
                if not self._read_again():
                    return False
                if unsure and self._has_become(wanted):
                    return True
                continue
            self.row, self.stored, self.version = wanted, wanted, version or ""
            return True
        return False

    def stand_back(self, function: str) -> None:
        """Have `function` called again when the claim of whoever has the row is over, unless all is done."""
        if self.row.pending:
            ledger.enqueue(self.ground, self.row, function, at=max(self.ground.now() + 1, self.row.claimed_until))

    def wait(self) -> None:
        """Leave the row alone until its event has been saved, or will not be any more; a claim on it is given back."""
        waiting = msgspec.structs.replace(self.row, claimed_until=0.0, due=self.row.awaited_until)
        try:
            self.ground.store.commit(ledger.put(waiting, self.version))
        except Conflict:
            # Whoever wrote it sees to it, and the tick to all.
            return

    def set_link(self, link: Link | None) -> None:
        """Change the link in memory, with the fields by which it is found."""
        ref, held = link.ref if link else None, self.row.meeting
        meeting = index(ref) if ref else None
        self.row = msgspec.structs.replace(
            self.row,
            link=link,
            meeting=meeting,
            former=held if held and held != meeting else self.row.former,
            key=(link.key or None) if link else None,
            generation=link.generation if link else self.row.generation,
            absent_since=None,
        )

    def save(self, how: Callable[[Row], Row]) -> None:
        """Write the row as `how` makes it of the newest one. Raises Stale if the claim was lost."""
        for _ in range(TRIES):
            wanted = how(self.row)
            try:
                (version,) = self.ground.store.commit(ledger.put(wanted, self.version))
            except Conflict:
                self._merge()
                continue
            self.row, self.stored, self.version = wanted, wanted, version or ""
            self.touched = False
            return
        raise Stale("the row is too busy")

    def keep(self, **changes: Any) -> None:
        """Save these fields."""
        self.save(lambda row: msgspec.structs.replace(row, **changes))

    def finish(self) -> bool:
        """Bring `done` up to the mark that was worked on; False if a newer one came meanwhile."""
        mark, now = self.row.mark, self.ground.now()

        def finished(row: Row) -> Row:
            done = msgspec.structs.replace(
                row,
                done=mark,
                attempts=0,
                failing_since=None,
                trouble=None,
                parked=None,
                settled_at=now,
                awaited_until=0.0,
            )
            if row.mark > mark:
                return done
            dead_at = None if row.link else now + self.ground.policy.row_record
            return msgspec.structs.replace(
                done, verify=False, resend=False, due=None, claimed_until=0.0, expire_at=dead_at
            )

        self.save(finished)
        if self.row.pending:
            return False
        self._tell_settled(now)
        return True

    def _tell_settled(self, now: float) -> None:
        telemetry, seconds = self.ground.telemetry, round(max(now - (self.row.noticed_at or now), 0.0), 3)
        telemetry.tell(LATENCY, seconds)
        telemetry.tell(CHANGES, outcome="settled")
        log.info("event settled", feed=self.row.feed, row=self.document_key, seconds=seconds)

    def postpone(self, error: LockstepError, after: timedelta | datetime | None) -> None:
        """Leave the mark for a task of its own; when retries have gone on long enough, park the row."""
        now, attempts = self.ground.now(), self.row.attempts + 1
        since = self.row.failing_since or now
        # What waits for a person waits for as long as they take.
        if now - since > self.ground.policy.retry_for and not isinstance(error, Revoked):
            dead.note(self.ground, self.row.feed, self.row.event, str(error))
            self.park(str(error))
            return
        at = retry_at(self.ground, after, attempts, self.document_key)

        def postponed(row: Row) -> Row:
            if not row.pending:
                # The end was written after all, though no answer came.
                return msgspec.structs.replace(row, claimed_until=0.0)
            return msgspec.structs.replace(
                row,
                attempts=attempts,
                failing_since=since,
                trouble=str(error),
                claimed_until=0.0,
                due=at + self.ground.policy.forgotten,
            )

        self.save(postponed)
        if not self.row.pending:
            return
        self.ground.telemetry.tell(CHANGES, outcome="postponed")
        log.warning("event postponed", feed=self.row.feed, row=self.document_key, attempts=attempts, error=str(error))
        ledger.enqueue(self.ground, self.row, at=at)

    def park(self, reason: str) -> None:
        """Try nothing more until the event changes; the reason is shown on the row."""
        mark = self.row.mark

        def parked(row: Row) -> Row:
            if row.mark > mark:
                return msgspec.structs.replace(row, done=mark, claimed_until=0.0)
            return msgspec.structs.replace(row, done=mark, parked=reason, due=None, claimed_until=0.0, trouble=None)

        self.save(parked)
        self.ground.telemetry.tell(CHANGES, outcome="parked")
        log.error("event parked", feed=self.row.feed, row=self.document_key, reason=reason)
        if self.row.pending:
            ledger.enqueue(self.ground, self.row)

    def _read_again(self) -> bool:
        document = self.ground.store.get(self.document_key)
        if document is None:
            return False
        self.row, self.version = ledger.decode(document), document.version
        self.stored = self.row
        return True

    def _has_become(self, claimed: Row) -> bool:
        """True if the claim was written after all, though no answer came."""
        return (self.row.fence, self.row.claimed_until) == (claimed.fence, claimed.claimed_until)

    def _merge(self) -> None:
        document = self.ground.store.get(self.document_key)
        fresh = ledger.decode(document) if document else None
        # A link that we have written without an answer is ours, too.
        links = (self.stored.link, self.row.link)
        if document is None or fresh is None or fresh.fence != self.row.fence or fresh.link not in links:
            raise Stale("somebody else has taken the row")
        ours = {name: getattr(self.row, name) for name in OURS}
        # What the holder has not looked at yet still has to be looked at.
        looks = {name: getattr(fresh, name) or getattr(self.row, name) for name in LOOKS}
        # What our own write has made of the event is newer than what was stored, unless a marker has seen more.
        seen = self.row.seen if fresh.seen == self.stored.seen else fresh.seen
        self.row, self.version = msgspec.structs.replace(fresh, seen=seen, **ours, **looks), document.version


def remark(ground: Ground, key: str, **seen: Any) -> None:
    """Raise the mark of a row, however busy it is, and have it worked on soon."""
    _remark(ground, key, lambda row: msgspec.structs.replace(row, **seen))


def hand_on(ground: Ground, rows: Sequence[Row], ref: MeetingRef) -> bool:
    """See that one of the rows that hold a meeting leads it, unless it is not ours: that nobody leads.

    False if all of them have gone on to others since they were read.
    """
    heirs = [row for row in rows if row.link and row.link.ref and row.link.ref.owned]
    if not heirs or any(row.link and row.link.leads for row in heirs):
        return True
    return any(_promote(ground, ledger.key_of(row.feed, row.event), ref) for row in heirs)


def _promote(ground: Ground, key: str, ref: MeetingRef) -> bool:
    def leading(row: Row) -> Row | None:
        if row.link is None or row.link.ref is None or index(row.link.ref) != index(ref):
            return None
        return msgspec.structs.replace(row, link=msgspec.structs.replace(row.link, leads=True, agreed=None))

    return _remark(ground, key, leading)


def _remark(ground: Ground, key: str, how: Callable[[Row], Row | None]) -> bool:
    for _ in range(TRIES):
        document = ground.store.get(key)
        row = ledger.decode(document) if document else None
        changed = how(row) if row else None
        if document is None or row is None or changed is None:
            return False
        marked = ledger.marked(changed, ground)
        try:
            ground.store.commit(ledger.put(marked, document.version))
        except Conflict:
            continue
        ledger.enqueue(ground, marked, at=max(ground.now(), row.claimed_until))
        return True
    raise Stale("the row is too busy")


def retry_at(ground: Ground, after: timedelta | datetime | None, attempts: int, seed: str) -> float:
    """When to try again: as the other side asked, else exponentially later, spread by up to a quarter.

    Who asks for an early return again and again is believed a few times.
    """
    now, policy = ground.now(), ground.policy
    wait = min(policy.retry_first * 2.0 ** min(attempts - 1, 20), policy.retry_most)
    spread = hashlib.sha256(f"{seed}{attempts}".encode()).digest()[0] / 255
    own = now + wait * (0.75 + 0.25 * spread)
    if after is None:
        return own
    asked = after.timestamp() if isinstance(after, datetime) else now + after.total_seconds()
    # An absurd date from outside must not park the work for ever.
    return min(max(asked, now if attempts <= BELIEVED else own), now + 24 * HOUR)
