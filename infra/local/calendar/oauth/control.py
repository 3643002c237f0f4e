"""What a test does to the authorization server: register clients and service accounts, end a user's tokens.

Authority: contract 14 (fault injection). Not Google's.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from infra.local.calendar.messages import Json
from infra.local.calendar.oauth.book import Book
from infra.local.calendar.oauth.keys import public_key
from infra.local.calendar.oauth.records import Client, ServiceAccount, address, is_redirect
from infra.local.calendar.oauth.scopes import invalid_scopes


class Ending(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Whose tokens are to end, of which client (or of all), and which kind; `all` withdraws the consent as well."""

    user: str
    client_id: str | None = None
    kind: Literal["access", "refresh", "all"] = "all"


def add_client(book: Book, client: Client) -> Json:
    """Register the client, in place of an earlier one of its id. Raises ValueError that says what is wrong."""
    if not client.client_id or not client.client_secret or any(blank.isspace() for blank in client.client_id):
        raise ValueError("clientId and clientSecret must be there, the id without blanks")
    if not all(is_redirect(uri) for uri in client.redirect_uris):
        raise ValueError("redirectUris are https, or http on this machine, without fragment")
    book.clients.put(client.client_id, client)
    return {"clientId": client.client_id}


def add_account(book: Book, account: ServiceAccount) -> Json:
    """Register the service account, in place of an earlier one of its address. Raises ValueError."""
    if address(account.email) != account.email:
        raise ValueError("email must be an address in lower case")
    if public_key(account.public_key) is None:
        raise ValueError("publicKey must be an RSA public key (PEM)")
    if invalid_scopes(account.delegated_scopes):
        raise ValueError("delegatedScopes holds one that Google does not know")
    book.accounts.put(account.email, account)
    return {"email": account.email}


def end_tokens(book: Book, wish: Ending) -> Json:
    """End the tokens; how many of each kind there were. Raises ValueError."""
    user = address(wish.user)
    if user is None:
        raise ValueError("user must be an address")
    return dict(book.end(user, wish.client_id, wish.kind))
