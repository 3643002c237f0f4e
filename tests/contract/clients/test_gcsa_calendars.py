"""gcsa against the Calendar server: calendars, calendar lists, access rules, settings, colours, free and busy time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from gcsa.acl import AccessControlRule, ACLRole, ACLScopeType
from gcsa.calendar import AccessRoles, Calendar, CalendarListEntry, NotificationType
from gcsa.event import Event
from gcsa.free_busy import FreeBusyQueryError, TimeRange
from gcsa.google_calendar import GoogleCalendar
from gcsa.reminders import PopupReminder
from googleapiclient.errors import HttpError

from tests.contract.calendar_server.desk import ALICE, BOB, CAROL, Desk, hours
from tests.contract.clients.pointing import gcsa

ZURICH = ZoneInfo("Europe/Zurich")
FIRST = datetime(2026, 12, 1, tzinfo=ZURICH)


@pytest.fixture
def calendar(base: str) -> Iterator[GoogleCalendar]:
    """Alice's calendar, as gcsa shows it."""
    with gcsa(base) as found:
        yield found


@pytest.fixture
def bobs(base: str) -> Iterator[GoogleCalendar]:
    """Bob's."""
    with gcsa(base, BOB) as found:
        yield found


def refused(call: Callable[[], object]) -> tuple[int, str]:
    """Status and reason of a call that must fail."""
    with pytest.raises(HttpError) as refusal:
        call()
    return refusal.value.resp.status, refusal.value.error_details[0]["reason"]


def team(calendar: GoogleCalendar) -> Calendar:
    """A secondary calendar that this user has made."""
    return calendar.add_calendar(Calendar("Team", description="ours", location="Zurich", timezone="Europe/Zurich"))


def share(calendar: GoogleCalendar, with_whom: str, role: str, calendar_id: str | None = None) -> AccessControlRule:
    """Give another user a role."""
    rule = AccessControlRule(role=role, scope_type=ACLScopeType.USER, scope_value=with_whom)
    return calendar.add_acl_rule(rule, calendar_id=calendar_id)


def test_a_calendar_is_made_changed_and_deleted(calendar: GoogleCalendar) -> None:
    """11: insert, get, update, delete of a secondary calendar; then it is gone."""
    made = team(calendar)
    got = calendar.get_calendar(made.id)
    got.summary, got.description = "The team", "all of us"
    updated = calendar.update_calendar(got)
    calendar.delete_calendar(updated)

    assert (made.summary, made.description, made.location, made.timezone) == ("Team", "ours", "Zurich", "Europe/Zurich")
    assert (updated.summary, updated.description, updated.id) == ("The team", "all of us", made.id)
    assert refused(lambda: calendar.get_calendar(made.id)) == (404, "notFound")


def test_a_made_calendar_stands_on_the_list_at_once(calendar: GoogleCalendar) -> None:
    """11: the caller is data owner, and the calendar is put on their list."""
    made = team(calendar)
    entries = {entry.id: entry for entry in calendar.get_calendar_list()}

    assert list(entries) == [ALICE, made.id]
    assert (entries[made.id].access_role, entries[ALICE].primary) == (AccessRoles.OWNER, True)


def test_events_live_on_a_secondary_calendar(calendar: GoogleCalendar) -> None:
    """6.3: of its own id; the calendar is the organizer."""
    made = team(calendar)
    event = calendar.add_event(Event("Review", FIRST, FIRST + timedelta(hours=1)), calendar_id=made.id)

    assert event.organizer.email == made.id
    assert [item.summary for item in calendar.get_events(FIRST, calendar_id=made.id)] == ["Review"]
    assert list(calendar.get_events(FIRST)) == []


def test_only_the_primary_calendar_can_be_cleared(desk: Desk, calendar: GoogleCalendar) -> None:
    """11: clear takes all events of the primary calendar, and no others."""
    made = team(calendar)
    for calendar_id in ("primary", made.id):
        calendar.add_event(Event("Review", FIRST, FIRST + timedelta(hours=1)), calendar_id=calendar_id)
    token = desk.token()
    calendar.clear_calendar()

    assert list(calendar.get_events(FIRST)) == []
    assert len(list(calendar.get_events(FIRST, calendar_id=made.id))) == 1
    assert [item["status"] for item in desk.changes(token)] == ["cancelled"]


