"""The provider over a vendor's model: the product's side of it, and as calm as the model.

Authority: conference/providers/protocol.py
Errors that a network or a busy vendor would give are injected by whoever wraps it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Self, cast

import msgspec

from conference.errors import Forged, Gone, NotOwned, Stale, Unsupported, Where
from conference.meeting import Meeting, MeetingId, MeetingRef, MeetingSpec, Slot
from conference.providers.http_wire import cut
from conference.providers.protocol import (
    Attendees,
    Capabilities,
    CreateKey,
    Deletion,
    Field,
    Notification,
    Recurrence,
    Schedule,
    Update,
    Written,
)
from tests.simulation.vendor_model import PARTS, Held, Pushed, State, Traits, VendorModel, instant

__all__ = ["ModelProvider", "Traits", "VendorModel"]

MAX_TITLE = 200

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_KINDS = {"made": "updated", "edited": "updated", "deleted": "deleted"}
_encode = msgspec.json.Encoder(order="deterministic").encode
_read = msgspec.json.Decoder(Pushed).decode


class ModelProvider:
    """A ConferenceProvider over one model; a MeetingLister and a NotificationReader as the vendor's traits say."""

    def __new__(cls, model: VendorModel, account: str = "acme") -> Self:  # noqa: ARG004 - __init__ takes it
        """One that offers what the vendor's traits say."""
        if cls is not ModelProvider:
            return super().__new__(cls)
        kind = _OFFERING[model.traits.lists, model.traits.pushes]
        return cast(Self, super().__new__(kind))

    def __init__(self, model: VendorModel, account: str = "acme") -> None:
        self.model = model
        self._name, self._account = model.traits.name, account
        self._capabilities = _capabilities(model)

    @property
    def name(self) -> str:
        """The vendor's name."""
        return self._name

    @property
    def account(self) -> str:
        """The account in its refs."""
        return self._account

    @property
    def capabilities(self) -> Capabilities:
        """What the vendor's traits say."""
        return self._capabilities

    def losses(self, spec: MeetingSpec) -> frozenset[Field]:
        """What the vendor does not hold, a title that must be cut, and of people all but their addresses."""
        parts = {
            Field.TITLE: _cut(spec.title) != spec.title,
            Field.ATTENDEES: any(person.name or person.optional for person in spec.attendees),
            Field.EXCEPTIONS: any(one.title and _cut(one.title) != one.title for one in spec.exceptions),
        }
        held = self.model.traits.held
        return frozenset(part for part in PARTS if part not in held or parts.get(part, False))

    def expected_digest(self, spec: MeetingSpec) -> str | None:
        """The `Meeting.digest` of a meeting that holds what can be held of the spec; None if nothing is read back."""
        return _digest(self._state(spec)) if self.model.traits.readable else None

    def create(self, spec: MeetingSpec, *, key: str) -> Written:
        """Make a meeting, or yield the one of this key where keys are unique. Raises Unsupported."""
        if self._capabilities.create_key is CreateKey.CLIENT_ID and not _ID.fullmatch(key):
            raise Unsupported("the key cannot be a meeting's id", Where(self._name, "create"))
        wanted = self._state(spec)
        held, created = self.model.create(wanted, key)
        ignored = _differing(wanted, held.state) if created else frozenset[Field]()
        return Written(self._meeting(held), created=created, ignored=ignored)

    def find(self, key: str) -> Meeting | None:
        """The live meeting made with the key, if the vendor can look for keys and shows it by now."""
        if self._capabilities.create_key is CreateKey.NONE:
            return None
        held = self.model.find(key)
        return self._meeting(held) if held else None

    def get(self, ref: MeetingRef) -> Meeting:
        """What the vendor holds now. Raises Gone."""
        return self._meeting(self._live(ref, "get"))

    def update(
        self,
        ref: MeetingRef,
        spec: MeetingSpec,
        *,
        key: str,  # noqa: ARG002 - the meeting keeps the key it was made with
        base: Meeting | None = None,
    ) -> Written:
        """Bring the meeting to the spec. Raises NotOwned, Gone, and Stale where the vendor has versions."""
        self._own(ref, "update")
        held = self._live(ref, "update")
        if base is not None and base.version is not None and base.version != self._version(held):
            raise Stale("the meeting has changed at the vendor", Where(self._name, "update"))
        wanted = self._state(spec)
        self.model.update(held.id, wanted)
        return Written(self._meeting(held), ignored=_differing(wanted, held.state))

    def delete(self, ref: MeetingRef) -> Deletion:
        """Delete the meeting. Raises NotOwned."""
        self._own(ref, "delete")
        return Deletion.DONE if self.model.remove(ref.id) else Deletion.ALREADY_GONE

    # ---- one meeting ----

    def _live(self, ref: MeetingRef, operation: str) -> Held:
        held = self.model.live.get(ref.id)
        if held is None:
            raise Gone("the meeting is no more", Where(self._name, operation))
        return held

    def _own(self, ref: MeetingRef, operation: str) -> None:
        if not ref.owned:
            raise NotOwned("the meeting is not ours to change", Where(self._name, operation))

    def _state(self, spec: MeetingSpec) -> State:
        names, state = self.model.names, _state(spec)
        return state if len(names) == len(state) else {name: state[name] for name in state if name in names}

    def _version(self, held: Held) -> str | None:
        return str(held.version) if self._capabilities.conditional_writes else None

    def _meeting(self, held: Held) -> Meeting:
        state, traits = held.state, self.model.traits
        return Meeting(
            ref=MeetingRef(self._name, self._account, MeetingId(held.id)),
            join_url=self.model.join_url(held.id),
            key=held.key if traits.tells_key else None,
            slot=_slot(state),
            title=state["title"],
            version=self._version(held),
            digest=_digest(state) if traits.readable else None,
        )


