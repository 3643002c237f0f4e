"""Who the user is: identity tokens, userinfo, tokeninfo, key set, discovery (OpenID Connect Core 1.0)."""

from __future__ import annotations

import base64
import hashlib
from random import Random
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from google.oauth2 import id_token as google_id_token

from infra.local.calendar.messages import Request
from infra.local.calendar.oauth.routes import ROUTES
from infra.local.calendar.server import CalendarServer
from tests.contract.calendar_server.desk import ALICE, BOB, START, read
from tests.contract.oauth.office import CLIENT, EMAIL, EVENTS, GoogleTransport, Office, wall_clock

SIGN_IN = "openid email profile"


def claims(office: Office, token: str) -> dict[str, Any]:
    """The token's claims, once its signature fits the published key."""
    keys = jwt.PyJWKSet.from_dict(read(office.send("GET", "/oauth2/v3/certs")))
    key = keys[jwt.get_unverified_header(token)["kid"]]
    told: dict[str, Any] = jwt.decode(token, key, audience=CLIENT, options={"verify_exp": False, "verify_iat": False})
    return told


def test_openid_brings_a_signed_identity(office: Office) -> None:
    """Issuer, audience, subject, times, nonce, and the hash that binds it to the access token."""
    told = office.tokens(scope=SIGN_IN, nonce="n-1")
    half = hashlib.sha256(told["access_token"].encode()).digest()[:16]
    found = claims(office, told["id_token"])
    now = int(office.now.timestamp())

    assert found == {
        "iss": "https://accounts.google.com",
        "aud": CLIENT,
        "azp": CLIENT,
        "sub": found["sub"],
        "email": ALICE,
        "email_verified": True,
        "hd": "example.com",
        "name": "Alice",
        "given_name": "Alice",
        "nonce": "n-1",
        "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
        "iat": now,
        "exp": now + 3600,
    }
    assert found["sub"].isdecimal()
    assert len(found["sub"]) == 21


def test_an_identity_tells_what_was_granted(office: Office) -> None:
    """Without `email` no address, without `openid` no identity at all; a refresh brings one, without the nonce."""
    told = office.tokens(scope="openid", nonce="n-1")
    renewed = read(office.refresh(told["refresh_token"]))

    assert "email" not in claims(office, told["id_token"])
    assert "nonce" not in claims(office, renewed["id_token"])
    assert "id_token" not in office.tokens(scope=f"email {EVENTS}")


def test_a_user_has_one_number(office: Office) -> None:
    """The subject is the same each time, and another for another user."""
    numbers = [
        claims(office, office.tokens(scope="openid", user=user)["id_token"])["sub"] for user in (ALICE, ALICE, BOB)
    ]

    assert numbers[0] == numbers[1] != numbers[2]


def test_a_consumer_has_no_domain(office: Office) -> None:
    """`hd` is for Workspace accounts; a name of two parts is told as two."""
    found = claims(office, office.tokens(scope=SIGN_IN, user="ada.lovelace@gmail.com")["id_token"])

    assert "hd" not in found
    assert (found["name"], found["given_name"], found["family_name"]) == ("Ada Lovelace", "Ada", "Lovelace")


def test_a_server_makes_its_own_key() -> None:
    """Without an injected source each server has another key, and its own key set fits its tokens."""
    keys = [keys_of(CalendarServer(lambda: START, Random(1))) for _ in range(2)]  # noqa: S311 - seeded on purpose

    assert keys[0]["kid"] != keys[1]["kid"]
    assert {(key["kty"], key["alg"], key["use"]) for key in keys} == {("RSA", "RS256", "sig")}


def keys_of(server: CalendarServer) -> dict[str, Any]:
    """The one key that a server publishes."""
    told = read(server.handle(Request("GET", "/oauth2/v3/certs")))
    key: dict[str, Any] = told["keys"][0]
    return key


