"""Shortens a failing story: acts, triggers and faults are left out as long as the same oracle turns red."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from tests.simulation.faults import Fault
from tests.simulation.world import Script, Verdict, run_seed

T = TypeVar("T")


def shorten(verdict: Verdict, tries: int = 400) -> tuple[Script, Verdict]:
    """The smallest script found within so many runs that turns the same oracle red, and what it led to."""
    best = Script(frozenset(verdict.acts), dict(verdict.struck), frozenset(verdict.cast))
    shown = run_seed(verdict.seed, best)
    if shown.oracle != verdict.oracle:
        # Some faults only show by what others did; then the whole seed is the story.
        return best, verdict
    left = [tries]

    def still(script: Script) -> bool:
        nonlocal best, shown
        if not left[0]:
            return False
        left[0] -= 1
        tried = run_seed(verdict.seed, script)
        if tried.oracle != verdict.oracle:
            return False
        # Whatever did not strike this time is left out for good.
        best, shown = Script(frozenset(tried.acts), dict(tried.struck), frozenset(tried.cast)), tried
        return True

    _thin(lambda: sorted(best.faults), lambda kept: still(replace(best, faults=_only(best.faults, kept))))
    _thin(lambda: sorted(best.cast), lambda kept: still(replace(best, cast=frozenset(kept))))
    _thin(lambda: sorted(best.acts), lambda kept: still(replace(best, acts=frozenset(kept))))
    _thin(lambda: sorted(best.faults), lambda kept: still(replace(best, faults=_only(best.faults, kept))))
    return best, shown


def _only(faults: Mapping[str, Fault], kept: Sequence[str]) -> dict[str, Fault]:
    return {name: faults[name] for name in kept}


def _thin(items: Callable[[], list[T]], keep: Callable[[list[T]], bool]) -> None:
    """Leave out ever smaller parts, as long as it works (delta debugging)."""
    size = max(1, len(items()) // 2)
    while True:
        for part in _parts(items(), size):
            rest = [item for item in items() if item not in part]
            if len(rest) < len(items()):
                keep(rest)
        if size == 1:
            return
        size = max(1, size // 2)


def _parts(items: list[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
