"""Names of locations, queues and tasks, and refusals with the codes of Cloud Tasks.

https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#task
"""

from __future__ import annotations

import re

import grpc

from infra.local.grpc_port import Refusal

_LOCATION = r"projects/[A-Za-z0-9:.-]+/locations/[a-z0-9-]+"
_QUEUE = rf"(?P<location>{_LOCATION})/queues/[A-Za-z0-9-]{{1,100}}"
_TASK = rf"(?P<queue>{_QUEUE})/tasks/(?P<id>[A-Za-z0-9_-]{{1,500}})"


def invalid(text: str) -> Refusal:
    """The request is wrong and will always be."""
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, text)


def unserved(what: str) -> Refusal:
    """Google's service does it, this server does not."""
    return Refusal(grpc.StatusCode.UNIMPLEMENTED, f"{what} are not served by the local server")


def no_queue() -> Refusal:
    """There is no queue of this name."""
    return Refusal(grpc.StatusCode.NOT_FOUND, "Queue does not exist.")


def check_location(name: str) -> str:
    """The name, if it is a location's. Raises Refusal."""
    if not re.fullmatch(_LOCATION, name):
        raise invalid("The location must be projects/PROJECT_ID/locations/LOCATION_ID")
    return name


def check_queue(name: str) -> str:
    """The name, if it is a queue's. Raises Refusal."""
    _queue(name)
    return name


def location_of(queue: str) -> str:
    """The location in which a queue stands. Raises Refusal if the name is none of a queue."""
    return _queue(queue)["location"]


def _queue(name: str) -> re.Match[str]:
    found = re.fullmatch(_QUEUE, name)
    if found is None:
        raise invalid("The queue's name must be projects/PROJECT_ID/locations/LOCATION_ID/queues/QUEUE_ID")
    return found


def split_task(name: str) -> tuple[str, str]:
    """The name of the queue and the id of the task. Raises Refusal if the name is none of a task."""
    found = re.fullmatch(_TASK, name)
    if found is None:
        raise invalid("The task's name must be the name of its queue and /tasks/TASK_ID")
    return found["queue"], found["id"]