class _Listing(ModelProvider):
    def list(self) -> Iterator[Meeting]:
        """Every live meeting that the vendor shows by now, ours or not."""
        yield from map(self._meeting, self.model.shown())


class _Pushing(ModelProvider):
    def read(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notification:  # noqa: ARG002 - as said
        """The push, verified by the vendor's token; it has no time window. Raises Forged and nothing else."""
        given = headers.get("x-vendor-token", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, self.model.push_token.encode()):
            raise Forged("a push does not have the vendor's token")
        try:
            said = _read(body)
            at = datetime.fromtimestamp(said.at, UTC)
        except (msgspec.MsgspecError, ValueError, OverflowError, OSError) as error:
            raise Forged("a push cannot be read") from error
        return Notification(said.id, at, _KINDS.get(said.what, "other"), MeetingId(said.meeting), said.version)


class _ListingPushing(_Listing, _Pushing):
    pass


_OFFERING: dict[tuple[bool, bool], type[ModelProvider]] = {
    (False, False): ModelProvider,
    (True, False): _Listing,
    (False, True): _Pushing,
    (True, True): _ListingPushing,
}


def _capabilities(model: VendorModel) -> Capabilities:
    traits = model.traits
    return Capabilities(
        schedule=traits.schedule,
        update=Update.IN_PLACE,
        recurrence=traits.recurrence if Field.RECURRENCE in traits.held else Recurrence.NONE,
        create_key=traits.create_key,
        attendees=Attendees.NONE if traits.schedule is Schedule.NONE else Attendees.INVITEES,
        conditional_writes=traits.conditional,
        reports_remote_changes=traits.pushes,
        updatable=frozenset(traits.held),
        max_title=MAX_TITLE,
    )


def _state(spec: MeetingSpec) -> State:
    """The spec as a vendor that holds everything has it."""
    exceptions = {
        instant(one.original_start): one.slot
        and {
            "start": instant(one.slot.start),
            "end": instant(one.slot.end),
            "title": _cut(one.title) if one.title else None,
        }
        for one in spec.exceptions
    }
    return {
        "title": _cut(spec.title),
        "start": instant(spec.slot.start),
        "end": instant(spec.slot.end),
        "zone": spec.slot.zone,
        "host": _sound(spec.host),
        "agenda": _sound(spec.agenda),
        "attendees": sorted({_sound(person.email) for person in spec.attendees}),
        "recurrence": [*map(_sound, spec.recurrence)],
        "exceptions": exceptions,
    }


def _cut(title: str) -> str:
    # Most titles are fine as they are, which is seen much sooner than shown by cleaning them.
    fine = title.isprintable() and 0 < len(title) <= MAX_TITLE and title.strip() == title
    return title if fine else cut(title, MAX_TITLE)


def _sound(words: str) -> str:
    # Halves of surrogate pairs cannot be sent.
    return words if words.isascii() else words.encode("utf-8", "replace").decode()


def _slot(state: State) -> Slot | None:
    if "start" not in state:
        return None
    return Slot(datetime.fromisoformat(state["start"]), datetime.fromisoformat(state["end"]), state["zone"])


def _digest(state: State) -> str:
    return hashlib.sha256(_encode(state)).hexdigest()


def _differing(wanted: State, stored: State) -> frozenset[Field]:
    if wanted == stored:
        return frozenset()
    parts = {name: part for part, names in PARTS.items() for name in names}
    return frozenset(parts[name] for name in wanted if wanted[name] != stored[name])
