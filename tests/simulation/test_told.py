"""The judge of triggers itself: silent where all was told and struck, and red for each way in which it was not."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.ports import Put
from tests.simulation.sight import Broken, Google
from tests.simulation.strikes import Strikes, Struck, Timed
from tests.simulation.told import Told
from tests.world import ALICE, World

Json = dict[str, Any]
TRIGGER = "8228497609478494001"
JUDGE = (
    "judge",
    "rest",
    "leftovers",
    "invariants",
    "thrift",
    "budget",
    "sight",
    "expected",
    "told",
    "strikes",
    "shadow",
)


@pytest.mark.parametrize("name", JUDGE)
def test_the_judge_imports_nothing_of_the_product(name: str) -> None:
    """What it compares with must not be wrong in the same way."""
    tree = ast.parse(Path(__file__).with_name(f"{name}.py").read_text())
    sources = [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    sources += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]

    assert [one for one in sources if one.split(".")[0] in {"conference", "functions", "main"}] == []


class Telling:
    """A calendar that a trigger follows, and what its handler is given."""

    def __init__(self) -> None:
        self.world = World()
        clock = self.world.clock
        self.told = Told(Google(self.world.google), self.world.store, clock, {}, lambda: False)
        self.told.follow(TRIGGER, ALICE, ALICE, own_writes=False)
        self.wait()

    def wait(self, seconds: float = 60) -> None:
        """Time goes on."""
        self.world.clock.advance(timedelta(seconds=seconds))

    def insert(self, summary: str = "Lunch") -> Json:
        """Somebody makes an event."""
        made = self.world.insert(summary=summary)
        self.told.acted()
        self.wait()
        return made

    def rename(self, event: Json) -> Json:
        """Somebody renames it."""
        self.world.patch(event["id"], summary="Dinner")
        self.told.acted()
        self.wait()
        return self.world.event(event["id"])

    def hand(self, *events: Json, user: str = ALICE, ended: bool = True, before: Json | None = None) -> None:
        """The handler runs."""
        run = self.told.hand(TRIGGER, user, ALICE, [(before, event) for event in events], lambda: False)
        self.wait(1)
        if ended:
            run.ended = self.world.clock.now().timestamp()
        self.wait()

    def lists(self, times: int = 2) -> None:
        """So many lists move the token."""
        for _ in range(times):
            self.told.token_moved(ALICE, ALICE)
            self.wait()

    def leave(self, event: Json, **state: object) -> None:
        """A delivery is left."""
        self.world.store.commit(Put("deliveries/1", {"trigger": TRIGGER, "event": event["id"], **state}, None))


@pytest.fixture
def telling() -> Iterator[Telling]:
    """One to which nothing has happened."""
    made = Telling()
    with contextlib.closing(made.world):
        yield made


def all_told(it: Telling) -> None:
    """Each change once, in turn."""
    event = it.insert()
    it.hand(event)
    it.lists()
    it.hand(it.rename(event), it.insert("Other"))


def refused_to_the_last(it: Telling) -> None:
    """The handler never copes with it."""
    event = it.insert()
    it.hand(event, ended=False)
    it.leave(event, parked="ValueError")


def put_back(it: Telling) -> None:
    """What is as it was need not be told."""
    event = it.insert()
    it.hand(event)
    it.rename(event)
    it.world.patch(event["id"], summary="Lunch")
    it.told.acted()


def put_back_with_its_meeting(it: Telling) -> None:
    """The meeting that was asked for, we have given."""
    event = it.insert()
    it.hand(event)
    it.told.gave(it.world.patch(event["id"], conferenceData={**event["conferenceData"], "conferenceId": "m1"}))
    it.rename(event)
    it.world.patch(event["id"], summary="Lunch")
    it.told.acted()


def given_by_others(it: Telling) -> None:
    """Somebody else's conference is news, the rest put back or not."""
    event = it.insert()
    it.hand(event)
    it.world.patch(event["id"], conferenceData={**event["conferenceData"], "conferenceId": "m1"})
    it.told.acted()


def refused_and_told_again(it: Telling) -> None:
    """A later change may come first then."""
    event = it.insert()
    it.lists()
    it.hand(event, ended=False)
    it.hand(it.insert("Other"))
    it.hand(event)


def told_with_what_we_wrote_since(it: Telling) -> None:
    """Our write moves an event behind what came before that write."""
    event = it.insert()
    it.lists()
    other = it.insert("Other")
    it.told.gave(it.world.patch(event["id"], conferenceData={**event["conferenceData"], "conferenceId": "m1"}))
    it.hand(other)
    it.hand(it.world.event(event["id"]))


@pytest.mark.parametrize(
    "story",
    [
        all_told,
        refused_to_the_last,
        put_back,
        put_back_with_its_meeting,
        refused_and_told_again,
        told_with_what_we_wrote_since,
    ],
)
def test_the_judge_says_nothing_where_all_is_right(telling: Telling, story: Callable[[Telling], None]) -> None:
    """Told, refused, or nothing to tell."""
    story(telling)
    telling.told.at_rest()
    telling.told.still()


def never_told(it: Telling) -> None:
    """Nobody is told at all."""
    it.insert()


def told_the_old(it: Telling) -> None:
    """The handler is not told of the newest."""
    event = it.insert()
    it.rename(event)
    it.hand(event)


def not_tried_again(it: Telling) -> None:
    """The handler failed, and that was all."""
    it.hand(it.insert(), ended=False)


def pending(it: Telling) -> None:
    """A delivery waits, and nobody comes."""
    event = it.insert()
    it.hand(event, ended=False)
    it.leave(event)


