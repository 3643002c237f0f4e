"""Many seeds on all cores: what happened in them, which of them failed, and how fast it went."""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from tests.simulation.listening import listening
from tests.simulation.world import run_seed

CHUNK = 20


@dataclass(slots=True)
class Tally:
    """What happened in some seeds."""

    seeds: int = 0
    failed: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Seed -> oracle and what it said."""
    faults: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    different: list[int] = field(default_factory=list)
    """Seeds whose second run was not the same as the first."""
    seconds: float = 0.0

    def add(self, other: Tally) -> None:
        """Count another tally in."""
        self.seeds += other.seeds
        self.failed |= other.failed
        self.different += other.different
        for name in ("faults", "acts", "calls", "states"):
            getattr(self, name).update(getattr(other, name))


def live_through(seeds: Iterable[int], twice: int = 100) -> Tally:
    """Run seeds in this process, every `twice`-th of them twice."""
    tally = Tally()
    with listening() as ear:
        ear.heard.clear()
        for seed in seeds:
            verdict = run_seed(seed)
            tally.seeds += 1
            if verdict.oracle is not None:
                tally.failed[seed] = verdict.oracle, verdict.what
            tally.faults.update(fault.value for fault in verdict.struck.values())
            tally.acts.update(verdict.kinds)
            tally.calls.update(verdict.calls)
            if seed % twice == 0 and run_seed(seed).digest != verdict.digest:
                tally.different.append(seed)
        tally.states.update(ear.heard)
    gc.collect()
    return tally


def campaign(first: int, seeds: int, *, jobs: int | None = None, told: Callable[[Tally], None] | None = None) -> Tally:
    """Run `seeds` seeds from `first` on, on `jobs` processes (None: all cores); `told` hears how far it is."""
    began = time.monotonic()
    chunks = [range(start, min(start + CHUNK, first + seeds)) for start in range(first, first + seeds, CHUNK)]
    tally = Tally()
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs or os.cpu_count(), initializer=_begin, maxtasksperchild=None) as pool:
        for part in pool.imap_unordered(live_through, chunks):
            tally.add(part)
            tally.seconds = time.monotonic() - began
            if told is not None:
                told(tally)
    return tally


def _begin() -> None:
    # The worlds are collected by hand, between chunks: what was imported need not be looked at again.
    gc.collect()
    gc.freeze()
    gc.disable()
    # Each of our loggers is put together once: in this process all lines go to one ear.
    structlog.configure(cache_logger_on_first_use=True)
