"""Just short of each bound, at it, and just past it: how much is believed, spared, looked up, deleted at once."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from conference.errors import Forged
from functions import channel, ledger, notification, runs, sweep, work
from functions import feed as feeds
from functions.ground import DAY, HOUR, Policy
from tests.world import ALICE, World, lower

POLICY = Policy()
SECOND = timedelta(seconds=1)

# ---- retries ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attempts", "wait"),
    [(1, 5), (2, 10), (3, 20), (4, 40), (10, 2560), (11, HOUR), (21, HOUR), (22, HOUR), (5000, HOUR)],
)
def test_waits_double_up_to_an_hour(world: World, attempts: int, wait: float) -> None:
    """Spread by up to a quarter, the same for the same event and attempt."""
    now = world.ground.now()
    waits = [work.retry_at(world.ground, None, attempts, f"row-{number}") - now for number in range(200)]

    assert min(waits) >= 0.75 * wait - 1e-6
    assert max(waits) <= wait + 1e-6
    assert max(waits) - min(waits) > 0.2 * wait
    assert waits[0] == work.retry_at(world.ground, None, attempts, "row-0") - now
    assert len(set(waits)) > 50


@pytest.mark.parametrize(
    ("asked", "attempts", "wait"),
    [
        (timedelta(seconds=30), 1, 30),
        (timedelta(0), 1, 0),
        (timedelta(0), 3, 0),
        (timedelta(seconds=-5), 1, 0),
        (timedelta(seconds=30), 3, 30),
        (timedelta(days=10), 1, DAY),
        (timedelta(days=1), 9, DAY),
        (timedelta(hours=23), 9, 23 * HOUR),
    ],
)
def test_a_wait_that_the_other_side_asks_for(world: World, asked: timedelta, attempts: int, wait: float) -> None:
    """It is believed, but for an absurd one; told as a span or as a date."""
    now = world.ground.now()

    assert work.retry_at(world.ground, asked, attempts, "row") == now + wait
    assert work.retry_at(world.ground, datetime.fromtimestamp(now, UTC) + asked, attempts, "row") == now + wait


def test_who_asks_for_an_early_return_again_and_again_is_believed_three_times(world: World) -> None:
    """From the fourth time on our own wait is the least."""
    own = work.retry_at(world.ground, None, 4, "row")

    assert own > world.ground.now()
    assert work.retry_at(world.ground, timedelta(0), 4, "row") == own
    assert work.retry_at(world.ground, timedelta(seconds=1), 4, "row") == own
    assert work.retry_at(world.ground, timedelta(hours=5), 4, "row") == world.ground.now() + 5 * HOUR


@pytest.mark.parametrize("answers", [3, 4], ids=["passes", "stays away"])
def test_a_calendar_is_lost_when_it_is_not_found_a_fourth_time(world: World, feed: str, answers: int) -> None:
    """Three answers that it is not there may be an outage."""
    world.google_control("faults", method="GET", path="/events$", times=answers, status=404, reason="notFound")
    world.insert()
    world.settle()

    assert world.feed(feed).stopped is (answers == 4)
    assert len(world.meetings()) == (answers == 3)


@pytest.mark.usefixtures("feed")
@pytest.mark.parametrize(("late", "parked"), [(0, False), (1, True)])
def test_an_event_is_given_up_when_it_has_failed_for_more_than_three_days(
    world: World, late: int, parked: bool
) -> None:
    """Not at the third day's last second; the reason is noted where people look."""
    world.vendor_control("faults", method="POST", path="^/meetings", times=5, status=503)
    world.insert()
    world.settle(timedelta(seconds=1.5))
    (document,) = world.store.query(ledger.COLLECTION)
    row = ledger.decode(document)
    since = world.ground.now() - POLICY.retry_for - late
    aged = msgspec.structs.replace(row, failing_since=since)
    world.store.commit(ledger.put(aged, document.version))
    job = work.Work.on(world.ground, world.store.query(ledger.COLLECTION)[0])
    assert job.claim()
    job.postpone(Forged("still"), None)
    (after,) = world.rows()

    assert (after.parked is not None, after.pending) == (parked, not parked)
    assert len(world.store.query("dead")) == parked


