"""gcal-sync (https://github.com/allenporter/gcal_sync), the client of Home Assistant, against the Calendar server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest
from gcal_sync.api import (
    GoogleCalendarService,
    ListEventsRequest,
    LocalListEventsRequest,
    SyncEventsRequest,
)
from gcal_sync.exceptions import ApiException, AuthException, CalendarParseException, InvalidSyncTokenException
from gcal_sync.model import Attendee, DateOrDatetime, Event, ResponseStatus
from gcal_sync.store import InMemoryCalendarStore
from gcal_sync.sync import CalendarEventSyncManager, CalendarListSyncManager

from tests.contract.calendar_server.desk import ALICE, BOB, Desk, hours
from tests.contract.clients.pointing import gcal_sync

T = TypeVar("T")
ZURICH = ZoneInfo("Europe/Zurich")
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


def using(base: str, work: Callable[[GoogleCalendarService], Awaitable[T]], user: str = ALICE) -> T:
    """What `work` makes of gcal-sync's service."""

    async def run() -> T:
        async with gcal_sync(base, user) as api:
            return await work(api)

    return asyncio.run(run())


def syncing(base: str, store: InMemoryCalendarStore, calendar: str = ALICE) -> None:
    """One run of its sync manager."""
    using(base, lambda api: CalendarEventSyncManager(api, calendar, store).run())


def summaries(base: str, store: InMemoryCalendarStore, until: datetime = DECEMBER + timedelta(days=31)) -> list[str]:
    """What its own store tells of December, in order of time."""

    async def look(api: GoogleCalendarService) -> list[str]:
        service = CalendarEventSyncManager(api, ALICE, store).store_service
        found = await service.async_list_events(LocalListEventsRequest(start_time=DECEMBER, end_time=until))
        return [event.summary for event in found.events]

    return using(base, look)


def asked(desk: Desk) -> list[dict[str, list[str]]]:
    """The queries of the lists since the last look."""
    noted = [request for request in desk.server.requests if request["path"].endswith("/events")]
    desk.server.requests.clear()
    return [request["query"] for request in noted]


def test_a_first_run_takes_everything_page_by_page(desk: Desk, base: str) -> None:
    """3.1.1, 2.3: short pages are followed to the last one, whose token is kept."""
    desk.control("knobs", pageLimit=2)
    for day in range(1, 6):
        desk.insert(summary=f"day {day}", **hours(f"2026-12-0{day}", 10, 11))
    store = InMemoryCalendarStore()
    asked(desk)
    syncing(base, store)
    queries = asked(desk)

    assert summaries(base, store) == [f"day {day}" for day in range(1, 6)]
    assert len(queries) == 3
    assert [("pageToken" in query, "syncToken" in query) for query in queries] == [(False, False)] + [(True, False)] * 2


def test_a_second_run_asks_for_the_changes_only(desk: Desk, base: str) -> None:
    """3.1.4, 4.2: new, changed and deleted events come with the token, the last as a bare tombstone."""
    kept, changed, gone = (desk.insert(summary=name, **hours("2026-12-02", 9, 10))["id"] for name in "abc")
    store = InMemoryCalendarStore()
    syncing(base, store)
    desk.patch(changed, summary="B", **hours("2026-12-03", 9, 10))
    desk.delete(gone)
    desk.insert(summary="d", **hours("2026-12-04", 9, 10))
    asked(desk)
    syncing(base, store)
    (query,) = asked(desk)

    assert "syncToken" in query
    assert summaries(base, store) == ["a", "B", "d"]
    assert desk.get(kept)["summary"] == "a"


def test_a_run_without_changes_keeps_what_there_is(desk: Desk, base: str) -> None:
    """3.1.6: no items, and a token all the same."""
    desk.insert(summary="a")
    store = InMemoryCalendarStore()
    for _ in range(3):
        syncing(base, store)

    assert summaries(base, store) == ["a"]


