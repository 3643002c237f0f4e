"""One seed's world: real functions, the servers' cores, people and faults, from the first act to the verdict."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import random
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from conference.errors import Forged, Later, LockstepError, OutcomeUnknown, Poison, Stale
from conference.providers.protocol import CreateKey, MeetingLister
from conference.solution import Solution
from functions import clock as ticking
from functions import feed as feeds
from functions import notification, patch, reconcile, sweep, sync, webhook
from functions.ground import Ground
from functions.initialise import initialise
from functions.ports import Task
from infra.google.calendar import GoogleCalendar
from infra.google.wire import Authorised
from infra.local.calendar.messages import Request
from infra.local.calendar.server import CalendarServer
from infra.local.held import Held
from infra.local.memory import MemoryQueue, MemoryStore
from infra.local.vault import LocalVault
from tests.simulation.budget import OUR_WORK_ALONE
from tests.simulation.chance import Chance
from tests.simulation.crossing import Crossing
from tests.simulation.faults import Fault, Faults
from tests.simulation.hub import Crash, Hub, Worker
from tests.simulation.judge import Broken, Judge
from tests.simulation.people import People
from tests.simulation.ports import SimLanes, SimProvider, SimQueue, SimStore, SkewedClock, provider
from tests.simulation.promptness import allowed
from tests.simulation.scenario import Scenario, scenario
from tests.simulation.shadow import Shadow
from tests.simulation.transport import Consent, SimCredentials, Transport
from tests.simulation.vendor import ModelProvider, VendorModel
from tests.world import NoIdentity

NOTICES = "http://127.0.0.1:9/calendar_notification"
DEADLINE = 60.0
"""Seconds after which the queue gives a task to another worker; the first may live on."""
REDELIVERY = 5.0
FRESH_WITHIN = 20 * 60.0
"""Without polls and sweeps, and with faults on the path, every change is reflected within this."""
SETTLING = 4.0
"""Seconds for which people act before the calendars are connected, where they begin early."""
CALM = 45 * 60.0
"""Once nothing goes wrong any more, every periodic job comes round in this time."""
AFTERWARDS = 40 * 60.0
"""What a task leaves behind that came this late, as a spare meeting, is gone by then too."""
MOST = 20_000
"""Calls after which a world is taken for one that never comes to rest."""
DUE = ("poll_at", "wake_at", "sweep_at", "renew_at", "due", "next_at")
"""The fields that the scheduler's tick looks for: a tick that finds nothing due is left out."""

_VAULT = LocalVault(b"v" * 32)


@dataclass(frozen=True, slots=True)
class Script:
    """What is to happen instead of what would be drawn: the acts that stay, and the faults by the call they strike."""

    acts: frozenset[int]
    faults: Mapping[str, Fault]


@dataclass(slots=True)
class Verdict:
    """What came of a seed; `oracle` None: all is right."""

    seed: int
    oracle: str | None = None
    what: str = ""
    acts: dict[int, str] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    struck: dict[str, Fault] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
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
    verdict.kinds = world.people.acts
    verdict.struck = world.faults.struck
    verdict.calls = world.calls
    verdict.trace = world.crossing.trace
    return verdict


