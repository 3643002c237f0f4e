"""Hand pending deliveries to their trigger's handler, in order; what fails is tried alone, later, and at last parked.

One run of a trigger goes on at a time. A delivery is deleted once the handler has accepted it, and not before: who dies
in between leaves it to the next. What came to an event while its change was being handled stays pending.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import structlog

from functions.ground import HOUR, Ground
from functions.script import delivery as deliveries
from functions.script import settling
from functions.script import trigger as triggers
from functions.script.changes import EventUpdated
from functions.script.delivery import change_of
from functions.script.enums import TriggerStatus
from functions.script.project import Project
from functions.script.run import Outcome, Ran, run, told
from functions.script.settling import Held
from functions.script.trigger import TriggerRecord

HOPELESS = frozenset({Outcome.NEEDS_AUTH, Outcome.NO_HANDLER, Outcome.REFUSED})
"""Runs after which it is of no use to call the handler at once, be it with one change alone."""

log = structlog.get_logger(__name__)


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
        deliveries.enqueue(project.ground, trigger, f"on-{held.record.fence}")


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
        deliveries.enqueue(ground, trigger, f"behind-{until}", at=until)
    if record is None:
        deliveries.forget(ground, trigger)
    elif record.status == TriggerStatus.DISABLED:
        settling.rest(ground, trigger, now + HOUR)
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
        some = settling.pending(ground, held.record.id)
        if not some:
            return
        if ground.now() - held.began > ground.policy.inline:
            held.ended = held.more = True
            return
        _hand_over(held, some)


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
    settling.accept(held.ground, [one for one in some if one not in theirs])
    if not theirs:
        return
    ran = _run(held, theirs)
    if ran.outcome in HOPELESS:
        _wait(held, theirs, ran)
        return
    if ran.accepted or len(theirs) == 1:
        settling.settle(held.project, held.record, theirs, ran)
        return
    log.warning("a handler failed with several changes, trying each alone", trigger=held.record.id, count=len(theirs))
    for one in theirs:
        alone = _run(held, [one])
        if alone.outcome in HOPELESS:
            _wait(held, [one], alone)
            return
        settling.settle(held.project, held.record, [one], alone)


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


def _wait(held: Turn, some: Sequence[Held], ran: Ran) -> None:
    held.ended = True
    settling.wait_for_a_person(held.project, held.record, some, ran)
