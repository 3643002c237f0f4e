"""A task on its way to its target, and what came of the call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from google.cloud import tasks_v2
from google.rpc import code_pb2


@dataclass(frozen=True, slots=True)
class Flight:
    """One call of a task: `dispatch` counts them from 1; the rest is what is known of the calls before."""

    queue: str
    id: str
    task: tasks_v2.Task
    dispatch: int
    due: datetime
    created: datetime
    first: datetime
    responses: int = 0
    executions: int = 0
    last_status: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Landing:
    """The end of a call: the target's status (None: no answer, `cause` naming why) and the wait it asked for."""

    status: int | None
    cause: str = ""
    retry_after: timedelta = timedelta()

    @property
    def done(self) -> bool:
        """Whether the task is done."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def overloaded(self) -> bool:
        """Whether the whole queue should go slower."""
        return self.status in {429, 503}

    @property
    def executed(self) -> bool:
        """Whether it counts for X-CloudTasks-TaskExecutionCount, which leaves out failures of the 5xx kind."""
        return self.status is not None and self.status < 500

    @property
    def reason(self) -> str:
        """Why the task is called again."""
        return f"HTTP status {self.status}" if self.status is not None else self.cause

    @property
    def code(self) -> int:
        """The status as a google.rpc.Code."""
        if self.status is None:
            return int(code_pb2.DEADLINE_EXCEEDED if self.cause == "DEADLINE_EXCEEDED" else code_pb2.UNAVAILABLE)
        if self.done:
            return int(code_pb2.OK)
        return int(_CODES.get(self.status, code_pb2.INTERNAL if self.status >= 500 else code_pb2.UNKNOWN))


_CODES = {
    400: code_pb2.INVALID_ARGUMENT,
    401: code_pb2.UNAUTHENTICATED,
    403: code_pb2.PERMISSION_DENIED,
    404: code_pb2.NOT_FOUND,
    409: code_pb2.ABORTED,
    429: code_pb2.RESOURCE_EXHAUSTED,
    499: code_pb2.CANCELLED,
    501: code_pb2.UNIMPLEMENTED,
    503: code_pb2.UNAVAILABLE,
    504: code_pb2.DEADLINE_EXCEEDED,
}
