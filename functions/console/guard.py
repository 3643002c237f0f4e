"""Who may use the console: a browser on this machine, on a page that we served.

Authority: https://www.w3.org/TR/CSP3/, https://fetch.spec.whatwg.org/#origin-header
Whoever serves it must bind to loopback; the Host is checked here too, so that no foreign name may be made to lead here.
"""

from __future__ import annotations

import hmac
import re

from flask import Request, Response

from functions.http.answers import Refusal

MOST = 16 * 1024
TOKEN = "token"  # noqa: S105 - the name of the field
_LOOPBACK = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with no-referrer, a form's Origin would be null
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def check_host(request: Request) -> None:
    """Return if the request names this machine. Raises Refusal(403)."""
    if not _LOOPBACK.fullmatch(request.headers.get("Host", "")):
        raise Refusal(403, "The console answers on this machine's own names only.")


def check_query(request: Request) -> None:
    """Return if the query can be read as text. Raises Refusal(400)."""
    try:
        request.query_string.decode()
    except UnicodeDecodeError:
        raise Refusal(400, "The address cannot be read.") from None


def check_same_origin(request: Request) -> None:
    """Return if a page of ours sent this. Raises Refusal(403)."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin is None and site is None:
        raise Refusal(403, "It cannot be told which page sent this.")
    own = f"{request.scheme}://{request.headers.get('Host', '')}"
    if origin not in (None, own) or site not in (None, "same-origin"):
        raise Refusal(403, "Another page sent this.")


def check_token(request: Request, token: str) -> None:
    """Return if the form came from a page of this process. Raises Refusal(403)."""
    if not hmac.compare_digest(request.form.get(TOKEN, "").encode("utf-8", "replace"), token.encode()):
        raise Refusal(403, "This page is from before a restart. It has been renewed, press again.")


def close(response: Response) -> Response:
    """The response with the headers that keep it to itself."""
    response.headers.update(HEADERS)
    return response
