"""Where a script's own documents stand: apart by script, scope and owner, and changed only as they were read.

Authority: https://developers.google.com/apps-script/guides/properties, whose three scopes these are
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from conference.errors import Conflict, Later
from functions.ports import Delete, Document, Put
from functions.script import context
from functions.script.project import Project

TRIES = 30
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.5


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose documents are meant: a script's own, one user's in that script, or one document's in that script."""

    project: Project
    scope: str
    name: str
    user: str

    def key(self, collection: str, *parts: str) -> str:
        """The key of one of their documents; hashed, so that no name can reach into another owner's."""
        whole = msgspec.json.encode([self.project.id, self.scope, self.name, *parts])
        return f"{collection}/{hashlib.sha256(whole).hexdigest()[:40]}"

    def id(self) -> str:
        """A text that stands for the owner, in fields that queries look at."""
        return self.key("owner").partition("/")[2]

    def fields(self) -> dict[str, str]:
        """What each of their documents says about whose it is, so that all of a user's can be found and deleted."""
        named = {"script": self.project.id, "scope": self.scope}
        return {**named, "user": self.name} if self.scope == "user" else named


def of_script() -> Owner:
    """The bound script, as all its users share it. Raises NotRunning."""
    here = context.scope()
    return Owner(here.project, "script", "", here.user or "")


def of_user() -> Owner:
    """The effective user in the bound script. Raises NotRunning, NoUser."""
    user = context.user()
    return Owner(context.project(), "user", user, user)


def of_document() -> Owner | None:
    """The document that the script is bound to, as all users share it; None outside one. Raises NotRunning."""
    here = context.scope()
    return None if here.document is None else Owner(here.project, "document", here.document, here.user or "")


Writes = Sequence[Put | Delete]


def settle(project: Project, key: str, decide: Callable[[Document | None], Writes | None]) -> None:
    """Commit what `decide` makes of the document at `key`, reading again as often as others are quicker.

    `decide` returns the writes of one commit, conditional on what it was given, or None for nothing to do; it may
    raise Conflict to be asked again.
    Raises Later when the document is too busy; OutcomeUnknown passes, since the writes may have been done.
    """
    store, pause = project.ground.store, FIRST_PAUSE
    for _ in range(TRIES):
        try:
            writes = decide(store.get(key))
            if writes is not None:
                store.commit(*writes)
        except Conflict:
            project.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        else:
            return
    raise Later("the document is too busy")


def version(document: Document | None) -> str | None:
    """The condition under which a document that was read may be written."""
    return None if document is None else document.version


def data(document: Document | None) -> dict[str, Any]:
    """What the document holds; nothing, if there is none."""
    return {} if document is None else document.data


def canonical(project: Project, user: str, calendar_id: str) -> str:
    """The calendar's real id: "primary" and the address are one calendar. Raises Gone(CALENDAR), Later, Revoked."""
    return calendar_id if calendar_id != "primary" else project.ground.calendar.calendar(user, calendar_id).id
