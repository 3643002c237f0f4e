"""What is never needed, whatever has gone wrong: judged at every committed write, task's end and write to an event.

Counting calls (budget.py) finds storms; one write too many hides among the others. So these are judged one by one.
Authority: docs/reliability.md, *Invariants* (I6, I14); docs/design.md, *The flow, and what each step owes*
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from tests.simulation.sight import Broken, Json, Now, plain

_LATE = "late"
"""The name under which commits arrive that nobody waits for any more."""
HELD_UP = 400.0
"""Nobody is held up for longer, so what a worker has asked for came to pass since then."""
COOLDOWN = 300.0
"""Seconds; after a dropped token, another one does not lead to a full pass for so long at least."""
BURST = 0.9
"""Seconds; a run waits for one after the first notice, less what a notice takes to be taken."""
NEAR = 3.0
"""Seconds between a notice and another one that belongs to the same burst, at most."""
_HOLDERS_ONLY = ("done", "link", "generation")


class Thrift:
    """Raises Broken for a needless step; knows of each row and feed who has claimed it last."""

    def __init__(self, clock: Now) -> None:
        self._clock = clock
        self._claimed_by: dict[str, str] = {}
        self._free: dict[str, float] = {}
        self._rests: dict[str, float] = {}
        self._notices: dict[str, list[float]] = {}
        self._refused: dict[tuple[str, str], list[Callable[[], bool]]] = {}
        self._asked_by_notices: Counter[str] = Counter()
        self._asked_by_others: dict[str, list[float]] = {}
        self.clock_is_off = False
        """Once a worker's clock was wrong, nobody can tell whether it saw a claim as living."""

    def noticed(self, feed: str) -> None:
        """A notice of this feed arrives."""
        self._notices.setdefault(f"feeds/{feed}", []).append(self._clock.now().timestamp())

    def write_refused(self, path: str, etag: str, disturbed: Callable[[], bool]) -> None:
        """Judge that an event which was found changed is read before it is written again.

        Who was `disturbed` could not tell anybody that it was, nor hear of it in time.
        """
        earlier = self._refused.setdefault((path, etag), [])
        told = not disturbed() and not all(one() for one in earlier)
        earlier.append(disturbed)
        if told and not self.clock_is_off:
            raise Broken("I14", f"{path}: written at {etag} once more, though it was at another version already")

    def bursts(self) -> None:
        """Where nothing has gone wrong: of the notices of one second, one asks for a run."""
        for key, asked in self._asked_by_notices.items():
            # A run that somebody else has asked for may begin in the middle of a burst.
            came = self._notices.get(key, [])
            among = [at for at in self._asked_by_others.get(key, []) if any(abs(at - one) < NEAR for one in came)]
            most = _bursts(came) + len(among)
            if asked > most:
                raise Broken(
                    "I14",
                    f"{key}: notices have asked for {asked} runs, at most {most} for the bursts in which they came",
                )

    def store_changed(self, key: str, before: Json | None, after: Json | None, worker: str) -> None:
        """Judge one committed write: I14, and I6 for claims that somebody else has."""
        if before is None or after is None:
            return
        if key.startswith("feeds/"):
            _check_asked(key, before, after)
            if after.get("dirty", 0) > before.get("dirty", 0):
                self._note_asked(key, before, by_notice=worker.startswith("notice"))
            self._check_run(key, before, after)
            self._check_turn(key, before, after, worker)
            self._check_drop(key, before, after)
        elif key.startswith("ledger/"):
            self._check_claim(key, before, after, worker)

    def _note_asked(self, key: str, before: Json, *, by_notice: bool) -> None:
        if by_notice and self._lives(before, "lease_until"):
            return  # a run that is under way takes the next turn at once
        if by_notice:
            self._asked_by_notices[key] += 1
        else:
            self._asked_by_others.setdefault(key, []).append(self._clock.now().timestamp())

    # ---- feeds ------------------------------------------------------------------------------

    def _check_run(self, key: str, before: Json, after: Json) -> None:
        if after.get("fence", 0) <= before.get("fence", 0):
            return
        if before.get("dirty", 0) <= before.get("done", 0):
            raise Broken("I14", f"{key}: a run has begun, and none is owed: done is {before.get('done', 0)}")
        if self._lives(before, "lease_until") and _holder(after) != _holder(before):
            raise Broken("I14", f"{key}: a run has begun while another one holds the lease")

    def _check_turn(self, key: str, before: Json, after: Json, worker: str) -> None:
        """Of a poll or a sweep, the next turn is noted once this one has been asked for: else a crash skips one."""
        if not worker.startswith("tick") or before.get("dirty", 0) > before.get("done", 0):
            return
        a_while_ago = self._clock.now().timestamp() - HELD_UP
        for turn, came in (("poll_at", "synced_at"), ("sweep_at", "full_at")):
            later = (after.get(turn) or 0.0) > (before.get(turn) or 0.0)
            if later and (before.get(came) or 0.0) < a_while_ago and not self.clock_is_off:
                raise Broken("I13", f"{key}: {worker} has moved {turn} on, and nobody has asked for a run")

    def _check_drop(self, key: str, before: Json, after: Json) -> None:
        """A calendar whose tokens do not last costs one full pass in a while, not one for each drop.

        The drop that has to wait is none that another one would have to wait for.
        """
        now = self._clock.now().timestamp()
        if before.get("token") is not None and after.get("token") is None:
            rest = self._free.get(key, 0.0) + COOLDOWN
            self._rests[key] = rest if now < rest else 0.0
            self._free[key] = self._free[key] if now < rest else now
        if before.get("token") is None and after.get("token") is not None:
            rest = self._rests.pop(key, 0.0)
            if now < rest - 1 and not self.clock_is_off:
                raise Broken(
                    "I14", f"{key}: a full pass {rest - now:.0f} seconds too soon, for tokens that do not last"
                )

    # ---- rows -------------------------------------------------------------------------------

    def _check_claim(self, key: str, before: Json, after: Json, worker: str) -> None:
        by_task = worker.startswith(("reconcile_event", "patch_event"))
        marked = after.get("mark", 0) > before.get("mark", 0)
        if after.get("fence", 0) <= before.get("fence", 0):
            mine = self._claimed_by.get(key) in (worker, _LATE)
            if not by_task or mine or marked:
                return
            now = plain(after)
            written = [name for name in _HOLDERS_ONLY if before.get(name) != now.get(name)]
            if written:
                raise Broken("I6", f"{key}: {worker} wrote {', '.join(written)} without having claimed the row")
            return
        if after.get("mark", 0) <= after.get("done", 0):
            raise Broken("I14", f"{key}: {worker} has claimed a row of which nothing is pending")
        if self._lives(before, "claimed_until"):
            if marked:
                raise Broken("I6", f"{key}: {worker} has marked a row, and taken it from whoever works on it")
            last = self._claimed_by.get(key, "")
            handed = worker.startswith("reconcile_event") and not last.startswith(("reconcile_event", "patch_event"))
            if by_task and not handed:
                raise Broken("I6", f"{key}: {worker} has taken the row from {last}, who works on it")
        self._claimed_by[key] = worker  # whoever has asked for a late one may find it made

    def _lives(self, before: Json, until: str) -> bool:
        return not self.clock_is_off and float(before.get(until, 0.0)) > self._clock.now().timestamp()


