"""One event as a calendar holds it, with its JSON encoded at most once per version.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/events
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from infra.local.calendar.masks import Mask, masked
from infra.local.calendar.messages import Json, encode
from infra.local.calendar.recurrence import Series
from infra.local.calendar.times import instant


class Record:
    """One version of an event; never changed, replaced by the next one.

    `order` is its place in the calendar, kept through all versions; `revision` the calendar's revision that made it.
    `body` is the whole event as its owner sees it, a deleted one too.
    """

    __slots__ = ("_encoded", "_masked", "_series", "_span", "body", "id", "order", "revision")

    def __init__(self, event_id: str, order: int, revision: int, body: Json) -> None:
        self.id = event_id
        self.order = order
        self.revision = revision
        self.body = body
        self._encoded: bytes | None = None
        self._masked: tuple[Mask, bytes] | None = None
        self._span: tuple[datetime, datetime] | tuple[()] | None = None
        self._series: tuple[Series | None] | None = None

    @property
    def cancelled(self) -> bool:
        """True for a tombstone."""
        return bool(self.body.get("status") == "cancelled")

    @property
    def etag(self) -> str:
        """The version as the client sees it; empty for one that was put in raw without."""
        return str(self.body.get("etag", ""))

    @property
    def master(self) -> str | None:
        """The series this is an exception of."""
        master = self.body.get("recurringEventId")
        return master if isinstance(master, str) else None  # one put in raw may hold anything

    @property
    def recurring(self) -> bool:
        """True for the master of a series."""
        return bool(self.body.get("recurrence")) and self.master is None

    def encoded(self) -> bytes:
        """The body as JSON."""
        if self._encoded is None:
            self._encoded = encode(self.body)
        return self._encoded

    def encoded_masked(self, mask: Mask) -> bytes:
        """What `mask` leaves of the body, as JSON; the latest mask's result is kept."""
        if self._masked is None or self._masked[0] is not mask:
            self._masked = (mask, encode(masked(self.body, mask)))
        return self._masked[1]

    def span(self, zone: ZoneInfo) -> tuple[datetime, datetime] | tuple[()]:
        """Start and end in UTC (days lie in the calendar's `zone`); empty for an event without readable times."""
        if self._span is None:
            self._span = span_of(self.body, zone)
        return self._span

    def series(self, zone: ZoneInfo) -> Series | None:
        """The occurrences of a master in the calendar's `zone`; None if its rules cannot be read. Kept once read."""
        if self._series is None:
            self._series = (_series_of(self.body, zone),)
        return self._series[0]


def _series_of(body: Json, zone: ZoneInfo) -> Series | None:
    try:
        return Series(body, zone)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        return None


def span_of(body: Json, zone: ZoneInfo) -> tuple[datetime, datetime] | tuple[()]:
    """Start and end of an event in UTC; empty if it has no times that can be read."""
    start: Any = body.get("start") or body.get("originalStartTime")
    try:
        begins = instant(start, zone)
        return begins, instant(body.get("end") or start, zone)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        return ()
