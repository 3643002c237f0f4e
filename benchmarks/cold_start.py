"""How soon a new process answers its first notice, and how many it answers a second, beside a bare function.

Run: .venv/bin/python -m benchmarks.cold_start [--starts 15] [--seconds 2] (`make bench`)
Both run under functions-framework and its server, as deployed: bytecode is there, and of all packages only those that
requirements.txt pins. The bare function answers 204 and imports nothing. Starts alternate, so that whatever else the
machine does meets all. The notices stand on this machine's ground, and on Google's with its services played here, if
there is a Firestore emulator.
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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import packages_distributions
from pathlib import Path

import msgspec
from google.cloud.tasks_v2 import CloudTasksClient
from rich.console import Console
from rich.table import Table

from functions import channel as channels
from functions import feed as feeds
from functions.ground import Edge
from functions.ports import Put
from infra import edge
from infra.google.queues import QueuePlan, stand
from infra.google.tasks import local_client
from infra.local.clock import SystemClock
from infra.local.cloudtasks.control import MAX_BODY, HeldClock, application
from infra.local.cloudtasks.server import CloudTasksServer
from infra.local.firestore_emulator import Emulator, Missing
from infra.local.issuer import LocalIssuer
from infra.local.listening import bound, listening
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


def laid_out(settings: Settings, count: int) -> dict[str, bytes]:
    """So many connected feeds, each with its channel; the request of one notice for each."""
    with closing(edge.edge_of(settings)) as ground:
        return dict(_connected(ground) for _ in range(count))


def _connected(ground: Edge) -> tuple[str, bytes]:
    name = secrets.token_urlsafe(24)
    feed = feeds.feed_id(f"{name}@example.com", "c")
    until = ground.now() + 9e4
    channel = channels.Channel(feed, "u", channels.digest(SECRET), until, resource_id="r", expires=until)
    ground.store.commit(
        Put(f"{channels.COLLECTION}/{name}", msgspec.to_builtins(channel), None),
        feeds.put(None, feeds.key_of(feed), feeds.Feed("u", "c", channel=name)),
    )
    return feed, notice(name)


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


def all_asked_for(settings: Settings, asked: Iterable[str]) -> bool:
    """Whether a run was asked for of each of these feeds."""
    with closing(edge.edge_of(settings)) as ground:
        return all(feeds.load(ground, feed)[1].owed for feed in asked)


@contextmanager
def grounds(folder: Path) -> Iterator[dict[str, Settings]]:
    """The settings of each ground that can be stood on here, by its name."""
    local = Settings(state=folder / "state", janus="off")
    try:
        emulator = Emulator(folder / "firestore")
    except Missing:
        yield {"this machine": local}
        return
    emulator.start()
    google = replace(
        local,
        ground="google",
        services="local",
        store="firestore",
        queue="cloudtasks",
        firestore_port=int(emulator.address.rpartition(":")[2]),
    )
    issuer = LocalIssuer.from_folder(local.state, local.base_url, SystemClock())
    try:
        with CloudTasksServer(folder / "tasks.db", SystemClock().now, issuer.mint, dispatching=False) as tasks:
            listener = bound(0)
            with (
                closing(local_client(tasks.target).transport) as transport,
                listening(application(tasks, HeldClock()), listener, threads=4, largest_body=MAX_BODY),
            ):
                location = f"projects/{google.project}/locations/{google.region}"
                stand(CloudTasksClient(transport=transport), location, [QueuePlan(google.task_queue)], within=PATIENCE)
                ports = {
                    "tasks_port": int(tasks.target.rpartition(":")[2]),
                    "tasks_http_port": listener.getsockname()[1],
                }
                yield {"this machine": local, "Google": replace(google, **ports)}
    finally:
        emulator.stop()


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


@dataclass(frozen=True, slots=True)
class Side:
    """A function with its notices, and what was measured of it."""

    name: str
    served: Served
    notices: Mapping[str, bytes]
    starts: list[Start]
    rates: list[Rate]

    def figures(self) -> tuple[float, ...]:
        """A figure for each of ROWS."""
        walls = [one.wall * 1000 for one in self.starts]
        cpu = statistics.median(one.cpu * 1000 for one in self.starts)
        rates = max(one.wall for one in self.rates), statistics.median(one.cpu for one in self.rates)
        return min(walls), statistics.median(walls), cpu, *rates


ROWS = (
    ("start to first answer, the quickest, ms", f"at most x {SLOWEST}"),
    ("the same, median", ""),
    ("processor for it, median, ms", ""),
    ("requests a second, the best round", f"at least x {LEAST}"),
    ("for each second of processor, median", ""),
)
"""Whatever else the machine does only slows: the quickest and the best are judged. Processor time tells the same."""


def measure(sides: Sequence[Side], starts: int, seconds: float) -> None:
    """Start each so often, in turns, then ask each for so long, five times."""
    for number in range(starts + 1):
        for side in sides:
            began = start(side.served, list(side.notices.values())[number])
            if number:  # the first wrote the bytecode
                side.starts.append(began)
    for _ in range(5):
        for side in sides:
            side.rates.append(throughput(side.served, list(side.notices.values()), seconds))


def shown(bare: Side, others: Sequence[Side]) -> tuple[Table, bool]:
    """The table, and whether the bars were kept."""
    table = Table(title="calendar_notification beside a bare function", title_justify="left")
    for head in ("", bare.name, *(one.name for one in others), "bar"):
        table.add_column(head, justify="right" if head else "left")
    figures, first = [one.figures() for one in others], bare.figures()
    for row, (name, bar) in enumerate(ROWS):
        cells = (f"{one[row]:.0f} (x {one[row] / first[row]:.2f})" for one in figures)
        table.add_row(name, f"{first[row]:.0f}", *cells, bar)
    # Requests a second on Google's ground are those of the emulator; they are told, and not judged.
    kept = all(one[0] / first[0] <= SLOWEST for one in figures) and figures[0][3] / first[3] >= LEAST
    return table, kept


def main() -> int:
    """Print the figures; return 1 if a bar was missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--starts", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=2.0)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as name, grounds(Path(name)) as stood:
        folder = Path(name)
        (folder / "bare.py").write_text(BARE)
        sides = [
            Side(
                ground,
                Served("calendar_notification", ROOT / "main.py", environment(folder, settings)),
                laid_out(settings, wanted.starts + 1),
                [],
                [],
            )
            for ground, settings in stood.items()
        ]
        served = Served("bare", folder / "bare.py", sides[0].served.environment)
        bare = Side("bare", served, sides[0].notices, [], [])
        measure([bare, *sides], wanted.starts, wanted.seconds)
        assert all(all_asked_for(stood[one.name], one.notices) for one in sides), "each notice asks for a run"
    table, kept = shown(bare, sides)
    Console(width=None if sys.stdout.isatty() else 120, highlight=False).print(table)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
