"""Join what was gathered: each event or series with its ledger row and its meeting; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from conference.errors import Poison
from conference.event import Event
from conference.meeting import Meeting, MeetingSpec, spec_of
from conference.providers.protocol import ConferenceProvider
from conference.series import occurrence_of, series_of
from conference.slot import Occurrence, instant_of, slot_of
from conference.solution import Solution, provider_of
from functions import tracing
from functions.console.cards import Difference, EventCard, Frame, MeetingCard, differences, event_card, meeting_card
from functions.console.line import Line, line_of
from functions.ledger import Row

_FAR = datetime.max.replace(tzinfo=UTC)


class Pair(msgspec.Struct, frozen=True):
    """One row of the page; `key` names it for as long as its event or series exists.

    `trace` is the id under which the log and Cloud Trace tell of its last change.
    """

    key: str
    event: EventCard
    line: Line
    meeting: MeetingCard | None = None
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was gathered of one feed; `events` None: the calendar did not answer."""

    feed: str
    user: str
    frame: Frame
    rows: Sequence[Row]
    events: Sequence[Event] | None
    meetings: Mapping[str, Meeting]  # by link.index
    listed: frozenset[str]  # the providers whose list is complete
    providers: Mapping[str, ConferenceProvider]
    solutions: tuple[Solution, ...]
    forgotten: float  # seconds, as in the policy


@dataclass(slots=True)
class Joined:
    """The pairs in order of time, how many linked events lie beyond them, and the meetings nobody here holds."""

    pairs: list[Pair] = field(default_factory=list)
    beyond: int = 0
    unheld: list[Meeting] = field(default_factory=list)


def join(gathered: Gathered) -> Joined:
    """Pair everything that was gathered."""
    rows = {row.event: row for row in gathered.rows}
    groups = _groups(gathered.events or ())
    placed = [(_start(events[0], gathered), _pair(gathered, rows.get(s), events)) for s, events in groups.items()]
    joined = Joined()
    for row in gathered.rows:
        if row.event in groups or row.seen is None:
            continue
        if _worth_showing(row, gathered):
            placed.append((_start(row.seen, gathered), _pair(gathered, row, [row.seen])))
        elif row.link is not None:
            joined.beyond += 1
    joined.pairs = [pair for _, pair in sorted(placed, key=lambda each: (each[0], each[1].key))]
    joined.unheld = _unheld(gathered)
    return joined


def _groups(events: Sequence[Event]) -> dict[str, list[Event]]:
    groups: dict[str, list[Event]] = {}
    for event in events:
        groups.setdefault(series_of(event), []).append(event)
    return groups


def _worth_showing(row: Row, gathered: Gathered) -> bool:
    """Of what lies outside the shown days: what needs work or a person; all that lives if the calendar is silent."""
    if row.pending or (row.parked and row.link is not None):
        return True
    seen = row.seen
    if seen is None or seen.cancelled or (row.link is None and not row.parked):
        return False
    return gathered.events is None and _ends_later(seen, gathered)


def _ends_later(event: Event, gathered: Gathered) -> bool:
    if event.recurrence:
        return True
    try:
        return slot_of(event, gathered.frame.zone).end > gathered.frame.now
    except Poison:
        return True


def _start(event: Event, gathered: Gathered) -> datetime:
    try:
        return instant_of(event.start, gathered.frame.zone) if event.start else _FAR
    except Poison:
        return _FAR


def _pair(gathered: Gathered, row: Row | None, events: Sequence[Event]) -> Pair:
    first = events[0]
    asked = provider_of(first, gathered.solutions) if first.organized_here and not first.cancelled else None
    linked = row.link.provider if row is not None and row.link is not None else None
    meeting = _meeting_of(gathered, row)
    differs = _differs(gathered, row, events, meeting) if asked is not None else ()
    recurrence = row.seen.recurrence if row is not None and row.seen is not None else ()
    return Pair(
        key=_key(gathered.feed, series_of(first)),
        event=event_card(events, gathered.frame, provider=asked or linked, recurrence=recurrence),
        line=line_of(row, gathered.frame, asked=asked is not None, differs=differs, forgotten=gathered.forgotten),
        meeting=_meeting_card(gathered, row, meeting, differs, series=bool(recurrence)),
        trace=_trace(row),
    )


def _trace(row: Row | None) -> str:
    kept = tracing.parsed(row.trace) if row is not None else None
    return kept.id if kept else ""


def _key(feed: str, series: str) -> str:
    return hashlib.sha256(f"{feed}\0{series}".encode()).hexdigest()[:16]


def _meeting_of(gathered: Gathered, row: Row | None) -> Meeting | None:
    """The row's meeting as its provider lists it; one just made is known by its key before it is linked."""
    if row is None or row.link is None:
        return None
    if row.meeting is not None:
        return gathered.meetings.get(row.meeting)
    return next((m for m in gathered.meetings.values() if m.key is not None and m.key == row.link.key), None)


def _differs(
    gathered: Gathered, row: Row | None, events: Sequence[Event], meeting: Meeting | None
) -> tuple[Difference, ...]:
    if row is None or row.link is None or not row.link.leads:
        return ()
    provider = gathered.providers.get(row.link.provider)
    if meeting is None or provider is None:
        missing = row.link.meeting is not None and row.link.provider in gathered.listed
        return ("missing",) if missing else ()
    spec = _spec(gathered, row, events)
    return differences(spec, meeting, provider) if spec is not None else ()


def _spec(gathered: Gathered, row: Row, events: Sequence[Event]) -> MeetingSpec | None:
    """What the event wants as it is shown; of a series, the ledger knows the rule and the page the changed dates."""
    zone = gathered.frame.zone
    try:
        if events[0].recurring_event_id is None:
            return spec_of(events[0], tuple(row.exceptions.values()), zone=zone, host=row.user)
        if row.seen is None:
            return None
        exceptions = {**row.exceptions, **_changed(gathered, row, row.seen, events)}
        return spec_of(row.seen, tuple(exceptions.values()), zone=zone, host=row.user)
    except Poison:
        return None


def _changed(gathered: Gathered, row: Row, master: Event, events: Sequence[Event]) -> dict[str, Occurrence]:
    """The shown dates that are not as the series has them."""
    zone = gathered.frame.zone
    changed = {}
    for event in events:
        if event.original_start is None:
            continue
        occurrence = occurrence_of(event, zone)
        moved = occurrence.slot is not None and occurrence.slot.start != occurrence.original_start
        if moved or event.summary != master.summary or event.id in row.exceptions:
            changed[event.id] = occurrence
    return changed


def _meeting_card(
    gathered: Gathered, row: Row | None, meeting: Meeting | None, differs: tuple[Difference, ...], *, series: bool
) -> MeetingCard | None:
    if meeting is not None:
        return meeting_card(meeting, gathered.frame, differs=differs, series=series)
    known = row.link.meeting if row is not None and row.link is not None else None
    if known is None:
        return None
    there = known.ref.provider not in gathered.listed
    note = "as last read" if there else "not found at the provider"
    return meeting_card(known, gathered.frame, differs=differs, series=series, note=note)


def _unheld(gathered: Gathered) -> list[Meeting]:
    held = {row.meeting for row in gathered.rows if row.meeting is not None}
    keys = {row.link.key for row in gathered.rows if row.link is not None and row.link.meeting is None}
    return [
        meeting
        for found, meeting in gathered.meetings.items()
        if found not in held and (meeting.key is None or meeting.key not in keys)
    ]
