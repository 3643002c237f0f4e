"""Collect what the console shows, from the ground as it is now; what does not answer is said in a sentence instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from conference.errors import LockstepError
from conference.event import Event
from conference.key import is_ours
from conference.link import index
from conference.meeting import Meeting
from conference.providers.protocol import MeetingLister
from functions import channel, dead, ledger, runs
from functions import feed as feeds
from functions.console import words
from functions.console.cards import Frame, MeetingCard, meeting_card
from functions.console.history import Parked, Run, parked, parked_row, ran
from functions.console.pairs import Gathered, Joined, Pair, join
from functions.console.scripts import ScriptTrigger, script_triggers, totals
from functions.feed import Feed
from functions.ground import DAY, Ground
from functions.initialise import SCRIPT
from functions.ledger import Row
from functions.ports import Document, Where
from functions.script import processes
from functions.script import trigger as triggers
from functions.script.trigger import TriggerRecord

T = TypeVar("T")

AHEAD = timedelta(days=14)
_FEEDS, _ROWS, _MEETINGS, _ORPHANS, _NEWEST = 100, 2000, 2000, 25, 12
_TRIGGERS, _EXECUTIONS, _SHOWN = 1000, 1000, 25


class Tab(msgspec.Struct, frozen=True):
    """A connected calendar that may be looked at."""

    id: str
    user: str
    calendar: str
    chosen: bool = False


class Fact(msgspec.Struct, frozen=True):
    """One figure of the feed, with its exact instant for those who want it."""

    name: str
    value: str
    exact: str = ""


class Head(msgspec.Struct, frozen=True):
    """How the feed stands; `trouble` says why it does not run."""

    id: str
    user: str
    calendar: str
    zone: str
    facts: tuple[Fact, ...] = ()
    trouble: str = ""


class State(msgspec.Struct, frozen=True):
    """Everything on the page; `silent` has one sentence for each outside that did not answer."""

    clock: str
    chosen: str | None = None  # the id of the feed that is shown, or was asked for
    tabs: tuple[Tab, ...] = ()
    head: Head | None = None
    pairs: tuple[Pair, ...] = ()
    beyond: int = 0
    orphans: tuple[MeetingCard, ...] = ()
    more_orphans: int = 0
    runs: tuple[Run, ...] = ()
    parked: tuple[Parked, ...] = ()
    scripts: tuple[ScriptTrigger, ...] = ()
    more_scripts: int = 0
    script_runs: str = ""  # how many runs of scripts there were in a day, and how many of them failed
    silent: tuple[str, ...] = ()
    missing: str = ""  # why there is no feed to show
    providers: tuple[str, ...] = ()  # what a new event may ask for
    soon: str = ""  # a likely start for a new event, as a datetime-local field has it


@dataclass(slots=True)
class _Asking:
    """Asks, and keeps a sentence for each question that was not answered."""

    silent: list[str] = field(default_factory=list)

    def take(self, subject: str, outcome: T | Exception, otherwise: T) -> T:
        """The outcome, or `otherwise` with a sentence about `subject`."""
        if isinstance(outcome, Exception):
            self.silent.append(words.failure(subject, outcome))
            return otherwise
        return outcome

    def ask(self, subject: str, question: Callable[[], T], otherwise: T) -> T:
        """The answer, or `otherwise` with a sentence about `subject`."""
        try:
            return question()
        except (LockstepError, msgspec.ValidationError) as error:
            return self.take(subject, error, otherwise)


def collect(ground: Ground, chosen: str | None = None) -> State:
    """The state of the feed with the id `chosen`, else of the first one. Never raises one of our errors."""
    asking, now = _Asking(), ground.clock.now()
    connected: list[tuple[str, Feed]] = asking.ask("The list of calendars", lambda: _feeds(ground), [])
    if chosen is None and connected:
        chosen = connected[0][0]
    tabs = tuple(Tab(name, feed.user, feed.calendar, chosen=name == chosen) for name, feed in connected)
    feed = dict(connected).get(chosen or "")
    zone = _zone(feed)
    shown = State(
        clock=f"{now.astimezone(zone):%H:%M:%S}",
        chosen=chosen,
        tabs=tabs,
        missing=_missing(connected, asking),
        providers=tuple(sorted(ground.providers)),
        soon=_soon(now.astimezone(zone)),
        runs=_runs(ground, asking, Frame(zone, now), dict(connected)),
    )
    shown = _with_scripts(ground, asking, shown, Frame(zone, now))
    if feed is not None:
        shown = _with_feed(ground, asking, shown, chosen or "", feed)
    return msgspec.structs.replace(shown, silent=tuple(asking.silent))


def _feeds(ground: Ground) -> list[tuple[str, Feed]]:
    found = ground.store.query(feeds.COLLECTION, limit=_FEEDS)
    named = [(document.key.removeprefix(f"{feeds.COLLECTION}/"), feeds.decode(document)) for document in found]
    return sorted(named, key=lambda each: (each[1].user, each[1].calendar != each[1].user, each[1].calendar))


def _missing(connected: Sequence[object], asking: _Asking) -> str:
    if connected:
        return "This calendar is not connected any more."
    return "" if asking.silent else "No calendar is connected yet."


def _zone(feed: Feed | None) -> ZoneInfo:
    try:
        return ZoneInfo(feed.zone if feed else "UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def _soon(now: datetime) -> str:
    """The full hour after the next."""
    return f"{now.replace(minute=0) + timedelta(hours=2):%Y-%m-%dT%H:%M}"


def _with_feed(ground: Ground, asking: _Asking, shown: State, name: str, feed: Feed) -> State:
    now = ground.clock.now()
    frame = Frame(_zone(feed), now)
    gathered = _gather(ground, asking, name, feed, frame)
    joined = join(gathered)
    orphans: list[Meeting] = asking.ask("Meetings without an event", lambda: _orphans(ground, joined), [])
    return msgspec.structs.replace(
        shown,
        missing="",
        head=_head(ground, asking, name, feed, frame),
        pairs=tuple(joined.pairs),
        beyond=joined.beyond,
        orphans=tuple(_orphan_card(ground, meeting, frame) for meeting in orphans[:_ORPHANS]),
        more_orphans=max(len(orphans) - _ORPHANS, 0),
        parked=_parked(ground, asking, name, frame, gathered.rows),
    )


def _gather(ground: Ground, asking: _Asking, name: str, feed: Feed, frame: Frame) -> Gathered:
    """Ask the calendar and every provider side by side, and the ledger meanwhile not at all: it is near."""
    listers = [(each, it) for each, it in ground.providers.items() if isinstance(it, MeetingLister)]
    questions: list[Callable[[], Any]] = [
        partial(_upcoming, ground, feed, frame.now),
        *(partial(_listed, lister) for _, lister in listers),
    ]
    events, *lists = ground.lanes.run(questions)
    meetings: dict[str, Meeting] = {}
    listed = set()
    for (each, _), outcome in zip(listers, lists, strict=True):
        found = asking.take(f"The meetings at {each}", outcome, None)
        if found is not None:
            listed.add(each)
            meetings |= {index(meeting.ref): meeting for meeting in found}
    return Gathered(
        feed=name,
        user=feed.user,
        frame=frame,
        rows=asking.ask("The links", partial(_rows, ground, name), []),
        events=asking.take("The calendar's events", events, None),
        meetings=meetings,
        listed=frozenset(listed),
        providers=ground.providers,
        solutions=ground.solutions,
        forgotten=ground.policy.forgotten,
    )


def _upcoming(ground: Ground, feed: Feed, now: datetime) -> list[Event]:
    return ground.calendar.upcoming(feed.user, feed.calendar, since=now, until=now + AHEAD)


def _listed(lister: MeetingLister) -> list[Meeting]:
    return list(islice(lister.list(), _MEETINGS))


def _rows(ground: Ground, feed: str) -> list[Row]:
    found = ground.store.query(ledger.COLLECTION, [Where("feed", "==", feed)], limit=_ROWS)
    return [ledger.decode(document) for document in found]


def _orphans(ground: Ground, joined: Joined) -> list[Meeting]:
    """The meetings that no row of any calendar holds; only as many are looked up as may be shown, and some more."""
    return [meeting for meeting in joined.unheld[: 4 * _ORPHANS] if not _held_elsewhere(ground, meeting)]


def _held_elsewhere(ground: Ground, meeting: Meeting) -> bool:
    by_ref = Where("meeting", "==", index(meeting.ref))
    by_key = Where("key", "==", meeting.key or "")
    conditions = [by_ref, by_key] if meeting.key else [by_ref]
    return any(ground.store.query(ledger.COLLECTION, [one], limit=1) for one in conditions)


def _orphan_card(ground: Ground, meeting: Meeting, frame: Frame) -> MeetingCard:
    ours = meeting.key is not None and is_ours(ground.key_secret, meeting.key)
    note = "a spare of ours: the next sweeps take it away" if ours else "made by somebody else: left alone"
    return meeting_card(meeting, frame, note=note)


def _runs(ground: Ground, asking: _Asking, frame: Frame, connected: dict[str, Feed]) -> tuple[Run, ...]:
    found: list[Document] = asking.ask("The newest runs", partial(runs.newest, ground, _NEWEST), [])
    return tuple(ran(document, frame, connected) for document in found)


def _with_scripts(ground: Ground, asking: _Asking, shown: State, frame: Frame) -> State:
    records: list[TriggerRecord] = asking.ask("The triggers of scripts", partial(_triggers, ground), [])
    since = ground.now() - DAY
    ask = partial(processes.newest, ground, since, _EXECUTIONS)
    executions: Sequence[Document] = asking.ask("The runs of scripts", ask, [])
    found = script_triggers(records, executions, frame)
    return msgspec.structs.replace(
        shown, scripts=found[:_SHOWN], more_scripts=max(len(found) - _SHOWN, 0), script_runs=totals(found)
    )


def _triggers(ground: Ground) -> list[TriggerRecord]:
    """Those of scripts; the built-in handler's stand for the feeds themselves."""
    found = map(triggers.decode, ground.store.query(triggers.COLLECTION, limit=_TRIGGERS))
    return [record for record in found if record.script != SCRIPT]


