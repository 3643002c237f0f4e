"""The scopes that can be asked for, how they are worded, and which of them a method of the API admits.

Authority: https://developers.google.com/workspace/calendar/api/auth, the discovery document's `auth` (contract 12)
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from infra.local.calendar.discovery import discovery

PREFIX = "https://www.googleapis.com/auth/"
EMAIL, PROFILE = f"{PREFIX}userinfo.email", f"{PREFIX}userinfo.profile"

# The short names of OpenID Connect come back from Google in their long form.
_LONG = {"email": EMAIL, "profile": PROFILE}

SIGN_IN = {
    "openid": "Associate you with your personal info",
    EMAIL: "See your primary email address",
    PROFILE: "See your personal info, including any personal info you have made publicly available",
}
"""What signing in asks for; it is never a box to tick."""

_OTHER = re.compile(re.escape(PREFIX) + r"(?!calendar(?![a-z]))[a-z][a-z0-9._-]*")
_ADD_ON = re.compile(re.escape(PREFIX) + r"calendar\.addons\.[a-z.]+")


def read_scopes(text: str) -> tuple[str, ...]:
    """The scopes of a space-separated list, each once, in its long form and in the order given."""
    return tuple(dict.fromkeys(_LONG.get(scope, scope) for scope in text.split()))


def invalid_scopes(scopes: Iterable[str]) -> list[str]:
    """Those that Google does not know; other products' scopes are let through, for a client may ask for several."""
    return [scope for scope in scopes if not _known(scope)]


def _known(scope: str) -> bool:
    if scope in SIGN_IN or scope in discovery().scopes:
        return True
    return any(shape.fullmatch(scope) for shape in (_OTHER, _ADD_ON))


def wording(scope: str) -> str:
    """What granting the scope lets an application do, in Google's words where they are known."""
    return SIGN_IN.get(scope) or discovery().scopes.get(scope) or f"Use {scope.removeprefix(PREFIX)}"


def joined(scopes: Iterable[str]) -> str:
    """The list as it stands in answers."""
    return " ".join(scopes)
