"""Secret Manager on this machine, as far as reading and rotating go: for tests, over gRPC with Google's own types.

Authority: https://cloud.google.com/secret-manager/docs/reference/rpc/google.cloud.secretmanager.v1
Secrets live as long as the server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.cloud import secretmanager_v1 as sm

from infra.crc32c import crc32c
from infra.local.grpc_port import Refusal
from infra.local.grpc_service import Method, PlayedService

LARGEST = 64 * 1024
_SECRET = r"(?P<secret>projects/[a-z0-9:.-]+/secrets/[A-Za-z0-9_-]{1,255})"  # noqa: S105 - a name's form
_VERSION = rf"{_SECRET}/versions/(?P<version>latest|[0-9]{{1,9}})"
_State = sm.SecretVersion.State


@dataclass(slots=True)
class _Version:
    data: bytes = field(repr=False)
    state: Any = _State.ENABLED


class LocalSecretManager(PlayedService):
    """The service at `port` (0: a free one), whose own fault is "garbled_answer" (a bit of it is turned)."""

    def __init__(self, port: int = 0) -> None:
        super().__init__("google.cloud.secretmanager.v1.SecretManagerService", port)
        self._secrets: dict[str, list[_Version]] = {}

    def put(self, project: str, name: str, data: bytes) -> None:
        """Add a version to a secret, which is made if there is none."""
        with self._lock:
            self._secrets.setdefault(f"projects/{project}/secrets/{name}", []).append(_Version(data))

    def _methods(self) -> tuple[Method, ...]:
        version, read = sm.SecretVersion.serialize, sm.AccessSecretVersionResponse.serialize
        return (
            ("CreateSecret", self._create, sm.CreateSecretRequest, sm.Secret.serialize),
            ("AddSecretVersion", self._add, sm.AddSecretVersionRequest, version),
            ("AccessSecretVersion", self._access, sm.AccessSecretVersionRequest, read),
            ("DisableSecretVersion", self._disable, sm.DisableSecretVersionRequest, version),
            ("EnableSecretVersion", self._enable, sm.EnableSecretVersionRequest, version),
            ("DestroySecretVersion", self._destroy, sm.DestroySecretVersionRequest, version),
        )

    # ---- Methods --------------------------------------------------------------------------------

    def _create(self, request: sm.CreateSecretRequest) -> sm.Secret:
        name = f"{request.parent}/secrets/{request.secret_id}"
        if not re.fullmatch(_SECRET, name):
            raise _invalid()
        if name in self._secrets:
            raise Refusal(grpc.StatusCode.ALREADY_EXISTS, f"Secret [{name}] already exists.")
        self._secrets[name] = []
        return sm.Secret(name=name)

    def _add(self, request: sm.AddSecretVersionRequest) -> sm.SecretVersion:
        versions, payload = self._versions(request.parent), request.payload
        if not payload.data or len(payload.data) > LARGEST:
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, "A secret's value has between 1 and 65536 bytes.")
        if payload.data_crc32c is not None and payload.data_crc32c != crc32c(payload.data):
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, "The checksum does not match the data.")
        versions.append(_Version(payload.data))
        return self._shown(request.parent, len(versions))

    def _access(self, request: sm.AccessSecretVersionRequest) -> sm.AccessSecretVersionResponse:
        secret, number, version = self._version(request.name)
        name = f"{secret}/versions/{number}"
        if version.state != _State.ENABLED:
            text = f"Secret Version [{name}] is in {version.state.name} state."
            raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, text)
        sent = version.data
        if self._strikes("garbled_answer"):
            sent = bytes([sent[0] ^ 1]) + sent[1:]
        return sm.AccessSecretVersionResponse(
            name=name, payload=sm.SecretPayload(data=sent, data_crc32c=crc32c(version.data))
        )

    def _disable(self, request: sm.DisableSecretVersionRequest) -> sm.SecretVersion:
        return self._turn(request.name, _State.DISABLED)

    def _enable(self, request: sm.EnableSecretVersionRequest) -> sm.SecretVersion:
        return self._turn(request.name, _State.ENABLED)

    def _destroy(self, request: sm.DestroySecretVersionRequest) -> sm.SecretVersion:
        return self._turn(request.name, _State.DESTROYED)

    # ---- Within ---------------------------------------------------------------------------------

    def _turn(self, name: str, state: Any) -> sm.SecretVersion:
        secret, number, version = self._version(name)
        if version.state == _State.DESTROYED:
            raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, f"Secret Version [{name}] is in DESTROYED state.")
        version.state = state
        if state == _State.DESTROYED:
            version.data = b""
        return self._shown(secret, number)

    def _versions(self, name: str) -> list[_Version]:
        if not re.fullmatch(_SECRET, name):
            raise _invalid()
        if name not in self._secrets:
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"Secret [{name}] not found or has no versions.")
        return self._secrets[name]

    def _version(self, name: str) -> tuple[str, int, _Version]:
        """The secret, the number and the version that is meant; "latest" is the youngest, whatever its state."""
        found = re.fullmatch(_VERSION, name)
        if found is None:
            raise _invalid()
        versions = self._versions(found["secret"])
        number = len(versions) if found["version"] == "latest" else int(found["version"])
        if not 1 <= number <= len(versions):
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"Secret [{found['secret']}] not found or has no versions.")
        return found["secret"], number, versions[number - 1]

    def _shown(self, secret: str, number: int) -> sm.SecretVersion:
        return sm.SecretVersion(name=f"{secret}/versions/{number}", state=self._secrets[secret][number - 1].state)


def _invalid() -> Refusal:
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, "The name is no secret's.")
