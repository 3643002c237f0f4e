"""Cloud KMS on this machine, as far as symmetric keys go: for tests and local runs, over gRPC with Google's own types.

Authority: https://cloud.google.com/kms/docs/reference/rpc/google.cloud.kms.v1#keymanagementservice
A key has versions; the primary one encrypts, each that is enabled decrypts. Checksums are verified both ways, and what
a ciphertext is bound to must be said again. Keys live as long as the server.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any

import grpc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.cloud import kms_v1

from infra.crc32c import crc32c
from infra.local.grpc_port import Refusal
from infra.local.grpc_service import Method, PlayedService

_RING = r"projects/[a-z0-9:.-]+/locations/[a-z0-9-]+/keyRings/[A-Za-z0-9_-]{1,63}"
_KEY = rf"(?P<ring>{_RING})/cryptoKeys/(?P<id>[A-Za-z0-9_-]{{1,63}})"
_VERSION = rf"(?P<key>{_RING}/cryptoKeys/[A-Za-z0-9_-]{{1,63}})/cryptoKeyVersions/(?P<number>[0-9]{{1,9}})"
_LARGEST = 64 * 1024
_HEAD = b"\x0a\x24"  # whatever it means at Google's, a ciphertext there begins with it
_MAGIC, _NONCE = 4, 12
_State = kms_v1.CryptoKeyVersion.CryptoKeyVersionState
_DECRYPTING = "Decryption failed: the ciphertext is invalid."


@dataclass(slots=True)
class _Version:
    material: bytes | None = field(default_factory=lambda: os.urandom(32), repr=False)
    state: Any = _State.ENABLED


@dataclass(slots=True)
class _Key:
    """A key by its versions, counted from 1."""

    versions: list[_Version]
    primary: int = 1
    tag: bytes = field(default_factory=lambda: os.urandom(_MAGIC))
    """Tells this key's ciphertexts from others'."""


class LocalKms(PlayedService):
    """The service at `port` (0: a free one).

    Its own `faults`: "garbled_request" (the checksums do not fit when it arrives), "garbled_answer" (a bit of it is
    turned), "unverified" (an answer that says it has seen no checksums).
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__("google.cloud.kms.v1.KeyManagementService", port)
        self._keys: dict[str, _Key] = {}
        self._rings: set[str] = set()

    def make(self, name: str) -> None:
        """A key of this full name with one version, if there is none."""
        with self._lock:
            self._rings.add(name.partition("/cryptoKeys/")[0])
            self._keys.setdefault(name, _Key([_Version()]))

    # ---- Methods --------------------------------------------------------------------------------

    def _methods(self) -> tuple[Method, ...]:
        key, version = kms_v1.CryptoKey.serialize, kms_v1.CryptoKeyVersion.serialize
        return (
            ("CreateKeyRing", self._create_ring, kms_v1.CreateKeyRingRequest, kms_v1.KeyRing.serialize),
            ("CreateCryptoKey", self._create_key, kms_v1.CreateCryptoKeyRequest, key),
            ("GetCryptoKey", self._get_key, kms_v1.GetCryptoKeyRequest, key),
            ("CreateCryptoKeyVersion", self._create_version, kms_v1.CreateCryptoKeyVersionRequest, version),
            ("UpdateCryptoKeyVersion", self._update_version, kms_v1.UpdateCryptoKeyVersionRequest, version),
            ("UpdateCryptoKeyPrimaryVersion", self._primary, kms_v1.UpdateCryptoKeyPrimaryVersionRequest, key),
            ("DestroyCryptoKeyVersion", self._destroy, kms_v1.DestroyCryptoKeyVersionRequest, version),
            ("Encrypt", self._encrypt, kms_v1.EncryptRequest, kms_v1.EncryptResponse.serialize),
            ("Decrypt", self._decrypt, kms_v1.DecryptRequest, kms_v1.DecryptResponse.serialize),
        )

    def _create_ring(self, request: kms_v1.CreateKeyRingRequest) -> kms_v1.KeyRing:
        name = f"{request.parent}/keyRings/{request.key_ring_id}"
        if not re.fullmatch(_RING, name):
            raise _invalid("The name of a key ring was expected.")
        if name in self._rings:
            raise Refusal(grpc.StatusCode.ALREADY_EXISTS, f"KeyRing {name} already exists.")
        self._rings.add(name)
        return kms_v1.KeyRing(name=name)

    def _create_key(self, request: kms_v1.CreateCryptoKeyRequest) -> kms_v1.CryptoKey:
        name = f"{request.parent}/cryptoKeys/{request.crypto_key_id}"
        if not re.fullmatch(_KEY, name):
            raise _invalid("The name of a key was expected.")
        if request.crypto_key.purpose != kms_v1.CryptoKey.CryptoKeyPurpose.ENCRYPT_DECRYPT:
            raise Refusal(grpc.StatusCode.UNIMPLEMENTED, "The local server has keys for ENCRYPT_DECRYPT only.")
        if request.parent not in self._rings:
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"KeyRing {request.parent} not found.")
        if name in self._keys:
            raise Refusal(grpc.StatusCode.ALREADY_EXISTS, f"CryptoKey {name} already exists.")
        self._keys[name] = _Key([_Version()])
        return self._shown(name)

    def _get_key(self, request: kms_v1.GetCryptoKeyRequest) -> kms_v1.CryptoKey:
        return self._shown(request.name)

    def _create_version(self, request: kms_v1.CreateCryptoKeyVersionRequest) -> kms_v1.CryptoKeyVersion:
        key = self._key(request.parent)
        key.versions.append(_Version())
        return _shown_version(request.parent, key, len(key.versions))

    def _update_version(self, request: kms_v1.UpdateCryptoKeyVersionRequest) -> kms_v1.CryptoKeyVersion:
        """Switch a version off or on again."""
        name, key, number = self._version(request.crypto_key_version.name)
        wanted, version = request.crypto_key_version.state, key.versions[number - 1]
        if list(request.update_mask.paths) != ["state"] or wanted not in {_State.ENABLED, _State.DISABLED}:
            raise _invalid("Only the state of a version can be changed, to ENABLED or DISABLED.")
        if version.state not in {_State.ENABLED, _State.DISABLED}:
            raise _not_enabled(request.crypto_key_version.name, version)
        version.state = wanted
        return _shown_version(name, key, number)

    def _primary(self, request: kms_v1.UpdateCryptoKeyPrimaryVersionRequest) -> kms_v1.CryptoKey:
        name, key, number = self._version(f"{request.name}/cryptoKeyVersions/{request.crypto_key_version_id}")
        key.primary = number
        return self._shown(name)

    def _destroy(self, request: kms_v1.DestroyCryptoKeyVersionRequest) -> kms_v1.CryptoKeyVersion:
        """At once, where Google's waits for a day or more: nothing can be done with it in either case."""
        name, key, number = self._version(request.name)
        key.versions[number - 1] = _Version(None, _State.DESTROYED)
        return _shown_version(name, key, number)

    # ---- Encrypting -----------------------------------------------------------------------------

    def _encrypt(self, request: kms_v1.EncryptRequest) -> kms_v1.EncryptResponse:
        key = self._key(request.name)
        told = self._checked(request, "plaintext"), self._checked(request, "additional_authenticated_data")
        aead = _aead(request.name, key, key.primary)
        nonce = os.urandom(_NONCE)
        sealed = aead.encrypt(nonce, request.plaintext, request.additional_authenticated_data)
        ciphertext = _HEAD + key.tag + key.primary.to_bytes(4, "big") + nonce + sealed
        verified = not self._strikes("unverified")
        return kms_v1.EncryptResponse(
            name=f"{request.name}/cryptoKeyVersions/{key.primary}",
            ciphertext=self._travelled(ciphertext),
            ciphertext_crc32c=crc32c(ciphertext),
            verified_plaintext_crc32c=told[0] and verified,
            verified_additional_authenticated_data_crc32c=told[1] and verified,
        )

    def _decrypt(self, request: kms_v1.DecryptRequest) -> kms_v1.DecryptResponse:
        key = self._key(request.name)
        self._checked(request, "ciphertext")
        self._checked(request, "additional_authenticated_data")
        number, nonce, sealed = _taken_apart(key, request.ciphertext)
        aead = _aead(request.name, key, number)
        try:
            plaintext = aead.decrypt(nonce, sealed, request.additional_authenticated_data)
        except InvalidTag:
            raise _invalid(_DECRYPTING) from None
        return kms_v1.DecryptResponse(
            plaintext=self._travelled(plaintext),
            plaintext_crc32c=crc32c(plaintext),
            used_primary=number == key.primary,
        )

    def _checked(self, request: Any, name: str) -> bool:
        """Whether a checksum was sent with this field; it must fit."""
        data, told = getattr(request, name), getattr(request, f"{name}_crc32c")
        if len(data) > _LARGEST:
            raise _invalid(f"The field {name} has more than 64 KiB.")
        if told is not None and (self._strikes("garbled_request") or told != crc32c(data)):
            raise _invalid(f"The checksum in field {name}_crc32c did not match the data in field {name}.")
        return told is not None

    def _travelled(self, data: bytes) -> bytes:
        if data and self._strikes("garbled_answer"):
            return bytes([data[0] ^ 1]) + data[1:]
        return data

    # ---- Within ---------------------------------------------------------------------------------

    def _key(self, name: str) -> _Key:
        if not re.fullmatch(_KEY, name):
            raise _invalid("The name of a key was expected.")
        if name not in self._keys:
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"CryptoKey {name} not found.")
        return self._keys[name]

    def _version(self, name: str) -> tuple[str, _Key, int]:
        found = re.fullmatch(_VERSION, name)
        if found is None:
            raise _invalid("The name of a version was expected.")
        key, number = self._key(found["key"]), int(found["number"])
        if not 1 <= number <= len(key.versions):
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"CryptoKeyVersion {name} not found.")
        return found["key"], key, number

    def _shown(self, name: str) -> kms_v1.CryptoKey:
        key = self._key(name)
        purpose = kms_v1.CryptoKey.CryptoKeyPurpose.ENCRYPT_DECRYPT
        return kms_v1.CryptoKey(name=name, purpose=purpose, primary=_shown_version(name, key, key.primary))


