"""The indexes that the flow's queries need, for Terraform and for the store, from the one list beside this file.

The list has the form of Firebase's own: https://firebase.google.com/docs/reference/firestore/indexes
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from functions.ports import Where

LIST = Path(__file__).with_name("firestore_indexes.json")


class _Field(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    field_path: str
    order: str


class _Composite(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    collection_group: str
    query_scope: str
    fields: tuple[_Field, ...]


class _Single(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    order: str
    query_scope: str


class _Override(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    collection_group: str
    field_path: str
    indexes: tuple[_Single, ...]
    ttl: bool = False


class _List(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    indexes: tuple[_Composite, ...]
    field_overrides: tuple[_Override, ...]


@dataclass(frozen=True, slots=True)
class Indexes:
    """The fields along which each collection can be walked: of one field, or of several in their order."""

    along: Mapping[str, frozenset[tuple[str, ...]]]

    def check(self, collection: str, where: Sequence[Where], order_by: str | None) -> None:
        """Return if an index answers this query without reading other documents, else raise ValueError."""
        along = needed(where, order_by)
        if along is None:
            raise ValueError("a query of Firestore compares by < or > only along the field that orders it")
        if along and along not in self.along.get(collection, frozenset()):
            raise ValueError(f"firestore_indexes.json has no index of {collection} along {', '.join(along)}")


def needed(where: Sequence[Where], order_by: str | None) -> tuple[str, ...] | None:
    """The index that the query needs; () if none, since every collection is ordered by key; None if there is none."""
    exact = sorted({condition.field for condition in where if condition.op == "=="} - {order_by or ""})
    if any(condition.op != "==" and condition.field != order_by for condition in where):
        return None
    return tuple(exact) if order_by is None else (*exact, order_by)


def declared(path: Path = LIST) -> Indexes:
    """The indexes of the list."""
    listed = msgspec.json.decode(path.read_bytes(), type=_List)
    return Indexes(_grouped(_pairs(listed)))


def _pairs(listed: _List) -> Iterable[tuple[str, tuple[str, ...]]]:
    for composite in listed.indexes:
        yield composite.collection_group, tuple(field.field_path for field in composite.fields)
    for override in listed.field_overrides:
        if override.indexes:
            yield override.collection_group, (override.field_path,)


def _grouped(pairs: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, frozenset[tuple[str, ...]]]:
    along: dict[str, frozenset[tuple[str, ...]]] = {}
    for collection, fields in pairs:
        along[collection] = along.get(collection, frozenset()) | {fields}
    return along
