"""The console's doors: who may look, who may press, what is sent along, and what the buttons do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any, NoReturn

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Response

from functions.console.guard import HEADERS
from functions.console.page import console
from functions.ports import Put
from infra.local.memory import MemoryStore
from tests.world import World

LOCAL = {"Host": "localhost:8080"}
OURS = {**LOCAL, "Origin": "http://localhost:8080", "Sec-Fetch-Site": "same-origin"}
PART = {**OURS, "Lockstep-Part": "1"}
POSTS = ["move", "rename", "cancel", "new"]


class Page(HTMLParser):
    """The forms of a page by the path they post to, the fields of each one, and every element's attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the element down."""
        found = dict(attrs)
        self.elements.append((tag, found))
        if tag == "form":
            self.forms.append((found.get("action") or "", {}))
        if tag == "input" and self.forms and found.get("type") == "hidden":
            self.forms[-1][1][found["name"] or ""] = found.get("value") or ""

    def fields(self, path: str) -> dict[str, str]:
        """What the first form for this path carries."""
        return next(fields for action, fields in self.forms if action.endswith(path))


def in_step() -> Iterator[World]:
    """One user with a connected calendar and one event of ours, in step with its meeting."""
    made = World()
    made.connect()
    made.insert()
    made.settle()
    yield made
    made.close()


@pytest.fixture
def world() -> Iterator[World]:
    """A world of the test's own."""
    yield from in_step()


@pytest.fixture
def browser(world: World) -> FlaskClient:
    """A client of the console."""
    return console(world.ground).test_client()


@pytest.fixture(scope="module")
def quiet() -> Iterator[World]:
    """One for all the tests in which nothing may happen to it."""
    yield from in_step()


@pytest.fixture(scope="module")
def door(quiet: World) -> FlaskClient:
    """A client of the console over what stays quiet."""
    return console(quiet.ground).test_client()


def page(browser: FlaskClient) -> Page:
    """The page as it stands."""
    return Page(browser.get("/", headers=LOCAL).text)


def press(browser: FlaskClient, button: str, headers: Mapping[str, str] = PART, /, **changes: str) -> TestResponse:
    """Send the first form of that kind as its page would, with some fields otherwise."""
    fields = {**page(browser).fields(f"/events/{button}"), **changes}
    return browser.post(f"/events/{button}", data=fields, headers=dict(headers))


def only(world: World) -> dict[str, Any]:
    """The one event as Google has it."""
    (event,) = world.user.events().list(calendarId="primary").execute()["items"]
    return dict(event)


# ---- who may call ---------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:65535", "[::1]:8080", "LOCALHOST"])
@pytest.mark.parametrize("path", ["/", "/state", "/console.js"])
def test_this_machines_names_are_admitted(door: FlaskClient, host: str, path: str) -> None:
    """Whatever the port."""
    assert door.get(path, headers={"Host": host}, buffered=True).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "lockstep.example.com",
        "localhost.example.com",
        "127.0.0.1.nip.io",
        "localhost@evil.example",
        "evil.example#localhost",
        "127.0.0.2",
        "0.0.0.0",
        "localhost:",
        "localhost:123456",
        "localhost, evil.example",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/state", "/console.js", "/nothing"])
def test_no_other_name_is_admitted(door: FlaskClient, host: str, path: str) -> None:
    """A foreign name that leads to this machine shows nothing."""
    answer = door.get(path, headers={"Host": host}, buffered=True)

    assert answer.status_code == 403
    assert "Planning" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        LOCAL,
        {**OURS, "Origin": "null"},
        {**OURS, "Origin": "http://evil.example"},
        {**OURS, "Origin": "http://localhost:9999"},
        {**OURS, "Origin": "https://localhost:8080"},
        {**OURS, "Origin": "http://localhost:8080.evil.example"},
        {**OURS, "Sec-Fetch-Site": "cross-site"},
        {**OURS, "Sec-Fetch-Site": "same-site"},
        {**OURS, "Sec-Fetch-Site": "none"},
        {**LOCAL, "Sec-Fetch-Site": "cross-site"},
        {**OURS, "Host": "evil.example"},
    ],
)
@pytest.mark.parametrize("button", POSTS)
def test_only_our_own_page_may_press(quiet: World, door: FlaskClient, button: str, headers: Mapping[str, str]) -> None:
    """Another site cannot send a form, even one with the right token."""
    before = only(quiet)

    assert press(door, button, headers, by="+30", title="x", start="2026-11-24T10:00", minutes="60").status_code == 403
    assert only(quiet) == before


@pytest.mark.parametrize(
    "headers", [{**LOCAL, "Origin": "http://localhost:8080"}, {**LOCAL, "Sec-Fetch-Site": "same-origin"}]
)
def test_either_sign_of_the_same_origin_will_do(browser: FlaskClient, headers: Mapping[str, str]) -> None:
    """Not every browser sends both."""
    assert press(browser, "move", headers, by="+30").status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", "ü", "0" * 43])
@pytest.mark.parametrize("button", POSTS)
def test_the_token_must_be_ours(quiet: World, door: FlaskClient, button: str, token: str) -> None:
    """A form without the token of this process does nothing."""
    before = only(quiet)

    assert press(door, button, token=token, by="+30", title="x").status_code == 403
    assert only(quiet) == before


def test_a_restart_makes_new_tokens(quiet: World, door: FlaskClient) -> None:
    """A token is worth nothing to another process."""
    fields = page(door).fields("/events/move")
    restarted = console(quiet.ground).test_client()

    answer = restarted.post("/events/move", data={**fields, "by": "+30"}, headers=PART)

    assert (answer.status_code, "before a restart" in answer.text) == (403, True)


