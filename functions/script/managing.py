"""The calls of `script` about triggers: the current user's in the current project, and nobody else's.

Authority: https://developers.google.com/apps-script/reference/script/script-app
"""

from __future__ import annotations

from dataclasses import dataclass

from conference.errors import Gone
from functions.script import context, making, relaying
from functions.script import trigger as triggers
from functions.script.builder import CalendarTriggerBuilder, ClockKeeper, TriggerBuilder
from functions.script.changes import Change
from functions.script.clock_builder import ClockTriggerBuilder
from functions.script.delivery import change_of
from functions.script.errors import InvalidTrigger
from functions.script.project import Project
from functions.script.registry import Handler
from functions.script.trigger import Trigger, TriggerRecord, owner_of


@dataclass(frozen=True, slots=True)
class Parked:
    """A change that was given up: its event's id, the cause, and the change as the handler was told of it."""

    event_id: str
    cause: str
    change: Change


def new_trigger(handler: Handler | str) -> TriggerBuilder:
    """Begin a trigger that calls this handler: its registered name, or the registered function itself."""
    return TriggerBuilder(handler)


def get_project_triggers() -> list[Trigger]:
    """The current user's triggers in this project, in the order in which they were made."""
    project = context.project()
    found = making.of_owner(project.ground, owner_of(project.id, context.user()))
    return [Trigger(project, record) for record in found]


def get_user_triggers(calendar_id: str) -> list[Trigger]:
    """Those of the current user's triggers in this project that follow this calendar."""
    project, user = context.project(), context.user()
    try:
        canonical = project.ground.calendar.calendar(user, calendar_id).id
    except Gone:
        canonical = calendar_id
    return [one for one in get_project_triggers() if one.trigger_source_id in {canonical, calendar_id}]


def delete_trigger(trigger: Trigger | str) -> None:
    """Delete a trigger of the current user, given as itself or by its id; one that is gone, or not theirs, is none."""
    found = _mine(trigger)
    if found is not None:
        making.unmake(context.project(), found)


def replace_trigger(old: Trigger | str, builder: CalendarTriggerBuilder | ClockTriggerBuilder) -> Trigger:
    """Put a new trigger in the place of an old one, in one step; what the builder refuses leaves the old one alone.

    Raises InvalidTrigger if the old one is gone, and as `create` does.
    """
    project, user = context.project(), context.user()
    draft = _draft(project, user, builder)
    found = _mine(old)
    if found is None:
        raise InvalidTrigger("the trigger to replace is gone")
    return Trigger(project, making.make(project, user, draft, replacing=found))


def replay(trigger: Trigger | str, event_id: str | None = None) -> int:
    """Hand over again what was given up for a trigger, all of it or one event; return how many changes that is."""
    found = _mine(trigger)
    return relaying.replay(context.project(), found, event_id) if found else 0


def get_parked(trigger: Trigger | str) -> list[Parked]:
    """What was given up for a trigger, with its causes, at most 400."""
    found = _mine(trigger)
    return (
        [Parked(one.event, one.parked or "", change_of(one)) for one in relaying.parked(context.project(), found)]
        if found
        else []
    )


def _draft(project: Project, user: str, builder: CalendarTriggerBuilder | ClockTriggerBuilder) -> making.Draft:
    if isinstance(builder, CalendarTriggerBuilder):
        return builder.draft(project, user)
    if isinstance(builder.keeper, ClockKeeper):
        return builder.keeper.draft(project, builder.schedule())
    raise InvalidTrigger("a schedule alone makes no trigger")


def _mine(trigger: Trigger | str) -> TriggerRecord | None:
    project = context.project()
    found = triggers.find(project.ground, trigger if isinstance(trigger, str) else trigger.unique_id)
    mine = found is not None and found[1].owner == owner_of(project.id, context.user())
    return found[1] if found and mine else None
