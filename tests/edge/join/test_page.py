"""What the join page says of a room, whenever it is opened, and of what it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from conference.event import Event
from conference.slot import Occurrence, Slot
from functions.ground import Ground
from functions.join.page import LIBRARIES, PACKAGES, join_page
from infra.local.janus_browser import browser_library
from infra.local.memory import ManualClock
from tests.edge.join.rooms import HOST, NOW, ROOMS, TITLE, ask, event, hold, key_for
from tests.world import World


@pytest.mark.parametrize(
    ("now", "says"),
    [
        ("2026-11-22T12:00:00+01:00", "The room opens on Tue 24 Nov at 09:45."),
        ("2026-11-24T09:44:00+01:00", "The room opens at 09:45."),
        ("2026-11-24T09:45:00+01:00", "The room is open until 11:30."),
        ("2026-11-24T11:29:00+01:00", "The room is open until 11:30."),
        ("2026-11-24T11:30:00+01:00", "It is over."),
    ],
)
def test_times(ground: Ground, libraries: Mapping[str, Path], now: str, says: str) -> None:
    """The page tells title and time in the event's own zone, and how the door stands by our clock."""
    clock = ManualClock(datetime.fromisoformat(now))
    key = hold(ground, key_for(ground), event())
    answer = join_page(replace(ground, clock=clock), ROOMS, libraries).test_client().get(f"/{key}", headers=HOST)

    assert answer.status_code == 200
    for shown in (TITLE, "Tue 24 Nov, 10:00 – 11:00", "Europe/Zurich", says):  # noqa: RUF001 - an en dash
        assert shown in answer.text
    assert ('id="enter"' in answer.text) == ("open until" in says)
    assert ("library" in answer.text) == ("open until" in says)


@pytest.mark.parametrize(
    ("fields", "state", "says"),
    [
        ({"seen": Event("e", "cancelled")}, "cancelled", "It was cancelled."),
        ({"seen": event(status="cancelled")}, "cancelled", "It was cancelled."),
        ({"seen": None}, "unreadable", "When it takes place cannot be told: look into the calendar."),
        ({"seen": Event("e")}, "unreadable", "When it takes place cannot be told: look into the calendar."),
        ({"zone": "Mars/Olympus"}, "unreadable", "When it takes place cannot be told: look into the calendar."),
    ],
)
def test_no_times(ground: Ground, door: FlaskClient, fields: dict[str, Any], state: str, says: str) -> None:
    """What was cancelled, and what cannot be read, has a page all the same, and nobody is let in."""
    key = hold(ground, key_for(ground), event(), **fields)
    answer = door.get(f"/{key}", headers=HOST)

    assert (answer.status_code, says in answer.text) == (200, True)
    assert door.get(f"/{key}/state", headers=HOST).get_json()["state"] == state
    assert ask(door, key).status_code == 403


@pytest.mark.parametrize(
    ("seen", "state"),
    [(Event("e", "cancelled"), "cancelled"), (event(), "released"), (event(end="2026-11-24T10:10:00"), "released")],
)
def test_a_room_that_was_let_go(ground: Ground, door: FlaskClient, seen: Event, state: str) -> None:
    """After the room is gone its link goes on telling why, for as long as the event's row is kept."""
    key = hold(ground, key_for(ground), seen, released=True)

    assert door.get(f"/{key}", headers=HOST).status_code == 200
    assert door.get(f"/{key}/state", headers=HOST).get_json()["state"] == state
    assert ask(door, key).status_code == 403


def test_an_event_that_moved_to_another_calendar(ground: Ground, door: FlaskClient) -> None:
    """Gone here and held there, the room is open."""
    key = hold(ground, key_for(ground), Event("e", "cancelled"), released=True)
    hold(ground, key, event("there"))

    assert ask(door, key).status_code == 200


def test_events_that_share_a_room(ground: Ground, door: FlaskClient) -> None:
    """Each of them opens it at its own time; the one that is open is the one that is shown."""
    key = key_for(ground)
    hold(ground, key, event("past", "2026-11-20T10:00:00", "2026-11-20T11:00:00", summary="Past"))
    hold(ground, key, event("gone", status="cancelled", summary="Gone"))
    hold(ground, key, event("next", "2026-11-27T10:00:00", "2026-11-27T11:00:00", summary="Next"))
    assert door.get(f"/{key}/state", headers=HOST).get_json()["title"] == "Next"
    hold(ground, key, event("now", summary="Now"))

    assert door.get(f"/{key}/state", headers=HOST).get_json()["title"] == "Now"
    assert ask(door, key).get_json()["title"] == "Now"


def test_a_cancelled_date_of_a_series(ground: Ground, door: FlaskClient) -> None:
    """Whoever comes for it learns that, and when the next date opens; they are not let in."""
    start = datetime(2026, 11, 24, 9, tzinfo=UTC)
    key = hold(ground, key_for(ground), event(recurrence=("RRULE:FREQ=DAILY",)), Occurrence(start, None))
    answer = door.get(f"/{key}", headers=HOST)

    assert "The date of Tue 24 Nov, 10:00 – 11:00 was cancelled." in answer.text  # noqa: RUF001 - an en dash
    assert "The room opens on Wed 25 Nov at 09:45." in answer.text
    assert ask(door, key).status_code == 403


