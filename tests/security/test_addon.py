"""Who may call the add-on: Google, for this deployment, and for the user whose token is inside (S11, S13, S20)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

import jwt
import pytest
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from conference.errors import Later
from functions.addon.entry import ENDPOINTS
from functions.addon.offer import SCOPES
from functions.http import addon
from infra.local.issuer import LocalIssuer
from tests.security.doors import ADD_ON, BASE, ISSUER, SCHEDULER, TASKS, House, logged, snapshot
from tests.security.test_callers import OTHER, Forger
from tests.world import ALICE

BOB = "bob@example.com"
ACCOUNT, CLIENT = ADD_ON.addon_account, ADD_ON.addon_client


class AddOnForger(Forger):
    """Who knows all that is public of the add-on."""

    @property
    def claims(self) -> dict[str, Any]:
        """What a good token says."""
        said: dict[str, Any] = jwt.decode(self.mint(), options={"verify_signature": False})
        return said

    def mint(self, audience: str | None = None, account: str | None = None, life: float = 3600) -> str:
        """A token of the true issuer."""
        return self.issuer.mint(audience or f"{BASE}/addon/{self.function}", account or ACCOUNT, life)

    def saying(self, **changed: object) -> str:
        """A token of the true issuer that says something else."""
        claims = {name: value for name, value in {**self.claims, **changed}.items() if value is not ...}
        key = vars(self.issuer)["_key"]
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": self.kid})


BAD: dict[str, Callable[[AddOnForger], str]] = {
    "garbage": lambda _: "x",
    "an empty token of three parts": lambda _: "..",
    "of megabytes": lambda it: it.mint() + "A" * 1_000_000,
    "expired": lambda it: it.mint(life=-11),
    "of tomorrow": lambda it: it.saying(iat=it.claims["iat"] + 11),
    "for a task": lambda it: it.mint(audience=f"{BASE}/sync_calendar"),
    "for our base address": lambda it: it.mint(audience=BASE),
    "for another path of the add-on": lambda it: it.mint(audience=f"{BASE}/addon/other"),
    "for another host": lambda it: it.mint(audience=f"https://mallory.example/addon/{it.function}"),
    "for several": lambda it: it.saying(aud=[f"{BASE}/addon/{it.function}"]),
    "for the add-on's OAuth client": lambda it: it.mint(audience=CLIENT),
    "of a user": lambda it: it.mint(account=ALICE),
    "of another service account": lambda it: it.mint(account="mallory@project.example"),
    "of the tasks' account": lambda it: it.mint(account=TASKS),
    "of the scheduler's account": lambda it: it.mint(account=SCHEDULER),
    "of a lookalike account": lambda it: it.mint(account=ACCOUNT.upper()),
    "not verified": lambda it: it.saying(email_verified=False),
    "verified in words": lambda it: it.saying(email_verified="true"),
    "silent about it": lambda it: it.saying(email_verified=...),
    "without an address": lambda it: it.saying(email=...),
    "with several addresses": lambda it: it.saying(email=[ACCOUNT]),
    "of another issuer": lambda it: it.saying(iss=f"{ISSUER}.mallory.example"),
    "signed by another": AddOnForger.signed,
    "alg none": lambda it: it.unsigned("none"),
    "alg RS256 without signature": lambda it: it.unsigned("RS256"),
    "HS256 with the public key": AddOnForger.keyed_with_the_public_key,
    "bringing its own key": AddOnForger.bringing_its_own_key,
}


def body(house: House, user: str | None = None, changed: dict[str, Any] | None = None) -> bytes:
    """What Google sends for a new event of Alice's; her token is inside, or the one given."""
    token = house.issuer.mint(CLIENT, ALICE) if user is None else user
    told = {
        "authorizationEventObject": {"userIdToken": token, "authorizedScopes": [*SCOPES]},
        "calendar": {"calendarId": ALICE, "id": "draft1"},
    }
    return json.dumps({**told, **(changed or {})}).encode()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("kind", BAD)
def test_bad_host_tokens(quiet: House, endpoint: str, kind: str) -> None:
    """Whoever is not Google calling this deployment is refused without a reason, and nothing is done."""
    before = snapshot(quiet.world)

    answer = quiet.ask(endpoint, body(quiet), token=BAD[kind](AddOnForger(quiet.issuer, endpoint)))

    assert (answer.status_code, answer.get_data(as_text=True)) == (403, "this identity may not call this function\n")
    assert snapshot(quiet.world) == before


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "said", [{}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Basic eA=="}]
)
def test_no_host_token(quiet: House, endpoint: str, said: dict[str, str]) -> None:
    """Without a bearer token the answer is 401, whatever the body says."""
    before = snapshot(quiet.world)

    assert quiet.call("addon", said, body(quiet), path=f"/{endpoint}").status_code == 401
    assert snapshot(quiet.world) == before


