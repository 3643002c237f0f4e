"""events.instances: the occurrences of one series, page by page.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/events/instances (contract 5.14)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from infra.local.calendar.calendar import Calendar
from infra.local.calendar.call import Call
from infra.local.calendar.errors import empty_range, invalid, not_found
from infra.local.calendar.listing import head_of, items_mask, joined, list_etag, mask_of, page_size
from infra.local.calendar.messages import Json, Response, json_bytes, not_modified
from infra.local.calendar.record import Record, span_of
from infra.local.calendar.recurrence import instance
from infra.local.calendar.rows import HORIZON
from infra.local.calendar.times import EPOCH, instant, is_day, micros
from infra.local.calendar.tokens import PageToken, fingerprint, read_page_token
from infra.local.calendar.views import view_of

_ASIDE = frozenset({"pageToken", "fields", "alt", "key", "oauth_token", "prettyPrint", "quotaUser", "userIp"})
_A_MOMENT = timedelta(microseconds=1)

Key = tuple[int | str, ...]


def list_instances(call: Call) -> Response:
    """events.instances, in the order of the original starts; an instance's own id gives that instance alone."""
    calendar = call.calendar()
    found = calendar.find(call.path["eventId"])
    if found is None or not view_of(call, calendar, None).shows(found):
        raise not_found()
    _check_window(call)
    etag = list_etag(call, calendar)
    if call.knows(etag):
        return not_modified(etag)
    parts = {name: str(value) for name, value in call.parameters.items() if name not in _ASIDE}
    request = fingerprint(call.world.life.id, calendar.id, call.user, found["id"], parts)
    given = call.parameters.get("pageToken")
    behind = read_page_token(given, request).key if given else ()
    rows = [row for row in sorted(_rows(call, calendar, found), key=lambda row: row[0]) if row[0] > behind]
    return _page(call, calendar, rows, request)


def _page(call: Call, calendar: Calendar, rows: list[tuple[Key, Json]], request: str) -> Response:
    size, mask, etag = page_size(call), mask_of(call), list_etag(call, calendar)
    head = head_of(call, calendar, etag)
    if len(rows) > size:
        head["nextPageToken"] = PageToken(request, calendar.revision, rows[size - 1][0]).text()
    view = view_of(call, calendar, items_mask(mask))
    return json_bytes(joined(head, [view.body(body) for _, body in rows[:size]], mask), etag=etag)


def _check_window(call: Call) -> None:
    after, before = call.parameters.get("timeMin"), call.parameters.get("timeMax")
    if after is not None and before is not None and before <= after:
        raise empty_range()


def _rows(call: Call, calendar: Calendar, found: Json) -> Iterator[tuple[Key, Json]]:
    wanted = call.parameters.get("originalStart")
    matches = _matcher(wanted) if wanted else None
    view = view_of(call, calendar, None)
    for body in _all(call, calendar, found):
        if body.get("status") == "cancelled" and not call.parameters.get("showDeleted"):
            continue
        if not view.shows(body):
            continue
        if matches is not None and not matches.fits(body, calendar):
            continue
        if _in_window(call, calendar, body) and call.sees(calendar, body):
            yield _key(body, calendar), body


def _all(call: Call, calendar: Calendar, found: Json) -> Iterator[Json]:
    """The event itself unless it is a master; of that one changed occurrences, then the unchanged ones."""
    record = calendar.records.get(found["id"])
    if record is None or not record.recurring:
        yield found
        return
    yield from (exception.body for exception in calendar.exceptions(record.id))
    series = calendar.series(record)
    after, before = call.parameters.get("timeMin"), call.parameters.get("timeMax")
    known = calendar.records
    after = after and after - _A_MOMENT  # inclusive here, unlike in events.list
    for each in series.occurrences(after, before, _horizon(call, calendar, record)) if series else ():
        if f"{record.id}_{each.key}" not in known:
            yield instance(record.body, each)


def _horizon(call: Call, calendar: Calendar, record: Record) -> datetime:
    """How far an endless series goes on: two years behind whatever was asked for."""
    given = call.parameters
    marks: list[datetime] = [call.world.now(), *record.span(calendar.zone)[:1]]
    marks += [given[name] for name in ("timeMin", "timeMax") if name in given]
    if "originalStart" in given:
        marks.append(_matcher(given["originalStart"]).moment)
    return max(marks) + HORIZON


def _in_window(call: Call, calendar: Calendar, body: Json) -> bool:
    span = span_of(body, calendar.zone)
    if not span:
        return True
    after, before = call.parameters.get("timeMin"), call.parameters.get("timeMax")
    return (after is None or span[1] >= after) and (before is None or span[0] < before)


def _key(body: Json, calendar: Calendar) -> Key:
    try:
        begins = instant(body.get("originalStartTime") or body["start"], calendar.zone)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        begins = EPOCH  # one put in raw, whose times cannot be read
    return (micros(begins), str(body["id"]))


class _Original:
    """The original start that the caller asks for: a day, or an instant."""

    def __init__(self, day: date | None, moment: datetime) -> None:
        self.day = day
        self.moment = moment

    def fits(self, body: Json, calendar: Calendar) -> bool:
        """True if the occurrence began then by its rules; midnight stands for the day of an all-day one."""
        when: Json = body.get("originalStartTime") or body.get("start") or {}
        try:
            if is_day(when):
                return self.day is not None and bool(when["date"] == self.day.isoformat())
            return instant(when, calendar.zone) == self.moment
        except (KeyError, TypeError, ValueError, OverflowError):
            return False


def _matcher(text: str) -> _Original:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise invalid("Invalid value for parameter originalStart.", "originalStart") from None
    if not 2 <= read.year <= 9990 or (len(text) > len("2026-01-01") and read.tzinfo is None):
        raise invalid("Invalid value for parameter originalStart.", "originalStart")
    day = read.date() if read.time() == time() else None
    return _Original(day, (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC))
