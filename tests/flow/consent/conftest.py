"""A fresh desk for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flow.consent.desk import Desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Nobody has consented to anything yet."""
    made = Desk()
    yield made
    made.close()
