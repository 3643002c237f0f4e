"""The add-on from end to end: Google Workspace calls it, the event is saved, and the sync takes over."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NoReturn

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from flask import Flask, Request, Response, request

from conference.errors import Conflict, Later
from conference.event import EventTime
from conference.providers.http import HttpProvider
from conference.solution import Solution
from functions import clock, http, ledger, sweep
from functions import feed as feeds
from functions.http import Door
from infra.addon import add_on
from infra.google.identity import SKEW, TokenIdentity
from infra.google.manifest import manifest
from infra.local.addon_host import AddOnHost, NoConference
from infra.local.calendar import wsgi
from infra.local.issuer import LocalIssuer, new_key
from infra.local.vendor.server import Account, VendorServer
from infra.local.vendor.wsgi import application as vendor_application
from infra.settings import Settings
from tests.flow.stories import BOB, zurich
from tests.meanwhile import Meanwhile
from tests.world import ALICE, PUSHES, SECRET, TOKEN, World, asked, ids

BASE = "https://functions.example"
CALENDAR = "https://calendar.example"
ISSUER = "https://issuer.example"
SETTINGS = Settings(
    public_url=BASE,
    addon_logo="https://www.example.com/logo.png",
    addon_account="addon@project.example",
    addon_client="client.example",
    addon_settings_url="https://www.example.com/settings",
    addon_login_url="https://www.example.com/login",
    addon_subscribe=True,
)
KEY = new_key()
PLANNED = {"summary": "Planning", **zurich(24, 10)}


class Desk:
    """A world with the add-on installed, and who uses it."""

    def __init__(self, world: World, settings: Settings = SETTINGS, key: RSAPrivateKey = KEY) -> None:
        self.world = world
        self.settings = settings
        self.issuer = LocalIssuer(key, ISSUER, world.clock)
        mounts = {
            BASE: httpx.WSGITransport(app=_functions(self)),
            CALENDAR: httpx.WSGITransport(app=wsgi.application(world.google)),
        }
        self.client = httpx.Client(mounts=mounts)
        self.host = AddOnHost(
            manifest(settings),
            self.client,
            f"{CALENDAR}/calendar/v3",
            self.issuer.mint,
            account=settings.addon_account,
            oauth_client=settings.addon_client,
        )

    @property
    def door(self) -> Door:
        """The doors of the functions as the world's ground is now."""
        identity = TokenIdentity(ISSUER, self.issuer.jwks, self.world.clock, leeway=SKEW)
        return Door(self.world.ground, BASE, "tasks@x.example", "ticks@x.example", add_on(self.settings, identity))

    def conference(self, event: str, calendar: str = ALICE, solution: str | None = None) -> dict[str, Any]:
        """Choose a conference in the editor of an event."""
        return self.host.conference(ALICE, calendar, event, solution)

    def save(self, event: str, conference: dict[str, Any] | None, **fields: Any) -> None:
        """Save the event, and let everything follow."""
        self.host.save(ALICE, ALICE, event, conference, **{**PLANNED, **fields})
        self.world.settle()

    def wait(self, span: timedelta) -> None:
        """Let time pass, ticking now and then, and everything due happen."""
        until = self.world.clock.now() + span
        while self.world.clock.now() < until:
            self.world.clock.advance(min(timedelta(minutes=20), until - self.world.clock.now()))
            self.world.tick()
            self.world.settle()

    def titles(self) -> list[str]:
        """The meetings that are there."""
        return [meeting["title"] for meeting in self.world.meetings()]

    def tell(self, endpoint: str, told: dict[str, Any]) -> dict[str, Any]:
        """A call of Google's that says just this; what is answered."""
        url = f"{BASE}/addon/{endpoint}"
        token = self.issuer.mint(url.partition("?")[0], self.settings.addon_account)
        headers = {"Authorization": f"Bearer {token}"}
        answer: dict[str, Any] = self.client.post(url, json=told, headers=headers).raise_for_status().json()
        return answer

    def user(self, address: str) -> dict[str, Any]:
        """The part of a call that says who the user is."""
        return {"authorizationEventObject": {"userIdToken": self.issuer.mint(self.settings.addon_client, address)}}


def _functions(desk: Desk) -> Flask:
    app = Flask("functions")

    @app.post("/addon/<path:endpoint>")
    def _addon(endpoint: str) -> Response:
        return http.addon(desk.door, Request({**request.environ, "PATH_INFO": f"/{endpoint}"}))

    return app