@pytest.mark.parametrize("path", [f"/events/{button}" for button in POSTS])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE"])
def test_buttons_are_posts(door: FlaskClient, path: str, method: str) -> None:
    """Nothing changes by a link."""
    assert door.open(path, method=method, headers=OURS).status_code in {403, 404, 405}


@pytest.mark.parametrize("path", ["/", "/state", "/console.css"])
def test_pages_are_only_read(door: FlaskClient, path: str) -> None:
    """What shows does not take."""
    token = page(door).fields("/events/move")["token"]
    assert door.post(path, data={"token": token}, headers=OURS).status_code in {404, 405}


@pytest.mark.parametrize(
    "path", ["/nothing", "/../page.py", "/%2e%2e/page.py", "/..%2fpage.py", "/templates/page.html"]
)
def test_nothing_else_is_served(door: FlaskClient, path: str) -> None:
    """Neither sources nor templates."""
    assert door.get(path, headers=LOCAL, buffered=True).status_code == 404


@pytest.mark.parametrize("title", ["x" * 20_000, "é" * 9_000])
def test_large_bodies_are_refused(quiet: World, door: FlaskClient, title: str) -> None:
    """A form has no use for more than a few thousand bytes."""
    assert press(door, "rename", title=title).status_code == 413
    assert only(quiet)["summary"] == "Planning"


# ---- what is sent along ---------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/state", "/console.js", "/nothing", "/events/move"])
@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_every_answer_keeps_to_itself(door: FlaskClient, path: str, host: str) -> None:
    """Refusals and errors too have the headers that forbid framing, caching, and foreign scripts."""
    answer = door.get(path, headers={"Host": host}, buffered=True)

    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["Cache-Control"] == "no-store"
    assert "'unsafe" not in answer.headers["Content-Security-Policy"]


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(door: FlaskClient) -> None:
    """The policy would forbid it, and the page has none of it."""
    shown = page(door)
    loaded = [
        attrs.get("src") or attrs.get("href") for tag, attrs in shown.elements if tag in {"script", "link", "img"}
    ]

    assert set(loaded) == {"/console.svg", "/console.css", "/console.js"}
    assert not [attrs for _, attrs in shown.elements if any(name.startswith("on") or name == "style" for name in attrs)]
    assert all(door.get(path, headers=LOCAL, buffered=True).status_code == 200 for path in loaded if path)


@pytest.mark.parametrize(
    "title",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' autofocus onfocus='alert(1)",
        "{{ 7 * 7 }}{% raw %}",
        "</main><form action=//evil.example>",
    ],
)
def test_titles_are_text(world: World, browser: FlaskClient, title: str) -> None:
    """What people write never becomes part of the page's structure, on either side."""
    before = weighty(page(browser))
    world.patch(only(world)["id"], summary=title)
    world.settle()
    shown = browser.get("/", headers=LOCAL).text

    assert weighty(Page(shown)) == before
    assert f'<h3 dir="auto">{escape(title)}</h3>' in shown
    assert world.meetings()[0]["title"] == title


def weighty(shown: Page) -> Counter[str]:
    """How many elements a page has of the kinds that matter, and how many attributes that act."""
    kinds = {"script", "img", "form", "input", "main", "button"}
    acting = [name for _, attrs in shown.elements for name in attrs if name.startswith("on") or name == "autofocus"]
    return Counter([tag for tag, _ in shown.elements if tag in kinds] + acting)


def test_the_page_names_its_addresses_where_it_is_mounted(world: World) -> None:
    """Mounted under a path, every address lies under that path."""
    mounted = Client(DispatcherMiddleware(Response(status=404), {"/console": console(world.ground)}))
    shown = Page(mounted.get("/console/", headers=LOCAL).text)
    addresses = [attrs.get(name) for _, attrs in shown.elements for name in ("src", "href", "action") if name in attrs]

    assert [each for each in addresses if each and not each.startswith(("/console/", "http://vendor.test/"))] == []
    assert mounted.get("/console/console.js", headers=LOCAL, buffered=True).status_code == 200
    assert mounted.get("/console", headers=LOCAL).status_code in {200, 308}


# ---- what the buttons do --------------------------------------------------------------------


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


class Broken(MemoryStore):
    """A store with a bug."""

    def query(self, *_: object, **__: object) -> NoReturn:
        """Fail as no store may."""
        raise RuntimeError("internals")


@pytest.mark.parametrize("path", ["/", "/state"])
def test_a_bug_shows_nothing_of_itself(world: World, path: str) -> None:
    """It is a 500 with one plain sentence; its words go to the log."""
    broken = console(replace(world.ground, store=Broken(world.clock))).test_client()

    answer = broken.get(path, headers=LOCAL)

    assert (answer.status_code, answer.text) == (500, "Something is wrong here, the log tells what.\n")
    assert answer.headers["X-Frame-Options"] == "DENY"


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


@pytest.mark.parametrize("query", ["feed=", "feed=%00", "feed=" + "a" * 3000, "feed=1&feed=2", "feed=%3Cscript%3E"])
@pytest.mark.parametrize("path", ["/", "/state"])
def test_any_question_has_a_page(door: FlaskClient, path: str, query: str) -> None:
    """A feed that is none is told of, and its name is not repeated as markup."""
    answer = door.get(f"{path}?{query}", headers=LOCAL)

    assert answer.status_code == 200
    assert "not connected any more" in answer.text
    assert "<script>" not in answer.text
