"""What kind of world a seed makes: who lives in it, which vendors, what may go wrong and how often."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from conference.providers.protocol import CreateKey, Field, Recurrence, Schedule
from functions.ground import DAY, HOUR, MINUTE, Policy
from tests.simulation.cast import Part, cast
from tests.simulation.chance import Chance
from tests.simulation.faults import NEEDS_THE_NET, Fault, swarm
from tests.simulation.vendor import Traits

Kind = Literal["storm", "fresh", "calm"]

QUICK = Policy(
    poll=25 * MINUTE,
    sweep=16 * MINUTE,
    spare_life=16 * MINUTE,
    full_pass_cooldown=5 * MINUTE,
    channel_life=2 * HOUR,
    channel_renewal=HOUR,
    retry_most=5 * MINUTE,
)
"""The periodic jobs come round in half an hour, so that a world lives past each of them.

A sweep puts the next poll off, as notices do: so a calendar that has to be polled is seen to be.
"""

NO_NET = Policy(poll=100 * DAY, sweep=100 * DAY, spare_life=100 * DAY, retry_most=MINUTE)
"""Neither polls nor sweeps: whatever is right here came right by the notices alone."""

NO_NET_AND_SHORT_CHANNELS = replace(NO_NET, channel_life=4 * MINUTE, channel_renewal=2 * MINUTE)
"""The same, and channels are renewed while people act."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One world. `storm`: anything may go wrong; `fresh`: no net under it; `calm`: nothing goes wrong."""

    seed: int
    kind: Kind
    acts: int
    rate: float
    allowed: frozenset[Fault]
    vendors: tuple[Traits, ...]
    calendars: dict[str, tuple[str, ...]]
    width: int
    page_limit: int
    exceptions_first: bool
    deep: bool
    start: float
    short_channels: bool = False
    by_tasks: bool = False
    """A run leaves all its work to tasks, as it otherwise does with what it has no time for."""
    hurried: bool = False
    """People act from the beginning, while calendars are being connected, and one act follows upon the other."""

    cast: tuple[Part, ...] = ()
    """The triggers of users' scripts."""

    @property
    def policy(self) -> Policy:
        """The figures that the functions keep to."""
        no_net = NO_NET_AND_SHORT_CHANNELS if self.short_channels else NO_NET
        usual = no_net if self.kind == "fresh" else QUICK
        usual = replace(usual, run=2 * MINUTE) if self.cast else usual
        return replace(usual, inline=0.3) if self.by_tasks else usual


def scenario(seed: int) -> Scenario:
    """The world of a seed."""
    chance = Chance(seed, "scenario")
    dice = chance.generator("dice")
    kind: Kind = dice.choices(("storm", "fresh", "calm"), (7, 2, 1))[0]
    among = frozenset(Fault) - NEEDS_THE_NET if kind == "fresh" else frozenset(Fault)
    made = Scenario(
        seed=seed,
        kind=kind,
        acts=dice.randint(3, 9),
        rate=0.0 if kind == "calm" else dice.choice((0.5, 1.0, 1.0, 2.0) if kind == "storm" else (0.3, 1.0)),
        allowed=swarm(chance, among),
        vendors=tuple(_vendor(chance, name) for name in (("http", "other") if dice.random() < 0.3 else ("http",))),
        calendars=_calendars(dice.random()),
        width=dice.choice((1, 2, 4)),
        page_limit=dice.choice((1, 2, 2500, 2500)),
        exceptions_first=dice.random() < 0.2,
        deep=dice.random() < 0.25,
        start=dice.choice(_STARTS),
        short_channels=chance.numbers("channels")[0] < 0.4,
        by_tasks=chance.numbers("inline")[0] < 0.15,
        hurried=kind == "fresh" and chance.numbers("pace")[0] < 0.5,
    )
    return replace(made, cast=cast(seed, made.calendars))


_STARTS = (
    1_795_420_800.0,  # Monday 23 November 2026, 08:00 UTC
    1_792_828_800.0,  # Saturday 24 October 2026, the day before Zurich leaves summer time
    1_806_076_800.0,  # Friday 26 March 2027, before it begins
    1_835_337_600.0,  # Tuesday 28 February 2028, a leap year
)


def _calendars(drawn: float) -> dict[str, tuple[str, ...]]:
    alice, bob = "alice@example.com", "bob@example.com"
    if drawn < 0.5:
        return {alice: (alice,)}
    if drawn < 0.7:
        return {alice: (alice, "team@group.calendar.google.com")}
    if drawn < 0.9:
        return {alice: (alice,), bob: (bob,)}
    return {alice: (alice, "team@group.calendar.google.com"), bob: (bob,)}


def _vendor(chance: Chance, name: str) -> Traits:
    dice = chance.generator(f"vendor {name}")
    key = dice.choices(
        (CreateKey.EXTERNAL_KEY, CreateKey.CLIENT_ID, CreateKey.SEARCHABLE, CreateKey.NONE), (4, 2, 2, 2)
    )[0]
    timeless = dice.random() < 0.15
    return Traits(
        name,
        create_key=key,
        schedule=Schedule.NONE if timeless else Schedule.EXACT,
        conditional=dice.random() < 0.6,
        readable=dice.random() < 0.7,
        lists=True,
        pushes=dice.random() < 0.7,
        recurrence=Recurrence.NONE if timeless else dice.choice((Recurrence.OCCURRENCES, Recurrence.SERIES)),
        ignores=Field.AGENDA if dice.random() < 0.1 else None,
        list_lag=30.0 if dice.random() < 0.2 else 0.0,
    )
