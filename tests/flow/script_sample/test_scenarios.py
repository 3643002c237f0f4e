"""The conferencing add-on of the examples, in both styles: the acceptance scenarios S1 to S23, with the same calls."""

from __future__ import annotations

import ast
import contextlib
import inspect
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from examples import conferencing_own_style, conferencing_sample
from examples.rooms import SignInRequired, Wish
from functions import script
from functions.ports import Document, Put
from tests.crashing import Crash
from tests.flow.script_sample.world import BOB, STYLES, TEAM, SampleWorld
from tests.world import ALICE

WEEKLY = ["RRULE:FREQ=WEEKLY;COUNT=6"]
NOTHING: Counter[str] = Counter()


def code_lines(module: ModuleType) -> int:
    """Lines of a module that are neither blank nor comment, docstring or import."""
    source = inspect.getsource(module)
    told = (ast.Import, ast.ImportFrom)
    skipped = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, told) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines = enumerate(source.splitlines(), 1)
    return sum(1 for number, line in lines if number not in skipped and line.strip() and line.strip()[0] != "#")


def test_our_own_style_is_about_a_third_as_long() -> None:
    """What lists, tokens, locks and retries take up in the sample, the handler is spared."""
    assert 2.5 * code_lines(conferencing_own_style) < code_lines(conferencing_sample)


@pytest.fixture(params=STYLES)
def world(request: pytest.FixtureRequest) -> Iterator[SampleWorld]:
    """The same world, with the add-on in either style."""
    with contextlib.closing(SampleWorld(request.param)) as made:
        yield made


@pytest.fixture
def begun(world: SampleWorld) -> SampleWorld:
    """With the user's own calendar kept in step."""
    world.begin()
    return world


@pytest.fixture
def teamed(begun: SampleWorld) -> SampleWorld:
    """With a second calendar of the user's kept in step."""
    begun.google_control("calendars", id=TEAM, owner=ALICE, timeZone="Europe/Zurich", roles={BOB: "writer"})
    begun.begin(TEAM)
    return begun


def tokens(world: SampleWorld, user: str = ALICE) -> dict[str, str]:
    """What the sample keeps by calendar; the own style's tokens are its feeds'."""
    if world.style == STYLES[0]:
        with world.scripting(user):
            kept = script.get_user_properties().get_properties()
        return {key.removeprefix("syncToken:"): token for key, token in kept.items()}
    feeds = [one.data for one in world.store.query("feeds") if one.data["user"] == user]
    return {data["calendar"]: data["token"] for data in feeds}


def odd(world: SampleWorld, calendar: str = ALICE, **event: Any) -> None:
    """An event as no client of ours would write it."""
    world.google_control("events", calendarId=calendar, event={"status": "confirmed", **event})


def test_s1_initialise_twice(begun: SampleWorld) -> None:
    """One trigger, one feed, a token, and nothing asked of the service."""
    before = tokens(begun)
    begun.begin()

    assert [one.handler_function for one in begun.triggers()] == [begun.handler]
    assert len(begun.store.query("feeds")) == 1
    assert tokens(begun).keys() == before.keys() == {ALICE}
    assert begun.rooms.done() == NOTHING


def test_s2_an_ordinary_event(begun: SampleWorld) -> None:
    """Nothing to do, and the token goes on."""
    before = tokens(begun)
    event = begun.insert(conferenceData=None)["id"]
    begun.wait(1)
    begun.patch(event, summary="Another title")
    begun.wait(1)

    assert begun.rooms.done() == NOTHING
    assert tokens(begun)[ALICE] != before[ALICE]


def test_s3_an_own_event_is_moved(begun: SampleWorld) -> None:
    """The room is moved once, to the new time."""
    begun.meet("planning")
    begun.move_to(15, "planning")
    begun.wait(2)

    assert begun.rooms.done() == {"update": 1}
    assert begun.rooms.standing["room-1"].start.startswith("2026-11-24T15")


def test_s4_an_own_event_is_deleted(begun: SampleWorld) -> None:
    """The room goes once, by what was noted of it; a second tombstone is nobody's."""
    begun.meet("planning")
    begun.cancel("planning")
    begun.wait(2)
    assert begun.rooms.done() == {"delete": 1}
    begun.patch("planning", status="confirmed")
    begun.wait(1)
    begun.cancel("planning")
    begun.wait(2)

    assert begun.rooms.done() == NOTHING


