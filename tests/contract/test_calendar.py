"""What every Calendar promises, judged before the local Calendar server, without a socket and over one."""

import json
import random
import string
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.auth.credentials import Credentials

from conference.errors import Gone, Later, LockstepError, Missing, OutcomeUnknown, Refused, Revoked, Stale
from conference.event import Event, Unreadable
from functions.ports import Calendar
from infra.google.calendar import GoogleCalendar
from infra.google.credentials import DevCredentials
from infra.local.calendar.inprocess import InProcessHttp
from infra.local.calendar.messages import Request
from infra.local.calendar.server import CalendarServer
from infra.local.calendar.serving import running

ALICE, BOB, ROOM = "alice@example.com", "bob@example.com", "room@example.com"
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
NOBODY = "http://127.0.0.1:1/notice"
"""Where no push is taken: nothing here waits for one, and none may leave the machine."""


@dataclass(frozen=True)
class Stage:
    """A Calendar, and the server behind it."""

    calendar: Calendar
    server: CalendarServer

    def control(self, route: str, **body: Any) -> None:
        """Do to the server what no client could."""
        answer = self.server.handle(Request("POST", f"/control/{route}", body=json.dumps(body).encode()))
        assert answer.status == 200, answer.body

    def put(self, **event: Any) -> None:
        """Have Alice's calendar hold this event as it is, however malformed."""
        self.control("events", calendarId=ALICE, event=event)


def _server() -> CalendarServer:
    return CalendarServer(lambda: NOW, random.Random(7))  # noqa: S311 - the server draws ids and faults, no secrets


def _door_to(server: CalendarServer) -> Callable[[Credentials], InProcessHttp]:
    def door(signer: Credentials) -> InProcessHttp:
        assert isinstance(signer, DevCredentials)
        return InProcessHttp(server, signer.email)

    return door


