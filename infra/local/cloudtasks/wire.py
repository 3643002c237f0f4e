"""The service over gRPC, with the message types of Google's own client library; no generated stubs are needed.

https://grpc.github.io/grpc/python/grpc.html#grpc.method_handlers_generic_handler
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import structlog
from google.cloud import tasks_v2
from google.protobuf import empty_pb2

from infra.local.cloudtasks.names import Refusal
from infra.local.cloudtasks.servicer import Servicer

SERVICE = "google.cloud.tasks.v2.CloudTasks"
THREADS = 16

_log = structlog.get_logger(__name__)


class GrpcPort:
    """The service at a port of this machine (0: a free one). Raises OSError if the port is taken."""

    def __init__(self, servicer: Servicer, port: int, host: str = "127.0.0.1") -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="grpc")
        self._server = grpc.server(self._pool, options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, _handlers(servicer)),))
        try:
            self.port: int = self._server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            raise OSError(f"port {port} is taken") from error
        self._server.start()

    def close(self) -> None:
        """Answer what has come in, then end."""
        self._server.stop(grace=1).wait()
        self._pool.shutdown()


def _handlers(servicer: Servicer) -> dict[str, Any]:
    task, queue = tasks_v2.Task.serialize, tasks_v2.Queue.serialize
    return {
        "CreateQueue": _unary(servicer.create_queue, tasks_v2.CreateQueueRequest, queue),
        "UpdateQueue": _unary(servicer.update_queue, tasks_v2.UpdateQueueRequest, queue),
        "GetQueue": _unary(servicer.get_queue, tasks_v2.GetQueueRequest, queue),
        "ListQueues": _unary(servicer.list_queues, tasks_v2.ListQueuesRequest, tasks_v2.ListQueuesResponse.serialize),
        "DeleteQueue": _unary(servicer.delete_queue, tasks_v2.DeleteQueueRequest, _empty),
        "PurgeQueue": _unary(servicer.purge_queue, tasks_v2.PurgeQueueRequest, queue),
        "PauseQueue": _unary(servicer.pause_queue, tasks_v2.PauseQueueRequest, queue),
        "ResumeQueue": _unary(servicer.resume_queue, tasks_v2.ResumeQueueRequest, queue),
        "CreateTask": _unary(servicer.create_task, tasks_v2.CreateTaskRequest, task),
        "GetTask": _unary(servicer.get_task, tasks_v2.GetTaskRequest, task),
        "ListTasks": _unary(servicer.list_tasks, tasks_v2.ListTasksRequest, tasks_v2.ListTasksResponse.serialize),
        "DeleteTask": _unary(servicer.delete_task, tasks_v2.DeleteTaskRequest, _empty),
        "RunTask": _unary(servicer.run_task, tasks_v2.RunTaskRequest, task),
    }


def _unary(method: Callable[[Any], Any], request: Any, serialize: Callable[[Any], bytes]) -> Any:
    def answer(asked: Any, context: Any) -> Any:
        try:
            return method(asked)
        except Refusal as refusal:
            context.abort(refusal.code, refusal.text)
        except Exception as error:  # noqa: BLE001 - told as INTERNAL, without the text, which may quote a task
            _log.warning("A request failed", error=type(error).__name__)
            context.abort(grpc.StatusCode.INTERNAL, "Internal error encountered.")

    return grpc.unary_unary_rpc_method_handler(
        answer, request_deserializer=request.deserialize, response_serializer=serialize
    )


def _empty(_nothing: object) -> bytes:
    return bytes(empty_pb2.Empty().SerializeToString())
