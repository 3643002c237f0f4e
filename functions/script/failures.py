"""Failures are told: at once to the script's own hooks, and once a day in a summary to its hooks and to the owner.

Authority: https://developers.google.com/apps-script/guides/triggers/installable#errors_in_triggers
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

import structlog

from conference.errors import Conflict, LockstepError
from functions.ground import DAY
from functions.pages import every
from functions.ports import Put, Where
from functions.script import processes
from functions.script.changes import Change
from functions.script.clockwork import moment
from functions.script.context import running
from functions.script.project import Project
from functions.script.registry import Handler
from functions.script.trigger import Trigger, TriggerRecord

COLLECTION = "summaries"
SUBJECT = "Summary of failures for {script}"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """What was given up: the trigger, the change (None for a clock's run), and what the handler raised at last."""

    trigger: Trigger
    change: Change | None
    error: Exception


@dataclass(frozen=True, slots=True)
class FailedRuns:
    """Runs of a handler that failed alike, and how many there were; `source` is "calendar" or "clock"."""

    handler: str
    source: str
    error: str
    times: int

    def __str__(self) -> str:
        return f"{self.times} x {self.handler} ({self.source}): {self.error}"


@dataclass(frozen=True, slots=True)
class Summary:
    """What failed for one user from one instant to another (aware, UTC), most often first. It holds no title."""

    user: str
    since: datetime
    until: datetime
    failures: tuple[FailedRuns, ...]

    @property
    def lines(self) -> list[str]:
        """One line for each, as the owner is sent them."""
        return [str(each) for each in self.failures]


def tell(project: Project, record: TriggerRecord, change: Change | None, error: Exception) -> None:
    """Call the project's failure hooks, as the trigger's user; a hook that fails holds nothing up."""
    failure = Failure(Trigger(project, record), change, error)
    for hook in project.handlers.failure_hooks:
        _call(project, record.user, hook, failure)


def summarise_due(project: Project) -> int:
    """Send each user the summary of a day's failures, once a day; return how many were sent."""
    if project.owner is None and not project.handlers.summary_hooks:
        return 0
    since, until = _claim(project)
    if since is None:
        return 0
    found = _failures(project, since)
    for user, failures in found.items():
        _send(project, Summary(user, moment(since), moment(until), failures))
    return len(found)


def _send(project: Project, summary: Summary) -> None:
    for hook in project.handlers.summary_hooks:
        _call(project, summary.user, hook, summary)
    if project.owner is None:
        return
    try:
        project.owner.tell(summary.user, SUBJECT.format(script=project.id), summary.lines)
    except LockstepError as error:
        log.warning("summary not sent", error=str(error))


def _call(project: Project, user: str, hook: Handler, what: Failure | Summary) -> None:
    """Call a hook, as the user; one that fails holds nothing up."""
    try:
        with running(project, user=user):
            hook(what)
    except Exception as error:  # noqa: BLE001 - a hook may raise anything
        log.warning("failure hook failed", script=project.id, told=type(what).__name__, error=type(error).__name__)


def _claim(project: Project) -> tuple[float | None, float]:
    """Since when the summary that is due is to tell, and until when; None if none is, or somebody else writes it."""
    ground, key = project.ground, f"{COLLECTION}/{project.id}"
    now, document = ground.now(), ground.store.get(key)
    told = float(document.data["at"]) if document else now
    if document is not None and now - told < DAY:
        return None, now
    try:
        ground.store.commit(Put(key, {"at": now}, document.version if document else None))
    except Conflict:
        return None, now
    return (told if document else None), now


def _failures(project: Project, since: float) -> dict[str, tuple[FailedRuns, ...]]:
    """What failed, by user, most often first."""
    counted: dict[str, Counter[tuple[str, str, str]]] = defaultdict(Counter)
    where = [Where("script", "==", project.id), Where("newness", "<=", -since)]
    for data in (one.data for one in every(project.ground.store, processes.COLLECTION, where, order_by="newness")):
        if data["error"]:
            counted[data["user"]][data["handler"], data["source"], data["error"]] += 1
    return {
        user: tuple(FailedRuns(*which, times) for which, times in failures.most_common())
        for user, failures in counted.items()
    }
