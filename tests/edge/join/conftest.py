"""A ground of its own, and a browser at the join page, for each test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from functions.ground import Ground
from functions.join.page import LIBRARIES, join_page
from infra.local.memory import ManualClock, MemoryStore
from tests.edge.join.rooms import NOW, ROOMS
from tests.world import World


@pytest.fixture(scope="module")
def somewhere() -> Iterator[Ground]:
    """A ground of which each test takes what it does not replace."""
    made = World()
    yield made.ground
    made.close()


@pytest.fixture
def ground(somewhere: Ground) -> Ground:
    """An empty store, and a clock that shows half past ten."""
    clock = ManualClock(NOW)
    return replace(somewhere, clock=clock, store=MemoryStore(clock))


@pytest.fixture
def libraries(tmp_path: Path) -> Mapping[str, Path]:
    """Something to serve as the browser's library."""
    files = {name: tmp_path / name for name in LIBRARIES}
    for name, file in files.items():
        file.write_text(f"// {name}\n")
    return files


@pytest.fixture
def door(ground: Ground, libraries: Mapping[str, Path]) -> FlaskClient:
    """A browser at the page."""
    return join_page(ground, ROOMS, libraries).test_client()