@pytest.fixture(params=["in process", "over a socket"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A fresh server and a Calendar before it; Alice's calendar exists."""
    server = _server()
    if request.param == "in process":
        with GoogleCalendar(DevCredentials, http=_door_to(server)) as calendar:
            yield _opened(Stage(calendar, server))
    else:
        signers = {name: DevCredentials(name) for name in (ALICE, BOB)}
        with (
            running(server) as base,
            GoogleCalendar(lambda user: signers[user], f"{base}/calendar/v3/") as calendar,
        ):
            yield _opened(Stage(calendar, server))


def _opened(stage: Stage) -> Stage:
    stage.calendar.calendar(ALICE, "primary")
    return stage


def body(**fields: Any) -> dict[str, Any]:
    """An event an hour long, and whatever else is named."""
    return {
        "summary": "Planning",
        "start": {"dateTime": "2026-11-23T10:00:00+01:00", "timeZone": "Europe/Zurich"},
        "end": {"dateTime": "2026-11-23T11:00:00+01:00", "timeZone": "Europe/Zurich"},
        **fields,
    }


CONFERENCE = {
    "conferenceId": "m-1",
    "conferenceSolution": {"key": {"type": "addOn"}, "name": "Meet Here"},
    "entryPoints": [
        {"entryPointType": "video", "uri": "https://meet.example.com/m-1", "label": "meet.example.com/m-1"}
    ],
    "parameters": {"addOnParameters": {"parameters": {"lockstep": "v1"}}},
}


def every_page(calendar: Calendar, *, token: str | None = None, ends_after: datetime | None = None) -> tuple[Any, str]:
    """All items of a pass over Alice's calendar, and the token it ends in."""
    items: list[Event | Unreadable] = []
    page: str | None = None
    while True:
        read = calendar.changes(ALICE, ALICE, token=token, page=page, ends_after=ends_after)
        items += read.items
        if read.sync_token is not None:
            return items, read.sync_token
        page = read.next_page


# ---- Reading and writing --------------------------------------------------------------------


def test_an_event_comes_back_as_written(stage: Stage) -> None:
    """What is inserted is what get and the list tell: times, people, recurrence and the conference."""
    sent = body(
        recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"],
        attendees=[{"email": BOB, "optional": True}],
        conferenceData=CONFERENCE,
        description="<b>Zürich</b> ☕",
    )
    made = stage.calendar.insert(ALICE, ALICE, sent)
    listed, _ = every_page(stage.calendar)

    assert stage.calendar.get(ALICE, ALICE, made.id) == made
    assert [event for event in listed if event.id == made.id] == [made]
    assert (made.summary, made.description) == ("Planning", "<b>Zürich</b> ☕")
    assert made.start is not None
    assert made.start.instant(zone_of(stage.calendar)) == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert made.recurrence == ("RRULE:FREQ=WEEKLY;COUNT=3",)
    assert [(person.email, person.optional) for person in made.attendees] == [(BOB, True)]
    assert made.organized_here
    assert made.conference is not None
    assert made.conference.conference_id == "m-1"
    assert made.conference.entry_points[0].uri == "https://meet.example.com/m-1"
    assert made.conference.parameters.add_on_parameters.parameters == {"lockstep": "v1"}


def zone_of(calendar: Calendar) -> ZoneInfo:
    """The zone of Alice's calendar."""
    return ZoneInfo(calendar.calendar(ALICE, ALICE).zone)


def test_a_guest_does_not_organize(stage: Stage) -> None:
    """The guest's copy says that it is not the organizer's."""
    stage.calendar.calendar(BOB, "primary")
    made = stage.calendar.insert(ALICE, ALICE, body(attendees=[{"email": BOB}]))
    assert made.ical_uid is not None
    copies = stage.calendar.find(BOB, BOB, made.ical_uid)

    assert [copy.organized_here for copy in copies] == [False]


def test_a_taken_id_is_refused(stage: Stage) -> None:
    """An id of our own choice is taken once, even after its event is deleted."""
    stage.calendar.insert(ALICE, ALICE, body(id="abcde12345"))
    with pytest.raises(Refused) as caught:
        stage.calendar.insert(ALICE, ALICE, body(id="abcde12345"))
    stage.calendar.delete(ALICE, ALICE, "abcde12345")
    with pytest.raises(Refused):
        stage.calendar.insert(ALICE, ALICE, body(id="abcde12345"))

    assert caught.value.where is not None
    assert (caught.value.where.status, caught.value.where.reason) == (409, "duplicate")


def test_patch_changes_what_it_names(stage: Stage) -> None:
    """A patch leaves alone what it does not name, and the event's version moves."""
    made = stage.calendar.insert(ALICE, ALICE, body(conferenceData=CONFERENCE))
    assert made.etag
    patched = stage.calendar.patch(ALICE, ALICE, made.id, {"summary": "Moved"}, etag=made.etag)

    assert (patched.summary, patched.start, patched.conference) == ("Moved", made.start, made.conference)
    assert patched.etag != made.etag
    assert stage.calendar.get(ALICE, ALICE, made.id) == patched


def test_patch_removes_a_conference(stage: Stage) -> None:
    """None removes the conference, and the title stays."""
    made = stage.calendar.insert(ALICE, ALICE, body(conferenceData=CONFERENCE))
    assert made.etag
    patched = stage.calendar.patch(ALICE, ALICE, made.id, {"conferenceData": None}, etag=made.etag)

    assert (patched.summary, patched.conference) == ("Planning", None)


def test_a_stale_patch_changes_nothing(stage: Stage) -> None:
    """A user's edit between our read and our write is never overwritten."""
    made = stage.calendar.insert(ALICE, ALICE, body())
    assert made.etag
    edited = stage.calendar.patch(ALICE, ALICE, made.id, {"summary": "By a person"}, etag=made.etag)
    with pytest.raises(Stale):
        stage.calendar.patch(ALICE, ALICE, made.id, {"summary": "By us"}, etag=made.etag)
    with pytest.raises(Stale):
        stage.calendar.delete(ALICE, ALICE, made.id, etag=made.etag)

    assert stage.calendar.get(ALICE, ALICE, made.id) == edited


def test_delete_may_be_repeated(stage: Stage) -> None:
    """A deleted event can be read as cancelled while it exists, and deleted again for ever."""
    made = stage.calendar.insert(ALICE, ALICE, body())
    stage.calendar.delete(ALICE, ALICE, made.id, etag=made.etag)
    stage.calendar.delete(ALICE, ALICE, made.id)
    stage.calendar.delete(ALICE, ALICE, "neverwasthere")

    assert stage.calendar.get(ALICE, ALICE, made.id).cancelled


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda c: c.get(ALICE, ALICE, "nothere"), Missing.EVENT),
        (lambda c: c.patch(ALICE, ALICE, "nothere", {"summary": "x"}, etag='"1"'), Missing.EVENT),
        (lambda c: c.calendar(ALICE, "nobody@example.com"), Missing.CALENDAR),
        (lambda c: c.changes(ALICE, "nobody@example.com"), Missing.CALENDAR),
        (lambda c: c.changes(ALICE, ALICE, token="garbage"), Missing.TOKEN),
        (lambda c: c.changes(ALICE, ALICE, page="garbage"), Missing.TOKEN),
        (lambda c: c.find(ALICE, "nobody@example.com", "x"), Missing.CALENDAR),
        (lambda c: c.insert(ALICE, "nobody@example.com", {}), Missing.CALENDAR),
        (
            lambda c: c.watch(ALICE, "no@example.com", channel="c", secret="s", address=NOBODY, life=60),
            Missing.CALENDAR,
        ),
    ],
)
def test_what_is_not_there(stage: Stage, call: Callable[[Calendar], object], what: Missing) -> None:
    """What is asked for and is not there is named by its kind."""
    with pytest.raises(Gone) as caught:
        call(stage.calendar)

    assert caught.value.what is what


