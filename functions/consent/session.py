"""Who a browser is known to be: for an hour after they have shown it at the authorization server.

Authority: https://datatracker.ietf.org/doc/html/rfc6265
"""

from __future__ import annotations

from contextlib import suppress

import msgspec

from conference.decoding import from_plain
from conference.errors import Conflict
from functions.consent.state import digest
from functions.ground import HOUR, Ground
from functions.ports import Delete, Person, Put

COLLECTION = "sessions"
LIFE = HOUR


class Session(msgspec.Struct, frozen=True):
    """A person as they have shown themselves; `user` is their address in lower case."""

    user: str
    sub: str
    expire_at: float


_session = from_plain(Session)


def begin(ground: Ground, person: Person) -> str:
    """A session for the person; what their browser is to hold from now on.

    A new secret each time: whoever knew the browser's secret before knows nothing afterwards.
    """
    secret = ground.new_secret()
    kept = Session(person.email, person.sub, ground.now() + LIFE)
    ground.store.commit(Put(_key(secret), msgspec.to_builtins(kept), None))
    return secret


def find(ground: Ground, browser: str) -> Session | None:
    """Who the browser is known to be, if anybody."""
    document = ground.store.get(_key(browser)) if browser else None
    kept = _session(document.data) if document else None
    return kept if kept and kept.expire_at > ground.now() else None


def _key(secret: str) -> str:
    return f"{COLLECTION}/{digest(secret)}"


def end(ground: Ground, browser: str) -> None:
    """Nobody is known in this browser any more."""
    document = ground.store.get(_key(browser)) if browser else None
    if document is not None:
        with suppress(Conflict):
            ground.store.commit(Delete(document.key, document.version))
