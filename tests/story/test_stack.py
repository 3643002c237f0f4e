"""The local stack: what it says when it cannot start, that it goes on where it stopped, that nothing outlives it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from infra.local.demo.person import Person
from infra.local.demo.story import demo_settings
from infra.local.demo.world import asking, ordinary, stage
from infra.local.stack import Stack, StackError
from infra.settings import FIELDS, Settings, as_environment
from tests.contract.firestore_ground import needs_emulator

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.story, pytest.mark.timeout(200)]


def settings_in(folder: Path, **changed: Any) -> Settings:
    """A stack of its own, without Janus."""
    return replace(demo_settings(folder), **{"janus": "off", **changed})


def tomorrow() -> datetime:
    """A time for an event."""
    return datetime.now(ZoneInfo("Europe/Zurich")).replace(microsecond=0) + timedelta(days=1)


def until(condition: Callable[[], object], within: float = 30.0) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_taken_port_is_named_with_its_setting(tmp_path: Path) -> None:
    """Before anything starts, one sentence names the port, what it is for, and the setting that chooses another."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        stack = Stack(settings_in(tmp_path, vendor_port=port))

        with pytest.raises(StackError, match=f"Port {port} is not free for the conferencing service: .*VENDOR_PORT="):
            stack.__enter__()

    assert not stack.parts()
    assert not list(tmp_path.glob("*.log"))


def test_one_port_given_twice_is_named(tmp_path: Path) -> None:
    """Two settings that name the same port are both named."""
    settings = settings_in(tmp_path)
    stack = Stack(replace(settings, vendor_port=settings.calendar_port))

    with pytest.raises(StackError, match="LOCKSTEP_CALENDAR_PORT and LOCKSTEP_VENDOR_PORT name the same port"):
        stack.__enter__()


def test_a_part_that_does_not_come_up_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    """A state file that is no database stops the start; the other parts are ended again."""
    (tmp_path / "vendor.db").mkdir(parents=True)
    stack = Stack(settings_in(tmp_path))

    with pytest.raises(StackError, match=r"(?s)The conferencing service ended by itself.*vendor\.log.*Error"):
        stack.__enter__()

    assert not stack.parts()


def test_a_stack_goes_on_where_it_stopped_and_is_alone_in_its_folder(tmp_path: Path) -> None:
    """Events, clock and channel survive a stop; a second stack in the folder is refused in one sentence."""
    settings = settings_in(tmp_path)
    with Stack(settings) as stack, Person(settings.user, settings.calendar_url) as person:
        event = person.insert(ordinary("Kept", tomorrow()))["id"]
        stack.advance(60)
        channel = stack.state()["channel"]
        second = Stack(demo_settings(tmp_path))
        with pytest.raises(StackError, match="Another Lockstep runs with the state folder"):
            second.__enter__()

    with Stack(settings, keep_log=True) as stack, Person(settings.user, settings.calendar_url) as person:
        assert person.get(event)["summary"] == "Kept"
        assert stack.state()["channel"] == channel
        assert httpx.get(f"{settings.base_url}/control/clock").json()["ahead_seconds"] == 60
        assert stack.log_of("functions").read_text().count('"serving"') == 2
        stack.tick()


def test_firestore_goes_on_where_it_stopped_and_a_killed_one_is_told(tmp_path: Path) -> None:
    """What the emulator held is there after a stop in order; when it is killed, the stack says so and what is lost."""
    needs_emulator()
    settings = settings_in(tmp_path, store="firestore")
    with Stack(settings) as stack:
        channel = stack.state()["channel"]

    with Stack(settings, keep_log=True) as stack:
        assert stack.state()["channel"] == channel
        part = stack.parts()["firestore"].pid
        (java,) = Path(f"/proc/{part}/task/{part}/children").read_text().split()
        os.kill(int(java), signal.SIGKILL)
        until(stack.fallen)

        told = str(stack.fallen())
        assert told.startswith("The Firestore emulator ended by itself with exit code 1.")
        assert "is lost" in told