@pytest.fixture
def world() -> Iterator[World]:
    """One user, nothing connected."""
    made = World()
    yield made
    made.close()


@pytest.fixture
def desk(world: World) -> Iterator[Desk]:
    """The add-on, installed."""
    made = Desk(world)
    yield made
    made.client.close()


def test_the_homepage_connects_the_calendar(desk: Desk) -> None:
    """Opening the add-on once is enough: the calendar is connected by a task, and the next card says so."""
    first = desk.host.open(ALICE)
    assert [task.task.function for task in desk.world.queue.waiting()] == ["connect_calendar"]
    desk.world.settle()
    second = desk.host.open(ALICE)

    assert "being connected" in str(first)
    assert "in step" in str(second)
    assert len(desk.world.store.query("feeds")) == 1


def test_opening_it_again_and_again_asks_once_a_minute(desk: Desk) -> None:
    """A user who opens the panel ten times has the calendar connected once."""
    for _ in range(10):
        desk.host.open(ALICE)

    assert len(desk.world.queue.waiting()) == 1


def test_a_conference_comes_before_its_event(desk: Desk) -> None:
    """The editor gets a meeting at once; when the event is saved, the meeting takes its title and times."""
    desk.host.open(ALICE)
    desk.world.settle()
    conference = desk.conference("draft1")
    (placeholder,) = desk.world.meetings()
    desk.world.settle()
    desk.save("draft1", conference)
    (meeting,) = desk.world.meetings()
    event = desk.world.event("draft1")

    assert placeholder["title"] == "(No title)"
    assert (meeting["id"], meeting["title"], meeting["start"]) == (
        placeholder["id"],
        "Planning",
        "2026-11-24T09:00:00Z",
    )
    assert event["conferenceData"]["conferenceId"] == meeting["id"]
    assert [row.pending for row in desk.world.rows()] == [False]


def test_the_plain_case_costs_one_update(desk: Desk) -> None:
    """Nothing is asked of Google for a conference, and saving it costs one provider call and no write to the event."""
    desk.world.connect()
    desk.world.calls()
    conference = desk.conference("draft1")
    made = desk.world.calls()
    desk.world.settle()
    desk.host.save(ALICE, ALICE, "draft1", conference, **PLANNED)
    desk.world.calls()
    desk.world.settle()
    followed = desk.world.calls()

    assert dict(made) == {"POST meetings": 1}
    assert followed["PUT meetings"] == 1
    assert followed["PATCH event"] == followed["GET event"] == followed["GET meetings"] == 0


def test_the_first_conference_connects_the_calendar(desk: Desk) -> None:
    """Nobody has to open the add-on first (R1), and an event saved before the calendar is connected is not lost."""
    conference = desk.conference("draft1")
    desk.host.save(ALICE, ALICE, "draft1", conference, **PLANNED)
    desk.world.settle()

    assert desk.titles() == ["Planning"]
    desk.world.patch("draft1", summary="Renamed")
    desk.world.settle()
    assert desk.titles() == ["Renamed"]


def test_asked_again_it_is_the_same_meeting(desk: Desk) -> None:
    """Google may repeat a call, the user may choose twice: one event has one meeting, before and after it is saved."""
    first, second = desk.conference("draft1"), desk.conference("draft1")
    desk.save("draft1", first)
    third = desk.conference("draft1")

    assert first == second == third
    assert len(desk.world.meetings()) == 1


def test_two_events_have_two_meetings(desk: Desk) -> None:
    """Their links are not mixed up, nor are those of one event id in two calendars."""
    desk.world.google_control("calendars", id="team@example.com", owner=ALICE, timeZone="Europe/Zurich")
    ids = {
        desk.conference("draft1")["conferenceId"],
        desk.conference("draft2")["conferenceId"],
        desk.conference("draft1", "team@example.com")["conferenceId"],
    }

    assert len(ids) == 3


def test_an_event_that_never_comes_loses_its_meeting(desk: Desk) -> None:
    """The meeting waits for a day, through polls, sweeps and full passes, and is deleted then."""
    desk.world.connect()
    desk.conference("draft1")
    desk.wait(timedelta(hours=23))
    waiting = desk.titles()
    desk.wait(timedelta(hours=2))

    assert waiting == ["(No title)"]
    assert desk.titles() == []
    assert [(row.pending, row.link) for row in desk.world.rows()] == [(False, None)]


