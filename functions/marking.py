"""Turn listed events into marks on their ledger rows; what is not ours is passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from conference.errors import Poison
from conference.event import Event, Unreadable
from conference.link import Link, index
from conference.meeting import Meeting, MeetingId, MeetingRef, digest, spec_of
from conference.series import occurrence_of, series_of
from conference.slot import slot_of
from conference.solution import Solution, provider_of
from functions import ledger
from functions.ground import Ground
from functions.ledger import Row
from functions.ports import Document, Where


@dataclass(frozen=True, slots=True)
class Marked:
    """A row as committed with its new mark."""

    document: Document
    row: Row


@dataclass(slots=True)
class Sighting:
    """What one pass saw of one event or series: the event itself, its exceptions, or both."""

    series: str
    event: Event | None = None
    exceptions: dict[str, Event] = field(default_factory=dict)


def sightings(items: Iterable[Event], has_row: Callable[[str], bool]) -> list[Sighting]:
    """Group items by series, so that the order in which exceptions and masters come does not matter.

    `has_row` tells whether an event id has a row of its own: a bare tombstone may belong to an imported event whose
    id only looks like an occurrence's.
    """
    found: dict[str, Sighting] = {}
    for item in items:
        series = series_of(item)
        if series != item.id and item.recurring_event_id is None and has_row(item.id):
            series = item.id
        sighting = found.setdefault(series, Sighting(series))
        if series == item.id:
            sighting.event = item
        else:
            sighting.exceptions[item.id] = item
    return list(found.values())


def is_ours(sighting: Sighting, solutions: tuple[Solution, ...]) -> bool:
    """True if what was seen carries a conference of ours, on the organizer's own copy."""
    seen = [sighting.event] if sighting.event else list(sighting.exceptions.values())
    return any(not e.cancelled and e.organized_here and provider_of(e, solutions) is not None for e in seen)


def with_series(sighting: Sighting, row: Row | None) -> Sighting:
    """What was seen, and where that is occurrences only, the series as the row has it: a cancelled one says nothing."""
    if sighting.event is not None or row is None:
        return sighting
    return Sighting(sighting.series, row.seen, sighting.exceptions)


def still_new(sighting: Sighting, row: Row) -> Sighting:
    """What was seen, less the event as it was before the row has read it: the list had been made by then."""
    event, known = sighting.event, row.seen
    if event is None or known is None or event.updated_at is None or known.updated_at is None:
        return sighting
    if event.updated_at >= known.updated_at:
        return sighting
    return Sighting(sighting.series, None, sighting.exceptions)


def seen_by(row: Row, sighting: Sighting, zone: str) -> Row:
    """The row with what was seen; equal to the row if that says nothing new."""
    exceptions = dict(row.exceptions)
    for item in sighting.exceptions.values():
        exceptions[item.id] = occurrence_of(item, ZoneInfo(zone))
    seen, refresh = row.seen, row.refresh
    if sighting.event is not None and sighting.event != row.seen:
        seen, refresh = sighting.event, False
    if seen is None:
        # An exception came without its series: the series has to be read.
        refresh = True
    return msgspec.structs.replace(row, seen=seen, exceptions=exceptions, refresh=refresh, zone=zone)


def mark(ground: Ground, row: Row, sighting: Sighting, zone: str, *, anyway: bool = False) -> Row | None:
    """The row, marked and claimed by the run that saw the change; None if nothing changed and it is not `anyway`."""
    fresh = seen_by(row, sighting, zone)
    if fresh == row and not anyway:
        return None
    marked = ledger.marked(fresh, ground)
    now = ground.now()
    if row.claimed_until > now:
        # Somebody works on it and will see the new mark when it saves.
        return marked
    until = now + ground.policy.lease
    return msgspec.structs.replace(
        marked,
        fence=row.fence + 1,
        claimed_until=until,
        by_run=True,
        due=until + ground.policy.forgotten,
        verify=row.verify or row.abandoned,
        resend=row.resend or row.abandoned,
    )


def baseline(ground: Ground, row: Row, sighting: Sighting, zone: str) -> Row | None:
    """A row for an event that was there before we were: noted with the meeting it names, and not acted upon."""
    event = sighting.event
    if event is None or event.cancelled:
        return None
    fresh = msgspec.structs.replace(seen_by(row, sighting, zone), ical_uid=event.ical_uid)
    meeting = named_meeting(ground, event)
    if meeting is None:
        return fresh
    held = index(meeting.ref)
    shared = ground.store.query(ledger.COLLECTION, [Where("meeting", "==", held)], limit=1)
    link = Link(meeting.ref.provider, meeting.ref.account, "", 0, meeting, agreed_as_is(event, fresh), leads=not shared)
    return msgspec.structs.replace(fresh, link=link, meeting=held)


def noted_further(row: Row, sighting: Sighting, zone: str) -> Row | None:
    """The noted row with what else was seen of its series, not acted upon either; None if that says nothing new."""
    fresh = seen_by(row, sighting, zone)
    if fresh == row:
        return None
    if fresh.link is None or fresh.seen is None:
        return fresh
    link = msgspec.structs.replace(fresh.link, agreed=agreed_as_is(fresh.seen, fresh))
    return msgspec.structs.replace(fresh, link=link)


def named_meeting(ground: Ground, event: Event) -> Meeting | None:
    """The meeting that the event's conference data names, as far as the event tells of it."""
    name, conference = provider_of(event, ground.solutions), event.conference
    provider = ground.providers.get(name or "")
    if provider is None or conference is None or not conference.conference_id:
        return None
    ref = MeetingRef(provider.name, provider.account, MeetingId(conference.conference_id))
    video = next((e for e in conference.entry_points if e.entry_point_type == "video"), None)
    return Meeting(ref, video.uri if video else "", passcode=video.passcode if video else None)


def agreed_as_is(event: Event, row: Row) -> str | None:
    """The digest of what the event and its row's exceptions say, taken as agreed; None if it cannot be told."""
    try:
        return digest(spec_of(event, tuple(row.exceptions.values()), zone=ZoneInfo(row.zone), host=row.user))
    except Poison:
        return None


def recently_modified(sighting: Sighting, since: datetime) -> bool:
    """True if anything seen says that it was modified since then."""
    seen = [*([sighting.event] if sighting.event else []), *sighting.exceptions.values()]
    return any(e.updated_at is not None and e.updated_at >= since for e in seen)


def is_over(event: Event, zone: str, at: datetime) -> bool:
    """True of a single event that ended before then."""
    try:
        return not event.recurrence and slot_of(event, ZoneInfo(zone)).end < at
    except Poison:
        return False


def unreadable_exceptions(sighting: Sighting, zone: str) -> list[Unreadable]:
    """Those of its exceptions that cannot be read, with the cause."""
    found: list[Unreadable] = []
    for item in sighting.exceptions.values():
        try:
            occurrence_of(item, ZoneInfo(zone))
        except Poison as error:
            found.append(Unreadable(item.id, str(error)))
    return found
