"""No conference: what the user reads instead, and that nothing is left of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

import pytest

from conference.errors import Conflict
from infra.local.addon_host import NoConference
from tests.flow.addon.desk import SETTINGS, Desk, Two
from tests.world import ALICE, World


def test_the_sides_of_a_crash(desk: Desk) -> None:
    """A provider that answers late or not at all gives a temporary error; chosen again, it is one meeting."""
    desk.world.connect()
    desk.world.vendor_control("faults", method="POST", path="^/meetings$", status=504, after_apply=True)
    with pytest.raises(NoConference) as lost:
        desk.conference("draft1")
    conference = desk.conference("draft1")
    desk.save("draft1", conference)

    assert lost.value.kind == "TEMPORARY"
    assert [meeting["id"] for meeting in desk.world.meetings()] == [conference["conferenceId"]]


@pytest.mark.parametrize(
    ("status", "kind", "url"),
    [
        (401, "AUTHENTICATION", "https://www.example.com/login"),
        (429, "TEMPORARY", None),
        (503, "TEMPORARY", None),
        (403, "PERMISSION_DENIED", None),
        (402, "PERMISSION_DENIED", None),
        (400, "PERMANENT", None),
    ],
)
def test_errors_are_told_as_google_names_them(desk: Desk, status: int, kind: str, url: str | None) -> None:
    """The user reads why there is no conference; nothing is linked and nothing connected."""
    desk.world.vendor_control("faults", method="POST", path="^/meetings$", status=status)
    with pytest.raises(NoConference) as told:
        desk.conference("draft1")

    assert (told.value.kind, told.value.url) == (kind, url)
    assert desk.world.meetings() == []
    (row,) = desk.world.rows()
    # After a 503 nobody knows whether the meeting was made: its key is kept until that is found out.
    assert (row.link is None, row.pending) == ((status != 503), (status == 503))
    assert row.meeting is None
    assert desk.world.queue.waiting() == []


def error_of(told: dict[str, Any]) -> str:
    """The type of the error in an answer."""
    action = told["hostAppAction"]["calendarAction"]
    kind: str = action["createConferenceDataActionMarkup"]["createConferenceData"]["error"]["type"]
    return kind


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ({"calendar": {"calendarId": ALICE}}, "PERMANENT"),
        (
            {"calendar": {"calendarId": ALICE, "id": "e1", "capabilities": {"canSetConferenceData": False}}},
            "PERMISSION_DENIED",
        ),
    ],
)
def test_calls_that_cannot_be_met(desk: Desk, part: dict[str, Any], kind: str) -> None:
    """Without an event, or without the right to set its conference, nothing is made."""
    assert error_of(desk.tell("create", {**desk.user(ALICE), **part})) == kind
    assert desk.world.meetings() == []
    assert desk.world.rows() == []


def test_an_unknown_solution(two: Two) -> None:
    """Of several solutions one must be named, and one that there is."""
    part = {"calendar": {"calendarId": ALICE, "id": "e1"}, **two.user(ALICE)}

    assert error_of(two.tell("create", part)) == "CONFERENCE_SOLUTION_FORBIDDEN"
    assert error_of(two.tell("create?solution=nobodys", part)) == "CONFERENCE_SOLUTION_FORBIDDEN"
    assert two.there() == {"http": [], "second": []}


def test_a_solution_for_some_only(world: World) -> None:
    """Who is of another domain is told so, before anything is made."""
    desk = Desk(world, replace(SETTINGS, addon_domains="acme.example, Example.com"))
    conference = desk.conference("draft1")
    with pytest.raises(NoConference) as told:
        desk.host.conference("mallory@other.example", "mallory@other.example", "draft1")
    desk.client.close()

    assert conference["conferenceId"]
    assert told.value.kind == "CONFERENCE_SOLUTION_FORBIDDEN"
    assert len(world.meetings()) == 1


def test_a_calendar_that_cannot_be_asked_about(desk: Desk) -> None:
    """While Google does not answer, there is no conference for "primary", but the side panel is shown."""
    desk.world.google_control("faults", method="GET", path="/calendars/primary$", status=503, times=20)
    with pytest.raises(NoConference) as told:
        desk.conference("draft1", "primary")

    assert told.value.kind == "TEMPORARY"
    assert desk.host.open(ALICE, "primary")


def test_a_row_that_everybody_writes(desk: Desk) -> None:
    """Google is told to come again when others are always faster."""

    class Busy:
        """A store in which every commit meets another."""

        def __init__(self, store: Any) -> None:
            self.get, self.query = store.get, store.query

        def commit(self, *_: object) -> NoReturn:
            """Fail."""
            raise Conflict("somebody else was faster")

    desk.world.change_ground(store=Busy(desk.world.store))
    with pytest.raises(NoConference) as told:
        desk.conference("draft1")

    assert told.value.kind == "TEMPORARY"
    assert desk.world.meetings() == []
