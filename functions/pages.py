"""An answer of the store as a whole, however many pages it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from functions.ports import Document, Store, Where


def every(
    store: Store, collection: str, where: Sequence[Where] = (), *, order_by: str | None = None, page: int = 200
) -> Iterator[Document]:
    """All documents that meet the conditions, `page` at a time: the next ones are asked for when these are done with.

    What was yielded may be changed or deleted meanwhile.
    """
    last: Document | None = None
    while True:
        some = store.query(collection, where, order_by=order_by, limit=page, after=last)
        yield from some
        if len(some) < page:
            return
        last = some[-1]
