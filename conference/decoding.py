"""Readers of what comes from outside or from the store, made while their module is imported.

msgspec works out how a struct is read when it is first read. Two threads that do so at once take the process down
(msgspec 0.22: one uses the table that the other has only begun to fill), as happens after a cold start under load; the
import lock lets one thread do it. So nothing else in the product calls `msgspec.convert` or decodes into a type.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def from_json(kind: type[T], *, strict: bool = True) -> Callable[[bytes | str | msgspec.Raw], T]:
    """A reader of JSON text into `kind`, raising one of `conference.errors.UNDECODABLE`."""
    return msgspec.json.Decoder(kind, strict=strict).decode


def from_plain(kind: type[T], *, strict: bool = True) -> Callable[[Any], T]:
    """A reader of plain JSON values into `kind`, raising msgspec.ValidationError."""
    msgspec.json.Decoder(kind)
    return partial(msgspec.convert, type=kind, strict=strict)
