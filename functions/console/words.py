"""How instants, spans, repetitions and failures are said to people, always in the calendar's own time zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import structlog

from conference.errors import Gone, Later, LockstepError, OutcomeUnknown, Poison, Revoked, Stale, Unsupported
from conference.slot import Slot

DAY = timedelta(days=1)
_FREQUENCIES = {
    "DAILY": ("daily", "days"),
    "WEEKLY": ("weekly", "weeks"),
    "MONTHLY": ("monthly", "months"),
    "YEARLY": ("yearly", "years"),
}

log = structlog.get_logger(__name__)


def span(slot: Slot, zone: ZoneInfo, now: datetime, *, all_day: bool = False) -> str:
    """From when to when, e.g. "Mon 23 Nov, 10:00 – 11:00"; the year only where it is not the present one."""  # noqa: RUF002 - a span is set with an en dash
    start, end = slot.start.astimezone(zone), slot.end.astimezone(zone)
    if all_day:
        last = end - DAY / 2
        days = day(start, now) if last.date() == start.date() else f"{day(start, now)} – {day(last, now)}"  # noqa: RUF001 - an en dash
        return f"{days}, all day"
    until = f"{end:%H:%M}" if end.date() == start.date() else f"{day(end, now)}, {end:%H:%M}"
    return f"{day(start, now)}, {start:%H:%M} – {until}"  # noqa: RUF001 - an en dash


def day(when: datetime, now: datetime) -> str:
    """The day of an instant that is already in the zone to be shown."""
    year = "" if when.year == now.astimezone(when.tzinfo).year else f" {when.year:04}"
    return f"{when:%a} {when.day} {when:%b}{year}"


def clock(seconds: float, zone: ZoneInfo, now: datetime) -> str:
    """An instant to the second; with its day if that is not today."""
    when = instant(seconds).astimezone(zone)
    at = f"{when:%H:%M:%S}"
    return at if when.date() == now.astimezone(zone).date() else f"{day(when, now)}, {at}"


def ago(seconds: float, now: datetime) -> str:
    """How long before (or after) now an instant lies, in one round number."""
    passed = now.timestamp() - seconds
    size = _size(abs(passed))
    if abs(passed) < 1:
        return "just now"
    return f"{size} ago" if passed > 0 else f"in {size}"


def instant(seconds: float) -> datetime:
    """The instant of a document; one that no calendar knows is shown as the last one that it does."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime(2199, 12, 31, tzinfo=UTC)


def repeats(recurrence: Sequence[str]) -> str:
    """How a series repeats, in a word or two; "repeats" where that is not known or not simple."""
    rules = [line.partition(":")[2] for line in recurrence if line.upper().startswith("RRULE")]
    if len(rules) != 1:
        return "repeats"
    parts = dict(part.upper().partition("=")[::2] for part in rules[0].split(";"))
    word, plural = _FREQUENCIES.get(parts.get("FREQ", ""), ("", ""))
    if not word:
        return "repeats"
    every = parts.get("INTERVAL", "1")
    return f"repeats {word}" if every == "1" else f"repeats every {every[:3]} {plural}"


def count(number: int, one: str, many: str) -> str:
    """A number with its noun."""
    return f"{number} {one if number == 1 else many}"


def failure(subject: str, error: Exception) -> str:
    """One sentence about something outside that did not answer; the house's errors hold nothing secret."""
    if isinstance(error, LockstepError):
        return f"{subject} cannot be shown now: {error}."
    if isinstance(error, msgspec.ValidationError):
        return f"{subject} cannot be shown: what is stored cannot be read."
    log.error("console cannot show", subject=subject, exc_info=error)
    return f"{subject} cannot be shown: something is wrong here, the log tells what."


_REFUSALS: tuple[tuple[type[LockstepError], str], ...] = (
    (Stale, "Somebody else changed it just now. Look again, then decide."),
    (Gone, "It is not there any more."),
    (Later, "Nothing was changed, try again in a moment: {}."),
    (OutcomeUnknown, "Nobody can tell whether that was done. Look before you repeat it: {}."),
    (Revoked, "The calendar has to be connected again first: {}."),
    (Poison, "That cannot be done: {}."),
    (Unsupported, "That cannot be done: {}."),
)


def refusal(error: LockstepError) -> str:
    """One sentence to whoever pressed a button, by what they can do now."""
    said = next((sentence for kind, sentence in _REFUSALS if isinstance(error, kind)), "The calendar refused: {}.")
    return said.format(error)


def _size(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 36 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} days"
