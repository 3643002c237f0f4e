"""What is shown of one event and of one meeting, and where the two differ; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from conference import text
from conference.errors import LockstepError, Poison
from conference.event import Event
from conference.meeting import Meeting, MeetingSpec
from conference.providers.protocol import ConferenceProvider, Field
from conference.slot import instant_of, slot_of
from functions.console import words

Difference = Literal["title", "when", "details", "missing"]

_LATER_SHOWN = 2


class Badge(msgspec.Struct, frozen=True):
    """A word about an event; `kind` is ours, other, plain, series, guest or gone."""

    kind: str
    word: str


class EventCard(msgspec.Struct, frozen=True):
    """The calendar's side; `etag` is the version on which a button acts."""

    id: str
    etag: str
    title: str
    when: str
    people: str
    badges: tuple[Badge, ...] = ()
    later: str = ""  # the dates of a series that follow
    all_day: bool = False
    occurrence: bool = False
    changeable: bool = False
    gone: bool = False


class MeetingCard(msgspec.Struct, frozen=True):
    """The provider's side."""

    provider: str
    id: str
    title: str
    when: str
    join_url: str = ""
    version: str = ""
    differs: tuple[Difference, ...] = ()
    note: str = ""


class Frame(msgspec.Struct, frozen=True):
    """The zone and the instant that everything on one page is shown in."""

    zone: ZoneInfo
    now: datetime


def event_card(events: Sequence[Event], frame: Frame, *, provider: str | None, recurrence: Sequence[str]) -> EventCard:
    """The first of `events` with the dates of the others; `provider` is ours, `recurrence` the series', if known."""
    event = events[0]
    return EventCard(
        id=event.id,
        etag=event.etag or "",
        title=text.title(event.summary),
        when=_when(event, frame),
        people=_people(event),
        badges=tuple(_badges(event, provider, recurrence)),
        later=_later(events[1:], frame),
        all_day=event.start is not None and event.start.all_day,
        occurrence=event.recurring_event_id is not None,
        changeable=_changeable(event),
        gone=event.cancelled,
    )


def meeting_card(
    meeting: Meeting, frame: Frame, *, differs: tuple[Difference, ...] = (), series: bool = False, note: str = ""
) -> MeetingCard:
    """What the provider holds; of a series, the meeting tells of the first date."""
    slot = meeting.slot
    when = words.span(slot, frame.zone, frame.now) if slot else "at any time"
    return MeetingCard(
        provider=meeting.ref.provider,
        id=meeting.ref.id,
        title=text.title(meeting.title) if meeting.title is not None else "",
        when=f"from {when}" if series and slot else when,
        join_url=_safe(meeting.join_url),
        version=meeting.version or "",
        differs=differs,
        note=note,
    )


def differences(spec: MeetingSpec, meeting: Meeting, provider: ConferenceProvider) -> tuple[Difference, ...]:
    """Where a meeting is not what its event wants, as far as the provider tells."""
    try:
        expected, losses = provider.expected_digest(spec), provider.losses(spec)
    except LockstepError:
        return ()
    if expected is not None and expected == meeting.digest:
        return ()
    found: list[Difference] = []
    if meeting.title is not None and not _same_title(meeting.title, spec.title, cut=Field.TITLE in losses):
        found.append("title")
    if meeting.slot and (meeting.slot.start, meeting.slot.end) != (spec.slot.start, spec.slot.end):
        found.append("when")
    if not found and expected is not None and meeting.digest is not None:
        found.append("details")
    return tuple(found)


def _same_title(held: str, wanted: str, *, cut: bool) -> bool:
    return held == wanted or (cut and bool(held) and wanted.startswith(held.rstrip(".… ")))


def _changeable(event: Event) -> bool:
    """Whether there are buttons: for the organizer, on a known version, and never for a whole series at once."""
    mine = event.organized_here and bool(event.etag) and event.event_type == "default"
    return mine and not event.cancelled and not event.recurrence


def _when(event: Event, frame: Frame) -> str:
    try:
        slot = slot_of(event, frame.zone)
    except Poison as error:
        return str(error) if event.start else ""
    all_day = event.start is not None and event.start.all_day
    return words.span(slot, frame.zone, frame.now, all_day=all_day)


def _people(event: Event) -> str:
    guests = [person for person in event.attendees if not person.resource]
    if not guests:
        return "no guests"
    said = words.count(len(guests), "person", "people")
    return f"{said} or more" if event.attendees_omitted else said


def _badges(event: Event, provider: str | None, recurrence: Sequence[str]) -> list[Badge]:
    found = []
    if event.cancelled:
        found.append(Badge("gone", "cancelled"))
    if provider is not None:
        found.append(Badge("ours", f"Lockstep · {provider}"))
    elif event.conference is not None and event.conference.conference_solution is not None:
        found.append(Badge("other", text.name(event.conference.conference_solution.name) or "another conference"))
    elif not event.cancelled:
        found.append(Badge("plain", "no conference"))
    if event.recurring_event_id or recurrence:
        found.append(Badge("series", words.repeats(recurrence)))
    if not event.organized_here and event.organizer is not None:
        found.append(Badge("guest", f"of {text.name(event.organizer.display_name) or event.organizer.email}"))
    return found


def _later(events: Sequence[Event], frame: Frame) -> str:
    if not events:
        return ""
    shown = [word for word in (_day(event, frame) for event in events[:_LATER_SHOWN]) if word]
    more = len(events) - len(shown)
    return "then " + ", ".join(shown) + (f" and {more} more" if more else "")


def _day(event: Event, frame: Frame) -> str:
    try:
        return words.day(instant_of(event.start, frame.zone).astimezone(frame.zone), frame.now) if event.start else ""
    except Poison:
        return ""


def _safe(url: str) -> str:
    """The address if a browser may be sent there; a `javascript:` address must never become a link."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"http", "https"} and parts.hostname else ""
