"""One canary in a process of its own: seed after seed until an oracle sees it, or until none is left.

Run: python -m tests.simulation.canaries.trial NAME --seeds 5000
Each line of the output is a JSON object: {"at": seed} now and then, and {"end": ...} once.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import msgspec

from tests.simulation.canaries.catalogue import named
from tests.simulation.canaries.variant import install
from tests.simulation.listening import listening

JUDGE = "tests.simulation.world:run_seed"
KINDS = ("storm", "fresh", "hurried", "calm", "scripted")
TELL = 20
"""So many seeds pass between two lines of progress."""

Judge = Callable[[int], Any]
"""From a seed to a verdict, whose `oracle` is None if all is well and whose `what` says what is not."""


class End(msgspec.Struct, frozen=True):
    """How a trial ended: the first red seed and what was seen, or no seed; `fault` if the variant itself broke."""

    seed: int | None
    seconds: float
    oracle: str = ""
    what: str = ""
    fault: str = ""
    kept: str = ""
    """Where its shortened story was written down."""


def try_seeds(judge: Judge, seeds: Iterable[int], tell: Callable[[int], None]) -> End:
    """Judge one seed after another until one is red."""
    began = time.monotonic()
    for number, seed in enumerate(seeds):
        if number % TELL == 0:
            tell(seed)
            gc.collect()
        try:
            verdict = judge(seed)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told with its seed
            where = traceback.extract_tb(error.__traceback__)[-1]
            fault = f"{error!r} at {where.filename.rsplit('/', 1)[-1]}:{where.lineno}"
            return End(seed, time.monotonic() - began, fault=fault)
        if verdict.oracle is not None:
            return End(seed, time.monotonic() - began, verdict.oracle, verdict.what)
    return End(None, time.monotonic() - began)


def main(arguments: list[str]) -> int:
    """Install the variant, then import the simulation; in this order only."""
    parser = argparse.ArgumentParser(description="Run the simulation over one canary.")
    parser.add_argument("name")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=5000, help="how many seeds at most")
    parser.add_argument("--judge", default=JUDGE, help="module:function that judges a seed")
    parser.add_argument("--kind", choices=KINDS, help="only worlds of this kind")
    parser.add_argument("--skip", type=int, nargs="*", default=[], help="seeds that are passed over")
    parser.add_argument("--keep", action="store_true", help="shorten the story of the first red seed, and keep it")
    parser.add_argument("--story", type=Path, help="live through this kept story instead")
    given = parser.parse_args(arguments)
    say = partial(_say, sys.stdout)
    # What the product prints or logs is nobody's business here.
    with redirect_stdout(sys.stderr), listening():
        judge = _judge_of_variant(given.name, given.judge)
        if given.story is not None:
            say(end=_replayed(given.story))
            return 0
        chosen = _chooser(given.kind)
        seeds = (seed for seed in range(given.first, given.first + given.seeds) if seed not in set(given.skip))
        end = try_seeds(judge, filter(chosen, seeds), lambda seed: say(at=seed))
        say(end=_kept(given.name, end) if given.keep and end.oracle else end)
    return 0


def _replayed(story: Path) -> End:
    """Live through a kept story; the simulation is imported here, once the variant is installed."""
    regressions = importlib.import_module("tests.simulation.regressions")
    world = importlib.import_module("tests.simulation.world")
    seed, script = regressions.read(story)
    return try_seeds(lambda one: world.run_seed(one, script), [seed], lambda _: None)


def _kept(name: str, end: End) -> End:
    """Leave out of the red seed's story what does not matter, and write it down."""
    regressions = importlib.import_module("tests.simulation.regressions")
    shrink = importlib.import_module("tests.simulation.shrink")
    world = importlib.import_module("tests.simulation.world")
    script, shown = shrink.shorten(world.run_seed(end.seed))
    path = regressions.keep(script, shown, canary=name)
    return msgspec.structs.replace(end, kept=path.name, what=shown.what)


def _judge_of_variant(name: str, judge: str) -> Judge:
    if name != SOUND:
        install(*named([name]))
    module, _, function = judge.partition(":")
    found: Judge = getattr(importlib.import_module(module), function)
    gc.collect()
    gc.freeze()
    gc.disable()
    return found


def _chooser(kind: str | None) -> Callable[[int], bool]:
    """Chooses the seeds whose worlds are of this kind; all for None."""
    if kind is None:
        return lambda _: True
    scenario = importlib.import_module("tests.simulation.scenario").scenario
    if kind == "hurried":
        return lambda seed: bool(scenario(seed).hurried)
    if kind == "scripted":
        return lambda seed: bool(scenario(seed).cast)
    return lambda seed: bool(scenario(seed).kind == kind)


SOUND = "sound"
"""The name under which the product is tried as it is."""


def _say(out: TextIO, **line: Any) -> None:
    out.write(msgspec.json.encode(line).decode() + "\n")
    out.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
