"""What a feed and a row say of the work that is owed: judged at every committed write, and at every notice taken.

Whoever forgets is healed by polls, ticks and sweeps after minutes or a day; the document shows it at once.
Authority: docs/reliability.md, *Invariants* (I5, I6, I13, I14); docs/design.md, *The flow, and what each step owes*
"""

from __future__ import annotations

from collections.abc import Collection

from infra.local.memory import MemoryStore
from tests.simulation.sight import Broken, Json, Now, asked

LOOKS = frozenset({"provider.get", "provider.find", "provider.create", "provider.update"})
"""The calls that tell what a meeting is like: each answers with what the vendor holds."""


class Owed:
    """Judges what is promised by what is written."""

    def __init__(self, store: MemoryStore, vendors: Collection[str], clock: Now) -> None:
        self._store, self._vendors, self._clock = store, vendors, clock
        self._looked: dict[str, float] = {}
        self._look_owed: dict[str, float] = {}
        self._noticed: dict[str, tuple[str, int, bool]] = {}

    def store_changed(self, key: str, before: Json | None, after: Json | None, worker: str) -> None:
        """Judge one committed write."""
        if after is None:
            return
        if key.startswith("feeds/"):
            self._check_wake(key, after)
            if before is not None and after.get("done", 0) > before.get("started", 0):
                raise Broken("I6", f"{key}: done up to {after['done']}, and begun with {before.get('started', 0)}")
        elif key.startswith("ledger/"):
            _check_patience(key, before or {}, after)
            self._check_look(key, before or {}, after, worker)

    # ---- feeds ------------------------------------------------------------------------------

    def _check_wake(self, key: str, after: Json) -> None:
        """I13: the tick looks after a feed that is owed a run, and after no other."""
        owed = after.get("dirty", 0) > after.get("done", 0)
        if after.get("stopped"):
            return
        polled = after.get("poll_at") is not None and after["poll_at"] <= self._clock.now().timestamp()
        if owed and after.get("wake_at") is None and not polled:
            raise Broken("I13", f"{key}: a run is owed, and nobody looks after it: dirty {after['dirty']}")
        if not owed and after.get("wake_at") is not None:
            raise Broken("I14", f"{key}: nothing is owed, and the tick is to wake a run at {after['wake_at']}")

    def noticed(self, worker: str, feed: str) -> None:
        """A notice of this feed begins to be taken by this worker."""
        data = self._store.look(f"feeds/{feed}")
        if data is not None:
            self._noticed[worker] = f"feeds/{feed}", data.get("started", 0), bool(data.get("stopped"))

    def took(self, worker: str, *, well: bool) -> None:
        """Judge that a notice which was answered as taken is seen by a run that has not begun, or begins meanwhile."""
        key, started, stopped = self._noticed.pop(worker, ("", 0, True))
        now = self._store.look(key) if key else None
        if not well or stopped or now is None or now.get("stopped"):
            return
        if now.get("started", 0) == started and now.get("dirty", 0) <= started:
            raise Broken("I13", f"{key}: {worker} was answered as taken, and no run will see what it tells of")

    # ---- rows -------------------------------------------------------------------------------

    def called(self, operation: str, worker: str) -> None:
        """A worker makes a call."""
        if operation in LOOKS:
            self._looked[worker] = self._clock.now().timestamp()

    def _check_look(self, key: str, before: Json, after: Json, worker: str) -> None:
        """I5: who is done with a look that was asked for has looked since."""
        marked = after.get("mark", 0) > before.get("mark", 0)
        if after.get("verify"):
            if marked or not before.get("verify"):
                self._look_owed[key] = self._clock.now().timestamp()
            return
        owed = self._look_owed.pop(key, 0.0)
        seen, link = after.get("seen") or {}, after.get("link") or {}
        mine = (seen.get("organizer") or {"self": True}).get("self")
        gone = seen.get("status") == "cancelled" or not mine or asked(seen) not in self._vendors
        if worker == "late" or not before.get("verify") or gone or not link.get("meeting"):
            return
        if self._looked.get(worker, 0.0) < owed and link.get("provider") == asked(seen):
            raise Broken("I5", f"{key}: {worker} is done with a look at the meeting, and has not asked for it since")


def _check_patience(key: str, before: Json, after: Json) -> None:
    """I14: however often one mark is tried, the hour of its first failure stands: so retries come to an end."""
    same = after.get("mark", 0) == before.get("mark", 0) and after.get("mark", 0) > after.get("done", 0)
    was, now = before.get("failing_since"), after.get("failing_since")
    if same and was is not None and now != was:
        raise Broken("I14", f"{key}: its retries have begun at {was}, and anew at {now}")
