"""Claims on a row, as others write it, take it or finish it at the very moment it is claimed, postponed or saved."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from conference.errors import Later, OutcomeUnknown, Stale
from functions import ledger, patch, reconcile, work
from functions.ground import Policy
from functions.ledger import Row
from functions.ports import Document, Put
from functions.reconcile import Outcome
from tests.flow.test_contention import Contended
from tests.meanwhile import Meanwhile
from tests.unanswered import Unanswered, Writes
from tests.world import World, asked

pytestmark = pytest.mark.usefixtures("feed")


def only(world: World) -> tuple[Document, Row]:
    """The one row, as stored and as read."""
    (document,) = world.store.query(ledger.COLLECTION)
    return document, ledger.decode(document)


def rewrite(world: World, **changes: Any) -> None:
    """Another hand writes the one row."""
    document, row = only(world)
    world.store.commit(ledger.put(msgspec.structs.replace(row, **changes), document.version))


def claimed(world: World) -> work.Work:
    """Work on the one row, marked and claimed."""
    document, row = only(world)
    work.remark(world.ground, document.key, verify=row.verify)
    job = work.Work.on(world.ground, only(world)[0])
    assert job.claim()
    return job


def handed(world: World) -> Row:
    """An event that a run has claimed for a task of its own, which comes next."""
    world.change_ground(policy=dataclasses.replace(Policy(), inline=-1.0))
    world.insert()
    world.run_due(until="reconcile_event")
    return only(world)[1]


def come(world: World, row: Row) -> Outcome:
    """The task comes with its claim."""
    return reconcile.reconcile_event(world.ground, row.feed, row.event, row.fence)


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"summary": "the same"}, Outcome.PUBLISHING),
        ({"fence": 7}, Outcome.POSTPONED),
        ({"done": 1, "claimed_until": 0.0, "due": None}, Outcome.POSTPONED),
    ],
    ids=["written by a marker", "taken by another", "done by another"],
)
def test_a_claim_that_is_handed_over_as_its_row_is_written(
    world: World, changes: dict[str, Any], outcome: Outcome
) -> None:
    """Who merely wrote it does not keep the task from its work; who took or did it does."""
    row = handed(world)
    calm = world.store
    named = {name: value for name, value in changes.items() if name != "summary"}
    world.change_ground(store=Meanwhile(calm, "commit", lambda: rewrite(world, **named)))
    came = come(world, row)
    after = only(world)[1]
    waiting = len(world.queue.waiting())

    assert came is outcome
    assert after.fence == (row.fence + 1 if outcome is Outcome.PUBLISHING else named.get("fence", row.fence))
    assert len(world.meetings()) == (outcome is Outcome.PUBLISHING)
    # The run's task, and whoever must look again: nobody, once all is done.
    assert waiting == (1 if "done" in changes else 2)


def test_a_claim_that_is_handed_over_as_its_row_expires(world: World) -> None:
    """Nothing is made for an event of which nothing is known any more."""
    row = handed(world)
    document, _ = only(world)
    world.change_ground(store=Meanwhile(world.store, "commit", lambda: world.forget(document)))

    assert come(world, row) is Outcome.POSTPONED
    assert (world.rows(), world.meetings()) == ([], [])


@pytest.mark.parametrize("fence", [True, False], ids=["handed", "taken"])
def test_a_row_that_is_written_without_end_is_claimed_by_a_later_task(world: World, fence: bool) -> None:
    """The task stands back until the claim is over; then there is peace, and one meeting."""
    row = handed(world)
    calm = world.store
    if not fence:
        rewrite(world, claimed_until=0.0)
    world.change_ground(store=Contended(calm, "ledger/", always=True))
    came = reconcile.reconcile_event(world.ground, row.feed, row.event, row.fence if fence else None)
    first = world.meetings()
    world.change_ground(store=calm)
    world.settle()

    assert (came, first) == (Outcome.POSTPONED, [])
    assert [meeting["title"] for meeting in world.meetings()] == ["Planning"]
    assert not only(world)[1].pending


def test_a_claim_made_for_another_task_is_respected_until_it_ends(world: World) -> None:
    """Who comes with an older claim waits for the newer; at its very end the row is free for anybody."""
    row = handed(world)

    assert reconcile.reconcile_event(world.ground, row.feed, row.event, row.fence - 1) is Outcome.POSTPONED
    world.clock.set(world.clock.now() + timedelta(seconds=row.claimed_until - world.ground.now()))
    assert reconcile.reconcile_event(world.ground, row.feed, row.event, row.fence) is Outcome.PUBLISHING
    assert only(world)[1].fence == row.fence + 1


@pytest.mark.parametrize("verify", [True, False])
def test_a_claim_after_a_dead_holders_has_the_meeting_looked_at(world: World, verify: bool) -> None:
    """What the dead one did outside is not known; after one that gave its claim back there is nothing to look at."""
    world.insert()
    world.settle()
    job = claimed(world)
    if not verify:
        job.keep(claimed_until=0.0)
    world.clock.advance(timedelta(seconds=world.ground.policy.lease))
    again = work.Work.on(world.ground, only(world)[0])

    assert again.claim()
    assert only(world)[1].verify is verify
    assert only(world)[1].due == world.ground.now() + world.ground.policy.lease + world.ground.policy.forgotten


def test_a_postponement_whose_work_was_done_after_all_asks_for_nothing(world: World) -> None:
    """The end was written, its answer lost: the claim is given back, and no task comes."""
    world.insert()
    world.settle()
    job = claimed(world)
    document, row = only(world)
    world.store.commit(ledger.put(msgspec.structs.replace(row, done=row.mark, due=None), document.version))
    before = len(world.queue.waiting())
    job.postpone(OutcomeUnknown("no answer"), None)
    after = only(world)[1]

    assert (after.claimed_until, after.due, after.attempts, after.trouble) == (0.0, None, 0, None)
    assert len(world.queue.waiting()) == before


def test_a_postponement_tells_what_is_wrong_and_when_it_goes_on(world: World) -> None:
    """The claim is given back; the first failure's time is kept over later ones, and a good end forgets them all."""
    world.insert()
    world.settle()
    job = claimed(world)
    began = world.ground.now()
    job.postpone(Later("busy"), timedelta(seconds=30))
    first = only(world)[1]
    asked_for = [held.at.timestamp() for held in world.queue.waiting()]
    world.clock.advance(timedelta(minutes=5))
    again = work.Work.on(world.ground, only(world)[0])
    assert again.claim()
    again.postpone(Later("busy still"), timedelta(seconds=30))
    second = only(world)[1]

    assert (first.trouble, first.attempts, first.failing_since) == ("busy", 1, began)
    assert (first.claimed_until, first.due) == (0.0, began + 30 + world.ground.policy.forgotten)
    assert began + 30 in asked_for
    assert (second.trouble, second.attempts, second.failing_since) == ("busy still", 2, began)
    world.settle()
    assert (only(world)[1].attempts, only(world)[1].failing_since, only(world)[1].trouble) == (0, None, None)


