"""How a query walks the file of SqliteStore: along the one value that leaves the fewest documents to look at.

The other conditions are judged on the documents themselves, by the same code as on every ground (infra.documents).
"""

from __future__ import annotations

from collections.abc import Sequence

from functions.ports import Where
from infra.documents import Kind, Place, kind_of

_BY_KEY = "SELECT key, version, data FROM documents WHERE key > ? AND key < ? ORDER BY key"
_BY_FIELD = "SELECT d.key, d.version, d.data FROM fields f JOIN documents d ON d.key = f.key WHERE "

Search = tuple[str, tuple[object, ...], bool]
"""A statement, its values, and whether its rows come in the order of the answer."""


def search(collection: str, where: Sequence[Where], order_by: str | None, start: Place | None) -> Search:
    """A superset of the documents that the query answers with, behind `start` where the walk can begin there."""
    exact = [c for c in where if c.op == "==" and kind_of(c.value) is not Kind.TRUTH]
    if exact:
        return _along(collection, exact[0].field, exact[:1], None, ordered=order_by in {None, exact[0].field})
    if order_by is not None:
        return _along(collection, order_by, [c for c in where if c.field == order_by], start, ordered=True)
    if where:
        return _along(collection, where[0].field, where[:1], None, ordered=False)
    # "0" is the character behind "/": all keys of the collection lie between the two.
    return _BY_KEY, (f"{collection}/" if start is None else start[2], f"{collection}0"), True


def _along(collection: str, field: str, bounds: Sequence[Where], start: Place | None, *, ordered: bool) -> Search:
    terms = ["f.collection = ?", "f.field = ?"]
    values: list[object] = [collection, field]
    for bound in bounds:
        # The operator is one of five that check_query has let through.
        terms.append(f"f.kind = ? AND f.value {bound.op} ?")
        values += [kind_of(bound.value), bound.value]
    if start is not None:
        terms.append("(f.kind, f.value, f.key) > (?, ?, ?)")
        values += start
    return _BY_FIELD + " AND ".join(terms) + " ORDER BY f.kind, f.value, f.key", tuple(values), ordered
