"""A task that comes by on its way, through its door: nothing runs before its time, and its caller is checked."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from functions.rearming import NOT_BEFORE
from tests.security.doors import ACCOUNTS, House


def on_its_way(house: House, days: float) -> bytes:
    """A run of the house's feed that is due after so many days."""
    (feed,) = house.world.store.query("feeds")
    due = (house.world.clock.now() + timedelta(days=days)).timestamp()
    return json.dumps({"feed": feed.key.partition("/")[2], "number": feed.data["dirty"], NOT_BEFORE: due}).encode()


def test_it_waits_again(house: House) -> None:
    """It is taken, run by nobody, and in the queue for its time, without the mark once that is within reach."""
    runs = len(house.world.store.query("runs"))
    answer = house.task("sync_calendar", on_its_way(house, 10))
    (held,) = [held for held in house.world.queue.waiting() if held.at > house.world.clock.now() + timedelta(days=9)]

    assert answer.status_code == 200
    assert len(house.world.store.query("runs")) == runs
    assert held.at == house.world.clock.now() + timedelta(days=10)
    assert NOT_BEFORE not in held.task.body


@pytest.mark.parametrize("function", [name for name in ACCOUNTS if name != "tick"])
def test_a_stranger_puts_nothing_into_the_queue(quiet: House, function: str) -> None:
    """Who is not admitted cannot have a task wait either."""
    before = quiet.world.queue.waiting()
    answer = quiet.call(function, {"Authorization": "Bearer none"}, on_its_way(quiet, 10))

    assert answer.status_code == 403
    assert quiet.world.queue.waiting() == before
