"""Guests answer, and are guests elsewhere: what the meeting needs to know of that, and what it costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.world import ALICE, World, event_body

GUESTS = [f"guest{number:03d}@example.com" for number in range(200)]


def answer(world: World, guest: str, event: str, status: str) -> None:
    """A guest answers an invitation on their own calendar."""
    body = {"attendees": [{"email": guest, "responseStatus": status}]}
    world.client(guest).events().patch(calendarId="primary", eventId=event, body=body).execute()


def invite(world: World, guests: list[str]) -> str:
    """An event of ours with these guests, its meeting made; its id."""
    made = world.insert(attendees=[{"email": guest} for guest in guests])
    world.settle()
    world.calls()
    event: str = made["id"]
    return event


def run_for(world: World, seconds: float) -> None:
    """Let time pass, and do what falls due in it."""
    until = world.clock.now() + timedelta(seconds=seconds)
    world.settle(timedelta(seconds=seconds))
    world.clock.set(max(until, world.clock.now()))


class Storm:
    """Guests of other systems answer: Calendar keeps no copies for them, and writes their answers into the event."""

    def __init__(self, world: World, event: str) -> None:
        self._world, self._event = world, world.event(event)

    def answer(self, number: int, status: str) -> None:
        """The guest of this number answers."""
        self._event["attendees"][number]["responseStatus"] = status
        self._event["etag"] = f'"9{number:06d}"'
        self._world.google_control("events", calendarId=ALICE, event=self._event)


def test_two_hundred_guests_who_accept_cost_a_few_lists_and_nothing_else(world: World, feed: str) -> None:
    """Five answers a second change nothing that the meeting holds: no provider call, no write, no look at the event."""
    event = invite(world, GUESTS)
    storm, began = Storm(world, event), world.clock.now()
    world.calls()
    for number in range(len(GUESTS)):
        storm.answer(number, "accepted")
        run_for(world, 0.2)
    world.settle()
    took = (world.clock.now() - began).total_seconds()
    calls = world.calls()

    assert {person["responseStatus"] for person in world.event(event)["attendees"]} == {"accepted"}
    assert set(calls) == {"GET events"}
    assert calls["GET events"] <= took / world.ground.policy.burst + 1
    assert not world.feed(feed).owed


def test_guests_who_decline_in_a_storm_leave_with_few_updates(world: World, feed: str) -> None:
    """Who declines is a guest of the meeting no more; all that fall into one run cost one update."""
    event = invite(world, GUESTS)
    storm = Storm(world, event)
    world.calls()
    for number in range(len(GUESTS)):
        storm.answer(number, "declined" if number % 10 == 0 else "tentative")
        run_for(world, 0.05)
    world.settle()
    calls = world.calls()

    (meeting,) = world.meetings()
    assert len(meeting["attendees"]) == 180
    assert set(calls) <= {"GET events", "PUT meetings"}
    assert calls["PUT meetings"] <= calls["GET events"] <= 12
    assert not world.feed(feed).owed


def test_who_declines_and_then_accepts_is_a_guest_again(world: World) -> None:
    """The meeting follows both answers."""
    world.connect()
    event = invite(world, ["bob@example.com", "carol@example.com"])
    people: list[list[str]] = []
    for status in ("declined", "accepted"):
        answer(world, "bob@example.com", event, status)
        world.settle()
        people.append([person["email"] for person in world.meetings()[0]["attendees"]])

    assert people == [["carol@example.com"], ["bob@example.com", "carol@example.com"]]


def test_our_own_user_answers_an_invitation_and_nothing_follows(world: World) -> None:
    """The event is somebody else's, also when it is declined, cancelled, or moved by its host."""
    world.connect()
    bob = world.client("bob@example.com").events()
    body = {**event_body(), "attendees": [{"email": ALICE}]}
    made = bob.insert(calendarId="primary", body=body, conferenceDataVersion=1).execute()
    world.settle()
    steps: list[dict[str, Any]] = [
        {"attendees": [{"email": ALICE, "responseStatus": "accepted"}]},
        {"attendees": [{"email": ALICE, "responseStatus": "declined"}]},
    ]
    for step in steps:
        world.patch(made["id"], **step)
        world.settle()
    bob.patch(calendarId="primary", eventId=made["id"], body={"summary": "Renamed"}).execute()
    world.settle()
    bob.delete(calendarId="primary", eventId=made["id"], sendUpdates="all").execute()
    world.settle()

    assert not any("meetings" in call for call in world.calls())
    assert world.rows() == []


def test_the_guests_own_feed_leaves_the_hosts_meeting_alone(world: World) -> None:
    """Host and guest are both connected: the copy on the guest's calendar makes, changes and deletes nothing."""
    world.connect()
    world.client("bob@example.com").events().list(calendarId="primary").execute()
    world.connect(user="bob@example.com")
    event = invite(world, ["bob@example.com"])
    (meeting,) = world.meetings()
    answer(world, "bob@example.com", event, "accepted")
    world.settle()
    world.client("bob@example.com").events().delete(calendarId="primary", eventId=event).execute()
    world.settle()

    assert [one["id"] for one in world.meetings()] == [meeting["id"]]
    assert [row.user for row in world.rows()] == [ALICE]
