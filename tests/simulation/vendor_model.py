"""One conferencing vendor as a model in memory: what it holds, what people there do by hand, and what it pushes.

Authority: conference/providers/protocol.py; the provider contract suite judges the model together with real providers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

import msgspec

from conference.providers.protocol import CreateKey, Field, Recurrence, Schedule

State = dict[str, Any]
"""What a meeting holds, as plain JSON: a dict is never changed in place, so that a reference to one is a snapshot."""

PARTS: dict[Field, tuple[str, ...]] = {
    Field.TITLE: ("title",),
    Field.SCHEDULE: ("start", "end", "zone"),
    Field.HOST: ("host",),
    Field.AGENDA: ("agenda",),
    Field.ATTENDEES: ("attendees",),
    Field.RECURRENCE: ("recurrence",),
    Field.EXCEPTIONS: ("exceptions",),
}
"""The names in a state that hold each part of a meeting."""

NEEDED = (Field.TITLE, Field.SCHEDULE, Field.HOST)
"""No meeting is without these: a vendor that ignores one still takes it when the meeting is made."""

_TIMED = (Field.TITLE, Field.SCHEDULE, Field.HOST, Field.AGENDA, Field.ATTENDEES)
_RECURRING: dict[Recurrence, tuple[Field, ...]] = {
    Recurrence.NONE: (),
    Recurrence.SERIES: (Field.RECURRENCE,),
    Recurrence.OCCURRENCES: (Field.RECURRENCE, Field.EXCEPTIONS),
}


@dataclass(frozen=True)
class Traits:
    """What kind of vendor it is. Raises ValueError if it would repeat meetings without knowing of time."""

    name: str
    create_key: CreateKey = CreateKey.EXTERNAL_KEY
    schedule: Schedule = Schedule.EXACT
    conditional: bool = True
    """It tells versions and honours them."""
    readable: bool = True
    """All that it holds can be read back, so that digests can be told."""
    lists: bool = True
    pushes: bool = True
    recurrence: Recurrence = Recurrence.OCCURRENCES
    ignores: Field | None = None
    """A part that it does not store, though it answers with success; one of NEEDED is stored when the meeting is made.
    What people there write by hand is stored."""
    list_lag: float = 0.0
    """Seconds until `list` and `find` show a meeting that was made."""
    tells_key: bool = True
    """A meeting says with which key it was made; of a vendor that does not say so, orphans cannot be recognised."""

    def __post_init__(self) -> None:
        if self.schedule is Schedule.NONE and self.recurrence is not Recurrence.NONE:
            raise ValueError("a vendor that knows nothing of time holds no series")

    @property
    def held(self) -> tuple[Field, ...]:
        """The parts of a meeting that it holds."""
        return (Field.TITLE,) if self.schedule is Schedule.NONE else _TIMED + _RECURRING[self.recurrence]


@dataclass(slots=True)
class Held:
    """One live meeting, as the vendor has it."""

    id: str
    key: str | None
    """The key it was made with; None if people made it."""
    state: State
    """title, start, end, zone, host, agenda, attendees (addresses, sorted), recurrence (lines) and exceptions (original
    start -> {start, end, title}, or None if cancelled), as far as the vendor holds them. Instants end in Z."""
    version: int
    """Another after every change, and never the same for two meetings."""
    rotation: int
    made_at: float
    by_us: bool


class Change(NamedTuple):
    """Something that happened; `at` in seconds since the epoch, `what` is made, edited or deleted."""

    at: float
    what: str
    id: str
    title: str
    by_us: bool


class Push(NamedTuple):
    """A push as it travels; header names are in lower case."""

    headers: dict[str, str]
    body: bytes


class Pushed(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a push says."""

    id: str
    what: str
    meeting: str
    at: float
    version: str | None = None