@pytest.mark.parametrize("page_limit", [1, 2500])
def test_an_expired_token_ends_in_a_full_pass(desk: Desk, base: str, page_limit: int) -> None:
    """3.4: 410 has it forget everything and begin again, without the event that went meanwhile."""
    desk.control("knobs", pageLimit=page_limit)
    desk.insert(summary="a")
    gone = desk.insert(summary="b")["id"]
    store = InMemoryCalendarStore()
    syncing(base, store)
    desk.delete(gone)
    desk.control("expire-tokens", calendarId=ALICE)
    desk.insert(summary="c")
    asked(desk)
    syncing(base, store)
    queries = asked(desk)

    assert summaries(base, store) == ["a", "c"]
    assert [("syncToken" in query) for query in queries[:2]] == [True, False]
    assert all("syncToken" not in query for query in queries[1:])


def test_a_token_expires_between_two_pages(desk: Desk, base: str) -> None:
    """3.4: a 410 on any page of an incremental pass; what the broken pass had brought is not kept."""
    store = InMemoryCalendarStore()
    syncing(base, store)
    for day in range(1, 5):
        desk.insert(summary=f"day {day}", **hours(f"2026-12-0{day}", 10, 11))
    desk.control("knobs", pageLimit=2)
    desk.control("faults", method="GET", path="/events$", skip=1, status=410, reason="fullSyncRequired")
    asked(desk)
    syncing(base, store)
    queries = asked(desk)

    assert summaries(base, store) == [f"day {day}" for day in range(1, 5)]
    assert [("syncToken" in query) for query in queries] == [True, True, False, False]


def test_garbage_for_a_token_is_no_410(desk: Desk, base: str) -> None:
    """3.4: 400 "Invalid sync token value."; this client does not take it for a reason to begin again."""
    desk.insert()
    request = SyncEventsRequest.model_validate({"calendar_id": ALICE, "sync_token": "garbage"})

    with pytest.raises(ApiException, match="Invalid sync token value") as refusal:
        using(base, lambda api: api.async_list_events_page(request))
    assert not isinstance(refusal.value, InvalidSyncTokenException)


def test_a_series_is_expanded_from_its_pieces(desk: Desk, base: str) -> None:
    """5.3: the client rebuilds the occurrences from the master and its exceptions, as events.list gives them."""
    times = hours("2026-12-07", 10, 11)
    master = desk.insert(summary="daily", recurrence=["RRULE:FREQ=DAILY;COUNT=5"], **times)["id"]
    store = InMemoryCalendarStore()
    syncing(base, store)
    desk.patch(f"{master}_20261208T090000Z", summary="moved", **hours("2026-12-12", 8, 9))
    syncing(base, store)

    assert summaries(base, store) == ["daily", "daily", "daily", "daily", "moved"]


def test_a_cancelled_occurrence_leaves_only_if_its_tombstone_names_the_series(desk: Desk, base: str) -> None:
    """4.2: a bare tombstone, as Google gives some, leaves the occurrence in this client's timeline.

    It looks for recurringEventId and originalStartTime and never at the id: the client's loss, not the server's.
    """
    times = hours("2026-12-07", 10, 11)
    left = {}
    for richness in ("minimum", "bare"):
        desk.control("knobs", tombstones=richness)
        master = desk.insert(summary=richness, recurrence=["RRULE:FREQ=DAILY;COUNT=3"], **times)["id"]
        store = InMemoryCalendarStore()
        syncing(base, store)
        desk.delete(f"{master}_20261208T090000Z")
        syncing(base, store)
        left[richness] = summaries(base, store).count(richness)

    assert left == {"minimum": 2, "bare": 3}


