"""Moments that hardly ever come: what each part of the flow does when the other side is odd at just that time."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from conference.errors import Stale
from conference.event import read_event
from conference.link import index
from conference.meeting import MeetingId, MeetingRef
from conference.plan import Agree, ReleaseMeeting, UpdateMeeting
from conference.solution import Solution
from functions import channel, dead, effects, ledger, patch, reconcile, sweep, webhook, work
from functions import feed as feeds
from functions.ground import Policy
from functions.initialise import initialise
from functions.ports import Page
from functions.reconcile import Outcome
from infra.google.calendar import GoogleCalendar
from tests.meanwhile import Meanwhile
from tests.world import ALICE, SECRET, World, asked

TEAM = "team@example.com"


class Instead:
    """A port one of whose methods is another."""

    def __init__(self, port: Any, **methods: Any) -> None:
        self._port, self._methods = port, methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._port, name)


def raise_fence(world: World, feed: str) -> None:
    """Another run takes the lease over."""
    feeds.change(world.ground, feed, lambda it: msgspec.structs.replace(it, fence=it.fence + 1))


def heal(world: World, hours: int = 2) -> None:
    """Time passes, with the scheduler's minutes now and then."""
    for _ in range(hours * 2):
        world.clock.advance(timedelta(minutes=30))
        world.tick()
        world.settle()


# ---- the calendar's lists ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pages", "trouble"),
    [(iter(["same"] * 10), "repeats a page token"), (map(str, range(10_000)), "pages do not end")],
    ids=["in a circle", "without end"],
)
def test_a_list_that_never_ends_stops_the_feed(world: World, feed: str, pages: Any, trouble: str) -> None:
    """It is not followed for ever; a person is told, and nothing is lost once the calendar is sane again."""
    made = world.insert()
    world.settle()
    calm = world.ground.calendar

    def changes(*_: object, **__: object) -> Page:
        return Page((), "Europe/Zurich", next_page=next(pages))

    world.change_ground(calendar=Instead(calm, changes=changes))
    world.patch(made["id"], summary="Renamed")
    world.settle()
    stopped = world.feed(feed)
    world.change_ground(calendar=calm)
    initialise(world.ground, ALICE, "primary")
    heal(world)

    assert stopped.stopped
    assert trouble in (stopped.trouble or "")
    assert [meeting["title"] for meeting in world.meetings()] == ["Renamed"]


def test_an_item_that_cannot_be_read_is_noted_and_passed(world: World, feed: str) -> None:
    """The others of its page are followed; the note says where it is wrong, and not what stood there."""
    good, bad = world.insert(summary="Good"), world.insert(summary="Bad")
    world.settle()
    http = GoogleCalendarWith(world, bad["id"])
    world.change_ground(calendar=http)
    world.patch(good["id"], summary="Better")
    world.patch(bad["id"], summary="Worse")
    world.settle()

    (note,) = dead.newest(world.ground)
    assert (note.data["event"], "$.attendees" in note.data["cause"]) == (bad["id"], True)
    assert [meeting["title"] for meeting in world.meetings()] == ["Bad", "Better"]
    assert not world.feed(feed).stopped


class GoogleCalendarWith:
    """The Calendar port, whose lists hold one event with attendees of no shape that we know."""

    def __init__(self, world: World, spoilt: str) -> None:
        self._calm: GoogleCalendar = world.ground.calendar  # type: ignore[assignment]  # the world's is this one
        self._spoilt = spoilt

    def changes(self, *arguments: Any, **named: Any) -> Page:
        """One page, with the spoilt item in it."""
        page = self._calm.changes(*arguments, **named)
        items = tuple(spoil(item) if getattr(item, "id", "") == self._spoilt else item for item in page.items)
        return dataclasses.replace(page, items=items)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calm, name)


def spoil(item: Any) -> Any:
    """The item as read from a list in which its attendees are a number."""
    return read_event(msgspec.json.encode({**msgspec.to_builtins(item), "attendees": 5}))


def test_a_page_of_more_events_than_one_commit_takes(world: World, feed: str) -> None:
    """Two hundred and one changes on one page go into two commits, the second of which moves the token."""
    made = [world.insert(summary=f"{number:03d}", conferenceData=None)["id"] for number in range(200)]
    world.insert(summary="With a conference")
    world.settle()

    (meeting,) = world.meetings()
    assert meeting["title"] == "With a conference"
    assert len(made) == 200
    assert not world.feed(feed).owed