def test_s5_a_tombstone_of_an_unknown_event(begun: SampleWorld) -> None:
    """Made and deleted between two looks."""
    begun.google_control("push", silent=True)
    begun.cancel(begun.insert(conferenceData=None)["id"])
    begun.wait(16)

    assert begun.rooms.done() == NOTHING
    assert all(one.last_error is None for one in begun.triggers())


def test_s6_odd_events_among_others(begun: SampleWorld) -> None:
    """A pending conference, an event with hardly a field, ordinary ones: the good ones' rooms follow."""
    for name in ("first", "second", "third"):
        begun.meet(name)
    before = tokens(begun)
    for name in ("first", "second", "third"):
        begun.move_to(16, name)
    odd(begun, id="pending1", conferenceData={"createRequest": {"requestId": "1", "status": {"statusCode": "pending"}}})
    odd(begun, id="barest1")
    for _ in range(5):
        begun.insert(conferenceData=None)
    begun.wait(16)

    assert begun.rooms.done() == {"update": 3}
    assert tokens(begun) != before
    assert all(one.last_error is None for one in begun.triggers())


def gap(world: SampleWorld) -> None:
    """Two rooms; then, unheard, one event is moved and one deleted."""
    for name in ("moving", "leaving", "standing"):
        world.meet(name)
    world.google_control("push", silent=True)
    world.move_to(17, "moving")
    world.cancel("leaving")


def test_s7_the_token_is_dropped_on_the_second_page(begun: SampleWorld) -> None:
    """One full pass finds what the gap held: one moved, one deleted."""
    gap(begun)
    hit: list[str] = []

    def dropped(method: str, options: Mapping[str, Any]) -> None:
        if method == "events.list" and "syncToken" in options and "pageToken" in options and not hit:
            hit.append("page 2")
            raise script.CalendarApiError(method, 410, "Sync token is no longer valid.", reason="fullSyncRequired")

    begun.api.refuse = dropped
    before = tokens(begun)
    if begun.style != STYLES[0]:
        begun.google_control("expire-tokens", calendarId=ALICE)
    for _ in range(3):
        begun.insert(conferenceData=None)
    begun.wait(16)

    assert begun.rooms.done() == {"update": 1, "delete": 1}
    assert tokens(begun)[ALICE] != before[ALICE]
    full = [options for _, options in begun.api.lists if "timeMin" in options and "pageToken" not in options]
    assert (hit, len(full)) == ((["page 2"], 2) if begun.style == STYLES[0] else ([], 0))


def test_s7_what_was_deleted_may_be_in_no_list(begun: SampleWorld) -> None:
    """The full pass shows no tombstone: whoever is missing is looked up before anything is deleted."""
    gap(begun)
    begun.google_control("expire-tokens", calendarId=ALICE)
    begun.api.forgets = True
    begun.wait(16)

    assert begun.rooms.done() == {"update": 1, "delete": 1}
    assert begun.rooms.standing.keys() == {"room-1", "room-3"}


def test_s8_the_token_is_dropped_again_at_once(begun: SampleWorld) -> None:
    """Nothing is called and nothing recurs; it is tried again later, and the trigger tells."""
    begun.meet("planning")
    begun.api.lists.clear()

    def never(method: str, _: Mapping[str, Any]) -> None:
        if method == "events.list":
            raise script.CalendarApiError(method, 410, "Gone", reason="fullSyncRequired")

    begun.api.refuse = never
    if begun.style != STYLES[0]:
        begun.google_control("expire-tokens", calendarId=ALICE, times=3)
    begun.insert(conferenceData=None)
    begun.settle(timedelta(seconds=20))

    assert begun.rooms.done() == NOTHING
    assert len(begun.api.lists) <= 8
    if begun.style == STYLES[0]:
        assert [one.last_error is not None for one in begun.triggers()] == [True]
    begun.api.refuse = lambda _method, _options: None
    begun.move_to(18, "planning")
    begun.wait(30)
    assert begun.rooms.done() == {"update": 1}


def test_s9_a_token_that_is_none(begun: SampleWorld) -> None:
    """400 "Invalid sync token value." is mended as 410 is."""
    gap(begun)
    if begun.style == STYLES[0]:
        with begun.scripting():
            script.get_user_properties().set_property(f"syncToken:{ALICE}", "garbage")
    else:
        (document,) = begun.store.query("feeds")
        begun.store.commit(altered(document, token="garbage"))
    begun.insert(conferenceData=None)
    begun.wait(16)

    assert begun.rooms.done() == {"update": 1, "delete": 1}
    assert tokens(begun)[ALICE] != "garbage"


def altered(document: Document, **changed: object) -> Put:
    """A write of a document with other fields."""
    return Put(document.key, {**document.data, **changed}, document.version)


