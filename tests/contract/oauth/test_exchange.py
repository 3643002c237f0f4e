"""The token endpoint, the tokens' lives, and how they end (RFC 6749, 7636, 7009; contract 10.1, 12)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from infra.local.calendar.oauth.book import REFRESH_LIMIT
from infra.local.calendar.oauth.records import DEVELOPMENT
from tests.contract.calendar_server.desk import ALICE, BOB, read
from tests.contract.oauth.office import (
    BACK,
    CLIENT,
    EVENTS,
    LISTS,
    PREFIX,
    ROBOT,
    SECRET,
    VERIFIER,
    Office,
    challenge,
    error,
    pems,
)

BOTH = f"{EVENTS} {LISTS}"
REVOKED = (400, "invalid_grant", "Token has been expired or revoked.")


def test_a_code_becomes_tokens(office: Office) -> None:
    """The members that Google answers with; the answer must not be kept by anyone on its way."""
    answer = office.exchange(office.code(access_type="offline"))
    told = read(answer)

    assert set(told) == {"access_token", "expires_in", "refresh_token", "scope", "token_type"}
    assert (told["expires_in"], told["scope"], told["token_type"]) == (3599, EVENTS, "Bearer")
    assert told["access_token"].startswith("ya29.")
    assert told["refresh_token"].startswith("1//")
    assert "no-store" in answer.headers["cache-control"]
    assert office.call(told["access_token"]).status == 200


def test_online_access_brings_no_refresh_token(office: Office) -> None:
    """access_type=offline is what asks for it."""
    assert "refresh_token" not in office.tokens(access_type="online")


def test_a_code_is_good_once(office: Office) -> None:
    """Replayed: invalid_grant; the tokens of the first exchange stay."""
    code = office.code()
    told = read(office.exchange(code))

    assert error(office.exchange(code)) == (400, "invalid_grant", "Bad Request")
    assert office.call(told["access_token"]).status == 200


def test_a_code_lasts_ten_minutes(office: Office) -> None:
    """One second less is in time."""
    late, early = office.code(), office.code()
    office.advance(599)
    in_time = office.exchange(early)
    office.advance(1)

    assert in_time.status == 200
    assert error(office.exchange(late))[1] == "invalid_grant"
    office.code()
    assert error(office.exchange(late)) == (400, "invalid_grant", "Malformed auth code.")  # it is forgotten by now


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"code": None}, (400, "invalid_request", "Missing required parameter: code")),
        ({"code": "4/0Amade-up"}, (400, "invalid_grant", "Malformed auth code.")),
        ({"redirect_uri": BACK + "x"}, (400, "redirect_uri_mismatch", "Bad Request")),
        ({"redirect_uri": None}, (400, "invalid_request", "Missing required parameter: redirect_uri")),
        ({"client_id": None}, (400, "invalid_request", "Could not determine client ID from request.")),
        ({"client_id": "nobody"}, (401, "invalid_client", "The OAuth client was not found.")),
        ({"client_secret": None}, (400, "invalid_request", "client_secret is missing.")),
        ({"client_secret": "guessed"}, (401, "invalid_client", "Unauthorized")),
        ({"client_secret": "géssed"}, (401, "invalid_client", "Unauthorized")),
        ({"client_id": DEVELOPMENT.client_id, "client_secret": DEVELOPMENT.client_secret}, None),
        ({"grant_type": None}, (400, "invalid_request", "Missing required parameter: grant_type")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type", "Invalid grant_type: password")),
        ({"code_verifier": VERIFIER}, (400, "invalid_grant", "code_verifier or verifier is not needed.")),
    ],
)
def test_a_wrong_exchange_is_refused(
    office: Office, changes: dict[str, str | None], expected: tuple[int, str, str] | None
) -> None:
    """Google's error and description; a refused code is still good for the right exchange."""
    code = office.code()

    assert error(office.exchange(code, **changes)) == (expected or (400, "invalid_grant", "Bad Request"))
    assert office.exchange(code).status == 200


@pytest.mark.parametrize(
    ("asked", "shown", "says"),
    [
        ({"code_challenge": challenge(), "code_challenge_method": "S256"}, VERIFIER, None),
        ({"code_challenge": VERIFIER, "code_challenge_method": "plain"}, VERIFIER, None),
        ({"code_challenge": VERIFIER}, VERIFIER, None),
        ({"code_challenge": challenge(), "code_challenge_method": "S256"}, None, "Missing code verifier."),
        ({"code_challenge": challenge(), "code_challenge_method": "S256"}, "x" * 43, "Invalid code verifier."),
        ({"code_challenge": challenge(), "code_challenge_method": "S256"}, challenge(), "Invalid code verifier."),
        ({"code_challenge": challenge()}, VERIFIER, "Invalid code verifier."),
        ({"code_challenge": VERIFIER}, "é" * 43, "Invalid code verifier."),
    ],
)
def test_a_proof_must_fit_its_challenge(
    office: Office, asked: dict[str, str], shown: str | None, says: str | None
) -> None:
    """PKCE by S256 and plain (the default); neither the challenge itself nor silence will do."""
    answer = office.exchange(office.code(**asked), code_verifier=shown)

    assert answer.status == (400 if says else 200)
    if says:
        assert error(answer) == (400, "invalid_grant", says)


