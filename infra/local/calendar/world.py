"""All the server knows: time, calendars, channels, knobs; and the one way in which an event is written.

Authority: contract 14 (state per calendar and per user)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random

import msgspec

from infra.local.calendar.access import at_least, role_of
from infra.local.calendar.calendar import About, Calendar
from infra.local.calendar.channels import Channel, Channels
from infra.local.calendar.collection import Collection, Entry, Horizon, calendar_in, list_of, rules_of
from infra.local.calendar.conferencing import awaits
from infra.local.calendar.knobs import Knobs
from infra.local.calendar.messages import Json, encode
from infra.local.calendar.oauth.book import Book
from infra.local.calendar.persistence import Key, State
from infra.local.calendar.record import Record
from infra.local.calendar.times import micros, stamp_text
from infra.local.calendar.tokens import Scope

_BASE32HEX = "abcdefghijklmnopqrstuv0123456789"


class Life(msgspec.Struct):
    """What is kept of the server itself: its identity (tokens of another life are expired) and its clock's offset."""

    id: str
    offset: float = 0.0


class World:
    """Everything between two resets. Nothing is durable before `commit`."""

    def __init__(
        self, clock: Callable[[], datetime], random: Random, zone: str, state: State | None, new_key: Callable[[], str]
    ) -> None:
        self._clock = clock
        self._state = state
        self._unsaved: dict[Key, bytes | None] = {}
        self._stamp = 0
        # Separate streams, so that a fault that is switched on does not reshuffle the ids.
        self._ids = Random(random.getrandbits(64))  # noqa: S311 - ids of a development server
        self.random = Random(random.getrandbits(64))  # noqa: S311 - faults are drawn, not secrets
        self.zone = zone
        self.life = Life(f"{random.getrandbits(64):016x}")
        self.knobs = Knobs()
        self.channels = Channels(Random(random.getrandbits(64)))  # noqa: S311 - faults are drawn, not secrets
        self.book = Book(Random(random.getrandbits(64)), self._save, new_key)  # noqa: S311 - tokens of a development server
        self.calendars: dict[str, Calendar] = {}
        self.pending: dict[tuple[str, str], datetime] = {}  # events whose create request will succeed then
        self.collections: dict[str, Collection] = {}
        self.groups: dict[str, list[str]] = {}

    # ---- time and ids

    def now(self) -> datetime:
        """The server's present instant."""
        now = self._clock()
        return now + timedelta(seconds=self.life.offset) if self.life.offset else now

    def set_clock(self, now: datetime) -> None:
        """Make `now` the present; time goes on from there."""
        self.life.offset = (now - self._clock()).total_seconds()
        self.save_life()

    def stamp(self) -> int:
        """Microseconds since the epoch, greater than any stamp before."""
        self._stamp = max(self._stamp + 1, micros(self.now()))
        return self._stamp

    def new_id(self, length: int = 26) -> str:
        """An id as Google makes them."""
        return "".join(self._ids.choice(_BASE32HEX) for _ in range(length))

    # ---- calendars

    def primary(self, user: str) -> Calendar:
        """The user's primary calendar, which comes into being at first use."""
        known = self.calendars.get(user)
        return known or self.add_calendar(About(user, user, self.zone, user, self.stamp(), primary=True))

    def add_calendar(self, about: About) -> Calendar:
        """A new, empty calendar."""
        calendar = self.calendars[about.id] = Calendar(about)
        self.save_calendar(calendar)
        rule = {"scope": {"type": "user", "value": about.owner}, "role": "owner"}
        self.change(rules_of(about.id), f"user:{about.owner}", rule)
        self.change(list_of(about.owner), about.id, {"selected": True})
        return calendar

    def scope(self, calendar: Calendar, user: str) -> Scope:
        """What sync tokens of this calendar, as this user sees it, belong to."""
        return Scope(self.life.id, calendar.id, user, calendar.about.epoch)

    # ---- small collections

    def collection(self, name: str) -> Collection:
        """The collection of this name, empty at first."""
        known = self.collections.get(name)
        return known or self.collections.setdefault(name, Collection(name))

    def change(self, name: str, entry_id: str, value: Json, *, gone: bool = False) -> Entry:
        """Make `value` the newest version of an entry: new revision, a notice to every channel."""
        entry = self.collection(name).put(entry_id, value, self.stamp(), gone=gone)
        self._unsaved["entry", name, entry_id] = encode(entry)
        self.tell(name)
        return entry

    def users(self) -> list[str]:
        """Everyone who has a calendar list."""
        return [name.split("/")[1] for name in self.collections if name.endswith("/calendarList")]

    def put_group(self, group: str, members: list[str]) -> None:
        """Have a group consist of these members."""
        self.groups[group] = members
        self._unsaved["group", "", group] = encode(members)

    def tell(self, topic: str, state: str = "exists") -> None:
        """A notice to every channel of the topic whose user may still hear of it."""
        for channel in self.channels.notify(topic, self.now(), lambda user: self._may_hear(topic, user), state):
            self.save_channel(channel)

    def _may_hear(self, topic: str, user: str) -> bool:
        if topic.startswith("users/"):
            return True  # a channel of the user's own
        calendar = self.calendars[calendar_in(topic)]
        return at_least(role_of(self, calendar, user), "freeBusyReader" if topic == calendar.id else "owner")

    # ---- events

    def write(self, calendar: Calendar, body: Json, *, moves_updated: bool = True) -> Record:
        """Make `body` the newest version of its event: new etag, new revision, a notice to every channel."""
        stamp = self.stamp()
        body["etag"] = f'"{2 * stamp}"'
        if moves_updated or "updated" not in body:
            body["updated"] = stamp_text(stamp)
        return self.keep(calendar, body)

    def keep(self, calendar: Calendar, body: Json) -> Record:
        """Keep `body` as it is, with the etag it has."""
        record = calendar.put(body)
        self._save_record(calendar, record)
        self.tell(calendar.id)
        if awaits(body):
            self._await(calendar.id, record.id, self.knobs.pending_seconds)
        return record

    def _await(self, calendar_id: str, event_id: str, seconds: float) -> None:
        self.pending.setdefault((calendar_id, event_id), self.now() + timedelta(seconds=seconds))

    def last_write(self, calendar: Calendar) -> int:
        """The stamp of the calendar's newest event version."""
        newest = calendar.newest()
        return max(calendar.about.changed, _stamp_of(newest.etag) if newest else 0)

    # ---- durability

    def save_records(self, calendar: Calendar) -> None:
        """Have every event of the calendar written with the next commit."""
        for record in calendar.records.values():
            self._save_record(calendar, record)

    def _save_record(self, calendar: Calendar, record: Record) -> None:
        place = f"{record.order} {record.revision} ".encode()
        self._unsaved["event", calendar.id, record.id] = place + record.encoded()

    def save_life(self) -> None:
        """Have the server's own row written with the next commit."""
        self._unsaved["life", "", ""] = encode(self.life)

    def save_calendar(self, calendar: Calendar) -> None:
        """Have the calendar's row written with the next commit."""
        self._unsaved["calendar", "", calendar.id] = encode(calendar.about)

    def save_channel(self, channel: Channel) -> None:
        """Have the channel's row written with the next commit."""
        self._unsaved["channel", "", channel.id] = encode(channel)

    def save_horizon(self, collection: Collection) -> None:
        """Have the collection's own row written with the next commit."""
        self._unsaved["collection", "", collection.name] = encode(collection.horizon)

    def _save(self, key: Key, value: bytes | None) -> None:
        self._unsaved[key] = value

    def commit(self) -> None:
        """Make everything written since the last commit durable."""
        if self._state is not None and self._unsaved:
            self._state.write(self._unsaved)
        self._unsaved = {}

    def load(self) -> None:
        """Take up what an earlier process left."""
        rows: dict[str, list[tuple[Key, bytes]]] = defaultdict(list)
        for key, value in self._state.load() if self._state else ():
            rows[key[0]].append((key, value))
        for _, value in rows["life"]:
            self.life = msgspec.json.decode(value, type=Life)
        for _, value in rows["calendar"]:
            about = msgspec.json.decode(value, type=About)
            self.calendars[about.id] = Calendar(about)
            self._stamp = max(self._stamp, about.changed)
        for _, value in rows["channel"]:
            self.channels.restore(msgspec.json.decode(value, type=Channel))
        for (_, shelf, record_id), value in rows["oauth"]:
            self.book.restore(shelf, record_id, value)
        self._load_events(rows["event"])
        self._load_collections(rows)
        self.save_life()

    def _load_collections(self, rows: Mapping[str, list[tuple[Key, bytes]]]) -> None:
        for (_, name, _), value in rows["entry"]:
            entry = msgspec.json.decode(value, type=Entry)
            self.collection(name).restore(entry)
            self._stamp = max(self._stamp, entry.stamp)
        for (_, _, name), value in rows["collection"]:
            self.collection(name).horizon = msgspec.json.decode(value, type=Horizon)
        for (_, _, group), value in rows["group"]:
            self.groups[group] = msgspec.json.decode(value, type=list[str])

    def _load_events(self, rows: list[tuple[Key, bytes]]) -> None:
        by_calendar: dict[str, list[Record]] = {}
        for (_, calendar_id, event_id), value in rows:
            order, revision, raw = value.split(b" ", 2)
            record = Record(event_id, int(order), int(revision), msgspec.json.decode(raw))
            by_calendar.setdefault(calendar_id, []).append(record)
            self._stamp = max(self._stamp, _stamp_of(record.etag))
            if awaits(record.body):
                self._await(calendar_id, event_id, 0)
        for calendar_id, records in by_calendar.items():
            self.calendars[calendar_id].restore(records)


def _stamp_of(etag: str) -> int:
    digits = etag.strip('"')
    return int(digits) // 2 if digits.isdecimal() else 0
