"""Services where they are used: in handlers that the flow calls, as several users, with failures and echoes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from functions import script
from functions.script.changes import EventUpdated
from tests.flow.scripted import ScriptWorld, plain
from tests.world import ALICE

BOB = "bob@example.com"


def doing(act: Callable[[EventUpdated], object]) -> Callable[[EventUpdated], None]:
    """A handler that does this and gives nothing back."""

    def handler(event: EventUpdated) -> None:
        act(event)

    return handler


class TestSharedHandlers:
    """Two users, one handler."""

    def test_they_never_see_each_others(self, world: ScriptWorld) -> None:
        """Properties, caches, locks and conferences that a handler keeps are the user's for whom it runs."""
        seen: list[tuple[str, str | None, str | None, int, bool]] = []

        def keep(event: EventUpdated) -> None:
            store, cache = script.get_user_properties(), script.get_user_cache()
            lock = script.get_user_lock()
            held = script.conferences.holding("room")
            seen.append((script.current_user(), store.get_property("k"), cache.get("k"), len(held), lock.try_lock(0)))
            store.set_property("k", script.current_user())
            cache.put("k", script.current_user(), 21_600)
            script.conferences.attach(event.calendar_id, event.changes[0].event, "room")

        world.fails = keep
        for user in (ALICE, BOB):
            world.follow(user=user)
        for turn in range(2):
            for user in (ALICE, BOB):
                plain(world, f"{turn}", by=user)
                world.settle()

        assert seen == [
            (ALICE, None, None, 0, True),
            (BOB, None, None, 0, True),
            (ALICE, ALICE, ALICE, 1, True),
            (BOB, BOB, BOB, 1, True),
        ]

    def test_the_scripts_own_is_shared(self, world: ScriptWorld) -> None:
        """What both count together, both see."""
        world.fails = doing(lambda _: script.get_script_properties().update("n", lambda value: int(value or 0) + 1))
        for user in (ALICE, BOB):
            world.follow(user=user)
            plain(world, "x", by=user)
        world.settle()

        with world.scripting():
            assert script.get_script_properties().get_property("n") == "2"


class TestRuns:
    """What a run leaves behind."""

    def test_a_lock_ends_with_the_run_that_failed(self, world: ScriptWorld) -> None:
        """A handler that raises while it holds a lock holds up nobody."""
        fences: list[int] = []

        def fail(_: EventUpdated) -> None:
            lock = script.get_script_lock()
            lock.wait_lock(0)
            fences.append(lock.fence)
            if len(fences) < 3:
                raise RuntimeError("while holding it")

        world.fails = fail
        world.follow()
        plain(world, "x")
        world.settle(timedelta(hours=1))

        assert fences == [1, 2, 3]
        with world.scripting():
            assert script.get_script_lock().try_lock(0)

    @pytest.mark.parametrize(("status", "reason"), [(401, "authError"), (403, "insufficientPermissions")])
    def test_a_call_without_consent_waits_for_the_user(self, world: ScriptWorld, status: int, reason: str) -> None:
        """A Calendar call that only the user's consent could mend marks the trigger, as a withdrawn grant does."""

        def refuse(_: EventUpdated) -> None:
            raise script.CalendarApiError("events.list", status, "x", reason=reason)

        world.fails = refuse
        world.follow()
        plain(world, "x")
        world.settle()

        assert [one.status for one in world.triggers()] == [script.TriggerStatus.NEEDS_AUTH]

    def test_a_call_that_fails_otherwise_is_tried_again(self, world: ScriptWorld) -> None:
        """A quota is no reason to ask the user for anything."""
        tries: list[int] = []

        def busy(_: EventUpdated) -> None:
            tries.append(1)
            if len(tries) < 3:
                raise script.CalendarApiError("events.list", 403, "x", reason="rateLimitExceeded")

        world.fails = busy
        world.follow()
        plain(world, "x")
        world.settle(timedelta(hours=1))

        assert len(tries) == 3
        assert [one.status for one in world.triggers()] == [script.TriggerStatus.ACTIVE]


WRITES: dict[str, Callable[[str, str], object]] = {
    "patch": lambda calendar, event: script.Calendar.events.patch({"description": "seen"}, calendar, event),
    "update": lambda calendar, event: script.Calendar.events.update(
        {**script.Calendar.events.get(calendar, event), "description": "seen"}, calendar, event
    ),
    "remove": script.Calendar.events.remove,
    "insert": lambda calendar, event: script.Calendar.events.insert(
        {
            "summary": f"after {event}",
            "start": {"dateTime": "2026-11-25T10:00:00Z"},
            "end": {"dateTime": "2026-11-25T11:00:00Z"},
        },
        calendar,
    ),
}


class TestEchoes:
    """A handler that writes does not trigger itself."""

    @pytest.mark.parametrize("calendar", [ALICE, "primary"])
    @pytest.mark.parametrize("write", sorted(WRITES))
    def test_its_own_write_is_no_news(self, world: ScriptWorld, write: str, calendar: str) -> None:
        """However it writes, and by whichever name it calls the calendar: one call, no echo."""
        world.fails = doing(lambda event: WRITES[write](calendar, str(event.changes[0].event["id"])))
        world.follow()
        plain(world, "x")
        world.settle(timedelta(hours=1))
        world.tick()
        world.settle(timedelta(hours=1))

        assert world.kinds() == [("created", "x")]

    def test_what_others_do_meanwhile_is_news(self, world: ScriptWorld) -> None:
        """A person's edit after the handler's write is told."""
        world.fails = doing(lambda event: WRITES["patch"]("primary", str(event.changes[0].event["id"])))
        world.follow()
        event = plain(world, "x")
        world.settle()
        world.patch(event, summary="y")
        world.settle()

        assert world.kinds() == [("created", "x"), ("updated", "y")]
