"""The handlers that live in a world, and the triggers that call them: drawn from streams of their own.

A world without them draws nothing here that it would miss: it is what it was before there were any.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.simulation.chance import Chance

SHARE = 0.2
"""Of the worlds, so many have handlers in them; each costs half as much again as one without."""
CALENDAR_HANDLERS = ("note", "place", "place_exactly", "choose")
"""One only notes what it is told, two write a place into each event, the last never copes with some of them."""
STRIKES = (0.35, 0.2)
"""Of these worlds, so many have a clock trigger that fires again and again, and one that fires once."""


@dataclass(frozen=True, slots=True)
class Part:
    """One trigger that a user makes `after` seconds: on a calendar, or on a clock by `minutes` or `once` (seconds)."""

    user: str
    handler: str
    after: float
    calendar: str | None = None
    own_writes: bool = False
    minutes: int | None = None
    once: float | None = None

    @property
    def told(self) -> str:
        """In words, for a story."""
        if self.calendar is not None:
            return f"{self.user} has {self.handler} follow {self.calendar}{' and itself' if self.own_writes else ''}"
        when = f"every {self.minutes} minutes" if self.minutes else f"once, in {self.once:.0f} seconds"
        return f"{self.user} has {self.handler} called {when}"


def cast(seed: int, calendars: Mapping[str, Sequence[str]]) -> tuple[Part, ...]:
    """The triggers of this seed's world; none in most worlds."""
    return parts_of(seed, calendars) if Chance(seed, "triggers").numbers("any")[0] < SHARE else ()


def parts_of(seed: int, calendars: Mapping[str, Sequence[str]]) -> tuple[Part, ...]:
    """The triggers that this seed's world would have, if it has any."""
    chance = Chance(seed, "triggers")
    parts = [part for user in calendars for part in _of(user, calendars[user], chance.generator(user))]
    return (*parts, *_strikes(next(iter(calendars)), chance))


def _of(user: str, calendars: Sequence[str], dice: random.Random) -> list[Part]:
    handlers = dice.sample(CALENDAR_HANDLERS, dice.choice((1, 1, 2)))
    return [
        Part(user, handler, _begins(dice), calendar=dice.choice(calendars), own_writes=dice.random() < 0.15)
        for handler in handlers
    ]


def _begins(dice: random.Random) -> float:
    """Mostly while the calendars are being connected, or soon after; sometimes in the middle of everything."""
    kind = dice.random()
    if kind < 0.5:
        return 4 * dice.random()
    return 60 * dice.random() if kind < 0.85 else 1200 * dice.random()


def _strikes(user: str, chance: Chance) -> list[Part]:
    again, once, *_ = chance.numbers("strikes")
    dice = chance.generator("clock")
    found = [Part(user, "strike", _begins(dice), minutes=dice.choice((20, 30, 60)))] if again < STRIKES[0] else []
    return [*found, *([Part(user, "strike", _begins(dice), once=1800 * dice.random())] if once < STRIKES[1] else [])]
