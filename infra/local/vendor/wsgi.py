"""The service as a WSGI application (https://peps.python.org/pep-3333/)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from infra.local.vendor.server import MAX_BODY, VendorServer
from infra.local.vendor.wire import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication


def application(
    server: VendorServer, lock: threading.Lock, closing: threading.Event, changed: Callable[[], None]
) -> WSGIApplication:
    """Let requests in one at a time; `changed` is called after each, `closing` cuts delays short."""

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = _request(environ)
        with lock:
            response = server.handle(request)
        changed()
        if response.delay:
            closing.wait(response.delay)
        return _send(response, start_response)

    return serve


def _request(environ: dict[str, Any]) -> Request:
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    # WSGI hands over bytes as Latin-1; what is no UTF-8 cannot name anything here.
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    body = environ["wsgi.input"].read(MAX_BODY + 1)
    return Request(environ["REQUEST_METHOD"], path, query, headers, body)


def _send(response: Response, start_response: StartResponse) -> list[bytes]:
    # A length that is never reached makes the server end the connection: the client sees a broken answer.
    promised = len(response.body) + (1 if response.drop else 0)
    headers = [*response.headers.items()]
    if response.status != 204:
        headers.append(("Content-Length", str(promised)))
    start_response(f"{response.status} {_phrase(response.status)}", headers)
    return [response.body]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
