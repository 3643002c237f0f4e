"""Who ends well owes nothing: what is still to be done has somebody who comes for it, and soon.

Judged at every task that is added and at the end of every worker that neither died nor lost its ground: the periodic
jobs would heal what is left behind, and hide that it was.
Authority: docs/reliability.md, *Invariants* (I13); docs/design.md, *The flow, and what each step owes*
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from infra.local.held import Held
from infra.local.memory import MemoryQueue, MemoryStore
from tests.simulation.sight import Broken, Json, Now

LONGEST = 25 * 3600.0
"""Seconds; however long the other side asks us to wait, somebody comes within a day."""
SOON = 10.0
"""Seconds within which somebody comes for a run that is owed, where nothing is in its way."""
_NUMBERED = frozenset({"sync_calendar", "reconcile_event", "patch_event"})
"""The functions whose tasks are named by a number that never recurs."""
ASKING = 1.0
"""Seconds from a write to the task that is asked for because of it."""
_HOLDS = {"ledger": "claimed_until", "feeds": "lease_until"}


class Debts:
    """Knows which documents each worker has written, and who holds them."""

    def __init__(self, store: MemoryStore, queue: MemoryQueue, clock: Now) -> None:
        self._store, self._queue, self._clock = store, queue, clock
        self._touched: dict[str, set[str]] = {}
        self._last: dict[str, tuple[str, float]] = {}
        """Who has written each document last, and when."""
        self._holder: dict[str, str] = {}
        self._held_since: dict[str, float] = {}
        self._died: dict[str, float] = {}
        self._well: set[str] = set()
        """Who has ended, and had done what it had to."""
        self.tasks_are_lost = False
        """Once a task was lost, doubled, or worked on by a clock that is wrong: nobody can tell what it would leave."""

    def store_changed(self, key: str, before: Json | None, after: Json | None, worker: str) -> None:
        """Note who has written what, and who holds it now."""
        if key.partition("/")[0] not in _HOLDS:
            return
        if _takes_on(before or {}, after or {}):
            self._touched.setdefault(_root(worker), set()).add(key)
        self._last[key] = _root(worker), self._clock.now().timestamp()
        if (after or {}).get("fence", 0) > (before or {}).get("fence", 0):
            self._holder[key], self._held_since[key] = _root(worker), self._clock.now().timestamp()
        if key.startswith("feeds/") and before and after and after.get("done", 0) > before.get("done", 0):
            self._check_inherited(key, after, worker)

    def _check_inherited(self, key: str, after: Json, worker: str) -> None:
        """A run that follows a dead one does not end before it has seen to what that one had claimed."""
        if not self._died or after.get("lease_until", 0.0) > 0 or self.tasks_are_lost:
            return
        now, began = self._clock.now().timestamp(), self._held_since.get(key, 0.0)
        for document in self._store.query("ledger", limit=10_000):
            row = document.data
            dead = self._died.get(self._holder.get(document.key, ""), now)
            fresh = row.get("by_run") and not row.get("attempts") and row.get("claimed_until", 0.0) > now
            waits = f"feeds/{row['feed']}" == key and fresh and row.get("mark", 0) > row.get("done", 0) and dead < began
            if waits and not any(self._comes_for(held, row, document.key) for held in self._open(None)):
                raise Broken("I13", f"{key}: {worker} ends, and {document.key} still waits for a run that died")

    # ---- tasks ------------------------------------------------------------------------------

    def task_added(self, function: str, body: Mapping[str, Any], at: float, worker: str, own: int | None) -> None:
        """Judge that a task comes in time, and that who is delivered again does not wait for itself."""
        now = self._clock.now().timestamp()
        if at > now + LONGEST:
            raise Broken("I13", f"{worker} has put {function} {dict(body)} off for {(at - now) / 3600:.0f} hours")
        if function != "sync_calendar" or self.tasks_are_lost:
            return
        key = f"feeds/{body['feed']}"
        document = self._store.get(key)
        feed = document.data if document else {}
        lives = now < feed.get("lease_until", 0.0) <= at and self._holder.get(key) != _root(worker)
        mine = next((held.task.body for held in self._queue.running() if held.id == own), {}) if lives else {}
        same = mine.get("feed") == body["feed"]
        if same and _turn(mine, "number", "turn") == _turn(feed, "lease_number", "lease_turn"):
            raise Broken("I13", f"{worker} has put run {body['number']} of {key} off until its own lease is over")

    def task_refused(self, function: str, body: Mapping[str, Any], name: str, worker: str, own: int | None) -> None:
        """Judge that a task which the queue refuses, since its name is taken, is still to come."""
        if function not in _NUMBERED or "meeting" in body or (self.tasks_are_lost and not worker.startswith("tick")):
            # A push that is delivered twice is one wish, as is one turn of a trigger; and what a tick asks for, nobody
            # has asked for in these words.
            return
        if self._is_due(body, worker) and not any(held.name == name for held in self._open(own)):
            raise Broken("I13", f"{worker} has asked for {function} {dict(body)} in vain: its name is taken")

    def _is_due(self, body: Mapping[str, Any], worker: str) -> bool:
        """Who asks late may ask for what others have done meanwhile, or are doing."""
        if "event" not in body:
            feed = self._store.get(f"feeds/{body['feed']}")
            return feed is not None and feed.data.get("done", 0) < body["number"]
        now = self._clock.now().timestamp()
        for document in self._store.query("ledger", limit=10_000):
            row = document.data
            if (row["feed"], row["event"]) == (body["feed"], body["event"]) and row.get("mark", 0) > row.get("done", 0):
                if body.get("fence", row.get("fence")) != row.get("fence"):
                    # Asked for late: others have come for it since.
                    return False
                return row.get("claimed_until", 0.0) <= now or self._holder.get(document.key) == _root(worker)
        return False

    # ---- ends -------------------------------------------------------------------------------

    def ended(self, worker: str, *, well: bool, died: bool, own: int | None) -> None:
        """Judge what a worker has left; `own` is the number of the task that it was given."""
        touched = self._touched.pop(worker, set())
        if died:
            self._died[worker] = self._clock.now().timestamp()
        elif not well and worker.startswith("sync_calendar"):
            # Without a ground it could not hand on what a dead one before it had left.
            self._died.clear()
        if well:
            self._well.add(worker)
        if not well or self.tasks_are_lost:
            return
        now = self._clock.now().timestamp()
        for key in sorted(touched):
            other, at = self._last.get(key, (worker, now))
            if other != worker and (now < at + ASKING or other not in self._well):
                # Who has just written it asks for somebody at this moment, or when its answer has come; or could not.
                continue
            document = self._store.get(key)
            if document is not None and self._is_left(key, document.data, worker):
                what = "a row" if key.startswith("ledger/") else "a feed"
                if not any(self._comes_for(held, document.data, key) for held in self._open(own)):
                    raise Broken("I13", f"{key}: {worker} has left {what} of which something is due, and nobody comes")

    def _is_left(self, key: str, data: Json, worker: str) -> bool:
        if key.startswith("ledger/"):
            due = data.get("mark", 0) > data.get("done", 0)
        else:
            due = data.get("dirty", 0) > data.get("done", 0) and not data.get("stopped")
        held = data.get(_HOLDS[key.partition("/")[0]], 0.0) > 0
        return due and (not held or self._holder.get(key) == worker)

    def _comes_for(self, held: Held, data: Json, key: str) -> bool:
        body = held.task.body
        if key.startswith("ledger/"):
            return (body.get("feed"), body.get("event")) == (data["feed"], data["event"])
        hindered = data.get("trouble") is not None or data.get("lease_until", 0.0) > 0
        late = held.at.timestamp() > self._clock.now().timestamp() + SOON
        return held.task.function == "sync_calendar" and f"feeds/{body['feed']}" == key and (hindered or not late)

    def _open(self, own: int | None) -> Iterable[Held]:
        yield from self._queue.waiting()
        yield from (held for held in self._queue.running() if held.id != own)


_GROWING = ("dirty", "mark", "fence", "attempts")


def _takes_on(before: Json, after: Json) -> bool:
    """True for a write by which something comes to be due, is claimed, or is let go: its writer sees to it."""
    grown = any(after.get(name, 0) > before.get(name, 0) for name in _GROWING)
    let_go = any(before.get(name, 0.0) > 0 and not after.get(name, 0.0) for name in _HOLDS.values())
    return grown or let_go


def _turn(document: Mapping[str, Any], number: str, turn: str) -> tuple[int, str]:
    return document.get(number, 0), document.get(turn, "")


def _root(worker: str) -> str:
    """The process of a worker, or of one of its lanes."""
    return worker.partition("/")[0]
