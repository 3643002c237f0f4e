"""The credentials of users who consented: sealed in the store, renewed by one at a time, their end told once.

Authority: https://developers.google.com/identity/protocols/oauth2/web-server#offline, RFC 9700 4.14 (rotation)
A server may give a new refresh token with each access token and end the old one. So who renews takes a lease first:
two that renew at once would each end what the other has just been given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from conference.decoding import from_json, from_plain
from conference.errors import (
    UNDECODABLE,
    Conflict,
    Forged,
    Later,
    LockstepError,
    OutcomeUnknown,
    Refused,
    Revoked,
    Where,
)
from functions.feed import TRIES, retried
from functions.ports import Clock, Document, Granted, OAuth, Put, Store, Vault

COLLECTION = "users"
LEASE = 30.0
"""Seconds for which one may renew; longer than the authorization server is waited for."""
EARLY = 300.0
"""A token with less than this left is renewed; meanwhile others go on with it."""
LAST = 10.0
"""A token with less than this left is given to nobody."""
SOON = timedelta(seconds=1)

log = structlog.get_logger(__name__)


class User(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a user who consented; instants in seconds since the epoch."""

    user: str  # their address, in lower case
    sub: str  # who they are at the authorization server; an address may come to be another's
    scopes: tuple[str, ...] = ()
    sealed: str | None = None  # the tokens, for this user alone
    since: float = 0.0
    consent: int = 0  # which consent this is: it rises with each
    lease_until: float = 0.0  # somebody renews
    ended_at: float | None = None  # the consent was withdrawn
    trouble: str | None = None
    leaving: bool = False  # everything of theirs is being deleted
    skew: float = 0.0  # by how much our clock is ahead of the authorization server's


class Tokens(msgspec.Struct, frozen=True):
    """What is sealed; `expires` is the access token's end."""

    refresh: str
    access: str = ""
    expires: float = 0.0


@dataclass(frozen=True, slots=True)
class Access:
    """An access token and its end; good for a while yet."""

    token: str
    expires: datetime

    def __repr__(self) -> str:
        return f"Access(expires={self.expires})"


@dataclass(frozen=True, slots=True)
class Wallet:
    """What is needed to act as users who consented."""

    store: Store
    vault: Vault
    clock: Clock
    oauth: OAuth

    def now(self) -> float:
        """The present, in seconds since the epoch."""
        return self.clock.now().timestamp()


def user_id(user: str) -> str:
    """The id of a user, by their address."""
    return hashlib.sha256(user.casefold().encode()).hexdigest()[:32]


def key_of(user: str) -> str:
    """The key of their document."""
    return f"{COLLECTION}/{user_id(user)}"


_user, _tokens = from_plain(User), from_json(Tokens)


def decode(document: Document) -> User:
    """The user in a document."""
    return _user(document.data)


def find(store: Store, user: str) -> tuple[Document, User] | None:
    """What is kept of a user, if anything is."""
    document = store.get(key_of(user))
    return (document, decode(document)) if document else None


def put(user: User, version: str | None) -> Put:
    """The write of a user's document, if it is still at `version` (None: if there is none yet)."""
    return Put(key_of(user.user), msgspec.to_builtins(user), version)


def sealed(wallet: Wallet, user: str, tokens: Tokens) -> str:
    """The tokens as the user's document holds them."""
    return wallet.vault.seal(user.casefold(), msgspec.json.encode(tokens))


def opened(wallet: Wallet, kept: User) -> Tokens:
    """The tokens of a user. Raises Revoked if there are none, or they cannot be opened: only a new consent helps."""
    if kept.sealed is None:
        raise Revoked("the consent is no longer valid", Where("oauth", "stored consent", None, "ended"))
    try:
        return _tokens(wallet.vault.open(kept.user.casefold(), kept.sealed))
    except (Forged, *UNDECODABLE):
        raise Revoked("the stored consent cannot be opened", Where("oauth", "stored consent", None, "sealed")) from None


def access(wallet: Wallet, user: str, *, stale: str = "") -> Access:
    """An access token of the user, good for a while, and another one than `stale`.

    Raises Revoked if the user has not consented, or no longer: nothing is asked then until they consent again. Raises
    Later when the authorization server or the store cannot be reached, or another renews and the old token has ended.
    """
    return retried(lambda: _attempt(wallet, user, stale), "the user's document is too busy")


def _attempt(wallet: Wallet, user: str, stale: str) -> Access:
    """One attempt. Raises Conflict if somebody else was quicker."""
    document, kept = _standing(wallet, user)
    tokens = opened(wallet, kept)
    left = tokens.expires - wallet.now() if tokens.access != stale else 0.0
    if left > EARLY:
        return _given(tokens)
    if kept.lease_until > wallet.now():
        if left > LAST:
            return _given(tokens)
        raise Later("the access token is being renewed", Where("oauth", "refresh", None, "leased"), after=SOON)
    leased = msgspec.structs.replace(kept, lease_until=wallet.now() + LEASE)
    (version,) = wallet.store.commit(put(leased, document.version))
    return _renewed(wallet, leased, version or "", tokens)


def _standing(wallet: Wallet, user: str) -> tuple[Document, User]:
    found = find(wallet.store, user)
    if found is None:
        raise Revoked("the user has not consented", Where("oauth", "stored consent", None, "none"))
    return found


