"""Whom the join page lets into a room: when, as whom, until when, and asked by which page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from conference.providers.janus_join import grant
from functions.ground import Ground
from functions.join.page import join_page
from infra.local.memory import ManualClock, MemoryStore
from tests.edge.join.rooms import HOST, NOW, OURS, ROOMS, TITLE, ask, event, hold, key_for


def test_grant(ground: Ground, door: FlaskClient) -> None:
    """A visitor gets the server's address and two tokens for this room, valid until half an hour after the end."""
    key = hold(ground, key_for(ground), event())
    until = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
    signed = grant(ROOMS.token_secret, key, until)
    answer = ask(door, key, " Ann\nExample ")

    assert answer.status_code == 200
    assert answer.get_json() == {
        "title": TITLE,
        "room": key,
        "server": ROOMS.server,
        "core": signed.core,
        "token": signed.room,
        "display": "Ann Example",
        "expires": int(until.timestamp()),
    }
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("display", "shown"), [("", "Guest"), (" \x00\n", "Guest"), ("x" * 200, "x" * 60), ("Zoë 🎉", "Zoë 🎉")]
)
def test_names(ground: Ground, door: FlaskClient, display: str, shown: str) -> None:
    """A visitor's name is one short line, and there always is one."""
    assert ask(door, hold(ground, key_for(ground), event()), display).get_json()["display"] == shown


@pytest.mark.parametrize(
    ("start", "end"), [("2026-11-24T10:46:00", "2026-11-24T11:46:00"), ("2026-11-24T09:00:00", "2026-11-24T10:00:00")]
)
def test_closed(ground: Ground, door: FlaskClient, start: str, end: str) -> None:
    """A minute too early, and from half an hour after the end on, there is no grant."""
    answer = ask(door, hold(ground, key_for(ground), event(start=start, end=end)))

    assert (answer.status_code, answer.text) == (403, "The room is closed now.\n")


@pytest.mark.parametrize(
    "headers",
    [
        HOST,
        {**OURS, "Origin": "null"},
        {**OURS, "Origin": "http://evil.example"},
        {**OURS, "Origin": "https://meet.example:8080"},
        {**OURS, "Sec-Fetch-Site": "cross-site"},
        {**OURS, "Sec-Fetch-Site": "none"},
    ],
)
def test_only_our_own_page_may_ask(ground: Ground, door: FlaskClient, headers: Mapping[str, str]) -> None:
    """Another site gets no grant, even with the right key."""
    answer = ask(door, hold(ground, key_for(ground), event()), headers=headers)

    assert answer.status_code == 403
    assert ROOMS.server not in answer.text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"display=x", "application/x-www-form-urlencoded", 415),
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"display": 7}', "application/json", 400),
        (b'{"display": null}', "application/json", 400),
        (b'{"display": "x", "room": "y"}', "application/json", 400),
        (b'{"display": "\xff"}', "application/json", 400),
        (b"[" * 1000, "application/json", 400),
        (json.dumps({"display": "x" * 201}).encode(), "application/json", 400),
        (b" " * 1025, "application/json", 413),
    ],
)
def test_bad_bodies(ground: Ground, door: FlaskClient, body: bytes, kind: str, status: int) -> None:
    """What cannot be read is told in a sentence that repeats nothing of it."""
    key = hold(ground, key_for(ground), event())
    answer = door.post(f"/{key}/grant", data=body, content_type=kind, headers=OURS)

    assert answer.status_code == status
    assert answer.mimetype == "text/plain"
    assert "xxx" not in answer.text


@given(body=st.binary(max_size=200))
def test_no_body_makes_it_crash(somewhere: Ground, body: bytes) -> None:
    """Whatever is sent, it is a name or it is refused."""
    clock = ManualClock(NOW)
    ground = replace(somewhere, clock=clock, store=MemoryStore(clock))
    key = hold(ground, key_for(ground), event())
    door = join_page(ground, ROOMS, {}).test_client()

    assert door.post(f"/{key}/grant", data=body, content_type="application/json", headers=OURS).status_code in {
        200,
        400,
    }
