"""The whole flow in one thread and without a socket: real functions, real clients, the real servers' cores.

The functions reach the Calendar server's core through Google's client and the conferencing service's through httpx;
people act on the Calendar server's core itself. Store and queue are the in-memory ones, and the clock stands still
until a test moves it.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from googleapiclient.discovery import build

from conference.errors import Forged, Later, LockstepError
from conference.key import mint_key
from conference.providers.http import HttpProvider
from conference.solution import Solution
from functions import clock, feed, ledger, notification, patch, reconcile, sync, webhook
from functions.consent import connecting, leaving
from functions.consent.offer import Consent
from functions.ground import Ground, Policy
from functions.initialise import initialise
from functions.ledger import Row
from functions.ports import Delete, Document, Task
from functions.script import firing, handing
from functions.script.project import Project
from infra.google.calendar import GoogleCalendar
from infra.google.credentials import DevCredentials
from infra.google.firestore_indexes import declared
from infra.local.calendar.inprocess import InProcessHttp
from infra.local.calendar.messages import Request
from infra.local.calendar.oauth.keys import new_signing_key
from infra.local.calendar.server import BASE, CalendarServer
from infra.local.held import Held
from infra.local.memory import ManualClock, MemoryQueue, MemoryStore, OneLane
from infra.local.vault import LocalVault
from infra.local.vendor.server import Account, VendorServer
from infra.local.vendor.wsgi import application
from tests.crashing import Crash

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ALICE = "alice@example.com"
NOTICES = "http://127.0.0.1:9/calendar_notification"
PUSHES = "http://127.0.0.1:9/provider_webhook/http"
VENDOR = "http://vendor.test"
TOKEN, SECRET = "vendor-token", "webhook-secret"


class NoIdentity:
    """Admits nobody: the functions are called directly here, past their doors."""

    def check(self, token: str, *, audience: str, account: str) -> None:
        """Refuse."""
        raise Forged(f"{len(token)} characters for {audience} and {account}")


def ids() -> Callable[[], str]:
    """Unguessable texts, the same in each run."""
    count = iter(range(10**9))
    return lambda: hashlib.sha256(str(next(count)).encode()).hexdigest()[:43]


class World:
    """One user's calendar, one provider, and everything between."""

    def __init__(self, policy: Policy | None = None, new_key: Callable[[], str] | None = None) -> None:
        self.clock = ManualClock(START)
        self.store = MemoryStore(self.clock, declared())
        self.queue = MemoryQueue(self.clock)
        self.google = CalendarServer(self.clock.now, random.Random(1), new_key=new_key or new_signing_key)  # noqa: S311 - seeded on purpose
        new_id = ids()
        self.vendor = VendorServer(Account(TOKEN, PUSHES, SECRET), VENDOR, clock=self.clock.now, new_id=new_id)
        app = application(self.vendor, threading.Lock(), threading.Event(), lambda: None)
        self.http = httpx.Client(transport=httpx.WSGITransport(app=app))
        self.provider = HttpProvider(
            "http", VENDOR, token=TOKEN, account="acme", client=self.http, webhook_secret=SECRET
        )
        self.ground = Ground(
            store=self.store,
            queue=self.queue,
            vault=LocalVault(b"v" * 32),
            clock=self.clock,
            lanes=OneLane(),
            identity=NoIdentity(),
            calendar=GoogleCalendar(
                DevCredentials, http=lambda it: InProcessHttp(self.google, str(it.token).removeprefix("dev:"))
            ),
            providers={"http": self.provider},
            solutions=(Solution("http"),),
            meeting_keys=lambda: b"k" * 32,
            new_secret=new_id,
            notice_address=NOTICES,
            policy=policy or Policy(),
        )
        self.heard: list[Mapping[str, str]] = []
        self.project: Project | None = None
        self.consent: Consent | None = None

    @functools.cached_property
    def user(self) -> Any:
        """Google's own client, as the one user."""
        return self.client(ALICE)

    def client(self, email: str) -> Any:
        """Google's own client, as this user."""
        return build("calendar", "v3", http=InProcessHttp(self.google, email), static_discovery=True)

    def close(self) -> None:
        """Let go of everything."""
        self.vendor.close()
        self.http.close()

    # ---- what people do ----

    def change_ground(self, **ports: Any) -> None:
        """Give the functions other ports from now on."""
        self.ground = dataclasses.replace(self.ground, **ports)

    def connect(self, calendar: str = "primary", user: str = ALICE) -> str:
        """Connect a calendar and let the first notices pass; return the feed's id."""
        connected = initialise(self.ground, user, calendar)
        self.settle()
        return connected

    def insert(self, calendar: str = "primary", *, by: str = ALICE, **fields: Any) -> dict[str, Any]:
        """Make an event; by default tomorrow at ten for an hour, with a conference of ours asked for."""
        body = {**event_body(), **fields}
        body = {name: value for name, value in body.items() if value is not None}
        return self.act("POST", calendar, body=body, by=by)

    def patch(self, event: str, calendar: str = "primary", *, by: str = ALICE, **fields: Any) -> dict[str, Any]:
        """Change an event as its user would."""
        return self.act("PATCH", calendar, event, body=fields, by=by)

    def cancel(self, event: str, calendar: str = "primary", *, by: str = ALICE) -> None:
        """Delete an event."""
        self.act("DELETE", calendar, event, by=by)

    def event(self, event: str, calendar: str = "primary", *, by: str = ALICE) -> dict[str, Any]:
        """The event as Google has it."""
        return self.act("GET", calendar, event, by=by)

    def act(
        self, method: str, calendar: str, event: str = "", *, body: Any = None, by: str = ALICE, **query: str
    ) -> dict[str, Any]:
        """One request about an event, or about all of them, as the user `by`; the server's answer.

        Google's client has its own tests; here it would take most of the time.
        """
        path = f"{BASE}calendars/{calendar}/events" + (f"/{event}" if event else "")
        named = {"conferenceDataVersion": "1", **query} if body is not None else query
        headers = {"authorization": f"Bearer dev:{by}", "content-type": "application/json"}
        sent = b"" if body is None else json.dumps(body).encode()
        answer = self.google.handle(Request(method, path, {n: [v] for n, v in named.items()}, headers, sent))
        assert answer.status < 300, (method, answer.status, answer.body)
        done: dict[str, Any] = json.loads(answer.body) if answer.body else {}
        return done

    # ---- what happens by itself ----

    def settle(self, within: timedelta = timedelta(minutes=5)) -> int:
        """Deliver notices and pushes and run tasks, moving the clock to the next due one, until nothing is due.

        Tasks due later than `within` from now stay. Returns how many tasks ran.
        """
        until, ran = self.clock.now() + within, 0
        while True:
            self.deliver()
            due = [held for held in self.queue.waiting() if held.at <= until]
            if not due:
                return ran
            held = due[0]
            if held.at > self.clock.now():
                self.clock.set(held.at)
                continue
            self.work(held)
            ran += 1

    def run_due(self, *, until: str) -> None:
        """Run tasks as `settle` does, but stop before the first one of this function."""
        while True:
            self.deliver()
            held = self.queue.waiting()[0]
            if held.task.function == until:
                return
            self.clock.set(max(held.at, self.clock.now()))
            self.work(held)

    def work(self, held: Held) -> None:
        """Run one task; if the process dies in it, it will be delivered again."""
        self.queue.take(held)
        try:
            self.run(held.task)
        except Crash:
            self.queue.again(held, self.clock.now())
        else:
            self.queue.done(held)

    def tick_or_die(self) -> None:
        """The scheduler's minute; if the process dies in it, the next minute comes all the same."""
        try:
            self.tick()
        except Crash:
            return

    def deliver(self) -> None:
        """Hand over the notices and pushes that are due."""
        for notice in self.google.due_pushes(self.clock.now()):
            self.heard.append(notice.headers)
            status = self.notify(notice.headers)
            self.google.push_answered(notice, status, self.clock.now())
        for delivery in self.vendor.due_pushes():
            try:
                webhook.provider_webhook(self.ground, "http", lower(delivery.headers), delivery.body)
            except Crash:
                self.vendor.push_answered(delivery.push, 503)
            else:
                self.vendor.push_answered(delivery.push, 204)

    def notify(self, headers: Mapping[str, str]) -> int:
        """Call the notification function; the status its door would answer."""
        try:
            notification.calendar_notification(self.ground, lower(headers))
        except Forged:
            return 403
        except (Later, Crash):
            return 503
        return 204

    def run(self, task: Task) -> None:
        """Run a task as its function would."""
        body = dict(task.body)
        match task.function:
            case "sync_calendar":
                sync.sync_calendar(self.ground, body["feed"], body["number"], body.get("turn", ""))
            case "run_trigger" if self.project is not None and "scheduled" in body:
                firing.run_due(self.project, body["trigger"], body["scheduled"])
            case "run_trigger" if self.project is not None:
                handing.run_trigger(self.project, body["trigger"], body["turn"], body.get("delivery"))
            case "connect_calendar":
                self._connect(body)
            case "patch_event":
                patch.patch_event(self.ground, body["feed"], body["event"])
            case "reconcile_event" if "meeting" in body:
                webhook.look_at_meeting(self.ground, body["meeting"], body["version"], resend=body.get("resend", False))
            case "reconcile_event":
                reconcile.reconcile_event(self.ground, body["feed"], body["event"], body["fence"])
            case unknown:
                raise LockstepError(f"no function {unknown}")

    def _connect(self, body: dict[str, Any]) -> None:
        match body:
            case {"leaving": str(user_id)} if self.consent is not None:
                leaving.go_on(self.ground, self.consent, user_id)
            case {"left": str(left)}:
                leaving.forget_left(self.ground, left)
            case {"consented": str(user_id), "consent": int(consent)}:
                connecting.go_on(self.ground, user_id, consent, body.get("feed"))
            case _:
                initialise(self.ground, body["user"], body["calendar"])

    def tick(self) -> dict[str, int]:
        """The scheduler's minute."""
        return clock.tick(self.ground)

    # ---- what is there ----

    def meetings(self) -> list[dict[str, Any]]:
        """The meetings at the provider, by title."""
        found: list[dict[str, Any]] = []
        page = {"limit": "100"}
        while True:
            answer = self.http.get(f"{VENDOR}/meetings", params=page, headers={"Authorization": f"Bearer {TOKEN}"})
            found += answer.json()["meetings"]
            if not answer.json().get("next"):
                return sorted(found, key=lambda meeting: str(meeting["title"]))
            page["after"] = answer.json()["next"]

    def rows(self) -> list[Row]:
        """The ledger."""
        return [ledger.decode(document) for document in self.store.query(ledger.COLLECTION)]

    def feed(self, feed_id: str) -> feed.Feed:
        """The feed as it stands."""
        return feed.load(self.ground, feed_id)[1]

    # ---- what others do ----

    def make_meeting_elsewhere(self, title: str, key: str = "not-one-of-ours") -> str:
        """A meeting that something else made at the provider; its id."""
        body = {
            "title": title,
            "host": ALICE,
            "start": "2026-11-24T09:00:00Z",
            "end": "2026-11-24T10:00:00Z",
            "time_zone": "Europe/Zurich",
        }
        headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": key}
        answer = self.http.post(f"{VENDOR}/meetings", json=body, headers=headers)
        made: str = answer.raise_for_status().json()["id"]
        return made

    def make_spare(self, generation: int = 1) -> str:
        """A meeting of ours that no event holds, as a late create leaves one; its id."""
        names = {"calendar": ALICE, "ical_uid": "lost@google.com", "provider": "http", "account": "acme"}
        return self.make_meeting_elsewhere("Spare", mint_key(self.ground.key_secret, **names, generation=generation))

    def conference_with(self, meeting: str) -> dict[str, Any]:
        """Conference data of ours that names a meeting already."""
        return {**asked(), "conferenceId": meeting}

    def move(self, event: str, calendar: str) -> None:
        """Move an event of the primary calendar: there with the same iCalUID, here gone, or a guest's copy."""
        self.act("POST", "primary", f"{event}/move", destination=calendar)

    # ---- what goes wrong ----

    def forget(self, document: Document) -> None:
        """Lose a document."""
        self.store.commit(Delete(document.key, document.version))

    def google_control(self, route: str, **body: Any) -> Any:
        """Call a control route of the Calendar server: POST with a body, GET without."""
        http = InProcessHttp(self.google, ALICE)
        method = "POST" if body else "GET"
        _, content = http.request(f"http://calendar.test/control/{route}", method, json.dumps(body) if body else None)
        return json.loads(content) if content else None

    def vendor_control(self, route: str, **body: Any) -> Any:
        """Call a control route of the conferencing service: POST with a body, GET without."""
        url = f"{VENDOR}/control/{route}"
        answer = self.http.post(url, json=body) if body else self.http.get(url)
        return answer.raise_for_status().json() if answer.content else None

    def calls(self) -> Counter[str]:
        """How many requests both servers have had since the last look, e.g. "GET events" or "PUT meetings"."""
        counted: Counter[str] = Counter()
        for entry in self.google_control("requests?clear=1")["requests"]:
            counted[f"{entry['method']} {'event' if '/events/' in entry['path'] else 'events'}"] += 1
        for entry in self.vendor_control("requests?clear=1")["requests"]:
            counted[f"{entry['method']} meetings"] += 1
        return counted


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers by lower-case names, as the doors hand them on."""
    return {name.lower(): value for name, value in headers.items()}


def event_body(provider: str = "http") -> dict[str, Any]:
    """An event of tomorrow, ten to eleven in Zurich, that asks for a conference of ours."""
    return {
        "summary": "Planning",
        "start": {"dateTime": "2026-11-24T10:00:00", "timeZone": "Europe/Zurich"},
        "end": {"dateTime": "2026-11-24T11:00:00", "timeZone": "Europe/Zurich"},
        "conferenceData": asked(provider),
    }


def asked(provider: str = "http") -> dict[str, Any]:
    """Conference data that asks for a conference of ours."""
    return {
        "conferenceSolution": {"key": {"type": "addOn"}, "name": "Lockstep"},
        "entryPoints": [{"entryPointType": "video", "uri": "https://lockstep.invalid/pending"}],
        "parameters": {"addOnParameters": {"parameters": {"lockstep": provider}}},
    }
