"""Carries one HTTP exchange to Google: signed, timed out, bounded, and a write never sent twice.

Authority: https://httplib2.readthedocs.io and https://googleapis.dev/python/google-auth/latest/
httplib2 is no friend of threads (answers reach the wrong caller) and repeats a request by itself when the server hangs
up before it answers, inserts too. Both are stopped here.
"""

from __future__ import annotations

import http.client
import select
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import google_auth_httplib2
import httplib2
from google.auth.credentials import Credentials
from google.auth.exceptions import TransportError

Answer = tuple[httplib2.Response[str], bytes]


class NotConnected(ConnectionError):
    """No connection came about, so nothing was sent."""


class TooLarge(OSError):
    """The answer exceeds what one answer may hold."""


class Door(Protocol):
    """What carries requests for one user, authorised: an httplib2.Http, or anything shaped like one."""

    def request(
        self, uri: str, method: str = "GET", body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request and read its answer, whatever the status. Raises OSError or httplib2's errors."""


# ---- Connections ----------------------------------------------------------------------------

LARGEST = 64 * 1024 * 1024
"""Bytes on the wire that one answer may hold; a full page of well-attended meetings stays far below."""


class _Bounded(http.client.HTTPResponse):
    """An answer that is read up to a limit."""

    def read(self, amt: int | None = None) -> bytes:
        if amt is not None:
            return super().read(amt)
        if self.length is not None and self.length > LARGEST:
            raise TooLarge("the answer is too large")
        # A declared length is read as a whole, for only then does a cut-off answer raise IncompleteRead.
        content = super().read() if self.length is not None else super().read(LARGEST + 1)
        if len(content) > LARGEST:
            raise TooLarge("the answer is too large")
        return content


class _Guarded(http.client.HTTPConnection):
    """A connection that tells "never sent" from "no answer", and gives httplib2 no cause to repeat a write."""

    response_class = _Bounded
    _writing = False

    def connect(self) -> None:
        try:
            super().connect()
        except OSError as error:
            raise NotConnected(type(error).__name__) from None

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        self._writing = method not in {"GET", "HEAD"}
        if self.sock is not None and _hung_up(self.sock):
            # The server closed it while it lay idle. Found out now, before anything is sent, it costs nothing.
            self.close()
        super().request(method, url, *args, **kwargs)

    def getresponse(self) -> http.client.HTTPResponse:
        try:
            return super().getresponse()
        except (http.client.BadStatusLine, http.client.ResponseNotReady):
            if self._writing:
                raise ConnectionResetError("closed before an answer came") from None
            raise


def _hung_up(sock: Any) -> bool:
    idle = select.poll()
    idle.register(sock, select.POLLIN)
    return bool(idle.poll(0))


class _Plain(_Guarded, httplib2.HTTPConnectionWithTimeout):
    """Over http, for servers on this machine."""


class _Secure(_Guarded, httplib2.HTTPSConnectionWithTimeout):
    """Over https."""


class Wire(httplib2.Http):
    """One user's connections: every wait on them ends after `timeout` seconds, and no redirect is followed."""

    def __init__(self, timeout: float) -> None:
        super().__init__(timeout=timeout)
        self.follow_redirects = False

    def request(  # noqa: PLR0917 - the signature is httplib2's
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Any = None,
        redirections: int = 0,
        connection_type: Any = None,
    ) -> Any:
        """As in httplib2, over guarded connections unless the caller brings its own kind."""
        guarded = _Secure if uri.startswith("https:") else _Plain
        return super().request(uri, method, body, headers, redirections, connection_type or guarded)


# ---- Signing --------------------------------------------------------------------------------


class Authorised:
    """Signs each request with `credentials`, renewing them when they have run out, and once more on a 401."""

    def __init__(self, credentials: Credentials, wire: Wire) -> None:
        self._credentials = credentials
        self._wire = wire
        self._ask = google_auth_httplib2.Request(_TokenServer(wire))

    def request(
        self, uri: str, method: str = "GET", body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send it. Raises GoogleAuthError when it could not be signed: then nothing was done."""
        answer = self._send(uri, method, body, headers)
        if answer[0].status != http.client.UNAUTHORIZED:
            return answer
        self._credentials.refresh(self._ask)
        return self._send(uri, method, body, headers)

    def _send(self, uri: str, method: str, body: str | None, headers: Mapping[str, str] | None) -> Answer:
        signed = dict(headers or {})
        self._credentials.before_request(self._ask, method, uri, signed)
        sent: Answer = self._wire.request(uri, method, body=body, headers=signed)
        return sent

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()


class _TokenServer:
    """The way to the token server; its troubles are no verdict on the consent, so they become TransportError."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def request(self, url: str, **kwargs: Any) -> Answer:
        try:
            answer: Answer = self._wire.request(url, **kwargs)
        except (OSError, httplib2.HttpLib2Error, http.client.HTTPException) as error:
            raise TransportError(type(error).__name__) from None
        if answer[0].status >= http.client.INTERNAL_SERVER_ERROR or answer[0].status == http.client.TOO_MANY_REQUESTS:
            raise TransportError(f"the token server answered {answer[0].status}")
        return answer


# ---- Lending --------------------------------------------------------------------------------


class Doors:
    """Keeps doors open between calls, and lends each to one call at a time; the longest unused are closed.

    They are kept by the identity of the credentials, so a new consent never travels through an old door.
    """

    def __init__(self, make: Callable[[Credentials], Door], idle: int = 32) -> None:
        self._make = make
        self._most = idle
        self._idle: list[tuple[Credentials, Door]] = []
        self._lock = threading.Lock()

    def exchange(
        self, credentials: Credentials, uri: str, method: str, body: str | None, headers: Mapping[str, str]
    ) -> Answer:
        """Send one request through a door that no other call uses meanwhile."""
        door = self._take(credentials) or self._make(credentials)
        try:
            answer = door.request(uri, method=method, body=body, headers=headers)
        except BaseException:
            _shut(door)  # an answer may still be on its way: the next caller must not read it as its own
            raise
        self._give_back(credentials, door)
        return answer

    def close(self) -> None:
        """Close every door that is not lent, and keep none from now on."""
        self._most = 0
        self._close_surplus()

    def _take(self, credentials: Credentials) -> Door | None:
        with self._lock:
            for index in reversed(range(len(self._idle))):
                if self._idle[index][0] is credentials:
                    return self._idle.pop(index)[1]
        return None

    def _give_back(self, credentials: Credentials, door: Door) -> None:
        with self._lock:
            self._idle.append((credentials, door))
        self._close_surplus()

    def _close_surplus(self) -> None:
        with self._lock:
            surplus = self._idle[: max(0, len(self._idle) - self._most)]
            del self._idle[: len(surplus)]
        for _, door in surplus:
            _shut(door)


def _shut(door: Door) -> None:
    close = getattr(door, "close", None)  # a door without connections has nothing to close
    if close is not None:
        close()
