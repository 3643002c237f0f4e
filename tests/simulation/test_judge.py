"""The judge itself: silent about a world that is right, and red for each way in which a world can be broken at rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions.ports import Put, Task
from tests.simulation.judge import Broken
from tests.simulation.shadow import Wish
from tests.simulation.situation import Situation, own
from tests.simulation.vendor_model import Traits
from tests.world import ALICE, event_body

Break = Callable[[Situation], object]


@pytest.fixture
def situation() -> Iterator[Situation]:
    """A right one."""
    made = Situation()
    yield made
    made.close()


def broken(act: Callable[[], object]) -> Broken:
    """What the judge says to it; fails if it says nothing."""
    with pytest.raises(Broken) as caught:
        act()
    return caught.value


# ---- what is broken, by hand ----------------------------------------------------------------


def _cancelled_by_us(it: Situation) -> None:
    it.world.cancel(it.event("E1"))


def _conference_put_back(it: Situation) -> None:
    it.world.patch(it.event("E3"), conferenceData=event_body()["conferenceData"])


def _let_go(it: Situation) -> None:
    it.spoil(it.row("E1"), link=None, meeting=None)


def _twin(it: Situation) -> None:
    it.vendor.create(dict(it.vendor.live[it.meeting("E1")].state), "another-key")


def _not_let_go(it: Situation) -> None:
    it.shadow.wishes["E1"].provider = None


def _ghost_of_a_cancelled(it: Situation) -> None:
    it.world.cancel(it.event("E1"))
    it.left("E1")
    it.spoil(it.row("E1"), link=None, meeting=None)


def _stranger_changed(it: Situation) -> None:
    meeting = it.vendor.make("Their own")
    it.shadow.strangers[meeting] = {**it.vendor.live[meeting].state, "title": "Their very own"}


def _stranger_gone(it: Situation) -> None:
    meeting = it.vendor.make("Their own")
    it.shadow.strangers[meeting] = it.vendor.live[meeting].state
    it.vendor.delete(meeting)


def _names_anothers(it: Situation) -> None:
    first = it.world.event(it.event("E1"))["conferenceData"]
    it.world.patch(it.event("E2"), conferenceData=first)


def _exception_lost(it: Situation) -> None:
    held = it.vendor.live[it.meeting("E2")].state["exceptions"]
    it.hold("E2", exceptions={start: one for start, one in held.items() if one is not None})


def _exception_elsewhen(it: Situation) -> None:
    held = it.vendor.live[it.meeting("E2")].state["exceptions"]
    start = next(start for start, one in held.items() if one)
    it.hold("E2", exceptions={**held, start: {**held[start], "end": "2026-11-25T10:30:00Z"}})


def _occurrence_back(it: Situation) -> None:
    it.world.patch(f"{it.event('E2')}_20261126T090000Z", status="confirmed")


def _other_person_there(it: Situation) -> None:
    it.hold("E1", attendees=["somebody@example.org"])


def _given_up(it: Situation) -> None:
    data = {"feed": it.feed, "event": it.event("E1"), "cause": "no start", "at": it.now}
    it.store.commit(Put("dead/one", data, None))


def _unreadable_untold(it: Situation) -> None:
    it.shadow.wishes["E1"].unreadable = True


def _channel_closed(it: Situation) -> None:
    record = it.only("channels")
    channel = record.key.partition("/")[2]
    it.world.google.world.channels.stop(channel, record.data["resource_id"], ALICE, it.world.clock.now())


def _channel_unknown(it: Situation) -> None:
    watch = {"id": "mine", "type": "web_hook", "address": "http://127.0.0.1:9/x"}
    it.world.user.events().watch(calendarId="primary", body=watch).execute()


def _record_left(it: Situation) -> None:
    data = {"feed": it.feed, "user": ALICE, "secret_hash": "", "renew_at": it.now - 99}
    it.store.commit(Put("channels/old", data, None))


def _record_gone(it: Situation) -> None:
    it.world.forget(it.only("channels"))


def _task_due(it: Situation) -> None:
    it.world.queue.add(Task("sync_calendar", {"feed": it.feed, "number": 9}), name="one")


def _task_running(it: Situation) -> None:
    _task_due(it)
    it.world.queue.take(it.world.queue.waiting()[0])


def _event(**fields: Any) -> Break:
    return lambda it: it.world.patch(it.event("E1"), **fields)


def _held(**state: object) -> Break:
    return lambda it: it.hold("E1", **state)


def _row(**fields: object) -> Break:
    return lambda it: it.spoil(it.row("E1"), **fields)


def _feed(**fields: object) -> Break:
    return lambda it: it.spoil(it.only("feeds"), **fields)


AT_REST: dict[str, tuple[Break, str, str]] = {
    "title changed by us": (_event(summary="E1 else"), "I1", "summary was 'E1 plan'"),
    "time changed by us": (_event(end={"dateTime": "2026-11-24T12:00:00+01:00"}), "I1", "end was"),
    "event cancelled by us": (_cancelled_by_us, "I1", "people left it alive"),
    "occurrence restored by us": (_occurrence_back, "I1", "people left it cancelled"),
    "conference put back": (_conference_put_back, "I1", "left it without a conference"),
    "meeting missing": (lambda it: it.vendor.remove(it.meeting("E1")), "I8", "no live meeting"),
    "meeting missing though deleted by hand": (lambda it: it.vendor.delete(it.meeting("E1")), "I8", "no live meeting"),
    "not linked": (_let_go, "I8", "its row is linked to nothing"),
    "not let go": (_not_let_go, "I1", "no meeting is wanted"),
    "other title": (_held(title="E1 old"), "I8", "title is 'E1 old', wanted 'E1 plan'"),
    "title cut too short": (_held(title="E1"), "I8", "title is 'E1'"),
    "other start": (_held(start="2026-11-24T08:00:00Z"), "I8", "start is 2026-11-24T08:00:00Z"),
    "other end": (_held(end="2026-11-24T11:00:00Z"), "I8", "end is"),
    "other zone": (_held(zone="UTC"), "I8", "zone is 'UTC'"),
    "other host": (_held(host="bob@example.com"), "I8", "host is"),
    "other agenda": (_held(agenda=""), "I8", "agenda is ''"),
    "other people": (_other_person_there, "I8", "attendees is"),
    "series forgotten": (lambda it: it.hold("E2", recurrence=[]), "I8", "recurrence is []"),
    "exception lost": (_exception_lost, "I8", "exceptions is"),
    "exception at another time": (_exception_elsewhen, "I8", "exceptions is"),
    "edited by hand and left so": (lambda it: it.vendor.edit(it.meeting("E1"), title="E1 x"), "I8", "title is"),
    "join link rotated": (lambda it: it.vendor.rotate(it.meeting("E1")), "I8", "people join at"),
    "second meeting": (_twin, "I9", "lives besides the meeting that the event names"),
    "ghost": (_ghost_of_a_cancelled, "I9", "nobody wants a meeting"),
    "stranger changed": (_stranger_changed, "I9", "made by hand"),
    "stranger gone": (_stranger_gone, "I9", "is gone"),
    "meeting shared by strangers": (_names_anothers, "I8", "which may not share one"),
    "readable given up": (_given_up, "I12", "though it can be read"),
    "unreadable and nobody told": (_unreadable_untold, "I12", "nobody was told"),
    "mark pending": (_row(mark=7), "convergence", "mark 7 is pending"),
    "row claimed": (_row(claimed_until=1e10), "convergence", "nobody gave it back"),
    "row due": (_row(due=1e10), "convergence", "nothing is pending, yet due"),
    "row in trouble": (_row(trouble="busy"), "convergence", "trouble 'busy'"),
    "row parked": (_row(parked="refused"), "convergence", "parked (refused)"),
    "row releasing": (_row(releasing=True), "convergence", "letting go"),
    "run owed": (_feed(dirty=99), "convergence", "a run is owed"),
    "feed leased": (_feed(lease_until=1e10), "convergence", "leased until"),
    "no token": (_feed(token=None), "convergence", "no sync token"),
    "feed stopped": (_feed(stopped=True), "convergence", "stopped"),
    "feed in trouble": (_feed(trouble="x"), "convergence", "in trouble: x"),
    "full pass wanted": (_feed(full_wanted=True), "convergence", "still wanted"),
    "feed woken for ever": (_feed(wake_at=1.0), "convergence", "still wanted"),
    "feed names another channel": (_feed(channel="other"), "convergence", "names channel other"),
    "channel closed": (_channel_closed, "convergence", "live are []"),
    "channel of nobody": (_channel_unknown, "convergence", "there is no record of it"),
    "record left": (_record_left, "convergence", "there is a record of channel old"),
    "record gone": (_record_gone, "convergence", "no record"),
    "task due": (_task_due, "convergence", "is due since"),
    "task running": (_task_running, "convergence", "still being run"),
}


@pytest.mark.parametrize("name", AT_REST)
def test_each_thing_left_wrong_is_found(situation: Situation, name: str) -> None:
    """A world broken in one way is red for it at rest, and the message says where and how."""
    act, oracle, words = AT_REST[name]
    act(situation)
    said = broken(situation.judge.at_rest)
    assert (said.oracle, words in said.what) == (oracle, True), said.what


@pytest.mark.parametrize(
    "traits",
    [
        Traits("http"),
        Traits("http", readable=False),
        Traits("http", conditional=False),
        Traits("http", pushes=False, lists=False),
    ],
    ids=["plain", "unreadable", "unconditional", "mute"],
)
def test_a_right_world_is_green(traits: Traits) -> None:
    """After the real flow has done its work there is nothing to say, whatever kind of vendor it is."""
    situation = Situation(traits)
    situation.judge_rest()
    assert situation.judge.most == Counter({"E1": 1, "E2": 1})
    situation.close()


def test_what_a_person_has_mended_may_still_have_its_letter(situation: Situation) -> None:
    """A letter about an event that could not be read once stays, and is right."""
    wish = situation.want("E4", summary="E4 poison", conferenceData=None)
    wish.unreadable = True
    situation.judge.store_changed("runs/one", None, {}, "w")
    wish.unreadable = False
    situation.world.settle()
    data = {"feed": situation.feed, "event": wish.event, "cause": "no start", "at": situation.now}
    situation.store.commit(Put("dead/one", data, None))
    situation.judge.at_rest()


def test_a_channel_that_its_record_will_close_may_wait(situation: Situation) -> None:
    """One that could not be closed is no leak while its record says when that is tried again; any other one is."""
    _channel_unknown(situation)
    data = {"feed": situation.feed, "user": ALICE, "secret_hash": "", "renew_at": situation.now + 60}
    (version,) = situation.store.commit(Put("channels/mine", data, None))
    assert "mine" in broken(situation.judge.at_rest).what
    situation.store.commit(Put("channels/mine", {**data, "closing": True, "resource_id": "r"}, version))
    situation.judge.at_rest()


def test_events_that_share_may_name_one_meeting(situation: Situation) -> None:
    """A copy and its original have one meeting; it is right if it is as either of them says."""
    _share(situation)
    situation.judge.at_rest()
    situation.hold("E1", title="E4 copy")
    situation.judge.at_rest()
    situation.hold("E1", title="E1 neither")
    assert "title is 'E1 neither'" in broken(situation.judge.at_rest).what


def _share(it: Situation) -> None:
    conference = it.world.event(it.event("E1"))["conferenceData"]
    copy = {**own(it.world.event(it.event("E1"))), "conferenceData": conference, "summary": "E4 copy"}
    for name in ("id", "iCalUID", "creator", "organizer", "status"):
        copy.pop(name)
    it.want("E4", **copy).shares = frozenset({"E1"})
    it.shadow.wishes["E1"].shares = frozenset({"E4"})
    it.world.settle()


def test_an_edit_by_hand_that_nobody_can_notice_is_excused() -> None:
    """Where a vendor neither pushes nor lists, nobody can know what people do there."""
    mute = Situation(Traits("http", pushes=False, lists=False))
    mute.vendor.edit(mute.meeting("E1"), title="E1 by hand")
    mute.judge.at_rest()
    mute.hold("E1", title="E1 by us")
    assert broken(mute.judge.at_rest).oracle == "I8"
    mute.close()


def test_a_spare_is_excused_only_where_it_cannot_be_found() -> None:
    """A fault may leave a meeting behind for good at a vendor that cannot be listed."""
    mute = Situation(Traits("http", pushes=False, lists=False))
    _twin(mute)
    assert broken(mute.judge.at_rest).oracle == "I9"
    mute.judge.excuse("E1")
    mute.judge.at_rest()
    mute.close()


# ---- the other oracles ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["meeting missing", "not linked", "other title", "join link rotated"])
def test_what_is_not_fresh_is_found(situation: Situation, name: str) -> None:
    """Without a sweep too, what people asked for a while ago has to be right."""
    AT_REST[name][0](situation)
    said = broken(lambda: situation.judge.fresh(situation.now))
    assert (said.oracle, "E1" in said.what) == ("freshness", True), said.what


def test_a_meeting_nobody_wants_any_more_is_not_fresh(situation: Situation) -> None:
    """A cancelled event's meeting has to be gone, sweep or not."""
    _ghost_of_a_cancelled(situation)
    assert "yet http/" in broken(lambda: situation.judge.fresh(situation.now)).what


