"""A collector of its own for each test of what is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.security.collector import Collector, collecting


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector, empty."""
    with collecting() as made:
        yield made
