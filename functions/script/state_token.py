"""State tokens: what an outside page gives back to the script, sealed, short-lived, and good for one call.

Authority: https://developers.google.com/apps-script/reference/script/state-token-builder
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import msgspec

from conference.decoding import from_json
from conference.errors import UNDECODABLE, Conflict, Forged
from functions.ports import Put
from functions.script import context
from functions.script.errors import BadArgument, BadValue
from functions.script.keeping import of_user
from functions.script.project import Project
from functions.script.text import to_text

COLLECTION = "state_tokens"
DEFAULT_TIMEOUT, LONGEST_TIMEOUT = 60, 3600


class State(msgspec.Struct, frozen=True):
    """What a token stands for: the method to call, its arguments, and the user who asked for it."""

    id: str
    user: str
    method: str
    until: float
    arguments: dict[str, str] = {}


_state = from_json(State)


class StateTokenBuilder:
    """Collects what a token is to say; every setter returns it."""

    def __init__(self) -> None:
        self._method = "callback"
        self._arguments: dict[str, str] = {}
        self._timeout = DEFAULT_TIMEOUT

    def with_method(self, method: str) -> Self:
        """Which handler is called; by default "callback"."""
        self._method = to_text(method, "StateTokenBuilder.with_method")
        return self

    def with_argument(self, name: str, value: object) -> Self:
        """An argument of the call; may be repeated."""
        method = "StateTokenBuilder.with_argument"
        self._arguments[to_text(name, method)] = to_text(value, method)
        return self

    def with_timeout(self, seconds: int) -> Self:
        """For how long it is good: 60 seconds by default, 3600 at most."""
        if isinstance(seconds, bool) or not isinstance(seconds, int):
            raise BadArgument("StateTokenBuilder.with_timeout", [type(seconds).__name__], "Seconds are a whole number.")
        if not 1 <= seconds <= LONGEST_TIMEOUT:
            raise BadValue(f"a state token is good for 1 to {LONGEST_TIMEOUT} seconds")
        self._timeout = seconds
        return self

    def create_token(self) -> str:
        """The token, sealed: nobody outside can read or make one. Raises NotRunning, NoUser."""
        project, user = context.project(), context.user()
        until = project.ground.now() + self._timeout
        state = State(project.ground.new_secret(), user, self._method, until, dict(self._arguments))
        return project.ground.vault.seal(_tenant(project), msgspec.json.encode(state))


def new_state_token() -> StateTokenBuilder:
    """An empty builder."""
    return StateTokenBuilder()


def redeem_state_token(token: str) -> State:
    """What the token stands for, once. Raises Forged if it is none of this project's, is too old, or was used."""
    project = context.project()
    state = _open(project, token)
    if project.ground.now() >= state.until:
        raise Forged("the state token is too old")
    with context.as_user(state.user):
        owner = of_user()
    spent: Mapping[str, object] = {**owner.fields(), "expire_at": state.until}
    try:
        project.ground.store.commit(Put(owner.key(COLLECTION, state.id), spent, None))
    except Conflict:
        raise Forged("the state token was used before") from None
    return state


def _open(project: Project, token: str) -> State:
    opened = project.ground.vault.open(_tenant(project), token)
    try:
        return _state(opened)
    except UNDECODABLE:
        raise Forged("the sealed text is no state token") from None


def _tenant(project: Project) -> str:
    return f"state tokens of script {project.id}"
