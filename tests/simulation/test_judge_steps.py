"""What the judge says at single steps: writes to the store and to events, tasks, and moves of sync tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.simulation.judge import Broken
from tests.simulation.situation import Situation
from tests.world import ALICE

Json = dict[str, Any]


@pytest.fixture
def situation() -> Iterator[Situation]:
    """A right one."""
    made = Situation()
    yield made
    made.close()


def said(situation: Situation, *writes: tuple[Json | None, Json | None, str], key: str | None = None) -> str | None:
    """What the judge says to committed writes of one document; None if nothing."""
    try:
        for before, after, worker in writes:
            situation.judge.store_changed(key or situation.row("E1").key, before, after, worker)
    except Broken as broken:
        return f"{broken.oracle}: {broken.what}"
    return None


# ---- the ledger and the feeds ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["fence", "mark", "done", "generation"])
def test_what_counts_up_never_counts_down(situation: Situation, name: str) -> None:
    """Each of a row's counters."""
    row = {"feed": "f", "event": "e", "fence": 3, "mark": 3, "done": 3, "generation": 3}
    assert said(situation, (row, row, "w")) is None
    assert f"{name} went back from 3 to 2" in str(said(situation, (row, {**row, name: 2}, "w")))


@pytest.mark.parametrize("name", ["fence", "dirty", "done"])
def test_a_feeds_counters_never_count_down(situation: Situation, name: str) -> None:
    """Each of a feed's counters; `started` may, where a run gives up and leaves all to its successor."""
    feed = {"user": ALICE, "calendar": ALICE, "token": "t", "fence": 3, "dirty": 3, "started": 3, "done": 3}
    key = "feeds/one"
    assert said(situation, (feed, {**feed, "dirty": 4, "wake_at": 9.0}, "w"), key=key) is None
    assert str(said(situation, (feed, {**feed, name: 2}, "w"), key=key)).startswith("I6")
    began = {**feed, "dirty": 5, "started": 5, "wake_at": 9.0}
    assert said(situation, (began, {**began, "started": 3}, "w"), key=key) is None
    assert "does not hold: [3, 2, 5]" in str(said(situation, (began, {**began, "started": 2}, "w"), key=key))


def test_nothing_is_done_before_it_is_marked(situation: Situation) -> None:
    """A row's `done` never passes its mark."""
    row = {"feed": "f", "event": "e", "mark": 3, "done": 2}
    assert "does not hold: [4, 3]" in str(said(situation, (row, {**row, "done": 4}, "w")))


def test_one_who_was_overtaken_writes_nothing(situation: Situation) -> None:
    """A worker whose claim has been taken over may raise a mark, and no more."""
    free: Json = {"feed": "f", "event": "e", "mark": 3, "done": 2, "fence": 1}
    mine, theirs = {**free, "fence": 2}, {**free, "fence": 3}
    taken = ((free, mine, "a"), (mine, theirs, "b"))
    assert said(situation, *taken, (theirs, {**theirs, "mark": 4, "link": None}, "a")) is None
    assert said(situation, *taken, (theirs, {**theirs, "attempts": 1}, "a")) is None
    changed = {**theirs, "generation": 7}
    assert said(situation, *taken, (theirs, changed, "b")) is None
    assert said(situation, *taken, (theirs, changed, "late")) is None
    assert "a held fence 2, 3 stands, yet it wrote generation" in str(said(situation, *taken, (theirs, changed, "a")))


def test_a_run_that_was_overtaken_moves_no_token(situation: Situation) -> None:
    """The same for feeds."""
    free: Json = {"user": ALICE, "calendar": ALICE, "fence": 1, "token": "t", "dirty": 1, "wake_at": 9.0}
    mine, theirs = {**free, "fence": 2}, {**free, "fence": 3}
    taken = ((free, mine, "a"), (mine, theirs, "b"))
    moved = {**theirs, "token": "u"}
    assert said(situation, *taken, (theirs, moved, "b"), key="feeds/x") is None
    assert str(said(situation, *taken, (theirs, moved, "a"), key="feeds/x")).startswith("I6")


def _ends(row: Json, **changed: Any) -> tuple[Json, Json, str]:
    return {**row, "done": row["mark"] - 1}, {**row, **changed}, "w"


