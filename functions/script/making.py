"""Triggers made, replaced and removed: each in one commit with the feed that it follows and its owner's tally.

Authority: https://developers.google.com/apps-script/guides/triggers/installable
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import structlog

from conference.decoding import from_plain
from conference.errors import Gone, LockstepError
from functions import channel
from functions import feed as feeds
from functions.feed import begun, restarted, retried
from functions.ground import Ground
from functions.pages import every
from functions.ports import Delete, Document, Put, Where
from functions.script import delivery as deliveries
from functions.script import dispatch
from functions.script import snapshot as snapshots
from functions.script import trigger as triggers
from functions.script.changes import Filters
from functions.script.clockwork import begin
from functions.script.errors import TooManyTriggers
from functions.script.project import Project
from functions.script.schedule import Schedule
from functions.script.trigger import TriggerRecord, owner_of

OWNERS = "script_owners"
BUSY = "the user's triggers are too busy"

log = structlog.get_logger(__name__)


class Tally(msgspec.Struct, frozen=True, omit_defaults=True):
    """One user's triggers in one script: how many were ever made, how many live."""

    made: int = 0
    live: int = 0


_tally = from_plain(Tally)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A trigger that is to be made; checked already. A calendar's has `calendar` (canonical) and `zone`."""

    handler: str
    source: str
    calendar: str | None = None
    zone: str = "UTC"
    filters: Filters = Filters()  # noqa: RUF009 - frozen and without state
    schedule: Schedule | None = None
    declared: str | None = None

    def equals(self, record: TriggerRecord) -> bool:
        """True if the record is a trigger such as this one."""
        mine = (self.handler, self.source, self.calendar, self.filters, self.schedule)
        return mine == (record.handler, record.source, record.calendar, record.filters, record.schedule)


def make(project: Project, user: str, draft: Draft, *, replacing: TriggerRecord | None = None) -> TriggerRecord:
    """Make the trigger, in place of `replacing` if that is given. Raises TooManyTriggers, Later; then nothing changed.

    A calendar's changes are followed from this moment on.
    """
    key = f"{OWNERS}/{owner_of(project.id, user)}"
    return retried(lambda: _once(project, user, draft, project.ground.store.get(key), replacing), BUSY)


def ensure(project: Project, user: str, draft: Draft) -> TriggerRecord:
    """The user's trigger that equals the draft, made if there is none; two callers at once get the same one."""
    owner = owner_of(project.id, user)

    def attempt() -> TriggerRecord:
        tally = project.ground.store.get(f"{OWNERS}/{owner}")
        found = next((one for one in of_owner(project.ground, owner) if draft.equals(one)), None)
        return found or _once(project, user, draft, tally, None)

    return retried(attempt, BUSY)


def unmake(project: Project, record: TriggerRecord) -> bool:
    """Remove a trigger; False if it was gone already. The last one of a feed stops its channels and ends the feed."""
    ground = project.ground
    ended = retried(lambda: _remove(ground, record.id), "the trigger's document is too busy")
    if ended is None:
        return False
    for name in ended:
        _close(ground, name)
    forget(ground, record)
    return True


def forget(ground: Ground, record: TriggerRecord) -> None:
    """Delete what was kept for a trigger that is gone; what fails here is of no use to anybody, and does no harm."""
    if record.feed is None:
        return
    try:
        deliveries.forget(ground, record.id)
        document = ground.store.get(feeds.key_of(record.feed))
        feed = feeds.decode(document) if document else None
        if feed is None or not feed.triggers:
            snapshots.forget(ground, record.feed, feed.epoch if feed else 2**53)
    except LockstepError as error:
        log.warning("not all forgotten of a trigger", trigger=record.id, error=str(error))


def of_owner(ground: Ground, owner: str) -> list[TriggerRecord]:
    """One user's triggers in one script, in the order in which they were made."""
    found = every(ground.store, triggers.COLLECTION, [Where("owner", "==", owner)], order_by="order", page=100)
    return list(map(triggers.decode, found))


def _once(
    project: Project, user: str, draft: Draft, tally_document: Document | None, replaced: TriggerRecord | None
) -> TriggerRecord:
    """One try. Raises Conflict if somebody changed what it was decided on."""
    ground = project.ground
    tally = _tally(tally_document.data) if tally_document else Tally()
    old = triggers.find(ground, replaced.id) if replaced else None
    live = tally.live + (0 if old else 1)
    if old is None and project.limits.triggers is not None and live > project.limits.triggers:
        raise TooManyTriggers
    record = _record(project, user, draft, tally.made + 1)
    counted = Put(
        f"{OWNERS}/{record.owner}",
        msgspec.to_builtins(Tally(tally.made + 1, live)),
        tally_document.version if tally_document else None,
    )
    writes: list[Put | Delete] = [triggers.put(record, None), counted]
    writes += [Delete(old[0].key, old[0].version)] if old else []
    followed, ended = _followed(ground, record, draft, old[1] if old else None)
    ground.store.commit(*writes, *followed)
    if record.feed is not None:
        _begin_feed(ground, record.feed)
    _begin_clock(ground, record)
    for name in ended:
        _close(ground, name)
    if old is not None:
        forget(ground, old[1])
    return record


