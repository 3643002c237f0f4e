"""A deployed function as it is deployed, under functions-framework and its server: what strangers' bytes do to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0
MEGABYTE = 1 << 20
BLOCK = b"x" * (1 << 16)
CANARY = "canary-7c1f"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the server's memory is read from /proc")


@dataclass(frozen=True, slots=True)
class Server:
    """A running function: where it is, its process, and the file with all that it prints."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def ask(self, head: bytes, body: Iterable[bytes] = ()) -> list[int]:
        """Send these bytes and hang up; the statuses of all answers that come."""
        with closing(socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)) as line:
            try:
                line.sendall(head)
                for part in body:
                    line.sendall(part)
                line.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it answered and hung up before all was sent
            return [int(text[:3]) for text in _all(line).split(b"HTTP/1.1 ")[1:]]

    def most_memory(self) -> int:
        """The most bytes that any process of it has ever had."""
        pid = self.process.pid
        workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        lines = [line for worker in workers for line in Path(f"/proc/{worker}/status").read_text().splitlines()]
        return max(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _all(line: socket.socket) -> bytes:
    found = b""
    try:
        while part := line.recv(65536):
            found += part
    except ConnectionResetError:
        pass
    return found


@contextmanager
def serving(function: str, folder: Path) -> Iterator[Server]:
    """Serve a function of main.py as Cloud Run would, until the block ends."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    log = folder / "log"
    command = ["-m", "functions_framework", "--target", function, "--source", str(ROOT / "main.py")]
    environment = {"LOCKSTEP_STATE": str(folder / "state"), "LOCKSTEP_JANUS": "off", "THREADS": "4"}
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
            [sys.executable, *command, "--host", "127.0.0.1", "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=out,
            stderr=out,
        )
    server = Server(port, process, log)
    try:
        _await(server)
        yield server
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _await(server: Server) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert server.process.poll() is None, server.log.read_text()
        try:
            if server.ask(head(b"Content-Length: 0")) == [403]:
                return
        except ConnectionError:
            time.sleep(0.05)
    raise AssertionError("the server did not come up")


def head(*lines: bytes, start: bytes = b"POST / HTTP/1.1") -> bytes:
    """A request's head."""
    return b"\r\n".join([start, b"Host: functions.example", *lines, b"", b""])


STATUSES = {
    "a notice of nobody's": (head(b"Content-Length: 0"), {403}),
    "no length": (head(), {403}),
    "one byte": (head(b"Content-Length: 1") + b"x", {413}),
    "one byte in chunks": (head(b"Transfer-Encoding: chunked") + b"1\r\nx\r\n0\r\n\r\n", {411}),
    "no byte, in chunks": (head(b"Transfer-Encoding: chunked") + b"0\r\n\r\n", {411}),
    "chunks in capitals": (head(b"Transfer-Encoding: CHUNKED") + b"1\r\nx\r\n0\r\n\r\n", {400, 411}),
    "chunks of gzip": (head(b"Transfer-Encoding: gzip, chunked") + b"1\r\nx\r\n0\r\n\r\n", {400, 411, 501}),
    "a length and chunks": (head(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"0\r\n\r\n", {400, 411}),
    "two lengths": (head(b"Content-Length: 0", b"Content-Length: 5") + b"hello", {400}),
    "a negative length": (head(b"Content-Length: -1"), {400}),
    "a length in words": (head(b"Content-Length: none"), {400}),
    "a length beyond all": (head(b"Content-Length: 99999999999999999999"), {400, 413}),
    "a chunk that is none": (head(b"Transfer-Encoding: chunked") + b"zz\r\nx\r\n", {400, 411}),
    "an oversized header": (head(b"X-Goog-Channel-Token: " + b"A" * 20_000), {400, 431}),
    "two channels": (head(b"X-Goog-Channel-ID: a", b"X-Goog-Channel-ID: b"), {403}),
    "bytes beyond ASCII": (head(b"X-Goog-Channel-ID: \xff\xfe", b"X-Goog-Channel-Token: \x80"), {400, 403}),
    "control characters": (head(b"X-Goog-Channel-Token: a\x1b[31mb\x00c"), {400, 403}),
    "a thousand headers": (head(*(b"X-%d: y" % number for number in range(1000))), {400, 431}),
    "a path": (head(b"Content-Length: 0", start=b"POST /admin HTTP/1.1"), {404}),
    "a path upwards": (head(b"Content-Length: 0", start=b"POST /../main.py HTTP/1.1"), {404}),
    "an encoded path": (head(b"Content-Length: 0", start=b"POST /%2e%2e/%00 HTTP/1.1"), {400, 404}),
    "another method": (head(start=b"GET / HTTP/1.1"), {405}),
    "a method of its own": (head(start=b"XYZZY / HTTP/1.1"), {405}),
    "a small method": (head(b"Content-Length: 0", start=b"post / HTTP/1.1"), {400, 405}),
    "a tunnel": (head(start=b"CONNECT 169.254.169.254:80 HTTP/1.1"), {400, 404, 405}),
    "an address of another host": (head(start=b"GET http://169.254.169.254/latest HTTP/1.1"), {400, 404, 405}),
}


def _refused_with_more_behind() -> bytes:
    """An oversized request whose body looks like one more, then a true one."""
    hidden = head(b"Content-Length: 0", start=b"GET / HTTP/1.1") * 3
    return head(b"Content-Length: %d" % len(hidden)) + hidden + head(b"Content-Length: 0")


def test_strangers(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Whatever bytes come, 4xx goes out; a body is neither kept nor taken for requests; nothing sent is printed."""
    with serving("calendar_notification", tmp_path) as server:
        for name, (sent, expected) in STATUSES.items():
            with subtests.test(name):
                answers = server.ask(sent)
                assert answers[:1]
                assert set(answers) <= expected
        with subtests.test("a body that looks like requests"):
            # The server may hang up behind a body that was not read; it must not take it for something else.
            assert server.ask(_refused_with_more_behind()) in ([413], [413, 403])
        with subtests.test("large bodies on every thread"):
            _check_memory(server)
        with subtests.test("nothing printed"):
            server.ask(head(f"X-Goog-Channel-ID: {CANARY}".encode(), f"X-Goog-Channel-Token: {CANARY}".encode()))
            assert server.ask(head(b"Content-Length: 0")) == [403]
            assert server.log.read_text() == ""


def _check_memory(server: Server) -> None:
    """Send 16 MB on four connections at once, with and without saying so; the server's memory stays what it was."""
    before = server.most_memory()
    large = [BLOCK] * (16 * MEGABYTE // len(BLOCK))
    chunks = [b"10000\r\n" + block + b"\r\n" for block in large]
    with ThreadPoolExecutor(4) as pool:
        told = [pool.submit(server.ask, head(b"Content-Length: %d" % (16 * MEGABYTE)), large) for _ in range(4)]
        untold = [pool.submit(server.ask, head(b"Transfer-Encoding: chunked"), chunks) for _ in range(4)]
    assert {status for one in told for status in one.result()} <= {413}
    assert {status for one in untold for status in one.result()} <= {411}
    assert server.most_memory() - before < 8 * MEGABYTE
