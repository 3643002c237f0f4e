"""The scheduler's minute: what it wakes, relays and repairs, and that one thing's trouble is not another's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from conference.errors import Gone, Later, Missing
from conference.meeting import Meeting
from conference.providers.protocol import Written
from functions import channel, clock, feed, ledger, sweep
from functions import feed as feeds
from functions.ports import Put
from functions.work import remark
from tests.crashing import Crash
from tests.meanwhile import Meanwhile
from tests.world import ALICE, World


class Failing:
    """A port one of whose methods fails until it is told otherwise."""

    def __init__(self, port: Any, method: str, error: Exception) -> None:
        self._port, self._method, self.error = port, method, error
        self.fails = True

    def __getattr__(self, name: str) -> Any:
        return self._fail if self.fails and name == self._method else getattr(self._port, name)

    def _fail(self, *_: object, **__: object) -> None:
        raise self.error


def lose_tasks(world: World) -> None:
    """Everything in the queue is gone, as after its purge."""
    for held in world.queue.waiting():
        world.queue.done(world.queue.take(held))


def test_a_run_whose_task_is_lost_is_woken(world: World, feed: str) -> None:
    """The notice was taken, its task vanished: the tick enqueues the run."""
    made = world.insert()
    world.settle()
    world.patch(made["id"], summary="Renamed")
    world.deliver()
    lose_tasks(world)
    world.clock.advance(timedelta(minutes=1))
    done = world.tick()
    world.settle()

    assert done["runs"] == 1
    assert world.meetings()[0]["title"] == "Renamed"
    assert not world.feed(feed).owed


def die() -> None:
    """The process is gone."""
    raise Crash


@pytest.mark.usefixtures("feed")
def test_a_tick_that_dies_over_a_poll_polls_a_minute_later(world: World) -> None:
    """The time of the next poll moves on only once this one is asked for."""
    made = world.insert()
    world.settle()
    world.google_control("push", silent=True)
    world.patch(made["id"], summary="Renamed")
    world.clock.advance(timedelta(minutes=16))
    whole = world.store
    world.change_ground(store=Meanwhile(whole, "commit", die, unanswered=True))
    world.tick_or_die()
    world.change_ground(store=whole)
    world.clock.advance(timedelta(minutes=1))
    world.tick()
    world.settle()

    assert world.meetings()[0]["title"] == "Renamed"


def test_a_sweep_that_dies_over_a_feed_is_made_a_minute_later(world: World, feed: str) -> None:
    """A feed's daily comparison is not put off for a day."""
    world.clock.advance(timedelta(hours=25))
    whole = world.store
    world.change_ground(store=Meanwhile(whole, "commit", die, unanswered=True))
    with pytest.raises(Crash):
        sweep.sweep_due(world.ground)
    world.change_ground(store=whole)
    world.clock.advance(timedelta(minutes=1))
    sweep.sweep_due(world.ground)

    assert world.feed(feed).full_wanted


@pytest.mark.parametrize("write", range(1, 6))
def test_of_a_renewal_that_dies_after_a_write_one_channel_is_left(world: World, feed: str, write: int) -> None:
    """What was opened and nobody heard of is closed within the hour, not at its own renewal a day later."""
    world.clock.advance(timedelta(hours=24, minutes=1))
    writes = iter(range(1, 100))

    class Dying:
        """A store after whose n-th commit the process is gone."""

        def commit(self, *what: Any) -> Any:
            done = world.store.commit(*what)
            if next(writes) == write:
                raise Crash
            return done

        def __getattr__(self, name: str) -> Any:
            return getattr(world.store, name)

    world.change_ground(store=Dying())
    for _ in range(18):
        world.tick_or_die()
        world.clock.advance(timedelta(minutes=4))
    (noted,) = world.store.query(channel.COLLECTION)

    assert noted.key == f"channels/{world.feed(feed).channel}"
    assert len([it for it in world.google.world.channels.newest() if it.live(world.google.now())]) == 1


@pytest.mark.usefixtures("feed")
def test_a_mark_whose_task_is_lost_is_relayed(world: World) -> None:
    """The join link waits for a task that vanished: the tick enqueues the mark."""
    made = world.insert()
    world.run_due(until="patch_event")
    lose_tasks(world)
    world.clock.advance(timedelta(minutes=1))
    done = world.tick()
    world.settle()

    (meeting,) = world.meetings()
    assert done["marks"] == 1
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == meeting["id"]