def test_s10_two_calendars_of_one_user(teamed: SampleWorld) -> None:
    """Each its own token, and its own rooms."""
    teamed.meet("mine0")
    teamed.meet("teams", TEAM)
    teamed.move_to(15, "teams", TEAM)
    teamed.wait(1)

    assert tokens(teamed).keys() == {ALICE, TEAM}
    assert teamed.rooms.done() == {"update": 1}
    assert teamed.rooms.standing["room-2"].start.startswith("2026-11-24T15")
    assert len({one.trigger_source_id for one in teamed.triggers()}) == 2


def test_s10_two_users_of_one_calendar(teamed: SampleWorld) -> None:
    """A room is its maker's, and only for them it is touched."""
    teamed.begin(TEAM, BOB)
    teamed.meet("bobs0", TEAM, by=BOB)
    teamed.move_to(15, "bobs0", TEAM)
    teamed.wait(1)
    assert teamed.rooms.done() == {"update": 1}
    teamed.cancel("bobs0", TEAM)
    teamed.wait(1)

    assert teamed.rooms.done() == {"delete": 1}
    assert tokens(teamed, BOB).keys() == {TEAM}
    with teamed.scripting():
        assert script.conferences.in_calendar(TEAM) == []


def test_s11_the_service_is_down_for_one_of_three(begun: SampleWorld) -> None:
    """Two now and one later, each once; the token does not wait for it."""
    for name in ("first", "second", "third"):
        begun.meet(name)
    refused: list[str] = []

    def down(_: str, wish: Wish) -> None:
        if wish.title == "second" and len(refused) < 2:
            refused.append(wish.title)
            raise ConnectionError("down")

    begun.rooms.before = down
    before = tokens(begun)
    for name in ("first", "second", "third"):
        begun.move_to(16, name)
    begun.settle(timedelta(seconds=1))
    assert begun.rooms.done() == {"update": 2}
    assert tokens(begun)[ALICE] != before[ALICE]
    begun.wait(5)

    assert begun.rooms.done() == {"update": 1}
    assert all(wish.start.startswith("2026-11-24T16") for wish in begun.rooms.standing.values())


def test_s11_a_change_that_never_goes_through_is_parked(begun: SampleWorld) -> None:
    """With its cause; replayed when the service is well again."""
    begun.meet("planning")

    def down(_what: str, _wish: Wish) -> None:
        raise ConnectionError("down")

    begun.rooms.before = down
    begun.move_to(16, "planning")
    begun.settle(timedelta(seconds=2 * begun.ground.policy.retry_for))
    with begun.scripting():
        (trigger,) = script.get_project_triggers()
        (parked,) = script.get_parked(trigger)
        assert (parked.event_id, "ConnectionError" in parked.cause) == ("planning", True)
        begun.rooms.before = lambda _what, _wish: None
        assert script.replay(trigger) == 1
    begun.wait(1)

    assert begun.rooms.done() == {"update": 1}


def test_s12_a_notice_in_the_middle_of_a_run(begun: SampleWorld) -> None:
    """What comes meanwhile is done by a run that follows: each change once."""
    for name in ("first", "second"):
        begun.meet(name)
    nested: list[str] = []

    def meanwhile(_what: str, _wish: Wish) -> None:
        if not nested:
            nested.append("now")
            begun.move_to(17, "second")
            begun.settle(timedelta(seconds=1))

    begun.rooms.after = meanwhile
    begun.move_to(16, "first")
    begun.wait(2)

    assert begun.rooms.done() == {"update": 2}
    assert begun.rooms.standing["room-2"].start.startswith("2026-11-24T17")


def test_s13_a_crash_after_the_services_call(begun: SampleWorld) -> None:
    """The same call comes again and is harmless: one room, as wished."""
    begun.meet("planning")
    crashed: list[str] = []

    def crash(what: str, _: Wish) -> None:
        if not crashed:
            crashed.append(what)
            raise Crash(what)

    for act, left in (("move", {"room-1"}), ("cancel", set[str]())):
        crashed.clear()
        begun.rooms.after = crash
        if act == "move":
            begun.move_to(16, "planning")
        else:
            begun.cancel("planning")
        begun.wait(5)
        assert crashed
        assert set(begun.rooms.standing) == left

    assert begun.rooms.done() == {"update": 2, "delete": 2}


