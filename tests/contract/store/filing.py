"""Documents put into a store, and which of them an answer holds."""

from __future__ import annotations

from typing import Any

from functions.ports import Document, Put
from tests.contract.grounds import PurgingStore


def put(store: PurgingStore, key: str, **data: Any) -> Document:
    """Write a document that must be absent."""
    (version,) = store.commit(Put(key, data, None))
    assert version is not None
    return Document(key, data, version)


def keys(documents: list[Document]) -> list[str]:
    """The ids of an answer, in order."""
    return [document.key.partition("/")[2] for document in documents]
