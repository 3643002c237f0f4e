"""What the tests of the doors share: the ground of this process, as a deployed function finds it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog

from infra import edge, wiring


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[wiring.Local]:
    """The ground of this process, in a folder of its own; no server is up."""
    monkeypatch.setenv("LOCKSTEP_STATE", str(tmp_path))
    monkeypatch.setenv("LOCKSTEP_JANUS", "off")
    forget()
    with logging_as_it_was():
        made = wiring.standing()
        assert isinstance(made, wiring.Local)
        yield made
        made.close()
    forget()


@contextmanager
def logging_as_it_was() -> Iterator[None]:
    """A function that begins sets up logging for its process, which here is that of all tests."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:], root.level = handlers, level
        structlog.configure(**before)


def forget() -> None:
    """Let the next request make the ground anew."""
    edge.standing.forget()
    wiring.standing.forget()