def test_what_changed_a_moment_ago_need_not_be_fresh(situation: Situation) -> None:
    """Only what nobody has changed since then is judged."""
    before = situation.now
    situation.world.clock.advance(timedelta(seconds=5))
    situation.left("E1")
    situation.hold("E1", title="E1 old")
    situation.judge.fresh(before)


def test_a_hand_made_edit_without_push_need_not_be_fresh() -> None:
    """Where a vendor does not push, only the sweep can see what people did there."""
    quiet = Situation(Traits("http", pushes=False))
    quiet.vendor.rotate(quiet.meeting("E1"))
    quiet.judge.fresh(quiet.now)
    assert broken(quiet.judge.at_rest).oracle == "I8"
    quiet.close()


@pytest.mark.parametrize(
    "operation",
    [
        "calendar.PATCH events/one",
        "calendar.POST events",
        "calendar.DELETE events/one",
        "provider.create",
        "provider.update",
        "provider.delete",
    ],
)
def test_a_pass_that_writes_is_no_fixpoint(situation: Situation, operation: str) -> None:
    """One write in one more full pass is one too many."""
    said = broken(lambda: situation.judge.fixpoint({operation: 1, "store.commit": 3}))
    assert (said.oracle, operation in said.what) == ("fixpoint", True)


def test_looking_and_renewing_channels_is_no_write(situation: Situation) -> None:
    """Reads, channels and the store do not count."""
    calm = ("calendar.GET events", "calendar.POST events/one", "calendar.POST channels", "provider.get", "queue.add x")
    situation.judge.fixpoint(dict.fromkeys((*calm, "store.commit"), 5) | {"provider.update": 0})


