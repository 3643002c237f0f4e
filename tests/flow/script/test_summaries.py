"""A day's failures are told once: to the owner, and to the hooks as each user."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from conference.errors import Later
from functions import script
from functions.script.failures import summarise_due
from tests.flow.scripted import ScriptWorld, plain, refuse
from tests.meanwhile import Meanwhile
from tests.world import ALICE

BOB = "bob@example.com"


class Ear:
    """An owner who listens."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, list[str]]] = []

    def tell(self, user: str, subject: str, lines: Sequence[str]) -> None:
        """Keep it."""
        self.heard.append((user, subject, list(lines)))


def test_failures_are_told_to_the_owner_once_a_day(world: ScriptWorld) -> None:
    """Handler, cause and how often; nothing on a day without failures, no title ever."""
    ear = Ear()
    world.change_project(owner=ear)
    summarise_due(world.project)
    world.follow()
    world.fails = refuse
    plain(world, "Bad")
    world.settle(timedelta(seconds=3))
    summarise_due(world.project)
    assert ear.heard == []
    world.fails = lambda _: None
    world.clock.advance(timedelta(days=1))
    summarise_due(world.project)
    summarise_due(world.project)
    world.clock.advance(timedelta(days=1, minutes=1))
    summarise_due(world.project)

    ((user, subject, lines),) = ear.heard
    assert (user, subject) == (ALICE, "Summary of failures for notes")
    assert len(lines) == 1
    assert lines[0].startswith("1 x changed (calendar): ValueError, scripted.py line ")


def test_hooks_are_told_of_a_days_failures(world: ScriptWorld) -> None:
    """Once a day and as each user with failures, whether there is an owner to tell or not; a hook may fail."""
    heard: list[tuple[str, script.Summary]] = []

    @world.handlers.on_summary
    def broken(_: script.Summary) -> None:
        raise RuntimeError

    @world.handlers.on_summary
    @world.handlers.on_summary
    def hear(summary: script.Summary) -> None:
        heard.append((script.current_user(), summary))

    summarise_due(world.project)
    began = world.clock.now()
    for user in (ALICE, BOB):
        world.follow(user=user)
    world.follow(user=BOB)
    world.fails = refuse
    for user in (ALICE, BOB):
        plain(world, "Bad", by=user)
    world.settle(timedelta(seconds=3))
    world.fails = lambda _: None
    world.clock.set(began + timedelta(days=1))
    assert (summarise_due(world.project), summarise_due(world.project)) == (2, 0)

    assert sorted((who, one.user) for who, one in heard) == [(ALICE, ALICE), (BOB, BOB)]
    times = {who: (failed.times, failed.handler, failed.source) for who, one in heard for failed in one.failures}
    assert times == {ALICE: (1, "changed", "calendar"), BOB: (2, "changed", "calendar")}
    assert {(one.since, one.until) for _, one in heard} == {(began, began + timedelta(days=1))}
    assert all("Bad" not in line for _, one in heard for line in one.lines)


class TestSummaries:
    """The daily summary is written once."""

    @pytest.fixture
    def heard(self, world: ScriptWorld) -> list[script.Summary]:
        """What a hook is told; the first day has begun, and from now on the handler fails."""
        heard: list[script.Summary] = []
        world.handlers.on_summary(heard.append)
        summarise_due(world.project)
        world.follow()
        world.fails = refuse
        return heard

    def test_two_ticks_at_once(self, world: ScriptWorld, heard: list[script.Summary]) -> None:
        """One of them writes it."""
        plain(world, "x")
        world.settle(timedelta(seconds=3))
        world.clock.advance(timedelta(days=1))
        quiet = world.project
        world.change_ground(store=Meanwhile(world.store, "commit", lambda: summarise_due(quiet)))

        assert summarise_due(world.project) == 0
        assert len(heard) == 1

    def test_an_owner_who_cannot_be_told(self, world: ScriptWorld, heard: list[script.Summary]) -> None:
        """Hooks are told all the same; the day's summary is not repeated."""
        world.change_project(owner=Deaf())
        plain(world, "x")
        world.settle(timedelta(seconds=3))
        world.clock.advance(timedelta(days=1))

        assert [summarise_due(world.project), summarise_due(world.project)] == [1, 0]
        assert len(heard) == 1

    def test_nobody_to_tell(self, world: ScriptWorld) -> None:
        """Then nothing is written down for it."""
        assert summarise_due(world.project) == 0
        assert world.store.query("summaries") == []

    def test_a_day_with_many_runs(self, world: ScriptWorld, heard: list[script.Summary]) -> None:
        """All that failed are counted, of however many."""
        for number in range(210):
            plain(world, f"{number}")
        world.settle(timedelta(seconds=3))
        world.clock.advance(timedelta(days=1))
        summarise_due(world.project)

        assert [one.times for one in heard[0].failures] == [200 + 1 + 10 + 1]  # with several, then each alone


class Deaf:
    """An owner who cannot be reached."""

    def tell(self, user: str, subject: str, lines: Sequence[str]) -> None:
        """Fail."""
        raise Later(f"no way to tell {len(user + subject)} characters in {len(lines)} lines")