def _record(project: Project, user: str, draft: Draft, order: int) -> TriggerRecord:
    now, name = project.ground.now(), triggers.new_id(project, user)
    clockwork = begin(draft.schedule, name, now) if draft.schedule else None
    return TriggerRecord(
        id=name,
        script=project.id,
        user=user,
        owner=owner_of(project.id, user),
        handler=draft.handler,
        source=draft.source,
        order=order,
        created_at=now,
        feed=feeds.feed_id(user, draft.calendar) if draft.calendar else None,
        calendar=draft.calendar,
        filters=draft.filters,
        schedule=draft.schedule,
        clockwork=clockwork,
        next_fire=clockwork.due if clockwork else None,
        declared=draft.declared,
    )


# ---- Feeds ----------------------------------------------------------------------------------


def _followed(
    ground: Ground, record: TriggerRecord, draft: Draft, old: TriggerRecord | None
) -> tuple[list[Put | Delete], list[str]]:
    """The writes of the feeds concerned, and the channels that nobody needs once they are done."""
    if old is not None and old.feed is not None and old.feed == record.feed:
        document, feed = feeds.load(ground, old.feed)
        followers = tuple(record.id if one == old.id else one for one in feed.followers)
        return [feeds.put(document, document.key, msgspec.structs.replace(feed, followers=followers))], []
    writes: list[Put | Delete] = []
    if record.feed is not None:
        writes.append(_follow(ground, record, draft.zone))
    left, ended = _left(ground, old) if old else ([], [])
    return [*writes, *left], ended


def _follow(ground: Ground, record: TriggerRecord, zone: str) -> Put:
    now, key = ground.now(), feeds.key_of(record.feed or "")
    document = ground.store.get(key)
    if document is None:
        # The tick gives it the run and the channel that it lacks, should nobody come to it after this commit.
        calendar = record.calendar or ""
        fresh = begun(now, record.user, calendar, zone=zone, followers=(record.id,), epoch=1, poll_at=now)
        return feeds.put(None, key, fresh)
    feed = feeds.decode(document)
    if feed.stopped:
        feed = restarted(now, feed)
    first = not feed.triggers
    joined = msgspec.structs.replace(
        feed,
        followers=(*feed.followers, record.id),
        epoch=feed.epoch + 1 if first else feed.epoch,
        seen_at=0.0 if first else feed.seen_at,
        full_wanted=feed.full_wanted or first,
        poll_at=now if first else feed.poll_at,
    )
    return feeds.put(document, key, joined)


def _begin_feed(ground: Ground, feed: str) -> None:
    """Have a feed that lacks its token or its snapshots run; what fails here is made good by the tick."""
    try:
        current = feeds.load(ground, feed)[1]
        if current.token is not None and current.seen_at:
            return
        channel.ensure_channel(ground, feed)
        feeds.raise_dirty(ground, feed, full=current.token is not None)
    except LockstepError as error:
        log.warning("feed not begun yet", feed=feed, error=str(error))


def _begin_clock(ground: Ground, record: TriggerRecord) -> None:
    """Make the tasks of a clock trigger that fires before the next tick; what fails here is made good by that."""
    try:
        dispatch.hand_over(ground, record)
    except LockstepError as error:
        log.warning("clock trigger not handed over yet", trigger=record.id, error=str(error))


def _remove(ground: Ground, trigger: str) -> list[str] | None:
    """One try; the channels that nobody needs any more, None if the trigger was gone. Raises Conflict."""
    found = triggers.find(ground, trigger)
    if found is None:
        return None
    document, record = found
    key = f"{OWNERS}/{record.owner}"
    counted = ground.store.get(key)
    writes: list[Put | Delete] = [Delete(document.key, document.version)]
    if counted is not None:
        tally = _tally(counted.data)
        fewer = msgspec.structs.replace(tally, live=max(tally.live - 1, 0))
        writes.append(Put(key, msgspec.to_builtins(fewer), counted.version))
    left, ended = _left(ground, record)
    ground.store.commit(*writes, *left)
    return ended


def _left(ground: Ground, record: TriggerRecord) -> tuple[Sequence[Put | Delete], list[str]]:
    """The write by which a trigger's feed loses it: the feed ends with its last follower."""
    if record.feed is None:
        return [], []
    try:
        document, feed = feeds.load(ground, record.feed)
    except Gone:
        return [], []
    followers = tuple(one for one in feed.followers if one != record.id)
    if followers:
        return [feeds.put(document, document.key, msgspec.structs.replace(feed, followers=followers))], []
    ended = [feed.channel] if feed.channel else []
    unneeded = [put for name in ended for put in channel.unneeded(ground, name)]
    return [Delete(document.key, document.version), *unneeded], ended


def _close(ground: Ground, name: str) -> None:
    try:
        channel.close_channel(ground, name)
    except LockstepError as error:
        # Its record stands: the tick finds that no feed has it, and closes it.
        log.warning("channel not closed yet", error=str(error))
