"""Note what a pass over a feed shows, for the triggers that follow it: snapshots, and deliveries of what changed.

Both are committed before the token that covers them moves, and only while the run holds the feed: a pass that is
repeated finds its snapshots already, and notes nothing twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import msgspec
import structlog

from conference.errors import Conflict, Gone, LockstepError, Poison, Refused, Stale
from functions import dead, ledger
from functions import feed as feeds
from functions.feed import Feed, retried
from functions.ground import Ground
from functions.pages import every
from functions.ports import Document, Put, Where
from functions.script import delivery as deliveries
from functions.script import resource as resources
from functions.script import snapshot as snapshots
from functions.script import trigger as triggers
from functions.script.delivery import Delivery
from functions.script.enums import TriggerStatus
from functions.script.project import Project
from functions.script.snapshot import EVERYTHING, OwnWrite, Snapshot
from functions.script.trigger import TriggerRecord

MOST_WRITES = 360
LOAD = 2_000_000
"""What one commit holds at most, in writes and in bytes, the feed apart."""

BUILT_IN = ("conferenceData",)
"""The fields that the built-in handler writes."""

Resource = resources.Resource

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Noting:
    """One pass, for the triggers that follow its feed."""

    ground: Ground
    feed_id: str
    feed: Feed
    full: bool = False
    position: int = 0
    shown: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    """The triggers that have something to hear of."""
    _followers: tuple[TriggerRecord, ...] | None = None
    _kept: dict[str, Document] | None = None
    """In a full pass: the snapshots that it has not come to yet, read all at once instead of one by one."""

    @property
    def followers(self) -> tuple[TriggerRecord, ...]:
        """The triggers as they were when the first change was noted."""
        if self._followers is None:
            found = (triggers.find(self.ground, one) for one in self.feed.triggers)
            self._followers = tuple(one[1] for one in found if one is not None)
        return self._followers

    @property
    def baseline(self) -> bool:
        """True while there are no snapshots yet that a pass could be compared with."""
        return not self.feed.seen_at

    def page(self, texts: Sequence[bytes]) -> None:
        """Note one page's resources. Raises Stale if another run has the feed, Later."""
        found = [_Seen(read, bytes(text).decode()) for text in texts if (read := resources.read(bytes(text)))]
        self.shown.update(one.event for one in found)
        if self.full and self._kept is None and not self.baseline:
            self._kept = {snapshots.decode(one).event: one for one in self._documents()}
        self._note(found)

    def look_up(self, *, dropped: bool) -> None:
        """Read each event that a full pass did not show though it should have, and note what became of it.

        While the token held, what is past was followed by it; only after it was `dropped`, past events are read too.
        """
        now, policy = self.ground.now(), self.ground.policy
        since = now - policy.look_back if dropped else now
        # A change that waits for another try is handed over with the event as it stands.
        waiting = deliveries.waiting(self.ground, self.feed_id) if dropped else frozenset()
        known = list(self._known())
        self._let_go(known)
        absent = [one for one in known if one.event in waiting or not _over(one, since)]
        outcomes = self.ground.lanes.run([partial(self._read, one.event) for one in absent])
        found: list[_Seen] = []
        for one, outcome in zip(absent, outcomes, strict=True):
            if isinstance(outcome, Poison | Refused):
                dead.note(self.ground, self.feed_id, one.event, str(outcome))
            elif isinstance(outcome, Exception):
                raise outcome
            elif (read := resources.read(outcome)) is not None:
                found.append(_Seen(read, outcome.decode()))
        self._note(found)

    def _let_go(self, known: Sequence[Snapshot]) -> None:
        """Have the tombstones forgotten in time that lists of everything do not show any more.

        Those of occurrences they show for as long as the series lives, and none that was forgotten could be told from
        a new one.
        """
        until = self.ground.now() + self.ground.policy.row_record
        for one in known:
            if one.expire_at is None and _gone(one):
                document, kept = self._find(one.event)
                with suppress(Conflict):  # somebody writes it: the next pass looks again
                    self.ground.store.commit(snapshots.put(document, msgspec.structs.replace(kept, expire_at=until)))

    def hand_over(self) -> None:
        """Have the handlers called that have something to hear of; whoever dies before this leaves it to the tick."""
        for trigger in sorted(self.told):
            deliveries.enqueue(self.ground, trigger, f"{self.feed.fence}.{self.position}")
        self.told.clear()

    def _known(self) -> Iterator[Snapshot]:
        """The snapshots of what the pass has not shown."""
        kept = self._documents() if self._kept is None else self._kept.values()
        for one in map(snapshots.decode, kept):
            if one.epoch == self.feed.epoch and one.resource is not None and one.event not in self.shown:
                yield one

    def _documents(self) -> Iterator[Document]:
        return every(self.ground.store, snapshots.COLLECTION, [Where("feed", "==", self.feed_id)])

    def _find(self, event: str) -> tuple[Document | None, Snapshot]:
        # Only once: whoever tries again does so because somebody has written it meanwhile.
        document = self._kept.pop(event, None) if self._kept else None
        if document is None:
            return snapshots.find(self.ground, self.feed_id, event, self.feed.epoch)
        return snapshots.of_epoch(document, self.feed_id, event, self.feed.epoch)

    def _read(self, event: str) -> bytes:
        try:
            return self.ground.calendar.whole(self.feed.user, self.feed.calendar, event)
        except Gone:
            return msgspec.json.encode({"id": event, "status": "cancelled"})

    def _note(self, found: Sequence[_Seen]) -> None:
        while found:
            found = found[retried(partial(self._commit, found, self.position), "the feed's events are too busy") :]

    def _commit(self, found: Sequence[_Seen], position: int) -> int:
        """Commit the first portion, noted from `position` on; how many events that were. Raises Conflict."""
        self.position = position
        writes, told, taken = self._portion(found)
        if not writes:
            return taken
        document, current = feeds.load(self.ground, self.feed_id)
        if current.fence != self.feed.fence:
            raise Stale("another run has begun")
        # Written as it is: so nothing is noted by a run that was overtaken.
        self.ground.store.commit(feeds.put(document, document.key, current), *writes)
        self.told |= told
        return taken

    def _portion(self, found: Sequence[_Seen]) -> tuple[list[Put], set[str], int]:
        writes: list[Put] = []
        told: set[str] = set()
        load, keys = 0, set[str]()
        for number, seen in enumerate(found):
            twice = snapshots.key_of(self.feed_id, seen.event) in keys
            if twice or len(writes) + 1 + len(self.followers) > MOST_WRITES or load > LOAD:
                return writes, told, number
            noted, fresh = self._one(seen)
            writes += noted
            keys.update(put.key for put in noted)
            told |= fresh
            load += len(seen.text) * (1 + 2 * len(fresh))
        return writes, told, len(found)

    def _one(self, seen: _Seen) -> tuple[list[Put], set[str]]:
        """The writes for one event, and the triggers that have something to hear of it."""
        self.position += 1
        document, known = self._find(seen.event)
        before = resources.read(known.resource) if known.resource is not None else None
        if before is not None and before == seen.resource:
            return [], set()
        if len(seen.text) > deliveries.LARGEST:
            dead.note(self.ground, self.feed_id, seen.event, "the event is too large to be kept")
            return [], set()
        step = _Step(seen, known, before, resources.differing(before, seen.resource))
        told = [put for record in self.followers if (put := self._delivery(record, step)) is not None]
        own = tuple(one for one in known.own if not one.spent_by(seen.resource))
        fresh = Snapshot(self.feed_id, seen.event, self.feed.epoch, seen.text, own)
        return [snapshots.put(document, fresh), *told], {str(put.data["trigger"]) for put in told}

    def _delivery(self, record: TriggerRecord, step: _Step) -> Put | None:
        document = self.ground.store.get(deliveries.key_of(record.id, step.seen.event))
        pending = deliveries.decode(document) if document else None
        foreign = self._heard(record, step)
        if foreign is not None:
            noted = self._merged(record, step, pending, foreign=foreign)
        elif pending is not None:
            # No news, but whoever tries an older change again must do so with the event as it stands.
            noted = msgspec.structs.replace(pending, after=step.seen.text)
        else:
            return None
        if deliveries.weight(noted) > deliveries.LARGEST:
            # What was before is more than the store can hold beside what is now.
            noted = msgspec.structs.replace(noted, before=None)
        return deliveries.put(noted, document.version if document else None)

    def _heard(self, record: TriggerRecord, step: _Step) -> bool | None:
        """None if the trigger is not to hear of it; else whether others than this project had a part in it."""
        if not step.fields or not self._is_news(record, step) or record.status == TriggerStatus.DISABLED:
            return None
        foreign = not self._explained(step)
        if not foreign and not record.filters.own_writes:
            return None
        solutions = self.ground.solutions
        wanted = resources.wanted(record.filters, solutions, step.before, step.seen.resource, step.fields)
        return foreign if wanted else None

    def _merged(self, record: TriggerRecord, step: _Step, pending: Delivery | None, *, foreign: bool) -> Delivery:
        now, policy = self.ground.now(), self.ground.policy
        etag = str(step.seen.resource.get("etag") or "-")
        fields = {etag: sorted(step.fields)} if foreign else {}
        return Delivery(
            trigger=record.id,
            feed=self.feed_id,
            event=step.seen.event,
            after=step.seen.text,
            before=pending.before if pending else step.known.resource,
            born=pending.born if pending else self._born(record, step),
            foreign={**(pending.foreign if pending else {}), **fields},
            reason=self._reason(step),
            full_sync=self.full,
            noted_at=pending.noted_at if pending else now,
            queue=self.feed.fence * 10**6 + self.position,
            due=now + policy.lease + policy.forgotten,
        )

    def _reason(self, step: _Step) -> str:
        if step.before is not None and resources.cancelled(step.before):
            return "restored"
        return "found by comparing the whole calendar" if self.full else "changed"

    def _is_news(self, record: TriggerRecord, step: _Step) -> bool:
        """Of an event that was never seen: true unless it may have stood there before the trigger."""
        if step.known.resource is not None:
            return True
        updated = resources.instant(step.seen.resource, "updated")
        since = math.floor(record.created_at)
        if self.full and resources.cancelled(step.seen.resource):
            # An event that came and went is no news; an occurrence was there without being an event of its own.
            occurrence = "recurringEventId" in step.seen.resource
            if not self.baseline:
                return occurrence
            created = resources.instant(step.seen.resource, "created")
            was_there = occurrence or (created is not None and created < since)
            return was_there and updated is not None and updated >= since
        return not self.baseline or updated is None or updated >= since

    def _born(self, record: TriggerRecord, step: _Step) -> bool:
        if step.known.resource is not None:
            return False
        created = resources.instant(step.seen.resource, "created")
        return created is not None and created >= math.floor(self.feed.seen_at or record.created_at)

    def _explained(self, step: _Step) -> bool:
        """True if what we wrote ourselves is all that changed."""
        own = list(step.known.own)
        # Which conference is wanted we never write: where that differs, somebody has changed it before we wrote.
        same = step.before is None or resources.wished(step.before) == resources.wished(step.seen.resource)
        if self.feed.conferences and same and (wrote := self._built_in(step.seen.event)) is not None:
            own.append(OwnWrite(wrote, BUILT_IN))
        return any(one.explains(step.seen.resource, step.fields) for one in own)

    def _built_in(self, event: str) -> str | None:
        document = self.ground.store.get(ledger.key_of(self.feed_id, event))
        return ledger.decode(document).wrote if document else None


