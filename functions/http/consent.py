"""The door for people's browsers on their way to consent: a state bound to the browser decides, and a session."""

from __future__ import annotations

from flask import Request, Response

from functions.consent import entry
from functions.http.answers import Refusal, answer
from functions.http.door import Door


def consent(door: Door, request: Request) -> Response:
    """A browser, on the path of the page that it wants."""

    def take() -> Response:
        if door.consent is None:
            raise Refusal(404, "nobody consents at this deployment")
        return entry.serve(door.ground, door.consent, request)

    return answer(door.ground, request, "consent", take)
