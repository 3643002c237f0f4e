"""What the authorization server keeps: clients, service accounts, consents, codes, tokens.

Authority: https://developers.google.com/identity/protocols/oauth2/web-server and .../native-app
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

import msgspec

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ADDRESS = re.compile(r"[^\s@/]+@[^\s@/]+")


def address(text: str) -> str | None:
    """The address in the form in which it names a user; None if it is none."""
    folded = text.strip().lower()
    return folded if _ADDRESS.fullmatch(folded) else None


class Client(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """An application. An `installed` one may come back to any port and path of the loopback host it registered."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...] = ()
    type: Literal["web", "installed"] = "web"
    name: str = ""

    def may_return_to(self, uri: str) -> bool:
        """True if the user may be sent back to `uri`: one that is registered, compared letter by letter."""
        return uri in self.redirect_uris or (self.type == "installed" and is_loopback(uri))


def is_loopback(uri: str) -> bool:
    """True for an http address of this machine, whatever its port."""
    return is_redirect(uri) and uri.startswith("http://")


def is_redirect(uri: str) -> bool:
    """True for what Google lets one register: https, or http on this machine; no user, no fragment, no blanks."""
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    plain = not parts.fragment and "#" not in uri and "@" not in parts.netloc and not re.search(r"[\s\\\x00-\x1f]", uri)
    return plain and bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK))


DEVELOPMENT = Client(
    "lockstep-development.apps.googleusercontent.com",
    "lockstep-development",
    ("http://localhost",),
    "installed",
    "Lockstep development",
)
"""The client that is there from the start. Its secret is public: it opens nothing but servers on one's own machine."""


class ServiceAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A robot with a key; `delegated_scopes` are those with which it may act for any user (domain-wide delegation)."""

    email: str
    public_key: str
    delegated_scopes: tuple[str, ...] = ()


class Consent(msgspec.Struct, frozen=True):
    """What a user has granted to a client over time."""

    client: str
    user: str
    scopes: tuple[str, ...]


class Code(msgspec.Struct, frozen=True):
    """An authorization code: good once, for the client, address and proof it was made for."""

    client: str
    user: str
    scopes: tuple[str, ...]
    redirect_uri: str
    expires: float
    offline: bool  # access_type=offline
    refreshes: bool  # a refresh token comes with it: offline, and the user was asked
    challenge: str = ""
    method: str = "plain"
    nonce: str = ""
    used: bool = False


class Refresh(msgspec.Struct, frozen=True):
    """A refresh token: good until it is revoked."""

    client: str
    user: str
    scopes: tuple[str, ...]
    issued: float


class Access(msgspec.Struct, frozen=True):
    """An access token: good for an hour."""

    client: str
    user: str
    scopes: tuple[str, ...]
    expires: float
    offline: bool = False