def _shown_version(name: str, key: _Key, number: int) -> kms_v1.CryptoKeyVersion:
    state = key.versions[number - 1].state
    return kms_v1.CryptoKeyVersion(name=f"{name}/cryptoKeyVersions/{number}", state=state)


def _aead(name: str, key: _Key, number: int) -> AESGCM:
    version = key.versions[number - 1]
    if version.material is None or version.state != _State.ENABLED:
        raise _not_enabled(f"{name}/cryptoKeyVersions/{number}", version)
    return AESGCM(version.material)


def _taken_apart(key: _Key, ciphertext: bytes) -> tuple[int, bytes, bytes]:
    head = len(_HEAD) + _MAGIC
    number = int.from_bytes(ciphertext[head : head + 4], "big")
    body = ciphertext[head + 4 :]
    if ciphertext[:head] != _HEAD + key.tag or not 1 <= number <= len(key.versions) or len(body) < _NONCE + 16:
        raise _invalid("Decryption failed: verify that 'name' refers to the correct CryptoKey.")
    return number, body[:_NONCE], body[_NONCE:]


def _invalid(text: str) -> Refusal:
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, text)


def _not_enabled(name: str, version: _Version) -> Refusal:
    text = f"{name} is not enabled, current state is: {version.state.name}."
    return Refusal(grpc.StatusCode.FAILED_PRECONDITION, text)
