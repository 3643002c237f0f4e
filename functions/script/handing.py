"""Hand pending deliveries to their trigger's handler, in order; what fails is tried alone, later, and at last parked.

One run of a trigger goes on at a time. A delivery is deleted once the handler has accepted it, and not before: who dies
in between leaves it to the next. What came to an event while its change was being handled stays pending.
"""

from __future__ import annotations

import hashlib
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
from functions.script.changes import EventUpdated
from functions.script.delivery import Delivery, change_of
from functions.script.enums import TriggerStatus
from functions.script.project import Project
from functions.script.run import Outcome, Ran, run, told
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


@dataclass(slots=True)
class Turn:
    """A trigger whose lease this worker holds."""

    project: Project
    record: TriggerRecord
    turn: str
    began: float
    ended: bool = False
    """Nothing more can be done now, or by this worker."""
    more: bool = False
    """There is more to hand over, for another worker."""

    @property
    def ground(self) -> Ground:
        """What the project stands on."""
        return self.project.ground


def run_trigger(project: Project, trigger: str, turn: str, delivery: str | None = None) -> None:
    """Hand over what is pending for a trigger, or only one delivery of it, by its document's id.

    Raises Later, OutcomeUnknown if the store does; the task is then to come again.
    """
    held = _take(project, trigger, f"{turn} {delivery or ''}")
    if held is None:
        return
    if delivery is not None:
        _one_alone(held, delivery)
    while not held.ended:
        _hand_over_pending(held)
        if not held.ended and _give_back(held):
            return
    _give_back(held, anyway=True)
    if held.more:
        # Another task goes on, so that none takes longer than it may.
        deliveries.enqueue(project.ground, trigger, f"on {held.record.fence}")


# ---- The lease ------------------------------------------------------------------------------


def _take(project: Project, trigger: str, turn: str) -> Turn | None:
    ground = project.ground
    now = ground.now()
    taken: list[TriggerRecord] = []
    busy: list[float] = []

    def take(record: TriggerRecord) -> TriggerRecord | None:
        taken.clear()
        busy.clear()
        if record.script != project.id or record.status == TriggerStatus.DISABLED:
            return None
        # The queue gives a task to one worker at a time: getting it again means that the holder died.
        if record.lease_until > now and record.lease_turn != turn:
            busy.append(record.lease_until)
            return msgspec.structs.replace(record, asked=record.asked + 1)
        held = msgspec.structs.replace(
            record, lease_until=now + ground.policy.run, lease_turn=turn, fence=record.fence + 1
        )
        taken.append(held)
        return held

    record = triggers.change(ground, trigger, take)
    for until in busy:
        # The holder looks again when it ends; this is for the case that it never does.
        deliveries.enqueue(ground, trigger, f"behind {until}", at=until)
    if record is None:
        deliveries.forget(ground, trigger)
    elif record.status == TriggerStatus.DISABLED:
        _rest(ground, trigger, now + HOUR)
    return Turn(project, taken[0], turn, now) if taken else None


def _give_back(held: Turn, *, anyway: bool = False) -> bool:
    """End the lease, unless somebody asked for another look meanwhile. True when it is ended."""
    again: list[int] = []

    def give(record: TriggerRecord) -> TriggerRecord | None:
        again.clear()
        if record.fence != held.record.fence:
            return None
        if record.asked > held.record.asked and not anyway:
            again.append(record.asked)
            return None
        return msgspec.structs.replace(record, lease_until=0.0, lease_turn="")

    triggers.change(held.ground, held.record.id, give)
    for asked in again:
        held.record = msgspec.structs.replace(held.record, asked=asked)
    return not again


# ---- Handing over ---------------------------------------------------------------------------


def _hand_over_pending(held: Turn) -> None:
    ground = held.ground
    while not held.ended:
        some = _pending(ground, held.record.id)
        if not some:
            return
        if ground.now() - held.began > ground.policy.inline:
            held.ended = held.more = True
            return
        _hand_over(held, some)


