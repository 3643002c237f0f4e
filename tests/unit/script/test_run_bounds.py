"""How long a run may take and how many may go on at once, under the profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from conference.errors import Later, OutcomeUnknown
from functions import script
from functions.ports import Store
from functions.script import simultaneous
from functions.script.calendar_service import Events
from functions.script.context import Execution
from functions.script.moving import before_move
from functions.script.run import Outcome, Ran, run
from functions.script.trigger import CALENDAR, TriggerRecord, owner_of
from tests.meanwhile import Meanwhile
from tests.unit.script.bench import ALICE, BOB, Bench
from tests.unit.script.clocked import Clocked

Step = Callable[[], object]

LENGTH = 360
TOO_MANY = "There are too many scripts running simultaneously for this Google user account."
TOO_LONG = "Exceeded maximum execution time"
PROFILE = script.Limits(run_length=LENGTH)


class Desk(Bench):
    """A bench on which handlers are run as steps, each in a run of its own."""

    def __init__(self, limits: script.Limits, store: Callable[[Store], Store] = lambda store: store) -> None:
        super().__init__(store)
        self.steps: list[Step] = []
        handlers = script.Registry()
        handlers.handler("step")(self._next)
        self.script = self.project(handlers=handlers, limits=limits)

    def _next(self) -> None:
        self.steps.pop()()

    def run(self, step: Step, user: str = ALICE) -> Ran:
        """One run that does this."""
        self.steps.append(step)
        ran = run(self.script, self.record(user), None)
        self.steps.clear()
        return ran

    def record(self, user: str = ALICE) -> TriggerRecord:
        """A trigger of this user's, that nobody else knows."""
        return TriggerRecord("1", "script", user, owner_of("script", user), "step", CALENDAR, 1, self.ground.now())

    def pass_by(self, seconds: float) -> None:
        """Time goes by."""
        self.clock.advance(timedelta(seconds=seconds))

    def executions(self, user: str = ALICE) -> list[tuple[str, str | None]]:
        """The user's runs, newest first: how they ended, and with what."""
        with script.running(self.script, user=user):
            return [(one.outcome, one.error) for one in script.processes.list()]


def _trigger() -> script.Trigger:
    return script.new_trigger("step").time_based().every_days(1).create()


def _locked() -> script.Lock:
    lock = script.get_script_lock()
    lock.wait_lock(0)
    return lock


SERVICES: dict[str, tuple[Step, Callable[[Any], object]]] = {
    "a calendar's events": (lambda: None, lambda _: script.Calendar.events.list("primary")),
    "calendars": (lambda: None, lambda _: script.Calendar.calendar_list.list()),
    "properties, read": (script.get_user_properties, lambda it: it.get_property("k")),
    "properties, written": (script.get_script_properties, lambda it: it.set_property("k", "v")),
    "properties, asked for": (lambda: None, lambda _: script.get_user_properties()),
    "a cache, read": (script.get_user_cache, lambda it: it.get("k")),
    "a cache, written": (script.get_script_cache, lambda it: it.put("k", "v")),
    "a cache, emptied": (script.get_script_cache, lambda it: it.remove("k")),
    "a lock": (script.get_user_lock, lambda it: it.try_lock(0)),
    "a lock that is held": (_locked, lambda it: it.renew()),
    "triggers, listed": (lambda: None, lambda _: script.get_project_triggers()),
    "triggers, made": (lambda: script.new_trigger("step").time_based().every_days(1), lambda it: it.create()),
    "triggers, switched off": (_trigger, lambda it: it.disable()),
    "triggers, deleted": (_trigger, script.delete_trigger),
    "conferences": (lambda: None, lambda _: script.conferences.find("primary", "e1")),
    "tokens": (lambda: None, lambda _: script.get_oauth_token()),
    "executions": (lambda: None, lambda _: script.processes.list()),
    "the log": (lambda: None, lambda _: script.log("still here")),
    "what is set aside": (lambda: None, lambda _: script.set_aside("e1", ValueError())),
    "who runs": (lambda: None, lambda _: script.current_user()),
}