@dataclass(frozen=True, slots=True)
class _Seen:
    """A resource as it came."""

    resource: Resource
    text: str

    @property
    def event(self) -> str:
        return str(self.resource["id"])


@dataclass(frozen=True, slots=True)
class _Step:
    """From what an event was to what it is."""

    seen: _Seen
    known: Snapshot
    before: Resource | None
    fields: frozenset[str]


def begin(ground: Ground, feed_id: str, feed: Feed, position: int) -> Noting | None:
    """The noting of a pass over this feed; None if no trigger of a script follows it.

    `position` is how many events the run has noted before it.
    """
    if not feed.triggers:
        return None
    return Noting(ground, feed_id, feed, position=position)


def note_own_write(project: Project, user: str, calendar_id: str, event: Resource, fields: Sequence[str]) -> None:
    """What `script.Calendar` has written. What cannot be noted comes back as a change like others."""
    name, etag = event.get("id"), event.get("etag")
    # A patch that does not say so has not cancelled the event that it found cancelled.
    gone = resources.cancelled(event) and (tuple(fields) == EVERYTHING or "status" in fields)
    if not isinstance(name, str) or not (gone or isinstance(etag, str)):
        return
    try:
        written = OwnWrite(None if gone else etag, tuple(fields))
        own_write(project.ground, user, real_id(user, calendar_id), name, written)
    except LockstepError as error:
        log.warning("own write not noted", error=str(error))


