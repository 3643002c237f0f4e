"""The executions page: every run of a handler with its outcome and its log lines, expiring by itself.

Authority: https://developers.google.com/apps-script/guides/logging
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from conference.errors import LockstepError
from functions.ground import Ground
from functions.ports import Document, Put, Where
from functions.script import context
from functions.script.context import Execution
from functions.script.project import Project
from functions.script.trigger import TriggerRecord, owner_of

COLLECTION = "executions"
MOST_LINES, LONGEST_LINE = 200, 1000

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Process:
    """One run of a handler."""

    id: str
    trigger: str | None
    handler: str
    user: str
    source: str
    began: datetime
    duration: timedelta
    outcome: str
    error: str | None
    lines: tuple[str, ...]
    delivery_id: str
    attempt: int


def log(*what: object) -> None:
    """Note a line on the running execution, as Apps Script's Logger does; outside of one nothing is noted."""
    execution = context.scope().execution
    if execution is not None and len(execution.lines) < MOST_LINES:
        execution.lines.append(" ".join(map(str, what))[:LONGEST_LINE])


def list_processes(
    *, trigger: str | None = None, outcome: str | None = None, limit: int = 50, of_all_users: bool = False
) -> Sequence[Process]:
    """The newest runs of the current user in this script, newest first. Raises NotRunning, NoUser.

    `of_all_users`: of everybody in this script, for its operator.
    """
    project = context.project()
    where = (
        [Where("script", "==", project.id)]
        if of_all_users
        else [Where("owner", "==", owner_of(project.id, context.user()))]
    )
    where += [Where("trigger", "==", trigger)] if trigger is not None else []
    where += [Where("outcome", "==", outcome)] if outcome is not None else []
    return [_read(one) for one in project.ground.store.query(COLLECTION, where, order_by="newness", limit=limit)]


def newest(ground: Ground, since: float, limit: int) -> Sequence[Document]:
    """The records of the newest runs of every script since an instant, newest first."""
    return ground.store.query(COLLECTION, [Where("newness", "<=", -since)], order_by="newness", limit=limit)


def record(
    project: Project,
    trigger: TriggerRecord,
    execution: Execution,
    *,
    began: float,
    outcome: str,
    error: str | None,
    delivery_id: str,
    attempt: int,
) -> None:
    """Write a run down; what it did counts, so a record that cannot be written is only logged."""
    ground, now = project.ground, project.ground.now()
    data = {
        "script": project.id,
        "owner": trigger.owner,
        "user": trigger.user,
        "trigger": trigger.id,
        "handler": trigger.handler,
        "source": trigger.source,
        "at": began,
        "seconds": round(now - began, 3),
        "outcome": outcome,
        "error": error,
        "lines": [*execution.lines],
        "delivery_id": delivery_id,
        "attempt": attempt,
        "newness": -began,
        "expire_at": now + ground.policy.run_record,
    }
    try:
        ground.store.commit(Put(f"{COLLECTION}/{int(began * 1000):014d}-{execution.id}", data, None))
    except LockstepError as failure:
        logger.warning("run not recorded", trigger=trigger.id, outcome=outcome, error=str(failure))


def _read(document: Document) -> Process:
    data = document.data
    return Process(
        document.key.partition("/")[2],
        data["trigger"],
        data["handler"],
        data["user"],
        data["source"],
        datetime.fromtimestamp(data["at"], UTC),
        timedelta(seconds=data["seconds"]),
        data["outcome"],
        data["error"],
        tuple(data["lines"]),
        data["delivery_id"],
        data["attempt"],
    )


list = list_processes  # noqa: A001 - it is called as script.processes.list()