def test_a_run_that_is_overtaken_while_it_lists_writes_no_token(world: World, feed: str) -> None:
    """The later run covers what this one was asked for."""
    made = world.insert()
    world.settle()
    world.patch(made["id"], summary="Renamed")
    calm = world.ground.calendar
    token = world.feed(feed).token
    world.change_ground(calendar=Meanwhile(calm, "changes", lambda: raise_fence(world, feed)))
    world.deliver()
    held = world.queue.waiting()[0]
    world.clock.set(held.at)
    world.work(held)
    after = world.feed(feed)
    heal(world)

    assert (after.token, after.owed) == (token, True)
    assert [meeting["title"] for meeting in world.meetings()] == ["Renamed"]
    assert not world.feed(feed).owed


@pytest.mark.parametrize("status", [503, 401], ids=["postponed", "stopped"])
def test_a_run_that_is_overtaken_and_fails_leaves_the_feed_to_the_other(world: World, feed: str, status: int) -> None:
    """Neither its trouble nor its attempts are noted over what the later run writes."""
    made = world.insert()
    world.settle()
    world.google_control("faults", method="GET", path="/events$", times=1, status=status, reason="backendError")
    world.patch(made["id"], summary="Renamed")
    calm = world.ground.calendar
    world.change_ground(calendar=Meanwhile(calm, "changes", lambda: raise_fence(world, feed)))
    world.deliver()
    held = world.queue.waiting()[0]
    world.clock.set(held.at)
    world.work(held)
    after = world.feed(feed)
    heal(world)

    assert (after.trouble, after.stopped, after.attempts) == (None, False, 0)
    assert [meeting["title"] for meeting in world.meetings()] == ["Renamed"]


def test_notices_that_come_in_every_turn_of_a_run_get_a_successor(world: World, feed: str) -> None:
    """A run begins anew a few times only, then leaves the rest to the next; nothing is lost."""
    made = world.insert()
    world.settle()
    calm, turns = world.ground.calendar, iter(range(1, 13))

    def changes(*arguments: Any, **named: Any) -> Page:
        page = calm.changes(*arguments, **named)
        for turn in turns:
            world.patch(made["id"], summary=f"Turn {turn}")
            world.deliver()
            break
        return page

    world.change_ground(calendar=Instead(calm, changes=changes))
    world.patch(made["id"], summary="Turn 0")
    began = world.clock.now()
    world.settle(timedelta(seconds=30))

    # The successor has not waited for the lease of a run that has ended.
    assert world.clock.now() - began < timedelta(seconds=30)
    assert [meeting["title"] for meeting in world.meetings()] == ["Turn 12"]
    assert not world.feed(feed).owed


def test_a_feed_written_without_end_as_its_run_ends_is_run_again(world: World, feed: str) -> None:
    """The token is kept, the lease is not: the run comes again, and finds nothing left to do."""
    made = world.insert()
    world.settle()
    calm = world.store

    class Busy:
        """A store in which somebody writes the feed before each commit that ends its run."""

        def commit(self, *writes: Any) -> Any:
            for write in writes:
                if write.key == f"feeds/{feed}" and write.data["done"] > world.feed(feed).done and self.active:
                    current = calm.get(write.key)
                    assert current is not None
                    calm.commit(feeds.put(current, current.key, feeds.decode(current)))
            return calm.commit(*writes)

        active = True

        def __getattr__(self, name: str) -> Any:
            return getattr(calm, name)

    busy = Busy()
    world.change_ground(store=busy)
    world.patch(made["id"], summary="Renamed")
    world.settle(timedelta(seconds=3))
    trouble = world.feed(feed).trouble
    busy.active = False
    world.settle(timedelta(hours=1))

    assert "busy" in (trouble or "")
    assert [meeting["title"] for meeting in world.meetings()] == ["Renamed"]
    assert (world.feed(feed).owed, world.feed(feed).trouble) == (False, None)


# ---- full passes ------------------------------------------------------------------------------------------


