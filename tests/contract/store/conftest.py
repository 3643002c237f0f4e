"""Every promise of a Store is judged on every ground."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.memory import ManualClock
from tests.contract.grounds import NOON, STORES, PurgingStore, opened_store


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at noon."""
    return ManualClock(NOON)


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[PurgingStore]:
    """Every store in turn, empty."""
    with opened_store(request.param, tmp_path, clock) as store:
        yield store
