"""After a deployment, every connected user's declared triggers come to be as they are declared now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Request
from structlog.testing import capture_logs
from werkzeug.test import EnvironBuilder

from conference.errors import Later, Revoked
from functions import ledger
from functions.http.door import Door
from functions.http.tasks import tick
from functions.initialise import initialise
from functions.ports import Put, Store
from functions.script import making
from functions.script.declared import declare_for
from functions.script.deploying import FEEDS, declare_due
from functions.script.project import Project
from functions.script.registry import Declaration, Registry
from functions.script.trigger import owner_of
from tests.unit.script.bench import ALICE, BOB, Bench


def changed(event: object) -> None:
    """A handler."""


class Troubled:
    """A store in which writing one user's triggers fails for a while."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.error: Exception | None = None

    def commit(self, *writes: Any) -> Any:
        """Refuse triggers while there is trouble."""
        if self.error is not None and any(isinstance(one, Put) and "triggers/" in one.key for one in writes):
            raise self.error
        return self._store.commit(*writes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def handlers(*names: str) -> Registry:
    """A script that declares a daily trigger of each name."""
    registry = Registry()
    for name in names:
        registry.declare(changed, name, Declaration(calls={"every_days": 1}))
    return registry


@pytest.fixture
def bench() -> Bench:
    """Two users are connected."""
    bench = Bench(Troubled)
    for user in (ALICE, BOB):
        initialise(bench.ground, user, "primary")
    return bench


def names(bench: Bench, project: Project, user: str = ALICE) -> list[str]:
    """The declared triggers that a user has."""
    return sorted(one.declared or "" for one in making.of_owner(bench.ground, owner_of(project.id, user)))


def test_everybody_gets_what_is_declared_once(bench: Bench) -> None:
    """The first tick makes them, the next ones have nothing to do."""
    project = bench.project(handlers=handlers("daily"))

    assert [declare_due(project) for _ in range(3)] == [2, 0, 0]
    assert names(bench, project) == names(bench, project, BOB) == ["daily"]


def test_without_declarations_nothing_is_kept(bench: Bench) -> None:
    """A script that declares nothing costs a look, and no document."""
    assert declare_due(bench.project(handlers=handlers())) == 0
    assert bench.store.query("declarations") == []


def test_a_later_deployment_changes_what_is_there(bench: Bench) -> None:
    """What is new is made, what is declared no more is removed, for all."""
    first, later = (
        bench.project(handlers=handlers("daily", "other")),
        bench.project(handlers=handlers("other", "third")),
    )
    declare_due(first)
    assert declare_due(later) == 2
    assert names(bench, later) == names(bench, later, BOB) == ["other", "third"]

    assert declare_due(bench.project(handlers=handlers())) == 2
    assert names(bench, later) == names(bench, later, BOB) == []


def test_a_deployment_in_another_zone_moves_what_strikes_by_it(bench: Bench) -> None:
    """The declarations are the same, but not their hours."""
    declare_due(bench.project(handlers=handlers("daily")))
    project = bench.project(handlers=handlers("daily"), zone="America/New_York")
    assert [declare_due(project) for _ in range(2)] == [2, 0]

    (record,) = making.of_owner(bench.ground, owner_of(project.id, ALICE))
    assert record.schedule is not None
    assert record.schedule.zone == "America/New_York"


def test_many_users_take_many_ticks(bench: Bench) -> None:
    """A tick looks at some feeds only, and goes on where the last one ended, whichever process it is in."""
    people = [f"user{number}@example.com" for number in range(2 * FEEDS)]
    for user in people:
        initialise(bench.ground, user, "primary")
    ticks = [declare_due(bench.project(handlers=handlers("daily"))) for _ in range(5)]

    assert ticks == [FEEDS, FEEDS, 2, 0, 0]
    project = bench.project(handlers=handlers("daily"))
    assert all(names(bench, project, user) == ["daily"] for user in [ALICE, BOB, *people])


def test_whoever_connects_later_has_them_at_once(bench: Bench) -> None:
    """On connecting, not at the next deployment."""
    project = bench.project(handlers=handlers("daily"))
    declare_due(project)
    initialise(bench.ground, "carol@example.com", "primary")
    declare_for(project, "carol@example.com")

    assert names(bench, project, "carol@example.com") == ["daily"]


@pytest.mark.parametrize(("error", "again"), [(Later("not now"), True), (Revoked("no more"), False)])
def test_trouble_with_one_user_does_not_stop_the_others(bench: Bench, error: Exception, again: bool) -> None:
    """What passes is tried again at the next tick; who must consent again gets them by connecting."""
    store: Any = bench.store
    store.error = error
    project = bench.project(handlers=handlers("daily"))
    assert declare_due(project) == 2
    assert names(bench, project) == []

    store.error = None
    assert declare_due(project) == (2 if again else 0)
    assert names(bench, project) == (["daily"] if again else [])


def test_a_users_record_that_cannot_be_read_does_not_stop_the_others(bench: Bench) -> None:
    """It is told, not quoted, and not looked at again before the next deployment."""
    project = bench.project(handlers=handlers("daily"))
    odd = {"owner": owner_of(project.id, ALICE), "order": 1, "status": "canary"}
    bench.store.commit(Put("triggers/odd", odd, None))
    with capture_logs() as logs:
        assert [declare_due(project) for _ in range(2)] == [2, 0]

    assert names(bench, project, BOB) == ["daily"]
    (line,) = [line for line in logs if line["event"] == "declared triggers not made"]
    assert line["error"] == "ValidationError"
    assert "canary" not in str(line)


def test_a_grant_that_is_missing_is_no_trouble(bench: Bench) -> None:
    """A calendar trigger of a user who granted no calendar is left out; a tick does not fail of it."""
    registry = Registry()
    registry.declare(changed, "events", Declaration(calendar="primary"))
    project = bench.project(handlers=registry)
    bench.grants.grant(ALICE, ())

    assert [declare_due(project) for _ in range(2)] == [2, 0]
    assert (names(bench, project), names(bench, project, BOB)) == ([], ["events"])


def test_two_ticks_at_once(bench: Bench) -> None:
    """Both do the same; nothing is made twice."""
    project = bench.project(handlers=handlers("daily"))
    commit: Callable[..., Any] = bench.store.commit
    inner: list[int] = []

    def crossed(*writes: Any) -> Any:
        if not inner and any("declarations/" in one.key for one in writes):
            inner.append(0)
            inner[0] = declare_due(project)
        return commit(*writes)

    store: Any = bench.store
    store.commit = crossed
    assert (declare_due(project), inner) == (2, [2])
    assert names(bench, project) == ["daily"]
    assert declare_due(project) == 0


class Anybody:
    """An identity check that admits all."""

    def check(self, token: str, *, audience: str, account: str) -> None:
        """Admit."""


def test_the_tick_has_it_done_and_summarises(bench: Bench) -> None:
    """Each in its turn, though a record before them cannot be read: nobody is asked to come again for that."""
    project = bench.project(handlers=handlers("daily"))
    project.handlers.on_summary(changed)
    bench.store.commit(Put(f"{ledger.COLLECTION}/odd", {"due": 0.0}, None))
    door = Door(replace(bench.ground, identity=Anybody()), "https://functions.example", "tasks", "ticks", None, project)
    asked = EnvironBuilder(method="POST", headers=[("Authorization", "Bearer token")]).get_environ()
    with capture_logs() as logs:
        told = tick(door, Request(asked))

    assert told.status_code == 200
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["given up"]
    assert names(bench, project) == names(bench, project, BOB) == ["daily"]
    assert len(bench.store.query("summaries")) == 1