def test_a_moved_date_of_a_series(ground: Ground, door: FlaskClient) -> None:
    """It is let in at its new time, until half an hour after its new end."""
    start = datetime(2026, 12, 1, 9, tzinfo=UTC)
    moved = Occurrence(start, Slot(NOW, NOW + timedelta(minutes=20), "Europe/Zurich"), "Brought forward")
    weekly = event(start="2026-11-17T10:00:00", end="2026-11-17T11:00:00", recurrence=("RRULE:FREQ=WEEKLY;INTERVAL=2",))
    answer = ask(door, hold(ground, key_for(ground), weekly, moved))

    assert answer.get_json()["title"] == "Brought forward"
    assert answer.get_json()["expires"] == (NOW + timedelta(minutes=50)).timestamp()


def test_the_wait_is_told(ground: Ground, door: FlaskClient) -> None:
    """The page knows in how many seconds to look again: when the door opens, and not before."""
    key = hold(ground, key_for(ground), event(start="2026-11-24T11:00:00", end="2026-11-24T12:00:00"))

    assert door.get(f"/{key}/state", headers=HOST).get_json()["wait"] == 15 * 60 + 1


def test_a_cancelled_event_leaves_the_way_to_its_page() -> None:
    """Through the whole flow: the row of an event that was cancelled still names the meeting that it had."""
    world = World()
    try:
        world.connect()
        made = world.insert()["id"]
        world.settle()
        (row,) = world.rows()
        world.cancel(made)
        world.settle()
        (after,) = world.rows()
    finally:
        world.close()

    assert row.meeting is not None
    assert (after.meeting, after.former, row.former) == (None, row.meeting, None)


class Elements(HTMLParser):
    """A page's elements, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the element down."""
        self.found.append((tag, dict(attrs)))

    def weighty(self) -> list[str]:
        """The elements that act."""
        return sorted(tag for tag, _ in self.found if tag in {"script", "img", "form", "input", "button", "iframe"})


@pytest.mark.parametrize(
    "title",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "{{ 7 * 7 }}",
        "</title><form action=//evil.example>",
    ],
)
def test_titles_are_text(ground: Ground, door: FlaskClient, title: str) -> None:
    """What people write never becomes part of the page, and no script stands in it."""
    plain = Elements(door.get(f"/{hold(ground, key_for(ground), event())}", headers=HOST).text)
    key = hold(ground, key_for(ground, "other"), event("other", summary=title))
    shown = door.get(f"/{key}", headers=HOST).text
    found = Elements(shown)

    assert found.weighty() == plain.weighty()
    assert not [attrs for _, attrs in found.found if any(name.startswith("on") or name == "style" for name in attrs)]
    assert all(attrs.get("src") for tag, attrs in found.found if tag == "script")
    assert "49" not in shown.split("<body>")[1]


def test_scripts_load(ground: Ground, door: FlaskClient) -> None:
    """Everything that the page names is there."""
    found = Elements(door.get(f"/{hold(ground, key_for(ground), event())}", headers=HOST).text).found
    named = [
        attrs[name] for tag, attrs in found if tag in {"script", "link"} for name in ("src", "href") if name in attrs
    ]

    assert len(named) == 6
    assert {door.get(path or "", headers=HOST, buffered=True).status_code for path in named} == {200}


def test_library_is_served(door: FlaskClient, tmp_path: Path) -> None:
    """Its scripts come from where the system keeps them, and nothing else does; without all of them there are none."""
    for name in LIBRARIES:
        answer = door.get(f"/library/{name}", headers=HOST, buffered=True)
        assert (answer.status_code, answer.text) == (200, f"// {name}\n")
        assert answer.mimetype == "text/javascript"
    (tmp_path / "other.js").write_text("secret")
    for name in ("other.js", "../other.js", "%2e%2e/adapter.js", ""):
        assert door.get(f"/library/{name}", headers=HOST).status_code == 404
    assert browser_library(tmp_path) == {}


@pytest.mark.parametrize("have", [(), LIBRARIES[:1], LIBRARIES])
def test_without_the_browsers_library(ground: Ground, libraries: Mapping[str, Path], have: tuple[str, ...]) -> None:
    """Unless it is whole, the page says that the room is ready and which packages are missing."""
    key = hold(ground, key_for(ground), event())
    some = {name: libraries[name] for name in have}
    answer = join_page(ground, ROOMS, some).test_client().get(f"/{key}", headers=HOST)

    missing = have != LIBRARIES
    assert answer.status_code == 200
    assert ("The room is ready" in answer.text) == missing
    assert all((name in answer.text) == missing for name in PACKAGES)
    assert ('id="enter"' in answer.text) != missing
