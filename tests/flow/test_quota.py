"""Quotas that are spent: what waits, for how long, and how seldom it asks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.world import World


@pytest.mark.parametrize(
    ("status", "reason", "retry_after"),
    [
        (403, "rateLimitExceeded", None),
        (429, "rateLimitExceeded", None),
        (403, "quotaExceeded", None),
        (403, "userRateLimitExceeded", 7),
        (429, "rateLimitExceeded", "Mon, 23 Nov 2026 08:02:00 GMT"),
        (429, "rateLimitExceeded", "Fri, 31 Dec 9999 23:59:59 GMT"),
        (403, "rateLimitExceeded", 999_999_999),
        (429, "rateLimitExceeded", -1),
        (403, "rateLimitExceeded", "soon"),
    ],
)
def test_a_quota_spent_in_the_middle_of_the_pages_loses_nothing(
    world: World, feed: str, status: int, reason: str, retry_after: int | str | None
) -> None:
    """Whatever the answer asks for, the pages are read again within hours, and with few calls."""
    for number in range(30):
        world.insert(summary=f"Event {number:02d}")
    world.google_control("knobs", pageLimit=7)
    storm = {"method": "GET", "path": "/events$", "status": status, "reason": reason, "retry_after": retry_after}
    for _ in range(3):
        world.google_control("faults", times=1, skip=2, **storm)
    world.settle(timedelta(seconds=2))
    some = len(world.meetings())
    for _ in range(14):
        world.clock.advance(timedelta(minutes=15))
        world.tick()
        world.settle(timedelta(minutes=2))
    calls = world.calls()

    assert 0 < some < 30
    assert [meeting["title"] for meeting in world.meetings()] == [f"Event {number:02d}" for number in range(30)]
    assert (calls["POST meetings"], world.feed(feed).trouble) == (30, None)
    assert calls["GET events"] <= 40


@pytest.mark.parametrize("retry_after", [None, 60, 3600])
def test_notices_during_a_quota_storm_cost_no_call_each(world: World, feed: str, retry_after: int | None) -> None:
    """A change every second for five minutes: the calendar is asked when it said, and not for each notice."""
    made = world.insert()
    world.settle()
    storm = {"method": "GET", "path": "/events$", "status": 403, "reason": "rateLimitExceeded"}
    world.google_control("faults", forever=True, retry_after=retry_after, **storm)
    world.calls()
    for second in range(300):
        if second % 60 == 0:
            world.tick()
        world.patch(made["id"], summary=f"Second {second}")
        world.settle(timedelta(seconds=1))
        world.clock.advance(timedelta(seconds=1))
    asked = world.calls()["GET events"]
    world.google.faults.clear()
    world.settle(timedelta(hours=2))

    assert 1 <= asked <= 12
    assert [meeting["title"] for meeting in world.meetings()] == ["Second 299"]
    assert not world.feed(feed).owed