def test_what_was_there_before_us_is_noted_as_far_as_it_can_be_told(world: World) -> None:
    """Of odd events too, the first pass makes rows and no meeting; later changes are followed."""
    asks = world.insert(summary="Asks")
    other = world.conference_with("theirs")
    other["parameters"] = {"addOnParameters": {"parameters": {"lockstep": "elsewhere"}}}
    world.insert(summary="Of a provider that is not configured", conferenceData=other)
    untold = {**world.event(asks["id"]), "id": "untold", "iCalUID": "untold", "start": {"dateTime": "soon"}}
    world.google_control("events", calendarId=ALICE, event={**untold, "conferenceData": world.conference_with("m")})
    lone = {**world.event(asks["id"]), "id": "gone_20261124T090000Z", "recurringEventId": "gone", "iCalUID": "gone"}
    lone["originalStartTime"] = lone["start"]
    world.google_control("events", calendarId=ALICE, event=lone)
    world.change_ground(solutions=(*world.ground.solutions, Solution("elsewhere")))
    world.connect()
    rows = {row.event: row for row in world.rows()}
    before = world.meetings()
    world.patch(asks["id"], summary="Asks again")
    world.settle()

    assert before == []
    assert "gone" not in rows
    assert rows["untold"].link is not None
    assert rows["untold"].link.agreed is None
    assert [row.event for row in rows.values() if row.link] == ["untold"]
    assert [meeting["title"] for meeting in world.meetings()] == ["Asks again"]


def test_meetings_that_were_there_before_us_are_found_and_shared(world: World) -> None:
    """Two calendars name one meeting: the first to be connected leads, and what a vendor says of it reaches both."""
    world.google_control("calendars", id=TEAM, owner=ALICE, timeZone="Europe/Zurich")
    meeting = world.make_meeting_elsewhere("Old")
    for calendar in ("primary", TEAM):
        world.insert(calendar, summary=calendar, conferenceData=world.conference_with(meeting))
    world.connect()
    world.connect(TEAM)
    held = index(MeetingRef("http", "acme", MeetingId(meeting)))

    assert [(row.calendar, row.link.leads) for row in sorted(world.rows(), key=lambda it: it.calendar) if row.link] == [
        (ALICE, True),
        (TEAM, False),
    ]
    assert webhook.look_at_meeting(world.ground, held, "") == 2


def test_events_that_a_full_pass_does_not_show_are_looked_up_unless_long_over(world: World, feed: str) -> None:
    """A series that has ended and an event that ends before it starts are looked up, a single one of last month not."""
    series = world.insert(summary="Series", recurrence=["RRULE:FREQ=DAILY;COUNT=2"])
    single = world.insert(summary="Single")
    broken = world.insert(summary="Broken")
    world.settle()
    backwards = {"start": broken["end"], "end": broken["start"]}
    world.google_control("events", calendarId=ALICE, event={**world.event(broken["id"]), **backwards})
    world.insert(conferenceData=None)
    world.settle()
    world.clock.advance(timedelta(days=40))
    feeds.raise_dirty(world.ground, feed, full=True)
    world.calls()
    world.settle()
    looked_up = world.calls()["GET event"]

    assert looked_up == 2
    assert {row.event for row in world.rows() if row.link} == {series["id"], single["id"], broken["id"]}


def test_a_look_up_that_is_not_answered_postpones_the_full_pass(world: World, feed: str) -> None:
    """Its token is not kept before every absent event was looked up."""
    made = world.insert()
    world.settle()
    world.clock.advance(timedelta(days=3))
    full_at = world.feed(feed).full_at
    world.google_control("faults", method="GET", path="/events/", times=1, status=503)
    feeds.raise_dirty(world.ground, feed, full=True)
    world.settle(timedelta(seconds=2))
    postponed = world.feed(feed)
    world.settle(timedelta(minutes=30))

    assert (postponed.full_at, postponed.attempts) == (full_at, 1)
    assert world.feed(feed).full_at > full_at
    assert [row.event for row in world.rows() if row.link] == [made["id"]]


# ---- one event --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "title"), [("2026-11-25T10:00:00", "Renamed"), ("soon", "Planning")], ids=["renamed", "unreadable"]
)
def test_an_event_changed_before_its_join_link_is_written_is_decided_anew(world: World, start: str, title: str) -> None:
    """The patch writes nothing of what was decided before; what the event says now is worked off first."""
    world.connect()
    world.change_ground(policy=dataclasses.replace(Policy(), inline=-1.0))
    made = world.insert()

    def change() -> None:
        when = {"dateTime": start, "timeZone": "Europe/Zurich"}
        ends = {"dateTime": "2026-11-25T11:00:00", "timeZone": "Europe/Zurich"}
        changed = {**world.event(made["id"]), "summary": "Renamed", "start": when, "end": ends}
        world.google_control("events", calendarId=ALICE, event=changed)
        world.insert(conferenceData=None)  # for its notice
        world.settle(timedelta(seconds=3))

    world.change_ground(providers={"http": Meanwhile(world.provider, "create", change)})
    world.settle()
    (row,) = [row for row in world.rows() if row.link]

    assert [meeting["title"] for meeting in world.meetings()] == [title]
    assert ("cannot be read" in (row.parked or "")) == (start == "soon")
    assert not row.pending


