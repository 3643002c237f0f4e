"""The example that posts notes about moved and cancelled events to a webhook."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from examples.moved_and_cancelled import MovedAndCancelled
from tests.flow.script_sample.world import BOB
from tests.flow.scripted import ScriptWorld

HOOK = "https://chat.example.com/hook"
TEN = "2026-11-24T10:00:00+01:00 to 2026-11-24T11:00:00+01:00"
THREE = "2026-11-24T15:00:00+01:00 to 2026-11-24T16:00:00+01:00"
CHOSEN: dict[str, Any] = {"extendedProperties": {"private": {"notify": "yes"}}, "conferenceData": None}
LATER: dict[str, Any] = {
    name: {"dateTime": f"2026-11-24T{hour}:00:00+01:00", "timeZone": "Europe/Zurich"}
    for name, hour in (("start", 15), ("end", 16))
}


class Chat:
    """A webhook that keeps what it is posted, and may be down for some calls."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, str]] = []
        self.down = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Take one note."""
        if self.down:
            self.down -= 1
            return httpx.Response(503)
        self.posted.append((request.headers["Idempotency-Key"], json.loads(request.content)["text"]))
        return httpx.Response(200)

    @property
    def texts(self) -> list[str]:
        """The notes."""
        return [text for _, text in self.posted]


@pytest.fixture
def chat() -> Chat:
    """The webhook."""
    return Chat()


@pytest.fixture
def world(chat: Chat) -> Iterator[ScriptWorld]:
    """A world whose script posts notes about the user's calendar."""
    with contextlib.closing(ScriptWorld()) as made, httpx.Client(transport=httpx.MockTransport(chat)) as client:
        notes = MovedAndCancelled(client, HOOK)
        notes.register(made.handlers)
        with made.scripting():
            notes.follow("primary")
            notes.follow("primary")
        made.settle()
        yield made


def told(world: ScriptWorld, chat: Chat, **fields: Any) -> list[str]:
    """The notes about an event that is made, renamed, moved and cancelled."""
    event = world.insert(**{"summary": "Lunch", **CHOSEN, **fields})["id"]
    world.settle()
    world.patch(event, summary="Dinner")
    world.settle()
    world.patch(event, **LATER)
    world.settle()
    world.cancel(event)
    world.settle()
    return chat.texts


def test_a_chosen_event(world: ScriptWorld, chat: Chat) -> None:
    """Nothing when it is made or renamed; a note when it is moved, and one when it is cancelled."""
    assert told(world, chat) == [
        f"Dinner has moved: it was {TEN}, and is {THREE}.",
        f"Dinner ({THREE}) is cancelled.",
    ]
    assert len({key for key, _ in chat.posted}) == 2


def test_an_event_that_nobody_chose(world: ScriptWorld, chat: Chat) -> None:
    """It is nobody's business."""
    assert told(world, chat, extendedProperties=None) == []


def test_a_guest_is_not_told(world: ScriptWorld, chat: Chat) -> None:
    """Only the organizer's copy counts."""
    event = world.insert(by=BOB, summary="Bob's", attendees=[{"email": "alice@example.com"}], **CHOSEN)["id"]
    world.settle()
    world.patch(event, by=BOB, **LATER)
    world.settle()

    assert chat.texts == []


def test_a_webhook_that_is_down(world: ScriptWorld, chat: Chat) -> None:
    """The note is posted once it is up again; others do not wait for it."""
    events = [world.insert(**{"summary": name, **CHOSEN})["id"] for name in ("First", "Second")]
    world.settle()
    chat.down = 1
    for event in events:
        world.cancel(event)
    world.settle()

    assert [text.partition(" ")[0] for text in chat.texts] == ["Second", "First"]