def test_an_event_is_made_patched_and_deleted(desk: Desk, base: str) -> None:
    """7: what the client writes is what Google's side has; what it reads is what Google's side wrote."""
    new = Event(
        summary="Planning",
        description="with guests",
        location="Room 1",
        start=DateOrDatetime(date_time=datetime(2026, 12, 1, 10, tzinfo=ZURICH), timezone="Europe/Zurich"),
        end=DateOrDatetime(date_time=datetime(2026, 12, 1, 11, tzinfo=ZURICH), timezone="Europe/Zurich"),
        attendees=[Attendee(email=BOB)],
    )

    async def work(api: GoogleCalendarService) -> list[Event]:
        await api.async_create_event(ALICE, new)
        (made,) = (await api.async_list_events(ListEventsRequest(calendar_id=ALICE, start_time=DECEMBER))).items
        assert made.id is not None
        await api.async_patch_event(ALICE, made.id, {"summary": "Review"})
        patched = await api.async_get_event(ALICE, made.id)
        await api.async_delete_event(ALICE, made.id)
        return [made, patched, await api.async_get_event(ALICE, made.id)]

    made, patched, deleted = using(base, work)

    assert (made.summary, made.location, made.start.value) == (
        "Planning",
        "Room 1",
        datetime(2026, 12, 1, 9, tzinfo=UTC),
    )
    assert [(row.email, row.response_status) for row in made.attendees] == [(BOB, ResponseStatus.NEEDS_ACTION)]
    assert (patched.summary, patched.description) == ("Review", "with guests")
    assert deleted.status == "cancelled"
    assert desk.page()["items"] == []


def test_an_all_day_event_keeps_its_days(desk: Desk, base: str) -> None:
    """4.4: date instead of dateTime, the end exclusive."""
    new = Event(
        summary="fair", start=DateOrDatetime(date=date(2026, 12, 5)), end=DateOrDatetime(date=date(2026, 12, 7))
    )
    using(base, lambda api: api.async_create_event(ALICE, new))
    store = InMemoryCalendarStore()
    syncing(base, store)

    (item,) = desk.page()["items"]
    assert (item["start"], item["end"]) == ({"date": "2026-12-05"}, {"date": "2026-12-07"})
    assert summaries(base, store) == ["fair"]


def test_a_plain_list_pages_by_itself(desk: Desk, base: str) -> None:
    """2.1, 2.3: singleEvents and orderBy=startTime, which this client asks for outside a sync.

    Its iteration forgets after the second page how to get a third; so there are two here.
    """
    desk.control("knobs", pageLimit=3)
    desk.insert(summary="daily", recurrence=["RRULE:FREQ=DAILY;COUNT=5"], **hours("2026-12-07", 10, 11))

    async def work(api: GoogleCalendarService) -> list[list[object]]:
        response = await api.async_list_events(ListEventsRequest(calendar_id=ALICE, start_time=DECEMBER))
        return [[event.start.value for event in page.items] async for page in response]

    days = [datetime(2026, 12, day, 9, tzinfo=UTC) for day in range(7, 12)]
    assert using(base, work) == [days[:3], days[3:]]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["Alpha", "Beta"]),
        ({"search": "alpha"}, ["Alpha"]),
        ({"end_time": DECEMBER + timedelta(days=2)}, ["Alpha"]),
        ({"start_time": DECEMBER + timedelta(days=2)}, ["Beta"]),
    ],
)
def test_a_list_is_narrowed(desk: Desk, base: str, options: dict[str, object], expected: list[str]) -> None:
    """2.1: q, timeMin and timeMax as this client spells them."""
    desk.insert(summary="Alpha", **hours("2026-12-01", 10, 11))
    desk.insert(summary="Beta", **hours("2026-12-05", 10, 11))
    request = ListEventsRequest.model_validate({"calendar_id": ALICE, "start_time": DECEMBER, **options})

    async def work(api: GoogleCalendarService) -> list[str]:
        return [event.summary for event in (await api.async_list_events(request)).items]

    assert using(base, work) == expected


