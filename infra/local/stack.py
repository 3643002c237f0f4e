"""The whole product on one machine, as processes: Calendar server, conferencing service, Janus, functions.

`make run`, `make demo`, the acceptance tests and the benchmarks all start this same stack.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Self

import httpx

from infra.local.keys import Keys
from infra.local.part import Part, Plan
from infra.settings import PREFIX, Settings, as_environment, variable
from infra.wiring import janus_server

READY_WITHIN = 60.0
"""Seconds; each part needs one or two, a machine at its limit may need more."""
PAUSE = 0.02


class StackError(Exception):
    """The stack cannot run; the text says why and what to do."""


class Stack:
    """Starts every part on entering, ends every part on leaving; the state folder keeps everything between two stacks.

    The parts' logs are files in the state folder; `keep_log` appends to those of the last start. Raises StackError on
    entering if a port is taken, if another stack uses the folder, or if a part does not come up.
    """

    def __init__(self, settings: Settings, *, keep_log: bool = False) -> None:
        self.settings = replace(settings, state=settings.state.absolute())
        self._keep_log = keep_log
        self._parts: dict[str, Part] = {}
        self._plans: dict[str, Plan] = {}
        self._environment: dict[str, str] = {}
        self._client = httpx.Client(timeout=self.settings.timeout, trust_env=False)
        self._held = ExitStack()
        self.seconds_to_ready = 0.0

    # ---- started and stopped

    def __enter__(self) -> Self:
        began = time.monotonic()
        self._held.callback(self._client.close)
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        self.seconds_to_ready = time.monotonic() - began
        return self

    def __exit__(self, *_: object) -> None:
        # The functions first, so that they do not meet servers that are gone.
        for names in (["functions"], [name for name in self._parts if name != "functions"]):
            ended = [self._parts.pop(name) for name in names if name in self._parts]
            for part in ended:
                part.ask_to_end()
            for part in ended:
                part.wait()
        self._held.close()

    def _start(self) -> None:
        state = self.settings.state
        _make(state)
        self._held.enter_context(_locked(state))
        # Made here, before several processes would make them at once.
        keys = Keys.in_folder(state)
        janus = janus_server(self.settings) is not None
        self._plans = {plan.name: plan for plan in plans(self.settings, janus=janus)}
        _check_ports(self._plans.values())
        self._environment = environment(self.settings, keys)
        for plan in self._plans.values():
            if not self._keep_log:
                self.log_of(plan.name).unlink(missing_ok=True)
            self._spawn(plan, self._environment)
        for name in self._plans:
            self._await(name)

    def _spawn(self, plan: Plan, environ: Mapping[str, str]) -> None:
        self._parts[plan.name] = Part(plan, self.log_of(plan.name), environ)

    def _await(self, name: str) -> None:
        part = self._parts[name]
        until = time.monotonic() + READY_WITHIN
        while not part.is_up(self._client):
            if part.exit_code is not None:
                raise StackError(self._mourn(part))
            if time.monotonic() > until:
                raise StackError(
                    f"{part.plan.what} did not come up within {READY_WITHIN:.0f} seconds. "
                    f"The end of its log, {part.log}:\n{part.last_lines()}"
                )
            time.sleep(PAUSE)

    # ---- watched and worked

    def fallen(self) -> str | None:
        """What to tell of a part that ended by itself; None while all run."""
        return next((self._mourn(part) for part in self._parts.values() if part.exit_code is not None), None)

    def log_of(self, name: str) -> Path:
        """The file with the output of a part, by its name: calendar, vendor, functions and so on."""
        return self.settings.state / f"{name}.log"

    def parts(self) -> Mapping[str, Part]:
        """The running parts by name."""
        return self._parts

    def state(self) -> dict[str, Any]:
        """What the functions' process tells: connected or not, how much is queued, which channel."""
        told: dict[str, Any] = self._client.get(f"{self.settings.base_url}/control/state").raise_for_status().json()
        return told

    def tick(self) -> None:
        """Tick once, as the scheduler would, and wait for the answer."""
        answer = self._client.post(f"{self.settings.base_url}/control/tick").raise_for_status().json()
        if answer != {"status": 200}:
            raise StackError(f"the tick was answered {answer}")

    def advance(self, seconds: float) -> None:
        """Put the clocks of the Calendar server, of the functions and of the Cloud Tasks server forward."""
        settings = self.settings
        ports = [settings.calendar_port, settings.port] if "calendar" in self._plans else [settings.port]
        if "cloudtasks" in self._plans:
            # After the functions, so that no token it makes is of their future.
            ports.append(settings.tasks_http_port)
        for base in (f"http://127.0.0.1:{port}" for port in ports):
            self._client.post(f"{base}/control/clock", json={"advance_seconds": seconds}).raise_for_status()

    def kill(self, name: str) -> None:
        """Kill a part with SIGKILL; `start` brings it back, `start_functions` the functions."""
        self._parts.pop(name).kill()

    def start(self, name: str) -> None:
        """Start a part again and wait until it is ready."""
        self._spawn(self._plans[name], self._environment)
        self._await(name)

    def stop_functions(self) -> None:
        """End the functions' process in order."""
        part = self._parts.pop("functions")
        part.ask_to_end()
        part.wait()

    def start_functions(self, **changed: Any) -> None:
        """Start the functions again, with these settings `changed` for this one process; wait until they are ready."""
        settings = replace(self.settings, **changed)
        self._spawn(self._plans["functions"], {**self._environment, **as_environment(settings)})
        self._await("functions")

    def _mourn(self, part: Part) -> str:
        return (
            f"{part.plan.what} ended by itself with exit code {part.exit_code}. "
            f"The end of its log, {part.log}:\n{part.last_lines()}"
        )


