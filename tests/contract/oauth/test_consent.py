"""The authorization endpoint: what a user is shown, and what goes back to the client (RFC 6749 4.1, contract 12)."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.calendar.oauth.records import DEVELOPMENT
from infra.local.calendar.oauth.routes import ROUTES
from tests.contract.calendar_server.desk import ALICE, BOB, CAROL, read
from tests.contract.oauth.office import (
    BACK,
    CLIENT,
    EMAIL,
    EVENTS,
    LISTS,
    PREFIX,
    SECRET,
    Office,
    asked,
    challenge,
    error,
    returned,
    shown,
)

BOTH = f"{EVENTS} {LISTS}"


def test_the_user_is_asked_who_they_are(office: Office) -> None:
    """Without a hint: everyone who has a calendar here, and a field for another address."""
    for user in (BOB, CAROL):
        office.send("GET", "/calendar/v3/calendars/primary/events", headers={"authorization": f"Bearer dev:{user}"})
    page = office.open()

    assert page.status == 200
    assert "Choose an account to continue to Planner" in shown(page)
    assert BOB in shown(page)
    assert CAROL in shown(page)
    assert 'name="account"' in page.body.decode()


def test_the_page_tells_what_is_asked(office: Office) -> None:
    """Each scope in Google's words, a box for each that may be refused, and where the user will be sent."""
    page = office.open(scope=f"openid email {BOTH}", login_hint="Alice@Example.com")
    text, markup = shown(page), page.body.decode()

    assert "Planner wants access to your account" in text
    assert ALICE in text
    assert "View and edit events on all your calendars" in text
    assert "See your primary email address" in text
    assert "You will be sent to app.example.com" in text
    assert markup.count('type="checkbox"') == 2
    assert f'value="{EVENTS}"' in markup


def test_a_single_scope_is_granted_as_a_whole(office: Office) -> None:
    """No box: allowing it is granting it, signing in beside it or not."""
    page = office.open(scope=f"openid {EVENTS}", login_hint=ALICE)
    granted = returned(office.answer(scope=f"openid {EVENTS}"))

    assert 'type="checkbox"' not in page.body.decode()
    assert granted["scope"] == f"openid {EVENTS}"


def test_what_a_client_sends_is_shown_as_text(office: Office) -> None:
    """No parameter and no name becomes markup; the page runs no script and stands in no frame."""
    nasty = '"><script>alert(1)</script>'
    office.control("clients", clientId="x", clientSecret="y", redirectUris=[BACK], name=nasty)
    for page in (
        office.open(client_id="x", state=nasty, nonce=nasty, login_hint=ALICE),
        office.open(client_id="x", state=nasty, prompt="select_account", login_hint=ALICE),
        office.open(client_id=nasty),
        office.open(scope=nasty),
    ):
        assert b"<script" not in page.body
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["x-frame-options"] == "DENY"
        assert "no-store" in page.headers["cache-control"]


def test_allowing_sends_a_code_back(office: Office) -> None:
    """To the registered address, whose own query stays; the state comes back letter by letter."""
    answer = office.answer()
    back = returned(answer)

    assert answer.headers["location"].startswith("https://app.example.com/oauth/callback?from=google&state=")
    assert (back["state"], back["scope"], back["from"]) == ("s&1", EVENTS, "google")
    assert back["code"].startswith("4/0A")


def test_refusing_sends_an_error_back(office: Office) -> None:
    """access_denied with the state, no code."""
    assert returned(office.answer(decision="deny")) == {"from": "google", "state": "s&1", "error": "access_denied"}


def test_a_user_may_grant_less(office: Office) -> None:
    """Granular consent: the code and the token carry what is ticked, and the API holds to it."""
    back = returned(office.answer(LISTS, scope=BOTH))
    told = read(office.exchange(back["code"]))

    assert back["scope"] == told["scope"] == LISTS
    assert office.call(told["access_token"], "/calendar/v3/users/me/calendarList").status == 200
    assert office.call(told["access_token"]).status == 403


def test_granting_nothing_is_refusing(office: Office) -> None:
    """No box ticked and no signing in: access_denied; with signing in, just that."""
    nothing = returned(office.answer(scope=BOTH))
    signed_in = returned(office.answer(scope=f"openid email {BOTH}"))

    assert nothing["error"] == "access_denied"
    assert signed_in["scope"] == f"openid {EMAIL}"


