"""Which trace the present work belongs to: one identity from a notice through every task to the last effect.

Authority: https://www.w3.org/TR/trace-context/ and https://cloud.google.com/trace/docs/trace-context
It says nothing of what the work is about, so it may stand in headers, documents and logs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

HEADER = "traceparent"

_W3C = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.ASCII)
_GOOGLE = re.compile(r"([0-9a-fA-F]{32})(?:/([0-9]{1,20}))?(?:;o=([0-9]))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Trace:
    """A place in a trace: the trace's id (32 hexadecimal digits), the span's (16), and whether it is recorded."""

    id: str
    span: str
    sampled: bool = False

    @property
    def header(self) -> str:
        """As the value of a traceparent header."""
        return f"00-{self.id}-{self.span}-{'01' if self.sampled else '00'}"


_present: ContextVar[Trace | None] = ContextVar("trace", default=None)


def present() -> Trace | None:
    """Where the present work stands; None if nobody follows it."""
    return _present.get()


def header() -> str | None:
    """The same as the value of a traceparent header."""
    trace = _present.get()
    return trace.header if trace else None


@contextmanager
def following(trace: Trace | None) -> Iterator[None]:
    """What is done in the block belongs to this trace."""
    token = _present.set(trace)
    try:
        yield
    finally:
        _present.reset(token)


def of_request(header: Callable[[str], str | None]) -> Trace | None:
    """Where a request comes from, by `traceparent` or else `X-Cloud-Trace-Context`; None if neither is sound.

    `header` gives a header by its lower-case name; they are anybody's to write.
    """
    return parsed(header(HEADER)) or _of_google(header("x-cloud-trace-context") or "")


def parsed(text: str | None) -> Trace | None:
    """What a traceparent header says; None if it is none."""
    found = _W3C.fullmatch(text or "")
    if found is None or not (int(found[1], 16) and int(found[2], 16)):
        return None
    return Trace(found[1], found[2], bool(int(found[3], 16) & 1))


def _of_google(text: str) -> Trace | None:
    found = _GOOGLE.fullmatch(text)
    if found is None or not int(found[1], 16):
        return None
    # Without the span, the trace's own digits: anything but zero will do.
    span = int(found[2] or 0) % 2**64 or int(found[1], 16) % 2**64 or 1
    return Trace(found[1].lower(), f"{span:016x}", found[3] == "1")


def onward(kept: str | None) -> str | None:
    """What goes with work whose trace was kept in a document: where we stand, if that is in the same trace.

    So what is taken up again later, by whomever, goes on in the trace of the change that it is for.
    """
    trace, before = _present.get(), parsed(kept)
    return header() if before is None or (trace and trace.id == before.id) else before.header
