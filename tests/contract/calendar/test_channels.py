"""What every Calendar promises of calendars and of the channels by which their changes are heard of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from conference.errors import Refused
from tests.contract.calendar.stage import ALICE, NOBODY, NOW, ROOM, Stage


def test_primary_is_resolved(stage: Stage) -> None:
    """A calendar is known by its own id and zone; "primary" is an alias of the caller's."""
    stage.control("calendars", id=ROOM, owner=ALICE, timeZone="Asia/Tokyo", summary="Room")
    primary, room = stage.calendar.calendar(ALICE, "primary"), stage.calendar.calendar(ALICE, ROOM)

    assert (primary.id, primary.primary, primary.zone) == (ALICE, True, "Europe/Zurich")
    assert (room.id, room.primary, room.zone, room.summary) == (ROOM, False, "Asia/Tokyo", "Room")


def test_watch_and_stop(stage: Stage) -> None:
    """A channel is opened for about the life asked for, stopped, and may be stopped again for ever."""
    watched = stage.calendar.watch(ALICE, ALICE, channel="c-1", secret="s", address=NOBODY, life=3600)
    again = stage.calendar.watch(ALICE, ALICE, channel="c-2", secret="s", address=NOBODY, life=3600)
    for _ in range(2):
        stage.calendar.stop(ALICE, channel="c-1", resource_id=watched.resource_id)

    assert watched.expires == NOW + timedelta(hours=1)
    assert again.resource_id == watched.resource_id


def test_channels_that_cannot_be(stage: Stage) -> None:
    """A used id, a plain address and a calendar without push are refused, by their reasons."""
    stage.control("calendars", id=ROOM, owner=ALICE, timeZone="Asia/Tokyo", pushNotSupported=True)
    good: dict[str, Any] = {"secret": "s", "address": NOBODY, "life": 60}
    stage.calendar.watch(ALICE, ALICE, channel="c-1", **good)
    reasons = []
    for calendar, options in (
        (ALICE, {**good, "channel": "c-1"}),
        (ALICE, {**good, "channel": "c-2", "address": "http://push.example.com"}),
        (ROOM, {**good, "channel": "c-3"}),
    ):
        with pytest.raises(Refused) as caught:
            stage.calendar.watch(ALICE, calendar, **options)
        assert caught.value.where is not None
        reasons.append(caught.value.where.reason)

    assert reasons == ["channelIdNotUnique", "push.webhookUrlNotHttps", "pushNotSupportedForRequestedResource"]
