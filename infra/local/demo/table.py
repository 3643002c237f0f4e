"""The story as a table that grows while it is told."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from infra.local.demo.step import Told

WIDTH = 150
"""Where the output is no terminal."""

_COLUMNS = (
    ("", 2, "left"),
    ("promise", 36, "left"),
    ("in the calendar", 42, "left"),
    ("at the provider", 38, "left"),
    ("ms", 6, "right"),
    ("calls*", 15, "right"),
)


class StoryTable:
    """Prints a row for each step as soon as it is over; call `end` last."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._kept = self._broken = 0

    @property
    def broken(self) -> int:
        """How many promises were not kept."""
        return self._broken

    def begin(self) -> None:
        """Print the head."""
        self._row([Text(name, style="bold") for name, _, _ in _COLUMNS])
        self._console.rule(style="dim")

    def add(self, told: Told) -> None:
        """Print a step's outcome."""
        promise, cost = Text(told.step.promise), Text(str(told.spent), style="dim")
        if told.shown is None:
            self._broken += 1
            self._row([Text("✗", style="bold red"), promise, Text("not kept", style="red"), "", "", cost])
            self._console.print(Padding(Text(told.failure or "", style="red"), (0, 0, 0, 4)))
            return
        self._kept += 1
        shown = told.shown
        mark = Text("✓", style="bold green")
        self._row([mark, promise, Text(shown.did), Text(shown.shows), Text(f"{shown.ms:.0f}"), cost])

    def end(self, notes: Iterable[str]) -> None:
        """Print what it came to."""
        self._console.rule(style="dim")
        style = "bold red" if self._broken else "bold green"
        self._console.print(Text(f"{self._kept} kept, {self._broken} not kept", style=style))
        self._console.print(
            Text("* calls the product made: events.list / events.get / events.patch / provider", style="dim")
        )
        for note in notes:
            self._console.print(Text(note, style="dim"))

    def _row(self, cells: Iterable[Text | str]) -> None:
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
        for name, width, justify in _COLUMNS:
            table.add_column(name, width=width, justify="right" if justify == "right" else "left")
        table.add_row(*cells)
        self._console.print(table)
