"""A service with JSON over HTTP, which answers as a test says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

HANG_UP = 0
"""Instead of a status: the connection ends without an answer."""


class Cut(bytes):
    """A body whose last byte never comes: the connection ends before it."""


@dataclass(slots=True)
class Played:
    """A service that answers as a test says: a status and JSON for each request, in their order; the last for ever."""

    answers: list[tuple[int, Any]]
    asked: list[tuple[str, Any, dict[str, str]]] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    origin: str = ""

    def answer(self) -> tuple[int, Any]:
        """The next one."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def playing(*answers: tuple[int, Any], idle: float | None = None) -> Iterator[Played]:
    """Serve these answers; a connection that is `idle` for so many seconds is hung up."""
    played = Played(list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = idle

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            played.connections.add(self.client_address)
            played.asked.append((self.path, msgspec.json.decode(raw) if raw else None, dict(self.headers)))
            status, told = played.answer()
            if status == HANG_UP:
                self.close_connection = True
                return
            body = told if isinstance(told, bytes) else msgspec.json.encode(told)
            self.send_response(status)
            cut = isinstance(told, Cut)
            self.close_connection |= cut
            self.send_header("Content-Length", str(len(body) + cut))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815 - the name the server asks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name the server gives it
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        played.origin = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=partial(server.serve_forever, 0.01))
        thread.start()
        try:
            yield played
        finally:
            server.shutdown()
            thread.join()
