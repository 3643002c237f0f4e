"""What runs at this moment: which project, as which user, in which document, in which execution.

Handlers are plain functions without a context parameter, as in Apps Script, so the context is carried by a
`contextvars.ContextVar`: set around every run, inherited by async code and by the lanes, never shared between runs.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import msgspec

from functions.script.errors import NotRunning, NoUser, RunTooLong
from functions.script.project import Project


class HasId(Protocol):
    """A change, or whatever else knows an event's id."""

    @property
    def id(self) -> str:
        """The event's id."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of one handler: its id, and what has to be done when it ends, however it ends."""

    id: str
    trigger: str | None = None
    until: float | None = None
    """When its time is over, in seconds since the epoch."""
    at_end: list[Callable[[], None]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    """What the handler has logged."""
    aside: dict[str, Exception] = field(default_factory=dict)
    """Events that the handler could not cope with and set aside, by id, each with its error."""
    resources: dict[str, str] = field(default_factory=dict)
    """Those of them that were given as resources: their JSON."""

    def is_over(self, now: float) -> bool:
        """True once its time is over."""
        return self.until is not None and now > self.until


@dataclass(frozen=True, slots=True)
class Scope:
    """The bound project, the effective user, the document, the execution."""

    project: Project
    user: str | None = None
    document: str | None = None
    execution: Execution | None = None


_SCOPE: contextvars.ContextVar[Scope] = contextvars.ContextVar("lockstep.script")


def scope() -> Scope:
    """What is bound here. Raises NotRunning; RunTooLong if the run's time is over."""
    check_time()
    try:
        return _SCOPE.get()
    except LookupError:
        raise NotRunning("no script is running here: use `with script.running(project)`") from None


def check_time() -> None:
    """Return if the run goes on, or nothing runs here; every service asks that first. Raises RunTooLong."""
    here = _SCOPE.get(None)
    if here is not None and here.execution is not None and here.execution.is_over(here.project.ground.now()):
        raise RunTooLong


def project() -> Project:
    """The bound project. Raises NotRunning."""
    return scope().project


def user() -> str:
    """The effective user's address. Raises NotRunning, NoUser."""
    who = scope().user
    if who is None:
        raise NoUser("no user is set here: use `with script.as_user(email)`")
    return who


def set_aside(event: str | Mapping[str, Any] | HasId, error: Exception) -> None:
    """Have this event tried again alone, later; the others of this run are accepted all the same.

    `event` is a change, a resource, or an event's id. A clock trigger's run cannot bring it again, and has failed then.
    Raises NotRunning outside of a handler's run.
    """
    execution = scope().execution
    if execution is None:
        raise NotRunning("there is no run here from which an event could be set aside")
    name = event if isinstance(event, str) else str(event["id"]) if isinstance(event, Mapping) else event.id
    execution.aside[name] = error
    if isinstance(event, Mapping):
        execution.resources[name] = msgspec.json.encode(event).decode()


current_user = user


@contextmanager
def running(project: Project, *, user: str | None = None, execution: Execution | None = None) -> Iterator[None]:
    """Bind a project; what was bound before comes back at the end."""
    with _bound(Scope(project, user, execution=execution)):
        yield


@contextmanager
def as_user(email: str) -> Iterator[None]:
    """Act as this user: whose properties, locks, triggers and calendars are meant. Raises NotRunning."""
    with _bound(replace(scope(), user=email)):
        yield


@contextmanager
def in_document(document: str) -> Iterator[None]:
    """Bind the script to a document, for document properties, locks and caches. Raises NotRunning."""
    with _bound(replace(scope(), document=document)):
        yield


@contextmanager
def _bound(new: Scope) -> Iterator[None]:
    token = _SCOPE.set(new)
    try:
        yield
    finally:
        _SCOPE.reset(token)
