"""One authenticated call of one method: who calls, what with, and what they may do.

Authority: contract 7.1, 7.3 (conditions), 10.1 (access), 11 (roles)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from infra.local.calendar.access import at_least, blocks, is_private, role_of
from infra.local.calendar.calendar import Calendar
from infra.local.calendar.errors import condition_not_met, not_found, role_needed
from infra.local.calendar.messages import Json
from infra.local.calendar.world import World


class Call(msgspec.Struct, frozen=True):
    """A call as the methods get it: parameters typed, body checked against its schema."""

    world: World
    user: str
    method: str
    path: Mapping[str, str]
    parameters: Mapping[str, Any]
    body: Json
    headers: Mapping[str, str]
    answer: str | None  # the schema of the answer

    def calendar(self, role: str = "freeBusyReader", calendar_id: str | None = None) -> Calendar:
        """The calendar in the path, or the one named; "primary" is the caller's own.

        Raises ApiError 404 if there is none or the caller has no access, 403 if their role is less than `role`; any
        writer's role will do for "writer".
        """
        found = self.calendar_of(self.path["calendarId"] if calendar_id is None else calendar_id)
        if found is None:
            raise not_found()
        if not at_least(self.role(found), "writerWithoutPrivateAccess" if role == "writer" else role):
            raise role_needed(role)
        return found

    def calendar_of(self, calendar_id: str) -> Calendar | None:
        """The calendar with this id, or the caller's own for "primary"; None if the caller has no access."""
        found = self.world.calendars.get(self.user if calendar_id == "primary" else calendar_id)
        return None if found is None or self.role(found) == "none" else found

    def role(self, calendar: Calendar) -> str:
        """What the caller may do with the calendar."""
        return role_of(self.world, calendar, self.user)

    def sees(self, calendar: Calendar, body: Json) -> bool:
        """True if the caller may know that there is such an event: of a busy calendar, only what takes its time."""
        if self.role(calendar) != "freeBusyReader":
            return True
        return blocks(body, calendar) and not body.get("recurrence")

    def check_may_change(self, calendar: Calendar, body: Json) -> None:
        """Return if the caller may know what they are about to change. Raises ApiError 403."""
        if is_private(body) and not at_least(self.role(calendar), "writer"):
            raise role_needed("writer")

    def check_if_match(self, etag: str) -> None:
        """Return if the caller's If-Match, if any, names this version. Raises ApiError 412."""
        wanted = self.headers.get("if-match")
        if wanted is not None and "*" not in (names := _etags(wanted)) and etag not in names:
            raise condition_not_met()

    def knows(self, etag: str) -> bool:
        """True if the caller's If-None-Match names this version: they have it already."""
        wanted = self.headers.get("if-none-match")
        return wanted is not None and etag in _etags(wanted)


def _etags(header: str) -> list[str]:
    return [part.strip().removeprefix("W/") for part in header.split(",")]