class TestLength:
    """What one run may take."""

    @pytest.mark.parametrize("service", sorted(SERVICES))
    def test_no_service_after_its_time(self, service: str) -> None:
        """Whichever it calls, it is refused with Apps Script's text, and nothing is done."""
        counting = _Counting()
        desk, (prepare, use) = Desk(PROFILE, counting.over), SERVICES[service]
        refused: list[str] = []

        def step() -> None:
            prepared = prepare()
            desk.pass_by(LENGTH + 1)
            counting.commits = 0
            with pytest.raises(script.RunTooLong) as error:
                use(prepared)
            refused.extend([str(error.value), str(counting.commits)])

        ran = desk.run(step)

        assert refused == [TOO_LONG, "0"]
        assert (ran.outcome, str(ran.error)) == (Outcome.TIMED_OUT, TOO_LONG)

    @pytest.mark.parametrize("service", sorted(SERVICES))
    def test_every_service_within_its_time(self, service: str) -> None:
        """To the last second."""
        desk, (prepare, use) = Desk(PROFILE), SERVICES[service]

        def step() -> None:
            prepared = prepare()
            desk.pass_by(LENGTH)
            use(prepared)

        assert desk.run(step).error is None

    @pytest.mark.parametrize(
        ("seconds", "limits", "outcome"),
        [
            (LENGTH, PROFILE, Outcome.COMPLETED),
            (LENGTH + 0.001, PROFILE, Outcome.TIMED_OUT),
            (10 * LENGTH, script.Limits.none(), Outcome.COMPLETED),
            (LENGTH, script.Limits.apps_script(), Outcome.COMPLETED),
            (LENGTH + 1, script.Limits.apps_script(workspace=True), Outcome.TIMED_OUT),
        ],
    )
    def test_a_handler_that_calls_nothing(self, seconds: float, limits: script.Limits, outcome: Outcome) -> None:
        """It goes on to its end, and has timed out all the same; without the profile it may take what it likes."""
        desk = Desk(limits)
        ran = desk.run(lambda: desk.pass_by(seconds))

        assert (ran.outcome, ran.accepted) == (outcome, outcome is Outcome.COMPLETED)
        assert desk.executions() == [(str(outcome), None if ran.accepted else TOO_LONG)]

    @pytest.mark.parametrize("error", [RuntimeError, script.AuthorizationRequired])
    def test_what_it_raises_then_is_of_no_account(self, error: type[Exception]) -> None:
        """Apps Script would have ended it before."""
        desk = Desk(PROFILE)

        def step() -> None:
            script.set_aside("e1", ValueError())
            desk.pass_by(LENGTH + 1)
            raise RuntimeError if error is RuntimeError else script.AuthorizationRequired("x", ["y"])

        ran = desk.run(step)

        assert (ran.outcome, ran.aside) == (Outcome.TIMED_OUT, None)

    def test_while_it_waits_for_a_lock(self) -> None:
        """It is not given the lock after its time, nor does it wait any longer."""
        desk = Desk(PROFILE)
        with script.running(desk.script, user=BOB):
            assert script.get_script_lock().try_lock(0)
        refused: list[bool] = []

        def step() -> None:
            with pytest.raises(script.RunTooLong):
                script.get_script_lock().try_lock(timedelta(seconds=LENGTH + 100))
            refused.append(True)

        began = desk.clock.now()
        assert desk.run(step).outcome is Outcome.TIMED_OUT
        assert refused == [True]
        assert timedelta(seconds=LENGTH) < desk.clock.now() - began < timedelta(seconds=LENGTH + 2)

    def test_what_it_held_is_let_go(self) -> None:
        """A lock ends with its run, also with one that has timed out."""
        desk = Desk(PROFILE)

        def step() -> None:
            with script.get_script_lock():
                desk.pass_by(LENGTH + 1)

        desk.run(step)

        with script.running(desk.script, user=BOB):
            assert script.get_script_lock().try_lock(0)

    def test_a_lock_that_it_gets_too_late_is_let_go(self) -> None:
        """Its time is over while the lock is being written: nobody has to wait for the lease's end."""
        desk = Desk(PROFILE)
        store = Meanwhile(desk.store, "commit", lambda: desk.pass_by(2))
        desk.script = replace(desk.script, ground=replace(desk.ground, store=store))

        def step() -> None:
            desk.pass_by(LENGTH - 1)
            script.get_script_lock().try_lock(0)

        assert desk.run(step).outcome is Outcome.TIMED_OUT
        with script.running(desk.script, user=BOB):
            assert script.get_script_lock().try_lock(0)

    @pytest.mark.parametrize("kind", ["insert", "patch", "remove"])
    def test_a_write_that_ends_after_its_time(self, kind: str) -> None:
        """It was done, and so it is known for the script's own, though no other service is to be had."""
        desk, noted = Desk(PROFILE), list[str]()
        body = {"start": {"date": "2026-11-24"}, "end": {"date": "2026-11-25"}, "summary": "Lunch"}
        with script.running(desk.script, user=ALICE):
            made = str(script.Calendar.events.insert(body, "primary")["id"])
        api = Meanwhile(desk.api, "call", lambda: desk.pass_by(LENGTH + 1))
        desk.script = replace(desk.script, api=api)

        def note(project: object, user: str, calendar_id: str, event: Mapping[str, Any], fields: object) -> None:
            assert project is desk.script
            assert fields
            noted.append(f"{user} {calendar_id} {event['id']}")

        events = Events(note, before_move)
        steps: dict[str, Step] = {
            "insert": lambda: events.insert({**body, "id": "f" * 8}, "primary"),
            "patch": lambda: events.patch({"summary": "Dinner"}, "primary", made),
            "remove": lambda: events.remove("primary", made),
        }

        assert desk.run(steps[kind]).outcome is Outcome.TIMED_OUT
        assert noted == [f"{ALICE} primary {'f' * 8 if kind == 'insert' else made}"]

    def test_the_next_run_has_its_own_time(self) -> None:
        """Nothing of a run's end reaches beyond it."""
        desk = Desk(PROFILE)
        desk.run(lambda: desk.pass_by(LENGTH + 1))

        assert desk.run(script.get_user_properties).accepted
        with script.running(desk.script, user=ALICE):
            desk.pass_by(LENGTH + 1)
            assert script.current_user() == ALICE

    def test_a_clocks_run_is_tried_as_any_that_failed(self) -> None:
        """A single fire is tried again; a repeated one has its next slot."""
        clocked = Clocked()
        clocked.script = clocked.project(handlers=clocked.script.handlers, limits=PROFILE)

        def take_long() -> None:
            clocked.clock.advance(timedelta(seconds=LENGTH + 1))

        clocked.during = take_long
        once, often = clocked.make(after=0), clocked.make(every_hours=1)
        clocked.minutes(15)
        failed = clocked.read(once)
        clocked.during = lambda: None
        clocked.minutes(90)
        ended = clocked.read(often)

        assert failed is not None
        assert failed.last_error == TOO_LONG
        assert clocked.read(once) is None
        assert ended is not None
        assert (ended.failures, ended.last_error) == (0, None)


