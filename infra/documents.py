"""The rules of documents that every ground keeps alike; the port is functions.ports.Store.

What one ground would refuse in production (Firestore: https://firebase.google.com/docs/firestore/quotas, DynamoDB:
items of 400 KB) is refused on every ground, so that it shows on a developer's machine first.
"""

from __future__ import annotations

import enum
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any

import msgspec

from conference.errors import Refused
from functions.ports import Delete, Document, Put, Where

MOST_WRITES = 400
LARGEST = 380_000  # bytes of JSON: DynamoDB's 400 KB less room for names and indexed fields
LARGEST_COMMIT = 3_500_000  # bytes of JSON: DynamoDB takes 4 MB in one transaction, Firestore 10 MiB in one request
DEEPEST = 20  # Firestore's limit for maps within maps
LONGEST_ID = 1000  # bytes
LONGEST_ESCAPED = 1490  # bytes with dots, slashes and control characters counted twice; Firestore allows 1500
LONGEST_QUERIED = 1000  # bytes of text that a query can see; DynamoDB sorts by at most 1024
EXPIRES = "expire_at"  # a document with this field is absent from that second on

_COLLECTION = re.compile(r"[a-z][a-z_]{0,63}")
_USUAL_KEY = re.compile(r"[a-z][a-z_]{0,63}/[A-Za-z0-9_~-]{1,1000}")  # one byte each, none counted twice
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,99}")
_TWICE = re.compile(r"[./\x00\x01]")
# Tuples, since a union would be made anew at each look, and every value of every write is looked at.
_WORDS, _NUMBERS, _MAPS, _LISTS = (str, bool), (int, float), (dict, Mapping), (list, tuple)
_AS_IT_IS = frozenset({str, bool, type(None)})  # the encoder itself refuses text that is no Unicode
_LEAST, _MOST = -(2**63), 2**63 - 1
_OPERATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Scalar = str | float | bool


class Kind(enum.IntEnum):
    """The kinds of values that queries see, in the order in which an answer has them."""

    TRUTH = 0
    NUMBER = 1
    TEXT = 2


Place = tuple[int, Scalar, str]
"""Where a document stands in an ordered answer: by kind, then by value, then by key."""


def check_collection(collection: str) -> None:
    """Return if this is a collection's name, else raise ValueError."""
    if not _COLLECTION.fullmatch(collection):
        raise ValueError("a collection's name is lower-case letters and underscores")


def check_key(key: str) -> None:
    """Return if `key` is "collection/id", else raise ValueError; the id may be any text of 1 to 1000 bytes."""
    if _USUAL_KEY.fullmatch(key):
        return
    collection, slash, name = key.partition("/")
    check_collection(collection)
    size = len(name.encode())
    if not slash or not 0 < size <= LONGEST_ID or size + len(_TWICE.findall(name)) > LONGEST_ESCAPED:
        raise ValueError("a key is collection/id, the id of at most 1000 bytes, not half of them dots and slashes")


def check_writes(writes: Sequence[Put | Delete]) -> None:
    """Return if these may be one commit, else raise ValueError."""
    if len(writes) > MOST_WRITES:
        raise ValueError(f"a commit holds at most {MOST_WRITES} writes")
    for write in writes:
        check_key(write.key)
    if len({write.key for write in writes}) != len(writes):
        raise ValueError("a commit names each document once")


def encode(data: Mapping[str, Any]) -> bytes:
    """The JSON of a document. Raises ValueError for what is not plain JSON, Refused for what is too large."""
    try:
        encoded = msgspec.json.encode(_plain_fields(data, DEEPEST))
    except UnicodeEncodeError as error:
        raise ValueError("text in a document must be valid Unicode") from error
    if len(encoded) > LARGEST:
        raise Refused(f"A document holds at most {LARGEST} bytes")
    return encoded


def encode_writes(writes: Sequence[Put | Delete]) -> list[bytes | None]:
    """The JSON of what each write puts, None for a deletion. Raises as `encode`, Refused if it is too much for one."""
    encoded = [encode(write.data) if isinstance(write, Put) else None for write in writes]
    if sum(len(one) for one in encoded if one) > LARGEST_COMMIT:
        raise Refused(f"A commit holds at most {LARGEST_COMMIT} bytes")
    return encoded


