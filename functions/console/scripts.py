"""What is shown of scripts: each trigger with its runs of the last day, and what the failed ones failed with; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from functions.console import words
from functions.console.cards import Frame
from functions.ports import Document
from functions.script.clockwork import Clock, upcoming
from functions.script.enums import TriggerStatus
from functions.script.trigger import TriggerRecord

_CAUSES = 3
_STATUS = {
    TriggerStatus.ACTIVE: "active",
    TriggerStatus.DISABLED: "disabled",
    TriggerStatus.NEEDS_AUTH: "waits for consent",
    TriggerStatus.FAILING: "failing",
}


class Cause(msgspec.Struct, frozen=True):
    """What runs failed with, and how many of them."""

    times: int
    error: str


class ScriptTrigger(msgspec.Struct, frozen=True):
    """A trigger with its runs; of one that is gone, what its runs tell. `next` is empty for a calendar's."""

    key: str
    handler: str
    user: str
    source: str
    status: str
    runs: int = 0
    failures: int = 0
    last: str = ""
    last_exact: str = ""
    next: str = ""
    next_exact: str = ""
    reason: str = ""
    causes: tuple[Cause, ...] = ()
    more_causes: int = 0
    well: bool = True


def script_triggers(
    records: Sequence[TriggerRecord], executions: Sequence[Document], frame: Frame
) -> tuple[ScriptTrigger, ...]:
    """Those that are not well first, then by who ran last; `executions` are the records of runs, newest first."""
    runs: dict[str, list[Document]] = {}
    for one in executions:
        runs.setdefault(str(one.data.get("trigger", "")), []).append(one)
    live = [_living(record, runs.pop(record.id, []), frame) for record in records]
    gone = [_with_runs(_gone(name, some[0]), some, frame) for name, some in runs.items()]
    order = {
        name: number for number, name in enumerate(dict.fromkeys(str(it.data.get("trigger")) for it in executions))
    }
    found = sorted([*live, *gone], key=lambda one: (one.well, order.get(one.key, len(order)), one.handler, one.key))
    return tuple(found)


def _living(record: TriggerRecord, some: Sequence[Document], frame: Frame) -> ScriptTrigger:
    status = TriggerStatus(record.status)
    shown = ScriptTrigger(
        key=record.id,
        handler=record.handler,
        user=record.user,
        source=record.calendar or record.source,
        status=_STATUS[status],
        reason=record.reason or "",
        well=status in {TriggerStatus.ACTIVE, TriggerStatus.DISABLED},
    )
    if record.last_run is not None:
        shown = _last(shown, record.last_run, frame)
    at = _next(record) if status is not TriggerStatus.DISABLED else None
    if at is not None:
        exact = words.clock(at, frame.zone, frame.now)
        shown = msgspec.structs.replace(shown, next=words.ago(at, frame.now), next_exact=exact)
    return _with_runs(shown, some, frame)


def _next(record: TriggerRecord) -> float | None:
    if record.schedule is None or record.clockwork is None:
        return None
    return upcoming(Clock(record.schedule, record.id, record.created_at), record.clockwork)


def _gone(name: str, newest: Document) -> ScriptTrigger:
    handler, user, source = (str(newest.data.get(part, "")) for part in ("handler", "user", "source"))
    return ScriptTrigger(key=name, handler=handler, user=user, source=source, status="gone")


def _with_runs(shown: ScriptTrigger, some: Sequence[Document], frame: Frame) -> ScriptTrigger:
    if not some:
        return shown
    failed = [str(one.data["error"]) for one in some if one.data.get("error")]
    causes = [Cause(times, error) for error, times in Counter(failed).most_common()]
    at, failing = some[0].data.get("at"), bool(some[0].data.get("error"))
    active = shown.status == _STATUS[TriggerStatus.ACTIVE]
    return msgspec.structs.replace(
        _last(shown, float(at), frame) if isinstance(at, int | float) else shown,
        status="last run failed" if failing and active else shown.status,
        runs=len(some),
        failures=len(failed),
        causes=tuple(causes[:_CAUSES]),
        more_causes=max(len(causes) - _CAUSES, 0),
        well=shown.well and not failing,
    )


def _last(shown: ScriptTrigger, at: float, frame: Frame) -> ScriptTrigger:
    return msgspec.structs.replace(
        shown, last=words.ago(at, frame.now), last_exact=words.clock(at, frame.zone, frame.now)
    )


def totals(triggers: Iterable[ScriptTrigger]) -> str:
    """How many runs there were, and how many of them failed."""
    some = list(triggers)
    runs, failures = sum(one.runs for one in some), sum(one.failures for one in some)
    said = words.count(runs, "run", "runs")
    return f"{said}, {failures} failed" if failures else said