def _pending(ground: Ground, trigger: str) -> list[Held]:
    found = ground.store.query(
        deliveries.COLLECTION,
        [Where("trigger", "==", trigger), Where("queue", ">", 0)],
        order_by="queue",
        limit=BATCH,
    )
    return [Held(document, deliveries.decode(document)) for document in found]


def _one_alone(held: Turn, name: str) -> None:
    document = held.ground.store.get(f"{deliveries.COLLECTION}/{name}")
    if document is None:
        return
    one = Held(document, deliveries.decode(document))
    # Parked, or changed meanwhile: then it is handed over with the others.
    if one.delivery.trigger == held.record.id and one.delivery.due is not None and one.delivery.queue is None:
        _hand_over(held, [one])


def _hand_over(held: Turn, some: Sequence[Held]) -> None:
    """One run of the handler with all of these; if it fails with several, one run with each."""
    theirs = [one for one in some if held.record.filters.own_writes or not one.delivery.ours]
    _accept(held.ground, [one for one in some if one not in theirs])
    if not theirs:
        return
    ran = _run(held, theirs)
    if ran.outcome in (Outcome.NEEDS_AUTH, Outcome.NO_HANDLER):
        _wait_for_a_person(held, theirs, ran)
        return
    if ran.accepted or len(theirs) == 1:
        _settle(held, theirs, ran)
        return
    log.warning("a handler failed with several changes, trying each alone", trigger=held.record.id, count=len(theirs))
    for one in theirs:
        alone = _run(held, [one])
        if alone.outcome in (Outcome.NEEDS_AUTH, Outcome.NO_HANDLER):
            _wait_for_a_person(held, [one], alone)
            return
        _settle(held, [one], alone)


def _run(held: Turn, some: Sequence[Held]) -> Ran:
    record, now = held.record, held.ground.now()
    members = "\0".join(f"{one.delivery.event}\0{one.delivery.after}" for one in some)
    name = hashlib.sha256(f"{record.id}\0{members}".encode(errors="surrogatepass")).hexdigest()[:32]
    attempt = 1 + max(one.delivery.attempts for one in some)
    event = EventUpdated(
        calendar_id=record.calendar or "",
        trigger_uid=record.id,
        changes=tuple(change_of(one.delivery) for one in some),
        full_sync=any(one.delivery.full_sync for one in some),
        delivery_id=name,
        attempt=attempt,
    )
    ran = run(held.project, record, event, delivery_id=name, attempt=attempt)
    _note_run(held, ran, began=now)
    return ran


def _note_run(held: Turn, ran: Ran, *, began: float) -> None:
    """Keep how the run ended, and keep the lease for the next one."""
    ground = held.ground

    def noted(record: TriggerRecord) -> TriggerRecord:
        now = ground.now()
        fresh = msgspec.structs.replace(
            record,
            last_run=began,
            last_error=told(ran.error) if ran.error else None,
            failures=0 if ran.accepted else record.failures + 1,
        )
        if record.fence == held.record.fence:
            fresh = msgspec.structs.replace(fresh, lease_until=now + ground.policy.run)
        if record.status == TriggerStatus.DISABLED:
            return fresh
        if ran.accepted:
            active = record.status == TriggerStatus.ACTIVE
            return fresh if active else triggers.with_status(fresh, TriggerStatus.ACTIVE, None, now)
        return _failed(fresh, ran, now)

    after = triggers.change(ground, held.record.id, noted)
    if after is None or after.fence != held.record.fence or after.status == TriggerStatus.DISABLED:
        # Deleted or disabled, perhaps by its own handler, or taken over.
        held.ended = True


