"""One run of a handler: in its trigger's name, recorded, with everything it holds let go at its end."""

from __future__ import annotations

import enum
import inspect
import traceback
from dataclasses import dataclass
from typing import Any

import structlog

from conference.errors import LockstepError, Revoked
from functions.script import processes, quota, simultaneous
from functions.script.context import Execution, running
from functions.script.errors import (
    AuthorizationRequired,
    CalendarApiError,
    HandlerNotFound,
    QuotaExceeded,
    RunTooLong,
    ScriptError,
)
from functions.script.project import Project
from functions.script.registry import Handler
from functions.script.trigger import CLOCK, TriggerRecord

log = structlog.get_logger(__name__)


class Outcome(enum.StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    REFUSED = "refused"
    """The profile had no room for it; the handler was not called."""
    NEEDS_AUTH = "needs authorization"
    NO_HANDLER = "no handler"


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that has ended: what the handler raised, and which events it has set aside, by id.

    `resources` has the JSON of those that it gave as resources.
    """

    outcome: Outcome
    error: Exception | None = None
    aside: dict[str, Exception] | None = None
    resources: dict[str, str] | None = None

    @property
    def accepted(self) -> bool:
        """True if the handler came to its end."""
        return self.outcome is Outcome.COMPLETED


def run(project: Project, record: TriggerRecord, event: object, *, delivery_id: str = "", attempt: int = 1) -> Ran:
    """Call the trigger's handler with `event`, as the trigger's user. Never raises what the handler raised.

    Locks taken in the run are let go, whatever happens; the run is recorded, and its time counted under the profile. A
    run that took longer than it may has timed out, whatever became of it.
    """
    began, length = project.ground.now(), project.limits.run_length
    until = None if length is None else began + length
    execution = Execution(project.ground.new_secret()[:22], record.id, until)
    ran = _called(project, record, event, execution)
    if execution.is_over(project.ground.now()):
        ran = Ran(Outcome.TIMED_OUT, RunTooLong())
    _end(execution)
    _count_time(project, record.user, project.ground.now() - began)
    processes.record(
        project,
        record,
        execution,
        began=began,
        outcome=str(ran.outcome),
        error=told(ran.error) if ran.error else None,
        delivery_id=delivery_id,
        attempt=attempt,
    )
    return ran


def told(error: BaseException) -> str:
    """What may be kept of an error: our own text; of another its class and place, for its text may hold a title."""
    if isinstance(error, LockstepError | ScriptError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f", {frames[-1].filename.rpartition('/')[2]} line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def _called(project: Project, record: TriggerRecord, event: object, execution: Execution) -> Ran:
    handler = project.handlers.find(record.handler)
    if handler is None:
        return Ran(Outcome.NO_HANDLER, HandlerNotFound(record.handler))
    refused = _refused(project, record.user, execution)
    if refused is not None:
        return refused
    try:
        with running(project, user=record.user, execution=execution):
            _call(project, handler, event)
    except (Revoked, AuthorizationRequired) as error:
        return Ran(Outcome.NEEDS_AUTH, error)
    except Exception as error:  # noqa: BLE001 - a handler may raise anything, and it concerns its own changes only
        needs_auth = isinstance(error, CalendarApiError) and error.needs_consent
        return Ran(Outcome.NEEDS_AUTH if needs_auth else Outcome.FAILED, error)
    if record.source == CLOCK and execution.aside:
        # A clock brings no event again: so nothing is set aside, and the run has failed.
        return Ran(Outcome.FAILED, next(iter(execution.aside.values())))
    return Ran(Outcome.COMPLETED, aside=dict(execution.aside), resources=dict(execution.resources))


def _refused(project: Project, user: str, execution: Execution) -> Ran | None:
    """How the run ends at once, if the profile has no room for it, or that cannot be told."""
    try:
        _spend_time(project, user, 0)
        simultaneous.enter(project, user, execution)
    except QuotaExceeded as error:
        return Ran(Outcome.REFUSED, error)
    except LockstepError as error:
        return Ran(Outcome.FAILED, error)
    return None


def _call(project: Project, handler: Handler, event: object) -> None:
    result: Any = handler(event) if _takes_event(handler) else handler()
    if inspect.iscoroutine(result):
        project.complete(result)


def _takes_event(handler: Handler) -> bool:
    """Apps Script's functions may declare no parameter; what they are not asking for is dropped."""
    try:
        inspect.signature(handler).bind(None)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _spend_time(project: Project, user: str, seconds: float) -> None:
    refusal = QuotaExceeded(QuotaExceeded.RUNTIME)
    quota.spend(project, user, "trigger runtime", project.limits.trigger_runtime, refusal, amount=seconds)


def _count_time(project: Project, user: str, seconds: float) -> None:
    try:
        _spend_time(project, user, seconds)
    except QuotaExceeded:
        return  # others have spent the rest meanwhile
    except LockstepError as error:
        log.warning("run's time not counted", error=str(error))


def _end(execution: Execution) -> None:
    for action in reversed(execution.at_end):
        try:
            action()
        except LockstepError as error:
            # Leases end by themselves.
            log.warning("not let go at a run's end", execution=execution.id, error=str(error))