def test_an_event_that_never_comes_to_rest_is_left_for_later(world: World, feed: str) -> None:
    """Each update is followed by a newer wish: the work pauses, and goes on when things are calmer."""
    made = world.insert()
    world.settle()
    restless = [True]

    def update(*arguments: Any, **named: Any) -> Any:
        written = world.provider.update(*arguments, **named)
        (row,) = world.rows()
        if restless and row.seen:
            newer = msgspec.structs.replace(row.seen, summary=row.seen.summary + "!")
            work.remark(world.ground, ledger.key_of(feed, row.event), seen=newer)
        return written

    world.change_ground(providers={"http": Instead(world.provider, update=update)})
    world.patch(made["id"], summary="Renamed")
    world.settle(timedelta(seconds=2))
    (row,) = world.rows()
    restless.clear()
    world.settle(timedelta(hours=1))

    assert "rest" in (row.trouble or "")
    assert world.meetings()[0]["title"].startswith("Renamed!")
    assert not world.rows()[0].pending


@pytest.mark.usefixtures("feed")
def test_an_event_that_is_gone_when_it_is_read_again_loses_its_meeting(world: World) -> None:
    """The write of its join link found it changed; reading it again finds nothing."""
    world.google_control("faults", method="PATCH", path="/events/", times=1, status=412, reason="conditionNotMet")
    world.google_control("faults", method="GET", path="/events/", times=1, status=404, reason="notFound")
    world.insert()
    world.settle()

    assert world.meetings() == []
    assert not any(row.pending or row.link for row in world.rows())


@pytest.mark.usefixtures("feed")
def test_a_cancelled_event_whose_create_was_never_done_has_nothing_to_delete(world: World) -> None:
    """The meeting is sought under its key, and not found."""
    world.vendor_control("faults", method="POST", path="^/meetings", times=1, status=504)
    made = world.insert()
    world.settle(timedelta(seconds=3))
    world.cancel(made["id"])
    world.settle()

    (row,) = world.rows()
    assert (row.link, row.pending, row.parked) == (None, False, None)
    assert world.calls()["DELETE meetings"] == 0


@pytest.mark.usefixtures("feed")
def test_a_meeting_that_goes_between_the_look_and_the_write_is_made_anew(world: World) -> None:
    """It was missed once before, then there, then gone at the moment of the update: asked once more, it is believed."""
    made = world.insert()
    world.settle()
    (meeting,) = world.meetings()
    (row,) = world.rows()
    world.vendor_control("webhooks", silent=True)
    world.vendor_control("faults", method="GET", path="^/meetings/", times=1, status=404)
    work.remark(world.ground, ledger.key_of(row.feed, row.event), verify=True)
    world.settle(timedelta(seconds=10))
    world.patch(made["id"], summary="Renamed")

    def delete() -> None:
        world.vendor_control(f"meetings/{meeting['id']}", delete=True)

    world.change_ground(providers={"http": Meanwhile(world.provider, "update", delete)})
    world.settle(timedelta(minutes=10))

    (after,) = world.meetings()
    assert (after["title"], after["id"] == meeting["id"]) == ("Renamed", False)
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == after["id"]


@pytest.mark.parametrize("theirs", [False, True], ids=["without a conference", "a guest's"])
def test_a_copy_that_may_not_act_does_not_keep_the_meeting(world: World, theirs: bool) -> None:
    """Cancelled here, the event lives on in another calendar of the user: asking for no meeting, or as a guest's."""
    world.google_control("calendars", id=TEAM, owner=ALICE, timeZone="Europe/Zurich")
    world.connect()
    world.connect(TEAM)
    made = world.insert()
    world.settle()
    copy = {**world.event(made["id"]), "organizer": {"email": "bob@example.com"}}
    if not theirs:
        copy = {key: value for key, value in world.event(made["id"]).items() if key != "conferenceData"}
    world.google_control("events", calendarId=TEAM, event=copy)
    world.cancel(made["id"])
    world.settle()

    assert world.meetings() == []


