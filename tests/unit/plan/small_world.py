"""A small world for plans to settle in: it does what is decided, until nothing is left to do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec

from conference.link import Link, conference_data, published
from conference.meeting import Meeting
from conference.plan import (
    Absent,
    Action,
    Adopt,
    Agree,
    CreateMeeting,
    EventSays,
    Found,
    MeetingSays,
    NotAsked,
    PublishMeeting,
    ReleaseMeeting,
    Unwanted,
    UpdateMeeting,
    Wanted,
    decide,
)
from tests.unit.plan.states import meeting, word


@dataclass
class World:
    """A calendar with one event, providers that hold meetings, and one link: the plainest that could be meant.

    `held` maps a meeting's id to its ways to join and the digest of what it holds; `by_key` tells what a key made.
    """

    event: EventSays
    link: Link | None
    held: dict[str, tuple[Meeting, str]]
    says: MeetingSays = NotAsked()  # noqa: RUF009 - frozen and without state
    by_key: dict[str, str] = field(default_factory=dict)
    tells: bool = True  # the provider can be read back in full
    shared: bool = False
    generation: int = 1
    deleted: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def settle(self, rounds: int = 10) -> int:
        """Decide and do until nothing is left to do; the number of rounds in which something was."""
        for number in range(rounds):
            actions = decide(self.event, self.says, self.link)
            if not actions:
                return number
            for action in actions:
                self.seen.add(word(action))
                self.do(action)
        return rounds

    def do(self, action: Action) -> None:
        """What an action does to the world."""
        match action:
            case Adopt():
                self.adopt(action)
            case CreateMeeting():
                self.create(action)
            case UpdateMeeting():
                self.update(action)
            case ReleaseMeeting():
                self.release()
            case PublishMeeting():
                assert isinstance(self.event, Wanted)
                conference = conference_data(self.event.conference, action.meeting, "Ours")
                self.event = replace(self.event, conference=conference)
            case Agree():
                assert self.link is not None
                self.link = msgspec.structs.replace(self.link, meeting=action.meeting, agreed=action.digest)
                self.says = NotAsked()

    def adopt(self, action: Adopt) -> None:
        """Link to the named meeting, or intend a new one if it is gone."""
        if action.meeting_id in self.held:
            found, _ = self.held[action.meeting_id]
            self.link = Link(action.provider, "account", "", self.generation, found, leads=not self.shared)
        else:
            self.intend(action.provider, anew=True)

    def intend(self, provider: str, *, anew: bool) -> Link:
        """Note what is going to be created."""
        self.generation += anew
        self.link = Link(provider, "account", f"key-{self.generation}", self.generation)
        return self.link

    def create(self, action: CreateMeeting) -> None:
        """Create under the link's key, which yields what the key has made already."""
        link = self.link
        if action.anew or link is None or link.meeting is not None:
            link = self.intend(action.provider, anew=action.anew)
        name = self.by_key.get(link.key)
        fresh = name is None or name not in self.held
        if name is None or fresh:
            name = self.by_key[link.key] = f"made-{link.key}-{len(self.created)}"
            self.created.append(name)
            self.held[name] = (meeting(name, f"https://meet/{name}", action.provider), action.digest)
        found, holds = self.held[name]
        agreed = fresh or (self.tells and holds == action.digest)
        self.link = msgspec.structs.replace(link, meeting=found, agreed=action.digest if agreed else None)
        self.says = NotAsked()

    def update(self, action: UpdateMeeting) -> None:
        """Send the wish; conditional on the version known, and absent if nobody is there."""
        assert self.link is not None
        known = self.says.meeting if isinstance(self.says, Found) else self.link.meeting
        assert known is not None
        if known.ref.id not in self.held:
            self.says = Absent()
            return
        found, holds = self.held[known.ref.id]
        if found != known:
            self.says = Found(found, right=holds == action.digest if self.tells else None)
            return
        self.held[known.ref.id] = (found, action.digest)
        self.link = msgspec.structs.replace(self.link, meeting=found, agreed=action.digest)
        self.says = NotAsked()

    def release(self) -> None:
        """Let go of the meeting, also of one that was made and not noted; delete it unless it is shared."""
        assert self.link is not None
        name = self.link.ref.id if self.link.ref else self.by_key.get(self.link.key)
        if name in self.held and not self.shared:
            del self.held[name]
            self.deleted.append(name)
        self.link, self.says = None, NotAsked()

    def ask(self) -> None:
        """Hear what the provider really holds."""
        self.says = NotAsked()
        if self.link is None or self.link.meeting is None:
            return
        name = self.link.meeting.ref.id
        if name not in self.held:
            self.says = Absent()
            return
        found, holds = self.held[name]
        right = isinstance(self.event, Wanted) and holds == self.event.digest
        self.says = Found(found, right if self.tells else None)

    def check(self) -> None:
        """At rest: an event has the meeting it wants and names it; one that wants none has none."""
        if isinstance(self.event, Unwanted):
            assert self.link is None
            return
        assert self.link is not None
        assert self.link.meeting is not None
        assert self.link.provider == self.event.provider
        assert published(self.event.conference, self.link.meeting)
        assert not self.link.leads or self.link.agreed == self.event.digest

    def check_provider(self) -> None:
        """At rest, if the provider was asked: it holds what the event wants, joined as the link says."""
        if isinstance(self.event, Wanted) and self.link and self.link.meeting and self.link.leads:
            assert self.held[self.link.meeting.ref.id] == (self.link.meeting, self.event.digest)