def test_a_scope_that_was_not_asked_cannot_be_granted(office: Office) -> None:
    """Whatever a form says."""
    assert returned(office.answer(EVENTS, f"{PREFIX}calendar", scope=BOTH))["scope"] == EVENTS


def test_who_has_consented_is_not_asked_again(office: Office) -> None:
    """A second round trip goes straight back, and brings no refresh token; prompt=consent asks and brings one."""
    first = office.tokens()
    again = read(office.exchange(returned(office.open(login_hint=ALICE, access_type="offline"))["code"]))
    asked_again = office.open(login_hint=ALICE, prompt="consent")
    third = office.tokens(prompt="consent")

    assert first["refresh_token"] != third["refresh_token"]
    assert "refresh_token" not in again
    assert again["scope"] == EVENTS
    assert "granted before" in shown(asked_again)


def test_more_scopes_are_asked_for_anew(office: Office) -> None:
    """Consent covers what was granted and nothing else."""
    office.tokens()

    assert office.open(login_hint=ALICE, scope=BOTH).status == 200
    assert office.open(login_hint=BOB).status == 200


@pytest.mark.parametrize(("include", "scope"), [("true", f"{LISTS} {EVENTS}"), ("false", LISTS), (None, LISTS)])
def test_earlier_grants_are_included_on_demand(office: Office, include: str | None, scope: str) -> None:
    """include_granted_scopes: one token for all that the user ever granted to this client."""
    office.tokens()

    assert office.tokens(scope=LISTS, include_granted_scopes=include)["scope"] == scope


def test_without_a_prompt_nothing_is_shown(office: Office) -> None:
    """prompt=none: a code if all is granted already, else interaction_required."""
    refusal = returned(office.open(prompt="none", login_hint=ALICE))
    office.tokens()
    code = returned(office.open(prompt="none", login_hint=ALICE))["code"]
    stranger = returned(office.open(prompt="none"))

    assert refusal["error"] == stranger["error"] == "interaction_required"
    assert read(office.exchange(code))["scope"] == EVENTS


def test_the_account_can_be_chosen_against_the_hint(office: Office) -> None:
    """prompt=select_account shows the choice; what is chosen or typed there wins."""
    chooser = office.open(prompt="select_account", login_hint=ALICE)
    consent = office.open(prompt="select_account", login_hint=ALICE, account=f" {BOB.upper()} ")

    assert "Choose an account" in shown(chooser)
    assert BOB in shown(consent)
    assert "wants access" in shown(consent)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"client_id": None}, 400, "invalid_request"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"redirect_uri": None}, 400, "invalid_request"),
        ({"redirect_uri": "https://evil.example.com/"}, 400, "redirect_uri_mismatch"),
        ({"response_type": None}, 400, "invalid_request"),
        ({"response_type": "token"}, 400, "unsupported_response_type"),
        ({"scope": None}, 400, "invalid_request"),
        ({"scope": " "}, 400, "invalid_request"),
        ({"scope": f"{PREFIX}calendar.conferencing"}, 400, "invalid_scope"),
        ({"scope": f"{EVENTS} everything"}, 400, "invalid_scope"),
        ({"access_type": "always"}, 400, "invalid_request"),
        ({"include_granted_scopes": "maybe"}, 400, "invalid_request"),
        ({"prompt": "none consent"}, 400, "invalid_request"),
        ({"prompt": "login"}, 400, "invalid_request"),
        ({"code_challenge": "short"}, 400, "invalid_request"),
        ({"code_challenge": challenge(), "code_challenge_method": "S512"}, 400, "invalid_request"),
        ({"code_challenge_method": "S256"}, 400, "invalid_request"),
        ({"account": "nobody"}, 400, "invalid_request"),
    ],
)
def test_a_wrong_request_is_shown_not_sent_back(
    office: Office, changes: dict[str, str | None], status: int, code: str
) -> None:
    """An error page, as Google shows it: nobody is redirected on the word of a request that is wrong."""
    page = office.open(**changes)

    assert page.status == status
    assert "location" not in page.headers
    assert f"Error {status}: {code}" in shown(page)


@pytest.mark.parametrize("scope", [f"{PREFIX}drive.file", f"{PREFIX}calendar.addons.execute", "profile"])
def test_other_scopes_of_google_may_be_asked_for(office: Office, scope: str) -> None:
    """Add-ons, signing in, other products: a client that asks for more than Calendar runs unchanged."""
    assert office.open(scope=scope, login_hint=ALICE).status == 200


