"""Disconnecting: the consent is revoked, the channels are closed, and no trace is left; from whatever moment on."""

from __future__ import annotations

import contextlib
import dataclasses
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from conference.errors import Later
from functions import credentials, ledger
from functions import feed as feeds
from functions.consent import connecting, leaving
from functions.consent.granting import Outcome
from functions.consent.offer import Consent
from functions.credentials import Wallet
from functions.ports import Asking, Delete, Put, Queue, Task
from infra.google.firestore_indexes import listed
from infra.local.memory_oauth import MemoryOAuth
from tests.contract.oauth.office import VERIFIER, challenge
from tests.crashing import Crash, Crashing, Fuse
from tests.flow.consent.desk import BOB, Desk, traces
from tests.world import ALICE, START, World

SUB = "1"


def live_channels(desk: Desk) -> list[str]:
    """Those that Google would send notices over."""
    google = desk.world.google
    return [it.id for it in google.world.channels.newest() if it.live(google.now())]


def followed(desk: Desk, user: str = ALICE) -> str:
    """The user connected, with one event that has its conference; the event's id."""
    desk.connect(user)
    made: str = desk.world.insert(by=user)["id"]
    desk.world.settle()
    return made


def leave(desk: Desk, user: str = ALICE) -> bool:
    """Press Disconnect."""
    return leaving.leave(desk.world.ground, desk.consent, user, SUB)


def rest(desk: Desk, minutes: int = 6) -> None:
    """Let everything happen that is on its way, the scheduler's minutes included."""
    desk.world.settle()
    for _ in range(minutes):
        desk.world.clock.advance(timedelta(minutes=1))
        desk.world.tick_or_die()
        desk.world.settle()


def test_disconnecting_revokes_closes_and_deletes(desk: Desk) -> None:
    """All three, at once (S18)."""
    followed(desk)
    before = len(live_channels(desk))
    token = credentials.access(desk.wallet, ALICE).token
    done = leave(desk)

    assert (before, done) == (1, True)
    assert live_channels(desk) == []
    assert desk.http.post("/control/tokens", json={"user": ALICE}).json() == {"access": 0, "refresh": 0}
    assert desk.http.get("/tokeninfo", params={"access_token": token}).status_code == 400
    assert desk.traces(ALICE) == []


def test_no_trace_is_left(desk: Desk) -> None:
    """A scan over all collections and tasks finds neither the address nor the event nor the feed (S30)."""
    event = followed(desk)
    (feed,) = desk.world.store.query("feeds")
    name = feed.key.partition("/")[2]
    assert len(desk.traces(ALICE)) > 4
    leave(desk)
    at_once = desk.traces(ALICE, event)
    rest(desk)

    assert at_once == []
    assert desk.traces(ALICE, event, name, credentials.user_id(ALICE)) == []


def test_other_users_lose_nothing(desk: Desk) -> None:
    """Bob's documents, tokens and channel are as they were."""
    followed(desk)
    followed(desk, BOB)
    bobs = desk.traces(BOB)
    leave(desk)
    rest(desk)

    assert set(bobs) <= set(desk.traces(BOB))
    assert len(live_channels(desk)) == 1
    assert desk.calendar.calendar(BOB, "primary").id == BOB
    desk.world.insert(by=BOB)
    desk.world.settle()
    assert len(desk.world.meetings()) == 3


def test_the_meetings_stay_as_the_events_do(desk: Desk) -> None:
    """People still meet there: neither sweeps nor time take the meeting away, and the event keeps its link."""
    event = followed(desk)
    (meeting,) = desk.world.meetings()
    leave(desk)
    for _ in range(10):
        desk.world.clock.advance(timedelta(days=1))
        rest(desk, minutes=2)

    assert [one["id"] for one in desk.world.meetings()] == [meeting["id"]]
    assert desk.world.event(event)["conferenceData"]["conferenceId"] == meeting["id"]
    desk.world.patch(event, summary="Moved on")
    rest(desk, minutes=2)
    assert desk.world.meetings()[0]["title"] == "Planning"


