"""A queue, a receiver on this machine, and dispatchers between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from infra.local.dispatcher import Dispatcher
from infra.local.memory import ManualClock
from infra.local.queue_policy import QueuePolicy
from infra.local.sqlite_queue import SqliteQueue
from tests.contract.dispatcher.sending import QUICK, Begin
from tests.contract.grounds import NOON
from tests.contract.loopback import Receiver, receiving


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at noon."""
    return ManualClock(NOON)


@pytest.fixture
def queue(tmp_path: Path, clock: ManualClock) -> Iterator[SqliteQueue]:
    """An empty queue."""
    with closing(SqliteQueue(tmp_path / "tasks.db", clock)) as queue:
        yield queue


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that answers 200 until told otherwise."""
    with receiving(Receiver()) as receiver:
        yield receiver


@pytest.fixture
def begin(queue: SqliteQueue, receiver: Receiver, clock: ManualClock) -> Iterator[Begin]:
    """Starts dispatchers, which are stopped at the end, before the receiver is."""
    with ExitStack() as to_stop:

        def begin(policy: QueuePolicy = QUICK, bearer: Callable[[str], str] = str, **changed: Any) -> Dispatcher:
            dispatcher = Dispatcher(queue, receiver.address, bearer, policy=policy, clock=clock, **changed)
            return to_stop.enter_context(dispatcher)

        yield begin