def test_a_firestore_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Whoever asks for the emulator without having it reads what to install, or which setting is wrong."""
    stack = Stack(settings_in(tmp_path, store="firestore", firestore_jar=str(tmp_path / "none.jar")))

    with pytest.raises(StackError, match=r"(?s)The Firestore emulator ended by itself.*LOCKSTEP_FIRESTORE_JAR|no Java"):
        stack.__enter__()


def test_ticks_come_by_themselves(tmp_path: Path) -> None:
    """With ticks on, a change that no notice told of is found by the next poll, and nobody has to ask for it."""
    settings = settings_in(tmp_path, ticks=True, tick=0.2, poll=0.5)
    with Stack(settings) as stack, stage(stack) as world:
        world.calendar.push(silent=True)
        event = world.person.insert(asking("Unheard", world.at(1, 10)))["id"]

        world.until("the event gets its meeting", lambda: world.joined(event))


def test_the_local_routes_turn_strangers_away(tmp_path: Path) -> None:
    """Bad bodies get 400, other origins and host names 403, other methods 405; / leads to the console."""
    settings = settings_in(tmp_path)
    clock = f"{settings.base_url}/control/clock"
    with Stack(settings) as stack, httpx.Client(trust_env=False) as client:
        for body in (
            b"",
            b"[]",
            b"{}",
            b'{"advance_seconds": -1}',
            b'{"advance_seconds": 1e300}',
            b"\xff",
            b'{"x": 1}',
        ):
            assert client.post(clock, content=body).status_code == 400
        assert client.post(clock, content=b"0" * 20_000).status_code == 413
        assert client.post(clock, headers={"Origin": "http://evil.example"}).status_code == 403
        assert client.get(clock, headers={"Host": "evil.example"}).status_code == 403
        assert client.post(f"{settings.base_url}/control/state").status_code == 405
        assert client.post(f"{settings.base_url}/tick").status_code == 401
        assert client.get(f"{settings.base_url}/.well-known/jwks.json").json()["keys"][0]["alg"] == "RS256"
        assert client.get(settings.base_url).headers["location"] == "/console/"
        assert client.get(f"{settings.base_url}/console/").status_code == 200
        assert stack.fallen() is None
        stack.parts()["vendor"].kill()
        assert "The conferencing service ended by itself" in str(stack.fallen())


def start(settings: Settings) -> subprocess.Popen[str]:
    """The command behind `make run`, and nothing waited for."""
    return subprocess.Popen(
        [sys.executable, "-m", "infra.local.run"],
        cwd=ROOT,
        env={**os.environ, **as_environment(settings)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def listening(*ports: int) -> list[int]:
    """Those of the ports that somebody listens on."""
    found = []
    for port in ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                found.append(port)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_greets_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """It says where everything is; Ctrl-C ends it with 0, without a traceback, and nobody listens any more."""
    settings = settings_in(tmp_path)
    ports = [settings.port, settings.calendar_port, settings.vendor_port]
    with start(settings) as process:
        assert process.stdout is not None
        said = iter(process.stdout.readline, "")
        greeting = [next(line for line in said if "Lockstep is ready after" in line), *(next(said) for _ in range(9))]
        assert f"{settings.base_url}/console/" in "".join(greeting)
        assert sorted(listening(*ports)) == sorted(ports)

        process.send_signal(number)
        told, wrong = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "Stopped." in told
    assert not wrong
    assert listening(*ports) == []


def test_nothing_outlives_a_stack_that_was_killed(tmp_path: Path) -> None:
    """The parts end by themselves when the process that started them dies, however it dies."""
    settings = settings_in(tmp_path)
    ports = [settings.port, settings.calendar_port, settings.vendor_port]
    with start(settings) as process:
        until(lambda: len(listening(*ports)) == len(ports) or process.poll() is not None)
        process.kill()
        process.communicate(timeout=60)

    until(lambda: not listening(*ports))


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"LOCKSTEP_BURST": "soon"}, 2, "setting LOCKSTEP_BURST: 'soon' was given"),
        ({"LOCKSTEP_STATE": "/dev/null/state"}, 1, "The state folder /dev/null/state cannot be used: "),
    ],
)
def test_run_says_why_it_does_not_start(tmp_path: Path, changed: dict[str, str], code: int, said: str) -> None:
    """A wrong setting ends it with 2, a start that fails with 1; both with a plain sentence and no traceback."""
    ended = subprocess.run(
        [sys.executable, "-m", "infra.local.run"],
        cwd=ROOT,
        env={**os.environ, **as_environment(settings_in(tmp_path)), **changed},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode == code
    assert ended.stderr.startswith(said)
    assert "Traceback" not in ended.stderr


def test_run_explains_itself() -> None:
    """--help says what is started, where the state is, and every setting."""
    told = subprocess.run(
        [sys.executable, "-m", "infra.local.run", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert "Run Lockstep whole on this machine" in told
    assert all(name.upper() in told for name in FIELDS)
