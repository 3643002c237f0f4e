"""Answers that never came, came too late or say too little: what is looked at again, and how often."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import pytest

from conference.errors import Later, OutcomeUnknown
from functions import webhook
from functions.feed import feed_id, raise_dirty
from tests.crashing import Crash
from tests.meanwhile import Meanwhile, run_some
from tests.unanswered import Unanswered, Writes
from tests.world import ALICE, SECRET, World

pytestmark = pytest.mark.usefixtures("feed")


def test_an_update_without_an_answer_is_looked_at_even_if_the_event_changes_back(world: World) -> None:
    """Renamed and renamed back while the answer was lost: the meeting has the first title again."""
    made = world.insert(summary="First")
    world.settle()
    world.vendor_control("webhooks", silent=True)
    world.vendor_control("faults", method="PUT", path="^/meetings", times=1, status=429, retry_after=2)
    world.patch(made["id"], summary="Second")
    world.settle(timedelta(seconds=2))

    def back() -> None:
        world.patch(made["id"], summary="First")
        world.settle(timedelta(seconds=20))

    world.change_ground(providers={"http": Meanwhile(world.provider, "update", back, unanswered=True)})
    world.settle(timedelta(minutes=30))

    assert [meeting["title"] for meeting in world.meetings()] == ["First"]


def test_marks_whose_commit_was_not_answered_are_worked_off_by_the_run_that_tries_again(world: World) -> None:
    """It finds the token moved, and takes what the one before it has claimed: nobody waits until the claim ends."""

    def marks(writes: Writes) -> bool:
        return any(write.key.startswith("ledger/") for write in writes)

    store = Unanswered(world.store, marks)
    world.change_ground(store=store)
    world.insert()
    world.settle(timedelta(seconds=15))

    assert store.lost
    assert len(world.meetings()) == 1


def test_an_update_that_was_done_and_answered_500_is_undone_if_the_event_changes_back(world: World) -> None:
    """A 504 does not say that nothing was done."""
    made = world.insert(summary="First")
    world.settle()
    world.vendor_control("webhooks", silent=True)
    world.vendor_control("faults", method="PUT", path="^/meetings", times=1, status=504, after_apply=True)
    world.patch(made["id"], summary="Second")
    world.settle(timedelta(seconds=3))
    world.patch(made["id"], summary="First")
    world.settle(timedelta(minutes=30))

    assert [meeting["title"] for meeting in world.meetings()] == ["First"]


def test_an_event_restored_while_its_meeting_was_being_deleted_gets_a_new_one(world: World) -> None:
    """The process died over the delete and the event came back: its meeting is asked for, and made anew."""
    made = world.insert()
    world.settle()
    world.vendor_control("webhooks", silent=True)
    whole = world.event(made["id"])
    world.cancel(made["id"])

    def die() -> None:
        world.google_control("events", calendarId=ALICE, event=whole)
        world.insert(summary="Notice", conferenceData=None)
        raise Crash

    world.change_ground(providers={"http": Meanwhile(world.provider, "delete", die, unanswered=True)})
    world.settle(timedelta(minutes=30))

    (meeting,) = world.meetings()
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == meeting["id"]


def test_an_event_restored_while_the_vendor_refused_to_delete_holds_its_meeting_again(world: World) -> None:
    """A copy that comes to share the meeting, and goes again, does not take it along."""
    made = world.insert()
    world.settle()
    (meeting,) = world.meetings()
    whole = world.event(made["id"])
    world.cancel(made["id"])

    def refuse() -> None:
        world.google_control("events", calendarId=ALICE, event=whole)
        world.insert(summary="Notice", conferenceData=None)
        raise Later("not now")

    world.change_ground(providers={"http": Meanwhile(world.provider, "delete", refuse)})
    world.settle()
    copy = world.insert(summary="Copy", conferenceData=whole["conferenceData"])
    world.settle()
    world.cancel(copy["id"])
    world.settle()

    assert [one["id"] for one in world.meetings()] == [meeting["id"]]


def test_a_notice_of_which_it_is_not_known_whether_it_was_noted_is_repeated(world: World) -> None:
    """Google is not told that it was taken; the repeat finds it noted, or notes it."""
    feed = feed_id(ALICE, ALICE)
    before = world.feed(feed).dirty
    world.change_ground(store=Meanwhile(world.store, "commit", lambda: None, unanswered=True))
    with pytest.raises(OutcomeUnknown):
        raise_dirty(world.ground, feed)
    raise_dirty(world.ground, feed)

    assert world.feed(feed).dirty == before + 1


def test_a_calendar_that_answers_no_write_is_tried_ever_more_seldom(world: World) -> None:
    """While every patch fails the event waits, and then it gets its join link."""
    world.google_control("faults", method="PATCH", path="/events/", times=30, status=503)
    made = world.insert()
    ran = run_some(world, 40)

    assert ran < 40
    world.settle(timedelta(hours=36))
    (meeting,) = world.meetings()
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == meeting["id"]


def test_a_provider_that_says_at_once_and_means_never_is_not_hammered(world: World) -> None:
    """Retry-After: 0, again and again, is believed a few times only."""
    world.vendor_control("faults", method="POST", path="^/meetings", times=20, status=429, retry_after=0)
    world.insert()
    ran = run_some(world, 60)
    assert ran < 20
    world.settle(timedelta(hours=36))
    assert len(world.meetings()) == 1


def test_a_withdrawn_credential_keeps_the_mark_however_long(world: World) -> None:
    """After five days somebody mends it, and the event gets its meeting."""
    world.vendor_control("faults", method="POST", path="^/meetings", times=118, status=401)
    world.insert()
    world.settle(timedelta(days=5, hours=2))

    assert len(world.meetings()) == 1


def test_the_same_words_of_a_provider_later_are_heard_again(world: World) -> None:
    """A vendor that numbers nothing sends the same body for each change."""
    world.insert()
    world.settle()
    (meeting,) = world.meetings()
    world.vendor_control("webhooks", silent=True)
    for title in ("By hand", "By hand again"):
        world.vendor_control(f"meetings/{meeting['id']}", title=title)
        body = b'{"kind":"updated","meeting_id":"%s"}' % meeting["id"].encode()
        stamp = str(int(world.ground.now()))
        signature = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"x-lockstep-timestamp": stamp, "x-lockstep-signature": f"v1={signature}"}
        webhook.provider_webhook(world.ground, "http", headers, body)
        world.settle()
        world.clock.advance(timedelta(minutes=10))

    assert world.meetings()[0]["title"] == "Planning"