def test_two_meetings_at_once_need_a_fault(situation: Situation) -> None:
    """A second live meeting for one event is red at once, unless a fault explains it."""
    _twin(situation)
    said = broken(situation.judge.meetings_changed)
    assert (said.oracle, said.what) == ("transient maximum", "E1: 2 meetings live at once, at most 1 may")
    situation.judge.excuse("E1")
    situation.judge.meetings_changed()
    assert situation.judge.most["E1"] == 2


def test_an_event_that_moved_may_have_two_for_a_moment(situation: Situation) -> None:
    """The new calendar's row may make its own before the old one's lets go."""
    situation.judge.meetings_changed()
    wish = situation.shadow.wishes["E1"]
    wish.left.add(wish.calendar)
    wish.calendar = "team@example.com"
    _twin(situation)
    situation.judge.meetings_changed()


def test_touching_a_meeting_of_other_people_is_found_at_once(situation: Situation) -> None:
    """We change or delete nothing at the vendor that people made."""
    meeting = situation.vendor.make("Their own")
    situation.judge.meetings_changed()
    situation.vendor.remove(meeting)
    assert broken(situation.judge.meetings_changed).oracle == "I9"


@pytest.mark.parametrize(
    ("system", "operation"),
    [
        ("calendar", "calendar.PATCH events/one"),
        ("calendar", "calendar.GET events"),
        ("provider", "provider.update"),
        ("provider", "provider.get"),
        ("store", "store.commit"),
        ("queue", "queue.add reconcile_event"),
    ],
)
def test_an_echo_loop_breaks_the_budget(situation: Situation, system: str, operation: str) -> None:
    """A few calls for a change are fine; hundreds are an echo loop or a retry storm, and faults pay for a few more."""
    for _ in range(10):
        situation.judge.called(system, operation, None)
    situation.judge.budget(2, 0)
    for _ in range(600):
        situation.judge.called(system, operation, None)
    said = broken(lambda: situation.judge.budget(2, 0))
    assert (said.oracle, f"610 x {operation}" in said.what) == ("I14", True), said.what
    situation.judge.budget(2, 800)


def test_a_vendor_with_versions_is_asked_after_an_overtaken_push_only(situation: Situation) -> None:
    """The echo of our own write costs no look, unless we have written again before it can have been heard."""
    held = next(iter(situation.vendor.live.values()))
    situation.judge.calm({"make": 3})
    situation.judge.called("provider", "provider.get", None)
    assert broken(lambda: situation.judge.calm({"make": 3})).oracle == "I14"
    situation.vendor.update(held.id, {**held.state, "title": "E1 once"})
    situation.vendor.update(held.id, {**held.state, "title": "E1 twice"})
    situation.judge.meetings_changed()
    situation.judge.calm({"make": 3})


def test_a_wish_that_nobody_knows_of_is_no_surprise(situation: Situation) -> None:
    """An event of a person who is not connected may ask for a conference in vain."""
    body = {**event_body(), "summary": "E9 theirs"}
    user = situation.world.client("carol@example.com")
    event = user.events().insert(calendarId="primary", body=body, conferenceDataVersion=1).execute()
    there = "carol@example.com"
    situation.shadow.wishes["E9"] = Wish("E9", there, there, event["id"], None, own(event))
    situation.judge.at_rest()
