"""What the tests of the doors share: the ground of this process, as a deployed function finds it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import edge, wiring


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[wiring.Local]:
    """The ground of this process, in a folder of its own; no server is up."""
    monkeypatch.setenv("LOCKSTEP_STATE", str(tmp_path))
    monkeypatch.setenv("LOCKSTEP_JANUS", "off")
    forget()
    made = wiring.standing()
    yield made
    made.close()
    forget()


def forget() -> None:
    """Let the next request make the ground anew."""
    edge.standing.forget()
    wiring.standing.forget()