def _failed(record: TriggerRecord, ran: Ran, now: float) -> TriggerRecord:
    match ran.outcome:
        case Outcome.NEEDS_AUTH:
            return triggers.with_status(record, TriggerStatus.NEEDS_AUTH, record.last_error, now)
        case Outcome.NO_HANDLER:
            return triggers.with_status(record, TriggerStatus.FAILING, record.last_error, now)
        case _:
            return record


# ---- What becomes of a delivery ---------------------------------------------------------------


def _settle(held: Turn, some: Sequence[Held], ran: Ran) -> None:
    """Accept what the handler coped with; what it did not waits for a try of its own."""
    aside = ran.aside or {}
    failed = [one for one in some if not ran.accepted or one.delivery.event in aside]
    _accept(held.ground, [one for one in some if one not in failed])
    for one in failed:
        _postpone(held, one, aside.get(one.delivery.event) or ran.error or RuntimeError())
    handed = {one.delivery.event for one in some}
    for event, text in (ran.resources or {}).items():
        if event not in handed:
            _adopt(held, event, text, aside[event])


def _adopt(held: Turn, event: str, text: str, error: Exception) -> None:
    """Keep an event that the handler has found by itself, and could not cope with, for a try of its own."""
    ground, record = held.ground, held.record
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
    if ground.store.get(key) is not None or deliveries.weight(fresh) > deliveries.LARGEST:
        return
    try:
        (version,) = ground.store.commit(deliveries.put(fresh, None))
    except Conflict:
        # The feed's run has noted it: it is handed over with that.
        return
    _postpone(held, Held(Document(key, msgspec.to_builtins(fresh), version or ""), fresh), error)


def _accept(ground: Ground, some: Sequence[Held]) -> None:
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
        if fresh.after == one.delivery.after and fresh.queue == one.delivery.queue:
            return None
        newer = {etag: names for etag, names in fresh.foreign.items() if etag not in one.delivery.foreign}
        return msgspec.structs.replace(fresh, before=one.delivery.after, born=False, foreign=newer)

    _changed(ground, one, accepted)


def _changed(ground: Ground, one: Held, how: Callable[[Delivery], Delivery | None]) -> Delivery | None:
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


def _postpone(held: Turn, one: Held, error: Exception) -> None:
    """Try it again alone, later each time; when that has gone on long enough, park it."""
    ground, cause = held.ground, told(error)
    now, policy = ground.now(), ground.policy
    attempts, since = one.delivery.attempts + 1, one.delivery.failing_since or now
    asked = getattr(error, "after", None) if isinstance(error, LockstepError) else None
    at = retry_at(ground, asked if isinstance(asked, timedelta) else None, attempts, one.document.key)
    park = now - since > policy.retry_for

    def postponed(fresh: Delivery) -> Delivery:
        if fresh.queue != one.delivery.queue or fresh.after != one.delivery.after:
            # A newer change has joined it: that is handed over in its turn, with this one.
            return fresh
        tried = msgspec.structs.replace(fresh, queue=None, attempts=attempts, failing_since=since, trouble=cause)
        if park:
            return msgspec.structs.replace(tried, due=None, parked=cause)
        return msgspec.structs.replace(tried, due=at + policy.forgotten)

    kept = _changed(ground, one, postponed)
    if kept is None or kept.queue is not None:
        return
    if kept.parked is not None:
        _parked(held, kept, error)
        return
    log.warning("change postponed", trigger=held.record.id, delivery=one.document.key, attempts=attempts, error=cause)
    deliveries.enqueue(ground, held.record.id, f"try {attempts} {int(since)}", at=at, delivery=_name(one))


def _parked(held: Turn, kept: Delivery, error: Exception) -> None:
    ground, cause = held.ground, kept.parked or ""
    dead.note(ground, kept.feed, kept.event, cause)
    now = ground.now()
    triggers.change(
        ground, held.record.id, lambda record: triggers.with_status(record, TriggerStatus.FAILING, cause, now)
    )
    failures.tell(held.project, held.record, change_of(kept), error)


