"""A fresh Calendar server for each test, on a port of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.local.calendar.serving import running
from tests.contract.calendar_server.desk import Desk


@pytest.fixture
def desk() -> Desk:
    """Google's side, to look at and to interfere with from behind the client's back."""
    return Desk()


@pytest.fixture
def base(desk: Desk) -> Iterator[str]:
    """Where the desk's server answers."""
    with running(desk.server) as address:
        yield address
