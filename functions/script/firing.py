"""Runs clock triggers: a task claims its slot, with whatever else has passed, and calls the handler for it once.

Authority: https://developers.google.com/apps-script/guides/triggers/installable#time-driven_triggers
What a task may do is decided by what its commit finds. A repeated trigger's next slot is its next try; a single one is
tried again, and removed once it has succeeded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec

from conference.errors import Conflict, Later, OutcomeUnknown
from functions.feed import TRIES
from functions.ground import Ground
from functions.script import clockwork, dispatch, failures, making, run
from functions.script import trigger as triggers
from functions.script.clock_event import ClockEvent
from functions.script.clockwork import Claim, Clock, Clockwork, Step, moment
from functions.script.enums import TriggerStatus
from functions.script.project import Project
from functions.script.run import Outcome, Ran
from functions.script.trigger import TriggerRecord
from functions.work import retry_at


class Runner(Protocol):
    """Calls a trigger's handler; it is `run.run`."""

    def __call__(
        self, project: Project, record: TriggerRecord, event: object, *, delivery_id: str, attempt: int
    ) -> Ran:
        """Never raises what the handler raised."""


def run_due(project: Project, trigger: str, scheduled: float, *, runner: Runner = run.run) -> Ran | None:
    """Run a trigger for its slot `scheduled`, if that is still to be done; None if nothing was run.

    What has passed since is run for along with it, once. Raises Later before its time.
    """
    ground = project.ground
    if scheduled > ground.now():
        raise Later("the trigger's time has not come")
    turn = _claim(project, trigger, scheduled)
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


def _claim(project: Project, trigger: str, slot: float) -> _Turn | None:
    ground, ticket = project.ground, project.ground.new_secret()[:22]
    for _ in range(TRIES):
        found = triggers.find(ground, trigger)
        if found is None:
            return None
        document, record = found
        clock, memory = dispatch.clock_of(record), record.clockwork
        if clock is None or memory is None or record.script != project.id or record.status == TriggerStatus.DISABLED:
            return None
        now = ground.now()
        mine = next((claim for claim in memory.claims if claim.ticket == ticket), None)
        if mine is not None:
            # It was written after all, though no answer came.
            return _Turn(record, clock, mine, now)
        step = clockwork.decide(clock, memory, slot, now, Claim(slot, now + ground.policy.run, ticket, slot))
        claimed = dispatch.timed(record, step.memory)
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
        told = _told(current, ran, turn.began, ground.now())
        if turn.clock.schedule.once and step.claim is None and told.status != TriggerStatus.DISABLED:
            told = triggers.with_status(told, TriggerStatus.FAILING, told.last_error, ground.now())
        return dispatch.timed(told, step.memory)

    if triggers.change(ground, turn.record.id, ended) is None:
        return
    for waiting in followed:
        dispatch.ask(ground, turn.record.id, waiting.slot, waiting)
    if ran.error is not None and not _tried_again(ground, turn, ran):
        failures.tell(project, turn.record, None, ran.error)


def _after(ground: Ground, turn: _Turn, memory: Clockwork, ran: Ran) -> Step:
    now = ground.now()
    if not _tried_again(ground, turn, ran):
        return clockwork.end(turn.clock, memory, turn.claim, now)
    after = ran.error.after if isinstance(ran.error, Later) else None
    return clockwork.put_off(memory, turn.claim, retry_at(ground, after, turn.claim.attempt, turn.record.id))


def _tried_again(ground: Ground, turn: _Turn, ran: Ran) -> bool:
    """Whether a run that has ended is not the last one for its slot."""
    if ran.accepted or not turn.clock.schedule.once:
        return False
    # What waits for a person waits for as long as they take.
    return ran.outcome is Outcome.NEEDS_AUTH or turn.began - turn.claim.slot <= ground.policy.retry_for


def _told(record: TriggerRecord, ran: Ran, began: float, now: float) -> TriggerRecord:
    """The record with its last run on it; whoever disabled it meanwhile is not overruled."""
    noted = msgspec.structs.replace(
        record,
        last_run=began,
        last_error=run.told(ran.error) if ran.error else None,
        failures=0 if ran.accepted else record.failures + 1,
    )
    status = TriggerStatus(_STATUS.get(ran.outcome, record.status))
    if record.status in (TriggerStatus.DISABLED, status):
        return noted
    return triggers.with_status(noted, status, noted.last_error, now)


_STATUS = {
    Outcome.COMPLETED: TriggerStatus.ACTIVE,
    Outcome.NEEDS_AUTH: TriggerStatus.NEEDS_AUTH,
    Outcome.NO_HANDLER: TriggerStatus.FAILING,
}
"""What a run makes of its trigger; one whose handler failed is not yet given up."""