def test_a_reader_may_not_write(stage: Stage) -> None:
    """Writing where one may only read is refused for good."""
    stage.control("calendars", id=ROOM, owner=BOB, timeZone="Asia/Tokyo", roles={ALICE: "reader"})
    assert stage.calendar.changes(ALICE, ROOM).zone == "Asia/Tokyo"
    with pytest.raises(Refused) as caught:
        stage.calendar.insert(ALICE, ROOM, body())

    assert caught.value.where is not None
    assert caught.value.where.reason == "requiredAccessLevel"


def test_a_bad_body_is_refused(stage: Stage) -> None:
    """A body that Calendar does not take is refused for good, and nothing is written."""
    with pytest.raises(Refused):
        stage.calendar.insert(ALICE, ALICE, body(end={"dateTime": "2026-11-22T10:00:00+01:00"}))

    assert every_page(stage.calendar)[0] == []


# ---- Listing --------------------------------------------------------------------------------


def test_changes_since_a_token(stage: Stage) -> None:
    """After a full pass only what changed is listed: new, edited and deleted events, each once, in its latest state."""
    kept, edited, dropped = (stage.calendar.insert(ALICE, ALICE, body(summary=name)) for name in "ked")
    _, token = every_page(stage.calendar)
    made = stage.calendar.insert(ALICE, ALICE, body(summary="new"))
    for name in ("e1", "e2"):
        assert edited.etag
        edited = stage.calendar.patch(ALICE, ALICE, edited.id, {"summary": name}, etag=edited.etag)
    stage.calendar.delete(ALICE, ALICE, dropped.id)
    items, later = every_page(stage.calendar, token=token)
    nothing, _ = every_page(stage.calendar, token=later)

    by_id = {item.id: item for item in items}
    assert len(items) == 3
    assert by_id.keys() == {made.id, edited.id, dropped.id}
    assert kept.id not in by_id
    assert by_id[edited.id].summary == "e2"
    assert by_id[dropped.id].cancelled
    assert nothing == []


def test_deletions_stand_in_a_full_pass(stage: Stage) -> None:
    """A full pass shows what was deleted, too."""
    made = stage.calendar.insert(ALICE, ALICE, body())
    stage.calendar.delete(ALICE, ALICE, made.id)
    items, _ = every_page(stage.calendar)

    assert [(item.id, item.cancelled) for item in items] == [(made.id, True)]


def test_a_windowed_pass_still_ends_in_a_token(stage: Stage) -> None:
    """A pass over what ends later leaves the past out, and its token reports changes of the past."""
    past = body(start={"date": "2026-10-01"}, end={"date": "2026-10-02"})
    old, new = stage.calendar.insert(ALICE, ALICE, past), stage.calendar.insert(ALICE, ALICE, body())
    items, token = every_page(stage.calendar, ends_after=NOW)
    assert old.etag
    stage.calendar.patch(ALICE, ALICE, old.id, {"summary": "then"}, etag=old.etag)
    changed, _ = every_page(stage.calendar, token=token, ends_after=NOW)

    assert [item.id for item in items] == [new.id]
    assert [item.id for item in changed] == [old.id]


