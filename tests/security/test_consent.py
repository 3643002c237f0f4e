"""Nothing that opens a door, and nobody's address, gets into a log while people consent, are checked and leave."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from conference.errors import LockstepError
from functions import credentials
from functions.ports import Granted, Person
from tests.flow.consent.browsing import Browser
from tests.flow.consent.desk import BOB, Desk
from tests.security.doors import logged, overheard
from tests.world import ALICE


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Nobody has consented to anything yet."""
    made = Desk()
    yield made
    made.close()


class Overheard:
    """An authorization server that keeps a note of every secret that goes over its counter."""

    def __init__(self, desk: Desk, secrets: dict[str, str]) -> None:
        self._oauth, self._secrets = desk.oauth, secrets
        self.issuer, self.origin, self.address = desk.oauth.issuer, desk.oauth.origin, desk.oauth.address

    def exchange(self, code: str, *, verifier: str, redirect: str) -> Granted:
        """Note code, verifier and tokens."""
        self._secrets |= {f"code {len(self._secrets)}": code, f"verifier {len(self._secrets)}": verifier}
        return self._noted(self._oauth.exchange(code, verifier=verifier, redirect=redirect))

    def refresh(self, refresh: str) -> Granted:
        """Note the new tokens."""
        return self._noted(self._oauth.refresh(refresh))

    def revoke(self, token: str) -> None:
        """As it is."""
        self._oauth.revoke(token)

    def person(self, granted: Granted) -> Person:
        """As it is."""
        return self._oauth.person(granted)

    def _noted(self, granted: Granted) -> Granted:
        self._secrets[f"access {len(self._secrets)}"] = granted.access
        if granted.refresh:
            self._secrets[f"refresh {len(self._secrets)}"] = granted.refresh
        return granted


def ways(desk: Desk) -> dict[str, str]:
    """All the ways there are through the pages, with trouble at every step; the secrets that were about."""
    secrets = {"client": 'lockstep-development"', "alice": ALICE, "bob": BOB}
    wallet = credentials.Wallet(desk.world.store, desk.world.ground.vault, desk.world.clock, Overheard(desk, secrets))
    desk.consent = type(desk.consent)(wallet, desk.api, desk.consent.address, forget=desk.consent.forget)
    desk.world.consent = desk.consent
    browser = Browser(desk)
    for path, status in (
        (None, 0),
        ("^/token$", 503),
        ("^/token$", 400),
        ("^/v1/userinfo$", 500),
        ("/calendars/", 403),
    ):
        _troubled(desk, path, status)
        browser.connect()
        secrets[f"cookie {len(secrets)}"] = next(iter(browser.cookies.values()))
        browser.get()
        secrets[f"form {len(secrets)}"] = browser.token()
        desk.http.delete("/control/faults")
    browser.connect(chosen=BOB)
    browser.connect(scopes=["openid"])
    browser.come_back({"state": "x", "code": "canary-code"})
    browser.connect()
    browser.get()
    browser.post("check")
    desk.withdraw()
    browser.get()
    browser.post("check")
    with pytest.raises(LockstepError):
        credentials.access(desk.wallet, ALICE)
    browser.connect()
    desk.world.insert()
    desk.world.settle()
    for path in ("^/revoke$", "/channels/stop"):
        _troubled(desk, path, 503)
        browser.get("disconnect")
        browser.post("disconnect")
        browser.connect()
        desk.http.delete("/control/faults")
        desk.world.settle()
    return {**secrets, "a code": "canary-code"}


def _troubled(desk: Desk, path: str | None, status: int) -> None:
    if path is not None:
        desk.fault(path, status, times=3)


def told_in(text: str, secrets: dict[str, str]) -> list[str]:
    """Which secrets stand in the text."""
    return [name for name, secret in secrets.items() if secret in text]


def test_no_secret_of_a_consent_is_logged(desk: Desk) -> None:
    """At the finest level, through all ways and all trouble: neither token nor code, cookie, form or address."""
    with logged(logging.DEBUG) as out:
        secrets = ways(desk)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]

    assert told_in(out.getvalue(), secrets) == []
    assert len(secrets) > 20
    assert {line["severity"] for line in lines} >= {"INFO", "WARNING"}
    assert "consent ended, its user must consent again" in {line["message"] for line in lines}


def test_nothing_secret_is_even_handed_to_the_log(desk: Desk) -> None:
    """Cleaning the lines is a net: no field of any line holds any of it."""
    with structlog.testing.capture_logs() as entries:
        secrets = ways(desk)
    told = [{name: value for name, value in entry.items() if name != "exc_info"} for entry in entries]

    assert len(told) > 15
    assert told_in(str(told), secrets) == []


def test_libraries_tell_no_secret_of_a_consent(desk: Desk) -> None:
    """Even without the product's set-up, at DEBUG: what goes to the authorization server goes in bodies and headers."""
    with overheard() as lines:
        secrets = ways(desk)
    # Calendars' addresses stand in the addresses of their requests, which is why the set-up silences these libraries.
    doors = {name: secret for name, secret in secrets.items() if name not in {"alice", "bob"}}

    assert lines
    assert told_in("\n".join(lines), doors) == []


def test_no_error_page_shows_a_secret(desk: Desk) -> None:
    """Whatever goes wrong, the page says it in our own words."""
    browser = Browser(desk)
    browser.get()
    browser.post("start", account=ALICE)
    told = desk.agree(browser.going())
    _troubled(desk, "^/token$", 400)
    browser.come_back(told)

    assert told_in(browser.page, {"code": told["code"], "cookie": next(iter(browser.cookies.values()))}) == []