def decode(encoded: bytes | str) -> dict[str, Any]:
    """What `encode` was given, as fresh objects."""
    data: dict[str, Any] = msgspec.json.decode(encoded)
    return data


def expired(data: Mapping[str, Any], now: datetime) -> bool:
    """Whether the document counts as absent at `now`."""
    until = lasts_until(data)
    return until is not None and until <= now.timestamp()


def lasts_until(data: Mapping[str, Any]) -> float | None:
    """The second from which on the document counts as absent; None if it stays."""
    until: Any = data.get(EXPIRES)
    return until if kind_of(until) is Kind.NUMBER else None


def kind_of(value: Any) -> Kind | None:
    """The kind within which a value is compared; None if queries cannot see it (null, lists, objects, long text)."""
    if isinstance(value, bool):
        return Kind.TRUTH
    if isinstance(value, _NUMBERS):
        return Kind.NUMBER
    if isinstance(value, str) and (len(value) <= LONGEST_QUERIED // 4 or len(value.encode()) <= LONGEST_QUERIED):
        return Kind.TEXT
    return None


def is_field(name: str) -> bool:
    """Whether queries may name this field: lower-case letters, digits and underscores, at most 100."""
    return _FIELD.fullmatch(name) is not None


def check_query(
    collection: str, where: Sequence[Where], order_by: str | None, limit: int, after: Document | None
) -> None:
    """Return if every ground can answer this query, else raise ValueError."""
    check_collection(collection)
    if limit < 1:
        raise ValueError("a query asks for at least one document")
    if not all(map(is_field, [condition.field for condition in where] + ([] if order_by is None else [order_by]))):
        raise ValueError("a queried field's name is lower-case letters, digits and underscores")
    for condition in where:
        if condition.op not in _OPERATIONS:
            raise ValueError("a condition compares by == < <= > >=")
        if kind_of(condition.value) is None or condition.value != condition.value:  # only NaN differs from itself
            raise ValueError("a condition compares with a truth value, a number or a text of at most 1000 bytes")
    if after and (not after.key.startswith(f"{collection}/") or place(after.data, after.key, order_by) is None):
        raise ValueError("a query goes on behind a document of an earlier answer to it")


def meets(data: Mapping[str, Any], where: Sequence[Where]) -> bool:
    """Whether a document meets every condition; values of another kind than the condition's never do."""
    for condition in where:
        value = data.get(condition.field)
        if value is None or kind_of(value) != kind_of(condition.value):
            return False
        if not _OPERATIONS[condition.op](value, condition.value):
            return False
    return True


def place(data: Mapping[str, Any], key: str, order_by: str | None) -> Place | None:
    """Where a document stands in the answer; None if it has nothing to be ordered by."""
    if order_by is None:
        return 0, 0, key
    value: Any = data.get(order_by)
    kind = kind_of(value)
    return None if kind is None else (int(kind), value, key)


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, _WORDS):
        return value
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, int):
        return _whole(value)
    if isinstance(value, _LISTS):
        _check_depth(depth)
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, _MAPS):
        return _plain_fields(value, depth - 1)
    raise ValueError(f"a document cannot hold a {type(value).__name__}")


def _plain_fields(data: Mapping[str, Any], depth: int) -> dict[str, Any]:
    _check_depth(depth)
    plain: dict[str, Any] = {}
    for name, value in data.items():
        if not isinstance(name, str):
            raise ValueError("a document's field names are text")  # noqa: TRY004 - as for all that is no plain JSON
        kind = type(value)
        if kind in _AS_IT_IS or (kind is float and isfinite(value)) or (kind is int and _LEAST <= value <= _MOST):
            plain[name] = value
        else:
            plain[name] = _plain(value, depth)
    return plain


def _check_depth(depth: int) -> None:
    if depth < 0:
        raise ValueError(f"a document nests at most {DEEPEST} levels")


def _whole(value: int) -> int:
    if not _LEAST <= value <= _MOST:
        raise ValueError("whole numbers in a document fit into 64 bits")
    return value


def _finite(value: float) -> float:
    if not isfinite(value):
        raise ValueError("numbers in a document are finite")
    return value