@pytest.mark.usefixtures("feed")
def test_what_presupposes_a_link_does_nothing_without_one(world: World) -> None:
    """An update has to be decided anew; there is nothing to agree on, and nothing to let go."""
    made = world.insert(conferenceData=None)
    world.patch(made["id"], conferenceData=asked())
    world.settle()
    (document,) = world.store.query(ledger.COLLECTION)
    job = work.Work.on(world.ground, document)
    link, spec = job.row.link, reconcile.event_says(job)
    assert link is not None
    assert link.meeting is not None
    job.set_link(None)
    world.calls()

    effects.agree(job, Agree(link.meeting, "digest"))
    effects.release(job, ReleaseMeeting())
    with pytest.raises(Stale):
        effects.update(job, UpdateMeeting(spec, "digest"))  # type: ignore[arg-type]  # it is refused unread

    assert (job.row.link, world.calls()) == (None, {})


@pytest.mark.usefixtures("feed")
@pytest.mark.parametrize("function", [patch.patch_event, reconcile.reconcile_event])
def test_a_row_that_expires_as_it_is_claimed_is_let_be(world: World, function: Callable[..., Outcome]) -> None:
    """Nothing is written for it, and its task is put down."""
    world.insert()
    world.run_due(until="patch_event")
    (row,) = world.rows()
    (document,) = world.store.query(ledger.COLLECTION)
    calm = world.store
    world.change_ground(store=Meanwhile(calm, "commit", lambda: world.forget(document)))

    assert function(world.ground, row.feed, row.event) is Outcome.POSTPONED
    assert world.rows() == []


# ---- channels, ticks and sweeps ---------------------------------------------------------------------------


def test_where_nobody_can_be_notified_calendars_are_polled(world: World) -> None:
    """Without an address for notices no channel is opened, and changes come with the next poll."""
    world.change_ground(notice_address=None)
    feed = world.connect()
    world.insert()
    world.settle()
    before = len(world.meetings())
    heal(world, 1)

    assert (before, len(world.meetings())) == (0, 1)
    assert (world.feed(feed).channel, world.store.query(channel.COLLECTION)) == (None, [])


def test_a_channel_whose_record_is_lost_is_replaced(world: World, feed: str) -> None:
    """There is nothing to close; the feed is told of its changes again."""
    (document,) = world.store.query(channel.COLLECTION)
    world.forget(document)
    initialise(world.ground, ALICE, "primary")
    world.insert()
    world.settle()

    (now,) = world.store.query(channel.COLLECTION)
    assert now.key == f"channels/{world.feed(feed).channel}"
    assert now.key != document.key
    assert len(world.meetings()) == 1


def test_a_channel_that_has_expired_is_heard_no_more(world: World, feed: str) -> None:
    """Google stops then; who goes on is somebody else."""
    world.insert()
    world.settle()
    headers = world.heard[-1]
    world.clock.advance(timedelta(days=3))

    assert world.notify(headers) == 403
    assert not world.feed(feed).owed


@pytest.mark.usefixtures("feed")
def test_a_channel_that_vanishes_while_its_renewal_fails_stays_away(world: World) -> None:
    """Another worker has forgotten it: it is not written again to be tried later."""
    (document,) = world.store.query(channel.COLLECTION)
    calm = world.ground.calendar
    world.google_control("faults", method="POST", path="/watch$", times=1, status=503)
    world.change_ground(calendar=Meanwhile(calm, "watch", lambda: world.forget(document)))
    world.clock.advance(timedelta(hours=25))
    world.tick()
    world.insert()
    heal(world, 1)

    assert world.store.query(channel.COLLECTION) == []
    assert len(world.meetings()) == 1


def test_a_channel_that_cannot_be_opened_by_a_poll_either_waits_for_the_next(world: World) -> None:
    """The poll itself is made."""
    world.google_control("faults", method="POST", path="/watch$", times=2, status=503)
    feed = world.connect()
    world.insert()
    world.clock.advance(timedelta(minutes=16))
    done = world.tick()
    world.settle()
    without = world.feed(feed).channel
    heal(world, 1)

    assert (done["polls"], without, len(world.meetings())) == (1, None, 1)
    assert world.feed(feed).channel is not None


