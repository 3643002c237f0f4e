"""The link that joins one event (a whole series) to one meeting, with the state on which both last agreed."""

from __future__ import annotations

import hashlib

import msgspec

from conference.event import ConferenceData, ConferenceSolution, EntryPoint, SolutionKey
from conference.meeting import Meeting, MeetingRef


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whose meeting an event has.

    `meeting` None: the intent to create under `key` is recorded, and nobody knows yet whether it was done.
    `agreed` None: what the meeting holds is not known to be what the event says.
    """

    provider: str
    account: str
    key: str
    generation: int
    meeting: Meeting | None = None
    agreed: str | None = None  # digest of the spec on which event and meeting last agreed
    leads: bool = True  # False: another event shares the meeting and decides its title and times

    @property
    def ref(self) -> MeetingRef | None:
        """Where the meeting is, if one is known."""
        return self.meeting.ref if self.meeting else None


def published(conference: ConferenceData | None, meeting: Meeting) -> bool:
    """True if the event already carries the meeting's ways to join, all of them and no others."""
    if conference is None or conference.conference_id != meeting.ref.id:
        return False
    return sorted(map(_entry_key, conference.entry_points)) == sorted(map(_entry_key, entry_points(meeting)))


def entry_points(meeting: Meeting) -> tuple[EntryPoint, ...]:
    """The meeting's ways to join, as conferenceData.entryPoints holds them (calendar-contract 8.1)."""
    video = EntryPoint("video", meeting.join_url, label=_label(meeting.join_url), passcode=meeting.passcode)
    phones = [EntryPoint("phone", _tel(number), label=label[:512]) for label, number in sorted(meeting.dial_in.items())]
    return (video, *phones)


def conference_data(current: ConferenceData | None, meeting: Meeting, name: str) -> ConferenceData:
    """What the event's conferenceData must become: our ways to join; solution, notes and parameters stay as read."""
    kept = current or ConferenceData()
    solution = kept.conference_solution or ConferenceSolution(SolutionKey("addOn"), name)
    return ConferenceData(meeting.ref.id, solution, entry_points(meeting), kept.notes, kept.parameters)


def index(ref: MeetingRef) -> str:
    """One short text by which a meeting's links are found."""
    return hashlib.sha256(f"{ref.provider}\0{ref.account}\0{ref.id}".encode()).hexdigest()[:32]


def _entry_key(entry: EntryPoint) -> tuple[str, str, str]:
    return entry.entry_point_type, entry.uri, entry.passcode or ""


def _label(url: str) -> str:
    return url.split("://", 1)[-1][:512]


def _tel(number: str) -> str:
    """A telephone number as an address, which holds no blanks (RFC 3966); Calendar's own builders refuse them."""
    return f"tel:{number.removeprefix('tel:')}".replace(" ", "")
