"""Envelope encryption: each secret has a data key of its own, and another key wraps that; the port is Vault.

Both layers are authenticated and name the tenant as associated data (NIST SP 800-38D;
https://cloud.google.com/kms/docs/envelope-encryption). Where the wrapping key is kept is the ground's affair.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from conference.errors import Forged

KEY = 32
"""Bytes of a key: AES-256."""
NONCE = 12
_FORM = "v2."  # names the layout, so that a later one can be told apart
_LENGTH = 2  # bytes that say how long the wrapped key is
LONGEST = 1024
"""Bytes of a wrapped key at most; those of Cloud KMS have about 113."""


class Wrapper(Protocol):
    """A key that wraps others and never leaves its place."""

    def wrap(self, key: bytes, bound: bytes) -> bytes:
        """The key, encrypted and bound to `bound`. Raises Later or Refused."""

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """What was wrapped. Raises Forged if it is none of ours or was bound to something else, Later, Refused."""


class Envelope:
    """A Vault whose data keys are wrapped by `wrapper`; `entropy` yields as many random bytes as asked for."""

    def __init__(self, wrapper: Wrapper, entropy: Callable[[int], bytes] = os.urandom) -> None:
        self._wrapper = wrapper
        self._entropy = entropy

    def seal(self, tenant: str, secret: bytes) -> str:
        """A text, different each time, that only `open` with the same tenant and key can read.

        Raises Later or Refused, where the wrapping key is out of reach.
        """
        key, nonce = self._entropy(KEY), self._entropy(NONCE)
        wrapped = self._wrapper.wrap(key, bound("key", tenant))
        sealed = AESGCM(key).encrypt(nonce, secret, bound("secret", tenant))
        return _FORM + _text(len(wrapped).to_bytes(_LENGTH, "big") + wrapped + nonce + sealed)

    def open(self, tenant: str, sealed: str) -> bytes:
        """The secret. Raises Forged if the text was altered, is none of ours, or was sealed for another tenant.

        Raises Later or Refused, where the wrapping key is out of reach.
        """
        wrapped, nonce, body = _parts(sealed)
        key = self._wrapper.unwrap(wrapped, bound("key", tenant))
        try:
            return AESGCM(key).decrypt(nonce, body, bound("secret", tenant))
        except (InvalidTag, ValueError):
            raise _forged() from None  # without cause: the error must not carry what was sealed


def bound(part: str, tenant: str) -> bytes:
    """What a layer is bound to."""
    return f"lockstep {part} of {tenant}".encode()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def _parts(sealed: str) -> tuple[bytes, bytes, bytes]:
    """The wrapped key, the nonce and what is encrypted. Raises Forged."""
    text = sealed.removeprefix(_FORM)
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        raise _forged() from None
    end = _LENGTH + int.from_bytes(raw[:_LENGTH], "big")
    # Spare bits of the last character must stand as they were written.
    if text == sealed or _text(raw) != text or not _LENGTH < end <= min(len(raw) - NONCE, LONGEST):
        raise _forged()
    return raw[_LENGTH:end], raw[end : end + NONCE], raw[end + NONCE :]


def _forged() -> Forged:
    return Forged("The sealed text is not of this vault and tenant")
