"""What must hold at each step: judged at every committed write, every task and every write to an event.

Authority: docs/reliability.md, *Invariants* (I1 to I7). Documents are plain JSON here, and no code is the product's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from infra.local.memory import MemoryStore
from tests.simulation.shadow import Shadow, Wish
from tests.simulation.sight import Broken, Google, Json, Now, Vendors, asked, changed, names, plain, related

OURS = frozenset({"conferenceId", "entryPoints", "signature"})
"""What of the conference data is ours to write, and the signature that Google makes anew."""
LARGEST_TASK = 1000
"""Bytes; Cloud Tasks takes 100 kB, but what is small holds nothing that it should not."""

_GROWING = {"ledger": ("fence", "mark", "done", "generation"), "feeds": ("fence", "dirty", "done")}
_HOLDERS_ONLY = {
    "ledger": ("done", "link", "meeting", "key", "generation"),
    "feeds": ("token", "done", "started", "full_at"),
}
"""The fields that only the holder of the claim or lease writes; one that raises the mark may write any."""
_LATE = "late"
"""The name under which commits arrive that nobody waits for any more."""


class Steps:
    """Judges step by step. A worker's name must be its own: no other worker ever has the same."""

    def __init__(self, google: Google, vendors: Vendors, shadow: Shadow, store: MemoryStore, clock: Now) -> None:
        self._google, self._vendors, self._shadow, self._clock = google, vendors, shadow, clock
        self._claims: dict[tuple[str, str], int] = {}
        self._rows: dict[str, Json] = {}
        self._feeds: dict[str, Json] = {}
        self._holding: dict[str, set[str]] = {}
        self.began: dict[tuple[str, str], tuple[float, float]] = {}
        """By user and calendar: when it was connected first, and when the last sync token that followed from none."""
        self.followed: dict[tuple[str, str], float] = {}
        """Since when each calendar is followed: its first token tells of what changed after its first page."""
        self.noted: dict[tuple[str, str], float] = {}
        """When each calendar was connected; what was there before is noted, and not acted upon."""
        self.linked: dict[tuple[str, str], dict[str, Json]] = {}
        """The linked events of each calendar, as seen by the end of the latest full pass after a dropped token."""
        self.listed: dict[tuple[str, str], float] = {}
        """When the last full pass of each calendar began, even one that was broken off."""
        self._turn: dict[str, tuple[float, float]] = {}
        """When the last two turns of each feed's runs began."""
        self.once_unreadable: dict[str, None] = {}
        """Events that could not be read once; people may have mended them since."""
        self._known = 0
        for name in ("ledger", "feeds"):
            for document in store.query(name, limit=10_000):
                self._keep(document.key, name, document.data)

    # ---- the store --------------------------------------------------------------------------

    def store_changed(self, key: str, before: Json | None, after: Json | None, worker: str) -> None:
        """Judge one committed write: I2, I5, I6."""
        self._note_wishes()
        collection = key.partition("/")[0]
        if collection not in _GROWING:
            return
        self._keep(key, collection, after)
        if after is None:
            if collection == "ledger" and before is not None:
                _check_let_go(key, before, "was deleted")
            return
        if collection == "feeds":
            self._note_token(before or {}, after)
            if _turned(before or {}, after):
                self._turn[key] = self._turn.get(key, (0.0, 0.0))[1], self._clock.now().timestamp()
        _check_growth(key, collection, before or {}, after)
        self._check_fence(key, collection, before or {}, after, worker)
        if collection == "ledger":
            self._check_row(key, before or {}, after)

    def _keep(self, key: str, collection: str, after: Json | None) -> None:
        kept = self._rows if collection == "ledger" else self._feeds
        was = kept.get(key)
        if after is None:
            kept.pop(key, None)
        else:
            kept[key] = after
        if collection == "ledger":
            self._index(key, (was or {}).get("meeting"), (after or {}).get("meeting"))

    def _note_wishes(self) -> None:
        wishes = self._shadow.wishes
        if len(wishes) > self._known:
            for wish in list(wishes.values())[self._known :]:
                if wish.unreadable:
                    self.once_unreadable[wish.event] = None
            self._known = len(wishes)

    def _note_token(self, before: Json, after: Json) -> None:
        place, now = (after["user"], after["calendar"]), self._clock.now().timestamp()
        if _conferences(after) and not (before and _conferences(before)):
            self.noted.setdefault(place, now)
        taken = before.get("token") is None and after.get("token") is not None
        based = is_connected(after) and not (before and is_connected(before))
        if taken or based:
            first = self.began.get(place, (math.inf, now))[0]
            self.began[place] = min(first, now) if is_connected(after) else first, now
            rows = [row for row in self._rows.values() if (row.get("user"), row.get("calendar")) == place]
            self.linked[place] = {row["event"]: row.get("seen") or {} for row in rows if row.get("link")}
        if based:
            self.followed.setdefault(place, self.listed.get(place, now))

    def full_pass_began(self, user: str, calendar: str) -> None:
        """The first page of a calendar's events is listed, without a sync token."""
        self.listed[user, calendar] = self._clock.now().timestamp()

    def _index(self, key: str, was: str | None, now: str | None) -> None:
        if was != now:
            if was is not None:
                self._holding[was].discard(key)
            if now is not None:
                self._holding.setdefault(now, set()).add(key)

    def _check_fence(self, key: str, collection: str, before: Json, after: Json, worker: str) -> None:
        """I6: a worker that was overtaken writes nothing that is the holder's."""
        fence = after.get("fence", 0)
        if worker == _LATE or not before:
            return
        if fence > before.get("fence", 0):
            self._claims[key, worker] = fence
            return
        held = self._claims.get((key, worker), fence)
        if held >= fence or after.get("mark", 0) > before.get("mark", 0) or before.get("stopped"):
            return
        now = plain(after)
        written = [name for name in _HOLDERS_ONLY[collection] if before.get(name) != now.get(name)]
        if written:
            raise Broken("I6", f"{key}: {worker} held fence {held}, {fence} stands, yet it wrote {', '.join(written)}")

    def _check_row(self, key: str, before: Json, after: Json) -> None:
        if after.get("meeting") != before.get("meeting"):
            self._check_single(key, after)
        mark, done = after.get("mark", 0), after.get("done", 0)
        if done == mark and done > before.get("done", 0) and not after.get("parked"):
            self._check_effect(after)
        if after.get("expire_at") is not None:
            _check_let_go(key, after, "may expire")

    def _check_single(self, key: str, after: Json) -> None:
        """I2: a meeting is named by one row, unless the events may share it."""
        held = after.get("meeting")
        if held is None:
            return
        rows = [self._rows[one] for one in sorted(self._holding[held]) if not self._rows[one].get("releasing")]
        if len({row["event"] for row in rows}) < 2:
            # One event, which has moved to another calendar.
            return
        wishes = [wish for wish in map(self._wish, rows) if wish is not None]
        if not related(self._shadow, wishes):
            named = ", ".join(f"{wish.token} ({wish.event})" for wish in wishes)
            raise Broken("I2", f"{key}: meeting {_meeting(after)} is linked to {named}, which may not share one")

    def _check_effect(self, row: Json) -> None:
        """I5: where a mark is done, what it asked for has been done."""
        seen: Json = row.get("seen") or {}
        link = row.get("link")
        wanted = asked(seen)
        gone = seen.get("status") == "cancelled" or not (seen.get("organizer") or {"self": True}).get("self")
        if gone or wanted not in self._vendors.models:
            if link is not None:
                why = "is gone" if gone else "asks for no conference of ours"
                raise Broken("I5", f"{self._of(row)}: done, and the event {why}, yet {_meeting(row)} is still linked")
            return
        meeting = (link or {}).get("meeting")
        if meeting is None or link is None or link["provider"] != wanted:
            raise Broken("I5", f"{self._of(row)}: done, yet no meeting of {wanted!r} is linked but {_meeting(row)}")
        held = meeting["ref"]["id"]
        self._vendors.look()
        if f"{wanted}/{held}" not in self._vendors.made:
            raise Broken("I5", f"{self._of(row)}: done, and linked to {held}, which never was at {wanted}")
        if meeting["ref"].get("owned", True) and names(seen) != (held, meeting["join_url"]):
            raise Broken("I5", f"{self._of(row)}: done, yet the event as seen tells {names(seen)}, not {_meeting(row)}")

    def _wish(self, row: Json) -> Wish | None:
        at = self._shadow.at(row.get("calendar", ""), row["event"])
        return at or next((wish for wish in self._shadow.wishes.values() if wish.event == row["event"]), None)

    def _of(self, row: Json) -> str:
        wish = self._wish(row)
        return f"{wish.token if wish else '?'} (event {row['event']}, mark {row.get('mark', 0)})"

    # ---- sync tokens ------------------------------------------------------------------------

    def token_moved(self, before: Json, after: Json) -> None:
        """I4: every change between two sync tokens is in the ledger."""
        user, calendar = after["user"], after["calendar"]
        old, new = before.get("token"), after.get("token")
        if not old or not new or old == new or not is_connected(before):
            return
        covered = self._google.changed(user, calendar, old)
        later = self._google.changed(user, calendar, new)
        if covered is None or later is None:
            return
        rows = {row["event"]: row for row in self._rows.values() if row.get("calendar") == calendar}
        rows = {event: row for event, row in rows.items() if row.get("user") == user}
        for event in covered.values():
            if event["id"] not in later:
                told = covered.get(event.get("recurringEventId", ""), event)
                self._check_covered(event, rows, calendar, followed=self._ours(told))

    def run_done(self, before: Json, after: Json) -> None:
        """I4: what was changed before a run began is covered by the token it ends with."""
        user, calendar, token = after["user"], after["calendar"], after.get("token")
        key = next(key for key, feed in self._feeds.items() if (feed["user"], feed["calendar"]) == (user, calendar))
        last, this = self._turn.get(key, (0.0, 0.0))
        began = last if _turned(before, after) else this
        left = self._google.changed(user, calendar, token) if token else None
        for event in (left or {}).values():
            at = datetime.fromisoformat(event["updated"]).timestamp() if "updated" in event else began
            if at < began - 1:
                raise Broken(
                    "I4", f"event {event['id']} of {calendar}: changed at {at}, and a run that began later is done"
                )

    def _check_covered(self, event: Json, rows: Mapping[str, Json], calendar: str, *, followed: bool) -> None:
        """`followed`: it asks for a conference of ours, or of an occurrence its series does, where that is covered."""
        series = event.get("recurringEventId")
        row = rows.get(series or event["id"])
        wish = self._shadow.at(calendar, series or event["id"])
        if wish is not None and wish.unreadable:
            return
        which = f"{wish.token if wish else '?'} (event {event['id']} at {event.get('etag')})"
        if row is None:
            if followed:
                raise Broken("I4", f"{which}: the new token covers its change, but it has no row")
            return
        if not self._ours(event) and row.get("link") is None:
            return
        if series is None and not _knows(row, event):
            had = (row.get("seen") or {}).get("etag")
            raise Broken("I4", f"{which}: the new token covers its change, but its row has seen {had}")
        if series is not None and not _knows_occurrence(row, event):
            raise Broken("I4", f"{which}: the new token covers this occurrence's change, but its row does not know it")

    def _ours(self, event: Json) -> bool:
        mine = (event.get("organizer") or {}).get("self", False)
        return mine and event.get("status") != "cancelled" and asked(event) in self._vendors.models

    # ---- tasks and events -------------------------------------------------------------------

    def task_added(self, function: str, body: Mapping[str, Any]) -> None:
        """I7: a task holds ids and numbers, and nothing that anybody would mind losing."""
        size = len(msgspec.json.encode(body))
        if size > LARGEST_TASK:
            raise Broken("I7", f"the task {function} has {size} bytes")
        for name, value in body.items():
            if isinstance(value, str) and (set(value) & {" ", "@", "\n"} or "://" in value or not value.isascii()):
                raise Broken("I7", f"the task {function} tells more than an id as {name}: {value[:60]!r}")
            if not isinstance(value, str | int | float | None):
                raise Broken("I7", f"the task {function} holds more than ids and numbers as {name}")

    def event_written(self, user: str, calendar: str, before: Json, after: Json) -> None:
        """I1: nothing changed but the ways to join; I3: and that in a calendar which its user has connected."""
        which = f"{str(before.get('summary', ''))[:30]!r} (event {before.get('id')} of {calendar})"
        if not any((feed["user"], feed["calendar"]) == (user, calendar) for feed in self._feeds.values()):
            raise Broken("I3", f"{which} was written as {user}, who has not connected this calendar")
        others = changed(before, after)
        if others:
            told = "; ".join(f"{name}: {before.get(name)!r} -> {after.get(name)!r}" for name in others)
            raise Broken("I1", f"{which}: our write changed {told}"[:1000])
        was, now = before.get("conferenceData"), after.get("conferenceData")
        if was is None or now is None:
            raise Broken("I1", f"{which}: our write {'made' if was is None else 'took away'} the conference data")
        self._check_join(which, before, after)
        others = [name for name in {**was, **now} if was.get(name) != now.get(name) and name not in OURS]
        if others:
            raise Broken("I1", f"{which}: our write changed the conference's {', '.join(others)}")

    def _check_join(self, which: str, before: Json, after: Json) -> None:
        """I8: an event that names a living meeting of ours goes on naming it: people have its join link."""
        named, _ = names(before)
        model = self._vendors.models.get(asked(before) or "")
        held = model.live.get(named or "") if model else None
        if held is not None and held.by_us and names(after)[0] != named:
            raise Broken("I8", f"{which}: it named the living meeting {named}, our write has it name {names(after)[0]}")

    def check_deleted(self) -> None:
        """I8: an event that was moved to another calendar keeps its meeting, which the tombstone it leaves does not.

        Nor does one that has come back to the calendar that lets go of it: that is as if it were restored there.
        """
        deleted, self._vendors.deleted = self._vendors.deleted, []
        for provider, meeting in deleted:
            rows = [row for row in self._rows.values() if row.get("releasing") and _holds(row, provider, meeting)]
            for row in rows:
                wish = self._wish(row)
                if wish is not None and all(one.get("calendar") != wish.calendar for one in rows):
                    self._check_moved(row, wish, provider, meeting)

    def _check_moved(self, row: Json, wish: Wish, provider: str, meeting: str) -> None:
        events, _ = self._google.events(wish.user, wish.calendar)
        if wish.wanted and wish.provider == provider and names(events.get(wish.event))[0] == meeting:
            raise Broken("I8", f"{self._of(row)} has moved to {wish.calendar}, and we deleted its meeting {meeting}")


