"""Signs identity tokens as Google's OIDC issuer does, for the local queue and clock.

https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from functions.ports import Clock
from infra.local.secret_file import secret_in

_LIFE = 3600.0
_MARGIN = timedelta(minutes=5)


class LocalIssuer:
    """An issuer called `issuer_url` that signs by RS256 with `key`."""

    def __init__(self, key: rsa.RSAPrivateKey, issuer_url: str, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self.url = issuer_url
        self._public = _jwk(key.public_key())

    @classmethod
    def from_folder(cls, folder: Path, issuer_url: str, clock: Clock) -> LocalIssuer:
        """The issuer whose key is kept in `folder`, made if there is none; ValueError if the file holds no key."""
        return cls(_read(secret_in(folder / "issuer.pem", lambda: _written(new_key()))), issuer_url, clock)

    def mint(self, audience: str, account: str, life: float = _LIFE) -> str:
        """An ID token for `audience`, of the service account with this address, good for `life` seconds."""
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": self.url,
            "aud": audience,
            "azp": account,
            "sub": str(int.from_bytes(hashlib.sha256(account.encode()).digest()[:8])),
            "email": account,
            "email_verified": True,
            "iat": now,
            "exp": int(now + life),
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._public["kid"]})

    def jwks(self) -> dict[str, Any]:
        """The public key as a key set (RFC 7517)."""
        return {"keys": [dict(self._public)]}


class ServiceAccount:
    """A caller of our functions: `bearer` gives a token for one of them, signed anew only when it nears its end."""

    def __init__(self, issuer: LocalIssuer, clock: Clock, *, account: str) -> None:
        self._issuer = issuer
        self._clock = clock
        self._account = account
        self._lock = threading.Lock()
        self._signed: dict[str, tuple[datetime, str]] = {}

    def bearer(self, audience: str) -> str:
        """A token for the function at the address `audience` that is good for five minutes at least."""
        with self._lock:
            now = self._clock.now()
            at, token = self._signed.get(audience, (None, ""))
            if at is None or not timedelta() <= now - at < timedelta(seconds=_LIFE) - _MARGIN:
                token = self._issuer.mint(audience, self._account)
                self._signed[audience] = now, token
            return token


def new_key() -> rsa.RSAPrivateKey:
    """A fresh RSA key of 2048 bits."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _written(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("the issuer signs with an RSA key")  # noqa: TRY004 - the content is wrong, not the type
    return key


def _jwk(key: rsa.RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    members = {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}
    thumbprint = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()  # RFC 7638
    return {**members, "use": "sig", "alg": "RS256", "kid": _text(thumbprint)}


def _number(number: int) -> str:
    return _text(number.to_bytes((number.bit_length() + 7) // 8))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