def test_googles_own_library_accepts_the_identity() -> None:
    """google.oauth2.id_token fetches the key set and checks signature, audience and times."""
    office = Office(now=wall_clock())
    token = office.tokens(scope=SIGN_IN)["id_token"]
    certs = "https://www.googleapis.com/oauth2/v3/certs"
    found = google_id_token.verify_token(token, GoogleTransport(office), audience=CLIENT, certs_url=certs)

    assert found["email"] == ALICE


@pytest.mark.parametrize("path", ["/oauth2/v3/userinfo", "/v1/userinfo"])
def test_userinfo_tells_what_was_granted(office: Office, path: str) -> None:
    """By scope; 403 without any of signing in, 401 without a token."""
    told = read(office.send("GET", path, headers=office.bearer("openid email")))

    assert set(told) == {"sub", "email", "email_verified", "hd"}
    assert read(office.send("GET", path, headers={"authorization": f"Bearer dev:{ALICE}"}))["name"] == "Alice"
    assert office.send("GET", path, headers=office.bearer(EVENTS)).status == 403
    assert office.send("GET", path).status == 401


def test_tokeninfo_describes_an_access_token(office: Office) -> None:
    """Every value is a text; the address only with its scope."""
    token = office.tokens(scope=f"email {EVENTS}")["access_token"]
    plain = office.tokens(access_type="online")["access_token"]
    office.advance(99)
    told = read(office.send("GET", "/tokeninfo", {"access_token": token}))
    other = read(office.send("GET", "/oauth2/v3/tokeninfo", {"access_token": plain}))

    assert told == {
        "azp": CLIENT,
        "aud": CLIENT,
        "sub": told["sub"],
        "scope": f"{EMAIL} {EVENTS}",
        "exp": str(int(office.now.timestamp()) + 3500),
        "expires_in": "3500",
        "access_type": "offline",
        "email": ALICE,
        "email_verified": "true",
    }
    assert other["access_type"] == "online"
    assert "sub" not in other


def test_tokeninfo_describes_an_identity_token(office: Office) -> None:
    """Its claims as texts, as long as it is good."""
    token = office.tokens(scope=SIGN_IN)["id_token"]
    told = read(office.send("GET", "/tokeninfo", {"id_token": token}))
    forged = token[:-8] + ("A" * 8)
    office.advance(3600)

    assert (told["email"], told["email_verified"], told["alg"]) == (ALICE, "true", "RS256")
    assert office.send("GET", "/tokeninfo", {"id_token": forged}).status == 400
    assert office.send("GET", "/tokeninfo", {"id_token": token}).status == 400


@pytest.mark.parametrize(
    "query", [{}, {"access_token": "x", "id_token": "y"}, {"access_token": "x"}, {"id_token": "y"}]
)
def test_tokeninfo_refuses_what_is_no_token(office: Office, query: dict[str, str]) -> None:
    """400 with an error by name."""
    answer = office.send("GET", "/tokeninfo", query)

    assert answer.status == 400
    assert read(answer)["error"] in {"invalid_request", "invalid_token"}


def test_the_discovery_document_leads_to_what_is_served(office: Office) -> None:
    """Every address in it is one of this server's, on the host that was asked; a host that is none is not echoed."""
    told = read(office.send("GET", "/.well-known/openid-configuration", headers={"host": "127.0.0.1:8791"}))
    addresses = [urlsplit(value) for name, value in told.items() if name.endswith(("_endpoint", "_uri"))]
    evil = office.send("GET", "/.well-known/openid-configuration", headers={"host": '"><script>'})

    assert len(addresses) == 5
    assert {parts.netloc for parts in addresses} == {"127.0.0.1:8791"}
    assert {parts.path for parts in addresses} <= set(ROUTES)
    assert told["issuer"] == "https://accounts.google.com"
    assert b"script" not in evil.body


@pytest.mark.parametrize("path", sorted(ROUTES))
def test_each_route_has_its_methods(office: Office, path: str) -> None:
    """Others are 404."""
    assert office.send("DELETE", path).status == 404
