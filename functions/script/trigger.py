"""A trigger: who wants to be called when a calendar changes or a clock strikes; its document, and how it is shown.

Authority: https://developers.google.com/apps-script/reference/script/trigger
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from conference.decoding import from_plain
from functions.feed import retried
from functions.ground import Ground
from functions.ports import Document, Put
from functions.script import context
from functions.script.changes import Filters
from functions.script.clockwork import Clock, Clockwork, resume, upcoming
from functions.script.enums import EventType, TriggerSource, TriggerStatus
from functions.script.project import Project
from functions.script.schedule import Schedule

COLLECTION = "triggers"
CALENDAR, CLOCK = "calendar", "clock"


class TriggerRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a trigger; instants in seconds since the epoch."""

    id: str
    script: str
    user: str
    owner: str  # owner_of(script, user), to be queried
    handler: str
    source: str  # CALENDAR or CLOCK
    order: int  # creation order among the owner's
    created_at: float
    feed: str | None = None
    calendar: str | None = None
    filters: Filters = Filters()
    schedule: Schedule | None = None
    clockwork: Clockwork | None = None
    next_fire: float | None = None  # when the tick must look at a clock trigger; absent when never
    status: str = TriggerStatus.ACTIVE
    reason: str | None = None
    since: float | None = None  # when the status became what it is
    last_run: float | None = None
    last_error: str | None = None
    failures: int = 0  # runs that failed since the last one that did not
    declared: str | None = None  # the name of the declaration that made it
    lease_until: float = 0.0  # a run of it is under way
    lease_turn: str = ""  # the task that holds the lease
    fence: int = 0
    asked: int = 0  # raised by whoever found the lease held: the holder looks again before it ends


def owner_of(script: str, user: str) -> str:
    """The key of everything that one user has in one script."""
    return hashlib.sha256(f"{script}\0{user}".encode()).hexdigest()[:32]


def new_id(project: Project, user: str) -> str:
    """A new unique id: decimal digits, nineteen of them as in the documented example."""
    drawn = hashlib.sha256(f"{project.id}\0{user}\0{project.ground.new_secret()}".encode()).digest()
    return str(10**18 + int.from_bytes(drawn[:8], "big") % (9 * 10**18))


def key_of(trigger: str) -> str:
    """Its document's key; `trigger` is one of our ids."""
    return f"{COLLECTION}/{trigger}"


_record = from_plain(TriggerRecord)


def decode(document: Document) -> TriggerRecord:
    """The record in a document."""
    return _record(document.data)


def encode(record: TriggerRecord) -> dict[str, Any]:
    """A record as a document's data; without `next_fire` when none is to come, so that no query finds it."""
    data: dict[str, Any] = msgspec.to_builtins(record)
    return data


def put(record: TriggerRecord, version: str | None) -> Put:
    """The write of a record, if it is still at `version` (None: if there is none yet)."""
    return Put(key_of(record.id), encode(record), version)


def find(ground: Ground, trigger: str) -> tuple[Document, TriggerRecord] | None:
    """The trigger with this id, if it lives."""
    document = ground.store.get(key_of(trigger)) if trigger.isdecimal() and len(trigger) < 64 else None
    return (document, decode(document)) if document else None


def change(
    ground: Ground, trigger: str, how: Callable[[TriggerRecord], TriggerRecord | None], *also: Put
) -> TriggerRecord | None:
    """Apply `how` to the record as it is now; None from it leaves the record alone. None if the trigger is gone."""

    def attempt() -> TriggerRecord | None:
        found = find(ground, trigger)
        if found is None:
            return None
        document, record = found
        wanted = how(record)
        if wanted is None:
            return record
        ground.store.commit(put(wanted, document.version), *also)
        return wanted

    return retried(attempt, "the trigger's document is too busy")


def with_status(record: TriggerRecord, status: TriggerStatus, reason: str | None, now: float) -> TriggerRecord:
    """The record with this status; `since` stays if only the reason is another."""
    since = record.since if record.status == status and record.since is not None else now
    return msgspec.structs.replace(record, status=str(status), reason=reason, since=since)


