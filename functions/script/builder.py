"""The builders of triggers; nothing is checked against the user, and nothing changes, before `create`.

Authority: https://developers.google.com/apps-script/reference/script/trigger-builder
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from conference.errors import Gone, Refused, Revoked
from functions.script import context, making
from functions.script.changes import Filters
from functions.script.clock_builder import ClockTriggerBuilder
from functions.script.errors import AuthorizationRequired, InvalidTrigger
from functions.script.making import Draft
from functions.script.project import Project
from functions.script.registry import Handler
from functions.script.schedule import Schedule
from functions.script.trigger import CALENDAR, CLOCK, Trigger

CALENDAR_SCOPES = (
    "https://www.googleapis.com/auth/calendar",
    "https://www.googleapis.com/auth/calendar.readonly",
    "https://www.googleapis.com/auth/calendar.events",
    "https://www.googleapis.com/auth/calendar.events.readonly",
    "https://www.google.com/calendar/feeds",
)
"""Any one of them lets a calendar be followed."""


@dataclass(frozen=True, slots=True)
class TriggerBuilder:
    """Begins a trigger: where its events come from is said next."""

    handler: Handler | str

    def for_user_calendar(self, calendar_id: str) -> CalendarTriggerBuilder:
        """Follow a calendar of the current user, by its id; "primary" is taken for the real one."""
        return CalendarTriggerBuilder(self.handler, calendar_id)

    def time_based(self) -> ClockTriggerBuilder:
        """Follow a clock."""
        project = context.project()
        return ClockTriggerBuilder(ClockKeeper(self.handler), zone=project.zone, limits=project.limits)


@dataclass(frozen=True, slots=True)
class ClockKeeper:
    """Makes clock triggers of the current user for one handler."""

    handler: Handler | str

    def create(self, schedule: Schedule, /) -> Trigger:
        """Make a trigger. Raises HandlerNotFound, TooManyTriggers; then nothing has changed."""
        project, user = context.project(), context.user()
        return Trigger(project, making.make(project, user, self.draft(project, schedule)))

    def ensure(self, schedule: Schedule, /) -> Trigger:
        """The handler's trigger with an equal schedule, or else a new one. Raises as `create` does."""
        project, user = context.project(), context.user()
        return Trigger(project, making.ensure(project, user, self.draft(project, schedule)))

    def draft(self, project: Project, schedule: Schedule, *, declared: str | None = None) -> Draft:
        """What is to be made, checked. Raises HandlerNotFound."""
        handler = project.handlers.resolve(self.handler)
        return Draft(handler=handler, source=CLOCK, schedule=schedule, declared=declared)


@dataclass(frozen=True, slots=True)
class CalendarTriggerBuilder:
    """Builds a trigger on a calendar; each call gives a new builder, chained as in Apps Script."""

    handler: Handler | str
    calendar_id: str
    filters: Filters = Filters()  # noqa: RUF009 - frozen and without state
    asked: bool = False

    def on_event_updated(self) -> CalendarTriggerBuilder:
        """Fire when an entry of the calendar is created, updated or deleted."""
        return replace(self, asked=True)

    def only(
        self,
        *,
        solutions: tuple[str, ...] | list[str] = (),
        event_types: tuple[str, ...] | list[str] = (),
        fields: tuple[str, ...] | list[str] = (),
        own_copies: bool = False,
    ) -> CalendarTriggerBuilder:
        """Be called for some changes only: see `functions.script.changes.Filters`."""
        filters = Filters(tuple(solutions), tuple(event_types), tuple(fields), own_copies, self.filters.own_writes)
        return replace(self, filters=filters)

    def own_writes(self) -> CalendarTriggerBuilder:
        """Be called for what this project wrote itself, too."""
        kept = self.filters
        return replace(
            self, filters=Filters(kept.solutions, kept.event_types, kept.fields, kept.own_copies, own_writes=True)
        )

    def create(self) -> Trigger:
        """Make the trigger; its user is the current one, and the calendar is followed from now on.

        Raises HandlerNotFound, InvalidTrigger, AuthorizationRequired, TooManyTriggers; then nothing has changed.
        """
        project, user = context.project(), context.user()
        return Trigger(project, making.make(project, user, self.draft(project, user)))

    def ensure(self) -> Trigger:
        """The current user's trigger that equals this one, made if there is none. Raises as `create` does."""
        project, user = context.project(), context.user()
        return Trigger(project, making.ensure(project, user, self.draft(project, user)))

    def draft(self, project: Project, user: str, *, declared: str | None = None) -> Draft:
        """What is to be made, checked. Raises HandlerNotFound, InvalidTrigger, AuthorizationRequired."""
        handler = project.handlers.resolve(self.handler)
        if not self.asked:
            raise InvalidTrigger("a trigger for a calendar needs on_event_updated()")
        if not project.grants.scopes(user).intersection(CALENDAR_SCOPES):
            raise AuthorizationRequired(
                "CalendarTriggerBuilder.create",
                CALENDAR_SCOPES,
                url=project.grants.consent_url(user, CALENDAR_SCOPES[:1]),
                any_of=True,
            )
        try:
            info = project.ground.calendar.calendar(user, self.calendar_id)
        except (Gone, Refused):
            raise InvalidTrigger("there is no such calendar, or it is not shared with the user") from None
        except Revoked:
            url = project.grants.consent_url(user, CALENDAR_SCOPES[:1])
            raise AuthorizationRequired("CalendarTriggerBuilder.create", CALENDAR_SCOPES[:1], url=url) from None
        return Draft(
            handler=handler, source=CALENDAR, calendar=info.id, zone=info.zone, filters=self.filters, declared=declared
        )
