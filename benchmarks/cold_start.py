"""How soon a new process answers its first notice, and how many it answers a second, beside a bare function.

Run: .venv/bin/python -m benchmarks.cold_start [--starts 15] [--seconds 3] (`make bench`)
Both run under functions-framework and its server, as deployed: bytecode is there, and of all packages only those that
requirements.txt pins. The bare function answers 204 and imports nothing. Starts alternate, so that whatever else the
machine does meets both.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from functions import channel as channels
from functions import feed as feeds
from functions.ports import Put
from infra import edge
from infra.settings import Settings, as_environment

ROOT = Path(__file__).parents[1]
BARE = """import functions_framework


@functions_framework.http
def bare(request):
    return "", 204
"""
# Packages that are not deployed are as if they were not there: some libraries import them wherever they are.
LAUNCH = (
    "import runpy, sys; sys.modules.update(dict.fromkeys(sys.argv.pop(1).split())); "
    "runpy.run_module('functions_framework', run_name='__main__', alter_sys=True)"
)
PATIENCE = 60.0
SLOWEST, LEAST = 1.5, 0.6
"""The bars: how many times as long a start may take, and which share of a bare function's requests there must be."""
SECRET = "a secret"  # noqa: S105 - of channels of this benchmark alone


@dataclass(frozen=True, slots=True)
class Served:
    """A function to start: its name, its file, and what it finds in its environment."""

    name: str
    source: Path
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class Start:
    """One start: seconds until the first answer, and seconds of processor that it took, its end included."""

    wall: float
    cpu: float


# ---- the ground -------------------------------------------------------------------------------


def laid_out(settings: Settings, count: int) -> list[bytes]:
    """So many connected feeds, each with its channel; the request of one notice for each."""
    ground = edge.local(settings)
    try:
        return [_connected(ground) for _ in range(count)]
    finally:
        ground.close()


def _connected(ground: edge.LocalEdge) -> bytes:
    name = secrets.token_urlsafe(24)
    feed = feeds.feed_id(f"{name}@example.com", "c")
    channel = channels.Channel(
        feed, "u", channels.digest(SECRET), ground.now() + 9e4, resource_id="r", expires=ground.now() + 9e4
    )
    ground.store.commit(
        Put(f"{channels.COLLECTION}/{name}", msgspec.to_builtins(channel), None),
        feeds.put(None, feeds.key_of(feed), feeds.Feed("u", "c", channel=name)),
    )
    return notice(name)


