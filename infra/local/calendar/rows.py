"""The rows of a list: which events a pass walks over, in which order, and which of them it shows.

Authority: contract 2.1 (filters, order), 4.2 (tombstones), 5 (series)
A row's key says where the next page goes on; it depends on the row alone, so that changes while paging shift nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from infra.local.calendar.calendar import Calendar
from infra.local.calendar.knobs import Knobs
from infra.local.calendar.messages import Json
from infra.local.calendar.record import Record
from infra.local.calendar.recurrence import Occurrence, instance
from infra.local.calendar.search import Search
from infra.local.calendar.times import EPOCH, micros, rfc3339
from infra.local.calendar.views import View

Key = tuple[int | str, ...]
Item = Record | Json | bytes | None
"""An event to be shown; its JSON; or None for a row that counts for the page's size but is not shown."""
Row = tuple[Key, Item]

HORIZON = timedelta(days=2 * 366)
"""How far ahead a series without an end is expanded where no timeMax says it."""


class Pass(msgspec.Struct, frozen=True):
    """Where a pass over the list stands: changes after `since` (None: a full pass) up to `frozen`, behind `key`."""

    since: int | None
    frozen: int
    key: Key
    request: str
    page: int = 0  # how many pages came before


class Wanted(msgspec.Struct, frozen=True):
    """The filters of one list request."""

    single: bool
    deleted: bool
    order: str | None
    after: datetime | None
    before: datetime | None
    updated: str | None  # as events show it
    search: Search

    @staticmethod
    def read(given: Mapping[str, Any], knobs: Knobs) -> Wanted:
        """The filters that the parameters spell. Raises ApiError 400 where they cannot be read."""
        updated = given.get("updatedMin")
        return Wanted(
            given.get("singleEvents", False),
            given.get("showDeleted", False),
            given.get("orderBy"),
            given.get("timeMin"),
            given.get("timeMax"),
            rfc3339(updated) if updated else None,
            Search.read(given, any_property=knobs.property_filter == "any"),
        )


