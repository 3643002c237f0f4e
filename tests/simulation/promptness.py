"""How soon a change is reflected where neither polls nor sweeps help: at once, but for what each fault explains.

Authority: docs/reliability.md, *Promises* (99 of 100 changes within a minute) and I13
"""

from __future__ import annotations

from collections.abc import Iterable

from tests.simulation.faults import Fault

ALWAYS = 45.0
"""Seconds that a change may take if nothing goes wrong."""
ABSENCE = 60.0
"""Who does not find a meeting asks again after so long: where people act on meetings beside us, it may be gone."""

_HARMLESS = frozenset(
    {
        Fault.NOTICE_DOUBLED,
        Fault.NOTICE_FORGED,
        Fault.NOTICE_REPLAYED,
        Fault.PUSH_DOUBLED,
        Fault.TASK_DOUBLED,
        Fault.COLD_START,
    }
)
_TRIED_AGAIN = frozenset({Fault.CALENDAR_RATE, Fault.CALENDAR_DOWN, Fault.CALENDAR_LOST_SIGHT, Fault.ACCESS_EXPIRED})
_COMPARED = frozenset({Fault.TOKEN_DROPPED, Fault.TOKENS_EXPIRED, Fault.PAGE_EXPIRED})
"""A second full pass has to wait."""
_CRASHES = frozenset({Fault.CRASH_BEFORE, Fault.CRASH_AFTER})


def allowed(struck: Iterable[tuple[str, Fault]], *, alone: bool) -> float:
    """Seconds that a change may take which these faults, each with the call that it struck, have held up.

    `alone`: nobody but us has touched any meeting.
    """
    faults = list(struck)
    compared = sum(1 for _, fault in faults if fault in _COMPARED)
    always = ALWAYS if alone else ALWAYS + ABSENCE
    return always + sum(_cost(name, fault) for name, fault in faults) + (600.0 if compared > 1 else 0.0)


def _cost(name: str, fault: Fault) -> float:
    if fault in _HARMLESS:
        return 10.0
    if fault in _TRIED_AGAIN:
        return 30.0
    if fault in _COMPARED:
        return 60.0
    if fault in _CRASHES and name.startswith("sync_calendar") and " doubled" not in name:
        # The queue brings the task back, and who comes with it need not wait for what the dead one held; but not one
        # that another worker has ended, whom the dead one had overtaken.
        return 25.0
    # A claim runs out, somebody held up lives on, a write is applied late, the tick wakes what was forgotten; with a
    # clock that is wrong by minutes, a claim runs out minutes later.
    return 600.0 if fault is Fault.CLOCK_SKEWED else 300.0
