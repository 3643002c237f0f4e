"""What every Calendar promises of its lists: whole passes, changes since a token, pages, and tokens that expire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from conference.errors import Gone, Missing
from conference.event import Event, Unreadable
from tests.contract.calendar.stage import ALICE, NOW, TIMES, Stage, body, every_page


def test_changes_since_a_token(stage: Stage) -> None:
    """After a full pass only what changed is listed: new, edited and deleted events, each once, in its latest state."""
    kept, edited, dropped = (stage.calendar.insert(ALICE, ALICE, body(summary=name)) for name in "ked")
    _, token = every_page(stage.calendar)
    made = stage.calendar.insert(ALICE, ALICE, body(summary="new"))
    for name in ("e1", "e2"):
        assert edited.etag
        edited = stage.calendar.patch(ALICE, ALICE, edited.id, {"summary": name}, etag=edited.etag)
    stage.calendar.delete(ALICE, ALICE, dropped.id)
    items, later = every_page(stage.calendar, token=token)
    nothing, _ = every_page(stage.calendar, token=later)

    by_id = {item.id: item for item in items}
    assert len(items) == 3
    assert by_id.keys() == {made.id, edited.id, dropped.id}
    assert kept.id not in by_id
    assert by_id[edited.id].summary == "e2"
    assert by_id[dropped.id].cancelled
    assert nothing == []


def test_deletions_stand_in_a_full_pass(stage: Stage) -> None:
    """A full pass shows what was deleted, too."""
    made = stage.calendar.insert(ALICE, ALICE, body())
    stage.calendar.delete(ALICE, ALICE, made.id)
    items, _ = every_page(stage.calendar)

    assert [(item.id, item.cancelled) for item in items] == [(made.id, True)]


def test_a_windowed_pass_still_ends_in_a_token(stage: Stage) -> None:
    """A pass over what ends later leaves the past out, and its token reports changes of the past."""
    past = body(start={"date": "2026-10-01"}, end={"date": "2026-10-02"})
    old, new = stage.calendar.insert(ALICE, ALICE, past), stage.calendar.insert(ALICE, ALICE, body())
    items, token = every_page(stage.calendar, ends_after=NOW)
    assert old.etag
    stage.calendar.patch(ALICE, ALICE, old.id, {"summary": "then"}, etag=old.etag)
    changed, _ = every_page(stage.calendar, token=token, ends_after=NOW)

    assert [item.id for item in items] == [new.id]
    assert [item.id for item in changed] == [old.id]


def test_a_series_comes_as_master_and_exceptions(stage: Stage) -> None:
    """A series is one item with its rule; a moved or cancelled occurrence is an item that names it."""
    made = stage.calendar.insert(ALICE, ALICE, body(recurrence=["RRULE:FREQ=DAILY;COUNT=5"]))
    moved, cancelled = f"{made.id}_20261124T090000Z", f"{made.id}_20261125T090000Z"
    occurrence = stage.calendar.get(ALICE, ALICE, moved)
    assert occurrence.etag
    stage.calendar.patch(ALICE, ALICE, moved, {"summary": "moved"}, etag=occurrence.etag)
    stage.calendar.delete(ALICE, ALICE, cancelled)
    items, _ = every_page(stage.calendar)

    told = {item.id: item for item in items}
    assert told.keys() == {made.id, moved, cancelled}
    assert told[moved].recurring_event_id == made.id
    assert told[cancelled].cancelled


def test_upcoming_shows_occurrences_in_order(stage: Stage) -> None:
    """What a person sees: occurrences, not series, in order of start, within the window."""
    stage.calendar.insert(ALICE, ALICE, body(recurrence=["RRULE:FREQ=DAILY;COUNT=5"], summary="daily"))
    stage.calendar.insert(
        ALICE,
        ALICE,
        body(
            summary="once",
            start={"dateTime": "2026-11-24T08:00:00+01:00"},
            end={"dateTime": "2026-11-24T09:00:00+01:00"},
        ),
    )
    day = datetime(2026, 11, 24, tzinfo=UTC)
    seen = stage.calendar.upcoming(ALICE, ALICE, since=day, until=day + timedelta(days=2))

    assert [event.summary for event in seen] == ["once", "daily", "daily"]


def test_find_by_uid(stage: Stage) -> None:
    """An event is found by its iCalUID while it lives."""
    made, other = (stage.calendar.insert(ALICE, ALICE, body()) for _ in range(2))
    assert made.ical_uid
    found = stage.calendar.find(ALICE, ALICE, made.ical_uid)
    stage.calendar.delete(ALICE, ALICE, made.id)

    assert made.ical_uid != other.ical_uid
    assert [event.id for event in found] == [made.id]
    assert stage.calendar.find(ALICE, ALICE, made.ical_uid) == []


def test_find_a_series_with_its_exceptions(stage: Stage) -> None:
    """The cancelled occurrence and the changed one are shown with their series, and go with it."""
    made = stage.calendar.insert(ALICE, ALICE, body(recurrence=["RRULE:FREQ=DAILY;COUNT=5"]))
    assert made.ical_uid
    days = [one.id for one in stage.calendar.upcoming(ALICE, ALICE, since=NOW, until=NOW + timedelta(days=30))]
    stage.calendar.delete(ALICE, ALICE, days[1])
    changed = stage.calendar.get(ALICE, ALICE, days[2])
    assert changed.etag
    stage.calendar.patch(ALICE, ALICE, days[2], {"summary": "another"}, etag=changed.etag)
    found = stage.calendar.find(ALICE, ALICE, made.ical_uid)
    stage.calendar.delete(ALICE, ALICE, made.id)

    assert {event.id: event.cancelled for event in found} == {made.id: False, days[1]: True, days[2]: False}
    assert stage.calendar.find(ALICE, ALICE, made.ical_uid) == []


def test_one_malformed_event_among_many(stage: Stage) -> None:
    """An event that cannot be read is listed as such; its neighbours and the token are kept, and it stays itself."""
    first = stage.calendar.insert(ALICE, ALICE, body())
    stage.put(id="crooked", status="confirmed", etag='"1"', summary={"not": "text"}, **TIMES)
    last = stage.calendar.insert(ALICE, ALICE, body())
    items, token = every_page(stage.calendar)

    assert [type(item) for item in items] == [Event, Unreadable, Event]
    assert [item.id for item in items] == [first.id, "crooked", last.id]
    assert every_page(stage.calendar, token=token)[0] == []


def test_ten_thousand_events(stage: Stage) -> None:
    """A large calendar is listed page by page, every event once, and one change then costs one small page."""
    for number in range(10_000):
        stage.put(id=f"e{number}", status="confirmed", etag=f'"{number}"', summary=str(number), **TIMES)
    items, token = every_page(stage.calendar)
    stage.put(id="e77", status="confirmed", etag='"x"', summary="changed", **TIMES)
    changed, _ = every_page(stage.calendar, token=token)

    assert [item.summary for item in items] == [str(number) for number in range(10_000)]
    assert [item.summary for item in changed] == ["changed"]
    lists = [noted for noted in stage.server.requests if noted["path"].endswith("/events")]
    assert len(lists) == 5


@pytest.mark.parametrize("size", [1, 3, 7, 20])
def test_short_pages(stage: Stage, size: int) -> None:
    """Pages may be shorter than asked for and still lead on: nothing is lost, nothing comes twice."""
    for number in range(20):
        stage.put(id=f"e{number}", status="confirmed", etag='"1"', iCalUID="one@example.com", **TIMES)
    stage.control("knobs", pageLimit=size)
    items, _ = every_page(stage.calendar)
    found = stage.calendar.find(ALICE, ALICE, "one@example.com")

    assert [item.id for item in items] == [event.id for event in found] == [f"e{number}" for number in range(20)]


def test_an_empty_page_is_not_the_last(stage: Stage) -> None:
    """A page without items that leads on is followed, and the pass ends in its token."""
    stage.put(id="e1", status="confirmed", etag='"1"', **TIMES)
    stage.control("knobs", emptyPages=1)
    first = stage.calendar.changes(ALICE, ALICE)
    stage.control("knobs")
    second = stage.calendar.changes(ALICE, ALICE, page=first.next_page)

    assert (first.items, first.sync_token) == ((), None)
    assert [item.id for item in second.items] == ["e1"]
    assert second.sync_token


@pytest.mark.parametrize("forever", [False, True])
def test_expired_tokens(stage: Stage, forever: bool) -> None:
    """An expired token is gone each time it is tried; a full pass leads out of it."""
    _, token = every_page(stage.calendar)
    stage.control("expire-tokens", calendarId=ALICE, forever=forever)
    for _ in range(3):
        with pytest.raises(Gone) as caught:
            stage.calendar.changes(ALICE, ALICE, token=token)
        assert caught.value.what is Missing.TOKEN

    assert stage.calendar.changes(ALICE, ALICE).sync_token


def test_a_token_may_expire_between_pages(stage: Stage) -> None:
    """The 410 may hit any page of a pass."""
    _, token = every_page(stage.calendar)
    for number in range(6):
        stage.put(id=f"e{number}", status="confirmed", etag='"1"', **TIMES)
    stage.control("knobs", pageLimit=2)
    first = stage.calendar.changes(ALICE, ALICE, token=token)
    stage.control("expire-tokens", calendarId=ALICE)
    with pytest.raises(Gone) as caught:
        stage.calendar.changes(ALICE, ALICE, token=token, page=first.next_page)

    assert caught.value.what is Missing.TOKEN