def test_a_series_comes_as_master_and_exceptions(stage: Stage) -> None:
    """A series is one item with its rule; a moved or cancelled occurrence is an item that names it."""
    made = stage.calendar.insert(ALICE, ALICE, body(recurrence=["RRULE:FREQ=DAILY;COUNT=5"]))
    moved, cancelled = f"{made.id}_20261124T090000Z", f"{made.id}_20261125T090000Z"
    occurrence = stage.calendar.get(ALICE, ALICE, moved)
    assert occurrence.etag
    stage.calendar.patch(ALICE, ALICE, moved, {"summary": "moved"}, etag=occurrence.etag)
    stage.calendar.delete(ALICE, ALICE, cancelled)
    items, _ = every_page(stage.calendar)

    told = {item.id: item for item in items}
    assert told.keys() == {made.id, moved, cancelled}
    assert told[moved].recurring_event_id == made.id
    assert told[cancelled].cancelled


def test_upcoming_shows_occurrences_in_order(stage: Stage) -> None:
    """What a person sees: occurrences, not series, in order of start, within the window."""
    stage.calendar.insert(ALICE, ALICE, body(recurrence=["RRULE:FREQ=DAILY;COUNT=5"], summary="daily"))
    stage.calendar.insert(
        ALICE,
        ALICE,
        body(
            summary="once",
            start={"dateTime": "2026-11-24T08:00:00+01:00"},
            end={"dateTime": "2026-11-24T09:00:00+01:00"},
        ),
    )
    day = datetime(2026, 11, 24, tzinfo=UTC)
    seen = stage.calendar.upcoming(ALICE, ALICE, since=day, until=day + timedelta(days=2))

    assert [event.summary for event in seen] == ["once", "daily", "daily"]


def test_find_by_uid(stage: Stage) -> None:
    """An event is found by its iCalUID while it lives."""
    made, other = (stage.calendar.insert(ALICE, ALICE, body()) for _ in range(2))
    assert made.ical_uid
    found = stage.calendar.find(ALICE, ALICE, made.ical_uid)
    stage.calendar.delete(ALICE, ALICE, made.id)

    assert made.ical_uid != other.ical_uid
    assert [event.id for event in found] == [made.id]
    assert stage.calendar.find(ALICE, ALICE, made.ical_uid) == []


def test_one_malformed_event_among_many(stage: Stage) -> None:
    """An event that cannot be read is listed as such; its neighbours and the token are kept, and it stays itself."""
    first = stage.calendar.insert(ALICE, ALICE, body())
    stage.put(id="crooked", status="confirmed", etag='"1"', summary={"not": "text"}, **TIMES)
    last = stage.calendar.insert(ALICE, ALICE, body())
    items, token = every_page(stage.calendar)

    assert [type(item) for item in items] == [Event, Unreadable, Event]
    assert [item.id for item in items] == [first.id, "crooked", last.id]
    assert every_page(stage.calendar, token=token)[0] == []


TIMES = {"start": {"dateTime": "2026-11-23T10:00:00+01:00"}, "end": {"dateTime": "2026-11-23T11:00:00+01:00"}}


def test_ten_thousand_events(stage: Stage) -> None:
    """A large calendar is listed page by page, every event once, and one change then costs one small page."""
    for number in range(10_000):
        stage.put(id=f"e{number}", status="confirmed", etag=f'"{number}"', summary=str(number), **TIMES)
    items, token = every_page(stage.calendar)
    stage.put(id="e77", status="confirmed", etag='"x"', summary="changed", **TIMES)
    changed, _ = every_page(stage.calendar, token=token)

    assert [item.summary for item in items] == [str(number) for number in range(10_000)]
    assert [item.summary for item in changed] == ["changed"]
    lists = [noted for noted in stage.server.requests if noted["path"].endswith("/events")]
    assert len(lists) == 5


@pytest.mark.parametrize("size", [1, 3, 7, 20])
def test_short_pages(stage: Stage, size: int) -> None:
    """Pages may be shorter than asked for and still lead on: nothing is lost, nothing comes twice."""
    for number in range(20):
        stage.put(id=f"e{number}", status="confirmed", etag='"1"', iCalUID="one@example.com", **TIMES)
    stage.control("knobs", pageLimit=size)
    items, _ = every_page(stage.calendar)
    found = stage.calendar.find(ALICE, ALICE, "one@example.com")

    assert [item.id for item in items] == [event.id for event in found] == [f"e{number}" for number in range(20)]


def test_an_empty_page_is_not_the_last(stage: Stage) -> None:
    """A page without items that leads on is followed, and the pass ends in its token."""
    stage.put(id="e1", status="confirmed", etag='"1"', **TIMES)
    stage.control("knobs", emptyPages=1)
    first = stage.calendar.changes(ALICE, ALICE)
    stage.control("knobs")
    second = stage.calendar.changes(ALICE, ALICE, page=first.next_page)

    assert (first.items, first.sync_token) == ((), None)
    assert [item.id for item in second.items] == ["e1"]
    assert second.sync_token


