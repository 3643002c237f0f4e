"""A script's ground in memory, with the real Calendar server's core behind Google's own client."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from functions.ground import Ground
from functions.ports import Store
from functions.script.project import Project
from functions.script.registry import Registry
from infra.google.api import GoogleApi
from infra.google.calendar import GoogleCalendar
from infra.google.credentials import DevCredentials
from infra.google.firestore_indexes import declared
from infra.local.calendar.inprocess import InProcessHttp
from infra.local.calendar.server import CalendarServer
from infra.local.grants import LocalGrants
from infra.local.memory import ManualClock, MemoryQueue, MemoryStore, OneLane
from infra.local.vault import LocalVault
from tests.world import NoIdentity, ids

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ALICE, BOB = "alice@example.com", "bob@example.com"
EVENTS = "https://www.googleapis.com/auth/calendar.events"
SCOPES = frozenset({EVENTS, "openid"})


class Bench:
    """Everything that scripts are given here; two projects on one bench share the ground."""

    def __init__(self, store: Callable[[Store], Store] = lambda store: store) -> None:
        self.clock = ManualClock(START)
        self.store = store(MemoryStore(self.clock, declared()))
        self.google = CalendarServer(clock=self.clock.now, random=random.Random(1))  # noqa: S311 - seeded on purpose
        self.grants = LocalGrants(SCOPES, sign=lambda user: f"signed for {user}")
        credentials = cache(DevCredentials)
        door = lambda it: InProcessHttp(self.google, str(it.token).removeprefix("dev:"))  # noqa: E731 - two use it
        self.api = GoogleApi(credentials, http=door)
        self.ground = Ground(
            store=self.store,
            queue=MemoryQueue(self.clock),
            vault=LocalVault(b"v" * 32),
            clock=self.clock,
            lanes=OneLane(),
            identity=NoIdentity(),
            calendar=GoogleCalendar(credentials, http=door),
            providers={},
            solutions=(),
            meeting_keys=lambda: b"k" * 32,
            new_secret=ids(),
            notice_address=None,
        )
        self.waits: list[float] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def wait(self, seconds: float) -> None:
        """Let time pass; what others do in it is done first."""
        self.waits.append(seconds)
        self.meanwhile()
        self.clock.advance(timedelta(seconds=seconds))

    def project(self, name: str = "script", **settings: Any) -> Project:
        """A script that stands here."""
        given: dict[str, Any] = {"handlers": Registry(), "scopes": SCOPES, **settings}
        return Project(id=name, ground=self.ground, api=self.api, grants=self.grants, wait=self.wait, **given)
