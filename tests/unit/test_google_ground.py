"""The Google ground as it is made: from settings alone, asking nobody; what it says of secrets that are not right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import pytest

from conference.errors import Later, Refused, Revoked, Where
from functions import credentials
from functions.consent.offer import CALENDARS, EVENTS
from functions.consent.state import challenge
from functions.credentials import Wallet
from functions.ports import Asking
from infra import edge, wiring
from infra.google.delegation import Delegated
from infra.google.edge import account
from infra.google.grants import ConsentGrants, DelegatedGrants
from infra.google.ground import Google, around
from infra.google.secrets import HTTP_TOKEN, MEETING_KEYS, OAUTH_CLIENT, local_client
from infra.local.memory import ManualClock, MemoryStore
from infra.local.memory_oauth import MemoryOAuth
from infra.local.secret_manager import LocalSecretManager
from infra.local.vault import LocalVault
from infra.settings import settings_of
from tests.world import ALICE, START

BASE = "https://europe-west6-acme-lockstep.cloudfunctions.net"
TOLD = {
    "GROUND": "google",
    "STORE": "firestore",
    "QUEUE": "cloudtasks",
    "PROJECT": "acme-lockstep",
    "PUBLIC_URL": BASE,
    "TASK_QUEUES": "function",
    "JANUS": "off",
    "HTTP_URL": "https://meet.acme.example/api",
}
DELEGATION = {
    "CREDENTIALS": "delegation",
    "DELEGATION_ACCOUNT": "lockstep-delegate@acme-lockstep.iam.gserviceaccount.com",
}


@contextmanager
def made(**changed: str) -> Iterator[Google]:
    """The ground of a deployment with these settings."""
    settings = settings_of({f"LOCKSTEP_{name}": value for name, value in {**TOLD, **changed}.items()})
    with closing(around(edge.google(settings))) as ground:
        yield ground


def test_it_is_made_without_asking_anybody() -> None:
    """No credential, no secret, no connection is needed before it is used: each function has rights of its own."""
    with made() as google:
        door = google.door
        assert door.base_url == BASE
        assert door.ground.notice_address == f"{BASE}/calendar_notification"
        assert door.tasks_account == "lockstep-tasks@acme-lockstep.iam.gserviceaccount.com"
        assert door.scheduler_account == "lockstep-scheduler@acme-lockstep.iam.gserviceaccount.com"
        assert list(door.ground.providers) == ["http"]
        assert door.consent is not None
        assert door.consent.redirect == f"{BASE}/consent/callback"
        assert (door.consent.oauth.origin, door.consent.oauth.issuer) == ("https://accounts.google.com",) * 2
        assert door.project is not None
        assert door.addon is not None


def test_the_settings_choose_the_ground() -> None:
    """The wiring makes the one that is named."""
    settings = settings_of({f"LOCKSTEP_{name}": value for name, value in TOLD.items()})
    with closing(wiring.whole(edge.edge_of(settings))) as ground:
        assert isinstance(ground, Google)


def test_without_a_conferencing_system_there_are_triggers_only() -> None:
    """No address, no provider; nothing else is missing."""
    with made(HTTP_URL="") as google:
        assert dict(google.door.ground.providers) == {}
        assert google.door.ground.solutions == ()


def test_with_delegation_nobody_consents() -> None:
    """There are no pages for it, and each user's credential is the account's."""
    with made(**DELEGATION) as google:
        door = google.door
        assert door.consent is None
        assert door.project is not None
        assert isinstance(door.project.grants, DelegatedGrants)
        assert door.project.grants.scopes(ALICE) == {EVENTS, CALENDARS}
        assert isinstance(google.credentials(ALICE), Delegated)


# ---- Secrets that are not right ---------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Any) -> Iterator[tuple[Google, LocalSecretManager]]:
    """A ground whose Secret Manager is here."""
    with LocalSecretManager() as server:
        port = server.target.rpartition(":")[2]
        with made(SERVICES="local", SECRETS_PORT=port, STATE=str(tmp_path)) as google:
            yield google, server


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_marks_nothing(place: tuple[Google, LocalSecretManager], length: int) -> None:
    """A new line behind the key would make all meetings strangers' once it is noticed: it is refused at once."""
    google, server = place
    if length:
        server.put("acme-lockstep", MEETING_KEYS, b"k" * length)
    with pytest.raises(Later, match=MEETING_KEYS):
        _ = google.door.ground.key_secret

    server.put("acme-lockstep", MEETING_KEYS, b"k" * 32)
    google.secrets.close()  # as after five minutes
    assert google.door.ground.key_secret == b"k" * 32


