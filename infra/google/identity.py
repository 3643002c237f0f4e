"""Checks Google's identity tokens: those of Cloud Tasks and Cloud Scheduler, and those sent to a Workspace add-on.

https://cloud.google.com/tasks/docs/creating-http-target-tasks#token,
https://developers.google.com/workspace/add-ons/guides/alternate-runtimes and
https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken
The ports are functions.ports.Identity and functions.ports.AddOnIdentity.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

import jwt

from conference.errors import Forged
from functions.ports import Clock

LONGEST_TOKEN = 8192  # Google's have about 900 characters
ISSUERS = ("https://accounts.google.com", "accounts.google.com")
CERTS = "https://www.googleapis.com/oauth2/v3/certs"
SKEW = timedelta(seconds=10)
"""How far Google's clock and ours may be apart in what is sent to an add-on."""

KeySet = Callable[[], Mapping[str, Any]]
"""Yields a key set (RFC 7517)."""


class TokenIdentity:
    """Accepts tokens signed by RS256 with one of `keys`; `issuers` is the name the issuer calls itself, or several.

    `newer` is asked for a key that `keys` lacks. Times are judged by `clock` with `leeway` either way, never by this
    machine's own clock.
    """

    def __init__(
        self,
        issuers: str | Sequence[str],
        keys: KeySet,
        clock: Clock,
        *,
        newer: KeySet | None = None,
        leeway: timedelta = timedelta(seconds=60),
    ) -> None:
        self._issuers = frozenset([issuers] if isinstance(issuers, str) else issuers)
        self._keys = keys
        self._newer = newer or keys
        self._clock = clock
        self._leeway = leeway.total_seconds()

    def check(self, token: str, *, audience: str, account: str) -> None:
        """Return if the token is signed by the issuer, in time, for `audience` and of `account`; else raise Forged."""
        if self.address(token, audiences=(audience,)) != account:
            raise Forged("The identity token has the wrong account")

    def address(self, token: str, *, audiences: Collection[str]) -> str:
        """The verified address of whom the token names, if it is signed, in time and for one of `audiences`.

        Raises Forged.
        """
        try:
            claims = self._signed(token)
            self._check_claims(claims, audiences)
        except Forged:
            raise
        except Exception:  # noqa: BLE001 - whatever a stranger's bytes cause is a forgery
            # Without cause: the token must not travel in the error.
            raise Forged("The identity token cannot be verified") from None
        return str(claims["email"])

    def _signed(self, token: str) -> dict[str, Any]:
        if len(token) > LONGEST_TOKEN:
            raise Forged("The identity token is too long")
        kid = jwt.get_unverified_header(token).get("kid")
        if not isinstance(kid, str):
            raise Forged("The identity token names no key")
        # The signature alone is PyJWT's: it judges times by the machine's clock, so the claims are checked here.
        return jwt.decode(token, self._key(kid), algorithms=["RS256"], options=_SIGNATURE_ONLY)

    def _key(self, kid: str) -> jwt.PyJWK:
        key = _find(self._keys(), kid) or _find(self._newer(), kid)
        if key is None:
            raise Forged("The identity token is signed with an unknown key")
        return key

    def _check_claims(self, claims: Mapping[str, Any], audiences: Collection[str]) -> None:
        now = self._clock.now().timestamp()
        email, audience = claims.get("email"), claims.get("aud")
        demands = {
            "issuer": claims.get("iss") in self._issuers,
            "audience": isinstance(audience, str) and audience in audiences,
            "account": isinstance(email, str) and email != "" and claims.get("email_verified") is True,
            "end": now < _instant(claims, "exp") + self._leeway,
            "beginning": max(_instant(claims, "iat"), _instant(claims, "nbf", 0)) - self._leeway <= now,
        }
        for what, met in demands.items():
            if not met:
                raise Forged(f"The identity token has the wrong {what}")


_SIGNATURE_ONLY: Any = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


def _find(keys: Mapping[str, Any], kid: str) -> jwt.PyJWK | None:
    for key in keys["keys"]:
        if key.get("kid") == kid and key.get("kty") == "RSA" and key.get("use", "sig") == "sig":
            return jwt.PyJWK(dict(key), algorithm="RS256")
    return None


def _instant(claims: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Forged("The identity token has no readable time")
    return value