def test_a_queue_that_is_down_holds_up_no_other_feed(world: World, feed: str) -> None:
    """What could not be enqueued is woken a minute later, with all that it was for."""
    world.google_control("calendars", id="team@example.com", owner=ALICE, timeZone="Europe/Zurich")
    other = world.connect("team@example.com")
    world.google_control("push", silent=True)
    world.insert(summary="Here")
    world.insert("team@example.com", summary="There")
    world.clock.advance(timedelta(minutes=16))
    queue = Failing(world.queue, "add", Later("the queue is down"))
    world.change_ground(queue=queue)
    failed = world.tick()
    queue.fails = False
    world.clock.advance(timedelta(minutes=1))
    world.tick()
    world.settle()

    assert failed["polls"] == 0
    assert [meeting["title"] for meeting in world.meetings()] == ["Here", "There"]
    assert not world.feed(feed).owed
    assert not world.feed(other).owed


def test_a_part_that_fails_does_not_hold_up_the_rest(world: World, feed: str) -> None:
    """The store answers no query for channels: polls go on."""
    store = world.ground.store

    class Picky:
        """A store that cannot list channels."""

        def query(self, collection: str, *arguments: Any, **named: Any) -> Any:
            if collection == channel.COLLECTION:
                raise Later("not now")
            return store.query(collection, *arguments, **named)

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

    world.change_ground(store=Picky())
    world.clock.advance(timedelta(minutes=16))
    done = world.tick()

    assert (done["channels"], done["polls"]) == (0, 1)
    assert world.feed(feed).owed


def test_a_record_that_cannot_be_read_does_not_hold_up_the_rest(world: World, feed: str) -> None:
    """Whatever comes after it has its turn; then the trouble is told."""
    world.clock.advance(timedelta(hours=25))
    world.store.commit(Put(f"{ledger.COLLECTION}/odd", {"due": world.ground.now(), "feed": 7}, None))
    turns = count(1)
    with capture_logs() as logs, pytest.raises(msgspec.ValidationError):
        clock.tick(world.ground, first=partial(next, turns), second=partial(next, turns))

    assert world.feed(feed).full_wanted
    assert next(turns) == 3
    assert [line["part"] for line in logs if line["event"] == "part of the tick failed"] == ["marks"]


@pytest.mark.parametrize(
    ("collection", "odd"),
    [
        (ledger.COLLECTION, {"due": 1.0, "feed": 7}),
        (feeds.COLLECTION, {"poll_at": 1.0, "user": 7}),
        (feeds.COLLECTION, {"wake_at": 1.0, "user": 7}),
        (channel.COLLECTION, {"renew_at": 1.0, "feed": 7}),
    ],
    ids=["mark", "poll", "run", "channel"],
)
def test_a_record_that_cannot_be_read_does_not_hold_up_those_behind_it(
    world: World, feed: str, collection: str, odd: dict[str, Any]
) -> None:
    """However long it is overdue: marks, polls, runs and channels behind it are looked after in the same tick."""
    world.insert()
    world.settle()
    (row,) = world.rows()
    remark(world.ground, ledger.key_of(feed, row.event), verify=True)
    world.insert()
    world.deliver()
    lose_tasks(world)
    world.store.commit(Put(f"{collection}/odd", odd, None))
    opened = world.feed(feed).channel
    world.clock.advance(timedelta(hours=25))
    with pytest.raises(msgspec.ValidationError):
        clock.tick(world.ground)
    assert {held.task.function for held in world.queue.waiting()} == {"sync_calendar", "reconcile_event"}
    current = world.feed(feed)
    assert min(current.poll_at or 0.0, current.wake_at or 0.0) > world.ground.now()
    assert current.channel != opened


def test_the_channel_of_a_calendar_that_was_disconnected_is_closed(world: World, feed: str) -> None:
    """Nothing but its record is left: it goes with the time it would have been renewed."""
    world.forget(document_of(world, feed))
    world.clock.advance(timedelta(hours=25))
    world.tick()

    assert world.store.query(channel.COLLECTION) == []
    assert world.notify(world.heard[-1]) == 403


def test_a_notice_for_a_calendar_that_was_disconnected_is_taken_and_forgotten(world: World, feed: str) -> None:
    """The channel may live a while longer; Google is told that all is well."""
    world.forget(document_of(world, feed))
    world.insert()
    world.deliver()

    assert world.queue.waiting() == []


@pytest.mark.usefixtures("feed")
def test_a_channel_whose_watch_was_never_answered_is_closed(world: World) -> None:
    """It may be open at Google's: with the resource of its calendar it is stopped, and its record goes."""
    world.clock.advance(timedelta(hours=24, minutes=1))
    world.google_control("faults", method="POST", path="/watch$", times=1, status=503, after_apply=True)
    world.tick()
    both = len(world.store.query(channel.COLLECTION))
    world.clock.advance(timedelta(minutes=11))
    for _ in range(3):
        world.tick()
        world.clock.advance(timedelta(minutes=2))

    assert both == 2
    assert len(world.store.query(channel.COLLECTION)) == 1


