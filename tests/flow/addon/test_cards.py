"""What the side panel says of the open event, and where the settings are."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from tests.flow.addon.desk import SETTINGS, Desk
from tests.world import ALICE, World


def test_the_open_event_says_how_it_stands(desk: Desk) -> None:
    """An event of ours is said to be in step, or to follow; another one is not spoken of."""
    desk.world.connect()
    conference = desk.conference("draft1")
    before = desk.host.open(ALICE, ALICE, {"id": "draft1", "conferenceData": conference})
    desk.save("draft1", conference)
    after = desk.host.open(ALICE, ALICE, desk.world.event("draft1"))
    plain = desk.host.open(ALICE, ALICE, {"id": "other"})

    assert "as soon as the event is saved" in str(before)
    assert "meeting of this event is in step" in str(after)
    assert "meeting of this event" not in str(plain)


def test_an_event_in_trouble_says_so(desk: Desk) -> None:
    """What is left as it is until a person acts is told where the person looks."""
    desk.world.connect()
    conference = desk.conference("draft1")
    desk.save("draft1", conference)
    desk.world.vendor_control("faults", method="PUT", path="^/meetings/", status=400, times=20)
    desk.world.patch("draft1", summary="Not taken")
    desk.world.settle()

    assert "is left as it is" in str(desk.host.open(ALICE, ALICE, desk.world.event("draft1")))


def test_settings_are_shown(desk: Desk) -> None:
    """Google is told where they are."""
    assert desk.host.settings(ALICE) == "https://www.example.com/settings"


def test_no_settings_page(world: World) -> None:
    """Where none is set, there is nothing at its address, and the card has no button."""
    desk = Desk(world, replace(SETTINGS, addon_settings_url=""))
    with desk.client:
        with pytest.raises(httpx.HTTPStatusError, match="404"):
            desk.tell("settings", desk.user(ALICE))

        assert "Settings" not in str(desk.host.open(ALICE))
