"""What a meeting must be for an event's JSON, reckoned anew and in the simplest way; and how one differs from it.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/events and the simulated vendors' states.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrulestr

Json = dict[str, Any]
Occurrence = tuple[float, float, str] | None
Occurrences = dict[float, Occurrence]
"""Changed occurrences by their original start: start, end and title, or None if cancelled."""

CUT = 100
"""A vendor or we may cut a text; what is left of one is at least so long."""
_HOUR, _DAY = 3600.0, timedelta(days=1)
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_BLOCK = re.compile(r"-::~:~::[:~]*::~:~::-.*?-::~:~::[:~]*::~:~::-", re.DOTALL)
_TAG = re.compile(r"<[^>]*>?")


def expected(fields: Json, exceptions: Mapping[str, Json], zone: str, host: str) -> Json:
    """The state of a meeting that is right for an event and the changed occurrences of it; `zone` is the calendar's.

    Instants are seconds since the epoch; an exception is None (cancelled) or (start, end, title) by its original start.
    """
    start, end = _span(fields, zone)
    own_zone = zone if "date" in fields["start"] else _zone(fields["start"].get("timeZone"), zone)
    lines = fields.get("recurrence") or []
    return {
        "title": _title(fields),
        "start": start,
        "end": end,
        "zone": own_zone,
        "host": host.lower(),
        "agenda": _agenda(fields.get("description") or ""),
        "attendees": _attendees(fields, host),
        "recurrence": list(lines),
        "exceptions": _exceptions(lines, start, own_zone, exceptions, zone) if lines else {},
    }


def differences(state: Json, want: Json, passed_over: Collection[str] = (), *, unseen: float = 0.0) -> list[str]:
    """In words, where what a vendor holds is not what is wanted; what it does not hold at all is no difference.

    Nor is an occurrence that was over at the instant `unseen`: since then, lists show it no more.
    """
    found: list[str] = []
    for name, told in _comparable(state).items():
        if name in passed_over or name not in want:
            continue
        held, wanted = (_seen(one, unseen) if name == "exceptions" else one for one in (told, want[name]))
        if not _same(name, held, wanted):
            found.append(f"{name} is {_short(held)}, wanted {_short(wanted)}")
    return found


def _seen(occurrences: Occurrences, since: float) -> Occurrences:
    return {
        original: one
        for original, one in occurrences.items()
        if original >= since or (one is not None and one[1] > since)
    }


def is_over(fields: Json, zone: str, instant: float) -> bool:
    """True if the event, and of a series every occurrence by its rules, has ended by then, as lists reckon.

    For them, one that ends where it starts takes no time.
    """
    start = _instant(fields["start"], zone)
    end = _instant(fields["end"], zone) if fields.get("end") else start
    if end > instant:
        return False
    lines, own_zone = tuple(fields.get("recurrence") or ()), _zone(fields["start"].get("timeZone"), zone)
    return not _goes_on(lines, start, own_zone, instant - max(end - start, 0.0))


# ---- the event's side -----------------------------------------------------------------------


def _title(fields: Json) -> str:
    return _words(fields.get("summary") or "") or "(No title)"


def _words(text: str) -> str:
    return " ".join(_UNSEEN.sub(" ", text).split())


def _agenda(description: str) -> str:
    return _words(_TAG.sub(" ", _BLOCK.sub("", description)))


def _attendees(fields: Json, host: str) -> list[str]:
    hosts = {"", host.lower(), (fields.get("organizer") or {}).get("email", "").lower()}
    invited = {
        row.get("email", "").strip().lower()
        for row in fields.get("attendees") or ()
        if not (row.get("resource") or row.get("self") or row.get("organizer"))
        and row.get("responseStatus") != "declined"
    }
    return sorted(invited - hosts)


def _span(fields: Json, zone: str) -> tuple[float, float]:
    start = _instant(fields["start"], zone)
    end = _instant(fields["end"], zone) if fields.get("end") else start
    if end > start:
        return start, end
    if "date" in fields["start"]:
        following = date.fromisoformat(fields["start"]["date"]) + _DAY
        return start, _instant({"date": following.isoformat()}, zone)
    return start, start + _HOUR


def _instant(when: Mapping[str, str], zone: str) -> float:
    return _reckoned(when.get("date"), when.get("dateTime"), _zone(when.get("timeZone"), zone), zone)


@lru_cache(maxsize=4096)
def _reckoned(day: str | None, moment: str | None, own_zone: str, zone: str) -> float:
    if day is not None:
        return datetime.combine(date.fromisoformat(day), time(), ZoneInfo(zone)).timestamp()
    read = datetime.fromisoformat(moment or "")
    return (read if read.tzinfo else read.replace(tzinfo=ZoneInfo(own_zone))).timestamp()


@lru_cache(maxsize=256)
def _zone(named: str | None, calendars: str) -> str:
    try:
        return ZoneInfo(named).key if named else calendars
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return calendars


def _exceptions(lines: Sequence[str], start: float, own_zone: str, told: Mapping[str, Json], zone: str) -> Occurrences:
    found: Occurrences = {}
    for event_id, one in told.items():
        original = _original(event_id, one, zone)
        if original is None or not _occurs(tuple(lines), start, own_zone, original):
            continue
        if one.get("status") == "cancelled":
            found.setdefault(original, None)
        else:
            found[original] = (*_span(one, zone), _title(one))
    return found


def _original(event_id: str, one: Json, zone: str) -> float | None:
    if one.get("originalStartTime"):
        return _instant(one["originalStartTime"], zone)
    text = event_id.rpartition("_")[2]
    try:
        day = datetime.strptime(text[:8], "%Y%m%d").replace(tzinfo=UTC).date()
        return _instant({"date": day.isoformat()} if len(text) == 8 else {"dateTime": _dashed(text)}, zone)
    except ValueError:
        return None


def _dashed(text: str) -> str:
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).isoformat()


@lru_cache(maxsize=4096)
def _occurs(lines: tuple[str, ...], start: float, zone: str, instant: float) -> bool:
    """True if a series has an occurrence at this instant, reckoned in wall time.

    One whose hour the clocks skip is held as much later: the rule has it up to an hour before the clocks show it.
    """
    at, first = _wall(instant, zone), _wall(start, zone)
    if at == first:
        return True
    for line in lines:
        kind, _, rule = line.partition(":")
        if kind.upper().startswith("RRULE"):
            near = rrulestr(_walled(rule, zone), dtstart=first).between(at - timedelta(hours=1), at, inc=True)
            if any(one.replace(tzinfo=ZoneInfo(zone)).timestamp() == instant or one == at for one in near):
                return True
    return False


@lru_cache(maxsize=4096)
def _goes_on(lines: tuple[str, ...], start: float, zone: str, instant: float) -> bool:
    """True if a series has an occurrence that begins later than this."""
    late, first = _wall(instant, zone), _wall(start, zone)
    rules = (line.partition(":")[2] for line in lines if line.upper().startswith("RRULE"))
    try:
        return any(rrulestr(_walled(rule, zone), dtstart=first).after(late) is not None for rule in rules)
    except ValueError:
        return False  # lists go by the event's own times where a rule cannot be read


def _wall(instant: float, zone: str) -> datetime:
    return datetime.fromtimestamp(instant, ZoneInfo(zone)).replace(tzinfo=None)


def _walled(rule: str, zone: str) -> str:
    """The rule with its UNTIL in wall time, as dateutil wants it for a start in wall time."""

    def walled(found: re.Match[str]) -> str:
        until = datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return f"UNTIL={_wall(until.timestamp(), zone):%Y%m%dT%H%M%S}"

    return re.sub(r"UNTIL=(\d{8}T\d{6}Z)", walled, re.sub(r"UNTIL=(\d{8})(?=;|$)", r"UNTIL=\1T235959", rule))


# ---- the vendor's side ----------------------------------------------------------------------


def _comparable(state: Json) -> Json:
    return {name: _READ[name](value) for name, value in state.items() if name in _READ}


@lru_cache(maxsize=4096)
def _read_instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _read_exceptions(told: Mapping[str, Json | None]) -> Occurrences:
    return {
        _read_instant(original): (
            (_read_instant(one["start"]), _read_instant(one["end"]), _words(one.get("title") or "")) if one else None
        )
        for original, one in told.items()
    }


_READ: Mapping[str, Any] = {
    "title": _words,
    "start": _read_instant,
    "end": _read_instant,
    "zone": str,
    "host": str.lower,
    "agenda": _agenda,
    "attendees": lambda people: sorted(email.lower() for email in people),
    "recurrence": list,
    "exceptions": _read_exceptions,
}


def _same(name: str, held: Any, want: Any) -> bool:
    if name in {"title", "agenda"}:
        return _same_text(held, want)
    if name == "exceptions":
        return held.keys() == want.keys() and all(_same_occurrence(held[start], want[start]) for start in held)
    return bool(held == want)


def _same_text(held: str, want: str) -> bool:
    return held == want or (len(held) >= CUT and want.startswith(held.rstrip("…")))


def _same_occurrence(held: Occurrence, want: Occurrence) -> bool:
    if held is None or want is None:
        return held is want
    return held[:2] == want[:2] and _same_text(held[2], want[2])


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%dT%H:%M:%SZ}"
    text = repr(value)
    return text if len(text) <= 160 else f"{text[:120]}… ({len(text)} characters)"
