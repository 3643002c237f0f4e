"""The consent pages and the authorization server's answers, as targets: no address and no answer brings them down."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
from flask import Request

from conference.errors import LockstepError
from functions.consent import browser, granting, session
from functions.consent.offer import Consent
from functions.credentials import Wallet
from functions.http.consent import consent
from functions.ports import Granted, Person
from infra.google.oauth import Client, GoogleOAuth
from infra.local.memory_oauth import MemoryOAuth
from tests.security.bytes_in import environ, request
from tests.security.doors import BASE, House
from tests.world import ALICE

Targets = dict[str, tuple[list[bytes], Callable[[bytes], None]]]
FORM = "application/x-www-form-urlencoded"


def of(house: House) -> Targets:
    """The targets by name."""
    return {
        "the consent pages": _pages(house),
        "answers of the authorization server": (_ANSWERS, _answered(house)),
    }


def _pages(house: House) -> tuple[list[bytes], Callable[[bytes], None]]:
    world = house.world
    oauth, api = MemoryOAuth(world.clock), _Silent()
    offer = Consent(Wallet(world.store, world.ground.vault, world.clock, oauth), api, BASE)
    known = session.begin(world.ground, Person("1", "nobody@example.com"))
    back = oauth.consent(granting.start(world.ground, offer, known, "connect", ALICE), ALICE, scopes=["openid"])
    ours = {"Origin": BASE, "Cookie": f"{browser.COOKIE}={known}", "Content-Type": FORM}
    token = browser.form_token(known)
    forms = {"start": {"account": ALICE}, "check": {}, "disconnect": {}, "sign-out": {}, "follow": {"calendar": "x@y"}}
    forms["unfollow"] = {"feed": "0" * 20}
    posts = [
        request(f"POST /{path}", ours, urlencode({"token": token, **form}).encode()) for path, form in forms.items()
    ]
    paths = (
        "/",
        "/consent",
        "/disconnect",
        "/style.css",
        f"/callback?{urlencode(back)}",
        "/callback?error=access_denied",
    )
    gets = [request(f"GET {path}", ours) for path in paths]
    programs = request("POST /check", {**ours, "Accept": "application/json"}, f"token={token}".encode())

    def check(data: bytes) -> None:
        door = dataclasses.replace(house.door, consent=offer)
        status = consent(door, Request(environ(data))).status_code
        assert 200 <= status < 500, f"a consent page answered {status}"

    return [*gets, *posts, programs], check


class _Silent:
    """A Calendar API that knows nobody."""

    def call(self, user: str, method: str, path: Any, **_: Any) -> dict[str, Any]:
        """Refuse."""
        raise LockstepError(f"{method} for {len(user)} and {len(path)}")


_ANSWERS = [
    json.dumps({"access_token": "a", "expires_in": 3599, "scope": "openid", "id_token": "e30.e30.e30"}).encode(),
    json.dumps({"sub": "1", "email": ALICE, "email_verified": True}).encode(),
    b'{"error": "invalid_grant", "error_description": "Bad Request"}',
    b'{"access_token": "a", "expires_in": 1, "id_token": "e30.eyJpYXQiOjF9.x", "refresh_token": "r"}',
]


def _answered(house: House) -> Callable[[bytes], None]:
    clock = house.world.clock

    def check(data: bytes) -> None:
        status = (200, 200, 400, 401, 503)[len(data) % 5]
        transport = httpx.MockTransport(lambda _: httpx.Response(status, stream=httpx.ByteStream(data)))
        with httpx.Client(transport=transport) as client:
            oauth = GoogleOAuth(Client("i", "s"), client, clock)
            asked: list[Callable[[], object]] = [
                lambda: oauth.exchange("c", verifier="v", redirect="r"),
                lambda: oauth.refresh("r"),
                lambda: oauth.revoke("t"),
                lambda: oauth.person(Granted("a", clock.now(), frozenset())),
            ]
            for ask in asked:
                try:
                    ask()
                except LockstepError:
                    continue

    return check
