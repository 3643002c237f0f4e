"""What runs at this moment: which project, as which user, in which document, in which execution.

Handlers are plain functions without a context parameter, as in Apps Script, so the context is carried by a
`contextvars.ContextVar`: set around every run, inherited by async code and by the lanes, never shared between runs.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from functions.script.errors import NotRunning, NoUser
from functions.script.project import Project


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of one handler: its id, and what has to be done when it ends, however it ends."""

    id: str
    trigger: str | None = None
    at_end: list[Callable[[], None]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    """What the handler has logged."""
    aside: dict[str, Exception] = field(default_factory=dict)
    """Events that the handler could not cope with and set aside, by id, each with its error."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The bound project, the effective user, the document, the execution."""

    project: Project
    user: str | None = None
    document: str | None = None
    execution: Execution | None = None


_SCOPE: contextvars.ContextVar[Scope] = contextvars.ContextVar("lockstep.script")


def scope() -> Scope:
    """What is bound here. Raises NotRunning."""
    try:
        return _SCOPE.get()
    except LookupError:
        raise NotRunning("no script is running here: use `with script.running(project)`") from None


def project() -> Project:
    """The bound project. Raises NotRunning."""
    return scope().project


def user() -> str:
    """The effective user's address. Raises NotRunning, NoUser."""
    who = scope().user
    if who is None:
        raise NoUser("no user is set here: use `with script.as_user(email)`")
    return who


def document() -> str | None:
    """The document that the script is bound to, if any."""
    return scope().document


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
