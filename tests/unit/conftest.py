"""Unit tests run as if the machine stood at the edge of the world: its zone must decide nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.machine_zone import standing_in


@pytest.fixture(autouse=True, scope="module")
def elsewhere() -> Iterator[None]:
    """The machine's clock is twelve hours behind UTC while a module's tests run."""
    with standing_in("Etc/GMT+12"):
        yield
