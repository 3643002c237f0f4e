"""What a clock trigger remembers between its runs, and what each task may do: pure, over slots and claims.

A slot is covered when a run has claimed it, alone or as the latest of several that had passed. Who holds a task for a
covered slot has nothing to do, unless the claim's time is over: then the run died, or was to be tried again.
The policies of overlap are those of https://docs.temporal.io/schedule#overlap-policy
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from functions.script.errors import InvalidTrigger
from functions.script.schedule import Late, Overlap, Schedule

LATE = 120.0
"""So many seconds after its slot a run is late: more than a tick and a queue take."""

LOST = 180.0
"""So many seconds after its time a task that nobody has come with counts as lost by the queue, and is made again."""


class Claim(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run that has begun and not ended, or is to begin at `until`; instants in seconds since the epoch."""

    slot: float
    until: float
    """When it is dead, unless it has ended before."""
    ticket: str = ""
    """Tells this claim from any other; empty while it waits to be taken up."""
    task: float = 0.0
    """The slot of the task that made it."""
    missed: int = 0
    attempt: int = 1


class Clockwork(msgspec.Struct, frozen=True, omit_defaults=True):
    """A clock trigger's memory; instants in seconds since the epoch."""

    next_slot: float | None = None
    """The earliest slot that no task was made for; the last one there is, until a run has claimed it."""
    covered: float | None = None
    """The latest slot that a run has claimed, or that was passed over."""
    claims: tuple[Claim, ...] = ()
    buffered: bool = False
    """A slot has passed during a run, and is run for when that ends."""
    skipped: int = 0
    """Slots for which nothing ran, because an earlier run had not ended."""
    dropped: int = 0
    """Slots that passed while everything stood still, of a trigger that does not catch up."""

    @property
    def due(self) -> float | None:
        """When the tick must look at the trigger again: for a slot, or for a run that may have died."""
        instants = [claim.until for claim in self.claims]
        if self.next_slot is not None and (self.covered is None or self.next_slot > self.covered):
            instants.append(self.next_slot)
        return min(instants, default=None)


@dataclass(frozen=True, slots=True)
class Clock:
    """A schedule with the id and the creation of its trigger: all that its slots depend on."""

    schedule: Schedule
    unique_id: str
    created: float

    def first(self) -> float | None:
        """The first slot."""
        return _seconds(self.schedule.first(self.unique_id, moment(self.created)))

    def after(self, instant: float | None) -> float | None:
        """The first slot later than this; None: the very first."""
        if instant is None:
            return self.first()
        return _seconds(self.schedule.next(self.unique_id, moment(self.created), moment(instant)))

    def late(self, start: float | None, now: float) -> Late | None:
        """The slots from `start` on that have passed, as one."""
        if start is None:
            return None
        return self.schedule.late(self.unique_id, moment(self.created), moment(start), moment(now))


@dataclass(frozen=True, slots=True)
class Step:
    """What a task does: run under `claim` (None: nothing), once `memory` is written."""

    memory: Clockwork
    claim: Claim | None = None


def begin(schedule: Schedule, unique_id: str, created: float) -> Clockwork:
    """The memory of a trigger that is being made. Raises InvalidTrigger if it would never fire."""
    first = Clock(schedule, unique_id, created).first()
    if first is None:
        raise InvalidTrigger("this schedule would never fire")
    return Clockwork(next_slot=first)


def resume(schedule: Schedule, unique_id: str, created: float, memory: Clockwork, now: float) -> Clockwork:
    """The memory of a trigger that is enabled again: what passed meanwhile is not made up for, but a single fire is."""
    clock = Clock(schedule, unique_id, created)
    running = tuple(claim for claim in memory.claims if claim.until > now)
    if schedule.once:
        open_yet = None if running else clock.first()
        covered = memory.covered if running else None
        return msgspec.structs.replace(memory, next_slot=open_yet, covered=covered, claims=running)
    return msgspec.structs.replace(memory, next_slot=clock.after(now), covered=now, claims=running, buffered=False)


def upcoming(clock: Clock, memory: Clockwork) -> float | None:
    """The next slot that nothing has run for, whether its task was made or not, or when a failed one is tried again."""
    waiting = [claim.until for claim in memory.claims if not claim.ticket]
    slot = clock.after(memory.covered)
    return min([*waiting, *([] if slot is None else [slot])], default=None)


