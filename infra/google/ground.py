"""The ground on Google Cloud: what a deployed function stands on, made at its first request.

Whatever a function has no right to (infra/google/terraform/locals.tf) is asked for only when it is used: credentials,
the OAuth client, a provider's secrets, the key that marks meetings as ours.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import httpx
from google.auth.credentials import Credentials

from conference.errors import Later
from conference.providers.http import HttpProvider
from conference.providers.protocol import ConferenceProvider
from conference.solution import Solution
from functions.consent.offer import CALENDARS, EVENTS, Consent
from functions.credentials import Wallet
from functions.ground import Ground
from functions.http.door import Door
from functions.script.declared import declare_for
from functions.script.project import Grants
from infra import script
from infra.addon import add_on
from infra.envelope import Envelope
from infra.google import oauth
from infra.google.api import GoogleApi
from infra.google.calendar import GoogleCalendar
from infra.google.credentials import StoredCredentials
from infra.google.delegation import Delegation
from infra.google.edge import HTTP, GoogleEdge, account, base_url
from infra.google.grants import ConsentGrants, DelegatedGrants
from infra.google.kms import KmsKey, key_name
from infra.google.secrets import HTTP_TOKEN, HTTP_WEBHOOKS, MEETING_KEYS, OAUTH_CLIENT, Secrets
from infra.google.services import Services, services
from infra.local.lanes import ThreadLanes
from infra.setting import listed
from infra.settings import Settings
from infra.telemetry import told_outside

KEY = 32
"""Bytes of the secret that marks meetings as ours."""


@dataclass(frozen=True, slots=True)
class Google:
    """The whole ground, with what must be closed."""

    door: Door
    edge: GoogleEdge
    secrets: Secrets
    key: KmsKey
    credentials: Callable[[str], Credentials]
    calendar: GoogleCalendar
    api: GoogleApi
    lanes: ThreadLanes
    client: httpx.Client

    def close(self) -> None:
        """Let go of threads and connections."""
        for part in (self.lanes, self.calendar, self.api, self.client, self.secrets, self.key, self.edge):
            part.close()


def around(within: GoogleEdge) -> Google:
    """The whole ground around its edge."""
    settings, clock = within.settings, within.clock
    client = httpx.Client(timeout=settings.timeout, follow_redirects=False, trust_env=False)
    google = services(settings, client, clock)
    known = Secrets(google.secrets, settings.project, clock)
    key = KmsKey(google.kms, key_name(settings.project, settings.region))
    registered = partial(_registered, known)
    wallet = Wallet(
        within.store, Envelope(key), clock, oauth.GoogleOAuth(registered, client, clock, endpoints=google.oauth)
    )
    acting = _acting(settings, wallet, google, client)
    calendar = GoogleCalendar(acting.credentials, endpoint=google.calendar, timeout=settings.timeout)
    api = GoogleApi(acting.credentials, endpoint=google.calendar, timeout=settings.timeout)
    lanes = ThreadLanes(settings.lanes)
    providers = _providers(settings, known, client)
    ground = Ground(
        store=within.store,
        queue=within.queue,
        vault=wallet.vault,
        clock=clock,
        lanes=lanes,
        identity=google.callers,
        calendar=calendar,
        providers={provider.name: provider for provider in providers},
        solutions=tuple(Solution(provider.name) for provider in providers),
        meeting_keys=partial(_meeting_keys, known),
        new_secret=lambda: secrets.token_urlsafe(32),
        notice_address=f"{base_url(settings)}/calendar_notification",
        policy=within.policy,
    )
    ground = told_outside(ground, within.telemetry)
    project = script.project(settings, ground, api, acting.grants)
    door = Door(
        ground,
        base_url(settings),
        account(settings, "tasks"),
        account(settings, "scheduler"),
        add_on(settings, google.hosts),
        project,
        Consent(
            wallet,
            api,
            base_url(settings),
            settings.addon_name,
            tuple(sorted(script.declared_scopes(settings))),
            partial(declare_for, project),
            acting.forget,
        )
        if settings.credentials == "consent"
        else None,
    )
    return Google(door, within, known, key, acting.credentials, calendar, api, lanes, client)


# ---- Acting for users -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Acting:
    """How this deployment may act for users."""

    credentials: Callable[[str], Credentials]
    grants: Grants
    forget: Callable[[str], None]


def _acting(settings: Settings, wallet: Wallet, google: Services, client: httpx.Client) -> _Acting:
    pages = f"{base_url(settings)}/consent"
    if settings.credentials == "consent":
        stored = StoredCredentials(wallet)
        return _Acting(stored, ConsentGrants(wallet, pages), stored.forget)
    scopes = tuple(dict.fromkeys((EVENTS, CALENDARS, *sorted(script.declared_scopes(settings)))))
    delegation = Delegation(
        settings.delegation_account, scopes, google.own, client, wallet.clock, endpoints=google.delegation
    )
    return _Acting(delegation, DelegatedGrants(delegation, scopes, pages), lambda _: None)


# ---- Secrets --------------------------------------------------------------------------------


def _registered(known: Secrets) -> oauth.Client:
    """Our application at Google. Raises Later."""
    try:
        return oauth.read_client(known.value(OAUTH_CLIENT))
    except ValueError as error:
        raise Later(f"The secret {OAUTH_CLIENT} is not usable: {error}") from None


def _meeting_keys(known: Secrets) -> bytes:
    """The secret that marks meetings as ours. Raises Later."""
    value = known.value(MEETING_KEYS)
    if len(value) != KEY:
        raise Later(f"The secret {MEETING_KEYS} has not {KEY} bytes (docs/deploy.md, section 5)")
    return value


def _providers(settings: Settings, known: Secrets, client: httpx.Client) -> list[ConferenceProvider]:
    address = settings.http_url or (settings.vendor_url if settings.services == "local" else "")
    if not address:
        return []
    return [
        HttpProvider(
            name=HTTP,
            base_url=address,
            token=partial(known.text, HTTP_TOKEN),
            account=settings.http_account,
            client=client,
            webhook_secret=partial(known.text, HTTP_WEBHOOKS),
            join_hosts=frozenset(listed(settings.http_join_hosts)),
            timeout=httpx.Timeout(settings.timeout),
        )
    ]
