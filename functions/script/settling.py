"""What becomes of a delivery once its handler has run: accepted, tried again alone and later, or parked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import msgspec
import structlog

from conference.errors import Conflict, LockstepError
from functions import dead
from functions.ground import HOUR, Ground
from functions.ports import Delete, Document, Where
from functions.script import delivery as deliveries
from functions.script import failures
from functions.script import trigger as triggers
from functions.script.delivery import Delivery, change_of
from functions.script.enums import TriggerStatus
from functions.script.project import Project
from functions.script.run import Outcome, Ran, told
from functions.script.trigger import TriggerRecord
from functions.work import retry_at

BATCH = 200
"""Changes that one run of a handler is given at most; there are as many runs as it takes."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery as read."""

    document: Document
    delivery: Delivery


def pending(ground: Ground, trigger: str) -> list[Held]:
    """What waits for a trigger's handler, in the order of the feed."""
    found = ground.store.query(
        deliveries.COLLECTION,
        [Where("trigger", "==", trigger), Where("queue", ">", 0)],
        order_by="queue",
        limit=BATCH,
    )
    return [Held(document, deliveries.decode(document)) for document in found]


def settle(project: Project, record: TriggerRecord, some: Sequence[Held], ran: Ran) -> None:
    """Accept what the handler coped with; what it did not waits for a try of its own."""
    aside = ran.aside or {}
    failed = [one for one in some if not ran.accepted or one.delivery.event in aside]
    accept(project.ground, [one for one in some if one not in failed])
    for one in failed:
        _postpone(project, record, one, aside.get(one.delivery.event) or ran.error or RuntimeError())
    handed = {one.delivery.event for one in some}
    for event, text in (ran.resources or {}).items():
        if event not in handed:
            _adopt(project, record, event, text, aside[event])


def _adopt(project: Project, record: TriggerRecord, event: str, text: str, error: Exception) -> None:
    """Keep an event that the handler has found by itself, and could not cope with, for a try of its own."""
    ground = project.ground
    key = deliveries.key_of(record.id, event)
    fresh = Delivery(
        record.id,
        record.feed or "",
        event,
        text,
        foreign={"-": []},
        reason="set aside",
        noted_at=ground.now(),
        due=ground.now() + ground.policy.forgotten,
    )
    if ground.store.get(key) is not None:
        return
    if deliveries.weight(fresh) > deliveries.LARGEST:
        dead.note(ground, fresh.feed, event, "the event is too large to be kept")
        return
    try:
        (version,) = ground.store.commit(deliveries.put(fresh, None))
    except Conflict:
        # The feed's run has noted it: it is handed over with that.
        return
    _postpone(project, record, Held(Document(key, msgspec.to_builtins(fresh), version or ""), fresh), error)


def accept(ground: Ground, some: Sequence[Held]) -> None:
    """Delete what the handler has accepted; what came meanwhile stays pending."""
    if not some:
        return
    try:
        ground.store.commit(*(Delete(one.document.key, one.document.version) for one in some))
    except Conflict:
        # Something came to one of them meanwhile.
        for one in some:
            _accept_one(ground, one)


def _accept_one(ground: Ground, one: Held) -> None:
    """Delete the delivery; of one that a newer change has joined, only that remains."""

    def accepted(fresh: Delivery) -> Delivery | None:
        # News has a place in the order of its own.
        if fresh.queue == one.delivery.queue:
            return None
        newer = {etag: names for etag, names in fresh.foreign.items() if etag not in one.delivery.foreign}
        return msgspec.structs.replace(fresh, before=one.delivery.after, born=False, foreign=newer)

    changed(ground, one, accepted)


