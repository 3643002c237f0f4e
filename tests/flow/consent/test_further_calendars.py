"""Calendars beside one's own, on the consent pages: followed, shown and stopped, and only by whose they are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions.ports import Put
from tests.flow.consent.browsing import Browser
from tests.flow.consent.desk import BOB, Desk
from tests.world import ALICE

TEAM = "team@group.calendar.google.com"


def team(desk: Desk, role: str = "writer") -> None:
    """A calendar of Bob's, shared with Alice."""
    body = {"id": TEAM, "owner": BOB, "timeZone": "Europe/Zurich", "summary": "Team", "roles": {ALICE: role}}
    desk.http.post("/control/calendars", json=body).raise_for_status()


def test_another_calendar_is_followed_and_no_more(browser: Browser) -> None:
    """By its address: its events get their conferences; stopped, they keep them and nothing else is left."""
    desk = browser.desk
    team(desk)
    browser.connect()
    browser.get()
    status = browser.post("follow", calendar=f" {TEAM} ")
    browser.get()
    shown = browser.text()
    desk.world.insert(TEAM)
    desk.world.settle()
    (feed,) = [one for one in desk.world.store.query("feeds") if one.data["calendar"] == TEAM]
    stopped = browser.post("unfollow", feed=feed.key.partition("/")[2])
    browser.get()

    assert (status, stopped) == (303, 303)
    assert f"{TEAM} followed" in shown
    assert TEAM not in browser.text()
    assert len(desk.world.meetings()) == 1
    assert desk.traces(TEAM) == []
    assert len([it for it in desk.world.google.world.channels.newest() if it.live(desk.world.google.now())]) == 1


@pytest.mark.parametrize(
    ("calendar", "status", "says"),
    [
        ("", 400, "That is no calendar's address."),
        ("primary", 400, "That is no calendar's address."),
        ("a b", 400, "That is no calendar's address."),
        ("<script>x</script>", 400, "That is no calendar's address."),
        ("nobody@group.calendar.google.com", 409, "not there any more, or it is no longer shared with you"),
    ],
)
def test_what_cannot_be_followed_is_told(browser: Browser, calendar: str, status: int, says: str) -> None:
    """With the cause, and what was typed as text."""
    browser.connect()
    browser.get()

    assert browser.post("follow", calendar=calendar) == status
    assert says in browser.text()
    assert "<script>" not in browser.page


def test_a_calendar_that_google_does_not_show_just_now_is_asked_for_again(browser: Browser) -> None:
    """Nothing was begun, so nothing goes on by itself: the person is told to try again, and may."""
    team(browser.desk)
    browser.connect()
    browser.get()
    browser.desk.fault("/calendars/team[^/]*$")
    status = browser.post("follow", calendar=TEAM)
    told = browser.text()

    assert status == 409
    assert "It is not followed: Google did not answer as it should. Try again later." in told
    assert browser.post("follow", calendar=TEAM) == 303


def test_a_calendar_whose_first_pass_is_not_done_is_shown_as_being_connected(browser: Browser) -> None:
    """Its events do not come just now: that goes on by itself, so nobody is told that it is not followed."""
    desk = browser.desk
    team(desk)
    browser.connect()
    browser.get()
    desk.fault("/calendars/team[^/]*/events$")
    status = browser.post("follow", calendar=TEAM)
    browser.get()
    early = browser.text()
    for _ in range(6):
        desk.world.clock.advance(timedelta(minutes=1))
        desk.world.tick()
        desk.world.settle()
    browser.get()

    assert (status, f"{TEAM} being connected" in early) == (303, True)
    assert f"{TEAM} followed" in browser.text()


def test_only_ones_own_calendars_are_stopped(browser: Browser) -> None:
    """Bob's feed is none of Alice's; one that is not there is none of anybody's."""
    desk = browser.desk
    Browser(desk).connect(BOB)
    (bobs,) = desk.world.store.query("feeds")
    browser.connect()
    browser.get()
    browser.post("unfollow", feed=bobs.key.partition("/")[2])
    browser.get()
    browser.post("unfollow", feed="../users")

    assert len(desk.world.store.query("feeds")) == 2
    assert not any(feed.data.get("stopped") for feed in desk.world.store.query("feeds"))


def test_a_calendar_that_a_script_follows_is_not_stopped(browser: Browser) -> None:
    """Its triggers would be left without their calendar."""
    desk = browser.desk
    browser.connect()
    (feed,) = desk.world.store.query("feeds")
    followers = ["lockstep.conferences", "1234567890123456789"]
    desk.world.store.commit(Put(feed.key, {**feed.data, "followers": followers}, feed.version))
    browser.get()

    assert browser.post("unfollow", feed=feed.key.partition("/")[2]) == 409
    assert "A script's triggers follow this calendar" in browser.text()


def test_a_former_owners_calendars_are_out_of_reach(browser: Browser) -> None:
    """Whoever has the address now acts by no consent of the other's: nothing is checked, followed or stopped (S17)."""
    desk = browser.desk
    team(desk)
    browser.connect()
    (document,) = desk.world.store.query("users")
    desk.world.store.commit(Put(document.key, {**document.data, "sub": "the-former-owner"}, document.version))
    (feed,) = desk.world.store.query("feeds")
    other = Browser(desk)
    other.sign_in()
    other.get()
    asked = [
        other.post("check"),
        other.post("check", headers={"Accept": "application/json"}, token=other.token()),
        other.get(),
        other.post("follow", calendar=TEAM),
        other.post("unfollow", feed=feed.key.partition("/")[2]),
    ]

    assert asked == [409, 409, 200, 409, 409]
    assert [one.data["calendar"] for one in desk.world.store.query("feeds")] == [ALICE]


def test_stopped_calendars_are_shown(browser: Browser) -> None:
    """With what stopped them."""
    browser.connect()
    (feed,) = browser.desk.world.store.query("feeds")
    stopped = {**feed.data, "stopped": True, "trouble": "<b>12 of 14 gone</b>"}
    browser.desk.world.store.commit(Put(feed.key, stopped, feed.version))
    browser.get()

    assert "stopped: <b>12 of 14 gone</b>" in browser.text()
    assert "<b>" not in browser.page
