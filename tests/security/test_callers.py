"""Who may call an internal function: every bad token at every door, and nothing done behind it (S11)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from infra.local.issuer import LocalIssuer, new_key
from infra.local.memory import ManualClock
from tests.security.doors import ACCOUNTS, BASE, ISSUER, SCHEDULER, TASKS, House, snapshot
from tests.world import START

OTHER = new_key()
BODIES = {
    "sync_calendar": {"feed": "f", "number": 10**9},
    "reconcile_event": {"feed": "f", "event": "e", "fence": 1},
    "patch_event": {"feed": "f", "event": "e", "fence": 1},
    "connect_calendar": {"user": "nobody@example.com", "calendar": "none"},
    "run_trigger": {"trigger": "1", "turn": "t"},
    "tick": {},
}


class Forger:
    """Who knows all that is public, and tries."""

    def __init__(self, issuer: LocalIssuer, function: str) -> None:
        self.issuer, self.function = issuer, function
        self.kid: str = issuer.jwks()["keys"][0]["kid"]

    @property
    def claims(self) -> dict[str, Any]:
        """What a good token says."""
        genuine = self.issuer.mint(f"{BASE}/{self.function}", ACCOUNTS[self.function])
        said: dict[str, Any] = jwt.decode(genuine, options={"verify_signature": False})
        return said

    def signed(self) -> str:
        """The claims signed with a key of the forger's own, under the issuer's key id."""
        return jwt.encode(self.claims, OTHER, algorithm="RS256", headers={"kid": self.kid})

    def unsigned(self, algorithm: str) -> str:
        """The claims without signature."""
        head = _part({"alg": algorithm, "typ": "JWT", "kid": self.kid})
        return f"{head}.{_part(self.claims)}."

    def keyed_with_the_public_key(self) -> str:
        """The claims under HS256, the public key being the secret."""
        public = jwt.PyJWK(self.issuer.jwks()["keys"][0]).key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        told = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': self.kid})}.{_part(self.claims)}"
        mac = hmac.new(public, told.encode(), hashlib.sha256).digest()
        return f"{told}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    def bringing_its_own_key(self) -> str:
        """The claims signed with the forger's key, which the header itself brings along, as a key and as an address."""
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OTHER.public_key()))
        headers = {"jwk": public, "jku": "https://mallory.example/keys", "x5u": "https://mallory.example/x5u"}
        return jwt.encode(self.claims, OTHER, algorithm="RS256", headers={**headers, "kid": self.kid})

    def mint(self, audience: str | None = None, account: str | None = None, life: float = 3600) -> str:
        """A token of the true issuer."""
        right = ACCOUNTS[self.function]
        return self.issuer.mint(audience or f"{BASE}/{self.function}", account or right, life)

    def of_another_issuer(self) -> str:
        """A token that the true key signed for an issuer of another name."""
        key = vars(self.issuer)["_key"]
        other = LocalIssuer(key, ISSUER + ".mallory.example", ManualClock(START))
        return other.mint(f"{BASE}/{self.function}", ACCOUNTS[self.function])