def test_a_mark_done_without_its_effect_is_found(situation: Situation) -> None:
    """Where an event wants a meeting, its mark is done only with one that exists, is linked and told in the event."""
    row = situation.row("E1").data
    assert said(situation, _ends(row)) is None
    assert "no meeting of 'http' is linked" in str(said(situation, _ends(row, link=None)))
    unmade = {**row["link"], "meeting": {**row["link"]["meeting"], "ref": {"provider": "http", "id": "m99"}}}
    assert "never was at http" in str(said(situation, _ends(row, link=unmade)))
    untold = {**row["seen"], "conferenceData": {**row["seen"]["conferenceData"], "conferenceId": None}}
    assert "yet the event as seen tells" in str(said(situation, _ends(row, seen=untold)))
    assert said(situation, _ends(row, link=None, parked="refused")) is None


@pytest.mark.parametrize(
    "seen", [{"status": "cancelled"}, {"conferenceData": None}, {"organizer": {"email": "bob@example.com"}}]
)
def test_a_mark_done_while_an_unwanted_meeting_is_held_is_found(situation: Situation, seen: Json) -> None:
    """Where an event is gone, or is not ours, its mark is done only once nothing is linked any more."""
    row = situation.row("E1").data
    unwanted = {**row["seen"], **seen}
    assert "is still linked" in str(said(situation, _ends(row, seen=unwanted)))
    assert said(situation, _ends(row, seen=unwanted, link=None, meeting=None)) is None


def test_a_row_is_forgotten_only_when_it_owes_nothing(situation: Situation) -> None:
    """Neither a pending mark nor a link is ever deleted or left to expire."""
    row = situation.row("E1").data
    bare = {**row, "link": None, "meeting": None}
    assert str(said(situation, (row, None, "w"))).startswith("I5")
    assert "may expire" in str(said(situation, (row, {**row, "expire_at": 1.0}, "w")))
    assert "may expire" in str(said(situation, (bare, {**bare, "mark": 99, "expire_at": 1.0}, "w")))
    assert said(situation, (bare, {**bare, "expire_at": 1.0}, "w"), (bare, None, "w")) is None


def test_a_meeting_linked_twice_is_found(situation: Situation) -> None:
    """Two events have one meeting only if they may share it."""
    second, held = situation.row("E2"), situation.row("E1").data
    stolen = {**second.data, "meeting": held["meeting"], "link": held["link"]}
    told = str(said(situation, (second.data, stolen, "w"), key=second.key))
    assert (told[:3], "E1" in told, "E2" in told) == ("I2:", True, True)


def test_a_meeting_may_be_linked_twice_by_kin(situation: Situation) -> None:
    """A copy and its original, directly or through a third one, and an event on its way to another calendar."""
    second, held = situation.row("E2"), situation.row("E1").data
    stolen = {**second.data, "meeting": held["meeting"], "link": held["link"]}
    situation.shadow.wishes["E2"].shares = frozenset({"E3"})
    situation.shadow.wishes["E3"].shares = frozenset({"E1"})
    assert said(situation, (second.data, stolen, "w"), key=second.key) is None
    moved = {**held, "calendar": "team@example.com"}
    assert said(situation, (None, moved, "w"), key="ledger/elsewhere") is None


# ---- sync tokens ----------------------------------------------------------------------------


def test_a_token_that_covers_an_unmarked_change_is_found(situation: Situation) -> None:
    """Whatever changed between two tokens is in the ledger, or the change is lost."""
    feed = situation.only("feeds").data
    situation.world.patch(situation.event("E1"), summary="E1 new")
    # A run that saves its token before the marks, and dies.
    answer = situation.world.user.events().list(calendarId="primary", syncToken=feed["token"]).execute()
    jumped = {**feed, "token": answer["nextSyncToken"]}
    with pytest.raises(Broken) as caught:
        situation.judge.token_moved(feed, jumped)
    assert caught.value.oracle == "I4"
    assert caught.value.what.startswith(f"E1 (event {situation.event('E1')}")
    # The real run marks what it covers.
    situation.left("E1")
    situation.world.settle()
    situation.judge.token_moved(feed, situation.only("feeds").data)


