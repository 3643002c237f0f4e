"""A worker overtaken while its call to the provider was on the way: what it did late is found and set right."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import pytest

from conference.errors import Later, OutcomeUnknown
from conference.meeting import Meeting
from conference.providers.protocol import Written
from functions import ledger, reconcile, work
from functions.ports import Task
from functions.reconcile import Claim
from tests.instead import Instead
from tests.world import World

pytestmark = pytest.mark.usefixtures("feed")


class Late:
    """A provider whose first call of `method` is held up until another worker has done its part, and then gets through.

    The version that the caller knew is no protection here: not every vendor heeds one.
    """

    def __init__(self, provider: Any, method: str, meanwhile: Callable[[], None]) -> None:
        self._provider, self._method, self._meanwhile = provider, method, [meanwhile]

    def __getattr__(self, name: str) -> Any:
        return self._held_up if name == self._method and self._meanwhile else getattr(self._provider, name)

    def _held_up(self, ref: Any, *arguments: Any, **named: Any) -> Any:
        self._meanwhile.pop()()
        if "base" in named:
            named["base"] = self._provider.get(ref)
        return getattr(self._provider, self._method)(ref, *arguments, **named)


def seize(world: World) -> None:
    """Another worker takes the row, sees the event as it is now, and works it off."""
    (document,) = world.store.query(ledger.COLLECTION)
    work.remark(world.ground, document.key, refresh=True)
    (document,) = world.store.query(ledger.COLLECTION)
    reconcile.work(world.ground, document, Claim.SEIZE)


def test_an_update_that_comes_too_late_is_overwritten_again(world: World) -> None:
    """The meeting shows what the event says now, though the older words arrived last."""
    made = world.insert(summary="First")
    world.settle()
    world.vendor_control("webhooks", silent=True)

    def meanwhile() -> None:
        world.google_control("push", silent=True)
        world.patch(made["id"], summary="Third")
        seize(world)

    world.change_ground(providers={"http": Late(world.provider, "update", meanwhile)})
    world.patch(made["id"], summary="Second")
    world.settle(timedelta(seconds=2))
    late = [meeting["title"] for meeting in world.meetings()]
    world.settle()

    assert [meeting["title"] for meeting in world.meetings()] == ["Third"]
    assert late in (["Second"], ["Third"])
    assert not world.rows()[0].pending


class Blind:
    """A provider that numbers no versions, heeds none, and does not show all that it holds."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self.capabilities = dataclasses.replace(provider.capabilities, conditional_writes=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    def expected_digest(self, spec: Any) -> None:
        """It cannot be told."""

    def get(self, ref: Any) -> Meeting:
        """What little it shows."""
        return _blurred(self._provider.get(ref))

    def create(self, spec: Any, *, key: str) -> Written:
        """Make it."""
        written: Written = self._provider.create(spec, key=key)
        return dataclasses.replace(written, meeting=_blurred(written.meeting))

    def update(self, ref: Any, spec: Any, *, key: str, base: Meeting | None = None) -> Written:  # noqa: ARG002 - not heeded
        """Whatever its version is by now."""
        written: Written = self._provider.update(ref, spec, key=key, base=self._provider.get(ref))
        return dataclasses.replace(written, meeting=_blurred(written.meeting))


def _blurred(meeting: Meeting) -> Meeting:
    return msgspec.structs.replace(meeting, version=None, digest=None)


def test_an_update_that_comes_too_late_is_overwritten_unseen(world: World) -> None:
    """Of a vendor that shows neither versions nor what it holds, nobody could see that older words arrived last."""
    world.vendor_control("webhooks", silent=True)
    world.change_ground(providers={"http": Blind(world.provider)})
    made = world.insert(description="First")
    world.settle()

    def meanwhile() -> None:
        world.google_control("push", silent=True)
        world.patch(made["id"], description="Third")
        seize(world)

    world.change_ground(providers={"http": Late(Blind(world.provider), "update", meanwhile)})
    world.patch(made["id"], description="Second")
    world.settle()

    assert [meeting["agenda"] for meeting in world.meetings()] == ["Third"]
    assert not world.rows()[0].pending


