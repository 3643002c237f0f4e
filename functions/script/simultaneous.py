"""Counts the runs that go on at once, under leases; only where the profile bounds them.

Authority: https://developers.google.com/apps-script/guides/services/quotas ("Simultaneous executions per user")
Google names one text, for the user's bound; the script's is told by the same. A run that dies is counted until its
lease ends. All of a script's runs are counted in one document, so that neither bound is ever exceeded: that is a commit
at each run's start and one at its end, on a document that all of them share.
"""

from __future__ import annotations

from functools import partial

import msgspec

from conference.decoding import from_plain
from functions.ports import Delete, Document, Put
from functions.script import keeping
from functions.script.context import Execution
from functions.script.errors import QuotaExceeded
from functions.script.keeping import Owner
from functions.script.project import Project
from functions.script.trigger import owner_of

COLLECTION = "underway"


class _Run(msgspec.Struct, frozen=True):
    """A run that goes on: whose, and when it counts no more, in seconds since the epoch."""

    owner: str
    until: float


class _Runs(msgspec.Struct, frozen=True):
    """What is kept of a script: its runs, by their executions' ids."""

    runs: dict[str, _Run] = {}


_runs = from_plain(_Runs)


def enter(project: Project, user: str, execution: Execution) -> None:
    """Count the execution until it ends. Raises QuotaExceeded if as many go on as may; Later, OutcomeUnknown."""
    limits = project.limits
    if limits.runs_of_user is None and limits.runs_of_script is None:
        return
    key, owner = _key(project), owner_of(project.id, user)
    now, until = project.ground.now(), project.ground.now() + project.ground.policy.run

    def counted(document: Document | None) -> list[Put | Delete]:
        live = {name: run for name, run in _decode(document).items() if run.until > now and name != execution.id}
        theirs = sum(run.owner == owner for run in live.values())
        if _reached(theirs, limits.runs_of_user) or _reached(len(live), limits.runs_of_script):
            raise QuotaExceeded(QuotaExceeded.SIMULTANEOUS)
        return [_put(project, key, document, {**live, execution.id: _Run(owner, until)})]

    # Before it is asked for: a write whose answer is lost may have been done.
    execution.at_end.append(partial(_leave, project, key, execution.id))
    keeping.settle(project, key, counted)


def _leave(project: Project, key: str, name: str) -> None:
    def without(document: Document | None) -> list[Put | Delete] | None:
        runs = _decode(document)
        if document is None or name not in runs:
            return None
        left = {other: run for other, run in runs.items() if other != name}
        return [_put(project, key, document, left) if left else Delete(key, document.version)]

    keeping.settle(project, key, without)


def _reached(number: int, most: int | None) -> bool:
    return most is not None and number >= most


def _put(project: Project, key: str, document: Document | None, runs: dict[str, _Run]) -> Put:
    last = max(run.until for run in runs.values())
    kept = {"script": project.id, **msgspec.to_builtins(_Runs(runs)), "expire_at": last}
    return Put(key, kept, keeping.version(document))


def _decode(document: Document | None) -> dict[str, _Run]:
    return _runs(keeping.data(document)).runs


def _key(project: Project) -> str:
    return Owner(project, "script", "", "").key(COLLECTION)