@dataclass(frozen=True, eq=False)
class Trigger:
    """A trigger as a script sees it: what it was when it was read."""

    project: Project
    record: TriggerRecord

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trigger) and other.record.id == self.record.id

    def __hash__(self) -> int:
        return hash(self.record.id)

    def __repr__(self) -> str:
        return f"Trigger({self.unique_id}, {self.handler_function!r}, {self.trigger_source}, {self.status})"

    @property
    def unique_id(self) -> str:
        """Its id, decimal digits."""
        return self.record.id

    @property
    def handler_function(self) -> str:
        """The registered name of the function it calls."""
        return self.record.handler

    @property
    def event_type(self) -> EventType:
        """What makes it fire."""
        return EventType.ON_EVENT_UPDATED if self.record.source == CALENDAR else EventType.CLOCK

    @property
    def trigger_source(self) -> TriggerSource:
        """Where its events come from."""
        return TriggerSource.CALENDAR if self.record.source == CALENDAR else TriggerSource.CLOCK

    @property
    def trigger_source_id(self) -> str | None:
        """The canonical calendar id; None for a clock trigger."""
        return self.record.calendar

    @property
    def status(self) -> TriggerStatus:
        """How it fares."""
        return TriggerStatus(self.record.status)

    @property
    def disabled_reason(self) -> str | None:
        """Why it is not active, if it is not."""
        return self.record.reason

    @property
    def status_since(self) -> datetime | None:
        """Since when it fares so (aware, UTC); None if always."""
        return _instant(self.record.since)

    @property
    def last_run(self) -> datetime | None:
        """When its last run began (aware, UTC)."""
        return _instant(self.record.last_run)

    @property
    def last_error(self) -> str | None:
        """What its last run failed with; None if it did not."""
        return self.record.last_error

    @property
    def next_fire(self) -> datetime | None:
        """When the clock strikes next (aware, UTC); None for a calendar trigger, and when it has struck for good."""
        record = self.record
        if record.schedule is None or record.clockwork is None or record.status == TriggerStatus.DISABLED:
            return None
        return _instant(upcoming(Clock(record.schedule, record.id, record.created_at), record.clockwork))

    def get_unique_id(self) -> str:
        """`unique_id`."""
        return self.unique_id

    def get_handler_function(self) -> str:
        """`handler_function`."""
        return self.handler_function

    def get_event_type(self) -> EventType:
        """`event_type`."""
        return self.event_type

    def get_trigger_source(self) -> TriggerSource:
        """`trigger_source`."""
        return self.trigger_source

    def get_trigger_source_id(self) -> str | None:
        """`trigger_source_id`."""
        return self.trigger_source_id

    def is_disabled(self) -> bool:
        """True if somebody switched it off."""
        return self.status is TriggerStatus.DISABLED

    def disable(self, reason: str = "") -> Trigger:
        """Switch it off; the trigger as it is now. A calendar's changes are passed over until it is enabled."""
        return self._with(TriggerStatus.DISABLED, reason or "disabled by its script")

    def enable(self) -> Trigger:
        """Switch it on again, whatever stopped it; the trigger as it is now."""
        return self._with(TriggerStatus.ACTIVE, None)

    def _with(self, status: TriggerStatus, reason: str | None) -> Trigger:
        context.check_time()
        now = self.project.ground.now()

        def switched(record: TriggerRecord) -> TriggerRecord:
            return with_status(_wound(record, status, now), status, reason, now)

        changed = change(self.project.ground, self.record.id, switched)
        return Trigger(self.project, changed or self.record)


def _wound(record: TriggerRecord, status: TriggerStatus, now: float) -> TriggerRecord:
    """A clock trigger's clockwork: it rests while the trigger is disabled."""
    if record.schedule is None or record.clockwork is None:
        return record
    if status is TriggerStatus.DISABLED:
        return msgspec.structs.replace(record, next_fire=None)
    if record.next_fire is not None:
        # It goes: what it is about to do is not forgotten.
        return record
    clockwork = resume(record.schedule, record.id, record.created_at, record.clockwork, now)
    return msgspec.structs.replace(record, clockwork=clockwork, next_fire=clockwork.due)


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
