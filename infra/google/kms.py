"""The wrapping key of a Vault, kept by Cloud KMS: it never leaves there, and its older versions still open.

Authority: https://cloud.google.com/kms/docs/reference/rpc/google.cloud.kms.v1 and, for the checksums,
https://cloud.google.com/kms/docs/data-integrity-guidelines
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from google.api_core.exceptions import FailedPrecondition, InvalidArgument

from conference.errors import Forged, Later, LockstepError, Refused
from infra.crc32c import crc32c
from infra.google.asking import FAILURES, Garbled, ask, plain_channel, where
from infra.once import Once

if TYPE_CHECKING:
    from google.cloud.kms_v1 import DecryptResponse, EncryptResponse, KeyManagementServiceClient

T = TypeVar("T")


def key_name(project: str, region: str) -> str:
    """The key's full name, as infra/google/terraform/secrets.tf makes it."""
    return f"projects/{project}/locations/{region}/keyRings/lockstep/cryptoKeys/credentials"


class KmsKey:
    """The key `name` behind `client`, which is made at the first call; a Wrapper of infra.envelope.

    Each attempt waits `timeout` seconds at most, all of one call together about twice that.
    """

    def __init__(self, client: Callable[[], KeyManagementServiceClient], name: str, *, timeout: float = 5.0) -> None:
        self._client = Once(client)
        self._name = name
        self._timeout = timeout

    def close(self) -> None:
        """Close the connection, if there is one."""
        client = self._client.forget()
        if client is not None:
            client.transport.close()

    def wrap(self, key: bytes, bound: bytes) -> bytes:
        """The key, encrypted by the newest version and bound to `bound`.

        Raises Later if Cloud KMS is out of reach or does not admit us, Refused if it will not have it.
        """
        request = {
            "name": self._name,
            "plaintext": key,
            "plaintext_crc32c": crc32c(key),
            "additional_authenticated_data": bound,
            "additional_authenticated_data_crc32c": crc32c(bound),
        }

        def encrypt() -> bytes:
            answer = self._client().encrypt(request=request, retry=None, timeout=self._timeout)
            self._check_encrypted(answer)
            return answer.ciphertext

        return self._asked("Encrypt", encrypt)

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """What was wrapped, whichever version did it.

        Raises Forged if this key did not wrap it, or bound it to something else, Refused if that version is disabled
        or destroyed, Later if Cloud KMS is out of reach or does not admit us.
        """
        request = {
            "name": self._name,
            "ciphertext": wrapped,
            "ciphertext_crc32c": crc32c(wrapped),
            "additional_authenticated_data": bound,
            "additional_authenticated_data_crc32c": crc32c(bound),
        }

        def decrypt() -> bytes:
            answer = self._client().decrypt(request=request, retry=None, timeout=self._timeout)
            _check_decrypted(answer)
            return answer.plaintext

        return self._asked("Decrypt", decrypt)

    def _asked(self, operation: str, call: Callable[[], T]) -> T:
        try:
            return ask(lambda: _judged(call), within=self._timeout)
        except FAILURES as failure:
            # Without cause: its text may quote what was sent.
            raise _meaning(operation, failure) from None

    def _check_encrypted(self, answer: EncryptResponse) -> None:
        whole = answer.verified_plaintext_crc32c and answer.verified_additional_authenticated_data_crc32c
        ours = answer.name.startswith(f"{self._name}/cryptoKeyVersions/")
        if not (whole and ours and answer.ciphertext_crc32c == crc32c(answer.ciphertext)):
            raise Garbled("the answer's checksums do not fit")


def _check_decrypted(answer: DecryptResponse) -> None:
    if answer.plaintext_crc32c != crc32c(answer.plaintext):
        raise Garbled("the answer's checksum does not fit")


def _judged(call: Callable[[], T]) -> T:
    try:
        return call()
    except InvalidArgument as refusal:
        # Its only word for a request that was damaged on its way: that may be repeated.
        if "crc32c" in refusal.message:
            raise Garbled("the request's checksums do not fit") from None
        raise


def _meaning(operation: str, failure: Exception) -> LockstepError:
    place = where("kms", operation, failure)
    if isinstance(failure, InvalidArgument) and operation == "Decrypt":
        return Forged("The wrapped key is not of this key and tenant", place)
    if isinstance(failure, InvalidArgument):
        return Refused("Cloud KMS does not take this", place)
    if isinstance(failure, FailedPrecondition):
        return Refused("The version of the key is disabled or destroyed: enable it again in Cloud KMS", place)
    return Later("Cloud KMS gave no usable answer", place)


# ---- Clients --------------------------------------------------------------------------------


def google_client() -> KeyManagementServiceClient:
    """Google's own service, by the credentials of the place where this runs."""
    # Only at the first credential: the library takes a third of a second.
    from google.cloud.kms_v1 import KeyManagementServiceClient  # noqa: PLC0415 - see above

    return KeyManagementServiceClient()


def local_client(target: str) -> KeyManagementServiceClient:
    """A server at `target` ("host:port") that stands in for Google's, without encryption or credentials."""
    from google.cloud.kms_v1 import KeyManagementServiceClient  # noqa: PLC0415 - as above
    from google.cloud.kms_v1.services.key_management_service.transports import (  # noqa: PLC0415 - as above
        KeyManagementServiceGrpcTransport,
    )

    return KeyManagementServiceClient(transport=KeyManagementServiceGrpcTransport(channel=plain_channel(target)))
