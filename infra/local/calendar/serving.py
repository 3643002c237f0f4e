"""The Calendar server on a port, with its threads: for tests, for the local stack, and for the command line."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import waitress.server
from waitress import wasyncore

from infra.local.calendar.delivery import Delivery
from infra.local.calendar.server import CalendarServer
from infra.local.calendar.wsgi import MAX_BODY, application

THREADS = 8


@contextmanager
def running(server: CalendarServer, port: int = 0, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve until the block ends, pushes included; yields the base URL, below which /calendar/v3/ and /control/ lie.

    Raises OSError if the port is taken.
    """
    listener = _listen(host, port)
    closing = threading.Event()
    delivery = Delivery(server)
    app = application(server, delivery.wake, closing)
    http = waitress.server.create_server(app, sockets=[listener], threads=THREADS, max_request_body_size=MAX_BODY)
    thread = threading.Thread(target=http.run, name="calendar", daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        closing.set()
        _stop(http, thread)
        delivery.close()


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _stop(http: waitress.server.TcpWSGIServer, thread: threading.Thread) -> None:
    # The loop ends when nothing is left to watch; only its own thread may take things away from it.
    http.trigger.pull_trigger(lambda: wasyncore.close_all(http._map))  # noqa: SLF001 - waitress has no public stop
    thread.join()
    http.task_dispatcher.shutdown()
