"""Everything that may go wrong in a simulated world, drawn call by call and counted by kind.

The numbers F1 to F43 are those of the reliability contract, F44 is a script's; docs/reliability.md tells which are
shown elsewhere.
"""

from __future__ import annotations

import bisect
import enum
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.simulation.chance import Chance


class Fault(enum.Enum):
    """What may go wrong, by where it strikes."""

    # Google's notices and vendors' pushes on their way to us
    NOTICE_LOST = "F1 notice lost"
    NOTICE_DOUBLED = "F2 notice doubled"
    NOTICE_DELAYED = "F3 notice delayed"
    NOTICE_FORGED = "F4 notice forged"
    NOTICE_REPLAYED = "F5 notice of an old channel replayed"
    PUSH_LOST = "F1 vendor's push lost"
    PUSH_DOUBLED = "F2 vendor's push doubled"
    PUSH_DELAYED = "F3 vendor's push delayed"
    # any call
    CRASH_BEFORE = "F8 crash before a call"
    CRASH_AFTER = "F8 crash after a call"
    SLOW_BEFORE = "F9 zombie: held up before a call"
    SLOW_AFTER = "F9 zombie: held up after a call"
    # tasks
    COLD_START = "F10 cold start"
    OLD_BODY = "F11 a task of an older version"
    TASK_DOUBLED = "F36 task delivered twice"
    TASK_DELAYED = "F36 task delivered late"
    TASK_LOST = "F39 task given up by the queue"
    QUEUE_PAUSED = "F38 queue paused"
    CLOCK_SKEWED = "F41 clock skewed"
    OUTAGE = "F35 functions and scheduler down for long"
    # the Calendar
    TOKEN_DROPPED = "F12 sync token dropped (410)"
    TOKENS_EXPIRED = "F12 all sync tokens expired"
    CALENDAR_RATE = "F14 calendar rate limit 403"
    CALENDAR_BUSY = "F14 calendar 429 with Retry-After"
    CALENDAR_LOST_SIGHT = "F15 calendar not found for a moment (404)"
    CALENDAR_DOWN = "F15 calendar 5xx before the work"
    CALENDAR_LOST = "F16 calendar's answer lost after the work"
    CALENDAR_5XX_DONE = "F16 calendar 5xx after the work"
    CALENDAR_LATE = "F17 calendar write applied late"
    WATCH_REFUSED = "F22 calendar that cannot be watched"
    PAGE_EXPIRED = "F18 page token expired"
    ACCESS_EXPIRED = "F29 access token expired in the middle"
    CONSENT_REVOKED = "F30 consent revoked"
    # a provider
    PROVIDER_BUSY = "F23 provider busy (429)"
    PROVIDER_LOST = "F23 provider's answer lost after the work"
    PROVIDER_UNDONE = "F23 provider's timeout before the work"
    PROVIDER_LATE = "F23 provider's write applied late"
    PROVIDER_LOST_SIGHT = "F23 provider does not find a meeting for a moment (404)"
    PROVIDER_REVOKED = "F28 provider's licence lost for a while"
    # store and queue
    STORE_DOWN = "F33 store unavailable"
    STORE_LOST = "F34 commit done, outcome unknown"
    STORE_UNDONE = "F34 commit not done, outcome unknown"
    STORE_LATE = "F34 commit applied late"
    QUEUE_DOWN = "F35 queue unavailable"
    QUEUE_LOST = "F37 task taken, answer lost"
    # a script's handler
    HANDLER_RAISES = "F44 handler raises"


_ANY_CALL = {Fault.CRASH_BEFORE: 6, Fault.CRASH_AFTER: 6, Fault.SLOW_BEFORE: 2, Fault.SLOW_AFTER: 2}
_READ = {Fault.CALENDAR_RATE: 4, Fault.CALENDAR_BUSY: 4, Fault.CALENDAR_DOWN: 6, Fault.ACCESS_EXPIRED: 3}
_WRITE = {**_READ, Fault.CALENDAR_LOST: 10, Fault.CALENDAR_5XX_DONE: 5, Fault.CALENDAR_LATE: 8}
_PROVIDER_READ = {**_ANY_CALL, Fault.PROVIDER_BUSY: 8, Fault.PROVIDER_UNDONE: 4}