# ---- what the parts are ---------------------------------------------------------------------


def plans(settings: Settings, *, janus: bool) -> list[Plan]:
    """The parts of a stack with these settings, in the order in which they are looked at."""
    calendar = f"http://127.0.0.1:{settings.calendar_port}"
    servers = [
        Plan(
            "calendar",
            "The Calendar server",
            "infra.local.calendar",
            {"calendar_port": settings.calendar_port},
            f"{calendar}/control/clock",
            (
                *("--port", str(settings.calendar_port), "--zone", settings.time_zone),
                *("--state", str(settings.state / "calendar.db")),
            ),
        ),
        Plan(
            "vendor",
            "The conferencing service",
            "infra.local.vendor",
            {"vendor_port": settings.vendor_port},
            f"{settings.vendor_url}/control/requests",
            (
                *("--port", str(settings.vendor_port), "--state", str(settings.state / "vendor.db")),
                *("--webhook", f"{settings.base_url}/provider_webhook/http"),
            ),
        ),
        Plan(
            "functions",
            "The functions' process",
            "infra.local.serve",
            {"port": settings.port},
            f"{settings.base_url}/control/state",
        ),
    ]
    optional = [
        *([_janus(settings)] if janus else []),
        *([_tasks(settings)] if settings.queue == "cloudtasks" else []),
        *([_firestore(settings)] if settings.store == "firestore" else []),
    ]
    # A real account's calendars are at Google.
    real = settings.calendar_api == "google" and settings.services == "google"
    return [*optional, *(plan for plan in servers if not (real and plan.name == "calendar"))]


def _janus(settings: Settings) -> Plan:
    return Plan(
        "janus",
        "Janus",
        "infra.local.janus_process",
        {"janus_port": settings.janus_port, "janus_admin_port": settings.janus_admin_port},
        f"http://127.0.0.1:{settings.janus_port}/janus/info",
        (str(settings.state / "janus"), str(settings.janus_port), str(settings.janus_admin_port)),
    )


def _tasks(settings: Settings) -> Plan:
    return Plan(
        "cloudtasks",
        "The Cloud Tasks server",
        "infra.local.cloudtasks",
        {"tasks_port": settings.tasks_port, "tasks_http_port": settings.tasks_http_port},
        f"http://127.0.0.1:{settings.tasks_http_port}/control/state",
        (
            *("--port", str(settings.tasks_port), "--http-port", str(settings.tasks_http_port)),
            *("--state", str(settings.state / "cloudtasks.db")),
            *("--keys", str(settings.state), "--issuer", settings.base_url),
        ),
    )


def _firestore(settings: Settings) -> Plan:
    return Plan(
        "firestore",
        "The Firestore emulator",
        "infra.local.firestore_process",
        {"firestore_port": settings.firestore_port},
        f"http://127.0.0.1:{settings.firestore_port}/",
        (str(settings.state / "firestore"), str(settings.firestore_port), settings.project, settings.firestore_jar),
    )


def environment(settings: Settings, keys: Keys) -> dict[str, str]:
    """What the parts find in their environment."""
    return {
        **os.environ,
        **as_environment(settings),
        "VENDOR_TOKEN": keys.vendor_token,
        "VENDOR_WEBHOOK_SECRET": keys.webhook_secret,
    }


# ---- what must be free ----------------------------------------------------------------------


def _make(state: Path) -> None:
    """Make the state folder. Raises StackError."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(
            f"The state folder {state} cannot be used: {os.strerror(error.errno or 0).lower()}. "
            f"Choose another with the setting {variable('STATE')}."
        ) from None


def _locked(state: Path) -> IO[bytes]:
    """The state folder, for as long as the file is open. Raises StackError if another stack has it."""
    file = (state / "lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise StackError(
            f"Another Lockstep runs with the state folder {state}. Stop that one, or choose another folder with the "
            f"setting {variable('STATE')}, for example: make run STATE=.lockstep2 PORT=8950 CALENDAR_PORT=8951 …"
        ) from None
    return file


def _check_ports(wanted: Iterable[Plan]) -> None:
    seen: dict[int, str] = {}
    for plan in wanted:
        for setting, port in plan.ports.items():
            name = variable(setting)
            if port in seen:
                raise StackError(
                    f"The settings {seen[port]} and {name} name the same port, {port}. Choose another for one."
                )
            seen[port] = name
            _check_port(port, name, plan.what)


def _check_port(port: int, name: str, what: str) -> None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        other = port + 100 if port < 65_000 else port - 100
        raise StackError(
            f"Port {port} is not free for {what[0].lower()}{what[1:]}: {why}. Stop what uses it, or choose another "
            f"with the setting {name}, for example: make run {name.removeprefix(PREFIX)}={other}"
        ) from None