@pytest.mark.parametrize(
    ("coded", "status"),
    [(f"{CLIENT}:{SECRET}", 200), (f"{CLIENT}:wrong", 401), ("nobody:x", 401), (None, 401)],
)
def test_a_client_may_prove_itself_in_a_header(office: Office, coded: str | None, status: int) -> None:
    """client_secret_basic; what cannot be read is refused."""
    header = base64.b64encode(coded.encode()).decode() if coded else "%"
    form = {"grant_type": "authorization_code", "code": office.code(), "redirect_uri": BACK}

    assert office.post("/token", form, headers={"authorization": f"Basic {header}"}).status == status


@pytest.mark.parametrize("path", ["/o/oauth2/token", "/oauth2/v4/token"])
def test_older_addresses_of_the_token_endpoint_work(office: Office, path: str) -> None:
    """Key files that were downloaded years ago name them."""
    form = {"grant_type": "authorization_code", "code": office.code(), "redirect_uri": BACK}

    assert office.post(path, {**form, "client_id": CLIENT, "client_secret": SECRET}).status == 200


def test_a_refresh_token_brings_access_tokens(office: Office) -> None:
    """Any number of them, without another refresh token; each lives its hour."""
    told = office.tokens()
    office.advance(3599)
    renewed = read(office.refresh(told["refresh_token"]))

    assert set(renewed) == {"access_token", "expires_in", "scope", "token_type"}
    assert office.call(told["access_token"]).status == 401
    assert office.call(renewed["access_token"]).status == 200


def test_a_refresh_can_ask_for_less_but_not_for_more(office: Office) -> None:
    """RFC 6749 6: invalid_scope for what was not granted."""
    refresh = office.tokens(EVENTS, LISTS, scope=BOTH)["refresh_token"]
    narrowed = read(office.refresh(refresh, scope=LISTS))

    assert narrowed["scope"] == LISTS
    assert office.call(narrowed["access_token"]).status == 403
    assert error(office.refresh(refresh, scope=f"{PREFIX}calendar")) == (400, "invalid_scope", "Bad Request")
    assert read(office.refresh(refresh))["scope"] == BOTH


def test_a_refresh_token_is_for_one_client(office: Office) -> None:
    """Another client, though it is who it says it is, gets nothing for it."""
    refresh = office.tokens()["refresh_token"]
    other = {"client_id": DEVELOPMENT.client_id, "client_secret": DEVELOPMENT.client_secret}

    assert error(office.refresh(refresh, **other)) == (401, "unauthorized_client", "Unauthorized")


def test_too_many_refresh_tokens_end_the_oldest(office: Office) -> None:
    """100 of one user for one client; the next silently ends the first."""
    texts = []
    for _ in range(REFRESH_LIMIT + 1):
        texts.append(office.tokens()["refresh_token"])
        office.advance(1)

    assert error(office.refresh(texts[0])) == REVOKED
    assert office.refresh(texts[1]).status == 200
    assert office.refresh(texts[-1]).status == 200


def test_an_expired_token_is_challenged(office: Office) -> None:
    """401 authError with Google's WWW-Authenticate; without any token the challenge names no error."""
    token = office.tokens()["access_token"]
    office.advance(3598)
    in_time = office.call(token).status
    office.advance(1)
    late, none = office.call(token), office.send("GET", "/calendar/v3/calendars/primary/events")

    assert in_time == 200
    assert late.status == none.status == 401
    assert read(late)["error"]["errors"][0]["reason"] == "authError"
    assert late.headers["www-authenticate"] == 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
    assert none.headers["www-authenticate"] == 'Bearer realm="https://accounts.google.com/"'


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_both_and_the_consent(office: Office, kind: str) -> None:
    """The user is asked again afterwards; other users keep theirs."""
    told, bobs = office.tokens(), office.tokens(user=BOB)
    answer = office.post("/revoke", {"token": told[kind]})

    assert (answer.status, read(answer)) == (200, {})
    assert error(office.refresh(told["refresh_token"])) == REVOKED
    assert office.call(told["access_token"]).status == 401
    assert office.open(login_hint=ALICE).status == 200
    assert office.refresh(bobs["refresh_token"]).status == 200


