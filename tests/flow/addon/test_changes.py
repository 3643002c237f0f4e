"""Google tells the add-on of a change: which calendars it marks, and that users are apart."""

from __future__ import annotations

from typing import Any

from tests.flow.addon.desk import Desk
from tests.flow.stories import BOB
from tests.world import ALICE


def test_a_change_that_google_tells_of(desk: Desk) -> None:
    """Asked for on the homepage: with push channels dead, a change is followed at once all the same."""
    desk.world.connect()
    desk.host.open(ALICE)
    conference = desk.conference("draft1")
    desk.save("draft1", conference)
    desk.world.google_control("push", drop_next=100)
    desk.world.patch("draft1", summary="Told by the add-on")
    desk.host.changed(ALICE, ALICE)
    desk.world.settle()

    assert desk.host.subscribed == {(ALICE, ALICE)}
    assert desk.titles() == ["Told by the add-on"]


def test_users_are_apart(desk: Desk) -> None:
    """The same event id in two people's calendars is two events, and one's change marks nothing of the other's."""
    mine, theirs = desk.world.connect(), desk.world.connect(user=BOB)
    first = desk.conference("draft1")
    second = desk.host.conference(BOB, BOB, "draft1")
    before = desk.world.feed(mine).dirty
    desk.tell("changed", desk.user(BOB))

    assert first["conferenceId"] != second["conferenceId"]
    assert sorted(row.user for row in desk.world.rows()) == [ALICE, BOB]
    assert desk.world.feed(mine).dirty == before
    assert desk.world.feed(theirs).owed


MARKED: list[tuple[dict[str, Any], set[str], set[str]]] = [
    ({"calendar": {"calendarId": ALICE}}, {"own"}, {"own"}),
    ({"eventData": {"calendarId": "team@example.com"}}, {"team"}, {"team"}),
    ({"calendar": {"calendarId": "primary"}}, {"own", "team"}, set()),
    ({"calendar": {}}, {"own", "team"}, set()),
    ({}, {"own", "team"}, set()),
    ({"calendar": {"calendarId": "unknown@example.com"}}, set(), set()),
    ({"calendar": {"calendarId": BOB}}, set(), {"bob"}),
]
"""What a call says, which feeds it marks if its user is Alice, and which if it names no user."""


def test_which_feeds_a_change_marks(desk: Desk) -> None:
    """The calendar that is named, else all of the user's; without a user whoever follows that very calendar."""
    desk.world.google_control("calendars", id="team@example.com", owner=ALICE, timeZone="Europe/Zurich")
    team, bob = desk.world.connect("team@example.com"), desk.world.connect(user=BOB)
    known = {"own": desk.world.connect(), "team": team, "bob": bob}

    def marked(told: dict[str, Any]) -> set[str]:
        desk.world.settle()
        desk.tell("changed", told)
        return {name for name, feed in known.items() if desk.world.feed(feed).owed}

    for told, of_alice, of_nobody in MARKED:
        assert marked({**told, **desk.user(ALICE)}) == of_alice, told
        assert marked(told) == of_nobody, told
