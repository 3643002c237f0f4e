"""Credentials as google-auth knows them: those of users who consented, and those of the local Calendar server.

Authority: https://googleapis.dev/python/google-auth/latest/reference/google.auth.credentials.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from google.auth import credentials, exceptions

from functions import credentials as consents
from functions.credentials import Access, Wallet


class DevCredentials(credentials.Credentials):
    """Signs requests to the local Calendar server as `email`; the token is `dev:<email>` and never expires."""

    def __init__(self, email: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # google-auth annotates nothing
        self.email = email
        self.token = f"dev:{email}"

    def refresh(self, request: Any) -> None:  # noqa: ARG002 - google-auth names it
        """There is nothing to renew: raises RefreshError, as a withdrawn consent would."""
        raise exceptions.RefreshError("development credentials cannot be renewed")


class Renewed(credentials.Credentials):
    """Signs requests with tokens from `another`, which may be asked for another one than the token that it is given.

    A token's end is judged by `now`, in seconds since the epoch, and never by this machine's own clock; with less than
    `early` seconds left it is not sent without a look for another one.
    """

    def __init__(self, now: Callable[[], float], early: float, another: Callable[[str], Access]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # google-auth annotates nothing
        self._now, self._early, self._another = now, early, another
        self._ends = 0.0
        self._lock = threading.Lock()

    @property
    def expired(self) -> bool:
        """True if the token has so little left that it is time to look for another one."""
        return self._now() >= self._ends - self._early

    @property
    def valid(self) -> bool:
        """True if the token may be sent without a look for another one."""
        return self.token is not None and not self.expired

    @property
    def token_state(self) -> credentials.TokenState:
        """As google-auth asks for it."""
        return credentials.TokenState.FRESH if self.valid else credentials.TokenState.INVALID

    def refresh(self, request: Any) -> None:  # noqa: ARG002 - google-auth names it; tokens have their own way here
        """Look for another token, unless another thread has just done so.

        One that had time left was refused, and is not taken again. One that nears its end may be, while somebody else
        renews it. Raises Revoked or Later, and not google-auth's errors: they say what is to be done, and since when.
        """
        before, refused = self.token, self.valid
        with self._lock:
            if self.token is not before and self.valid:
                return
            given = self._another(before if refused and before else "")
            self._ends = given.expires.timestamp()
            self.token = given.token


class StoredCredential(Renewed):
    """Signs requests as a user who consented."""

    def __init__(self, wallet: Wallet, user: str) -> None:
        super().__init__(wallet.now, consents.EARLY, lambda stale: consents.access(wallet, user, stale=stale))


class StoredCredentials:
    """Yields each user's credential, always the same one for the same user; a user without consent has one, too.

    It finds out what the user's consent is worth when it is used: one that ended raises Revoked, and a new consent is
    taken up by the credential that is there. `otherwise` yields those of users who never consented, where there is
    another way to act as them: domain-wide delegation, or the local Calendar server's own.
    """

    def __init__(
        self, wallet: Wallet, otherwise: Callable[[str], credentials.Credentials] | None = None, most: int = 10_000
    ) -> None:
        self._wallet = wallet
        self._otherwise = otherwise
        self._most = most
        self._held: dict[str, credentials.Credentials] = {}
        self._lock = threading.Lock()

    def __call__(self, user: str) -> credentials.Credentials:
        """The user's credential. Raises Later if `otherwise` hangs on what the store cannot tell now."""
        found = self._held.get(user)
        if found is None:
            made = self._made(user)
            with self._lock:
                if len(self._held) >= self._most:
                    self._held.pop(next(iter(self._held)))
                found = self._held.setdefault(user, made)
        return found

    def forget(self, user: str) -> None:
        """Look anew which way there is to act as the user: they have just consented, or left."""
        with self._lock:
            self._held.pop(user, None)

    def _made(self, user: str) -> credentials.Credentials:
        if self._otherwise is not None and consents.find(self._wallet.store, user) is None:
            return self._otherwise(user)
        return StoredCredential(self._wallet, user)
