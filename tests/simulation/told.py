"""What triggers are promised, judged from what people did to calendars and what handlers were given.

Authority: docs/triggers.md, *Delivery* and *Clock triggers*; docs/reliability.md, *told*. Nothing here is the
product's: events are Google's plain JSON, and times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from infra.local.memory import MemoryStore
from tests.simulation.expected import is_over
from tests.simulation.sight import Broken, Google, Json, Now, names
from tests.simulation.strikes import Strikes, Struck, Timed

Place = tuple[str, str]
"""A user, and a calendar of theirs."""
Fate = Callable[[], bool]
"""Tells, at any later time, whether anything has struck the process in question."""
ECHO = 3.0
"""Seconds within which the echo of a script's write may be quicker than the note of it."""
_COUNTED = ("kind", "etag", "updated", "sequence")
_MANY = 10_000

__all__ = ["Handed", "Struck", "Told"]


@dataclass(slots=True)
class Follower:
    """A trigger on a calendar, from the moment at which its user was told that it is made."""

    trigger: str
    user: str
    calendar: str
    own_writes: bool
    since: float
    found: dict[str, Json]
    """The calendar's events at that moment."""

    @property
    def place(self) -> Place:
        """What it follows."""
        return self.user, self.calendar


@dataclass(slots=True)
class Standing:
    """An event as a person last left it in somebody's calendar."""

    event: Json
    at: float
    alive: Json | None
    """As it last was alive."""
    born: float
    """Since when it has been alive."""


@dataclass(slots=True, eq=False)
class Handed:
    """One run of a calendar trigger's handler: what it was given, and how it ended."""

    trigger: str
    user: str
    calendar: str
    changes: Sequence[tuple[Json | None, Json]]
    """Before and after."""
    began: float
    struck: Fate
    ended: float | None = None
    """When it returned."""
    failed: bool = False
    aside: frozenset[str] = frozenset()

    def told(self, event: str) -> Json | None:
        """The event as the handler was told of it, if it was and has coped with it."""
        if self.ended is None or event in self.aside:
            return None
        return next((after for _, after in self.changes if after["id"] == event), None)

    def refused(self, event: str) -> bool:
        """True if the handler was given the event, and has not coped with it."""
        return (self.ended is None or event in self.aside) and any(after["id"] == event for _, after in self.changes)


@dataclass(frozen=True, slots=True)
class Wrote:
    """A script's own write: the versions before and after it."""

    before: int
    after: int
    at: float
    struck: Fate
    fields: frozenset[str]


