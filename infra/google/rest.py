"""Google's services over REST, as one process calls them that has just begun: with the standard library alone.

Authority: https://cloud.google.com/apis/docs/http and, for tokens, https://cloud.google.com/run/docs/container-contract
The clients with gRPC need more than half a second to be imported, more than all else that answers a notice.
"""

from __future__ import annotations

import http.client
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import msgspec

from conference.decoding import from_json, from_plain
from conference.errors import UNDECODABLE

METADATA = "http://metadata.google.internal"
FRESH = 120.0
"""Seconds that a token must still be good for."""
IDLE = 30.0
"""Seconds after which a kept connection is not trusted any more."""
_LARGEST = 32 * 1024 * 1024
_UNDECIDED = frozenset({HTTPStatus.REQUEST_TIMEOUT, 499})
"""Of the 4xx, those that say nothing of what was done meanwhile; 499 is Google's for CANCELLED."""

_any = from_json(Any)


class Unanswered(Exception):
    """No answer that can be read came; if the request was `sent`, it may have been heard. The text names the kind."""

    def __init__(self, kind: str, *, sent: bool) -> None:
        super().__init__(kind)
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, and the JSON that came with it; None if there was none."""

    status: int
    data: Any

    @property
    def refused(self) -> bool:
        """Whether it says for certain that nothing was done."""
        return self.status // 100 == 4 and self.status not in _UNDECIDED

    @property
    def reason(self) -> str:
        """Google's word for what is wrong, such as ABORTED; empty if it says none."""
        told = self.data[0] if isinstance(self.data, list) and self.data else self.data
        error = told.get("error") if isinstance(told, dict) else None
        return str(error.get("status", "")) if isinstance(error, dict) else ""


@dataclass(slots=True)
class _Kept:
    connection: http.client.HTTPConnection
    used: float


class Rest:
    """JSON requests to the service at `origin` ("https://host"), over one connection that is kept for each thread.

    `token` gives the access token to show, if any is wanted. No redirect is followed, no proxy of the environment used.
    """

    def __init__(self, origin: str, *, token: Callable[[], str] | None, timeout: float) -> None:
        parts = urlsplit(origin)
        self._make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host = parts.netloc
        self._token = token
        self._timeout = timeout
        self._threads = threading.local()
        self._all: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close every connection; none may be in use."""
        with self._lock:
            connections, self._all = self._all, []
            self._threads = threading.local()
        for connection in connections:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str]) -> Answer:
        """Ask for what is at this path. Raises Unanswered."""
        return self._call("GET", path, None, headers)

    def post(self, path: str, data: Any) -> Answer:
        """Send JSON to this path. Raises Unanswered."""
        headers = {"Content-Type": "application/json"}
        if self._token is not None:
            try:
                headers["Authorization"] = f"Bearer {self._token()}"
            except Unanswered as error:
                raise Unanswered(str(error), sent=False) from None
        return self._call("POST", path, msgspec.json.encode(data), headers)

    def _call(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        connection = self._connection()
        try:
            if connection.sock is None:
                connection.connect()
        except OSError as error:
            connection.close()
            raise Unanswered(type(error).__name__, sent=False) from None
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            raw = answer.read(_LARGEST)
            if answer.length:
                raise http.client.IncompleteRead(raw)  # it was cut off, or is too long; read() itself says nothing
            return Answer(answer.status, _any(raw) if raw else None)
        except (OSError, http.client.HTTPException, *UNDECODABLE) as error:
            connection.close()  # the next request opens it anew
            raise Unanswered(type(error).__name__, sent=True) from None

    def _connection(self) -> http.client.HTTPConnection:
        kept: _Kept | None = getattr(self._threads, "kept", None)
        now = time.monotonic()
        if kept is None:
            kept = _Kept(self._make(self._host, timeout=self._timeout), now)
            self._threads.kept = kept
            with self._lock:
                self._all.append(kept.connection)
        elif now - kept.used > IDLE or _hung_up(kept.connection.sock):
            kept.connection.close()
        kept.used = now
        return kept.connection


def _hung_up(sock: socket.socket | None) -> bool:
    """Whether the other side has closed it: nothing else makes an idle connection readable."""
    return sock is not None and bool(select.select([sock], [], [], 0)[0])


class Metadata:
    """Access tokens of the service account that this runs as, from the server that Google's machines have for it.

    https://cloud.google.com/compute/docs/access/authenticate-workloads#applications
    """

    def __init__(self, *, timeout: float, origin: str = METADATA) -> None:
        self._rest = Rest(origin, token=None, timeout=timeout)
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def __call__(self) -> str:
        """A token that is still good for a while. Raises Unanswered."""
        with self._lock:
            if time.monotonic() > self._until - FRESH:
                self._token, self._until = self._fetched()
            return self._token

    def _fetched(self) -> tuple[str, float]:
        began = time.monotonic()
        path = "/computeMetadata/v1/instance/service-accounts/default/token"
        answer = self._rest.get(path, {"Metadata-Flavor": "Google"})
        if answer.status != HTTPStatus.OK:
            raise Unanswered("NoToken", sent=False)
        try:
            read = _token(answer.data)
        except msgspec.ValidationError:
            raise Unanswered("NoToken", sent=False) from None
        return read.access_token, began + read.expires_in

    def close(self) -> None:
        """Close the connections."""
        self._rest.close()


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float


_token = from_plain(_Token)