@pytest.mark.parametrize(
    "instead",
    [
        None,
        {
            "conferenceSolution": {"key": {"type": "hangoutsMeet"}, "name": "Google Meet"},
            "conferenceId": "aaa-bbbb-ccc",
        },
    ],
)
def test_s14_the_conference_is_taken_out(begun: SampleWorld, instead: object) -> None:
    """Removed, or switched to Meet: the event lives on, its room does not."""
    event = begun.meet("planning")
    google = {"conferenceData": instead and {**event["conferenceData"], **instead}}  # type: ignore[dict-item]
    begun.google_control(
        "events", calendarId=ALICE, event={**event, **google, "updated": begun.clock.now().isoformat()}
    )
    begun.wait(16)

    assert begun.rooms.done() == {"delete": 1}
    assert begun.event("planning")["status"] == "confirmed"


def test_s15_occurrences(begun: SampleWorld) -> None:
    """One is moved, one cancelled: the series' room stays as it is."""
    begun.meet("series", recurrence=WEEKLY)
    start, end = ({"dateTime": f"2026-12-02T{hour}:00:00+01:00"} for hour in (15, 16))
    begun.patch("series_20261201T090000Z", start=start, end=end)
    begun.cancel("series_20261208T090000Z")
    begun.wait(2)

    assert begun.rooms.done() == NOTHING


def test_s16_this_and_following(begun: SampleWorld) -> None:
    """Two series hold one room, which goes with the second."""
    event = begun.meet("series", recurrence=WEEKLY)
    begun.patch("series", recurrence=["RRULE:FREQ=WEEKLY;UNTIL=20261207T235959Z"])
    times: dict[str, Any] = {
        name: {"dateTime": f"2026-12-08T{hour}:00:00", "timeZone": "Europe/Zurich"} for name, hour in _TIMES
    }
    begun.insert(id="rest0", summary="series", conferenceData=event["conferenceData"], recurrence=WEEKLY, **times)
    begun.wait(1)
    assert begun.rooms.done() == {"update": 1}  # the first series ends earlier
    begun.cancel("series")
    begun.wait(1)
    assert begun.rooms.done() == NOTHING
    begun.cancel("rest0")
    begun.wait(1)

    assert begun.rooms.done() == {"delete": 1}


_TIMES = (("start", 10), ("end", 11))


@pytest.mark.parametrize("first", ["here", "there"])
def test_s17_moved_to_another_followed_calendar(teamed: SampleWorld, first: str) -> None:
    """The room goes along, whichever calendar is looked at first: nothing deleted, nothing made, the same link."""
    event = teamed.meet("planning")
    teamed.google_control("push", silent=True)
    teamed.act("POST", "primary", "planning/move", body={}, destination=TEAM)
    if first == "there":
        teamed.google_control("push")
        teamed.patch("planning", TEAM, description="here now")
    teamed.wait(16)
    assert teamed.rooms.done() == NOTHING
    there = teamed.event("planning", TEAM)
    assert there["conferenceData"]["entryPoints"] == event["conferenceData"]["entryPoints"]
    teamed.move_to(18, "planning", TEAM)
    teamed.wait(16)

    assert teamed.rooms.done() == {"update": 1}
    with teamed.scripting():
        assert [one.calendar_id for one in script.conferences.holding("room-1")] == [TEAM]


def test_s18_a_guest(begun: SampleWorld) -> None:
    """A guest's copy, what they do with it, and their answer concern no room."""
    begun.begin(user=BOB)
    begun.meet("planning", attendees=[{"email": BOB}])
    begun.patch("planning", by=BOB, attendees=[{"email": BOB, "responseStatus": "accepted"}])
    begun.wait(1)
    begun.cancel("planning", by=BOB)
    begun.wait(1)

    assert begun.rooms.done() == NOTHING


def test_s19_its_own_patch_comes_back(begun: SampleWorld) -> None:
    """The room's PIN changes as it is moved; the event gets it by one patch, and nothing comes of the echo."""
    begun.meet("planning")
    begun.api.patches = 0
    begun.rooms.pin = "2"
    begun.move_to(16, "planning")
    begun.wait(16)

    assert begun.rooms.done() == {"update": 1}
    assert begun.api.patches == 1
    assert begun.event("planning")["conferenceData"]["entryPoints"][1]["pin"] == "2"


def test_s19_a_persons_edit_in_between_is_kept(begun: SampleWorld) -> None:
    """The patch is refused as the event is another by then, and decided anew."""
    begun.meet("planning")
    begun.rooms.pin = "2"
    edited: list[str] = []

    def edit(_what: str, _wish: Wish) -> None:
        if not edited:
            edited.append("once")
            begun.patch("planning", location="Room 5")

    begun.rooms.after = edit
    begun.move_to(16, "planning")
    begun.wait(16)

    event = begun.event("planning")
    assert (event["location"], event["conferenceData"]["entryPoints"][1]["pin"]) == ("Room 5", "2")


