"""Where Google's services are: at Google, or played by servers of this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import httpx
from google.auth.credentials import Credentials

from functions.ports import Clock
from infra.google import delegation, kms, oauth, secrets
from infra.google.client import GOOGLE
from infra.google.credentials import DevCredentials
from infra.google.edge import account
from infra.google.identity import CERTS, ISSUERS, SKEW, TokenIdentity
from infra.google.keys import JwksOverHttp
from infra.settings import Settings

if TYPE_CHECKING:
    from google.cloud.kms_v1 import KeyManagementServiceClient
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient


@dataclass(frozen=True, slots=True)
class Services:
    """The services that the ground is made of, beside those of its edge.

    `own` yields the credential of the place where this runs, `callers` checks the tokens of Cloud Tasks and Cloud
    Scheduler, `hosts` those that come to the add-on.
    """

    calendar: str
    oauth: oauth.Endpoints
    delegation: delegation.Endpoints
    own: Callable[[], Credentials]
    kms: Callable[[], KeyManagementServiceClient]
    secrets: Callable[[], SecretManagerServiceClient]
    callers: TokenIdentity
    hosts: TokenIdentity


def services(settings: Settings, client: httpx.Client, clock: Clock) -> Services:
    """Those that the settings name; `client` fetches Google's keys."""
    return _local(settings, clock) if settings.services == "local" else _google(client, clock)


def _google(client: httpx.Client, clock: Clock) -> Services:
    keys = JwksOverHttp(CERTS, client, clock)
    return Services(
        GOOGLE,
        oauth.GOOGLE,
        delegation.Endpoints(),
        delegation.own_credentials,
        kms.google_client,
        secrets.google_client,
        TokenIdentity(ISSUERS, keys.keys, clock, newer=keys.newer),
        TokenIdentity(ISSUERS, keys.keys, clock, newer=keys.newer, leeway=SKEW),
    )


def _local(settings: Settings, clock: Clock) -> Services:
    # Only where it is wanted.
    from infra.local.issuer import LocalIssuer  # noqa: PLC0415 - see above

    issuer = LocalIssuer.from_folder(settings.state, settings.base_url, clock)
    server = f"http://127.0.0.1:{settings.calendar_port}"
    return Services(
        settings.calendar_url,
        oauth.local_endpoints(server),
        delegation.Endpoints(f"http://127.0.0.1:{settings.iam_port}", f"{server}/token"),
        partial(DevCredentials, account(settings, "functions")),
        partial(kms.local_client, f"127.0.0.1:{settings.kms_port}"),
        partial(secrets.local_client, f"127.0.0.1:{settings.secrets_port}"),
        TokenIdentity(issuer.url, issuer.jwks, clock),
        TokenIdentity(issuer.url, issuer.jwks, clock, leeway=SKEW),
    )
