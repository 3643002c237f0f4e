"""The Queue on Cloud Tasks for a process that has just begun: what is plain goes over REST, the rest by the client.

Authority: https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create
A task that is taken, and one whose name is used, are plain. Whatever else is answered, or is not, is decided where all
of it is known, in infra.google.tasks: the task is added there again, under its name.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Protocol

from conference.errors import OutcomeUnknown, Where
from functions.ports import Clock, Queue, Task
from functions.tracing import HEADER
from infra.google.rest import Rest, Unanswered
from infra.google.task_address import Address
from infra.once import Once
from infra.tasks import check_name, encode_body, moment

_CREATE = ("cloudtasks", "CreateTask")


class WholeQueue(Queue, Protocol):
    """The queue with the whole client, as infra.google.tasks has it."""

    def close(self) -> None:
        """Close the connection."""


class RestQueue:
    """The Queue at `address`, at the other end of `rest`; `whole` makes the other one."""

    def __init__(self, rest: Rest, address: Address, clock: Clock, *, whole: Callable[[], WholeQueue]) -> None:
        self._rest = rest
        self._address = address
        self._clock = clock
        self._whole = Once(whole)

    def close(self) -> None:
        """Close the connections."""
        self._rest.close()
        if self._whole.made:
            self._whole().close()

    def add(self, task: Task, *, name: str | None = None, at: datetime | None = None) -> bool:
        """Take the task; False if its name is open or was used within the last 24 hours.

        Raises Later if it was not taken, OutcomeUnknown if that cannot be told, ValueError for a task none would take.
        """
        check_name(name)
        parent = self._address.queue_for(task)
        message = self._message(task, encode_body(task), moment(at, self._clock.now()) if at else None)
        if name is not None:
            message["name"] = f"{parent}/tasks/{name}"
        try:
            answer = self._rest.post(f"/v2/{parent}/tasks", {"task": message})
        except Unanswered as error:
            return self._again(task, name, at, where=Where(*_CREATE, reason=str(error)) if error.sent else None)
        if answer.status == HTTPStatus.OK:
            return True
        if answer.reason == "ALREADY_EXISTS":
            return False
        return self._again(task, name, at, where=None if answer.refused else Where(*_CREATE, answer.status))

    def _again(self, task: Task, name: str | None, at: datetime | None, *, where: Where | None) -> bool:
        """Add it with the whole client; `where` is what may have taken it already."""
        if where is not None and name is None:
            # Without a name there could be two.
            raise OutcomeUnknown("Cloud Tasks did not say whether it took the task", where)
        return self._whole().add(task, name=name, at=at)

    def _message(self, task: Task, body: bytes, at: datetime | None) -> dict[str, Any]:
        url = self._address.url(task.function)
        trace = {HEADER: task.trace} if task.trace else {}
        message: dict[str, Any] = {
            "httpRequest": {
                "url": url,
                "httpMethod": "POST",
                "headers": {"Content-Type": "application/json", **trace},
                "body": base64.b64encode(body).decode(),
                "oidcToken": {"serviceAccountEmail": self._address.account, "audience": url},
            },
            "dispatchDeadline": f"{self._address.deadline.total_seconds():.3f}s",
        }
        if at is not None:
            message["scheduleTime"] = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return message
