"""What other programs have written that cannot be followed, and events whose organizer is elsewhere."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from tests.simulation import drafts
from tests.simulation.calendar_user import put_raw
from tests.simulation.scene import Scene, some

Json = dict[str, Any]

_ABSURD: tuple[Json, ...] = (
    {"start": {"dateTime": "2345-06-07T08:00:00Z"}, "end": {"dateTime": "2345-06-07T09:00:00Z"}},
    {"start": {"date": "1066-10-14"}, "end": {"date": "1066-10-15"}},
    {"start": {"dateTime": "2026-12-01T10:00:00Z"}, "end": {"dateTime": "9997-12-01T10:00:00Z"}},
)
"""Times that the server takes."""
_BROKEN: tuple[Json, ...] = (
    {"start": None},
    {"start": {"dateTime": "tomorrow at ten"}},
    {"start": "2026-12-01T10:00:00Z"},
    {"start": {}},
    {"end": {"dateTime": "2026-12-01T09:00:00Z"}},
    {"recurrence": ["RRULE:FREQ=FORTNIGHTLY"]},
    {"recurrence": "weekly"},
    {"summary": 7},
)
"""What the server would refuse, as it stands in place of an event's right fields; None: is missing."""


def poison(scene: Scene, choice: random.Random) -> str:
    """Another program writes an event that cannot be followed, though it asks for a conference."""
    user, calendar = scene.place(choice)
    provider = choice.choice(list(scene.vendors))
    token = scene.token()
    if choice.random() < 0.3:
        body = {"summary": f"{token} absurd", "conferenceData": drafts.asked(provider), **choice.choice(_ABSURD)}
        event = scene.as_user(user).insert(calendar, body)
    else:
        wrong = {"conferenceData": drafts.asked(provider), **choice.choice(_BROKEN)}
        event = _raw(token, user, calendar, scene.clock(), wrong)
        put_raw(scene.google, calendar, event)
    scene.wished(user, calendar, event, provider, unreadable=True)
    return f"{token} on {calendar}"


def endless(scene: Scene, choice: random.Random) -> str:
    """Another program writes an event without an end, which lasts an hour."""
    user, calendar = scene.place(choice)
    provider = choice.choice(list(scene.vendors))
    token = scene.token()
    event = _raw(token, user, calendar, scene.clock(), {"end": None, "conferenceData": drafts.asked(provider)})
    put_raw(scene.google, calendar, event)
    scene.wished(user, calendar, event, provider)
    return f"{token} on {calendar}"


def _raw(token: str, user: str, calendar: str, now: datetime, wrong: Json) -> Json:
    event_id = f"broken{token.lower()}"
    event = {
        "kind": "calendar#event",
        "etag": f'"{round(now.timestamp() * 2_000_000)}"',
        "id": event_id,
        "iCalUID": f"{event_id}@elsewhere.test",
        "status": "confirmed",
        "created": _text(now),
        "updated": _text(now),
        "creator": {"email": user, "self": True} if user == calendar else {"email": user},
        "organizer": {"email": calendar, "self": True},
        "summary": f"{token} broken",
        "start": {"dateTime": "2026-12-01T10:00:00Z"},
        "end": {"dateTime": "2026-12-01T11:00:00Z"},
        "reminders": {"useDefault": True},
        "eventType": "default",
        "sequence": 0,
        **wrong,
    }
    return {name: value for name, value in event.items() if value is not None}


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def repair(scene: Scene, choice: random.Random) -> str | None:
    """A person makes good what could not be followed."""
    broken = [wish for wish in scene.shadow.wishes.values() if wish.unreadable and wish.alive]
    wish = some(choice, broken)
    if wish is None:
        return None
    times = drafts.hours(choice, scene.clock())
    body = {"summary": drafts.title(wish.token, choice), "recurrence": None, **times}
    wish.unreadable = False
    scene.changed(wish, scene.as_user(wish.user).patch(wish.calendar, wish.event, body))
    return f"{wish.token} to {drafts.shown(times)}"


def discard(scene: Scene, choice: random.Random) -> str | None:
    """A person deletes what could not be followed."""
    broken = [wish for wish in scene.shadow.wishes.values() if wish.unreadable and wish.alive]
    wish = some(choice, broken)
    if wish is None:
        return None
    scene.as_user(wish.user).delete(wish.calendar, wish.event)
    scene.changed(wish)
    return wish.token


def take_over(scene: Scene, choice: random.Random) -> str:
    """A person imports an event that somebody elsewhere organizes, conference and all: not our business."""
    user, calendar = scene.place(choice)
    token = scene.token()
    provider = choice.choice(list(scene.vendors))
    body = {
        "iCalUID": f"{token.lower()}@elsewhere.test",
        "organizer": {"email": "chair@elsewhere.test"},
        "summary": drafts.title(token, choice),
        "conferenceData": drafts.asked(provider),
        **drafts.when(choice, scene.clock()),
    }
    scene.wished(user, calendar, scene.as_user(user).import_(calendar, body), provider, elsewhere=True)
    return f"{token} on {calendar}"
