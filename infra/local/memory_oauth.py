"""The OAuth port kept in memory, for tests and simulation: people who consent, tokens that end, and what may go wrong.

Unlike Google it can give a new refresh token with each access token, as RFC 9700 (4.14) asks of servers for clients
without a secret; then the old one ends, and with it the whole grant if it is shown again.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

from conference.errors import LockstepError, Refused, Revoked, Where
from functions.ports import Asking, Clock, Granted, Person

LIFE = timedelta(seconds=3599)
CODE_LIFE = timedelta(minutes=10)


def subject(account: str) -> str:
    """The number by which an account stays the same."""
    return f"1{int.from_bytes(hashlib.sha256(account.encode()).digest()[:8]):020}"


@dataclass(frozen=True, slots=True)
class _Code:
    account: str
    sub: str
    scopes: frozenset[str]
    challenge: str
    redirect: str
    offline: bool
    until: datetime
    used: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    account: str
    sub: str
    scopes: frozenset[str]


@dataclass(slots=True)
class MemoryOAuth:
    """An authorization server for one client; `trouble` is raised by the next calls, one after the other."""

    clock: Clock
    rotating: bool = False
    issuer: str = "https://accounts.example"
    origin: str = "https://accounts.example"
    trouble: list[LockstepError] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    _made: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))
    _codes: dict[str, _Code] = field(default_factory=dict)
    _refreshes: dict[str, _Token] = field(default_factory=dict)
    _spent: dict[str, _Token] = field(default_factory=dict)
    _accesses: dict[str, _Token] = field(default_factory=dict)

    # ---- what the port promises

    def address(self, asking: Asking) -> str:
        """Where to send a person's browser."""
        asked = {
            "scope": " ".join(asking.scopes),
            "state": asking.state,
            "code_challenge": asking.challenge,
            "redirect_uri": asking.redirect,
            "access_type": "offline" if asking.offline else "online",
            "login_hint": asking.account,
        }
        return f"{self.origin}/auth?{urlencode(asked)}"

    def exchange(self, code: str, *, verifier: str, redirect: str) -> Granted:
        """What a code stands for, once."""
        self._enter("exchange")
        held = self._codes.get(code)
        proof = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        if held is None or held.used or self.clock.now() >= held.until:
            raise Refused("the code is no good", Where("oauth", "exchange", 400, "invalid_grant"))
        if (proof, redirect) != (held.challenge, held.redirect):
            raise Refused("the code is another's", Where("oauth", "exchange", 400, "invalid_grant"))
        self._codes[code] = replace(held, used=True)
        token = _Token(held.account, held.sub, held.scopes)
        return self._grant(token, self._new(self._refreshes, "refresh", token) if held.offline else None)

    def refresh(self, refresh: str) -> Granted:
        """Another access token."""
        self._enter("refresh")
        if refresh in self._spent:
            # Two have it: nobody can tell which of them is the thief.
            self.end(self._spent[refresh].account)
        held = self._refreshes.get(refresh)
        if held is None:
            raise Revoked("the consent is no longer valid", Where("oauth", "refresh", 400, "invalid_grant"))
        if not self.rotating:
            return self._grant(held)
        self._spent[refresh] = self._refreshes.pop(refresh)
        return self._grant(held, self._new(self._refreshes, "refresh", held))

    def revoke(self, token: str) -> None:
        """End the consent with all its tokens."""
        self._enter("revoke")
        held = self._refreshes.get(token) or self._accesses.get(token) or self._spent.get(token)
        if held is not None:
            self.end(held.account)

    def person(self, granted: Granted) -> Person:
        """Whose tokens they are."""
        self._enter("person")
        held = self._accesses.get(granted.access)
        if held is None:
            raise Refused("the token is no good", Where("oauth", "userinfo", 401))
        return Person(held.sub, held.account)

    # ---- what people do

    def consent(
        self, address: str, account: str, *, scopes: Collection[str] | None = None, sub: str | None = None
    ) -> dict[str, str]:
        """The account agrees at the address it was sent to, to these scopes (None: to all); what comes back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        granted = frozenset(asked["scope"].split() if scopes is None else scopes)
        code = f"code-{next(self._made)}"
        until = self.clock.now() + CODE_LIFE
        offline = asked["access_type"] == "offline"
        whose = sub or subject(account)
        self._codes[code] = _Code(
            account, whose, granted, asked["code_challenge"], asked["redirect_uri"], offline, until
        )
        return {"state": asked["state"], "code": code, "scope": " ".join(sorted(granted)), "iss": self.issuer}

    def refuse(self, address: str) -> dict[str, str]:
        """The person presses Cancel; what comes back."""
        return {"state": parse_qs(urlsplit(address).query)["state"][0], "error": "access_denied", "iss": self.issuer}

    def end(self, account: str) -> None:
        """The consent of the account is withdrawn."""
        for shelf in (self._refreshes, self._accesses):
            for text in [text for text, held in shelf.items() if held.account == account]:
                del shelf[text]

    def live(self, account: str) -> int:
        """How many tokens of the account are good."""
        shelves = [*self._refreshes.values(), *self._accesses.values()]
        return sum(1 for held in shelves if held.account == account)

    # ---- inside

    def _enter(self, call: str) -> None:
        self.asked.append(call)
        if self.trouble:
            raise self.trouble.pop(0)

    def _grant(self, token: _Token, refresh: str | None = None) -> Granted:
        access = self._new(self._accesses, "access", token)
        now = self.clock.now()
        return Granted(access, now + LIFE, token.scopes, refresh, now)

    def _new(self, shelf: dict[str, _Token], kind: str, token: _Token) -> str:
        text = f"{kind}-{next(self._made)}"
        shelf[text] = token
        return text
