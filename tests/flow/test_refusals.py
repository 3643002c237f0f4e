"""Who says no, and what then: refused writes, meetings changed or gone at the moment of a write, other settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from conference.errors import NotOwned
from conference.providers.protocol import Capabilities, CreateKey, Field, Written
from functions import ledger, patch, reconcile, webhook, work
from functions.reconcile import Outcome
from tests.instead import Instead
from tests.meanwhile import Meanwhile
from tests.world import World

pytestmark = pytest.mark.usefixtures("feed")


# ---- the event -----------------------------------------------------------------------------------


def test_a_join_link_that_the_calendar_refuses_is_parked_with_the_reason(world: World) -> None:
    """A calendar that may only be read gets no second try until the event changes."""
    world.google_control("faults", method="PATCH", path="/events/", times=1, status=403, reason="requiredAccessLevel")
    made = world.insert()
    world.settle()
    (row,) = world.rows()
    world.patch(made["id"], summary="Renamed")
    world.settle()

    (meeting,) = world.meetings()
    assert row.parked
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == meeting["id"]
    assert world.rows()[0].parked is None


@pytest.mark.parametrize(
    ("status", "reason"), [(429, "rateLimitExceeded"), (401, "authError")], ids=["quota", "consent"]
)
def test_a_join_link_waits_for_quota_and_consent(world: World, status: int, reason: str) -> None:
    """The mark is kept, and the event gets its join link in the end."""
    world.google_control("faults", method="PATCH", path="/events/", times=2, status=status, reason=reason)
    made = world.insert()
    world.settle(timedelta(hours=3))

    (meeting,) = world.meetings()
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == meeting["id"]
    assert not world.rows()[0].pending


def test_an_event_deleted_before_its_join_link_came_loses_its_meeting(world: World) -> None:
    """The patch finds it gone; no notice of that is needed."""
    made = world.insert()
    world.run_due(until="patch_event")
    world.google_control("push", silent=True)
    world.cancel(made["id"])
    world.settle()

    assert world.meetings() == []


def test_a_patch_that_comes_upon_a_busy_row_comes_again(world: World) -> None:
    """Whoever has the row may be deciding otherwise: the event is written after them, once."""
    made = world.insert()
    world.run_due(until="patch_event")
    (document,) = world.store.query(ledger.COLLECTION)
    holder = work.Work.on(world.ground, document)
    assert holder.claim()
    row = holder.row

    assert patch.patch_event(world.ground, row.feed, row.event) is Outcome.POSTPONED
    assert reconcile.reconcile_event(world.ground, row.feed, row.event) is Outcome.POSTPONED
    world.settle()
    (meeting,) = world.meetings()
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == meeting["id"]
    assert not world.rows()[0].pending


def test_a_patch_that_is_overtaken_writes_nothing_of_its_own(world: World) -> None:
    """While its write was on the way another worker took the row: what that one found stands."""
    made = world.insert()
    world.run_due(until="patch_event")
    (row,) = world.rows()

    def seize() -> None:
        (document,) = world.store.query(ledger.COLLECTION)
        assert work.Work.on(world.ground, document).claim(seize=True)

    calm = world.ground.calendar
    world.change_ground(calendar=Meanwhile(calm, "patch", seize))
    outcome = patch.patch_event(world.ground, row.feed, row.event)
    world.change_ground(calendar=calm)
    pending = world.rows()[0].pending
    world.settle()
    world.clock.advance(timedelta(minutes=3))
    world.tick()
    world.settle()

    (meeting,) = world.meetings()
    assert (outcome, pending) == (Outcome.OVERTAKEN, True)
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == meeting["id"]
    assert not world.rows()[0].pending


def test_an_event_changed_while_its_join_link_is_written_is_decided_again(world: World) -> None:
    """The newer mark is not done by the patch that did not know of it."""
    made = world.insert()
    world.run_due(until="patch_event")

    def rename() -> None:
        (row,) = world.rows()
        work.remark(world.ground, ledger.key_of(row.feed, row.event), verify=True)

    calm = world.ground.calendar
    world.change_ground(calendar=Meanwhile(calm, "patch", rename))
    world.settle()

    (meeting,) = world.meetings()
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == meeting["id"]
    assert not world.rows()[0].pending


@pytest.mark.parametrize("function", [patch.patch_event, reconcile.reconcile_event])
def test_a_task_for_an_event_that_nobody_keeps_does_nothing(world: World, function: Any) -> None:
    """The row may have expired before its task came."""
    assert function(world.ground, "no feed", "no event") is Outcome.SETTLED
    assert world.rows() == []


# ---- the meeting -----------------------------------------------------------------------------------


def test_a_meeting_changed_at_the_moment_of_our_write_is_set_right(world: World) -> None:
    """412: it is read again, and what the event says is written over the newest version."""
    made = world.insert()
    world.settle()
    (meeting,) = world.meetings()
    world.vendor_control("webhooks", silent=True)
    world.vendor_control(f"meetings/{meeting['id']}", title="Changed there")
    world.patch(made["id"], summary="Renamed")
    world.calls()
    world.settle()

    assert [one["title"] for one in world.meetings()] == ["Renamed"]
    assert world.calls()["PUT meetings"] == 2


def test_a_meeting_gone_at_the_moment_of_our_write_is_made_anew(world: World) -> None:
    """404 on an update is believed a minute later, and the event gets the new join link."""
    made = world.insert()
    world.settle()
    (meeting,) = world.meetings()
    world.vendor_control("webhooks", silent=True)
    world.vendor_control(f"meetings/{meeting['id']}", delete=True)
    world.patch(made["id"], summary="Renamed")
    world.settle()

    (after,) = world.meetings()
    assert after["title"] == "Renamed"
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == after["id"]


def test_an_outage_that_answers_404_now_and_then_costs_no_meeting(world: World) -> None:
    """Each time it is asked once more; that it was missed before makes nobody believe it sooner."""
    made = world.insert()
    world.settle()
    meetings = world.meetings()
    (row,) = world.rows()
    missed = []
    for method in ("GET", "GET", "PUT", "GET"):
        world.vendor_control("faults", method=method, path="^/meetings/", times=1, status=404)
        if method == "PUT":
            world.patch(made["id"], summary="Renamed")
        else:
            work.remark(world.ground, ledger.key_of(row.feed, row.event), verify=True)
        world.settle(timedelta(seconds=10))
        missed.append(world.rows()[0].absent_since is not None)
        world.settle(timedelta(minutes=10))
        assert world.rows()[0].absent_since is None
        world.clock.advance(timedelta(hours=2))

    # The look after a failed update finds it already.
    assert missed == [True, True, False, True]
    assert [meeting["id"] for meeting in world.meetings()] == [meeting["id"] for meeting in meetings]
    assert [meeting["title"] for meeting in world.meetings()] == ["Renamed"]


def test_a_meeting_that_is_not_ours_is_let_go_and_lives_on(world: World) -> None:
    """A provider that refuses to delete what we did not make does not keep the row busy."""

    def refuse(_: object) -> None:
        raise NotOwned("not ours")

    made = world.insert()
    world.settle()
    world.change_ground(providers={"http": Instead(world.provider, delete=refuse)})
    world.cancel(made["id"])
    world.settle()

    (row,) = world.rows()
    assert len(world.meetings()) == 1
    assert (row.link, row.parked, row.pending) == (None, None, False)


def test_a_provider_that_was_taken_out_of_the_settings_parks_its_events(world: World) -> None:
    """The reason names it; put back and the event touched, all goes on."""
    made = world.insert()
    world.settle()
    world.change_ground(providers={})
    world.patch(made["id"], summary="Renamed")
    world.settle()
    (row,) = world.rows()
    world.change_ground(providers={"http": world.provider})
    world.patch(made["id"], summary="Renamed again")
    world.settle()

    assert "http" in (row.parked or "")
    assert [meeting["title"] for meeting in world.meetings()] == ["Renamed again"]


def test_a_provider_without_creation_keys_is_searched_before_a_second_create(world: World) -> None:
    """The first create was done and not answered: the meeting is found by its key, and no second one made."""
    searchable = Instead(world.provider, capabilities=Capabilities(**searched(world)))
    world.vendor_control("faults", method="POST", path="^/meetings", times=1, status=504, after_apply=True)
    world.change_ground(providers={"http": searchable})
    world.calls()
    made = world.insert()
    world.settle()

    (meeting,) = world.meetings()
    assert world.calls()["POST meetings"] == 1
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == meeting["id"]


def test_what_a_provider_does_not_keep_is_no_reason_to_write_again(world: World) -> None:
    """It answers with success and stores no title: said in the log, and left at that."""

    def update(*arguments: Any, **named: Any) -> Written:
        written = world.provider.update(*arguments, **named)
        return Written(written.meeting, ignored=frozenset({Field.TITLE}))

    made = world.insert()
    world.settle()
    world.change_ground(providers={"http": Instead(world.provider, update=update)})
    world.patch(made["id"], summary="Renamed")
    world.calls()
    world.settle()

    assert world.calls()["PUT meetings"] == 1
    assert not world.rows()[0].pending


def test_a_cancelled_event_whose_create_was_never_answered_leaves_no_meeting(world: World) -> None:
    """The intent names the key under which the meeting may be: it is found and deleted."""
    world.vendor_control("faults", method="POST", path="^/meetings", times=1, status=504, after_apply=True)
    made = world.insert()
    world.settle(timedelta(seconds=3))
    (intent,) = world.rows()
    world.cancel(made["id"])
    world.settle()

    assert intent.link
    assert intent.link.meeting is None
    assert world.meetings() == []


def test_a_push_of_the_version_we_know_costs_no_look(world: World) -> None:
    """The echo of our own write ends in the ledger."""
    world.insert()
    world.settle()
    (row,) = world.rows()
    assert row.link
    assert row.link.meeting
    assert row.meeting

    assert webhook.look_at_meeting(world.ground, row.meeting, row.link.meeting.version or "") == 0
    assert webhook.look_at_meeting(world.ground, row.meeting, "another") == 1


def searched(world: World) -> dict[str, Any]:
    """The provider's capabilities, but that a repeated create makes a second meeting."""
    told = world.provider.capabilities
    return {name: getattr(told, name) for name in told.__slots__} | {"create_key": CreateKey.SEARCHABLE}
