"""The state that travels with a person to the authorization server and back: single use, short-lived, one browser's.

Authority: RFC 6749 10.12, RFC 7636, RFC 9700 2.1 and 4.7
The store has only hashes: neither the state nor what the browser holds can be had from it. The PKCE verifier is made of
both and kept nowhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Literal

import msgspec

from conference.decoding import from_plain
from conference.errors import Conflict, Forged
from functions.ground import MINUTE, Ground
from functions.ports import Delete, Put

COLLECTION = "consent_states"
LIFE = 10 * MINUTE
_FORM = re.compile(r"[A-Za-z0-9_-]{16,64}")

Purpose = Literal["connect", "sign-in"]


class State(msgspec.Struct, frozen=True):
    """What is kept of a state; instants in seconds since the epoch."""

    browser: str  # a hash
    purpose: Purpose
    user: str  # whom the person says they are; "" if they choose there
    expire_at: float


_state = from_plain(State)


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()[:40]


def verifier(browser: str, state: str) -> str:
    """The PKCE verifier: 43 characters that only this browser's state yields."""
    return _plain(hmac.digest(browser.encode(), f"pkce {state}".encode(), "sha256"))


def challenge(of: str) -> str:
    """What S256 makes of a verifier."""
    return _plain(hashlib.sha256(of.encode()).digest())


def begin(ground: Ground, browser: str, purpose: Purpose, user: str) -> str:
    """A new state for this browser."""
    state = ground.new_secret()
    kept = State(digest(browser), purpose, user, ground.now() + LIFE)
    ground.store.commit(Put(_key(state), msgspec.to_builtins(kept), None))
    return state


def take(ground: Ground, browser: str, state: str) -> State:
    """What the state stands for, once. Raises Forged if it is none, another browser's, too old, or was used."""
    document = ground.store.get(_key(state)) if _FORM.fullmatch(state) else None
    if document is None:
        raise Forged("there is no such state")
    kept = _state(document.data)
    if not hmac.compare_digest(kept.browser, digest(browser)) or kept.expire_at <= ground.now():
        # Left where it is: a stranger who has read it must not be able to end it.
        raise Forged("the state is another browser's, or too old")
    try:
        ground.store.commit(Delete(document.key, document.version))
    except Conflict:
        raise Forged("the state was used at this moment") from None
    return kept


def _key(state: str) -> str:
    return f"{COLLECTION}/{digest(state)}"


def _plain(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