def _given(tokens: Tokens) -> Access:
    return Access(tokens.access, datetime.fromtimestamp(tokens.expires, UTC))


def _renewed(wallet: Wallet, leased: User, version: str, tokens: Tokens) -> Access:
    try:
        granted = wallet.oauth.refresh(tokens.refresh)
    except Revoked:
        _end(wallet, leased, version)
        raise
    except LockstepError:
        _give_back(wallet, leased, version)
        raise
    fresh = renewed(granted, tokens.refresh)
    skew = _skew(wallet, granted)
    _keep(wallet, msgspec.structs.replace(leased, skew=skew), version, fresh)
    return _given(fresh)


def _skew(wallet: Wallet, granted: Granted) -> float:
    return round(wallet.now() - granted.issued.timestamp(), 1) if granted.issued else 0.0


def renewed(granted: Granted, before: str) -> Tokens:
    """The tokens after a grant; where there is no new refresh token, the one `before` stays good."""
    return Tokens(granted.refresh or before, granted.access, granted.expires.timestamp())


def _keep(wallet: Wallet, leased: User, version: str, fresh: Tokens) -> None:
    """Write the new tokens, however often the answer is lost: with rotation the old ones are good for nothing."""
    wanted = msgspec.structs.replace(leased, sealed=sealed(wallet, leased.user, fresh), lease_until=0.0)
    for _ in range(TRIES):
        try:
            wallet.store.commit(put(wanted, version))
        except (Conflict, OutcomeUnknown):
            found = find(wallet.store, leased.user)
            if found is None or found[1].consent != leased.consent or found[1].sealed == wanted.sealed:
                # Written after all; or they have consented anew, or left: then these tokens are nobody's any more.
                return
            document, newest = found
            version = document.version
            wanted = msgspec.structs.replace(newest, sealed=wanted.sealed, skew=wanted.skew, lease_until=0.0)
        else:
            return
    raise Later("the user's document is too busy")


def _give_back(wallet: Wallet, leased: User, version: str) -> None:
    try:
        wallet.store.commit(put(msgspec.structs.replace(leased, lease_until=0.0), version))
    except LockstepError as error:
        log.info("lease of a consent not given back, it ends by itself", error=str(error))


def _end(wallet: Wallet, leased: User, version: str) -> None:
    """Note that the consent has ended, and tell it once: whoever writes it first tells. Raises Conflict."""
    ended = msgspec.structs.replace(
        leased, sealed=None, ended_at=wallet.now(), trouble="the consent was withdrawn", lease_until=0.0
    )
    try:
        wallet.store.commit(put(ended, version))
    except Conflict:
        # They have just consented anew, or left.
        raise
    except LockstepError as error:
        # Whoever asks next finds it out again.
        log.info("end of a consent not noted yet", error=str(error))
        return
    log.warning("consent ended, its user must consent again", user_id=user_id(leased.user))


def keep(wallet: Wallet, user: str, sub: str, granted: Granted) -> User:
    """Keep what a user has granted, in place of what they granted before.

    Raises Revoked if there is no refresh token, neither new nor old; Later while everything of theirs is being
    deleted; Forged if another account was connected under this address: it is not overwritten.
    """
    return retried(lambda: _kept(wallet, user, sub, granted), "the user's document is too busy")


def _kept(wallet: Wallet, user: str, sub: str, granted: Granted) -> User:
    found = find(wallet.store, user)
    document, before = found or (None, None)
    if before is not None and before.leaving:
        raise Later("the account is being disconnected", Where("oauth", "keep", None, "leaving"), after=SOON)
    if before is not None and before.sub != sub:
        raise Forged("another account is connected under this address")
    tokens = renewed(granted, granted.refresh or _refresh_before(wallet, before))
    fresh = User(
        user.casefold(),
        sub,
        tuple(sorted(granted.scopes)),
        sealed(wallet, user, tokens),
        since=wallet.now(),
        consent=(before.consent if before else 0) + 1,
        skew=_skew(wallet, granted),
    )
    wallet.store.commit(put(fresh, document.version if document else None))
    return fresh


def _refresh_before(wallet: Wallet, before: User | None) -> str:
    if before is None:
        raise Revoked("the consent does not last", Where("oauth", "keep", None, "offline"))
    return opened(wallet, before).refresh


def revoke(wallet: Wallet, kept: User) -> None:
    """End a user's consent at the authorization server; if it never will, forget the tokens here, and say so.

    Raises Revoked if there are none, or they cannot be opened; Later if it must be asked again.
    """
    tokens = opened(wallet, kept)
    try:
        wallet.oauth.revoke(tokens.refresh)
    except Refused as error:
        changed(wallet.store, kept.user, lambda now: _without(now, kept.sealed))
        log.warning("consent not revoked, its tokens are forgotten", user_id=user_id(kept.user), error=str(error))


def _without(kept: User | None, tokens: str | None) -> User | None:
    return msgspec.structs.replace(kept, sealed=None) if kept is not None and kept.sealed == tokens else None


def changed(store: Store, user: str, how: Callable[[User | None], User | None]) -> User | None:
    """Write a user's document as `how` makes it of the newest one; None from it leaves it alone."""

    def attempt() -> User | None:
        found = find(store, user)
        document, before = found or (None, None)
        wanted = how(before)
        if wanted is None:
            return before
        store.commit(put(wanted, document.version if document else None))
        return wanted

    return retried(attempt, "the user's document is too busy")
