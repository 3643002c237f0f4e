"""A receiver of tasks on this machine: answers as a test says and remembers what came."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE = 10.0  # seconds a test waits for what must come; it comes within milliseconds


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came in."""

    function: str
    body: dict[str, Any]
    headers: dict[str, str]
    at: float


@dataclass(slots=True)
class Receiver:
    """What has come in so far; `answer` yields the status and the header fields of each call's answer."""

    answer: Callable[[Call], tuple[int, dict[str, str]]] = lambda _call: (200, {})
    calls: list[Call] = field(default_factory=list)
    most_at_once: int = 0
    address: str = ""
    _at_once: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def receive(self, call: Call) -> tuple[int, dict[str, str]]:
        """Note the call and answer it."""
        with self._changed:
            self.calls.append(call)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self._changed.notify_all()
        try:
            return self.answer(call)
        finally:
            with self._changed:
                self._at_once -= 1

    def wait_for(self, calls: int) -> list[Call]:
        """The calls, once there are at least so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.calls) >= calls, PATIENCE), "too few calls came"
            return [*self.calls]


@contextmanager
def receiving(receiver: Receiver) -> Iterator[Receiver]:
    """Serve the receiver at a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            call = Call(self.path.rpartition("/")[2], body, dict(self.headers), time.monotonic())
            status, headers = receiver.receive(call)
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name the server gives it
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_request: object) -> None:
            """A caller that is killed in the middle is what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        receiver.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def until(condition: Callable[[], bool], patience: timedelta = timedelta(seconds=PATIENCE)) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + patience.total_seconds()
    while not condition():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.005)
