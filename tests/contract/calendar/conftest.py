"""Every promise of a Calendar is judged twice: without a socket, and over one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.calendar.stage import Stage, in_process, over_a_socket


@pytest.fixture(params=[in_process, over_a_socket], ids=["in process", "over a socket"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A fresh server and a Calendar before it; Alice's calendar exists."""
    with request.param() as made:
        yield made