def test_what_is_not_allowed_is_refused(calendar: GoogleCalendar, bobs: GoogleCalendar) -> None:
    """11: the primary calendar is neither deleted nor unsubscribed; only the data owner deletes a calendar."""
    made = team(calendar)
    share(calendar, BOB, ACLRole.OWNER, made.id)

    assert refused(lambda: calendar.delete_calendar(ALICE))[0] in {400, 403}
    assert refused(lambda: calendar.delete_calendar_list_entry(made.id))[0] == 403
    assert refused(lambda: bobs.delete_calendar(made.id))[0] == 403
    assert refused(lambda: bobs.get_calendar("nosuch@example.com")) == (404, "notFound")


def test_a_shared_calendar_is_put_on_a_list_dressed_and_taken_off(
    calendar: GoogleCalendar, bobs: GoogleCalendar
) -> None:
    """11: calendarList is per user: insert, get, update, delete leave the calendar itself alone."""
    made = team(calendar)
    share(calendar, BOB, ACLRole.READER, made.id)
    wish = CalendarListEntry(
        made.id, summary_override="Theirs", selected=True, background_color="#0088aa", foreground_color="#ffffff"
    )
    added = bobs.add_calendar_list_entry(wish)
    added.default_reminders = [PopupReminder(minutes_before_start=15)]
    added.notification_types = [NotificationType.EVENT_CREATION]
    updated = bobs.update_calendar_list_entry(added)
    got = bobs.get_calendar_list_entry(made.id)
    mine = calendar.get_calendar_list_entry(made.id)
    bobs.delete_calendar_list_entry(got)

    assert (added.summary, added.summary_override, added.access_role) == ("Team", "Theirs", AccessRoles.READER)
    assert (added.background_color, added.foreground_color) == ("#0088aa", "#ffffff")
    assert [reminder.minutes_before_start for reminder in updated.default_reminders] == [15]
    assert got.notification_types == [NotificationType.EVENT_CREATION]
    assert (mine.summary_override, mine.notification_types) == (None, None)
    assert [entry.id for entry in bobs.get_calendar_list()] == [BOB]
    assert calendar.get_calendar(made.id).summary == "Team"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["shown"]),
        ({"show_hidden": True}, ["shown", "hidden"]),
        ({"show_deleted": True}, ["shown", "deleted"]),
        ({"min_access_role": AccessRoles.WRITER}, []),
        ({"min_access_role": AccessRoles.READER}, ["shown"]),
    ],
)
def test_the_list_is_narrowed(desk: Desk, bobs: GoogleCalendar, options: dict[str, Any], expected: list[str]) -> None:
    """11: hidden, deleted and lesser entries."""
    for name in ("shown", "hidden", "deleted"):
        desk.control("calendars", id=f"{name}@example.com", owner=ALICE, timeZone="UTC", roles={BOB: "reader"})
        bobs.add_calendar_list_entry(CalendarListEntry(f"{name}@example.com", hidden=name == "hidden"))
    bobs.delete_calendar_list_entry("deleted@example.com")

    found = [entry.id.partition("@")[0] for entry in bobs.get_calendar_list(**options)]
    assert found == ["bob", *expected]


def test_access_is_given_raised_and_taken(calendar: GoogleCalendar, bobs: GoogleCalendar) -> None:
    """11, 10.1: nothing, then reading, then writing, then nothing again."""
    made = team(calendar)
    event = Event("Review", FIRST, FIRST + timedelta(hours=1))
    before = refused(lambda: list(bobs.get_events(FIRST, calendar_id=made.id)))
    rule = share(calendar, BOB, ACLRole.READER, made.id)
    reads = list(bobs.get_events(FIRST, calendar_id=made.id))
    refusal = refused(lambda: bobs.add_event(event, calendar_id=made.id))
    rule.role = ACLRole.WRITER
    raised = calendar.update_acl_rule(rule, calendar_id=made.id)
    written = bobs.add_event(event, calendar_id=made.id)
    calendar.delete_acl_rule(raised, calendar_id=made.id)

    assert (rule.id, before, reads, refusal) == (f"user:{BOB}", (404, "notFound"), [], (403, "requiredAccessLevel"))
    assert (raised.role, written.creator.email) == (ACLRole.WRITER, BOB)
    assert refused(lambda: list(bobs.get_events(FIRST, calendar_id=made.id))) == (404, "notFound")