def _wait_for_a_person(held: Turn, some: Sequence[Held], ran: Ran) -> None:
    """The handler cannot run at all: keep everything, and look again from time to time.

    What waits for consent waits for as long as that takes; what waits for a handler is parked in the end.
    """
    held.ended = True
    ground = held.ground
    now, policy = ground.now(), ground.policy
    since = held.record.since if held.record.failures else None
    if ran.outcome is Outcome.NO_HANDLER and since is not None and now - since > policy.retry_for:
        for one in some:
            _changed(ground, one, lambda fresh: _given_up(fresh, told(ran.error or RuntimeError())))
            dead.note(ground, one.delivery.feed, one.delivery.event, told(ran.error or RuntimeError()))
        return
    at = now + HOUR if ran.outcome is Outcome.NEEDS_AUTH else retry_at(ground, None, held.record.failures + 1, "")
    _rest(ground, held.record.id, at)
    deliveries.enqueue(ground, held.record.id, f"waiting {int(at)}", at=at)


def _given_up(fresh: Delivery, cause: str) -> Delivery:
    return msgspec.structs.replace(fresh, queue=None, due=None, parked=cause)


def _rest(ground: Ground, trigger: str, until: float) -> None:
    """Let the tick not look at a trigger's deliveries before then."""
    for one in _pending(ground, trigger):
        due = until + ground.policy.forgotten
        _changed(ground, one, partial(_waiting, due))


def _waiting(due: float, fresh: Delivery) -> Delivery:
    return msgspec.structs.replace(fresh, due=due)


def _name(one: Held) -> str:
    return one.document.key.partition("/")[2]


# ---- The tick and the operator ----------------------------------------------------------------


def relay_forgotten(ground: Ground) -> int:
    """Enqueue deliveries that nobody has handed over in time; return how many."""
    now = ground.now()
    found = ground.store.query(deliveries.COLLECTION, [Where("due", "<=", now)], order_by="due", limit=400)
    together: set[str] = set()
    for document in found:
        one = deliveries.decode(document)
        later = msgspec.structs.replace(one, due=now + ground.policy.lease + ground.policy.forgotten)
        try:
            ground.store.commit(deliveries.put(later, document.version))
        except Conflict:
            continue
        if one.queue is None:
            name = document.key.partition("/")[2]
            deliveries.enqueue(ground, one.trigger, f"woken {int(now)}", delivery=name)
        else:
            together.add(one.trigger)
    for trigger in sorted(together):
        deliveries.enqueue(ground, trigger, f"woken {int(now)}")
    return len(found)


def replay(project: Project, record: TriggerRecord, event: str | None = None) -> int:
    """Hand over again what was parked for a trigger, all or one event's; return how many that is."""
    ground, count = project.ground, 0
    where, last = [Where("trigger", "==", record.id)], None
    while True:
        some: list[Document] = ground.store.query(deliveries.COLLECTION, where, limit=BATCH, after=last)
        for document in some:
            one = Held(document, deliveries.decode(document))
            if one.delivery.parked is not None and event in (None, one.delivery.event):
                count += 1
                _changed(ground, one, lambda fresh: _revived(ground, fresh))
        if len(some) < BATCH:
            break
        last = some[-1]
    if count:
        deliveries.enqueue(ground, record.id, f"replay {ground.now()}")
    return count


def _revived(ground: Ground, fresh: Delivery) -> Delivery:
    due = ground.now() + ground.policy.lease
    return msgspec.structs.replace(fresh, queue=1, due=due, attempts=0, failing_since=None, trouble=None, parked=None)


def parked(project: Project, record: TriggerRecord) -> list[Delivery]:
    """What was given up for a trigger, with its causes, at most 400."""
    found: list[Delivery] = []
    for document in project.ground.store.query(deliveries.COLLECTION, [Where("trigger", "==", record.id)], limit=400):
        one = deliveries.decode(document)
        found += [one] if one.parked is not None else []
    return found