def test_its_store_deletes_one_occurrence_or_all(desk: Desk, base: str) -> None:
    """5.9: status cancelled patched on an instance id; then the master.

    "This and following" gcal-sync 8.0.0 cannot send: it sets a COUNT of 0, which its own ical library refuses.
    """
    times = hours("2026-12-07", 10, 11)
    series = desk.insert(summary="daily", recurrence=["RRULE:FREQ=DAILY;COUNT=5"], **times)
    store = InMemoryCalendarStore()
    syncing(base, store)

    def delete(event_id: str | None) -> list[str]:
        async def work(api: GoogleCalendarService) -> None:
            service = CalendarEventSyncManager(api, ALICE, store).store_service
            await service.async_delete_event(series["iCalUID"], event_id)

        using(base, work)
        syncing(base, store)
        items = desk.page(singleEvents=True, orderBy="startTime")["items"]
        return [item["start"]["dateTime"][8:10] for item in items]

    assert delete(f"{series['id']}_20261208T090000Z") == ["07", "09", "10", "11"]
    assert delete(None) == []
    assert summaries(base, store) == []


def test_its_calendar_list_follows(desk: Desk, base: str) -> None:
    """11: a first run and a second one with a token, to which a new calendar comes."""
    store = InMemoryCalendarStore()

    def run() -> list[tuple[str, str, bool]]:
        async def work(api: GoogleCalendarService) -> list[tuple[str, str, bool]]:
            manager = CalendarListSyncManager(api, store)
            await manager.run()
            listed = await manager.store_service.async_list_calendars()
            return [(each.id, each.access_role.value, each.primary) for each in listed.calendars]

        return using(base, work)

    first = run()
    desk.control("calendars", id="team@example.com", owner=BOB, timeZone="UTC", roles={ALICE: "reader"})

    assert first == [(ALICE, "owner", True)]
    assert run() == [*first, ("team@example.com", "reader", False)]


def test_a_calendar_is_described(desk: Desk, base: str) -> None:
    """11: calendars.get."""
    desk.control("calendars", id="team@example.com", owner=ALICE, timeZone="UTC", summary="Team", description="ours")
    calendar = using(base, lambda api: api.async_get_calendar("team@example.com"))

    assert (calendar.id, calendar.summary, calendar.description, calendar.timezone) == (
        "team@example.com",
        "Team",
        "ours",
        "UTC",
    )


def test_errors_are_what_the_client_expects_of_google(desk: Desk, base: str) -> None:
    """10.1: 401 becomes its AuthException, 404 an ApiException with Google's message."""
    desk.control("faults", status=401)

    with pytest.raises(AuthException):
        using(base, lambda api: api.async_get_calendar(ALICE))
    with pytest.raises(ApiException, match="Not Found"):
        using(base, lambda api: api.async_get_event(ALICE, "nosuchevent"))


def test_one_malformed_event_stops_this_client(desk: Desk, base: str) -> None:
    """15.7: what cannot be read is handed over, as Google does; that the whole pass dies of it is the client's."""
    desk.insert(summary="good")
    desk.control("events", calendarId=ALICE, event={"id": "poison", "start": {"dateTime": "tomorrow"}})

    with pytest.raises(CalendarParseException):
        syncing(base, InMemoryCalendarStore())


def test_a_refused_write_goes_unnoticed_by_this_client(desk: Desk, base: str) -> None:
    """15.7, 6.1: the reader's patch is refused, but the client does not look at the status of what it writes."""
    desk.control("calendars", id="team@example.com", owner=BOB, timeZone="UTC", roles={ALICE: "reader"})
    event = desk.insert(BOB, "team@example.com", summary="theirs")["id"]
    using(base, lambda api: api.async_patch_event("team@example.com", event, {"summary": "mine"}))

    assert desk.page(BOB, "team@example.com")["items"][0]["summary"] == "theirs"
    assert desk.server.requests[-2]["status"] == 403
