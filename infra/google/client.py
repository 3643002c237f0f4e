"""Google's own client, made so that it neither handles errors nor decodes answers: both are done where they are known.

Authority: https://googleapis.github.io/google-api-python-client/docs/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httplib2
from google.auth.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.model import JsonModel

from infra.google.errors import Answered
from infra.google.wire import Doors

GOOGLE = "https://www.googleapis.com/calendar/v3/"


def calendar_client(endpoint: str) -> Any:
    """What makes requests to the Calendar API at `endpoint`. It never sends: every call brings its own connection."""
    return build(
        "calendar",
        "v3",
        http=httplib2.Http(),  # never used
        model=_Bytes(),
        static_discovery=True,
        cache_discovery=False,
        client_options={"api_endpoint": endpoint},
    )


class Strict:
    """Stands between the client and the wire: an answer that is no success never reaches the client's own handling.

    That handling logs bodies, and trips over error bodies of a shape it does not expect.
    """

    def __init__(self, doors: Doors, signer: Credentials) -> None:
        self._doors = doors
        self._signer = signer

    def request(self, uri: str, method: str, body: str | None, headers: Mapping[str, str]) -> Any:
        """Send it. Raises Answered for any answer but success."""
        response, content = self._doors.exchange(self._signer, uri, method, body, headers)
        if not 200 <= response.status < 300:
            raise Answered(response.status, response, content)
        return response, content


class _Bytes(JsonModel):  # type: ignore[misc]  # googleapiclient ships no types
    """Leaves the answer as it came: our decoders know what they look for."""

    no_content_response = b""

    def deserialize(self, content: bytes) -> bytes:
        return content
