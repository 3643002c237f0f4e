"""The providers that the contract suite judges: real ones before their services, and the simulation's models."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import httpx

from conference.meeting import Attendee, MeetingSpec, Occurrence, Slot
from conference.providers.http import HttpProvider
from conference.providers.janus import JanusProvider
from conference.providers.protocol import ConferenceProvider, CreateKey, MeetingLister, Recurrence, Schedule
from infra.local.janus import Janus
from infra.local.vendor.server import Account
from infra.local.vendor.serving import running
from tests.simulation.vendor import ModelProvider, Traits, VendorModel

START = datetime(2026, 10, 20, 8, tzinfo=UTC)  # a week before Zurich's clocks go back
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)


PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that stay on loopback: loading the trusted certificates for each would take most of a test's time."""


class Provider(ConferenceProvider, MeetingLister, Protocol):
    """What every provider here offers."""


class LosingAnswers(httpx.BaseTransport):
    """Delivers every request, and loses the answers while `losing` is set."""

    def __init__(self) -> None:
        self._real = httpx.HTTPTransport(verify=PLAIN)
        self.losing = False
        self.sent = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The real answer, read and thrown away when it is to be lost."""
        self.sent += 1
        response = self._real.handle_request(request)
        if not self.losing:
            return response
        response.read()
        response.close()
        raise httpx.ReadTimeout("the answer is lost", request=request)

    def close(self) -> None:
        """Close the connections."""
        self._real.close()


@dataclass(frozen=True)
class Bench:
    """A provider, the same with a credential that is not accepted, and the wire in between."""

    provider: Provider
    denied: Provider
    wire: LosingAnswers


def new_key() -> str:
    """A key nobody else uses: several tests may share one service."""
    return secrets.token_hex(20)


def single(title: str = "Weekly sync") -> MeetingSpec:
    """A single meeting."""
    return MeetingSpec(title, Slot(START, START + HOUR, "Europe/Zurich"), "ana@example.com")


def series() -> MeetingSpec:
    """A series with one occurrence moved and renamed, one cancelled, and people."""
    moved = Slot(START + WEEK + 2 * HOUR, START + WEEK + 3 * HOUR, "America/New_York")
    return MeetingSpec(
        title="Weekly sync",
        slot=Slot(START, START + HOUR, "Europe/Zurich"),
        host="ana@example.com",
        agenda="1. Numbers\n2. “Quotes”",
        attendees=(Attendee("zoe@example.com", "Zoë"), Attendee("bo@example.com", optional=True)),
        recurrence=("RRULE:FREQ=WEEKLY;COUNT=10", "EXDATE;TZID=Europe/Zurich:20261117T100000"),
        exceptions=(Occurrence(START + 2 * WEEK, None), Occurrence(START + WEEK, moved, "Moved")),
    )


MODELS = {
    traits.name: traits
    for traits in (
        Traits("full"),
        Traits("no-digest", conditional=False, readable=False, pushes=False),
        Traits("searchable", CreateKey.SEARCHABLE, conditional=False, recurrence=Recurrence.SERIES),
        Traits("client-id", CreateKey.CLIENT_ID, Schedule.WINDOW, recurrence=Recurrence.NONE),
        Traits("rooms", CreateKey.NONE, Schedule.NONE, conditional=False, recurrence=Recurrence.NONE, tells_key=False),
    )
}
"""The kinds of vendors that the simulation knows."""


def model(traits: Traits) -> Provider:
    """The provider over a model of such a vendor, which holds nothing yet."""
    made = ModelProvider(VendorModel(traits, lambda: START))
    assert isinstance(made, MeetingLister)
    return made


@contextmanager
def http_bench() -> Iterator[Bench]:
    """HttpProvider before a conferencing service of its own."""
    with running(Account("right-token")) as base, _client() as (client, wire):

        def provider(token: str) -> HttpProvider:
            return HttpProvider("acme", base, token=token, account="main", client=client)

        yield Bench(provider("right-token"), provider("wrong-token"), wire)


@contextmanager
def janus_bench(server: Janus) -> Iterator[Bench]:
    """JanusProvider before a running server."""
    with _client() as (client, wire):
        make = janus_providers(server, client)
        yield Bench(make(server.secrets.admin), make("wrong"), wire)


def janus_providers(server: Janus, client: httpx.Client) -> Callable[[str], JanusProvider]:
    """Makes providers for the server with the admin secret given."""

    def provider(admin_secret: str) -> JanusProvider:
        return JanusProvider(
            server.admin_url,
            admin_secret=admin_secret,
            admin_key=server.secrets.room,
            room_secret_seed=server.secrets.seed.encode(),
            join_base="https://meet.example",
            account="main",
            client=client,
        )

    return provider


@contextmanager
def _client() -> Iterator[tuple[httpx.Client, LosingAnswers]]:
    wire = LosingAnswers()
    with httpx.Client(transport=wire) as client:
        yield client, wire
