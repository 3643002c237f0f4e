"""One event and its meeting, changed or gone at just the moment at which they are worked on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from conference.errors import Stale
from conference.plan import Agree, ReleaseMeeting, UpdateMeeting
from functions import effects, ledger, patch, reconcile, work
from functions.ground import Policy
from functions.reconcile import Outcome
from tests.instead import Instead
from tests.meanwhile import Meanwhile
from tests.world import ALICE, World, asked

TEAM = "team@example.com"


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
