"""What tests of odd moments do to a world: another run overtakes, and time heals."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from functions import feed as feeds
from tests.world import World


def raise_fence(world: World, feed: str) -> None:
    """Another run takes the lease over."""
    feeds.change(world.ground, feed, lambda it: msgspec.structs.replace(it, fence=it.fence + 1))


def heal(world: World, hours: int = 2) -> None:
    """Time passes, with the scheduler's minutes now and then."""
    for _ in range(hours * 2):
        world.clock.advance(timedelta(minutes=30))
        world.tick()
        world.settle()
