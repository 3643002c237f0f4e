"""What a conference provider must offer, and what it may.

Full desired state goes in, a read-back comes out; the error classes say what the caller must do.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from conference.meeting import Meeting, MeetingId, MeetingRef, MeetingSpec


class Field(enum.Enum):
    """A part of a meeting that a provider may or may not hold."""

    TITLE = "title"
    AGENDA = "agenda"
    SCHEDULE = "schedule"
    RECURRENCE = "recurrence"
    EXCEPTIONS = "exceptions"
    ATTENDEES = "attendees"
    PASSCODE = "passcode"
    HOST = "host"


class Schedule(enum.Enum):
    """What a provider knows of time."""

    NONE = "none"
    WINDOW = "window"  # opens and closes only
    EXACT = "exact"  # start and end


class Update(enum.Enum):
    """What an update does."""

    IN_PLACE = "in_place"  # id and join URL survive
    NONE = "none"  # nothing is stored at the provider


class Recurrence(enum.Enum):
    """How much of a series a provider holds."""

    NONE = "none"
    SERIES = "series"
    OCCURRENCES = "occurrences"  # single occurrences can be moved and cancelled too


class CreateKey(enum.Enum):
    """What makes a repeated create safe."""

    NONE = "none"  # a second create is a second meeting
    SEARCHABLE = "searchable"  # find() first
    EXTERNAL_KEY = "external"  # the provider de-duplicates our key
    CLIENT_ID = "client_id"  # we choose the id


class Attendees(enum.Enum):
    """What a provider does with the people."""

    NONE = "none"
    INVITEES = "invitees"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do; asserted by the provider contract suite."""

    schedule: Schedule
    update: Update
    recurrence: Recurrence
    create_key: CreateKey
    attendees: Attendees = Attendees.NONE
    conditional_writes: bool = False
    reports_remote_changes: bool = False
    updatable: frozenset[Field] = frozenset()
    max_title: int = 128
    max_agenda: int | None = None
    max_occurrences: int | None = None
    min_duration: timedelta = timedelta(minutes=1)
    max_duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The outcome of a create or an update."""

    meeting: Meeting
    created: bool = False
    ignored: frozenset[Field] = frozenset()  # answered with success, but not stored


class Deletion(enum.Enum):
    """The outcome of a delete; both are success."""

    DONE = "done"
    ALREADY_GONE = "already_gone"


@dataclass(frozen=True, slots=True)
class Notification:
    """A provider's push, verified; a hint to look, never a fact to apply."""

    event_id: str  # the vendor's id, else SHA-256 of the body
    at: datetime
    kind: str  # updated | deleted | other
    meeting_id: MeetingId | None = None
    version: str | None = None  # the meeting's version after the change, if the vendor tells
    reply: bytes | None = field(default=None, repr=False)


@runtime_checkable
class ConferenceProvider(Protocol):
    """Holds meetings. Every method but `losses` is one outside call, in the plain case."""

    @property
    def name(self) -> str:
        """The name by which events and links call it."""

    @property
    def account(self) -> str:
        """The account whose credential it uses; kept in every ref it hands out."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""

    def losses(self, spec: MeetingSpec) -> frozenset[Field]:
        """Pure: the parts of `spec` it cannot hold. May raise Unsupported."""

    def expected_digest(self, spec: MeetingSpec) -> str | None:
        """Pure: the `Meeting.digest` of a right meeting; None if the provider cannot be read back that far."""

    def create(self, spec: MeetingSpec, *, key: str) -> Written:
        """Make a meeting; the same key again yields the same meeting where `create_key` allows.

        Raises Later, OutcomeUnknown, Revoked, Refused.
        """

    def find(self, key: str) -> Meeting | None:
        """The live meeting made with `key`, or None. Raises Later, Revoked, Refused."""

    def get(self, ref: MeetingRef) -> Meeting:
        """What it holds now. Raises Gone, Later, Revoked, Refused."""

    def update(self, ref: MeetingRef, spec: MeetingSpec, *, key: str, base: Meeting | None = None) -> Written:
        """Bring the meeting to `spec`; with `base`, only if it still is at that version (else Stale).

        Raises Gone, Stale, Later, OutcomeUnknown, NotOwned, Revoked, Refused.
        """

    def delete(self, ref: MeetingRef) -> Deletion:
        """Delete it; may be repeated for ever. Raises Later, OutcomeUnknown, NotOwned, Revoked, Refused."""


@runtime_checkable
class MeetingLister(Protocol):
    """A provider whose meetings can be listed: what the sweep compares with the links."""

    def list(self) -> Iterable[Meeting]:
        """Every live meeting of the account, ours or not. Raises Later, Revoked, Refused."""


@runtime_checkable
class NotificationReader(Protocol):
    """A provider that pushes its changes."""

    def read(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notification:
        """Verify a push over its raw bytes; `headers` by lower-case names.

        Raises Forged, whatever the bytes; Later only while the secret to verify it by cannot be had.
        """
