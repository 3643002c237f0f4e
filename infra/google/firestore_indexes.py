"""The indexes that the flow's queries need, from the one list beside this file, which Terraform reads too.

Authority: https://firebase.google.com/docs/firestore/query-data/index-overview
The list has Firebase's own form: https://firebase.google.com/docs/reference/firestore/indexes

Each field by itself is indexed without being asked, each collection by key. What is to be listed: a query for equal
values in one order (Firestore joins such indexes where several values are asked for), and what is to have no index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from conference.decoding import from_json
from functions.ports import Where

LIST = Path(__file__).with_name("firestore_indexes.json")


class Field(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """One field of an index."""

    field_path: str
    order: str


class Composite(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """An index along several fields."""

    collection_group: str
    query_scope: str
    fields: tuple[Field, ...]


class Override(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A field without an index; with `ttl`, the instant from which Firestore may delete the document."""

    collection_group: str
    field_path: str
    indexes: tuple[Field, ...]
    ttl: bool = False


class Listed(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The whole list."""

    indexes: tuple[Composite, ...]
    field_overrides: tuple[Override, ...]


_listed = from_json(Listed)


@dataclass(frozen=True, slots=True)
class Indexes:
    """The fields along which each collection can be walked, beside each field by itself."""

    along: Mapping[str, frozenset[tuple[str, ...]]]

    def check(self, collection: str, where: Sequence[Where], order_by: str | None) -> None:
        """Return if indexes answer this query without reading other documents, else raise ValueError."""
        if any(condition.op != "==" and condition.field != order_by for condition in where):
            raise ValueError("a query of Firestore compares by < or > only along the field that orders it")
        if order_by is None:
            return
        exact = {condition.field for condition in where if condition.op == "=="} - {order_by}
        fitting = [fields[:-1] for fields in self.along.get(collection, ()) if fields[-1] == order_by]
        missing = exact - {field for fields in fitting if exact.issuperset(fields) for field in fields}
        if missing:
            raise ValueError(f"firestore_indexes.json lacks {collection}: {', '.join(sorted(missing))} and {order_by}")


def listed(path: Path = LIST) -> Listed:
    """The list as it stands."""
    return _listed(path.read_bytes())


def declared(path: Path = LIST) -> Indexes:
    """The indexes of the list."""
    along: dict[str, frozenset[tuple[str, ...]]] = {}
    for index in listed(path).indexes:
        fields = tuple(field.field_path for field in index.fields)
        along[index.collection_group] = along.get(index.collection_group, frozenset()) | {fields}
    return Indexes(along)