@pytest.mark.parametrize("forever", [False, True])
def test_expired_tokens(stage: Stage, forever: bool) -> None:
    """An expired token is gone each time it is tried; a full pass leads out of it."""
    _, token = every_page(stage.calendar)
    stage.control("expire-tokens", calendarId=ALICE, forever=forever)
    for _ in range(3):
        with pytest.raises(Gone) as caught:
            stage.calendar.changes(ALICE, ALICE, token=token)
        assert caught.value.what is Missing.TOKEN

    assert stage.calendar.changes(ALICE, ALICE).sync_token


def test_a_token_may_expire_between_pages(stage: Stage) -> None:
    """The 410 may hit any page of a pass."""
    _, token = every_page(stage.calendar)
    for number in range(6):
        stage.put(id=f"e{number}", status="confirmed", etag='"1"', **TIMES)
    stage.control("knobs", pageLimit=2)
    first = stage.calendar.changes(ALICE, ALICE, token=token)
    stage.control("expire-tokens", calendarId=ALICE)
    with pytest.raises(Gone) as caught:
        stage.calendar.changes(ALICE, ALICE, token=token, page=first.next_page)

    assert caught.value.what is Missing.TOKEN


# ---- Calendars and channels -----------------------------------------------------------------


def test_primary_is_resolved(stage: Stage) -> None:
    """A calendar is known by its own id and zone; "primary" is an alias of the caller's."""
    stage.control("calendars", id=ROOM, owner=ALICE, timeZone="Asia/Tokyo", summary="Room")
    primary, room = stage.calendar.calendar(ALICE, "primary"), stage.calendar.calendar(ALICE, ROOM)

    assert (primary.id, primary.primary, primary.zone) == (ALICE, True, "Europe/Zurich")
    assert (room.id, room.primary, room.zone, room.summary) == (ROOM, False, "Asia/Tokyo", "Room")


def test_watch_and_stop(stage: Stage) -> None:
    """A channel is opened for about the life asked for, stopped, and may be stopped again for ever."""
    watched = stage.calendar.watch(ALICE, ALICE, channel="c-1", secret="s", address=NOBODY, life=3600)
    again = stage.calendar.watch(ALICE, ALICE, channel="c-2", secret="s", address=NOBODY, life=3600)
    for _ in range(2):
        stage.calendar.stop(ALICE, channel="c-1", resource_id=watched.resource_id)

    assert watched.expires == NOW + timedelta(hours=1)
    assert again.resource_id == watched.resource_id


def test_channels_that_cannot_be(stage: Stage) -> None:
    """A used id, a plain address and a calendar without push are refused, by their reasons."""
    stage.control("calendars", id=ROOM, owner=ALICE, timeZone="Asia/Tokyo", pushNotSupported=True)
    good: dict[str, Any] = {"secret": "s", "address": NOBODY, "life": 60}
    stage.calendar.watch(ALICE, ALICE, channel="c-1", **good)
    reasons = []
    for calendar, options in (
        (ALICE, {**good, "channel": "c-1"}),
        (ALICE, {**good, "channel": "c-2", "address": "http://push.example.com"}),
        (ROOM, {**good, "channel": "c-3"}),
    ):
        with pytest.raises(Refused) as caught:
            stage.calendar.watch(ALICE, calendar, **options)
        assert caught.value.where is not None
        reasons.append(caught.value.where.reason)

    assert reasons == ["channelIdNotUnique", "push.webhookUrlNotHttps", "pushNotSupportedForRequestedResource"]


# ---- Trouble --------------------------------------------------------------------------------

READS: dict[str, Callable[[Calendar], object]] = {
    "calendar": lambda c: c.calendar(ALICE, ALICE),
    "changes": lambda c: c.changes(ALICE, ALICE),
    "get": lambda c: c.get(ALICE, ALICE, "kept1"),
    "find": lambda c: c.find(ALICE, ALICE, "x"),
    "upcoming": lambda c: c.upcoming(ALICE, ALICE, since=NOW, until=NOW + timedelta(days=9)),
    "stop": lambda c: c.stop(ALICE, channel="c", resource_id="r"),
}
WRITES: dict[str, Callable[[Calendar], object]] = {
    "insert": lambda c: c.insert(ALICE, ALICE, body(id="made1")),
    "patch": lambda c: c.patch(ALICE, ALICE, "kept1", {"summary": "x"}, etag='"1"'),
    "delete": lambda c: c.delete(ALICE, ALICE, "kept1"),
    "watch": lambda c: c.watch(ALICE, ALICE, channel="c", secret="s", address=NOBODY, life=60),
}


