"""Unit tests run as if the machine stood at the edge of the world: its zone must decide nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def elsewhere() -> Iterator[None]:
    """The machine's clock is twelve hours behind UTC while a module's tests run."""
    before = os.environ.get("TZ")
    _stand_in("Etc/GMT+12")
    yield
    _stand_in(before)


def _stand_in(zone: str | None) -> None:
    if zone is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = zone
    time.tzset()
