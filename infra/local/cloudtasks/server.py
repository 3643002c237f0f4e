"""The whole server: book, dispatcher and gRPC port, started and stopped together."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from infra.local.cloudtasks.book import Book
from infra.local.cloudtasks.calling import Caller, Sign
from infra.local.cloudtasks.dispatching import Dispatcher
from infra.local.cloudtasks.faults import FaultBox
from infra.local.cloudtasks.servicer import Servicer
from infra.local.cloudtasks.wire import SERVICE, methods
from infra.local.grpc_port import GrpcPort


class CloudTasksServer:
    """Cloud Tasks at `port` of this machine (0: a free one), kept in the file `state`.

    `now` tells the time, `sign` makes identity tokens. Without `dispatching` nothing is ever called: whoever made the
    server takes tasks from its book. Entering starts it.
    """

    def __init__(
        self,
        state: Path,
        now: Callable[[], datetime],
        sign: Sign,
        *,
        port: int = 0,
        names_kept: timedelta = timedelta(hours=24),
        queues_rest: timedelta = timedelta(days=7),
        dispatching: bool = True,
    ) -> None:
        self._state = state
        self._now = now
        self._sign = sign
        self._wanted = port
        self._kept = names_kept, queues_rest
        self._dispatching = dispatching
        self.faults = FaultBox()

    def __enter__(self) -> Self:
        self.book = Book(self._state, *self._kept)
        self._caller = Caller(self._sign, self._now)
        self.dispatcher = Dispatcher(self.book, self._caller, self._now, self.faults)
        self.servicer = Servicer(
            self.book,
            self._now,
            new_id=_new_id,
            notice=self.dispatcher.notice,
            run=self.dispatcher.run_now,
            faults=self.faults,
        )
        try:
            self._grpc = GrpcPort(SERVICE, methods(self.servicer), self._wanted)
        except BaseException:
            self._caller.close()
            self.book.close()
            raise
        if self._dispatching:
            self.dispatcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._grpc.close()
        self.dispatcher.stop(timedelta(seconds=3))
        self._caller.close()
        self.book.close()

    @property
    def target(self) -> str:
        """Where clients find it, as gRPC says it."""
        return f"127.0.0.1:{self._grpc.port}"


def _new_id() -> str:
    return str(secrets.randbelow(9 * 10**18) + 10**18)
