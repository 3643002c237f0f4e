"""Two events of one meeting: one leads, and decides title and times; in the end there is always exactly one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from conference.link import index
from conference.meeting import MeetingId
from functions import ledger, reconcile
from functions.ledger import Row
from functions.ports import Document, Put, Store
from functions.work import remark
from tests.instead import Instead
from tests.meanwhile import run_some
from tests.world import World

pytestmark = pytest.mark.usefixtures("feed")


class Entwined:
    """Lanes and another port in one: the second call of two runs as a whole in the midst of the first one's `method`.

    The port is the provider, if no other is given.
    """

    def __init__(self, world: World, method: str, *, after: bool = False, port: Any = None) -> None:
        self._lanes, self._port, self._method, self._after = world.ground.lanes, port or world.provider, method, after
        self._other: list[Callable[[], Any]] = []
        self._outcome: list[Any] = []

    def run(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Make the calls, two of them entwined."""
        if len(calls) != 2:
            return self._lanes.run(calls)
        self._other, self._outcome = [calls[1]], []
        first = self._lanes.run(calls[:1])
        self._let_the_other_run()
        self._let_the_other_run()
        return [*first, *self._outcome]

    def _let_the_other_run(self) -> None:
        while self._other:
            self._outcome = self._lanes.run([self._other.pop()])

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._port, name)
        return self._entwined(call) if name == self._method else call

    def _entwined(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def entwined(*arguments: Any, **named: Any) -> Any:
            if not self._after:
                self._let_the_other_run()
            answer = call(*arguments, **named)
            self._let_the_other_run()
            return answer

        return entwined


def leaders(world: World) -> list[str]:
    """The titles of the events that lead."""
    return [row.seen.summary or "" for row in world.rows() if row.link and row.link.leads and row.seen]


@pytest.mark.parametrize("silent", [False, True], ids=["pushes", "no pushes"])
@pytest.mark.parametrize("after", [False, True], ids=["before it is sent", "once it is done"])
def test_two_events_that_adopt_one_meeting_at_once_do_not_fight(world: World, after: bool, silent: bool) -> None:
    """Neither sees the other's link yet, and both would lead: the next look at the meeting ends that."""
    meeting = world.make_spare()
    names = world.conference_with(meeting)
    entwined = Entwined(world, "update", after=after)
    world.change_ground(lanes=entwined, providers={"http": entwined})
    world.vendor_control("webhooks", silent=silent)
    one, two = world.insert(summary="One", conferenceData=names), world.insert(summary="Two", conferenceData=names)
    ran = run_some(world, 60)
    for title, event in (("One again", one), ("Two again", two), ("One at last", one), ("Two at last", two)):
        world.patch(event["id"], summary=title)
        ran += run_some(world, 60)
    world.calls()
    world.clock.advance(timedelta(hours=2))
    world.tick()
    world.settle()

    assert ran < 60
    (leader,) = leaders(world)
    assert [one["title"] for one in world.meetings()] == [leader]
    assert world.calls()["PUT meetings"] == 0


def both_lead(world: World) -> tuple[str, str]:
    """Two events with one meeting, both of which were left leading."""
    first = world.insert(summary="One")
    world.settle()
    second = world.insert(summary="Two", conferenceData=world.event(first["id"])["conferenceData"])
    world.settle()
    for row in world.rows():
        assert row.link
        document = world.store.get(ledger.key_of(row.feed, row.event))
        assert document
        led = msgspec.structs.replace(row, link=msgspec.structs.replace(row.link, leads=True))
        world.store.commit(Put(document.key, ledger.encode(led), document.version))
    return first["id"], second["id"]


@pytest.mark.parametrize("gone", [0, 1])
def test_of_two_that_lead_one_yields_and_the_other_goes_on(world: World, gone: int) -> None:
    """Whichever of them is cancelled afterwards, the one that is left decides, and the meeting lives on."""
    events = both_lead(world)
    for number, event in enumerate(events):
        world.patch(event, summary=f"Changed {number}")
        world.settle()
    one = leaders(world)
    world.cancel(events[gone])
    world.settle()
    world.patch(events[1 - gone], summary="The last")
    world.settle()

    assert len(one) == 1
    assert [meeting["title"] for meeting in world.meetings()] == ["The last"]
    assert leaders(world) == ["The last"]


@pytest.mark.parametrize("after", [False, True], ids=["before it looks round", "once it has looked round"])
def test_two_that_lead_and_let_go_at_once_leave_no_meeting(world: World, after: bool) -> None:
    """Each looks round for another event that holds the meeting; one of them sees that it is the last."""
    events = both_lead(world)
    entwined = Entwined(world, "query", after=after, port=world.store)
    world.change_ground(lanes=entwined, store=entwined)
    for event in events:
        world.cancel(event)
    world.settle()

    assert world.meetings() == []


class LettingGo:
    """A store in which, just as one event is noted to follow, the other begins to let go of the meeting."""

    def __init__(self, world: World, other: str) -> None:
        self._store, self._other = world.store, other
        self.happened = False

    def commit(self, *writes: Any) -> Any:
        """Commit, after the other has."""
        if not self.happened and any(follows(write) for write in writes):
            self.happened = True
            document = self._store.get(self._other)
            assert document
            self._store.commit(Put(self._other, {**document.data, "releasing": True}, document.version))
        return self._store.commit(*writes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def follows(write: Any) -> bool:
    """True if this writes a row whose event does not lead."""
    link = write.data.get("link") if isinstance(write, Put) else None
    return link is not None and link.get("leads") is False


def test_who_yields_to_a_leader_that_lets_go_at_this_moment_leads_again(world: World) -> None:
    """The meeting is never left without an event that decides, even if the other has looked round before."""
    events = both_lead(world)
    feed = world.rows()[0].feed
    first, second = sorted(events, key=lambda event: ledger.key_of(feed, event))
    store = LettingGo(world, ledger.key_of(feed, first))
    world.change_ground(store=store)
    rename_by_hand(world)
    world.patch(second, summary="Stays")
    world.settle()

    assert store.happened
    assert [one["title"] for one in world.meetings()] == ["Stays"]


def test_who_takes_a_meeting_up_as_it_is_deleted_gets_another(world: World) -> None:
    """One that lets go has looked round before; who comes at that moment sees that it does, and looks once more."""
    first = world.insert(summary="First")["id"]
    world.settle()
    world.vendor_control("webhooks", silent=True)
    conference = world.event(first)["conferenceData"]
    world.cancel(first)
    second = world.insert(summary="Second", conferenceData=conference)["id"]
    entwined = Entwined(world, "delete")
    world.change_ground(lanes=entwined, providers={"http": entwined})
    world.settle(timedelta(minutes=3))

    (meeting,) = world.meetings()
    assert meeting["title"] == "Second"
    assert world.event(second)["conferenceData"]["conferenceId"] == meeting["id"]
    assert meeting["id"] != conference["conferenceId"]


def quarrel(world: World) -> str:
    """Two lead a meeting that people have renamed, of which no push tells; the key of the one that is to yield."""
    both_lead(world)
    world.settle()
    rename_by_hand(world)
    return max(ledger.key_of(row.feed, row.event) for row in world.rows())


def rename_by_hand(world: World) -> None:
    """People rename the meeting, and no push tells of it."""
    world.vendor_control("webhooks", silent=True)
    (meeting,) = world.meetings()
    world.vendor_control(f"meetings/{meeting['id']}", title="By hand")


def test_a_look_asked_for_while_one_yields_is_made(world: World) -> None:
    """Who saves in the midst of its look may learn that another one is asked for, which its own does not answer."""
    later = quarrel(world)
    looks: list[Any] = []

    def get(ref: Any) -> Any:
        looks.append(world.provider.get(ref))
        if len(looks) == 1:
            remark(world.ground, later, verify=True)
        return looks[-1]

    world.change_ground(providers={"http": Instead(world.provider, get=get)})
    remark(world.ground, later, verify=True)
    reconcile.work(world.ground, read(world, later))

    assert len(looks) == 2
    assert not world.rows()[0].verify


def test_an_event_cancelled_while_it_yields_lets_go(world: World) -> None:
    """Who saves in the midst of its look has not decided yet: what it learns by that is decided upon."""
    later = quarrel(world)
    known = ledger.decode(read(world, later))
    assert known.link is not None
    assert known.link.ref is not None
    shown = msgspec.structs.replace(known.link, meeting=world.provider.get(known.link.ref))
    remark(world.ground, later, link=shown, verify=True)

    def get(ref: Any) -> Any:
        found = world.provider.get(ref)
        row = ledger.decode(read(world, later))
        if row.seen and not row.seen.cancelled:
            remark(world.ground, later, seen=msgspec.structs.replace(row.seen, status="cancelled"))
        return found

    world.change_ground(providers={"http": Instead(world.provider, get=get)})
    reconcile.work(world.ground, read(world, later))
    after = ledger.decode(read(world, later))

    assert after.link is None
    assert not after.pending


def read(world: World, key: str) -> Document:
    """A row's document."""
    document = world.store.get(key)
    assert document is not None
    return document


def test_who_lets_go_last_deletes_the_meeting_though_another_had_it_a_moment_ago(world: World) -> None:
    """An event that went on to another meeting meanwhile keeps that one, and is not made to lead the old one."""
    first = world.insert(summary="First")["id"]
    world.settle()
    second = world.insert(summary="Second", conferenceData=world.event(first)["conferenceData"])["id"]
    world.settle()
    (old,) = world.meetings()

    def query(*arguments: Any, **named: Any) -> list[Document]:
        found = calm.query(*arguments, **named)
        if not moved and any(where.field == "meeting" for where in arguments[1:] and arguments[1]):
            moved.append(goes_on(calm, world, second))
        return found

    calm, moved = world.store, list[Row]()
    world.change_ground(store=Instead(calm, query=query))
    world.cancel(first)
    world.settle()

    (row,) = [row for row in world.rows() if row.event == second]
    assert moved
    assert old["id"] not in {meeting["id"] for meeting in world.meetings()}
    assert row.link is not None
    assert moved[0].link is not None
    assert row.link.ref == moved[0].link.ref


def goes_on(store: Store, world: World, event: str) -> Row:
    """The event has another meeting from now on."""
    (document,) = [one for one in store.query(ledger.COLLECTION) if one.data["event"] == event]
    row = ledger.decode(document)
    assert row.link is not None
    assert row.link.meeting is not None
    made = world.make_meeting_elsewhere("Another")
    ref = msgspec.structs.replace(row.link.meeting.ref, id=MeetingId(made))
    meeting = msgspec.structs.replace(row.link.meeting, ref=ref)
    moved = msgspec.structs.replace(row, link=msgspec.structs.replace(row.link, meeting=meeting), meeting=index(ref))
    store.commit(Put(document.key, ledger.encode(moved), document.version))
    return moved