class VendorModel:
    """What one vendor holds; `clock` tells the time of changes."""

    def __init__(self, traits: Traits, clock: Callable[[], datetime]) -> None:
        self.traits = traits
        self.live: dict[str, Held] = {}
        """The meetings by id, in the order in which they were made."""
        self.log: list[Change] = []
        """Every change ever, in order."""
        self.names: frozenset[str] = frozenset(name for part in traits.held for name in PARTS[part])
        """What a state has."""
        self.push_token = f"{traits.name}-push-token"
        self._clock = clock
        self._ids, self._versions = count(1), count(1)
        self._pushes: deque[tuple[float, Push]] = deque()

    def join_url(self, meeting: str) -> str:
        """Where a live meeting is joined now. Raises KeyError if there is none."""
        return f"https://{self.traits.name}.vendor.test/j/{meeting}-{self.live[meeting].rotation}"

    # ---- what people there do by hand ----

    def make(self, title: str) -> str:
        """Make a meeting of their own, tomorrow for an hour; its id."""
        start = self._clock() + timedelta(days=1)
        state: State = {
            "title": title,
            "start": instant(start),
            "end": instant(start + timedelta(hours=1)),
            "zone": "UTC",
            "host": f"somebody@{self.traits.name}.vendor.test",
            "agenda": "",
            "attendees": [],
            "recurrence": [],
            "exceptions": {},
        }
        return self._make({n: v for n, v in state.items() if n in self.names}, None, by_us=False).id

    def edit(self, meeting: str, **state: Any) -> None:
        """Change some of what a meeting holds. Raises KeyError if it is not live, ValueError for what is not held."""
        if not self.names.issuperset(state):
            raise ValueError(f"{self.traits.name} does not hold all of this")
        self._change(self.live[meeting], state, by_us=False)

    def rotate(self, meeting: str) -> None:
        """Give a meeting another join link. Raises KeyError if it is not live."""
        held = self.live[meeting]
        held.rotation += 1
        self._changed("edited", held, by_us=False)

    def delete(self, meeting: str) -> None:
        """Delete a meeting. Raises KeyError if it is not live."""
        self._changed("deleted", self.live.pop(meeting), by_us=False)

    # ---- what programs do ----

    def find(self, key: str) -> Held | None:
        """The first live meeting made with the key that the vendor shows by now."""
        return next((held for held in self.shown() if held.key == key), None)

    def shown(self) -> list[Held]:
        """The live meetings that lists show by now."""
        if not self.traits.list_lag:
            return [*self.live.values()]
        until = self._now() - self.traits.list_lag
        return [held for held in self.live.values() if held.made_at <= until]

    def create(self, state: State, key: str) -> tuple[Held, bool]:
        """The meeting, and whether this call made it; where keys are unique, a live one of this key stays as it is."""
        if self.traits.create_key in (CreateKey.EXTERNAL_KEY, CreateKey.CLIENT_ID):
            for held in self.live.values():
                if held.key == key:
                    return held, False
        ignored = self.traits.ignores
        if ignored and ignored not in NEEDED:
            state = {name: type(value)() if name in PARTS[ignored] else value for name, value in state.items()}
        return self._make(state, key, by_us=True), True

    def update(self, meeting: str, state: State) -> Held:
        """Bring a meeting to the state; one that it has already is no change. Raises KeyError if it is not live."""
        held, ignored = self.live[meeting], self.traits.ignores
        if ignored:
            state = {name: value for name, value in state.items() if name not in PARTS[ignored]}
        self._change(held, state, by_us=True)
        return held

    def remove(self, meeting: str) -> bool:
        """Delete a meeting; False if it is not live."""
        held = self.live.pop(meeting, None)
        if held is not None:
            self._changed("deleted", held, by_us=True)
        return held is not None

    # ---- what the vendor tells by itself ----

    def due_pushes(self, now: datetime) -> list[Push]:
        """The pushes of changes up to now, in order; each is handed out once."""
        until, due = now.timestamp(), []
        while self._pushes and self._pushes[0][0] <= until:
            due.append(self._pushes.popleft()[1])
        return due

    # ---- one change ----

    def _now(self) -> float:
        return self._clock().timestamp()

    def _make(self, state: State, key: str | None, *, by_us: bool) -> Held:
        client_id = key if self.traits.create_key is CreateKey.CLIENT_ID else None
        held = Held(client_id or f"{self.traits.name}-m{next(self._ids)}", key, state, 0, 0, self._now(), by_us)
        self.live[held.id] = held
        self._changed("made", held, by_us=by_us)
        return held

    def _change(self, held: Held, state: State, *, by_us: bool) -> None:
        after = {**held.state, **state}
        if after != held.state:
            held.state = after
            self._changed("edited", held, by_us=by_us)

    def _changed(self, what: str, held: Held, *, by_us: bool) -> None:
        if what != "deleted":
            # Of one that is gone, a push tells the version that it had.
            held.version = next(self._versions)
        change = Change(self._now(), what, held.id, held.state["title"], by_us)
        self.log.append(change)
        if self.traits.pushes:
            version = str(held.version) if self.traits.conditional else None
            said = Pushed(f"p{len(self.log)}", what, held.id, change.at, version)
            push = Push({"x-vendor-token": self.push_token}, msgspec.json.encode(said))
            self._pushes.append((change.at, push))


def instant(when: datetime) -> str:
    """An instant as states have it."""
    return when.astimezone(UTC).isoformat()[: -len("+00:00")] + "Z"
