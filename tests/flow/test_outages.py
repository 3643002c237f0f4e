"""Changes that nobody was there to hear: before the first pass has ended, and while the functions are down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions import channel
from functions.initialise import initialise
from tests.world import ALICE, World

# ---- a notice before the first run has ended --------------------------------------------------------


def connect_while(world: World, what: Callable[[], None], *, during: str, call: int = 1) -> str:
    """Connect the calendar; `what` happens at the `call`-th call of the Calendar port's method `during`."""
    calm = world.ground.calendar
    world.change_ground(calendar=AtCall(calm, during, call, what))
    connected = initialise(world.ground, ALICE, "primary")
    world.change_ground(calendar=calm)
    world.settle()
    return connected


class AtCall:
    """A port at whose `number`-th call of `method` something else happens, once it is answered."""

    def __init__(self, port: Any, method: str, number: int, what: Callable[[], None]) -> None:
        self._port, self._method, self._number, self._what = port, method, number, what

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._port, name)
        return self._counted(call) if name == self._method else call

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            answer = call(*arguments, **named)
            self._number -= 1
            if self._number == 0:
                self._what()
            return answer

        return counted


@pytest.mark.parametrize(
    ("during", "call"), [("watch", 1), ("changes", 1), ("changes", 2)], ids=["watch", "first page", "second page"]
)
@pytest.mark.parametrize("wait", [0, 3], ids=["delivered", "and its task run"])
def test_a_change_before_the_first_pass_has_ended_is_followed(world: World, during: str, call: int, wait: int) -> None:
    """Made after its page was read, it comes with the notice that the open channel brought; one feed, one meeting."""
    for number in range(3):
        world.insert(summary=f"Old {number}", conferenceData=None)
    world.google_control("knobs", pageLimit=2)

    def somebody_asks() -> None:
        world.insert(summary="Meanwhile")
        world.deliver()
        if wait:
            world.settle(timedelta(seconds=wait))

    connected = connect_while(world, somebody_asks, during=during, call=call)
    world.clock.advance(timedelta(hours=25))
    world.tick()
    world.settle()

    assert [meeting["title"] for meeting in world.meetings()] == ["Meanwhile"]
    assert world.feed(connected).token
    assert not world.feed(connected).owed


@pytest.mark.parametrize("call", [1, 2])
def test_a_change_during_the_first_pass_needs_no_sweep(world: World, call: int) -> None:
    """It is followed at once, since its notice outlives the run that could not see it."""
    for number in range(3):
        world.insert(summary=f"Old {number}", conferenceData=None)
    world.google_control("knobs", pageLimit=2)

    def somebody_asks() -> None:
        world.insert(summary="Meanwhile")
        world.deliver()

    connected = connect_while(world, somebody_asks, during="changes", call=call)

    assert [meeting["title"] for meeting in world.meetings()] == ["Meanwhile"]
    assert not world.feed(connected).owed


# ---- the functions are down ---------------------------------------------------------------------------


@pytest.mark.parametrize("days", [3, 9], ids=["channel and poll missed", "even Google's longest channel"])
def test_a_channel_that_expired_while_the_functions_were_down_is_replaced(world: World, feed: str, days: int) -> None:
    """The first minute after the outage opens a channel and lists; later changes are heard at once again."""
    later: dict[str, Any] = {
        name: {"dateTime": f"2026-12-24T{hour:02}:00:00Z"} for name, hour in (("start", 9), ("end", 10))
    }
    kept, gone = world.insert(summary="Kept", **later), world.insert(summary="Gone", **later)
    world.settle()
    before = world.feed(feed).channel
    world.google_control("push", silent=True)
    world.patch(kept["id"], summary="Renamed in the dark")
    world.cancel(gone["id"])
    new = world.insert(summary="New in the dark", **later)
    world.clock.advance(timedelta(days=days))
    world.google_control("push", silent=False)
    world.tick()
    world.settle()
    healed = [meeting["title"] for meeting in world.meetings()]
    world.patch(new["id"], summary="Heard")
    world.settle(timedelta(seconds=10))
    world.tick()

    now = world.feed(feed).channel
    assert healed == ["New in the dark", "Renamed in the dark"]
    assert [meeting["title"] for meeting in world.meetings()] == ["Heard", "Renamed in the dark"]
    assert now != before
    assert [document.key for document in world.store.query(channel.COLLECTION)] == [f"channels/{now}"]