def _parked(ground: Ground, asking: _Asking, name: str, frame: Frame, rows: Sequence[Row]) -> tuple[Parked, ...]:
    """What was given up for good, then what waits for a change of its event."""
    found: list[Document] = asking.ask("What was given up", partial(dead.newest, ground, 4 * _NEWEST), [])
    here = [document for document in found if document.data.get("feed") == name]
    titles = {row.event: row.seen.summary for row in rows if row.seen is not None}
    noted = {document.data.get("event") for document in here}
    rest = [row for row in rows if row.parked and row.event not in noted]
    rest.sort(key=lambda row: -row.changed_at)
    lines = [*(parked(document, frame, titles) for document in here), *(parked_row(row, frame) for row in rest)]
    return tuple(lines[:_NEWEST])


def _head(ground: Ground, asking: _Asking, name: str, feed: Feed, frame: Frame) -> Head:
    push = asking.ask("The push channel", partial(_push, ground, feed, frame), Fact("push", "unknown"))
    facts = (
        _fact("last sync", feed.synced_at, frame, "never"),
        push,
        _fact("next poll", feed.poll_at, frame, "not set"),
    )
    return Head(name, feed.user, feed.calendar, str(frame.zone), facts, feed.trouble or "")


def _push(ground: Ground, feed: Feed, frame: Frame) -> Fact:
    open_one = channel.find(ground, feed.channel) if feed.channel else None
    if open_one is None or open_one.expires is None:
        return Fact("push", "none, polling" if feed.push else "not offered, polling")
    if open_one.expires <= frame.now.timestamp():
        return Fact("push", "expired, polling", words.clock(open_one.expires, frame.zone, frame.now))
    return Fact("push until", words.clock(open_one.expires, frame.zone, frame.now)[:-3])


def _fact(name: str, at: float | None, frame: Frame, never: str) -> Fact:
    if at is None:
        return Fact(name, never)
    return Fact(name, words.ago(at, frame.now), words.clock(at, frame.zone, frame.now))
