"""The console's buttons: what each one does to the event, and the sentence that answers one that cannot."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from functions.ports import Put
from tests.edge.console.pressing import OURS, PART, POSTS, only, page, press
from tests.world import World


@pytest.mark.parametrize(
    ("by", "start"),
    [("+30", "10:30"), ("-30", "09:30"), ("+60", "11:00"), ("-60", "09:00"), ("+1d", "10:00"), ("-1d", "10:00")],
)
def test_move(world: World, browser: FlaskClient, by: str, start: str) -> None:
    """The event moves, and its meeting after it."""
    answer = press(browser, "move", by=by)
    world.settle()

    day = {"+1d": 25, "-1d": 23}.get(by, 24)
    assert (answer.status_code, answer.text) == (200, "Moved. Its meeting follows.\n")
    assert only(world)["start"]["dateTime"] == f"2026-11-{day}T{start}:00+01:00"
    assert world.meetings()[0]["start"].startswith(f"2026-11-{day}T{int(start[:2]) - 1:02}{start[2:]}")


def test_rename(world: World, browser: FlaskClient) -> None:
    """The event has the new title, on one line, and so has its meeting."""
    answer = press(browser, "rename", title="  Another\r\nname ")
    world.settle()

    assert answer.status_code == 200
    assert only(world)["summary"] == world.meetings()[0]["title"] == "Another  name"


def test_cancel(world: World, browser: FlaskClient) -> None:
    """The event is gone, and its meeting with it."""
    answer = press(browser, "cancel")
    world.settle()

    assert answer.status_code == 200
    assert world.user.events().list(calendarId="primary").execute()["items"] == []
    assert world.meetings() == []


@pytest.mark.parametrize(("provider", "meetings"), [("http", 2), ("", 1)])
def test_new(world: World, browser: FlaskClient, provider: str, meetings: int) -> None:
    """An event is made on the calendar's wall clock, with a conference of ours or an ordinary one."""
    sent = {"title": "Fresh", "start": "2026-11-26T14:00", "minutes": "45", "provider": provider}
    answer = press(browser, "new", **sent)
    world.settle()
    items = world.user.events().list(calendarId="primary").execute()["items"]
    (made,) = [event for event in items if event["summary"] == "Fresh"]

    assert answer.status_code == 200
    assert (made["start"]["dateTime"], made["end"]["dateTime"]) == (
        "2026-11-26T14:00:00+01:00",
        "2026-11-26T14:45:00+01:00",
    )
    assert len(world.meetings()) == meetings


def test_one_date_of_a_series(world: World, browser: FlaskClient) -> None:
    """The buttons of a series are about the date that is shown, and leave the others alone."""
    world.patch(only(world)["id"], recurrence=["RRULE:FREQ=DAILY;COUNT=5"])
    world.settle()
    press(browser, "move", by="+60")
    items = world.user.events().list(calendarId="primary", singleEvents=True, orderBy="startTime").execute()["items"]

    assert [event["start"]["dateTime"][8:16] for event in items] == [
        "24T11:00",
        "25T10:00",
        "26T10:00",
        "27T10:00",
        "28T10:00",
    ]


@pytest.mark.parametrize("button", ["move", "rename", "cancel"])
def test_somebody_else_was_faster(world: World, browser: FlaskClient, button: str) -> None:
    """A change made since the page was loaded is never overwritten."""
    fields = page(browser).fields(f"/events/{button}")
    world.clock.advance(world.clock.now().resolution * 5_000_000)
    world.patch(only(world)["id"], description="changed meanwhile")
    before = only(world)

    answer = browser.post(f"/events/{button}", data={**fields, "by": "+30", "title": "x"}, headers=PART)

    assert answer.status_code == 409
    assert answer.text == "Somebody else changed it just now. Look again, then decide.\n"
    assert only(world) == before


@pytest.mark.parametrize(
    ("status", "reason", "answered"),
    [
        (503, None, 502),
        (401, "authError", 403),
        (403, "rateLimitExceeded", 503),
        (403, "forbiddenForNonOrganizer", 422),
    ],
)
def test_the_calendar_says_no(
    world: World, browser: FlaskClient, status: int, reason: str | None, answered: int
) -> None:
    """Each failure has its status and its sentence; none is a crash."""
    extra = {"reason": reason} if reason else {}
    world.google_control("faults", method="PATCH", path="/events/", times=1, status=status, **extra)

    answer = press(browser, "rename", title="x")

    assert answer.status_code == answered
    assert answer.content_type.startswith("text/plain")


