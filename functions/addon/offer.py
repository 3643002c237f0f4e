"""What the add-on offers, and what it must know of itself to tell Google's calls from strangers'.

Authority: https://developers.google.com/workspace/add-ons/reference/rest/v1/projects.deployments
"""

from __future__ import annotations

from dataclasses import dataclass

from conference.errors import Refused
from functions.ports import AddOnIdentity

_SCOPES = "https://www.googleapis.com/auth/"
EXECUTE = f"{_SCOPES}calendar.addons.execute"
READ = f"{_SCOPES}calendar.addons.current.event.read"
WRITE = f"{_SCOPES}calendar.addons.current.event.write"
EMAIL = f"{_SCOPES}userinfo.email"
LOCALE = f"{_SCOPES}script.locale"
SCOPES = (EXECUTE, READ, WRITE, EMAIL, LOCALE)
"""All that the manifest declares, and no scope of a calendar: those a person grants by a consent of their own."""


class Forbidden(Refused):
    """This conference solution is not for this user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One conference solution of the manifest; `id` is text, unique, and never changes."""

    id: str
    provider: str
    name: str
    logo: str = ""
    domains: frozenset[str] = frozenset()
    """Whose users may have it, by the domain of their address; empty: everybody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOn:
    """The add-on as deployed."""

    identity: AddOnIdentity
    account: str
    """The service account as which Google calls this deployment (Service Account Email in the console)."""
    client: str
    """The OAuth client for which the users' identity tokens are made out."""
    audiences: frozenset[str]
    """Our addresses, in every form in which Google may name them in its tokens."""
    name: str
    offers: tuple[Offer, ...]
    settings_url: str | None = None
    login_url: str | None = None
    """Where a user signs in to the conference service; sent with an error of type AUTHENTICATION."""
    subscribe: bool = False
    """Ask Google to call `changed` for the user's calendar, as a second source of notices beside push channels."""

    def offer(self, solution: str, user: str) -> Offer:
        """The solution with this id (with one solution only, "" will do). Raises Forbidden if this user may not."""
        found = [one for one in self.offers if solution == one.id or (not solution and len(self.offers) == 1)]
        if not found:
            raise Forbidden("there is no such conference solution")
        if found[0].domains and user.rpartition("@")[2].lower() not in found[0].domains:
            raise Forbidden("this conference solution is not for this user")
        return found[0]
