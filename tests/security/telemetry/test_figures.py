"""Figures: true against what others counted, of few labels, and told by ports that stay what they are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
import structlog

from conference.errors import Later
from conference.providers.protocol import MeetingLister, NotificationReader
from functions import clock
from functions.telemetry import CALLS, CHANGES, FIGURES, LAG, LATENCY, SECONDS, counting, tally
from infra.telemetry import Quiet, told, told_outside
from tests.security.collector import Collector
from tests.security.doors import House
from tests.security.night import Night
from tests.security.telemetry.telling import CANARY, listen, live, telling


def test_figures_are_true(house: House, collector: Collector) -> None:
    """Held against what both servers counted, and what stands in the log, over a meeting's whole life."""
    world = house.world
    world.calls()
    with telling(collector) as listener, structlog.testing.capture_logs() as lines:
        listen(house, listener)
        live(house)
    made = world.calls()
    settled = [line for line in lines if line["event"] == "event settled"]

    def calls(to: str, *names: str) -> int:
        return sum(collector.count(CALLS.name, to=to, call=name) for name in names)

    assert calls("provider:http", "create") == made["POST meetings"] == 1
    assert calls("provider:http", "update") == made["PUT meetings"] + made["PATCH meetings"] > 0
    assert calls("provider:http", "delete") == made["DELETE meetings"] == 1
    assert calls("calendar", "changes") == made["GET events"] > 2
    assert collector.count(CHANGES.name, outcome="settled") == len(settled) > 2
    assert collector.count(LATENCY.name) == len(settled)
    assert collector.count(LAG.name) == len([line for line in lines if line["event"] == "run ended"])
    (late,) = collector.figures()[LATENCY.name].values()
    assert late.sum == pytest.approx(sum(line["seconds"] for line in settled))
    assert list(late.explicit_bounds) == list(SECONDS)


def test_lateness_is_reckoned_from_the_notice(house: House) -> None:
    """Not from the run that saw the change: a queue that is slow is seen."""
    world = house.world
    with structlog.testing.capture_logs() as lines:
        world.insert()
        house.settle(timedelta(0))
        world.clock.advance(timedelta(seconds=100))
        house.settle()

    (run,) = [line for line in lines if line["event"] == "run ended" and line["marks"]]
    (settled,) = [line for line in lines if line["event"] == "event settled"]
    assert 100 <= run["lag"] <= settled["seconds"] < 110


def test_what_is_lost_and_what_is_given_up_is_counted(house: House, collector: Collector) -> None:
    """Postponed, parked, dead; channels as the poll finds them."""
    world = house.world
    with telling(collector) as listener:
        night = Night(house, CANARY)
        listen(house, listener)
        with structlog.testing.capture_logs() as lines:
            night.through()

    def said(message: str, **fields: object) -> int:
        return len([line for line in lines if line["event"] == message and fields.items() <= line.items()])

    assert collector.count(CHANGES.name, outcome="postponed") == said("event postponed") > 0
    parked = [line for line in lines if line["event"] == "event parked"]
    assert collector.count(CHANGES.name, outcome="parked") == len([line for line in parked if "row" in line]) > 0
    assert collector.count("lockstep.dead") == len([line for line in parked if "event_id" in line]) > 0
    polled = [line for line in lines if line["event"] == "feeds polled"]
    for health in clock.HEALTHS:
        assert collector.count("lockstep.channels.polled", health=health) == sum(line[health] for line in polled)
    assert len(world.store.query("dead")) > 0


@pytest.mark.parametrize(
    ("changed", "health"),
    [
        ({}, "healthy"),
        ({"channel": None}, "lost"),
        ({"channel_until": -1.0}, "lost"),
        ({"channel_until": 3600.0}, "expiring"),
        ({"push": False, "channel": None}, "unwatched"),
    ],
)
def test_a_channels_health(house: House, changed: dict[str, Any], health: str) -> None:
    """As its feed tells: times are from now."""
    world, now = house.world, house.world.ground.now()
    (document,) = world.store.query("feeds")
    feed = world.feed(document.key.removeprefix("feeds/"))
    moved = {name: now + value if name == "channel_until" else value for name, value in changed.items()}

    assert clock.health_of(msgspec.structs.replace(feed, **moved), world.ground) == health


def test_figures_have_few_labels(house: House, collector: Collector) -> None:
    """After a night of trouble each label's values are of a short list; no id, no address, no text is one."""
    with telling(collector) as listener, structlog.testing.capture_logs():
        night = Night(house, CANARY)
        listen(house, listener)
        night.through()

    told_of = {
        (name, label, value)
        for name, points in collector.figures().items()
        for labels in points
        for label, value in labels
    }
    assert {name for name, *_ in told_of} <= {figure.name for figure in FIGURES}
    by_label: dict[str, set[str]] = {}
    for _, label, value in told_of:
        by_label.setdefault(label, set()).add(value)
    assert by_label["to"] == {"store", "queue", "calendar", "provider:http"}
    assert by_label["outcome"] - {"settled", "postponed", "parked", "ok", "error"} <= {
        *("Later", "OutcomeUnknown", "Conflict", "Gone", "Stale", "Refused", "Revoked", "Poison", "NotOwned"),
    }
    assert all(value.isascii() and len(value) < 20 for values in by_label.values() for value in values)


def test_a_label_that_a_figure_does_not_have_is_a_bug(collector: Collector) -> None:
    """It is not told."""
    with telling(collector) as listener, pytest.raises(ValueError, match=r"lockstep.feed.lag has the labels"):
        listener.tell(LAG, 1, feed="f1")


def test_calls_are_counted_per_request() -> None:
    """Whoever counts hears of the calls made inside, and of no others."""
    port = told(_Port(), "provider:http", ("find",), Quiet())
    with counting() as made:
        port.find()
        with counting() as inner:
            port.find()
        port.other()
    port.find()

    assert (tally(made), tally(inner)) == ({"provider_calls": 1}, {"provider_calls": 1})


class _Port:
    """A port of three methods."""

    def find(self) -> None:
        """Raise nothing."""

    def other(self) -> str:
        """Not told."""
        return "other"

    def fail(self) -> None:
        """Raise."""
        raise Later(CANARY)


def test_a_port_stays_what_it_is(house: House, collector: Collector) -> None:
    """Protocols that are looked for are found or not found as before; errors pass, and are counted by their kind."""
    with telling(collector) as listener:
        lister = told_outside(house.world.ground, listener).providers["http"]
        assert isinstance(lister, MeetingLister)
        assert isinstance(lister, NotificationReader)
        assert lister.name == "http"
        port = told(_Port(), "calendar", ("fail", "find", "absent"), listener)
        assert port.other() == "other"
        assert not hasattr(port, "absent")
        with pytest.raises(Later):
            port.fail()

    assert collector.count(CALLS.name, to="calendar", call="fail", outcome="Later") == 1
    assert isinstance(told(_Port(), "calendar", ("find",), Quiet()), MeetingLister) is False
