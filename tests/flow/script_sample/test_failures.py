"""The service is down, runs overlap, the process dies, in both styles: scenarios S11 to S13."""

from __future__ import annotations

from datetime import timedelta

from examples.rooms import Wish
from functions import script
from tests.crashing import Crash
from tests.flow.script_sample.world import SampleWorld, tokens
from tests.world import ALICE


def test_s11_the_service_is_down_for_one_of_three(begun: SampleWorld) -> None:
    """Two now and one later, each once; the token does not wait for it."""
    for name in ("first", "second", "third"):
        begun.meet(name)
    refused: list[str] = []

    def down(_: str, wish: Wish) -> None:
        if wish.title == "second" and len(refused) < 2:
            refused.append(wish.title)
            raise ConnectionError("down")

    begun.rooms.before = down
    before = tokens(begun)
    for name in ("first", "second", "third"):
        begun.move_to(16, name)
    begun.settle(timedelta(seconds=1))
    assert begun.rooms.done() == {"update": 2}
    assert tokens(begun)[ALICE] != before[ALICE]
    begun.wait(5)

    assert begun.rooms.done() == {"update": 1}
    assert all(wish.start.startswith("2026-11-24T16") for wish in begun.rooms.standing.values())


def test_s11_a_change_that_never_goes_through_is_parked(begun: SampleWorld) -> None:
    """With its cause; replayed when the service is well again."""
    begun.meet("planning")

    def down(_what: str, _wish: Wish) -> None:
        raise ConnectionError("down")

    begun.rooms.before = down
    begun.move_to(16, "planning")
    begun.settle(timedelta(seconds=2 * begun.ground.policy.retry_for))
    with begun.scripting():
        (trigger,) = script.get_project_triggers()
        (parked,) = script.get_parked(trigger)
        assert (parked.event_id, "ConnectionError" in parked.cause) == ("planning", True)
        begun.rooms.before = lambda _what, _wish: None
        assert script.replay(trigger) == 1
    begun.wait(1)

    assert begun.rooms.done() == {"update": 1}


def test_s12_a_notice_in_the_middle_of_a_run(begun: SampleWorld) -> None:
    """What comes meanwhile is done by a run that follows: each change once."""
    for name in ("first", "second"):
        begun.meet(name)
    nested: list[str] = []

    def meanwhile(_what: str, _wish: Wish) -> None:
        if not nested:
            nested.append("now")
            begun.move_to(17, "second")
            begun.settle(timedelta(seconds=1))

    begun.rooms.after = meanwhile
    begun.move_to(16, "first")
    begun.wait(2)

    assert begun.rooms.done() == {"update": 2}
    assert begun.rooms.standing["room-2"].start.startswith("2026-11-24T17")


def test_s13_a_crash_after_the_services_call(begun: SampleWorld) -> None:
    """The same call comes again and is harmless: one room, as wished."""
    begun.meet("planning")
    crashed: list[str] = []

    def crash(what: str, _: Wish) -> None:
        if not crashed:
            crashed.append(what)
            raise Crash(what)

    for act, left in (("move", {"room-1"}), ("cancel", set[str]())):
        crashed.clear()
        begun.rooms.after = crash
        if act == "move":
            begun.move_to(16, "planning")
        else:
            begun.cancel("planning")
        begun.wait(5)
        assert crashed
        assert set(begun.rooms.standing) == left

    assert begun.rooms.done() == {"update": 2, "delete": 2}