def given_up_without_a_try(it: Telling) -> None:
    """It was refused along with others only."""
    event = it.insert()
    other = it.insert("Other")
    it.hand(event, other, ended=False)
    it.hand(other)
    it.leave(event, parked="ValueError")


def backwards(it: Telling) -> None:
    """An older state after a newer one."""
    event = it.insert()
    it.hand(it.rename(event))
    it.hand(event)


def out_of_turn(it: Telling) -> None:
    """What happened two lists later is told before."""
    event = it.insert()
    it.lists()
    it.hand(it.insert("Other"))
    it.hand(event)


def two_at_once(it: Telling) -> None:
    """A second run begins in the middle of the first."""
    event = it.insert()
    it.hand(event)
    it.hand(event)
    first, second = it.told.handed
    second.began = first.began + 0.5


def as_somebody_else(it: Telling) -> None:
    """The handler runs as another user."""
    it.hand(it.insert(), user="bob@example.com")


def of_somebody_elses_copy(it: Telling) -> None:
    """It is told of an event as another user has it."""
    event = it.insert()
    it.hand({**event, "attendees": [{"email": "bob@example.com", "self": True}]})


def of_its_own_write(it: Telling) -> None:
    """Nothing but what the script wrote itself."""
    event = it.insert()
    it.hand(event)
    it.world.patch(event["id"], location="Room 5")
    now = it.world.event(event["id"])
    it.told.wrote(ALICE, ALICE, event, now, lambda: False, "location")
    it.wait()
    it.hand(now, before=event)


@pytest.mark.parametrize(
    ("story", "words"),
    [
        (never_told, "was never told of it"),
        (told_the_old, "was last told of confirmed"),
        (given_by_others, "was last told of confirmed"),
        (not_tried_again, "was never told of it"),
        (pending, "a delivery is pending at rest"),
        (given_up_without_a_try, "never refused it alone"),
        (backwards, "as it had been earlier"),
        (out_of_turn, "before"),
        (two_at_once, "while the run before went on"),
        (as_somebody_else, "ran as bob@example.com"),
        (of_somebody_elses_copy, "as ['bob@example.com'] has it"),
        (of_its_own_write, "the script's own write"),
    ],
)
def test_each_way_to_break_the_promise_is_seen(telling: Telling, story: Callable[[Telling], None], words: str) -> None:
    """Silence, delay, disorder, strangers, echoes."""
    story(telling)
    with pytest.raises(Broken) as caught:
        telling.told.at_rest()
    assert caught.value.oracle == "told"
    assert words in caught.value.what


def test_one_more_full_pass_tells_nothing(telling: Telling) -> None:
    """What is told again after all was at rest, was not at rest."""
    event = telling.insert()
    telling.hand(event)
    telling.told.at_rest()
    telling.hand(event)
    with pytest.raises(Broken, match="one more full pass"):
        telling.told.still()


# ---- clocks ---------------------------------------------------------------------------------

STEP = 1200.0


def struck(
    slot: float, missed: int = 0, *, began: float | None = None, sound: bool = True, dead: bool = False
) -> Struck:
    """A run for a slot, and for so many before it; steps from the creation."""
    at = 1000 * STEP + (began if began is not None else slot * STEP)
    return Struck(ALICE, (1000 + slot) * STEP, missed, at, lambda: sound, None if dead else at + 1)


def judged(
    *runs: Struck, once: float | None = None, until: float = 4.4, left: bool = False, lost: float | None = None
) -> str:
    """What the judge says of a trigger made shortly after a slot; empty if nothing."""
    made = 1000 * STEP + 60
    strikes = Strikes()
    strikes.follow(Timed(TRIGGER, ALICE, None if once else 20, once, made - 5, made))
    strikes.given_up += [] if lost is None else [(TRIGGER, (1000 + lost) * STEP)]
    for run in runs:
        strikes.run(TRIGGER, run)
    try:
        strikes.judge((1000 + until) * STEP, left={TRIGGER} if left else set())
    except Broken as broken:
        return broken.what
    return ""


def test_each_slot_is_run_for() -> None:
    """Alone or together, dead runs taken up, and whoever was struck excused."""
    four = [struck(slot) for slot in (1, 2, 3, 4)]
    assert judged(*four) == ""
    assert judged(four[0], struck(4, 2)) == ""
    assert judged(struck(1, dead=True), struck(2, 1), *four[2:]) == ""
    assert judged(struck(1, sound=False), struck(1, began=STEP + 30), *four[1:]) == ""
    assert judged(*four, struck(4, began=4.1 * STEP, sound=False)) == ""
    assert "nothing ran for slot" in judged(*four[:2], four[3])
    assert "nothing ran for slot" in judged(*four[:3])
    assert "nothing ran for slot" in judged(*four[:3], lost=3)
    assert "nothing ran for slot" in judged(*four[:2], four[3], lost=3)
    assert judged(*four[:3], lost=4) == ""
    assert "nothing ran for slot" in judged(struck(1, dead=True), *four[1:])
    assert "nothing ran for slot" in judged()
    assert "again" in judged(*four, struck(4, began=4.1 * STEP))
    assert "again" in judged(*four[:3], struck(4, 1))
    assert "at this minute" in judged(*four, struck(4.3))


def test_what_strikes_once_strikes_and_is_gone() -> None:
    """At its time, as its user, and no more."""
    due = (60 + 600) / STEP
    assert judged(struck(due), once=600) == ""
    assert judged(once=86400) == ""
    assert "has never fired" in judged(once=600)
    assert "is there still" in judged(struck(due), once=600, left=True)
    assert "it was asked for" in judged(struck(2), once=600)
    somebody = struck(due)
    somebody.user = "bob@example.com"
    assert "as somebody else" in judged(somebody, once=600)