class Rows(msgspec.Struct, frozen=True):
    """The rows that one request sees of one calendar."""

    calendar: Calendar
    wanted: Wanted
    view: View
    now: datetime
    knobs: Knobs

    def of(self, at: Pass) -> Iterator[Row]:
        """The rows behind `at.key`, in the order of the pass."""
        if at.since is not None:
            return _behind(at.key, self._changed(at))
        if self.wanted.order is not None:
            return _behind(at.key, self._sorted())
        return _behind(at.key, self._full(at.key))

    def _full(self, key: Key) -> Iterator[Row]:
        if self.knobs.exceptions_first:
            records = self.calendar.in_order_backwards(-int(key[0]) if key else None)
            return self._numbered((-record.order, record) for record in records)
        records = self.calendar.in_order(int(key[0]) if key else 0)
        return self._numbered((record.order, record) for record in records)

    def _numbered(self, records: Iterator[tuple[int, Record]]) -> Iterator[Row]:
        for number, record in records:
            if record.cancelled:
                yield from self._kept_tombstone(record, number)
            else:
                for part, item, _ in self._live(record):
                    yield (number, part), item

    def _changed(self, at: Pass) -> Iterator[Row]:
        if self.knobs.exceptions_first:
            records = list(self.calendar.changed(at.since or 0, at.frozen))
            return self._told((-record.revision, record) for record in reversed(records))
        after = int(at.key[0]) - 1 if at.key else 0
        return self._told(
            (record.revision, record) for record in self.calendar.changed(max(after, at.since or 0), at.frozen)
        )

    def _told(self, records: Iterator[tuple[int, Record]]) -> Iterator[Row]:
        for number, record in records:
            if record.cancelled or not self.view.shows(record.body):
                for part, item in self._fresh_tombstone(record):
                    yield (number, part), item
            else:
                for part, item, _ in self._live(record):
                    yield (number, part), item

    def _sorted(self) -> Iterator[Row]:
        rows: list[Row] = []
        for record in self.calendar.in_order(0):
            if record.cancelled:
                rows += [
                    (self._sort_key(record, "", None), item) for _, item in self._kept_tombstone(record, 0) if item
                ]
            else:
                rows += [(self._sort_key(record, part, begins), item) for part, item, begins in self._live(record)]
        rows.sort(key=lambda row: row[0])
        return iter(rows)

    def _sort_key(self, record: Record, part: str, begins: datetime | None) -> Key:
        if self.wanted.order == "updated":
            return (str(record.body.get("updated", "")), record.id, part)
        span = record.span(self.calendar.zone)
        begins = begins or (span[0] if span else EPOCH)
        return (micros(begins), record.id, part)

    # ---- what one event contributes

    def _live(self, record: Record) -> Iterator[tuple[str, Item, datetime | None]]:
        if not self._sought(record) or not self.view.shows(record.body):
            return
        if not record.recurring:
            if self._in_window(record):
                yield "", record, None
        elif self.wanted.single:
            for found in self._occurrences(record):
                yield found.key, instance(record.body, found), found.begins
        elif self._bounded() is False or self._occurs(record):
            yield "", record, None

    def _kept_tombstone(self, record: Record, number: int) -> Iterator[Row]:
        """A deleted event in a full pass: shown whole if asked for, else hidden but for a live series' gaps."""
        key = (number, "")
        shown = self.view.busy_on is None and (self.wanted.deleted or self._deleted_since(record))
        if not self._sought(record) or not self._in_window(record):
            return
        if shown and not (record.recurring and self.wanted.single):
            yield key, record
        elif record.master is not None and not self.wanted.single and self._series_lives(record.master):
            yield key, self.view.tombstone(record.body, "minimum")
        else:
            yield key, None

    def _fresh_tombstone(self, record: Record) -> Iterator[tuple[str, Item]]:
        """A deleted event in an incremental pass: always told, by default barely."""
        if self.wanted.search.types and not self._sought(record):
            return
        if record.recurring and self.wanted.single:
            for found in self._occurrences(record):
                yield found.key, self.view.tombstone(instance(record.body, found), self.knobs.tombstones)
        else:
            yield "", self.view.tombstone(record.body, self.knobs.tombstones)

    def _series_lives(self, master: str) -> bool:
        record = self.calendar.records.get(master)
        return record is not None and not record.cancelled

    def _sought(self, record: Record) -> bool:
        if not self.wanted.search.anything and not self.wanted.search.finds(self.view.seen(record.body)):
            return False
        if self.wanted.updated is None:
            return True
        return str(record.body.get("updated", "")) >= self.wanted.updated

    def _deleted_since(self, record: Record) -> bool:
        return self.wanted.updated is not None and str(record.body.get("updated", "")) >= self.wanted.updated

    def _bounded(self) -> bool:
        return self.wanted.after is not None or self.wanted.before is not None

    def _in_window(self, record: Record) -> bool:
        """All-day events are placed in the calendar's zone; one without readable times is never left out."""
        span = record.span(self.calendar.zone) if self._bounded() else ()
        if not span:
            return True
        after, before = self.wanted.after, self.wanted.before
        return (after is None or span[1] > after) and (before is None or span[0] < before)

    def _occurs(self, record: Record) -> bool:
        """True if an occurrence is in the window, or of a series whose rules cannot be read, its own times."""
        if self.calendar.series(record) is None:
            return self._in_window(record)
        return next(self._all_occurrences(record), None) is not None

    def _occurrences(self, record: Record) -> Iterator[Occurrence]:
        """The occurrences in the window that nobody changed; changed ones are rows of their own."""
        for found in self._all_occurrences(record):
            if f"{record.id}_{found.key}" not in self.calendar.records:
                yield found

    def _all_occurrences(self, record: Record) -> Iterator[Occurrence]:
        series = self.calendar.series(record)
        if series is None:
            return
        yield from series.occurrences(self.wanted.after, self.wanted.before, self._horizon(record))

    def _horizon(self, record: Record) -> datetime:
        if self.wanted.before is not None:
            return self.wanted.before
        span = record.span(self.calendar.zone)
        latest: datetime = max([self.now, *span[:1], *([self.wanted.after] if self.wanted.after else [])])
        return latest + HORIZON


def _behind(key: Key, rows: Iterator[Row]) -> Iterator[Row]:
    if not key:
        return rows
    return (row for row in rows if row[0] > key)
