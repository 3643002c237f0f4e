"""One calendar: its events, and the log of what changed when that sync tokens are read against.

Authority: contract 3.1 (tokens), 5 (series), 14 (state per calendar)
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from infra.local.calendar.messages import Json
from infra.local.calendar.record import Record
from infra.local.calendar.recurrence import Occurrence, Series, instance, split_instance
from infra.local.calendar.times import rezoned, zone_wanted

ROLES = ("none", "freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")


class About(msgspec.Struct):
    """What a calendar is, apart from its events."""

    id: str
    owner: str
    zone: str
    summary: str
    changed: int  # stamp; its etag follows from it
    primary: bool = False
    description: str = ""
    location: str = ""
    details: dict[str, Any] = {}  # labelProperties, workingHours, autoAcceptInvitations
    push_supported: bool = True
    deleted: bool = False
    epoch: int = 0  # tokens of an earlier epoch are expired
    refusals: int = 0  # so many requests with a token are still answered 410; -1: all of them


class Calendar:
    """A calendar's events by id. Ids stay taken: a deleted event remains as a tombstone.

    Cost of a change and of reading the changes since a revision: independent of the number of events.
    """

    def __init__(self, about: About) -> None:
        self.about = about
        self.zone: ZoneInfo = zone_wanted(about.zone)
        self.revision = 0
        self.records: dict[str, Record] = {}
        self._order: list[str] = []
        self._log: list[tuple[int, str]] = []  # (revision, id), ascending; an id's older entries are void
        self._exceptions: dict[str, dict[str, None]] = {}
        self._by_uid: dict[str, dict[str, None]] = {}

    @property
    def id(self) -> str:
        """The calendar's id, an address."""
        return self.about.id

    def move_to(self, zone: str) -> None:
        """Have the calendar lie in another zone: its days begin elsewhere, its times are written otherwise."""
        before, self.zone = self.zone, zone_wanted(zone)
        self.about.zone = zone
        for known in self.records.values():
            body = rezoned(known.body, self.zone, before)
            self.records[known.id] = Record(known.id, known.order, known.revision, body)

    def put(self, body: Json) -> Record:
        """Make `body` the newest version of the event with its id."""
        known = self.records.get(body["id"])
        order = known.order if known else len(self._order)
        record = Record(body["id"], order, self.revision + 1, body)
        self._keep(record)
        self._log.append((record.revision, record.id))
        self._compact()
        return record

    def restore(self, records: list[Record]) -> None:
        """Take the records of an earlier life, with their places and revisions."""
        for record in sorted(records, key=lambda record: record.order):
            self._keep(record)
        self._log = sorted((record.revision, record.id) for record in records)

    def _keep(self, record: Record) -> None:
        if record.id not in self.records:
            self._order.append(record.id)
        self.records[record.id] = record
        self.revision = max(self.revision, record.revision)
        if record.master is not None:
            self._exceptions.setdefault(record.master, {})[record.id] = None
        uid = record.body.get("iCalUID")
        if isinstance(uid, str):  # one put in raw may hold anything
            self._by_uid.setdefault(uid, {})[record.id] = None

    def _compact(self) -> None:
        if len(self._log) > 2 * len(self.records) + 1000:
            self._log = [entry for entry in self._log if self.records[entry[1]].revision == entry[0]]

    def in_order(self, start: int) -> Iterator[Record]:
        """Every event from the place `start` on, deleted ones included."""
        for place in range(start, len(self._order)):
            yield self.records[self._order[place]]

    def in_order_backwards(self, start: int | None) -> Iterator[Record]:
        """Every event from the place `start` (None: the last) down to the first, deleted ones included."""
        for place in range(len(self._order) - 1 if start is None else start, -1, -1):
            yield self.records[self._order[place]]

    def changed(self, after: int, until: int) -> Iterator[Record]:
        """Every event whose newest version is of a revision in (after, until], in the order of the changes."""
        place = bisect.bisect_right(self._log, after, key=itemgetter(0))
        while place < len(self._log) and self._log[place][0] <= until:
            revision, event_id = self._log[place]
            record = self.records[event_id]
            if record.revision == revision:
                yield record
            place += 1

    def newest(self) -> Record | None:
        """The event that changed last."""
        return self.records[self._log[-1][1]] if self._log else None

    def exceptions(self, master: str) -> list[Record]:
        """The changed and cancelled occurrences of a series, in the order in which they were made."""
        return [self.records[event_id] for event_id in self._exceptions.get(master, ())]

    def with_uid(self, uid: str) -> list[Record]:
        """The events of this iCalUID, deleted ones included: one, or a series and its exceptions."""
        found = [self.records[event_id] for event_id in self._by_uid.get(uid, ())]
        return [record for record in found if record.body.get("iCalUID") == uid]

    def find(self, event_id: str) -> Json | None:
        """The event with this id: a record's body, or the unchanged occurrence that an instance id names."""
        record = self.records.get(event_id)
        if record is not None:
            return record.body
        found = self._occurrence(event_id)
        return instance(self.records[found[0]].body, found[1]) if found else None

    def _occurrence(self, event_id: str) -> tuple[str, Occurrence] | None:
        parts = split_instance(event_id)
        master = self.records.get(parts[0]) if parts else None
        if parts is None or master is None or not master.recurring:
            return None
        series = self.series(master)
        occurrence = series.at(parts[1]) if series else None
        return (master.id, occurrence) if occurrence else None

    def series(self, master: Record) -> Series | None:
        """The occurrences of a master; None if its rules cannot be read (one put in raw, contract 5.12)."""
        return master.series(self.zone)
