"""The deployment's secrets from Secret Manager: each read at its first use, and again after a while.

Authority: https://cloud.google.com/secret-manager/docs/reference/rpc/google.cloud.secretmanager.v1
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from google.api_core.exceptions import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied

from conference.errors import Later, LockstepError, Refused
from functions.ports import Clock
from infra.crc32c import crc32c
from infra.google.asking import FAILURES, Garbled, ask, plain_channel, where
from infra.once import Once

if TYPE_CHECKING:
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

OAUTH_CLIENT, MEETING_KEYS = "lockstep-oauth-client", "lockstep-meeting-keys"
HTTP_TOKEN, HTTP_WEBHOOKS = "lockstep-http-token", "lockstep-http-webhooks"
NAMES = (OAUTH_CLIENT, MEETING_KEYS, HTTP_TOKEN, HTTP_WEBHOOKS)
"""As infra/google/terraform/secrets.tf makes them; docs/deploy.md says what each holds."""


@dataclass(frozen=True, slots=True)
class _Known:
    value: bytes = field(repr=False)
    read: datetime
    """When Secret Manager said so."""
    asked: datetime
    """When it was asked last, with or without success."""


class Secrets:
    """The project's secrets behind `client`, which is made at the first one.

    A value is read again when it is `life` old, so that a new version comes into use without a restart. While Secret
    Manager is out of reach the last value serves on, asked for at most once in `pause`, for up to `good`.
    """

    def __init__(
        self,
        client: Callable[[], SecretManagerServiceClient],
        project: str,
        clock: Clock,
        *,
        life: timedelta = timedelta(minutes=5),
        pause: timedelta = timedelta(seconds=30),
        good: timedelta = timedelta(days=1),
        timeout: float = 5.0,
    ) -> None:
        self._client = Once(client)
        self._project = project
        self._clock = clock
        self._life, self._pause, self._good = life, pause, good
        self._timeout = timeout
        self._known: dict[str, _Known] = {}
        # For each name its own: one name's slow answer holds up no other.
        self._asking: dict[str, threading.Lock] = {}

    def close(self) -> None:
        """Close the connection, if there is one, and forget every value."""
        client = self._client.forget()
        self._known.clear()
        if client is not None:
            client.transport.close()

    def value(self, name: str) -> bytes:
        """The newest version of the secret, at most `life` old if Secret Manager could be asked.

        Raises Later, whose text says what an operator must do: it has no value, may not be read, or nobody answers.
        """
        now = self._clock.now()
        known = self._known.get(name)
        if known is not None and self._fresh(known, now):
            return known.value
        with self._asking.setdefault(name, threading.Lock()):
            known = self._known.get(name)  # another thread may have read it meanwhile
            if known is not None and self._fresh(known, now):
                return known.value
            return self._read(name, known, now)

    def text(self, name: str) -> str:
        """The secret as text, without white space around it: what is typed into a terminal ends with a new line."""
        try:
            return self.value(name).decode().strip()
        except UnicodeDecodeError:
            raise Later(f"The secret {name} is no text: add a version that is") from None

    def _fresh(self, known: _Known, now: datetime) -> bool:
        return now < known.read + self._life or (known.asked > known.read and now < known.asked + self._pause)

    def _read(self, name: str, known: _Known | None, now: datetime) -> bytes:
        try:
            value = ask(lambda: self._access(name), within=self._timeout)
        except _SAID as failure:
            # Whoever took a secret back does not want it used.
            self._known.pop(name, None)
            raise _meaning(name, failure) from None
        except FAILURES as failure:
            if known is None or now >= known.read + self._good:
                raise _meaning(name, failure) from None
            self._known[name] = _Known(known.value, known.read, now)
            return known.value
        self._known[name] = _Known(value, now, now)
        return value

    def _access(self, name: str) -> bytes:
        request = {"name": f"projects/{self._project}/secrets/{name}/versions/latest"}
        payload = self._client().access_secret_version(request=request, retry=None, timeout=self._timeout).payload
        if payload.data_crc32c != crc32c(payload.data):
            raise Garbled("the answer's checksum does not fit")
        return payload.data


_SAID = (NotFound, FailedPrecondition, PermissionDenied, InvalidArgument)
"""Answers about the secret itself."""


def _meaning(name: str, failure: Exception) -> LockstepError:
    place = where("secretmanager", "AccessSecretVersion", failure)
    if isinstance(failure, NotFound):
        return Later(f"The secret {name} has no value yet: give it one (docs/deploy.md, section 5)", place)
    if isinstance(failure, FailedPrecondition):
        return Later(f"The newest version of the secret {name} is disabled or destroyed: add one", place)
    if isinstance(failure, PermissionDenied):
        return Later(f"This function may not read the secret {name}", place)
    if isinstance(failure, InvalidArgument):
        return Refused(f"There can be no secret {name} in this project", place)
    return Later("Secret Manager gave no usable answer", place)


# ---- Clients --------------------------------------------------------------------------------


def google_client() -> SecretManagerServiceClient:
    """Google's own service, by the credentials of the place where this runs."""
    # Only at the first secret: a function that needs none does not pay for the library.
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient  # noqa: PLC0415 - see above

    return SecretManagerServiceClient()


def local_client(target: str) -> SecretManagerServiceClient:
    """A server at `target` ("host:port") that stands in for Google's, without encryption or credentials."""
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient  # noqa: PLC0415 - as above
    from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (  # noqa: PLC0415 - as above
        SecretManagerServiceGrpcTransport,
    )

    return SecretManagerServiceClient(transport=SecretManagerServiceGrpcTransport(channel=plain_channel(target)))
