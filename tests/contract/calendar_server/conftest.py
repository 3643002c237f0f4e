"""A fresh Calendar server for each test."""

from __future__ import annotations

import pytest

from tests.contract.calendar_server.desk import Desk


@pytest.fixture
def desk() -> Desk:
    """Nobody has used it yet."""
    return Desk()
