"""The Queue on Google Cloud Tasks; the port is functions.ports.Queue.

https://cloud.google.com/tasks/docs/creating-http-target-tasks and https://cloud.google.com/tasks/docs/dual-overview
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from conference.errors import Later, OutcomeUnknown, Where
from functions.ports import Clock, Task
from functions.tracing import HEADER
from infra.google.asking import plain_channel
from infra.google.task_address import Address
from infra.once import Once
from infra.tasks import check_name, encode_body, moment

_NOT_TAKEN = (
    exceptions.ResourceExhausted,
    # What an operator must mend (a queue that is missing or switched off, a permission) was not taken either.
    exceptions.NotFound,
    exceptions.FailedPrecondition,
    exceptions.PermissionDenied,
    exceptions.Unauthenticated,
    exceptions.Aborted,
)
_UNSENT = ("failed to connect to all addresses", "Getting metadata from plugin failed")
"""How gRPC words an UNAVAILABLE of a request that it could not send: nobody there, or no token to be had.

https://grpc.github.io/grpc/core/md_doc_statuscodes.html
"""


class CloudTasksQueue:
    """The Queue behind `client`, which is made at the first task: a function that adds none pays nothing for it."""

    def __init__(
        self, client: Callable[[], tasks_v2.CloudTasksClient], address: Address, clock: Clock, *, timeout: float = 10.0
    ) -> None:
        self._client = Once(client)
        self._address = address
        self._clock = clock
        self._timeout = timeout

    def close(self) -> None:
        """Close the connection, if there is one."""
        client = self._client.forget()
        if client is not None:
            client.transport.close()

    def add(self, task: Task, *, name: str | None = None, at: datetime | None = None) -> bool:
        """Take the task; False if its name is open or was used within the last 24 hours.

        Raises Later if it was not taken, OutcomeUnknown if that cannot be told, ValueError for a task none would take.
        """
        check_name(name)
        parent = self._address.queue_for(task)
        message = self._message(task, encode_body(task), moment(at, self._clock.now()) if at else None)
        if name is not None:
            message.name = f"{parent}/tasks/{name}"
        try:
            # Without the client's own retries: whoever adds decides, under the same name, whether to try again.
            self._client().create_task(parent=parent, task=message, retry=None, timeout=self._timeout)
        except exceptions.AlreadyExists:
            return False
        except exceptions.InvalidArgument:
            # Without cause: its text may quote the task.
            raise ValueError("Cloud Tasks takes no such task") from None
        except exceptions.GoogleAPICallError as error:
            raise _meaning(error) from error
        except GoogleAuthError as error:
            where = Where("cloudtasks", "CreateTask", reason=type(error).__name__)
            raise Later("There is no credential for Cloud Tasks", where) from error
        return True

    def _message(self, task: Task, body: bytes, at: datetime | None) -> tasks_v2.Task:
        url = self._address.url(task.function)
        trace = {HEADER: task.trace} if task.trace else {}
        message = tasks_v2.Task(
            http_request=tasks_v2.HttpRequest(
                url=url,
                http_method=tasks_v2.HttpMethod.POST,
                headers={"Content-Type": "application/json", **trace},
                body=body,
                oidc_token=tasks_v2.OidcToken(service_account_email=self._address.account, audience=url),
            ),
            dispatch_deadline=self._address.deadline,
        )
        if at is not None:
            message.schedule_time = at
        return message


def _meaning(error: exceptions.GoogleAPICallError) -> Later | OutcomeUnknown:
    code = error.grpc_status_code
    where = Where("cloudtasks", "CreateTask", reason=code.name if code else type(error).__name__)
    unsent = isinstance(error, exceptions.ServiceUnavailable) and any(text in str(error) for text in _UNSENT)
    if unsent or isinstance(error, _NOT_TAKEN):
        return Later("Cloud Tasks did not take the task", where)
    return OutcomeUnknown("Cloud Tasks did not say whether it took the task", where)


# ---- Clients --------------------------------------------------------------------------------


def google_client() -> tasks_v2.CloudTasksClient:
    """Google's own service, by the credentials of the place where this runs."""
    return tasks_v2.CloudTasksClient()


def local_client(target: str) -> tasks_v2.CloudTasksClient:
    """A server at `target` ("host:port") that stands in for Google's, without encryption or credentials.

    There is no environment variable for this: https://github.com/googleapis/python-tasks/issues/333
    """
    return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=plain_channel(target)))