def _holder(feed: Json) -> tuple[object, object]:
    return feed.get("lease_number"), feed.get("lease_turn")


def _check_asked(key: str, before: Json, after: Json) -> None:
    """A notice that a run to come will see writes nothing, so that a burst of them costs one run."""
    if after.get("dirty", 0) <= before.get("dirty", 0):
        return
    if before.get("stopped"):
        raise Broken("I14", f"{key}: a run was asked for, and the feed is stopped")
    full = after.get("full_wanted", False) and not before.get("full_wanted", False)
    if before.get("dirty", 0) > before.get("started", 0) and not full:
        raise Broken("I14", f"{key}: a run was asked for, and one that has not begun was to come already")


def _bursts(times: list[float]) -> int:
    """How many groups of less than a second they fall into, each beginning with the first that is left."""
    bursts, ends = 0, 0.0
    for time in sorted(times):
        if time >= ends:
            bursts, ends = bursts + 1, time + BURST
    return bursts


def check_write(which: str, before: Json, after: Json) -> None:
    """I14: a write of ours to an event changes something of it."""
    if {**before, **_ALWAYS} == {**after, **_ALWAYS}:
        raise Broken("I14", f"{which}: our write changed nothing")


_ALWAYS: Mapping[str, None] = {"etag": None, "updated": None, "sequence": None}
"""What Google changes at every write."""


def check_answer(name: str, error: BaseException | None, *, ground_failed: bool) -> None:
    """One tenant's trouble slows nobody else: the queue, which serves all, only hears of trouble of our own ground."""
    if isinstance(error, Exception) and not ground_failed:
        raise Broken("I14", f"the task {name} was given back to the queue: {error!r}")
