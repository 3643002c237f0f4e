"""The documents of an answer: all of them, however many pages it has, and each, whatever becomes of another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

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


def each(documents: Iterable[Document], chore: Callable[[Document], int]) -> int:
    """Do the chore for each document; the sum of what it returns.

    One that cannot be read holds up none behind it. Raises the first such, at last.
    """
    done, strange = 0, list[msgspec.ValidationError]()
    for document in documents:
        try:
            done += chore(document)
        except msgspec.ValidationError as error:
            strange.append(error)
    if strange:
        raise strange[0]
    return done
