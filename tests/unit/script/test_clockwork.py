"""What a task of a clock trigger may do, by what the trigger remembers: the pure decisions."""

from __future__ import annotations

import msgspec
import pytest

from functions.script.clock_builder import schedule_of
from functions.script.clockwork import Claim, Clock, Clockwork, Step, decide, end, hand_over, put_off, resume, upcoming
from functions.script.schedule import Overlap

MINUTE = 60.0
MADE = 1_795_000_020.0  # a whole minute
RUN = 600.0


def a_clock(**calls: object) -> Clock:
    """A clock of every ten minutes, or as called."""
    return Clock(schedule_of({"every_minutes": 10, **calls}), "1", MADE)


def slot(number: int) -> float:
    """The so-manieth slot."""
    return MADE + number * 10 * MINUTE


def mine(task: int, now: float) -> Claim:
    """The claim that whoever holds the task for this slot would make."""
    return Claim(slot(task), now + RUN, "mine", slot(task))


def theirs(number: int, until: float, ticket: str = "theirs") -> Claim:
    """Somebody else's claim of a slot, made by its own task."""
    return Claim(slot(number), until, ticket, slot(number))


def decided(memory: Clockwork, task: int, now: float, clock: Clock | None = None) -> Step:
    """What the holder of the task for this slot does."""
    return decide(clock or a_clock(), memory, slot(task), now, mine(task, now))


def test_a_slot_that_nobody_has_covered() -> None:
    """It is claimed and covered."""
    now = slot(1) + 1
    step = decided(Clockwork(next_slot=slot(2)), 1, now)

    assert step == Step(Clockwork(slot(2), slot(1), (mine(1, now),)), mine(1, now))


def test_a_slot_whose_task_was_not_noted() -> None:
    """It needs no other, once it is covered; the one slot that there is stays where it was."""
    now, alone = slot(1) + 1, Clock(schedule_of({"after": 600_000}), "1", MADE)

    assert decided(Clockwork(next_slot=slot(1)), 1, now).memory.next_slot == slot(2)
    assert decided(Clockwork(next_slot=slot(1)), 1, now, alone).memory.next_slot == slot(1)


def test_a_slot_that_is_done() -> None:
    """Nothing is to be done for it, and nothing is written."""
    memory = Clockwork(slot(3), slot(2))

    assert [Step(memory)] * 2 == [decided(memory, task, slot(2) + 5) for task in (1, 2)]


def test_a_slot_that_somebody_runs_for() -> None:
    """The task of another slot leaves a run alone, until its time is over."""
    memory = Clockwork(slot(3), slot(2), (theirs(2, slot(2) + RUN),))

    assert decided(memory, 1, slot(2) + 5) == Step(memory)
    assert decided(memory, 1, slot(2) + RUN).claim == Claim(slot(2), slot(2) + 2 * RUN, "mine", slot(1), 0, 2)


def test_a_task_that_comes_again() -> None:
    """Who gets the task of a run again takes it up at once: the queue gives a task to one worker at a time."""
    memory = Clockwork(slot(3), slot(2), (theirs(2, slot(2) + RUN),))
    step = decided(memory, 2, slot(2) + 5)

    assert step.claim == Claim(slot(2), slot(2) + 5 + RUN, "mine", slot(2), 0, 2)
    assert step.memory.claims == (step.claim,)


def test_a_run_that_waits_for_its_next_try() -> None:
    """Nobody takes up what is to be tried later, not even whose task comes again."""
    memory = Clockwork(None, slot(2), (theirs(2, slot(2) + 30, ticket=""),))

    assert decided(memory, 2, slot(2) + 5) == Step(memory)
    assert decided(memory, 2, slot(2) + 30).claim is not None


@pytest.mark.parametrize(("late", "runs"), [(0.0, True), (119.0, True), (121.0, False)])
def test_what_is_late_without_catching_up(late: float, runs: bool) -> None:
    """A trigger that does not catch up bears what ticks and queues take, and drops what comes later."""
    step = decided(Clockwork(slot(2)), 1, slot(1) + late, a_clock(catch_up=False))

    assert runs == (step.claim is not None)
    assert (0 if runs else 1) == step.memory.dropped


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        (Overlap.SKIP, Clockwork(slot(4), slot(3), (theirs(1, slot(9)),), skipped=2)),
        (Overlap.BUFFER_ONE, Clockwork(slot(4), slot(1), (theirs(1, slot(9)),), buffered=True)),
        (
            Overlap.ALLOW_ALL,
            Clockwork(
                slot(4),
                slot(3),
                (theirs(1, slot(9)), msgspec.structs.replace(mine(3, slot(3)), missed=1)),
            ),
        ),
    ],
)
def test_slots_during_a_run(overlap: Overlap, expected: Clockwork) -> None:
    """Two slots pass during a long run: both skipped and counted, or remembered, or run for beside it as one."""
    memory = Clockwork(slot(4), slot(1), (theirs(1, slot(9)),))

    assert expected == decided(memory, 3, slot(3), a_clock(overlap=overlap)).memory


