"""Where people act: the servers, who has which calendar, and the shadow that says what everybody last wanted."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from infra.local.calendar.server import CalendarServer
from tests.simulation.calendar_user import CalendarUser, own_fields
from tests.simulation.shadow import Shadow, Wish
from tests.simulation.vendor_model import VendorModel

T = TypeVar("T")

Json = dict[str, Any]

MOMENT = 0.01
"""Seconds: the Calendar server notes the instant of a change in thousandths of one."""


@dataclass(slots=True)
class Scene:
    """What every act needs. Acts pick people and events here, and leave the shadow true here."""

    google: CalendarServer
    vendors: Mapping[str, VendorModel]
    shadow: Shadow
    clock: Callable[[], datetime]
    calendars: Mapping[str, Sequence[str]]
    """The connected calendars of each connected user, the primary first."""
    guests: Sequence[str]
    """Users that are not connected."""
    net: bool = True
    """Meetings are listed from time to time, so that nothing done at a vendor is overlooked for ever."""

    def as_user(self, email: str) -> CalendarUser:
        """This person at the Calendar server."""
        return CalendarUser(self.google, email)

    def token(self) -> str:
        """The token of the next wish."""
        return f"E{len(self.shadow.wishes) + 1}"

    def event(self, wish: Wish) -> Json:
        """The wish's event as its owner reads it now. Raises LookupError if it is not there."""
        found = self.as_user(wish.user).get(wish.calendar, wish.event)
        if found is None:
            raise LookupError(wish.token)
        return found

    # ---- whom and what an act may concern

    def living(self, *, series: bool | None = None) -> list[Wish]:
        """Events that their organizer may change: alive and readable; `series` picks series, or what is none."""
        return [
            wish
            for wish in self.shadow.wishes.values()
            if wish.alive
            and not wish.unreadable
            and self.organized(wish)
            and (series is None or series == ("recurrence" in wish.fields))
        ]

    def organized(self, wish: Wish) -> bool:
        """True if the event is its user's own, and no import of somebody else's."""
        return not (wish.elsewhere and wish.user in self.calendars)

    def connected(self, *, series: bool | None = None) -> list[Wish]:
        """The living events on connected calendars, which may have conferences of ours."""
        return [wish for wish in self.living(series=series) if wish.user in self.calendars]

    def place(self, choice: random.Random) -> tuple[str, str]:
        """A connected user and one of their calendars, most often the primary one."""
        user = choice.choice(list(self.calendars))
        calendars = self.calendars[user]
        return user, calendars[0] if choice.random() < 0.7 else choice.choice(calendars)

    # ---- what the shadow is told

    def wished(
        self,
        user: str,
        calendar: str,
        event: Json,
        provider: str | None,
        *,
        unreadable: bool = False,
        elsewhere: bool = False,
    ) -> Wish:
        """Note a new event."""
        wish = Wish(
            self.token(),
            user,
            calendar,
            event["id"],
            provider,
            own_fields(event),
            unreadable=unreadable,
            elsewhere=elsewhere,
            changed_at=self.clock().timestamp(),
            edited_at=self.clock().timestamp(),
        )
        self.shadow.wishes[wish.token] = wish
        return wish

    def changed(self, wish: Wish, event: Json | None = None) -> None:
        """Note that a person has changed an event (as answered to them, else as read now) or its occurrences."""
        now = event or self.event(wish)
        wish.fields = own_fields(now)
        wish.alive = wish.fields.get("status") != "cancelled"
        user = self.as_user(wish.user)
        read = [(each, user.get(wish.calendar, each)) for each in wish.exceptions]
        # An occurrence with the version of its series is as the series has it.
        wish.exceptions = {each: own_fields(one) for each, one in read if one and one["etag"] != now["etag"]}
        # To write what stands there already changes nothing, and no list shows it.
        latest = max(one["updated"] for one in (now, *(one for _, one in read if one)))
        if datetime.fromisoformat(latest).timestamp() > self.clock().timestamp() - MOMENT:
            wish.changed_at = wish.edited_at = self.clock().timestamp()

    def shared(self, wish: Wish, other: Wish) -> None:
        """Note that two events name one meeting, with whatever else names it."""
        together = {wish.token, other.token} | wish.shares | other.shares
        for token in together:
            self.shadow.wishes[token].shares |= together - {token}

    def meeting_touched(self, token: str) -> None:
        """Note that somebody at a vendor has changed the meeting of this event."""
        wish = self.shadow.wishes[token]
        for each in (wish, *(self.shadow.wishes[other] for other in sorted(wish.shares))):
            each.changed_at = self.clock().timestamp()


def some(choice: random.Random, items: Sequence[T]) -> T | None:
    """One of the items, if there are any."""
    return choice.choice(items) if items else None
