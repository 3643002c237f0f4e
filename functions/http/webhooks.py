"""The door for conference vendors: anyone may call; the vendor's signature decides."""

from __future__ import annotations

from flask import Request, Response

from functions import webhook
from functions.http.answers import answer, check_shape, data_of, headers_of
from functions.http.door import Door

WEBHOOK_BYTES = 256 * 1024


def provider_webhook(door: Door, request: Request) -> Response:
    """A vendor's push, on the path of its name: anyone may call; the vendor's signature decides."""

    def take() -> Response:
        check_shape(request, most=WEBHOOK_BYTES, path=None)
        reply = webhook.provider_webhook(door.ground, request.path.strip("/"), headers_of(request), data_of(request))
        return Response(reply, status=200, content_type="application/json") if reply else Response(status=204)

    return answer(door.ground, request, "provider_webhook", take)
