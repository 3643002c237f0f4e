"""The service over gRPC, with the message types of Google's own client library.

https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2
"""

from __future__ import annotations

from typing import Any

from google.cloud import tasks_v2
from google.protobuf import empty_pb2

from infra.local.cloudtasks.servicer import Servicer
from infra.local.grpc_port import unary

SERVICE = "google.cloud.tasks.v2.CloudTasks"


def methods(servicer: Servicer) -> dict[str, Any]:
    """The methods of the service by their names."""
    task, queue = tasks_v2.Task.serialize, tasks_v2.Queue.serialize
    return {
        "CreateQueue": unary(servicer.create_queue, tasks_v2.CreateQueueRequest, queue),
        "UpdateQueue": unary(servicer.update_queue, tasks_v2.UpdateQueueRequest, queue),
        "GetQueue": unary(servicer.get_queue, tasks_v2.GetQueueRequest, queue),
        "ListQueues": unary(servicer.list_queues, tasks_v2.ListQueuesRequest, tasks_v2.ListQueuesResponse.serialize),
        "DeleteQueue": unary(servicer.delete_queue, tasks_v2.DeleteQueueRequest, _empty),
        "PurgeQueue": unary(servicer.purge_queue, tasks_v2.PurgeQueueRequest, queue),
        "PauseQueue": unary(servicer.pause_queue, tasks_v2.PauseQueueRequest, queue),
        "ResumeQueue": unary(servicer.resume_queue, tasks_v2.ResumeQueueRequest, queue),
        "CreateTask": unary(servicer.create_task, tasks_v2.CreateTaskRequest, task),
        "GetTask": unary(servicer.get_task, tasks_v2.GetTaskRequest, task),
        "ListTasks": unary(servicer.list_tasks, tasks_v2.ListTasksRequest, tasks_v2.ListTasksResponse.serialize),
        "DeleteTask": unary(servicer.delete_task, tasks_v2.DeleteTaskRequest, _empty),
        "RunTask": unary(servicer.run_task, tasks_v2.RunTaskRequest, task),
    }


def _empty(_nothing: object) -> bytes:
    return bytes(empty_pb2.Empty().SerializeToString())