def test_coming_back_takes_the_meetings_up_again(desk: Desk) -> None:
    """The event's own link tells which it is; from then on its changes are followed."""
    event = followed(desk)
    leave(desk)
    rest(desk)
    desk.connect()
    desk.world.settle()
    desk.world.patch(event, summary="Planning, anew")
    desk.world.settle()

    assert [one["title"] for one in desk.world.meetings()] == ["Planning, anew"]


def test_a_meeting_that_another_user_holds_goes_on_with_them(desk: Desk) -> None:
    """The row that remains takes the lead; the meeting is no spare."""
    event = followed(desk)
    (row,) = desk.world.rows()
    assert row.link is not None
    document = desk.world.store.get(ledger.key_of(row.feed, row.event))
    assert document is not None
    desk.connect(BOB)
    bobs = feeds.feed_id(BOB, BOB)
    data: dict[str, Any] = {**document.data, "feed": bobs, "user": BOB, "calendar": BOB}
    data["link"] = {**data["link"], "leads": False}
    desk.world.store.commit(Put(ledger.key_of(bobs, event), data, None))
    leave(desk)
    (left,) = desk.world.rows()

    assert left.link is not None
    assert (left.user, left.link.leads, left.pending) == (BOB, True, True)
    assert desk.world.store.query("spares") == []


def test_disconnecting_twice_is_the_same_as_once(desk: Desk) -> None:
    """And who was never connected leaves as easily."""
    followed(desk)

    assert (leave(desk), leave(desk), leave(desk, BOB)) == (True, True, True)
    assert desk.traces(ALICE, BOB) == []


def test_a_consent_that_was_withdrawn_before_is_no_hindrance(desk: Desk) -> None:
    """There is nothing to revoke and nobody who could close the channel: all is deleted, and the channel ends."""
    followed(desk)
    desk.withdraw()

    assert leave(desk) is True
    assert desk.traces(ALICE) == []


def test_tokens_that_cannot_be_opened_are_no_hindrance(desk: Desk) -> None:
    """The vault's key is gone: what was sealed with it is deleted all the same."""
    followed(desk)
    desk.credentials.forget(ALICE)
    (document,) = desk.world.store.query("users")
    desk.world.store.commit(Put(document.key, {**document.data, "sealed": "v1.garbage"}, document.version))

    assert leave(desk) is True
    assert desk.traces(ALICE) == []


@pytest.mark.parametrize("path", ["^/revoke$", "/channels/stop"])
def test_what_does_not_answer_is_asked_again(desk: Desk, path: str) -> None:
    """The person is told that it goes on by itself; nothing is followed meanwhile, and in the end all is gone."""
    followed(desk)
    desk.fault(path)
    done = leave(desk)
    meanwhile = [feed.data["stopped"] for feed in desk.world.store.query("feeds")]
    rest(desk)

    assert (done, meanwhile) == (False, [True])
    assert desk.traces(ALICE) == []
    assert live_channels(desk) == []
    assert desk.http.post("/control/tokens", json={"user": ALICE}).json() == {"access": 0, "refresh": 0}


def test_a_revocation_that_is_refused_for_good_is_no_hindrance(desk: Desk) -> None:
    """The tokens are forgotten and that is told, once, though what comes next has to be done again."""
    followed(desk)
    desk.fault("^/revoke$", status=400, times=10)
    token = credentials.access(desk.wallet, ALICE).token
    whole, queue = desk.world.ground.queue, Overfull(desk.world.ground.queue)
    desk.world.change_ground(queue=queue)
    with capture_logs() as logs:
        done = leave(desk)
        desk.world.change_ground(queue=whole)
        rest(desk)

    told = [line for line in logs if line["event"] == "consent not revoked, its tokens are forgotten"]
    assert (done, len(told)) == (False, 1)
    assert token not in str(logs)
    assert told[0]["user_id"] == credentials.user_id(ALICE)
    assert desk.traces(ALICE) == []


