"""What a form may say: read strictly, so that bad input is answered with the field's name and never travels on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from conference.decoding import from_plain
from functions.console.actions import Chosen, Wish
from functions.console.moves import Shift

_FeedId = Annotated[str, Meta(pattern="^[0-9a-f]{20}$")]
_EventId = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,1024}$")]
_Etag = Annotated[str, Meta(pattern='^(W/)?"[!#-~]{1,200}"$')]  # no line ends, and never the * that fits everything
_Title = Annotated[str, Meta(pattern=r"\S", max_length=1000)]

SHIFTS = {
    "-1d": Shift(days=-1),
    "-60": Shift(minutes=-60),
    "-30": Shift(minutes=-30),
    "+30": Shift(minutes=30),
    "+60": Shift(minutes=60),
    "+1d": Shift(days=1),
}


class Form(msgspec.Struct, frozen=True):
    """What every form about an event carries."""

    feed: _FeedId
    event: _EventId
    etag: _Etag

    @property
    def chosen(self) -> Chosen:
        """The event it is about."""
        return Chosen(self.feed, self.event, self.etag)


class MoveForm(Form, frozen=True):
    """A move by one of the offered steps."""

    by: Literal["-1d", "-60", "-30", "+30", "+60", "+1d"]

    @property
    def shift(self) -> Shift:
        """The step."""
        return SHIFTS[self.by]


class RenameForm(Form, frozen=True):
    """A new title."""

    title: _Title


class NewForm(msgspec.Struct, frozen=True):
    """A new event; `start` as a browser's datetime-local field sends it."""

    feed: _FeedId
    title: _Title
    start: Annotated[str, Meta(pattern=r"^2[01]\d\d-\d\d-\d\dT\d\d:\d\d(:\d\d)?$")]
    minutes: Annotated[int, Meta(ge=5, le=24 * 60)]
    provider: Annotated[str, Meta(max_length=100)] = ""

    @property
    def wish(self) -> Wish:
        """The event to make. Raises msgspec.ValidationError if there is no such day."""
        try:
            start = datetime.fromisoformat(self.start)
        except ValueError:
            raise msgspec.ValidationError("there is no such day or hour - at `$.start`") from None
        return Wish(self.feed, self.title, start, self.minutes, self.provider or None)


F = TypeVar("F", bound=msgspec.Struct)

_READERS: dict[Any, Callable[[Any], Any]] = {
    kind: from_plain(kind, strict=False) for kind in (Form, MoveForm, RenameForm, NewForm)
}


def read(fields: Mapping[str, str], kind: type[F]) -> F:
    """The form in these fields. Raises msgspec.ValidationError, which names the field and not what it held."""
    form: F = _READERS[kind](dict(fields))
    return form
