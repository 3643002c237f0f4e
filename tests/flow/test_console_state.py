"""What the console shows while changes travel, over the real functions and the servers' cores."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NoReturn

import msgspec
import pytest

from conference.errors import Later, Unsupported
from conference.event import EventTime
from functions import dead, ledger
from functions.console.actions import asking_for
from functions.console.pairs import Pair
from functions.console.state import State, collect
from functions.ports import Delete, Document, Put
from functions.tracing import Trace, following
from tests.world import ALICE, TOKEN, VENDOR, World, asked, event_body

OTHERS = {
    "conferenceSolution": {"key": {"type": "addOn"}, "name": "Zoom Meeting"},
    "conferenceId": "99",
    "entryPoints": [{"entryPointType": "video", "uri": "https://zoom.example/j/99"}],
}


class Away:
    """A store that cannot be reached."""

    def get(self, key: str) -> Document | None:
        """Fail."""
        raise Later(f"no store for {len(key)} characters")

    def commit(self, *writes: Put | Delete) -> tuple[str | None, ...]:
        """Fail."""
        raise Later(f"no store for {len(writes)} writes")

    def query(self, collection: str, *_: Any, **__: Any) -> list[Document]:
        """Fail."""
        raise Later(f"no store for {collection}")


def only(state: State) -> Pair:
    """The one pair on the page."""
    (pair,) = state.pairs
    return pair


def make_by_hand(world: World) -> None:
    """A meeting at the provider that nobody asked us for."""
    body = {
        "title": "By hand",
        "start": "2026-11-25T10:00:00Z",
        "end": "2026-11-25T11:00:00Z",
        "time_zone": "UTC",
        "host": "x@example.com",
    }
    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "by-hand"}
    world.http.post(f"{VENDOR}/meetings", headers=headers, json=body).raise_for_status()


def test_nothing_is_connected(world: World) -> None:
    """Before the first calendar, the page says so."""
    state = collect(world.ground)

    assert state.head is None
    assert state.missing == "No calendar is connected yet."


@pytest.mark.usefixtures("feed")
def test_a_feed_that_is_no_more(world: World) -> None:
    """An address of a calendar that was disconnected says so, and still offers the others."""
    state = collect(world.ground, "0" * 20)

    assert state.head is None
    assert state.missing == "This calendar is not connected any more."
    assert [tab.chosen for tab in state.tabs] == [False]


def test_the_head_tells_how_the_feed_stands(world: World, feed: str) -> None:
    """The calendar, its zone, the last run, the channel and the next poll."""
    state = collect(world.ground, feed)

    assert state.head is not None
    assert (state.head.calendar, state.head.zone) == ("alice@example.com", "Europe/Zurich")
    assert [fact.name for fact in state.head.facts] == ["last sync", "push until", "next poll"]
    assert state.chosen == feed


def test_an_event_is_followed_from_the_wish_to_the_meeting(world: World, feed: str) -> None:
    """New, then in step beside its meeting."""
    world.insert(attendees=[{"email": "ben@example.com"}])
    new = only(collect(world.ground, feed))
    world.settle()
    linked = only(collect(world.ground, feed))

    assert (new.line.word, new.meeting) == ("new", None)
    assert (linked.line.state, linked.event.people) == ("step", "1 person")
    assert linked.meeting is not None
    assert (linked.meeting.title, linked.meeting.when) == (linked.event.title, linked.event.when)
    assert linked.meeting.join_url.startswith(VENDOR)
    assert new.key == linked.key


def test_a_pair_names_the_trace_of_its_last_change(world: World, feed: str) -> None:
    """Under which the log tells how it came to be; one that nobody followed names none."""
    event = world.insert()["id"]
    world.settle()
    before = only(collect(world.ground, feed))
    world.patch(event, summary="Followed")
    with following(Trace("1f" * 16, "2e" * 8)):
        world.settle()

    assert (before.trace, only(collect(world.ground, feed)).trace) == ("", "1f" * 16)


def test_a_move_shows_before_it_is_carried_over(world: World, feed: str) -> None:
    """The two sides differ in time until the run has been."""
    event = world.insert()
    world.settle()
    start = {"dateTime": "2026-11-24T12:00:00", "timeZone": "Europe/Zurich"}
    end = {"dateTime": "2026-11-24T13:00:00", "timeZone": "Europe/Zurich"}
    world.patch(event["id"], start=start, end=end)
    before = only(collect(world.ground, feed))
    world.settle()
    after = only(collect(world.ground, feed))

    assert before.meeting is not None
    assert (before.line.state, before.meeting.differs) == ("differs", ("when",))
    assert after.meeting is not None
    assert (after.line.state, after.meeting.differs) == ("step", ())


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"summary": "Another name"}, ("title",)),
        ({"description": "Bring the figures"}, ("details",)),
        ({"attendees": [{"email": "cleo@example.com"}]}, ("details",)),
    ],
)
def test_every_difference_shows(world: World, feed: str, change: dict[str, Any], differs: tuple[str, ...]) -> None:
    """Title, people and words are compared too, as far as the provider tells what it holds."""
    event = world.insert()
    world.settle()
    world.patch(event["id"], **change)

    meeting = only(collect(world.ground, feed)).meeting

    assert meeting is not None
    assert meeting.differs == differs


def test_a_cancelled_event_stays_until_its_meeting_is_gone(world: World, feed: str) -> None:
    """Once a run has seen the cancellation and the provider is slow, the row says what goes on."""
    event = world.insert()
    world.settle()
    world.vendor_control("faults", method="DELETE", path="^/meetings", times=1, status=503)
    world.cancel(event["id"])
    world.settle(timedelta(seconds=2))
    going = only(collect(world.ground, feed))
    world.settle()

    assert going.event.gone
    assert going.line.state == "retrying"
    assert not going.event.changeable
    assert collect(world.ground, feed).pairs == ()


def test_a_series_is_one_row(world: World, feed: str) -> None:
    """The next date stands for the series; moving that date alone shows as a difference, then as none."""
    world.insert(recurrence=["RRULE:FREQ=DAILY;COUNT=30"])
    world.settle()
    pair = only(collect(world.ground, feed))
    start = {"dateTime": "2026-11-24T15:00:00", "timeZone": "Europe/Zurich"}
    end = {"dateTime": "2026-11-24T16:00:00", "timeZone": "Europe/Zurich"}
    world.patch(pair.event.id, start=start, end=end)
    moved = only(collect(world.ground, feed))
    world.settle()
    after = only(collect(world.ground, feed))

    assert pair.event.occurrence
    assert pair.event.later == "then Wed 25 Nov, Thu 26 Nov and 10 more"
    assert [badge.word for badge in pair.event.badges] == ["Lockstep · http", "repeats daily"]
    assert (pair.line.state, moved.line.state, after.line.state) == ("step", "differs", "step")
    assert moved.event.when.startswith("Tue 24 Nov, 15:00")


@pytest.mark.parametrize(
    ("fields", "badges"),
    [
        ({"conferenceData": None}, ["no conference"]),
        ({"conferenceData": OTHERS}, ["Zoom Meeting"]),
        ({"conferenceData": asked()}, ["Lockstep · http"]),
    ],
)
def test_whose_conference_it_is(world: World, feed: str, fields: dict[str, Any], badges: list[str]) -> None:
    """Ordinary events and other people's conferences are shown, and have no meeting of ours."""
    world.insert(**fields)
    world.settle()
    pair = only(collect(world.ground, feed))

    assert [badge.word for badge in pair.event.badges] == badges
    assert (pair.meeting is not None) == (pair.line.state == "step") == (badges == ["Lockstep · http"])


