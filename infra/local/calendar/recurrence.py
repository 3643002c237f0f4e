"""Series: their rules, their occurrences, and the ids of these.

Authority: RFC 5545 and https://developers.google.com/workspace/calendar/api/guides/recurringevents (contract 5)
Expansion happens on the wall clock of the series' own zone, so that ten o'clock stays ten o'clock across DST.
"""

from __future__ import annotations

import heapq
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from infra.local.calendar.errors import invalid
from infra.local.calendar.messages import Json
from infra.local.calendar.times import instant, is_day, own_zone, shown, zone_named

_INSTANCE = re.compile(r"(.+)_(\d{8}(?:T\d{6}Z)?)")
_LINE = re.compile(r"(RRULE|EXRULE|RDATE|EXDATE)((?:;[A-Za-z-]+=[^:;]+)*):(.+)")
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_LAST_YEAR = 9990  # beyond it sums of instants leave what a datetime can hold
_SHIFT = timedelta(hours=3)
"""More than any zone's clock jumps."""
_LONGEST = 200
"""Years that a series goes on."""
_MOST = 20_000
"""Occurrences looked at in one expansion; a longer series ends there."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence: `key` is the suffix of its id, `start` and `end` are as an event shows them."""

    key: str
    start: Json
    end: Json
    begins: datetime
    ends: datetime


def split_instance(event_id: str) -> tuple[str, str] | None:
    """The master's id and the occurrence's key, if the id has the form of an instance's."""
    found = _INSTANCE.fullmatch(event_id)
    return (found[1], found[2]) if found else None


