"""The functions behind their doors over a whole world, without a server: what a stranger sends goes in as a request."""

from __future__ import annotations

import dataclasses
import io
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from functions.http import addon, notices, tasks, webhooks
from functions.http.door import Door
from functions.ports import Delete, Document, Put
from infra import logs
from infra.addon import add_on
from infra.google.identity import SKEW, TokenIdentity
from infra.local.held import Held
from infra.local.issuer import LocalIssuer
from infra.settings import Settings
from tests.world import START, World

BASE = "https://functions.example"
ISSUER = "https://issuer.example"
TASKS = "tasks@project.example"
SCHEDULER = "scheduler@project.example"

ADD_ON = Settings(
    public_url=BASE,
    addon_account="addon@project.example",
    addon_client="client.example",
    addon_settings_url="https://www.example.com/settings",
    addon_login_url="https://www.example.com/login",
)
"""The settings of the add-on that stands behind its door."""

FUNCTIONS = {
    "calendar_notification": lambda door, request: notices.calendar_notification(door.ground, request),
    "sync_calendar": tasks.sync_calendar,
    "reconcile_event": tasks.reconcile_event,
    "patch_event": tasks.patch_event,
    "connect_calendar": tasks.connect_calendar,
    "run_trigger": tasks.run_trigger,
    "tick": tasks.tick,
    "provider_webhook": webhooks.provider_webhook,
    "addon": addon.addon,
}
ACCOUNTS = {
    "sync_calendar": TASKS,
    "reconcile_event": TASKS,
    "patch_event": TASKS,
    "connect_calendar": TASKS,
    "run_trigger": TASKS,
    "tick": SCHEDULER,
}
"""The internal functions, and whose calls they admit."""


class House:
    """A world whose functions are called through their doors."""

    def __init__(self, world: World, key: RSAPrivateKey) -> None:
        self.world = world
        self.issuer = LocalIssuer(key, ISSUER, world.clock)
        self.answers: list[bytes] = []
        world.change_ground(identity=TokenIdentity(ISSUER, self.issuer.jwks, world.clock))

    def call(
        self, function: str, headers: Mapping[str, str] | None = None, body: bytes = b"", **request: Any
    ) -> Response:
        """What the door of a function answers; a POST to its root unless `request` says otherwise."""
        asked = EnvironBuilder(
            **{"method": "POST", "path": "/", **request}, headers=[*(headers or {}).items()], data=body
        )
        answer = FUNCTIONS[function](self.door, Request(asked.get_environ()))
        self.answers.append(answer.get_data())
        return answer

    def task(self, function: str, body: bytes, trace: str | None = None) -> Response:
        """A call of an internal function by the account that may make it."""
        traced = {"traceparent": trace} if trace else {}
        return self.call(function, {**self.bearer(function), **traced}, body)

    def bearer(self, function: str) -> dict[str, str]:
        """The header of a caller whom the function admits."""
        return {"Authorization": f"Bearer {self.issuer.mint(f'{BASE}/{function}', ACCOUNTS[function])}"}

    def ask(self, endpoint: str, body: bytes, *, token: str | None = None) -> Response:
        """A call of the add-on's as Google makes it; with `token` instead of the one that Google would sign."""
        told = token if token is not None else self.issuer.mint(f"{BASE}/addon/{endpoint}", ADD_ON.addon_account)
        return self.call("addon", {"Authorization": f"Bearer {told}"}, body, path=f"/{endpoint}")

    def settle(self, within: timedelta = timedelta(minutes=5)) -> None:
        """Deliver notices, pushes and tasks through the doors, moving the clock along, until nothing is due."""
        world, until = self.world, self.world.clock.now() + within
        while True:
            self._deliver()
            due = [held for held in world.queue.waiting() if held.at <= until]
            if not due:
                return
            world.clock.set(max(due[0].at, world.clock.now()))
            self._work(world.queue.take(due[0]))

    def _deliver(self) -> None:
        google, vendor, now = self.world.google, self.world.vendor, self.world.clock.now()
        for notice in google.due_pushes(now):
            google.push_answered(notice, self.call("calendar_notification", notice.headers).status_code, now)
        for push in vendor.due_pushes():
            answer = self.call("provider_webhook", push.headers, push.body, path="/http")
            vendor.push_answered(push.push, answer.status_code)

    def _work(self, held: Held) -> None:
        if self.task(held.task.function, msgspec.json.encode(held.task.body), held.task.trace).status_code == 200:
            self.world.queue.done(held)
        else:
            self.world.queue.again(held, self.world.clock.now() + timedelta(seconds=30))

    @property
    def door(self) -> Door:
        """The doors over the world's ground as it is now."""
        identity = TokenIdentity(ISSUER, self.issuer.jwks, self.world.clock, leeway=SKEW)
        return Door(self.world.ground, BASE, TASKS, SCHEDULER, add_on(ADD_ON, identity))


class Watched:
    """A store that counts what is asked of it; with `error`, it is down."""

    def __init__(self, store: Any, error: Exception | None = None) -> None:
        self.store, self._error = store, error
        self.reads = 0
        self.writes = 0

    def get(self, key: str) -> Document | None:
        """Count a read."""
        self.reads += 1
        self._fail()
        found: Document | None = self.store.get(key)
        return found

    def query(self, *what: Any, **how: Any) -> list[Document]:
        """Count a read."""
        self.reads += 1
        self._fail()
        found: list[Document] = self.store.query(*what, **how)
        return found

    def commit(self, *writes: Put | Delete) -> tuple[str | None, ...]:
        """Count a commit."""
        self.writes += 1
        self._fail()
        done: tuple[str | None, ...] = self.store.commit(*writes)
        return done

    def _fail(self) -> None:
        if self._error is not None:
            raise self._error


@contextmanager
def logged(level: int = logging.DEBUG) -> Iterator[io.StringIO]:
    """All that is logged while the block lasts, as the product writes it; nothing of the set-up is left behind."""
    out, root = io.StringIO(), logging.getLogger()
    before = root.handlers[:], root.level
    logs.write(now=lambda: START, out=out, level=level)
    try:
        yield out
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
        root.handlers[:], level_before = before
        root.setLevel(level_before)


@contextmanager
def overheard() -> Iterator[list[str]]:
    """All that the client libraries log while the block lasts, at any level, as without the product's set-up."""
    kept = _Everything()
    loggers = [logging.getLogger(name) for name in (None, "httpx", "httpcore", "googleapiclient", "google.auth")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    logging.getLogger().addHandler(kept)
    try:
        with structlog.testing.capture_logs():
            yield kept.lines
    finally:
        logging.getLogger().removeHandler(kept)
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


class _Everything(logging.Handler):
    """Keeps each line, before anybody filters it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.lines.append(f"{record.name} {record.getMessage()}")


@contextmanager
def standing(key: RSAPrivateKey) -> Iterator[House]:
    """A house whose one calendar is connected."""
    world = World()
    world.connect()
    yield House(world, key)
    world.close()


def channel_of(world: World) -> dict[str, str]:
    """The headers of a genuine notice of a change, as Google sends them, from the newest channel."""
    return {**world.heard[-1], "X-Goog-Resource-State": "exists"}


def snapshot(world: World) -> object:
    """Everything that the functions keep and have asked for: equal if nothing was done between two of them."""
    rows = {name: world.store.query(name, limit=400) for name in ("feeds", "channels", "ledger", "runs", "dead")}
    return [rows, [dataclasses.astuple(held) for held in world.queue.waiting()], world.meetings()]
