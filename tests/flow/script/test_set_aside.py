"""Events that a handler has found by itself or was given, and sets aside for a try of their own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from functions import script
from functions.ports import Delete, Put
from functions.script import delivery as deliveries
from functions.script.changes import EventUpdated
from tests.flow.scripted import OnWrite, ScriptWorld, plain


def only(world: ScriptWorld) -> deliveries.Delivery:
    """The one delivery that there is."""
    (document,) = world.store.query(deliveries.COLLECTION)
    return deliveries.decode(document)


class TestSetAside:
    """Events that a handler has listed by itself, and gives back."""

    @pytest.fixture
    def found(self, world: ScriptWorld) -> dict[str, Any]:
        """One that was there before the trigger, and that the handler sets aside once."""
        old = plain(world, "Old")
        world.clock.advance(timedelta(minutes=1))
        world.follow()
        resource = world.event(old)

        def list_itself(event: EventUpdated) -> None:
            if all(one.id != old for one in event.changes):
                script.set_aside(resource, ValueError("not now"))

        world.fails = list_itself
        return resource

    def test_it_is_handed_over_alone(self, world: ScriptWorld, found: dict[str, Any]) -> None:
        """Later, as it was found, with the reason; the rest of the run is accepted."""
        plain(world, "x")
        world.settle(timedelta(seconds=3))
        waiting = only(world)
        world.settle()

        assert (waiting.event, waiting.attempts) == (found["id"], 1)
        assert waiting.trouble is not None
        assert waiting.trouble.startswith("ValueError")
        (last,) = world.told[-1][1].changes
        assert (last.event, last.reason, last.before, last.ours) == (found, "set aside", None, False)
        assert world.told[-1][1].attempt == 2
        assert world.store.query(deliveries.COLLECTION) == []

    def test_it_waits_already(self, world: ScriptWorld, found: dict[str, Any]) -> None:
        """Set aside once more before its own try, it is not begun anew."""
        for summary in ("x", "y"):
            plain(world, summary)
            world.settle(timedelta(seconds=2))

        assert only(world).attempts == 1
        assert only(world).event == found["id"]

    def test_it_has_just_been_noted(self, world: ScriptWorld, found: dict[str, Any]) -> None:
        """Somebody changes it at that moment: it is handed over with that, once."""

        def adopts(write: Put | Delete) -> bool:
            return isinstance(write, Put) and write.data.get("reason") == "set aside"

        def rename() -> None:
            world.patch(found["id"], summary="New")
            world.run_due(until="run_trigger")

        OnWrite(world, adopts, rename)
        plain(world, "x")
        world.settle()

        assert world.kinds() == [("created", "x"), ("updated", "New")]

    def test_it_is_too_large_to_be_kept(self, world: ScriptWorld, found: dict[str, Any]) -> None:
        """Then it is noted as given up, as one that a pass finds."""
        found["description"] = "x" * deliveries.LARGEST
        plain(world, "x")
        world.settle()

        (note,) = world.store.query("dead")
        assert (note.data["event"], note.data["cause"]) == (found["id"], "the event is too large to be kept")
        assert world.store.query(deliveries.COLLECTION) == []

    @pytest.mark.parametrize("how", ["change", "id", "resource"])
    def test_what_stands_for_an_event(self, world: ScriptWorld, how: str) -> None:
        """A change, an id or a resource; outside of a run there is nothing to set aside from."""
        world.follow()

        def aside(event: EventUpdated) -> None:
            (one,) = event.changes
            if event.attempt == 1:
                given: Any = {"change": one, "id": one.id, "resource": one.event}[how]
                script.set_aside(given, ValueError("no"))

        world.fails = aside
        plain(world, "x")
        world.settle()

        assert [event.attempt for _, event in world.told] == [1, 2]
        with world.scripting(), pytest.raises(script.NotRunning):
            script.set_aside("x", ValueError())