def test_a_guests_copy_has_no_buttons(world: World, feed: str) -> None:
    """What somebody else organises is theirs to change."""
    body = {
        "summary": "Theirs",
        "start": {"dateTime": "2026-11-24T10:00:00Z"},
        "end": {"dateTime": "2026-11-24T11:00:00Z"},
        "attendees": [{"email": "alice@example.com"}],
    }
    world.client("bob@example.com").events().insert(calendarId="primary", body=body).execute()
    pair = only(collect(world.ground, feed))

    assert not pair.event.changeable
    assert [badge.word for badge in pair.event.badges] == ["no conference", "of bob@example.com"]


def test_a_meeting_that_no_event_holds(world: World, feed: str) -> None:
    """It is shown at the end, and left alone."""
    make_by_hand(world)
    (orphan,) = collect(world.ground, feed).orphans

    assert (orphan.title, orphan.note) == ("By hand", "made by somebody else: left alone")


def test_a_meeting_of_another_calendar_is_no_orphan(world: World, feed: str) -> None:
    """A provider's list covers all calendars; the page covers one."""
    second = world.connect(user="bob@example.com")
    body = {**event_body(), "summary": "Bob's"}
    world.client("bob@example.com").events().insert(calendarId="primary", body=body, conferenceDataVersion=1).execute()
    world.settle()

    assert collect(world.ground, feed).orphans == ()
    assert only(collect(world.ground, second)).line.state == "step"
    assert [tab.calendar for tab in collect(world.ground).tabs] == ["alice@example.com", "bob@example.com"]


