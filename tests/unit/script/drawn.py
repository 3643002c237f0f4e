"""Trigger ids that draw a wanted minute and jitter, found by trying the rule itself."""

from __future__ import annotations

import hashlib
from functools import cache
from itertools import count


@cache
def an_id(minute: int | None = 0, jitter: int | None = 0) -> str:
    """The first number whose hash draws this minute and this jitter (None: any)."""
    for number in count():
        digest = hashlib.sha256(str(number).encode()).digest()
        drawn = int.from_bytes(digest[:4], "big") % 60, int.from_bytes(digest[4:8], "big") % 31 - 15
        if minute in (None, drawn[0]) and jitter in (None, drawn[1]):
            return str(number)
    raise AssertionError
