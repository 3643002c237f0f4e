"""Which conference belongs to which event: what a deleted event can no longer tell (`script.conferences`).

Authority: none, Apps Script has nothing like it; it answers the defects 2, T15 to T18 and T20 of Google's sample
A record stands for one event of one calendar as one user sees it. Beside the records, one document for each conference
names the events that hold it, and is written with them: so the last to let go of it knows that it is the last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec

from conference.decoding import from_plain
from functions import feed
from functions.pages import every
from functions.ports import Delete, Document, Put, Where
from functions.script import keeping
from functions.script.errors import BadArgument
from functions.script.holders import Holders

COLLECTION = "conferences"
LONGEST_AGREED = 1024

Event = Mapping[str, Any]


class Conference(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of an event's conference, with the event as it was when it was last attached."""

    calendar_id: str
    event_id: str
    conference_id: str
    solution: str = ""
    etag: str | None = None
    sequence: int | None = None
    start: dict[str, Any] | None = None
    end: dict[str, Any] | None = None
    ical_uid: str | None = None
    series_id: str | None = None
    """The series that the event is an occurrence of."""
    agreed: Annotated[str, msgspec.Meta(max_length=LONGEST_AGREED)] = ""
    """What the handler noted of the state that it carried over last, such as a digest."""
    since: float = 0.0
    """When this event got this conference, in seconds since the epoch."""
    releasing: bool = False
    """The event has let go of it, but what belongs to that has not been seen to its end."""
    last: bool = False
    """It was the last to let go."""

    def agrees(self, event: Event) -> bool:
        """Whether the event stands as it did when it was last attached, so that there is nothing to carry over."""
        return self.etag is not None and event.get("etag") == self.etag


_conference = from_plain(Conference)


class Released(msgspec.Struct, frozen=True):
    """A conference that an event let go of; `last` if no other event of the user's holds it."""

    conference: Conference
    last: bool


def attach(
    calendar_id: str, event: Event | str, conference_id: str, *, solution: str = "", agreed: str = ""
) -> Conference:
    """Note that the event has this conference, and how the event stands; what was noted before is replaced.

    `event` is the API's resource, or the id of an event that does not exist yet. Attaching again is how agreement on
    a later state is noted; `agreed`, at most 1024 characters, says of that whatever the handler compares by, and is no
    place for titles. Raises NotRunning, NoUser, BadArgument.
    """
    return _Ledger(calendar_id).attach(_resource(event), conference_id, solution, agreed)


def find(calendar_id: str, event_id: str) -> Conference | None:
    """What is noted of this very event; an occurrence is not its series. Raises NotRunning, NoUser."""
    return _Ledger(calendar_id).find(event_id)


def release(calendar_id: str, event_id: str, on_last: Callable[[Conference], object] | None = None) -> Released | None:
    """Forget the event's conference and say whether it was the last to hold it; None if nothing was noted.

    One of several that let go at the same moment, and only one, is the last. For it `on_last` is called, to delete the
    meeting; the event is forgotten only when that has returned. If it raises, or the run dies, releasing again calls
    it again: it must bear being repeated.
    """
    return _Ledger(calendar_id).release(event_id, on_last)


def holding(conference_id: str, *, solution: str = "") -> list[Conference]:
    """The user's events that hold this conference. Raises NotRunning, NoUser."""
    owner = keeping.of_user()
    store = owner.project.ground.store
    found = [_decode(store.get(name)) for name in Holders(owner, conference_id, solution).names()]
    return [conference for conference in found if conference is not None]


def in_calendar(calendar_id: str) -> list[Conference]:
    """What is noted of the calendar's events, to compare a list of them with. Raises NotRunning, NoUser."""
    return _Ledger(calendar_id).everything()


def find_by_ical_uid(ical_uid: str) -> list[Conference]:
    """What is noted of the user's events with this iCalUID: an event that moved keeps it, and loses its id's place."""
    owner = keeping.of_user()
    conditions = [Where("owner", "==", owner.id()), Where("ical_uid", "==", ical_uid)]
    documents = every(owner.project.ground.store, COLLECTION, conditions)
    return [conference for document in documents if (conference := _decode(document)) is not None]


