"""The newest runs of the script's handlers on this machine's stack, beside it: `python -m infra.local.executions`.

Authority: docs/triggers.md; Apps Script shows the same as https://script.google.com/home/executions
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing

from functions import script
from functions.script.processes import Process
from infra.settings import Settings, read_settings
from infra.wiring import local


def told(settings: Settings) -> list[str]:
    """The newest fifty runs of all users, oldest first: when, how long, handler, user, outcome, error, log lines."""
    with closing(local(settings)) as stack:
        project = stack.door.project
        if project is None:
            return []
        with script.running(project):
            return lines(script.processes.list(of_all_users=True)[::-1])


def lines(runs: Sequence[Process]) -> list[str]:
    """A line for each run, and below it what it has logged."""
    shown = []
    for run in runs:
        took = f"{run.duration.total_seconds():.1f} s"
        parts = [f"{run.began:%Y-%m-%d %H:%M:%S}", took, run.handler, run.user, run.outcome, run.error]
        shown += ["  ".join(part for part in parts if part), *(f"    {line}" for line in run.lines)]
    return shown


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in told(read_settings()) or ["no handler has run yet"])
