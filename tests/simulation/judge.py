"""The judge of a simulated world: it sees every step and the state at rest, and believes nothing that the product says.

It shares no code with the product: documents are plain JSON to it, and what a meeting must be it reckons by itself.
Authority: docs/reliability.md, *Oracles* and *Invariants*
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from infra.local.calendar.server import CalendarServer
from infra.local.memory import MemoryQueue, MemoryStore
from tests.simulation import budget
from tests.simulation.care import Care
from tests.simulation.invariants import Steps
from tests.simulation.rest import Rest
from tests.simulation.shadow import Shadow
from tests.simulation.sight import Broken, Google, Json, Now, Vendor, Vendors, kin
from tests.simulation.thrift import Thrift, check_answer, check_write

__all__ = ["Broken", "Judge"]


class Judge:
    """Raises Broken, naming the oracle or invariant, as soon as it sees a promise broken.

    With `deep` it also asks the Calendar server what each move of a sync token covers.
    """

    def __init__(  # noqa: PLR0917 - one for each thing it looks at
        self,
        google: CalendarServer,
        vendors: Mapping[str, Vendor],
        shadow: Shadow,
        store: MemoryStore,
        queue: MemoryQueue,
        clock: Now,
        *,
        deep: bool,
    ) -> None:
        self._deep, self._shadow, self._clock, self._store = deep, shadow, clock, store
        self._vendors = Vendors(vendors, shadow)
        self._excuses: Counter[str] = Counter()
        self._doubles: Counter[str] = Counter()
        self._began = clock.now().timestamp()
        self.google = Google(google)
        self._steps = Steps(self.google, self._vendors, shadow, store, clock)
        self._thrift = Thrift(clock)
        self.care = Care(store, queue, vendors, clock)
        """What heals by itself."""
        steps = self._steps
        self._rest = Rest(self.google, self._vendors, shadow, store, queue, clock, self._excuses, self._doubles, steps)
        self.calls: Counter[tuple[str, str]] = Counter()
        """How often what was called, by system and operation."""
        self.faults: Counter[str] = Counter()
        """How often what went wrong with a call."""
        self.most: Counter[str] = Counter()
        """The most meetings of ours that were ever live for each event at the same moment."""

    # ---- at every step ----------------------------------------------------------------------

    def store_changed(self, key: str, before: Json | None, after: Json | None, worker: str) -> None:
        """Judge one committed write of the product: I2, I5, I6, I14. No two workers ever have the same name."""
        self._steps.store_changed(key, before, after, worker)
        self._thrift.store_changed(key, before, after, worker)
        self.care.store_changed(key, before, after, worker)

    def token_moved(self, before: Json, after: Json) -> None:
        """Judge that a feed's new sync token covers only what the ledger knows: I4; not judged unless deep."""
        if self._deep:
            self._steps.token_moved(before, after)

    def run_done(self, before: Json, after: Json) -> None:
        """Judge that what was changed before a run began is covered by the token it ends with: I4; only if deep."""
        if self._deep:
            self._steps.run_done(before, after)

    def task_added(self, function: str, body: Mapping[str, Any]) -> None:
        """Judge what a task tells: I7."""
        self._steps.task_added(function, body)

    def event_written(self, user: str, calendar: str, before: Json, after: Json) -> None:
        """Judge a write of ours to an event, by the whole event before and after it: I1, I3, I14."""
        self._steps.event_written(user, calendar, before, after)
        check_write(f"event {before.get('id')} of {calendar}", before, after)

    def task_answered(self, name: str, error: BaseException | None, *, ground_failed: bool) -> None:
        """Judge how a task ended: only our own store and queue may have the queue try again."""
        check_answer(name, error, ground_failed=ground_failed)

    def write_refused(self, path: str, etag: str, disturbed: Callable[[], bool]) -> None:
        """Judge a write of ours that Google has refused, the event being at another version: I14."""
        self._thrift.write_refused(path, etag, disturbed)

    def full_pass_began(self, user: str, calendar: str) -> None:
        """The first page of a calendar's events is listed, without a sync token."""
        self._steps.full_pass_began(user, calendar)

    def noticed(self, feed: str) -> None:
        """A notice of this feed arrives."""
        self._thrift.noticed(feed)

    @property
    def began(self) -> Mapping[tuple[str, str], tuple[float, float]]:
        """By user and calendar: when it was connected first, and when the last sync token that followed from none."""
        return self._steps.began

    @property
    def clock_was_off(self) -> bool:
        """True once a worker's clock was wrong."""
        return self._thrift.clock_is_off

    def clock_is_off(self) -> None:
        """A worker begins whose clock is wrong: what it takes for over may live."""
        self._thrift.clock_is_off = True

    def called(self, system: str, operation: str, fault: str | None) -> None:
        """Count an outgoing call of the product."""
        self.calls[system, operation] += 1
        if fault is not None:
            self.faults[fault] += 1

    def excuse(self, token: str, *, doubles: bool = True) -> None:
        """A fault has struck a create or a delete for this event; one that `doubles` may have made one more of it."""
        self._excuses[token] += 1
        self._doubles[token] += doubles

    def meetings_changed(self) -> None:
        """Judge how many meetings live at once: one for each event, and one more for each fault that explains it.

        Events that may share a meeting may each still have the other's; an event that moved may have one from each
        calendar for a moment.
        """
        self._vendors.look()
        self._steps.check_deleted()
        for token, live in self._vendors.live().items():
            self.most[token] = max(self.most[token], live)
            if live > 1 and live > (most := self._allowed(token)):
                raise Broken("transient maximum", f"{token}: {live} meetings live at once, at most {most} may")

    def _allowed(self, token: str) -> int:
        wish = self._shadow.wishes.get(token)
        moves = len(wish.left - {wish.calendar}) if wish else 0
        return 1 + self._doubles[token] + moves + len(kin(self._shadow, token)) - 1

    # ---- when all has come to rest ----------------------------------------------------------

    def at_rest(self) -> None:
        """Judge everything that is left: I1, I8, I9, I12, and convergence for what should have been tidied up."""
        self._rest.at_rest()

    def fixpoint(self, writes: Mapping[str, int]) -> None:
        """Judge one more full pass by its calls, counted by operation: none may write to events or meetings."""
        made = {name: count for name, count in writes.items() if count and budget.writes_outside(name)}
        if made:
            told = ", ".join(f"{count} x {name}" for name, count in sorted(made.items()))
            raise Broken("fixpoint", f"one more full pass wrote {told}")

    def fresh(self, since: float) -> None:
        """Judge, where no sweep has run, that all is right of which people have changed nothing after `since`: I13."""
        self._rest.fresh(since)

    def budget(self, changes: int, faults: int, *, runs: int = 0) -> None:
        """Judge how many calls went out, for so many acts, faults and runs of scripts' handlers: I14."""
        elapsed = self._clock.now().timestamp() - self._began
        size = budget.Size(
            changes=changes,
            faults=faults,
            runs=runs,
            hours=elapsed / 3600,
            feeds=len(self._store.query("feeds", limit=1000)),
            vendors=len(self._vendors.models),
            events=len(self._shadow.wishes) + sum(len(wish.exceptions) for wish in self._shadow.wishes.values()),
        )
        budget.check(self.calls, size)

    def calm(self, acts: Mapping[str, int]) -> None:
        """Judge, where nothing has gone wrong, what acts of these kinds may have cost: I14."""
        self._thrift.bursts()
        traits = [model.traits for model in self._vendors.models.values()]
        # What a list does not show yet is looked at.
        if all(each.conditional and not each.list_lag for each in traits):
            budget.check_looks(self.calls, acts, self._vendors.overtaken)