@pytest.mark.parametrize("function", [patch.patch_event, reconcile.reconcile_event])
def test_who_finds_a_row_taken_comes_again_when_its_claim_is_over(world: World, function: Any) -> None:
    """Not sooner: each try costs a read; and within a second at the soonest."""
    world.insert()
    world.settle()
    document, _ = only(world)
    claimed(world)
    row = only(world)[1]
    came = function(world.ground, row.feed, row.event)
    named = function.__name__
    (held,) = [held for held in world.queue.waiting() if held.task.function == named and held.at > world.clock.now()]

    assert came is Outcome.POSTPONED
    assert held.at.timestamp() == row.claimed_until
    assert only(world)[0].key == document.key


def test_a_save_keeps_what_markers_wrote_and_yields_to_a_new_claim(world: World) -> None:
    """A mark raised meanwhile stays raised, with what was seen; a row that was seized, or is gone, is not written."""
    world.insert()
    world.settle()
    job = claimed(world)
    mark = job.row.mark
    document, row = only(world)
    work.remark(world.ground, document.key, zone="Asia/Tokyo", refresh=True)
    assert not job.finish()
    saved = only(world)[1]
    assert (saved.mark, saved.done, saved.zone, saved.refresh) == (mark + 1, mark, "Asia/Tokyo", True)
    assert saved.claimed_until == row.claimed_until

    assert work.Work.on(world.ground, only(world)[0]).claim(seize=True)
    with pytest.raises(Stale):
        job.keep(verify=True)
    world.forget(only(world)[0])
    with pytest.raises(Stale):
        job.keep(verify=True)