@pytest.mark.parametrize(
    ("scope_type", "scope_value", "rule_id"),
    [
        (ACLScopeType.USER, BOB, f"user:{BOB}"),
        (ACLScopeType.DOMAIN, "example.com", "domain:example.com"),
        (ACLScopeType.DEFAULT, None, "default"),
    ],
)
def test_access_can_be_given_to_more_than_a_user(
    calendar: GoogleCalendar, bobs: GoogleCalendar, scope_type: str, scope_value: str | None, rule_id: str
) -> None:
    """11: the rules' ids follow from their scopes; each lets Bob in."""
    made = team(calendar)
    rule = AccessControlRule(role=ACLRole.READER, scope_type=scope_type, scope_value=scope_value)
    added = calendar.add_acl_rule(rule, calendar_id=made.id)
    got = calendar.get_acl_rule(rule_id, made.id)

    assert (added.id, got.scope_type, got.scope_value, got.role) == (rule_id, scope_type, scope_value, ACLRole.READER)
    assert bobs.get_calendar(made.id).summary == "Team"


def test_deleted_rules_are_listed_as_none(calendar: GoogleCalendar, bobs: GoogleCalendar) -> None:
    """11: only where they are asked for; and only an owner sees any."""
    made = team(calendar)
    share(calendar, CAROL, ACLRole.WRITER, made.id)
    calendar.delete_acl_rule(share(calendar, BOB, ACLRole.READER, made.id), calendar_id=made.id)

    def roles(*, show_deleted: bool) -> dict[str, str]:
        return {rule.scope_value: rule.role for rule in calendar.get_acl_rules(made.id, show_deleted)}

    assert roles(show_deleted=False) == {ALICE: ACLRole.OWNER, CAROL: ACLRole.WRITER}
    assert roles(show_deleted=True) == {ALICE: ACLRole.OWNER, CAROL: ACLRole.WRITER, BOB: ACLRole.NONE}
    assert refused(lambda: list(bobs.get_acl_rules(made.id))) == (404, "notFound")


@pytest.mark.parametrize("role", [ACLRole.FREE_BUSY_READER, ACLRole.READER, ACLRole.WRITER])
def test_a_role_decides_what_is_seen_of_a_private_event(
    desk: Desk, calendar: GoogleCalendar, bobs: GoogleCalendar, role: str
) -> None:
    """6.7, 14.12: a writer sees it whole, a reader only when it is, a freeBusyReader no title at all."""
    desk.insert(summary="doctor", visibility="private", **hours("2026-12-01", 10, 11))
    desk.insert(summary="lunch", **hours("2026-12-01", 12, 13))
    share(calendar, BOB, role)
    found = [event.summary for event in bobs.get_events(FIRST, calendar_id=ALICE)]

    expected = {
        ACLRole.FREE_BUSY_READER: [None, None],
        ACLRole.READER: [None, "lunch"],
        ACLRole.WRITER: ["doctor", "lunch"],
    }
    assert found == expected[role]


def test_settings_are_read(calendar: GoogleCalendar) -> None:
    """11: all of them have values gcsa knows."""
    settings = calendar.get_settings()

    assert settings.timezone == "Europe/Zurich"
    assert (settings.locale, settings.date_field_order, settings.week_start) == ("en", "MDY", "0")


def test_colours_are_told(calendar: GoogleCalendar) -> None:
    """1.1.5: colors.get; an event's colorId is one of them."""
    assert set(calendar.list_event_colors()) == {str(number) for number in range(1, 12)}
    assert set(calendar.list_calendar_colors()) == {str(number) for number in range(1, 25)}
    assert all(set(color) == {"background", "foreground"} for color in calendar.list_event_colors().values())