def test_the_dead_are_covered_by_the_next() -> None:
    """A run whose time is over counts, with all it stood for, among what the next run stands for."""
    dead = msgspec.structs.replace(theirs(2, slot(3)), missed=1)
    step = decided(Clockwork(slot(4), slot(2), (dead,)), 3, slot(3))

    assert step.claim is not None
    assert (slot(3), 2) == (step.claim.slot, step.claim.missed)
    assert step.memory.claims == (step.claim,)


def test_a_run_ends() -> None:
    """Its claim goes, others' claims stay."""
    memory = Clockwork(slot(3), slot(2), (theirs(1, slot(5)), mine(2, slot(2))))

    assert end(a_clock(), memory, mine(2, slot(2)), slot(2) + 5) == Step(
        Clockwork(slot(3), slot(2), (theirs(1, slot(5)),))
    )


def test_a_run_ends_that_another_waits_for() -> None:
    """What was buffered becomes a claim that waits, for all slots that have passed, and may be taken up at once."""
    memory = Clockwork(slot(4), slot(1), (mine(1, slot(1)),), buffered=True)
    step = end(a_clock(), memory, mine(1, slot(1)), slot(3) + 5)

    assert step.claim == Claim(slot(3), slot(3) + 5, missed=1, attempt=0)
    assert step.memory == Clockwork(slot(4), slot(3), (step.claim,))


def test_a_run_ends_that_was_overtaken() -> None:
    """Whoever lost the claim changes nothing, neither what is buffered nor when it is tried again."""
    memory = Clockwork(slot(4), slot(1), (theirs(1, slot(5)),), buffered=True)

    assert end(a_clock(), memory, mine(1, slot(1)), slot(3)) == Step(memory)
    assert put_off(memory, mine(1, slot(1)), slot(3)) == Step(memory)


def test_what_a_tick_hands_over() -> None:
    """What has passed is one task, for the latest; what comes before the horizon has a task each."""
    slots, after = hand_over(a_clock(), Clockwork(slot(1)), slot(3) + 1, slot(5))

    assert ([slot(3), slot(4), slot(5)], slot(6)) == (slots, after.next_slot)
    assert hand_over(a_clock(), Clockwork(slot(1)), slot(1) - 1, slot(1) - 0.5) == ([], Clockwork(slot(1)))


def test_a_repeated_trigger_is_enabled_again() -> None:
    """It forgets what passed and who died; a run that goes on is left alone."""
    running, dead = theirs(1, slot(9)), theirs(2, slot(3))
    memory = Clockwork(slot(2), slot(1), (running, dead), buffered=True)
    clock = a_clock()

    resumed = resume(clock.schedule, "1", MADE, memory, slot(5) + 1)

    assert resumed == Clockwork(slot(6), slot(5) + 1, (running,))


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ((), Clockwork(MADE + 60)),
        ((Claim(MADE + 60, MADE + 90, "dead"),), Clockwork(MADE + 60)),
        (
            (Claim(MADE + 60, MADE + 900, "running"),),
            Clockwork(None, MADE + 60, (Claim(MADE + 60, MADE + 900, "running"),)),
        ),
    ],
)
def test_a_single_fire_is_enabled_again(claims: tuple[Claim, ...], expected: Clockwork) -> None:
    """A single fire that has not succeeded is to fire again, unless a run of it goes on."""
    memory = Clockwork(None, MADE + 60, claims)

    assert expected == resume(schedule_of({"after": 60_000}), "1", MADE, memory, MADE + 300)


def test_what_comes_next() -> None:
    """The next instant is the first uncovered slot, or the time of the next try."""
    single = Clock(schedule_of({"after": 60_000}), "1", MADE)
    waiting = Claim(MADE + 60, MADE + 75)

    assert upcoming(a_clock(), Clockwork(slot(3), slot(1))) == slot(2)
    assert upcoming(single, Clockwork(None, None)) == MADE + 60
    assert upcoming(single, Clockwork(None, MADE + 60, (waiting,))) == MADE + 75
    assert upcoming(single, Clockwork(None, MADE + 60, (theirs(1, slot(2)),))) is None