def test_what_the_holder_has_done_is_written_over_a_mark_that_came_meanwhile(world: World) -> None:
    """The link it made, the key and the rest of its own fields; the other fields are the newest ones."""
    world.insert()
    world.settle()
    job = claimed(world)
    document, before = only(world)
    job.set_link(None)
    job.row = msgspec.structs.replace(job.row, releasing=True, absent_since=5.0, refresh=True)
    work.remark(world.ground, document.key, verify=True)
    job.keep(attempts=2)
    after = only(world)[1]

    assert (after.link, after.meeting, after.key, after.former) == (None, None, None, before.meeting)
    assert (after.releasing, after.absent_since, after.generation) == (True, 5.0, before.generation)
    assert (after.verify, after.refresh, after.attempts, after.mark) == (True, True, 2, before.mark + 1)


def test_a_link_that_another_hand_changed_meanwhile_is_not_overwritten(world: World) -> None:
    """Whose turn it is to lead is written by other events' workers too: our decision was made upon something else."""
    world.insert()
    world.settle()
    job = claimed(world)
    link = job.row.link
    assert link is not None
    rewrite(world, link=msgspec.structs.replace(link, leads=False))

    with pytest.raises(Stale):
        job.finish()
    kept = only(world)[1].link
    assert kept is not None
    assert not kept.leads


def test_a_note_that_a_row_is_done_expires_only_where_nothing_is_linked(world: World) -> None:
    """Rows of dead events are kept for a while; those that hold a meeting for as long as they do."""
    made = world.insert()
    world.settle()
    linked = only(world)[1]
    world.cancel(made["id"])
    world.settle()
    dead = only(world)[1]

    assert (linked.expire_at, linked.due, linked.claimed_until) == (None, None, 0.0)
    assert dead.expire_at == (dead.settled_at or 0) + world.ground.policy.row_record
    assert dead.generation == linked.generation
    assert dead.former == linked.meeting
    assert (dead.meeting, dead.key, dead.link) == (None, None, None)


def test_an_event_asked_for_again_has_its_new_meeting_and_names_the_former(world: World) -> None:
    """Its first meeting was let go of; the second is made under the next key."""
    made = world.insert()
    world.settle()
    first = only(world)[1]
    world.patch(made["id"], conferenceData=None)
    world.settle()
    world.patch(made["id"], conferenceData=asked())
    world.settle()
    second = only(world)[1]

    assert second.former == first.meeting
    assert second.meeting != first.meeting
    assert second.link is not None
    assert (second.key, second.generation) == (second.link.key, second.link.generation)
    assert second.key != first.key


def test_an_end_whose_answer_is_lost_is_an_end(world: World) -> None:
    """The worker postpones what it believes to be open, and finds it done."""
    world.insert()
    world.settle()
    job = claimed(world)
    world.change_ground(store=Unanswered(world.store))
    job.ground = world.ground
    with pytest.raises(OutcomeUnknown):
        job.finish()
    job.postpone(OutcomeUnknown("no answer"), None)

    assert (only(world)[1].pending, only(world)[1].claimed_until) == (False, 0.0)


@pytest.mark.parametrize("how", ["claim", "take_over"])
def test_a_claim_whose_answer_is_lost_is_a_claim(world: World, how: str) -> None:
    """Who made it finds it made, and does not wait for himself."""
    fence = handed(world).fence
    if how == "claim":
        rewrite(world, claimed_until=0.0)
    job = work.Work.on(world.ground, only(world)[0])
    world.change_ground(store=Unanswered(world.store))
    job.ground = world.ground

    assert (getattr(job, how)(), job.row.fence, only(world)[1].fence) == (True, fence + 1, fence + 1)


def test_an_intent_whose_answer_is_lost_is_worked_on_by_who_wrote_it(world: World) -> None:
    """It is tried again within seconds, not when its claim is over."""

    def intent(writes: Writes) -> bool:
        return any(isinstance(write, Put) and (write.data.get("link") or {}).get("key") for write in writes)

    store = Unanswered(world.store, intent)
    world.change_ground(store=store)
    world.insert()
    world.settle(timedelta(seconds=15))

    assert store.lost
    assert len(world.meetings()) == 1