def test_an_update_that_is_done_after_the_next_one(world: World) -> None:
    """It was not answered; as long as it may still be done, the last word is not the last: it is said once more."""
    world.vendor_control("webhooks", silent=True)
    blind = Blind(world.provider)
    world.change_ground(providers={"http": blind})
    made = world.insert(description="First")
    world.settle()
    belated: list[Callable[[], object]] = []

    def update(*arguments: Any, **named: Any) -> Written:
        if not belated:
            belated.append(partial(blind.update, *arguments, **named))
            raise OutcomeUnknown("no answer came")
        return blind.update(*arguments, **named)

    world.change_ground(providers={"http": Instead(blind, update=update)})
    world.patch(made["id"], description="Second")
    world.settle(timedelta(seconds=1))
    world.patch(made["id"], description="Third")
    world.settle(timedelta(minutes=1))
    at_first = [meeting["agenda"] for meeting in world.meetings()]
    belated[0]()
    world.settle(timedelta(minutes=5))

    assert at_first == ["Third"]
    assert [meeting["agenda"] for meeting in world.meetings()] == ["Third"]
    assert not world.rows()[0].pending


def test_an_update_without_an_answer_is_remembered_though_the_queue_is_away(world: World) -> None:
    """Nobody can be asked to say it once more later; whoever tries again says it, whatever was agreed before."""
    blind = Blind(world.provider)
    world.change_ground(providers={"http": blind})
    made = world.insert(description="First")
    world.settle()

    def update(*_arguments: Any, **_named: Any) -> Written:
        raise OutcomeUnknown("no answer came")

    def add(task: Task, **named: Any) -> bool:
        if "resend" in task.body:
            raise Later("the queue is away")
        return calm.add(task, **named)

    calm = world.ground.queue
    world.change_ground(providers={"http": Instead(blind, update=update)}, queue=Instead(calm, add=add))
    world.patch(made["id"], description="Second")
    world.settle(timedelta(seconds=1))
    (row,) = world.rows()

    assert row.pending
    assert (row.verify, row.resend) == (True, True)


def test_a_vendor_that_never_answers_is_tried_ever_more_seldom(world: World) -> None:
    """That each try is told anew later, in case it is done late, multiplies nothing, and begins nothing anew."""
    blind = Blind(world.provider)
    world.change_ground(providers={"http": blind})
    made = world.insert(description="First")
    world.settle()
    tries: list[float] = []

    def update(*_arguments: Any, **_named: Any) -> Written:
        tries.append(world.ground.now())
        raise OutcomeUnknown("no answer came")

    world.change_ground(providers={"http": Instead(blind, update=update)})
    world.patch(made["id"], description="Second")
    world.settle(timedelta(hours=1))
    (row,) = world.rows()

    assert 5 < len(tries) < 30
    assert row.attempts == len(tries)


def test_a_deletion_that_comes_too_late_is_made_good(world: World) -> None:
    """The event is wanted again and had kept its meeting: when that vanishes all the same, it gets another one."""
    made = world.insert()
    world.settle()
    world.vendor_control("webhooks", silent=True)
    (first,) = world.meetings()
    whole = world.event(made["id"])

    def meanwhile() -> None:
        world.google_control("push", silent=True)
        world.patch(made["id"], status="confirmed", conferenceData=whole["conferenceData"])
        seize(world)

    world.change_ground(providers={"http": Late(world.provider, "delete", meanwhile)})
    world.cancel(made["id"])
    world.settle()

    (meeting,) = world.meetings()
    assert meeting["id"] != first["id"]
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == meeting["id"]
    assert not world.rows()[0].pending