def test_a_slow_writer_keeps_the_meeting(desk: Desk) -> None:
    """Whoever saves the event after hours, with sweeps and a lost sync token in between, has the same meeting."""
    desk.world.connect()
    conference = desk.conference("draft1")
    desk.wait(timedelta(hours=5))
    desk.world.google_control("expire-tokens", calendarId=ALICE)
    desk.world.insert(summary="Another")
    desk.wait(timedelta(hours=5))
    sweep.sweep_provider(desk.world.ground, desk.world.provider, desk.world.provider.list())
    desk.world.settle()
    desk.save("draft1", conference)

    assert sorted(desk.titles()) == ["Another", "Planning"]
    assert conference["conferenceId"] in {meeting["id"] for meeting in desk.world.meetings()}


def test_saved_after_its_meeting_was_given_up(desk: Desk) -> None:
    """Two days later the old meeting is gone: the event gets another one, and its ways to join."""
    desk.world.connect()
    conference = desk.conference("draft1")
    desk.wait(timedelta(hours=49))
    desk.save("draft1", conference)
    desk.wait(timedelta(minutes=5))
    (meeting,) = desk.world.meetings()

    assert meeting["title"] == "Planning"
    assert meeting["id"] != conference["conferenceId"]
    assert desk.world.event("draft1")["conferenceData"]["conferenceId"] == meeting["id"]


def test_an_event_saved_without_the_conference(desk: Desk) -> None:
    """While the editor is open somebody renames the event: its new meeting is kept for the author to save."""
    desk.world.connect()
    desk.save("event1", None)
    conference = desk.conference("event1")
    desk.world.patch("event1", summary="Renamed meanwhile")
    desk.world.settle(timedelta(seconds=20))
    again = desk.conference("event1")
    desk.wait(timedelta(hours=1))
    kept = desk.titles()
    desk.save("event1", conference, summary="Renamed meanwhile")

    assert again == conference
    assert kept == ["(No title)"]
    assert desk.titles() == ["Renamed meanwhile"]
    assert [meeting["id"] for meeting in desk.world.meetings()] == [conference["conferenceId"]]


def test_saved_without_it_for_good(desk: Desk) -> None:
    """Chosen, then thought better of: a day later the meeting is deleted, though the event lives."""
    desk.world.connect()
    desk.save("event1", None)
    desk.conference("event1")
    desk.world.patch("event1", summary="No call")
    desk.wait(timedelta(hours=25))

    assert desk.titles() == []


def test_deleted_while_its_conference_waits(desk: Desk) -> None:
    """An event that is deleted takes the meeting along at once, saved with it or not."""
    desk.world.connect()
    desk.save("event1", None)
    desk.conference("event1")
    desk.world.cancel("event1")
    desk.world.settle()

    assert desk.titles() == []


def test_taken_off_and_chosen_again(desk: Desk) -> None:
    """After the removal was saved the old meeting is gone; choosing again makes a new one, which knows the event."""
    desk.world.connect()
    first = desk.conference("draft1")
    desk.save("draft1", first)
    desk.world.patch("draft1", conferenceData=None)
    desk.world.settle()
    removed = desk.titles()
    second = desk.conference("draft1")
    at_once = desk.titles()
    desk.save("draft1", second)

    assert (removed, at_once, desk.titles()) == ([], ["Planning"], ["Planning"])
    assert first["conferenceId"] != second["conferenceId"]


def test_the_sides_of_a_crash(desk: Desk) -> None:
    """A provider that answers late or not at all gives a temporary error; chosen again, it is one meeting."""
    desk.world.connect()
    desk.world.vendor_control("faults", method="POST", path="^/meetings$", status=504, after_apply=True)
    with pytest.raises(NoConference) as lost:
        desk.conference("draft1")
    conference = desk.conference("draft1")
    desk.save("draft1", conference)

    assert lost.value.kind == "TEMPORARY"
    assert [meeting["id"] for meeting in desk.world.meetings()] == [conference["conferenceId"]]


def test_a_lost_answer_leaves_nothing_behind(desk: Desk) -> None:
    """Made without our knowing, and not asked for again: found by its key and deleted in time."""
    desk.world.connect()
    desk.world.vendor_control("faults", method="POST", path="^/meetings$", status=504, after_apply=True)
    with pytest.raises(NoConference):
        desk.conference("draft1")
    assert len(desk.world.meetings()) == 1
    desk.wait(timedelta(hours=26))

    assert desk.world.meetings() == []


