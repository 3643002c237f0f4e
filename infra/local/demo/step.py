"""A step of the story: what it promises, and what it showed when it was run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from infra.local.demo.sides import Spent
from infra.local.demo.world import Unkept, World


@dataclass(frozen=True, slots=True)
class Shown:
    """What a step did and saw; `ms` from the last change to everything being right."""

    did: str
    shows: str
    ms: float


@dataclass(frozen=True, slots=True)
class Step:
    """One promise; `run` raises Unkept if it is not kept. Steps of Janus are left out where there is none."""

    name: str
    promise: str
    run: Callable[[World], Shown]
    needs_janus: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """The outcome of a step; `failure` None: the promise was kept."""

    step: Step
    spent: Spent
    shown: Shown | None = None
    failure: str | None = None


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def ms(self) -> float:
        """Milliseconds since."""
        return (time.monotonic() - self._began) * 1000


def tell(world: World, step: Step) -> Told:
    """Run a step and count what it cost; the product is at rest before and after."""
    try:
        world.settle()
        world.count_from_here()
        shown = step.run(world)
        cost = world.spent()
        world.settle()
    except Unkept as failure:
        return Told(step, world.spent(), failure=str(failure))
    except Exception as error:  # noqa: BLE001 - one step's fault, whatever it is, must not hide the others' outcome
        return Told(step, Spent(), failure=f"{type(error).__name__}: {error}")
    return Told(step, cost, shown)
