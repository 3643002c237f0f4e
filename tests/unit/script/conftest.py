"""What a script is given, unless a test gives it something else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from functions import script
from tests.unit.script.bench import ALICE, Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A script that runs as Alice."""
    bench = Bench()
    with script.running(bench.project(), user=ALICE):
        yield bench