class Overfull:
    """A queue that takes no task for what late writers leave."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def add(self, task: Task, **how: Any) -> bool:
        """Take the others."""
        if "left" in task.body:
            raise Later("the queue is full")
        return self._queue.add(task, **how)


def test_who_is_still_leaving_cannot_come_back_yet(desk: Desk) -> None:
    """Else what is being deleted would be mixed with what is new; a minute later they can."""
    followed(desk)
    desk.fault("^/revoke$")
    leave(desk)
    early = desk.connect()
    rest(desk)

    assert early.outcome is Outcome.LEAVING
    assert desk.connect().outcome is Outcome.CONNECTED


def test_a_task_of_the_consent_does_not_bring_them_back(desk: Desk) -> None:
    """The net that looks whether all is connected finds that they have left, also where they could be acted for."""
    desk.connect()
    leave(desk)
    waiting = [held.task for held in desk.world.queue.waiting() if "consented" in held.task.body]
    rest(desk)

    assert len(waiting) == 1
    assert desk.world.store.query("feeds") == []
    assert desk.traces(ALICE) == []


@pytest.mark.parametrize(("consent", "leaves"), [(2, False), (1, True)])
def test_a_task_of_another_consent_connects_nothing(desk: Desk, consent: int, leaves: bool) -> None:
    """Nor does one that comes while its user leaves."""
    desk.connect()
    (feed,) = desk.world.store.query("feeds")
    desk.world.store.commit(Delete(feed.key, feed.version))
    credentials.changed(desk.world.store, ALICE, lambda kept: kept and msgspec.structs.replace(kept, leaving=leaves))
    connecting.go_on(desk.world.ground, credentials.user_id(ALICE), consent, None)

    assert desk.world.store.query("feeds") == []


class Overtaken:
    """An authorization server during whose answer, and a process during whose last step, somebody else is quicker."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.back: list[Outcome] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.desk.oauth, name)

    def revoke(self, token: str) -> None:
        """Answer late."""
        self.overtake(ALICE)
        self.desk.oauth.revoke(token)

    def overtake(self, user: str) -> None:
        """Another process finishes it, and they connect again."""
        leaving.go_on(self.desk.world.ground, self.desk.consent, credentials.user_id(user))
        self.back.append(self.desk.connect(user).outcome)


@pytest.mark.parametrize("at", ["the answer", "the last step"])
def test_whoever_is_overtaken_deletes_nothing_of_who_is_back(desk: Desk, at: str) -> None:
    """A page and a task are at it together: the slower one finds the new consent, and leaves all of it alone."""
    followed(desk)
    slow = Overtaken(desk)
    wallet: Any = dataclasses.replace(desk.wallet, oauth=slow) if at == "the answer" else desk.wallet
    forget = slow.overtake if at == "the last step" else desk.consent.forget
    late = dataclasses.replace(desk.consent, wallet=wallet, forget=forget)
    credentials.changed(desk.world.store, ALICE, lambda kept: kept and msgspec.structs.replace(kept, leaving=True))
    leaving.go_on(desk.world.ground, late, credentials.user_id(ALICE))
    feed = desk.world.feed(feeds.feed_id(ALICE, ALICE))
    kept = desk.kept()

    assert slow.back == [Outcome.CONNECTED]
    assert kept is not None
    assert (kept.leaving, feed.stopped, len(live_channels(desk))) == (False, False, 1)
    assert desk.calendar.calendar(ALICE, "primary").id == ALICE


def test_a_run_that_is_under_way_has_lost_its_lease(desk: Desk) -> None:
    """They leave in the middle of it, and Google does not revoke just now: the run brings nothing back to life."""
    followed(desk)
    desk.fault("^/revoke$")
    calendar, world = desk.world.ground.calendar, desk.world
    left: list[bool] = []

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(calendar, name)

        def changes(self, *what: Any, **how: Any) -> Any:
            page = calendar.changes(*what, **how)
            world.change_ground(calendar=calendar)
            left.append(leave(desk))
            return page

    world.insert(summary="Meanwhile")
    world.change_ground(calendar=Slow())
    world.run_due(until="connect_calendar")
    (feed,) = world.store.query("feeds")

    assert left == [False]
    assert (feed.data["stopped"], feed.data.get("poll_at"), feed.data.get("lease_until", 0.0)) == (True, None, 0.0)
    rest(desk)
    assert desk.traces(ALICE) == []


def test_a_late_writer_leaves_nothing(desk: Desk) -> None:
    """A run that was under way writes a row after all was deleted: a task deletes it."""
    followed(desk)
    (row,) = desk.world.rows()
    document = desk.world.store.get(ledger.key_of(row.feed, row.event))
    assert document is not None
    leave(desk)
    desk.world.store.commit(Put(document.key, document.data, None))
    rest(desk)

    assert desk.traces(ALICE) == []