def _turned(before: Json, after: Json) -> bool:
    """True if this write begins a turn of a run."""
    return (after.get("started"), after.get("fence")) != (before.get("started"), before.get("fence"))


def _conferences(feed: Json) -> bool:
    """True while conferences are kept in step; else only a script's trigger follows the feed."""
    return "lockstep.conferences" in feed.get("followers", ("lockstep.conferences",))


def is_connected(feed: Json) -> bool:
    """True once conferences are kept in step from a token on; a script's trigger may follow the feed before that."""
    return _conferences(feed) and feed.get("token") is not None and feed.get("full_at", 0.0) > 0


def _check_growth(key: str, collection: str, before: Json, after: Json) -> None:
    """I6: what counts up never counts down, and nothing is done before it was begun."""
    for name in _GROWING[collection]:
        if after.get(name, 0) < before.get(name, 0):
            raise Broken("I6", f"{key}: {name} went back from {before.get(name, 0)} to {after.get(name, 0)}")
    order = ("done", "mark") if collection == "ledger" else ("done", "started", "dirty")
    numbers = [after.get(name, 0) for name in order]
    if numbers != sorted(numbers):
        raise Broken("I6", f"{key}: {' <= '.join(order)} does not hold: {numbers}")


def _check_let_go(key: str, row: Json, what: str) -> None:
    """I5: a row that is forgotten owes nothing and holds nothing."""
    if row.get("link") is not None or row.get("mark", 0) > row.get("done", 0):
        raise Broken("I5", f"{key} (event {row.get('event')}) {what}, yet it is pending or holds {_meeting(row)}")


def _meeting(row: Json) -> str:
    meeting = ((row.get("link") or {}).get("meeting") or {}).get("ref") or {}
    return f"{meeting.get('provider')}/{meeting.get('id')}" if meeting else "nothing"


def _knows(row: Json, event: Json) -> bool:
    seen = row.get("seen") or {}
    if row.get("refresh") or (event.get("status") == "cancelled" and seen.get("status") == "cancelled"):
        return True
    return _stamp(seen) >= _stamp(event)


def _knows_occurrence(row: Json, event: Json) -> bool:
    known = (row.get("exceptions") or {}).get(event["id"])
    return bool(row.get("refresh")) or (known is not None and (known.get("slot") is None) == _cancelled(event))


def _cancelled(event: Json) -> bool:
    return bool(event.get("status") == "cancelled")


def _holds(row: Json, provider: str, meeting: str) -> bool:
    ref = ((row.get("link") or {}).get("meeting") or {}).get("ref") or {}
    return (ref.get("provider"), ref.get("id")) == (provider, meeting)


def _stamp(event: Json) -> int:
    digits = str(event.get("etag") or "").strip('"')
    return int(digits) if digits.isdecimal() else 0