def hand_over(clock: Clock, memory: Clockwork, now: float, horizon: float) -> tuple[list[float], Clockwork]:
    """The slots up to `horizon` to make tasks for, those passed as one, and the memory once they are made."""
    late, slots, following = clock.late(memory.next_slot, now), list[float](), memory.next_slot
    if late is not None:
        slots.append(late.slot.timestamp())
        following = clock.after(now)
    while following is not None and following <= horizon:
        slots.append(following)
        following = clock.after(following)
    # The last one stays, should the queue lose its task.
    return slots, msgspec.structs.replace(memory, next_slot=memory.next_slot if following is None else following)


def decide(clock: Clock, memory: Clockwork, slot: float, now: float, mine: Claim) -> Step:
    """What the holder of a task for `slot`, which has passed, does; `mine` is the claim that it would make.

    The queue gives a task to one worker at a time: who gets it again takes up what its former holder left.
    """
    if memory.covered is not None and slot <= memory.covered:
        return _again(memory, slot, now, mine)
    late = clock.late(clock.after(memory.covered), now)
    if late is None:
        return Step(memory)
    passed = late.slot.timestamp()
    covering = _covering(clock, memory, passed)
    if not clock.schedule.catch_up and not clock.schedule.once and now - passed > LATE:
        return Step(msgspec.structs.replace(covering, dropped=memory.dropped + late.missed + 1))
    running = tuple(claim for claim in memory.claims if claim.until > now)
    if running and clock.schedule.overlap is Overlap.SKIP:
        return Step(msgspec.structs.replace(covering, skipped=memory.skipped + late.missed + 1))
    if running and clock.schedule.overlap is Overlap.BUFFER_ONE:
        return Step(msgspec.structs.replace(memory, buffered=True))
    # Runs that died are covered by this one, as slots that nothing ran for.
    died = sum(1 + claim.missed for claim in memory.claims if claim.until <= now)
    claim = msgspec.structs.replace(mine, slot=passed, missed=late.missed + died)
    return Step(msgspec.structs.replace(covering, claims=(*running, claim)), claim)


def _covering(clock: Clock, memory: Clockwork, slot: float) -> Clockwork:
    """The memory with this slot covered: it needs no task any more, whether or not its maker came to note that."""
    following = memory.next_slot
    if following is not None and following <= slot:
        following = clock.after(slot) or following
    return msgspec.structs.replace(memory, covered=slot, next_slot=following)


def _again(memory: Clockwork, slot: float, now: float, mine: Claim) -> Step:
    """Take up a run that died; if none did, all is done or being done."""
    dead = next((one for one in memory.claims if one.until <= now or (one.ticket and one.task == slot)), None)
    if dead is None:
        return Step(memory)
    claim = msgspec.structs.replace(mine, slot=dead.slot, missed=dead.missed, attempt=dead.attempt + 1)
    others = tuple(one for one in memory.claims if one != dead)
    return Step(msgspec.structs.replace(memory, claims=(*others, claim)), claim)


def end(clock: Clock, memory: Clockwork, claim: Claim, now: float) -> Step:
    """What follows a run's end: the memory without its claim, and the claim of the run that has waited for it."""
    left = tuple(one for one in memory.claims if one != claim)
    ended = msgspec.structs.replace(memory, claims=left)
    if not memory.buffered or len(left) == len(memory.claims):
        return Step(ended)
    late = clock.late(clock.after(memory.covered), now)
    ended = msgspec.structs.replace(ended, buffered=False)
    if late is None:
        return Step(ended)
    waiting = Claim(late.slot.timestamp(), now, missed=late.missed, attempt=0)
    covering = _covering(clock, ended, waiting.slot)
    return Step(msgspec.structs.replace(covering, claims=(*left, waiting)), waiting)


def put_off(memory: Clockwork, claim: Claim, until: float) -> Step:
    """What follows a run that is to be tried again at `until`."""
    waiting = msgspec.structs.replace(claim, until=until, ticket="")
    left = tuple(one for one in memory.claims if one != claim)
    if len(left) == len(memory.claims):
        return Step(memory)
    return Step(msgspec.structs.replace(memory, claims=(*left, waiting)), waiting)


def moment(seconds: float) -> datetime:
    """An instant of a document."""
    return datetime.fromtimestamp(seconds, UTC)


def _seconds(instant: datetime | None) -> float | None:
    return None if instant is None else instant.timestamp()
