"""Something else happens at the very moment a conference is chosen: in the end it is one meeting, or none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta

import pytest

from infra.local.addon_host import NoConference
from tests.flow.addon.desk import PLANNED, Desk
from tests.meanwhile import Meanwhile
from tests.world import ALICE, asked

Act = Callable[[Desk, str], object]


def _saved(desk: Desk, event: str) -> None:
    """The author was so fast that the event is seen while Google still waits for our answer to a second call."""
    held = next((row.link for row in desk.world.rows() if row.link and row.link.meeting), None)
    if held is not None and held.meeting is not None:
        current = {**asked(), "conferenceId": held.meeting.ref.id}
        desk.host.save(ALICE, ALICE, event, current, **PLANNED)
        sync(desk)


def sync(desk: Desk) -> None:
    """Notices come and tasks run, whatever else is going on."""
    desk.world.settle(timedelta(seconds=20))


def _renamed(desk: Desk, event: str) -> None:
    """The event, which is there already, is renamed and that is followed."""
    desk.host.save(ALICE, ALICE, event, None, **{**PLANNED, "summary": "Renamed meanwhile"})
    sync(desk)


def _chosen(desk: Desk, event: str) -> None:
    """Google calls a second time."""
    with contextlib.suppress(NoConference):
        desk.conference(event)


def _ticked(desk: Desk, _: str) -> None:
    """The scheduler's minute comes."""
    desk.world.tick()
    sync(desk)


@pytest.mark.parametrize("act", [_chosen, _renamed, _ticked, _saved], ids=lambda act: act.__name__)
@pytest.mark.parametrize(
    ("port", "method"),
    [("store", "get"), ("store", "commit"), ("provider", "create")],
)
@pytest.mark.parametrize("unanswered", [False, True], ids=["answered", "unanswered"])
def test_something_happens_in_the_midst(desk: Desk, act: Act, port: str, method: str, unanswered: bool) -> None:
    """Whatever comes between two calls, and whichever answer is lost: chosen again and saved, it is one meeting."""
    desk.world.connect()
    desk.world.clock.advance(timedelta(hours=2))
    ground = desk.world.ground

    def meanwhile() -> None:
        desk.world.ground = ground
        act(desk, "event1")

    inner = ground.providers["http"] if port == "provider" else getattr(ground, port)
    between = Meanwhile(inner, method, meanwhile, unanswered=unanswered)
    ports = {"providers": {"http": between}} if port == "provider" else {port: between}
    desk.world.change_ground(**ports)
    with contextlib.suppress(NoConference):
        desk.conference("event1")
    desk.world.ground = ground
    desk.wait(timedelta(minutes=10))
    conference = desk.conference("event1")
    desk.save("event1", conference)
    desk.wait(timedelta(hours=3))

    assert [meeting["id"] for meeting in desk.world.meetings()] == [conference["conferenceId"]]
    assert desk.titles() == ["Planning"]
    assert [row.pending for row in desk.world.rows()] == [False]


def interrupted(desk: Desk, method: str, act: Callable[[], object]) -> None:
    """From now on, `act` happens before the provider's next call of this method."""
    ground = desk.world.ground

    def meanwhile() -> None:
        desk.world.ground = ground
        act()

    desk.world.change_ground(providers={"http": Meanwhile(ground.providers["http"], method, meanwhile)})


def test_chosen_while_its_meeting_is_being_deleted(desk: Desk) -> None:
    """The dying meeting is not given out: the user is told to try again, and then gets one that stays."""
    desk.world.connect()
    desk.save("event1", desk.conference("event1"))
    told: list[NoConference] = []

    def choose() -> None:
        with pytest.raises(NoConference) as refused:
            desk.conference("event1")
        told.append(refused.value)

    interrupted(desk, "delete", choose)
    desk.world.patch("event1", conferenceData=None)
    desk.world.settle()
    conference = desk.conference("event1")
    desk.save("event1", conference)

    assert [one.kind for one in told] == ["TEMPORARY"]
    assert [meeting["id"] for meeting in desk.world.meetings()] == [conference["conferenceId"]]


def test_deleted_in_the_midst(desk: Desk) -> None:
    """The event is deleted while its meeting is being made: the meeting goes at once, without waiting for a tick."""
    desk.world.connect()
    desk.save("event1", desk.conference("event1"))
    desk.world.patch("event1", conferenceData=None)
    desk.world.settle()

    def cancel() -> None:
        desk.world.cancel("event1")
        desk.world.settle(timedelta(seconds=10))

    interrupted(desk, "create", cancel)
    desk.conference("event1")
    desk.world.settle(timedelta(seconds=20))

    assert desk.titles() == []


def test_chosen_for_an_event_that_was_deleted_once(desk: Desk) -> None:
    """Restored unheard and opened again: that we saw it deleted does not take the new meeting away."""
    desk.world.connect()
    desk.save("event1", desk.conference("event1"))
    desk.world.cancel("event1")
    desk.world.settle()
    desk.world.google_control("push", drop_next=10)
    desk.world.patch("event1", status="confirmed", conferenceData=None)
    conference = desk.conference("event1")
    desk.world.vendor_control(f"meetings/{conference['conferenceId']}", title="Touched there")
    desk.world.settle()
    desk.save("event1", conference)
    desk.wait(timedelta(minutes=20))

    assert [meeting["id"] for meeting in desk.world.meetings()] == [conference["conferenceId"]]
    assert desk.titles() == ["Planning"]
