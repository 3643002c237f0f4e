"""The pages a user sees while granting access: choose an account, consent, what went wrong.

Authority: https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from infra.local.calendar.messages import Response
from infra.local.calendar.oauth.asking import Asking
from infra.local.calendar.oauth.refusals import NOT_KEPT, OAuthError
from infra.local.calendar.oauth.scopes import PREFIX, wording

_FILES = Path(__file__).parent / "templates"
_STYLE = (_FILES / "style.css").read_text("utf-8")
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_templates = Environment(
    loader=FileSystemLoader(_FILES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_HEADERS = {
    **NOT_KEPT,
    "content-type": "text/html; charset=utf-8",
    # No form-action: browsers apply it to where an answered form redirects to, which is the client's own address.
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def chooser(asking: Asking, request: Mapping[str, str], users: Sequence[str]) -> Response:
    """Who are you? Those who have a calendar here, or any other address."""
    links = [(user, _link(request, account=user), _hue(user)) for user in users]
    return _page("chooser", **_about(asking), users=links, request=request, hint=asking.login_hint or "")


def consent(asking: Asking, request: Mapping[str, str], user: str, granted: Sequence[str]) -> Response:
    """What do you grant? A box for each scope that may be granted by itself."""
    boxes = asking.optional()
    asked = [
        {
            "scope": scope,
            "short": scope.removeprefix(PREFIX),
            "wording": wording(scope),
            "box": scope in boxes,
            "granted": scope in granted,
        }
        for scope in asking.scopes
    ]
    other = _link({**request, "prompt": " ".join(sorted({*asking.prompts, "select_account"}))})
    return _page("consent", **_about(asking), asked=asked, request=request, user=user, other=other, hue=_hue(user))


def refused(error: OAuthError) -> Response:
    """What is wrong with the request; the user stays here, for the client's address is not to be trusted."""
    return _page("refused", status=error.status, error=error.error, description=error.description)


def _about(asking: Asking) -> dict[str, Any]:
    return {"client": asking.client.name or asking.client.client_id, "place": urlsplit(asking.redirect_uri).netloc}


def _link(request: Mapping[str, str], **more: str) -> str:
    return f"?{urlencode({**request, **more})}"


def _hue(user: str) -> str:
    return f"hue{hashlib.blake2b(user.encode()).digest()[0] % 6}"


def _page(name: str, status: int = HTTPStatus.OK, **values: Any) -> Response:
    text = _templates.get_template(f"{name}.html").render(style=_STYLE, status=int(status), **values)
    return Response(status, _HEADERS, text.encode())
