"""The RSA key that signs identity tokens, and its public half as a key set.

Authority: RFC 7517 (key sets), RFC 7638 (key ids), RFC 7519 (tokens)
"""

from __future__ import annotations

import base64
import hashlib
import json

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.types import Options

from infra.local.calendar.messages import Json


def new_signing_key() -> str:
    """A fresh private key of 2048 bits (PEM, PKCS 8)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return written.decode()


# What the claims say is judged elsewhere, by the server's own clock.
_UNCHECKED: Options = {
    "verify_exp": False,
    "verify_aud": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_sub": False,
    "verify_iss": False,
    "verify_jti": False,
}


class SigningKey:
    """A private RSA key. Raises ValueError if `pem` holds none."""

    def __init__(self, pem: str) -> None:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("identity tokens are signed with an RSA key")  # noqa: TRY004 - the content is wrong, not the type
        self._key = key
        self._jwk = _jwk(key.public_key())

    def sign(self, claims: Json) -> str:
        """The claims as a token signed by RS256."""
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._jwk["kid"]})

    def verify(self, token: str) -> Json | None:
        """The claims of a token that this key signed, expired or not; None for any other."""
        return verified(token, self._key.public_key())

    def jwks(self) -> Json:
        """The public key as a key set."""
        return {"keys": [dict(self._jwk)]}


def public_key(pem: str) -> rsa.RSAPublicKey | None:
    """The RSA key of a public key or a certificate's text; None if it holds none."""
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except ValueError:
        return None
    return key if isinstance(key, rsa.RSAPublicKey) else None


def verified(token: str, key: rsa.RSAPublicKey) -> Json | None:
    """The claims of a token that the key signed by RS256, whatever they say; None for any other."""
    try:
        return jwt.decode(token, key, algorithms=["RS256"], options=_UNCHECKED)
    except jwt.InvalidTokenError:
        return None


def _jwk(key: rsa.RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    members = {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}
    thumbprint = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    return {**members, "use": "sig", "alg": "RS256", "kid": _text(thumbprint)}


def _number(number: int) -> str:
    return _text(number.to_bytes((number.bit_length() + 7) // 8))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
