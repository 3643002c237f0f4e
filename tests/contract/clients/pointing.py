"""How each of other people's clients is pointed at the Calendar server; nothing else about them is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
import httpx
from gcal_sync.api import GoogleCalendarService
from gcal_sync.auth import AbstractAuth
from gcsa.google_calendar import GoogleCalendar
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build

from tests.contract.calendar_server.desk import ALICE

PATIENCE = 20.0


def credentials(user: str) -> Credentials:
    """What google-auth sends as this user's bearer token."""
    return Credentials(token=f"dev:{user}")  # type: ignore[no-untyped-call]  # google-auth annotates nothing


@contextmanager
def google(base: str, user: str = ALICE) -> Iterator[Any]:
    """google-api-python-client: the endpoint is one of its own options (contract 1.3.1)."""
    options = {"api_endpoint": f"{base}/calendar/v3/"}
    with build(
        "calendar", "v3", credentials=credentials(user), client_options=options, static_discovery=True
    ) as service:
        yield service


@contextmanager
def gcsa(base: str, user: str = ALICE, **options: Any) -> Iterator[GoogleCalendar]:
    """gcsa: takes credentials, but builds its service without client options; the public `service` is exchanged."""
    calendar = GoogleCalendar(credentials=credentials(user), **options)
    calendar.service.close()
    with google(base, user) as service:
        calendar.service = service
        yield calendar


class DevelopmentAuth(AbstractAuth):
    """What a user of gcal-sync has to write: where the access token comes from."""

    def __init__(self, session: aiohttp.ClientSession, host: str, user: str) -> None:
        super().__init__(session, host)
        self._user = user

    async def async_get_access_token(self) -> str:
        """The user's development token."""
        return f"dev:{self._user}"


@asynccontextmanager
async def gcal_sync(base: str, user: str = ALICE) -> AsyncIterator[GoogleCalendarService]:
    """gcal-sync: the host is a parameter of its auth class."""
    timeout = aiohttp.ClientTimeout(PATIENCE)
    async with aiohttp.ClientSession(timeout=timeout, trace_configs=[_whole()]) as session:
        yield GoogleCalendarService(DevelopmentAuth(session, f"{base}/calendar/v3", user))


def _whole() -> aiohttp.TraceConfig:
    """Answers are read to their end: gcal-sync drops those of its writes unread, which leaves connections to chance."""

    async def read(_session: object, _context: object, ended: aiohttp.TraceRequestEndParams) -> None:
        await ended.response.read()

    tracing = aiohttp.TraceConfig()
    tracing.on_request_end.append(read)
    return tracing


def by_hand(base: str, user: str = ALICE) -> httpx.Client:
    """httpx, for what the libraries hide: headers as they are on the wire."""
    headers = {"Authorization": f"Bearer dev:{user}"}
    return httpx.Client(base_url=f"{base}/calendar/v3/", headers=headers, timeout=PATIENCE, trust_env=False)
