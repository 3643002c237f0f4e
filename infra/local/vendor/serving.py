"""The service on a loopback port, with its threads: for tests, for the local stack, and for the command line."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import waitress.server
from waitress import wasyncore

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
    listener = _listen(host, port)
    base = f"http://{host}:{listener.getsockname()[1]}"
    server = VendorServer(account, base, clock=clock, new_id=new_id, state=state)
    lock, closing = threading.Lock(), threading.Event()
    courier = Courier(server, lock)
    app = application(server, lock, closing, courier.wake)
    http = waitress.server.create_server(app, sockets=[listener], threads=THREADS, max_request_body_size=MAX_BODY)
    thread = threading.Thread(target=_serve, args=(http, closing), name="vendor", daemon=True)
    thread.start()
    try:
        yield base
    finally:
        closing.set()
        _stop(http, thread)
        courier.close()
        server.close()


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _serve(http: waitress.server.TcpWSGIServer, closing: threading.Event) -> None:
    while not closing.is_set():
        wasyncore.loop(timeout=http.adj.asyncore_loop_timeout, map=http._map, count=1)  # noqa: SLF001 - its run() cannot be ended


def _stop(http: waitress.server.TcpWSGIServer, thread: threading.Thread) -> None:
    # First the loop, then the workers, which may still wake the loop, and only then what both share.
    http.pull_trigger()
    thread.join()
    http.task_dispatcher.shutdown()
    wasyncore.close_all(http._map)  # noqa: SLF001 - holds the open connections, of which close() knows nothing
