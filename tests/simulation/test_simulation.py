"""The product in simulated worlds: whatever goes wrong, nothing is lost, overwritten or left behind.

`make simulate` runs many more seeds; a story that ever failed stands in regressions/ and is lived through each time.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation import regressions
from tests.simulation.campaign import campaign
from tests.simulation.faults import Fault
from tests.simulation.listening import listening
from tests.simulation.shrink import shorten
from tests.simulation.world import Script, Verdict, run_seed

SEEDS = 2000


@pytest.mark.timeout(600)
def test_two_thousand_worlds_end_well() -> None:
    """No oracle turns red; each hundredth world is the same twice; every kind of fault happened."""
    tally = campaign(0, SEEDS)

    assert tally.failed == {}, "again: .venv/bin/python -m tests.simulation seed NUMBER"
    assert tally.different == []
    assert {fault.value for fault in Fault} - set(tally.faults) == set()


@pytest.mark.parametrize("path", list(regressions.kept()), ids=lambda path: path.stem)
def test_a_story_that_failed_once_ends_well_now(path: Path) -> None:
    """Each kept story, with the acts and faults it failed with."""
    seed, script = regressions.read(path)
    with listening():
        verdict = run_seed(seed, script)

    assert verdict.oracle is None, verdict.what


def test_the_same_seed_twice_is_the_same_world_byte_for_byte() -> None:
    """Every call, every fault, every instant."""
    with listening():
        first, second = run_seed(17), run_seed(17)

    assert first.trace
    assert first.trace == second.trace
    assert first.acts == second.acts


def test_a_script_replays_what_was_drawn() -> None:
    """The acts and faults of a world, given as a script, make the same world."""
    with listening():
        drawn = run_seed(23)
        replayed = run_seed(23, Script(frozenset(drawn.acts), drawn.struck, frozenset(drawn.cast)))

    assert replayed.digest == drawn.digest


def test_a_story_is_written_down_and_read_again(tmp_path: Path) -> None:
    """What is kept of a story is enough to live through it once more."""
    script = Script(frozenset({0, 2}), {"tick 3:1 store.get": Fault.STORE_DOWN}, frozenset({1}))

    path = regressions.keep(script, Verdict(5, "I1", "because", acts={0: "make", 1: "rename", 2: "cancel"}), tmp_path)

    assert regressions.read(path) == (5, script)
    assert "rename" not in path.read_text()


def test_a_green_story_cannot_be_shortened_into_a_red_one() -> None:
    """Shortening keeps to the oracle that turned red, and leaves out whatever does not matter for it."""
    with listening():
        _, shown = shorten(run_seed(4), tries=5)

    assert shown.oracle is None
