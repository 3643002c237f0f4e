"""Lets google-api-python-client drive the Calendar server without a socket.

Authority: httplib2.Http.request, which is all that the client asks of its transport
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, unquote, urlsplit

import httplib2

from infra.local.calendar.messages import Request
from infra.local.calendar.server import CalendarServer


class InProcessHttp:
    """An httplib2.Http whose every request goes to `server` as `user`, unless it carries a bearer token itself."""

    def __init__(self, server: CalendarServer, user: str) -> None:
        self._server = server
        self._user = user
        self.timeout: float | None = None

    def request(  # noqa: PLR0917 - httplib2's signature
        self,
        uri: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        redirections: int = 0,  # noqa: ARG002 - httplib2's signature; nothing redirects
        connection_type: object = None,  # noqa: ARG002 - httplib2's signature; there is no connection
    ) -> tuple[httplib2.Response, bytes]:
        """The server's answer, as httplib2 gives answers; a delay that a fault asks for is passed over."""
        parts = urlsplit(uri)
        named = {"authorization": f"Bearer dev:{self._user}"}
        named |= {name.lower(): value for name, value in (headers or {}).items()}
        sent = body.encode() if isinstance(body, str) else body or b""
        query = parse_qs(parts.query, keep_blank_values=True)
        answer = self._server.handle(Request(method, unquote(parts.path), query, named, sent))
        return httplib2.Response({**answer.headers, "status": str(answer.status)}), answer.body

    def close(self) -> None:
        """Nothing is open."""