def at(day: int, hour: int, until: int) -> TimeRange:
    """A busy span in December, on Zurich's clock."""
    return TimeRange(datetime(2026, 12, day, hour, tzinfo=ZURICH), datetime(2026, 12, day, until, tzinfo=ZURICH))


def test_busy_time_is_told_without_a_reason(desk: Desk, calendar: GoogleCalendar) -> None:
    """11: series expanded, neighbours joined, what is transparent or cancelled left out."""
    desk.insert(recurrence=["RRULE:FREQ=DAILY;COUNT=2"], **hours("2026-12-01", 10, 11))
    desk.insert(**hours("2026-12-01", 11, 12))
    desk.insert(transparency="transparent", **hours("2026-12-01", 15, 16))
    desk.delete(desk.insert(**hours("2026-12-01", 17, 18))["id"])
    found = calendar.get_free_busy(time_min=FIRST, time_max=FIRST + timedelta(days=7), timezone="Europe/Zurich")

    assert list(found) == [at(1, 10, 12), at(2, 10, 11)]
    assert (found.time_min, found.time_max) == (FIRST, FIRST + timedelta(days=7))


def test_busy_time_of_others_needs_access(desk: Desk, calendar: GoogleCalendar, bobs: GoogleCalendar) -> None:
    """11: an unknown or closed calendar is an error of its own among good answers."""
    desk.insert(**hours("2026-12-01", 10, 11))
    week = {"time_min": FIRST, "time_max": FIRST + timedelta(days=7)}

    with pytest.raises(FreeBusyQueryError) as refusal:
        bobs.get_free_busy(ALICE, **week)
    share(calendar, BOB, ACLRole.FREE_BUSY_READER)
    found = bobs.get_free_busy([ALICE, "nosuch@example.com"], ignore_errors=True, **week)

    assert refusal.value.calendars_errors == {ALICE: [{"domain": "global", "reason": "notFound"}]}
    assert found.calendars == {ALICE: [at(1, 10, 11)]}
    assert found.calendars_errors == {"nosuch@example.com": [{"domain": "global", "reason": "notFound"}]}


def test_an_event_moves_to_another_calendar(calendar: GoogleCalendar) -> None:
    """6.8: the answer says cancelled though the move worked; the target has the event under the same id."""
    made = team(calendar)
    event = calendar.add_event(Event("Review", FIRST, FIRST + timedelta(hours=1)))
    moved = calendar.move_event(event, made.id)
    there = calendar.get_event(event.event_id, calendar_id=made.id)

    assert moved.other["status"] == "cancelled"
    assert (there.summary, there.organizer.email, there.other["iCalUID"]) == ("Review", made.id, event.other["iCalUID"])
    assert list(calendar.get_events(FIRST)) == []


def test_an_event_is_imported_as_a_private_copy(calendar: GoogleCalendar) -> None:
    """6.9, 15.4: a second import of the same iCalUID writes over the first."""
    first = Event("Fair", FIRST, FIRST + timedelta(hours=1), iCalUID="uid-1@example.org")
    calendar.import_event(first)
    first.summary = "The fair"
    calendar.import_event(first)

    assert [event.summary for event in calendar.get_events(FIRST)] == ["The fair"]


def test_the_occurrences_of_a_series_are_listed(calendar: GoogleCalendar) -> None:
    """5.14: events.instances within the window, as gcsa asks for them."""
    event = Event(
        "Daily", FIRST, FIRST + timedelta(hours=1), timezone="Europe/Zurich", recurrence="RRULE:FREQ=DAILY;COUNT=5"
    )
    series = calendar.add_event(event)
    found = list(calendar.get_instances(series, time_min=FIRST + timedelta(days=1), time_max=FIRST + timedelta(days=3)))

    assert {instance.recurring_event_id for instance in found} == {series.event_id}
    assert [instance.start.day for instance in found] == [2, 3]


def test_quick_add_is_not_served(calendar: GoogleCalendar) -> None:
    """14: quickAdd is not needed; 501 says so."""
    assert refused(lambda: calendar.add_quick_event("Lunch tomorrow at noon"))[0] == 501