@dataclass(slots=True)
class Told:
    """Judges what triggers promise; `began` tells, by user and calendar, when sync tokens were last taken anew."""

    google: Google
    store: MemoryStore
    clock: Now
    began: Mapping[Place, tuple[float, float]]
    clock_is_off: Callable[[], bool]
    followers: dict[str, Follower] = field(default_factory=dict)
    handed: list[Handed] = field(default_factory=list)
    fires: Strikes = field(default_factory=Strikes)
    _standing: dict[Place, dict[str, Standing]] = field(default_factory=dict)
    _moves: dict[Place, list[float]] = field(default_factory=dict)
    """When the sync token was replaced by a newer one."""
    _settled: int = 0
    writes: dict[tuple[str, str, str], list[Wrote]] = field(default_factory=dict)
    """By user, calendar and event."""
    _given: dict[str, set[tuple[str | None, str | None]]] = field(default_factory=dict)
    """The meetings that we have given each event, by id and address."""

    # ---- what happens -----------------------------------------------------------------------

    @property
    def _now(self) -> float:
        return self.clock.now().timestamp()

    def follow(self, trigger: str, user: str, calendar: str, *, own_writes: bool) -> None:
        """A user has been told that their trigger on a calendar is made."""
        if trigger not in self.followers:
            found, _ = self.google.events(user, calendar)
            self.followers[trigger] = Follower(trigger, user, calendar, own_writes, self._now, found)
            self._standing.setdefault((user, calendar), {})

    def strikes(self, trigger: str, user: str, minutes: int | None, once: float | None, *, asked: float) -> None:
        """A user who began to ask at `asked` has been told that their clock trigger is made."""
        self.fires.follow(Timed(trigger, user, minutes, once, asked, self._now))

    def acted(self) -> None:
        """Somebody has done something just now: what it changed on followed calendars, triggers are to be told."""
        now = self.clock.now()
        for place, standing in self._standing.items():
            for name, event in self.google.updated(*place, since=now).items():
                # The list is cut to the second; an etag is twice the instant, in microseconds.
                if _stamp(event) >= 2 * int(now.timestamp() * 1e6):
                    self._stand(standing, name, event, now.timestamp())

    def _stand(self, standing: dict[str, Standing], name: str, event: Json, now: float) -> None:
        known = standing.get(name)
        if not _cancelled(event):
            reborn = known is None or _cancelled(known.event)
            standing[name] = Standing(event, now, event, now if reborn or known is None else known.born)
        elif known is None or not _cancelled(known.event):
            standing[name] = Standing(event, now, known.alive if known else None, known.born if known else 0.0)

    def token_moved(self, user: str, calendar: str) -> None:
        """A feed's sync token has been replaced by another one."""
        self._moves.setdefault((user, calendar), []).append(self._now)

    def hand(
        self, trigger: str, user: str, calendar: str, changes: Iterable[tuple[object, object]], struck: Fate
    ) -> Handed:
        """A handler begins to run."""
        plain = [(_plain(before) if before is not None else None, _plain(after)) for before, after in changes]
        handed = Handed(trigger, user, calendar, plain, self._now, struck)
        self.handed.append(handed)
        return handed

    def struck(self, trigger: str, user: str, slot: float, missed: int, sound: Fate) -> Struck:
        """A clock trigger's handler begins to run for a slot, and for so many before it."""
        return self.fires.run(trigger, Struck(user, slot, missed, self._now, sound))

    def wrote(self, user: str, calendar: str, before: Json, after: Json, struck: Fate, *fields: str) -> None:
        """A handler has written these fields of an event."""
        write = Wrote(_stamp(before), _stamp(after), self._now, struck, frozenset(fields))
        self.writes.setdefault((user, calendar, str(after["id"])), []).append(write)

    def gave(self, event: Json) -> None:
        """The engine has written an event: the meeting that it names is nobody's news."""
        self._given.setdefault(str(event["id"]), set()).add(names(event))

    # ---- when all has come to rest ----------------------------------------------------------

    def fresh(self) -> None:
        """Judge, where nothing helps but what was told at once, that everything was told all the same."""
        self._judge(resting=False)

    def at_rest(self) -> None:
        """Judge everything. Raises Broken."""
        self._settled = len(self.handed)
        self._judge(resting=True)

    def _judge(self, *, resting: bool) -> None:
        for handed in self.handed:
            self._check_whose(handed)
            self._check_own_writes(handed)
        refused = self._refused(resting=resting)
        for follower in self.followers.values():
            runs = [one for one in self.handed if one.trigger == follower.trigger]
            self._check_told(follower, runs, refused)
            if not self.clock_is_off():
                self._check_alone(runs)
                self._check_order(follower, runs)
        self.fires.judge(self._now, left=self._triggers())

    def still(self) -> None:
        """Judge that nobody was told anything since all was at rest: there was nothing new."""
        if len(self.handed) > self._settled:
            more = self.handed[self._settled]
            raise Broken("told", f"one more full pass, and {_which(more)} is told of {_names(more)} again")

    def _triggers(self) -> set[str]:
        return {document.key.partition("/")[2] for document in self.store.query("triggers", limit=_MANY)}

    def _refused(self, *, resting: bool) -> set[tuple[str, str]]:
        """Deliveries that no handler has accepted. Raises Broken for one that it was not given alone.

        At rest each of them must have been given up.
        """
        refused: set[tuple[str, str]] = set()
        for document in self.store.query("deliveries", limit=_MANY):
            data = document.data
            trigger, event = str(data["trigger"]), str(data["event"])
            if resting and data.get("parked") is None:
                raise Broken("told", f"a delivery is pending at rest: event {event} for trigger {trigger}")
            alone = (one for one in self.handed if one.trigger == trigger and len(one.changes) == 1)
            if not any(one.refused(event) for one in alone):
                raise Broken(
                    "told", f"event {event} is not accepted by trigger {trigger}, which never refused it alone"
                )
            refused.add((trigger, event))
        return refused

    # ---- that everything was told -----------------------------------------------------------

    def _check_told(self, follower: Follower, runs: Sequence[Handed], refused: set[tuple[str, str]]) -> None:
        for name, standing in self._standing[follower.place].items():
            if standing.at <= follower.since or (follower.trigger, name) in refused:
                continue
            told = [(one.began, after) for one in runs if (after := one.told(name)) is not None]
            if any(_covers(after, began, standing) for began, after in told):
                continue
            last = told[-1][1] if told else follower.found.get(name)
            own = [field for write in self.writes.get((*follower.place, name), ()) for field in write.fields]
            own += ["conferenceData"] if names(standing.event) in self._given.get(name, ()) else []
            if not _same(last, standing.event, own) and not self._unseen(follower, standing):
                knew = f"was last told of {_state(told[-1][1])}" if told else "was never told of it"
                which = f"event {name} of {follower.calendar} ({standing.event.get('summary', '')!r:.40})"
                raise Broken(
                    "told", f"{which}: people left it {_state(standing.event)}, trigger {follower.trigger} {knew}"
                )

    def _unseen(self, follower: Follower, standing: Standing) -> bool:
        """True if the token was lost before any list showed the change, and a list of everything does not show it."""
        _, anew = self.began.get(follower.place, (0.0, 0.0))
        if standing.at > anew:
            return False
        moves = [at for at in self._moves.get(follower.place, ()) if standing.born < at < standing.at]
        if _cancelled(standing.event) and standing.born and len(moves) < 2:
            # It came and went; a tombstone of what was never seen is no news.
            return True
        if _cancelled(standing.event) and standing.event["id"] not in self.google.events(*follower.place)[0]:
            # An occurrence that its series has left behind.
            return True
        state = standing.alive or follower.found.get(str(standing.event["id"])) or standing.event
        return "start" not in state or is_over(state, "UTC", anew)

    # ---- how it was told --------------------------------------------------------------------

    def _check_whose(self, handed: Handed) -> None:
        """No trigger sees what is another user's."""
        follower = self.followers.get(handed.trigger)
        if follower is None:
            return
        if (handed.user, handed.calendar) != follower.place:
            raise Broken("told", f"{_which(handed)} ran as {handed.user} for {handed.calendar}, not {follower.place}")
        for _, event in handed.changes:
            mine = [one.get("email") for one in event.get("attendees") or () if one.get("self")]
            if any(one not in follower.place for one in mine):
                raise Broken("told", f"{_which(handed)} was told of event {event['id']} as {mine} has it")

    def _check_own_writes(self, handed: Handed) -> None:
        """What the script alone has written is told to nobody who has not asked for it."""
        follower = self.followers.get(handed.trigger)
        if follower is None or follower.own_writes:
            return
        for before, after in handed.changes:
            for write in self.writes.get((handed.user, handed.calendar, after["id"]), ()):
                echo = before is not None and (_stamp(before), _stamp(after)) == (write.before, write.after)
                if (
                    echo
                    and _differing(before or {}, after) <= write.fields
                    and handed.began > write.at + ECHO
                    and not write.struck()
                    and not handed.struck()
                ):
                    raise Broken("told", f"{_which(handed)} was told of the script's own write to event {after['id']}")

    def _check_alone(self, runs: Sequence[Handed]) -> None:
        """One run of a trigger at a time."""
        for first, second in pairwise(runs):
            ended = first.ended
            if ended is not None and second.began < ended and not (first.struck() or second.struck()):
                raise Broken("told", f"{_which(second)} began at {second.began}, while the run before went on")

    def _check_order(self, follower: Follower, runs: Sequence[Handed]) -> None:
        latest: dict[str, int] = {}
        for one in runs:
            for _, after in one.changes:
                if _stamp(after) and _stamp(after) < latest.get(after["id"], 0) and not one.struck():
                    raise Broken("told", f"{_which(one)} was told of event {after['id']} as it had been earlier")
            if one.ended is not None:
                for _, after in one.changes:
                    latest[after["id"]] = max(latest.get(after["id"], 0), _stamp(after))
        self._check_turns(follower, runs)

    def _check_turns(self, follower: Follower, runs: Sequence[Handed]) -> None:
        """What happened after a later list had begun is not told before what happened earlier."""
        first = list(self._first_told(follower, runs))
        moves = self._moves.get(follower.place, [])
        for _, at, turn, name, _ in first:
            for later, _, sooner, other, run in first:
                if sooner < turn and at < later and not run.struck() and sum(at < move < later for move in moves) > 1:
                    which = f"event {other}, changed at {later}"
                    raise Broken("told", f"{_which(run)} was told of {which}, before {name}, changed at {at}")

    def _first_told(
        self, follower: Follower, runs: Sequence[Handed]
    ) -> Iterator[tuple[float, float, tuple[float, int], str, Handed]]:
        """Of each event that no run has refused: when a person changed it last, and in which turn a run was told of it.

        Second, the instant of the state that was told: what we write meanwhile is told along with it, in that turn.
        """
        for name, standing in self._standing[follower.place].items():
            if standing.at > follower.since and not any(one.refused(name) for one in runs):
                for one in runs:
                    after = one.told(name)
                    if after is not None and _covers(after, one.began, standing):
                        place = next(n for n, (_, event) in enumerate(one.changes) if event["id"] == name)
                        state = max(standing.at, _stamp(after) / 2e6)
                        yield standing.at, state, (one.began, place), name, one
                        break


