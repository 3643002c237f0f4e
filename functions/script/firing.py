"""Fires clock triggers: the tick makes tasks of what is due, and of what will be before the next tick; a task runs it.

Authority: https://developers.google.com/apps-script/guides/triggers/installable#time-driven_triggers
A task is made before it is noted that it was, under a name that only this slot has: who dies between the two leaves the
slot to the next tick, whose task of the same name is none. What a task may do is decided by what its commit finds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec
import structlog

from conference.errors import Conflict, Later, LockstepError, OutcomeUnknown
from functions.feed import TRIES
from functions.ground import MINUTE, Ground
from functions.ports import Document, Put, Task, Where
from functions.script import clockwork, making, run
from functions.script import trigger as triggers
from functions.script.clock_event import ClockEvent
from functions.script.clockwork import Claim, Clock, Clockwork, Step, moment
from functions.script.enums import TriggerStatus
from functions.script.project import Project
from functions.script.run import Outcome, Ran
from functions.script.trigger import TriggerRecord

BATCH = 400
LOOK_AHEAD = 1.5 * MINUTE
"""Tasks are made so long before their time: a tick comes every minute, and may be late."""

log = structlog.get_logger(__name__)


class Runner(Protocol):
    """Calls a trigger's handler; it is `run.run`."""

    def __call__(
        self, project: Project, record: TriggerRecord, event: object, *, delivery_id: str, attempt: int
    ) -> Ran:
        """Never raises what the handler raised."""


# ---- The tick -------------------------------------------------------------------------------


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


def _hand_over_all(ground: Ground, page: Sequence[Document], horizon: float) -> int:
    handed = ground.lanes.run([_one(ground, document, horizon) for document in page])
    writes, made = list[Put](), 0
    for document, outcome in zip(page, handed, strict=True):
        if isinstance(outcome, LockstepError):
            log.warning("clock trigger not handed over yet", trigger=document.key, error=str(outcome))
        elif isinstance(outcome, Exception):
            raise outcome
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
    clock, memory = _clock(record), record.clockwork
    if clock is None or memory is None or record.status == TriggerStatus.DISABLED:
        return 0, triggers.put(_timed(record, memory), document.version)
    made = sum(_ask(ground, record.id, claim.slot, claim) for claim in memory.claims if claim.until <= now)
    slots, after = clockwork.hand_over(clock, memory, now, horizon)
    made += sum(_ask(ground, record.id, slot) for slot in slots)
    wanted = _timed(record, after)
    return made, None if wanted == record else triggers.put(wanted, document.version)


def _ask(ground: Ground, trigger: str, slot: float, claim: Claim | None = None) -> bool:
    """Make the task of a slot, or of a claim whose time will be over; False if it was made before."""
    turn = f"{claim.until}" if claim else ""
    name = hashlib.sha256(f"run_trigger\0{trigger}\0{slot}\0{turn}".encode()).hexdigest()[:40]
    at = max(claim.until if claim else slot, ground.now())
    return ground.queue.add(Task("run_trigger", {"trigger": trigger, "scheduled": slot}), name=name, at=moment(at))


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


# ---- A task ---------------------------------------------------------------------------------


def run_due(project: Project, trigger: str, scheduled: float, *, runner: Runner = run.run) -> Ran | None:
    """Run a trigger for its slot `scheduled`, if that is still to be done; None if nothing was run.

    What has passed since is run for along with it, once. Raises Later before its time.
    """
    ground = project.ground
    if scheduled > ground.now():
        raise Later("the trigger's time has not come", after=moment(scheduled))
    turn = _claim(ground, trigger, scheduled)
    if turn is None:
        return None
    zone, claim = ZoneInfo(turn.clock.schedule.zone), turn.claim
    event = ClockEvent.at(ground.clock.now(), trigger, moment(claim.slot).astimezone(zone), claim.missed)
    ran = runner(project, turn.record, event, delivery_id=f"{trigger}-{claim.slot}", attempt=claim.attempt)
    _end(project, turn, ran)
    return ran


