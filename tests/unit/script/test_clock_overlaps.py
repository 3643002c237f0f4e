"""Fires that overlap, and a sum that must always be right: every slot is run for, skipped or dropped once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st

from functions.script.schedule import Overlap
from functions.script.trigger import TriggerRecord
from tests.unit.script.clocked import MINUTE, Clocked, instant


def _long_run(policy: str) -> tuple[Clocked, TriggerRecord]:
    """A trigger of every minute whose first run lasts for three and a half, during which ticks and tasks go on."""
    bench = Clocked("2026-11-20T10:00:00Z")
    record = bench.make(every_minutes=1, overlap=policy)

    def last() -> None:
        bench.during = lambda: None
        for _ in range(7):
            bench.tick()
            bench.clock.advance(MINUTE / 2)
            bench.work()

    bench.during = last
    bench.minutes(6)
    return bench, record


def test_overlapping_fires_are_skipped() -> None:
    """By default nothing runs beside an earlier run; what is passed over is counted, and not made up for."""
    bench, record = _long_run("skip")
    after = bench.read(record)

    assert bench.slots() == [f"20T10:0{minute}:00" for minute in (1, 5, 6, 7, 8, 9)]
    assert after is not None
    assert after.clockwork is not None
    assert after.clockwork.skipped == 3


def test_one_overlapping_fire_waits() -> None:
    """With buffer_one, one run follows at once for all that passed meanwhile."""
    bench, _ = _long_run("buffer_one")

    assert bench.slots()[:3] == ["20T10:01:00", "20T10:04:00+2", "20T10:05:00"]


def test_all_overlapping_fires_run() -> None:
    """With allow_all, each fire runs at its time, beside the others."""
    bench, _ = _long_run("allow_all")

    assert bench.slots()[:5] == [f"20T10:0{minute}:00" for minute in (1, 2, 3, 4, 5)]


STEPS = st.lists(
    st.sampled_from(["second", "half", "minutes", "tick", "tick", "work", "work", "outage", "long run"]), max_size=25
)


@settings(max_examples=40)
@given(STEPS, st.sampled_from(Overlap), st.booleans(), st.integers(1, 3))
def test_every_slot_is_accounted_for(steps: list[str], overlap: Overlap, catch_up: bool, every: int) -> None:
    """However ticks, tasks, outages and long runs fall: each slot is run for, skipped or dropped, exactly once."""
    bench = Clocked("2026-11-20T10:00:00Z")
    record = bench.make(every_minutes=every, overlap=overlap, catch_up=catch_up)
    rest = iter(steps)
    for step in rest:
        _take_step(bench, step, rest)
    bench.clock.set(bench.clock.now().replace(second=59))
    for _ in range(2):
        bench.tick()
        bench.work()
    after = bench.read(record)
    passed = int((bench.clock.now() - instant("2026-11-20T10:00Z")) / MINUTE) // every

    assert after is not None
    assert after.clockwork is not None
    run_for = sum(1 + event.missed for event in bench.events)
    assert passed == run_for + after.clockwork.skipped + after.clockwork.dropped
    assert (after.clockwork.claims, after.clockwork.buffered) == ((), False)


TIMES = {"second": timedelta(seconds=1), "half": MINUTE / 2, "minutes": 3 * MINUTE, "outage": timedelta(hours=1)}


def _take_step(bench: Clocked, step: str, rest: Iterator[str]) -> None:
    if step in TIMES:
        bench.clock.advance(TIMES[step])
    elif step == "tick":
        bench.tick()
    elif step == "work":
        bench.work()
    else:
        bench.during = lambda: _long(bench, rest)


def _long(bench: Clocked, rest: Iterator[str]) -> None:
    """The next run lasts while the next four steps are taken, but not longer than runs may."""
    bench.during = lambda: None
    for step in islice(rest, 4):
        _take_step(bench, "half" if step in ("outage", "minutes") else step, rest)
