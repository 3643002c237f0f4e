"""The Calendar server on a port, with its threads: for tests, for the local stack, and for the command line."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from infra.local.calendar.delivery import Delivery
from infra.local.calendar.server import CalendarServer
from infra.local.calendar.wsgi import MAX_BODY, application
from infra.local.listening import bound, listening

THREADS = 8


@contextmanager
def running(server: CalendarServer, port: int = 0, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve until the block ends, pushes included; yields the base URL, below which /calendar/v3/ and /control/ lie.

    Raises OSError if the port is taken.
    """
    listener = bound(port, host)
    closing = threading.Event()
    delivery = Delivery(server)
    app = application(server, delivery.wake, closing)
    try:
        with listening(app, listener, threads=THREADS, largest_body=MAX_BODY, before_end=closing.set):
            yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        delivery.close()
