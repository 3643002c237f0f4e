"""The world in which the add-on of the examples runs, in either style."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.flow.script_sample.world import BOB, STYLES, TEAM, SampleWorld
from tests.world import ALICE


@pytest.fixture(params=STYLES)
def world(request: pytest.FixtureRequest) -> Iterator[SampleWorld]:
    """The same world, with the add-on in either style."""
    with contextlib.closing(SampleWorld(request.param)) as made:
        yield made


@pytest.fixture
def begun(world: SampleWorld) -> SampleWorld:
    """With the user's own calendar kept in step."""
    world.begin()
    return world


@pytest.fixture
def teamed(begun: SampleWorld) -> SampleWorld:
    """With a second calendar of the user's kept in step."""
    begun.google_control("calendars", id=TEAM, owner=ALICE, timeZone="Europe/Zurich", roles={BOB: "writer"})
    begun.begin(TEAM)
    return begun