def notice(channel: str) -> bytes:
    """A notice as Google sends it."""
    lines = {
        "Host": "functions.example",
        "Content-Length": "0",
        "Content-Type": "application/json; utf-8",
        "X-Goog-Channel-ID": channel,
        "X-Goog-Channel-Token": SECRET,
        "X-Goog-Message-Number": "7",
        "X-Goog-Resource-ID": "r",
        "X-Goog-Resource-State": "exists",
        "X-Goog-Resource-URI": "https://www.googleapis.com/calendar/v3/calendars/c/events?alt=json",
    }
    return "\r\n".join(["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items()), "", ""]).encode()


def runs_asked_for(settings: Settings) -> int:
    """How many runs the notices have asked for."""
    ground = edge.local(settings)
    try:
        counts = ground.tasks.counts()
        return counts.waiting + counts.due
    finally:
        ground.close()


# ---- starts -----------------------------------------------------------------------------------


def absent() -> str:
    """The importable names of whatever is installed here and not deployed."""
    pinned = {_plain(name) for name in re.findall(r"(?m)^([\w.-]+)==", (ROOT / "requirements.txt").read_text())}
    found = packages_distributions()
    return " ".join(sorted(name for name, of in found.items() if not any(_plain(one) in pinned for one in of)))


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@contextmanager
def running(served: Served, *, threads: int | None = None) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The function's process, just started, and its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    command = ["--target", served.name, "--source", str(served.source), "--host", "127.0.0.1", "--port", str(port)]
    environment = served.environment if threads is None else {**served.environment, "THREADS": str(threads)}
    process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
        [sys.executable, "-c", LAUNCH, absent_here, *command], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        yield process, port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


absent_here = absent()


def start(served: Served, request: bytes) -> Start:
    """Start it, ask at once, and end it."""
    spent = _children()
    began = time.monotonic()
    with running(served) as (process, port):
        with closing(_connect(process, port)) as line:
            line.sendall(request)
            _expect_204(line.recv(65536))
        wall = time.monotonic() - began
    return Start(wall, _children() - spent)


def _connect(process: subprocess.Popen[bytes], port: int) -> socket.socket:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, "it ended by itself"
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        except ConnectionRefusedError:
            time.sleep(0.001)
    raise AssertionError("it did not come up")


def _expect_204(answer: bytes) -> None:
    assert answer.startswith(b"HTTP/1.1 204 "), answer


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


# ---- requests a second ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests a second, and requests for each second that the server's processes used of the processor."""

    wall: float
    cpu: float


def throughput(served: Served, requests: Sequence[bytes], seconds: float, *, lines: int = 4) -> Rate:
    """Over so many connections that are kept alive, each asking anew as soon as it is answered."""
    with running(served, threads=8) as (process, port):
        held = [_connect(process, port) for _ in range(lines)]
        try:
            asked = _asker(requests)
            _drive(held, asked, 0.5)
            before = _used(process.pid)
            answered, took = _drive(held, asked, seconds)
            return Rate(answered / took, answered / (_used(process.pid) - before))
        finally:
            for line in held:
                line.close()


def _used(pid: int) -> float:
    """Seconds of processor that the children of a process have used by now."""
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    stats = [Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split() for worker in workers]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")


def _asker(requests: Sequence[bytes]) -> Callable[[], bytes]:
    place = 0

    def ask() -> bytes:
        nonlocal place
        place += 1
        return requests[place % len(requests)]

    return ask


def _drive(held: Sequence[socket.socket], ask: Callable[[], bytes], seconds: float) -> tuple[int, float]:
    answered = 0
    with selectors.DefaultSelector() as waiting:
        for line in held:
            waiting.register(line, selectors.EVENT_READ, line)
            line.sendall(ask())
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            for key, _ in waiting.select(PATIENCE):
                answering: socket.socket = key.data
                _expect_204(answering.recv(65536))
                answered += 1
                answering.sendall(ask())
        took = time.monotonic() - began
        for line in held:
            _expect_204(line.recv(65536))
    return answered, took


# ---- run --------------------------------------------------------------------------------------


def environment(folder: Path, settings: Settings) -> dict[str, str]:
    """Of a deployed function: with bytecode, which a first start writes where it is for this benchmark alone."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **as_environment(settings), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def shown(starts: Sequence[tuple[Start, Start]], rates: Sequence[tuple[Rate, Rate]]) -> tuple[Table, bool]:
    """The table, and whether the bars were kept."""
    table = Table(title="A notice's function beside a bare one", title_justify="left")
    for head in ("", "bare", "calendar_notification", "ratio", "bar"):
        table.add_column(head, justify="right" if head else "left")
    rows = (
        ("start to first answer, ms", *_ms(starts, "wall"), f"at most {SLOWEST}"),
        ("processor for it, ms", *_ms(starts, "cpu"), ""),
        ("requests a second", *_each(rates, "wall"), f"at least {LEAST}"),
        ("requests for a second of processor", *_each(rates, "cpu"), ""),
    )
    kept = rows[0][2] / rows[0][1] <= SLOWEST and rows[2][2] / rows[2][1] >= LEAST
    for name, first, second, bar in rows:
        table.add_row(name, f"{first:.0f}", f"{second:.0f}", f"{second / first:.2f}", bar)
    return table, kept


def _ms(pairs: Sequence[tuple[object, object]], what: str) -> tuple[float, float]:
    first, second = _each(pairs, what)
    return first * 1000, second * 1000


def _each(pairs: Sequence[tuple[object, object]], what: str) -> tuple[float, float]:
    """The medians of both."""
    first, second = ([getattr(pair[place], what) for pair in pairs] for place in (0, 1))
    return statistics.median(first), statistics.median(second)


def main() -> int:
    """Print the figures; return 1 if a bar was missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--starts", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=3.0)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as name:
        folder = Path(name)
        settings = Settings(state=folder / "state", janus="off")
        (folder / "bare.py").write_text(BARE)
        bare = Served("bare", folder / "bare.py", environment(folder, settings))
        ours = Served("calendar_notification", ROOT / "main.py", bare.environment)
        notices = laid_out(settings, wanted.starts + 1)
        starts = [(start(bare, one), start(ours, one)) for one in notices][1:]  # the first writes the bytecode
        assert runs_asked_for(settings) == len(notices), "each notice asks for a run"
        rates = [
            (throughput(bare, notices, wanted.seconds), throughput(ours, notices, wanted.seconds)) for _ in range(3)
        ]
    table, kept = shown(starts, rates)
    Console(width=None if sys.stdout.isatty() else 120, highlight=False).print(table)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