def changed(ground: Ground, one: Held, how: Callable[[Delivery], Delivery | None]) -> Delivery | None:
    """Write the delivery as `how` makes it of the newest one; None from it deletes it."""
    document: Document | None = one.document
    fresh = one.delivery
    while document is not None:
        wanted = how(fresh)
        try:
            if wanted is None:
                ground.store.commit(Delete(document.key, document.version))
            else:
                ground.store.commit(deliveries.put(wanted, document.version))
        except Conflict:
            document = ground.store.get(one.document.key)
            fresh = deliveries.decode(document) if document else fresh
            continue
        return wanted
    return None


def _postpone(project: Project, record: TriggerRecord, one: Held, error: Exception) -> None:
    """Try it again alone, later each time; when that has gone on long enough, park it."""
    ground, cause = project.ground, told(error)
    now, policy = ground.now(), ground.policy
    attempts, since = one.delivery.attempts + 1, one.delivery.failing_since or now
    asked = getattr(error, "after", None) if isinstance(error, LockstepError) else None
    at = retry_at(ground, asked if isinstance(asked, timedelta) else None, attempts, one.document.key)
    park = now - since > policy.retry_for

    def postponed(fresh: Delivery) -> Delivery:
        if fresh.queue != one.delivery.queue:
            # A newer change has joined it: that is handed over in its turn, with this one.
            return fresh
        tried = msgspec.structs.replace(fresh, queue=None, attempts=attempts, failing_since=since, trouble=cause)
        if park:
            return msgspec.structs.replace(tried, due=None, parked=cause)
        return msgspec.structs.replace(tried, due=at + policy.forgotten)

    kept = changed(ground, one, postponed)
    if kept is None or kept.queue is not None:
        return
    if kept.parked is not None:
        _parked(project, record, kept, error)
        return
    log.warning("change postponed", trigger=record.id, delivery=one.document.key, attempts=attempts, error=cause)
    deliveries.enqueue(ground, record.id, f"try-{attempts}-{int(since)}", at=at, delivery=_name(one))


def _parked(project: Project, record: TriggerRecord, kept: Delivery, error: Exception) -> None:
    ground, cause = project.ground, kept.parked or ""
    dead.note(ground, kept.feed, kept.event, cause)
    now = ground.now()
    triggers.change(ground, record.id, lambda current: triggers.with_status(current, TriggerStatus.FAILING, cause, now))
    failures.tell(project, record, change_of(kept), error)


def wait_for_a_person(project: Project, record: TriggerRecord, some: Sequence[Held], ran: Ran) -> None:
    """The handler cannot run at all: keep everything, and look again from time to time.

    What waits for consent, or for room under the profile, waits for as long as that takes; what waits for a handler is
    parked in the end.
    """
    ground = project.ground
    now, policy = ground.now(), ground.policy
    # Of one that was well, or only failed, until now: it is missed from now on.
    since = record.since if record.status == TriggerStatus.FAILING else None
    if ran.outcome is Outcome.NO_HANDLER and since is not None and now - since > policy.retry_for:
        for one in some:
            changed(ground, one, lambda fresh: _given_up(fresh, told(ran.error or RuntimeError())))
            dead.note(ground, one.delivery.feed, one.delivery.event, told(ran.error or RuntimeError()))
        return
    at = now + HOUR if ran.outcome is Outcome.NEEDS_AUTH else retry_at(ground, None, record.failures + 1, "")
    rest(ground, record.id, at)
    deliveries.enqueue(ground, record.id, f"waiting-{int(at)}", at=at)


def _given_up(fresh: Delivery, cause: str) -> Delivery:
    return msgspec.structs.replace(fresh, queue=None, due=None, parked=cause)


def rest(ground: Ground, trigger: str, until: float) -> None:
    """Let the tick not look at a trigger's deliveries before then."""
    for one in pending(ground, trigger):
        due = until + ground.policy.forgotten
        changed(ground, one, partial(_waiting, due))


def _waiting(due: float, fresh: Delivery) -> Delivery:
    return msgspec.structs.replace(fresh, due=due)


def _name(one: Held) -> str:
    return one.document.key.partition("/")[2]
