"""What a client may want a meeting to be, and the limits it must keep (docs/http-provider.md, *Fields*)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

Instant = Annotated[datetime, Meta(tz=True)]
Title = Annotated[str, Meta(min_length=1, max_length=200)]
Agenda = Annotated[str, Meta(max_length=8192)]
Email = Annotated[str, Meta(min_length=1, max_length=320)]
Line = Annotated[str, Meta(pattern="^(RRULE|EXRULE|RDATE|EXDATE)[:;]", max_length=4096)]


class Guest(Struct, frozen=True):
    """Somebody invited."""

    email: Email
    name: Annotated[str, Meta(max_length=1000)] = ""
    optional: bool = False


class Change(Struct, frozen=True, omit_defaults=True):
    """One occurrence of a series that differs: moved and perhaps renamed, or cancelled."""

    original_start: Instant
    start: Instant | None = None
    end: Instant | None = None
    title: Title | None = None
    cancelled: bool = False

    def __post_init__(self) -> None:
        if self.cancelled:
            return
        if self.start is None or self.end is None:
            raise ValueError("an exception that is not cancelled needs start and end")
        _in_order(self.start, self.end)


class Desired(Struct, frozen=True):
    """The whole state a client can set; what is left out of a request takes its default."""

    title: Title
    start: Instant
    end: Instant
    time_zone: Annotated[str, Meta(max_length=64)]
    host: Email
    agenda: Agenda = ""
    recurrence: Annotated[tuple[Line, ...], Meta(max_length=100)] = ()
    exceptions: Annotated[tuple[Change, ...], Meta(max_length=2000)] = ()
    attendees: Annotated[tuple[Guest, ...], Meta(max_length=2000)] = ()

    def __post_init__(self) -> None:
        _in_order(self.start, self.end)
        _known_zone(self.time_zone)

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which a series keeps its wall time."""
        return ZoneInfo(self.time_zone)


class Edit(Struct, frozen=True):
    """What a person at the service does to a meeting by hand; fields left out stay."""

    title: Title | UnsetType = UNSET
    start: Instant | UnsetType = UNSET
    end: Instant | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    host: Email | UnsetType = UNSET
    agenda: Agenda | UnsetType = UNSET
    recurrence: tuple[Line, ...] | UnsetType = UNSET
    exceptions: tuple[Change, ...] | UnsetType = UNSET
    attendees: tuple[Guest, ...] | UnsetType = UNSET
    rotate_join_url: bool = False
    delete: bool = False

    def over(self, state: Desired) -> Desired:
        """The state after the edit. Raises ValueError if the whole is not allowed."""
        named = {name: getattr(self, name) for name in state.__struct_fields__}
        return msgspec.structs.replace(state, **{n: v for n, v in named.items() if v is not UNSET})


DESIRED, EDIT = msgspec.json.Decoder(Desired), msgspec.json.Decoder(Edit)


def fields(state: Desired) -> dict[str, Any]:
    """The state as plain JSON values."""
    return dict(msgspec.to_builtins(state))


def _in_order(start: datetime, end: datetime) -> None:
    if end <= start:
        raise ValueError("end must come after start")
    if not (start.year >= 1900 and end.year < 2300):
        raise ValueError("start and end must lie between 1900 and 2299")


def _known_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("time_zone is no IANA time zone") from error
