"""A process that dies at a chosen call: every outgoing call of the functions is counted, before it and after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Crash(BaseException):
    """The process is gone; no handler in the product may catch this."""


class Fuse:
    """Burns at the `at`-th moment, of which each call has two: before it and after it. None never burns.

    Moments that pass while it is not `armed` do not count.
    """

    def __init__(self, at: int | None, *, armed: bool = True) -> None:
        self.at = at
        self.armed = armed
        self.moments = 0
        self.where = ""

    def pass_by(self, what: str) -> None:
        """Count a moment; die if it is the one."""
        if not self.armed:
            return
        self.moments += 1
        if self.moments == self.at:
            self.where = what
            raise Crash(what)


class Crashing:
    """A port whose every method call passes the fuse twice."""

    def __init__(self, port: Any, name: str, fuse: Fuse) -> None:
        self._port, self._name, self._fuse = port, name, fuse

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        return self._guarded(found, method) if callable(found) else found

    def _guarded(self, call: Callable[..., Any], method: str) -> Callable[..., Any]:
        def guarded(*arguments: Any, **named: Any) -> Any:
            self._fuse.pass_by(f"before {self._name}.{method}")
            result = call(*arguments, **named)
            self._fuse.pass_by(f"after {self._name}.{method}")
            return result

        return guarded
