"""Faults on demand: the next requests that match are answered as the vendor's bad days would."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from infra.local.vendor.wire import Request, Response, failure


class Fault(Struct, frozen=True):
    """What happens to the next `times` requests whose method and path (a regular expression) match.

    `status` answers an error, `drop` ends the connection in the midst of the answer: instead of the work, or after it
    with `after_apply`. `delay_ms` answers late. `html` makes the error a web page, as proxies do.
    """

    method: str | None = None
    path: str = ""
    times: int = 1
    status: int | None = None
    code: str = "fault"
    after_apply: bool = False
    retry_after: str | int | None = None
    delay_ms: int = 0
    drop: bool = False
    html: bool = False

    def __post_init__(self) -> None:
        if self.times < 1:
            raise ValueError("times must be 1 or more")
        if self.status is not None and not 300 <= self.status <= 599:
            raise ValueError("status must be between 300 and 599")
        if not 0 <= self.delay_ms <= 60_000:
            raise ValueError("delay_ms must be between 0 and 60000")
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError("path is no regular expression") from error

    def matches(self, request: Request) -> bool:
        """True if the request is one of those meant."""
        named = self.method is None or self.method.upper() == request.method
        return named and re.search(self.path, request.path) is not None


class Faults:
    """The faults yet to happen, first come first served."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let it happen."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Let nothing happen any more."""
        self._waiting.clear()

    def pass_through(self, request: Request, work: Callable[[Request], Response]) -> Response:
        """Answer the request, with the first fault that matches it."""
        fault = self._take(request)
        if fault is None:
            return work(request)
        failing = fault.status is not None or fault.drop
        done = None if failing and not fault.after_apply else work(request)
        return _spoiled(fault, _error(fault) if fault.status or done is None else done)

    def _take(self, request: Request) -> Fault | None:
        for index, fault in enumerate(self._waiting):
            if fault.matches(request):
                rest = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                self._waiting[index : index + 1] = rest
                return fault
        return None


def _error(fault: Fault) -> Response:
    status = fault.status or 500
    if fault.html:
        return Response(status, b"<html><body><h1>Bad day</h1></body></html>", {"Content-Type": "text/html"})
    if 300 <= status < 400:
        return Response(status, b"", {"Location": "http://127.0.0.1:9/elsewhere"})
    return failure(status, fault.code, "a fault that was asked for")


def _spoiled(fault: Fault, response: Response) -> Response:
    if fault.retry_after is not None:
        response = response.with_headers(Retry_After=str(fault.retry_after))
    return dataclasses.replace(response, delay=fault.delay_ms / 1000, drop=fault.drop)