@pytest.mark.parametrize(
    ("status", "kind", "url"),
    [
        (401, "AUTHENTICATION", "https://www.example.com/login"),
        (429, "TEMPORARY", None),
        (503, "TEMPORARY", None),
        (403, "PERMISSION_DENIED", None),
        (402, "PERMISSION_DENIED", None),
        (400, "PERMANENT", None),
    ],
)
def test_errors_are_told_as_google_names_them(desk: Desk, status: int, kind: str, url: str | None) -> None:
    """The user reads why there is no conference; nothing is linked and nothing connected."""
    desk.world.vendor_control("faults", method="POST", path="^/meetings$", status=status)
    with pytest.raises(NoConference) as told:
        desk.conference("draft1")

    assert (told.value.kind, told.value.url) == (kind, url)
    assert desk.world.meetings() == []
    (row,) = desk.world.rows()
    # After a 503 nobody knows whether the meeting was made: its key is kept until that is found out.
    assert (row.link is None, row.pending) == ((status != 503), (status == 503))
    assert row.meeting is None
    assert desk.world.queue.waiting() == []


def test_a_change_that_google_tells_of(desk: Desk) -> None:
    """Asked for on the homepage: with push channels dead, a change is followed at once all the same."""
    desk.world.connect()
    desk.host.open(ALICE)
    conference = desk.conference("draft1")
    desk.save("draft1", conference)
    desk.world.google_control("push", drop_next=100)
    desk.world.patch("draft1", summary="Told by the add-on")
    desk.host.changed(ALICE, ALICE)
    desk.world.settle()

    assert desk.host.subscribed == {(ALICE, ALICE)}
    assert desk.titles() == ["Told by the add-on"]


class Two(Desk):
    """The same with two solutions, each with a conferencing service of its own."""

    def __init__(self, world: World) -> None:
        account = Account(TOKEN, PUSHES, SECRET)
        self.vendor = VendorServer(account, "http://second.test", clock=world.clock.now, new_id=ids())
        app = vendor_application(self.vendor, threading.Lock(), threading.Event(), lambda: None)
        self.http = httpx.Client(transport=httpx.WSGITransport(app=app))
        self.second = HttpProvider("second", "http://second.test", token=TOKEN, account="acme", client=self.http)
        both = {"http": world.provider, "second": self.second}
        world.change_ground(providers=both, solutions=tuple(map(Solution, both)))
        super().__init__(world, SETTINGS.model_copy(update={"addon_solutions": "http=First,second=Second"}))
        world.connect()

    def close(self) -> None:
        """Let go of everything."""
        self.vendor.close()
        self.http.close()
        self.client.close()

    def there(self) -> dict[str, list[str]]:
        """The ids of the meetings that each service has."""
        return {"http": [one["id"] for one in self.world.meetings()], "second": [m.ref.id for m in self.second.list()]}


@pytest.fixture
def two(world: World) -> Iterator[Two]:
    """The add-on with two solutions, its user's calendar connected."""
    made = Two(world)
    yield made
    made.close()


def test_another_solution_before_saving(two: Two) -> None:
    """The first one's meeting is nobody's: it is swept, and the event has the second one's."""
    two.conference("draft1", solution="http")
    second = two.conference("draft1", solution="second")
    two.save("draft1", second)
    two.wait(timedelta(hours=3))

    assert two.there() == {"http": [], "second": [second["conferenceId"]]}


def test_another_solution_for_a_saved_event(two: Two) -> None:
    """Until the event is saved both are there, since the author may still leave it as it is; then the new one alone."""
    first = two.conference("draft1", solution="http")
    two.save("draft1", first)
    second, again = two.conference("draft1", solution="second"), two.conference("draft1", solution="second")
    two.wait(timedelta(hours=20))
    waiting = two.there()
    two.save("draft1", second)
    two.wait(timedelta(hours=3))

    assert second == again
    assert waiting == {"http": [first["conferenceId"]], "second": [second["conferenceId"]]}
    assert two.there() == {"http": [], "second": [second["conferenceId"]]}
    assert [meeting.title for meeting in two.second.list()] == ["Planning"]


