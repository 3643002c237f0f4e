"""A fresh desk for each test, and a browser before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flow.consent.browsing import Browser
from tests.flow.consent.desk import Desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Nobody has consented to anything yet."""
    made = Desk()
    yield made
    made.close()


@pytest.fixture
def browser(desk: Desk) -> Browser:
    """A browser that has been nowhere."""
    return Browser(desk)
