"""The door for Google's push: anyone may call; the channel's secret decides.

It is the busiest, and the one that is started most often: what is imported here, each cold start pays for.
"""

from __future__ import annotations

from flask import Request, Response

from functions import notification
from functions.ground import Edge
from functions.http.answers import answer, check_shape, headers_of


def calendar_notification(edge: Edge, request: Request) -> Response:
    """Take one notice. It has no body, and its headers say all."""

    def take() -> Response:
        check_shape(request, most=0)
        notification.calendar_notification(edge, headers_of(request, notification.HEADERS))
        return Response(status=204)

    return answer(edge, request, "calendar_notification", take)
