"""One request to the authorization server: its parameters, when it came, and which address it came to.

Authority: RFC 6749 3.1 (a parameter stands once; an empty one counts as missing)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from infra.local.calendar.messages import Request
from infra.local.calendar.oauth.book import Book
from infra.local.calendar.oauth.refusals import OAuthError

_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9A-Fa-f:]+\](:\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Visit:
    """A request with what its answer depends on; `now` in seconds since the epoch."""

    book: Book
    now: float
    users: Sequence[str]  # who has a calendar here
    request: Request
    fields: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, book: Book, now: float, users: Sequence[str], request: Request) -> Visit:
        """The visit, with the form of a POST beside the query."""
        form = parse_qs(request.body.decode("utf-8", "replace")) if request.method == "POST" else {}
        return cls(book, now, users, request, {**request.query, **form})

    def value(self, name: str) -> str:
        """The parameter's value, "" if it is missing. Raises OAuthError if it stands there twice."""
        values = self.fields.get(name, ())
        if len(values) > 1:
            raise OAuthError(400, "invalid_request", f"OAuth 2 parameters can only have a single value: {name}")
        return values[0] if values else ""

    def needed(self, name: str) -> str:
        """The parameter's value. Raises OAuthError if it is missing."""
        found = self.value(name)
        if not found:
            raise OAuthError(400, "invalid_request", f"Missing required parameter: {name}")
        return found

    @property
    def origin(self) -> str:
        """Where this server answers, as the caller addressed it."""
        host = self.request.headers.get("host", "")
        return f"http://{host if _HOST.fullmatch(host) else 'localhost'}"
