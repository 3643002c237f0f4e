"""Errors that a test asks for, matched against the requests that come.

Authority: contract 14 (fault injection)
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from infra.local.calendar.errors import fault
from infra.local.calendar.messages import Response


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """Answer the next `times` matching requests with an error, after letting `skip` of them pass.

    `path` is a regular expression over the decoded path below /calendar/v3, searched anywhere in it. With
    `after_apply` the work is done first and only its answer lost. Without `status` the request is only slowed.
    """

    method: str | None = None
    path: str = ""
    times: Annotated[int, msgspec.Meta(ge=1)] = 1
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] | None = None
    reason: str | None = None
    after_apply: bool = False
    retry_after: int | str | None = None
    delay_ms: Annotated[float, msgspec.Meta(ge=0, le=600_000)] = 0

    def __post_init__(self) -> None:
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"path is no regular expression: {error}") from error

    def matches(self, method: str, path: str) -> bool:
        """True if the request is one of those meant."""
        return (self.method is None or self.method.upper() == method) and re.search(self.path, path) is not None

    def response(self) -> Response | None:
        """The error to answer; None if the fault only slows."""
        if self.status is None:
            return None
        answer = fault(self.status, self.reason).response()
        headers = dict(answer.headers)
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        return Response(answer.status, headers, answer.body)


class Faults:
    """The faults that wait for their requests."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let a fault wait."""
        self._waiting.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that this request meets; it is then used up by one."""
        for waiting in self._waiting:
            if not waiting.matches(method, path):
                continue
            if waiting.skip:
                waiting.skip -= 1
                continue
            waiting.times -= 1
            if waiting.times == 0:
                self._waiting.remove(waiting)
            return waiting
        return None
