"""One tenant and another: what a task names changes nothing of whose it is, and nobody's crowd stands before others."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from functions import ledger
from functions.feed import feed_id
from functions.ground import Policy
from functions.ledger import Row
from functions.ports import Where
from functions.work import remark
from tests.meanwhile import run_some
from tests.security.doors import House, standing
from tests.world import ALICE, World, event_body

BOB = "bob@example.com"


def welcome(world: World) -> str:
    """Connect Bob's calendar too; the id of his feed."""
    world.act("GET", BOB, by=BOB)
    return world.connect(BOB, user=BOB)


class Asked:
    """A calendar or provider that counts who is asked about whom."""

    def __init__(self, port: Any, calls: Counter[str]) -> None:
        self._port, self._calls = port, calls

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return self._counting(found, name) if callable(found) else found

    def _counting(self, call: Any, name: str) -> Any:
        def counting(*arguments: Any, **named: Any) -> Any:
            self._calls[f"{name} {arguments[0] if arguments else ''}"] += 1
            return call(*arguments, **named)

        return counting


@pytest.fixture
def both(key: RSAPrivateKey) -> Iterator[tuple[House, Row, Row]]:
    """Two tenants, each with a meeting whose event has just changed."""
    with standing(key) as house:
        world = house.world
        welcome(world)
        for user in (ALICE, BOB):
            world.act("POST", user, body={**event_body(), "summary": f"of {user}"}, by=user)
        world.settle()
        rows = {row.user: row for row in world.rows()}
        yield house, rows[ALICE], rows[BOB]


def mixed(alice: Row, bob: Row) -> list[tuple[str, Mapping[str, object]]]:
    """Tasks that name what belongs to different tenants, or what no task may name."""
    crossed = {"feed": alice.feed, "event": bob.event, "fence": bob.fence}
    own = {"feed": alice.feed, "event": alice.event, "fence": alice.fence}
    return [
        ("reconcile_event", crossed),
        ("patch_event", crossed),
        ("reconcile_event", {**crossed, "feed": bob.feed, "event": alice.event}),
        ("reconcile_event", {**own, "user": BOB}),
        ("patch_event", {**own, "calendar": BOB, "user": BOB}),
        ("patch_event", {**own, "conferenceData": {"entryPoints": []}}),
        ("sync_calendar", {"feed": alice.feed, "number": 10**6, "user": BOB}),
        ("sync_calendar", {"feed": feed_id(ALICE, BOB), "number": 10**6}),
        ("sync_calendar", {"feed": f"../feeds/{bob.feed}", "number": 1}),
        ("reconcile_event", {"feed": f"{alice.feed}-", "event": bob.event}),
        ("reconcile_event", {"meeting": "0" * 32, "version": "1", "feed": alice.feed}),
        ("reconcile_event", {"meeting": str(bob.meeting)[:-1], "version": "1"}),
    ]


def test_tasks_that_mix_tenants(both: tuple[House, Row, Row]) -> None:
    """A task whose ids do not belong together, or that names more than ids, is done with and has done nothing."""
    house, alice, bob = both
    calls: Counter[str] = Counter()
    world = house.world
    provider = Asked(world.provider, calls)
    world.change_ground(calendar=Asked(world.ground.calendar, calls), providers={"http": provider})
    before = [world.store.query(name, limit=400) for name in ("feeds", "ledger", "channels")]

    answers = [house.task(function, json.dumps(body).encode()).status_code for function, body in mixed(alice, bob)]

    assert set(answers) == {200}
    assert not calls
    assert world.queue.waiting() == []
    assert [world.store.query(name, limit=400) for name in ("feeds", "ledger", "channels")] == before


@pytest.mark.parametrize("number", [0, 1, 2, 10**6, 2**53 - 1])
def test_the_tenant_is_the_records(both: tuple[House, Row, Row], number: int) -> None:
    """Whatever a task says, the credential that is used is that of the user in the stored record."""
    house, alice, bob = both
    calls: Counter[str] = Counter()
    house.world.change_ground(calendar=Asked(house.world.ground.calendar, calls))
    remark(house.world.ground, ledger.key_of(bob.feed, bob.event), refresh=True)
    house.task("reconcile_event", json.dumps({"feed": bob.feed, "event": bob.event}).encode())
    house.task("sync_calendar", json.dumps({"feed": bob.feed, "number": number}).encode())

    assert calls
    assert {call.partition(" ")[2] for call in calls} == {BOB}
    assert [row for row in house.world.rows() if row.user == ALICE] == [alice]


# ---- crowds -----------------------------------------------------------------------------------


class Slow:
    """A provider whose every call takes its time, on a clock that stands still otherwise."""

    def __init__(self, world: World, seconds: float) -> None:
        self._world, self._time = world, timedelta(seconds=seconds)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._world.provider, name)
        return self._slowly(found) if name in {"create", "update", "get", "delete"} else found

    def _slowly(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def slowly(*arguments: Any, **named: Any) -> Any:
            self._world.clock.advance(self._time)
            return call(*arguments, **named)

        return slowly


def test_a_crowd_does_not_stand_before_others() -> None:
    """One user makes hundreds of events at once; another's single one is not served behind all of them.

    One worker does everything in the order in which it is due, so this is about the order alone.
    """
    world = World(dataclasses.replace(Policy(), inline=1.0))
    try:
        world.connect()
        welcome(world)
        world.change_ground(providers={"http": Slow(world, 0.02)})
        for number in range(400):
            world.insert(summary=f"crowd {number:03}")
        world.run_due(until="reconcile_event")
        waiting = len(world.queue.waiting())
        began = world.clock.now()
        world.insert(BOB, by=BOB, summary="alone")
        for _ in range(1000):
            linked = world.store.query(ledger.COLLECTION, [Where("meeting", ">", "")], order_by="meeting", limit=400)
            if any(document.data["user"] == BOB for document in linked):
                break
            run_some(world, 1)
        took = (world.clock.now() - began).total_seconds()
    finally:
        world.close()

    assert waiting > 300  # which together take more than six seconds
    assert took < 3
