"""Rooms on a Janus server, driven by stateless admin calls (https://janus.conf.meetecho.com/docs/videoroom.html).

Janus knows a room's name and nothing of time or people: one room serves a whole series, and a move costs no call.
Every error arrives as HTTP 200; a change without `permanent` is undone by the next restart.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from conference.decoding import from_json
from conference.errors import (
    UNDECODABLE,
    Gone,
    Later,
    LockstepError,
    NotOwned,
    OutcomeUnknown,
    Refused,
    Revoked,
    Unsupported,
    Where,
)
from conference.meeting import Meeting, MeetingId, MeetingRef, MeetingSpec
from conference.providers.exchange import TIMEOUT, Answer, Exchange, unanswered
from conference.providers.http_wire import cut
from conference.providers.protocol import (
    Attendees,
    Capabilities,
    CreateKey,
    Deletion,
    Field,
    Recurrence,
    Schedule,
    Update,
    Written,
)

MAX_TITLE = 200
MAX_ANSWER = 32 << 20
"""The list comes in one piece: room for some 80,000 rooms."""

PUBLISHERS = 50

_ROOM = re.compile(r"[A-Za-z0-9_-]{1,128}")

_NO_SUCH_ROOM, _EXISTS, _WRONG_SECRET = 426, 427, 433
_CORE_WRONG_SECRET = 403
_UNKNOWN = frozenset({490, 499})


class _Room(msgspec.Struct, frozen=True):
    room: str | int
    description: str = ""
    is_private: bool = False


class _Response(msgspec.Struct, frozen=True):
    videoroom: str = ""
    error_code: int | None = None
    permanent: bool = False
    exists: bool = False
    list: tuple[_Room, ...] = ()


class _Error(msgspec.Struct, frozen=True):
    code: int


class _Envelope(msgspec.Struct, frozen=True):
    janus: str
    response: _Response = _Response()
    error: _Error | None = None


_read_envelope = from_json(_Envelope)


class JanusProvider:
    """A ConferenceProvider and MeetingLister over one Janus server; a room's id is its meeting's key.

    `admin_url` is the address of the admin API, `admin_secret` opens it, `admin_key` creates rooms and shows private
    ones. Each room's own secret is derived from `room_secret_seed`. People join at `join_base`/j/<key>.
    """

    def __init__(
        self,
        admin_url: str,
        *,
        admin_secret: str,
        admin_key: str,
        room_secret_seed: bytes,
        join_base: str,
        account: str,
        client: httpx.Client,
        name: str = "janus",
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        self._url, self._admin_secret, self._admin_key = admin_url, admin_secret, admin_key
        self._seed, self._join_base = room_secret_seed, join_base.rstrip("/")
        self._name, self._account = name, account
        self._exchange = Exchange(client, name, timeout=timeout, max_answer=MAX_ANSWER)

    @property
    def name(self) -> str:
        """The name by which events and links call it."""
        return self._name

    @property
    def account(self) -> str:
        """The account in its refs."""
        return self._account

    @property
    def capabilities(self) -> Capabilities:
        """A name, and nothing else: times and people are kept by whoever lets people in."""
        return Capabilities(
            schedule=Schedule.NONE,
            update=Update.IN_PLACE,
            recurrence=Recurrence.NONE,
            create_key=CreateKey.CLIENT_ID,
            attendees=Attendees.NONE,
            updatable=frozenset({Field.TITLE}),
            max_title=MAX_TITLE,
        )

    def losses(self, spec: MeetingSpec) -> frozenset[Field]:
        """All but a short title."""
        parts = {
            Field.TITLE: cut(spec.title, MAX_TITLE) != spec.title,
            Field.AGENDA: spec.agenda,
            Field.SCHEDULE: True,
            Field.RECURRENCE: spec.recurrence,
            Field.EXCEPTIONS: spec.exceptions,
            Field.ATTENDEES: spec.attendees,
            Field.HOST: True,
        }
        return frozenset(part for part, lost in parts.items() if lost)

    def expected_digest(self, spec: MeetingSpec) -> str | None:
        """The `Meeting.digest` of a private room with the spec's title."""
        return _digest(cut(spec.title, MAX_TITLE), private=True)

    def create(self, spec: MeetingSpec, *, key: str) -> Written:
        """Make the room, or adopt the one of this id if our secret opens it. Raises as the protocol says."""
        where = Where(self._name, "create")
        if not _ROOM.fullmatch(key):
            raise Unsupported("a room's id has 1 to 128 letters, digits, '-' or '_'", where)
        title = cut(spec.title, MAX_TITLE)
        made = self._call("create", self._room(key, title), writes=True)
        if made.error_code == _EXISTS:
            return self._adopt(key, title)
        _raise_for(made, where)
        _check_saved(made, where)
        return Written(self._meeting(key, title), created=True)

    def find(self, key: str) -> Meeting | None:
        """The room with this id. Raises Later, Revoked, Refused."""
        return self._look(key, "find")

    def get(self, ref: MeetingRef) -> Meeting:
        """The room as Janus lists it. Raises Gone, Later, Revoked, Refused."""
        found = self._look(ref.id, "get")
        if found is None:
            raise Gone("the room is no more", Where(self._name, "get"))
        return found

    def update(
        self,
        ref: MeetingRef,
        spec: MeetingSpec,
        *,
        key: str,  # noqa: ARG002 - the room's id is the key
        base: Meeting | None = None,
    ) -> Written:
        """Rename the room; no call if `base` already has the name. Raises as the protocol says."""
        self._own(ref, "update")
        if base and base.ref == ref and base.digest == self.expected_digest(spec):
            return Written(base)
        if not _ROOM.fullmatch(ref.id):
            raise Gone("no room of ours can have this id", Where(self._name, "update"))
        title = cut(spec.title, MAX_TITLE)
        self._edit(ref.id, title, "update")
        return Written(self._meeting(ref.id, title))

    def delete(self, ref: MeetingRef) -> Deletion:
        """Destroy the room, for good; those inside are told. Raises as the protocol says."""
        self._own(ref, "delete")
        if not _ROOM.fullmatch(ref.id):
            return Deletion.ALREADY_GONE
        request = {"request": "destroy", "room": ref.id, "secret": self._secret(ref.id), "permanent": True}
        gone = self._call("delete", request, writes=True)
        if gone.error_code == _NO_SUCH_ROOM:
            return Deletion.ALREADY_GONE
        _raise_for(gone, Where(self._name, "delete"))
        _check_saved(gone, Where(self._name, "delete"))
        return Deletion.DONE

    def list(self) -> Iterator[Meeting]:
        """Every room, ours or not. Raises Later, Revoked, Refused."""
        yield from map(self._listed, self._rooms("list"))

    # ---- one room ---------------------------------------------------------------------------

    def _adopt(self, key: str, title: str) -> Written:
        # Only who made the room knows its secret: the edit is the proof.
        try:
            self._edit(key, title, "create")
        except Revoked as error:
            raise Refused("another has made a room with this id", error.where) from error
        except Gone as error:
            raise Later("the room vanished while it was adopted", error.where) from error
        return Written(self._meeting(key, title))

    def _edit(self, room: str, title: str, operation: str) -> None:
        request = {
            "request": "edit",
            "room": room,
            "secret": self._secret(room),
            "new_description": title,
            "new_is_private": True,
            "permanent": True,
        }
        done = self._call(operation, request, writes=True)
        _raise_for(done, Where(self._name, operation))
        _check_saved(done, Where(self._name, operation))

    def _look(self, room: str, operation: str) -> Meeting | None:
        if not _ROOM.fullmatch(room):
            # The id may come from an event, so from anybody: Janus is not asked for what cannot be ours.
            return None
        for listed in self._rooms(operation):
            if listed.room == room:
                return self._listed(listed)
        # A server without our admin key leaves private rooms out of the list, and says so to nobody.
        known = self._call(operation, {"request": "exists", "room": room}, writes=False)
        _raise_for(known, Where(self._name, operation))
        if known.exists:
            raise Revoked("the admin key does not show the room", Where(self._name, operation))
        return None

    def _rooms(self, operation: str) -> tuple[_Room, ...]:
        answer = self._call(operation, {"request": "list", "admin_key": self._admin_key}, writes=False)
        _raise_for(answer, Where(self._name, operation))
        return answer.list

    def _own(self, ref: MeetingRef, operation: str) -> None:
        if not ref.owned:
            raise NotOwned("the room is not ours to change", Where(self._name, operation))

    def _room(self, key: str, title: str) -> dict[str, Any]:
        return {
            "request": "create",
            "room": key,
            "description": title,
            "secret": self._secret(key),
            "is_private": True,
            "permanent": True,
            "publishers": PUBLISHERS,
            "signed_tokens": True,
            "admin_key": self._admin_key,
        }

    def _secret(self, room: str) -> str:
        # Janus never tells a room's secret again, so it is derived, not kept.
        return hmac.new(self._seed, b"janus room\0" + room.encode(), hashlib.sha256).hexdigest()

    def _listed(self, room: _Room) -> Meeting:
        return self._meeting(str(room.room), room.description, private=room.is_private)

    def _meeting(self, room: str, title: str, *, private: bool = True) -> Meeting:
        return Meeting(
            ref=MeetingRef(self._name, self._account, MeetingId(room)),
            join_url=f"{self._join_base}/j/{quote(room, safe='')}",
            key=room,
            title=title,
            digest=_digest(title, private=private),
        )

    # ---- one call ---------------------------------------------------------------------------

    def _call(self, operation: str, request: dict[str, Any], *, writes: bool) -> _Response:
        envelope = {
            "janus": "message_plugin",
            "plugin": "janus.plugin.videoroom",
            "transaction": operation,
            "admin_secret": self._admin_secret,
            "request": request,
        }
        headers = {"Content-Type": "application/json"}
        body = msgspec.json.encode(envelope)
        answer = self._exchange.send(operation, "POST", self._url, headers=headers, body=body, writes=writes)
        where = Where(self._name, operation, answer.status)
        if answer.status != 200:
            raise _not_janus(where)
        return _read(answer, where, writes=writes)