def test_a_meeting_deleted_at_the_provider(world: World, feed: str) -> None:
    """Before anybody has told us, the page sees that it is missing."""
    world.insert()
    world.settle()
    (meeting,) = world.meetings()
    world.http.delete(f"{VENDOR}/meetings/{meeting['id']}", headers={"Authorization": f"Bearer {TOKEN}"})
    pair = only(collect(world.ground, feed))

    assert pair.meeting is not None
    assert (pair.line.reason, pair.meeting.note) == ("the meeting is not there", "not found at the provider")


def test_a_refused_meeting_is_parked_with_its_reason(world: World, feed: str) -> None:
    """The reason stands between the event and the empty place of its meeting."""
    world.vendor_control("faults", method="POST", path="^/meetings", times=1, status=400, code="too_long")
    world.insert()
    world.settle()
    state = collect(world.ground, feed)
    pair, (one,) = only(state), state.parked

    assert (pair.line.state, pair.meeting) == ("parked", None)
    assert "too_long" in pair.line.reason
    assert (one.title, one.cause) == ("Planning", pair.line.reason)


def test_what_was_given_up_is_named(world: World, feed: str) -> None:
    """With the title the event has, and the cause."""
    event = world.insert(summary="Interview")
    world.settle()
    dead.note(world.ground, feed, event["id"], "attempts used up")
    dead.note(world.ground, "another feed", "e", "elsewhere")
    (one,) = collect(world.ground, feed).parked

    assert (one.title, one.cause, one.when) == ("Interview", "attempts used up", "just now")


def test_the_newest_runs(world: World, feed: str) -> None:
    """Newest first, with their figures."""
    world.insert()
    world.settle()
    run = next(each for each in collect(world.ground, feed).runs if each.marks == "1")

    assert (run.function, run.changes, run.failures) == ("sync_calendar", "1", "0")


def test_the_calendar_does_not_answer(world: World, feed: str) -> None:
    """A sentence takes the place of its events, and what the ledger knows is still shown."""
    world.insert()
    world.settle()
    world.google_control("faults", method="GET", path="/events$", times=9, status=503)
    state = collect(world.ground, feed)

    assert len(state.silent) == 1
    assert state.silent[0].startswith("The calendar's events cannot be shown now:")
    assert only(state).line.state == "step"


def test_the_provider_does_not_answer(world: World, feed: str) -> None:
    """Its meetings are shown as last read, and none is called missing."""
    world.insert()
    world.settle()
    world.vendor_control("faults", method="GET", path="^/meetings", times=9, status=503)
    state = collect(world.ground, feed)
    pair = only(state)

    assert state.silent[0].startswith("The meetings at http cannot be shown now:")
    assert pair.meeting is not None
    assert (pair.line.state, pair.meeting.note) == ("step", "as last read")


def test_the_store_does_not_answer(world: World) -> None:
    """Even then there is a page, and it says what is wrong."""
    state = collect(replace(world.ground, store=Away()))

    assert state.missing == ""
    assert [sentence.split(" cannot")[0] for sentence in state.silent] == [
        "The list of calendars",
        "The newest runs",
        "The triggers of scripts",
        "The runs of scripts",
    ]