@pytest.mark.usefixtures("feed")
def test_the_sweep_finds_a_meeting_changed_unheard(world: World) -> None:
    """Its version is another than the one last agreed on: it is looked at, and set right."""
    world.insert()
    world.settle()
    (meeting,) = world.meetings()
    world.vendor_control("webhooks", silent=True)
    world.vendor_control(f"meetings/{meeting['id']}", title="Changed there")
    for _ in range(2):
        world.clock.advance(timedelta(minutes=31))
        world.tick()
        world.settle()

    assert world.meetings()[0]["title"] == "Planning"


@pytest.mark.usefixtures("feed")
@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ({}, 0),
        ({"title": "Other"}, 1),
        ({"join_url": "https://x.test/"}, 1),
        ({"digest": "of another state"}, 1),
        ({"digest": None}, 0),
        ({"digest": None, "title": "Other"}, 1),
    ],
)
def test_the_sweep_compares_meetings_without_versions_by_what_they_show(
    world: World, changed: dict[str, str | None], stale: int
) -> None:
    """Where a provider tells no version, the digest stands for it; where it tells none either, title and join link."""
    world.insert()
    world.settle()
    bare = [msgspec.structs.replace(one, version=None, **changed) for one in world.provider.list()]

    assert sweep.sweep_provider(world.ground, world.provider, bare)["stale"] == stale


class Versionless:
    """A provider whose meetings have no version."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    def create(self, *arguments: Any, **named: Any) -> Written:
        """As it is, without the version."""
        return self._written(self._provider.create(*arguments, **named))

    def update(self, *arguments: Any, **named: Any) -> Written:
        """As it is, without the version."""
        return self._written(self._provider.update(*arguments, **named))

    def get(self, ref: Any) -> Meeting:
        """As it is, without the version."""
        return self._bare(self._provider.get(ref))

    def list(self) -> Iterator[Meeting]:
        """As they are, without the versions."""
        return map(self._bare, self._provider.list())

    def _written(self, written: Written) -> Written:
        return replace(written, meeting=self._bare(written.meeting))

    @staticmethod
    def _bare(meeting: Meeting) -> Meeting:
        return msgspec.structs.replace(meeting, version=None)


@pytest.mark.usefixtures("feed")
def test_an_old_write_that_a_provider_without_versions_applies_late_is_swept_away(world: World) -> None:
    """It undoes the newer agenda, leaves the title, and nothing tells of it: the sweep finds it by the digest."""
    world.vendor_control("webhooks", silent=True)
    world.change_ground(providers={"http": Versionless(world.provider)})
    made = world.insert(description="First")
    world.settle()
    world.patch(made["id"], description="Second")
    world.settle()
    world.vendor_control(f"meetings/{world.meetings()[0]['id']}", agenda="First")
    for _ in range(2):
        world.clock.advance(timedelta(minutes=31))
        world.tick()
        world.settle()

    assert world.meetings()[0]["agenda"] == "Second"


@pytest.mark.usefixtures("feed")
def test_a_provider_that_cannot_be_listed_holds_up_nothing(world: World) -> None:
    """The list breaks off: nothing is taken for missing or for spare, and the tick goes on."""
    world.insert()
    world.settle()
    (row,) = world.rows()

    def broken() -> Iterator[Meeting]:
        yield from ()
        raise Later("the list broke off")

    class Unlisted:
        """A provider whose list breaks off."""

        def list(self) -> Iterator[Meeting]:
            return broken()

        def __getattr__(self, name: str) -> Any:
            return getattr(world.provider, name)

    world.change_ground(providers={"http": Unlisted()})
    for _ in range(2):
        world.clock.advance(timedelta(minutes=31))
        world.tick()

    assert world.rows() == [row]


@pytest.mark.usefixtures("feed")
def test_a_spare_that_cannot_be_deleted_now_is_deleted_by_the_next_sweep(world: World) -> None:
    """The provider is busy for one sweep."""
    world.make_spare()
    world.vendor_control("faults", method="DELETE", path="^/meetings", times=1, status=503)
    left = []
    for _ in range(6):
        world.clock.advance(timedelta(minutes=31))
        world.tick()
        left.append(len(world.meetings()))

    assert (left[0], left[-1]) == (1, 0)


def test_a_sweep_passes_by_a_feed_that_was_just_disconnected(world: World, feed: str) -> None:
    """The list of feeds was read, then one of them vanished: the others' time comes a minute later."""
    gone = Failing(world.store, "get", Gone("the feed is not connected any more", what=Missing.CALENDAR))
    world.change_ground(store=gone)
    world.clock.advance(timedelta(hours=25))
    done = world.tick()
    gone.fails = False

    assert (done["sweeps"], done["polls"]) == (0, 0)
    assert world.tick()["sweeps"] >= 1
    assert world.feed(feed).full_wanted


def document_of(world: World, feed_id: str) -> Any:
    """A feed's document."""
    return feed.load(world.ground, feed_id)[0]
