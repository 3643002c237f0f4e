"""The process dies before or after every single outgoing call, one after the other; the end is always right."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.crashing import Crashing, Fuse
from tests.world import World

SHARDS = 4


def story(fuse: Fuse) -> tuple[World, str]:
    """Make two events, move one, cancel the other, change a join link, while the fuse may burn once."""
    world = World()
    world.connect()
    ground = world.ground
    world.change_ground(
        store=Crashing(ground.store, "store", fuse),
        queue=Crashing(ground.queue, "queue", fuse),
        calendar=Crashing(ground.calendar, "calendar", fuse),
        providers={"http": Crashing(world.provider, "provider", fuse)},
    )
    kept, gone = world.insert(summary="Kept")["id"], world.insert(summary="Gone")["id"]
    world.settle()
    world.patch(kept, summary="Renamed")
    world.settle()
    world.cancel(gone)
    world.settle()
    for meeting in world.meetings():
        if meeting["title"] == "Renamed":
            world.vendor_control(f"meetings/{meeting['id']}", rotate_join_url=True)
    world.settle()
    for _ in range(3):
        world.clock.advance(timedelta(minutes=3))
        world.tick_or_die()
        world.settle()
    return world, kept


def check(world: World, kept: str, where: str) -> None:
    """Judge the end: one meeting, right, linked, published; nothing pending, nothing parked, nothing left behind."""
    titles = [meeting["title"] for meeting in world.meetings()]
    assert titles == ["Renamed"], where
    (meeting,) = world.meetings()
    conference = world.event(kept)["conferenceData"]
    assert conference["conferenceId"] == meeting["id"], where
    assert conference["entryPoints"][0]["uri"] == meeting["join_url"], where
    rows = {row.event: row for row in world.rows()}
    assert [row.parked for row in rows.values() if row.parked] == [], where
    assert not any(row.pending for row in rows.values()), where
    assert rows[kept].link is not None, where
    world.close()


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_crash_at_any_call_loses_nothing_and_leaves_nothing(shard: int) -> None:
    """Every call of the story, before it and after it; the shards only spread the work over the cores."""
    calm = Fuse(None)
    world, kept = story(calm)
    check(world, kept, "no crash")
    assert calm.moments > 200
    for moment in range(1 + shard, calm.moments + 1, SHARDS):
        fuse = Fuse(moment)
        world, kept = story(fuse)
        assert fuse.where, moment
        check(world, kept, f"{fuse.where}, moment {moment} of {calm.moments}")
