"""Envelope encryption with a key kept in a file; the port is functions.ports.Vault.

Each secret is sealed with a key of its own by AES-256-GCM, and that key with the vault's. Both name the tenant as
associated data (NIST SP 800-38D; https://cryptography.io/en/latest/hazmat/primitives/aead/).
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from conference.errors import Forged
from infra.local.secret_file import secret_in

_FORM = "v1."  # names the layout, so that a later one can be told apart
_KEY = 32
_NONCE = 12
_WRAPPED = _KEY + 16  # the key and its tag
_HEAD = _NONCE + _WRAPPED + _NONCE


class LocalVault:
    """Seals with a key of 32 bytes; `entropy` yields as many random bytes as asked for."""

    def __init__(self, key: bytes, entropy: Callable[[int], bytes] = os.urandom) -> None:
        if len(key) != _KEY:
            raise ValueError(f"a vault's key has {_KEY} bytes")
        self._aead = AESGCM(key)
        self._entropy = entropy

    @classmethod
    def from_file(cls, path: Path) -> LocalVault:
        """The vault whose key is in the file at `path`; made if there is none. Raises ValueError if it holds no key."""
        return cls(secret_in(path, lambda: os.urandom(_KEY)))

    def seal(self, tenant: str, secret: bytes) -> str:
        """A text, different each time, that only `open` with the same tenant and key can read."""
        key, wrap, nonce = self._entropy(_KEY), self._entropy(_NONCE), self._entropy(_NONCE)
        wrapped = self._aead.encrypt(wrap, key, _bound("key", tenant))
        sealed = AESGCM(key).encrypt(nonce, secret, _bound("secret", tenant))
        return _FORM + base64.urlsafe_b64encode(wrap + wrapped + nonce + sealed).decode()

    def open(self, tenant: str, sealed: str) -> bytes:
        """The secret. Raises Forged if the text was altered, is none of ours, or was sealed for another tenant."""
        try:
            return self._opened(tenant, sealed)
        except (InvalidTag, ValueError):
            # Without cause: the error must not carry what was sealed.
            raise Forged("The sealed text is not of this vault and tenant") from None

    def _opened(self, tenant: str, sealed: str) -> bytes:
        if not sealed.startswith(_FORM):
            raise ValueError("another form")
        text = sealed.removeprefix(_FORM)
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
        if base64.urlsafe_b64encode(raw).decode() != text:
            raise ValueError("spare bits were altered")
        wrap, wrapped, nonce = raw[:_NONCE], raw[_NONCE : _NONCE + _WRAPPED], raw[_NONCE + _WRAPPED : _HEAD]
        key = self._aead.decrypt(wrap, wrapped, _bound("key", tenant))
        return AESGCM(key).decrypt(nonce, raw[_HEAD:], _bound("secret", tenant))


def _bound(part: str, tenant: str) -> bytes:
    return f"lockstep {part} of {tenant}".encode()
