"""What a clock trigger remembers between its runs: which slot comes next, which ones a run has covered.

A slot is covered when some run has claimed it, alone or as the latest of several that had passed. Whoever holds a
task for a covered slot has nothing to do, unless the run that covered it died.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from functions.script.errors import InvalidTrigger
from functions.script.schedule import Schedule


class Claim(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run that has begun and not ended; instants in seconds since the epoch."""

    slot: float
    until: float
    """When it is given up as dead, unless it ends before."""
    missed: int = 0
    attempt: int = 1


class Clockwork(msgspec.Struct, frozen=True, omit_defaults=True):
    """A clock trigger's memory; instants in seconds since the epoch."""

    next_slot: float | None = None
    """The earliest slot that no task was made for."""
    covered: float | None = None
    """The latest slot that a run has claimed."""
    claims: tuple[Claim, ...] = ()
    buffered: bool = False
    """A slot has passed during a run, and is run for when that ends."""
    skipped: int = 0
    """Slots for which nothing ran, because an earlier run had not ended."""
    dropped: int = 0
    """Slots that passed while everything stood still, of a trigger that does not catch up."""
    failures: int = 0
    """Runs that failed since the last one that did not."""

    @property
    def due(self) -> float | None:
        """When the tick must look at the trigger again: for a slot, or for a run that may have died."""
        instants = [claim.until for claim in self.claims]
        return min([*instants, *([] if self.next_slot is None else [self.next_slot])], default=None)


def begin(schedule: Schedule, unique_id: str, created: float) -> Clockwork:
    """The memory of a trigger that is being made. Raises InvalidTrigger if it would never fire."""
    first = schedule.first(unique_id, moment(created))
    if first is None:
        raise InvalidTrigger("this schedule would never fire")
    return Clockwork(next_slot=first.timestamp())


def resume(schedule: Schedule, unique_id: str, created: float, memory: Clockwork, now: float) -> Clockwork:
    """The memory of a trigger that is enabled again: what passed meanwhile is not made up for."""
    if schedule.once:
        slot = schedule.first(unique_id, moment(created)) if memory.covered is None else None
        return msgspec.structs.replace(memory, next_slot=_seconds(slot), failures=0)
    following = schedule.next(unique_id, moment(created), moment(now))
    return msgspec.structs.replace(memory, next_slot=_seconds(following), covered=now, buffered=False, failures=0)


def moment(seconds: float) -> datetime:
    """An instant of a document."""
    return datetime.fromtimestamp(seconds, UTC)


def _seconds(instant: datetime | None) -> float | None:
    return None if instant is None else instant.timestamp()