@pytest.mark.parametrize(("collection", "part"), [("feeds", "runs"), (ledger.COLLECTION, "marks")])
def test_what_somebody_else_takes_up_just_now_is_not_relayed(
    world: World, feed: str, collection: str, part: str
) -> None:
    """The tick finds it forgotten, and in the next moment it is not."""
    world.insert()
    if part == "marks":
        world.run_due(until="patch_event")
    else:
        world.deliver()
    for held in world.queue.waiting():
        world.queue.done(world.queue.take(held))
    world.clock.advance(timedelta(minutes=1))
    calm = world.store

    def touch() -> None:
        (document,) = calm.query(collection)
        calm.commit(dataclasses.replace(feeds.put(document, document.key, world.feed(feed)), data=document.data))

    world.change_ground(store=Meanwhile(calm, "commit", touch))
    done = world.tick()
    world.change_ground(store=calm)
    again = world.tick()
    heal(world, 1)

    assert (done[part], again[part]) == (0, 1)
    assert len(world.meetings()) == 1


@pytest.mark.usefixtures("feed")
def test_links_of_another_account_are_not_missed_at_this_one(world: World) -> None:
    """A provider is compared with its own links only, over however many pages they are read."""
    world.insert()
    world.settle()
    (row,) = world.rows()
    assert row.link
    assert row.link.meeting
    theirs = msgspec.structs.replace(row.link, account="another")
    for number in range(101):
        meeting = msgspec.structs.replace(
            row.link.meeting, ref=msgspec.structs.replace(row.link.meeting.ref, account="another")
        )
        link = msgspec.structs.replace(theirs, meeting=meeting)
        other = msgspec.structs.replace(row, event=f"other-{number}", link=link, meeting=f"{number:032x}")
        world.store.commit(ledger.put(other, None))

    found = sweep.sweep_provider(world.ground, world.provider, world.provider.list())

    assert found == {"missing": 0, "stale": 0, "orphans": 0}


@pytest.mark.usefixtures("feed")
def test_a_meeting_that_is_linked_while_the_sweep_looks_is_no_spare(world: World) -> None:
    """Listed first and linked then; or its create has been meant and is on its way."""
    world.change_ground(policy=dataclasses.replace(Policy(), spare_life=0.0))
    world.vendor_control("faults", method="POST", path="^/meetings", times=1, status=504, after_apply=True)
    world.insert()
    world.settle(timedelta(seconds=3))
    under_way = sweep.sweep_provider(world.ground, world.provider, world.provider.list())

    def listed() -> Any:
        world.settle()
        yield from world.provider.list()

    rows = world.ground.store
    none = Instead(rows, query=lambda *given, **named: [] if named.get("order_by") else rows.query(*given, **named))
    world.settle()
    world.change_ground(store=none)
    linked_since = sweep.sweep_provider(world.ground, world.provider, listed())

    assert (under_way["orphans"], linked_since["orphans"]) == (0, 0)
    assert len(world.meetings()) == 1


@pytest.mark.usefixtures("feed")
def test_two_sweeps_that_see_a_spare_at_once_leave_it_to_the_next(world: World) -> None:
    """One of them notes it first; it is deleted when it has been spare for long enough."""
    world.make_spare()
    calm = world.store

    class Twin:
        """A store in which somebody else notes each spare a moment earlier."""

        def commit(self, *writes: Any) -> Any:
            if writes[0].key.startswith("spares/"):
                calm.commit(*writes)
            return calm.commit(*writes)

        def __getattr__(self, name: str) -> Any:
            return getattr(calm, name)

    world.change_ground(store=Twin())
    found = sweep.sweep_provider(world.ground, world.provider, world.provider.list())
    world.change_ground(store=calm)
    heal(world, 3)

    assert found["orphans"] == 0
    assert world.meetings() == []


def test_a_push_that_names_no_meeting_is_answered_and_passed(world: World, feed: str) -> None:
    """A vendor may ask whether we are there."""
    body = b'{"kind":"hello"}'
    stamp = str(int(world.ground.now()))
    signature = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"x-lockstep-timestamp": stamp, "x-lockstep-signature": f"v1={signature}"}

    assert webhook.provider_webhook(world.ground, "http", headers, body) is None
    assert world.queue.waiting() == []
    assert not world.feed(feed).owed