BAD: dict[str, Callable[[Forger], str]] = {
    "garbage": lambda _: "x",
    "an empty token of three parts": lambda _: "..",
    "of megabytes": lambda it: it.mint() + "A" * 1_000_000,
    "expired": lambda it: it.mint(life=-3600),
    "for another function": lambda it: it.mint(audience=f"{BASE}/calendar_notification"),
    "for our base address": lambda it: it.mint(audience=BASE),
    "for the address with a slash": lambda it: it.mint(audience=f"{BASE}/{it.function}/"),
    "for another host": lambda it: it.mint(audience=f"https://mallory.example/{it.function}"),
    "of an unknown account": lambda it: it.mint(account="mallory@project.example"),
    "of the other account of ours": lambda it: it.mint(account=TASKS if it.function == "tick" else SCHEDULER),
    "of a lookalike account": lambda it: it.mint(account=ACCOUNTS[it.function].upper()),
    "of another issuer": Forger.of_another_issuer,
    "signed by another": Forger.signed,
    "alg none": lambda it: it.unsigned("none"),
    "alg None": lambda it: it.unsigned("None"),
    "alg RS256 without signature": lambda it: it.unsigned("RS256"),
    "HS256 with the public key": Forger.keyed_with_the_public_key,
    "bringing its own key": Forger.bringing_its_own_key,
    "unsigned tail swapped": lambda it: it.mint().rpartition(".")[0] + "." + it.signed().rpartition(".")[2],
}
CLOUD_TASKS = {
    "X-CloudTasks-QueueName": "lockstep",
    "X-CloudTasks-TaskName": "t",
    "X-CloudTasks-TaskRetryCount": "0",
    "X-CloudScheduler": "true",
    "X-Appengine-Cron": "true",
    "X-Appengine-QueueName": "lockstep",
    "User-Agent": "Google-Cloud-Tasks",
    "X-Goog-Authenticated-User-Email": f"accounts.google.com:{TASKS}",
    "X-Forwarded-For": "127.0.0.1",
}


@pytest.mark.parametrize("function", ACCOUNTS)
@pytest.mark.parametrize("kind", BAD)
def test_bad_tokens(quiet: House, function: str, kind: str) -> None:
    """No kind of bad token opens any internal function, not even with the headers of Cloud Tasks; nothing is done."""
    headers = {**CLOUD_TASKS, "Authorization": f"Bearer {BAD[kind](Forger(quiet.issuer, function))}"}
    before = snapshot(quiet.world)

    answer = quiet.call(function, headers, json.dumps(BODIES[function]).encode())

    assert (answer.status_code, answer.get_data(as_text=True)) == (403, "this identity may not call this function\n")
    assert snapshot(quiet.world) == before


SAID = {
    "nothing": {},
    "the headers of Cloud Tasks and Cloud Scheduler": CLOUD_TASKS,
    "an empty header": {"Authorization": ""},
    "no token": {"Authorization": "Bearer"},
    "a blank for a token": {"Authorization": "Bearer "},
    "a password": {"Authorization": "Basic dGFza3M6dGFza3M="},
}


@pytest.mark.parametrize("function", ACCOUNTS)
@pytest.mark.parametrize("said", SAID.values(), ids=SAID.keys())
def test_no_token(quiet: House, function: str, said: dict[str, str]) -> None:
    """Without a bearer token the answer is 401, whatever else is said; nothing is done."""
    before = snapshot(quiet.world)

    assert quiet.call(function, said, json.dumps(BODIES[function]).encode()).status_code == 401
    assert snapshot(quiet.world) == before


@pytest.mark.parametrize("function", ACCOUNTS)
@pytest.mark.parametrize("place", ["access_token", "oauth_token", "id_token", "token"])
def test_tokens_in_addresses(quiet: House, function: str, place: str) -> None:
    """A good token counts in the Authorization header alone: an address is logged along its way."""
    token = Forger(quiet.issuer, function).mint()

    assert quiet.call(function, query_string={place: token}).status_code == 401
    assert quiet.call(function, {"Cookie": f"{place}={token}"}).status_code == 401


@pytest.mark.parametrize("function", ACCOUNTS)
def test_two_headers(quiet: House, function: str) -> None:
    """Two Authorization headers, joined as a server joins them, are no token, even if one of them is good."""
    good = f"Bearer {Forger(quiet.issuer, function).mint()}"

    for both in (f"{good},Bearer x", f"Bearer x,{good}", f"{good},{good}"):
        assert quiet.call(function, {"Authorization": both}).status_code == 403


@pytest.mark.parametrize("function", ACCOUNTS)
def test_good_token(house: House, function: str) -> None:
    """The right account's token opens its function: what the tests above turn away is not turned away for its body."""
    assert house.task(function, json.dumps(BODIES[function]).encode()).status_code == 200


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
