"""Failures are told: at once to the script's own hooks, and once a day to the owner.

Authority: https://developers.google.com/apps-script/guides/triggers/installable#errors_in_triggers
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import structlog

from conference.errors import Conflict, LockstepError
from functions.ground import DAY
from functions.ports import Document, Put, Where
from functions.script import processes
from functions.script.changes import Change
from functions.script.context import running
from functions.script.project import Project
from functions.script.trigger import Trigger, TriggerRecord

COLLECTION = "summaries"
SUBJECT = "Summary of failures for {script}"
PAGE = 200

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """What was given up: the trigger, the change (None for a clock's run), and what the handler raised at last."""

    trigger: Trigger
    change: Change | None
    error: Exception


def tell(project: Project, record: TriggerRecord, change: Change | None, error: Exception) -> None:
    """Call the project's failure hooks, as the trigger's user; a hook that fails holds nothing up."""
    for hook in project.handlers.failure_hooks:
        try:
            with running(project, user=record.user):
                hook(Failure(Trigger(project, record), change, error))
        except Exception as failure:  # noqa: BLE001 - a hook may raise anything
            log.warning("failure hook failed", trigger=record.id, error=type(failure).__name__)


def summarise_due(project: Project) -> int:
    """Send each user the summary of a day's failures, once a day; return how many were sent."""
    owner = project.owner
    if owner is None:
        return 0
    since = _claim(project)
    if since is None:
        return 0
    sent = 0
    for user, lines in _failures(project, since).items():
        try:
            owner.tell(user, SUBJECT.format(script=project.id), lines)
            sent += 1
        except LockstepError as error:
            log.warning("summary not sent", error=str(error))
    return sent


def _claim(project: Project) -> float | None:
    """Since when the summary that is due is to tell; None if it is not due, or somebody else writes it."""
    ground, key = project.ground, f"{COLLECTION}/{project.id}"
    now, document = ground.now(), ground.store.get(key)
    told = float(document.data["at"]) if document else now
    if document is not None and now - told < DAY:
        return None
    try:
        ground.store.commit(Put(key, {"at": now}, document.version if document else None))
    except Conflict:
        return None
    return told if document else None


def _failures(project: Project, since: float) -> dict[str, list[str]]:
    """Each user's lines: handler, cause and how often, most often first."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    last: Document | None = None
    where = [Where("script", "==", project.id), Where("newness", "<=", -since)]
    while True:
        some = project.ground.store.query(processes.COLLECTION, where, order_by="newness", limit=PAGE, after=last)
        for data in (one.data for one in some):
            if data["error"]:
                counted[data["user"]][f"{data['handler']} ({data['source']}): {data['error']}"] += 1
        if len(some) < PAGE:
            break
        last = some[-1]
    return {user: [f"{times} x {line}" for line, times in lines.most_common()] for user, lines in counted.items()}