class _Ledger:
    """The records of one calendar of the effective user."""

    def __init__(self, calendar_id: str) -> None:
        self._owner = keeping.of_user()
        self._ground = self._owner.project.ground
        self._calendar = keeping.canonical(self._owner.project, self._owner.user, calendar_id)

    def find(self, event_id: str) -> Conference | None:
        return _decode(self._ground.store.get(self._key(event_id)))

    def everything(self) -> list[Conference]:
        conditions = [Where("owner", "==", self._owner.id()), Where("calendar_id", "==", self._calendar)]
        documents = every(self._ground.store, COLLECTION, conditions)
        return [conference for document in documents if (conference := _decode(document)) is not None]

    def attach(self, event: Event, conference_id: str, solution: str, agreed: str) -> Conference:
        key, noted = self._key(event["id"]), list[Conference]()

        def write(document: Document | None) -> list[Put | Delete]:
            before = _decode(document)
            before = None if before is not None and before.releasing else before
            noted[:] = [self._noted(event, conference_id, solution, agreed, before)]
            return [self._put(key, noted[0], document), *self._moved(key, before, noted[0])]

        keeping.settle(self._owner.project, key, write)
        return noted[0]

    def release(self, event_id: str, on_last: Callable[[Conference], object] | None) -> Released | None:
        key = self._key(event_id)
        left = self._leave(key)
        if left is None:
            return None
        last = left.last and not self._holders(left).names()  # somebody may have taken it up again meanwhile
        if last and on_last is not None:
            on_last(left)
        self._forget(key)
        return Released(left, last)

    def _leave(self, key: str) -> Conference | None:
        """Take the event from among the holders, and note whether it was the last; once, however often it is asked."""
        left: list[Conference] = []

        def write(document: Document | None) -> list[Put | Delete] | None:
            before = _decode(document)
            left[:] = [] if before is None else [before]
            if document is None or before is None or before.releasing:
                return None
            holders = self._holders(before)
            left[:] = [msgspec.structs.replace(before, releasing=True, last=not set(holders.names()) - {key})]
            return [self._put(key, left[0], document), *holders.without(key)]

        keeping.settle(self._owner.project, key, write)
        return left[0] if left else None

    def _forget(self, key: str) -> None:
        def write(document: Document | None) -> list[Delete] | None:
            noted = _decode(document)
            # Attached again meanwhile, it is no longer what was let go.
            return [Delete(key, document.version)] if document and noted and noted.releasing else None

        keeping.settle(self._owner.project, key, write)

    def _put(self, key: str, noted: Conference, document: Document | None) -> Put:
        kept = {**self._owner.fields(), "owner": self._owner.id(), **msgspec.to_builtins(noted)}
        return Put(key, kept, keeping.version(document))

    def _key(self, event_id: str) -> str:
        return self._owner.key(COLLECTION, feed.feed_id(self._owner.user, self._calendar), event_id)

    def _noted(
        self, event: Event, conference_id: str, solution: str, agreed: str, before: Conference | None
    ) -> Conference:
        same = before is not None and (before.conference_id, before.solution) == (conference_id, solution)
        said = {ours: event[theirs] for ours, theirs in _FIELDS.items() if event.get(theirs) is not None}
        known = {"calendar_id": self._calendar, "conference_id": conference_id, "solution": solution, "agreed": agreed}
        since = before.since if before is not None and same else self._ground.now()
        try:
            return _conference({**said, **known, "event_id": event["id"], "since": since})
        except msgspec.ValidationError:
            raise BadArgument("conferences.attach", ["event", "conference_id"], "One of them is malformed.") from None

    def _moved(self, key: str, before: Conference | None, after: Conference) -> list[Put | Delete]:
        """The writes by which the event leaves the conference it had and joins the one it has."""
        if before is not None and (before.conference_id, before.solution) == (after.conference_id, after.solution):
            return []
        left = self._holders(before).without(key) if before else ()
        return [*left, *self._holders(after).with_(key)]

    def _holders(self, conference: Conference) -> Holders:
        return Holders(self._owner, conference.conference_id, conference.solution)


_FIELDS = {
    "etag": "etag",
    "sequence": "sequence",
    "start": "start",
    "end": "end",
    "ical_uid": "iCalUID",
    "series_id": "recurringEventId",
}


def _resource(event: Event | str) -> Event:
    resource = {"id": event} if isinstance(event, str) else event
    if not isinstance(resource.get("id"), str) or not resource["id"]:
        raise BadArgument("conferences.attach", [type(event).__name__], "An event is its resource, or its id.")
    return resource


def _decode(document: Document | None) -> Conference | None:
    return None if document is None else _conference(document.data)
