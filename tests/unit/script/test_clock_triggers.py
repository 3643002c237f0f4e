"""Clock triggers as a script makes and meets them: through the public calls only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions import clock, script
from functions.script.firing import run_due
from functions.script.project import Project
from functions.script.registry import Registry
from infra.local.memory import MemoryQueue
from infra.local.sqlite_queue import SqliteQueue
from infra.local.sqlite_store import SqliteStore
from tests.unit.script.bench import ALICE, BOB, START, Bench


def _script(bench: Bench, **settings: Any) -> tuple[Project, list[Any]]:
    """A project with a handler that notes its events."""
    handlers, events = Registry(), list[Any]()
    handlers.handler("strike")(events.append)
    return bench.project(handlers=handlers, **settings), events


@contextmanager
def _as(project: Project, user: str = ALICE) -> Iterator[None]:
    with script.running(project), script.as_user(user):
        yield


def _minutes(bench: Bench, project: Project, number: int) -> None:
    """So many minutes with a tick in each, and every task at its time."""
    queue = bench.ground.queue
    assert isinstance(queue, MemoryQueue)
    for _ in range(number * 4):
        clock.tick(bench.ground)
        bench.clock.advance(timedelta(seconds=15))
        for held in map(queue.take, queue.due(bench.clock.now())):
            run_due(project, held.task.body["trigger"], held.task.body["scheduled"])
            queue.done(held)


def test_what_a_clock_trigger_says_of_itself() -> None:
    """A clock trigger has no source id; it knows its handler, its kind and its next fire."""
    project, _ = _script(Bench())
    with _as(project):
        made = script.new_trigger("strike").time_based().every_hours(6).create()
        listed = script.get_project_triggers()

    assert listed == [made]
    assert (made.get_event_type(), made.get_trigger_source()) == (script.EventType.CLOCK, script.TriggerSource.CLOCK)
    assert made.get_trigger_source_id() is None
    assert (made.get_handler_function(), made.is_disabled()) == ("strike", False)
    assert made.get_unique_id().isdecimal()
    assert made.next_fire == START + timedelta(hours=6)


def test_the_projects_zone_is_the_default() -> None:
    """A trigger without a zone strikes in the project's."""
    project, _ = _script(Bench(), zone="Asia/Tokyo")
    with _as(project):
        made = script.new_trigger("strike").time_based().at_hour(9).every_days(1).exact().create()

    assert made.next_fire == datetime(2026, 11, 24, 0, 0, tzinfo=UTC)


def test_ensure_makes_one_of_each_schedule() -> None:
    """Ensured twice, an equal schedule is one trigger; `create` makes another; another schedule is another trigger."""
    project, _ = _script(Bench())
    with _as(project):
        first = script.new_trigger("strike").time_based().every_days(1).at_hour(5).ensure()
        same = script.new_trigger("strike").time_based().at_hour(5).every_days(1).ensure()
        other = script.new_trigger("strike").time_based().at_hour(6).every_days(1).ensure()
        twin = script.new_trigger("strike").time_based().at_hour(5).every_days(1).create()

    assert first == same
    assert len({first, other, twin}) == 3


def test_a_refused_replacement_leaves_the_old_trigger() -> None:
    """What the builder refuses changes nothing: the old trigger still strikes."""
    bench = Bench()
    project, events = _script(bench, limits=script.Limits.apps_script())
    with _as(project):
        old = script.new_trigger("strike").time_based().every_minutes(1).create()
        with pytest.raises(script.InvalidTrigger, match="must be one of 1, 5, 10, 15 or 30"):
            script.replace_trigger(old, script.new_trigger("strike").time_based().every_minutes(60))
        left = script.get_project_triggers()
    _minutes(bench, project, 2)

    assert left == [old]
    assert len(events) == 2


def test_a_replacement_takes_over() -> None:
    """After a replacement the new schedule strikes, and the old one no more."""
    bench = Bench()
    project, events = _script(bench)
    with _as(project):
        old = script.new_trigger("strike").time_based().every_minutes(1).create()
        new = script.replace_trigger(old, script.new_trigger("strike").time_based().every_minutes(2))
        left = script.get_project_triggers()
    _minutes(bench, project, 4)

    assert left == [new]
    assert {new.unique_id} == {event.trigger_uid for event in events}
    assert len(events) == 2