class Series:
    """The occurrences of one master event.

    Raises ValueError when made of an event whose times or rules cannot be read.
    """

    def __init__(self, event: Json, calendar_zone: ZoneInfo) -> None:
        self._calendar_zone = calendar_zone
        self._day = is_day(event["start"])
        self._zone = calendar_zone if self._day else own_zone(event["start"], calendar_zone)
        self._zone_name = event["start"].get("timeZone")
        self._end_zone_name = event["end"].get("timeZone")
        first = instant(event["start"], calendar_zone)
        self._length = instant(event["end"], calendar_zone) - first
        self._days = _days(event) if self._day else timedelta()
        self._first = first.astimezone(self._zone).replace(tzinfo=None)
        self._rules = _rules(event["recurrence"], self._first, self._zone)

    def occurrences(self, after: datetime | None, before: datetime | None, horizon: datetime) -> Iterator[Occurrence]:
        """Occurrences that end after `after` and start before `before`, in order; none begins after `horizon`."""
        until = min(before, horizon) if before else horizon
        keys: set[str] = set()
        for local in itertools.islice(self._rules, _MOST):
            if local.year > _LAST_YEAR or (begins := self._instant(local)) >= until + _SHIFT:
                return
            found = self._occurrence(local)
            # Two hours of the wall clock can be one instant, where a night skips an hour.
            if begins < until and found.key not in keys and (after is None or found.ends > after):
                keys.add(found.key)
                yield found

    def at(self, key: str) -> Occurrence | None:
        """The occurrence with this key, if the rules have it."""
        local = self._local(key)
        if local is None or not 2 <= local.year <= _LAST_YEAR:
            return None
        # A time that a night skips is shown as another one, by which it cannot be looked up.
        near = map(self._occurrence, self._rules.between(local - _SHIFT, local + _SHIFT))
        return next((found for found in near if found.key == key), None)

    def key(self, when: Json) -> str:
        """The key that an occurrence which begins at `when` has. Raises ValueError if it cannot be read."""
        begins = instant(when, self._calendar_zone)
        local = begins.astimezone(self._zone)
        return f"{local:%Y%m%d}" if self._day else f"{begins:%Y%m%dT%H%M%SZ}"

    def _local(self, key: str) -> datetime | None:
        try:
            if self._day:
                return datetime.strptime(key, "%Y%m%d")  # noqa: DTZ007 - days have no zone
            moment = datetime.strptime(key, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return moment.astimezone(self._zone).replace(tzinfo=None)
        except (ValueError, OverflowError):
            return None

    def _instant(self, local: datetime) -> datetime:
        # A rule forgets which of two equal hours of the wall clock the first occurrence is in.
        local = self._first if local == self._first else local
        return local.replace(tzinfo=self._zone).astimezone(UTC)

    def _occurrence(self, local: datetime) -> Occurrence:
        begins = self._instant(local)
        if self._day:
            last = local + self._days
            ends = self._instant(last)
            return Occurrence(
                f"{local:%Y%m%d}", {"date": f"{local:%Y-%m-%d}"}, {"date": f"{last:%Y-%m-%d}"}, begins, ends
            )
        ends = begins + self._length
        start = self._shown(begins, self._zone_name)
        return Occurrence(f"{begins:%Y%m%dT%H%M%SZ}", start, self._shown(ends, self._end_zone_name), begins, ends)

    def _shown(self, moment: datetime, zone_name: str | None) -> Json:
        text = shown(moment, self._calendar_zone)
        return {"dateTime": text, "timeZone": zone_name} if zone_name else {"dateTime": text}


def instance(master: Json, found: Occurrence) -> Json:
    """The event that one occurrence is as long as nobody changed it; its etag is the master's."""
    body = {key: value for key, value in master.items() if key != "recurrence"}
    body["id"] = f"{master['id']}_{found.key}"
    body["start"], body["end"] = found.start, found.end
    body["recurringEventId"] = master["id"]
    body["originalStartTime"] = found.start
    return body


def check_rules(recurrence: list[str], event: Json, calendar_zone: ZoneInfo) -> None:
    """Return if the rules can be read. Raises ApiError 400 if not."""
    try:
        series = Series({**event, "recurrence": recurrence}, calendar_zone)
        next(iter(series.occurrences(None, None, datetime.max.replace(tzinfo=UTC) - timedelta(days=2))), None)
    except (ValueError, TypeError, OverflowError):
        raise invalid("Invalid recurrence rule.", None) from None


def _days(event: Json) -> timedelta:
    return date.fromisoformat(event["end"]["date"]) - date.fromisoformat(event["start"]["date"])


class _Rules:
    """The moments that any line includes and none excludes, in order and each once."""

    def __init__(self) -> None:
        self.included: list[Iterable[datetime]] = []
        self.excluded: list[Iterable[datetime]] = []

    def __iter__(self) -> Iterator[datetime]:
        gaps = heapq.merge(*self.excluded)
        gap, last = next(gaps, None), None
        for moment in heapq.merge(*self.included):
            while gap is not None and gap < moment:
                gap = next(gaps, None)
            if moment not in {gap, last}:
                yield moment
            last = moment

    def between(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """Those from `first` to `last`, both included."""
        return itertools.takewhile(lambda moment: moment <= last, (moment for moment in self if moment >= first))


class _Counted:
    """So many occurrences of a rule, as often as they are asked for."""

    def __init__(self, rule: rrule, count: int) -> None:
        self._rule = rule
        self._count = count

    def __iter__(self) -> Iterator[datetime]:
        return itertools.islice(self._rule, self._count)


def _rules(lines: list[str], first: datetime, zone: ZoneInfo) -> _Rules:
    rules = _Rules()
    repeats = False
    for line in lines:
        found = _LINE.fullmatch(line.strip().upper() if "TZID" not in line.upper() else line.strip())
        if found is None:
            raise ValueError("no recurrence line")
        name, options, value = found.groups()
        repeats = repeats or name == "RRULE"
        if name in {"RRULE", "EXRULE"}:
            (rules.included if name == "RRULE" else rules.excluded).append(_rule(value, first, zone))
        else:
            moments = sorted(_moments(options, value, first, zone))
            (rules.included if name == "RDATE" else rules.excluded).append(moments)
    if not repeats:
        rules.included.append([first])  # RDATEs alone stand beside the first occurrence
    return rules


def _rule(value: str, first: datetime, zone: ZoneInfo) -> Iterable[datetime]:
    parts = dict(_pair(part) for part in value.rstrip(";").split(";"))
    if parts.get("FREQ") not in _FREQUENCIES:
        raise ValueError("FREQ is none that Calendar keeps")
    if not 1 <= int(parts.get("INTERVAL", "1")) <= 9999:
        raise ValueError("INTERVAL is out of bounds")
    count = int(parts.pop("COUNT", _MOST))
    if count < 0:
        raise ValueError("COUNT is out of bounds")
    # A rule that never comes true would be sought until the end of time.
    furthest = f"{min(first.year + _LONGEST, _LAST_YEAR):04}1231T235959"
    parts["UNTIL"] = min(_until(parts["UNTIL"], zone), furthest) if "UNTIL" in parts else furthest
    rule = rrulestr(";".join(f"{name}={text}" for name, text in parts.items()), dtstart=first)
    if not isinstance(rule, rrule):
        raise TypeError("one line gives one rule")
    return _Counted(rule, count)


def _pair(part: str) -> tuple[str, str]:
    name, equals, value = part.partition("=")
    if not equals:
        raise ValueError("a part of a rule has no value")
    return name, value


def _until(text: str, zone: ZoneInfo) -> str:
    """UNTIL on the series' wall clock; a day includes the whole of it."""
    local = _moment(text, zone)
    if "T" not in text:
        local = datetime.combine(local, time(23, 59, 59))
    return f"{local:%Y%m%dT%H%M%S}"


def _moments(options: str, value: str, first: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    named = dict(_pair(part) for part in options.split(";") if part)
    meant = zone_named(named.get("TZID", "")) or zone
    for text in value.split(","):
        local = _moment(text, meant)
        if "T" not in text:
            yield datetime.combine(local, first.time())
        else:
            yield local.replace(tzinfo=meant).astimezone(zone).replace(tzinfo=None)


def _moment(text: str, zone: ZoneInfo) -> datetime:
    """A DATE or DATE-TIME of iCalendar on the wall clock of `zone`."""
    if "T" not in text:
        return datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 - a day has no zone
    if text.endswith("Z"):
        moment = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return moment.astimezone(zone).replace(tzinfo=None)
    return datetime.strptime(text, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - floating: the series' own wall clock
