"""Where the authorization server keeps its records, and where tokens are made.

Authority: https://developers.google.com/identity/protocols/oauth2#expiration (lifetimes and limits)
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from random import Random
from typing import Generic, Protocol, TypeVar

import msgspec

from infra.local.calendar.messages import encode
from infra.local.calendar.oauth.keys import SigningKey
from infra.local.calendar.oauth.records import DEVELOPMENT, Access, Client, Code, Consent, Refresh, ServiceAccount
from infra.local.calendar.persistence import Key

Save = Callable[[Key, bytes | None], None]
T = TypeVar("T")

ACCESS_LIFE = 3599
CODE_LIFE = 600
REFRESH_LIMIT = 100
"""Refresh tokens of one user for one client; the next one silently ends the oldest."""


class Shelf(Generic[T]):
    """Records of one kind by id, in the order they came, each durable with the next commit."""

    def __init__(self, name: str, kind: type[T], save: Save) -> None:
        self.name = name
        self._kind = kind
        self._save = save
        self._held: dict[str, T] = {}

    def get(self, record_id: str) -> T | None:
        """The record; None if there is none."""
        return self._held.get(record_id)

    def put(self, record_id: str, record: T) -> None:
        """Keep the record, in place of an earlier one."""
        self._held[record_id] = record
        self._save(("oauth", self.name, record_id), encode(record))

    def drop(self, record_id: str) -> None:
        """Forget the record."""
        self._held.pop(record_id, None)
        self._save(("oauth", self.name, record_id), None)

    def items(self) -> Iterator[tuple[str, T]]:
        """All there are now; the shelf may change meanwhile."""
        return iter(list(self._held.items()))

    def restore(self, record_id: str, raw: bytes) -> None:
        """Take up what an earlier process kept."""
        self._held[record_id] = msgspec.json.decode(raw, type=self._kind)


class _Restored(Protocol):
    """A shelf of whatever kind, as far as an earlier process's rows are concerned."""

    name: str

    def restore(self, record_id: str, raw: bytes) -> None:
        """Take up a row."""


class Serial(msgspec.Struct):
    """How many tokens were ever made: no two are alike, whatever the seed, across restarts too."""

    made: int = 0


class Pem(msgspec.Struct, frozen=True):
    """The signing key as text."""

    pem: str


class Book:
    """Everything between two resets. `new_key` gives a private RSA key (PEM) when the first one is needed."""

    def __init__(self, random: Random, save: Save, new_key: Callable[[], str]) -> None:
        self._random = random
        self._new_key = new_key
        self._signing: SigningKey | None = None
        self.clients = Shelf("client", Client, save)
        self.accounts = Shelf("account", ServiceAccount, save)
        self.consents = Shelf("consent", Consent, save)
        self.codes = Shelf("code", Code, save)
        self.refreshes = Shelf("refresh", Refresh, save)
        self.accesses = Shelf("access", Access, save)
        self._serials = Shelf("serial", Serial, save)
        self._keys = Shelf("key", Pem, save)
        shelves: tuple[_Restored, ...] = (self.clients, self.accounts, self.consents, self.codes)
        shelves += (self.refreshes, self.accesses, self._serials, self._keys)
        self._shelves = {shelf.name: shelf for shelf in shelves}

    def restore(self, shelf: str, record_id: str, raw: bytes) -> None:
        """Take up one row of an earlier process."""
        self._shelves[shelf].restore(record_id, raw)

    # ---- who asks

    def client(self, client_id: str) -> Client | None:
        """The registered client, or the development client; None if there is none."""
        found = self.clients.get(client_id)
        return found or (DEVELOPMENT if client_id == DEVELOPMENT.client_id else None)

    def granted(self, client: str, user: str) -> tuple[str, ...]:
        """What the user has granted to the client so far."""
        found = self.consents.get(_pair(client, user))
        return found.scopes if found else ()

    def grant(self, client: str, user: str, scopes: tuple[str, ...]) -> None:
        """Add to what the user has granted."""
        together = tuple(dict.fromkeys((*self.granted(client, user), *scopes)))
        self.consents.put(_pair(client, user), Consent(client, user, together))

    # ---- tokens

    def new_code(self, code: Code, now: float) -> str:
        """A code for this; codes that have expired are forgotten."""
        for text, old in self.codes.items():
            if old.expires <= now:
                self.codes.drop(text)
        text = self._token("4/0A", 45)
        self.codes.put(text, code)
        return text

    def new_access(self, access: Access, now: float) -> str:
        """An access token for this; those that have expired are forgotten."""
        for text, old in self.accesses.items():
            if old.expires <= now:
                self.accesses.drop(text)
        text = self._token("ya29.a0", 60)
        self.accesses.put(text, access)
        return text

    def new_refresh(self, refresh: Refresh) -> str:
        """A refresh token for this; beyond the limit the oldest ends."""
        whose = (refresh.client, refresh.user)
        alike = [(old.issued, text) for text, old in self.refreshes.items() if (old.client, old.user) == whose]
        for _, text in sorted(alike)[: max(0, len(alike) - REFRESH_LIMIT + 1)]:
            self.refreshes.drop(text)
        text = self._token("1//0", 45)
        self.refreshes.put(text, refresh)
        return text

    def access(self, text: str, now: float) -> Access | None:
        """The access token; None if it is unknown, revoked or has expired."""
        found = self.accesses.get(text)
        return found if found and now < found.expires else None

    def end(self, user: str, client: str | None = None, kinds: str = "all") -> dict[str, int]:
        """End the user's tokens (of one client, or of all), and with kinds `all` also the consent; how many ended."""
        ended = {"access": 0, "refresh": 0}
        for kind, shelf in (("access", self.accesses), ("refresh", self.refreshes)):
            ended[kind] = _drop(shelf, user, client) if kinds in {kind, "all"} else 0
        if kinds == "all":
            _drop(self.consents, user, client)
            _drop(self.codes, user, client)
        return ended

    def signing(self) -> SigningKey:
        """The key that signs identity tokens, made when it is first needed."""
        if self._signing is None:
            kept = self._keys.get("")
            if kept is None:
                kept = Pem(self._new_key())
                self._keys.put("", kept)
            self._signing = SigningKey(kept.pem)
        return self._signing

    def _token(self, prefix: str, size: int) -> str:
        serial = Serial((self._serials.get("") or Serial()).made + 1)
        self._serials.put("", serial)
        drawn = f"{serial.made}.{self._random.getrandbits(256):x}".encode()
        return prefix + base64.urlsafe_b64encode(hashlib.blake2b(drawn, digest_size=size).digest()).decode().rstrip("=")


def _drop(shelf: Shelf[Access] | Shelf[Refresh] | Shelf[Consent] | Shelf[Code], user: str, client: str | None) -> int:
    found = [text for text, held in shelf.items() if held.user == user and client in {None, held.client}]
    for text in found:
        shelf.drop(text)
    return len(found)


def _pair(client: str, user: str) -> str:
    return f"{client} {user}"
