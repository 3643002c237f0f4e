"""Google's own libraries against the authorization server: flow, credentials, service accounts, the API client."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from google.auth.exceptions import RefreshError
from google.oauth2.credentials import Credentials
from google.oauth2.service_account import Credentials as Robot
from google_auth_httplib2 import AuthorizedHttp
from google_auth_oauthlib.flow import Flow  # type: ignore[import-untyped]  # it ships no types
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from infra.local.calendar.inprocess import InProcessHttp
from infra.local.calendar.messages import Request
from tests.contract.calendar_server.desk import ALICE, BOB, plain, read, run
from tests.contract.oauth.office import (
    BACK,
    CLIENT,
    EVENTS,
    JWT_BEARER,
    LISTS,
    ROBOT,
    SECRET,
    GoogleTransport,
    Office,
    RequestsAdapter,
    error,
    pems,
    returned,
    wall_clock,
)

TOKEN_URI = "https://oauth2.googleapis.com/token"
CONFIG = {
    "web": {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": TOKEN_URI,
        "redirect_uris": [BACK],
    }
}


@pytest.fixture
def office() -> Office:
    """A server in the present, as the libraries see it."""
    return Office(now=wall_clock())


def api(office: Office, credentials: Any) -> Any:
    """Google's client with these credentials."""
    http = AuthorizedHttp(credentials, http=InProcessHttp(office.server, "nobody@example.com"))
    return build("calendar", "v3", http=http, static_discovery=True)


def fetched(office: Office, *scopes: str) -> Credentials:
    """What google-auth-oauthlib's flow ends in when Alice allows everything."""
    flow = Flow.from_client_config(CONFIG, scopes, redirect_uri=BACK)
    with flow.oauth2session as session:
        session.mount("https://", RequestsAdapter(office))
        url, state = flow.authorization_url(login_hint=ALICE, prompt="consent")
        path, _, query = url.removeprefix("https://accounts.google.com").partition("?")
        form = f"{query}&account={ALICE}&decision=allow" + "".join(f"&grant={scope}" for scope in scopes)
        back = office.server.handle(Request("POST", path, body=form.encode()))
        assert returned(back)["state"] == state
        flow.fetch_token(authorization_response=back.headers["location"])
    credentials: Credentials = flow.credentials
    return credentials


def test_the_flow_ends_in_credentials_that_work(office: Office) -> None:
    """google-auth-oauthlib with PKCE, unchanged addresses; then Google's client with what it got."""
    credentials = fetched(office, EVENTS)
    made = run(api(office, credentials).events().insert(calendarId="primary", body=plain()))

    assert made["organizer"]["email"] == ALICE
    assert credentials.refresh_token
    assert list(credentials.scopes) == [EVENTS]


def test_credentials_renew_themselves(office: Office) -> None:
    """The access token ends; the client's 401 leads to a refresh and the call goes through."""
    credentials = fetched(office, EVENTS)
    before = credentials.token
    office.control("tokens", user=ALICE, kind="access")
    listed = run(api(office, credentials).events().list(calendarId="primary"))

    assert listed["items"] == []
    assert credentials.token != before


@pytest.mark.parametrize("how", ["revoked by the client", "withdrawn by the user"])
def test_credentials_without_consent_cannot_renew(office: Office, how: str) -> None:
    """RefreshError with invalid_grant, by which the product knows that the account is disconnected."""
    credentials = fetched(office, EVENTS)
    if how == "revoked by the client":
        office.post("/revoke", {"token": credentials.refresh_token})
    else:
        office.control("tokens", user=ALICE)
    with pytest.raises(RefreshError) as refusal:
        credentials.refresh(GoogleTransport(office))  # type: ignore[no-untyped-call]  # google-auth annotates nothing

    assert refusal.value.args[1]["error"] == "invalid_grant"


def test_a_narrow_token_is_refused_by_the_api(office: Office) -> None:
    """HttpError 403 whose reason says which kind it is."""
    service = api(office, fetched(office, LISTS))
    with pytest.raises(HttpError) as refusal:
        service.events().list(calendarId="primary").execute()

    assert refusal.value.resp.status == 403
    assert json.loads(refusal.value.content)["error"]["errors"][0]["reason"] == "insufficientPermissions"
    assert run(service.calendarList().list())["items"][0]["id"] == ALICE


# ---- service accounts


def robot(office: Office, *delegated: str) -> Robot:
    """The credentials of a registered service account, from its key file's content."""
    private, public = pems()
    office.control("service-accounts", email=ROBOT, publicKey=public, delegatedScopes=list(delegated))
    about = {"type": "service_account", "client_email": ROBOT, "private_key": private, "token_uri": TOKEN_URI}
    made: Robot = Robot.from_service_account_info(about, scopes=[EVENTS])  # type: ignore[no-untyped-call]  # google-auth annotates nothing
    return made


def test_a_service_account_has_a_calendar_of_its_own(office: Office) -> None:
    """google.oauth2.service_account without a subject."""
    made = run(api(office, robot(office)).events().insert(calendarId="primary", body=plain()))

    assert made["organizer"]["email"] == ROBOT


