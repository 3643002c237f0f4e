"""Which conferences are ours: the rule of requirement R4, by solution type and our own parameter or host.

The display name of a solution is never looked at: people and products change it (docs/why.md).
"""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from conference.event import ConferenceData, Event

PARAMETER = "lockstep"
"""The add-on parameter by which an event asks for a conference of ours; its value names the provider."""


class Solution(msgspec.Struct, frozen=True):
    """A provider we manage, and the hosts of its join URLs (for events made before Lockstep was there)."""

    provider: str
    hosts: tuple[str, ...] = ()


def provider_of(event: Event, solutions: tuple[Solution, ...]) -> str | None:
    """The provider whose conference the event carries or asks for; None if it is not ours."""
    conference = event.conference
    if conference is None or conference.conference_solution is None:
        return None
    if conference.conference_solution.key.type != "addOn":
        return None
    asked = conference.parameters.add_on_parameters.parameters.get(PARAMETER)
    host = _video_host(conference)
    return next((s.provider for s in solutions if s.provider == asked or host in s.hosts), None)


def _video_host(conference: ConferenceData) -> str | None:
    for entry in conference.entry_points:
        if entry.entry_point_type == "video":
            try:
                return urlsplit(entry.uri).hostname
            except ValueError:
                return None
    return None
