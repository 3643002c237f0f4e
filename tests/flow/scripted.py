"""A world with a script in it: handlers that write down what they are told, as several users."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from conference.errors import Later, OutcomeUnknown, Stale
from functions import script
from functions.ground import Policy
from functions.ports import Delete, Put
from functions.script.changes import Change, EventUpdated
from functions.script.trigger import Trigger
from infra.google.api import GoogleApi
from infra.google.credentials import DevCredentials
from infra.local.calendar.inprocess import InProcessHttp
from infra.local.grants import LocalGrants
from infra.local.held import Held
from tests.world import ALICE, World

SCOPES = frozenset({"https://www.googleapis.com/auth/calendar.events"})

Json = dict[str, Any]


class ScriptWorld(World):
    """A world whose script has one handler, `changed`, that notes the changes it is told of, and may fail."""

    project: script.Project

    def __init__(self, policy: Policy | None = None, **settings: Any) -> None:
        super().__init__(policy)
        self.handlers = script.Registry()
        self.told: list[tuple[str, EventUpdated]] = []
        """Who was told what."""
        self.fails: Callable[[EventUpdated], None] = lambda _: None
        self.handlers.handler("changed")(self.changed)
        door = lambda it: InProcessHttp(self.google, str(it.token).removeprefix("dev:"))  # noqa: E731 - used once
        self.grants = LocalGrants(SCOPES, sign=lambda user: f"signed for {user}")
        self.project = script.Project(
            id="notes",
            ground=self.ground,
            handlers=self.handlers,
            api=GoogleApi(cache(DevCredentials), http=door),
            grants=self.grants,
            wait=lambda _: None,
            **settings,
        )

    def changed(self, event: EventUpdated) -> None:
        """The handler."""
        self.told.append((script.current_user(), event))
        self.fails(event)

    def change_ground(self, **ports: Any) -> None:
        """Give the functions and the script other ports from now on."""
        super().change_ground(**ports)
        self.change_project(ground=self.ground)

    def change_project(self, **parts: Any) -> None:
        """Give the script other parts."""
        self.project = dataclasses.replace(self.project, **parts)

    def work(self, held: Held) -> None:
        """Run one task; one that the door would answer 503 is delivered again."""
        try:
            super().work(held)
        except (Later, OutcomeUnknown, Stale):
            self.queue.again(held, self.clock.now() + timedelta(seconds=1))

    def notify(self, headers: Mapping[str, str]) -> int:
        """Call the notification function; the status its door would answer."""
        try:
            return super().notify(headers)
        except OutcomeUnknown:
            return 503

    @contextlib.contextmanager
    def scripting(self, user: str = ALICE) -> Iterator[None]:
        """Code of the script, as this user."""
        with script.running(self.project, user=user):
            yield

    def follow(self, handler: str = "changed", calendar: str = "primary", *, user: str = ALICE, **only: Any) -> Trigger:
        """Make a trigger, and let its baseline be taken."""
        with self.scripting(user):
            builder = script.new_trigger(handler).for_user_calendar(calendar).on_event_updated()
            trigger = (builder.only(**only) if only else builder).create()
        self.settle()
        return trigger

    def triggers(self, user: str = ALICE) -> list[Trigger]:
        """The user's triggers."""
        with self.scripting(user):
            return script.get_project_triggers()

    def changes(self, user: str | None = None) -> list[Change]:
        """What the handler was told, of all runs, run by run."""
        return [change for who, event in self.told if user in (None, who) for change in event.changes]

    def kinds(self, user: str | None = None) -> list[tuple[str, str]]:
        """The same, told by kind and title; a bare tombstone has the title that the event had before."""
        return [(str(one.kind), title(one)) for one in self.changes(user)]


def title(change: Change) -> str:
    """The title of what changed, as far as it is known."""
    return str(change.event.get("summary") or (change.before or {}).get("summary", ""))


def plain(world: ScriptWorld, summary: str, calendar: str = "primary", **fields: Any) -> str:
    """Make an event without a conference; its id."""
    return str(world.insert(calendar, summary=summary, conferenceData=None, **fields)["id"])


def refuse(_: EventUpdated) -> None:
    """Fail, as a handler, with words that are nobody's business."""
    raise ValueError("a secret title")


class OnWrite:
    """A store; before the first commit that `concerns`, something else happens."""

    def __init__(self, world: ScriptWorld, concerns: Callable[[Any], bool], what: Callable[[], None]) -> None:
        self._store, self._concerns, self._what = world.store, concerns, [what]
        world.change_ground(store=self)

    def commit(self, *writes: Put | Delete) -> Any:
        """As the store."""
        if self._what and any(self._concerns(write) for write in writes):
            self._what.pop()()
        return self._store.commit(*writes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)