def test_another_solution_that_is_not_saved(two: Two) -> None:
    """The event stays with the meeting it has, and the other one is swept after a day."""
    first = two.conference("draft1", solution="http")
    two.save("draft1", first)
    two.conference("draft1", solution="second")
    two.wait(timedelta(hours=27))

    assert two.there() == {"http": [first["conferenceId"]], "second": []}


def test_a_solution_for_some_only(world: World) -> None:
    """Who is of another domain is told so, before anything is made."""
    desk = Desk(world, SETTINGS.model_copy(update={"addon_domains": "acme.example, Example.com"}))
    conference = desk.conference("draft1")
    with pytest.raises(NoConference) as told:
        desk.host.conference("mallory@other.example", "mallory@other.example", "draft1")
    desk.client.close()

    assert conference["conferenceId"]
    assert told.value.kind == "CONFERENCE_SOLUTION_FORBIDDEN"
    assert len(world.meetings()) == 1


def test_missing_scopes_are_asked_for(desk: Desk) -> None:
    """A user who has not granted all is asked for just what is missing, and the call is made again."""
    wanted = {scope for scope in desk.host.granted if "event.write" in scope or "userinfo" in scope}
    desk.host.granted -= wanted
    conference = desk.conference("draft1")

    assert conference["conferenceId"]
    assert wanted <= desk.host.granted


def test_settings_are_shown(desk: Desk) -> None:
    """Google is told where they are."""
    assert desk.host.settings(ALICE) == "https://www.example.com/settings"


def test_the_open_event_says_how_it_stands(desk: Desk) -> None:
    """An event of ours is said to be in step, or to follow; another one is not spoken of."""
    desk.world.connect()
    conference = desk.conference("draft1")
    before = desk.host.open(ALICE, ALICE, {"id": "draft1", "conferenceData": conference})
    desk.save("draft1", conference)
    after = desk.host.open(ALICE, ALICE, desk.world.event("draft1"))
    plain = desk.host.open(ALICE, ALICE, {"id": "other"})

    assert "as soon as the event is saved" in str(before)
    assert "meeting of this event is in step" in str(after)
    assert "meeting of this event" not in str(plain)


def test_a_calendar_that_only_triggers_follow(desk: Desk) -> None:
    """A script's triggers have it followed already, but its conferences are not kept in step yet: they will be."""
    feed = desk.world.connect()
    feeds.change(desk.world.ground, feed, lambda found: msgspec.structs.replace(found, followers=("7",)))
    desk.host.open(ALICE)

    assert [held.task.function for held in desk.world.queue.waiting()] == ["connect_calendar"]


def test_looking_at_a_calendar_does_not_connect_it(desk: Desk) -> None:
    """Somebody else's event is opened: only a conference of ours there has that calendar followed."""
    desk.world.google_control("calendars", id="team@example.com", owner=ALICE, timeZone="Europe/Zurich")
    card = desk.host.open(ALICE, "team@example.com", {"id": "theirs"})
    looked, subscribed = desk.world.queue.waiting(), {*desk.host.subscribed}
    desk.conference("draft1", "team@example.com")
    desk.world.settle()
    later = desk.host.open(ALICE, "team@example.com", {"id": "draft1"})

    assert "from its first conference on" in str(card)
    assert (looked, subscribed) == ([], set())
    assert "This calendar is in step" in str(later)
    assert desk.host.subscribed == {(ALICE, "team@example.com")}


def test_a_stopped_calendar_is_left_to_a_person(desk: Desk) -> None:
    """Connecting it again accepts what it was stopped for, so neither the homepage nor a conference does."""
    feed = desk.world.connect()
    desk.world.google_control("faults", method="GET", path="/events$", status=403, reason="forbidden", times=1)
    desk.world.insert()
    desk.world.settle()
    assert desk.world.feed(feed).stopped
    card = desk.host.open(ALICE)
    desk.conference("draft1")
    desk.world.settle()

    assert "not followed any more" in str(card)
    assert desk.world.feed(feed).stopped


def test_a_tick_does_nothing_while_events_wait(desk: Desk) -> None:
    """A hundred drafts cost no task each minute."""
    desk.world.connect()
    for number in range(20):
        desk.conference(f"draft{number}")
    desk.world.settle()
    desk.world.clock.advance(timedelta(minutes=5))

    assert clock.tick(desk.world.ground)["marks"] == 0


# ---- what goes wrong ------------------------------------------------------------------------------------------------