def bad_users(issuer: LocalIssuer) -> dict[str, str]:
    """Tokens that are not the user's."""
    forger = AddOnForger(issuer, "create")
    return {
        "for us, not for the client": issuer.mint(f"{BASE}/addon/create", BOB),
        "for another client": issuer.mint("other.example", BOB),
        "expired": issuer.mint(CLIENT, BOB, -11),
        "signed by another": LocalIssuer(OTHER, ISSUER, vars(issuer)["_clock"]).mint(CLIENT, BOB),
        "not verified": forger.saying(aud=CLIENT, email=BOB, email_verified=False),
        "garbage": "a.b.c",
    }


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_bad_user_tokens(quiet: House, endpoint: str) -> None:
    """A genuine call with a user's token that is none is refused as a whole."""
    before = snapshot(quiet.world)

    for kind, token in bad_users(quiet.issuer).items():
        assert quiet.ask(endpoint, body(quiet, token)).status_code == 403, kind
    assert snapshot(quiet.world) == before


def test_the_user_is_the_tokens(house: House) -> None:
    """Whatever else the body says of users, the calendar that is connected and the meeting's host are the token's."""
    mallory = {
        "user": ALICE,
        "commonEventObject": {"userEmail": ALICE, "parameters": {"user": ALICE}},
        "calendar": {"calendarId": BOB, "id": "draft1", "organizer": {"email": ALICE}, "creator": {"email": ALICE}},
    }
    answer = house.ask("create", body(house, house.issuer.mint(CLIENT, BOB), mallory))

    assert answer.status_code == 200
    assert {row.user for row in house.world.rows()} == {BOB}
    assert [meeting["host"] for meeting in house.world.meetings()] == [BOB]
    assert [held.task.body for held in house.world.queue.waiting()] == [{"user": BOB, "calendar": BOB}]


def test_no_user_no_conference(house: House) -> None:
    """Without a user's token nothing is made: Google is asked for the scope that brings one, or refused."""
    before = snapshot(house.world)
    without = {"calendar": {"calendarId": ALICE, "id": "draft1"}}
    all_granted = json.dumps({**without, "authorizationEventObject": {"authorizedScopes": [*SCOPES]}}).encode()

    asked = house.ask("create", json.dumps(without).encode())
    refused = house.ask("create", all_granted)

    assert json.loads(asked.get_data()) == {
        "requesting_google_scopes": {"scopes": ["https://www.googleapis.com/auth/userinfo.email"]}
    }
    assert refused.status_code == 403
    assert snapshot(house.world) == before


def test_genuine_calls(house: House) -> None:
    """What the tests above turn away is not turned away for its body; the clocks may be ten seconds apart."""
    good = AddOnForger(house.issuer, "home")
    tokens = [
        good.mint(),
        good.mint(life=-9),
        good.saying(iat=good.claims["iat"] + 9),
        *(good.mint(audience=f"{BASE}/addon{path}") for path in ("", "/create", "/changed")),
    ]

    assert [house.ask("home", body(house), token=one).status_code for one in tokens] == [200] * len(tokens)
    assert {house.ask(endpoint, body(house)).status_code for endpoint in ENDPOINTS} == {200}


def test_tokens_are_never_logged(house: House) -> None:
    """A refusal leaves one line, and none of the tokens that were sent stands in any line."""
    user, bad = house.issuer.mint(CLIENT, ALICE), AddOnForger(house.issuer, "create").mint(audience=BASE)
    with logged() as out:
        house.ask("create", body(house, user), token=bad)
        refused = out.getvalue()
        house.ask("create", body(house, bad))
        house.ask("create", body(house, user))

    assert len(refused.splitlines()) == 1
    assert user not in out.getvalue()
    assert bad not in out.getvalue()


@pytest.mark.parametrize("told", [b"", b"[]", b"null", b'"x"', b"{", b"\xff", b"[" * 5000])
def test_unreadable_bodies(quiet: House, told: bytes) -> None:
    """400: it is neither our bug nor worth coming again."""
    for endpoint in ENDPOINTS:
        assert quiet.ask(endpoint, told).status_code == 400


@pytest.mark.parametrize("path", ["/", "/admin", "/addon", "/create/x", "/../home", "/home//x"])
def test_other_paths(quiet: House, path: str) -> None:
    """The framework hands every path to the function."""
    assert quiet.call("addon", {}, b"{}", path=path).status_code == 404


def test_not_deployed(house: House) -> None:
    """Without an add-on there is nothing at its addresses."""
    asked = EnvironBuilder(method="POST", path="/home", data=b"{}")
    answer: Response = addon.addon(replace(house.door, addon=None), Request(asked.get_environ()))

    assert answer.status_code == 404


def test_a_bug_is_an_answer(house: House) -> None:
    """The user is told that there is no conference, and a stranger to our code learns nothing of it."""

    class Broken:
        """A store in which a bug is."""

        def get(self, key: str) -> NoReturn:
            """Fail."""
            raise KeyError(f"secret of {key}")

    house.world.change_ground(store=Broken())
    answer = house.ask("create", body(house))

    assert answer.status_code == 200
    assert "PERMANENT" in answer.get_data(as_text=True)
    assert "secret" not in answer.get_data(as_text=True)


def test_when_the_store_is_down(house: House) -> None:
    """The homepage cannot be shown, a notice is to come again, and no conference is made for the moment."""

    class Down:
        """A store that cannot be reached."""

        def get(self, *_: object) -> NoReturn:
            """Fail."""
            raise Later("the store is down")

        query = get

    house.world.change_ground(store=Down())

    assert "TEMPORARY" in house.ask("create", body(house)).get_data(as_text=True)
    assert [house.ask(endpoint, body(house)).status_code for endpoint in ("home", "changed")] == [503, 503]
