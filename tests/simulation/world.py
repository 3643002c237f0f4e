"""One seed's world: real functions, the servers' cores, people and faults, from the first act to the verdict."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import msgspec

from conference.errors import LockstepError
from conference.providers.protocol import CreateKey, MeetingLister
from conference.solution import Solution
from functions import feed as feeds
from functions import sweep
from functions.ground import Ground
from functions.initialise import initialise
from infra.google.calendar import GoogleCalendar
from infra.google.wire import Authorised
from infra.local.calendar.messages import Request
from infra.local.calendar.server import CalendarServer
from infra.local.held import Held
from infra.local.memory import MemoryQueue, MemoryStore
from infra.local.vault import LocalVault
from tests.simulation.budget import OUR_WORK_ALONE
from tests.simulation.cast import parts_of
from tests.simulation.chance import Chance
from tests.simulation.course import Course
from tests.simulation.crossing import Crossing
from tests.simulation.faults import Fault, Faults
from tests.simulation.hub import Crash, Hub, Worker
from tests.simulation.invariants import is_connected
from tests.simulation.judge import Broken, Judge
from tests.simulation.owed import LOOKS
from tests.simulation.people import People
from tests.simulation.ports import SimLanes, SimQueue, SimStore, SkewedClock, provider
from tests.simulation.post import Post
from tests.simulation.promptness import allowed
from tests.simulation.scenario import Scenario, scenario
from tests.simulation.scheduler import Scheduler
from tests.simulation.scripting import Scripting
from tests.simulation.shadow import Shadow
from tests.simulation.tasks import Tasks
from tests.simulation.told import Told
from tests.simulation.transport import Consent, SimCredentials, Transport
from tests.simulation.vendor import ModelProvider, VendorModel
from tests.world import NoIdentity

NOTICES = "http://127.0.0.1:9/calendar_notification"
FRESH_WITHIN = 20 * 60.0
"""Without polls and sweeps, and with faults on the path, every change is reflected within this."""
SETTLING = 4.0
"""Seconds for which people act before the calendars are connected, where they begin early."""
CALM = 45 * 60.0
"""Once nothing goes wrong any more, every periodic job comes round in this time."""
AFTERWARDS = 40 * 60.0
"""What a task leaves behind that came this late, as a spare meeting, is gone by then too."""
LASTING = 100
"""A vendor that refuses us for a while counts as so many faults: whatever waits for it is tried once a minute."""
MOST = 20_000
"""Calls after which a world is taken for one that never comes to rest."""

_VAULT = LocalVault(b"v" * 32)


@dataclass(frozen=True, slots=True)
class Script:
    """What is to happen instead of what would be drawn: acts and triggers that stay, faults by the call they strike."""

    acts: frozenset[int]
    faults: Mapping[str, Fault]
    cast: frozenset[int] = frozenset()
    """The triggers that are made; none in stories that were told before there were any."""


@dataclass(slots=True)
class Verdict:
    """What came of a seed; `oracle` None: all is right."""

    seed: int
    oracle: str | None = None
    what: str = ""
    acts: dict[int, str] = field(default_factory=dict)
    cast: dict[int, str] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    struck: dict[str, Fault] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    trace: list[tuple[float, str, str]] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """One text for all that happened."""
        return hashlib.sha256(repr((self.trace, self.oracle, self.what)).encode()).hexdigest()


def run_seed(seed: int, script: Script | None = None) -> Verdict:
    """Live through the world of a seed and judge it."""
    world = World(scenario(seed), script)
    verdict = Verdict(seed)
    try:
        world.live()
    except Broken as broken:
        verdict.oracle, verdict.what = broken.oracle, broken.what
    finally:
        world.close()
    verdict.acts = world.story
    verdict.cast = {number: part.told for number, part in world.cast.items()}
    verdict.kinds = world.people.acts
    verdict.struck = world.faults.struck
    verdict.calls = world.calls
    verdict.trace = world.crossing.trace
    return verdict


class World:
    """Everything of one seed."""

    def __init__(self, plan: Scenario, script: Script | None) -> None:
        if script is not None:
            # A kept story has its triggers, however many worlds have some.
            plan = replace(plan, cast=parts_of(plan.seed, plan.calendars) if script.cast else ())
        self.plan, self.script = plan, script
        self.hub = Hub(plan.start)
        self.chance = Chance(plan.seed, "world")
        self.faults = Faults(Chance(plan.seed, "faults"), plan.rate, plan.allowed, script.faults if script else None)
        self.faults.clock = lambda: self.hub.seconds
        self.store, self.queue = MemoryStore(self.hub), MemoryQueue(self.hub)
        self.google = CalendarServer(self.hub.now, random.Random(plan.seed))  # noqa: S311 - seeded on purpose
        self.vendors = {traits.name: VendorModel(traits, self.hub.now) for traits in plan.vendors}
        self.shadow = Shadow()
        self.judge = Judge(self.google, self.vendors, self.shadow, self.store, self.queue, self.hub, deep=plan.deep)
        self.crossing = Crossing(self.hub, Chance(plan.seed, "calls"), self.faults, self)
        self.crossing.nothing_is_found = any(
            traits.list_lag or traits.create_key is CreateKey.NONE for traits in plan.vendors
        )
        self._set_up_google()
        self.people = People(
            self.google,
            self.vendors,
            self.shadow,
            self.hub.now,
            plan.calendars,
            ("guest@example.org",),
            net=plan.kind != "fresh",
        )
        self.consent = Consent()
        self.providers = {
            name: provider(ModelProvider(model, "acme"), self.crossing, self._provider_changed)
            for name, model in self.vendors.items()
        }
        self.course = Course(self.hub, self.chance, self.faults, self.crossing, self.judge)
        self.post = Post(self.course, self.google, self.vendors, self.store)
        self.tasks = Tasks(self.course, self.queue)
        self.scheduler = Scheduler(self.course)
        self.course.ground = self._ground()
        self.cast = {n: part for n, part in enumerate(plan.cast) if script is None or n in script.cast}
        self.scripting = self._script() if self.cast else None
        self.story: dict[int, str] = {}
        self.calls: Counter[str] = Counter()

    # ---- the whole life ---------------------------------------------------------------------

    def live(self) -> None:
        """From connecting the calendars to the last look of the judge. Raises Broken."""
        # Without polls, what goes wrong while connecting would last.
        self.faults.calm = self.plan.kind == "fresh"
        early = SETTLING if self.plan.hurried else 0.0
        for user, calendars in self.plan.calendars.items():
            for calendar in calendars:
                self.hub.at(self.hub.seconds + early, partial(self._connect, user, calendar))
        if self.scripting is not None:
            self.scripting.begin(self.cast)
        self.scheduler.start()
        if not self.plan.hurried:
            self._run_until_connected()
        when = self._plan_acts()
        self._run_until_connected()
        self._run(when)
        if self.plan.kind == "fresh":
            self._stay_fresh(when)
            return
        self.faults.calm = True
        self._come_to_rest()
        self.judge.at_rest()
        self._another_full_pass()
        self.judge.budget(
            sum(self.people.acts.values()) + self.people.written_by_scripts,
            sum(LASTING if fault is Fault.PROVIDER_REVOKED else 1 for fault in self.faults.struck.values()),
            runs=self.scripting.runs if self.scripting else 0,
        )
        if self.plan.kind == "calm":
            self.judge.calm({**self.people.acts, "script": self.people.written_by_scripts})

    def _plan_acts(self) -> float:
        """When the last of them is."""
        when = self.hub.seconds
        for number in range(self.plan.acts):
            when += self._gap(number)
            if self.script is None or number in self.script.acts:
                self.hub.at(when, partial(self._act, number))
        return when

    def _run_until_connected(self) -> None:
        while not self._connected():
            self._run(self.hub.seconds + 5)
        self.faults.calm = False

    def close(self) -> None:
        """End whatever still lives."""
        self.hub.close()

    def _connected(self) -> bool:
        documents = self.store.query(feeds.COLLECTION)
        return len(documents) == sum(map(len, self.plan.calendars.values())) and all(
            is_connected(document.data) for document in documents
        )

    def _come_to_rest(self) -> None:
        self.tasks.paused_until = self.course.down_until = 0.0
        # In an outage the next tick was put off to its end.
        self.scheduler.start()
        until = self.hub.seconds + CALM
        self._run(until)
        while (waiting := self._waiting()) or self.hub.busy:
            until = max(until, min(waiting) + AFTERWARDS) if waiting else self.hub.seconds + 5
            self._run(until)

    def _waiting(self) -> list[float]:
        """When what is to be done has its time: tasks, and rows whose tasks were never made, which ticks will find."""
        tasks = [held.at.timestamp() for held in self.queue.waiting() if _ends(held)]
        rows = (document.data.get("due") or 0.0 for document in self.store.query("ledger", limit=10_000))
        return [*tasks, *(due for due in rows if due > self.hub.seconds)]

    def _stay_fresh(self, last: float) -> None:
        """Judge as soon as the last change must be reflected, and at the end."""
        while self.hub.seconds < min(last + self._prompt(), last + FRESH_WITHIN):
            self._run(min(last + self._prompt(), last + FRESH_WITHIN))
        self.judge.fresh(last)
        self._run(last + FRESH_WITHIN)
        self.judge.fresh(last)
        if self.scripting is not None:
            self.scripting.told.fresh()

    def _prompt(self) -> float:
        """Seconds that a change may take now."""
        alone = OUR_WORK_ALONE.issuperset(kind for kind, times in self.people.acts.items() if times)
        return allowed(self.faults.since(self.hub.seconds - FRESH_WITHIN), alone=alone)

    def _another_full_pass(self) -> None:
        before = self.calls.copy()
        if self.scripting is not None:
            self.scripting.told.at_rest()
        for document in self.store.query(feeds.COLLECTION):
            feeds.raise_dirty(self.course.ground, document.key.partition("/")[2], full=True)
        for one in self.providers.values():
            if isinstance(one, MeetingLister):
                sweep.sweep_provider(self.course.ground, one, one.list())
        self._run(self.hub.seconds + 120)
        self.judge.fixpoint(self.calls - before)
        if self.scripting is not None:
            self.scripting.told.still()

    def _run(self, until: float) -> None:
        while self.hub.seconds < until:
            self.hub.run(min(until, self.hub.seconds + 60.0))
            if self.course.broken is not None:
                raise self.course.broken
            if len(self.crossing.trace) > MOST:
                raise Broken("rest", "the world does not come to rest")

    def _gap(self, number: int) -> float:
        kind, length, *_ = self.chance.numbers(f"gap {number}")
        if self.plan.hurried:
            return 0.1 + (5 * length if kind < 0.8 else 30 * length)
        if self.plan.kind == "fresh":
            return 1 + 30 * length if kind < 0.7 else 300 * length
        if kind < 0.55:
            return 15 * length
        return 400 * length if kind < 0.92 else 3600 * length

    # ---- what people and chance do ----------------------------------------------------------

    def _act(self, number: int) -> None:
        if self.plan.kind == "fresh":
            self._judge_so_far()
        self.story[number] = (
            f"{self.hub.now():%d %b %H:%M:%S} {self.people.act(self.chance.generator(f'act {number}'))}"
        )
        self.crossing.note(f"act {number}", self.story[number])
        if self.scripting is not None:
            self.scripting.told.acted()
        self.post.look()
        _, where, drawn, extra = self.chance.numbers(f"around act {number}")
        match self.faults.strike("act", f"act {number}", drawn):
            case Fault.TOKENS_EXPIRED:
                every = [calendar for calendars in self.plan.calendars.values() for calendar in calendars]
                self._control("expire-tokens", calendarId=every[int(where * len(every))])
            case Fault.OUTAGE:
                length = 40 * 86400.0 if extra < 0.2 else 600 + 4000 * extra
                self.course.down_until = self.hub.seconds + length
            case Fault.PROVIDER_REVOKED:
                for one in self.providers.values():
                    one.revoked_until = self.hub.seconds + 300 * extra

    def _judge_so_far(self) -> None:
        try:
            self.judge.fresh(self.hub.seconds - self._prompt())
        except Broken as broken:
            self.course.note_broken(broken)

    def _connect(self, user: str, calendar: str) -> None:
        def ended(worker: Worker) -> None:
            if isinstance(worker.error, Broken):
                self.course.note_broken(worker.error)
            elif isinstance(worker.error, Crash | LockstepError):
                # The owner sees that it did not work, and tries again.
                self.hub.at(self.hub.seconds + 30, lambda: self._connect(user, calendar))
            elif worker.error is not None:
                self.course.note_bug(worker)

        self.consent.withdrawn.discard(user)
        name = self.course.named(f"connect {calendar}")
        self.hub.spawn(name, lambda: initialise(self.course.ground, user, calendar), ended)

    # ---- what the judge is told -------------------------------------------------------------

    def called(self, system: str, operation: str, fault: str | None) -> None:
        """Count a call."""
        self.calls[operation] += 1
        self.judge.called(system, operation, fault)
        if operation in LOOKS:
            self.judge.care.called(operation, self._who())

    def excuse(self, token: str, faults: int, doubles: int) -> None:
        """A spare meeting of this event may be nobody's fault."""
        for number in range(faults):
            self.judge.excuse(token, doubles=number < doubles)

    def store_changed(self, key: str, before: dict[str, Any] | None, after: dict[str, Any] | None, worker: str) -> None:
        """Have a committed write judged, and come back when it is due."""
        self.judge.store_changed(key, before, after, worker)
        self.scheduler.written(key, after)
        if after and key.startswith("feeds/"):
            self._feed_changed(before, after)

    def _feed_changed(self, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        if before is not None and self.plan.deep and before.get("token") and after.get("token") != before["token"]:
            self.judge.token_moved(before, after)
        if self.scripting is not None and before is not None and after.get("token") != before.get("token"):
            self.scripting.told.token_moved(after["user"], after["calendar"])
        if before is not None and self.plan.deep and after.get("done", 0) > before.get("done", 0):
            self.judge.run_done(before, after)
        if after.get("stopped") and not (before or {}).get("stopped"):
            # The owner is told, and connects the calendar again.
            self.hub.at(self.hub.seconds + 240, lambda: self._connect(after["user"], after["calendar"]))

    def task_added(self, function: str, body: Mapping[str, Any], at: float) -> None:
        """Have a task judged."""
        self.judge.task_added(function, body)
        self.judge.care.task_added(function, body, at, self._who(), self._own())

    def task_refused(self, function: str, body: Mapping[str, Any], name: str) -> None:
        """Have it judged that the queue did not take a task."""
        self.judge.care.task_refused(function, body, name, self._who(), self._own())

    def _own(self) -> int | None:
        worker = self.hub.current
        return self.tasks.given.get(worker.process) if worker else None

    def _who(self) -> str:
        worker = self.hub.current
        return worker.name if worker else "nobody"

    def event_written(self, user: str, calendar: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Have a write of ours judged."""
        self.judge.event_written(user, calendar, before, after)
        if self.scripting is not None:
            self.scripting.told.gave(after)

    def write_refused(self, path: str, etag: str) -> None:
        """Have it judged that what we wrote was out of date."""
        worker = self.hub.current
        if worker is None:
            return  # it came late: nobody asks for it any more
        process, struck = worker.process, self.course.faults.struck
        # Of two workers with one task, the one may have taken the other's row, who had been refused.
        self.judge.write_refused(
            path, etag, lambda: process in self.crossing.slowed or Fault.TASK_DOUBLED in struck.values()
        )

    def full_pass_began(self, user: str, calendar: str) -> None:
        """Have it noted from when on a calendar is followed."""
        self.judge.full_pass_began(user, calendar)

    def _provider_changed(self) -> None:
        self.judge.meetings_changed()
        self.post.look()

    def _script(self) -> Scripting:
        judge = self.judge
        told = Told(judge.google, self.store, self.hub, judge.began, lambda: judge.clock_was_off)
        told.fires.given_up = self.course.lost_strikes
        scripting = Scripting(self.course, self.google, self.people, self.consent, told, self.post.look)
        self.course.project = scripting.project
        return scripting

    # ---- making the world -------------------------------------------------------------------

    def _set_up_google(self) -> None:
        for user, calendars in self.plan.calendars.items():
            for calendar in calendars:
                self._control("calendars", id=calendar, owner=user, timeZone="Europe/Zurich")
        self._control("calendars", id="guest@example.org", owner="guest@example.org", timeZone="America/New_York")
        self._control("knobs", pageLimit=self.plan.page_limit, exceptionsFirst=self.plan.exceptions_first)

    def _control(self, route: str, **body: object) -> None:
        answer = self.google.handle(Request("POST", f"/control/{route}", body=msgspec.json.encode(body)))
        if answer.status != 200:
            raise ValueError(answer.body.decode())

    def _ground(self) -> Ground:
        credentials = {user: SimCredentials(user, self.consent) for user in self.plan.calendars}
        numbers = iter(range(10**9))
        return Ground(
            store=SimStore(self.store, self.crossing, self),
            queue=SimQueue(self.queue, self.crossing, self, self.tasks.added),
            vault=_VAULT,
            clock=SkewedClock(self.hub),
            lanes=SimLanes(self.hub, self.plan.width),
            identity=NoIdentity(),
            calendar=GoogleCalendar(credentials.__getitem__, http=self._door),
            providers=self.providers,
            solutions=tuple(Solution(name) for name in self.vendors),
            meeting_keys=lambda: b"k" * 32,
            new_secret=lambda: hashlib.sha256(str(next(numbers)).encode()).hexdigest()[:43],
            notice_address=NOTICES,
            policy=self.plan.policy,
        )

    def _door(self, signer: Any) -> Authorised:
        transport = Transport(self.google, signer.email, self.crossing, self.consent, self, self.post.look)
        return Authorised(signer, transport)


def _ends(held: Held) -> bool:
    """False of what a clock asks for, which never ends."""
    return "scheduled" not in held.task.body
