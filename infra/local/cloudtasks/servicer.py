"""The methods of the service, each from request to answer; refusals are raised.

https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#google.cloud.tasks.v2.CloudTasks
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import grpc
from google.cloud import tasks_v2

from infra.local.cloudtasks.book import Book
from infra.local.cloudtasks.faults import FaultBox
from infra.local.cloudtasks.flight import Flight
from infra.local.cloudtasks.incoming import accepted, shown
from infra.local.cloudtasks.limits import changed, filled
from infra.local.cloudtasks.names import (
    check_location,
    check_queue,
    invalid,
    location_of,
    no_queue,
    split_task,
)
from infra.local.grpc_port import Refusal

MOST_QUEUES, MOST_TASKS = 9800, 1000
_RUNNING, _PAUSED = tasks_v2.Queue.State(1), tasks_v2.Queue.State(2)


class Servicer:
    """Answers requests from the book; `notice` is called after each change, `run` makes a call that is forced."""

    def __init__(
        self,
        book: Book,
        now: Callable[[], datetime],
        *,
        new_id: Callable[[], str],
        notice: Callable[[], None],
        run: Callable[[Flight], None],
        faults: FaultBox,
    ) -> None:
        self._book = book
        self._now = now
        self._new_id = new_id
        self._notice = notice
        self._run = run
        self._faults = faults

    # ---- Queues ---------------------------------------------------------------------------------

    def create_queue(self, request: tasks_v2.CreateQueueRequest) -> tasks_v2.Queue:
        """A queue of a new name; what was left open is filled in."""
        if location_of(request.queue.name) != check_location(request.parent):
            raise invalid("The queue's name must lie in the location it is created in")
        queue = filled(request.queue)
        trouble = self._book.add_queue(queue, self._now())
        if trouble == "exists":
            raise Refusal(grpc.StatusCode.ALREADY_EXISTS, "Queue already exists")
        if trouble == "rests":
            text = "The queue cannot be created because a queue with this name existed too recently."
            raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, text)
        self._notice()
        return queue

    def update_queue(self, request: tasks_v2.UpdateQueueRequest) -> tasks_v2.Queue:
        """A queue with other limits; one that is not there is made."""
        check_queue(request.queue.name)
        old = self._book.queue(request.queue.name)
        if old is None:
            return self.create_queue(
                tasks_v2.CreateQueueRequest(parent=location_of(request.queue.name), queue=request.queue)
            )
        return self._put(changed(old, request.queue, request.update_mask.paths))

    def get_queue(self, request: tasks_v2.GetQueueRequest) -> tasks_v2.Queue:
        """A queue as it stands."""
        return self._queue(request.name)

    def list_queues(self, request: tasks_v2.ListQueuesRequest) -> tasks_v2.ListQueuesResponse:
        """The queues of a location, by name; the one filter known here is by state."""
        check_location(request.parent)
        size = _size(request.page_size, MOST_QUEUES)
        wanted = _state(request.filter)
        found = self._book.queues(request.parent, request.page_token, size + 1)
        page = found[:size]
        return tasks_v2.ListQueuesResponse(
            queues=[queue for queue in page if wanted in {"", queue.state.name}],
            next_page_token=page[-1].name if len(found) > size else "",
        )

    def delete_queue(self, request: tasks_v2.DeleteQueueRequest) -> None:
        """A queue and its tasks are no more."""
        if not self._book.delete_queue(check_queue(request.name), self._now()):
            raise no_queue()

    def purge_queue(self, request: tasks_v2.PurgeQueueRequest) -> tasks_v2.Queue:
        """The queue's tasks are no more."""
        queue = self._queue(request.name)
        self._book.purge(queue, self._now())
        return queue

    def pause_queue(self, request: tasks_v2.PauseQueueRequest) -> tasks_v2.Queue:
        """Nothing more is sent off."""
        return self._turn(request.name, _PAUSED)

    def resume_queue(self, request: tasks_v2.ResumeQueueRequest) -> tasks_v2.Queue:
        """Tasks are sent off again."""
        return self._turn(request.name, _RUNNING)

    # ---- Tasks ----------------------------------------------------------------------------------

    def create_task(self, request: tasks_v2.CreateTaskRequest) -> tasks_v2.Task:
        """A task is taken, unless one of its name is there or was lately."""
        if self._faults.strikes("refused"):
            raise Refusal(grpc.StatusCode.UNAVAILABLE, "The service is unavailable.")
        now = self._now()
        task = accepted(check_queue(request.parent), request.task, now, self._new_id())
        trouble = self._book.add(task, now)
        if trouble == "no queue":
            raise no_queue()
        if trouble == "exists":
            raise Refusal(grpc.StatusCode.ALREADY_EXISTS, "Requested entity already exists")
        if trouble == "rests":
            text = "The task cannot be created because a task with this name existed too recently."
            raise Refusal(grpc.StatusCode.ALREADY_EXISTS, text)
        self._notice()
        if self._faults.strikes("created_unanswered"):
            raise Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline exceeded.")
        return shown(task, request.response_view)

    def get_task(self, request: tasks_v2.GetTaskRequest) -> tasks_v2.Task:
        """A task as it stands."""
        task = self._book.task(request.name)
        if task is None:
            raise self._no_task(request.name)
        return shown(task, request.response_view)

    def list_tasks(self, request: tasks_v2.ListTasksRequest) -> tasks_v2.ListTasksResponse:
        """The tasks of a queue, by id."""
        self._queue(request.parent)
        size = _size(request.page_size, MOST_TASKS)
        found = self._book.tasks(request.parent, request.page_token, size + 1)
        page = found[:size]
        return tasks_v2.ListTasksResponse(
            tasks=[shown(task, request.response_view) for task in page],
            next_page_token=split_task(page[-1].name)[1] if len(found) > size else "",
        )

    def delete_task(self, request: tasks_v2.DeleteTaskRequest) -> None:
        """A task is no more; a call that runs is not stopped."""
        if not self._book.delete(request.name, self._now()):
            raise self._no_task(request.name)

    def run_task(self, request: tasks_v2.RunTaskRequest) -> tasks_v2.Task:
        """A task is called now, though its time has not come, its queue is paused, or it is being called already."""
        flight = self._book.force(request.name, self._now())
        task = self._book.task(request.name)
        if flight is None or task is None:
            raise self._no_task(request.name)
        self._run(flight)
        return shown(task, request.response_view)

    # ---- Within ---------------------------------------------------------------------------------

    def _queue(self, name: str) -> tasks_v2.Queue:
        queue = self._book.queue(check_queue(name))
        if queue is None:
            raise no_queue()
        return queue

    def _turn(self, name: str, state: tasks_v2.Queue.State) -> tasks_v2.Queue:
        queue = self._queue(name)
        queue.state = state
        return self._put(queue)

    def _put(self, queue: tasks_v2.Queue) -> tasks_v2.Queue:
        self._book.put_queue(queue)
        self._notice()
        return queue

    def _no_task(self, name: str) -> Refusal:
        queue, _ = split_task(name)
        self._queue(queue)
        if self._book.rests(name, self._now()):
            text = (
                "The task no longer exists, though a task with this name existed recently. The task either "
                "successfully completed or was deleted."
            )
            return Refusal(grpc.StatusCode.NOT_FOUND, text)
        return Refusal(grpc.StatusCode.NOT_FOUND, "Requested entity was not found.")


def _size(asked: int, most: int) -> int:
    if asked < 0:
        raise invalid("page_size must not be negative")
    return min(asked or most, most)


def _state(asked: str) -> str:
    if not asked:
        return ""
    found = re.fullmatch(r"state\s*[:=]\s*(RUNNING|PAUSED|DISABLED)", asked.strip())
    if found is None:
        raise invalid("The local server filters queues by state only, for example state: PAUSED")
    return found[1]