def test_a_service_account_acts_for_a_user(office: Office) -> None:
    """Domain-wide delegation: with_subject(user), for the scopes that the domain has allowed."""
    delegated = robot(office, EVENTS).with_subject(BOB)  # type: ignore[no-untyped-call]  # google-auth annotates nothing
    made = run(api(office, delegated).events().insert(calendarId="primary", body=plain()))

    assert made["organizer"]["email"] == BOB


def test_a_service_account_invites_nobody_in_its_own_name(office: Office) -> None:
    """10.1: 403 forbiddenForServiceAccounts; on behalf of a user it may."""
    body = {**plain(), "attendees": [{"email": BOB}]}
    credentials = robot(office, EVENTS)
    with pytest.raises(HttpError) as refusal:
        api(office, credentials).events().insert(calendarId="primary", body=body).execute()
    delegated = credentials.with_subject(ALICE)  # type: ignore[no-untyped-call]  # google-auth annotates nothing
    made = run(api(office, delegated).events().insert(calendarId="primary", body=body))

    assert refusal.value.resp.status == 403
    assert json.loads(refusal.value.content)["error"]["errors"][0]["reason"] == "forbiddenForServiceAccounts"
    assert made["attendees"][0]["email"] == BOB


def test_delegation_has_to_be_allowed(office: Office) -> None:
    """unauthorized_client, for another scope too."""
    delegated = robot(office, LISTS).with_subject(BOB)  # type: ignore[no-untyped-call]  # google-auth annotates nothing
    with pytest.raises(RefreshError, match="unauthorized_client"):
        delegated.refresh(GoogleTransport(office))


NOW = int(Office().now.timestamp())
GOOD = {"iss": ROBOT, "scope": EVENTS, "aud": TOKEN_URI, "iat": NOW, "exp": NOW + 3600}


def assert_(claims: dict[str, Any], key: str | None = None) -> tuple[Office, Any]:
    """Send an assertion with these claims at the instant NOW."""
    office = Office()
    robot(office, EVENTS)
    text = jwt.encode({name: value for name, value in claims.items() if value is not None}, key or pems()[0], "RS256")
    return office, office.post("/token", {"grant_type": JWT_BEARER, "assertion": text})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": "http://localhost/token"},
        {"aud": [TOKEN_URI]},
        {"sub": ROBOT},
        {"sub": "Bob@Example.com"},
        {"iat": NOW + 200, "exp": NOW + 300},
        {"exp": NOW + 1},
    ],
)
def test_a_right_assertion_brings_a_token(changes: dict[str, Any]) -> None:
    """Signed, in time, for this server, for oneself or for a user."""
    office, answer = assert_({**GOOD, **changes})

    assert set(read(answer)) == {"access_token", "expires_in", "scope", "token_type"}
    assert office.call(read(answer)["access_token"]).status == 200


@pytest.mark.parametrize(
    ("changes", "expected", "says"),
    [
        ({"iss": "other@project.iam.gserviceaccount.com"}, "invalid_grant", "account not found"),
        ({"iss": None}, "invalid_grant", "account not found"),
        ({"aud": "https://evil.example.com/token"}, "invalid_grant", "audience"),
        ({"aud": None}, "invalid_grant", "audience"),
        ({"aud": [7]}, "invalid_grant", "audience"),
        ({"iat": NOW - 8000, "exp": NOW - 4400}, "invalid_grant", "short-lived"),
        ({"iat": NOW + 4000, "exp": NOW + 7000}, "invalid_grant", "short-lived"),
        ({"exp": NOW + 86_400}, "invalid_grant", "short-lived"),
        ({"exp": NOW - 1, "iat": NOW}, "invalid_grant", "short-lived"),
        ({"iat": None}, "invalid_grant", "short-lived"),
        ({"exp": True}, "invalid_grant", "short-lived"),
        ({"scope": None}, "invalid_scope", "scope"),
        ({"scope": "everything"}, "invalid_scope", "scope"),
        ({"scope": 7}, "invalid_scope", "scope"),
        ({"sub": "nobody"}, "invalid_grant", "email"),
        ({"sub": BOB, "scope": f"{EVENTS} {LISTS}"}, "unauthorized_client", "unauthorized"),
    ],
)
def test_a_wrong_assertion_is_refused(changes: dict[str, Any], expected: str, says: str) -> None:
    """Google's error for each way of being wrong."""
    _, answer = assert_({**GOOD, **changes})
    status, name, text = error(answer)

    assert (status, name) == (401 if expected == "unauthorized_client" else 400, expected)
    assert says in text


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é"])
def test_what_is_no_assertion_is_refused(text: str) -> None:
    """400, never a crash."""
    answer = Office().post("/token", {"grant_type": JWT_BEARER, "assertion": text})

    assert answer.status == 400


def test_a_stranger_cannot_sign_for_a_service_account() -> None:
    """Invalid JWT Signature: neither with another key nor with the public one taken for a secret."""
    office = Office()
    robot(office)
    forged = jwt.encode(GOOD, "x" * 64, "HS256")
    answer = office.post("/token", {"grant_type": JWT_BEARER, "assertion": forged})

    assert error(answer) == (400, "invalid_grant", "Invalid JWT Signature.")