@pytest.mark.parametrize(
    ("button", "changes"),
    [
        ("move", {"by": "+31"}),
        ("move", {"by": ""}),
        ("move", {"by": "+30", "etag": "*"}),
        ("move", {"by": "+30", "etag": '"a"\r\nX: y'}),
        ("move", {"by": "+30", "etag": ""}),
        ("move", {"by": "+30", "event": "../calendars/primary"}),
        ("move", {"by": "+30", "event": ""}),
        ("move", {"by": "+30", "feed": "alice"}),
        ("rename", {"title": ""}),
        ("rename", {"title": "  \n "}),
        ("rename", {"title": "x" * 1001}),
        ("new", {"title": "x", "start": "tomorrow", "minutes": "60"}),
        ("new", {"title": "x", "start": "2026-02-30T10:00", "minutes": "60"}),
        ("new", {"title": "x", "start": "2026-11-24T10:00+05:00", "minutes": "60"}),
        ("new", {"title": "x", "start": "2026-11-24T10:00", "minutes": "0"}),
        ("new", {"title": "x", "start": "2026-11-24T10:00", "minutes": "1e9"}),
    ],
)
def test_bad_input_is_told(quiet: World, door: FlaskClient, button: str, changes: dict[str, str]) -> None:
    """The answer names the field, repeats nothing of it, and nothing has happened."""
    before = only(quiet)

    answer = press(door, button, **changes)

    assert answer.status_code == 400
    assert "That cannot be read" in answer.text
    assert only(quiet) == before


def test_a_provider_that_is_none(door: FlaskClient) -> None:
    """Only configured providers can be asked for."""
    answer = press(door, "new", title="x", start="2026-11-24T10:00", minutes="60", provider="nobody")

    assert (answer.status_code, answer.text) == (422, "That cannot be done: there is no such conference provider.\n")


def test_a_feed_that_is_no_more(door: FlaskClient) -> None:
    """A button of a calendar that was disconnected meanwhile."""
    assert press(door, "cancel", feed="0" * 20).status_code == 404


@pytest.mark.parametrize("button", ["move", "new"])
def test_a_zone_nobody_knows(world: World, browser: FlaskClient, button: str) -> None:
    """Times cannot be reckoned in it, and that is said."""
    (document,) = world.store.query("feeds")
    world.store.commit(Put(document.key, {**document.data, "zone": "Mars/Olympus"}, document.version))

    answer = press(browser, button, by="+30", title="x", start="2026-11-24T10:00", minutes="60")

    assert (answer.status_code, answer.text) == (422, "That cannot be done: the calendar's zone is not known here.\n")


def test_without_its_script_the_page_still_works(world: World, browser: FlaskClient) -> None:
    """A plain form is answered with the page as it then is, and the sentence on it."""
    answer = press(browser, "move", OURS, by="+30")

    assert answer.status_code == 200
    assert answer.content_type.startswith("text/html")
    assert "Moved. Its meeting follows." in answer.text
    assert "10:30 – 11:30" in answer.text  # noqa: RUF001 - an en dash
    assert only(world)["start"]["dateTime"] == "2026-11-24T10:30:00+01:00"


FIELDS = st.dictionaries(
    st.sampled_from(["feed", "event", "etag", "by", "title", "start", "minutes", "provider", "other"]),
    st.text(st.characters(codec="utf-8"), max_size=40),
)


@pytest.fixture(scope="module")
def plausible(door: FlaskClient) -> dict[str, str]:
    """Fields that any of the buttons would take, about an event that is none."""
    return {**page(door).fields("/events/new"), "event": "nobody", "etag": '"1"', "by": "+30", "title": "x"}


@given(button=st.sampled_from(POSTS), changes=FIELDS)
def test_no_form_makes_it_crash(
    door: FlaskClient, plausible: dict[str, str], button: str, changes: dict[str, str]
) -> None:
    """Whatever is sent, somebody gets a sentence."""
    answer = door.post(f"/events/{button}", data={**plausible, **changes}, headers=PART)

    # A cancelled event that was never there is as good as cancelled.
    assert answer.status_code in ({200, 400, 404} if button == "cancel" else {400, 404})
