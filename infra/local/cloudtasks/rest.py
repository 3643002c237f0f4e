"""The service over REST, with JSON as Google's own client writes and reads it.

https://cloud.google.com/tasks/docs/reference/rest
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import grpc
import msgspec
import structlog
from flask import Flask, Response, request
from google.cloud import tasks_v2
from google.protobuf.json_format import ParseError

from infra.local.cloudtasks.names import invalid
from infra.local.cloudtasks.servicer import Servicer
from infra.local.grpc_port import Refusal

_LOCATION = r"projects/[^/]+/locations/[^/]+"
_QUEUE = rf"{_LOCATION}/queues/[^/:]+"
_TASK = rf"{_QUEUE}/tasks/[^/:]+"
_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
_NUMBERS = {"page_size", "response_view"}
_OBJECT = msgspec.json.Decoder(dict[str, Any])

_log = structlog.get_logger(__name__)

Answer = Callable[[str, dict[str, Any]], Any]
"""From the name in the path and the fields of query and body to the answer; None is an empty one."""


class RestRoutes:
    """The routes under /v2, added to a Flask application."""

    def __init__(self, servicer: Servicer) -> None:
        self._routes: tuple[tuple[str, str, Answer], ...] = (
            ("GET", rf"({_LOCATION})/queues", _under(servicer.list_queues, tasks_v2.ListQueuesRequest)),
            ("POST", rf"({_LOCATION})/queues", _create_queue(servicer)),
            ("GET", rf"({_QUEUE})", _named(servicer.get_queue, tasks_v2.GetQueueRequest)),
            ("PATCH", rf"({_QUEUE})", _update_queue(servicer)),
            ("DELETE", rf"({_QUEUE})", _named(servicer.delete_queue, tasks_v2.DeleteQueueRequest)),
            ("POST", rf"({_QUEUE}):purge", _named(servicer.purge_queue, tasks_v2.PurgeQueueRequest)),
            ("POST", rf"({_QUEUE}):pause", _named(servicer.pause_queue, tasks_v2.PauseQueueRequest)),
            ("POST", rf"({_QUEUE}):resume", _named(servicer.resume_queue, tasks_v2.ResumeQueueRequest)),
            ("GET", rf"({_QUEUE})/tasks", _under(servicer.list_tasks, tasks_v2.ListTasksRequest)),
            ("POST", rf"({_QUEUE})/tasks", _under(servicer.create_task, tasks_v2.CreateTaskRequest)),
            ("GET", rf"({_TASK})", _named(servicer.get_task, tasks_v2.GetTaskRequest)),
            ("DELETE", rf"({_TASK})", _named(servicer.delete_task, tasks_v2.DeleteTaskRequest)),
            ("POST", rf"({_TASK}):run", _named(servicer.run_task, tasks_v2.RunTaskRequest)),
        )

    def add_to(self, app: Flask) -> None:
        """Serve them there."""
        app.add_url_rule(
            "/v2/<path:rest>",
            "v2",
            self._answer,
            methods=["GET", "POST", "PATCH", "DELETE"],
            provide_automatic_options=False,
        )

    def _answer(self, rest: str) -> Response:
        try:
            return _told(self._found(rest))
        except Refusal as refusal:
            return _refused(refusal)
        except Exception as error:  # noqa: BLE001 - told as INTERNAL, without the text, which may quote a task
            _log.warning("A request failed", error=type(error).__name__)
            return _refused(Refusal(grpc.StatusCode.INTERNAL, "Internal error encountered."))

    def _found(self, rest: str) -> Any:
        for method, pattern, answer in self._routes:
            found = re.fullmatch(pattern, rest)
            if found and method == request.method:
                return answer(found[1], _fields(request.args.to_dict()))
        raise Refusal(grpc.StatusCode.NOT_FOUND, "There is no such method")


def _named(method: Callable[[Any], Any], kind: Any) -> Answer:
    return lambda name, fields: method(_message(kind, {**fields, "name": name}))


def _under(method: Callable[[Any], Any], kind: Any) -> Answer:
    return lambda parent, fields: method(_message(kind, {**fields, "parent": parent}))


def _create_queue(servicer: Servicer) -> Answer:
    return lambda parent, fields: servicer.create_queue(
        _message(tasks_v2.CreateQueueRequest, {"parent": parent, "queue": fields})
    )


def _update_queue(servicer: Servicer) -> Answer:
    def answer(name: str, fields: dict[str, Any]) -> tasks_v2.Queue:
        mask = fields.pop("update_mask", "")
        asked = {"queue": {**fields, "name": name}, **({"update_mask": mask} if mask else {})}
        return servicer.update_queue(_message(tasks_v2.UpdateQueueRequest, asked))

    return answer


def _fields(query: Mapping[str, str]) -> dict[str, Any]:
    """Query and body as one; what begins with $ is about the answer's form."""
    named = {re.sub(r"([A-Z])", r"_\1", name).lower(): value for name, value in query.items() if name[:1] != "$"}
    fields: dict[str, Any] = {
        name: int(value) if name in _NUMBERS and value.isdecimal() else value for name, value in named.items()
    }
    data = request.get_data()
    try:
        body = _OBJECT.decode(data) if data else {}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise invalid("The body must be a JSON object") from None
    return {**fields, **body}


def _message(kind: Any, fields: dict[str, Any]) -> Any:
    try:
        return kind.from_json(msgspec.json.encode(fields), ignore_unknown_fields=True)
    except ParseError:
        # Without cause: its text may quote the task.
        raise invalid("The request holds a value that does not fit its field") from None


def _told(message: Any) -> Response:
    if message is None:
        return Response("{}", content_type="application/json")
    numbers = "enum-encoding=int" in request.args.get("$alt", "")
    return Response(
        type(message).to_json(message, use_integers_for_enums=numbers, always_print_fields_with_no_presence=False),
        content_type="application/json",
    )


def _refused(refusal: Refusal) -> Response:
    status = _STATUS.get(refusal.code, 500)
    error = {"code": status, "message": refusal.text, "status": refusal.code.name}
    return Response(msgspec.json.encode({"error": error}), status=status, content_type="application/json")
