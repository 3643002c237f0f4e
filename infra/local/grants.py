"""What users have granted, on one machine: everything the project declares, until they say otherwise.

The port is functions.script.project.Grants; the tokens are those of infra.google.credentials.DevCredentials.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlencode

from conference.errors import Revoked


class LocalGrants:
    """Grants in memory. `sign` makes an ID token for a user; `page` is where a user would consent."""

    def __init__(
        self,
        declared: Iterable[str],
        *,
        sign: Callable[[str], str] | None = None,
        page: str = "http://127.0.0.1/consent",
    ) -> None:
        self._declared = frozenset(declared)
        self._sign = sign
        self._page = page
        self._granted: dict[str, frozenset[str]] = {}
        self._lock = threading.Lock()

    def grant(self, user: str, scopes: Iterable[str]) -> None:
        """From now on the user has granted just these."""
        with self._lock:
            self._granted[user] = frozenset(scopes)

    def scopes(self, user: str) -> frozenset[str]:
        """The scopes that the user has granted; empty if they took the grant back."""
        with self._lock:
            return self._granted.get(user, self._declared)

    def access_token(self, user: str) -> str:
        """A token that the local Calendar server admits. Raises Revoked if the grant was taken back."""
        self._standing(user)
        return f"dev:{user}"

    def identity_token(self, user: str) -> str | None:
        """An ID token, or None without the scope "openid". Raises Revoked if the grant was taken back."""
        granted = self._standing(user)
        return self._sign(user) if self._sign is not None and "openid" in granted else None

    def consent_url(self, user: str, scopes: Sequence[str]) -> str:
        """The page where the user grants these scopes."""
        return f"{self._page}?{urlencode({'login_hint': user, 'scope': ' '.join(scopes)})}"

    def revoke(self, user: str) -> None:
        """Drop the user's grant."""
        self.grant(user, ())

    def _standing(self, user: str) -> frozenset[str]:
        with self._lock:
            if not self._granted.get(user, True):
                raise Revoked("the user has granted nothing")
        return self.scopes(user)
