"""The script of a simulated world: its handlers, as somebody may have written them, and the triggers that call them.

Handlers are called through the crossing like everything else: their processes die in them, and some raise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, NoReturn

from conference.errors import Later, LockstepError
from functions import script
from functions.ground import MINUTE, Ground
from functions.script.changes import Change, EventUpdated
from functions.script.clock_event import ClockEvent
from infra.google.api import GoogleApi
from infra.google.wire import Authorised
from infra.local.calendar.server import CalendarServer
from infra.local.grants import LocalGrants
from tests.simulation.cast import Part
from tests.simulation.course import Course
from tests.simulation.crossing import Call
from tests.simulation.faults import Fault
from tests.simulation.hub import Crash, Worker
from tests.simulation.judge import Broken
from tests.simulation.people import People
from tests.simulation.told import Handed, Struck, Told
from tests.simulation.transport import Consent, SimCredentials, Transport

LATENCY = 1.5
"""Seconds that a handler's own work takes at most, each way."""
SCOPES = frozenset({"https://www.googleapis.com/auth/calendar.events"})
AGAIN = 30.0
"""Seconds after which a user tries again to make a trigger."""


class HandlerError(Exception):
    """What a handler raises."""


class Scripting:
    """Makes the triggers of a world's cast, and is the handlers that they call."""

    def __init__(  # noqa: PLR0917 - one for each thing it stands between
        self,
        course: Course,
        google: CalendarServer,
        people: People,
        consent: Consent,
        told: Told,
        look: Callable[[], None],
    ) -> None:
        self._course, self._google, self._people, self._consent, self._look = course, google, people, consent, look
        self.told = told
        self._hub = course.hub
        handlers = script.Registry()
        for name, function in (
            ("note", self._note),
            ("place", self._place),
            ("place_exactly", self._place_exactly),
            ("choose", self._choose),
            ("strike", self._strike),
        ):
            handlers.handler(name)(function)
        self._project = script.Project(
            id="cast",
            ground=_impatient(course.ground),
            handlers=handlers,
            api=GoogleApi(self._credentials, http=self._door),
            grants=LocalGrants(SCOPES, sign=str),
            wait=self._hub.sleep,
        )
        self._signers: dict[str, SimCredentials] = {}

    def project(self, ground: Ground) -> script.Project:
        """The script on this ground, which may see another time."""
        mine = self._project
        return mine if ground is self._course.ground else dataclasses.replace(mine, ground=_impatient(ground))

    @property
    def runs(self) -> int:
        """How often handlers have been called."""
        return len(self.told.handed) + self.told.fires.count

    def begin(self, parts: Mapping[int, Part]) -> None:
        """Have each of these triggers made when its time has come."""
        for number, part in parts.items():
            when = self._hub.seconds + part.after
            self._hub.at(when, partial(self._make, number, part, when))

    # ---- making triggers --------------------------------------------------------------------

    def _make(self, number: int, part: Part, began: float) -> None:
        def ended(worker: Worker) -> None:
            if isinstance(worker.error, Broken):
                self._course.note_broken(worker.error)
            elif isinstance(worker.error, Crash | LockstepError | script.ScriptError):
                # The user sees that it did not work, consents anew if that is asked for, and tries again.
                self._consent.withdrawn.discard(part.user)
                self._hub.at(self._hub.seconds + AGAIN, lambda: self._make(number, part, began))
            elif worker.error is not None:
                self._course.note_bug(worker)

        self._hub.spawn(self._course.named(f"follow {number}"), lambda: self._ensure(part, began), ended)

    def _ensure(self, part: Part, began: float) -> None:
        with script.running(self._project, user=part.user):
            builder = script.new_trigger(part.handler)
            if part.calendar is not None:
                following = builder.for_user_calendar(part.calendar).on_event_updated()
                made = (following.own_writes() if part.own_writes else following).ensure()
                self.told.follow(made.unique_id, part.user, part.calendar, own_writes=part.own_writes)
                return
            timed = builder.time_based()
            clocked = (
                timed.every_minutes(part.minutes) if part.minutes else timed.after(timedelta(seconds=part.once or 0))
            )
            self.told.strikes(clocked.ensure().unique_id, part.user, part.minutes, part.once, asked=began)

    # ---- the handlers -----------------------------------------------------------------------

    def _note(self, event: EventUpdated) -> None:
        self._called(event)()

    def _place(self, event: EventUpdated) -> None:
        """Write a place into each event, whatever it has become; fails as a whole."""
        returned = self._called(event)
        for change in filter(_misplaced, event.changes):
            try:
                script.Calendar.events.patch(_PLACE, event.calendar_id, change.id)
            except script.CalendarApiError as error:
                if error.status not in _HOPELESS:
                    raise
        returned()

    def _place_exactly(self, event: EventUpdated) -> None:
        """Write it only into what was told of, and set aside what somebody else has changed meanwhile."""
        returned, aside = self._called(event), list[str]()
        for change in filter(_misplaced, event.changes):
            unchanged = {"If-Match": str(change.event["etag"])}
            try:
                script.Calendar.events.patch(_PLACE, event.calendar_id, change.id, {}, unchanged)
            except script.CalendarApiError as error:
                if error.needs_consent:
                    raise
                if error.status not in _HOPELESS:
                    script.set_aside(change, error)
                    aside.append(change.id)
        returned(aside)

    def _choose(self, event: EventUpdated) -> None:
        """Cope with some events, and never with others."""
        returned = self._called(event)
        if any(ord(change.id[0]) % 4 == 0 for change in event.changes):
            raise HandlerError("not this one")
        returned()

    def _strike(self, event: ClockEvent) -> None:
        struck = self.told.struck(
            str(event.trigger_uid), script.current_user(), event.scheduled_time.timestamp(), event.missed, self._sound()
        )
        self._work(struck)
        struck.ended = self._hub.seconds

    def _called(self, event: EventUpdated) -> Any:
        """Note what the handler is told; the answer is called when it returns."""
        handed = self.told.hand(
            str(event.trigger_uid),
            script.current_user(),
            event.calendar_id,
            [(change.before, change.event) for change in event.changes],
            self._fate(),
        )
        self._work(handed)

        def returned(aside: Iterable[str] = ()) -> None:
            handed.ended, handed.aside = self._hub.seconds, frozenset(aside)

        return returned

    def _work(self, handed: Handed | Struck) -> None:
        """What the handler does beside calling Google; it may raise."""
        try:
            self._course.crossing.make(_WORK, lambda: None)
        except (HandlerError, Later):
            handed.failed = True
            raise

    def _fate(self) -> Any:
        """Tells whether anything has struck the process that runs now."""
        worker, slowed = self._hub.current, self._course.crossing.slowed
        return lambda: worker is None or worker.process in slowed

    def _sound(self) -> Any:
        """Tells whether the process that runs now was not struck, but that its task was given to another, too."""
        worker, course = self._hub.current, self._course

        def sound() -> bool:
            name = worker.name.removesuffix(" doubled") if worker is not None else ""
            doubled = course.faults.struck.get(name) is Fault.TASK_DOUBLED
            return worker is not None and course.crossing.slowed.get(worker.process, 0) <= doubled

        return sound

    # ---- Google, as the script reaches it ---------------------------------------------------

    def _credentials(self, user: str) -> SimCredentials:
        return self._signers.setdefault(user, SimCredentials(user, self._consent))

    def _door(self, signer: Any) -> Authorised:
        return Authorised(
            signer, Transport(self._google, signer.email, self._course.crossing, self._consent, self, self._look)
        )

    def event_written(self, user: str, calendar: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        """A handler has written: that is its user's wish from now on."""
        self._people.scripted(user, calendar, after)
        self.told.wrote(user, calendar, before, after, self._fate(), *_PLACE)

    def write_refused(self, path: str, etag: str) -> None:
        """What a handler does about that is its own business."""

    def full_pass_began(self, user: str, calendar: str) -> None:
        """What a handler lists is its own business."""


_PLACE = {"location": "Room 5"}
_HOPELESS = frozenset({400, 404, 410})
"""Statuses of events that cannot be written: gone by now, or never right."""


def _misplaced(change: Change) -> bool:
    event = change.event
    mine = (event.get("organizer") or {}).get("self", False)
    whole = "start" in event and "recurringEventId" not in event
    return bool(mine and whole and event.get("status") != "cancelled" and event.get("location") != _PLACE["location"])


def _impatient(ground: Ground) -> Ground:
    """A ground on which what no try can mend is given up soon."""
    return dataclasses.replace(ground, policy=dataclasses.replace(ground.policy, retry_for=15 * MINUTE))


def _raises(_: Fault, extra: float) -> NoReturn:
    if extra < 0.2:
        raise Later("the handler asks for another try", after=timedelta(seconds=60 * extra))
    raise HandlerError("the handler cannot cope")


def _never(_: Fault) -> NoReturn:
    raise HandlerError("no fault of a handler leaves it without an answer")


_WORK = Call("handler", "script", "handler.work", LATENCY, _raises, _never)
