"""One process of the local stack: started, watched, ended; its output goes to a file of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
PATIENCE = 15.0
"""Seconds that a part may take to end in order."""
END_OF_LOG = 15
"""Lines shown of the log of a part that did not come up."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A part by its name and what it is for people; `module` is run with `arguments`; it is up when `probe` says so.

    `ports` are the ports it listens on, by the setting that chooses each. `probe` is an address that answers 200, with
    `"ready": true` if it answers with an object that has such a member.
    """

    name: str
    what: str
    module: str
    ports: Mapping[str, int]
    probe: str
    arguments: tuple[str, ...] = ()


class Part:
    """A running part."""

    def __init__(self, plan: Plan, log: Path, environment: Mapping[str, str]) -> None:
        self.plan = plan
        self.log = log
        paths = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
        with log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules, no shell
                [sys.executable, "-m", "infra.local.child", plan.module, *plan.arguments],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                env={**environment, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"},
                start_new_session=True,  # Ctrl-C in a terminal is for us, who then end the parts in order
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def is_up(self, client: httpx.Client) -> bool:
        """True once it answers as it should."""
        try:
            answer = client.get(self.plan.probe)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK and _ready(answer)

    def ask_to_end(self) -> None:
        """Send SIGTERM."""
        if self.exit_code is None:
            self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL, as a crash would, and wait until it is gone."""
        self._process.kill()
        self.wait()

    def wait(self) -> None:
        """Wait until it has ended; one that takes too long is killed."""
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def last_lines(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-END_OF_LOG:]) or "(it wrote nothing)"


def _ready(answer: httpx.Response) -> bool:
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return True
    told = answer.json()
    return bool(told.get("ready", True)) if isinstance(told, dict) else True
