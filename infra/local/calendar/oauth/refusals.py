"""The authorization server's errors, worded as Google words them where that is known.

Authority: RFC 6749 5.2, https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors
"""

from __future__ import annotations

from infra.local.calendar.messages import Response, json_value

NOT_KEPT = {"cache-control": "no-cache, no-store, max-age=0, must-revalidate", "pragma": "no-cache"}


class OAuthError(Exception):
    """An answer that is an error; the description never holds a secret that the caller sent."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description

    def response(self) -> Response:
        """The error as JSON."""
        told = json_value({"error": self.error, "error_description": self.description}, status=self.status)
        return Response(told.status, {**told.headers, **NOT_KEPT}, told.body)


def invalid_request(description: str) -> OAuthError:
    """400: something is missing or malformed."""
    return OAuthError(400, "invalid_request", description)


def invalid_grant(description: str = "Bad Request") -> OAuthError:
    """400: the code, the refresh token or the assertion is no good (any more)."""
    return OAuthError(400, "invalid_grant", description)


def invalid_client(description: str) -> OAuthError:
    """401: nobody knows the client, or its secret is wrong."""
    return OAuthError(401, "invalid_client", description)


def invalid_token(description: str = "Invalid Value") -> OAuthError:
    """400: what should be a token is none, or has ended."""
    return OAuthError(400, "invalid_token", description)
