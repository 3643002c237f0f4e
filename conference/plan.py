"""Decide what must be done, from what the event says, what the meeting says, and what both last agreed on.

Pure: `decide` yields actions, `functions.reconcile` does them and asks again. From any state it comes to rest within
three rounds. Under the authority `calendar` the event decides title, times and people, and the meeting decides the
ways to join; so nothing is ever written to an event but its conference data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conference.event import ConferenceData
from conference.link import Link, published
from conference.meeting import Meeting, MeetingRef, MeetingSpec

# ---- what is known --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """The event lives and asks `provider` for a meeting like `spec`."""

    provider: str
    spec: MeetingSpec
    digest: str  # of spec
    conference: ConferenceData | None


@dataclass(frozen=True, slots=True)
class Unwanted:
    """The event is cancelled, or has no conference of ours any more."""


@dataclass(frozen=True, slots=True)
class NotAsked:
    """Nobody asked the provider; the link's last read-back stands."""


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider was asked and has no such meeting."""


@dataclass(frozen=True, slots=True)
class Found:
    """The provider was asked; `right`: it holds just what the event wants; None: that cannot be told."""

    meeting: Meeting
    right: bool | None


EventSays = Wanted | Unwanted
MeetingSays = NotAsked | Absent | Found

# ---- what may be done -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Adopt:
    """Link to the meeting that the event already names."""

    provider: str
    meeting_id: str


@dataclass(frozen=True, slots=True)
class CreateMeeting:
    """Make a meeting; `anew` under a new key, since the one of the old key is gone for good."""

    provider: str
    spec: MeetingSpec
    digest: str
    anew: bool


@dataclass(frozen=True, slots=True)
class UpdateMeeting:
    """Bring the linked meeting to `spec`."""

    spec: MeetingSpec
    digest: str


@dataclass(frozen=True, slots=True)
class ReleaseMeeting:
    """Let go of the linked meeting: delete it, unless another event holds it too."""


@dataclass(frozen=True, slots=True)
class PublishMeeting:
    """Write the meeting's ways to join into the event."""

    meeting: Meeting


@dataclass(frozen=True, slots=True)
class Agree:
    """Note that the meeting is what the event wants; no call is needed."""

    meeting: Meeting
    digest: str


Action = Adopt | CreateMeeting | UpdateMeeting | ReleaseMeeting | PublishMeeting | Agree


def decide(event: EventSays, meeting: MeetingSays, link: Link | None) -> tuple[Action, ...]:
    """Yield what must be done now, in order; empty means that all agree."""
    if isinstance(event, Unwanted):
        return (ReleaseMeeting(),) if link else ()
    if link is None:
        return (_begin(event, None),)
    if link.provider != event.provider:
        # The organizer chose another of our providers, perhaps together with a meeting there.
        return (ReleaseMeeting(), _begin(event, link.ref))
    if isinstance(meeting, Absent):
        # Somebody deleted the meeting at the provider while its event lives.
        return (_create(event, anew=link.meeting is not None),)
    known = meeting.meeting if isinstance(meeting, Found) else link.meeting
    if known is None:
        # An earlier run meant to create it and did not come back to say.
        return (_create(event, anew=False),)
    return tuple(_keep(event, meeting, known, link))


def _begin(event: Wanted, left: MeetingRef | None) -> Action:
    named = event.conference.conference_id if event.conference else None
    still = left is not None and named == left.id  # the event goes on naming the meeting that was left
    return Adopt(event.provider, named) if named and not still else _create(event, anew=True)


def _create(event: Wanted, *, anew: bool) -> CreateMeeting:
    return CreateMeeting(event.provider, event.spec, event.digest, anew)


def _keep(event: Wanted, meeting: MeetingSays, known: Meeting, link: Link) -> Iterator[Action]:
    if link.leads and _differs(event, meeting, link):
        # What the update answers may join differently: publishing waits for the next round.
        yield UpdateMeeting(event.spec, event.digest)
        return
    if known != link.meeting or (link.leads and link.agreed != event.digest):
        yield Agree(known, event.digest)
    # Knowing a stranger's meeting by its id is no invitation: its ways to join are not told.
    if known.ref.owned and not published(event.conference, known):
        yield PublishMeeting(known)


def _differs(event: Wanted, meeting: MeetingSays, link: Link) -> bool:
    if isinstance(meeting, Found) and meeting.right is not None:
        return not meeting.right
    if isinstance(meeting, Found) and meeting.meeting != link.meeting:
        # Somebody changed the meeting, and its provider does not tell what.
        return True
    return link.agreed != event.digest