def test_what_never_fires_is_not_made() -> None:
    """A schedule without any fire is refused, and no trigger is there."""
    project, _ = _script(Bench())
    with _as(project):
        with pytest.raises(script.InvalidTrigger, match="never fire"):
            script.new_trigger("strike").time_based().every_minutes(10**15).create()
        left = script.get_project_triggers()

    assert left == []


def test_spent_single_fires_do_not_count() -> None:
    """Under Apps Script's cap, a single fire that has run makes room for the next."""
    bench = Bench()
    project, events = _script(bench, limits=script.Limits(triggers=1))
    for _ in range(3):
        with _as(project):
            script.new_trigger("strike").time_based().after(1000).create()
        _minutes(bench, project, 1)
    with _as(project):
        left = script.get_project_triggers()

    assert left == []
    assert len(events) == 3


def test_a_trigger_made_by_a_triggers_run() -> None:
    """A handler may make the next trigger itself, and it strikes."""
    bench = Bench()
    project, events = _script(bench)

    def again(event: script.ClockEvent) -> None:
        events.append(event)
        if len(events) < 3:
            script.new_trigger("again").time_based().after(60_000).create()

    project.handlers.handler("again")(again)
    with _as(project):
        script.new_trigger(again).time_based().after(0).create()
    _minutes(bench, project, 4)

    assert [event.minute for event in events] == [0, 1, 2]


def test_an_async_handler() -> None:
    """An async handler is run to its end, as its user."""
    bench = Bench()
    users: list[str] = []
    project, _ = _script(bench, complete=asyncio.run)

    async def later(event: script.ClockEvent) -> None:
        await asyncio.sleep(0)
        users.append(f"{event['hour']}")

    project.handlers.handler("later")(later)
    with _as(project):
        script.new_trigger("later").time_based().after(0).create()
    _minutes(bench, project, 1)

    assert users == ["8"]


def test_two_users_strike_apart() -> None:
    """Each user's trigger runs as that user, and nobody sees or deletes another's."""
    bench = Bench()
    project, _ = _script(bench)
    ran: list[tuple[str, str]] = []
    who = project.handlers.handler("who")(lambda event: ran.append((event.trigger_uid, script.context.user())))
    made = {}
    for user in (ALICE, BOB):
        with _as(project, user):
            made[user] = script.new_trigger(who).time_based().every_minutes(1).create()
    with _as(project, BOB):
        seen = script.get_project_triggers()
        script.delete_trigger(made[ALICE])
    _minutes(bench, project, 1)

    assert seen == [made[BOB]]
    assert {(made[ALICE].unique_id, ALICE), (made[BOB].unique_id, BOB)} == set(ran)


def test_what_runs_is_recorded() -> None:
    """A run is found among the user's processes, with its lines."""
    bench = Bench()
    project, _ = _script(bench)
    project.handlers.handler("speak")(lambda: script.log("struck"))
    with _as(project):
        made = script.new_trigger("speak").time_based().after(0).create()
    _minutes(bench, project, 1)
    with _as(project):
        (process,) = script.processes.list_processes()

    assert (made.unique_id, "completed", ("struck",)) == (process.trigger, process.outcome, process.lines)


def test_ticks_and_workers_side_by_side(tmp_path: Path) -> None:
    """With several ticks and workers at once on files, each trigger still strikes once for its slot."""
    bench = Bench()
    store, queue = SqliteStore(tmp_path / "store", bench.clock), SqliteQueue(tmp_path / "queue", bench.clock)
    bench.ground = replace(bench.ground, store=store, queue=queue)
    project, events = _script(bench)
    with _as(project):
        made = [script.new_trigger("strike").time_based().every_minutes(5).create() for _ in range(12)]
    bench.clock.advance(timedelta(minutes=5))

    def work(name: str) -> None:
        clock.tick(bench.ground)
        while held := queue.claim(name, 3, timedelta(minutes=10)):
            for one in held:
                run_due(project, one.task.body["trigger"], one.task.body["scheduled"])
                queue.done(one, name)

    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, ["one", "two", "three", "four"]))
        work("last")
    finally:
        store.close()
        queue.close()

    assert sorted(one.unique_id for one in made) == sorted(event.trigger_uid for event in events)
