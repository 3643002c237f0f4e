"""How a document is laid out in Firestore, whichever way it goes there: names, fields and versions.

Authority: https://cloud.google.com/firestore/docs/reference/rpc/google.firestore.v1#document

A document's JSON is one text, `_data`, so that any JSON comes back as it was: Firestore itself knows no list within a
list. Beside it stand the top-level values that queries can see, under their own names, for the indexes; `_commit`, the
commit that wrote it; and `_expires`, the instant from which Firestore may delete it. What needs no
index is told by firestore_indexes.json.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from infra.documents import lasts_until

DATA, COMMIT, UNTIL = "_data", "_commit", "_expires"
_FIRST, _LAST = -62_135_596_800, 253_402_300_799  # the years 1 and 9999, between which an instant of Firestore's lies

# In the order of what they stand for, so that ids sort as their texts do; "/" would end the id, "." alone is none.
_ESCAPES: dict[str, str] = {"\x00": "\x01\x01", "\x01": "\x01\x02", ".": ".0", "/": ".1"}
_UNESCAPES = {escaped: plain for plain, escaped in _ESCAPES.items()}
_PLAIN = re.compile("|".join(map(re.escape, _ESCAPES)))
_ESCAPED = re.compile("|".join(map(re.escape, _UNESCAPES)))


def document_id(text: str) -> str:
    """The id of a document as Firestore takes it; ids sort as their texts do."""
    escaped = _PLAIN.sub(lambda found: _ESCAPES[found[0]], text)
    return f"_-{escaped[1:]}" if escaped.startswith("_") else escaped


def text_of(document_id: str) -> str:
    """What `document_id` was given."""
    escaped = f"_{document_id[2:]}" if document_id.startswith("_-") else document_id
    return _ESCAPED.sub(lambda found: _UNESCAPES[found[0]], escaped)


def deletable(data: Mapping[str, Any]) -> int | None:
    """From which second on Firestore may delete the document, if ever."""
    until = lasts_until(data)
    return math.ceil(until) if until is not None and _FIRST <= until < _LAST else None


def version(seconds: int, nanos: int, data: Mapping[str, Any]) -> str:
    """The version of a document: its instant of change, and its expiry, so that a commit need not look that up."""
    until = lasts_until(data)
    return f"{seconds}.{nanos:09}" + ("" if until is None else f" {until!r}")


def instant(version: str, now: datetime) -> tuple[int, int] | None:
    """The instant of change (seconds, nanoseconds) that a document of this version has; None if none can have it."""
    found = re.fullmatch(r"([0-9]{1,11})\.([0-9]{9})(?: (-?[0-9.e+-]+))?", version)
    if found is None or (found[3] is not None and float(found[3]) <= now.timestamp()):
        return None
    return int(found[1]), int(found[2])
