"""When clock triggers must have fired, reckoned anew in the simplest way: each slot at least once, and seldom more.

Authority: docs/triggers.md, *Clock triggers*. Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.simulation.sight import Broken

GRACE = 300.0
"""Seconds after which a slot must have been run for, once nothing goes wrong any more."""
NOTED = 2.0
"""Seconds within which the end of a run is written down, if nothing goes wrong."""


@dataclass(slots=True)
class Timed:
    """A clock trigger: every so many `minutes`, or `once` after so many seconds; asked for and made at these times."""

    trigger: str
    user: str
    minutes: int | None
    once: float | None
    asked: float
    made: float


@dataclass(slots=True, eq=False)
class Struck:
    """One run of a clock trigger's handler, for a slot and so many before it."""

    user: str
    slot: float
    missed: int
    began: float
    sound: Callable[[], bool]
    """Tells, at any later time, whether nothing has struck its process."""
    ended: float | None = None
    failed: bool = False
    zombie: bool = field(init=False)
    """Its process had been struck before: it may have claimed the slot long ago, and another have taken it over."""

    def __post_init__(self) -> None:
        self.zombie = not self.sound()

    @property
    def counts(self) -> bool:
        """True if the handler came to an end, in whatever way: a repeated trigger's next try is its next slot."""
        return self.ended is not None or self.failed


@dataclass(slots=True)
class Strikes:
    """Clock triggers and their runs."""

    timed: dict[str, Timed] = field(default_factory=dict)
    runs: dict[str, list[Struck]] = field(default_factory=dict)
    given_up: list[tuple[str, float]] = field(default_factory=list)
    """Slots of triggers whose task the queue has lost: the next slot's run covers them."""

    @property
    def count(self) -> int:
        """How many runs there were."""
        return sum(map(len, self.runs.values()))

    def follow(self, timed: Timed) -> None:
        """A trigger is made."""
        self.timed.setdefault(timed.trigger, timed)

    def run(self, trigger: str, struck: Struck) -> Struck:
        """A run begins."""
        self.runs.setdefault(trigger, []).append(struck)
        return struck

    def judge(self, now: float, *, left: set[str]) -> None:
        """Judge everything; `left` are the triggers that live. Raises Broken."""
        for timed in self.timed.values():
            runs = self.runs.get(timed.trigger, [])
            if any(run.user != timed.user for run in runs):
                raise Broken("strikes", f"trigger {timed.trigger} of {timed.user} ran as somebody else")
            if timed.once is not None:
                if now > timed.made + timed.once + GRACE:
                    self._check_once(timed, runs, left)
            else:
                self._check_again(timed, runs, now)
            self._check_seldom(timed, runs)

    def _check_once(self, timed: Timed, runs: Sequence[Struck], left: set[str]) -> None:
        if not any(run.ended is not None for run in runs):
            raise Broken("strikes", f"trigger {timed.trigger}, made at {timed.made}, has never fired")
        early = timed.asked + (timed.once or 0.0)
        if any(run.slot < early - 1 or run.slot > timed.made + (timed.once or 0.0) + 1 for run in runs):
            raise Broken("strikes", f"trigger {timed.trigger} fired for {runs[0].slot}, it was asked for {early}")
        if timed.trigger in left:
            raise Broken("strikes", f"trigger {timed.trigger} has fired, and is there still")

    def _check_again(self, timed: Timed, runs: Sequence[Struck], now: float) -> None:
        step = 60.0 * (timed.minutes or 1)
        if len({run.slot % step for run in runs}) > 1:
            raise Broken("strikes", f"trigger {timed.trigger} fires now at this minute and now at that one")
        first = runs[0].slot % step if runs else 0.0
        slot = timed.made - (timed.made - first) % step + step
        covered = sorted((run.slot - run.missed * step, run.slot) for run in runs if run.counts)
        if not runs and now - timed.made < step + GRACE:
            return
        while slot <= now - GRACE:
            reach = max((last for start, last in covered if start <= slot), default=0.0)
            if reach < slot and slot > now - GRACE - step and self._is_given_up(timed.trigger, slot):
                return
            if reach < slot:
                raise Broken("strikes", f"nothing ran for slot {slot} of trigger {timed.trigger}, made at {timed.made}")
            slot = reach + step

    def _is_given_up(self, trigger: str, slot: float) -> bool:
        return any(trigger == whose and abs(slot - lost) < 1 for whose, lost in self.given_up)

    def _check_seldom(self, timed: Timed, runs: Sequence[Struck]) -> None:
        """A slot that a run has ended for, which nothing has struck, is run for no more.

        But for one that has died over it meanwhile: the queue had given the task to both. And for a zombie.
        """
        step = 60.0 * (timed.minutes or 1)
        for first in runs:
            if first.ended is None or not first.sound():
                continue
            for later in runs:
                over = later.slot - later.missed * step <= first.slot <= later.slot
                died = any(run.slot == later.slot and not run.sound() for run in runs if run is not later)
                if over and later.began > first.ended + NOTED and not died and not later.zombie:
                    raise Broken("strikes", f"trigger {timed.trigger} ran for {first.slot}, and at {later.began} again")
