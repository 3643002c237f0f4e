"""Full passes over a calendar that a script follows: what they do not show is looked up before anything is told."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions import script
from functions.ports import Delete, Page, Put
from functions.script import snapshot
from tests.flow.moments import raise_fence
from tests.flow.scripted import OnWrite, ScriptWorld
from tests.instead import Instead
from tests.world import ALICE


@pytest.fixture
def world() -> Iterator[ScriptWorld]:
    """A world whose script follows Alice's calendar."""
    with contextlib.closing(ScriptWorld()) as made:
        made.follow()
        yield made


def plain(world: ScriptWorld, summary: str) -> str:
    """An event without a conference, of which the script has heard."""
    event = str(world.insert(summary=summary, conferenceData=None)["id"])
    world.settle()
    world.told.clear()
    return event


def hide(world: ScriptWorld, *events: str) -> None:
    """The calendar's lists show these no more."""
    calm = world.ground.calendar

    def changes(*arguments: Any, **named: Any) -> Page:
        page = calm.changes(*arguments, **named)
        shown = [each for each in zip(page.items, page.whole, strict=True) if getattr(each[0], "id", "") not in events]
        items, whole = zip(*shown, strict=True) if shown else ((), ())
        return dataclasses.replace(page, items=tuple(items), whole=tuple(whole))

    world.change_ground(calendar=Instead(calm, changes=changes))


def drop_token(world: ScriptWorld) -> None:
    """The next run has to begin anew, and does."""
    world.google_control("expire-tokens", calendarId=ALICE)
    world.clock.advance(timedelta(minutes=16))
    world.tick()
    world.settle(timedelta(seconds=20))


@pytest.mark.parametrize(
    ("status", "reason", "told", "noted"),
    [
        (None, "", [], 0),
        (404, "notFound", [("cancelled", "Hidden")], 0),
        (410, "deleted", [("cancelled", "Hidden")], 0),
        (403, "forbiddenForNonOrganizer", [], 1),
    ],
    ids=["as it was", "gone", "deleted", "refused"],
)
def test_what_is_not_shown(
    world: ScriptWorld, status: int | None, reason: str, told: list[tuple[str, str]], noted: int
) -> None:
    """It is told as cancelled only if it is; who may not be read is noted, and nothing is made up about it."""
    hidden, other = plain(world, "Hidden"), plain(world, "Shown")
    hide(world, hidden)
    if status is not None:
        world.google_control("faults", method="GET", path=f"/events/{hidden}", times=1, status=status, reason=reason)
    drop_token(world)
    first = world.kinds()
    world.patch(other, location="Room 5")
    world.settle()

    assert first == told
    assert world.kinds() == [*told, ("updated", "Shown")]
    assert [one.data["event"] for one in world.store.query("dead")] == noted * [hidden]


def test_what_is_not_shown_and_has_changed(world: ScriptWorld) -> None:
    """It is told as what it is."""
    hidden = plain(world, "Hidden")
    world.google_control("push", silent=True)
    world.patch(hidden, summary="Renamed")
    hide(world, hidden)
    drop_token(world)

    assert world.kinds() == [("updated", "Renamed")]
    assert [event.full_sync for _, event in world.told] == [True]


def test_a_past_event_changes_between_the_two_lists_of_a_sweep(world: ScriptWorld) -> None:
    """The list of everything does not show it, so the token from before tells of it."""
    past = plain(world, "Past")
    world.clock.advance(timedelta(days=30))
    world.google_control("push", silent=True)
    calm, renamed = world.ground.calendar, list[str]()

    def changes(*arguments: Any, token: str | None, **named: Any) -> Page:
        if token is None and not renamed:
            renamed.append(world.patch(past, summary="Renamed")["id"])
        return calm.changes(*arguments, token=token, **named)

    world.change_ground(calendar=Instead(calm, changes=changes))
    for _ in range(2):
        world.tick()
        world.settle()
        world.clock.advance(timedelta(days=1, minutes=1))

    assert renamed == [past]
    assert world.kinds() == [("updated", "Renamed")]


