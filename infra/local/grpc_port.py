"""A port of this machine at which a service of Google's is played, with the message types of its own client library.

https://grpc.github.io/grpc/python/grpc.html#grpc.method_handlers_generic_handler; no generated stubs are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import structlog

THREADS = 16

_log = structlog.get_logger(__name__)


class Refusal(Exception):
    """A request that is not done; the text quotes nothing but names."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class GrpcPort:
    """The service `name` at a port of this machine (0: a free one). Raises OSError if the port is taken.

    `methods` are made by `unary`, by their names.
    """

    def __init__(self, name: str, methods: Mapping[str, Any], port: int, host: str = "127.0.0.1") -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="grpc")
        self._server = grpc.server(self._pool, options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, dict(methods)),))
        try:
            self.port: int = self._server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            raise OSError(f"port {port} is taken") from error
        self._server.start()

    def close(self) -> None:
        """Answer what has come in, then end."""
        self._server.stop(grace=1).wait()
        self._pool.shutdown()


def unary(method: Callable[[Any], Any], request: Any, serialize: Callable[[Any], bytes]) -> Any:
    """One method: `request` is the type that it is asked with, `serialize` writes its answer. It may raise Refusal."""

    def answer(asked: Any, context: Any) -> Any:
        try:
            return method(asked)
        except Refusal as refusal:
            context.abort(refusal.code, refusal.text)
        except Exception as error:  # noqa: BLE001 - told as INTERNAL, without the text, which may quote a request
            _log.warning("A request failed", error=type(error).__name__)
            context.abort(grpc.StatusCode.INTERNAL, "Internal error encountered.")

    return grpc.unary_unary_rpc_method_handler(
        answer, request_deserializer=request.deserialize, response_serializer=serialize
    )
