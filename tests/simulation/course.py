"""The course of one world: its time, what chance and faults do to it, who judges it, and what broke first."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from conference.errors import Forged, Later, LockstepError, OutcomeUnknown, Stale
from functions.ground import Ground
from functions.script import Project
from tests.simulation.chance import Chance
from tests.simulation.crossing import Crossing
from tests.simulation.faults import Faults
from tests.simulation.hub import Crash, Hub, Worker
from tests.simulation.judge import Broken, Judge

Statuses = Mapping[type[Exception], int]
"""How a door answers the errors of its function; the first that fits."""

FROM_OUTSIDE: Statuses = {Forged: 403, Later: 503, OutcomeUnknown: 503, Stale: 503}
TASK: Statuses = {Later: 503, OutcomeUnknown: 503, Stale: 503, LockstepError: 200}
TICK: Statuses = {LockstepError: 200}


@dataclass(slots=True)
class Course:
    """What all that comes to the functions has in common."""

    hub: Hub
    chance: Chance
    faults: Faults
    crossing: Crossing
    judge: Judge
    down_until: float = 0.0
    """Until then neither functions nor scheduler nor queue work."""
    broken: Broken | None = None
    numbers: Counter[str] = field(default_factory=Counter)
    ground: Ground = field(init=False)
    """What the functions stand on; made last, since its queue and its Calendar tell the others what to carry."""
    lost_strikes: list[tuple[str, float]] = field(default_factory=list)
    """Triggers and slots whose task the queue has given up."""
    project: Callable[[Ground], Project] | None = None
    """The script on a ground, in worlds that have one."""

    def named(self, what: str) -> str:
        """A name for one more of these."""
        self.numbers[what] += 1
        return f"{what} #{self.numbers[what]}"

    def note_broken(self, broken: Broken) -> None:
        """Keep the first promise that was broken."""
        self.broken = self.broken or broken

    def status(self, worker: Worker, statuses: Statuses, own: int | None = None) -> int | None:
        """What the function's door answers; None if its process died. `own` is the number of the task it was given."""
        self._judge_end(worker, own)
        error = worker.error
        if error is None:
            return 204
        if isinstance(error, Crash):
            return None
        if isinstance(error, Broken):
            self.note_broken(error)
            return 200
        for kind, status in statuses.items():
            if isinstance(error, kind):
                return status
        self.note_bug(worker)
        return 500

    def _judge_end(self, worker: Worker, own: int | None) -> None:
        process, crossing = worker.process, self.crossing
        undisturbed = worker.error is None and process not in crossing.slowed
        well = worker.error is None and process not in crossing.groundless
        try:
            self.judge.care.ended(worker.name, well=well, undisturbed=undisturbed, died=process.dead, own=own)
        except Broken as broken:
            self.note_broken(broken)

    def note_bug(self, worker: Worker) -> None:
        """Note that a function raised what it never should."""
        lines = traceback.format_exception(worker.error)
        self.note_broken(Broken("bug", f"{worker.name}: {''.join(lines[-3:])}"))