@pytest.mark.parametrize(
    "uri",
    [
        BACK.upper(),
        BACK + "&more=1",
        BACK.replace("https", "http"),
        BACK.removesuffix("?from=google"),
        BACK + "#part",
        "https://app.example.com.evil.example.com/oauth/callback?from=google",
        "http://localhost:8080/",
        "javascript:alert(1)",
    ],
)
def test_a_web_client_returns_to_a_registered_address_only(office: Office, uri: str) -> None:
    """Compared letter by letter: not another case, path, query, scheme or host, and no loopback."""
    assert office.open(redirect_uri=uri).status == 400


@pytest.mark.parametrize(
    ("uri", "admitted"),
    [
        ("http://localhost:8080/", True),
        ("http://127.0.0.1:51234", True),
        ("http://[::1]:9/back", True),
        ("http://localhost/any/path?x=1", True),
        ("https://localhost:8080/", False),
        ("http://localhost.example.com/", False),
        ("http://localhost@evil.example.com/", False),
        ("http://evil.example.com#@localhost/", False),
        ("http://evil.example.com\\@localhost/", False),
        ("http://localhost:99999/", False),
        ("http://[::1/", False),
        ("urn:ietf:wg:oauth:2.0:oob", False),
    ],
)
def test_an_installed_client_returns_to_any_port_of_this_machine(office: Office, uri: str, *, admitted: bool) -> None:
    """RFC 8252 7.3, for the development client, which is there from the start."""
    page = office.open(client_id=DEVELOPMENT.client_id, redirect_uri=uri, login_hint=ALICE)

    assert page.status == (200 if admitted else 400)


def test_only_the_page_itself_may_answer(office: Office) -> None:
    """A form on somebody else's site does not grant anything in the user's name."""
    form = {**asked(), "account": ALICE, "decision": "allow"}
    answer = office.post("/o/oauth2/v2/auth", form, headers={"sec-fetch-site": "cross-site"})

    assert answer.status == 400
    assert office.open(login_hint=ALICE).status == 200


_words = st.sampled_from(
    [
        *(BACK, CLIENT, SECRET, EVENTS, "code", "offline", "consent", "none", "true", ALICE, "S256", challenge()),
        *("authorization_code", "refresh_token", "allow", "\x00", "é", "a b", "'", "urn:ietf:params:oauth:x", "..."),
    ]
)
_names = st.sampled_from(
    [
        *(
            "client_id",
            "redirect_uri",
            "response_type",
            "scope",
            "state",
            "prompt",
            "login_hint",
            "account",
            "decision",
        ),
        *("grant", "grant_type", "code", "refresh_token", "token", "assertion", "id_token", "access_token"),
        *("client_secret", "code_challenge", "code_challenge_method", "code_verifier", "access_type"),
    ]
)


@given(
    st.sampled_from(sorted(ROUTES)),
    st.sampled_from(["GET", "POST", "PUT"]),
    st.dictionaries(_names, _words, max_size=10),
    st.dictionaries(_names, st.lists(_words, max_size=3), max_size=10),
    st.sampled_from(["", "Basic eDp5", "Basic ä", "Bearer x", "Bearer dev:a@b", "Basic"]),
)
def test_nothing_that_is_sent_breaks_it(
    path: str, method: str, query: dict[str, str], form: dict[str, list[str]], authorization: str
) -> None:
    """Any parameters at any route: an answer below 500, and no way out but to a registered address."""
    office = Office()
    usual = asked() if "auth" in path else {}
    body = office.post(path, {**usual, **form}, headers={"authorization": authorization})
    plain = office.send(method, path, {**usual, **query}, body=b"\xff", headers={"authorization": authorization})

    for answer in (body, plain):
        assert answer.status < 500
        if answer.status == 302:
            target = urlsplit(answer.headers["location"])
            assert (target.scheme, target.netloc, target.path) == ("https", "app.example.com", "/oauth/callback")
            assert ("from", "google") in parse_qsl(target.query)


def test_a_parameter_stands_once(office: Office) -> None:
    """RFC 6749 3.1: a second value is refused, at the page and at the token endpoint."""
    page = office.post("/o/oauth2/v2/auth", form={**asked(), "scope": [EVENTS, LISTS]})
    answer = office.post("/token", {"grant_type": ["refresh_token", "authorization_code"]})

    assert page.status == 400
    assert error(answer) == (400, "invalid_request", "OAuth 2 parameters can only have a single value: grant_type")