def error_of(told: dict[str, Any]) -> str:
    """The type of the error in an answer."""
    action = told["hostAppAction"]["calendarAction"]
    kind: str = action["createConferenceDataActionMarkup"]["createConferenceData"]["error"]["type"]
    return kind


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ({"calendar": {"calendarId": ALICE}}, "PERMANENT"),
        (
            {"calendar": {"calendarId": ALICE, "id": "e1", "capabilities": {"canSetConferenceData": False}}},
            "PERMISSION_DENIED",
        ),
    ],
)
def test_calls_that_cannot_be_met(desk: Desk, part: dict[str, Any], kind: str) -> None:
    """Without an event, or without the right to set its conference, nothing is made."""
    assert error_of(desk.tell("create", {**desk.user(ALICE), **part})) == kind
    assert desk.world.meetings() == []
    assert desk.world.rows() == []


def test_an_unknown_solution(two: Two) -> None:
    """Of several solutions one must be named, and one that there is."""
    part = {"calendar": {"calendarId": ALICE, "id": "e1"}, **two.user(ALICE)}

    assert error_of(two.tell("create", part)) == "CONFERENCE_SOLUTION_FORBIDDEN"
    assert error_of(two.tell("create?solution=nobodys", part)) == "CONFERENCE_SOLUTION_FORBIDDEN"
    assert two.there() == {"http": [], "second": []}


def test_primary_is_the_users_own_calendar(desk: Desk) -> None:
    """Google's pages name calendars by their ids; should a call say "primary", it is the same calendar."""
    by_id = desk.conference("draft1")
    by_name = desk.conference("draft1", "primary")
    card = desk.host.open(ALICE, "primary")

    assert by_id == by_name
    assert "being connected" in str(card)


def test_a_calendar_that_cannot_be_asked_about(desk: Desk) -> None:
    """While Google does not answer, there is no conference for "primary", but the side panel is shown."""
    desk.world.google_control("faults", method="GET", path="/calendars/primary$", status=503, times=20)
    with pytest.raises(NoConference) as told:
        desk.conference("draft1", "primary")

    assert told.value.kind == "TEMPORARY"
    assert desk.host.open(ALICE, "primary")


def test_an_event_in_trouble_says_so(desk: Desk) -> None:
    """What is left as it is until a person acts is told where the person looks."""
    desk.world.connect()
    conference = desk.conference("draft1")
    desk.save("draft1", conference)
    desk.world.vendor_control("faults", method="PUT", path="^/meetings/", status=400, times=20)
    desk.world.patch("draft1", summary="Not taken")
    desk.world.settle()

    assert "is left as it is" in str(desk.host.open(ALICE, ALICE, desk.world.event("draft1")))


def test_a_conference_though_the_queue_is_down(desk: Desk) -> None:
    """The meeting is there, so it is answered; the next conference has the calendar connected."""

    class Down:
        """A queue that takes nothing."""

        def add(self, *_: object, **__: object) -> NoReturn:
            """Fail."""
            raise Later("the queue is down")

    ground = desk.world.ground
    desk.world.change_ground(queue=Down())
    first = desk.conference("draft1")
    desk.world.ground = ground
    second = desk.conference("draft2")
    desk.save("draft1", first)

    assert second
    assert desk.titles() == ["(No title)", "Planning"]


def test_a_row_that_everybody_writes(desk: Desk) -> None:
    """Google is told to come again when others are always faster."""

    class Busy:
        """A store in which every commit meets another."""

        def __init__(self, store: Any) -> None:
            self.get, self.query = store.get, store.query

        def commit(self, *_: object) -> NoReturn:
            """Fail."""
            raise Conflict("somebody else was faster")

    desk.world.change_ground(store=Busy(desk.world.store))
    with pytest.raises(NoConference) as told:
        desk.conference("draft1")

    assert told.value.kind == "TEMPORARY"
    assert desk.world.meetings() == []


def test_an_event_that_cannot_be_read(desk: Desk) -> None:
    """One whose times are absurd gets a placeholder's meeting all the same."""
    desk.world.connect()
    conference = desk.conference("event1")
    desk.save("event1", conference)
    desk.world.patch("event1", conferenceData=None)
    desk.world.settle()
    (row,) = desk.world.rows()
    assert row.seen is not None
    absurd = msgspec.structs.replace(row, seen=msgspec.structs.replace(row.seen, start=EventTime(date="0001-01-01")))
    document = desk.world.store.get(ledger.key_of(row.feed, row.event))
    assert document is not None
    desk.world.store.commit(ledger.put(absurd, document.version))

    assert desk.conference("event1")
    assert desk.titles() == ["(No title)"]


