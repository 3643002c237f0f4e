"""Errors that a test asks for, matched against the requests that come.

Authority: contract 14 (fault injection)
"""

from __future__ import annotations

import re
from random import Random
from typing import Annotated

import msgspec

from infra.local.calendar.errors import fault
from infra.local.calendar.messages import Response


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """Answer the next `times` matching requests with an error, after letting `skip` of them pass.

    `path` is a regular expression over the decoded path below /calendar/v3, searched anywhere in it. With
    `after_apply` the work is done first and only its answer lost. Without `status` the request is only slowed.
    A `share` below 1 hits that share of the matching requests; with `forever` it goes on until the faults are cleared.
    A batch is hit as a whole only if `path` says "batch"; its parts are requests like any other.
    """

    method: str | None = None
    path: str = ""
    times: Annotated[int, msgspec.Meta(ge=1)] = 1
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] | None = None
    reason: str | None = None
    after_apply: bool = False
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    forever: bool = False
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

    def __init__(self, random: Random) -> None:
        self._random = random
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let a fault wait."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Let none wait any longer."""
        self._waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that this request meets; it is then used up by one."""
        for waiting in self._waiting:
            if not waiting.matches(method, path) or (path.startswith("/batch") and "batch" not in waiting.path):
                continue
            if waiting.skip:
                waiting.skip -= 1
                continue
            if waiting.share < 1 and self._random.random() >= waiting.share:
                continue
            waiting.times -= not waiting.forever
            if waiting.times == 0:
                self._waiting.remove(waiting)
            return waiting
        return None
