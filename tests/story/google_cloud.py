"""A deployment of which every part is real but its place: Google's services played on this machine, over sockets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from google.cloud.tasks_v2 import CloudTasksClient

from functions.consent import granting
from functions.consent.granting import Ended
from infra import edge
from infra.google import queues, tasks
from infra.google.edge import account
from infra.google.ground import Google, around
from infra.google.kms import key_name
from infra.google.secrets import HTTP_TOKEN, HTTP_WEBHOOKS, MEETING_KEYS, OAUTH_CLIENT
from infra.google.task_address import CALLED, queue_ids
from infra.local.calendar.server import CalendarServer
from infra.local.calendar.serving import running as calendar_running
from infra.local.clock import SystemClock
from infra.local.cloudtasks.control import MAX_BODY, HeldClock, application
from infra.local.cloudtasks.server import CloudTasksServer
from infra.local.demo.story import free_ports
from infra.local.iam import LocalIam
from infra.local.issuer import LocalIssuer, ServiceAccount
from infra.local.kms import LocalKms
from infra.local.listening import bound, listening
from infra.local.part import Part, Plan
from infra.local.secret_manager import LocalSecretManager
from infra.local.vendor.server import Account
from infra.local.vendor.serving import running as vendor_running
from infra.settings import Settings, as_environment
from tests.contract.firestore_ground import emulator, new_project
from tests.contract.loopback import until
from tests.contract.oauth.office import pems

ALICE = "alice@example.com"
TOKEN, WEBHOOKS = "token-of-the-vendor", "secret-of-the-webhooks"
HANDLER = """
from functions.script.declared import on_event_updated


@on_event_updated(calendar="primary")
def noted(event):
    print("something changed in a calendar", flush=True)
