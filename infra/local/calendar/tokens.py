"""Sync tokens and page tokens: opaque outside, and telling a tampered one from garbage.

Authority: https://developers.google.com/workspace/calendar/api/guides/sync (contract 3.1, 3.4)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

import msgspec

from infra.local.calendar.errors import full_sync_required, invalid

_SYNC_SHAPE = re.compile(r"[A-Za-z0-9_-]{22,}GAU=")
_HEAD, _TAIL = b"\x08", b"\x18\x05"


class Scope(msgspec.Struct, frozen=True):
    """What a token belongs to: one collection as seen by one user, in one life of the server."""

    world: str
    collection: str
    user: str
    epoch: int  # raised when the collection's tokens are made to expire

    def sync_token(self, revision: int) -> str:
        """A token for everything after `revision`."""
        number = revision.to_bytes(6, "big")
        return base64.urlsafe_b64encode(_HEAD + number + self._seal(number) + _TAIL).decode()

    def revision(self, token: str) -> int:
        """The revision that a sync token stands for.

        Raises ApiError 410 if it has the shape of a token but is not (or no longer) one of this scope, 400 if it
        is no token at all.
        """
        if not _SYNC_SHAPE.fullmatch(token):
            raise invalid("Invalid sync token value.", "syncToken")
        try:
            raw = base64.urlsafe_b64decode(token)
        except binascii.Error:
            raise full_sync_required() from None
        number = raw[1:7]
        if raw != _HEAD + number + self._seal(number) + _TAIL:
            raise full_sync_required()
        return int.from_bytes(number, "big")

    def _seal(self, number: bytes) -> bytes:
        return hashlib.blake2b(msgspec.json.encode(self) + number, digest_size=11).digest()


class PageToken(msgspec.Struct, frozen=True, array_like=True):
    """Where the next page goes on: after `key`; `frozen` is the revision that page one saw."""

    request: str  # fingerprint of every other parameter, which must be repeated unchanged
    frozen: int
    key: tuple[int | str, ...]
    page: int = 0  # its number, so that two empty pages in a row do not carry one token

    def text(self) -> str:
        """The token as the client gets it."""
        return base64.urlsafe_b64encode(b"\x0a" + msgspec.json.encode(self)).decode()


_page_decoder = msgspec.json.Decoder(PageToken)


def read_page_token(text: str, request: str) -> PageToken:
    """The page token. Raises ApiError 400 if it is none, or was given for a request with other parameters."""
    try:
        token = _page_decoder.decode(base64.urlsafe_b64decode(text.encode("ascii"))[1:])
    except (ValueError, msgspec.MsgspecError):
        raise invalid("Invalid page token value.", "pageToken") from None
    if token.request != request:
        raise invalid("The page token was given for a request with other parameters.", "pageToken")
    return token


def fingerprint(*parts: object) -> str:
    """A short text that is equal for equal parts."""
    return hashlib.blake2b(msgspec.json.encode(parts, order="deterministic"), digest_size=9).hexdigest()