def test_no_settings_page(world: World) -> None:
    """Where none is set, there is nothing at its address, and the card has no button."""
    desk = Desk(world, SETTINGS.model_copy(update={"addon_settings_url": ""}))
    with desk.client:
        with pytest.raises(httpx.HTTPStatusError, match="404"):
            desk.tell("settings", desk.user(ALICE))

        assert "Settings" not in str(desk.host.open(ALICE))


# ---- at one moment -------------------------------------------------------------------------------------------------

Act = Callable[[Desk, str], object]


def _saved(desk: Desk, event: str) -> None:
    """The author was so fast that the event is seen while Google still waits for our answer to a second call."""
    held = next((row.link for row in desk.world.rows() if row.link and row.link.meeting), None)
    if held is not None and held.meeting is not None:
        current = {**asked(), "conferenceId": held.meeting.ref.id}
        desk.host.save(ALICE, ALICE, event, current, **PLANNED)
        sync(desk)


def sync(desk: Desk) -> None:
    """Notices come and tasks run, whatever else is going on."""
    desk.world.settle(timedelta(seconds=20))


def _renamed(desk: Desk, event: str) -> None:
    """The event, which is there already, is renamed and that is followed."""
    desk.host.save(ALICE, ALICE, event, None, **{**PLANNED, "summary": "Renamed meanwhile"})
    sync(desk)


def _chosen(desk: Desk, event: str) -> None:
    """Google calls a second time."""
    with contextlib.suppress(NoConference):
        desk.conference(event)


def _ticked(desk: Desk, _: str) -> None:
    """The scheduler's minute comes."""
    desk.world.tick()
    sync(desk)


@pytest.mark.parametrize("act", [_chosen, _renamed, _ticked, _saved], ids=lambda act: act.__name__)
@pytest.mark.parametrize(
    ("port", "method"),
    [("store", "get"), ("store", "commit"), ("provider", "create")],
)
@pytest.mark.parametrize("unanswered", [False, True], ids=["answered", "unanswered"])
def test_something_happens_in_the_midst(desk: Desk, act: Act, port: str, method: str, unanswered: bool) -> None:
    """Whatever comes between two calls, and whichever answer is lost: chosen again and saved, it is one meeting."""
    desk.world.connect()
    desk.world.clock.advance(timedelta(hours=2))
    ground = desk.world.ground

    def meanwhile() -> None:
        desk.world.ground = ground
        act(desk, "event1")

    inner = ground.providers["http"] if port == "provider" else getattr(ground, port)
    between = Meanwhile(inner, method, meanwhile, unanswered=unanswered)
    ports = {"providers": {"http": between}} if port == "provider" else {port: between}
    desk.world.change_ground(**ports)
    with contextlib.suppress(NoConference):
        desk.conference("event1")
    desk.world.ground = ground
    desk.wait(timedelta(minutes=10))
    conference = desk.conference("event1")
    desk.save("event1", conference)
    desk.wait(timedelta(hours=3))

    assert [meeting["id"] for meeting in desk.world.meetings()] == [conference["conferenceId"]]
    assert desk.titles() == ["Planning"]
    assert [row.pending for row in desk.world.rows()] == [False]


def interrupted(desk: Desk, method: str, act: Callable[[], object]) -> None:
    """From now on, `act` happens before the provider's next call of this method."""
    ground = desk.world.ground

    def meanwhile() -> None:
        desk.world.ground = ground
        act()

    desk.world.change_ground(providers={"http": Meanwhile(ground.providers["http"], method, meanwhile)})


def test_chosen_while_its_meeting_is_being_deleted(desk: Desk) -> None:
    """The dying meeting is not given out: the user is told to try again, and then gets one that stays."""
    desk.world.connect()
    desk.save("event1", desk.conference("event1"))
    told: list[NoConference] = []

    def choose() -> None:
        with pytest.raises(NoConference) as refused:
            desk.conference("event1")
        told.append(refused.value)

    interrupted(desk, "delete", choose)
    desk.world.patch("event1", conferenceData=None)
    desk.world.settle()
    conference = desk.conference("event1")
    desk.save("event1", conference)

    assert [one.kind for one in told] == ["TEMPORARY"]
    assert [meeting["id"] for meeting in desk.world.meetings()] == [conference["conferenceId"]]