def test_a_document_that_cannot_be_read(world: World, feed: str) -> None:
    """A broken row costs the page its links, not its events."""
    world.insert()
    world.settle()
    (document,) = world.store.query(ledger.COLLECTION)
    world.store.commit(Put(document.key, {**document.data, "mark": "three"}, document.version))
    state = collect(world.ground, feed)

    assert "The links cannot be shown: what is stored cannot be read." in state.silent
    assert only(state).line.word == "new"


def test_a_feed_in_trouble_says_why(world: World, feed: str) -> None:
    """Whoever must act reads it at the top."""
    (document,) = [each for each in world.store.query("feeds") if each.key.endswith(feed)]
    world.store.commit(Put(document.key, {**document.data, "trouble": "consent was withdrawn"}, document.version))
    head = collect(world.ground, feed).head

    assert head is not None
    assert head.trouble == "consent was withdrawn"


def test_a_feed_that_has_never_run_says_so(world: World, feed: str) -> None:
    """Neither a last sync nor a next poll is made up."""
    (document,) = [each for each in world.store.query("feeds") if each.key.endswith(feed)]
    world.store.commit(Put(document.key, {**document.data, "synced_at": None, "poll_at": None}, document.version))
    head = collect(world.ground, feed).head

    assert head is not None
    assert [fact.value for fact in head.facts if fact.name != "push until"] == ["never", "not set"]


def test_a_linked_event_whose_times_cannot_be_read_is_shown_last(world: World, feed: str) -> None:
    """Though the calendar is silent and nobody can tell when it is: a person should see it."""
    world.insert(summary="Odd")
    world.insert(summary="Even")
    world.settle()
    for document in world.store.query(ledger.COLLECTION):
        row = ledger.decode(document)
        assert row.seen is not None
        if row.seen.summary == "Odd":
            odd = msgspec.structs.replace(row.seen, start=EventTime(date_time="soon"))
            world.store.commit(ledger.put(msgspec.structs.replace(row, seen=odd), document.version))
    world.google_control("faults", method="GET", path="/events$", times=9, status=503)

    assert [pair.event.title for pair in collect(world.ground, feed).pairs] == ["Even", "Odd"]


def test_a_series_of_which_only_a_date_was_seen_is_not_compared(world: World, feed: str) -> None:
    """What the whole series says is not known: no difference is made up."""
    made = world.insert(recurrence=["RRULE:FREQ=DAILY;COUNT=30"])
    world.settle()
    (document,) = world.store.query(ledger.COLLECTION)
    row = ledger.decode(document)
    world.store.commit(ledger.put(msgspec.structs.replace(row, seen=None), document.version))
    world.patch(made["id"], summary="Renamed")
    pair = only(collect(world.ground, feed))

    assert pair.meeting is not None
    assert (pair.event.title, pair.meeting.title, pair.meeting.differs) == ("Renamed", "Planning", ())


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({}, "expired, polling"),
        ({"channel": None}, "none, polling"),
        ({"channel": None, "push": False}, "not offered, polling"),
    ],
)
def test_without_a_channel_the_head_says_that_it_polls(
    world: World, feed: str, fields: dict[str, Any], value: str
) -> None:
    """Whether it expired, is not there, or never can be."""
    (document,) = [each for each in world.store.query("feeds") if each.key.endswith(feed)]
    world.store.commit(Put(document.key, {**document.data, **fields}, document.version))
    world.clock.advance(timedelta(days=3))
    head = collect(world.ground, feed).head

    assert head is not None
    assert [fact.value for fact in head.facts if fact.name == "push"] == [value]


def test_a_zone_nobody_knows_costs_nothing_but_itself(world: World, feed: str) -> None:
    """The page falls back to UTC."""
    (document,) = [each for each in world.store.query("feeds") if each.key.endswith(feed)]
    world.store.commit(Put(document.key, {**document.data, "zone": "Mars/Olympus"}, document.version))
    head = collect(world.ground, feed).head

    assert head is not None
    assert head.zone == "UTC"


