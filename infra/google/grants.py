"""What users have granted to a deployment's script: by the consent that is kept of them, or by their administrator.

The port is functions.script.project.Grants.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from conference.errors import Refused
from functions import credentials
from functions.credentials import User, Wallet
from infra.google.delegation import Delegation


class ConsentGrants:
    """Grants are the scopes that each user's consent holds; `pages` is where they consent.

    No identity token is kept of a consent, so there is none to be had.
    """

    def __init__(self, wallet: Wallet, pages: str) -> None:
        self._wallet = wallet
        self._pages = pages

    def scopes(self, user: str) -> frozenset[str]:
        """The scopes that the user has granted; empty if they never have, or have taken the grant back."""
        found = credentials.find(self._wallet.store, user)
        standing = found is not None and found[1].sealed is not None and not found[1].leaving
        return frozenset(found[1].scopes) if found is not None and standing else frozenset()

    def access_token(self, user: str) -> str:
        """A token that has a while to live. Raises Revoked, Later."""
        return credentials.access(self._wallet, user).token

    def identity_token(self, user: str) -> str | None:  # noqa: ARG002 - the port names it
        """None: a consent is kept without one."""
        return None

    def consent_url(self, user: str, scopes: Sequence[str]) -> str:  # noqa: ARG002 - the page asks for all that is declared
        """The page where anybody consents, to all that this deployment asks for."""
        return self._pages

    def revoke(self, user: str) -> None:
        """End the user's consent at Google and here; what is kept of their calendars stays. Raises Later."""
        found = credentials.find(self._wallet.store, user)
        if found is None or found[1].sealed is None:
            return
        credentials.revoke(self._wallet, found[1])
        credentials.changed(self._wallet.store, user, self._ended)

    def _ended(self, kept: User | None) -> User | None:
        if kept is None or kept.ended_at is not None:
            return None
        told = "a script took the consent back"
        return msgspec.structs.replace(kept, sealed=None, ended_at=self._wallet.now(), trouble=told, lease_until=0.0)


class DelegatedGrants:
    """Everybody's administrator has granted `scopes` for all."""

    def __init__(self, delegation: Delegation, scopes: Iterable[str], page: str) -> None:
        self._delegation = delegation
        self._scopes = frozenset(scopes)
        self._page = page

    def scopes(self, user: str) -> frozenset[str]:  # noqa: ARG002 - the same for all
        """The scopes of the delegation."""
        return self._scopes

    def access_token(self, user: str) -> str:
        """A token for acting as the user. Raises Revoked, Later."""
        return self._delegation.token(user).token

    def identity_token(self, user: str) -> str | None:  # noqa: ARG002 - the port names it
        """None: nobody signed in."""
        return None

    def consent_url(self, user: str, scopes: Sequence[str]) -> str:  # noqa: ARG002 - the port names them
        """There is nothing that a user could consent to; the deployment's own page."""
        return self._page

    def revoke(self, user: str) -> None:  # noqa: ARG002 - the port names it
        """Raises Refused: what an administrator has granted for all, no script takes back."""
        raise Refused("the Workspace's administrator granted this for everybody")
