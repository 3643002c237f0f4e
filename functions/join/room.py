"""From the key in a join link to the room it opens: which event holds it, how its door stands, and the grant.

Authority for the grant: https://janus.conf.meetecho.com/docs/auth.html
Rows are found by the meeting, not by the key alone: so a key opens rooms of this one provider only, and an event that
shares its room with another (a copy, "this and following") opens it at its own times.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from conference import text
from conference.door import Door, Standing, standing
from conference.errors import Gone, Poison, Refused
from conference.key import is_ours
from conference.link import index
from conference.meeting import MeetingId, MeetingRef
from conference.providers.janus_join import grant
from functions import ledger
from functions.ground import Ground
from functions.ledger import Row
from functions.ports import Where

MOST_EVENTS = 20
"""More events than this never share a room; the others are not looked at."""
LONGEST_NAME = 60
GUEST = "Guest"


@dataclass(frozen=True, slots=True)
class Rooms:
    """The server whose rooms are joined: its provider and account, where browsers reach it, and what signs grants."""

    provider: str
    account: str
    server: str
    token_secret: str = field(repr=False)


class Why(enum.Enum):
    """Why there are no times."""

    RELEASED = "released"  # the event has another meeting by now, or none
    UNREADABLE = "unreadable"


class Pass(msgspec.Struct, frozen=True):
    """What a browser needs to join: `core` goes with every request to `server`, `token` into the join message.

    Both are signed, for this room and until `expires` (seconds since the epoch).
    """

    title: str
    room: str
    server: str
    core: str
    token: str
    display: str
    expires: int

    def __repr__(self) -> str:
        return f"Pass(expires={self.expires})"


def look(ground: Ground, rooms: Rooms, key: str) -> Standing | Why | None:
    """How the door of the room stands; None for a key that opens nothing: of those not ours, no store is asked."""
    if not is_ours(ground.key_secret, key):
        return None
    meeting, now = index(MeetingRef(rooms.provider, rooms.account, MeetingId(key))), ground.clock.now()
    held = _rows(ground, "meeting", meeting)
    if held:
        return _best([_stands(row, now) for row in held])
    former = _rows(ground, "former", meeting)
    if not former:
        return None
    cancelled = [_stands(row, now) for row in former if row.seen is not None and row.seen.cancelled]
    return _best(cancelled) if len(cancelled) == len(former) else Why.RELEASED


def admit(ground: Ground, rooms: Rooms, key: str, display: str) -> Pass:
    """Let a visitor in, under a name of their choice, until half an hour after the end.

    Raises Gone for a key that opens nothing, Refused while the door is closed.
    """
    found = look(ground, rooms, key)
    if found is None:
        raise Gone("no room has this key")
    if not isinstance(found, Standing) or found.door is not Door.OPEN or found.date is None:
        raise Refused("the room is closed now")
    until = found.date.closes
    signed = grant(rooms.token_secret, key, until)
    name = text.name(display)[:LONGEST_NAME].strip() or GUEST
    return Pass(found.title, key, rooms.server, signed.core, signed.room, name, int(until.timestamp()))


def _rows(ground: Ground, name: str, meeting: str) -> list[Row]:
    found = ground.store.query(ledger.COLLECTION, [Where(name, "==", meeting)], limit=MOST_EVENTS)
    return [ledger.decode(document) for document in found]


def _stands(row: Row, now: datetime) -> Standing | Why:
    if row.seen is None:
        return Why.UNREADABLE
    try:
        return standing(row.seen, row.exceptions.values(), ZoneInfo(row.zone), now)
    except (Poison, KeyError, ValueError, OSError):
        return Why.UNREADABLE


def _best(found: Iterable[Standing | Why]) -> Standing | Why:
    """Of several events that share a room: the one that opens it, else the one that will, else what was."""
    return min(found, key=_rank)


def _rank(found: Standing | Why) -> tuple[int, float]:
    if isinstance(found, Why):
        return 3, 0.0
    start = found.date.slot.start.timestamp() if found.date else 0.0
    match found.door:
        case Door.OPEN:
            return 0, -start
        case Door.EARLY:
            return 1, start
        case Door.OVER:
            return 2, -start
        case Door.CANCELLED:
            return 4, 0.0