@pytest.mark.parametrize(
    ("day", "recurrence", "shown"),
    [(20, [], 0), (25, [], 1), (20, ["RRULE:FREQ=DAILY"], 1)],
)
def test_while_the_calendar_is_silent_only_what_is_to_come_is_shown(
    world: World, feed: str, day: int, recurrence: list[str], shown: int
) -> None:
    """Out of the ledger come coming events and series, without buttons for a whole series."""
    start = {"dateTime": f"2026-11-{day}T10:00:00", "timeZone": "Europe/Zurich"}
    end = {"dateTime": f"2026-11-{day}T11:00:00", "timeZone": "Europe/Zurich"}
    world.insert(start=start, end=end, recurrence=recurrence)
    world.settle()
    world.google_control("faults", method="GET", path="/events$", times=9, status=503)
    state = collect(world.ground, feed)

    assert len(state.pairs) == shown
    assert state.beyond == 1 - shown
    assert [pair.event.changeable for pair in state.pairs] == [not recurrence] * shown


def test_an_event_whose_times_cannot_be_read_is_shown_last(world: World, feed: str) -> None:
    """While the calendar is silent it is taken for one to come, and stands behind those that can be placed."""
    broken = world.insert(summary="Broken")
    world.insert(summary="Sound")
    world.settle()
    unread = {**world.event(broken["id"]), "start": {"dateTime": "soon"}}
    world.google_control("events", calendarId=ALICE, event=unread)
    world.insert(conferenceData=None)
    world.settle()
    world.google_control("faults", method="GET", path="/events$", times=9, status=503)
    state = collect(world.ground, feed)

    assert [pair.event.title for pair in state.pairs] == ["Sound", "Broken"]


def test_an_event_just_spoilt_shows_no_difference_to_its_meeting(world: World, feed: str) -> None:
    """What it wants cannot be told, before its change is heard of as after."""
    made = world.insert()
    world.settle()
    backwards = {"start": made["end"], "end": made["start"]}
    world.google_control("events", calendarId=ALICE, event={**world.event(made["id"]), **backwards})
    before = only(collect(world.ground, feed))
    world.settle()

    assert before.meeting is not None
    assert before.meeting.differs == ()


def test_a_provider_that_cannot_hold_what_is_wanted_shows_no_difference(world: World, feed: str) -> None:
    """Where the meeting cannot be compared nothing is said of it."""
    world.insert()
    world.settle()

    class Unable:
        """The provider, by whom the event's wish cannot be held any more."""

        def losses(self, _: object) -> NoReturn:
            raise Unsupported("no such meeting here")

        def __getattr__(self, name: str) -> Any:
            return getattr(world.provider, name)

    world.change_ground(providers={"http": Unable()})
    pair = only(collect(world.ground, feed))

    assert pair.meeting is not None
    assert (pair.line.state, pair.meeting.differs) == ("step", ())


def test_what_lies_outside_the_days_is_counted(world: World, feed: str) -> None:
    """A linked event of next month is in nobody's way."""
    start = {"dateTime": "2027-01-12T10:00:00", "timeZone": "Europe/Zurich"}
    end = {"dateTime": "2027-01-12T11:00:00", "timeZone": "Europe/Zurich"}
    world.insert(start=start, end=end)
    world.settle()
    state = collect(world.ground, feed)

    assert (state.pairs, state.beyond) == ((), 1)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "https://", "http://["])
def test_only_a_web_address_becomes_a_link(world: World, feed: str, url: str) -> None:
    """A way to join that a browser must not follow is not offered."""
    world.insert()
    world.settle()
    world.vendor_control("faults", method="GET", path="^/meetings", times=9, status=503)
    (document,) = world.store.query(ledger.COLLECTION)
    row = ledger.decode(document)
    assert row.link is not None
    assert row.link.meeting is not None
    link = msgspec.structs.replace(row.link, meeting=msgspec.structs.replace(row.link.meeting, join_url=url))
    world.store.commit(ledger.put(msgspec.structs.replace(row, link=link), document.version))
    pair = only(collect(world.ground, feed))

    assert pair.meeting is not None
    assert pair.meeting.join_url == ""


def test_a_wish_is_put_as_the_flow_expects_it() -> None:
    """The console asks for a conference as everybody else must."""
    assert asking_for("http") == asked("http")


def test_the_likely_start_is_soon(world: World, feed: str) -> None:
    """On the wall of the calendar, in the form a browser's field takes."""
    assert datetime.fromisoformat(collect(world.ground, feed).soon) == datetime(2026, 11, 23, 11)  # noqa: DTZ001 - on the wall
