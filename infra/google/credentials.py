"""The credentials that no consent stands behind: those of the local Calendar server.

Authority: https://googleapis.dev/python/google-auth/latest/reference/google.auth.credentials.html
"""

from __future__ import annotations

from typing import Any

from google.auth import credentials, exceptions


class DevCredentials(credentials.Credentials):
    """Signs requests to the local Calendar server as `email`; the token is `dev:<email>` and never expires."""

    def __init__(self, email: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # google-auth annotates nothing
        self.email = email
        self.token = f"dev:{email}"

    def refresh(self, request: Any) -> None:  # noqa: ARG002 - google-auth names it
        """There is nothing to renew: raises RefreshError, as a withdrawn consent would."""
        raise exceptions.RefreshError("development credentials cannot be renewed")
