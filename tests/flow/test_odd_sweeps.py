"""Ticks, sweeps and pushes that come upon what somebody else has just taken up, or upon nothing."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from conference.errors import Forged
from functions import feed as feeds
from functions import ledger, sweep, webhook
from functions.ground import Policy
from tests.flow.moments import heal
from tests.instead import Instead
from tests.meanwhile import Meanwhile
from tests.world import SECRET, World


@pytest.mark.parametrize(("collection", "part"), [("feeds", "runs"), (ledger.COLLECTION, "marks")])
def test_what_somebody_else_takes_up_just_now_is_not_relayed(
    world: World, feed: str, collection: str, part: str
) -> None:
    """The tick finds it forgotten, and in the next moment it is not."""
    world.insert()
    if part == "marks":
        world.run_due(until="patch_event")
    else:
        world.deliver()
    for held in world.queue.waiting():
        world.queue.done(world.queue.take(held))
    world.clock.advance(timedelta(minutes=1))
    calm = world.store

    def touch() -> None:
        (document,) = calm.query(collection)
        calm.commit(dataclasses.replace(feeds.put(document, document.key, world.feed(feed)), data=document.data))

    world.change_ground(store=Meanwhile(calm, "commit", touch))
    done = world.tick()
    world.change_ground(store=calm)
    again = world.tick()
    heal(world, 1)

    assert (done[part], again[part]) == (0, 1)
    assert len(world.meetings()) == 1


@pytest.mark.usefixtures("feed")
def test_links_of_another_account_are_not_missed_at_this_one(world: World) -> None:
    """A provider is compared with its own links only, over however many pages they are read."""
    world.insert()
    world.settle()
    (row,) = world.rows()
    assert row.link
    assert row.link.meeting
    theirs = msgspec.structs.replace(row.link, account="another")
    for number in range(101):
        meeting = msgspec.structs.replace(
            row.link.meeting, ref=msgspec.structs.replace(row.link.meeting.ref, account="another")
        )
        link = msgspec.structs.replace(theirs, meeting=meeting)
        other = msgspec.structs.replace(row, event=f"other-{number}", link=link, meeting=f"{number:032x}")
        world.store.commit(ledger.put(other, None))

    found = sweep.sweep_provider(world.ground, world.provider, world.provider.list())

    assert found == {"missing": 0, "stale": 0, "orphans": 0}


@pytest.mark.usefixtures("feed")
def test_a_meeting_that_is_linked_while_the_sweep_looks_is_no_spare(world: World) -> None:
    """Listed first and linked then; or its create has been meant and is on its way."""
    world.change_ground(policy=dataclasses.replace(Policy(), spare_life=0.0))
    world.vendor_control("faults", method="POST", path="^/meetings", times=1, status=504, after_apply=True)
    world.insert()
    world.settle(timedelta(seconds=3))
    under_way = sweep.sweep_provider(world.ground, world.provider, world.provider.list())

    def listed() -> Any:
        world.settle()
        yield from world.provider.list()

    rows = world.ground.store
    none = Instead(rows, query=lambda *given, **named: [] if named.get("order_by") else rows.query(*given, **named))
    world.settle()
    world.change_ground(store=none)
    linked_since = sweep.sweep_provider(world.ground, world.provider, listed())

    assert (under_way["orphans"], linked_since["orphans"]) == (0, 0)
    assert len(world.meetings()) == 1


@pytest.mark.usefixtures("feed")
def test_two_sweeps_that_see_a_spare_at_once_leave_it_to_the_next(world: World) -> None:
    """One of them notes it first; it is deleted when it has been spare for long enough."""
    world.make_spare()
    calm = world.store

    class Twin:
        """A store in which somebody else notes each spare a moment earlier."""

        def commit(self, *writes: Any) -> Any:
            if writes[0].key.startswith("spares/"):
                calm.commit(*writes)
            return calm.commit(*writes)

        def __getattr__(self, name: str) -> Any:
            return getattr(calm, name)

    world.change_ground(store=Twin())
    found = sweep.sweep_provider(world.ground, world.provider, world.provider.list())
    world.change_ground(store=calm)
    heal(world, 3)

    assert found["orphans"] == 0
    assert world.meetings() == []


def test_a_push_that_names_no_meeting_is_answered_and_passed(world: World, feed: str) -> None:
    """A vendor may ask whether we are there."""
    body = b'{"kind":"hello"}'
    stamp = str(int(world.ground.now()))
    signature = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"x-lockstep-timestamp": stamp, "x-lockstep-signature": f"v1={signature}"}

    assert webhook.provider_webhook(world.ground, "http", headers, body) is None
    assert world.queue.waiting() == []
    assert not world.feed(feed).owed


def test_a_push_of_nobody_s_is_refused(world: World) -> None:
    """A provider that is not configured, or that pushes nothing."""
    with pytest.raises(Forged, match="not a push of a provider of ours"):
        webhook.provider_webhook(world.ground, "nobody", {}, b"")