def real_id(user: str, calendar_id: str) -> str:
    """The calendar's own id: "primary" is the user's."""
    return user if calendar_id == "primary" else calendar_id


def followed(ground: Ground, user: str, calendar: str) -> Feed | None:
    """The feed of this calendar, if a trigger of a script follows it; `calendar` is canonical."""
    document = ground.store.get(feeds.key_of(feeds.feed_id(user, calendar)))
    feed = feeds.decode(document) if document else None
    return feed if feed is not None and feed.triggers else None


def own_write(ground: Ground, user: str, calendar: str, event: str, written: OwnWrite) -> None:
    """Remember a write of this project, so that its echo is known for what it is; nothing for unfollowed calendars.

    `calendar` is canonical.
    """
    feed_id, feed = feeds.feed_id(user, calendar), followed(ground, user, calendar)
    if feed is None:
        return
    busy = "the event's document is too busy"
    retried(partial(_remember, ground, feed_id, feed, event, written), busy)
    for trigger in feed.triggers:
        # The echo may have been noted already, before the answer to the write was here.
        retried(partial(_forgive, ground, trigger, event, written), busy)


def _remember(ground: Ground, feed_id: str, feed: Feed, event: str, written: OwnWrite) -> None:
    document, known = snapshots.find(ground, feed_id, event, feed.epoch)
    seen = resources.read(known.resource) if known.resource is not None else None
    if seen is not None and written.spent_by(seen):
        # Its echo has been noted already: remembered now, it would be taken for somebody's doing of the same later.
        return
    own = (*known.own, written)[-snapshots.REMEMBERED :]
    ground.store.commit(snapshots.put(document, msgspec.structs.replace(known, own=own)))


def _forgive(ground: Ground, trigger: str, event: str, written: OwnWrite) -> None:
    document = ground.store.get(deliveries.key_of(trigger, event))
    if document is None:
        return
    pending = deliveries.decode(document)
    after = resources.read(pending.after) or {}
    etag = str(after.get("etag") or "-")
    fields = pending.foreign.get(etag)
    if fields is not None and written.explains(after, frozenset(fields)):
        kept = {version: names for version, names in pending.foreign.items() if version != etag}
        ground.store.commit(deliveries.put(msgspec.structs.replace(pending, foreign=kept), document.version))


def _gone(known: Snapshot) -> bool:
    return known.resource is not None and resources.cancelled(resources.read(known.resource) or {})


def _over(known: Snapshot, since: float) -> bool:
    seen = resources.read(known.resource) if known.resource is not None else None
    if seen is None or resources.cancelled(seen):
        return True
    end = resources.ends(seen)
    return end is not None and end < since