def test_an_occurrence_cancelled_while_the_token_was_lost(world: ScriptWorld) -> None:
    """It is told, once: a calendar's lists show it for as long as its series lives, however long that is."""
    series = world.insert(summary="Daily", recurrence=["RRULE:FREQ=DAILY"], conferenceData=None)
    world.settle()
    world.told.clear()
    world.google_control("push", silent=True)
    second = world.user.events().instances(calendarId="primary", eventId=series["id"]).execute()["items"][100]
    world.cancel(second["id"])
    drop_token(world)
    first = [one.id for one in world.changes()]
    (kept,) = [one for one in world.store.query(snapshot.COLLECTION) if one.data["event"] == second["id"]]
    drop_token(world)

    assert (first, [one.id for one in world.changes()]) == ([second["id"]], [second["id"]])
    assert "expire_at" not in kept.data


def test_an_occurrence_cancelled_before_the_first_look() -> None:
    """It is told with its series, since both came to be after the trigger was made."""
    with contextlib.closing(ScriptWorld()) as world:
        with world.scripting(ALICE):
            script.new_trigger("changed").for_user_calendar("primary").on_event_updated().create()
        world.clock.advance(timedelta(seconds=2))
        series = world.insert(summary="Daily", recurrence=["RRULE:FREQ=DAILY;COUNT=9"], conferenceData=None)
        second = world.user.events().instances(calendarId="primary", eventId=series["id"]).execute()["items"][1]
        world.cancel(second["id"])
        world.settle()

        assert {one.id: str(one.kind) for one in world.changes()} == {
            series["id"]: "created",
            second["id"]: "cancelled",
        }


def test_a_tombstone_that_is_not_shown_is_let_go(world: ScriptWorld) -> None:
    """It is forgotten in time once its day is over, and what lives is not."""
    gone, other = plain(world, "Gone"), plain(world, "Shown")
    world.cancel(gone)
    world.settle()
    drop_token(world)
    assert all("expire_at" not in one.data for one in world.store.query(snapshot.COLLECTION))
    world.clock.advance(timedelta(days=30))
    drop_token(world)
    ends = {one.data["event"]: one.data.get("expire_at", 0.0) for one in world.store.query(snapshot.COLLECTION)}

    assert not ends[other]
    assert ends[gone] > world.ground.now() + world.ground.policy.row_record - 3600


def test_a_look_that_is_not_answered(world: ScriptWorld) -> None:
    """The pass is made again: no token is kept before everybody was looked up."""
    hidden = plain(world, "Hidden")
    hide(world, hidden)
    world.google_control("faults", method="GET", path=f"/events/{hidden}", times=5, status=503)
    world.cancel(hidden)
    drop_token(world)
    before = world.kinds()
    world.settle(timedelta(hours=1))

    assert (before, world.kinds()) == ([], [("cancelled", "Hidden")])


def test_many_are_known(world: ScriptWorld) -> None:
    """More than one page of snapshots is gone through."""
    for number in range(205):
        world.insert(summary=f"{number}", conferenceData=None)
    world.settle()
    gone = [one.id for one in world.changes()][::40]
    world.told.clear()
    world.google_control("push", silent=True)
    for event in gone:
        world.cancel(event)
    hide(world, *gone)
    drop_token(world)

    assert sorted(one.id for one in world.changes()) == sorted(gone)
    assert {str(one.kind) for one in world.changes()} == {"cancelled"}


def test_a_pass_that_is_overtaken_notes_nothing(world: ScriptWorld) -> None:
    """The later run tells what this one has seen, once."""
    (feed,) = [document.key.partition("/")[2] for document in world.store.query("feeds")]

    def noted(write: Put | Delete) -> bool:
        return write.key.startswith(snapshot.COLLECTION)

    OnWrite(world, noted, lambda: raise_fence(world, feed))
    world.insert(summary="x", conferenceData=None)
    world.deliver()
    held = world.queue.waiting()[0]
    world.clock.set(held.at)
    world.work(held)
    seen = world.store.query(snapshot.COLLECTION)
    for _ in range(4):
        world.clock.advance(timedelta(minutes=5))
        world.tick()
        world.settle()

    assert seen == []
    assert world.kinds() == [("created", "x")]
