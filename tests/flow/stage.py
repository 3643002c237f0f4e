"""The stage of a crash story: a world in which one fuse may burn, and what its people last wanted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec

from conference.errors import Later, LockstepError
from conference.event import ConferenceData
from conference.link import conference_data
from functions.addon.create import Wish, create
from functions.initialise import initialise
from tests.crashing import Crash, Crashing, Fuse
from tests.flow.ending import left_behind, linked, pending, plain, wrong_meetings
from tests.world import ALICE, World, asked

Json = dict[str, Any]
SOON = 6
"""Minutes within which all is right after a crash; the next poll comes later than that."""
AT_LAST = 100
"""Minutes after which nothing is left over either: a push channel nobody needs is looked at once an hour."""


class Stage:
    """A world whose outgoing calls all pass the fuse; it counts from `begin` to the end of the story."""

    def __init__(self, fuse: Fuse, world: World | None = None) -> None:
        self.world = world or World()
        self.fuse = fuse
        fuse.armed = False
        self.spares = 0
        """How many meetings that no event holds the story itself makes; the flow makes none."""
        self._wishes: dict[tuple[str, str, str], Json] = {}
        self._overwritten: list[str] = []
        ground = self.world.ground
        self.world.change_ground(
            store=Crashing(ground.store, "store", fuse),
            queue=Crashing(ground.queue, "queue", fuse),
            calendar=Crashing(ground.calendar, "calendar", fuse),
            providers={"http": Crashing(self.world.provider, "provider", fuse)},
        )

    def begin(self) -> None:
        """From here on any call may be the last one of its process."""
        self.rest()
        self.fuse.armed = True

    # ---- people ----

    def connect(self, calendar: str = "primary", user: str = ALICE) -> None:
        """Connect a calendar; who is not told that it is done tries again, for as long as that takes."""
        for _ in range(SOON):
            try:
                initialise(self.world.ground, user, calendar)
            except (Crash, Later):
                self.minute()
            else:
                return
        raise AssertionError("the calendar could not be connected")

    def insert(self, calendar: str = "primary", *, by: str = ALICE, **fields: Any) -> str:
        """Make an event; its id."""
        self._look()
        made: str = self.world.insert(calendar, by=by, **fields)["id"]
        self._note(calendar, made, by)
        return made

    def choose(self, event: str) -> Json:
        """Choose a conference in the editor of an event that nobody has saved; who gets none chooses again."""
        for _ in range(SOON):
            try:
                meeting = create(self.world.ground, Wish(ALICE, ALICE, event, "http"))
            except (Crash, LockstepError):
                self.minute(2)
            else:
                current = msgspec.convert(asked(), ConferenceData)
                chosen: Json = msgspec.to_builtins(conference_data(current, meeting, "Lockstep"))
                return chosen
        raise AssertionError("no conference could be had")

    def patch(self, event: str, calendar: str = "primary", *, by: str = ALICE, **fields: Any) -> None:
        """Change an event."""
        self._look()
        self.world.patch(event, calendar, by=by, **fields)
        self._note(calendar, event, by)

    def cancel(self, event: str, calendar: str = "primary", *, by: str = ALICE) -> None:
        """Delete an event or an occurrence."""
        self._look()
        self.world.cancel(event, calendar, by=by)
        self._note(calendar, event, by)

    def move(self, event: str, calendar: str) -> None:
        """Move an event from the primary calendar to another one."""
        self._look()
        self.world.act("POST", "primary", f"{event}/move", body={}, destination=calendar)
        self._note("primary", event, ALICE)
        self._note(calendar, event, ALICE)

    def edit(self, meeting: Json, **how: Any) -> None:
        """Somebody changes a meeting at the provider by hand."""
        self.world.vendor_control(f"meetings/{meeting['id']}", **how)

    def meeting(self, title: str) -> Json:
        """The one meeting of this title."""
        (found,) = (meeting for meeting in self.world.meetings() if meeting["title"] == title)
        return found

    def _note(self, calendar: str, event: str, by: str) -> None:
        # One act may change several events: a series' occurrences, the guests' copies.
        self._wishes[calendar, event, by] = {}
        for known in self._wishes:
            self._wishes[known] = self._read(*known)

    def _read(self, calendar: str, event: str, by: str) -> Json:
        return plain(self.world.event(event, calendar, by=by))

    # ---- time ----

    def rest(self) -> None:
        """Let everything happen that is on its way, the scheduler's minutes included."""
        self.world.settle()
        for _ in range(SOON):
            if not any(pending(self.world)):
                return
            self.minute()

    def minute(self, minutes: float = 1) -> None:
        """Time goes on, and the scheduler ticks once."""
        self.world.clock.advance(timedelta(minutes=minutes))
        self.world.tick_or_die()
        self.world.settle()

    def end(self) -> list[str]:
        """Let the story come to its end; all that is wrong then."""
        self.rest()
        self.fuse.armed = False
        for _ in range(SOON):
            if not any(self._unfollowed()):
                break
            self.minute()
        late = list(self._unfollowed())
        waited = 0
        while (wrong := [*self._unfollowed(), *pending(self.world), *left_behind(self.world)]) and waited < AT_LAST:
            self.minute(5)
            waited += 5
        self._look()
        if len(self.world.store.query("spares")) != self.spares:
            wrong.append("a meeting was made that no event holds")
        return [*late, *wrong, *self._overwritten]

    def _unfollowed(self) -> Iterator[str]:
        yield from wrong_meetings(self.world)
        yield from (f"unsettled: {row.event}" for row in linked(self.world) if row.pending)

    def _look(self) -> None:
        for known, wanted in self._wishes.items():
            if self._read(*known) != wanted:
                self._overwritten.append(f"{wanted.get('summary', known)}: not as its people left it")