@pytest.mark.parametrize("text", [b"x", b"{}", b'{"web": {"client_id": "", "client_secret": ""}}'])
def test_a_client_file_that_is_none_is_named(place: tuple[Google, LocalSecretManager], text: bytes) -> None:
    """Nobody is sent to Google with it; the text says which secret it is, and nothing of what it holds."""
    google, server = place
    server.put("acme-lockstep", OAUTH_CLIENT, text)
    assert google.door.consent is not None
    with pytest.raises(Later, match=f"{OAUTH_CLIENT} is not usable"):
        google.door.consent.oauth.address(Asking(("openid",), "state", "c" * 43, BASE))


def test_a_providers_token_is_asked_for_when_it_is_called(place: tuple[Google, LocalSecretManager]) -> None:
    """Without one nothing is sent, and it is said which secret is missing."""
    google, _ = place
    with pytest.raises(Later, match=HTTP_TOKEN):
        google.door.ground.providers["http"].find("key")


def test_secrets_are_asked_for_by_their_own_client(place: tuple[Google, LocalSecretManager]) -> None:
    """The project's own, by Google's library."""
    google, server = place
    server.put("another-project", HTTP_TOKEN, b"token")
    with pytest.raises(Later):
        google.secrets.text(HTTP_TOKEN)
    assert local_client(server.target).transport.kind == "grpc"
    assert account(google.edge.settings, "x") == "lockstep-x@acme-lockstep.iam.gserviceaccount.com"


# ---- Grants -----------------------------------------------------------------------------------


@pytest.fixture
def wallet() -> Wallet:
    """One user has consented."""
    clock = ManualClock(START)
    oauth = MemoryOAuth(clock)
    wallet = Wallet(MemoryStore(clock), LocalVault(b"v" * 32), clock, oauth)
    asking = Asking(("openid", EVENTS, CALENDARS), "s", challenge("verifier"), BASE, offline=True)
    back = oauth.consent(oauth.address(asking), ALICE)
    granted = oauth.exchange(back["code"], verifier="verifier", redirect=BASE)
    credentials.keep(wallet, ALICE, oauth.person(granted).sub, granted)
    return wallet


def test_a_script_has_what_its_user_consented_to(wallet: Wallet) -> None:
    """The scopes of the consent, its access token; who has not consented has none."""
    grants = ConsentGrants(wallet, f"{BASE}/consent")

    assert grants.scopes(ALICE) >= {EVENTS, CALENDARS}
    assert grants.access_token(ALICE)
    assert grants.identity_token(ALICE) is None
    assert grants.consent_url(ALICE, [EVENTS]) == f"{BASE}/consent"
    assert grants.scopes("bob@example.com") == frozenset()
    with pytest.raises(Revoked):
        grants.access_token("bob@example.com")


def test_a_script_may_take_a_consent_back(wallet: Wallet) -> None:
    """At Google and here, once; who has none is let be."""
    grants = ConsentGrants(wallet, f"{BASE}/consent")
    found = credentials.find(wallet.store, ALICE)
    assert found is not None
    refresh = credentials.opened(wallet, found[1]).refresh
    for user in (ALICE, ALICE, "bob@example.com"):
        grants.revoke(user)

    assert grants.scopes(ALICE) == frozenset()
    for act in (partial(grants.access_token, ALICE), partial(wallet.oauth.refresh, refresh)):
        with pytest.raises(Revoked):
            act()


def test_a_script_takes_a_consent_back_that_google_does_not_revoke(wallet: Wallet) -> None:
    """Here it ends all the same, as by any script."""
    oauth = wallet.oauth
    assert isinstance(oauth, MemoryOAuth)
    oauth.trouble.append(Refused("no", Where("oauth", "revoke", 400, "invalid_request")))
    ConsentGrants(wallet, f"{BASE}/consent").revoke(ALICE)
    found = credentials.find(wallet.store, ALICE)

    assert found is not None
    assert (found[1].sealed, found[1].trouble) == (None, "a script took the consent back")
    assert oauth.asked.count("revoke") == 1


def test_what_an_administrator_granted_no_script_takes_back() -> None:
    """It is for everybody, and not a user's to end."""
    with made(**DELEGATION) as google:
        assert google.door.project is not None
        grants = google.door.project.grants
        assert grants.identity_token(ALICE) is None
        assert grants.consent_url(ALICE, []) == f"{BASE}/consent"
        with pytest.raises(Refused):
            grants.revoke(ALICE)
