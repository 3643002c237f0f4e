"""Which conferences are ours."""

from __future__ import annotations

import pytest

from conference.event import (
    AddOnParameters,
    ConferenceData,
    ConferenceParameters,
    ConferenceSolution,
    EntryPoint,
    Event,
    SolutionKey,
)
from conference.solution import Solution, provider_of

OURS = (Solution("zoom", ("zoom.us", "eu.zoom.us")), Solution("janus"))


def carrying(
    kind: str | None, url: str | None = None, asked: str | None = None, entry: str = "video"
) -> ConferenceData:
    """A conference of some kind, with a way to join and our parameter."""
    return ConferenceData(
        conference_solution=None if kind is None else ConferenceSolution(SolutionKey(kind), "Zoom"),
        entry_points=() if url is None else (EntryPoint("phone", "tel:+1"), EntryPoint(entry, url)),
        parameters=ConferenceParameters(AddOnParameters({} if asked is None else {"lockstep": asked})),
    )


@pytest.mark.parametrize(
    ("conference", "expected"),
    [
        (None, None),
        (carrying(None, asked="zoom"), None),
        (carrying("hangoutsMeet", "https://zoom.us/j/1", "zoom"), None),
        (carrying("addOn"), None),
        (carrying("addOn", asked="zoom"), "zoom"),
        (carrying("addOn", asked="janus"), "janus"),
        (carrying("addOn", asked="webex"), None),
        (carrying("addOn", "https://zoom.us/j/1"), "zoom"),
        (carrying("addOn", "https://EU.zoom.us:443/j/1"), "zoom"),
        (carrying("addOn", "https://zoom.us.example.com/j/1"), None),
        (carrying("addOn", "https://zoom.us@example.com/j/1"), None),
        (carrying("addOn", "https://[::1/j/1"), None),
        (carrying("addOn", "not an address"), None),
        (carrying("addOn", "https://zoom.us/j/1", entry="more"), None),
    ],
)
def test_a_conference_is_ours_by_parameter_or_host(conference: ConferenceData | None, expected: str | None) -> None:
    """An add-on conference is ours if it names one of our providers, or is joined at one's host."""
    assert expected == provider_of(Event("abc", conference=conference), OURS)
