"""How many calls a world may cost: I14, and which calls write anything outside.

The bounds are straight lines in what people did, what went wrong and how long it took. They are about
three times the most that was seen in some hundred worlds, so that no unlucky order of things breaks them; an echo loop
or a retry storm makes hundreds of calls where these allow tens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.simulation.sight import Broken

Call = tuple[str, str]
"""System ("calendar", "provider", "store", "queue") and operation ("calendar.PATCH events/one", "provider.update")."""

_PROVIDER_WRITES = ("create", "update", "delete")


@dataclass(frozen=True, slots=True)
class Size:
    """How much there was to do."""

    changes: int
    faults: int
    hours: float
    feeds: int
    vendors: int
    events: int
    runs: int = 0
    """Of scripts' handlers."""

    @property
    def work(self) -> float:
        """Changes as the flow may see them: an act may be a burst of five edits, or ten events at once."""
        return 3 * self.changes + self.events

    @property
    def rounds(self) -> float:
        """Turns of the periodic jobs: polls and sweeps at their fastest come every ten minutes, together."""
        return 6 * self.hours + 3


def writes_outside(operation: str) -> bool:
    """True if a call of this name changes events or meetings; channels are neither."""
    system, _, what = operation.rpartition(".")
    verb, _, where = what.partition(" ")
    if verb in {"PATCH", "PUT", "DELETE"}:
        return where.startswith("events")
    if verb == "POST":
        # To one event's path only watch and channels.stop are posted.
        return where == "events"
    if verb in {"patch", "insert"}:
        return True
    return verb in _PROVIDER_WRITES and system not in {"store", "queue"}


def check(calls: Counter[Call], size: Size) -> None:
    """Raise Broken(I14) if any kind of call was made more often than a world of this size explains."""
    for name, (counts, bound) in BOUNDS.items():
        made = sum(count for call, count in calls.items() if counts(call))
        most = bound(size)
        if made > most:
            which = ", ".join(f"{n} x {call[1]}" for call, n in sorted(calls.items()) if counts(call))
            raise Broken("I14", f"{made} {name}, at most {most:.0f} for {size}: {which}")


def check_looks(calls: Mapping[Call, int], acts: Mapping[str, int], overtaken: int) -> None:
    """Raise Broken(I14) if a vendor that numbers its versions was asked for what only we had changed.

    For worlds in which nothing went wrong: people's own acts at vendors, copies and the like explain some looks each,
    and one more for each change of an event whose meeting is missed. So does a push that is `overtaken` by our next
    change: the version that it tells is not the one we know.
    """
    others = sum(times for act, times in acts.items() if act not in OUR_WORK_ALONE)
    looks = calls.get(("provider", "provider.get"), 0)
    most = overtaken + (3 * others + sum(acts.values()) if others else 0)
    if looks > most:
        raise Broken("I14", f"vendors were asked {looks} times for a meeting, at most {most} for {dict(acts)}")


OUR_WORK_ALONE = {
    "make",
    "repeat",
    "rename",
    "move",
    "describe",
    "invite",
    "answer",
    "meddle",
    "permit",
    "cancel",
    "occurrence",
    "revive",
    "rule",
    "look",
    "host",
    "poison",
    "endless",
    "repair",
    "discard",
    "stranger",
}
"""Acts after which nobody but us touches a meeting, and no event comes to name one that it was not given by us."""


def _is(system: str, *, writes: bool) -> Callable[[Call], bool]:
    return lambda call: call[0] == system and writes_outside(call[1]) is writes


BOUNDS: Mapping[str, tuple[Callable[[Call], bool], Callable[[Size], float]]] = {
    # A change needs at most one patch (a new meeting, or a join link that moved); people's edits in between make 412s.
    # A script's handlers write as they like, and try again what they have set aside.
    "writes to events": (_is("calendar", writes=True), lambda it: 3 + 0.7 * it.work + it.faults + it.runs),
    # A list for each burst, one per page of it, an events.get after each 412 or fault; polls and full passes by time,
    # a page for every two events at the smallest page size. While a moved event waits for its vendor, what it left
    # behind looks every four minutes.
    "reads of calendars": (
        _is("calendar", writes=False),
        lambda it: (
            10
            + 2.5 * it.work
            + (4 + it.events / 2) * it.faults
            + it.feeds * it.rounds * (1.5 + it.events / 2)
            + 15 * it.hours
        ),
    ),
    # One call for each change, and once more where somebody changed the meeting meanwhile or an answer was lost.
    "writes to vendors": (_is("provider", writes=True), lambda it: 4 + it.work + 1.5 * it.faults),
    # A look before creating, after every push (our echo costs one where a vendor numbers nothing), after every fault.
    "reads of vendors": (
        _is("provider", writes=False),
        lambda it: 10 + 3 * it.work + 4 * it.faults + it.vendors * it.rounds * 2,
    ),
    # Marks, claims, ends, of scripts' runs too; the feed's dirty number, lease and token. A tick looks five times for
    # what is due.
    "commits": (
        lambda call: call == ("store", "store.commit"),
        lambda it: 30 + 16 * it.work + 16 * it.faults + it.feeds * it.rounds * (8 + it.events) + 4 * it.runs,
    ),
    "tasks": (
        lambda call: call[0] == "queue",
        lambda it: 10 + 4 * it.work + 4 * it.faults + it.feeds * it.rounds * (1.5 + it.events / 3),
    ),
}
