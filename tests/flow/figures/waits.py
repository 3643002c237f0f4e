"""What a world shows while its flow goes on: when tasks are due, and what stands when a port is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.meanwhile import Meanwhile
from tests.world import World


def due(world: World, function: str) -> list[float]:
    """In how many seconds each task of this function is due."""
    return [
        held.at.timestamp() - world.ground.now() for held in world.queue.waiting() if held.task.function == function
    ]


def seen_during(world: World, port: str, method: str, look: Callable[[], Any]) -> list[Any]:
    """What `look` finds at the first call of the port's method."""
    found: list[Any] = []
    if port == "provider":
        world.change_ground(providers={"http": Meanwhile(world.provider, method, lambda: found.append(look()))})
    else:
        calm = world.ground.calendar
        world.change_ground(calendar=Meanwhile(calm, method, lambda: found.append(look())))
    return found
