"""The vault of one machine: its wrapping key is kept in a file; the port is functions.ports.Vault.

The wrapping is AES-256-GCM (NIST SP 800-38D; https://cryptography.io/en/latest/hazmat/primitives/aead/).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from conference.errors import Forged
from infra.envelope import KEY, NONCE, Envelope
from infra.local.secret_file import secret_in


class LocalKey:
    """A wrapping key of 32 bytes; `entropy` yields as many random bytes as asked for."""

    def __init__(self, key: bytes, entropy: Callable[[int], bytes] = os.urandom) -> None:
        if len(key) != KEY:
            raise ValueError(f"a vault's key has {KEY} bytes")
        self._aead = AESGCM(key)
        self._entropy = entropy

    def wrap(self, key: bytes, bound: bytes) -> bytes:
        """The key, encrypted and bound to `bound`."""
        nonce = self._entropy(NONCE)
        return nonce + self._aead.encrypt(nonce, key, bound)

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """What was wrapped. Raises Forged if it is none of ours or was bound to something else."""
        try:
            return self._aead.decrypt(wrapped[:NONCE], wrapped[NONCE:], bound)
        except (InvalidTag, ValueError):
            raise Forged("The wrapped key is not of this vault and tenant") from None


class LocalVault(Envelope):
    """Seals with a key of 32 bytes; `entropy` yields as many random bytes as asked for."""

    def __init__(self, key: bytes, entropy: Callable[[int], bytes] = os.urandom) -> None:
        super().__init__(LocalKey(key, entropy), entropy)

    @classmethod
    def from_file(cls, path: Path) -> LocalVault:
        """The vault whose key is in the file at `path`; made if there is none. Raises ValueError if it holds no key."""
        return cls(secret_in(path, lambda: os.urandom(KEY)))