def outcome(call: Callable[[Calendar], object], calendar: Calendar) -> type[object]:
    """The kind of what the call raises."""
    try:
        call(calendar)
    except LockstepError as error:
        return type(error)
    return type(None)


@pytest.mark.parametrize(
    ("fault", "read", "write"),
    [
        ({"status": 403, "reason": "rateLimitExceeded"}, Later, Later),
        ({"status": 429}, Later, Later),
        ({"status": 403, "reason": "insufficientPermissions"}, Revoked, Revoked),
        ({"status": 401}, Revoked, Revoked),
        ({"status": 500}, Later, OutcomeUnknown),
        ({"status": 503, "after_apply": True}, Later, OutcomeUnknown),
    ],
)
def test_troubled_calls(
    stage: Stage, fault: dict[str, Any], read: type[LockstepError], write: type[LockstepError]
) -> None:
    """A failing answer means to each call what it means on the wire."""
    stage.put(id="kept1", status="confirmed", etag='"1"', **TIMES)
    kinds = {}
    for name, call in {**READS, **WRITES}.items():
        stage.control("faults", **fault)
        kinds[name] = outcome(call, stage.calendar)

    assert kinds == {**dict.fromkeys(READS, read), **dict.fromkeys(WRITES, write)}


@pytest.mark.parametrize(("header", "after"), [(7, timedelta(seconds=7)), ("Fri, 20 Nov 2026 09:00:00 GMT", NOW)])
def test_the_wait_that_is_asked_for(stage: Stage, header: object, after: object) -> None:
    """Retry-After reaches the caller, as a wait or as an instant."""
    stage.control("faults", status=429, retry_after=header)
    with pytest.raises(Later) as caught:
        stage.calendar.changes(ALICE, ALICE)

    assert caught.value.after == (after + timedelta(hours=1) if isinstance(after, datetime) else after)


def test_a_write_in_doubt_may_have_been_done(stage: Stage) -> None:
    """A patch whose answer was lost was done here; the same patch again is then stale, never a second change."""
    made = stage.calendar.insert(ALICE, ALICE, body())
    assert made.etag
    stage.control("faults", method="PATCH", status=502, after_apply=True)
    with pytest.raises(OutcomeUnknown):
        stage.calendar.patch(ALICE, ALICE, made.id, {"summary": "once"}, etag=made.etag)
    with pytest.raises(Stale):
        stage.calendar.patch(ALICE, ALICE, made.id, {"summary": "once"}, etag=made.etag)

    assert stage.calendar.get(ALICE, ALICE, made.id).summary == "once"


def test_a_stranger_is_not_admitted() -> None:
    """Credentials that the server does not know, and cannot renew, are a withdrawn consent."""

    class Stranger(DevCredentials):
        def __init__(self, email: str) -> None:
            super().__init__(email)
            self.token = "unknown"

    with (
        running(_server()) as base,
        GoogleCalendar(Stranger, f"{base}/calendar/v3/") as calendar,
        pytest.raises(Revoked),
    ):
        calendar.get(ALICE, ALICE, "e1")


def test_threads_get_their_own_answers() -> None:
    """Eight threads with fifty reads each, over one client and two users: every answer reaches its caller."""
    server = _server()
    signers = {name: DevCredentials(name) for name in (ALICE, BOB)}
    with (
        running(server) as base,
        GoogleCalendar(lambda user: signers[user], f"{base}/calendar/v3/") as calendar,
    ):
        stage = _opened(Stage(calendar, server))
        names = [f"{a}{b}" for a in string.ascii_lowercase[:8] for b in range(50)]
        for name in names:
            stage.put(id=f"e{name}", status="confirmed", etag='"1"', summary=name, **TIMES)

        def read(lane: int) -> list[str]:
            return [calendar.get(ALICE, ALICE, f"e{name}").summary for name in names[lane * 50 : lane * 50 + 50]]

        with ThreadPoolExecutor(8) as lanes:
            answers = [answer for lane in lanes.map(read, range(8)) for answer in lane]

    assert answers == names
