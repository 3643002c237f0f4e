"""Many changes at once: made together, changed in a burst, and cut short by a kill -9 in the middle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from infra.local.demo.step import Shown, Step, Stopwatch
from infra.local.demo.world import Json, Unkept, World, asking, expect, when
from infra.settings import Settings

MANY = 50
SLOW = 250
"""Milliseconds that each change takes the provider, so that a run lasts long enough to be killed in its middle."""


def crowd(world: World) -> Shown:
    """Fifty events at once get fifty meetings."""
    for number in range(MANY):
        world.events[f"crowd {number}"] = world.person.insert(asking(f"Crowd {number}", world.at(12, 8, number)))["id"]
    since = Stopwatch()
    world.until("each event gets its meeting", lambda: _all_joined(world))
    ms = since.ms
    expect("different meetings", len(set(world.meetings.values())), MANY)
    expect("meetings", len([m for m in world.vendor.meetings() if m["title"].startswith("Crowd ")]), MANY)
    return Shown(f"{MANY} events created at once", f"{MANY} meetings, each linked", ms)


def burst(world: World) -> Shown:
    """A hundred notices within a second cost one look at the calendar."""
    default = Settings().burst
    world.stack.stop_functions()
    world.stack.start_functions(burst=default)
    world.settle()
    world.count_from_here()
    writing = Stopwatch()
    for turn in ("once", "twice"):
        for number in range(MANY):
            world.person.patch(world.events[f"crowd {number}"], summary=f"Crowd {number}, {turn}")
    seconds = writing.ms / 1000
    since = Stopwatch()
    world.until("every title is right", lambda: _all(world, lambda n, m: m["title"] == f"Crowd {n}, twice"))
    ms = since.ms
    world.settle()
    cost = world.spent()
    # A look for each burst that has begun. On a slow machine notices come late: each look waits for one, and then for
    # the burst's length.
    if cost.lists > max(1 + int(seconds / default), int(writing.ms / 1000 / default)):
        raise Unkept(f"{cost.lists} looks at the calendar for changes made within {seconds:.1f} s")
    expect("reads of single events", cost.gets, 0)
    return Shown(f"{2 * MANY} changes within {seconds:.1f} s", f"{MANY} meetings right, after {cost.lists} look(s)", ms)


def killed(world: World) -> Shown:
    """The functions are killed in the middle of a run; started again, they finish it."""
    starts = {number: world.at(13, 9, number) for number in range(MANY)}
    world.vendor.fail(method="PUT", times=MANY, delay_ms=SLOW)
    for number, start in starts.items():
        world.person.patch(world.events[f"crowd {number}"], start=when(start), end=when(start.replace(hour=10)))
    world.until("the run is in its middle", lambda: len(_puts(world)) >= MANY // 5)
    world.stack.kill("functions")
    done = len(_puts(world))
    if done >= MANY:
        raise Unkept("the run was over before it could be killed")
    world.stack.start_functions()
    since = Stopwatch()
    wanted = {number: start.timestamp() for number, start in starts.items()}
    world.until("every meeting is right", lambda: _all(world, lambda n, m: _begins(m) == wanted[n]))
    return Shown(f"{MANY} moved; functions killed (-9) after {done}", f"restarted: all {MANY} right", since.ms)


def _all_joined(world: World) -> bool:
    """True once each event of the crowd carries the link of its meeting."""
    for number in range(MANY):
        event = world.events[f"crowd {number}"]
        meeting = world.meetings.get(event) or (world.joined(event) or {}).get("id")
        if meeting is None:
            return False
        world.meetings[event] = meeting
    return True


def _all(world: World, right: Callable[[int, Json], bool]) -> bool:
    """True if the meeting of each event of the crowd is there and right."""
    told = {meeting["id"]: meeting for meeting in world.vendor.meetings()}
    crowd = [told.get(world.meetings[world.events[f"crowd {number}"]]) for number in range(MANY)]
    return all(meeting is not None and right(number, meeting) for number, meeting in enumerate(crowd))


def _begins(meeting: Json) -> float:
    return datetime.fromisoformat(meeting["start"]).timestamp()


def _puts(world: World) -> list[Json]:
    return [entry for entry in world.vendor.log() if entry["method"] == "PUT"]


STEPS = (
    Step("crowd", "fifty at once", crowd),
    Step("burst", "a burst costs one look", burst),
    Step("killed", "a crash in the middle loses nothing", killed),
)