def test_another_clients_tokens_outlive_a_revocation(office: Office) -> None:
    """What is withdrawn is one client's access."""
    office.control("clients", clientId="second", clientSecret="s2", redirectUris=[BACK])
    second = {"client_id": "second", "client_secret": "s2"}
    kept = read(office.exchange(office.code(client_id="second", access_type="offline"), **second))
    office.post("/revoke", {"token": office.tokens()["access_token"]})

    assert office.call(kept["access_token"]).status == 200
    assert office.refresh(kept["refresh_token"], **second).status == 200


@pytest.mark.parametrize("token", ["", "made-up", "expired"])
def test_what_is_no_token_cannot_be_revoked(office: Office, token: str) -> None:
    """400: unknown, expired, revoked before, missing."""
    text = office.tokens(access_type="online")["access_token"] if token == "expired" else token
    office.advance(4000)
    answer = office.send("POST", "/revoke", {"token": text})

    assert answer.status == 400
    assert error(answer)[1] == ("invalid_token" if token else "invalid_request")


@pytest.mark.parametrize(
    ("wish", "access", "refresh", "asked", "counts"),
    [
        ({"kind": "access"}, 401, 200, 302, {"access": 1, "refresh": 0}),
        ({"kind": "refresh"}, 200, 400, 302, {"access": 0, "refresh": 1}),
        ({"kind": "all"}, 401, 400, 200, {"access": 1, "refresh": 1}),
        ({}, 401, 400, 200, {"access": 1, "refresh": 1}),
        ({"clientId": CLIENT}, 401, 400, 200, {"access": 1, "refresh": 1}),
        ({"clientId": "another"}, 200, 200, 302, {"access": 0, "refresh": 0}),
    ],
)
def test_a_test_can_end_a_users_tokens(  # noqa: PLR0917 - one column each
    office: Office, wish: dict[str, Any], access: int, refresh: int, asked: int, counts: dict[str, int]
) -> None:
    """POST /control/tokens: access tokens expire, refresh tokens turn into invalid_grant, consent is forgotten."""
    told, bobs = office.tokens(), office.tokens(user=BOB)
    ended = office.control("tokens", user=ALICE.upper(), **wish)

    assert ended == counts
    assert office.call(told["access_token"]).status == access
    assert office.refresh(told["refresh_token"]).status == refresh
    assert office.open(login_hint=ALICE).status == asked
    assert office.refresh(bobs["refresh_token"]).status == 200


@pytest.mark.parametrize(
    ("route", "body", "says"),
    [
        ("clients", {"clientId": "x"}, "clientSecret"),
        ("clients", {"clientId": "a b", "clientSecret": "y"}, "blanks"),
        ("clients", {"clientId": "", "clientSecret": "y"}, "clientId"),
        ("clients", {"clientId": "x", "clientSecret": "y", "redirectUris": ["http://example.com/"]}, "https"),
        ("clients", {"clientId": "x", "clientSecret": "y", "redirectUris": ["/back"]}, "https"),
        ("clients", {"clientId": "x", "clientSecret": "y", "type": "spa"}, "type"),
        ("clients", {"clientId": "x", "clientSecret": "y", "redirect_uris": []}, "redirect_uris"),
        ("service-accounts", {"email": "x", "publicKey": "y"}, "email"),
        ("service-accounts", {"email": "x@y", "publicKey": "y"}, "publicKey"),
        ("service-accounts", {"email": ROBOT, "publicKey": pems()[1], "delegatedScopes": ["all"]}, "delegatedScopes"),
        ("tokens", {"user": "nobody"}, "user"),
        ("tokens", {"user": ALICE, "kind": "id"}, "kind"),
        ("tokens", {}, "user"),
    ],
)
def test_a_bad_control_body_is_refused_with_the_cause(
    office: Office, route: str, body: dict[str, Any], says: str
) -> None:
    """400 with a text that names what was wrong."""
    answer = office.send("POST", f"/control/{route}", body=json.dumps(body).encode())

    assert answer.status == 400
    assert says in read(answer)["error"]


def test_a_fault_can_hit_the_token_endpoint(office: Office) -> None:
    """An outage of the authorization server, and no secret in the noted requests."""
    refresh = office.tokens()["refresh_token"]
    office.control("faults", path="^/token$", status=503)
    failed, fine = office.refresh(refresh), office.refresh(refresh)
    office.send("GET", "/tokeninfo", {"access_token": "ya29.secret"})
    noted = read(office.send("GET", "/control/requests"))["requests"]

    assert (failed.status, fine.status) == (503, 200)
    assert [entry["status"] for entry in noted if entry["path"] == "/token"] == [200, 503, 200]
    assert "secret" not in str(noted)
    assert "state" not in str(noted)
