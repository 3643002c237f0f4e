"""`make simulate`: many seeds with progress, one seed with its story, or a kept story once more."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.simulation import regressions
from tests.simulation.campaign import Tally, campaign
from tests.simulation.faults import Fault
from tests.simulation.listening import listening
from tests.simulation.people import ACTS
from tests.simulation.shrink import shorten
from tests.simulation.world import Verdict, run_seed

SURE = 10_000
"""So many seeds see every kind of fault and of act; fewer may miss a rare one."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)


@app.command()
def seeds(
    number: Annotated[int, typer.Option("--seeds", min=1, help="How many worlds.")] = 2000,
    first: Annotated[int, typer.Option("--from", min=0, help="The first seed.")] = 0,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; all cores if not given.")] = None,
    keep: Annotated[bool, typer.Option(help="Write failing stories to regressions/.")] = True,
) -> None:
    """Live through many worlds; shorten, print and keep the stories of those that fail."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    ) as progress:
        bar = progress.add_task("worlds", total=number)
        shown: set[int] = set()

        def told(tally: Tally) -> None:
            for red in sorted(tally.failed.keys() - shown):
                oracle, what = tally.failed[red]
                progress.console.print(f"seed {red}: {oracle}: {what:.200}", style="red", markup=False, soft_wrap=True)
                shown.add(red)
            failed = f", [red]{len(tally.failed)} failed[/]" if tally.failed else ""
            speed = tally.seeds / max(tally.seconds, 0.001)
            progress.update(bar, completed=tally.seeds, description=f"worlds ({speed:.0f} a second{failed})")

        tally = campaign(first, number, jobs=jobs, told=told)
    _report(tally)
    for seed in sorted(tally.failed)[:10]:
        _explain(seed, keep=keep)
    never = ({fault.value for fault in Fault} - set(tally.faults)) | (set(ACTS) - set(tally.acts))
    if never and number >= SURE:
        console.print("[red]never happened:[/]", ", ".join(sorted(never)))
    raise typer.Exit(1 if tally.failed or tally.different or (never and number >= SURE) else 0)


@app.command()
def seed(number: int, trace: Annotated[bool, typer.Option(help="Print every call.")] = False) -> None:
    """Live through one world and tell its story."""
    with listening():
        verdict = run_seed(number)
    _tell(verdict, trace=trace)
    raise typer.Exit(verdict.oracle is not None)


@app.command()
def replay(path: Path, trace: Annotated[bool, typer.Option(help="Print every call.")] = False) -> None:
    """Live through a kept story once more."""
    number, script = regressions.read(path)
    with listening():
        verdict = run_seed(number, script)
    _tell(verdict, trace=trace)
    raise typer.Exit(verdict.oracle is not None)


def _explain(number: int, *, keep: bool) -> None:
    with listening():
        script, shown = shorten(run_seed(number))
    _tell(shown, trace=False)
    if keep:
        path = regressions.keep(script, shown)
        console.print(f"again: .venv/bin/python -m tests.simulation replay {path.relative_to(Path.cwd())}\n")


def _tell(verdict: Verdict, *, trace: bool) -> None:
    colour = "green" if verdict.oracle is None else "red"
    console.print(f"[{colour}]seed {verdict.seed}: {verdict.oracle or 'all is right'}[/]", soft_wrap=True)
    if verdict.what:
        console.print(verdict.what, markup=False, soft_wrap=True)
    for story in (*verdict.cast.values(), *verdict.acts.values()):
        console.print(" ", story, markup=False, soft_wrap=True)
    for name, fault in verdict.struck.items():
        console.print(" !", f"{fault.value}: {name}", markup=False, soft_wrap=True)
    if trace:
        for at, name, what in verdict.trace:
            console.print(f"{at:.3f}", name, what, markup=False, soft_wrap=True)


def _report(tally: Tally) -> None:
    console.print(
        f"{tally.seeds} worlds in {tally.seconds:.0f} s: {tally.seeds / tally.seconds:.1f} a second; "
        f"{tally.calls.total() / tally.seeds:.0f} calls and {tally.faults.total() / tally.seeds:.1f} faults a world; "
        f"{len(tally.failed)} failed, {len(tally.different)} were not the same twice"
    )
    for title, counter in (
        ("faults", tally.faults),
        ("acts", tally.acts),
        ("calls", tally.calls),
        ("states", tally.states),
    ):
        console.print(_table(title, counter))
    oracles = Counter(oracle for oracle, _ in tally.failed.values())
    if oracles:
        console.print(_table("failed", oracles))


def _table(title: str, counter: Counter[str]) -> Table:
    table = Table(title, "times", box=None, padding=(0, 2))
    for name, times in counter.most_common():
        table.add_row(name, str(times))
    return table


if __name__ == "__main__":
    app()
