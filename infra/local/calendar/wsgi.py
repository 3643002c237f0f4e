"""The Calendar server as a WSGI application (https://peps.python.org/pep-3333/)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from infra.local.calendar.messages import Request, Response, phrase
from infra.local.calendar.pages import page
from infra.local.calendar.printing import packed
from infra.local.calendar.server import CalendarServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

MAX_BODY = 4 * 1024 * 1024


def application(
    server: CalendarServer,
    changed: Callable[[], None] = lambda: None,
    closing: threading.Event | None = None,
) -> WSGIApplication:
    """Hand every request to `server`, save those for its page.

    `changed` is called after each, `closing` cuts asked-for delays short.
    """
    ending = closing or threading.Event()

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = _request(environ)
        response = page(request) or server.handle(request)
        changed()
        if response.delay:
            ending.wait(response.delay)
        return _send(packed(request, response), start_response)

    return serve


def _request(environ: dict[str, Any]) -> Request:
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    headers["content-type"] = environ.get("CONTENT_TYPE") or ""
    # WSGI hands over bytes as Latin-1; what is no UTF-8 cannot name anything here.
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    return Request(environ["REQUEST_METHOD"], path, query, headers, environ["wsgi.input"].read(MAX_BODY))


def _send(response: Response, start_response: StartResponse) -> list[bytes]:
    headers = list(response.headers.items())
    if response.status not in {204, 304}:
        headers.append(("content-length", str(len(response.body))))
    start_response(f"{response.status} {phrase(response.status)}", headers)
    return [response.body]
