"""Hands due clock triggers to the queue: the tick makes tasks of what is due, and of what will be before the next one.

Authority: https://developers.google.com/apps-script/guides/triggers/installable#time-driven_triggers
A task is made before it is noted that it was, under a name that only its slot has: who dies between the two leaves the
slot to the next tick, whose task of the same name is none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import msgspec
import structlog

from conference.errors import Conflict, Later, LockstepError, OutcomeUnknown
from functions.ground import MINUTE, Ground
from functions.pages import every
from functions.ports import Document, Put, Task, Where
from functions.script import clockwork
from functions.script import trigger as triggers
from functions.script.clockwork import LOST, Claim, Clock, Clockwork, moment
from functions.script.enums import TriggerStatus
from functions.script.trigger import TriggerRecord

BATCH = 400
LOOK_AHEAD = 1.5 * MINUTE
"""Tasks are made so long before their time: a tick comes every minute, and may be late."""

log = structlog.get_logger(__name__)


def dispatch_due(ground: Ground) -> int:
    """Make a task of every fire that is due or will be shortly; return how many were made.

    A trigger that cannot be handed over is left to the next tick, and holds up no other.
    """
    made, last = 0, None
    horizon = ground.now() + LOOK_AHEAD
    while True:
        where = [Where("next_fire", "<=", horizon)]
        page = ground.store.query(triggers.COLLECTION, where, order_by="next_fire", limit=BATCH, after=last)
        made += _hand_over_all(ground, page, horizon)
        if len(page) < BATCH:
            return made
        last = page[-1]


def hand_over(ground: Ground, record: TriggerRecord) -> None:
    """Make the tasks of a trigger that was just made or enabled, if it fires before a tick would see it."""
    if record.next_fire is None or record.next_fire > ground.now() + LOOK_AHEAD:
        return
    found = triggers.find(ground, record.id)
    if found is not None:
        _hand_over_all(ground, [found[0]], ground.now() + LOOK_AHEAD)


def recompute(ground: Ground) -> int:
    """Reckon every trigger's next slot anew, as after an update of the time zones; return how many have changed.

    Tasks that were made for slots that are none any more run nothing.
    """
    where = [Where("next_fire", ">=", 0.0)]
    timed_ones = every(ground.store, triggers.COLLECTION, where, order_by="next_fire", page=BATCH)
    return sum(_recomputed(ground, document) for document in timed_ones)


def _recomputed(ground: Ground, document: Document) -> bool:
    try:
        record = triggers.decode(document)
    except msgspec.ValidationError:
        log.exception("clock trigger cannot be read", trigger=document.key)
        return False
    if _anew(record) is None:
        return False
    return triggers.change(ground, record.id, _anew) is not None


def _anew(record: TriggerRecord) -> TriggerRecord | None:
    clock, memory = clock_of(record), record.clockwork
    if clock is None or memory is None or record.status == TriggerStatus.DISABLED:
        return None
    wanted = timed(record, msgspec.structs.replace(memory, next_slot=clock.after(memory.covered)))
    return None if wanted == record else wanted


def _hand_over_all(ground: Ground, page: Sequence[Document], horizon: float) -> int:
    handed = ground.lanes.run([_one(ground, document, horizon) for document in page])
    writes, made = list[Put](), 0
    for document, outcome in zip(page, handed, strict=True):
        if isinstance(outcome, LockstepError):
            log.warning("clock trigger not handed over yet", trigger=document.key, error=str(outcome))
        elif isinstance(outcome, Exception):
            log.error("clock trigger cannot be handed over", trigger=document.key, error=type(outcome).__name__)
        else:
            tasks, write = outcome
            made += tasks
            writes += [write] if write else []
    _note(ground, writes)
    return made


def _one(ground: Ground, document: Document, horizon: float) -> Callable[[], tuple[int, Put | None]]:
    return lambda: _make_tasks(ground, document, horizon)


def _make_tasks(ground: Ground, document: Document, horizon: float) -> tuple[int, Put | None]:
    """Make one trigger's tasks; how many, and the write that says so."""
    record, now = triggers.decode(document), ground.now()
    clock, memory = clock_of(record), record.clockwork
    if clock is None or memory is None or record.status == TriggerStatus.DISABLED:
        return 0, triggers.put(timed(record, memory), document.version)
    slots, after = clockwork.hand_over(clock, memory, now, horizon)
    made = sum(ask(ground, record.id, slot) for slot in slots)
    if not any(slot <= now for slot in slots):
        # Otherwise that slot's run covers those that died.
        made += sum(ask(ground, record.id, claim.slot, claim) for claim in memory.claims if claim.until <= now)
    wanted = timed(record, after)
    return made, None if wanted == record else triggers.put(wanted, document.version)


def ask(ground: Ground, trigger: str, slot: float, claim: Claim | None = None) -> bool:
    """Make the task of a slot, or of a claim whose time will be over; False if it was made before.

    Of one that nobody has come for, another is made now and then: the queue has lost the last.
    """
    due, now = claim.until if claim else slot, ground.now()
    turn = f"{due}" if claim else ""
    if now >= due + LOST:
        turn += f" {int((now - due) // LOST)}"
    name = hashlib.sha256(f"run_trigger\0{trigger}\0{slot}\0{turn}".encode()).hexdigest()[:40]
    at = max(due, now)
    # Without the tick's trace: each of its thousands of runs begins its own.
    task = Task("run_trigger", {"trigger": trigger, "scheduled": slot}, trace=None)
    return ground.queue.add(task, name=name, at=moment(at))


def _note(ground: Ground, writes: Sequence[Put]) -> None:
    """Write all; if one of them is contested, each by itself, so that it holds up no other."""
    if not writes:
        return
    try:
        ground.store.commit(*writes)
    except (Conflict, Later, OutcomeUnknown):
        for write in writes:
            _note_one(ground, write)


def _note_one(ground: Ground, write: Put) -> None:
    try:
        ground.store.commit(write)
    except LockstepError as error:
        # The next tick finds it, and makes no second task.
        log.info("clock trigger not noted yet", trigger=write.key, error=str(error))


def clock_of(record: TriggerRecord) -> Clock | None:
    """A clock trigger's clock; None for any other."""
    return Clock(record.schedule, record.id, record.created_at) if record.schedule else None


def timed(record: TriggerRecord, memory: Clockwork | None) -> TriggerRecord:
    """The record with this memory, and with when the tick must look at it again."""
    resting = record.status == TriggerStatus.DISABLED or memory is None
    return msgspec.structs.replace(record, clockwork=memory, next_fire=None if resting or not memory else memory.due)
