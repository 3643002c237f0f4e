"""The Store in Firestore for a process that has just begun: what is plain goes over REST, the rest by the whole client.

Authority: https://cloud.google.com/firestore/docs/reference/rest/v1/projects.databases.documents/commit
A document that is read and a commit that is done are plain. Whatever else is answered, or is not, is decided where all
of it is known, in infra.google.firestore, whose client is imported and made for it; from then on that one does all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Protocol

import msgspec

from conference.decoding import from_plain
from conference.errors import Conflict
from functions.ports import Clock, Delete, Document, Put, Store, Version, Where
from infra.documents import Scalar, check_key, check_writes, decode, encode_writes, expired, is_field, kind_of
from infra.google.firestore_layout import COMMIT, DATA, UNTIL, deletable, document_id, instant, version
from infra.google.rest import Answer, Rest, Unanswered
from infra.once import Once


class WholeStore(Store, Protocol):
    """The store with the whole client, as infra.google.firestore has it."""

    def settle(self, writes: Sequence[Put | Delete], mark: str) -> tuple[Version | None, ...]:
        """End a commit that was sent with this mark and whose answer was lost."""

    def purge(self, now: datetime) -> int:
        """Delete what has expired."""

    def close(self) -> None:
        """Close the connection."""


class RestStore:
    """The Store in `database` ("projects/P/databases/D") at the other end of `rest`; `whole` makes the other one."""

    def __init__(
        self,
        rest: Rest,
        database: str,
        clock: Clock,
        *,
        new_mark: Callable[[], str],
        whole: Callable[[], WholeStore],
    ) -> None:
        self._rest = rest
        self._documents = f"{database}/documents"
        self._clock = clock
        self._new_mark = new_mark
        self._whole = Once(whole)

    def close(self) -> None:
        """Close the connections; none may be in use."""
        self._rest.close()
        if self._whole.made:
            self._whole().close()

    def get(self, key: str) -> Document | None:
        """The document, as the last commit left it. Raises Later when Firestore gives no answer."""
        check_key(key)
        read = None if self._whole.made else self._read(key)
        if read is None:
            return self._whole().get(key)
        document = None if read.found is None else _document(key, read.found)
        return None if document is None or expired(document.data, self._clock.now()) else document

    def _read(self, key: str) -> _Result | None:
        """What is found, or that it is missing; None if neither was said."""
        try:
            answer = self._rest.post(f"/v1/{self._documents}:batchGet", {"documents": [self._name(key)]})
            results = _results(answer.data) if answer.status == HTTPStatus.OK else []
        except (Unanswered, msgspec.ValidationError):
            return None
        # An error that comes after the first bytes of the answer stands among the results.
        return next((one for one in results if one.found is not None or one.missing is not None), None)

    def commit(self, *writes: Put | Delete) -> tuple[Version | None, ...]:
        """Do all writes or none; raises Conflict, Later or OutcomeUnknown as the port says."""
        check_writes(writes)
        if not writes or self._whole.made:
            return self._whole().commit(*writes) if writes else ()
        mark = self._new_mark()
        try:
            answer = self._rest.post(f"/v1/{self._documents}:commit", {"writes": self._writes(writes, mark)})
        except Unanswered as error:
            return self._whole().settle(writes, mark) if error.sent else self._whole().commit(*writes)
        if answer.refused:
            if answer.reason == "FAILED_PRECONDITION":
                raise Conflict("The document has changed meanwhile")
            # Nothing was written: what it meant, and what to do, comes out where it is asked again.
            return self._whole().commit(*writes)
        done = _done_at(answer)
        if done is None:
            return self._whole().settle(writes, mark)
        return tuple(version(*done, write.data) if isinstance(write, Put) else None for write in writes)

    def query(
        self,
        collection: str,
        where: Sequence[Where] = (),
        *,
        order_by: str | None = None,
        limit: int = 100,
        after: Document | None = None,
    ) -> list[Document]:
        """Documents that meet every condition, ascending by `order_by` and then by key, behind `after`."""
        return self._whole().query(collection, where, order_by=order_by, limit=limit, after=after)

    def purge(self, now: datetime) -> int:
        """Delete what has expired by `now` and return how many documents that were."""
        return self._whole().purge(now)

    def _name(self, key: str) -> str:
        collection, _, text = key.partition("/")
        return f"{self._documents}/{collection}/{document_id(text)}"

    def _writes(self, writes: Sequence[Put | Delete], mark: str) -> list[dict[str, Any]]:
        now = self._clock.now()
        return [
            self._write(write, encoded, mark, now) for write, encoded in zip(writes, encode_writes(writes), strict=True)
        ]

    def _write(self, write: Put | Delete, encoded: bytes | None, mark: str, now: datetime) -> dict[str, Any]:
        name, condition = self._name(write.key), _condition(write.if_version, now)
        if isinstance(write, Delete) or encoded is None:
            return {"delete": name, "currentDocument": condition}
        return {"update": {"name": name, "fields": _fields(encoded, write, mark)}, "currentDocument": condition}


# ---- To Firestore ----------------------------------------------------------------------------


def _condition(needed: Version | None, now: datetime) -> dict[str, Any]:
    if needed is None:
        return {"exists": False}
    found = instant(needed, now)
    if found is None:
        raise Conflict("The document has changed meanwhile")
    return {"updateTime": _instant_text(*found)}


def _fields(encoded: bytes, write: Put, mark: str) -> dict[str, Any]:
    seen = {name: _value(value) for name, value in write.data.items() if is_field(name) and kind_of(value) is not None}
    fields = {**seen, DATA: {"stringValue": encoded.decode()}, COMMIT: {"stringValue": mark}}
    until = deletable(write.data)
    return fields if until is None else {**fields, UNTIL: {"timestampValue": _instant_text(until, 0)}}


def _value(value: Scalar) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"booleanValue": value}
    if isinstance(value, int):
        return {"integerValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


def _instant_text(seconds: int, nanos: int) -> str:
    """An instant as RFC 3339 has it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanos:09}Z"


# ---- From Firestore --------------------------------------------------------------------------


class _Found(msgspec.Struct):
    fields: dict[str, Any]
    updateTime: str  # noqa: N815 - Firestore's name


class _Result(msgspec.Struct):
    found: _Found | None = None
    missing: str | None = None


class _Committed(msgspec.Struct):
    commitTime: str  # noqa: N815 - Firestore's name


_results = from_plain(list[_Result])
_committed = from_plain(_Committed)


def _document(key: str, found: _Found) -> Document:
    data = decode(found.fields[DATA]["stringValue"])
    return Document(key, data, version(*_nanoseconds(found.updateTime), data))


def _done_at(answer: Answer) -> tuple[int, int] | None:
    """When the commit was done; None if the answer does not say so."""
    try:
        return _nanoseconds(_committed(answer.data).commitTime) if answer.status == HTTPStatus.OK else None
    except (msgspec.ValidationError, ValueError):
        return None


def _nanoseconds(text: str) -> tuple[int, int]:
    """Seconds and nanoseconds of an instant as RFC 3339 has it, in UTC as Firestore tells it."""
    found = re.fullmatch(r"([^.Z]+)(?:\.([0-9]{1,9}))?Z", text)
    if found is None:
        raise ValueError("an instant of Firestore's that cannot be read")
    whole = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    return int(whole.timestamp()), int((found[2] or "").ljust(9, "0"))