def _covers(told: Json, began: float, standing: Standing) -> bool:
    """True if what was told is the state that a person left, or a later one."""
    if _stamp(told):
        return _stamp(told) >= _stamp(standing.event)
    # A bare tombstone tells no version.
    return _cancelled(told) and _cancelled(standing.event) and began >= standing.at


def _same(before: Json | None, now: Json, own: Iterable[str]) -> bool:
    """True if people have put everything back; `own` fields are those that the script has written itself since."""
    if before is None:
        return False
    if _cancelled(before) or _cancelled(now):
        return _cancelled(before) and _cancelled(now)
    aside = dict.fromkeys(own)
    return {**_content(before), **aside} == {**_content(now), **aside}


def _content(event: Json) -> Json:
    conference = event.get("conferenceData")
    rest = {name: value for name, value in event.items() if name not in {*_COUNTED, "conferenceData", "hangoutLink"}}
    return {**rest, "conferenceData": {k: v for k, v in conference.items() if k != "signature"} if conference else None}


def _differing(before: Json, after: Json) -> frozenset[str]:
    names = {**before, **after}.keys() - {*_COUNTED, "hangoutLink"}
    return frozenset(name for name in names if before.get(name) != after.get(name))


def _cancelled(event: Json) -> bool:
    return bool(event.get("status") == "cancelled")


def _stamp(event: Json) -> int:
    digits = str(event.get("etag") or "").strip('"')
    return int(digits) if digits.isdecimal() else 0


def _state(event: Json) -> str:
    return f"{event.get('status', '')} at {event.get('etag')}"


def _plain(event: object) -> Json:
    return event if isinstance(event, dict) else dict(event)  # type: ignore[call-overload]  # a mapping


def _which(handed: Handed) -> str:
    return f"trigger {handed.trigger} of {handed.user} (at {handed.began:.1f})"


def _names(handed: Handed) -> str:
    return ", ".join(str(after["id"]) for _, after in handed.changes)
