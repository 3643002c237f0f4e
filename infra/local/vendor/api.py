"""The API of docs/http-provider.md: a token, five verbs over /meetings, and nothing else."""

from __future__ import annotations

import hmac

from infra.local.vendor.desired import DESIRED
from infra.local.vendor.meetings import Meetings, etag, told
from infra.local.vendor.shelf import Kept
from infra.local.vendor.wire import Refusal, Request, Response, answer, decode

MAX_PAGE = 200
_MAX_KEY = 200


class Api:
    """Answers requests below /meetings."""

    def __init__(self, meetings: Meetings, token: str, base: str) -> None:
        self._meetings, self._token, self._base = meetings, token, base

    def handle(self, request: Request) -> Response:
        """The answer. Raises Refusal for every error."""
        self._admit(request)
        meeting_id = request.path.removeprefix("/meetings").removeprefix("/")
        if "/" in meeting_id:
            raise Refusal(404, "not_found", "there is nothing at this path")
        return self._one(request, meeting_id) if meeting_id else self._all(request)

    def _admit(self, request: Request) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            raise Refusal(401, "unauthorized", "the API token is missing or wrong", WWW_Authenticate="Bearer")

    def _all(self, request: Request) -> Response:
        if request.method == "POST":
            return self._create(request)
        if request.method == "GET":
            return self._find(request.query["key"]) if "key" in request.query else self._list(request)
        raise Refusal(405, "method_not_allowed", "only GET and POST", Allow="GET, POST")

    def _one(self, request: Request, meeting_id: str) -> Response:
        if request.method == "GET":
            return self._told(self._meetings.get(meeting_id))
        if request.method == "PUT":
            state = decode(request.body, DESIRED)
            return self._told(self._meetings.replace(meeting_id, state, request.headers.get("if-match")))
        if request.method == "DELETE":
            self._meetings.delete(meeting_id)
            return Response(204)
        raise Refusal(405, "method_not_allowed", "only GET, PUT and DELETE", Allow="GET, PUT, DELETE")

    def _create(self, request: Request) -> Response:
        key = request.headers.get("idempotency-key")
        if key is not None and not 0 < len(key) <= _MAX_KEY:
            raise Refusal(400, "invalid", f"Idempotency-Key must have 1 to {_MAX_KEY} characters")
        meeting, created = self._meetings.create(decode(request.body, DESIRED), key)
        return self._told(meeting, 201 if created else 200)

    def _find(self, key: str) -> Response:
        found = self._meetings.find(key)
        return answer({"meetings": [told(found, self._base)] if found else [], "next": None})

    def _list(self, request: Request) -> Response:
        limit = _limit(request.query.get("limit", "50"))
        found = self._meetings.page(request.query.get("after", ""), limit + 1)
        page = found[:limit]
        following = page[-1].id if len(found) > limit else None
        return answer({"meetings": [told(meeting, self._base) for meeting in page], "next": following})

    def _told(self, meeting: Kept, status: int = 200) -> Response:
        return answer(told(meeting, self._base), status).with_headers(ETag=etag(meeting))


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) > 0):
        raise Refusal(400, "invalid", "limit must be a whole number above 0")
    return min(int(text), MAX_PAGE)
