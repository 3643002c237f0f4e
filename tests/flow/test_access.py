"""Access to a calendar lost and regained, and calendars that may not be watched any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions import channel
from functions.initialise import initialise
from tests.world import ALICE, World

TEAM = "team@example.com"

# ---- access lost and regained -----------------------------------------------------------------------------


def shared_calendar(world: World) -> str:
    """Bob's calendar, which our user may write; connected. The feed's id."""
    world.google_control(
        "calendars", id=TEAM, owner="bob@example.com", timeZone="Europe/Zurich", roles={ALICE: "writer"}
    )
    return world.connect(TEAM)


def test_access_taken_away_and_given_back(world: World) -> None:
    """While it is away nothing is deleted and nothing asked; connected again, all that happened is made good."""
    connected = shared_calendar(world)
    renamed, cancelled = world.insert(TEAM, summary="One"), world.insert(TEAM, summary="Two")
    world.settle()
    owner = world.client("bob@example.com")
    owner.acl().delete(calendarId=TEAM, ruleId=f"user:{ALICE}").execute()
    owner.events().patch(calendarId=TEAM, eventId=renamed["id"], body={"summary": "One renamed"}).execute()
    owner.events().delete(calendarId=TEAM, eventId=cancelled["id"]).execute()
    for _ in range(5):
        world.clock.advance(timedelta(minutes=16))
        world.tick()
        world.settle()
    stopped, kept = world.feed(connected), len(world.meetings())
    world.calls()
    world.clock.advance(timedelta(hours=30))
    for _ in range(10):
        world.clock.advance(timedelta(minutes=2))
        world.tick()
        world.settle()
    quiet = world.calls()
    rule = {"scope": {"type": "user", "value": ALICE}, "role": "writer"}
    owner.acl().insert(calendarId=TEAM, body=rule).execute()
    initialise(world.ground, ALICE, TEAM)
    world.settle()

    assert (stopped.stopped, kept) == (True, 2)
    assert quiet["GET events"] == 0
    assert quiet["POST event"] == 0
    assert quiet["POST events"] <= 1  # the old channel is closed
    assert [meeting["title"] for meeting in world.meetings()] == ["One renamed"]
    assert not world.feed(connected).stopped


@pytest.mark.parametrize(("status", "reason"), [(404, "notFound"), (403, "forbidden"), (403, "requiredAccessLevel")])
@pytest.mark.parametrize("token_lives", [True, False])
def test_lists_that_are_refused_for_long_stop_the_feed_until_it_is_connected_again(
    world: World, feed: str, status: int, reason: str, token_lives: bool
) -> None:
    """Whatever the refusal is called, the meetings live on, and connecting again catches up."""
    made = world.insert()
    world.settle()
    world.google_control("faults", method="GET", path="/events$", forever=True, status=status, reason=reason)
    world.patch(made["id"], summary="Meanwhile")
    world.settle(timedelta(hours=1))
    stopped, meetings = world.feed(feed), len(world.meetings())
    world.google.faults.clear()
    if not token_lives:
        world.google_control("expire-tokens", calendarId=ALICE)
    initialise(world.ground, ALICE, "primary")
    world.settle()

    assert (stopped.stopped, meetings) == (True, 1)
    assert stopped.trouble
    assert [meeting["title"] for meeting in world.meetings()] == ["Meanwhile"]
    assert (world.feed(feed).stopped, world.feed(feed).trouble) == (False, None)


def test_one_404_for_the_whole_calendar_is_no_end(world: World, feed: str) -> None:
    """Google advises to ask again: a calendar is lost when it stays away, not when one answer says so."""
    made = world.insert()
    world.settle()
    world.google_control("faults", method="GET", path="/events$", times=2, status=404, reason="notFound")
    world.patch(made["id"], summary="Meanwhile")
    world.settle()

    assert not world.feed(feed).stopped
    assert [meeting["title"] for meeting in world.meetings()] == ["Meanwhile"]


@pytest.mark.parametrize(
    "refusal", [("pushNotSupportedForRequestedResource", 400), ("push.webhookUrlUnauthorized", 401)]
)
def test_a_channel_that_may_not_be_renewed_costs_no_run_a_minute(
    world: World, feed: str, refusal: tuple[str, int]
) -> None:
    """Refused a new channel, the feed is polled; the old one's record does not ask for a run at each tick."""
    reason, status = refusal
    made = world.insert()
    world.settle()
    world.google_control("faults", method="POST", path="/watch$", forever=True, status=status, reason=reason)
    world.clock.advance(timedelta(hours=50))
    world.tick()
    world.settle()
    world.calls()
    for _ in range(60):
        world.clock.advance(timedelta(minutes=1))
        world.tick()
        world.settle(timedelta(seconds=10))
    calls = world.calls()
    world.patch(made["id"], summary="Renamed")
    world.clock.advance(timedelta(minutes=16))
    world.tick()
    world.settle()

    assert calls["GET events"] <= 7
    assert calls["POST event"] <= 1
    assert calls["POST events"] <= 1
    assert [meeting["title"] for meeting in world.meetings()] == ["Renamed"]
    assert world.store.query(channel.COLLECTION) == []
    assert not world.feed(feed).stopped


def test_who_is_refused_a_channel_has_the_one_closed_that_another_has_just_opened(world: World, feed: str) -> None:
    """Its feed is polled, and names it no more: nobody would close it before its time."""
    world.google_control(
        "faults", method="POST", path="/watch$", times=1, status=400, reason="pushNotSupportedForRequestedResource"
    )
    channel.open_channel(world.ground, feed)
    left = world.feed(feed)
    world.tick()

    assert (left.channel, left.push) == (None, False)
    assert world.store.query(channel.COLLECTION) == []


def test_a_calendar_that_could_not_be_watched_is_asked_again_once_a_day(world: World) -> None:
    """Refused for three days it costs one call a day; then the first sweep brings the channel back."""
    world.google_control(
        "faults", method="POST", path="/watch$", forever=True, status=401, reason="push.webhookUrlUnauthorized"
    )
    connected = world.connect()
    world.calls()
    for _ in range(3 * 24):
        world.clock.advance(timedelta(hours=1))
        world.tick()
        world.settle(timedelta(minutes=1))
    watches = world.calls()["POST event"]
    world.google.faults.clear()
    for _ in range(26):
        world.clock.advance(timedelta(hours=1))
        world.tick()
        world.settle(timedelta(minutes=1))
    made = world.insert()
    world.settle(timedelta(seconds=10))

    assert 2 <= watches <= 4
    assert world.feed(connected).channel
    assert world.event(made["id"])["conferenceData"]["conferenceId"] == world.meetings()[0]["id"]