"""
BROWSER = "the-secret-of-a-browser"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cloud:
    """The deployment, and Google's side of it; `ground` is the same ground as the functions', in this process."""

    settings: Settings
    ground: Google
    kms: LocalKms
    secrets: LocalSecretManager
    iam: LocalIam
    tasks: CloudTasksServer
    client: httpx.Client
    functions: Part

    def connect(self, user: str = ALICE) -> Ended:
        """The way to the authorization server and back, in a browser."""
        door = self.ground.door
        assert door.consent is not None
        there = granting.start(door.ground, door.consent, BROWSER, "connect", user)
        parts = urlsplit(there)
        form: Json = {name: values[0] for name, values in parse_qs(parts.query).items()}
        form |= {"account": user, "decision": "allow", "grant": form["scope"].split()}
        answer = self.client.post(f"http://127.0.0.1:{self.settings.calendar_port}{parts.path}", data=form)
        told = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
        return granting.come_back(door.ground, door.consent, BROWSER, told)

    def tick(self) -> None:
        """As Cloud Scheduler would."""
        settings, clock = self.settings, SystemClock()
        issuer = LocalIssuer.from_folder(settings.state, settings.base_url, clock)
        bearer = ServiceAccount(issuer, clock, account=account(settings, "scheduler")).bearer
        address = f"{settings.base_url}/tick"
        answer = self.client.post(address, headers={"Authorization": f"Bearer {bearer(address)}"}, timeout=60)
        assert answer.status_code == 200, answer.text

    def allow(self, *scopes: str) -> None:
        """The operator lets the functions sign as the delegate, the Workspace's administrator lets it act for users."""
        delegate, (private, public) = self.settings.delegation_account, pems()
        self.iam.make(delegate, private)
        self.iam.may_sign.add((f"dev:{account(self.settings, 'functions')}", delegate))
        told = {"email": delegate, "publicKey": public, "delegatedScopes": list(scopes)}
        address = f"http://127.0.0.1:{self.settings.calendar_port}/control/service-accounts"
        self.client.post(address, json=told).raise_for_status()

    # ---- a person in the calendar

    def person(self, method: str, path: str = "", **body: Any) -> Json:
        """What a person does to the primary calendar's events; the answer."""
        answer = self.client.request(
            method,
            f"{self.settings.calendar_url}calendars/primary/events{path}",
            params={"conferenceDataVersion": 1},
            headers={"Authorization": f"Bearer dev:{ALICE}"},
            json=body or None,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else {}

    def log(self) -> str:
        """What the functions wrote."""
        return self.functions.log.read_text(encoding="utf-8")

    def meetings(self) -> list[Json]:
        """What there is at the conferencing system."""
        answer = self.client.get(f"{self.settings.vendor_url}/meetings", headers={"Authorization": f"Bearer {TOKEN}"})
        found: list[Json] = answer.raise_for_status().json()["meetings"]
        return found


def google_settings(state: Path, **changed: Any) -> Settings:
    """Those that Terraform sets, on free ports of this machine."""
    ports = free_ports(6)
    made = replace(
        Settings(),
        state=state,
        scripts="noting",
        ground="google",
        services="local",
        store="firestore",
        queue="cloudtasks",
        task_queues="function",
        project=new_project(),
        janus="off",
        port=ports[0],
        calendar_port=ports[1],
        vendor_port=ports[2],
        kms_port=ports[3],
        secrets_port=ports[4],
        iam_port=ports[5],
        firestore_port=int(emulator().address.rpartition(":")[2]),
        burst=0.2,
        timeout=5.0,
    )
    return replace(made, **changed)


@contextmanager
def cloud(state: Path, **changed: Any) -> Iterator[Cloud]:
    """Everything up, with these settings `changed`; skips the test where there is no Firestore emulator."""
    settings = google_settings(state, **changed)
    clock = SystemClock()
    issuer = LocalIssuer.from_folder(state, settings.base_url, clock)
    server = CalendarServer(lambda: datetime.now(UTC), Random(1), new_key=lambda: pems()[0])  # noqa: S311 - seeded on purpose
    with ExitStack() as stack:
        enter = stack.enter_context
        enter(calendar_running(server, settings.calendar_port))
        vendor = Account(TOKEN, f"{settings.base_url}/provider_webhook/http", WEBHOOKS)
        enter(vendor_running(vendor, port=settings.vendor_port))
        kms = enter(LocalKms(settings.kms_port))
        kms.make(key_name(settings.project, settings.region))
        secrets = enter(LocalSecretManager(settings.secrets_port))
        client = enter(httpx.Client(timeout=10, follow_redirects=False, trust_env=False))
        _give_secrets(settings, secrets, client)
        iam = enter(LocalIam(settings.iam_port))
        server_of_tasks = enter(CloudTasksServer(state / "tasks.db", clock.now, issuer.mint))
        rest = bound(0)
        enter(listening(application(server_of_tasks, HeldClock()), rest, threads=4, largest_body=MAX_BODY))
        settings = replace(
            settings,
            tasks_port=int(server_of_tasks.target.rpartition(":")[2]),
            tasks_http_port=rest.getsockname()[1],
        )
        _queues(settings, enter(closing(tasks.local_client(server_of_tasks.target).transport)))
        # The script's module is packed beside the source; here only the functions' process finds it.
        (state / "noting.py").write_text(HANDLER)
        environment = {**os.environ, **as_environment(settings), "PYTHONPATH": str(state)}
        ground = enter(closing(around(edge.google(replace(settings, scripts="")))))
        functions = Part(_plan(settings), state / "functions.log", environment)
        stack.callback(_end, functions)
        until(lambda: functions.is_up(client) or functions.exit_code is not None)
        assert functions.exit_code is None, functions.last_lines()
        yield Cloud(settings, ground, kms, secrets, iam, server_of_tasks, client, functions)


def _give_secrets(settings: Settings, secrets: LocalSecretManager, client: httpx.Client) -> None:
    registered = {"clientId": "web.apps.googleusercontent.com", "clientSecret": "web-secret", "type": "web"}
    address = f"http://127.0.0.1:{settings.calendar_port}/control/clients"
    back = [f"{settings.base_url}/consent/callback"]
    client.post(address, json={**registered, "redirectUris": back}).raise_for_status()
    told = b'{"web": {"client_id": "web.apps.googleusercontent.com", "client_secret": "web-secret"}}'
    for name, value in (
        (OAUTH_CLIENT, told),
        (MEETING_KEYS, os.urandom(32)),
        (HTTP_TOKEN, f"{TOKEN}\n".encode()),
        (HTTP_WEBHOOKS, WEBHOOKS.encode()),
    ):
        secrets.put(settings.project, name, value)


def _queues(settings: Settings, transport: Any) -> None:
    client = CloudTasksClient(transport=transport)
    names = ["lockstep", *queue_ids("lockstep", CALLED).values()]
    location = f"projects/{settings.project}/locations/{settings.region}"
    queues.stand(client, location, [queues.QueuePlan(name, concurrent=4) for name in names], within=10.0)


def _plan(settings: Settings) -> Plan:
    return Plan("functions", "The functions", "infra.local.deployed", {}, f"{settings.base_url}/")


def _end(functions: Part) -> None:
    functions.ask_to_end()
    functions.wait()
