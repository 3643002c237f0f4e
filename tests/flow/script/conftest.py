"""A fresh world with a script for each test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.flow.scripted import ScriptWorld


@pytest.fixture
def world() -> Iterator[ScriptWorld]:
    """Nobody follows a calendar yet."""
    with contextlib.closing(ScriptWorld()) as made:
        yield made
