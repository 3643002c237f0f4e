"""Reads pages of events.list straight into events, and keeps one bad event from spoiling its page.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/events/list
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec
from msgspec import inspect

from conference.errors import Refused, Where
from conference.event import Event, Unreadable, read_event
from functions.ports import Page

T = TypeVar("T")


class _Answer(msgspec.Struct, Generic[T], frozen=True, rename="camel"):
    items: tuple[T, ...] = ()
    time_zone: str = "UTC"
    next_page_token: str | None = None
    next_sync_token: str | None = None


_whole = msgspec.json.Decoder(_Answer[Event])
_pieces = msgspec.json.Decoder(_Answer[msgspec.Raw])


class Listing(msgspec.Struct, frozen=True):
    """One answer of events.list as it came, its tokens unjudged."""

    items: tuple[Event | Unreadable, ...]
    zone: str
    next_page: str | None
    sync_token: str | None
    whole: tuple[bytes, ...] = ()


def read_listing(content: bytes) -> Listing:
    """Decode one answer; an item that is no event becomes Unreadable.

    Raises msgspec.MsgspecError or UnicodeDecodeError if the answer itself is none.
    """
    try:
        return _listing(_whole.decode(content))
    except (msgspec.ValidationError, UnicodeDecodeError):
        # Twice the work, but only for a page that holds something odd.
        pieces = _pieces.decode(content)
        return _listing(pieces, tuple(read_event(raw) for raw in pieces.items))


def read_whole_listing(content: bytes) -> Listing:
    """Decode one answer as `read_listing` does, and keep each item's JSON as it came."""
    pieces = _pieces.decode(content)
    listing = _listing(pieces, tuple(read_event(raw) for raw in pieces.items))
    return msgspec.structs.replace(listing, whole=tuple(bytes(raw) for raw in pieces.items))


def _listing(answer: _Answer[T], items: tuple[Event | Unreadable, ...] | None = None) -> Listing:
    return Listing(
        items=items if items is not None else answer.items,  # type: ignore[arg-type]  # T is Event where items is None
        zone=answer.time_zone,
        next_page=answer.next_page_token or None,
        sync_token=answer.next_sync_token or None,
    )


def to_page(listing: Listing, asked: str | None, where: Where) -> Page:
    """The page of a pass that must end in a sync token.

    Raises Refused if it cannot: neither token (the pass would never end in one), both, or the page asked for again.
    """
    if listing.next_page is None and listing.sync_token is None:
        raise Refused("a list pass ended without a sync token", where)
    if listing.next_page is not None and listing.sync_token is not None:
        raise Refused("a page came with both a page token and a sync token", where)
    refuse_repeated(listing, asked, where)
    return Page(listing.items, listing.zone, listing.next_page, listing.sync_token, listing.whole)


def refuse_repeated(listing: Listing, asked: str | None, where: Where) -> None:
    """Raise Refused if the page names itself as the next one, which would be read for ever."""
    if asked is not None and listing.next_page == asked:
        raise Refused("a page named itself as the next page", where)


# ---- The fields mask ------------------------------------------------------------------------


def mask(kind: type[msgspec.Struct]) -> str:
    """The `fields` value that selects exactly what `kind` holds, so that mask and type cannot part."""
    return ",".join(_selections(inspect.type_info(kind)))


def _selections(kind: inspect.Type) -> Iterator[str]:
    if not isinstance(kind, inspect.StructType):
        return
    for field in kind.fields:
        inner = ",".join(part for struct in _structs(field.type) for part in _selections(struct))
        yield f"{field.encode_name}({inner})" if inner else field.encode_name


def _structs(kind: inspect.Type) -> Iterator[inspect.StructType]:
    """The structs inside an optional or a list of them."""
    if isinstance(kind, inspect.StructType):
        yield kind
    elif isinstance(kind, inspect.UnionType):
        for option in kind.types:
            yield from _structs(option)
    elif isinstance(kind, inspect.VarTupleType):
        yield from _structs(kind.item_type)


EVENT_FIELDS = mask(Event)
# Without the two tokens in the mask a pass would end after one page, silently (calendar-contract 1.2.2).
PAGE_FIELDS = f"items({EVENT_FIELDS}),timeZone,nextPageToken,nextSyncToken"
