"""The add-on on the whole local stack: a conference is chosen in an editor, saved, and followed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.local.addon_host import installed
from infra.local.clock import SystemClock
from infra.local.demo.story import demo_settings
from infra.local.demo.world import ordinary, stage
from infra.local.stack import Stack

pytestmark = [pytest.mark.story, pytest.mark.timeout(200)]


def test_a_conference_from_the_editor(tmp_path: Path) -> None:
    """Through real processes and HTTP: the meeting is there before the event is, and has its title soon after."""
    settings = replace(demo_settings(tmp_path), janus="off")
    with Stack(settings) as stack, stage(stack) as world:
        host = installed(stack.settings, world.client, SystemClock())
        conference = host.conference(settings.user, settings.user, "draft1")
        placeholder = world.vendor.meeting(conference["conferenceId"])
        host.save(settings.user, settings.user, "draft1", conference, **ordinary("From the editor", world.at(1, 10)))
        card = host.open(settings.user, settings.user, world.person.get("draft1"))

        world.until(
            "the meeting gets the event's title",
            lambda: world.meeting_is(conference["conferenceId"], title="From the editor"),
        )

    assert placeholder is not None
    assert placeholder["title"] == "(No title)"
    assert "This calendar" in str(card)
