"""A desk for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flow.addon.desk import Desk, Two
from tests.world import World


@pytest.fixture
def desk(world: World) -> Iterator[Desk]:
    """The add-on, installed."""
    made = Desk(world)
    yield made
    made.client.close()


@pytest.fixture
def two(world: World) -> Iterator[Two]:
    """The add-on with two solutions, its user's calendar connected."""
    made = Two(world)
    yield made
    made.close()
