"""What the console shows of scripts: each trigger with the day's runs, and what failed, as the summary tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from conference.errors import Revoked
from functions import script
from functions.console.page import console
from functions.console.scripts import ScriptTrigger
from functions.console.state import State, collect
from functions.ports import Put
from functions.script.changes import EventUpdated
from functions.script.failures import summarise_due
from functions.script.processes import COLLECTION
from tests.flow.scripted import ScriptWorld
from tests.world import ALICE

BOB = "bob@example.com"


def change(world: ScriptWorld, *, by: str = ALICE, within: timedelta = timedelta(seconds=3)) -> None:
    """Somebody makes an event, and whatever follows shortly has happened."""
    world.insert(summary="Secret", conferenceData=None, by=by)
    world.settle(within)


def raising(error: Exception) -> Callable[[EventUpdated], None]:
    """A handler that fails so."""

    def handler(_: EventUpdated) -> None:
        raise error

    return handler


def shown(world: ScriptWorld) -> State:
    """The page's state."""
    return collect(world.ground)


def only(world: ScriptWorld) -> ScriptTrigger:
    """The one trigger on the page."""
    (one,) = shown(world).scripts
    return one


def test_without_a_script_there_is_nothing_to_show(world: ScriptWorld) -> None:
    """The built-in handler's triggers are the calendars themselves."""
    world.connect()

    assert shown(world).scripts == ()
    assert b'id="scripts"' not in page(world)


def test_runs_and_failures_of_each_trigger(world: ScriptWorld) -> None:
    """How many there were, what the failed ones failed with, and when the last was; each user's for itself."""
    for user in (ALICE, BOB):
        world.follow(user=user)
    change(world, by=BOB)
    world.fails = raising(RuntimeError())
    change(world)
    world.clock.advance(timedelta(seconds=10))
    world.settle(timedelta(seconds=30))
    state = shown(world)

    alice, bob = state.scripts
    assert (alice.user, alice.handler, alice.source, alice.status) == (ALICE, "changed", ALICE, "last run failed")
    assert (alice.runs, alice.failures, alice.well) == (4, 4, False)
    assert [(one.times, one.error.partition(",")[0]) for one in alice.causes] == [(4, "RuntimeError")]
    assert (bob.user, bob.status, bob.runs, bob.failures, bob.causes, bob.well) == (BOB, "active", 1, 0, (), True)
    assert (alice.last, bob.last.partition(" ")[2]) == ("just now", "s ago")
    assert state.script_runs == "5 runs, 4 failed"


def test_the_same_as_the_summary_tells(world: ScriptWorld) -> None:
    """Who looks at the page sees what the owner is sent."""
    told: list[script.Summary] = []
    world.handlers.on_summary(told.append)
    summarise_due(world.project)
    began = world.clock.now()
    world.follow()
    for error in (RuntimeError(), ValueError()):
        world.fails = raising(error)
        change(world)
    world.fails = lambda _: None
    one = only(world)
    world.clock.set(began + timedelta(days=1))
    summarise_due(world.project)

    (summary,) = told
    assert [(cause.times, cause.error) for cause in one.causes] == [(it.times, it.error) for it in summary.failures]
    assert one.failures == sum(it.times for it in summary.failures) >= 2


@pytest.mark.parametrize(
    ("what", "status", "well", "reason"),
    [
        ("disabled", "disabled", True, "on holiday"),
        ("revoked", "waits for consent", False, "the user"),
        ("unnamed", "failing", False, "Script function not found: changed"),
    ],
)
def test_why_a_trigger_does_not_run(world: ScriptWorld, what: str, status: str, well: bool, reason: str) -> None:
    """In a word, with the reason behind it."""
    trigger = world.follow()
    if what == "disabled":
        trigger.disable(reason)
    world.fails = raising(Revoked(reason))
    if what == "unnamed":
        world.change_project(handlers=script.Registry())
    change(world)
    one = only(world)

    assert (one.status, one.well, one.reason) == (status, well, reason)


def test_a_clock_trigger_says_when_it_strikes_next(world: ScriptWorld) -> None:
    """Unless it is switched off."""
    with world.scripting():
        daily = script.new_trigger("changed").time_based().every_hours(1).create()
    before = only(world)
    daily.disable()
    after = only(world)

    assert (before.source, before.runs, before.last, before.next) == ("clock", 0, "", "in 60 min")
    assert (after.next, after.next_exact) == ("", "")


def test_runs_of_a_trigger_that_is_gone(world: ScriptWorld) -> None:
    """A single fire that has run is gone with its trigger; the day's runs still tell of it."""
    with world.scripting():
        script.new_trigger("changed").time_based().after(1000).create()
    world.fails = lambda _: None
    world.settle()
    one = only(world)

    assert (one.handler, one.source, one.status, one.runs, one.failures) == ("changed", "clock", "gone", 1, 0)


def test_what_is_older_than_a_day_is_not_counted(world: ScriptWorld) -> None:
    """The trigger itself stays, with its last run."""
    world.follow()
    change(world)
    world.clock.advance(timedelta(days=1, seconds=1))
    one = only(world)

    assert (one.runs, one.last) == (0, "24 h ago")


def test_many(world: ScriptWorld) -> None:
    """Twenty-five are shown, those that do not fare well before all others; of one, three causes."""
    errors = [KeyError, ValueError, TypeError, RuntimeError, OSError]
    for number in range(30):
        world.handlers.handler(f"h{number}")(lambda _: None)
        world.follow(f"h{number}")
    world.follow()
    for error in errors:
        world.fails = raising(error())
        change(world, within=timedelta(seconds=1.5))
    state = shown(world)

    assert (len(state.scripts), state.more_scripts) == (25, 6)
    assert state.scripts[0].handler == "changed"
    assert len(state.scripts[0].causes) == 3
    assert state.scripts[0].more_causes == 2


def test_the_page_has_it(world: ScriptWorld) -> None:
    """In a table, with nothing of what events say."""
    world.follow()
    world.fails = raising(ValueError("Secret"))
    change(world)
    html = page(world).partition(b'id="scripts"')[2].partition(b"</section>")[0]

    assert b"Triggers of scripts" in html
    assert "1 \N{MULTIPLICATION SIGN} ValueError, test_console.py line ".encode() in html
    assert b"Secret" not in html


def test_a_record_that_cannot_be_read(world: ScriptWorld) -> None:
    """Fields that are missing or of another kind leave the rest to be shown."""
    now = world.ground.now()
    world.store.commit(Put(f"{COLLECTION}/x", {"newness": -now, "at": "soon", "error": 7}, None))
    one = only(world)

    assert (one.handler, one.status, one.runs, one.failures, one.last) == ("", "gone", 1, 1, "")


def page(world: ScriptWorld) -> bytes:
    """The page's HTML."""
    answer = console(world.ground).test_client().get("/", headers={"Host": "localhost"})
    assert answer.status_code == 200
    return bytes(answer.data)