def _read(answer: Answer, where: Where, *, writes: bool) -> _Response:
    try:
        read = _read_envelope(answer.body)
    except UNDECODABLE as error:
        raise unanswered(where, writes=writes) from error
    if read.error is not None:
        raise _error(read.error.code, where)
    if read.janus != "success":
        raise unanswered(where, writes=writes)
    return read.response


def _raise_for(response: _Response, where: Where) -> None:
    if response.error_code is not None:
        raise _error(response.error_code, where)


def _check_saved(response: _Response, where: Where) -> None:
    if not response.permanent:
        # Done in memory, not written to disk: after a restart it would be undone.
        raise Later("Janus could not save the change", where)


def _error(code: int, where: Where) -> LockstepError:
    where = Where(where.system, where.operation, reason=str(code))
    if code == _NO_SUCH_ROOM:
        return Gone("the room is no more", where)
    if code == _CORE_WRONG_SECRET:
        return Revoked("Janus does not accept the admin secret", where)
    if code == _WRONG_SECRET:
        return Revoked("Janus does not accept the admin key or the room's secret", where)
    if code in _UNKNOWN:
        return Later("Janus failed", where)
    return Refused("Janus refuses", where)


def _not_janus(where: Where) -> LockstepError:
    """Janus itself always answers 200: this is a proxy before it, or another server."""
    status = where.status or 0
    if status in {401, 403}:
        return Revoked("whatever stands before Janus does not let us through", where)
    if status >= 500 and where.operation in {"create", "update"}:
        return OutcomeUnknown("no usable answer from Janus", where)
    if status >= 500 or status == 429:
        return Later("no usable answer from Janus", where)
    return Refused("the admin address does not lead to Janus", where)


def _digest(title: str, *, private: bool) -> str:
    return hashlib.sha256(msgspec.json.encode([title, private])).hexdigest()
