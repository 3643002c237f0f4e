"""A fresh world for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """One user, one calendar, one provider; nothing connected yet."""
    made = World()
    yield made
    made.close()


@pytest.fixture
def feed(world: World) -> str:
    """The user's primary calendar, connected."""
    return world.connect()