# ---- deletions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gone", "kept", "stopped"),
    [(2, 0, False), (3, 0, True), (3, 2, True), (3, 3, False), (4, 3, True)],
    ids=["few", "more", "a large share", "just half", "more than half"],
)
def test_so_many_events_may_be_gone_at_once(world: World, feed: str, gone: int, kept: int, stopped: bool) -> None:
    """More than a number and more than a share of all that are linked: that is lost access, not people's doing."""
    world.change_ground(policy=dataclasses.replace(POLICY, deletions=2, deletions_share=0.5))
    made = [world.insert(summary=str(number))["id"] for number in range(gone + kept)]
    world.settle()
    world.google_control("push", silent=True)
    for event in made[:gone]:
        world.google_control("faults", method="GET", path=f"/events/{event}", times=1, status=404, reason="notFound")
    world.clock.advance(timedelta(days=3))
    for event in made[gone:]:
        world.patch(event, start={"dateTime": "2026-12-24T10:00:00Z"}, end={"dateTime": "2026-12-24T11:00:00Z"})
    world.google_control("expire-tokens", calendarId=ALICE)
    feeds.raise_dirty(world.ground, feed)
    world.settle()

    assert world.feed(feed).stopped is stopped
    assert len(world.meetings()) == (gone + kept if stopped else kept)


@pytest.mark.usefixtures("feed")
@pytest.mark.parametrize(
    ("spares", "links", "deleted"), [(2, 0, 2), (3, 0, 0), (3, 5, 0), (3, 6, 3)], ids=["few", "more", "share", "half"]
)
def test_so_many_spares_may_be_deleted_at_once(world: World, spares: int, links: int, deleted: int) -> None:
    """More than a number and more than a share of all links: somebody has lost the ledger, not the meetings."""
    world.change_ground(policy=dataclasses.replace(POLICY, deletions=2, deletions_share=0.5, spare_life=0.0))
    for number in range(links):
        world.insert(summary=str(number))
    world.settle()
    for number in range(spares):
        world.make_spare(number + 1)
    found = sweep.sweep_provider(world.ground, world.provider, world.provider.list())

    assert found == {"missing": 0, "stale": 0, "orphans": deleted}
    assert len(world.meetings()) == links + spares - deleted
    newest = [run.data for run in runs.newest(world.ground) if run.data["function"] == "sweep"]
    assert [(run["marks"], run["deleted"], run["provider"]) for run in newest] == (
        [(0, deleted, "http")] if deleted else []
    )


@pytest.mark.usefixtures("feed")
def test_a_spare_is_spared_until_it_is_an_hour_old(world: World) -> None:
    """Counted from when it was first seen; its note expires by itself."""
    world.make_spare()

    def swept() -> int:
        return sweep.sweep_provider(world.ground, world.provider, world.provider.list())["orphans"]

    first = swept()
    (noted,) = world.store.query("spares")
    world.clock.advance(timedelta(hours=1) - SECOND)
    short = swept()
    world.clock.advance(SECOND)

    assert (first, short, swept(), world.meetings()) == (0, 0, 1, [])
    assert noted.data["expire_at"] == noted.data["at"] + POLICY.row_record


@pytest.mark.usefixtures("feed")
def test_what_is_missing_and_what_is_stale_is_counted_and_looked_at(world: World) -> None:
    """Each row is marked, and what the sweep found stands in the list of runs."""
    for summary in ("Missing", "Stale", "Right"):
        world.insert(summary=summary)
    world.settle()
    ids = {meeting["title"]: meeting["id"] for meeting in world.meetings()}
    world.vendor_control("webhooks", silent=True)
    world.vendor_control(f"meetings/{ids['Missing']}", delete=True)
    world.vendor_control(f"meetings/{ids['Stale']}", title="By hand")
    found = sweep.sweep_provider(world.ground, world.provider, world.provider.list())
    pending = {row.seen.summary for row in world.rows() if row.pending and row.verify and row.seen}
    world.clock.advance(SECOND)
    again = sweep.sweep_provider(world.ground, world.provider, world.provider.list())
    record = runs.newest(world.ground)[0].data
    world.settle()

    assert found == {"missing": 1, "stale": 1, "orphans": 0}
    assert again["stale"] == 0  # its look is on the way
    assert pending == {"Missing", "Stale"}
    assert (record["function"], record["deleted"], record["provider"]) == ("sweep", 0, "http")
    assert [meeting["title"] for meeting in world.meetings()] == ["Missing", "Right", "Stale"]


