"""Rooms behind the join page: their keys, the events that hold them, and a visitor who asks to be let in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from conference.event import Event, EventTime
from conference.key import mint_key
from conference.link import Link, index
from conference.meeting import Meeting, MeetingId, MeetingRef
from conference.slot import Occurrence
from functions import ledger
from functions.ground import Ground
from functions.join.room import Rooms
from functions.ledger import Row

ROOMS = Rooms("janus", "main", "http://127.0.0.1:8903/janus", "signing-secret")
HOST = {"Host": "meet.example:8080"}
OURS = {**HOST, "Origin": "http://meet.example:8080", "Sec-Fetch-Site": "same-origin"}
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)  # 10:30 in Zurich
TITLE = "Salaries of the board"


def key_for(ground: Ground, name: str = "e", provider: str = "janus") -> str:
    """A key of ours."""
    names = {"calendar": "alice@example.com", "ical_uid": name, "provider": provider, "account": "main"}
    return mint_key(ground.key_secret, **names, generation=1)


def event(name: str = "e", start: str = "2026-11-24T10:00:00", end: str = "2026-11-24T11:00:00", **more: Any) -> Event:
    """An event, now under way unless said otherwise."""
    times = {when: EventTime(None, wall, "Europe/Zurich") for when, wall in (("start", start), ("end", end))}
    return Event(**{"id": name, "summary": TITLE, **times, **more})


def hold(ground: Ground, key: str, seen: Event, /, *exceptions: Occurrence, released: bool = False, **more: Any) -> str:
    """Put the row of an event that holds the key's room, or that held it; returns the key."""
    ref = MeetingRef("janus", "main", MeetingId(key))
    link = None if released else Link("janus", "main", key, 1, Meeting(ref, "http://meet.example/j/x"))
    row = Row(
        feed="f",
        event=seen.id,
        zone="Europe/Zurich",
        seen=seen,
        exceptions={str(number): one for number, one in enumerate(exceptions)},
        link=link,
        meeting=index(ref) if link else None,
        key=key if link else None,
        former=index(ref) if released else None,
    )
    ground.store.commit(ledger.put(_with(row, more), None))
    return key


def _with(row: Row, more: Mapping[str, Any]) -> Row:
    for name, value in more.items():
        row = msgspec.structs.replace(row, **{name: value})
    return row


def ask(door: FlaskClient, key: str, display: object = "Ann", headers: Mapping[str, str] = OURS) -> TestResponse:
    """Ask to be let in, as the page does."""
    return door.post(f"/{key}/grant", json={"display": display}, headers=dict(headers))
