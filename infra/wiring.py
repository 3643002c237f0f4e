"""The one place that knows concrete classes: from settings to the doors of the functions."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import httpx

from conference.providers.http import HttpProvider
from conference.providers.janus import JanusProvider
from conference.providers.protocol import ConferenceProvider
from conference.solution import Solution
from functions.consent.offer import Consent
from functions.credentials import Wallet
from functions.ground import Ground
from functions.http.door import Door
from functions.join.room import Rooms
from functions.script.declared import declare_for
from functions.script.project import Grants
from infra import edge, script
from infra.addon import add_on
from infra.edge import HTTP, JANUS, TASKS_ACCOUNT, LocalEdge
from infra.google import oauth
from infra.google.api import GoogleApi
from infra.google.calendar import GoogleCalendar
from infra.google.credentials import StoredCredentials
from infra.google.grants import ConsentGrants
from infra.google.identity import SKEW, TokenIdentity
from infra.local.clock import ShiftedClock
from infra.local.counted import CountedStore
from infra.local.following import following
from infra.local.grants import LocalGrants
from infra.local.issuer import LocalIssuer, ServiceAccount
from infra.local.janus import Janus, find_binary
from infra.local.keys import Keys
from infra.local.lanes import ThreadLanes
from infra.local.queues import LocalQueue
from infra.local.stores import LocalStore
from infra.local.vault import LocalVault
from infra.once import Once
from infra.settings import Settings
from infra.telemetry import told_outside

if TYPE_CHECKING:
    from infra.google.edge import GoogleEdge
    from infra.google.ground import Google

__all__ = ["SCHEDULER_ACCOUNT", "TASKS_ACCOUNT", "Local", "door", "janus_server", "local", "rooms", "standing"]

SCHEDULER_ACCOUNT = "scheduler@lockstep.local"
ACCOUNT = "local"


@dataclass(frozen=True, slots=True)
class Local:
    """The whole ground on one machine, with the parts that only the local stack works: queue, issuer, clock."""

    settings: Settings
    door: Door
    tasks: LocalQueue
    store: LocalStore
    counted: CountedStore
    issuer: LocalIssuer
    clock: ShiftedClock
    lanes: ThreadLanes
    calendar: GoogleCalendar
    api: GoogleApi
    client: httpx.Client

    def close(self) -> None:
        """Let go of threads, sockets and databases."""
        self.lanes.close()
        self.calendar.close()
        self.api.close()
        self.client.close()
        self.tasks.close()
        self.store.close()
        self.door.ground.telemetry.close()


def door() -> Door:
    """The door of the deployed functions."""
    return standing().door


def local(settings: Settings) -> Local:
    """Everything on this machine: SQLite, the local queue and issuer, the local Calendar server, the providers."""
    return around(edge.local(settings))


def around(within: LocalEdge) -> Local:
    """The whole ground around its edge."""
    settings, clock = within.settings, within.clock
    keys = Keys.in_folder(settings.state)
    issuer = LocalIssuer.from_folder(settings.state, settings.base_url, clock)
    lanes = ThreadLanes(settings.lanes)
    client = httpx.Client(timeout=settings.timeout, follow_redirects=False, trust_env=False)
    vault = LocalVault.from_file(settings.state / "vault.key")
    followed = following(settings)
    registered = oauth.GoogleOAuth(followed.client, client, clock, endpoints=followed.endpoints)
    wallet = Wallet(within.store, vault, clock, registered)
    credentials = StoredCredentials(wallet, otherwise=followed.otherwise)
    calendar = GoogleCalendar(credentials, endpoint=followed.calendar, timeout=settings.timeout)
    providers = _providers(settings, keys, client)
    ground = Ground(
        store=within.store,
        queue=within.queue,
        vault=vault,
        clock=clock,
        lanes=lanes,
        identity=TokenIdentity(issuer.url, issuer.jwks, clock),
        calendar=calendar,
        providers={provider.name: provider for provider in providers},
        solutions=tuple(Solution(provider.name) for provider in providers),
        meeting_keys=lambda: keys.meeting_keys,
        new_secret=lambda: secrets.token_urlsafe(32),
        notice_address=followed.notice_address,
        policy=within.policy,
    )
    ground = told_outside(ground, within.telemetry)
    addon = add_on(settings, TokenIdentity(issuer.url, issuer.jwks, clock, leeway=SKEW))
    api = GoogleApi(credentials, endpoint=followed.calendar, timeout=settings.timeout)
    scopes = script.declared_scopes(settings)
    grants: Grants = ConsentGrants(wallet, f"{settings.base_url}/consent")
    if followed.otherwise is not None:
        grants = LocalGrants(scopes, sign=partial(_signed, issuer, clock, settings.addon_client))
    project = script.project(settings, ground, api, grants)
    consent = Consent(
        wallet,
        api,
        settings.base_url,
        settings.addon_name,
        tuple(sorted(scopes)),
        declare=partial(declare_for, project),
        forget=credentials.forget,
    )
    entry = Door(ground, settings.base_url, TASKS_ACCOUNT, SCHEDULER_ACCOUNT, addon, project, consent)
    return Local(
        settings, entry, within.tasks, within.kept, within.counted, issuer, clock, lanes, calendar, api, client
    )


def whole(within: LocalEdge | GoogleEdge) -> Local | Google:
    """The whole ground around the edge, wherever it stands."""
    if isinstance(within, LocalEdge):
        return around(within)
    # Only where it is stood on: this machine's own ground needs none of Google's libraries.
    from infra.google import ground  # noqa: PLC0415 - see above

    return ground.around(within)


standing = Once(lambda: whole(edge.standing()))
"""The ground this process stands on, made at its first request that needs the whole of it."""


def _signed(issuer: LocalIssuer, clock: ShiftedClock, audience: str, user: str) -> str:
    return ServiceAccount(issuer, clock, account=user).bearer(audience)


def _providers(settings: Settings, keys: Keys, client: httpx.Client) -> list[ConferenceProvider]:
    http = HttpProvider(
        name=HTTP,
        base_url=settings.vendor_url,
        token=keys.vendor_token,
        account=ACCOUNT,
        client=client,
        webhook_secret=keys.webhook_secret,
        join_hosts=frozenset({"127.0.0.1"}),
        timeout=httpx.Timeout(settings.timeout),
    )
    return [http, *_janus(settings, client)]


def _janus(settings: Settings, client: httpx.Client) -> list[ConferenceProvider]:
    server = janus_server(settings)
    if server is None:
        return []
    return [
        JanusProvider(
            f"http://127.0.0.1:{settings.janus_admin_port}/admin",
            admin_secret=server.secrets.admin,
            admin_key=server.secrets.room,
            room_secret_seed=server.secrets.seed.encode(),
            join_base=settings.base_url,
            account=ACCOUNT,
            client=client,
            name=JANUS,
            timeout=httpx.Timeout(settings.timeout),
        )
    ]


def rooms(settings: Settings) -> Rooms | None:
    """The local stack's Janus as the join page needs it; None if there is none."""
    server = janus_server(settings)
    if server is None:
        return None
    address = f"http://127.0.0.1:{settings.janus_port}/janus"
    return Rooms(JANUS, ACCOUNT, address, server.secrets.token)


def janus_server(settings: Settings) -> Janus | None:
    """The local stack's Janus with its secrets, not started; None if it is not installed or not wanted."""
    if settings.janus == "off" or find_binary() is None:
        return None
    return Janus(settings.state / "janus", api_port=settings.janus_port, admin_port=settings.janus_admin_port)