def test_deleted_in_the_midst(desk: Desk) -> None:
    """The event is deleted while its meeting is being made: the meeting goes at once, without waiting for a tick."""
    desk.world.connect()
    desk.save("event1", desk.conference("event1"))
    desk.world.patch("event1", conferenceData=None)
    desk.world.settle()

    def cancel() -> None:
        desk.world.cancel("event1")
        desk.world.settle(timedelta(seconds=10))

    interrupted(desk, "create", cancel)
    desk.conference("event1")
    desk.world.settle(timedelta(seconds=20))

    assert desk.titles() == []


def test_chosen_for_an_event_that_was_deleted_once(desk: Desk) -> None:
    """Restored unheard and opened again: that we saw it deleted does not take the new meeting away."""
    desk.world.connect()
    desk.save("event1", desk.conference("event1"))
    desk.world.cancel("event1")
    desk.world.settle()
    desk.world.google_control("push", drop_next=10)
    desk.world.patch("event1", status="confirmed", conferenceData=None)
    conference = desk.conference("event1")
    desk.world.vendor_control(f"meetings/{conference['conferenceId']}", title="Touched there")
    desk.world.settle()
    desk.save("event1", conference)
    desk.wait(timedelta(minutes=20))

    assert [meeting["id"] for meeting in desk.world.meetings()] == [conference["conferenceId"]]
    assert desk.titles() == ["Planning"]


def test_changed_at_the_service_while_it_waits(desk: Desk) -> None:
    """The join link is changed there before the event is saved: the event gets the new one."""
    desk.world.connect()
    conference = desk.conference("draft1")
    desk.world.vendor_control(f"meetings/{conference['conferenceId']}", rotate_join_url=True)
    desk.wait(timedelta(hours=1))
    desk.save("draft1", conference)
    desk.wait(timedelta(minutes=5))
    (meeting,) = desk.world.meetings()
    uris = [point["uri"] for point in desk.world.event("draft1")["conferenceData"]["entryPoints"]]

    assert meeting["title"] == "Planning"
    assert meeting["join_url"] in uris
    assert conference["entryPoints"][0]["uri"] not in uris


# ---- several users -------------------------------------------------------------------------------------------------


def test_users_are_apart(desk: Desk) -> None:
    """The same event id in two people's calendars is two events, and one's change marks nothing of the other's."""
    mine, theirs = desk.world.connect(), desk.world.connect(user=BOB)
    first = desk.conference("draft1")
    second = desk.host.conference(BOB, BOB, "draft1")
    before = desk.world.feed(mine).dirty
    desk.tell("changed", desk.user(BOB))

    assert first["conferenceId"] != second["conferenceId"]
    assert sorted(row.user for row in desk.world.rows()) == [ALICE, BOB]
    assert desk.world.feed(mine).dirty == before
    assert desk.world.feed(theirs).owed


MARKED: list[tuple[dict[str, Any], set[str], set[str]]] = [
    ({"calendar": {"calendarId": ALICE}}, {"own"}, {"own"}),
    ({"eventData": {"calendarId": "team@example.com"}}, {"team"}, {"team"}),
    ({"calendar": {"calendarId": "primary"}}, {"own", "team"}, set()),
    ({"calendar": {}}, {"own", "team"}, set()),
    ({}, {"own", "team"}, set()),
    ({"calendar": {"calendarId": "unknown@example.com"}}, set(), set()),
    ({"calendar": {"calendarId": BOB}}, set(), {"bob"}),
]
"""What a call says, which feeds it marks if its user is Alice, and which if it names no user."""


def test_which_feeds_a_change_marks(desk: Desk) -> None:
    """The calendar that is named, else all of the user's; without a user whoever follows that very calendar."""
    desk.world.google_control("calendars", id="team@example.com", owner=ALICE, timeZone="Europe/Zurich")
    team, bob = desk.world.connect("team@example.com"), desk.world.connect(user=BOB)
    known = {"own": desk.world.connect(), "team": team, "bob": bob}

    def marked(told: dict[str, Any]) -> set[str]:
        desk.world.settle()
        desk.tell("changed", told)
        return {name for name, feed in known.items() if desk.world.feed(feed).owed}

    for told, of_alice, of_nobody in MARKED:
        assert marked({**told, **desk.user(ALICE)}) == of_alice, told
        assert marked(told) == of_nobody, told
