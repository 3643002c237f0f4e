"""A project: one script with its handlers, its settings, and the ground it stands on."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from functions.ground import Ground
from functions.script.enums import InstallationSource
from functions.script.limits import Limits
from functions.script.registry import Registry


class CalendarApi(Protocol):
    """The Calendar API as a script sees it: resources are JSON objects, options and headers in Google's names."""

    def call(
        self,
        user: str,
        method: str,
        path: Mapping[str, str],
        *,
        body: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Call `method` ("events.list") with its path parameters; the decoded answer, {} for an empty one.

        Options of None are left out. Raises CalendarApiError with status, reason and message.
        """


class Grants(Protocol):
    """What users have consented to."""

    def scopes(self, user: str) -> frozenset[str]:
        """The scopes that the user has granted; empty if they never have."""

    def access_token(self, user: str) -> str:
        """A short-lived access token. Raises Revoked."""

    def identity_token(self, user: str) -> str | None:
        """An ID token, or None without the scope "openid". Raises Revoked."""

    def consent_url(self, user: str, scopes: Sequence[str]) -> str:
        """Where the user grants these scopes."""

    def revoke(self, user: str) -> None:
        """Drop the user's grant."""


@dataclass(frozen=True, slots=True)
class SolutionLook:
    """What a Calendar user sees of a conference solution of ours."""

    name: str
    icon_uri: str | None = None


class Owner(Protocol):
    """How the people behind a script are told."""

    def tell(self, user: str, subject: str, lines: Sequence[str]) -> None:
        """Send a summary; no line holds a title, a secret or a link to a meeting. Raises Later."""


def _no_loop(coroutine: Coroutine[Any, Any, Any]) -> Any:
    coroutine.close()
    raise TypeError("this project has nothing that runs async handlers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Everything that a script is given. `id` keeps scripts apart: keys always hold (script id, user)."""

    id: str
    ground: Ground
    handlers: Registry
    api: CalendarApi
    grants: Grants
    wait: Callable[[float], None]
    """Lets so many seconds pass; a lock waits by it."""
    zone: str = "UTC"
    """The script's time zone, by its IANA name."""
    limits: Limits = field(default_factory=Limits)
    scopes: frozenset[str] = frozenset()
    """The OAuth scopes that the project declares."""
    complete: Callable[[Coroutine[Any, Any, Any]], Any] = _no_loop
    """Runs an async handler to its end."""
    owner: Owner | None = None
    """Who gets the daily summary of failures; None: nobody."""
    url: str | None = None
    """The script's own address, if it is deployed as a web app."""
    enabled: bool = True
    """Whether the web app at `url` answers."""
    installed_from: InstallationSource = InstallationSource.NONE
    """How the script came to its users."""
    solutions: Mapping[str, SolutionLook] = field(default_factory=dict)
    """The look of each conference solution of the manifest, by its id there."""
