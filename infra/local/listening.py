"""Serves a WSGI application on a loopback port, and ends in an order that no thread can trip over.

Authority: https://docs.pylonsproject.org/projects/waitress/
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import waitress.server
from waitress import wasyncore

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def bound(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A socket that listens on the port (0: a free one). Raises OSError if the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # A server that was just ended leaves connections behind that would otherwise keep its port for a minute.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


@contextmanager
def listening(
    app: WSGIApplication,
    listener: socket.socket,
    *,
    threads: int,
    largest_body: int,
    before_end: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Answer requests until the block ends; `before_end` is called first then, to cut short what makes answers wait."""
    server = waitress.server.create_server(
        app, sockets=[listener], threads=threads, max_request_body_size=largest_body, ident="lockstep"
    )
    ending = threading.Event()
    thread = threading.Thread(target=_serve, args=(server, ending), name="http", daemon=True)
    thread.start()
    try:
        yield
    finally:
        before_end()
        ending.set()
        _stop(server, thread)


def _serve(server: Any, ending: threading.Event) -> None:
    while not ending.is_set():
        wasyncore.loop(timeout=server.adj.asyncore_loop_timeout, map=server._map, count=1)  # noqa: SLF001 - its run() cannot be ended


def _stop(server: Any, thread: threading.Thread) -> None:
    # First the loop, then the workers, which may still wake the loop, and only then what both share.
    server.pull_trigger()
    thread.join()
    server.task_dispatcher.shutdown()
    wasyncore.close_all(server._map)  # noqa: SLF001 - holds the open connections, of which close() knows nothing
