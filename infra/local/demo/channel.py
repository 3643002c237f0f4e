"""A push channel near its end is replaced without a gap. The last step: it takes both clocks to the next day."""

from __future__ import annotations

from infra.local.demo.step import Shown, Step, Stopwatch
from infra.local.demo.world import World, asking, expect


def renewed(world: World) -> Shown:
    """The new channel is open before the old one is closed, and no change falls between."""
    event = world.person.insert(asking("Next week", world.at(7, 17)))["id"]
    meeting = world.until("the event gets its meeting", lambda: world.joined(event))["id"]
    world.settle()
    old = world.stack.state()["channel"]
    meetings = {one["id"] for one in world.vendor.meetings()}
    world.count_from_here()
    world.stack.advance(world.settings.channel_life - world.settings.channel_renewal + 60)
    _heard(world, event, meeting, "Heard by the old channel")
    world.stack.tick()
    world.until("the channel is renewed", lambda: world.stack.state()["channel"] != old)
    ms = _heard(world, event, meeting, "Heard by the new channel")
    world.settle()
    ways = [entry["path"].rsplit("/", 1)[-1] for entry in world.calendar.log() if entry["method"] == "POST"]
    expect("what was done, in order", ways, ["watch", "stop"])
    expect("the meetings", {one["id"] for one in world.vendor.meetings()}, meetings)
    return Shown("the channel nears its end (clocks +1 day)", "renewed; no change unheard", ms)


def _heard(world: World, event: str, meeting: str, title: str) -> float:
    world.person.patch(event, summary=title)
    since = Stopwatch()
    world.until("the change is heard", lambda: world.meeting_is(meeting, title=title))
    return since.ms


STEPS = (Step("renewed", "a channel is renewed without a gap", renewed),)
