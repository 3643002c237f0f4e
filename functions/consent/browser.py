"""The browser before us: the secret that its cookie holds, and whether a page of ours sent a form.

Authority: https://datatracker.ietf.org/doc/html/rfc6265, https://fetch.spec.whatwg.org/#origin-header
"""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import urlsplit

from flask import Request, Response

from functions.consent.offer import Consent
from functions.consent.session import LIFE
from functions.http.answers import Refusal

COOKIE = "lockstep_consent"
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,64}")


def secret_of(request: Request) -> str:
    """What the browser holds; "" if nothing, or nothing of ours."""
    held = request.cookies.get(COOKIE, "")
    return held if _SECRET.fullmatch(held) else ""


def hold(answer: Response, consent: Consent, secret: str) -> Response:
    """The answer, with which the browser holds the secret for an hour; "" takes it away.

    Lax, not Strict: the browser must show it when the authorization server sends it back.
    """
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=int(LIFE) if secret else 0,
        path=urlsplit(consent.pages).path,
        secure=consent.secure,
        httponly=True,
        samesite="Lax",
    )
    return answer


def form_token(secret: str) -> str:
    """What a form of ours must bring back from the browser that holds the secret."""
    return hmac.digest(secret.encode(), b"form", hashlib.sha256).hex()


def check_form(request: Request, consent: Consent, secret: str) -> None:
    """Return if a page of ours, shown in this browser, sent the form. Raises Refusal(403)."""
    parts = urlsplit(consent.address)
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin is None and site is None:
        raise Refusal(403, "It cannot be told which page sent this.")
    if origin not in {None, f"{parts.scheme}://{parts.netloc}"} or site not in {None, "same-origin"}:
        raise Refusal(403, "Another page sent this.")
    shown = request.form.get("token", "").encode("utf-8", "replace")
    if not secret or not hmac.compare_digest(shown, form_token(secret).encode()):
        raise Refusal(403, "This page is too old, or your browser keeps no cookies. Open it again.")
