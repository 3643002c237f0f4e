"""Whose calendars this machine follows: the local Calendar server's, or those of a real account that consents here.

Authority for the latter: RFC 8252 (native apps: a loopback address, PKCE) and
https://developers.google.com/identity/protocols/oauth2/native-app
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from google.auth.credentials import Credentials

from infra.google import oauth
from infra.google.client import GOOGLE
from infra.google.credentials import DevCredentials
from infra.settings import BadSettings, Settings, variable

POLL = 15.0
"""Seconds: Google can tell no machine behind a router of changes, so it is asked this often. A quiet look costs one
call, 240 an hour, of the 600 a minute that Google lets a user make."""
TICK = 5.0
STATE = Path(".lockstep-google")
"""Apart from that of the local Calendar server, whose users are nobody at Google."""


@dataclass(frozen=True, slots=True)
class Following:
    """Where the calendars are, and how this machine may act for their users."""

    calendar: str
    endpoints: oauth.Endpoints
    client: oauth.Client
    otherwise: Callable[[str], Credentials] | None
    """The credentials of users who have not consented, where there are any."""
    notice_address: str | None
    """Where changes are told; None: nowhere, so they are asked for."""


def following(settings: Settings) -> Following:
    """As the settings say. Raises BadSettings for a client file that is none."""
    google = settings.services == "google"
    if settings.calendar_api == "local":
        notices = f"{settings.base_url}/calendar_notification"
        return Following(settings.calendar_url, _local(settings), oauth.development_client(), DevCredentials, notices)
    if google:
        return Following(GOOGLE, oauth.GOOGLE, client_of(settings), None, None)
    client = client_of(settings) if settings.client_file else oauth.development_client()
    return Following(settings.calendar_url, _local(settings), client, None, None)


def client_of(settings: Settings) -> oauth.Client:
    """The OAuth client in the file that the settings name. Raises BadSettings."""
    try:
        return oauth.read_client(Path(settings.client_file).expanduser().read_bytes())
    except OSError as error:
        why = (error.strerror or "it cannot be read").lower()
    except ValueError as error:
        why = str(error)
    raise BadSettings(f"setting {variable('CLIENT_FILE')}: {settings.client_file!r} was given, but {why}")


def prepared(settings: Settings) -> Settings:
    """The settings of a stack that follows a real account: it looks often, in a state folder of its own.

    All others are as they are.
    """
    if settings.calendar_api == "local":
        return settings
    state = STATE if settings.state == Settings().state else settings.state
    return replace(settings, state=state, poll=min(settings.poll, POLL), tick=min(settings.tick, TICK))


def _local(settings: Settings) -> oauth.Endpoints:
    return oauth.local_endpoints(f"http://127.0.0.1:{settings.calendar_port}")