def nested(desk: Desk, depth: int) -> list[Ran]:
    """So many runs, each begun while the ones before go on; the last one first."""
    ended: list[Ran] = []

    def begin(left: int) -> None:
        desk.steps.append(lambda: begin(left - 1) if left else None)
        ended.append(run(desk.script, desk.record(), None))

    begin(depth - 1)
    return ended


class TestSimultaneous:
    """How many runs go on at once."""

    @pytest.mark.parametrize("limits", [script.Limits(runs_of_user=3), script.Limits(runs_of_script=3)])
    def test_one_more_is_refused(self, limits: script.Limits) -> None:
        """With Apps Script's text, and without calling the handler; the others are none the worse."""
        desk = Desk(limits)
        ended = nested(desk, 4)

        assert [one.outcome for one in ended] == [Outcome.REFUSED, *3 * [Outcome.COMPLETED]]
        assert str(ended[0].error) == TOO_MANY
        assert desk.executions()[0] == ("refused", TOO_MANY)
        assert len(desk.steps) == 1

    def test_as_many_as_are_granted(self) -> None:
        """Thirty of a user's, by the profile."""
        assert [one.outcome for one in nested(Desk(script.Limits.apps_script()), 31)] == [
            Outcome.REFUSED,
            *30 * [Outcome.COMPLETED],
        ]

    @pytest.mark.parametrize(
        ("limits", "outcome"),
        [
            (script.Limits(runs_of_user=1), Outcome.COMPLETED),
            (script.Limits(runs_of_script=1), Outcome.REFUSED),
            (script.Limits(runs_of_user=1, runs_of_script=2), Outcome.COMPLETED),
            (script.Limits.none(), Outcome.COMPLETED),
        ],
    )
    def test_another_users(self, limits: script.Limits, outcome: Outcome) -> None:
        """They count for the script, not for the user."""
        desk, ended = Desk(limits), list[Ran]()

        def step() -> None:
            desk.steps.append(lambda: None)
            ended.append(run(desk.script, desk.record(BOB), None))

        desk.run(step)

        assert [one.outcome for one in ended] == [outcome]

    def test_other_scripts_do_not_count(self) -> None:
        """Each has its own room."""
        desk, ended = Desk(script.Limits(runs_of_user=1, runs_of_script=1)), list[Ran]()
        other = desk.project("other", handlers=desk.script.handlers, limits=desk.script.limits)

        def step() -> None:
            desk.steps.append(lambda: None)
            ended.append(run(other, desk.record(), None))

        desk.run(step)

        assert [one.outcome for one in ended] == [Outcome.COMPLETED]

    @pytest.mark.parametrize("error", [None, RuntimeError()])
    def test_what_has_ended_counts_no_more(self, error: Exception | None) -> None:
        """However it ended; nothing is left of it."""
        desk = Desk(script.Limits(runs_of_user=1))

        def step() -> None:
            if error:
                raise error

        for _ in range(3):
            assert desk.run(step).outcome is (Outcome.FAILED if error else Outcome.COMPLETED)
        assert desk.ground.store.query(simultaneous.COLLECTION) == []

    def test_a_run_that_died_counts_until_its_lease_ends(self) -> None:
        """Its room is lost for that long, and no longer."""
        desk = Desk(script.Limits(runs_of_user=1))

        class Dead(BaseException):
            """The process dies."""

        def die() -> None:
            raise Dead

        with pytest.raises(Dead):
            desk.run(die)
        desk.steps.clear()
        refused = desk.run(lambda: None).outcome
        desk.pass_by(desk.ground.policy.run)

        assert (refused, desk.run(lambda: None).outcome) == (Outcome.REFUSED, Outcome.COMPLETED)

    def test_two_that_begin_at_once(self) -> None:
        """Whoever is second to write looks again, and finds the room taken."""

        def another() -> None:
            simultaneous.enter(desk.script, ALICE, Execution("another"))

        desk = Desk(script.Limits(runs_of_user=1), lambda store: Meanwhile(store, "commit", another))

        assert desk.run(lambda: None).outcome is Outcome.REFUSED
        assert desk.waits != []

    @pytest.mark.parametrize("trouble", [Later, OutcomeUnknown])
    def test_a_count_that_cannot_be_made(self, trouble: type[Exception]) -> None:
        """The run has failed unstarted, and takes up no room, though its answer was lost."""
        desk = Desk(script.Limits(runs_of_user=1), lambda store: _Lossy(store, trouble))
        ran = desk.run(lambda: None)

        assert (ran.outcome, type(ran.error)) == (Outcome.FAILED, trouble)
        assert desk.run(lambda: None).accepted

    def test_nothing_is_counted_without_the_profile(self) -> None:
        """A run writes its record when it has ended, and nothing else."""
        counting = _Counting()
        desk, seen = Desk(script.Limits.none(), counting.over), list[int]()
        desk.run(lambda: seen.append(counting.commits))

        assert (seen, counting.commits) == ([0], 1)


class _Counting:
    """A store that counts what is written."""

    def __init__(self) -> None:
        self.commits = 0

    def over(self, store: Store) -> Any:
        """Over this store."""
        self._store = store
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, *writes: Any) -> Any:
        """As the store."""
        self.commits += 1
        return self._store.commit(*writes)


class _Lossy:
    """A store whose first write of a count does not come about, or is not answered."""

    def __init__(self, store: Store, trouble: type[Exception]) -> None:
        self._store, self._trouble, self._left = store, trouble, 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, *writes: Any) -> Any:
        """As the store, but for the first count."""
        if self._left and writes[0].key.startswith(simultaneous.COLLECTION):
            self._left = 0
            if self._trouble is OutcomeUnknown:
                self._store.commit(*writes)
            raise self._trouble("the store")
        return self._store.commit(*writes)
