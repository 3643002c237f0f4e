"""The add-on installed in a world: Google Workspace calls it, events are saved, and the sync takes over."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from flask import Flask, Request, Response, request

from conference.providers.http import HttpProvider
from conference.solution import Solution
from functions.http import addon
from functions.http.door import Door
from infra.addon import add_on
from infra.google.identity import SKEW, TokenIdentity
from infra.google.manifest import manifest
from infra.local.addon_host import AddOnHost
from infra.local.calendar import wsgi
from infra.local.issuer import LocalIssuer, new_key
from infra.local.vendor.server import Account, VendorServer
from infra.local.vendor.wsgi import application as vendor_application
from infra.settings import Settings
from tests.flow.stories import zurich
from tests.world import ALICE, PUSHES, SECRET, TOKEN, World, ids

BASE = "https://functions.example"
CALENDAR = "https://calendar.example"
ISSUER = "https://issuer.example"
SETTINGS = Settings(
    public_url=BASE,
    addon_logo="https://www.example.com/logo.png",
    addon_account="addon@project.example",
    addon_client="client.example",
    addon_settings_url="https://www.example.com/settings",
    addon_login_url="https://www.example.com/login",
    addon_subscribe=True,
)
KEY = new_key()
PLANNED = {"summary": "Planning", **zurich(24, 10)}


class Desk:
    """A world with the add-on installed, and who uses it."""

    def __init__(self, world: World, settings: Settings = SETTINGS, key: RSAPrivateKey = KEY) -> None:
        self.world = world
        self.settings = settings
        self.issuer = LocalIssuer(key, ISSUER, world.clock)
        mounts = {
            BASE: httpx.WSGITransport(app=_functions(self)),
            CALENDAR: httpx.WSGITransport(app=wsgi.application(world.google)),
        }
        self.client = httpx.Client(mounts=mounts)
        self.host = AddOnHost(
            manifest(settings),
            self.client,
            f"{CALENDAR}/calendar/v3",
            self.issuer.mint,
            account=settings.addon_account,
            oauth_client=settings.addon_client,
        )

    @property
    def door(self) -> Door:
        """The doors of the functions as the world's ground is now."""
        identity = TokenIdentity(ISSUER, self.issuer.jwks, self.world.clock, leeway=SKEW)
        return Door(self.world.ground, BASE, "tasks@x.example", "ticks@x.example", add_on(self.settings, identity))

    def conference(self, event: str, calendar: str = ALICE, solution: str | None = None) -> dict[str, Any]:
        """Choose a conference in the editor of an event."""
        return self.host.conference(ALICE, calendar, event, solution)

    def save(self, event: str, conference: dict[str, Any] | None, **fields: Any) -> None:
        """Save the event, and let everything follow."""
        self.host.save(ALICE, ALICE, event, conference, **{**PLANNED, **fields})
        self.world.settle()

    def wait(self, span: timedelta) -> None:
        """Let time pass, ticking now and then, and everything due happen."""
        until = self.world.clock.now() + span
        while self.world.clock.now() < until:
            self.world.clock.advance(min(timedelta(minutes=20), until - self.world.clock.now()))
            self.world.tick()
            self.world.settle()

    def titles(self) -> list[str]:
        """The meetings that are there."""
        return [meeting["title"] for meeting in self.world.meetings()]

    def tell(self, endpoint: str, told: dict[str, Any]) -> dict[str, Any]:
        """A call of Google's that says just this; what is answered."""
        url = f"{BASE}/addon/{endpoint}"
        token = self.issuer.mint(url.partition("?")[0], self.settings.addon_account)
        headers = {"Authorization": f"Bearer {token}"}
        answer: dict[str, Any] = self.client.post(url, json=told, headers=headers).raise_for_status().json()
        return answer

    def user(self, address: str) -> dict[str, Any]:
        """The part of a call that says who the user is."""
        return {"authorizationEventObject": {"userIdToken": self.issuer.mint(self.settings.addon_client, address)}}


def _functions(desk: Desk) -> Flask:
    app = Flask("functions")

    @app.post("/addon/<path:endpoint>")
    def _addon(endpoint: str) -> Response:
        return addon.addon(desk.door, Request({**request.environ, "PATH_INFO": f"/{endpoint}"}))

    return app


class Two(Desk):
    """The same with two solutions, each with a conferencing service of its own."""

    def __init__(self, world: World) -> None:
        account = Account(TOKEN, PUSHES, SECRET)
        self.vendor = VendorServer(account, "http://second.test", clock=world.clock.now, new_id=ids())
        app = vendor_application(self.vendor, threading.Lock(), threading.Event(), lambda: None)
        self.http = httpx.Client(transport=httpx.WSGITransport(app=app))
        self.second = HttpProvider("second", "http://second.test", token=TOKEN, account="acme", client=self.http)
        both = {"http": world.provider, "second": self.second}
        world.change_ground(providers=both, solutions=tuple(map(Solution, both)))
        super().__init__(world, replace(SETTINGS, addon_solutions="http=First,second=Second"))
        world.connect()

    def close(self) -> None:
        """Let go of everything."""
        self.vendor.close()
        self.http.close()
        self.client.close()

    def there(self) -> dict[str, list[str]]:
        """The ids of the meetings that each service has."""
        return {"http": [one["id"] for one in self.world.meetings()], "second": [m.ref.id for m in self.second.list()]}