TABLES: Mapping[str, Mapping[Fault, float]] = {
    "notice": {
        Fault.NOTICE_LOST: 60,
        Fault.NOTICE_DOUBLED: 60,
        Fault.NOTICE_DELAYED: 60,
        Fault.NOTICE_FORGED: 20,
        Fault.NOTICE_REPLAYED: 20,
    },
    "push": {Fault.PUSH_LOST: 60, Fault.PUSH_DOUBLED: 60, Fault.PUSH_DELAYED: 60},
    "task": {
        Fault.COLD_START: 20,
        Fault.OLD_BODY: 20,
        Fault.TASK_DOUBLED: 30,
        Fault.TASK_DELAYED: 20,
        Fault.TASK_LOST: 8,
        Fault.QUEUE_PAUSED: 4,
        Fault.CLOCK_SKEWED: 15,
    },
    "act": {Fault.TOKENS_EXPIRED: 60, Fault.OUTAGE: 3, Fault.PROVIDER_REVOKED: 15},
    "calendar list": {
        **_ANY_CALL,
        **_READ,
        Fault.TOKEN_DROPPED: 15,
        Fault.CONSENT_REVOKED: 1,
        Fault.CALENDAR_LOST_SIGHT: 10,
    },
    "calendar page": {**_ANY_CALL, **_READ, Fault.TOKEN_DROPPED: 30, Fault.PAGE_EXPIRED: 60},
    "calendar read": {**_ANY_CALL, **_READ, Fault.CONSENT_REVOKED: 1},
    "calendar write": {**_ANY_CALL, **_WRITE, Fault.CONSENT_REVOKED: 1},
    "calendar watch": {**_ANY_CALL, **_WRITE, Fault.CONSENT_REVOKED: 1, Fault.WATCH_REFUSED: 30},
    "provider read": _PROVIDER_READ,
    "provider look": {**_PROVIDER_READ, Fault.PROVIDER_LOST_SIGHT: 10},
    "provider write": {
        **_ANY_CALL,
        Fault.PROVIDER_BUSY: 8,
        Fault.PROVIDER_LOST: 12,
        Fault.PROVIDER_UNDONE: 6,
        Fault.PROVIDER_LATE: 12,
    },
    "store read": {Fault.CRASH_BEFORE: 1, Fault.SLOW_AFTER: 1, Fault.STORE_DOWN: 2},
    "store write": {**_ANY_CALL, Fault.STORE_DOWN: 4, Fault.STORE_LOST: 4, Fault.STORE_UNDONE: 2, Fault.STORE_LATE: 3},
    "queue": {**_ANY_CALL, Fault.QUEUE_DOWN: 6, Fault.QUEUE_LOST: 6},
    "handler": {**_ANY_CALL, Fault.HANDLER_RAISES: 80},
}
"""How often each strikes, in thousandths of the calls of a kind, at the usual rate."""

NEEDS_THE_NET = frozenset(
    {
        Fault.NOTICE_LOST,
        Fault.NOTICE_DELAYED,
        Fault.PUSH_LOST,
        Fault.PUSH_DELAYED,
        Fault.TASK_DELAYED,
        Fault.QUEUE_PAUSED,
        Fault.OUTAGE,
        Fault.CONSENT_REVOKED,
        Fault.PROVIDER_REVOKED,
        Fault.PROVIDER_BUSY,
        Fault.CALENDAR_BUSY,
        Fault.WATCH_REFUSED,
    }
)
"""What the flow alone cannot heal, or not soon: it does not happen where freshness without the sweep is judged."""


@dataclass(slots=True)
class Table:
    """What may strike one kind of call, as thresholds."""

    thresholds: list[float]
    faults: list[Fault]


@dataclass(slots=True)
class Faults:
    """Draws faults at `rate` (1: the usual) among those `allowed`; with a `script`, just those that it names."""

    chance: Chance
    rate: float
    allowed: frozenset[Fault]
    script: Mapping[str, Fault] | None = None
    calm: bool = False
    clock: Callable[[], float] = float
    struck: dict[str, Fault] = field(default_factory=dict)
    when: dict[str, float] = field(default_factory=dict)
    """When each of them struck, by `clock`."""
    _tables: dict[str, Table] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind, weights in TABLES.items():
            chosen = {fault: weight for fault, weight in weights.items() if fault in self.allowed}
            shares = itertools.accumulate(weight * self.rate / 1000 for weight in chosen.values())
            self._tables[kind] = Table(list(shares), list(chosen))

    def strike(self, kind: str, name: str, drawn: float) -> Fault | None:
        """The fault that strikes the call `name`, if one does; `drawn` is from 0 up to 1."""
        if self.calm:
            return None
        if self.script is not None:
            fault = self.script.get(name)
        else:
            table = self._tables[kind]
            at = bisect.bisect_right(table.thresholds, drawn)
            fault = table.faults[at] if at < len(table.faults) else None
        if fault is not None:
            self.struck[name], self.when[name] = fault, self.clock()
        return fault

    def since(self, instant: float) -> list[tuple[str, Fault]]:
        """The calls that were struck since then, and by what."""
        return [(name, fault) for name, fault in self.struck.items() if self.when[name] >= instant]

    def counts(self) -> Counter[Fault]:
        """How often each kind struck."""
        return Counter(self.struck.values())


def swarm(chance: Chance, among: Iterable[Fault]) -> frozenset[Fault]:
    """Some of the kinds: worlds in which some things never go wrong go deeper into what does."""
    return frozenset(fault for fault in among if chance.numbers(fault.name)[0] < 0.6)