class World:
    """Everything of one seed."""

    def __init__(self, plan: Scenario, script: Script | None) -> None:
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
        self.ground = self._ground()
        self.story: dict[int, str] = {}
        self.calls: Counter[str] = Counter()
        self.numbers: Counter[str] = Counter()
        self.minutes: set[int] = set()
        self.due: dict[str, float] = {"the first tick": 0.0}
        self.down_until = self.paused_until = 0.0
        self.broken: Broken | None = None
        self.given_twice: set[int] = set()
        """Tasks whose worker was held up beyond the deadline: another comes, and others for the same work may."""
        self.notices: dict[str, Mapping[str, str]] = {}

    # ---- the whole life ---------------------------------------------------------------------

    def live(self) -> None:
        """From connecting the calendars to the last look of the judge. Raises Broken."""
        # Without polls, what goes wrong while connecting would last.
        self.faults.calm = self.plan.kind == "fresh"
        early = SETTLING if self.plan.hurried else 0.0
        for user, calendars in self.plan.calendars.items():
            for calendar in calendars:
                self.hub.at(self.hub.seconds + early, partial(self._connect, user, calendar))
        self._tick_at(self.hub.seconds + 60)
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
        self.judge.budget(sum(self.people.acts.values()), len(self.faults.struck))
        if self.plan.kind == "calm":
            self.judge.calm(self.people.acts)

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
            document.data.get("token") for document in documents
        )

    def _come_to_rest(self) -> None:
        self.paused_until = self.down_until = 0.0
        until = self.hub.seconds + CALM
        self._run(until)
        while (waiting := [held.at.timestamp() for held in self.queue.waiting()]) or self.hub.busy:
            until = max(until, min(waiting) + AFTERWARDS) if waiting else self.hub.seconds + 5
            self._run(until)

    def _stay_fresh(self, last: float) -> None:
        """Judge as soon as the last change must be reflected, and at the end."""
        while self.hub.seconds < min(last + self._prompt(), last + FRESH_WITHIN):
            self._run(min(last + self._prompt(), last + FRESH_WITHIN))
        self.judge.fresh(last)
        self._run(last + FRESH_WITHIN)
        self.judge.fresh(last)

    def _prompt(self) -> float:
        """Seconds that a change may take now."""
        alone = OUR_WORK_ALONE.issuperset(kind for kind, times in self.people.acts.items() if times)
        return allowed(self.faults.since(self.hub.seconds - FRESH_WITHIN), alone=alone)

    def _another_full_pass(self) -> None:
        before = self.calls.copy()
        for document in self.store.query(feeds.COLLECTION):
            feeds.raise_dirty(self.ground, document.key.partition("/")[2], full=True)
        for one in self.providers.values():
            if isinstance(one, MeetingLister):
                sweep.sweep_provider(self.ground, one, one.list())
        self._run(self.hub.seconds + 120)
        self.judge.fixpoint(self.calls - before)

    def _run(self, until: float) -> None:
        while self.hub.seconds < until:
            self.hub.run(min(until, self.hub.seconds + 60.0))
            if self.broken is not None:
                raise self.broken
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
        self._look_for_pushes()
        _, where, drawn, extra = self.chance.numbers(f"around act {number}")
        match self.faults.strike("act", f"act {number}", drawn):
            case Fault.TOKENS_EXPIRED:
                every = [calendar for calendars in self.plan.calendars.values() for calendar in calendars]
                self._control("expire-tokens", calendarId=every[int(where * len(every))])
            case Fault.OUTAGE:
                length = 40 * 86400.0 if extra < 0.2 else 600 + 4000 * extra
                self.down_until = self.hub.seconds + length
            case Fault.PROVIDER_REVOKED:
                for one in self.providers.values():
                    one.revoked_until = self.hub.seconds + 300 * extra

    def _judge_so_far(self) -> None:
        try:
            self.judge.fresh(self.hub.seconds - self._prompt())
        except Broken as broken:
            self._note_broken(broken)

    def _connect(self, user: str, calendar: str) -> None:
        def ended(worker: Worker) -> None:
            if isinstance(worker.error, Broken):
                self._note_broken(worker.error)
            elif isinstance(worker.error, Crash | LockstepError):
                # The owner sees that it did not work, and tries again.
                self.hub.at(self.hub.seconds + 30, lambda: self._connect(user, calendar))
            elif worker.error is not None:
                self._note_broken(_bug(worker))

        self.consent.withdrawn.discard(user)
        name = self._named(f"connect {calendar}")
        self.hub.spawn(name, lambda: initialise(self.ground, user, calendar), ended)

    # ---- notices and pushes -----------------------------------------------------------------

    def _look_for_pushes(self) -> None:
        for push in self.google.due_pushes(self.hub.now()):
            self._notice_on_its_way(push)
        later = self.google.next_push()
        if later is not None:
            self.hub.at(later.timestamp(), self._look_for_pushes)
        for name, model in self.vendors.items():
            for sent in model.due_pushes(self.hub.now()):
                self._push_on_its_way(name, sent.headers, sent.body)

    def _notice_on_its_way(self, push: Any) -> None:
        headers = {name.lower(): value for name, value in push.headers.items()}
        name = self._named("notice")
        way, _, drawn, extra = self.chance.numbers(name)
        fault = self.faults.strike("notice", name, drawn)
        arrives = self.hub.seconds + 0.2 + 2 * way
        if fault is Fault.NOTICE_LOST:
            self.google.push_answered(push, 204, self.hub.now())
            return
        if fault is Fault.NOTICE_DELAYED:
            arrives += 3600 * extra**3
        if fault is Fault.NOTICE_DOUBLED:
            self.hub.at(arrives + 30 * extra, lambda: self._notice(f"{name} again", headers, None))
        if fault is Fault.NOTICE_FORGED:
            self.hub.at(arrives, lambda: self._notice(f"{name} forged", _forged(headers, extra), None, forged=True))
        if fault is Fault.NOTICE_REPLAYED and self.notices:
            old = [*self.notices.values()][int(extra * len(self.notices))]
            self.hub.at(arrives + 100 * extra, lambda: self._notice(f"{name} replayed", old, None))
        self.notices.setdefault(headers["x-goog-channel-id"], headers)
        self.hub.at(arrives, lambda: self._notice(name, headers, push))

    def _notice(self, name: str, headers: Mapping[str, str], push: Any, *, forged: bool = False) -> None:
        def ended(worker: Worker) -> None:
            status = self._status(worker, {Forged: 403, Later: 503, OutcomeUnknown: 503, Stale: 503})
            if forged and worker.error is None:
                self._note_broken(Broken("S1", "a forged notice was taken"))
            if push is not None:
                self.google.push_answered(push, status, self.hub.now())
                self._look_for_pushes()

        if self.hub.seconds < self.down_until:
            if push is not None:
                self.google.push_answered(push, None, self.hub.now())
                self._look_for_pushes()
            return
        channel = self.store.get(f"channels/{headers['x-goog-channel-id']}")
        if channel is not None:
            self.judge.noticed(str(channel.data["feed"]))
        self.hub.spawn(name, lambda: notification.calendar_notification(self.ground, headers), ended)

    def _push_on_its_way(self, vendor: str, headers: Mapping[str, str], body: bytes) -> None:
        name = self._named(f"push {vendor}")
        way, _, drawn, extra = self.chance.numbers(name)
        fault = self.faults.strike("push", name, drawn)
        arrives = self.hub.seconds + 0.2 + 2 * way
        if fault is Fault.PUSH_LOST:
            return
        if fault is Fault.PUSH_DELAYED:
            arrives += 250 * extra
        if fault is Fault.PUSH_DOUBLED:
            self.hub.at(arrives + 30 * extra, lambda: self._push(f"{name} again", vendor, headers, body))
        self.hub.at(arrives, lambda: self._push(name, vendor, headers, body))

    def _push(self, name: str, vendor: str, headers: Mapping[str, str], body: bytes) -> None:
        def ended(worker: Worker) -> None:
            status = self._status(worker, {Forged: 403, Later: 503, OutcomeUnknown: 503, Stale: 503})
            if status is None or status >= 500:
                self.hub.at(self.hub.seconds + 20, lambda: self._push(self._named("push again"), vendor, headers, body))

        if self.hub.seconds < self.down_until:
            self.hub.at(self.down_until, lambda: self._push(name, vendor, headers, body))
            return
        self.hub.spawn(name, lambda: webhook.provider_webhook(self.ground, vendor, headers, body), ended)

    # ---- tasks ------------------------------------------------------------------------------

    def _task_added(self, at: float) -> None:
        self.hub.at(at, self._dispatch)

    def _dispatch(self) -> None:
        blocked = max(self.down_until, self.paused_until)
        if self.hub.seconds < blocked:
            self.hub.at(blocked, self._dispatch)
            return
        for held in self.queue.due(self.hub.now()):
            self._deliver(self.queue.take(held))

    def _deliver(self, held: Held) -> None:
        task = held.task
        name = self._named(f"{task.function} {_target(task)}")
        way, skew, drawn, extra = self.chance.numbers(name)
        fault, ground, wait = self.faults.strike("task", name, drawn), self.ground, 0.02 * way
        match fault:
            case Fault.COLD_START:
                wait = 8 * extra
            case Fault.TASK_DELAYED:
                wait = 500 * extra
            case Fault.TASK_LOST:
                self.queue.done(held)
                return
            case Fault.QUEUE_PAUSED:
                self.paused_until = self.hub.seconds + 300 * extra
            case Fault.OLD_BODY:
                task = Task(task.function, {key: value for key, value in task.body.items() if key != "fence"})
            case Fault.CLOCK_SKEWED:
                ground = dataclasses.replace(ground, clock=SkewedClock(self.hub, 600 * skew - 300))
                self.judge.clock_is_off()
            case Fault.TASK_DOUBLED:
                again = self.hub.seconds + 3 * extra
                self.hub.at(again, lambda: self._work(f"{name} doubled", task, ground, None, fault))
        if fault is not None:
            self.crossing.note(name, fault.value)
        self.hub.at(self.hub.seconds + wait, lambda: self._work(name, task, ground, held, fault))

    def _work(self, name: str, task: Task, ground: Ground, held: Held | None, fault: Fault | None) -> None:
        def ended(worker: Worker) -> None:
            status = self._status(worker, {Later: 503, OutcomeUnknown: 503, Stale: 503, LockstepError: 200})
            self._judge_answer(name, worker)
            if held is not None:
                self._answered(held, status)

        worker = self.hub.spawn(name, lambda: call(ground, task), ended)
        if fault in {Fault.TASK_DOUBLED, Fault.CLOCK_SKEWED} or (held is not None and held.id in self.given_twice):
            self.crossing.blame(worker.process)
        if held is not None:
            self.hub.at(self.hub.seconds + DEADLINE, lambda: self._out_of_time(held, worker))

    def _judge_answer(self, name: str, worker: Worker) -> None:
        try:
            self.judge.task_answered(name, worker.error, ground_failed=worker.process in self.crossing.groundless)
        except Broken as broken:
            self._note_broken(broken)

    def _answered(self, held: Held, status: int | None) -> None:
        if status is not None and status < 300:
            self.queue.done(held)
            return
        at = self.hub.seconds + REDELIVERY * min(2**held.attempts, 60)
        self.queue.again(held, datetime.fromtimestamp(at, UTC), status)
        self.hub.at(at, self._dispatch)

    def _out_of_time(self, held: Held, worker: Worker) -> None:
        if not worker.over:
            self.given_twice.add(held.id)
            self._answered(held, None)

    # ---- the scheduler ----------------------------------------------------------------------

    def _tick_at(self, when: float) -> None:
        minute = math.ceil(when / 60)
        if minute not in self.minutes:
            self.minutes.add(minute)
            self.hub.at(minute * 60.0, lambda: self._tick(minute))

    def _tick(self, minute: int) -> None:
        if self.hub.seconds < self.down_until:
            self._tick_at(self.down_until + 1)
        elif min(self.due.values(), default=0.0) <= self.hub.seconds:
            self.due.pop("the first tick", None)
            self.hub.spawn(f"tick {minute}", lambda: ticking.tick(self.ground), self._ticked)

    def _ticked(self, worker: Worker) -> None:
        self._status(worker, {LockstepError: 200})
        # What it found and could not do is due still.
        self._tick_at(self.hub.seconds + 1)

    # ---- what the judge is told -------------------------------------------------------------

    def called(self, system: str, operation: str, fault: str | None) -> None:
        """Count a call."""
        self.calls[operation] += 1
        self.judge.called(system, operation, fault)

    def excuse(self, token: str, faults: int, doubles: int) -> None:
        """A spare meeting of this event may be nobody's fault."""
        for number in range(faults):
            self.judge.excuse(token, doubles=number < doubles)

    def store_changed(self, key: str, before: dict[str, Any] | None, after: dict[str, Any] | None, worker: str) -> None:
        """Have a committed write judged, and come back when it is due."""
        self.judge.store_changed(key, before, after, worker)
        times = [float(after[name]) for name in DUE if after.get(name) is not None] if after else []
        if times:
            self.due[key] = min(times)
            self._tick_at(max(self.due[key], self.hub.seconds + 1))
        else:
            self.due.pop(key, None)
        if after and key.startswith("feeds/"):
            self._feed_changed(before, after)

    def _feed_changed(self, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        if before is not None and self.plan.deep and before.get("token") and after.get("token") != before["token"]:
            self.judge.token_moved(before, after)
        if after.get("stopped") and not (before or {}).get("stopped"):
            # The owner is told, and connects the calendar again.
            self.hub.at(self.hub.seconds + 240, lambda: self._connect(after["user"], after["calendar"]))

    def task_added(self, function: str, body: Mapping[str, Any]) -> None:
        """Have a task judged."""
        self.judge.task_added(function, body)

    def event_written(self, user: str, calendar: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Have a write of ours judged."""
        self.judge.event_written(user, calendar, before, after)

    def _provider_changed(self) -> None:
        self.judge.meetings_changed()
        self._look_for_pushes()

    def _status(self, worker: Worker, statuses: Mapping[type[Exception], int]) -> int | None:
        """What the function's door answers; None if its process died."""
        error = worker.error
        if error is None:
            return 204
        if isinstance(error, Crash):
            return None
        if isinstance(error, Broken):
            self._note_broken(error)
            return 200
        for kind, status in statuses.items():
            if isinstance(error, kind):
                return status
        self._note_broken(_bug(worker))
        return 500

    def _note_broken(self, broken: Broken) -> None:
        self.broken = self.broken or broken

    # ---- making the world -------------------------------------------------------------------

    def _named(self, what: str) -> str:
        self.numbers[what] += 1
        return f"{what} #{self.numbers[what]}"

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
            queue=SimQueue(self.queue, self.crossing, self, self._task_added),
            vault=_VAULT,
            clock=SkewedClock(self.hub),
            lanes=SimLanes(self.hub, self.plan.width),
            identity=NoIdentity(),
            calendar=GoogleCalendar(credentials.__getitem__, http=self._door),
            providers=self.providers,
            solutions=tuple(Solution(name) for name in self.vendors),
            key_secret=b"k" * 32,
            new_secret=lambda: hashlib.sha256(str(next(numbers)).encode()).hexdigest()[:43],
            notice_address=NOTICES,
            policy=self.plan.policy,
        )

    def _door(self, signer: Any) -> Authorised:
        transport = Transport(self.google, signer.email, self.crossing, self.consent, self, self._look_for_pushes)
        return Authorised(signer, transport)


def call(ground: Ground, task: Task) -> None:
    """Run a task as its function would."""
    body = dict(task.body)
    run: Callable[[], object]
    match task.function:
        case "sync_calendar":
            run = partial(sync.sync_calendar, ground, body["feed"], body["number"])
        case "patch_event":
            run = partial(patch.patch_event, ground, body["feed"], body["event"])
        case "reconcile_event" if "meeting" in body:
            run = partial(webhook.look_at_meeting, ground, body["meeting"], body["version"])
        case "reconcile_event":
            run = partial(reconcile.reconcile_event, ground, body["feed"], body["event"], body.get("fence", -1))
        case unknown:
            raise Poison(f"no function {unknown}")
    run()


def _target(task: Task) -> str:
    return str(task.body.get("event") or task.body.get("meeting") or task.body.get("feed"))[:12]


def _forged(headers: Mapping[str, str], extra: float) -> dict[str, str]:
    # A resource id is no secret, and is not known yet of a channel whose watch was not answered.
    name = ("x-goog-channel-token", "x-goog-channel-id")[int(extra * 2)]
    return {**headers, name: headers.get(name, "")[:-1] + "~"}


def _bug(worker: Worker) -> Broken:
    lines = traceback.format_exception(worker.error)
    return Broken("bug", f"{worker.name}: {''.join(lines[-3:])}")


__all__ = ["Script", "SimProvider", "Verdict", "World", "run_seed"]
