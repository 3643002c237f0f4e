"""Declared triggers: said beside the handler, made for each user when they connect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from functions.script import dispatch, making
from functions.script.builder import CalendarTriggerBuilder, ClockKeeper
from functions.script.changes import Filters, listed
from functions.script.clock_builder import schedule_of
from functions.script.errors import ScriptError
from functions.script.making import Draft
from functions.script.project import Project
from functions.script.registry import HANDLERS, Declaration, H
from functions.script.trigger import TriggerRecord, owner_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a deployment changed among the declared triggers, by number."""

    made: int = 0
    changed: int = 0
    removed: int = 0
    untouched: int = 0


def on_event_updated(
    *,
    calendar: str = "primary",
    solutions: Iterable[str] = (),
    event_types: Iterable[str] = (),
    fields: Iterable[str] = (),
    own_copies: bool = False,
    own_writes: bool = False,
    name: str | None = None,
) -> Callable[[H], H]:
    """Register a handler, and declare its trigger on a calendar; `name` is the handler's, its own by default."""
    filters = Filters(listed(solutions), listed(event_types), listed(fields), own_copies, own_writes)
    return lambda function: HANDLERS.declare(function, name, Declaration(calendar=calendar, filters=filters))


def on_schedule(*, name: str | None = None, **calls: Any) -> Callable[[H], H]:
    """Register a handler, and declare its clock trigger by the builder's calls: `every_days=1, at_hour=5`.

    Raises InvalidTrigger.
    """
    schedule_of(calls)
    return lambda function: HANDLERS.declare(function, name, Declaration(calls=calls))


def reconcile_declared(project: Project, users: Iterable[str]) -> Reconciled:
    """Bring the users' declared triggers to what is declared now; what nobody declared is left alone.

    A deployment may bring newer time zones: every clock trigger's next instant is reckoned anew. Raises what making a
    trigger raises; what was done until then stays, and doing it again goes on from there.
    """
    done = [_reconcile(project, user) for user in users]
    counts = {name: sum(getattr(one, name) for one in done) for name in Reconciled.__slots__}
    moved = dispatch.recompute(project.ground)
    log.info("declared triggers reconciled", script=project.id, moved=moved, **counts)
    return Reconciled(**counts)


def declare_for(project: Project, user: str) -> None:
    """Make the declared triggers of a user who has just connected; what their grants do not allow is logged.

    Raises Later, OutcomeUnknown; doing it again goes on from there.
    """
    try:
        done = _reconcile(project, user)
    except ScriptError as error:
        # Not its text: that of a missing grant names the user.
        log.warning("declared triggers not made", script=project.id, error=type(error).__name__)
        return
    if done.made or done.changed or done.removed:
        log.info("declared triggers made", script=project.id, made=done.made, changed=done.changed)


def _reconcile(project: Project, user: str) -> Reconciled:
    declared = {record.declared: record for record in _declared(project, user)}
    drafts = {name: _draft(project, user, name, one) for name, one in project.handlers.declarations.items()}
    made = changed = untouched = 0
    for name, draft in drafts.items():
        present = declared.get(name)
        if present is not None and draft.equals(present):
            untouched += 1
            continue
        making.make(project, user, draft, replacing=present)
        made, changed = (made + 1, changed) if present is None else (made, changed + 1)
    removed = [record for record in _declared(project, user) if record.declared not in drafts]
    for record in removed:
        making.unmake(project, record)
    return Reconciled(made, changed, len(removed), untouched)


def _declared(project: Project, user: str) -> list[TriggerRecord]:
    found = making.of_owner(project.ground, owner_of(project.id, user))
    return [record for record in found if record.declared is not None]


def _draft(project: Project, user: str, name: str, declaration: Declaration) -> Draft:
    calls: Mapping[str, Any] | None = declaration.calls
    if calls is not None:
        schedule = schedule_of(calls, zone=project.zone, limits=project.limits)
        return ClockKeeper(declaration.handler).draft(project, schedule, declared=name)
    builder = CalendarTriggerBuilder(declaration.handler, declaration.calendar, declaration.filters, asked=True)
    return builder.draft(project, user, declared=name)
