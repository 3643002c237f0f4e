"""People, their browsers and the consent pages, over a world whose calendar takes only tokens that were granted."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from functions.consent import granting
from functions.consent.granting import Ended
from functions.consent.offer import Consent
from functions.consent.state import Purpose
from functions.credentials import User, Wallet, find
from infra.google.api import GoogleApi
from infra.google.calendar import GoogleCalendar
from infra.google.credentials import StoredCredentials
from infra.google.firestore_indexes import listed
from infra.google.oauth import GoogleOAuth, development_client, local_endpoints
from infra.google.wire import Authorised
from infra.local.calendar.inprocess import InProcessHttp
from infra.local.calendar.wsgi import application
from tests.contract.oauth.office import pems
from tests.world import ALICE, World

GOOGLE = "http://localhost:8791"
HERE = "http://127.0.0.1:8900"
BROWSER = "the-secret-of-a-browser"
BOB = "bob@example.com"


class Desk:
    """One deployment; `browser` is what the person's browser holds."""

    def __init__(self) -> None:
        self.world = World(new_key=lambda: pems()[0])
        self.http = httpx.Client(transport=httpx.WSGITransport(app=application(self.world.google)), base_url=GOOGLE)
        self.oauth = GoogleOAuth(development_client(), self.http, self.world.clock, endpoints=local_endpoints(GOOGLE))
        self.wallet = Wallet(self.world.store, self.world.ground.vault, self.world.clock, self.oauth)
        self.credentials = StoredCredentials(self.wallet)
        self.calendar = GoogleCalendar(self.credentials, http=self.door_of)
        self.api = GoogleApi(self.credentials, http=self.door_of)
        self.world.change_ground(calendar=self.calendar)
        self.consent = Consent(self.wallet, self.api, HERE, forget=self.credentials.forget)
        self.world.consent = self.consent
        self.browser = BROWSER

    def door_of(self, signer: Any) -> Any:
        """What carries requests that are signed so."""
        wire: Any = InProcessHttp(self.world.google, "nobody")  # shaped like one
        return Authorised(signer, wire)

    def close(self) -> None:
        """Let go of everything."""
        self.http.close()
        self.world.close()

    # ---- a person ----

    def start(self, account: str = ALICE, purpose: Purpose = "connect") -> str:
        """Press Connect, or sign in; where the browser is sent."""
        return granting.start(self.world.ground, self.consent, self.browser, purpose, account)

    def agree(self, address: str, account: str = ALICE, scopes: Collection[str] | None = None) -> dict[str, str]:
        """Press Allow at the authorization server, with these boxes ticked (None: all); what comes back."""
        parts = urlsplit(address)
        form: dict[str, Any] = {name: values[0] for name, values in parse_qs(parts.query).items()}
        ticked = form["scope"].split() if scopes is None else [*scopes]
        form |= {"account": account, "decision": "allow", "grant": ticked}
        return self._sent_back(form, parts.path)

    def refuse(self, address: str) -> dict[str, str]:
        """Press Cancel."""
        parts = urlsplit(address)
        form = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return self._sent_back({**form, "account": ALICE, "decision": "deny"}, parts.path)

    def _sent_back(self, form: dict[str, Any], path: str) -> dict[str, str]:
        answer = self.http.post(path, data=form)
        assert answer.status_code == 302, answer.text
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    def come_back(self, told: dict[str, str]) -> Ended:
        """Open the address that the authorization server names; a known browser gets its new secret."""
        ended = granting.come_back(self.world.ground, self.consent, self.browser, told)
        self.browser = ended.secret or self.browser
        return ended

    def connect(self, account: str = ALICE, **how: Any) -> Ended:
        """The whole way, once around."""
        return self.come_back(self.agree(self.start(account), account, **how))

    def withdraw(self, user: str = ALICE, kind: str = "all") -> None:
        """On the account's own page at Google, or by time: end the tokens."""
        self.http.post("/control/tokens", json={"user": user, "kind": kind}).raise_for_status()

    def fault(self, path: str, status: int = 503, **how: Any) -> None:
        """Let calls to Google at this path fail: the next one only, unless it is said how often."""
        self.http.post("/control/faults", json={"path": path, "status": status, **how}).raise_for_status()

    # ---- what there is ----

    def kept(self, user: str = ALICE) -> User | None:
        """What is kept of the user."""
        found = find(self.world.store, user)
        return found[1] if found else None

    def traces(self, *texts: str) -> list[str]:
        """Where one of the texts stands, in documents or in waiting tasks."""
        return traces(self.world, *texts)


def traces(world: World, *texts: str) -> list[str]:
    """The keys of all documents, and the functions of waiting tasks, in which one of the texts stands."""
    return [place for place, told in _everything(world) if any(text in told for text in texts)]


def _everything(world: World) -> Iterator[tuple[str, str]]:
    names = {one.collection_group for one in listed().field_overrides} | {"spares"}
    for name in sorted(names):
        for document in world.store.query(name, limit=400):
            yield document.key, f"{document.key} {document.data}"
    for held in world.queue.waiting():
        yield held.task.function, str(held.task.body)