def test_a_late_writer_leaves_nothing_of_a_second_life_either(desk: Desk) -> None:
    """They come back and leave again on the same day, with as many runs: the task is not taken for the first one."""
    for _ in range(2):
        followed(desk)
        document = desk.world.store.query(ledger.COLLECTION)[0]
        leave(desk)
        desk.world.store.commit(Put(document.key, document.data, None))
        rest(desk)

        assert desk.traces(ALICE) == []


def test_who_comes_back_at_once_keeps_what_is_new(desk: Desk) -> None:
    """The task that deletes what late writers left finds the feed connected again."""
    followed(desk)
    leave(desk)
    desk.connect()
    desk.world.insert(summary="New")
    desk.world.settle()
    rest(desk)

    assert {row.seen.summary for row in desk.world.rows() if row.seen} >= {"New"}
    assert len(live_channels(desk)) == 1


def test_every_collection_is_thought_of() -> None:
    """Each is deleted by its feed or by its user, or holds nothing of anybody's."""
    nobodys = {"sweeps", "summaries", "underway", "declarations"}
    own = {"feeds", "users"}

    assert {one.collection_group for one in listed().field_overrides} == {
        *leaving.OF_FEEDS,
        *leaving.OF_USERS,
        *nobodys,
        *own,
    }


SHARDS = 3
"""They only spread the work over the cores."""


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_crash_at_any_call_is_gone_on_with(shard: int) -> None:
    """The process dies before or after every outgoing call: a task goes on, and nothing is left (S18, S30)."""
    calm, left = told(None)
    assert left == []
    assert calm.moments > 60
    for moment in range(1 + shard, calm.moments + 1, SHARDS):
        fuse, left = told(moment)

        assert fuse.where, moment
        assert left == [], f"{fuse.where}, moment {moment} of {calm.moments}"


def told(at: int | None) -> tuple[Fuse, list[str]]:
    """Leaving with a crash at this moment, and all that is left of the user in the end.

    The authorization server is the one in memory, and the calendar takes anybody: what counts here is the order.
    """
    fuse = Fuse(at, armed=False)
    with contextlib.closing(World()) as world, capture_logs():
        oauth = MemoryOAuth(world.clock)
        consented(world, oauth)
        ground = world.ground
        store: Any = Crashing(ground.store, "store", fuse)
        world.change_ground(
            store=store,
            queue=Crashing(ground.queue, "queue", fuse),
            calendar=Crashing(ground.calendar, "calendar", fuse),
        )
        guarded: Any = Crashing(oauth, "oauth", fuse)
        unused: Any = None
        world.consent = Consent(Wallet(store, ground.vault, world.clock, guarded), unused, "http://here")
        press(world, fuse)
        left = [*traces(world, ALICE), *(it.id for it in world.google.world.channels.newest() if it.live(START))]
        left += [] if len(world.meetings()) == 1 else ["no meeting"]
        return fuse, left + ["a token"] * oauth.live(ALICE)


def consented(world: World, oauth: MemoryOAuth) -> None:
    """Alice has consented, and has one event with its conference."""
    asking = Asking(("a",), "s", challenge(), "http://here", ALICE)
    back = oauth.consent(oauth.address(asking), ALICE)
    granted = oauth.exchange(back["code"], verifier=VERIFIER, redirect="http://here")
    credentials.keep(Wallet(world.store, world.ground.vault, world.clock, oauth), ALICE, SUB, granted)
    world.connect()
    world.insert()
    world.settle()


def press(world: World, fuse: Fuse) -> None:
    """Press Disconnect, once; who dies before it began to be done presses again."""
    assert world.consent is not None
    fuse.armed = True
    with contextlib.suppress(Crash):
        leaving.leave(world.ground, world.consent, ALICE, SUB)
    fuse.armed = False
    pause(world)
    if credentials.find(world.store, ALICE) is not None:
        leaving.leave(world.ground, world.consent, ALICE, SUB)
        pause(world)


def pause(world: World) -> None:
    """Time for the tasks that go on with it."""
    world.clock.advance(timedelta(seconds=leaving.NET))
    world.settle()
