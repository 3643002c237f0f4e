"""Break the product in every way we know and see that the simulation notices (docs/reliability.md).

Run: .venv/bin/python -m tests.simulation.canaries [NAME ...] [--seeds 5000] [--jobs N]
Ends with 1 if a canary lives that must die, or broke in itself.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.simulation import regressions
from tests.simulation.canaries import noticed
from tests.simulation.canaries.catalogue import ALL, named
from tests.simulation.canaries.trial import JUDGE, KINDS, End
from tests.simulation.canaries.trials import BUG, Trials
from tests.simulation.canaries.variant import Canary


def verdict_on(canary: Canary, end: End) -> tuple[bool, str]:
    """Whether all is well with this canary, and the word for it."""
    if end.fault or end.oracle == BUG:
        return False, "broke"
    if end.seed is not None:
        return True, "dead"
    if canary.test:
        return bool(end.oracle), "noticed" if end.oracle else "UNNOTICED"
    return bool(canary.spared), "spared" if canary.spared else "ALIVE"


def main(arguments: list[str]) -> int:
    """Try the canaries and print what became of each."""
    given = _parse(arguments)
    try:
        chosen = named(given.names)
    except KeyError as unknown:
        Console(stderr=True).print(f"there is no canary {unknown}; --list names them")
        return 2
    if given.list:
        _print_list(chosen)
        return 0
    if given.stories:
        return _replay_stories(Trials(1))
    if given.tests:
        chosen = [canary for canary in chosen if canary.test]
    ends = _try_all(chosen, Trials(given.seeds, given.judge, given.kind, given.keep), given.jobs)
    _print_table(chosen, ends)
    return 0 if all(verdict_on(canary, ends[canary.name])[0] for canary in chosen) else 1


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.canaries", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="canaries; all for none")
    parser.add_argument("--seeds", type=int, default=5000, help="how many seeds each is given (5000)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="trials at a time (one for each core)")
    parser.add_argument("--judge", default=JUDGE, help="module:function that judges a seed")
    parser.add_argument("--kind", choices=KINDS, help="only worlds of this kind")
    parser.add_argument("--keep", action="store_true", help="write the shortened stories to regressions/")
    parser.add_argument("--stories", action="store_true", help="live through each kept story under its canary")
    parser.add_argument("--tests", action="store_true", help="only run the tests that canaries name")
    parser.add_argument("--list", action="store_true", help="only name them, and what each removes")
    return parser.parse_args(arguments)


def _try_all(chosen: list[Canary], trials: Trials, jobs: int) -> dict[str, End]:
    """Of each how it ended: by the test that it names, by the story that was kept of it, or by its first red seed."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    ends: dict[str, End] = {}
    with Progress(*columns, console=Console(stderr=True)) as progress, ThreadPoolExecutor(jobs) as pool:
        whole = progress.add_task("canaries", total=len(chosen))

        def trial(canary: Canary) -> End:
            task = progress.add_task(canary.name, total=trials.seeds)
            try:
                if canary.test:
                    return noticed.by_its_test(canary)
                story = _story_of(canary)
                if story is not None and (end := trials.replay(canary.name, story)).oracle:
                    return end
                return trials.first_red(canary.name, lambda seed: _advance(progress, task, seed))
            finally:
                progress.remove_task(task)

        running = {pool.submit(trial, canary): canary for canary in chosen}
        for future in as_completed(running):
            canary, end = running[future], future.result()
            ends[canary.name] = end
            progress.advance(whole)
            told = (
                canary.name,
                verdict_on(canary, end)[1],
                end.seed,
                end.oracle,
                end.fault,
                end.kept,
                end.what.split("\n")[0],
            )
            progress.console.print(*(part for part in told if part not in {None, ""}), markup=False, soft_wrap=True)
    return ends


def _story_of(canary: Canary) -> Path | None:
    """The kept story that is red under the canary, if there is one: it takes few seeds' worlds to show it."""
    return next((path for path in regressions.kept() if regressions.canary_of(path) == canary.name), None)


def _advance(progress: Progress, task: TaskID, seed: int) -> None:
    progress.update(task, completed=seed)


def _replay_stories(trials: Trials) -> int:
    """1 if a kept story is green under its canary: it would not show the mistake any more."""
    table = Table("story", "canary", "oracle", "what was seen", box=None)
    green = 0
    for path in regressions.kept():
        name = regressions.canary_of(path)
        if name is not None:
            end = trials.replay(name, path)
            green += not end.oracle
            table.add_row(path.stem, name, end.oracle or "[bold red]green[/]", (end.fault or end.what)[:100])
    Console(width=None if sys.stdout.isatty() else 240).print(table)
    return 1 if green else 0


def _print_table(chosen: list[Canary], ends: dict[str, End]) -> None:
    table = Table("canary", "", "first red seed", "oracle", "seconds", "what was seen, or expected", box=None)
    for canary in chosen:
        end = ends[canary.name]
        well, word = verdict_on(canary, end)
        seed = "" if end.seed is None else str(end.seed)
        seen = end.fault or end.what or canary.spared or canary.expect
        style = None if well else "bold red"
        table.add_row(canary.name, word, seed, end.oracle, f"{end.seconds:.1f}", seen[:160], style=style)
    dead = sum(1 for canary in chosen if ends[canary.name].seed is not None and not ends[canary.name].fault)
    console = Console(width=None if sys.stdout.isatty() else 240)
    console.print(table)
    console.print(f"{dead} of {len(chosen)} canaries dead ({len(ALL)} in all)")


def _print_list(chosen: list[Canary]) -> None:
    table = Table("canary", "the protection it removes", "expected", box=None)
    for canary in chosen:
        table.add_row(canary.name, canary.removes, canary.expect)
    Console(width=None if sys.stdout.isatty() else 240).print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