def test_a_token_that_covers_a_new_event_without_a_row_is_found(situation: Situation) -> None:
    """The same for an event that nobody knows yet."""
    feed = situation.only("feeds").data
    situation.want("E4", summary="E4 new")
    answer = situation.world.user.events().list(calendarId="primary", syncToken=feed["token"]).execute()
    with pytest.raises(Broken, match="it has no row"):
        situation.judge.token_moved(feed, {**feed, "token": answer["nextSyncToken"]})


def test_a_token_that_covers_an_unknown_occurrence_is_found(situation: Situation) -> None:
    """The same for one occurrence of a series."""
    feed = situation.only("feeds").data
    situation.world.patch(f"{situation.event('E2')}_20261127T090000Z", summary="E2 other")
    answer = situation.world.user.events().list(calendarId="primary", syncToken=feed["token"]).execute()
    with pytest.raises(Broken, match="occurrence"):
        situation.judge.token_moved(feed, {**feed, "token": answer["nextSyncToken"]})


def test_a_token_need_not_cover_what_is_not_ours(situation: Situation) -> None:
    """Events without a conference of ours have no rows."""
    feed = situation.only("feeds").data
    situation.world.patch(situation.event("E3"), summary="E3 new")
    answer = situation.world.user.events().list(calendarId="primary", syncToken=feed["token"]).execute()
    situation.judge.token_moved(feed, {**feed, "token": answer["nextSyncToken"]})


# ---- tasks and events -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"title": "E1 plan"},
        {"to": "guest@example.org"},
        {"join": "https://http.vendor.test/j/http-m1-0"},
        {"event": {"id": "e"}},
        {"name": "Zoë"},
        {"padding": "x" * 1000},
    ],
)
def test_a_task_that_tells_more_than_ids_is_found(situation: Situation, body: Mapping[str, Any]) -> None:
    """No title, no address, no join link, nothing large."""
    with pytest.raises(Broken) as caught:
        situation.judge.task_added("reconcile_event", body)
    assert caught.value.oracle == "I7"


def test_a_task_of_ids_and_numbers_is_fine(situation: Situation) -> None:
    """What the flow really sends."""
    situation.judge.task_added("reconcile_event", {"feed": "5fab", "event": "abc_20261125T090000Z", "fence": 3})
    situation.judge.task_added("reconcile_event", {"meeting": "15e1", "version": ""})


def _write(situation: Situation, calendar: str = ALICE, **changed: Any) -> str | None:
    before = situation.world.event(situation.event("E1"))
    after = {**before, "etag": '"9"', "updated": "later", "sequence": 8, **changed}
    try:
        situation.judge.event_written(ALICE, calendar, before, {n: v for n, v in after.items() if v is not None})
    except Broken as broken:
        return f"{broken.oracle}: {broken.what}"
    return None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"summary": "E1 old"}, "I1: 'E1 plan' (event"),
        ({"attendees": None}, "our write changed attendees"),
        ({"colorId": "3"}, "our write changed colorId"),
        ({"reminders": None}, "our write changed reminders"),
        ({"conferenceData": None}, "our write took away the conference data"),
    ],
)
def test_a_write_of_ours_that_changes_more_is_found(situation: Situation, changed: Json, words: str) -> None:
    """No field of a person's ever changes by our hand."""
    assert words in str(_write(situation, **changed))


def test_a_write_of_ours_changes_the_ways_to_join(situation: Situation) -> None:
    """And nothing else of the conference, and nothing where nobody has connected the calendar."""
    data = situation.world.event(situation.event("E1"))["conferenceData"]
    assert "living meeting" in str(_write(situation, conferenceData={**data, "conferenceId": "m2", "entryPoints": []}))
    situation.vendor.delete(data["conferenceId"])
    assert _write(situation, conferenceData={**data, "conferenceId": "m2", "entryPoints": []}) is None
    assert "changed the conference's notes" in str(_write(situation, conferenceData={**data, "notes": "x"}))
    assert "parameters" in str(_write(situation, conferenceData={**data, "parameters": {}}))
    assert str(_write(situation, calendar="team@example.com")).startswith("I3")


def test_what_google_completes_is_nobodys_write(situation: Situation) -> None:
    """An event of another program gets its creator and reminders with the first write; that is no change of ours."""
    after = situation.world.event(situation.event("E1"))
    before = {**after, "creator": {"email": ALICE}}
    del before["reminders"]
    situation.judge.event_written(ALICE, ALICE, before, after)
