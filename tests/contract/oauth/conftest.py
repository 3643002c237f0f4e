"""A fresh authorization server for each test."""

from __future__ import annotations

import pytest

from tests.contract.oauth.office import Office


@pytest.fixture
def office() -> Office:
    """Nobody has asked for anything yet."""
    return Office()