# ---- full passes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("over", "looked_up"), [(-1, 1), (0, 1), (1, 0)])
def test_what_ended_a_month_ago_is_not_looked_up(world: World, feed: str, over: int, looked_up: int) -> None:
    """Years of events would cost a call each."""
    world.insert()
    world.settle()
    (row,) = world.rows()
    assert row.seen is not None
    assert row.seen.end is not None
    end = datetime.fromisoformat(row.seen.end.date_time or "")
    world.google_control("push", silent=True)
    # A run asked for at rest begins at once.
    world.clock.set(end.astimezone(UTC) + timedelta(seconds=POLICY.look_back + over))
    feeds.raise_dirty(world.ground, feed, full=True)
    world.calls()
    world.settle()

    assert world.calls()["GET event"] == looked_up
    assert world.feed(feed).full_at == world.ground.now()


# ---- notices ----------------------------------------------------------------------------------------------


def test_whatever_is_wrong_with_a_notice_it_is_refused_with_the_same_words(world: World, feed: str) -> None:
    """An id that is none of ours, a wrong secret or resource, a missing header, a channel that has expired."""
    world.insert()
    world.settle()
    headers = lower(world.heard[-1])
    record = channel.find(world.ground, headers["x-goog-channel-id"])
    assert record is not None
    assert record.expires is not None
    wrong = [
        {},
        *(
            {name: text for name, text in headers.items() if name != missing}
            for missing in (
                "x-goog-channel-id",
                "x-goog-channel-token",
                "x-goog-resource-id",
            )
        ),
        {**headers, "x-goog-channel-id": "nobody"},
        {**headers, "x-goog-channel-id": "x" * 65},
        {**headers, "x-goog-channel-id": "a/b"},
        {**headers, "x-goog-channel-token": headers["x-goog-channel-token"] + "x"},
        {**headers, "x-goog-resource-id": "another"},
        {"x-goog-channel-id": "nobody", "x-goog-channel-token": "no channel has this secret"},
    ]
    dirty, said = world.feed(feed).dirty, set()
    for one in wrong:
        with pytest.raises(Forged) as caught:
            notification.calendar_notification(world.ground, one)
        said.add(str(caught.value))
    world.clock.set(datetime.fromtimestamp(record.expires, UTC))
    with pytest.raises(Forged) as caught:
        notification.calendar_notification(world.ground, headers)
    late = world.feed(feed).dirty
    world.clock.advance(-SECOND)
    notification.calendar_notification(world.ground, {**headers, "x-goog-resource-state": "sync"})
    first = world.feed(feed).dirty
    notification.calendar_notification(world.ground, headers)

    assert said == {str(caught.value)} == {"not a notice of a channel of ours"}
    assert (late, first, world.feed(feed).dirty) == (dirty, dirty, dirty + 1)


def test_a_notice_may_come_before_the_watch_is_answered(world: World, feed: str) -> None:
    """Google sends the first ones at once: until we know the resource, the secret alone decides."""
    world.insert()
    world.settle()
    headers = lower(world.heard[-1])
    (document,) = world.store.query(channel.COLLECTION)
    unanswered = dict(document.data)
    del unanswered["resource_id"]
    world.store.commit(dataclasses.replace(feeds.put(document, document.key, world.feed(feed)), data=unanswered))
    dirty = world.feed(feed).dirty
    with pytest.raises(Forged):
        notification.calendar_notification(world.ground, {**headers, "x-goog-channel-token": "wrong"})
    notification.calendar_notification(world.ground, {**headers, "x-goog-resource-id": "any"})

    assert world.feed(feed).dirty == dirty + 1


# ---- channels ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "reason", "wait"), [(429, "rateLimitExceeded", 60), (401, "authError", HOUR)])
def test_a_renewal_that_fails_is_tried_again(world: World, feed: str, status: int, reason: str, wait: float) -> None:
    """The next minute; where only a person can help, in an hour. The channel there is goes on."""
    (document,) = world.store.query(channel.COLLECTION)
    world.google_control("faults", method="POST", path="/watch$", times=1, status=status, reason=reason)
    world.clock.advance(timedelta(hours=25))
    done = channel.renew_due(world.ground)
    (after,) = world.store.query(channel.COLLECTION)
    again = channel.renew_due(world.ground)

    assert (done, again, after.key) == (1, 0, document.key)
    assert after.data == {**document.data, "renew_at": world.ground.now() + wait}
    assert world.feed(feed).channel == document.key.removeprefix("channels/")