def test_s20_a_conference_before_its_event(begun: SampleWorld) -> None:
    """Made of placeholders, and brought up to date once the event is there; a full pass in between spares it."""
    made = begun.ask("planning")
    assert begun.rooms.standing == {"room-1": Wish()}
    begun.google_control("expire-tokens", calendarId=ALICE)
    begun.insert(conferenceData=None)
    begun.wait(16)
    assert begun.rooms.done() == {"create": 1}
    begun.insert(id="planning", conferenceData=begun.data(made))
    begun.wait(1)

    assert begun.rooms.done() == {"update": 1}
    assert begun.rooms.standing["room-1"].title == "Planning"


def test_s20_a_conference_for_a_saved_event(begun: SampleWorld) -> None:
    """It is right from the start."""
    event = begun.insert(conferenceData=None)
    made = begun.ask(event["id"])
    begun.patch(event["id"], conferenceData=begun.data(made))
    begun.wait(1)

    assert begun.rooms.done() == {"create": 1}
    assert begun.rooms.standing["room-1"].title == "Planning"


def test_s21_syncing_cannot_be_begun(world: SampleWorld) -> None:
    """The user reads that they may try again; then they get the room that is there already."""
    world.limited(triggers=0)
    assert world.ask("planning").to_markup()["error"]["type"] == "TEMPORARY"
    world.limited()
    made = world.ask("planning")
    world.ask("planning")

    assert world.data(made)["conferenceId"] == "room-1"
    assert world.rooms.done() == {"create": 1}


def test_s21_a_crash_before_the_room_is_noted(world: SampleWorld) -> None:
    """The service knows its key: it is the same room."""

    def crash(what: str, _: Wish) -> None:
        world.rooms.after = lambda _what, _wish: None
        raise Crash(what)

    world.rooms.after = crash
    with pytest.raises(Crash):
        world.ask("planning")
    world.ask("planning")

    assert world.rooms.done() == {"create": 1}


@pytest.mark.parametrize(
    ("error", "kind"), [(SignInRequired("https://rooms.example.com/in"), "AUTHENTICATION"), (OSError(), "TEMPORARY")]
)
def test_what_the_user_reads_instead(world: SampleWorld, error: Exception, kind: str) -> None:
    """Where to sign in, or to try again; nothing is linked and no trigger made."""

    def refuse(_what: str, _wish: Wish) -> None:
        raise error

    world.rooms.before = refuse
    told = world.ask("planning").to_markup()["error"]

    assert told["type"] == kind
    assert told.get("authenticationUrl") == getattr(error, "url", None)
    assert world.triggers() == []


def test_only_a_missing_event_is_taken_for_an_unsaved_one(world: SampleWorld) -> None:
    """When Calendar is down nothing is made of placeholders."""

    def down(method: str, _: Mapping[str, Any]) -> None:
        if method == "events.get":
            raise script.CalendarApiError(method, 503, "Backend Error")

    world.api.refuse = down

    assert world.ask("planning").to_markup()["error"]["type"] == "TEMPORARY"
    assert world.rooms.done() == NOTHING


@pytest.mark.parametrize("day", [datetime(2027, 3, 1, 8, tzinfo=UTC), datetime(2028, 3, 1, 8, tzinfo=UTC)])
def test_s22_a_full_pass_on_the_first_of_march(world: SampleWorld, day: datetime) -> None:
    """Yesterday was another month's, and once a leap day."""
    world.clock.set(day)
    world.begin()
    times: dict[str, Any] = {
        name: {"dateTime": (day + timedelta(days=1, hours=hour)).isoformat()} for name, hour in _TIMES
    }
    world.meet("planning", **times)
    world.google_control("expire-tokens", calendarId=ALICE)
    world.patch("planning", start=times["end"], end={"dateTime": (day + timedelta(days=1, hours=12)).isoformat()})
    world.wait(16)

    assert world.rooms.done() == {"update": 1}


def test_s23_another_handlers_trigger_on_the_calendar(world: SampleWorld) -> None:
    """Ours is made beside it."""
    world.follow("changed")
    world.begin()
    world.meet("planning")
    world.move_to(15, "planning")
    world.wait(1)

    assert [one.handler_function for one in world.triggers()] == ["changed", world.handler]
    assert world.rooms.done() == {"update": 1}