@dataclass(frozen=True, slots=True)
class _Turn:
    """A claimed run; `began` in seconds since the epoch."""

    record: TriggerRecord
    clock: Clock
    claim: Claim
    began: float


def _claim(ground: Ground, trigger: str, slot: float) -> _Turn | None:
    ticket = ground.new_secret()[:22]
    for _ in range(TRIES):
        found = triggers.find(ground, trigger)
        if found is None:
            return None
        document, record = found
        clock, memory = _clock(record), record.clockwork
        if clock is None or memory is None or record.status == TriggerStatus.DISABLED:
            return None
        now = ground.now()
        mine = next((claim for claim in memory.claims if claim.ticket == ticket), None)
        if mine is not None:
            # It was written after all, though no answer came.
            return _Turn(record, clock, mine, now)
        step = clockwork.decide(clock, memory, slot, now, ticket)
        claimed = _timed(record, step.memory)
        try:
            if claimed != record:
                ground.store.commit(triggers.put(claimed, document.version))
        except (Conflict, OutcomeUnknown):
            continue
        return _Turn(claimed, clock, step.claim, now) if step.claim else None
    raise Later("the trigger's document is too busy")


def _end(project: Project, turn: _Turn, ran: Ran) -> None:
    """Give the claim back, note how it went, and see to what follows."""
    ground, followed = project.ground, list[Claim]()
    if ran.accepted and turn.clock.schedule.once:
        making.unmake(project, turn.record)
        return

    def ended(current: TriggerRecord) -> TriggerRecord | None:
        followed.clear()
        if current.clockwork is None:
            return None
        step = _after(ground, turn, current.clockwork, ran)
        if step.claim is not None:
            followed.append(step.claim)
        return _timed(_told(current, ran, turn.began, ground.now()), step.memory)

    if triggers.change(ground, turn.record.id, ended) is not None:
        for waiting in followed:
            _ask(ground, turn.record.id, waiting.slot, waiting)


def _after(ground: Ground, turn: _Turn, memory: Clockwork, ran: Ran) -> Step:
    clock, claim, now = turn.clock, turn.claim, ground.now()
    if not clock.schedule.once:
        # Its next slot is its next try.
        return clockwork.end(clock, memory, claim, now)
    if ran.outcome is not Outcome.NEEDS_AUTH and now - claim.slot > ground.policy.retry_for:
        return clockwork.end(clock, memory, claim, now)
    wait = min(ground.policy.retry_first * 2 ** min(claim.attempt, 30), ground.policy.retry_most)
    return clockwork.put_off(memory, claim, now + wait)


def _told(record: TriggerRecord, ran: Ran, began: float, now: float) -> TriggerRecord:
    """The record with its last run on it; whoever disabled it meanwhile is not overruled."""
    noted = msgspec.structs.replace(
        record,
        last_run=began,
        last_error=run.told(ran.error) if ran.error else None,
        failures=0 if ran.accepted else record.failures + 1,
    )
    if record.status == TriggerStatus.DISABLED:
        return noted
    if ran.accepted:
        active = record.status == TriggerStatus.ACTIVE
        return noted if active else triggers.with_status(noted, TriggerStatus.ACTIVE, None, now)
    status = TriggerStatus.NEEDS_AUTH if ran.outcome is Outcome.NEEDS_AUTH else TriggerStatus.FAILING
    return triggers.with_status(noted, status, noted.last_error, now)


def _clock(record: TriggerRecord) -> Clock | None:
    return Clock(record.schedule, record.id, record.created_at) if record.schedule else None


def _timed(record: TriggerRecord, memory: Clockwork | None) -> TriggerRecord:
    """The record with this memory, and with when the tick must look at it again."""
    resting = record.status == TriggerStatus.DISABLED or memory is None
    return msgspec.structs.replace(record, clockwork=memory, next_fire=None if resting or not memory else memory.due)
