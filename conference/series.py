"""Series and their exceptions: what the ids of occurrences say, and which exceptions still belong to a rule.

Authority: https://developers.google.com/workspace/calendar/api/guides/recurringevents
The form of the ids is observed, not documented (calendar-contract 5.1, 5.2): it is a help where a tombstone says
nothing else, and an id that does not fit the form is nobody's occurrence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from conference import text
from conference.errors import Poison
from conference.event import Event, EventTime
from conference.recurrence import occurrences_among, occurs_at
from conference.slot import Occurrence, Slot, instant_of, slot_of

_OCCURRENCE_ID = re.compile(
    r"(?P<series>.+)_(?P<day>[0-9]{8})(?:T(?P<clock>[0-9]{6})Z)?",
    re.DOTALL,
)


def split_id(event_id: str) -> tuple[str, datetime | None, bool]:
    """The series' id, the original start in UTC (None: the id names no occurrence), and whether that is a whole day.

    A whole day is given as its midnight in UTC; which instant it is, only the calendar's zone can tell.
    """
    found = _OCCURRENCE_ID.fullmatch(event_id)
    if found is None:
        return event_id, None, False
    try:
        start = datetime.strptime(found["day"] + (found["clock"] or "000000"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return event_id, None, False
    return found["series"], start, found["clock"] is None


def join_id(series_id: str, original_start: datetime, *, all_day: bool = False) -> str:
    """The id of an occurrence; of a whole day, `original_start` names the day in its own zone."""
    if all_day:
        return f"{series_id}_{original_start.year:04}{original_start:%m%d}"
    start = original_start.astimezone(UTC)
    return f"{series_id}_{start.year:04}{start:%m%dT%H%M%SZ}"


def is_exception(event: Event) -> bool:
    """True if the event is one occurrence of a series; of a bare tombstone, only the id can tell."""
    if event.recurring_event_id or event.original_start:
        return True
    bare = event.cancelled and event.start is None
    return bare and split_id(event.id)[1] is not None


def series_of(event: Event) -> str:
    """The id under which the whole series is known; an event that is no exception is its own series."""
    if event.recurring_event_id:
        return event.recurring_event_id
    return split_id(event.id)[0] if is_exception(event) else event.id


def occurrence_of(event: Event, zone: ZoneInfo) -> Occurrence:
    """What an exception says of its occurrence; `zone` is the calendar's. A cancelled one has no slot and no title.

    Raises Poison if the event names no original start, or a time that cannot be read.
    """
    original = _original_start(event, zone)
    if event.cancelled:
        return Occurrence(original, None)
    return Occurrence(original, slot_of(event, zone), text.title(event.summary))


def _original_start(event: Event, zone: ZoneInfo) -> datetime:
    if event.original_start is not None:
        return instant_of(event.original_start, zone)
    _, start, all_day = split_id(event.id)
    if start is None:
        raise Poison("an exception does not say which occurrence it is")
    named = EventTime(date=start.date().isoformat()) if all_day else EventTime(date_time=start.isoformat())
    return instant_of(named, zone)


def live_exceptions(lines: Sequence[str], slot: Slot, exceptions: Iterable[Occurrence]) -> tuple[Occurrence, ...]:
    """The exceptions whose original start still is an occurrence, each once, by original start.

    After a rule has changed, Google may go on listing exceptions of the old one (calendar-contract 5.8); and one
    occurrence may be told of under two ids (5.10): one that takes place then outweighs one that does not, and the
    order in which they came decides nothing. Raises Poison if a recurrence line cannot be read.
    """
    chosen = {exception.original_start: exception for exception in sorted(exceptions, key=_weight)}
    return tuple(chosen[start] for start in sorted(occurrences_among(lines, slot, chosen)))


def _weight(exception: Occurrence) -> tuple[object, ...]:
    # An empty tuple comes before every other.
    slot = exception.slot
    return (slot.start, slot.end, slot.zone, exception.title or "") if slot else ()


__all__ = ["is_exception", "join_id", "live_exceptions", "occurrence_of", "occurs_at", "series_of", "split_id"]
