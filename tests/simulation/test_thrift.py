"""What is never needed is found at the step that does it, and what is needed is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from conference.errors import Later
from tests.simulation.faults import Fault
from tests.simulation.promptness import ALWAYS, allowed
from tests.simulation.sight import Broken, Json
from tests.simulation.thrift import Thrift, check_answer, check_write

NOW = 1000.0


class Clock:
    """Always the same instant, until it is set."""

    seconds = NOW

    def now(self) -> datetime:
        """That instant."""
        return datetime.fromtimestamp(self.seconds, UTC)


def said(*steps: tuple[str, Json, Json, str], off: bool = False) -> str:
    """What is said of these writes, nothing for nothing."""
    thrift = Thrift(Clock())
    thrift.clock_is_off = off
    try:
        for step in steps:
            thrift.store_changed(*step)
    except Broken as broken:
        return str(broken)
    return ""


FEED: Json = {"dirty": 3, "started": 2, "done": 2, "fence": 1}
ROW: Json = {"mark": 3, "done": 2, "fence": 1}
HELD = {**ROW, "fence": 2, "claimed_until": NOW + 9}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({**FEED, "started": 3}, {**FEED, "dirty": 4}, ""),
        (FEED, {**FEED, "dirty": 4}, "was to come already"),
        (FEED, {**FEED, "dirty": 4, "full_wanted": True}, ""),
        ({**FEED, "full_wanted": True}, {**FEED, "dirty": 4, "full_wanted": True}, "was to come already"),
        ({**FEED, "started": 3, "stopped": True}, {**FEED, "dirty": 4}, "is stopped"),
        (FEED, {**FEED, "fence": 2, "lease_number": 3}, ""),
        ({**FEED, "done": 3}, {**FEED, "fence": 2}, "none is owed"),
        (
            {**FEED, "lease_until": NOW + 1, "lease_number": 2},
            {**FEED, "fence": 2, "lease_number": 3},
            "holds the lease",
        ),
        ({**FEED, "lease_until": NOW + 1, "lease_number": 3}, {**FEED, "fence": 2, "lease_number": 3}, ""),
        ({**FEED, "lease_until": NOW - 1, "lease_number": 2}, {**FEED, "fence": 2, "lease_number": 3}, ""),
    ],
)
def test_a_run_that_nobody_needs_is_found(before: Json, after: Json, found: str) -> None:
    """One for each burst of notices, none for nothing, and none beside another."""
    assert found in said(("feeds/f", before, after, "w"))
    assert bool(found) is bool(said(("feeds/f", before, after, "w")))


@pytest.mark.parametrize(
    ("drops", "passes", "found"),
    [
        ([0], [1], False),
        ([0, 100], [1, 301], False),
        ([0, 100], [1, 101], True),
        ([0, 100, 367], [1, 309, 368], False),
        ([0, 100, 250], [1, 310, 311], False),
        ([0, 301, 400], [1, 302, 500], True),
        ([0, 301, 400], [1, 302, 601], False),
    ],
)
def test_a_full_pass_too_soon_is_found(drops: list[float], passes: list[float], found: bool) -> None:
    """Of two drops in a while, the second waits until the while after the first is over; it holds up no third."""
    clock = Clock()
    thrift = Thrift(clock)
    lost, taken = {**FEED, "token": None}, {**FEED, "token": "t"}
    steps = sorted([(at, taken, lost) for at in drops] + [(at, lost, taken) for at in passes], key=lambda one: one[0])

    def live() -> None:
        for at, before, after in steps:
            clock.seconds = NOW + at
            thrift.store_changed("feeds/f", before, after, "sync_calendar f #1")

    if found:
        with pytest.raises(Broken, match="too soon"):
            live()
    else:
        live()


def test_of_the_notices_of_one_second_one_asks_for_a_run() -> None:
    """Two that ask for one each are too many, unless a run was under way, which takes the next turn at once."""
    rest, raised = {**FEED, "started": 3, "done": 3}, {**FEED, "started": 3, "done": 3, "dirty": 4}
    again = ({**raised, "started": 4}, {**raised, "started": 4, "dirty": 5})

    def told(**more: float) -> Thrift:
        thrift = Thrift(Clock())
        thrift.noticed("f")
        thrift.store_changed("feeds/f", rest, raised, "notice #1")
        thrift.store_changed("feeds/f", {**again[0], **more}, {**again[1], **more}, "notice #2")
        return thrift

    told(lease_until=NOW + 9).bursts()
    with pytest.raises(Broken, match="at most 1"):
        told().bursts()


def test_a_claim_that_nobody_needs_is_found() -> None:
    """A row of which nothing is pending is left alone."""
    assert "nothing is pending" in said(("ledger/r", {**ROW, "done": 3}, {**ROW, "done": 3, "fence": 2}, "w"))


def test_a_claim_that_lives_is_nobodys_to_take() -> None:
    """A task takes what a run has handed to it, once; a mark leaves a worker its row."""
    handed = ("ledger/r", ROW, HELD, "sync_calendar f #1")
    taken = ("ledger/r", HELD, {**HELD, "fence": 3}, "reconcile_event e #1")
    again = ("ledger/r", {**HELD, "fence": 3}, {**HELD, "fence": 4}, "reconcile_event e #2")
    assert said(handed, taken) == ""
    assert "who works on it" in said(handed, taken, again)
    assert said(handed, taken, again, off=True) == ""
    assert "who works on it" in said(handed, (*taken[:3], "patch_event e #1"))
    assert "has marked a row" in said(handed, ("ledger/r", HELD, {**HELD, "fence": 3, "mark": 4}, "sync_calendar f #2"))


def test_a_task_writes_under_its_own_claim() -> None:
    """What only a holder writes, a task writes only of a row that it has claimed."""
    done = {**HELD, "fence": 3, "done": 3}
    taken = ("ledger/r", HELD, {**HELD, "fence": 3}, "reconcile_event e #1")
    assert said(taken, ("ledger/r", {**HELD, "fence": 3}, done, "reconcile_event e #1")) == ""
    assert "without having claimed" in said(taken, ("ledger/r", {**HELD, "fence": 3}, done, "reconcile_event e #2"))


def test_a_write_that_changes_nothing_is_found() -> None:
    """Google counts it as a change, and so tells us of it."""
    check_write("e", {"etag": "1", "conferenceData": {}}, {"etag": "2", "conferenceData": {"conferenceId": "m"}})
    with pytest.raises(Broken, match="changed nothing"):
        check_write("e", {"etag": "1", "summary": "a"}, {"etag": "2", "summary": "a"})


def test_trouble_outside_is_not_given_back_to_the_queue() -> None:
    """Where the store or the queue itself has failed, it is."""
    check_answer("t", None, ground_failed=False)
    check_answer("t", Later("the store is down"), ground_failed=True)
    with pytest.raises(Broken, match="given back"):
        check_answer("t", Later("Calendar is busy"), ground_failed=False)


def test_what_goes_wrong_explains_a_delay() -> None:
    """The more goes wrong, the longer a change may take; what repeats a notice explains next to nothing."""
    crash, lost = ("sync_calendar f #1:2 store.get", Fault.CRASH_BEFORE), ("notice #1", Fault.STORE_DOWN)
    assert at_most() == ALWAYS < allowed([], alone=False)
    assert ALWAYS < at_most(("notice #1", Fault.NOTICE_DOUBLED)) < at_most(crash) < at_most(lost)
    assert at_most(crash) < at_most(("sync_calendar f #1 doubled:2 store.get", Fault.CRASH_BEFORE))
    assert at_most(crash, lost) == at_most(crash) + at_most(lost) - ALWAYS
    dropped = ("sync_calendar f #1:3 calendar.GET events", Fault.TOKEN_DROPPED)
    assert at_most(dropped, dropped) > 2 * at_most(dropped)


def at_most(*struck: tuple[str, Fault]) -> float:
    """Where nobody but us has touched any meeting."""
    return allowed(struck, alone=True)


def test_a_stale_write_is_made_once() -> None:
    """Who was refused reads the event first; who was disturbed then may have told nobody."""
    thrift = Thrift(Clock())
    thrift.write_refused("e", "1", lambda: True)
    thrift.write_refused("e", "1", lambda: False)
    with pytest.raises(Broken, match="once more"):
        thrift.write_refused("e", "1", lambda: False)
