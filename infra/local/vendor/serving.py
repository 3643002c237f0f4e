"""The service on a loopback port, with its threads: for tests, for the local stack, and for the command line."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from infra.local.listening import bound, listening
from infra.local.vendor.courier import Courier
from infra.local.vendor.server import MAX_BODY, Account, VendorServer
from infra.local.vendor.wsgi import application

THREADS = 8


@contextmanager
def running(
    account: Account,
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    state: Path | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    new_id: Callable[[], str] = lambda: secrets.token_urlsafe(9),
) -> Iterator[str]:
    """Serve until the block ends; yields the base URL. Raises OSError if the port is taken."""
    listener = bound(port, host)
    base = f"http://{host}:{listener.getsockname()[1]}"
    server = VendorServer(account, base, clock=clock, new_id=new_id, state=state)
    lock, closing = threading.Lock(), threading.Event()
    courier = Courier(server, lock)
    app = application(server, lock, closing, courier.wake)
    try:
        with listening(app, listener, threads=THREADS, largest_body=MAX_BODY, before_end=closing.set):
            yield base
    finally:
        courier.close()
        server.close()
