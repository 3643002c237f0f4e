"""What can be done to meetings, whoever does it: each change has a new version and is told by webhook."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from infra.local.vendor.desired import Desired, Edit, fields
from infra.local.vendor.shelf import Kept, Push, Shelf
from infra.local.vendor.wire import Refusal

Ids = Callable[[], str]
"""Yields a new text at each call that nobody can guess: letters, digits, "-" and "_"."""


class Meetings:
    """The meetings of one account; `silent` withholds webhooks for good, as a vendor's outage would."""

    def __init__(self, shelf: Shelf, clock: Callable[[], datetime], new_id: Ids, *, pushing: bool) -> None:
        self._shelf, self._clock, self._new_id, self._pushing = shelf, clock, new_id, pushing
        self.silent = False

    def create(self, state: Desired, key: str | None) -> tuple[Kept, bool]:
        """The live meeting made with `key`, and whether this call made it."""
        with self._shelf.together():
            known = self._shelf.by_key(key) if key else None
            if known:
                return known, False
            made = self._made(state, key)
            self._keep(made, "created")
            return made, True

    def get(self, meeting_id: str) -> Kept:
        """The meeting. Raises Refusal(404)."""
        found = self._shelf.by_id(meeting_id)
        if found is None:
            raise Refusal(404, "not_found", "there is no such meeting")
        return found

    def find(self, key: str) -> Kept | None:
        """The live meeting made with `key`."""
        return self._shelf.by_key(key)

    def page(self, after: str, limit: int) -> list[Kept]:
        """Meetings in the order of their ids."""
        return self._shelf.after(after, limit)

    def newest(self, limit: int) -> list[Kept]:
        """Meetings by their last change."""
        return self._shelf.newest(limit)

    def replace(self, meeting_id: str, state: Desired, if_match: str | None) -> Kept:
        """Bring the meeting to `state`. Raises Refusal(404), Refusal(412) if it is not at `if_match`."""
        with self._shelf.together():
            now = self.get(meeting_id)
            if if_match not in {None, "*", etag(now)}:
                raise Refusal(412, "version_mismatch", "the meeting has changed meanwhile")
            return self._change(now, replace(now, state=state))

    def delete(self, meeting_id: str) -> None:
        """Delete the meeting. Raises Refusal(404)."""
        with self._shelf.together():
            self.get(meeting_id)
            self._shelf.remove(meeting_id)
            self._tell("deleted", meeting_id, None)

    def edit(self, meeting_id: str, edit: Edit) -> Kept | None:
        """What a person does at the service itself; None when they delete it. Raises Refusal(404), Refusal(400)."""
        now = self.get(meeting_id)
        if edit.delete:
            self.delete(meeting_id)
            return None
        try:
            edited = replace(now, state=edit.over(now.state))
        except ValueError as error:
            raise Refusal(400, "invalid", str(error)) from error
        if edit.rotate_join_url:
            edited = replace(edited, secret=self._new_id())
        with self._shelf.together():
            return self._change(now, edited)

    def _made(self, state: Desired, key: str | None) -> Kept:
        now = self._clock()
        return Kept(self._new_id(), key, state, 1, self._new_id(), _digits(self._new_id()), now, now)

    def _change(self, now: Kept, then: Kept) -> Kept:
        if now == then:
            # Writing what is there already changes nothing: no new version, nobody is told.
            return now
        then = replace(then, version=now.version + 1, updated=self._clock())
        self._keep(then, "updated")
        return then

    def _keep(self, meeting: Kept, kind: str) -> None:
        self._shelf.put(meeting)
        self._tell(kind, meeting.id, str(meeting.version))

    def _tell(self, kind: str, meeting_id: str, version: str | None) -> None:
        if self._pushing and not self.silent:
            self._shelf.put_push(Push(self._new_id(), kind, meeting_id, version, self._clock().timestamp()))


def etag(meeting: Kept) -> str:
    """The meeting's strong entity tag."""
    return f'"{meeting.version}"'


def join_url(meeting: Kept, base: str) -> str:
    """Where people join; it changes only when somebody rotates it."""
    return f"{base}/m/{meeting.id}?k={meeting.secret}"


def told(meeting: Kept, base: str) -> dict[str, Any]:
    """The meeting as the API tells it."""
    return {
        "id": meeting.id,
        "key": meeting.key,
        "version": str(meeting.version),
        "join_url": join_url(meeting, base),
        "passcode": meeting.passcode,
        "dial_in": {"Switzerland": f"+41 44 555 {meeting.passcode[:2]} {meeting.passcode[2:4]}"},
        **fields(meeting.state),
        "created_at": meeting.created,
        "updated_at": meeting.updated,
    }


def _digits(seed: str) -> str:
    return f"{int(hashlib.sha256(seed.encode()).hexdigest(), 16) % 1_000_000:06}"
