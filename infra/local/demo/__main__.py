"""Tells the acceptance story and exits with 1 if a promise was not kept: python -m infra.local.demo (`make demo`)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rich.console import Console

from infra.local.demo.step import tell
from infra.local.demo.story import demo_settings, steps
from infra.local.demo.table import WIDTH, StoryTable
from infra.local.demo.world import stage
from infra.local.stack import Stack, StackError
from infra.settings import BadSettings, read_settings


def main() -> int:
    """Start a stack in a temporary folder, tell the story, stop it; return the exit code."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    try:
        read_settings()
    except BadSettings as error:
        console.print(str(error), style="red", markup=False)
        return 2
    with tempfile.TemporaryDirectory(prefix="lockstep-demo-") as folder:
        try:
            with Stack(demo_settings(Path(folder))) as stack:
                return _story(console, stack)
        except StackError as error:
            console.print(f"✗ {error}", style="red", markup=False)
        except KeyboardInterrupt:
            console.print("stopped", style="dim")
    return 1


def _story(console: Console, stack: Stack) -> int:
    with_janus = "janus" in stack.parts()
    console.print(
        f"Calendar server, conferencing service{', Janus' if with_janus else ''} and functions are ready "
        f"after {stack.seconds_to_ready:.1f} s; a person starts to work in the calendar.\n"
    )
    table = StoryTable(console)
    table.begin()
    with stage(stack) as world:
        for step in steps(with_janus=with_janus):
            with console.status(f"{step.promise} …"):
                told = tell(world, step)
            table.add(told)
    notes = [] if with_janus else ["Janus is not installed here (Debian package janus); its steps were left out."]
    table.end(notes)
    return 1 if table.broken else 0


if __name__ == "__main__":
    sys.exit(main())
