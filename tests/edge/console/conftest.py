"""A world in step, and a browser at the console over it: one for each test, or one for all that change nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from functions.console.page import console
from tests.world import World


def in_step() -> Iterator[World]:
    """One user with a connected calendar and one event of ours, in step with its meeting."""
    made = World()
    made.connect()
    made.insert()
    made.settle()
    yield made
    made.close()


@pytest.fixture
def world() -> Iterator[World]:
    """A world of the test's own."""
    yield from in_step()


@pytest.fixture
def browser(world: World) -> FlaskClient:
    """A client of the console."""
    return console(world.ground).test_client()


@pytest.fixture(scope="module")
def quiet() -> Iterator[World]:
    """One for all the tests in which nothing may happen to it."""
    yield from in_step()


@pytest.fixture(scope="module")
def door(quiet: World) -> FlaskClient:
    """A client of the console over what stays quiet."""
    return console(quiet.ground).test_client()
